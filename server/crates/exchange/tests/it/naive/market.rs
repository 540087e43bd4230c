//! One market of the oracle.

use std::collections::{BTreeMap, BTreeSet};

use exchange::limits::*;
use exchange::*;

pub(super) struct NaiveMarket {
    pub(super) id: MarketId,
    pub(super) rules: MarketRules,
    pub(super) orders: Vec<NaiveOrder>,
    pub(super) last_price: Option<u32>,
    pub(super) trades: u64,
    /// Numbers the arrivals in queues.
    pub(super) arrivals: u64,
    /// Prices at which was traded, as long as one of them reaches an order that waits.
    pub(super) prices: Vec<u32>,
    /// Orders that were triggered in this command.
    pub(super) triggered: u32,
}

#[derive(Clone, Copy)]
pub(super) struct NaiveOrder {
    pub(super) new: NewOrder,
    pub(super) price: u32,
    pub(super) lots: u64,
    pub(super) filled: u64,
    pub(super) arrival: u64,
    pub(super) waits: bool,
}

impl NaiveOrder {
    pub(super) fn open(&self) -> u64 {
        self.lots - self.filled
    }
}

/// What is free and what is reserved, by account and asset.
pub(super) type Money<'a> = (&'a mut BTreeMap<(u32, u8), u128>, &'a mut BTreeMap<(u32, u8), u128>);

fn rests(order: &NewOrder) -> bool {
    matches!(order.time_in_force, TimeInForce::GoodTilCancelled | TimeInForce::GoodTilTime(_))
}

/// When an order leaves by itself that may stay, or that waits for its trigger.
fn ends_at(order: &NewOrder) -> Option<UnixMs> {
    match (order.time_in_force, order.trigger) {
        (TimeInForce::GoodTilTime(time), _) => Some(time),
        (_, Some(trigger)) => trigger.waits_until,
        _ => None,
    }
}

fn is_reached(trigger: Trigger, traded: u32) -> bool {
    match trigger.direction {
        TriggerDirection::Rise => trigger.price.0 <= traded,
        TriggerDirection::Fall => trigger.price.0 >= traded,
    }
}

/// Whether an order of `side` with this limit takes a price.
fn takes(side: Side, limit: u32, price: u32) -> bool {
    if side == Side::Buy { price <= limit } else { price >= limit }
}

impl NaiveMarket {
    fn cost(&self, price: u32, lots: u64) -> u128 {
        u128::from(price) * u128::from(lots) * u128::from(self.rules.quote_units_per_tick)
    }

    /// The asset and amount that lots of an order may hand over.
    fn needs(&self, side: Side, price: u32, lots: u64) -> (u8, u128) {
        match side {
            Side::Buy => (self.rules.quote.0, self.cost(price, lots)),
            Side::Sell => (self.rules.base.0, u128::from(lots) * u128::from(self.rules.base_units_per_lot)),
        }
    }

    fn release(&self, order: &NaiveOrder, lots: u64, money: &mut Money<'_>) {
        let (asset, amount) = self.needs(order.new.side, order.price, lots);
        let key = (order.new.account.0, asset);
        *money.1.entry(key).or_default() -= amount;
        *money.0.entry(key).or_default() += amount;
    }

    pub(super) fn find(&self, account: AccountId, order: OrderRef) -> Result<usize, Reason> {
        match order {
            OrderRef::Id(id) => {
                let place = self.orders.iter().position(|order| order.new.id == id);
                let place = place.ok_or(Reason::UnknownOrder(id))?;
                if self.orders[place].new.account != account {
                    return Err(Reason::OrderOfAnother(id));
                }
                Ok(place)
            }
            OrderRef::Client(client) => {
                let is_it =
                    |order: &NaiveOrder| order.new.client_order_id == Some(client) && order.new.account == account;
                self.orders.iter().position(is_it).ok_or(Reason::UnknownClientOrder(client))
            }
        }
    }

    /// The order of the book that a taker of `side` meets first.
    fn best_for(&self, side: Side) -> Option<usize> {
        let candidates = (0..self.orders.len()).filter(|place| {
            let order = &self.orders[*place];
            !order.waits && order.new.side != side
        });
        candidates.min_by_key(|place| {
            let order = &self.orders[*place];
            let price = i64::from(order.price);
            (if side == Side::Buy { price } else { -price }, order.arrival)
        })
    }

