//! An exchange that stands still: one market of AIT against a worthless dollar.

use frontend::backend::{MarketPage, Newest, TraderPage};
use serde_json::{Value, json};
use shared::Address;
use shared::api::exchange::{CandleInterval, Candles, ExchangeView, MarketView};
use shared::chain::TOKEN_ADDRESS;

pub(crate) const DOLLAR: Address = Address::repeat_byte(0xd0);
const CONTRACT: Address = Address::repeat_byte(0xc0);
const OPERATOR: Address = Address::repeat_byte(0x0b);
/// Signs orders for the trader.
pub(crate) const KEY: Address = Address::repeat_byte(0x7e);
const AT: u64 = 1_795_226_000;

/// What the pages ask about.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// This server runs none.
    pub(crate) absent: bool,
    /// Nothing was ever ordered.
    pub(crate) untouched: bool,
    /// Each list of the trader goes on.
    pub(crate) has_older: bool,
    /// Replaces members of the exchange's view.
    pub(crate) view: Value,
    /// Replaces members of the trader's account.
    pub(crate) account: Value,
    /// Replaces members of the trader's newest fill.
    pub(crate) fill: Value,
}

impl Default for Exchange {
    fn default() -> Self {
        let none = || json!({});
        Self { absent: false, untouched: false, has_older: false, view: none(), account: none(), fill: none() }
    }
}

fn with(mut value: Value, replaced: &Value) -> Value {
    if let (Some(members), Some(replaced)) = (value.as_object_mut(), replaced.as_object()) {
        members.extend(replaced.clone());
    }
    value
}

fn asset(address: Address, symbol: &str, name: &str, decimals: u8, is_worthless: bool) -> Value {
    json!({"address": address, "symbol": symbol, "name": name, "decimals": decimals,
        "is_worthless": is_worthless, "has_faucet": is_worthless, "is_bridged": false})
}

fn assets() -> [Value; 2] {
    [asset(TOKEN_ADDRESS, "AIT", "AITBC", 18, false), asset(DOLLAR, "tUSD", "Worthless Test Dollar", 6, true)]
}

fn market() -> MarketView {
    let [base, quote] = assets();
    serde_json::from_value(json!({
        "id": "AIT-tUSD", "number": 0, "base": base, "quote": quote, "lot": "0.001", "lot_units": "1000000000000000",
        "tick": "0.001", "limit_price_step": "1000", "limit_price_max": "4294967295000", "amount_max": "1000000",
        "amount_max_units": "1000000000000000000000000", "notional_min": "0.01", "notional_min_units": "10000",
        "maker_fee_basis_points": 5, "taker_fee_basis_points": 10, "is_open": true, "last_trade": 3,
        "last_settled_trade": 2,
    }))
    .unwrap()
}

fn level(price: u64, amount: u64) -> Value {
    json!({"price": format!("0.{price:03}"), "limit_price": (price * 1_000).to_string(),
        "amount": format!("{}.{:03}", amount / 1_000, amount % 1_000), "amount_units": format!("{amount}000000000000000")})
}

fn trade(number: u64, price: u64, state: &str) -> Value {
    let settled =
        (state == "final").then(|| json!({"transaction_hash": shared::B256::repeat_byte(9), "block_number": 7}));
    let mut trade = json!({"trade": number, "market": "AIT-tUSD", "price": format!("0.{price:03}"),
        "limit_price": (price * 1_000).to_string(), "amount": "12.5", "amount_units": "12500000000000000000",
        "quote_amount": "2.6", "quote_units": "2600000", "taker_side": if number.is_multiple_of(2) { "buy" } else { "sell" },
        "matched_at_unix_ms": (AT + number) * 1_000, "state": state});
    if let Some(settled) = settled {
        trade["settled_in"] = settled;
    }
    trade
}

/// A price that goes up and down.
fn candle(slot: u64) -> Value {
    let price = |at: u64| 200 + (at * 7 % 23) + at / 4;
    let [open, close] = [price(slot), price(slot + 1)];
    let text = |price: u64| format!("0.{price:03}");
    json!({"start": AT / 60 * 60 - 60 * (79 - slot), "open": text(open), "close": text(close),
        "high": text(open.max(close) + 3), "low": text(open.min(close) - 2),
        "volume": format!("{}.5", slot * 13 % 90 + 1), "quote_volume": "3.1", "trades": slot % 5 + 1})
}

impl Exchange {
    pub(crate) fn view(&self) -> Option<ExchangeView> {
        let view = json!({
            "chain_id": shared::chain::DEV_CHAIN_ID, "contract": CONTRACT, "operator": OPERATOR,
            "exit_delay_seconds": 3_600, "settlement_seconds": 300, "order_seconds_max": 7_776_000, "is_paused": false,
            "trades_to_settle": 1, "block_number": 3, "reconciliation": {"accounts": 2, "differing": 0},
            "assets": assets(), "markets": [market()],
        });
        (!self.absent).then(|| serde_json::from_value(with(view, &self.view)).unwrap())
    }

