// What the extension's pages share: asking the wallet, making elements, saying what went wrong.

const PING_MS = 20_000;

// What the wallet does not do, in its own words.
export class Refused extends Error {
  constructor({ text, refusal }) {
    super(text);
    this.isLocked = refusal === "locked";
    this.isLost = refusal === "unknown_ticket";
  }
}

// Asks the wallet. A request without fields is its name alone.
export async function ask(request) {
  const answer = await chrome.runtime.sendMessage({ own: JSON.stringify(request) });
  if (answer === undefined) throw new Error("The wallet did not start. Close this and open it again; stored keys are kept.");
  const { ok, error } = JSON.parse(answer);
  if (error) throw new Refused(error);
  return ok;
}

// The same of what the wallet's page can ask as well.
export const askWallet = (request) => ask({ wallet: request });

// Calls `look` when something changed anywhere.
export function watch(look) {
  chrome.runtime.onMessage.addListener((message) => {
    if (message?.changed) look();
  });
}

// Keeps the service worker running while somebody reads or writes down words, which takes longer than it lives by itself.
// What it gives back tells the service worker something. `onRestart` is called where the browser ended it all the same.
export function stayAwake(name, onRestart = () => {}) {
  let port;
  const connect = () => {
    port = chrome.runtime.connect({ name });
    port.onDisconnect.addListener(() => {
      connect();
      onRestart();
    });
  };
  connect();
  setInterval(() => port.postMessage("awake"), PING_MS);
  return (message) => port.postMessage(message);
}

// An element with properties and children. Text is text: nothing is read as HTML.
export function el(tag, { dataset, ...properties } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "for" || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export const button = (id, text, onclick, quiet = false) =>
  el("button", { id, type: "button", className: quiet ? "button button-quiet" : "button", onclick }, text);

export function field(id, label, { tag = "input", ...properties } = {}, help = "") {
  const note = help && el("p", { className: "field-help", id: `${id}-help` }, help);
  const input = el(tag, { id, ...properties });
  if (help) input.setAttribute("aria-describedby", `${id}-help`);
  return el("div", { className: "field" }, el("label", { for: id }, label), input, note);
}

export const value = (id) => document.getElementById(id).value;

// A form whose button is busy while `act` runs, and which says why it failed.
export function form(id, parts, submit, act, ...more) {
  const error = el("p", { className: "field-error", role: "alert", hidden: true, id: `${id}-error` });
  const press = el("button", { type: "submit", className: "button", id: `${id}-submit` }, submit);
  const element = el("form", { className: "form", id }, ...parts, error, el("div", { className: "actions" }, press, ...more));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    press.disabled = true;
    try {
      await act();
    } catch (failure) {
      error.textContent = failure.message;
      error.hidden = false;
    }
    press.disabled = false;
  });
  return element;
}

// A form of the settings: its button stands back, or warns where it cannot be undone.
export function ranked(element, rank) {
  element.querySelector("[type=submit]").classList.add(`button-${rank}`);
  return element;
}

// Asks for the password, and goes on once it is right.
export function unlockForm(note, onUnlocked, ...more) {
  const password = field("password", "Password", { type: "password", autocomplete: "current-password", required: true });
  const unlock = async () => {
    const given = value("password");
    document.getElementById("password").value = "";
    await askWallet({ unlock: { password: given } });
    await onUnlocked();
  };
  return el("section", { className: "form" },
    el("h2", {}, "The wallet is locked"),
    el("p", { className: "section-note" }, note),
    form("unlock", [password], "Unlock", unlock, ...more));
}

export const shortened = (address) => `${address.slice(0, 8)}…${address.slice(-6)}`;

export function show(...children) {
  document.getElementById("main").replaceChildren(...children);
}
