//! Small markets and short ways to ask something of them.

use std::num::NonZeroU64;

use exchange::*;

pub(crate) const BASE: AssetId = AssetId(0);
pub(crate) const QUOTE: AssetId = AssetId(1);
pub(crate) const MARKET: MarketId = MarketId(0);
pub(crate) const HASH_KEY: HashKey = HashKey([7, 11]);
/// What each account begins with, of each asset.
pub(crate) const FUNDS: Units = Units(1_000_000_000);

pub(crate) fn rules() -> MarketRules {
    MarketRules {
        base: BASE,
        quote: QUOTE,
        base_units_per_lot: 1_000,
        quote_units_per_tick: 10,
        maker_fee: BasisPoints(10),
        taker_fee: BasisPoints(25),
        order_lots_max: Lots(1_000),
        notional_min: Units(500),
        orders_max: 10_000,
    }
}

/// Bids, asks and balances.
type Holdings = (Vec<(u32, u64)>, Vec<(u32, u64)>, Vec<Option<Balance>>);

/// An exchange, and the next order id and time.
pub(crate) struct TestExchange {
    pub(crate) exchange: Exchange,
    pub(crate) now: u64,
    next_id: u64,
}

impl TestExchange {
    /// One market, and accounts 0 to 3 with funds.
    pub(crate) fn new() -> Self {
        let mut exchange = Exchange::new(HASH_KEY);
        let mut events = Vec::new();
        for command in opening(rules()) {
            exchange.apply(&command, UnixMs(0), &mut events);
        }
        assert!(!events.iter().any(|event| matches!(event, Event::Rejected { .. })), "{events:?}");
        Self { exchange, now: 1, next_id: 1 }
    }

    pub(crate) fn apply(&mut self, command: Command) -> Vec<Event> {
        let mut events = Vec::new();
        self.exchange.apply(&command, UnixMs(self.now), &mut events);
        assert_eq!(self.exchange.audit(), Ok(()), "after {command:?}");
        events
    }

    pub(crate) fn place(&mut self, order: NewOrder) -> (OrderId, Vec<Event>) {
        let order = NewOrder { id: OrderId(self.next_id), ..order };
        self.next_id += 1;
        (order.id, self.apply(Command::Place { market: MARKET, order }))
    }

    /// Places an order that is taken, and says what became of it.
    pub(crate) fn placed(&mut self, order: NewOrder) -> (OrderId, Vec<Event>) {
        let (id, mut events) = self.place(order);
        assert!(matches!(events.first(), Some(Event::Accepted { .. })), "{events:?}");
        events.remove(0);
        (id, events)
    }

    pub(crate) fn refused(&mut self, order: NewOrder) -> Reason {
        let before = self.holdings();
        let (_, events) = self.place(order);
        let reason = reason_of(&events);
        assert_eq!(self.holdings(), before, "a refused order changes nothing");
        reason
    }

    /// Both sides of the book and all balances.
    pub(crate) fn holdings(&self) -> Holdings {
        let accounts = (0..4).flat_map(|account| [BASE, QUOTE].map(|asset| (AccountId(account), asset)));
        let balances = accounts.map(|(account, asset)| self.exchange.balance(account, asset)).collect();
        (self.depth(Side::Buy), self.depth(Side::Sell), balances)
    }

    pub(crate) fn amend(&mut self, account: u32, order: OrderId, price: u32, lots: u64) -> Vec<Event> {
        self.apply(Command::Amend {
            market: MARKET,
            account: AccountId(account),
            order: OrderRef::Id(order),
            price: Ticks(price),
            lots: Lots(lots),
        })
    }

    pub(crate) fn cancel(&mut self, account: u32, order: OrderId) -> Vec<Event> {
        self.apply(Command::Cancel { market: MARKET, account: AccountId(account), order: OrderRef::Id(order) })
    }

    pub(crate) fn depth(&self, side: Side) -> Vec<(u32, u64)> {
        self.exchange.depth(MARKET, side).map(|(price, lots)| (price.0, lots.0)).collect()
    }

    pub(crate) fn free(&self, account: u32, asset: AssetId) -> u128 {
        self.exchange.balance(AccountId(account), asset).unwrap().free.0
    }

    pub(crate) fn reserved(&self, account: u32, asset: AssetId) -> u128 {
        self.exchange.balance(AccountId(account), asset).unwrap().reserved.0
    }
}

/// One market of these rules, and accounts 0 to 3 with funds.
pub(crate) fn opening(rules: MarketRules) -> Vec<Command> {
    let deposits = (0..4).flat_map(|account| {
        [BASE, QUOTE].map(|asset| Command::Deposit { account: AccountId(account), asset, amount: FUNDS })
    });
    std::iter::once(Command::OpenMarket(rules)).chain(deposits).collect()
}

/// A limit order that stays until it is cancelled. Its id is set when it is placed.
pub(crate) fn limit(account: u32, side: Side, price: u32, lots: u64) -> NewOrder {
    NewOrder {
        id: OrderId(0),
        account: AccountId(account),
        client_order_id: None,
        side,
        price: Ticks(price),
        lots: Lots(lots),
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::GoodTilCancelled,
        trigger: None,
        self_trade: SelfTradeRule::ExpireTaker,
    }
}

/// Waits for a trade at this price or above.
pub(crate) fn rise(price: u32) -> Option<Trigger> {
    Some(Trigger { direction: TriggerDirection::Rise, price: Ticks(price), waits_until: None })
}

/// Waits for a trade at this price or below.
pub(crate) fn fall(price: u32) -> Option<Trigger> {
    Some(Trigger { direction: TriggerDirection::Fall, price: Ticks(price), waits_until: None })
}

pub(crate) fn client_id(name: u64) -> ClientOrderId {
    ClientOrderId(NonZeroU64::new(name).unwrap())
}

pub(crate) fn fills(events: &[Event]) -> Vec<Fill> {
    events.iter().filter_map(|event| if let Event::Filled(fill) = event { Some(*fill) } else { None }).collect()
}

/// Maker, price and lots of each fill.
pub(crate) fn trades(events: &[Event]) -> Vec<(u64, u32, u64)> {
    fills(events).iter().map(|fill| (fill.maker.0, fill.price.0, fill.lots.0)).collect()
}

pub(crate) fn reason_of(events: &[Event]) -> Reason {
    match events {
        [Event::Rejected { reason, .. }] => *reason,
        other => panic!("expected one refusal, got {other:?}"),
    }
}

pub(crate) fn cancelled(order: OrderId, account: u32, open: u64, reason: CancelReason) -> Event {
    Event::Cancelled { order, account: AccountId(account), open: Lots(open), reason }
}

pub(crate) fn rested(order: OrderId, side: Side, price: u32, open: u64) -> Event {
    Event::Rested { order, side, price: Ticks(price), open: Lots(open) }
}
