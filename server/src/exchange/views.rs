//! From rows of the exchange to what its API answers.

use exchange::{AccountId, Lots, Ticks, UnixMs};
use shared::Address;
use shared::api::exchange::{BookLevel, Candle, FillRole, FillView, OrderView, TradeView, TriggerView, WithdrawalView};
use shared::exchange::{AssetUnits, Side, Trigger};
use store::record::exchange::{CandleRecord, OrderRecord, PartyRecord, TradeRecord, WithdrawalRecord};
use trading::{MatchedTrade, TradeParty, decimal};

use super::listing::{ListedMarket, Listing};

pub(crate) fn level(market: &ListedMarket, price: u32, lots: u64) -> BookLevel {
    let amount = market.base_units(Lots(lots));
    BookLevel {
        price: market.price(Ticks(price)),
        amount: market.base_text(amount.0),
        limit_price: market.market.limit_price_of(Ticks(price)),
        amount_units: amount,
    }
}

pub(crate) fn trade(market: &ListedMarket, record: &TradeRecord) -> TradeView {
    let (price, lots) = (Ticks(record.price_ticks), Lots(record.lots));
    let (amount, quote) = (market.base_units(lots), market.market.rules.quote_units(price, lots));
    TradeView {
        trade: record.trade,
        market: market.id.clone(),
        price: market.price(price),
        limit_price: market.market.limit_price_of(price),
        amount: market.base_text(amount.0),
        amount_units: amount,
        quote_amount: market.quote_text(quote.0),
        quote_units: AssetUnits(quote.0),
        taker_side: record.taker_side,
        matched_at_unix_ms: record.matched_at,
        state: record.state,
        settled_in: record.settled_in,
        reason: record.reason.clone(),
    }
}

pub(crate) fn order(market: &ListedMarket, record: &OrderRecord) -> OrderView {
    let signed = &record.signed.signed;
    let [amount, filled] = [record.lots, record.filled_lots].map(|lots| market.base_units(Lots(lots)));
    OrderView {
        id: record.id,
        market: market.id.clone(),
        trader: signed.trader,
        delegate: record.delegate(),
        nonce: signed.nonce,
        epoch: signed.epoch,
        side: signed.side,
        time_in_force: signed.time_in_force,
        trigger: trigger(market, record),
        price: market.price(Ticks(record.price_ticks)),
        limit_price: signed.limit_price,
        amount: market.base_text(amount.0),
        amount_units: amount,
        filled: market.base_text(filled.0),
        filled_units: filled,
        state: record.state,
        reason: record.reason.clone(),
        expires_at: signed.expires_at,
        placed_at_unix_ms: record.placed_at,
        changed_at_unix_ms: record.changed_at,
    }
}

fn trigger(market: &ListedMarket, record: &OrderRecord) -> Option<TriggerView> {
    let signed = &record.signed.signed;
    (signed.trigger != Trigger::None).then(|| TriggerView {
        direction: signed.trigger,
        price: market.price_of(signed.trigger_price),
        trigger_price: signed.trigger_price,
        reached_at_unix_ms: record.triggered_at,
    })
}

/// A trade as its parties see it: one view, or two where the trader is not named by its order.
pub(crate) fn fill_of_order(market: &ListedMarket, record: &TradeRecord, order: u64) -> Option<FillView> {
    if record.maker.order == order {
        Some(fill(market, record, &record.maker, FillRole::Maker))
    } else {
        (record.taker.order == order).then(|| fill(market, record, &record.taker, FillRole::Taker))
    }
}

pub(crate) fn fill_of_trader(market: &ListedMarket, record: &TradeRecord, trader: Address) -> FillView {
    // Nobody trades with itself.
    if record.maker.address == trader {
        fill(market, record, &record.maker, FillRole::Maker)
    } else {
        fill(market, record, &record.taker, FillRole::Taker)
    }
}

fn fill(market: &ListedMarket, record: &TradeRecord, party: &PartyRecord, role: FillRole) -> FillView {
    let side = match (role, record.taker_side) {
        (FillRole::Taker, side) => side,
        (FillRole::Maker, Side::Buy) => Side::Sell,
        (FillRole::Maker, Side::Sell) => Side::Buy,
    };
    let received = match side {
        Side::Buy => &market.base,
        Side::Sell => &market.quote,
    };
    FillView {
        order_id: party.order,
        side,
        role,
        fee: decimal(party.fee, u32::from(received.decimals)),
        fee_units: AssetUnits(party.fee),
        fee_asset: received.address,
        trade: trade(market, record),
    }
}

pub(crate) fn withdrawal(listing: &Listing, record: &WithdrawalRecord) -> WithdrawalView {
    let signed = &record.signed.signed;
    let decimals = listing.token(signed.asset).map_or(0, |token| u32::from(token.decimals));
    WithdrawalView {
        trader: signed.trader,
        asset: signed.asset,
        amount: decimal(signed.amount.0, decimals),
        amount_units: signed.amount,
        nonce: signed.nonce,
        state: record.state,
        requested_at_unix_ms: record.requested_at,
        paid_in: record.paid_in,
        reason: record.reason.clone(),
    }
}

pub(crate) fn candle(market: &ListedMarket, record: &CandleRecord) -> Candle {
    let rules = &market.market.rules;
    let base = record.lots.saturating_mul(u128::from(rules.base_units_per_lot));
    let quote = record.lot_ticks.saturating_mul(u128::from(rules.quote_units_per_tick));
    Candle {
        start: record.start,
        open: market.price(Ticks(record.open)),
        high: market.price(Ticks(record.high)),
        low: market.price(Ticks(record.low)),
        close: market.price(Ticks(record.close)),
        volume: market.base_text(base),
        quote_volume: market.quote_text(quote),
        trades: record.trades,
    }
}

/// A trade that was stored, as it was matched.
pub(crate) fn matched(record: &TradeRecord) -> MatchedTrade {
    let party = |party: &PartyRecord| TradeParty {
        order: exchange::OrderId(party.order),
        account: AccountId(party.account),
        fee: party.fee,
    };
    MatchedTrade {
        market: record.market,
        trade: record.trade,
        sequence: record.sequence,
        matched_at: UnixMs(record.matched_at.0),
        taker_side: match record.taker_side {
            Side::Buy => exchange::Side::Buy,
            Side::Sell => exchange::Side::Sell,
        },
        price: exchange::Ticks(record.price_ticks),
        lots: exchange::Lots(record.lots),
        maker: party(&record.maker),
        taker: party(&record.taker),
    }
}
