// The tokens of an account, and sending one of them. The page has all words.
import { api, connectAccount, fill, panel, sendTransaction, shortened } from "/wallets.js";
import { call } from "/trading/abi.js";
import { exact, parseUnits, shown } from "/trading/amounts.js";

const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("holdings").dataset.facts);
const { transfer, most, ait, words } = facts;
const { say, run } = panel("holdings", words);

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const SYMBOL = /^[\w.$-]{1,20}$/;
// The largest number that a token counts in.
const AMOUNT_MAX = 2n ** 256n - 1n;

let wallet;
let account;
// The token that the form sends.
let chosen;

const same = (one, other) => one.toLowerCase() === other.toLowerCase();

// A token's own words may say anything, so what is no plain symbol is shown as the address.
const symbolOf = ({ symbol, address }) => (SYMBOL.test(symbol ?? "") ? symbol : shortened(address));

const cell = (className, ...children) => {
  const made = document.createElement("td");
  made.className = className;
  made.append(...children);
  return made;
};

function row(token) {
  const made = document.createElement("tr");
  const link = Object.assign(document.createElement("a"), { href: `/explorer/tokens/${token.address}`, textContent: token.symbol });
  const contract = Object.assign(document.createElement("code"), { textContent: shortened(token.address), title: token.address });
  const send = Object.assign(document.createElement("button"), { type: "button", textContent: words.send });
  send.className = "button button-quiet button-small";
  send.setAttribute("aria-label", fill(words.sendLabel, { token: token.symbol }));
  send.addEventListener("click", () => open(token));
  made.dataset.token = token.address.toLowerCase();
  made.dataset.balance = token.balance;
  // Without its decimals nobody knows what an amount of it is.
  const action = token.decimals === undefined ? words.noDecimals : send;
  made.append(cell("", link), cell("", contract), cell("number", shown(token.balance, token.decimals ?? 0)), cell("", action));
  return made;
}

async function list() {
  say(words.reading);
  const { items, next_cursor: next } = await api("GET", `/api/explorer/addresses/${account}/tokens?limit=${most}`);
  const tokens = items.map((token) => ({
    address: token.address, decimals: token.decimals ?? undefined, symbol: symbolOf(token), balance: BigInt(token.balance),
  }));
  tokens.sort((one, other) => same(other.address, ait) - same(one.address, ait));
  byId("token-rows").replaceChildren(...tokens.map(row));
  byId("tokens").hidden = tokens.length === 0;
  byId("no-tokens").hidden = tokens.length > 0;
  byId("more-tokens").hidden = !next;
  byId("more-tokens").textContent = fill(words.more, { most });
  say();
}

// What is said and what went wrong, which stand in the form while it is open.
const told = ["status", "error"].map((part) => byId(`holdings-${part}`));

function open(token) {
  chosen = token;
  byId("transfer").reset();
  byId("transfer-title").textContent = fill(words.title, { token: token.symbol });
  byId("transfer-amount-label").textContent = fill(words.amount, { token: token.symbol });
  byId("transfer-review").parentElement.before(...told);
  byId("transfer").hidden = false;
  byId("transfer-title").focus();
  say();
}

function close() {
  byId("holdings").prepend(...told);
  byId("transfer").hidden = true;
}

// What the wallet is asked to sign; a mistake is told before it is asked.
function checked() {
  const { address, decimals, balance, symbol } = chosen;
  const to = byId("transfer-to").value.trim();
  const amount = parseUnits(byId("transfer-amount").value, decimals);
  if (!ADDRESS.test(to)) throw new Error(words.wrongAddress);
  if (same(to, address)) throw new Error(words.toContract);
  if (!amount || amount > AMOUNT_MAX) throw new Error(fill(words.wrongAmount, { decimals }));
  if (amount > balance) throw new Error(fill(words.notEnough, { balance: `${exact(balance, decimals)} ${symbol}` }));
  return { from: account, to: address, data: call(transfer, to, amount) };
}

async function send() {
  const transaction = checked();
  say(words.asking);
  const done = await sendTransaction(wallet, transaction, facts, () => say(words.waiting));
  if (!done) throw new Error(done === false ? words.failedInBlock : words.late);
  close();
  await list();
  say(words.sent);
}

async function use(found, address) {
  [wallet, account] = [found, address];
  byId("connected-account").textContent = account;
  byId("connection").hidden = false;
  byId("choose-account").hidden = true;
  await list();
}

byId("transfer-cancel").addEventListener("click", close);
byId("transfer").addEventListener("submit", (event) => {
  event.preventDefault();
  run(byId("transfer-review"), send);
});
connectAccount(words, { say, run }, use);
