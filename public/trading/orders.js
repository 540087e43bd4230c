// Open orders of the trader: cancelled by one press, made smaller by a form that the row opens. Neither needs the wallet, since
// both only take away what was signed.
import { parseUnits } from "./amounts.js";
import { fill, readReduction } from "./ticket.js";

const byId = (id) => document.getElementById(id);

// `facts` are the page's, `api` asks the server, `say` tells the trader, `refresh` draws the orders again.
export function ordersOf({ markets, words }, { api, say, refresh }) {
  const form = byId("reduce");
  let reduced;

  async function cancel(id) {
    say(words.cancelling);
    const { order_ids: ended } = await api("DELETE", `/v1/exchange/orders/${id}`);
    say(ended.length > 0 ? words.cancelled : words.notOpen);
    await refresh();
  }

  function open({ reduce: id, market: name, amount }) {
    const market = markets.find((listed) => listed.id === name);
    reduced = { id, market, has: parseUnits(amount, market.base.decimals) };
    byId("reduce-label").textContent = fill(words.reduceTitle, { id, base: market.base.symbol });
    byId("reduce-amount").value = amount;
    form.hidden = false;
    byId("reduce-amount").select();
    say();
  }

  function close() {
    form.hidden = true;
  }

  async function send() {
    const { id, market, has } = reduced;
    const { amount, problem, values } = readReduction(market, byId("reduce-amount").value, has);
    if (problem) return say("", fill(words[problem], values));
    say(words.reducing);
    const order = await api("PATCH", `/v1/exchange/orders/${id}`, { amount: `${amount}` });
    close();
    const hasTraded = BigInt(order.filled_units) >= amount;
    const ended = hasTraded ? words.reducedAway : words.reducedTooSmall;
    say(fill(order.state === "open" ? words.reduced : ended, { ...order, base: market.base.symbol }));
    await refresh();
  }

  return { cancel, open, close, send };
}
