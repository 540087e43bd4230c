// What the popup's settings do with a wallet: another name, removal; and another password for all of them.

import { askWallet, button, el, field, form, ranked, show, value } from "./ui.js";

const NAME_MAX_CHARS = 40;
const PASSWORD_HELP = "At least 10 characters. It encrypts the keys on this computer.";

function choice(id, wallets, onchange) {
  const options = wallets.map(({ id: number, name }) => el("option", { value: number }, name));
  return el("div", { className: "field" }, el("label", { for: id }, "Wallet"), el("select", { id, onchange }, ...options));
}

const chosen = (id) => Number(value(id));

const folded = (title, ...parts) => el("details", {}, el("summary", {}, title), ...parts);

export function rename({ wallets }, onDone) {
  const nameOf = (number) => wallets.find(({ id }) => id === number).name;
  const name = field("new-name", "Name", { value: wallets[0].name, required: true, maxLength: NAME_MAX_CHARS, autocomplete: "off" }, "Only you see it.");
  const fill = ({ target }) => { document.getElementById("new-name").value = nameOf(Number(target.value)); };
  return folded("Rename a wallet", ranked(form("rename", [choice("rename-wallet", wallets, fill), name], "Rename", async () => {
    await askWallet({ rename: { wallet: chosen("rename-wallet"), name: value("new-name") } });
    await onDone();
  }), "quiet"));
}

export function changePassword(onDone) {
  const password = (id, label, autocomplete, help) => field(id, label, { type: "password", autocomplete, required: true }, help);
  const change = async () => {
    if (value("password-new") !== value("password-again")) throw new Error("The two passwords differ.");
    await askWallet({ change_password: { old: value("password-old"), new: value("password-new") } });
    show(el("section", { className: "form", id: "password-changed" },
      el("h1", {}, "The password is changed"),
      el("p", {}, "From now on only the new one opens the wallet. Nobody can restore it."),
      el("div", { className: "actions" }, button("back", "Back", onDone, true))));
  };
  return folded("Change the password", ranked(form("change-password", [
    password("password-old", "Password now", "current-password"),
    password("password-new", "New password", "new-password", PASSWORD_HELP),
    password("password-again", "New password again", "new-password"),
  ], "Change it", change), "quiet"));
}

export function remove({ wallets }, onDone) {
  return folded("Remove a wallet", ranked(form("remove", [
    el("p", { className: "section-note" }, "Its encrypted key is deleted here. Only its recovery words, its private key or a keystore file lead back to it."),
    choice("remove-wallet", wallets),
    field("remove-password", "Password", { type: "password", autocomplete: "current-password", required: true }),
  ], "Remove it now", async () => {
    const password = value("remove-password");
    document.getElementById("remove-password").value = "";
    await askWallet({ remove: { wallet: chosen("remove-wallet"), password } });
    await onDone();
  }), "loss"));
}
