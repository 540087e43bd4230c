// Suggestions under the search fields while somebody types (WAI-ARIA: combobox with a list). Without this script, or where the
// server does not answer, the form works as it is.

const PAUSE_MS = 150;
const CHARS_MIN = 2;
const HITS = 8;

let lists = 0;

function suggest(form) {
  const input = form.querySelector("input[name=q]");
  const { kinds, label, count } = JSON.parse(form.dataset.words);
  const list = document.createElement("ul");
  list.id = `search-list-${(lists += 1)}`;
  list.className = "search-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", label);
  list.hidden = true;
  const said = document.createElement("span");
  said.className = "visually-hidden";
  said.setAttribute("role", "status");
  form.append(list, said);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) {
    input.setAttribute(name, value);
  }

  let chosen = -1;
  let timer;
  let asked;
  const options = () => [...list.children];

  function choose(index) {
    chosen = index;
    options().forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    const option = options()[index];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function close() {
    clearTimeout(timer);
    asked?.abort();
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    said.textContent = "";
    choose(-1);
  }

  function part(name, text) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    return span;
  }

  function show(items) {
    list.replaceChildren(
      ...items.map(({ kind, name, detail, path }, index) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${index}`;
        option.setAttribute("role", "option");
        option.dataset.path = path;
        option.append(part("search-kind", kinds[kind] ?? kind), part("search-name", name), part("search-detail", detail));
        return option;
      }),
    );
    list.hidden = items.length === 0;
    input.setAttribute("aria-expanded", String(items.length > 0));
    said.textContent = count.replace("{}", items.length);
    choose(-1);
  }

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    const text = input.value.trim();
    if (text.length < CHARS_MIN) return close();
    try {
      const answer = await fetch(`/v1/search?q=${encodeURIComponent(text)}&limit=${HITS}`, { signal });
      if (!answer.ok) return close();
      const { items } = await answer.json();
      if (!signal.aborted && document.activeElement === input) show(items);
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener("keydown", (event) => {
    const { length } = options();
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      return close();
    }
    if (list.hidden || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      // One place more than there are options: the field itself.
      choose(((chosen + 1 + step + length + 1) % (length + 1)) - 1);
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(options()[chosen].dataset.path);
    } else if (event.key === "Tab") close();
  });
  // Before the field loses the focus, which closes the list.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) location.assign(option.dataset.path);
  });
  input.addEventListener("blur", close);
}

document.querySelectorAll("form.search[data-words]").forEach(suggest);
