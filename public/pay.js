// Pays for a job from the escrow: quote, deposit by permit, order. The page has all words.
import { api, chooseWallet, panel, sendTransaction, signTypedData } from "/wallets.js";

const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("pay").dataset.facts);
const { words } = facts;

const PERMIT_SECONDS = 600;

const fill = (text, ...values) => values.reduce((filled, value) => filled.replace("{}", value), text);

// A sum in attoAIT, with all its digits that count.
function ait(atto) {
  const digits = BigInt(atto).toString().padStart(19, "0");
  return `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, "");
}

// Units of work are counted in millionths.
const units = (millionths) => (Number(millionths) / 1e6).toLocaleString("en", { maximumFractionDigits: 6 });

const { say, run } = panel("pay", words);

// The request as text, since a seed may have more digits than a number here holds. What is quoted is what is ordered.
function requestOf(form) {
  const isNumber = (name, value) => facts.numbers.includes(name) && /^\d+(\.\d+)?$/.test(value);
  const members = [...new FormData(form)]
    .map(([name, value]) => [name, value.trim()])
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${JSON.stringify(name)}:${isNumber(name, value) ? value : JSON.stringify(value)}`);
  const model = facts.model ? `"model":${JSON.stringify(facts.model)},` : "";
  return (payment) => `{"kind":"image",${model}"input":{${members.join(",")}},"payment":${JSON.stringify(payment)}}`;
}

let offered;

async function askPrice(form) {
  say(words.askingPrice);
  byId("offer").hidden = true;
  const request = requestOf(form);
  const view = await api("POST", "/v1/quotes", request({ mode: "escrow", client: facts.client }));
  const quote = view.quote.quote;
  const missing = BigInt(quote.max_total) - BigInt(view.deposited);
  const [one, many] = facts.units[quote.unit_type];
  const show = (id, text) => (byId(id).textContent = text);
  show("offer-total", fill(words.upTo, ait(quote.max_total)));
  show("offer-price", fill(words.perUnit, ait(quote.max_unit_price), one));
  show("offer-units", fill(words.units, units(quote.units), many));
  show("offer-fee", fill(words.percent, quote.fee_basis_points / 100));
  show("offer-work", fill(words.about, Math.ceil(view.work_ms / 1000)));
  show("offer-miners", view.miners);
  show("offer-deposit", missing > 0n ? `${ait(missing)} AIT` : words.nothing);
  show("pay-now", fill(words.paySum, ait(quote.max_total)));
  offered = { request, view, missing };
  byId("offer").hidden = false;
  byId("pay-now").focus();
  say();
}

const word = (value) => BigInt(value).toString(16).padStart(64, "0");

const typed = (primaryType, members, domain, message) => ({
  types: {
    EIP712Domain: [
      { name: "name", type: "string" },
      { name: "version", type: "string" },
      { name: "chainId", type: "uint256" },
      { name: "verifyingContract", type: "address" },
    ],
    [primaryType]: members.map(([type, name]) => ({ name, type })),
  },
  primaryType,
  domain: { name: "AITBC", chainId: facts.chainId, ...domain },
  message,
});

const PERMIT = [
  ["address", "owner"],
  ["address", "spender"],
  ["uint256", "value"],
  ["uint256", "nonce"],
  ["uint256", "deadline"],
];

const ORDER = [
  ["bytes16", "jobId"],
  ["address", "client"],
  ["address", "hub"],
  ["uint128", "maxTotal"],
  ["uint128", "maxUnitPrice"],
  ["string", "unitType"],
  ["uint16", "tasks"],
  ["uint32", "startWithinSeconds"],
  ["uint32", "finishWithinSeconds"],
  ["uint64", "expiresAt"],
];

// One transaction: the permit goes with the deposit.
async function deposit(wallet, amount) {
  const owner = facts.client;
  const asked = { to: facts.token, data: facts.nonceSelector + word(owner) };
  const nonce = BigInt(await wallet.request({ method: "eth_call", params: [asked, "latest"] }));
  const deadline = Math.floor(Date.now() / 1000) + PERMIT_SECONDS;
  const message = { owner, spender: facts.escrow, value: `${amount}`, nonce: `${nonce}`, deadline: `${deadline}` };
  const permit = typed("Permit", PERMIT, { version: "1", verifyingContract: facts.token }, message);
  say(words.permit);
  const signature = await signTypedData(wallet, owner, permit, facts);
  const [r, s] = [signature.slice(2, 66), signature.slice(66, 130)];
  // Some wallets write 0 and 1 for 27 and 28.
  const v = parseInt(signature.slice(130), 16);
  const data = facts.depositSelector + word(owner) + word(amount) + word(deadline) + word(v < 27 ? v + 27 : v) + r + s;
  say(words.deposit);
  const transaction = { from: owner, to: facts.escrow, data };
  const done = await sendTransaction(wallet, transaction, facts, () => say(words.waiting));
  if (!done) throw new Error(done === false ? words.depositFailed : words.depositLate);
}

async function signOrder(wallet, order) {
  const message = {
    jobId: `0x${order.job_id.slice("job_".length)}`,
    client: order.client,
    hub: order.hub,
    maxTotal: order.max_total,
    maxUnitPrice: order.max_unit_price,
    unitType: order.unit_type,
    tasks: order.tasks,
    startWithinSeconds: order.start_within_seconds ?? 0,
    finishWithinSeconds: order.finish_within_seconds ?? 0,
    expiresAt: order.expires_at,
  };
  const data = typed("PaymentOrder", ORDER, { version: "2", verifyingContract: order.contract }, message);
  say(words.order);
  return signTypedData(wallet, facts.client, data, facts);
}

async function pay() {
  const { request, view, missing } = offered;
  say(words.looking);
  const wallet = await chooseWallet(byId("wallet-choice"), byId("wallets"), say);
  if (!wallet) return say("", words.nobody);
  say(words.askingWallet);
  const [account] = await wallet.request({ method: "eth_requestAccounts" });
  if (account.toLowerCase() !== facts.client.toLowerCase()) return say("", words.otherAccount);
  if (missing > 0n) {
    await deposit(wallet, missing);
    offered.missing = 0n;
    byId("offer-deposit").textContent = words.nothing;
  }
  const signature = await signOrder(wallet, view.order);
  say(words.sending);
  const payment = { mode: "escrow", quote: view.quote, order: { order: view.order, signature } };
  const job = await api("POST", "/v1/jobs", request(payment));
  location.assign(`/jobs/${job.id}`);
}

byId("pay-request").addEventListener("submit", (event) => {
  event.preventDefault();
  run(byId("ask-price"), () => askPrice(event.target));
});
byId("pay-now").addEventListener("click", () => run(byId("pay-now"), pay));
