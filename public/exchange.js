// A market while its page is open: book and trades by the feed, the order form, and what the trader signs. The page has all
// words, and draws everything first.
import { api, chooseWallet, panel, signTypedData } from "/wallets.js";
import { follow } from "/trading/feed.js";
import { drawBook, drawTrades, oncePerFrame } from "/trading/ladder.js";
import { keysOf } from "/trading/keys.js";
import { moneyOf } from "/trading/money.js";
import { ordersOf } from "/trading/orders.js";
import { keepCurrent } from "/trading/parts.js";
import { fill, readTicket, sentence, shareOfBalance } from "/trading/ticket.js";
import { orderTypedData } from "/trading/typed_data.js";

const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("exchange").dataset.facts);
const { market, trader, words } = facts;
const { base, quote } = market;

const DAY_SECONDS = 86_400;
// An order that does not wait needs no longer than its settlement may take, and its way here.
const AT_ONCE_SECONDS = 300;

const order = panel("order", words);
const [move, orders, keys] = ["move", "orders", "keys"].map((name) => trader && panel(name, words));
const now = () => Math.floor(Date.now() / 1000);

// What the account has, as the server drew it last.
const account = () => trader && JSON.parse(byId("trader-balances").dataset.account);

function balances() {
  const of = ({ address }) => {
    const { free_units: free, reserved_units: reserved } = account().balances.find(({ asset }) => asset === address);
    return { free: BigInt(free), reserved: BigInt(reserved) };
  };
  return trader ? { base: of(base), quote: of(quote) } : undefined;
}

let wallet;
let known;

// The wallet of the account that is signed in; undefined once the panel said why there is none.
async function connect({ say }) {
  if (wallet) return wallet;
  say(words.looking);
  const found = await chooseWallet(byId("wallet-choice"), byId("wallets"), say);
  if (!found) return say("", words.nobody);
  say(words.askingWallet);
  const [address] = await found.request({ method: "eth_requestAccounts" });
  if (address.toLowerCase() !== trader.toLowerCase()) return say("", words.otherAccount);
  wallet = found;
  return wallet;
}

const sign = (typedData) => signTypedData(wallet, trader, typedData, facts);

// The order form.

const form = byId("order");
const ticketOf = () => {
  const { side, kind, trigger, "trigger-price": triggerPrice, price, amount } = Object.fromEntries(new FormData(form));
  const days = byId("order-days").selectedOptions[0].textContent;
  return readTicket(market, { side, kind, days, trigger, triggerPrice, price, amount }, balances(), lastPrice());
};

// Of the last trade, once the feed told of one.
function lastPrice() {
  const [newest] = known?.trades.list() ?? [];
  return newest && BigInt(newest.limit_price);
}

function showTicket() {
  const ticket = ticketOf();
  const says = byId("order-says");
  const isWhole = !ticket.incomplete && !ticket.problem;
  if (ticket.incomplete) says.textContent = words.fillIn;
  else if (ticket.problem) says.textContent = fill(words[ticket.problem], ticket.values);
  else says.textContent = sentence(market, ticket, balances(), words);
  says.dataset.tone = ticket.incomplete ? "quiet" : isWhole ? "done" : "refused";
  for (const field of ["trigger-price", "price", "amount"]) {
    byId(`order-${field}`).setAttribute("aria-invalid", String(ticket.field === field));
  }
  const { kind, side, trigger } = Object.fromEntries(new FormData(form));
  byId("order-trigger-price-field").hidden = trigger === "NONE";
  byId("order-days-field").hidden = !mayWait(kind, trigger);
  const button = byId("order-sign");
  if (!button) return;
  button.disabled = !isWhole;
  button.textContent = side === "buy" ? words.signBuy : words.signSell;
}

const mayWait = (kind, trigger) => kind === "GTT" || kind === "POST_ONLY" || trigger !== "NONE";

function expiryOf({ kind, trigger }) {
  const seconds = mayWait(kind, trigger) ? Number(byId("order-days").value) * DAY_SECONDS : AT_ONCE_SECONDS;
  return now() + facts.settlementSeconds + seconds;
}

function tellPlaced({ order: placed }) {
  const values = { ...placed, base: base.symbol, reason: placed.reason ?? "" };
  if (placed.state === "open" && placed.trigger) return fill(words.waitsForTrigger, values);
  const isUntouched = placed.filled_units === "0";
  if (placed.state === "open") return fill(isUntouched ? words.waits : words.filledPart, values);
  return fill(placed.state === "filled" ? words.filled : words.ended, values);
}

