//! The oracle: an exchange that says what it does in the plainest way. Orders are one list, and every question is a search
//! through all of it.

mod market;

use std::collections::BTreeMap;

use exchange::limits::*;
use exchange::*;
use market::NaiveMarket;

#[derive(Default)]
pub(crate) struct NaiveExchange {
    free: BTreeMap<(u32, u8), u128>,
    reserved: BTreeMap<(u32, u8), u128>,
    deposited: BTreeMap<u8, u128>,
    accounts: u32,
    markets: Vec<NaiveMarket>,
    last_order: u64,
    now: u64,
}

impl NaiveExchange {
    pub(crate) fn apply(&mut self, command: &Command, now: UnixMs) -> Vec<Event> {
        self.now = self.now.max(now.0);
        let mut events = Vec::new();
        match *command {
            Command::OpenMarket(rules) => {
                let open = || {
                    if self.markets.len() == MARKETS_MAX {
                        return Err(Reason::TooManyMarkets);
                    }
                    rules.validate()
                };
                match open() {
                    Ok(()) => {
                        let id = MarketId(self.markets.len() as u16);
                        self.markets.push(NaiveMarket {
                            id,
                            rules,
                            orders: Vec::new(),
                            last_price: None,
                            trades: 0,
                            arrivals: 0,
                            prices: Vec::new(),
                            triggered: 0,
                        });
                        events.push(Event::MarketOpened { market: id });
                    }
                    Err(reason) => events.push(Event::Rejected { account: None, order: None, reason }),
                }
            }
            Command::Deposit { account, asset, amount } => events.push(match self.deposit(account, asset, amount) {
                Ok(()) => Event::Deposited { account, asset, amount },
                Err(reason) => Event::Rejected { account: Some(account), order: None, reason },
            }),
            Command::Withdraw { account, asset, amount } => events.push(match self.withdraw(account, asset, amount) {
                Ok(()) => Event::Withdrawn { account, asset, amount },
                Err(reason) => Event::Rejected { account: Some(account), order: None, reason },
            }),
            Command::Advance => {
                for market in &mut self.markets {
                    market.begin(self.now, &mut (&mut self.free, &mut self.reserved), &mut events);
                }
            }
            Command::Place { market, order } => {
                let order_ref = Some(OrderRef::Id(order.id));
                if self.on_market(market, order.account, order_ref, &mut events, Ask::Place(order)) {
                    self.last_order = order.id.0;
                }
            }
            Command::Amend { market, account, order, price, lots } => {
                self.on_market(market, account, Some(order), &mut events, Ask::Amend(order, price.0, lots.0));
            }
            Command::Reduce { market, account, order, by } => {
                self.on_market(market, account, Some(order), &mut events, Ask::Reduce(order, by.0));
            }
            Command::Cancel { market, account, order } => {
                self.on_market(market, account, Some(order), &mut events, Ask::Cancel(order));
            }
            Command::CancelAll { market, account } => {
                self.on_market(market, account, None, &mut events, Ask::CancelAll);
            }
        }
        events
    }

    pub(crate) fn balance(&self, account: AccountId, asset: AssetId) -> (u128, u128) {
        let key = (account.0, asset.0);
        (self.free.get(&key).copied().unwrap_or(0), self.reserved.get(&key).copied().unwrap_or(0))
    }

    /// Prices and open lots from the best on.
    pub(crate) fn depth(&self, market: MarketId, side: Side) -> Vec<(Ticks, Lots)> {
        let mut levels = BTreeMap::<u32, u64>::new();
        let orders = self.markets.get(usize::from(market.0)).map_or(&[][..], |market| &market.orders);
        for order in orders.iter().filter(|order| !order.waits && order.new.side == side) {
            *levels.entry(order.price).or_default() += order.open();
        }
        let levels = levels.into_iter().map(|(price, lots)| (Ticks(price), Lots(lots)));
        if side == Side::Buy { levels.rev().collect() } else { levels.collect() }
    }

    fn deposit(&mut self, account: AccountId, asset: AssetId, amount: Units) -> Result<(), Reason> {
        check_amount(asset, amount)?;
        if account.0 as usize >= ACCOUNTS_MAX {
            return Err(Reason::AccountOutOfRange(account));
        }
        let deposited = self.deposited.entry(asset.0).or_default();
        if amount.0 > DEPOSITED_UNITS_MAX - *deposited {
            return Err(Reason::DepositTooLarge);
        }
        *deposited += amount.0;
        self.accounts = self.accounts.max(account.0 + 1);
        *self.free.entry((account.0, asset.0)).or_default() += amount.0;
        Ok(())
    }

    fn withdraw(&mut self, account: AccountId, asset: AssetId, amount: Units) -> Result<(), Reason> {
        check_amount(asset, amount)?;
        if account.0 >= self.accounts {
            return Err(Reason::UnknownAccount(account));
        }
        let free = self.free.entry((account.0, asset.0)).or_default();
        if *free < amount.0 {
            return Err(Reason::InsufficientBalance { asset, needed: amount, free: Units(*free) });
        }
        *free -= amount.0;
        *self.deposited.entry(asset.0).or_default() -= amount.0;
        Ok(())
    }

    fn on_market(
        &mut self,
        market: MarketId,
        account: AccountId,
        order: Option<OrderRef>,
        events: &mut Vec<Event>,
        ask: Ask,
    ) -> bool {
        let (now, last_order, accounts) = (self.now, self.last_order, self.accounts);
        let mut money = (&mut self.free, &mut self.reserved);
        let done = match self.markets.get_mut(usize::from(market.0)) {
            None => Err(Reason::UnknownMarket(market)),
            Some(market) => {
                let may_trade = matches!(ask, Ask::Place(_) | Ask::Amend(..));
                if may_trade {
                    market.begin(now, &mut money, events);
                } else {
                    market.expire(now, &mut money, events);
                }
                let done = match ask {
                    Ask::Place(order) if order.id.0 <= last_order => {
                        Err(Reason::OrderIdNotIncreasing { given: order.id, last: OrderId(last_order) })
                    }
                    Ask::Place(order) => market.place(order, now, accounts, &mut money, events),
                    Ask::Amend(order, price, lots) => market.amend(account, order, price, lots, &mut money, events),
                    Ask::Reduce(order, by) => market.reduce(account, order, by, &mut money, events),
                    Ask::Cancel(order) => market.find(account, order).map(|place| {
                        market.cancel_at(place, CancelReason::Owner, &mut money, events);
                    }),
                    Ask::CancelAll if account.0 >= accounts => Err(Reason::UnknownAccount(account)),
                    Ask::CancelAll => {
                        market.cancel_all(account, &mut money, events);
                        Ok(())
                    }
                };
                if may_trade {
                    market.trigger_stops(&mut money, events);
                } else if !market.has_reached_stops() {
                    market.prices.clear();
                }
                done
            }
        };
        if let Err(reason) = done {
            events.push(Event::Rejected { account: Some(account), order, reason });
        }
        done.is_ok()
    }
}

enum Ask {
    Place(NewOrder),
    Amend(OrderRef, u32, u64),
    Reduce(OrderRef, u64),
    Cancel(OrderRef),
    CancelAll,
}

fn check_amount(asset: AssetId, amount: Units) -> Result<(), Reason> {
    if usize::from(asset.0) >= ASSETS_MAX {
        return Err(Reason::AssetOutOfRange(asset));
    }
    if amount.0 == 0 { Err(Reason::AmountIsZero) } else { Ok(()) }
}