    pub(crate) fn market(&self, id: &str, interval: CandleInterval) -> Option<MarketPage> {
        let exchange = self.view()?;
        let market = exchange.markets.iter().find(|market| market.id == id)?.clone();
        let some = |values: Vec<Value>| if self.untouched { vec![] } else { values };
        let asks = some((0..12).map(|step| level(223 + step, 4_000 + 3_750 * step)).collect());
        let bids = some((0..7).map(|step| level(221 - step, 2_000 + 5_125 * step)).collect());
        let trades = some(vec![trade(3, 222, "matched"), trade(2, 221, "final"), trade(1, 220, "void")]);
        let candles = some((20..80).filter(|slot| slot % 11 != 0).map(candle).collect());
        let day = json!({"last": "0.222", "best_bid": "0.221", "best_ask": "0.223", "open": "0.217", "high": "0.24",
            "low": "0.199", "change_basis_points": 230});
        let ticker = json!({"market": id, "volume": if self.untouched { "0" } else { "1834.25" }, "quote_volume": "400",
            "trades": if self.untouched { 0 } else { 61 }});
        let ticker = if self.untouched { ticker } else { with(ticker, &day) };
        Some(MarketPage {
            market,
            ticker: serde_json::from_value(ticker).unwrap(),
            book: serde_json::from_value(
                json!({"market": id, "sequence": 8, "checksum": 0, "bids": bids, "asks": asks}),
            )
            .unwrap(),
            trades: serde_json::from_value(json!(trades)).unwrap(),
            candles: Candles {
                market: id.to_owned(),
                interval,
                candles: serde_json::from_value(json!(candles)).unwrap(),
            },
            exchange,
        })
    }

    pub(crate) fn trader(&self, trader: Address) -> TraderPage {
        let balance = |asset: Address, symbol: &str, free: &str, reserved: &str, scale: usize| {
            let units =
                |whole: &str| if whole == "0" { whole.to_owned() } else { format!("{whole}{}", "0".repeat(scale)) };
            json!({"asset": asset, "symbol": symbol, "in_contract": free, "in_contract_units": units(free),
                "reserved": reserved, "reserved_units": units(reserved), "free": free, "free_units": units(free)})
        };
        let none = self.untouched;
        let of = |amount| if none { "0" } else { amount };
        let account = json!({
            "trader": trader, "newest_epoch": 0, "next_nonce": 5, "exit": "none", "open_orders": 1,
            "trades_to_settle": 1, "block_number": 3, "balances": [
                balance(TOKEN_ADDRESS, "AIT", of("100"), of("25"), 18), balance(DOLLAR, "tUSD", of("9871"), "0", 6)],
        });
        let order = json!({
            "id": 12, "market": "AIT-tUSD", "trader": trader, "nonce": 4, "epoch": 0, "side": "sell",
            "time_in_force": "GTT", "price": "0.25", "limit_price": "250000", "amount": "25", "amount_units": "25000000000000000000",
            "filled": "0", "filled_units": "0", "state": "open", "expires_at": AT + 86_400,
            "placed_at_unix_ms": AT * 1_000, "changed_at_unix_ms": AT * 1_000,
        });
        let trigger = |reached: Value| {
            with(json!({"direction": "AT_OR_BELOW", "price": "0.21", "trigger_price": "210000"}), &reached)
        };
        let waiting = with(
            order.clone(),
            &json!({"id": 13, "time_in_force": "IOC", "trigger": trigger(json!({})), "delegate": KEY}),
        );
        let reached = json!({"reached_at_unix_ms": AT * 1_000});
        let past = json!({"id": 9, "state": "cancelled", "reason": "nothing more could be had at once within its limit",
            "filled": "5", "trigger": trigger(reached)});
        let past = with(order.clone(), &past);
        let unreached =
            json!({"id": 8, "state": "cancelled", "reason": "its trader cancelled it", "trigger": trigger(json!({}))});
        let unreached = with(order.clone(), &unreached);
        let fill = |trade: Value| {
            with(
                trade,
                &json!({"order_id": 11, "side": "buy", "role": "taker", "fee": "0.0125",
            "fee_units": "12500000000000000", "fee_asset": TOKEN_ADDRESS}),
            )
        };
        let newest = with(fill(trade(3, 222, "matched")), &self.fill);
        let fills = json!([newest, fill(trade(2, 221, "final"))]);
        let withdrawal = json!({"trader": trader, "asset": DOLLAR, "amount": "5", "amount_units": "5000000", "nonce": 3,
            "state": "accepted", "requested_at_unix_ms": AT * 1_000});
        let some = |value: Value| if none { json!([]) } else { value };
        let has_older = self.has_older;
        TraderPage {
            account: serde_json::from_value(with(account, &self.account)).unwrap(),
            orders: Newest { rows: serde_json::from_value(some(json!([order, waiting]))).unwrap(), has_older },
            past_orders: Newest { rows: serde_json::from_value(some(json!([past, unreached]))).unwrap(), has_older },
            fills: Newest { rows: serde_json::from_value(some(fills)).unwrap(), has_older },
            withdrawals: Newest { rows: serde_json::from_value(some(json!([withdrawal]))).unwrap(), has_older },
            keys: serde_json::from_value(some(json!([
                {"delegate": KEY, "expires_at": AT + 86_400, "state": "active"},
                {"delegate": TOKEN_ADDRESS, "expires_at": AT + 60, "state": "revoked"},
                {"delegate": DOLLAR, "expires_at": AT - 60, "state": "expired"},
            ])))
            .unwrap(),
        }
    }
}
