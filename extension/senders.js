// Who sent a message, as the browser says it. Nothing that the message itself says counts.

// `{ own: true }` for a page of this extension, `{ origin, tab }` for the page of a tab; nothing for anybody else.
export function whoSent(sender, runtime) {
  if (sender.id !== runtime.id || !sender.url) return undefined;
  if (sender.url.startsWith(runtime.getURL(""))) return { own: true };
  // Firefox told no `origin` before its version 126.
  const origin = sender.origin ?? new URL(sender.url).origin;
  // A page in a frame of another page is not served: its owner sees the address of the outer one.
  if (!sender.tab || sender.frameId !== 0 || sender.tab.incognito) return undefined;
  return { origin, tab: sender.tab.id };
}

// Names one load of a page for as long as its tab lives.
export const pageName = (tab, page) => `${tab}/${page}/`;
