// The window that shows what sites ask, one question after the other. Closing it refuses everything that waits.

import { ask, button, el, form, shortened, show, stayAwake, unlockForm, watch } from "./ui.js";
import { asker, sheetView } from "./sheet_view.js";

// The number of the question that is shown.
let shown;
// Something is told that its reader closes.
let isTold = false;
// Something is being signed and sent: the window stays to say what became of it.
let isSigning = false;

// So long a new sheet takes no answer: a click or a key that was meant for what stood there before must not sign it.
const UNANSWERED_MS = 800;

const refuse = (number) => button("refuse", "Refuse", () => done(ask({ refuse: { number } })), true);

async function done(answered) {
  await answered.catch(() => {});
  await look();
}

// Shows what waits first, unless it is shown already. Closes the window where nothing waits any more.
async function look() {
  const front = await ask("front");
  if (!front) return over();
  if (front.number === shown) return undefined;
  shown = front.number;
  isTold = false;
  if (front.calls) return calls(front);
  return front.from ? review(front) : connect(front);
}

function over() {
  if (shown === undefined) {
    show(el("h1", {}, "Nothing waits"), el("p", { className: "section-note" }, "No site asks for anything now. You can close this window."));
    return;
  }
  shown = undefined;
  tell("leaving");
  window.close();
}

// What waited was in the memory of a program that is gone.
async function restarted() {
  if (shown === undefined || (await ask("front"))?.number === shown) return;
  shown = undefined;
  inform("It ended before you answered", "The browser ended the wallet’s program while this waited. Nothing was signed that you did not agree to. Ask again on the page.");
}

function inform(title, text, who) {
  isTold = true;
  show(el("h1", {}, title), who && asker(who, "asked for it"), el("p", { className: "field-error", role: "alert" }, text),
    el("div", { className: "actions" }, button("close", "Close", () => {
      isTold = false;
      shown ??= 0;
      look();
    })));
}

function holdBack() {
  const submit = document.querySelector("button[type=submit]");
  if (!submit || submit.disabled) return;
  submit.disabled = true;
  setTimeout(() => { submit.disabled = false; }, UNANSWERED_MS);
}

// What became of calls that a site asked for. Nothing is signed here.
function calls(front) {
  const rows = front.calls.map(({ hash, state }, at) => el("li", {}, `${at + 1}. ${state} `, hash && el("code", {}, shortened(hash))));
  const close = button("close", "Close", () => done(ask({ refuse: { number: front.number } })));
  show(el("div", { className: "sheet-head" }, el("h1", { id: "sheet-title" }, "Calls of this site"), asker(front.origin, "asked for these")),
    el("ul", { id: "sheet-calls" }, ...rows), el("div", { className: "actions" }, close));
}

async function connect(front) {
  const { accounts } = await ask("overview");
  const head = el("div", { className: "sheet-head" }, el("h1", { id: "sheet-title" }, "Show your account"), asker(front.origin, "asks to see an account"));
  if (accounts.length === 0) {
    const make = button("welcome", "Make or bring a wallet", () => chrome.tabs.create({ url: "welcome.html" }));
    show(head, el("p", {}, "There is no wallet in this extension yet."), el("div", { className: "actions" }, make, refuse(front.number)));
    return;
  }
  const rows = accounts.map(({ address, name }, at) => el("label", { className: "account-row" },
    el("input", { type: "radio", name: "account", value: address, checked: at === 0 }),
    el("span", {}, name, " ", el("code", {}, shortened(address)))));
  const agree = async () => {
    const account = document.querySelector("[name=account]:checked").value;
    await ask({ connect: { number: front.number, account } });
    await look();
  };
  show(head,
    el("p", { className: "section-note" }, "This site then knows the account’s address and may ask for signatures. Each one shows a sheet in this window. You can take it back at any time."),
    form("connect", [el("fieldset", { className: "account-rows" }, el("legend", { className: "visually-hidden" }, "Account"), ...rows)], "Connect", agree, refuse(front.number)));
  holdBack();
}

async function review(front) {
  try {
    const sheet = await ask({ review: { number: front.number } });
    const sign = () => approve(front, sheet.ticket);
    show(sheetView(sheet), form("sign", [], sheet.approve, sign, refuse(front.number)));
    holdBack();
  } catch (error) {
    if (error.isLocked) {
      const head = asker(front.origin, "asks you to sign");
      show(head, unlockForm("It shows what is asked once it is unlocked.", () => review(front), refuse(front.number)));
      document.getElementById("password").focus();
      return;
    }
    inform("It cannot be signed", error.message, front.origin);
  }
}

async function approve(front, ticket) {
  try {
    isSigning = true;
    await ask({ approve: { number: front.number, ticket } });
  } catch (error) {
    // The wallet locked meanwhile: it is shown again, and has to be agreed to again.
    if (!error.isLocked && !error.isLost) throw error;
    if ((await ask("front"))?.number === front.number) return review(front);
  } finally {
    isSigning = false;
  }
  await look();
}

// The window comes to the front under a moving hand.
window.addEventListener("focus", () => { if (shown !== undefined && !isTold) holdBack(); });
watch(() => isTold || isSigning || look());
const tell = stayAwake("sheet", restarted);
look();
