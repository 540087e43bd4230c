// The exchange as a class of the library ccxt: its methods, its structures, its errors. Programs that trade with ccxt elsewhere
// trade here with it. What the library knows as a private key signs each order; it stays here. It is the trader's own, or a trading
// key of the trader's, which cannot withdraw: then `walletAddress` is the trader.

import { Exchange, Precise, errors } from 'ccxt';
import { privateKeyToAccount } from 'viem/accounts';
import { cancellationMessage, cancellationTypes, exchangeOrderMessage, orderTypes } from '../../contracts/exchange_orders.mjs';
import { domainOf } from '../../contracts/receipts.mjs';

// An order that does not wait needs no longer than its settlement may take, and its way to the server.
const AT_ONCE_SECONDS = 300;
const WAITING_SECONDS = 7 * 86_400;

// ccxt's names, and ours.
const TIMES_IN_FORCE = { GTC: 'GTT', GTT: 'GTT', IOC: 'IOC', FOK: 'FOK', PO: 'POST_ONLY' };
const STATUSES = { open: 'open', filled: 'closed', cancelled: 'canceled', expired: 'expired' };

// Rows of one answer.
const ROWS_MAX = 100;

/** Smallest units of a decimal, of which a whole has 10^decimals. */
function unitsOf(text, decimals) {
  const [whole, fraction = ''] = text.split('.');
  return `${BigInt(whole + fraction.padEnd(decimals, '0'))}`;
}

/** The chain and the contract that orders are signed for are those of the options, whatever the server names. */
export class AitbcExchange extends Exchange {
  describe() {
    return this.deepExtend(super.describe(), {
      id: 'aitbc',
      name: 'AITBC',
      dex: true,
      // 6 000 orders and cancellations a minute.
      rateLimit: 10,
      precisionMode: 4,
      has: {
        spot: true, margin: false, swap: false, future: false, option: false, createOrder: true, createMarketOrder: false, cancelOrder: true,
        fetchBalance: true, fetchMarkets: true, fetchMyTrades: true, fetchOHLCV: true, fetchOpenOrders: true, fetchOrder: true,
        fetchOrderBook: true, fetchTicker: true, fetchTrades: true,
      },
      timeframes: { '1m': '1m', '5m': '5m', '15m': '15m', '1h': '1h', '4h': '4h', '1d': '1d' },
      urls: { api: 'http://127.0.0.1:8000' },
      api: {
        exchange: {
          get: {
            'exchange': 1,
            'exchange/{market}/book': 1,
            'exchange/{market}/trades': 1,
            'exchange/{market}/candles': 1,
            'exchange/{market}/ticker': 1,
            'exchange/orders/{id}': 1,
            'exchange/accounts/{address}': 1,
            'exchange/accounts/{address}/orders': 1,
            'exchange/accounts/{address}/fills': 1,
          },
          post: { 'exchange/orders': 1, 'exchange/cancels': 1 },
        },
      },
      requiredCredentials: { apiKey: false, secret: false, walletAddress: false, privateKey: true },
      options: { chainId: 24_822, contract: '0x0000000000000000000000000000000000a17004' },
      exceptions: {
        broad: {
          ' are free': errors.InsufficientFunds,
          'a post-only order': errors.OrderImmediatelyFillable,
          'no open order': errors.OrderNotFound,
          'there is no order': errors.OrderNotFound,
          'there is no market': errors.BadSymbol,
          'no market trades': errors.BadSymbol,
          'nonce:': errors.InvalidNonce,
        },
      },
      httpExceptions: {
        400: errors.BadRequest, 401: errors.AuthenticationError, 403: errors.PermissionDenied, 404: errors.BadRequest,
        409: errors.OperationRejected, 422: errors.InvalidOrder, 429: errors.RateLimitExceeded, 503: errors.ExchangeNotAvailable,
      },
    });
  }

  sign(path, api = 'exchange', method = 'GET', params = {}, headers = undefined, body = undefined) {
    const url = `${this.urls.api}/v1/${this.implodeParams(path, params)}`;
    const rest = this.omit(params, this.extractParams(path));
    if (method !== 'GET') return { url, method, headers: { 'content-type': 'application/json' }, body: this.json(rest) };
    const query = this.urlencode(rest);
    return { url: query ? `${url}?${query}` : url, method, headers, body };
  }

