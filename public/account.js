// Signs in with a wallet (EIP-4361) and a code where the account wants one, and ends sessions and keys. The page has all
// words.
import { api, chooseWallet, hex, panel } from "/wallets.js";

const byId = (id) => document.getElementById(id);
const words = byId("account").dataset;

const { say, run } = panel("account", words);

// Only pages of this site.
function afterwards() {
  const next = new URL(new URLSearchParams(location.search).get("next") ?? "/account", location.origin);
  return next.origin === location.origin ? next.href : "/account";
}

async function signIn() {
  say(words.looking);
  const wallet = await chooseWallet(byId("wallet-choice"), byId("wallets"), say);
  if (!wallet) return say("", words.nobody);
  say(words.asking);
  const [address] = await wallet.request({ method: "eth_requestAccounts" });
  const { message } = await api("POST", "/v1/sessions/nonce", { address });
  const signature = await wallet.request({ method: "personal_sign", params: [hex(message), address] });
  say(words.signingIn);
  const session = await api("POST", "/v1/sessions", { message, signature });
  // The same page asks for the code, and goes on to where it was asked from.
  if (session.awaits_code) location.reload();
  else location.assign(afterwards());
}

const codeOf = (form) => ({ code: new FormData(form).get("code") });

async function giveCode(form) {
  await api("POST", "/v1/sessions/code", codeOf(form));
  location.assign(afterwards());
}

async function beginFactor() {
  const { secret, qr_svg } = await api("POST", "/v1/second-factor");
  byId("factor-qr").src = `data:image/svg+xml,${encodeURIComponent(qr_svg)}`;
  byId("factor-secret").textContent = secret.match(/.{1,4}/g).join(" ");
  byId("factor-off").hidden = true;
  byId("confirm-factor").hidden = false;
  byId("first-code").focus();
}

async function confirmFactor(form) {
  const { recovery_codes } = await api("POST", "/v1/second-factor/confirm", codeOf(form));
  byId("recovery-codes").textContent = recovery_codes.join("\n");
  form.hidden = true;
  byId("factor-secret").textContent = "";
  byId("factor-qr").removeAttribute("src");
  byId("recovery").hidden = false;
  byId("recovery-done").focus();
}

async function removeFactor(form) {
  await api("POST", "/v1/second-factor/remove", codeOf(form));
  location.reload();
}

async function makeKey(form) {
  const created = await api("POST", "/v1/keys", { label: new FormData(form).get("label") });
  byId("secret-text").textContent = created.secret;
  byId("secret").hidden = false;
  byId("secret-done").focus();
}

const onPress = (button, action) => button?.addEventListener("click", () => run(button, action));
const endAnd = (path) => async () => {
  await api("DELETE", path);
  location.reload();
};

onPress(byId("sign-in"), signIn);
onPress(byId("end-all"), endAnd("/v1/sessions"));
onPress(byId("secret-done"), async () => location.reload());
onPress(byId("begin-factor"), beginFactor);
onPress(byId("factor-cancel"), async () => location.reload());
onPress(byId("recovery-done"), async () => location.reload());
document.querySelectorAll("[data-session]").forEach((button) => onPress(button, endAnd(`/v1/sessions/${button.dataset.session}`)));
document.querySelectorAll("[data-key]").forEach((button) => onPress(button, endAnd(`/v1/keys/${button.dataset.key}`)));
const onSubmit = (form, action) =>
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    run(event.submitter, () => action(form));
  });
onSubmit(byId("make-key"), makeKey);
onSubmit(byId("give-code"), giveCode);
onSubmit(byId("confirm-factor"), confirmFactor);
onSubmit(byId("remove-factor"), removeFactor);
