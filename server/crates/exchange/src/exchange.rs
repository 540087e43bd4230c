//! All markets and the ledger under one entrance.

use std::collections::BTreeMap;

use crate::book::{Book, HashKey, Outcome};
use crate::command::{Command, NewOrder, OrderRef};
use crate::event::Event;
use crate::ledger::{Balance, Ledger};
use crate::limits::{ASSETS_MAX, MARKETS_MAX};
use crate::market::MarketRules;
use crate::quantity::{AccountId, AssetId, Lots, MarketId, OrderId, Side, Ticks, TradeId, Units, UnixMs};
use crate::reason::Reason;

/// The state that follows from the commands so far. It reads no clock and draws nothing at random.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub(crate) ledger: Ledger,
    pub(crate) books: Vec<Book>,
    pub(crate) hash_key: HashKey,
    pub(crate) last_order: OrderId,
    /// Commands so far; the position in the journal.
    pub(crate) sequence: u64,
    pub(crate) now: UnixMs,
}

impl Exchange {
    /// An exchange without markets. `hash_key` is drawn at random by who calls; no result depends on it.
    pub fn new(hash_key: HashKey) -> Self {
        Self { ledger: Ledger::new(), books: Vec::new(), hash_key, last_order: OrderId(0), sequence: 0, now: UnixMs(0) }
    }

    /// Carries out one command and appends what happened to `events`. Only `OpenMarket` and the first deposit of an account
    /// allocate, and `events` where it has no room. A time before an earlier one counts as the earlier one.
    pub fn apply(&mut self, command: &Command, now: UnixMs, events: &mut Vec<Event>) {
        self.sequence += 1;
        self.now = self.now.max(now);
        match *command {
            Command::Place { market, ref order } => self.place(market, order, events),
            Command::Amend { market, account, order, price, lots } => {
                self.change(market, account, Some(order), events, |book, out| {
                    book.amend(account, order, price, lots, out)
                });
            }
            Command::Reduce { market, account, order, by } => {
                self.take_back(market, account, Some(order), events, |book, out| book.reduce(account, order, by, out));
            }
            Command::Cancel { market, account, order } => {
                self.take_back(market, account, Some(order), events, |book, out| book.cancel(account, order, out));
            }
            Command::CancelAll { market, account } => {
                self.take_back(market, account, None, events, |book, out| book.cancel_all(account, out));
            }
            Command::OpenMarket(rules) => self.open_market(rules, events),
            Command::Deposit { account, asset, amount } => self.deposit(account, asset, amount, events),
            Command::Withdraw { account, asset, amount } => {
                let done = self.ledger.withdraw(account, asset, amount);
                events.push(match done {
                    Ok(()) => Event::Withdrawn { account, asset, amount },
                    Err(reason) => Event::Rejected { account: Some(account), order: None, reason },
                });
            }
            Command::Advance => {
                let (now, mut out) = (self.now.0, Outcome { ledger: &mut self.ledger, events });
                self.books.iter_mut().for_each(|book| book.begin(now, &mut out));
            }
        }
    }

    fn place(&mut self, market: MarketId, order: &NewOrder, events: &mut Vec<Event>) {
        let (now, last) = (self.now.0, self.last_order);
        let taken = self.change(market, order.account, Some(OrderRef::Id(order.id)), events, |book, out| {
            if order.id <= last {
                return Err(Reason::OrderIdNotIncreasing { given: order.id, last });
            }
            book.place(order, now, out)
        });
        if taken {
            self.last_order = order.id;
        }
    }