  handleErrors(status, reason, url, method, responseHeaders, responseBody, response) {
    if (status < 400) return undefined;
    const { detail = '', errors: fields = [] } = response ?? {};
    const told = [detail, ...fields.map((field) => field.detail)].join(' ');
    this.throwBroadlyMatchedException(this.exceptions.broad, told, `${this.id} ${method} ${url} ${status} ${told}`);
    return undefined;
  }

  // Markets.

  async fetchMarkets() {
    const exchange = await this.exchangeGetExchange();
    const { chainId, contract } = this.options;
    const isOurs = exchange.chain_id === chainId && exchange.contract.toLowerCase() === contract.toLowerCase();
    if (!isOurs) throw new errors.ExchangeError(`${this.id} settles at ${exchange.contract} on chain ${exchange.chain_id}, not where it should`);
    this.options.settlementSeconds = exchange.settlement_seconds;
    return exchange.markets.map((market) => this.parseMarket(market));
  }

  parseMarket(market) {
    // Names stay as they are: in capitals the worthless tUSD would be called as a dollar that is worth one.
    const { symbol: base, address: baseId } = market.base;
    const { symbol: quote, address: quoteId } = market.quote;
    const rate = (basisPoints) => this.parseNumber(Precise.stringDiv(`${basisPoints}`, '10000'));
    return this.safeMarketStructure({
      id: market.id, lowercaseId: market.id.toLowerCase(), symbol: `${base}/${quote}`, base, quote, baseId, quoteId, type: 'spot', spot: true,
      margin: false, active: market.is_open, taker: rate(market.taker_fee_basis_points), maker: rate(market.maker_fee_basis_points),
      precision: { amount: this.parseNumber(market.lot), price: this.parseNumber(market.tick) },
      limits: {
        leverage: {},
        amount: { min: this.parseNumber(market.lot), max: this.parseNumber(market.amount_max) },
        price: { min: this.parseNumber(market.tick) },
        cost: { min: this.parseNumber(market.notional_min) },
      },
      info: market,
    });
  }

  async fetchOrderBook(symbol, limit = undefined, params = {}) {
    await this.loadMarkets();
    const market = this.market(symbol);
    const depth = limit === undefined ? {} : { depth: limit };
    const book = await this.exchangeGetExchangeMarketBook(this.extend({ market: market.id, ...depth }, params));
    return { ...this.parseOrderBook(book, market.symbol, undefined, 'bids', 'asks', 'price', 'amount'), nonce: book.sequence };
  }

  async fetchTicker(symbol, params = {}) {
    await this.loadMarkets();
    const market = this.market(symbol);
    return this.parseTicker(await this.exchangeGetExchangeMarketTicker(this.extend({ market: market.id }, params)), market);
  }

  parseTicker(ticker, market = undefined) {
    const { last, best_bid: bid, best_ask: ask, open, high, low, volume: baseVolume, quote_volume: quoteVolume } = ticker;
    const values = { last, close: last, bid, ask, open, high, low, baseVolume, quoteVolume };
    return this.safeTicker({ symbol: this.safeSymbol(ticker.market, market), ...values, info: ticker }, market);
  }

  async fetchTrades(symbol, since = undefined, limit = undefined, params = {}) {
    await this.loadMarkets();
    const market = this.market(symbol);
    const request = { market: market.id, limit: Math.min(limit ?? ROWS_MAX, ROWS_MAX) };
    const { trades } = await this.exchangeGetExchangeMarketTrades(this.extend(request, params));
    return this.parseTrades(trades, market, since, limit);
  }

  /** A trade of everybody, or one of the trader's own, which names its order. */
  parseTrade(trade, market = undefined) {
    const known = this.safeMarket(trade.market, market);
    const isOwn = trade.order_id !== undefined;
    const side = isOwn ? trade.side : trade.taker_side;
    // Who buys receives the base asset, and pays the fee in it.
    const fee = isOwn ? { cost: trade.fee, currency: side === 'buy' ? known.base : known.quote } : undefined;
    return this.safeTrade({
      id: `${trade.trade}`, timestamp: trade.matched_at_unix_ms, datetime: this.iso8601(trade.matched_at_unix_ms), symbol: known.symbol,
      order: isOwn ? `${trade.order_id}` : undefined, type: isOwn ? 'limit' : undefined, side, takerOrMaker: trade.role, price: trade.price, amount: trade.amount,
      cost: trade.quote_amount, fee, info: trade,
    }, known);
  }

