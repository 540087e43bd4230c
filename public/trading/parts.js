// Keeps the parts of the page current that the server draws: the page is fetched again, and its named parts are replaced.

// Not more often, however much happens: the book and the trades come by the feed meanwhile.
const PAUSE_MS = 2_500;

async function load(ids) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) replace(document.getElementById(id), fresh.getElementById(id));
}

// A part where somebody is keeps its place: what has the focus has it afterwards, and what is open stays open.
function replace(old, fresh) {
  if (!old || !fresh || old.outerHTML === fresh.outerHTML) return;
  old.querySelectorAll("details[open]").forEach((_, at) => fresh.querySelectorAll("details")[at]?.setAttribute("open", ""));
  const focused = old.contains(document.activeElement) ? selectorOf(document.activeElement) : undefined;
  old.replaceWith(document.adoptNode(fresh));
  if (focused) fresh.querySelector(focused)?.focus();
}

function selectorOf(element) {
  if (element.tagName === "SUMMARY") return "summary";
  const [name] = Object.keys(element.dataset);
  const value = name && element.dataset[name];
  return name ? `[data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}="${CSS.escape(value)}"]` : element.id && `#${element.id}`;
}

// `refresh()` fetches the parts now, `refresh.soon()` once the pause is over. Nothing is fetched for a page that nobody sees.
export function keepCurrent(ids, onLoaded) {
  let waits;
  let last = 0;
  async function refresh() {
    clearTimeout(waits);
    waits = undefined;
    last = Date.now();
    try {
      await load(ids);
      onLoaded();
    } catch {
      // The server is away: what stands here stays, and the feed says that it is old.
    }
  }
  refresh.soon = () => {
    if (waits || document.hidden) return;
    waits = setTimeout(refresh, Math.max(0, PAUSE_MS - (Date.now() - last)));
  };
  return refresh;
}
