//! Words of the exchange.

pub mod script;

use shared::api::exchange::{Candle, CandleInterval, FillRole, OrderState, TradeState, WithdrawalState};
use shared::exchange::{Side, TimeInForce, Trigger};

pub const TITLE: &str = "Exchange";
pub const NO_EXCHANGE_TITLE: &str = "This server runs no exchange";
pub const NO_EXCHANGE: &str = "Its chain has no contract that would settle trades.";
pub const NO_MARKET_TITLE: &str = "No market yet";
pub const NO_MARKET: &str =
    "The exchange stands, and nothing is listed on it. A market appears once the contract lists one.";
pub const MARKETS: &str = "Markets";

pub const WORTHLESS: &str = "worthless";
pub const WORTHLESS_TITLE: &str = "Prices here mean nothing";
pub const DEV_TITLE: &str = "A development chain";
pub const DEV_DETAIL: &str = "What is traded here is made for tests.";
pub const MARKET_MAKER: &str = "is the market maker of this development chain: a program of the operator that quotes with worthless money, so that the book is not empty. Its orders count as everybody’s do.";
pub const PAUSED_TITLE: &str = "Deposits and settlement are paused";
pub const PAUSED: &str = "What is matched waits. Withdrawals and leaving without the operator go on.";
pub const FAULT_TITLE: &str = "No orders are taken now";
pub const CLOSED_TITLE: &str = "This market is closed";
pub const CLOSED: &str = "It takes no more orders, and settles what was matched. What you have here stays yours.";
pub const DIFFERS_TITLE: &str = "Book and contract differ";

pub const LAST: &str = "Last price";
pub const CHANGE: &str = "Change";
pub const DAY_NOTE: &str = "in 24 hours";
pub const DAY_HIGH: &str = "High, 24 hours";
pub const DAY_LOW: &str = "Low, 24 hours";
pub const DAY_VOLUME: &str = "Traded, 24 hours";

pub const CHART: &str = "Prices";
pub const CHART_TABLE: &str = "The numbers";
pub const NO_CANDLES_TITLE: &str = "Nothing to draw yet";
pub const NO_CANDLES: &str = "The first trade begins the chart.";
pub const RISES: &str = "Filled: the price rose or stayed.";
pub const FALLS: &str = "Hollow: it fell.";
pub const TIMES_UTC: &str = "Times are UTC.";
pub const TIME: &str = "Time";
pub const TIME_UTC: &str = "Time, UTC";
pub const OPEN: &str = "First";
pub const HIGH: &str = "Highest";
pub const LOW: &str = "Lowest";
pub const CLOSE: &str = "Last";
pub const VOLUME: &str = "Traded";
pub const TRADES: &str = "Trades";

pub const BOOK: &str = "Order book";
pub const BOOK_CAPTION: &str =
    "Open orders by price: those that sell above, those that buy below, each with the sum from the best price on.";
pub const ASKS: &str = "Sell orders";
pub const BIDS: &str = "Buy orders";
pub const SUM: &str = "Sum";
pub const LAST_PRICE: &str = "last price";
pub const NO_TRADE_YET: &str = "No trade yet";
pub const NOBODY_SELLS: &str = "Nobody sells yet. A sell order with a limit waits here.";
pub const NOBODY_BUYS: &str = "Nobody buys yet. A buy order with a limit waits here.";

pub const TRADES_TITLE: &str = "Last trades";
pub const TRADES_CAPTION: &str = "The last trades, the newest first.";
pub const TRADES_NOTE: &str =
    "Matched: the book decided, and a block follows. Final: a block has it, and the word links to its transaction.";
pub const NO_TRADES: &str = "No trade yet. One happens when somebody buys at a price that somebody sells at.";
pub const STATE: &str = "State";