  async fetchOHLCV(symbol, timeframe = '1m', since = undefined, limit = undefined, params = {}) {
    await this.loadMarkets();
    const market = this.market(symbol);
    const request = { market: market.id, interval: this.timeframes[timeframe] };
    if (since !== undefined) request.from = Math.ceil(since / 1000);
    if (limit !== undefined) request.limit = limit;
    const { candles } = await this.exchangeGetExchangeMarketCandles(this.extend(request, params));
    return this.parseOHLCVs(candles, market, timeframe, since, limit);
  }

  parseOHLCV({ start, open, high, low, close, volume }) {
    return [start * 1000, ...[open, high, low, close, volume].map((text) => this.parseNumber(text))];
  }

  // What the trader has and does.

  trader() {
    if (this.walletAddress) return this.walletAddress;
    this.checkRequiredCredentials();
    return privateKeyToAccount(this.privateKey).address;
  }

  async fetchBalance(params = {}) {
    await this.loadMarkets();
    const account = await this.exchangeGetExchangeAccountsAddress(this.extend({ address: this.trader() }, params));
    const balances = account.balances.map(({ symbol, free, reserved }) => [symbol, { free, used: reserved }]);
    return this.safeBalance({ info: account, ...Object.fromEntries(balances) });
  }

  /** An order says what it waits for by `triggerPrice` with `triggerDirection`, by `stopLossPrice` or by `takeProfitPrice`. */
  readTrigger(symbol, side, params) {
    const [triggerPrice, stopLossPrice, takeProfitPrice] = this.handleTriggerPricesAndParams(symbol, params);
    const price = triggerPrice ?? stopLossPrice ?? takeProfitPrice;
    if (price === undefined) return { trigger: 'NONE', price: '0' };
    const isRise = triggerPrice === undefined
      ? (side === 'buy') === (stopLossPrice !== undefined)
      : this.handleTriggerDirectionAndParams(params)[0] === 'ascending';
    return { trigger: isRise ? 'AT_OR_ABOVE' : 'AT_OR_BELOW', price };
  }

  async createOrder(symbol, type, side, amount, price = undefined, params = {}) {
    await this.loadMarkets();
    this.checkRequiredCredentials();
    if (type !== 'limit' || price === undefined) {
      throw new errors.InvalidOrder(`${this.id} has limit orders alone: what is signed names the worst price. Take one with timeInForce IOC`);
    }
    const market = this.market(symbol);
    const { base, quote, maker_fee_basis_points: maker, taker_fee_basis_points: taker } = market.info;
    const kind = TIMES_IN_FORCE[params.postOnly ? 'PO' : (params.timeInForce ?? 'GTC')];
    if (!kind) throw new errors.InvalidOrder(`${this.id} knows the times in force ${Object.keys(TIMES_IN_FORCE).join(', ')}`);
    const trigger = this.readTrigger(symbol, side, params);
    const mayWait = kind === 'GTT' || kind === 'POST_ONLY' || trigger.trigger !== 'NONE';
    const seconds = mayWait ? (params.waitSeconds ?? WAITING_SECONDS) : AT_ONCE_SECONDS;
    const priceDecimals = 18 + quote.decimals - base.decimals;
    const trader = this.trader();
    const { newest_epoch: epoch, next_nonce: nonce } = await this.exchangeGetExchangeAccountsAddress({ address: trader });
    const signed = {
      trader,
      side,
      base: base.address,
      quote: quote.address,
      amount: unitsOf(this.amountToPrecision(symbol, amount), base.decimals),
      limit_price: unitsOf(this.priceToPrecision(symbol, price), priceDecimals),
      time_in_force: kind,
      trigger: trigger.trigger,
      trigger_price: unitsOf(trigger.price, priceDecimals),
      max_fee_basis_points: { POST_ONLY: maker, GTT: Math.max(maker, taker) }[kind] ?? taker,
      expires_at: this.seconds() + this.options.settlementSeconds + seconds,
      epoch,
      nonce,
      ...this.place(),
    };
    const placed = await this.exchangePostExchangeOrders(await this.signed(orderTypes, exchangeOrderMessage(signed), signed));
    return this.parseOrder({ ...placed.order, fills: placed.fills }, market);
  }

