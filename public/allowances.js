// What others may take of an account's tokens, and the way to take that back; and that this site's pages know the account.
// The page has all words.
import { connectAccount, fill, panel, sendTransaction, shortened } from "/wallets.js";
import { call, words as wordsOf } from "/trading/abi.js";
import { shown } from "/trading/amounts.js";

const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("permissions").dataset.facts);
const { approval, selectors, names, own, words } = facts;
const { say, run } = panel("permissions", words);

// Pairs of token and spender that are looked at, the newest first: each is a call of the chain.
const LOOKED_AT_MAX = 200;

// From this sum on the wallet's sheets say "everything" (shared/wallet/src/token.rs).
const UNLIMITED_FROM = 2n ** 223n;

// A token that says it has more decimals says nothing sensible.
const DECIMALS_MAX = 77n;
const SYMBOL_MAX_CHARS = 20;

let wallet;
let account;

const topicOf = (address) => `0x${address.slice(2).toLowerCase().padStart(64, "0")}`;
const addressOf = (topic) => `0x${topic.slice(26)}`;

const read = (to, data) => wallet.request({ method: "eth_call", params: [{ to, data }, "latest"] });

// A token that has no such function, or answers otherwise, is named by its address.
async function symbolOf(token) {
  try {
    const answer = await read(token, selectors.symbol);
    const [, length] = wordsOf(answer);
    const bytes = answer.slice(130, 130 + 2 * Number(length)).match(/../g) ?? [];
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (byte) => parseInt(byte, 16)));
    return /^[\w.$-]+$/.test(text) && text.length <= SYMBOL_MAX_CHARS ? text : shortened(token);
  } catch {
    return shortened(token);
  }
}

async function decimalsOf(token) {
  try {
    const [decimals] = wordsOf(await read(token, selectors.decimals));
    return decimals <= DECIMALS_MAX ? Number(decimals) : 0;
  } catch {
    return 0;
  }
}

// What a node answers that is asked too much, and a wallet that passes that on.
const TOO_MANY = [-32005, 429];

// Undefined where the contract does not answer as a token does: it allows nothing then. Where nobody answers for it, nothing
// is known, and that is no empty list.
async function allowanceOf(token, spender) {
  try {
    return wordsOf(await read(token, call(selectors.allowance, account, spender)))[0];
  } catch (error) {
    if (!Number.isInteger(error?.code) || TOO_MANY.includes(error.code)) throw error;
    return undefined;
  }
}

// Every pair of token and spender that the account ever allowed something: tokens of this chain's own first, since anybody
// may write as many events of other contracts as they like, and then the newest. ERC-721 has an event of the same name with
// a fourth topic.
async function approvals() {
  const filter = { fromBlock: "0x0", toBlock: "latest", topics: [approval, topicOf(account)] };
  const logs = await wallet.request({ method: "eth_getLogs", params: [filter] });
  const pairs = new Map();
  for (const { address: token, topics } of logs.reverse()) {
    if (topics.length !== 3) continue;
    const spender = addressOf(topics[2]);
    pairs.set(`${token} ${spender}`.toLowerCase(), { token, spender });
  }
  const isOwn = ({ token }) => own.includes(token.toLowerCase());
  const all = [...pairs.values()];
  return [...all.filter(isOwn), ...all.filter((pair) => !isOwn(pair))];
}

const cell = (className, ...children) => {
  const made = document.createElement("td");
  made.className = className;
  made.append(...children);
  return made;
};

const link = (href, text, title) => Object.assign(document.createElement("a"), { href, textContent: text, title });

function row({ token, spender, symbol, decimals, amount }) {
  const made = document.createElement("tr");
  const name = names[spender.toLowerCase()] ?? shortened(spender);
  const isUnlimited = amount >= UNLIMITED_FROM;
  const sum = isUnlimited ? byId("everything").content.cloneNode(true) : `${shown(amount, decimals)} ${symbol}`;
  const revoke = Object.assign(document.createElement("button"), { type: "button", textContent: words.revoke });
  revoke.className = "button button-quiet button-small";
  revoke.setAttribute("aria-label", fill(words.revokeLabel, { token: symbol, spender: name }));
  revoke.addEventListener("click", () => run(revoke, () => takeBack(token, spender)));
  made.dataset.token = token;
  made.dataset.spender = spender;
  made.dataset.amount = amount;
  made.append(
    cell("", link(`/explorer/tokens/${token}`, symbol, token)),
    cell("", link(`/explorer/addresses/${spender}`, name, spender)),
    cell("number", sum),
    cell("", revoke),
  );
  return made;
}

async function list() {
  say(words.reading);
  const pairs = await approvals();
  const rows = [];
  for (const { token, spender } of pairs.slice(0, LOOKED_AT_MAX)) {
    const amount = await allowanceOf(token, spender);
    if (!amount) continue;
    rows.push(row({ token, spender, amount, symbol: await symbolOf(token), decimals: await decimalsOf(token) }));
  }
  byId("allowance-rows").replaceChildren(...rows);
  byId("allowances").hidden = rows.length === 0;
  byId("no-allowances").hidden = rows.length > 0 || pairs.length > LOOKED_AT_MAX;
  const more = byId("more-allowances");
  more.hidden = pairs.length <= LOOKED_AT_MAX;
  more.textContent = fill(words.more, { most: LOOKED_AT_MAX, all: pairs.length });
  say();
}

async function takeBack(token, spender) {
  say(words.asking);
  const transaction = { from: account, to: token, data: call(selectors.approve, spender, 0) };
  const done = await sendTransaction(wallet, transaction, facts, () => say(words.waiting));
  if (!done) throw new Error(done === false ? words.failedInBlock : words.late);
  await list();
  say(words.revoked);
}

// The day on which these pages learned the account; a wallet that does not say it keeps it itself.
async function since() {
  try {
    const permissions = await wallet.request({ method: "wallet_getPermissions" });
    const date = permissions?.find(({ parentCapability }) => parentCapability === "eth_accounts")?.date;
    return date ? new Date(date).toISOString().slice(0, 10) : words.unknownSince;
  } catch {
    return words.unknownSince;
  }
}

async function use(found, address) {
  [wallet, account] = [found, address];
  byId("connected-account").textContent = account;
  byId("connected-since").textContent = await since();
  byId("connection").hidden = false;
  byId("choose-account").hidden = true;
  byId("disconnect").hidden = false;
  await list();
}

async function disconnect() {
  await wallet.request({ method: "wallet_revokePermissions", params: [{ eth_accounts: {} }] });
  location.reload();
}

byId("disconnect").addEventListener("click", ({ target }) => run(target, disconnect));
connectAccount(words, { say, run }, use);