pub const ORDER: &str = "Your order";
pub const SIDE: &str = "Buy or sell";
pub const BUY: &str = "Buy";
pub const SELL: &str = "Sell";
pub const KIND: &str = "How";
pub const WHEN: &str = "When";
pub const TRIGGER_PRICE: &str = "Trigger price";
pub const PRICE: &str = "Worst price";
pub const BEST: &str = "Take the best";
pub const AMOUNT: &str = "Amount, at most";
pub const SHARES: &str = "Part of what you have free";
pub const ALL: &str = "All";
pub const DAYS: &str = "Waits for";
/// What the form says before anything is filled in.
pub const FILL_IN: &str = "Fill in a price and an amount, and here stands what the order will do.";
pub const SIGN_BUY: &str = "Sign and buy";
pub const SIGN_SELL: &str = "Sign and sell";
pub const SIGN_IN: &str = "Sign in to trade";
pub const SIGN_IN_NOTE: &str = "Your wallet signs every order. This server never has your key, and the contract lets nobody trade what you did not sign.";
pub const NEEDS_SCRIPT: &str = "To trade here needs JavaScript, since your wallet asks you there. Book, trades and prices are complete without it.";

/// How many days an order may wait, as the form offers it.
pub const DAYS_OFFERED: [(u64, &str); 3] = [(1, "1 day"), (7, "7 days"), (30, "30 days")];

pub const ACCOUNT: &str = "What you have here";
pub const ASSET: &str = "Asset";
pub const FREE: &str = "Free";
pub const RESERVED: &str = "In open orders";
pub const IN_WALLET: &str = "In your wallet";
pub const MOVE: &str = "Deposit or withdraw";
pub const MOVE_NOTE: &str = "A deposit is a permit and a transaction. A withdrawal is one signature: it is paid behind the trades that were matched before, to you and nobody else.";
pub const MOVE_AMOUNT: &str = "Amount";
pub const DEPOSIT: &str = "Deposit";
pub const WITHDRAW: &str = "Withdraw";
pub const NO_FUNDS: &str = "Nothing is deposited yet. What you deposit you can sell, or buy with.";
pub const WITHDRAWALS: &str = "Withdrawals";
pub const NEWEST_WITHDRAWALS: &str = "These are the newest ones. The API lists all of them.";

pub const ORDERS: &str = "Open orders";
pub const NO_ORDERS_TITLE: &str = "No open order";
pub const NO_ORDERS: &str = "An order that waits in the book stands here, and can be cancelled.";
pub const PLACED: &str = "Placed";
pub const MARKET: &str = "Market";
pub const ORDER_AMOUNT: &str = "Amount";
pub const FILLED: &str = "Filled";
pub const EXPIRES: &str = "Until";
pub const ACTION: &str = "Action";
pub const CANCEL: &str = "Cancel";
pub const REDUCE: &str = "Reduce";
pub const REDUCE_TITLE: &str = "It trades at most";
pub const REDUCE_CLOSE: &str = "Leave it";
pub const REDUCE_NOTE: &str = "The order keeps its place among those of its price. What it has traded counts; where that is as much already, the rest is cancelled. So is an order of which too little would stay.";
pub const PAST_ORDERS: &str = "Your earlier orders";
pub const PAST_ORDERS_NOTE: &str = "An order that ended without a trade is kept for 7 days.";
pub const ENDED: &str = "Ended";

pub const FILLS: &str = "Your trades";
pub const NO_FILLS_TITLE: &str = "No trade of yours yet";
pub const NO_FILLS: &str =
    "Each trade of your orders stands here: first matched, then final with the transaction that moved the money.";
pub const COLUMN_SIDE: &str = "Side";
pub const COLUMN_PRICE: &str = "Price";
pub const FEE: &str = "Fee";
pub const ROLE: &str = "Your order";

pub const KEYS: &str = "Trading keys";
pub const NO_KEYS: &str = "No other key signs orders for you.";
pub const KEY: &str = "Key";
pub const KEY_ADDRESS: &str = "Address of the key";
pub const KEY_UNTIL: &str = "Until";
pub const KEY_DAYS: &str = "May sign for";
pub const ADD_KEY: &str = "Let it sign";
pub const REVOKE: &str = "Revoke";
pub const KEY_ACTIVE: &str = "active";
pub const KEY_REVOKED: &str = "revoked";
pub const KEY_EXPIRED: &str = "expired";
pub const SIGNED_BY_KEY: &str = "signed by your key";

pub fn keys_note(delay: &str) -> String {
    format!(
        "A key that you name here signs orders, reductions and cancellations for you, as a program of yours does. It takes no money out, but it can trade at bad prices. Once revoked, its open orders leave the book, and what it had matched settles for {delay} more."
    )
}