    /// Does what is due in the market, then `what`, then what that brought about. Says whether it was done.
    #[inline]
    fn change(
        &mut self,
        market: MarketId,
        account: AccountId,
        order: Option<OrderRef>,
        events: &mut Vec<Event>,
        what: impl FnOnce(&mut Book, &mut Outcome<'_>) -> Result<(), Reason>,
    ) -> bool {
        self.on_book(market, account, order, events, |book, now, out| {
            book.begin(now, out);
            let done = what(book, out);
            book.trigger_stops(out);
            done
        })
    }

    /// Ends what is due, then does `what`, which only takes orders out of the market. It triggers nothing: an order that is
    /// taken back, since it would not settle, must not trade before that. Stop orders that are reached go on with the next
    /// command that may trade.
    #[inline]
    fn take_back(
        &mut self,
        market: MarketId,
        account: AccountId,
        order: Option<OrderRef>,
        events: &mut Vec<Event>,
        what: impl FnOnce(&mut Book, &mut Outcome<'_>) -> Result<(), Reason>,
    ) -> bool {
        self.on_book(market, account, order, events, |book, now, out| {
            book.expire(now, out);
            let done = what(book, out);
            book.forget_trades_without_stops();
            done
        })
    }

    #[inline]
    fn on_book(
        &mut self,
        market: MarketId,
        account: AccountId,
        order: Option<OrderRef>,
        events: &mut Vec<Event>,
        what: impl FnOnce(&mut Book, u64, &mut Outcome<'_>) -> Result<(), Reason>,
    ) -> bool {
        let done = match self.books.get_mut(usize::from(market.0)) {
            Some(book) => what(book, self.now.0, &mut Outcome { ledger: &mut self.ledger, events }),
            None => Err(Reason::UnknownMarket(market)),
        };
        match done {
            Ok(()) => true,
            Err(reason) => {
                events.push(Event::Rejected { account: Some(account), order, reason });
                false
            }
        }
    }

    fn open_market(&mut self, rules: MarketRules, events: &mut Vec<Event>) {
        let room = if self.books.len() < MARKETS_MAX { Ok(()) } else { Err(Reason::TooManyMarkets) };
        events.push(match room.and_then(|()| rules.validate()) {
            Ok(()) => {
                let market = MarketId(self.books.len() as u16);
                let mut book = Book::new(market, rules, self.hash_key);
                book.admit(self.ledger.rows.len());
                self.books.push(book);
                Event::MarketOpened { market }
            }
            Err(reason) => Event::Rejected { account: None, order: None, reason },
        });
    }

    fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Units, events: &mut Vec<Event>) {
        events.push(match self.ledger.deposit(account, asset, amount) {
            Ok(()) => {
                let accounts = self.ledger.rows.len();
                self.books.iter_mut().for_each(|book| book.admit(accounts));
                Event::Deposited { account, asset, amount }
            }
            Err(reason) => Event::Rejected { account: Some(account), order: None, reason },
        });
    }

    /// Commands so far, refused ones included.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The latest time that a command came with.
    pub fn now(&self) -> UnixMs {
        self.now
    }

    /// The highest order id taken. The next order needs a higher one.
    pub fn last_order(&self) -> OrderId {
        self.last_order
    }

    /// Nothing for an account without a deposit.
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Option<Balance> {
        self.ledger.balance(account, asset)
    }

    /// Fees taken in this asset.
    pub fn fees(&self, asset: AssetId) -> Units {
        self.ledger.fees.get(usize::from(asset.0)).copied().unwrap_or(Units::ZERO)
    }

    pub fn rules(&self, market: MarketId) -> Option<&MarketRules> {
        self.book(market).map(|book| &book.rules)
    }

    /// Trades of the market so far, and the price of the last one.
    pub fn last_trade(&self, market: MarketId) -> Option<(TradeId, Option<Ticks>)> {
        self.book(market).map(|book| (book.last_trade, book.last_price))
    }

    /// Open lots at each price of a side, from the best on. Empty for a market that does not exist.
    pub fn depth(&self, market: MarketId, side: Side) -> impl Iterator<Item = (Ticks, Lots)> + '_ {
        self.book(market).into_iter().flat_map(move |book| book.depth(side))
    }

    /// Stop orders wait that trades have reached, since one command triggers only so many. The next order or amendment
    /// in their market goes on with them, [`Command::Advance`] in all markets.
    pub fn has_reached_stops(&self) -> bool {
        self.books.iter().any(|book| book.traded.is_some())
    }

    /// What is open of an order; nothing if it is not.
    pub fn open_lots(&self, market: MarketId, order: OrderId) -> Option<Lots> {
        let book = self.book(market)?;
        book.slot_of(order).map(|slot| book.order(slot).open())
    }

    fn book(&self, market: MarketId) -> Option<&Book> {
        self.books.get(usize::from(market.0))
    }

    /// Counts everything a second way: queues, reserves and, for each asset, that what accounts hold and fees add up to
    /// deposits less withdrawals. Takes time in proportion to the state.
    pub fn audit(&self) -> Result<(), &'static str> {
        let mut reserved = BTreeMap::new();
        for book in &self.books {
            book.audit(self.last_order, &mut reserved)?;
        }
        let mut held = self.ledger.fees.map(|fee| fee.0);
        for (account, row) in self.ledger.rows.iter().enumerate() {
            for (asset, balance) in row.iter().enumerate() {
                let key = (AccountId(account as u32), AssetId(asset as u8));
                if reserved.remove(&key).unwrap_or(0) != balance.reserved.0 {
                    return Err("an account's reserve is not what its open orders may hand over");
                }
                let sum = balance.free.0.checked_add(balance.reserved.0);
                held[asset] = sum.and_then(|sum| held[asset].checked_add(sum)).ok_or("balances overflow")?;
            }
        }
        if !reserved.is_empty() {
            return Err("an open order belongs to no account");
        }
        let deposited = self.ledger.deposited.map(|deposited| deposited.0);
        if (0..ASSETS_MAX).any(|asset| held[asset] != deposited[asset]) {
            return Err("balances and fees are not deposits less withdrawals");
        }
        Ok(())
    }
}
