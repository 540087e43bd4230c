//! The stream of orders, which every engine is given in its own form.

use exchange::{
    AccountId, AssetId, BasisPoints, Command, Event, Exchange, HashKey, Lots, MarketId, MarketRules, NewOrder, OrderId,
    OrderKind, OrderRef, SelfTradeRule, Side, Ticks, TimeInForce, Units, UnixMs,
};

/// One command; its place in the stream is the id of the order that it places.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Place {
        account: u32,
        side: Side,
        price: u32,
        lots: u64,
        immediate: bool,
    },
    Cancel {
        account: u32,
        order: u64,
    },
    /// `open` is what an engine needs that amends by cancelling and placing.
    Amend {
        account: u32,
        order: u64,
        side: Side,
        price: u32,
        lots: u64,
        open: u64,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) open_orders: usize,
    /// For how many the market makes room.
    pub(crate) orders_max: u32,
    /// Of each side.
    pub(crate) prices: u32,
}

pub(crate) const MARKET: MarketId = MarketId(0);
const ACCOUNTS: u32 = 1_000;
const MIDDLE: u32 = 100_000;

/// An order as the generator knows it.
#[derive(Clone, Copy)]
struct Live {
    id: u64,
    account: u32,
    side: Side,
    lots: u64,
}

/// Draws operations one by one, with an exchange of its own that says what is open.
pub(crate) struct Generator {
    size: Size,
    exchange: Exchange,
    events: Vec<Event>,
    live: Vec<Live>,
    /// The place of each order in `live`, by id.
    places: std::collections::HashMap<u64, usize>,
    drawn: u64,
    random: u64,
}

pub(crate) fn generate(size: Size, count: usize) -> Vec<Operation> {
    let mut generator = Generator::new(size);
    (0..count).map(|_| generator.next()).collect()
}

/// The market and its traders. Those with even numbers buy and the others sell, so that no order meets one of its own
/// account: the other engines know no accounts, and would trade there.
pub(crate) fn opening(size: Size) -> Vec<Command> {
    let rules = MarketRules {
        base: AssetId(0),
        quote: AssetId(1),
        base_units_per_lot: 1_000_000_000_000_000,
        quote_units_per_tick: 1_000,
        maker_fee: BasisPoints(10),
        taker_fee: BasisPoints(25),
        order_lots_max: Lots(1_000_000),
        notional_min: Units(1_000_000),
        orders_max: size.orders_max,
    };
    let deposits = (0..ACCOUNTS).flat_map(|account| {
        [0, 1].map(|asset| Command::Deposit {
            account: AccountId(account),
            asset: AssetId(asset),
            amount: Units(1 << 110),
        })
    });
    std::iter::once(Command::OpenMarket(rules)).chain(deposits).collect()
}

/// As a command of our exchange. Ids begin at 1.
pub(crate) fn command(place: u64, operation: &Operation) -> (UnixMs, Command) {
    let now = UnixMs(1 + place / 1_000);
    let market = MARKET;
    let command = match *operation {
        Operation::Place { account, side, price, lots, immediate } => Command::Place {
            market,
            order: NewOrder {
                id: OrderId(place + 1),
                account: AccountId(account),
                client_order_id: None,
                side,
                price: Ticks(price),
                lots: Lots(lots),
                kind: OrderKind::Limit,
                time_in_force: if immediate { TimeInForce::ImmediateOrCancel } else { TimeInForce::GoodTilCancelled },
                trigger: None,
                self_trade: SelfTradeRule::ExpireTaker,
            },
        },
        Operation::Cancel { account, order } => {
            Command::Cancel { market, account: AccountId(account), order: OrderRef::Id(OrderId(order + 1)) }
        }
        Operation::Amend { account, order, price, lots, .. } => Command::Amend {
            market,
            account: AccountId(account),
            order: OrderRef::Id(OrderId(order + 1)),
            price: Ticks(price),
            lots: Lots(lots),
        },
    };
    (now, command)
}

impl Generator {
    pub(crate) fn new(size: Size) -> Self {
        let mut exchange = Exchange::new(HashKey([1, 2]));
        let mut events = Vec::new();
        opening(size).iter().for_each(|command| exchange.apply(command, UnixMs(0), &mut events));
        Self {
            size,
            exchange,
            events,
            live: Vec::new(),
            places: std::collections::HashMap::new(),
            drawn: 0,
            random: 42,
        }
    }

