// Follows a market by the server's WebSocket. What is missed or does not fit is answered by connecting again, which brings a
// new snapshot.

import { Book, Trades } from "./book.js";

const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 15_000;

// `onState` hears "live" or "connecting"; `onMessage` every message that was taken, with the book and the trades after it.
export function follow(market, { most, onState, onMessage }) {
  const known = { book: undefined, trades: undefined };
  let retryMs = RETRY_FIRST_MS;

  function take(message) {
    if (message.type === "snapshot") {
      known.book = new Book(message);
      known.trades = new Trades(message.trades, most);
      return known.book.checksum() === message.checksum;
    }
    if (message.type === "delta") {
      known.trades.add(message.trades);
      return known.book.apply(message);
    }
    if (message.type === "settled") known.trades.settle(message.trades);
    return true;
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/exchange/${encodeURIComponent(market)}`);
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (!take(message)) return socket.close();
      if (message.type === "snapshot") {
        retryMs = RETRY_FIRST_MS;
        onState("live");
      }
      onMessage(message, known);
    });
    socket.addEventListener("close", () => {
      onState("connecting");
      // Not all at the same moment, where the server came back.
      setTimeout(connect, retryMs * (0.5 + Math.random()));
      retryMs = Math.min(retryMs * 2, RETRY_MOST_MS);
    });
  }

  connect();
}