  async cancelOrder(id, symbol = undefined) {
    await this.loadMarkets();
    this.checkRequiredCredentials();
    const { order } = await this.exchangeGetExchangeOrdersId({ id });
    const signed = { trader: this.trader(), from_nonce: order.nonce, to_nonce: order.nonce, ...this.place() };
    const message = cancellationMessage(signed);
    const { order_ids: ended } = await this.exchangePostExchangeCancels(await this.signed(cancellationTypes, message, signed));
    if (!ended.includes(order.id)) throw new errors.OrderNotFound(`${this.id} order ${id} is not open`);
    return this.fetchOrder(id, symbol);
  }

  /** Where a signature counts. */
  place() {
    return { chain_id: this.options.chainId, contract: this.options.contract };
  }

  async signed(types, message, signed) {
    const domain = domainOf(signed.chain_id, signed.contract);
    const [primaryType] = Object.keys(types);
    const signature = await privateKeyToAccount(this.privateKey).signTypedData({ domain, types, primaryType, message });
    return { signed, signature };
  }

  async fetchOrder(id, symbol = undefined, params = {}) {
    await this.loadMarkets();
    const { order, fills } = await this.exchangeGetExchangeOrdersId(this.extend({ id }, params));
    return this.parseOrder({ ...order, fills }, symbol && this.market(symbol));
  }

  async fetchOpenOrders(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    await this.loadMarkets();
    const request = this.extend({ address: this.trader(), state: 'open' }, params);
    const orders = await this.rows(() => false, (cursor) => this.exchangeGetExchangeAccountsAddressOrders({ ...request, ...cursor }));
    const market = symbol && this.market(symbol);
    return this.parseOrders(orders.filter((order) => !market || order.market === market.id), market, since, limit);
  }

  async fetchMyTrades(symbol = undefined, since = undefined, limit = undefined, params = {}) {
    await this.loadMarkets();
    const market = symbol && this.market(symbol);
    const request = this.extend({ address: this.trader() }, params);
    const isHere = (fill) => !market || fill.market === market.id;
    const isEnough = (fills) => {
      const oldest = fills[fills.length - 1];
      return since === undefined ? fills.filter(isHere).length >= (limit ?? ROWS_MAX) : oldest?.matched_at_unix_ms < since;
    };
    const fills = await this.rows(isEnough, (cursor) => this.exchangeGetExchangeAccountsAddressFills({ ...request, ...cursor }));
    return this.parseTrades(fills.filter(isHere), market, since, limit);
  }

  /** The pages of a list, the newest rows first, until there are enough. */
  async rows(isEnough, ask) {
    const rows = [];
    for (let cursor; cursor !== null && !isEnough(rows);) {
      const page = await ask({ limit: ROWS_MAX, ...(cursor && { cursor }) });
      rows.push(...page.items);
      cursor = page.next_cursor ?? null;
    }
    return rows;
  }

  parseOrder(order, market = undefined) {
    const { time_in_force: kind, trigger, placed_at_unix_ms: timestamp, changed_at_unix_ms: lastUpdateTimestamp } = order;
    const known = this.safeMarket(order.market, market);
    const timeInForce = { GTT: 'GTC', POST_ONLY: 'PO' }[kind] ?? kind;
    return this.safeOrder({
      id: `${order.id}`, clientOrderId: `${order.nonce}`, timestamp, datetime: this.iso8601(timestamp), lastUpdateTimestamp,
      status: STATUSES[order.state], symbol: known.symbol, type: 'limit', timeInForce, postOnly: kind === 'POST_ONLY', side: order.side,
      price: order.price, triggerPrice: trigger?.price, amount: order.amount, filled: order.filled, trades: order.fills, info: order,
    }, known);
  }
}
