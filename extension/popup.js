// The popup: accounts with their AIT, QR code and activity, connected sites, the node, the lock.

import { accountView } from "./account_view.js";
import { changePassword, remove, rename } from "./manage_view.js";
import { sheetView } from "./sheet_view.js";
import { ask, askWallet, button, el, field, form, ranked, shortened, show, unlockForm, value, watch } from "./ui.js";

const TABS = { accounts: "Accounts", sites: "Sites", settings: "Settings" };
const LOCK_MINUTES = { 5: "5 minutes", 15: "15 minutes", 60: "1 h", 240: "4 h" };

let tab = "accounts";

const openWelcome = () => chrome.tabs.create({ url: "welcome.html" }).then(() => window.close());

async function look() {
  const overview = await ask("overview");
  const { vault } = overview;
  if (vault.wallets.length === 0) {
    show(el("h1", {}, "No wallet is here yet"),
      el("p", {}, "A wallet holds AIT, connects to sites and signs. It is made on a page of its own."),
      el("div", { className: "actions" }, button("welcome", "Make or bring a wallet", openWelcome)));
    return;
  }
  const parts = { accounts, sites, settings };
  show(head(vault), tabs(), await parts[tab](overview));
}

function head(vault) {
  const lock = vault.unlocked
    ? button("lock", "Lock", () => askWallet("lock").then(look), true)
    : el("span", { className: "pill", id: "locked" }, "locked");
  return el("header", { className: "popup-head" }, el("h1", {}, "AITBC Wallet"), lock);
}

function tabs() {
  const buttons = Object.entries(TABS).map(([name, text]) =>
    el("button", { type: "button", id: `tab-${name}`, "aria-pressed": String(name === tab), onclick: () => { tab = name; look(); } }, text));
  return el("div", { className: "segments", role: "group", "aria-label": "Parts of the wallet" }, ...buttons);
}

function accounts({ vault, accounts: all, node }) {
  const rows = all.map(({ address, name }) => {
    const balance = el("span", { className: "account-row-balance" }, "asking the chain");
    ask({ balance: { account: address } }).then(
      (ait) => { balance.textContent = `${ait} AIT`; },
      () => { balance.textContent = "not known"; });
    const copy = button("", "Copy", async ({ target }) => {
      await navigator.clipboard.writeText(address);
      target.textContent = "Copied";
    }, true);
    copy.classList.add("button-small");
    copy.setAttribute("aria-label", `Copy the address of ${name}`);
    const open = el("button", { type: "button", className: "text-button", dataset: { open: address }, onclick: () => accountView({ address, name }, look) }, name);
    open.setAttribute("aria-label", `Address and activity of ${name}`);
    return el("li", { className: "popup-account", dataset: { account: address } },
      el("span", {}, open, el("br"), el("code", { title: address }, shortened(address))), balance, copy);
  });
  const nodeLine = el("p", { className: "field-help", id: "node-line" }, `Node: ${node}`);
  ask("chain").then(
    (id) => { nodeLine.textContent = `Chain ${id} · ${node}`; },
    () => { nodeLine.textContent = `The node cannot be reached: ${node}`; });
  const more = vault.unlocked
    ? el("div", { className: "actions" }, button("send", "Send AIT", () => send(all)), button("add", "Add a wallet", openWelcome, true), ...nextAccount(vault))
    : unlockForm("Balances stay visible, since the chain is public. Signing needs the password.", look);
  return el("section", { className: "form" }, el("ul", { className: "account-rows", id: "accounts" }, ...rows), nodeLine, more);
}

// A transfer, then its sheet, then where it went.
function send(all) {
  const options = all.map(({ address, name }) => el("option", { value: address }, `${name} ${shortened(address)}`));
  const prepare = async () => {
    const sheet = await ask({ sheet: { from: value("from"), to: value("to"), ait: value("ait") } });
    const sign = async () => sent(await ask({ sign: { ticket: sheet.ticket } }));
    show(sheetView(sheet), form("sign", [], sheet.approve, sign, button("refuse", "Refuse", look, true)));
  };
  show(
    el("h1", {}, "Send AIT"),
    form("send-form", [
      el("div", { className: "field" }, el("label", { for: "from" }, "From"), el("select", { id: "from" }, ...options)),
      field("to", "To", { required: true, spellcheck: false, autocomplete: "off" }, "An address: 0x and 40 hex digits."),
      field("ait", "Amount in AIT", { required: true, inputMode: "decimal", autocomplete: "off" }),
    ], "Check the transfer", prepare, button("back", "Back", look, true)),
  );
}

function sent(hash) {
  show(
    el("h1", {}, "Sent"),
    el("p", {}, "The next block will contain it. It cannot be taken back."),
    el("code", { id: "sent-hash", className: "raw" }, hash),
    el("div", { className: "actions" }, button("back", "Back", look, true)),
  );
}

