// What a trader does on the chain itself: deposits, the faucet, and the way out without the operator.

import { sendTransaction, signTypedData } from "/wallets.js";
import { call, signatureParts, words as wordsOf } from "./abi.js";
import { permitTypedData } from "./typed_data.js";

const PERMIT_SECONDS = 600;

// Reads the chain through this server, which needs no wallet.
async function read(to, data) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_call", params: [{ to, data }, "latest"] });
  const answer = await fetch("/rpc", { method: "POST", headers: { "content-type": "application/json" }, body });
  const { result, error } = await answer.json();
  if (error) throw new Error(error.message);
  return wordsOf(result)[0];
}

export const walletBalance = ({ selectors, trader }, asset) => read(asset, call(selectors.balanceOf, trader));

// One transaction of the trader, to its end.
async function send(wallet, facts, say, to, data) {
  const { trader, words } = facts;
  const transaction = { from: trader, to, data };
  const done = await sendTransaction(wallet, transaction, facts, () => say(words.waiting));
  if (!done) throw new Error(done === false ? words.failedInBlock : words.notInBlock);
  say(words.inBlock);
}

// The permit goes with the deposit. An asset's permits count in the domain of its own name, version 1.
export async function deposit(wallet, facts, say, asset, amount) {
  const { trader: owner, contract: spender, chainId, selectors, words } = facts;
  const nonce = await read(asset.address, call(selectors.permitNonce, owner));
  const deadline = Math.floor(Date.now() / 1000) + PERMIT_SECONDS;
  const domain = { name: asset.name, version: "1", chainId, verifyingContract: asset.address };
  const message = { owner, spender, value: `${amount}`, nonce: `${nonce}`, deadline: `${deadline}` };
  say(words.signPermit);
  const signature = await signTypedData(wallet, owner, permitTypedData(domain, message), facts);
  say(words.signDeposit);
  const data = call(selectors.depositWithPermit, owner, asset.address, amount, deadline, ...signatureParts(signature));
  await send(wallet, facts, say, spender, data);
}

export async function takeFromFaucet(wallet, facts, say, asset) {
  say(facts.words.signTransaction);
  await send(wallet, facts, say, asset, facts.selectors.faucet);
}

// "request" and "cancel" say when to leave, "take" pays one asset out.
export async function leave(wallet, facts, say, step, asset) {
  const { requestExit, cancelExit, exit } = facts.selectors;
  const data = { request: requestExit, cancel: cancelExit, take: step === "take" && call(exit, asset) }[step];
  say(facts.words.signTransaction);
  await send(wallet, facts, say, facts.contract, data);
}

// A key that signs orders for the trader until then.
export async function delegate(wallet, facts, say, key, expiresAt) {
  say(facts.words.signTransaction);
  await send(wallet, facts, say, facts.contract, call(facts.selectors.addDelegate, key, expiresAt));
}

export async function revokeDelegate(wallet, facts, say, key) {
  say(facts.words.signTransaction);
  await send(wallet, facts, say, facts.contract, call(facts.selectors.revokeDelegate, key));
}
