// Keys that sign orders for the trader: named and taken back by a transaction of its wallet.
import { delegate, revokeDelegate } from "./chain.js";

const byId = (id) => document.getElementById(id);

const DAY_SECONDS = 86_400;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

// `facts` are the page's, `connect` gives the trader's wallet or nothing, `say` tells the trader, `refresh` draws the list again.
export function keysOf(facts, { connect, say, refresh }) {
  const { trader, words } = facts;

  async function add() {
    const address = byId("key-address").value.trim();
    if (!ADDRESS.test(address)) return say("", words.keyAddress);
    if (address.toLowerCase() === trader.toLowerCase()) return say("", words.keyIsOwn);
    const wallet = await connect();
    if (!wallet) return;
    const expiresAt = Math.floor(Date.now() / 1000) + Number(byId("key-days").value) * DAY_SECONDS;
    await delegate(wallet, facts, say, address, expiresAt);
    byId("key-address").value = "";
    await refresh();
  }

  async function revoke(address) {
    const wallet = await connect();
    if (!wallet) return;
    await revokeDelegate(wallet, facts, say, address);
    await refresh();
  }

  return { add, revoke };
}