    /// What is due before a command.
    pub(super) fn begin(&mut self, now: u64, money: &mut Money<'_>, events: &mut Vec<Event>) {
        self.expire(now, money, events);
        self.triggered = 0;
        self.trigger_stops(money, events);
    }

    pub(super) fn expire(&mut self, now: u64, money: &mut Money<'_>, events: &mut Vec<Event>) {
        loop {
            let time = |order: &NaiveOrder| {
                let time = ends_at(&order.new)?;
                (time.0 <= now).then_some((time.0, order.new.id))
            };
            let due = self.orders.iter().filter_map(time).min();
            let Some((_, id)) = due else { return };
            let place = self.orders.iter().position(|order| order.new.id == id).unwrap();
            let order = self.orders.remove(place);
            self.release(&order, order.open(), money);
            events.push(Event::Expired { order: id, account: order.new.account, open: Lots(order.open()) });
        }
    }

    fn check_price(price: u32) -> Result<(), Reason> {
        if (1..=PRICE_TICKS_MAX).contains(&price) { Ok(()) } else { Err(Reason::PriceOutOfRange(price)) }
    }

    fn check_lots(&self, lots: u64) -> Result<(), Reason> {
        let max = self.rules.order_lots_max;
        if (1..=max.0).contains(&lots) { Ok(()) } else { Err(Reason::LotsOutOfRange { given: Lots(lots), max }) }
    }

    fn check_notional(&self, price: u32, lots: u64) -> Result<(), Reason> {
        let (given, min) = (Units(self.cost(price, lots)), self.rules.notional_min);
        if given < min { Err(Reason::NotionalTooSmall { given, min }) } else { Ok(()) }
    }

    fn check_post_only(&self, order: &NewOrder, price: u32) -> Result<(), Reason> {
        let crossed = self.best_for(order.side).map(|place| self.orders[place].price);
        match crossed.filter(|best| takes(order.side, price, *best)) {
            Some(best) if order.kind == OrderKind::PostOnly => Err(Reason::PostOnlyWouldTake { price, best }),
            _ => Ok(()),
        }
    }

    fn check_new(&self, order: &NewOrder, now: u64, accounts: u32) -> Result<(), Reason> {
        Self::check_price(order.price.0)?;
        self.check_lots(order.lots.0)?;
        if let Some(Trigger { price: Ticks(trigger), .. }) = order.trigger {
            Self::check_price(trigger).map_err(|_| Reason::TriggerOutOfRange(trigger))?;
        }
        match order.kind {
            OrderKind::Market { slippage } if slippage.0 > 10_000 => {
                return Err(Reason::SlippageOutOfRange(slippage.0));
            }
            OrderKind::Market { .. } if rests(order) => return Err(Reason::TimeInForceNotAllowed),
            OrderKind::PostOnly if !rests(order) => return Err(Reason::TimeInForceNotAllowed),
            _ => {}
        }
        if rests(order) && order.trigger.is_some_and(|trigger| trigger.waits_until.is_some()) {
            return Err(Reason::TimeInForceNotAllowed);
        }
        if let Some(UnixMs(expires_at_unix_ms)) = ends_at(order)
            && expires_at_unix_ms <= now
        {
            return Err(Reason::AlreadyExpired { expires_at_unix_ms, now_unix_ms: now });
        }
        self.check_notional(order.price.0, order.lots.0)?;
        if order.account.0 >= accounts {
            return Err(Reason::UnknownAccount(order.account));
        }
        if rests(order) || order.trigger.is_some() {
            self.check_room(order)?;
        }
        if let Some(client) = order.client_order_id
            && self.find(order.account, OrderRef::Client(client)).is_ok()
        {
            return Err(Reason::ClientOrderIdTaken(client));
        }
        if let Some(trigger) = order.trigger {
            let traded = self.prices.iter().copied().chain(self.last_price);
            let furthest = match trigger.direction {
                TriggerDirection::Rise => traded.max(),
                TriggerDirection::Fall => traded.min(),
            };
            return match furthest {
                Some(last) if is_reached(trigger, last) => {
                    Err(Reason::WouldTriggerAtOnce { trigger: trigger.price.0, traded: last })
                }
                _ => Ok(()),
            };
        }
        self.check_post_only(order, order.price.0)
    }

