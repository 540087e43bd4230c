//! Trades: the best price first, at one price the oldest order first, always at the price of the order that waits.

use super::{Book, Immediacy, NIL, Order, Outcome};
use crate::command::{OrderKind, SelfTradeRule, TriggerDirection};
use crate::event::{CancelReason, Event, Fill};
use crate::ledger::{Ledger, index};
use crate::market::{MarketRules, fee_on};
use crate::quantity::{AccountId, BASIS_POINTS_PER_WHOLE, BasisPoints, Lots, Side, Ticks, TradeId};

/// One side of a trade.
struct Party<'a> {
    order: &'a Order,
    fee_rate: BasisPoints,
}

/// Orders that a taker's own account has in its way.
struct OwnMakers {
    lots: u64,
    best: Option<u32>,
}

impl Book {
    /// Trades with the book and then rests or leaves. `slot` is [`NIL`] for a new order, or that of a kept order which stands
    /// in no queue; `order` is a copy of it.
    pub(super) fn execute(&mut self, mut order: Order, slot: u32, out: &mut Outcome<'_>) {
        if let Some(reason) = self.trade(&mut order, out) {
            return self.leave(&order, slot, reason, out);
        }
        if order.open() == Lots::ZERO {
            if slot != NIL {
                self.forget(slot);
            }
            return;
        }
        if order.immediacy != Immediacy::Rests {
            return self.leave(&order, slot, CancelReason::Unfilled, out);
        }
        self.rest(&order, slot, out);
    }

    /// Puts an order that takes nothing more to the end of the queue of its price.
    pub(super) fn rest(&mut self, order: &Order, slot: u32, out: &mut Outcome<'_>) {
        if !self.side_mut(order.side).has_room_for(order.price.0) {
            return self.leave(order, slot, CancelReason::TooManyPrices, out);
        }
        let slot = match slot {
            NIL => self.keep(*order),
            slot => {
                let kept = &mut self.orders[slot];
                (kept.filled, kept.trigger) = (order.filled, 0);
                slot
            }
        };
        self.link(slot);
        let (order, side, price, open) = (order.id, order.side, order.price, order.open());
        out.events.push(Event::Rested { order, side, price, open });
    }

    /// Triggers stop orders until no trade has reached another one, or the command has triggered as many as it may. What is
    /// left of them goes on with the next command.
    pub(crate) fn trigger_stops(&mut self, out: &mut Outcome<'_>) {
        while let Some(slot) = self.reached_stop() {
            if self.triggers_left == 0 {
                return;
            }
            self.triggers_left -= 1;
            self.unlink(slot);
            self.orders[slot].trigger = 0;
            let order = self.orders[slot];
            out.events.push(Event::Triggered { order: order.id });
            if order.kind == OrderKind::PostOnly && self.crossed(order.side, order.price).is_some() {
                self.cancel_unlinked(slot, CancelReason::PostOnlyWouldTake, out);
            } else {
                self.execute(order, slot, out);
            }
        }
        self.traded = None;
    }

    /// Where no stop order is left that earlier trades reached, later ones count from the last trade on alone.
    pub(crate) fn forget_trades_without_stops(&mut self) {
        if self.reached_stop().is_none() {
            self.traded = None;
        }
    }

    /// The stop order that is triggered next.
    pub(super) fn reached_stop(&self) -> Option<u32> {
        let (low, high) = self.traded?;
        let rise = self.rise_stops.best().filter(|(trigger, _)| TriggerDirection::Rise.is_reached(*trigger, high.0));
        let fall = || self.fall_stops.best().filter(|(trigger, _)| TriggerDirection::Fall.is_reached(*trigger, low.0));
        rise.or_else(fall).map(|(_, slot)| slot)
    }

    fn leave(&mut self, order: &Order, slot: u32, reason: CancelReason, out: &mut Outcome<'_>) {
        if slot != NIL {
            self.forget(slot);
        }
        self.say_cancelled(order, reason, out);
    }

    /// Fills `order` as far as its limit and the book allow. A reason means that its rest is cancelled.
    fn trade(&mut self, order: &mut Order, out: &mut Outcome<'_>) -> Option<CancelReason> {
        let limit = self.limit_now(order);
        if order.immediacy == Immediacy::FillOrKill && !self.can_take_all(order, limit) {
            return Some(CancelReason::FillOrKill);
        }
        while order.open() > Lots::ZERO {
            let (price, maker) = self.side(order.side.opposite()).best()?;
            if !order.side.accepts(limit, Ticks(price)) {
                return None;
            }
            let is_own = self.orders[maker].account == order.account;
            if !is_own || order.self_trade == SelfTradeRule::Allow {
                self.fill(order, maker, out);
                continue;
            }
            if order.self_trade != SelfTradeRule::ExpireTaker {
                self.unlink(maker);
                self.cancel_unlinked(maker, CancelReason::SelfTrade, out);
            }
            if order.self_trade != SelfTradeRule::ExpireMaker {
                return Some(CancelReason::SelfTrade);
            }
        }
        None
    }

