// Keeps the last press that comes before the page listens, and repeats it once it does. Modules of the document have run when
// it is ready. Islands listen later and say so; what was typed into them is told to them, too.
{
  let isReady = false;
  let areIslandsLive = false;
  let pressed;
  const typed = new Set();
  const inIsland = (element) => element.closest("leptos-island, [data-copy]") !== null;
  const isEarly = (element) => !isReady || (!areIslandsLive && inIsland(element));
  const keep = (event) => {
    const button = event.target.closest("button");
    if (!button || !isEarly(button)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    pressed = button;
  };
  const note = ({ target }) => {
    if (!areIslandsLive && inIsland(target)) typed.add(target);
  };
  const repeat = () => {
    if (!pressed || isEarly(pressed)) return;
    const button = pressed;
    pressed = undefined;
    if (!button.disabled) return button.click();
    // A page that begins with something of its own gives the button back after it, or takes it away.
    const watcher = new MutationObserver(() => {
      if (button.disabled) return;
      watcher.disconnect();
      if (button.checkVisibility()) button.click();
    });
    watcher.observe(button, { attributeFilter: ["disabled"] });
  };
  document.addEventListener("click", keep, true);
  document.addEventListener("input", note, true);
  document.addEventListener("DOMContentLoaded", () => {
    isReady = true;
    repeat();
  }, { once: true });
  document.addEventListener("aitbc:live", () => {
    areIslandsLive = true;
    for (const field of typed) field.dispatchEvent(new Event("input", { bubbles: true }));
    typed.clear();
    repeat();
    document.documentElement.dataset.islands = "live";
  }, { once: true });
  // Islands whose bundle does not load never listen. Their forms then go the way that they have without a script.
  window.addEventListener("unhandledrejection", () => {
    areIslandsLive = true;
    repeat();
  }, { once: true });
}
