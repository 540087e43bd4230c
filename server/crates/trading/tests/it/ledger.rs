//! What waits for the chain, added to what the contract holds, is what the book has: at every moment, in any order of settling.

use std::collections::BTreeMap;

use exchange::{
    AccountId, AssetId, Command, Event, Exchange, HashKey, Lots, MarketId, NewOrder, OrderId, OrderKind, SelfTradeRule,
    Side, Ticks, TimeInForce, Units, UnixMs,
};
use proptest::prelude::*;
use trading::{Correction, MatchedTrade, Owed, correction};

use crate::setup::{FUNDS, market};

const ACCOUNTS: u32 = 3;
const NOW: UnixMs = UnixMs(5);

#[derive(Debug, Clone)]
enum Step {
    Place {
        account: u32,
        is_buy: bool,
        lots: u64,
        ticks: u32,
    },
    /// The contract settles the oldest trade that waits.
    Settle,
    /// The contract refuses it for good.
    Void,
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..ACCOUNTS, any::<bool>(), 1..500_000_u64, 95..105_u32)
        .prop_map(|(account, is_buy, lots, ticks)| Step::Place { account, is_buy, lots, ticks });
    prop_oneof![8 => place, 2 => Just(Step::Settle), 1 => Just(Step::Void)]
}

struct World {
    exchange: Exchange,
    in_contract: BTreeMap<(u32, u8), u128>,
    owed: BTreeMap<(u32, u8), Owed>,
    waiting: Vec<MatchedTrade>,
}

impl World {
    fn new() -> Self {
        let mut exchange = Exchange::new(HashKey([3, 5]));
        let mut events = Vec::new();
        exchange.apply(&Command::OpenMarket(market().rules), NOW, &mut events);
        let world = Self { exchange, in_contract: BTreeMap::new(), owed: BTreeMap::new(), waiting: vec![] };
        (0..ACCOUNTS).flat_map(|account| [(account, 0), (account, 1)]).fold(world, |mut world, key| {
            world.in_contract.insert(key, FUNDS);
            world.correct(key);
            world
        })
    }

    fn book(&self, (account, asset): (u32, u8)) -> (u128, u128) {
        let balance = self.exchange.balance(AccountId(account), AssetId(asset));
        balance.map_or((0, 0), |balance| (balance.free.0, balance.reserved.0))
    }

    fn needed(&self, key: (u32, u8)) -> Correction {
        let (free, reserved) = self.book(key);
        correction(free + reserved, self.in_contract[&key], self.owed.get(&key).copied().unwrap_or_default())
    }

    /// As the operator does: by one deposit, or by a withdrawal of what is there once open orders have ended.
    fn correct(&mut self, key: (u32, u8)) {
        let (account, asset) = (AccountId(key.0), AssetId(key.1));
        let mut events = Vec::new();
        match self.needed(key) {
            Correction::Nothing => {}
            Correction::Credit(amount) => {
                self.exchange.apply(&Command::Deposit { account, asset, amount: Units(amount) }, NOW, &mut events);
            }
            Correction::Debit(amount) => {
                if self.book(key).0 < amount {
                    let all = Command::CancelAll { market: MarketId(0), account };
                    self.exchange.apply(&all, NOW, &mut events);
                }
                let amount = Units(amount.min(self.book(key).0));
                if amount > Units::ZERO {
                    self.exchange.apply(&Command::Withdraw { account, asset, amount }, NOW, &mut events);
                }
            }
        }
        assert!(!events.iter().any(|event| matches!(event, Event::Rejected { .. })), "{events:?}");
    }

    fn place(&mut self, account: u32, is_buy: bool, lots: u64, ticks: u32) {
        let order = NewOrder {
            id: OrderId(self.exchange.last_order().0 + 1),
            account: AccountId(account),
            client_order_id: None,
            side: if is_buy { Side::Buy } else { Side::Sell },
            price: Ticks(ticks),
            lots: Lots(lots),
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::GoodTilCancelled,
            trigger: None,
            self_trade: SelfTradeRule::ExpireTaker,
        };
        let (mut events, sequence) = (Vec::new(), self.exchange.sequence());
        self.exchange.apply(&Command::Place { market: MarketId(0), order }, NOW, &mut events);
        for event in events {
            if let Event::Filled(fill) = event {
                let trade = MatchedTrade::of_fill(&fill, sequence, NOW);
                for (account, asset, owed) in trade.effects(&market().rules) {
                    let known = self.owed.entry((account.0, asset.0)).or_default();
                    *known = known.plus(owed);
                }
                self.waiting.push(trade);
            }
        }
    }

    /// The oldest trade ends. One that takes more than there is ends as void, as the contract would have it.
    fn end(&mut self, settles: bool) {
        if self.waiting.is_empty() {
            return;
        }
        let effects = self.waiting.remove(0).effects(&market().rules);
        let has_all =
            effects.iter().all(|(account, asset, owed)| self.in_contract[&(account.0, asset.0)] >= owed.outgoing);
        for (account, asset, owed) in effects {
            let key = (account.0, asset.0);
            let known = self.owed.entry(key).or_default();
            *known = known.minus(owed);
            if settles && has_all {
                let held = self.in_contract.get_mut(&key).unwrap();
                *held = *held + owed.incoming - owed.outgoing;
            }
        }
        for (account, asset, _) in effects {
            self.correct((account.0, asset.0));
        }
    }

    fn is_right(&self) -> bool {
        self.in_contract.keys().all(|key| self.needed(*key) == Correction::Nothing)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_book_has_what_the_contract_holds_and_what_waits(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        let mut voided = false;
        for step in steps {
            match step {
                Step::Place { account, is_buy, lots, ticks } => world.place(account, is_buy, lots, ticks),
                Step::Settle => world.end(true),
                Step::Void => {
                    voided |= !world.waiting.is_empty();
                    world.end(false);
                }
            }
            // Where a trade that was spent on is void, the balance is right once those that spent it have ended.
            prop_assert!(voided || world.is_right());
        }
        while !world.waiting.is_empty() {
            world.end(true);
        }
        prop_assert!(world.is_right(), "a balance stays wrong after everything has ended");
        let keys: Vec<(u32, u8)> = world.in_contract.keys().copied().collect();
        for key in keys {
            let (free, reserved) = world.book(key);
            prop_assert_eq!(free + reserved, world.in_contract[&key]);
        }
        prop_assert_eq!(world.exchange.audit(), Ok(()));
    }
}