async function place() {
  const ticket = ticketOf();
  if (!(await connect(order))) return;
  const { newest_epoch: epoch, next_nonce: nonce } = await api("GET", `/v1/exchange/accounts/${trader}`);
  const signed = {
    trader,
    side: ticket.side,
    base: base.address,
    quote: quote.address,
    amount: `${ticket.amount}`,
    limit_price: `${ticket.price}`,
    time_in_force: ticket.kind,
    trigger: ticket.trigger,
    trigger_price: `${ticket.triggerPrice}`,
    max_fee_basis_points: ticket.feeBasisPoints,
    expires_at: expiryOf(ticket),
    epoch,
    nonce,
    chain_id: facts.chainId,
    contract: facts.contract,
  };
  order.say(words.signOrder);
  const signature = await sign(orderTypedData(signed));
  order.say(words.sendingOrder);
  const placed = await api("POST", "/v1/exchange/orders", { signed, signature });
  byId("order-amount").value = "";
  order.say(tellPlaced(placed));
  await refresh();
}

function takeBest() {
  const { side } = Object.fromEntries(new FormData(form));
  const rows = byId(side === "buy" ? "asks" : "bids").querySelectorAll("[data-price]");
  const best = side === "buy" ? rows[rows.length - 1] : rows[0];
  if (!best) return order.say("", side === "buy" ? words.nobodySells : words.nobodyBuys);
  order.say();
  setPrice(best.dataset.price);
}

function setPrice(price) {
  byId("order-price").value = price;
  showTicket();
}

function setShare(percent) {
  const amount = shareOfBalance(market, Object.fromEntries(new FormData(form)), balances(), percent);
  if (amount === undefined) return order.say("", words.noPrice);
  order.say();
  byId("order-amount").value = amount;
  showTicket();
}

// What is pressed: rows and buttons come and go, so the document listens.
const PRESSED = [
  [orders, "[data-cancel]", ({ cancel: id }) => openOrders.cancel(id)],
  [orders, "[data-reduce]", (row) => openOrders.open(row)],
  [keys, "[data-revoke-key]", ({ revokeKey }) => tradingKeys.revoke(revokeKey)],
  [move, "[data-faucet]", ({ faucet }) => money.faucet(faucet)],
  [move, "[data-exit]", ({ exit, asset }) => money.exit(exit, asset)],
];

document.addEventListener("click", ({ target }) => {
  for (const [told, selector, act] of PRESSED) {
    const button = target.closest(selector);
    if (button) told.run(button, () => act(button.dataset));
  }
  const row = target.closest(".ladder [data-price]");
  if (row) setPrice(row.dataset.price);
  const share = target.closest("[data-share]");
  if (share) setShare(share.dataset.share);
});

form.addEventListener("input", showTicket);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = byId("order-sign");
  if (button && !button.disabled) order.run(button, place).then(showTicket);
});
byId("order-best").addEventListener("click", takeBest);
byId("move")?.addEventListener("submit", (event) => {
  event.preventDefault();
  move.run(event.submitter, event.submitter.value === "deposit" ? money.deposit : money.withdraw);
});

byId("keys")?.addEventListener("submit", (event) => {
  event.preventDefault();
  keys.run(event.submitter, tradingKeys.add);
});

byId("reduce")?.addEventListener("submit", (event) => {
  event.preventDefault();
  orders.run(event.submitter, openOrders.send);
});
byId("reduce-close")?.addEventListener("click", () => openOrders.close());

const parts = trader ? [...facts.publicParts, ...facts.traderParts] : facts.publicParts;
const refresh = keepCurrent(parts, showParts);
const money = trader && moneyOf(facts, { account, connect: () => connect(move), say: move.say, sign, refresh });

const tradingKeys = trader && keysOf(facts, { connect: () => connect(keys), say: keys.say, refresh });
const openOrders = trader && ordersOf(facts, { api, say: orders.say, refresh });

function showParts() {
  money?.show();
  showTicket();
  // A trade or a withdrawal of the trader that no block has yet.
  if (document.querySelector("[data-unfinished]")) refresh.soon();
}

const redrawBook = oncePerFrame(() => drawBook(known.book, facts));
const redrawTrades = oncePerFrame(() => drawTrades(known.trades.list(), facts));

follow(market.id, {
  most: facts.trades,
  onState: (state) => {
    if (known && state === "live") refresh.soon();
    byId("feed-state").textContent = words[state];
    byId("ladder").toggleAttribute("data-live", state === "live");
  },
  onMessage: (message, current) => {
    known = current;
    redrawBook();
    if (!message.trades?.length) return;
    redrawTrades();
    if (message.type !== "snapshot") refresh.soon();
  },
});
money?.read();
showParts();