    pub(crate) fn next(&mut self) -> Operation {
        let share = self.below(100);
        let few = self.live.len() < self.size.open_orders;
        let operation = match share {
            // The book fills first, so that the shares hold from then on.
            _ if self.live.len() < self.size.open_orders / 2 => self.place(),
            0..9 => self.place(),
            9..12 => self.take(few),
            12..18 => self.cancel(),
            _ => self.amend(few),
        };
        let (now, command) = command(self.drawn, &operation);
        self.events.clear();
        self.exchange.apply(&command, now, &mut self.events);
        self.follow(&operation);
        self.drawn += 1;
        operation
    }

    fn place(&mut self) -> Operation {
        let side = self.side();
        let (account, price, lots) = (self.account(side), self.passive_price(side), 10 + self.below(90));
        Operation::Place { account, side, price, lots, immediate: false }
    }

    /// An order that trades at the best price and asks for no more than that price has: matchcore 0.4 would go on beyond
    /// the limit of an order that asks for more.
    fn take(&mut self, few: bool) -> Operation {
        let side = self.side();
        let account = self.account(side);
        let Some((best, most)) = self.best(side) else { return self.place() };
        let wanted = if few { 1 + self.below(10) } else { 20 + self.below(150) };
        Operation::Place { account, side, price: best, lots: wanted.min(most), immediate: true }
    }

    fn cancel(&mut self) -> Operation {
        let place = self.below(self.live.len() as u64) as usize;
        let Live { id, account, .. } = self.live[place];
        Operation::Cancel { account, order: id }
    }

    fn amend(&mut self, few: bool) -> Operation {
        let place = self.below(self.live.len() as u64) as usize;
        let Live { id, account, side, lots } = self.live[place];
        let open = self.exchange.open_lots(MARKET, OrderId(id + 1)).map_or(0, |lots| lots.0);
        let crossing =
            if !few && self.below(100) < 4 { self.best(side).filter(|(_, most)| *most >= open) } else { None };
        let price = crossing.map_or_else(|| self.passive_price(side), |(best, _)| best);
        Operation::Amend { account, order: id, side, price, lots, open }
    }

    /// The best price for a taker of this side, and the lots there.
    fn best(&self, side: Side) -> Option<(u32, u64)> {
        self.exchange.depth(MARKET, side.opposite()).next().map(|(price, lots)| (price.0, lots.0))
    }

    fn passive_price(&mut self, side: Side) -> u32 {
        let away = 1 + self.below(u64::from(self.size.prices)) as u32;
        if side == Side::Buy { MIDDLE - away } else { MIDDLE + away }
    }

    /// Keeps the list of what is open.
    fn follow(&mut self, operation: &Operation) {
        let mut ended = Vec::new();
        for event in &self.events {
            match *event {
                Event::Rested { order, .. } if !self.places.contains_key(&(order.0 - 1)) => {
                    if let Operation::Place { account, side, lots, .. } = *operation {
                        self.places.insert(order.0 - 1, self.live.len());
                        self.live.push(Live { id: order.0 - 1, account, side, lots });
                    }
                }
                Event::Filled(fill) => {
                    let parties = [(fill.maker, fill.maker_open), (fill.taker, fill.taker_open)];
                    ended.extend(parties.iter().filter(|(_, open)| open.0 == 0).map(|(order, _)| order.0 - 1));
                }
                Event::Cancelled { order, .. } => ended.push(order.0 - 1),
                _ => {}
            }
        }
        for id in ended {
            let Some(place) = self.places.remove(&id) else { continue };
            self.live.swap_remove(place);
            if let Some(moved) = self.live.get(place) {
                self.places.insert(moved.id, place);
            }
        }
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::Buy } else { Side::Sell }
    }

    fn account(&mut self, side: Side) -> u32 {
        self.below(u64::from(ACCOUNTS / 2)) as u32 * 2 + u32::from(side == Side::Sell)
    }

    /// Steele and others' SplitMix64.
    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        self.exchange.hash()
    }
}
