// The wallet as a provider (EIP-1193) in a page, announced by EIP-6963. It runs among the page's own scripts, knows nothing
// that the page may not know, and decides nothing: the service worker asks the owner.
(() => {
  const REQUEST = "aitbc-extension:request";
  const ANSWER = "aitbc-extension:answer";
  const CHANGED = "aitbc-extension:changed";
  const LISTENERS_MAX = 64;

  const waiting = new Map();
  const listeners = [];
  let nextId = 1;
  // What the page was told last; absent until it first asked something.
  let told;

  function emit(event, value) {
    // A listener may add or remove listeners; what one throws is its own affair.
    for (const [name, listener] of [...listeners]) {
      if (name !== event) continue;
      try {
        listener(value);
      } catch (error) {
        console.error(error);
      }
    }
  }

  const failure = ({ code, message }) => Object.assign(new Error(message), { code });

  function send(method, params) {
    const id = nextId;
    nextId += 1;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      window.postMessage({ type: REQUEST, id, request: JSON.stringify({ method, params }) }, window.location.origin);
    });
  }

  // Asks what the page may know, and tells its listeners what is another now.
  async function look() {
    const before = told;
    const accounts = await send("eth_accounts", []);
    const chainId = await send("eth_chainId", []).catch((error) => {
      if (before?.chainId) emit("disconnect", error);
      return undefined;
    });
    told = { accounts, chainId };
    if (chainId && !before?.chainId) emit("connect", { chainId });
    if (chainId && before?.chainId && before.chainId !== chainId) emit("chainChanged", chainId);
    if (accounts.join() !== (before?.accounts ?? []).join()) emit("accountsChanged", accounts);
  }

  async function request(asked) {
    const { method, params } = asked ?? {};
    if (typeof method !== "string") {
      throw failure({ code: -32602, message: "request takes an object with the text `method`" });
    }
    const result = await send(method, params ?? []);
    if (!told) look().catch(() => {});
    return result;
  }

  function on(event, listener) {
    if (listeners.length < LISTENERS_MAX) listeners.push([event, listener]);
    return provider;
  }

  function removeListener(event, listener) {
    const at = listeners.findIndex(([name, known]) => name === event && known === listener);
    if (at >= 0) listeners.splice(at, 1);
    return provider;
  }

  // Nobody replaces what is here. Pages set marks of their own on a provider, so it is not frozen.
  const provider = {};
  for (const [name, value] of Object.entries({ request, on, addListener: on, removeListener, off: removeListener })) {
    Object.defineProperty(provider, name, { value, enumerable: true });
  }

  window.addEventListener("message", ({ source, data }) => {
    if (source !== window) return;
    if (data?.type === CHANGED && told) look().catch(() => {});
    if (data?.type !== ANSWER) return;
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) asked?.reject(failure(data.error));
    else asked?.resolve(data.result);
  });

  const icon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath d='M4 16h24' stroke='%230f766e' stroke-width='2'/%3E%3Cg fill='%230f766e'%3E%3Ccircle cx='6' cy='16' r='4'/%3E%3Ccircle cx='16' cy='16' r='4'/%3E%3Ccircle cx='26' cy='16' r='4'/%3E%3C/g%3E%3C/svg%3E";
  const info = Object.freeze({ uuid: crypto.randomUUID(), name: "AITBC Extension", icon, rdns: "network.aitbc.extension" });
  const detail = Object.freeze({ info, provider });
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
