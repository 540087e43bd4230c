// Draws book and trades into the rows that the server drew first, at most once for each frame of the screen.

import { shown, showText } from "./amounts.js";

const byId = (id) => document.getElementById(id);

// Calls `draw` before the next frame, once, however often it is asked to.
export function oncePerFrame(draw) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      draw();
    });
  };
}

// What says the same already is left alone: each change costs the browser a look at the whole table.
function setText(node, text) {
  const only = node.childNodes.length === 1 && node.firstChild;
  if (only?.nodeType !== Node.TEXT_NODE) node.textContent = text;
  else if (only.data !== text) only.data = text;
}

function setData(node, name, value) {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

// As many rows as there are values, each of so many cells; rows that stand there are used again.
function rowsOf(body, count, cells) {
  body.querySelectorAll(".ladder-empty").forEach((row) => row.remove());
  while (body.rows.length > count) body.deleteRow(-1);
  while (body.rows.length < count) {
    const row = body.insertRow();
    for (let cell = 0; cell < cells; cell += 1) row.insertCell();
  }
  return [...body.rows];
}

function sayEmpty(body, cells, text) {
  const row = document.createElement("tr");
  row.className = "ladder-empty";
  const cell = row.insertCell();
  cell.colSpan = cells;
  cell.textContent = text;
  body.replaceChildren(row);
}

const LADDER_CELLS = 3;

export function drawBook(book, facts) {
  const { market, words, levels, depthSteps, pricePlaces, amountPlaces } = facts;
  const sides = { asks: sums(book.asks(levels)), bids: sums(book.bids(levels)) };
  const most = [sides.asks, sides.bids].reduce((highest, side) => {
    const sum = side.at(-1)?.sum ?? 0n;
    return sum > highest ? sum : highest;
  }, 1n);
  // The best price to sell at stands lowest, next to the best price to buy at.
  sides.asks.reverse();
  for (const [id, side, nobody] of [["asks", "sell", words.nobodySells], ["bids", "buy", words.nobodyBuys]]) {
    const body = byId(id);
    if (sides[id].length === 0) {
      sayEmpty(body, LADDER_CELLS, nobody);
      continue;
    }
    const rows = rowsOf(body, sides[id].length, LADDER_CELLS);
    sides[id].forEach(({ level, sum }, at) => {
      const row = rows[at];
      setData(row, "side", side);
      setData(row, "price", level.price);
      setData(row, "depth", String((sum * BigInt(depthSteps) + most - 1n) / most));
      setText(row.cells[0], showText(level.price, pricePlaces));
      setText(row.cells[1], showText(level.amount, amountPlaces));
      setText(row.cells[2], shown(sum, market.base.decimals, amountPlaces));
    });
  }
}

// From the best level on.
function sums(levels) {
  let sum = 0n;
  return levels.map((level) => {
    sum += BigInt(level.amount_units);
    return { level, sum };
  });
}

const ARROWS = { buy: "▲", sell: "▼" };
const TRADE_CELLS = 4;

// A row moves with its trade, so that only new trades and those that ended are drawn.
export function drawTrades(trades, facts) {
  if (trades.length === 0) return;
  const body = byId("trades");
  const before = rowsOf(body, trades.length, TRADE_CELLS);
  const newer = trades.findIndex(({ trade }) => String(trade) === before[0].dataset.trade);
  if (newer > 0) body.prepend(...before.slice(-newer));
  const rows = body.rows;
  trades.forEach((trade, at) => {
    const { dataset } = rows[at];
    const isDrawn = dataset.trade === String(trade.trade) && dataset.drawn === trade.state;
    if (!isDrawn) drawTrade(rows[at], trade, facts);
  });
  const middle = byId("book-middle");
  const price = showText(trades[0].price, facts.pricePlaces);
  const last = middle.querySelector("strong");
  if (last) return setText(last, price);
  const shownPrice = document.createElement("strong");
  shownPrice.textContent = price;
  middle.replaceChildren(shownPrice, ` ${facts.words.lastPrice}`);
}

function drawTrade(row, trade, { words, pricePlaces, amountPlaces }) {
  const isBuy = trade.taker_side === "buy";
  row.dataset.trade = trade.trade;
  row.dataset.side = trade.taker_side;
  row.dataset.drawn = trade.state;
  const [price, amount, time, state] = row.cells;
  const told = document.createElement("span");
  told.className = "visually-hidden";
  told.textContent = isBuy ? words.boughtAtOnce : words.soldAtOnce;
  const arrow = document.createElement("span");
  arrow.ariaHidden = "true";
  arrow.textContent = ARROWS[trade.taker_side];
  price.replaceChildren(arrow, ` ${showText(trade.price, pricePlaces)}`, told);
  setText(amount, showText(trade.amount, amountPlaces));
  const at = new Date(trade.matched_at_unix_ms).toISOString();
  setText(time, at.slice(11, 19));
  time.className = "quiet";
  time.title = at;
  state.replaceChildren(stateOf(trade, words));
}

function stateOf(trade, words) {
  const link = trade.settled_in && document.createElement("a");
  const node = link ?? document.createElement("span");
  if (link) link.href = `/explorer/transactions/${trade.settled_in.transaction_hash}`;
  else node.className = trade.state === "void" ? "delta-down" : "quiet";
  node.dataset.state = trade.state;
  node.textContent = { matched: words.matched, final: words.final, void: words.void }[trade.state];
  if (trade.reason) node.title = trade.reason;
  return node;
}