pub fn key_days(days: u32) -> String {
    format!("{days} {}", if days == 1 { "day" } else { "days" })
}

pub fn revoke_key(key: &str) -> String {
    format!("Revoke the key {key}")
}

pub const EXIT: &str = "Leave without the operator";
pub const REQUEST_EXIT: &str = "Ask the contract for the way out";
pub const CANCEL_EXIT: &str = "Stay after all";
pub const EXIT_REQUESTED_TITLE: &str = "You are on the way out";
pub const EXIT_READY_TITLE: &str = "The way out is open";
pub const EXIT_READY: &str =
    "Take each asset with one transaction. Your orders settle no more; to trade again, stay after all.";

pub fn title(base: &str, quote: &str) -> String {
    format!("{base} for {quote}")
}

pub const FACT: &str = "A contract holds what is deposited, and moves it only by orders that their owners signed.";

pub fn worthless(symbol: &str, name: &str) -> String {
    format!("{symbol} is {name}: anybody makes as much of it as they like, so nothing on this page is worth anything.")
}

pub const BRIDGED_TITLE: &str = "A bridge mints what is paid here";

pub fn bridged(symbol: &str, name: &str) -> String {
    format!(
        "{symbol} is {name}: it stands for an asset of another chain, and is worth what the bridge that holds that asset keeps its word for. Bridges alone mint it, and nobody has any of it before one does."
    )
}

pub fn faucet(symbol: &str) -> String {
    format!("Take {symbol} from its faucet")
}

pub fn day_trades(trades: u64, base: &str) -> String {
    format!("{base}, in {trades} {}", if trades == 1 { "trade" } else { "trades" })
}

pub const fn interval(interval: CandleInterval) -> &'static str {
    match interval {
        CandleInterval::OneMinute => "1m",
        CandleInterval::FiveMinutes => "5m",
        CandleInterval::FifteenMinutes => "15m",
        CandleInterval::OneHour => "1h",
        CandleInterval::FourHours => "4h",
        CandleInterval::OneDay => "1d",
    }
}

pub fn candles(base: &str, quote: &str, length: CandleInterval) -> String {
    format!("Prices of {base} in {quote}, one candle for each {}", interval(length))
}

pub fn candle(time: &str, candle: &Candle, base: &str) -> String {
    let Candle { open, high, low, close, volume, .. } = candle;
    format!("{time}: first {open}, highest {high}, lowest {low}, last {close}; {volume} {base} traded")
}

pub fn volume_key(base: &str) -> String {
    format!("Bars below: {base} traded.")
}

pub fn price_in(quote: &str) -> String {
    format!("Price, {quote}")
}

pub fn amount_in(base: &str) -> String {
    format!("Amount, {base}")
}

/// What the order did that came last, as a mark beside its price.
pub const fn arrow(taker: Side) -> &'static str {
    match taker {
        Side::Buy => "▲",
        Side::Sell => "▼",
    }
}

pub const fn taken(taker: Side) -> &'static str {
    match taker {
        Side::Buy => ", somebody bought at once",
        Side::Sell => ", somebody sold at once",
    }
}

pub const fn trade_state(state: TradeState) -> &'static str {
    match state {
        TradeState::Matched => "matched",
        TradeState::Final => "final",
        TradeState::Void => "void",
    }
}

pub const fn order_state(state: OrderState) -> &'static str {
    match state {
        OrderState::Open => "open",
        OrderState::Filled => "filled",
        OrderState::Cancelled => "cancelled",
        OrderState::Expired => "expired",
    }
}

pub const fn withdrawal_state(state: WithdrawalState) -> &'static str {
    match state {
        WithdrawalState::Accepted => "accepted, and sent behind the trades that were matched before",
        WithdrawalState::Final => "paid",
        WithdrawalState::Refused => "refused by the contract; the amount is free again",
    }
}

pub const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => BUY,
        Side::Sell => SELL,
    }
}

pub const fn role(role: FillRole) -> &'static str {
    match role {
        FillRole::Maker => "waited",
        FillRole::Taker => "came last",
    }
}