    fn check_room(&self, order: &NewOrder) -> Result<(), Reason> {
        let of_account = self.orders.iter().filter(|other| other.new.account == order.account).count();
        if of_account >= ORDERS_PER_ACCOUNT_MAX as usize {
            return Err(Reason::TooManyOrdersOfAccount);
        }
        if self.orders.len() >= self.rules.orders_max as usize {
            return Err(Reason::TooManyOrdersInMarket { max: self.rules.orders_max });
        }
        let Some(trigger) = order.trigger else { return Ok(()) };
        let triggers = self.orders.iter().filter(|other| other.waits).filter_map(|other| other.new.trigger);
        let triggers = triggers.filter(|other| other.direction == trigger.direction);
        let triggers: BTreeSet<_> = triggers.map(|other| other.price).collect();
        if triggers.len() >= LEVELS_PER_SIDE_MAX && !triggers.contains(&trigger.price) {
            return Err(Reason::TooManyTriggerPrices);
        }
        Ok(())
    }

    pub(super) fn place(
        &mut self,
        new: NewOrder,
        now: u64,
        accounts: u32,
        money: &mut Money<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Reason> {
        self.check_new(&new, now, accounts)?;
        let (asset, needed) = self.needs(new.side, new.price.0, new.lots.0);
        self.reserve(new.account, asset, needed, money)?;
        events.push(Event::Accepted {
            market: self.id,
            order: new.id,
            account: new.account,
            client_order_id: new.client_order_id,
        });
        let waits = new.trigger.is_some();
        let mut order = NaiveOrder { new, price: new.price.0, lots: new.lots.0, filled: 0, arrival: 0, waits };
        if waits {
            self.arrivals += 1;
            order.arrival = self.arrivals;
            self.orders.push(order);
            return Ok(());
        }
        self.execute(order, money, events);
        Ok(())
    }

    fn reserve(&self, account: AccountId, asset: u8, needed: u128, money: &mut Money<'_>) -> Result<(), Reason> {
        let free = money.0.entry((account.0, asset)).or_default();
        if *free < needed {
            let (asset, needed, free) = (AssetId(asset), Units(needed), Units(*free));
            return Err(Reason::InsufficientBalance { asset, needed, free });
        }
        *free -= needed;
        *money.1.entry((account.0, asset)).or_default() += needed;
        Ok(())
    }

    pub(super) fn has_reached_stops(&self) -> bool {
        self.reached_stop().is_some()
    }

    /// The place of the waiting order that is triggered next.
    fn reached_stop(&self) -> Option<usize> {
        let (low, high) = (self.prices.iter().min().copied()?, self.prices.iter().max().copied()?);
        let reached = |direction: TriggerDirection, traded: u32| {
            let waiting = self.orders.iter().enumerate().filter(|(_, order)| order.waits);
            let waiting = waiting.filter_map(|(place, order)| Some((order.new.trigger?, order.arrival, place)));
            let reached =
                waiting.filter(move |(trigger, ..)| trigger.direction == direction && is_reached(*trigger, traded));
            reached.map(|(trigger, arrival, place)| (trigger.price.0, arrival, place))
        };
        let rise = reached(TriggerDirection::Rise, high).min();
        let fall =
            reached(TriggerDirection::Fall, low).min_by_key(|(trigger, arrival, _)| (u32::MAX - trigger, *arrival));
        rise.or(fall).map(|(.., place)| place)
    }

    pub(super) fn trigger_stops(&mut self, money: &mut Money<'_>, events: &mut Vec<Event>) {
        loop {
            let Some(place) = self.reached_stop() else {
                self.prices.clear();
                return;
            };
            if self.triggered == TRIGGERS_PER_COMMAND_MAX {
                return;
            }
            self.triggered += 1;
            let mut order = self.orders.remove(place);
            order.waits = false;
            events.push(Event::Triggered { order: order.new.id });
            if self.check_post_only(&order.new, order.price).is_err() {
                self.leave(&order, CancelReason::PostOnlyWouldTake, money, events);
            } else {
                self.execute(order, money, events);
            }
        }
    }

    fn leave(&self, order: &NaiveOrder, reason: CancelReason, money: &mut Money<'_>, events: &mut Vec<Event>) {
        self.release(order, order.open(), money);
        let (id, account, open) = (order.new.id, order.new.account, Lots(order.open()));
        events.push(Event::Cancelled { order: id, account, open, reason });
    }

    pub(super) fn cancel_at(
        &mut self,
        place: usize,
        reason: CancelReason,
        money: &mut Money<'_>,
        events: &mut Vec<Event>,
    ) {
        let order = self.orders.remove(place);
        self.leave(&order, reason, money, events);
    }

    pub(super) fn cancel_all(&mut self, account: AccountId, money: &mut Money<'_>, events: &mut Vec<Event>) {
        let mut orders = 0;
        loop {
            let own = (0..self.orders.len()).filter(|place| self.orders[*place].new.account == account);
            let Some(place) = own.min_by_key(|place| self.orders[*place].new.id) else { break };
            self.cancel_at(place, CancelReason::Owner, money, events);
            orders += 1;
        }
        events.push(Event::AllCancelled { market: self.id, account, orders });
    }

    fn execute(&mut self, mut order: NaiveOrder, money: &mut Money<'_>, events: &mut Vec<Event>) {
        let side = order.new.side;
        let limit = self.limit_of(&order);
        if order.new.time_in_force == TimeInForce::FillOrKill && self.available(&order, limit) < order.open() {
            return self.leave(&order, CancelReason::FillOrKill, money, events);
        }
        while order.open() > 0 {
            let Some(place) = self.best_for(side).filter(|place| takes(side, limit, self.orders[*place].price)) else {
                break;
            };
            if self.orders[place].new.account == order.new.account && order.new.self_trade != SelfTradeRule::Allow {
                if order.new.self_trade != SelfTradeRule::ExpireTaker {
                    self.cancel_at(place, CancelReason::SelfTrade, money, events);
                }
                if order.new.self_trade != SelfTradeRule::ExpireMaker {
                    return self.leave(&order, CancelReason::SelfTrade, money, events);
                }
                continue;
            }
            self.prices.push(self.orders[place].price);
            let fill = self.fill(&mut order, place, money);
            events.push(Event::Filled(fill));
        }
        if order.open() == 0 {
            return;
        }
        if !rests(&order.new) {
            return self.leave(&order, CancelReason::Unfilled, money, events);
        }
        let prices: BTreeSet<_> = self
            .orders
            .iter()
            .filter(|other| !other.waits && other.new.side == side)
            .map(|other| other.price)
            .collect();
        if prices.len() >= LEVELS_PER_SIDE_MAX && !prices.contains(&order.price) {
            return self.leave(&order, CancelReason::TooManyPrices, money, events);
        }
        self.arrivals += 1;
        order.arrival = self.arrivals;
        self.orders.push(order);
        events.push(Event::Rested { order: order.new.id, side, price: Ticks(order.price), open: Lots(order.open()) });
    }

    fn limit_of(&self, order: &NaiveOrder) -> u32 {
        let OrderKind::Market { slippage } = order.new.kind else { return order.price };
        let Some(place) = self.best_for(order.new.side) else { return order.price };
        let best = u128::from(self.orders[place].price);
        let step = best * u128::from(slippage.0) / 10_000;
        match order.new.side {
            Side::Buy => u128::from(order.price).min(best + step) as u32,
            Side::Sell => u128::from(order.price).max(best - step) as u32,
        }
    }

    /// Tries it on a copy: takes the best order away until none is left or enough is found.
    fn available(&self, order: &NaiveOrder, limit: u32) -> u64 {
        let side = order.new.side;
        let mut makers: Vec<_> = self.orders.iter().filter(|maker| !maker.waits && maker.new.side != side).collect();
        makers.retain(|maker| takes(side, limit, maker.price));
        makers.sort_by_key(|maker| {
            let price = i64::from(maker.price);
            (if side == Side::Buy { price } else { -price }, maker.arrival)
        });
        let mut found = 0;
        for maker in makers {
            if found >= order.open() {
                break;
            }
            if maker.new.account != order.new.account || order.new.self_trade == SelfTradeRule::Allow {
                found += maker.open();
            } else if order.new.self_trade != SelfTradeRule::ExpireMaker {
                break;
            }
        }
        found
    }

    fn fill(&mut self, taker: &mut NaiveOrder, place: usize, money: &mut Money<'_>) -> Fill {
        let rules = self.rules;
        let maker = self.orders[place];
        let lots = taker.open().min(maker.open());
        let price = maker.price;
        let (base, quote) = (u128::from(lots) * u128::from(rules.base_units_per_lot), self.cost(price, lots));
        let mut fees = [0; 2];
        for (party, rate, fee) in [(maker, rules.maker_fee, 0), (*taker, rules.taker_fee, 1)] {
            let account = party.new.account.0;
            let (gives, given, limit, gets, got) = match party.new.side {
                Side::Buy => (rules.quote.0, quote, self.cost(party.price, lots), rules.base.0, base),
                Side::Sell => (rules.base.0, base, base, rules.quote.0, quote),
            };
            fees[fee] = got * u128::from(rate.0) / 10_000;
            *money.1.entry((account, gives)).or_default() -= limit;
            *money.0.entry((account, gives)).or_default() += limit - given;
            *money.0.entry((account, gets)).or_default() += got - fees[fee];
        }
        taker.filled += lots;
        self.orders[place].filled += lots;
        let maker_open = self.orders[place].open();
        if maker_open == 0 {
            self.orders.remove(place);
        }
        self.trades += 1;
        self.last_price = Some(price);
        Fill {
            market: self.id,
            trade: TradeId(self.trades),
            taker_side: taker.new.side,
            price: Ticks(price),
            lots: Lots(lots),
            maker: maker.new.id,
            maker_account: maker.new.account,
            maker_open: Lots(maker_open),
            maker_fee: Units(fees[0]),
            taker: taker.new.id,
            taker_account: taker.new.account,
            taker_open: Lots(taker.open()),
            taker_fee: Units(fees[1]),
        }
    }

    pub(super) fn amend(
        &mut self,
        account: AccountId,
        order: OrderRef,
        price: u32,
        lots: u64,
        money: &mut Money<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Reason> {
        let place = self.find(account, order)?;
        let before = self.orders[place];
        Self::check_price(price)?;
        self.check_lots(lots)?;
        if lots <= before.filled {
            return Err(Reason::LotsNotAboveFilled { given: Lots(lots), filled: Lots(before.filled) });
        }
        if (price, lots) == (before.price, before.lots) {
            return Err(Reason::NothingToAmend);
        }
        self.check_notional(price, lots - before.filled)?;
        if !before.waits {
            self.check_post_only(&before.new, price)?;
        }
        if price == before.price && lots < before.lots {
            self.take_off(place, before.lots - lots, money, events);
            return Ok(());
        }
        let (asset, held) = self.needs(before.new.side, before.price, before.open());
        let (_, needed) = self.needs(before.new.side, price, lots - before.filled);
        if needed > held {
            self.reserve(account, asset, needed - held, money)?;
        } else {
            *money.1.entry((account.0, asset)).or_default() -= held - needed;
            *money.0.entry((account.0, asset)).or_default() += held - needed;
        }
        let after = NaiveOrder { price, lots, ..before };
        events.push(Event::Amended { order: after.new.id, price: Ticks(price), open: Lots(after.open()) });
        if after.waits {
            self.orders[place] = after;
            return Ok(());
        }
        self.orders.remove(place);
        self.execute(after, money, events);
        Ok(())
    }

    fn take_off(&mut self, place: usize, by: u64, money: &mut Money<'_>, events: &mut Vec<Event>) {
        let order = self.orders[place];
        self.release(&order, by, money);
        self.orders[place].lots -= by;
        events.push(Event::Reduced { order: order.new.id, by: Lots(by), open: Lots(order.open() - by) });
    }

    pub(super) fn reduce(
        &mut self,
        account: AccountId,
        order: OrderRef,
        by: u64,
        money: &mut Money<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Reason> {
        let place = self.find(account, order)?;
        self.check_lots(by)?;
        let order = self.orders[place];
        if by >= order.open() {
            self.cancel_at(place, CancelReason::Owner, money, events);
        } else if self.cost(order.price, order.open() - by) < self.rules.notional_min.0 {
            self.cancel_at(place, CancelReason::NotionalTooSmall, money, events);
        } else {
            self.take_off(place, by, money, events);
        }
        Ok(())
    }
}
