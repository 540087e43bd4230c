// Passes texts between a page and the service worker. It runs apart from the page's scripts, and only in the page itself,
// never in a frame. Who asks is not said here: the browser tells the service worker.
(() => {
  const REQUEST = "aitbc-extension:request";
  const ANSWER = "aitbc-extension:answer";
  const CHANGED = "aitbc-extension:changed";
  // The browser ended the service worker, or the extension was updated, while this waited.
  const LOST = { code: -32603, message: "The wallet was restarted before it answered. Nothing was signed that was not shown; ask again, or load this page again." };

  // Names this load of the page.
  const page = crypto.randomUUID();
  let hasAsked = false;

  const post = (message) => window.postMessage(message, window.location.origin);

  async function pass(id, request) {
    hasAsked = true;
    try {
      const answer = JSON.parse(await chrome.runtime.sendMessage({ page, request }));
      post({ type: ANSWER, id, ...answer });
    } catch {
      post({ type: ANSWER, id, error: LOST });
    }
  }

  window.addEventListener("message", ({ source, data }) => {
    if (source !== window || data?.type !== REQUEST) return;
    if (typeof data.id === "number" && typeof data.request === "string") pass(data.id, data.request);
  });

  chrome.runtime.onMessage.addListener((message) => {
    if (message?.changed) post({ type: CHANGED });
  });

  // Nobody waits any more for what a page asked that is gone.
  window.addEventListener("pagehide", () => {
    if (hasAsked) chrome.runtime.sendMessage({ page, left: true }).catch(() => {});
  });
})();
