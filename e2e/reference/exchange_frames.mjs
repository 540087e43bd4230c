// How smoothly the page of a market draws while its feed tells of a thousand updates a second. The page is the real server's, and
// its feed is this program's: a thousand messages a second, each with a changed price on both sides, a checksum, and now and then
// a trade, more than the server itself would send. Prints figures as a JSON array, as `cargo xtask bench` reads them.

import { createHash } from 'node:crypto';
import { createServer, request } from 'node:http';
import { Book } from '../../public/trading/book.js';
import { launch, openPage } from '../support/browser.mjs';
import { System } from '../support/system.mjs';

const MARKET = 'AIT-tUSD';
const UPDATES_PER_SECOND = 1_000;
const SECONDS = 10;
/** Of the screen that Chromium draws for. */
const FRAMES_PER_SECOND_BAR = 60;
/** A frame more or less at the ends of the measurement. */
const TOLERANCE = 0.5;
const LEVELS = 100;
const TICK_MS = 5;
const LOT = 10n ** 16n;

const level = (ticks, lots) => ({
  price: `${ticks / 10_000}`, amount: `${lots / 100}`, limit_price: `${ticks * 100}`, amount_units: `${BigInt(lots) * LOT}`,
});

/** A book that moves, as the server would tell of it. */
class Market {
  #book;
  #sequence = 1;
  #trade = 0;

  snapshot() {
    const side = (direction) => Array.from({ length: LEVELS }, (_, place) => level(2_500 + direction * (place + 1), 10 + place));
    const view = { market: MARKET, sequence: this.#sequence, bids: side(-1), asks: side(1) };
    this.#book = new Book(view);
    return { type: 'snapshot', ...view, checksum: this.#book.checksum(), trades: [] };
  }

  /** The best prices change most. */
  next() {
    const [previous_sequence, sequence] = [this.#sequence, (this.#sequence += 1)];
    const place = 1 + (sequence % 7 === 0 ? (sequence * 31) % LEVELS : sequence % 10);
    const lots = 1 + ((sequence * 17) % 500);
    const delta = { previous_sequence, sequence, bids: [level(2_500 - place, lots)], asks: [level(2_500 + place, lots)] };
    this.#book.apply({ ...delta, checksum: 0 });
    const trades = sequence % 10 === 0 ? [this.#newTrade(lots)] : [];
    return { type: 'delta', ...delta, checksum: this.#book.checksum(), trades };
  }

  #newTrade(lots) {
    this.#trade += 1;
    const { price, amount, limit_price, amount_units } = level(2_500, lots);
    return {
      trade: this.#trade, price, amount, limit_price, amount_units, taker_side: this.#trade % 2 ? 'buy' : 'sell',
      matched_at_unix_ms: Date.now(), state: 'matched',
    };
  }
}

/** A text frame of a WebSocket, as a server sends it. */
function frame(text) {
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 255]);
  if (payload.length < 65_536) return Buffer.concat([head, payload]);
  const long = Buffer.alloc(10);
  long.writeUInt16BE(0x817f);
  long.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([long, payload]);
}

/** Passes everything on to the server but the market's feed, which it makes once `feed.runs`. `feed.sent` counts its messages. */
function front(system, feed) {
  const server = createServer((asked, answer) => {
    const { method, url, headers } = asked;
    const passed = request(`${system.url}${url}`, { method, headers: { ...headers, host: new URL(system.url).host } }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      given.pipe(answer);
    });
    asked.pipe(passed);
  });
  server.on('upgrade', (asked, socket) => {
    const accepted = createHash('sha1').update(`${asked.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accepted}\r\n\r\n`);
    const market = new Market();
    socket.write(frame(JSON.stringify(market.snapshot())));
    let began;
    let sent = 0;
    const timer = setInterval(() => {
      if (!feed.runs) return;
      began ??= performance.now();
      const due = Math.floor(((performance.now() - began) * UPDATES_PER_SECOND) / 1_000);
      const frames = [];
      for (; sent < due; sent += 1) frames.push(frame(JSON.stringify(market.next())));
      feed.sent += frames.length;
      socket.write(Buffer.concat(frames));
    }, TICK_MS);
    feed.connections += 1;
    socket.on('error', () => {});
    socket.on('close', () => clearInterval(timer));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Times of frames while the page works, in milliseconds. */
const frames = (page) =>
  page.evaluate(
    (limit) =>
      new Promise((resolve) => {
        const times = [];
        const note = (time) => {
          times.push(time);
          if (time - times[0] < limit) requestAnimationFrame(note);
          else resolve(times);
        };
        requestAnimationFrame(note);
      }),
    SECONDS * 1_000,
  );

function paceOf(times) {
  const gaps = times.slice(1).map((time, place) => time - times[place]).sort((one, other) => one - other);
  return { perSecond: (1_000 * gaps.length) / (times.at(-1) - times[0]), p99Ms: gaps[Math.floor((gaps.length - 1) * 0.99)] };
}

async function measure(system, browser) {
  const feed = { runs: false, sent: 0, connections: 0 };
  const server = await front(system, feed);
  const page = await openPage(browser);
  await page.goto(`http://127.0.0.1:${server.address().port}/exchange/${MARKET}`);
  await page.waitForSelector('#ladder[data-live]');
  // What this machine draws of a page at rest, which is more than the page can be blamed for.
  const rest = paceOf(await frames(page));
  feed.runs = true;
  const times = await frames(page);
  const updates = feed.sent / ((times.at(-1) - times[0]) / 1_000);
  const shown = await page.locator('[data-testid="trades"] tbody tr[data-trade]').count();
  if (shown === 0) throw new Error('the page shows no trade of the feed');
  if (feed.connections !== 1) throw new Error('the page found a message wrong and connected again');
  await page.context().close();
  server.closeAllConnections();
  server.close();
  const { perSecond, p99Ms } = paceOf(times);
  const figure = (name, value, unit, bar = null, holds = null) => ({ name: `exchange: ${name}`, value, unit, bar, holds });
  return [
    figure('updates that reach the page', updates, '1/s'),
    figure('frames of the page at rest', rest.perSecond, '1/s'),
    figure('frames of the page meanwhile', perSecond, '1/s', FRAMES_PER_SECOND_BAR, perSecond >= FRAMES_PER_SECOND_BAR - TOLERANCE),
    figure('longest of 99 % of the frames', p99Ms, 'ms'),
  ];
}

const system = await System.start('exchange-frames', { workers: 0 });
try {
  const browser = await launch();
  try {
    console.log(JSON.stringify(await measure(system, browser)));
  } finally {
    await browser.close();
  }
} finally {
  await system.stop();
}
