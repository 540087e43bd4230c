// Keeps the last press that comes before the page's scripts listen, and repeats it once they do.
{
  let pressed;
  const keep = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    pressed = button;
  };
  const repeat = () => {
    document.removeEventListener("click", keep, true);
    pressed?.click();
  };
  document.addEventListener("click", keep, true);
  // Modules of the document have run when it is ready.
  document.addEventListener("DOMContentLoaded", repeat, { once: true });
}