/// As the form offers it.
pub const fn kind(kind: TimeInForce) -> &'static str {
    match kind {
        TimeInForce::GoodTilTime => "Limit: the rest waits in the book",
        TimeInForce::PostOnly => "Post-only: it waits and never takes",
        TimeInForce::ImmediateOrCancel => "Immediate or cancel: the rest goes",
        TimeInForce::FillOrKill => "Fill or kill: all of it or nothing",
    }
}

/// In a table.
pub const fn kind_short(kind: TimeInForce) -> &'static str {
    match kind {
        TimeInForce::GoodTilTime => "limit",
        TimeInForce::PostOnly => "post-only",
        TimeInForce::ImmediateOrCancel => "immediate or cancel",
        TimeInForce::FillOrKill => "fill or kill",
    }
}

pub fn named_order(side_name: &str, amount: &str, price: &str) -> String {
    format!("{side_name} {amount} at {price}")
}

pub fn cancel(order: &str) -> String {
    format!("Cancel the order: {order}")
}

pub fn reduce(order: &str) -> String {
    format!("Reduce the order: {order}")
}

/// What an order with a trigger is called: a stop order waits for a worse price, a take-profit order for a better one.
pub const fn trigger_name(side: Side, trigger: Trigger) -> &'static str {
    match (side, trigger) {
        (_, Trigger::None) => "",
        (Side::Buy, Trigger::AtOrAbove) | (Side::Sell, Trigger::AtOrBelow) => "stop",
        (Side::Buy, Trigger::AtOrBelow) | (Side::Sell, Trigger::AtOrAbove) => "take profit",
    }
}

pub fn waits_for(trigger: Trigger, price: &str) -> String {
    match trigger {
        Trigger::None => String::new(),
        Trigger::AtOrAbove => format!("waits for {price} or above"),
        Trigger::AtOrBelow => format!("waits for {price} or below"),
    }
}

/// Of an order that ended before a trade reached its trigger.
pub fn waited_for(trigger: Trigger, price: &str) -> String {
    match trigger {
        Trigger::None => String::new(),
        Trigger::AtOrAbove => format!("waited for {price} or above"),
        Trigger::AtOrBelow => format!("waited for {price} or below"),
    }
}

/// Under a list that goes on, with a file beside it.
pub fn newest(shown: usize) -> String {
    format!("These are the newest {shown}. The file has more of them.")
}

pub fn newest_of(shown: usize, total: u32) -> String {
    format!("These are the newest {shown} of {total}. The file has all of them.")
}

pub fn reached(price: &str) -> String {
    format!("triggered at {price}")
}

pub fn ended(state: OrderState, reason: Option<&str>) -> String {
    let state = order_state(state);
    reason.map_or_else(|| state.to_owned(), |reason| format!("{state}: {reason}"))
}

/// As the form offers it.
pub const fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::None => "At once",
        Trigger::AtOrBelow => "Once the price falls to",
        Trigger::AtOrAbove => "Once the price rises to",
    }
}

pub fn share(percent: u64) -> String {
    if percent == 100 { ALL.to_owned() } else { format!("{percent} %") }
}

/// A stretch of time as somebody would say it.
pub fn span(seconds: u64) -> String {
    let many = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    match seconds {
        0..120 => many(seconds, "second"),
        120..7_200 => many(seconds.div_ceil(60), "minute"),
        7_200..172_800 => many(seconds.div_ceil(3_600), "hour"),
        _ => many(seconds.div_ceil(86_400), "day"),
    }
}

pub fn exit_note(delay: &str) -> String {
    format!(
        "The operator pays withdrawals. Where it does not, the contract does: ask it for the way out, wait {delay}, then take everything. Nobody can stop that. From the request on this exchange takes no orders of yours."
    )
}

pub fn exit_requested(at: &str) -> String {
    format!(
        "From {at} on you can take everything out. No orders of yours are taken meanwhile; what was matched settles."
    )
}

pub fn take_out(amount: &str, symbol: &str) -> String {
    format!("Take out {amount} {symbol}")
}

pub fn withdrawal(amount: &str, symbol: &str) -> String {
    format!("{amount} {symbol}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_said_in_the_unit_that_fits() {
        assert_eq!(
            [span(1), span(30), span(600), span(7_200), span(86_400), span(604_800)],
            ["1 second", "30 seconds", "10 minutes", "2 hours", "24 hours", "7 days"]
        );
    }
}
