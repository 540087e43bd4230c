// Hands a contract's call that the page has written down to the wallet. The page has all words.
import { connectAccount, panel, sendTransaction } from "/wallets.js";

const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("contract-call").dataset.facts);
const { to, data, value, words } = facts;
const { say, run } = panel("contract-call", words);

let wallet;
let account;

async function send() {
  say(words.asking);
  const done = await sendTransaction(wallet, { from: account, to, data, value }, facts, () => say(words.waiting));
  if (!done) throw new Error(done === false ? words.failedInBlock : words.late);
  say(words.sent);
}

async function use(found, address) {
  [wallet, account] = [found, address];
  byId("connected-account").textContent = account;
  byId("connection").hidden = false;
  byId("choose-account").hidden = true;
  byId("send-call").hidden = false;
  say();
}

byId("send-call").addEventListener("click", ({ target }) => run(target, send));
connectAccount(words, { say, run }, use);
