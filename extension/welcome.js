// Making a wallet, or bringing one. It is a page of its own, since a popup closes as soon as somebody looks elsewhere.

import { ask, askWallet, button, el, field, form, show, stayAwake, unlockForm, value } from "./ui.js";

const PASSWORD_HELP = "At least 10 characters. It encrypts the keys in this browser (Argon2id with 64 MiB, AES-256-GCM).";
const NAME_DEFAULT = "Main wallet";

// The first wallet chooses the password of all.
let isFirst;

function passwordFields() {
  if (!isFirst) return [];
  return [
    field("password", "Password", { type: "password", autocomplete: "new-password", required: true }, PASSWORD_HELP),
    field("password-again", "Password again", { type: "password", autocomplete: "new-password", required: true }),
  ];
}

function password() {
  if (!isFirst) return null;
  if (value("password") !== value("password-again")) throw new Error("The two passwords differ.");
  return value("password");
}

const back = () => button("back", "Back", start, true);

async function start() {
  const { vault } = await ask("overview");
  isFirst = vault.wallets.length === 0;
  if (!isFirst && !vault.unlocked) {
    show(el("h1", {}, "Add a wallet"), unlockForm("Another wallet is encrypted with the same password.", start));
    return;
  }
  show(
    el("h1", {}, isFirst ? "No wallet is here yet" : "Add a wallet"),
    el("p", {}, "A wallet holds AIT, pays for work, receives what a miner earns, and signs. Make a new one, or bring one that you have."),
    el("p", { className: "section-note" }, "The wallet of this extension serves every site that you connect. The one on the pages of an AITBC server is another one; the same recovery words lead to the same accounts."),
    el("div", { className: "actions" }, button("make", "Make a new wallet", make), button("bring", "Bring a wallet", () => bring("words"), true)),
  );
}

function make() {
  const create = async () => {
    const request = { name: value("name"), long: document.getElementById("long").checked, password: password() };
    const { words } = await askWallet({ create: request });
    showWords(words);
  };
  show(
    el("h1", {}, "Make a wallet"),
    el("p", {}, "You get recovery words to write down. The words are the wallet: anybody who has them has the tokens, and nobody can restore them for you."),
    form("create", [
      field("name", "Name", { value: NAME_DEFAULT, maxLength: 40, required: true }, "Only you see it."),
      el("label", { className: "check" }, el("input", { type: "checkbox", id: "long" }), "24 words instead of 12"),
      ...passwordFields(),
    ], "Show the recovery words", create, back()),
  );
}

function showWords({ words, ask: positions }) {
  show(
    el("h1", {}, `Write these ${words.length} words down`),
    el("p", {}, "On paper, in this order. Not in a photo, mail or cloud: anybody who reads them takes everything."),
    el("ol", { className: "wallet-words", id: "words" }, ...words.map((word) => el("li", {}, word))),
    el("div", { className: "actions" }, button("written", "I have written them down", () => confirm({ words, ask: positions })), back()),
  );
}

function confirm(made) {
  const check = async () => {
    const words = made.ask.map((position) => [position, value(`word-${position}`)]);
    await askWallet({ confirm: { words } });
    await finished();
  };
  show(
    el("h1", {}, "Confirm three of them"),
    el("p", {}, "So it is certain that they are on paper. The wallet is stored once these three are right."),
    form("confirm", [el("div", { className: "word-fields" }, ...made.ask.map((position) =>
      field(`word-${position}`, `Word ${position}`, { autocomplete: "off", spellcheck: false, required: true, dataset: { word: position } })))],
    "Confirm", check, button("again", "Show the words again", () => showWords(made), true)),
  );
}

const KINDS = { words: "Recovery words", key: "Private key", file: "Keystore file" };

function secretFields(kind) {
  if (kind === "words") return [field("secret", KINDS.words, { tag: "textarea", rows: 3, spellcheck: false, autocomplete: "off", required: true }, "12 to 24 words of BIP-39, with blanks between them.")];
  if (kind === "key") return [field("secret", KINDS.key, { type: "password", autocomplete: "off", required: true }, "64 hex digits.")];
  return [
    field("file", KINDS.file, { type: "file", accept: ".json,application/json", required: true }, "A JSON file of version 3, as geth, ethers and others write it."),
    field("file-password", "Password of the file", { type: "password", autocomplete: "off", required: true }),
  ];
}

async function source(kind) {
  if (kind === "words") return { phrase: { words: value("secret") } };
  if (kind === "key") return { key: { key: value("secret") } };
  const [file] = document.getElementById("file").files;
  return { keystore: { file: await file.text(), password: value("file-password") } };
}

function bring(kind) {
  const take = async () => {
    const request = { name: value("name"), source: await source(kind), password: password() };
    await askWallet({ import: request });
    await finished();
  };
  const choices = Object.entries(KINDS).map(([other, name]) =>
    el("button", { type: "button", id: `bring-${other}`, "aria-pressed": String(other === kind), onclick: () => bring(other) }, name));
  show(
    el("h1", {}, "Bring a wallet"),
    el("p", {}, "It stays where it is now as well. What you enter goes to this extension and nowhere else."),
    el("div", { className: "segments", role: "group", "aria-label": "What you have" }, ...choices),
    form("import", [
      ...secretFields(kind),
      field("name", "Name", { value: NAME_DEFAULT, maxLength: 40, required: true }, "Only you see it."),
      ...passwordFields(),
    ], "Bring it here", take, back()),
  );
}

async function finished() {
  // The newest wallet stands last, with its first account only.
  const { address } = (await ask("overview")).accounts.at(-1);
  show(
    el("h1", {}, "The wallet is ready"),
    el("p", {}, "Its first account is ", el("code", { id: "address" }, address), "."),
    el("p", { className: "section-note" }, "Open it by its symbol beside the address bar; pin it there to find it quickly. A site that wants to know your account or a signature opens a window of this extension. A site that asks for your words or your password is not this extension: give them to nobody."),
    el("div", { className: "actions" }, button("another", "Add another wallet", start, true)),
  );
}

stayAwake("welcome");
start().catch((error) => show(el("p", { className: "field-error", role: "alert" }, error.message)));