    /// The worst price that the order accepts now: its own, or nearer for a market order. The slippage is rounded down,
    /// in the trader's favour.
    fn limit_now(&self, order: &Order) -> Ticks {
        let OrderKind::Market { slippage } = order.kind else { return order.price };
        let Some((best, _)) = self.side(order.side.opposite()).best() else { return order.price };
        let step = u64::from(best) * u64::from(slippage.0) / u64::from(BASIS_POINTS_PER_WHOLE);
        // At most a whole, so twice the best price, which has 30 bits.
        let step = step as u32;
        match order.side {
            Side::Buy => order.price.min(Ticks(best + step)),
            Side::Sell => order.price.max(Ticks(best - step)),
        }
    }

    /// Whether the order could take all of its open lots within `limit` under its self-trade rule. The totals of prices say
    /// so; orders are walked through at one price alone, that of the own order at which this one would end.
    fn can_take_all(&self, order: &Order, limit: Ticks) -> bool {
        let wanted = order.open().0;
        let own = self.own_makers(order, limit);
        let (needed, ends_at) = match order.self_trade {
            SelfTradeRule::Allow => (wanted, None),
            SelfTradeRule::ExpireMaker => (wanted + own.lots, None),
            SelfTradeRule::ExpireTaker | SelfTradeRule::ExpireBoth => (wanted, own.best),
        };
        let mut found = 0;
        for (price, lots, head) in self.side(order.side.opposite()).iter() {
            if !order.side.accepts(limit, Ticks(price)) {
                break;
            }
            if ends_at == Some(price) {
                return found + self.lots_before_own(head, order.account, needed - found) >= needed;
            }
            found += lots;
            if found >= needed {
                return true;
            }
        }
        false
    }

    /// What the account of `order` has on the other side within `limit`: all lots, and the best price.
    fn own_makers(&self, order: &Order, limit: Ticks) -> OwnMakers {
        let mut own = OwnMakers { lots: 0, best: None };
        let mut slot = self.accounts[index(order.account)].first;
        while slot != NIL {
            let maker = &self.orders[slot];
            if maker.side != order.side && !maker.waits() && order.side.accepts(limit, maker.price) {
                own.lots += maker.open().0;
                let price = maker.price.0;
                own.best = Some(own.best.map_or(price, |best| match order.side {
                    Side::Buy => best.min(price),
                    Side::Sell => best.max(price),
                }));
            }
            slot = maker.next_of_account;
        }
        own
    }

    /// The lots of a queue before its first order of `account`, counted up to `needed`.
    fn lots_before_own(&self, head: u32, account: AccountId, needed: u64) -> u64 {
        let (mut found, mut slot) = (0, head);
        while slot != NIL && found < needed {
            let maker = &self.orders[slot];
            if maker.account == account {
                break;
            }
            found += maker.open().0;
            slot = maker.next;
        }
        found
    }

    fn fill(&mut self, taker: &mut Order, slot: u32, out: &mut Outcome<'_>) {
        let maker = self.orders[slot];
        let lots = taker.open().min(maker.open());
        let (maker_party, taker_party) = (
            Party { order: &maker, fee_rate: self.rules.maker_fee },
            Party { order: &*taker, fee_rate: self.rules.taker_fee },
        );
        let (maker_fee, taker_fee) = match taker.side {
            Side::Buy => {
                let (buyer, seller) = settle(&self.rules, out.ledger, &taker_party, &maker_party, maker.price, lots);
                (seller, buyer)
            }
            Side::Sell => settle(&self.rules, out.ledger, &maker_party, &taker_party, maker.price, lots),
        };
        taker.filled.0 += lots.0;
        self.orders[slot].filled.0 += lots.0;
        self.side_mut(maker.side).take(maker.level, lots.0);
        let maker_open = self.orders[slot].open();
        if maker_open == Lots::ZERO {
            self.unlink(slot);
            self.forget(slot);
        }
        self.last_trade = TradeId(self.last_trade.0 + 1);
        self.last_price = Some(maker.price);
        let (low, high) = self.traded.unwrap_or((maker.price, maker.price));
        self.traded = Some((low.min(maker.price), high.max(maker.price)));
        out.events.push(Event::Filled(Fill {
            market: self.market,
            trade: self.last_trade,
            taker_side: taker.side,
            price: maker.price,
            lots,
            maker: maker.id,
            maker_account: maker.account,
            maker_open,
            maker_fee,
            taker: taker.id,
            taker_account: taker.account,
            taker_open: taker.open(),
            taker_fee,
        }));
    }
}

/// Moves both assets of a trade, and says the fees of buyer and seller. Each pays its fee out of what it receives, so
/// nothing has to be reserved for fees. A buyer that had reserved more, for a worse price, has the difference back.
fn settle(
    rules: &MarketRules,
    ledger: &mut Ledger,
    buyer: &Party<'_>,
    seller: &Party<'_>,
    price: Ticks,
    lots: Lots,
) -> (crate::Units, crate::Units) {
    let (base, quote) = (rules.base_units(lots), rules.quote_units(price, lots));
    let (buyer_fee, seller_fee) = (fee_on(base, buyer.fee_rate), fee_on(quote, seller.fee_rate));
    let reserved = rules.quote_units(buyer.order.price, lots);
    ledger.pay(buyer.order.account, rules.quote, reserved, quote);
    ledger.pay(seller.order.account, rules.base, base, base);
    ledger.receive(buyer.order.account, rules.base, base, buyer_fee);
    ledger.receive(seller.order.account, rules.quote, quote, seller_fee);
    (buyer_fee, seller_fee)
}