// The words of the first wallet that has some lead to more accounts.
function nextAccount(vault) {
  const wallet = vault.wallets.find(({ kind }) => kind === "phrase");
  if (!wallet) return [];
  return [button("next-account", "Next account", () => askWallet({ add_account: { wallet: wallet.id } }).then(look, () => {}), true)];
}

function sites({ sites: connected, accounts: all }) {
  const names = new Map(all.map(({ address, name }) => [address, name]));
  const rows = connected.map(({ origin, account, since_unix_ms: since }) => el("li", { className: "popup-site", dataset: { origin } },
    el("span", {}, el("strong", {}, origin), el("br"),
      `sees ${names.get(account)} and may ask for signatures, since ${new Date(since).toISOString().slice(0, 10)}`),
    button("", "Revoke", () => ask({ revoke: { origin } }).then(look), true)));
  return el("section", { className: "form" },
    el("p", { className: "section-note" }, "Each of these sites knows one account. Each signature still shows a sheet. Revoked, a site has to ask again; what it signed before stays signed."),
    rows.length ? el("ul", { className: "account-rows", id: "sites" }, ...rows) : el("p", { id: "no-sites" }, "No site is connected."));
}

function settings({ vault, node }) {
  const setNode = async () => {
    const url = new URL(value("node"));
    // The browser asks its owner whether the extension may talk to that host; this machine is allowed from the start.
    if (url.protocol === "https:" && !(await chrome.permissions.request({ origins: [`${url.origin}/*`] }))) {
      throw new Error("The browser does not let the extension talk to this host.");
    }
    await ask({ set_node: { url: url.href } });
    await look();
  };
  const parts = [ranked(form("node-form", [field("node", "Node (JSON-RPC)", { value: node, required: true, spellcheck: false },
    "It shows balances and sends transactions, so it can show you something false. Use one that you trust: your own, or over https.")], "Use this node", setNode), "quiet")];
  if (vault.unlocked) parts.push(lockTime(vault), rename(vault, look), backup(vault), changePassword(look), remove(vault, look));
  parts.push(forget(vault));
  return el("section", { className: "form" }, ...parts);
}

function lockTime(vault) {
  const options = Object.entries(LOCK_MINUTES).map(([minutes, text]) =>
    el("option", { value: minutes, selected: Number(minutes) === vault.auto_lock_minutes }, text));
  const select = el("select", { id: "auto-lock", onchange: ({ target }) => askWallet({ set_auto_lock: { minutes: Number(target.value) } }).then(look) }, ...options);
  return el("div", { className: "field" }, el("label", { for: "auto-lock" }, "Lock by itself after"), select,
    el("p", { className: "field-help" }, "Counted from the last use. Closing the browser locks too."));
}

// Words or the key of one wallet, behind the password.
function backup(vault) {
  const options = vault.wallets.map(({ id, name }) => el("option", { value: id }, name));
  const shown = el("output", { className: "raw", id: "backup-shown", hidden: true });
  const reveal = async () => {
    const wallet = vault.wallets.find(({ id }) => id === Number(value("backup-wallet")));
    const what = wallet.kind === "phrase" ? "words" : { key: { address: wallet.accounts[0].address } };
    const { exported } = await askWallet({ export: { wallet: wallet.id, form: what, password: value("backup-password") } });
    document.getElementById("backup-password").value = "";
    shown.textContent = exported.secret;
    shown.hidden = false;
  };
  return el("details", {}, el("summary", {}, "Recovery words or key"),
    ranked(form("backup", [
      el("p", { className: "section-note" }, "Anybody who reads this takes everything. See to it that nobody looks on."),
      el("div", { className: "field" }, el("label", { for: "backup-wallet" }, "Wallet"), el("select", { id: "backup-wallet" }, ...options)),
      field("backup-password", "Password", { type: "password", autocomplete: "current-password", required: true }),
    ], "Show", reveal), "quiet"), shown);
}

function forget(vault) {
  const sure = el("input", { type: "checkbox", id: "forget-sure", required: true });
  return el("details", {}, el("summary", {}, "Password forgotten?"),
    ranked(form("forget", [
      el("p", { className: "section-note" }, "Nobody can restore it. You can delete everything here and come back with the recovery words, a key or a keystore file. Anybody who has none of them loses the wallet for ever."),
      el("label", { className: "check" }, sure, "I have the words, keys or files of all wallets that I need"),
    ], "Delete every wallet in this extension", async () => {
      await askWallet({ forget: { revision: vault.revision } });
      await look();
    }), "loss"));
}

// Not while somebody types, reads a sheet or waits for what a form does: a look would take it away.
watch(() => {
  const isBusy = document.querySelector("#send-form, #sheet, #sent-hash, #account-view, #password-changed, [type=submit]:disabled") || ["INPUT", "SELECT"].includes(document.activeElement?.tagName);
  if (!isBusy) look();
});
look().catch((error) => show(el("p", { className: "field-error", role: "alert" }, error.message)));
