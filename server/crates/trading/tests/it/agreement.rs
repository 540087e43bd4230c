//! Order book and contract agree: whatever the book matches, the contract settles, and both then say the same of every
//! balance and fee.

use std::collections::BTreeMap;

use contracts::{EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TestDollar};
use exchange::{AccountId, AssetId, Command, Event, Exchange, HashKey, MarketId, OrderId, Units, UnixMs};
use proptest::prelude::*;
use shared::exchange::{AssetUnits, ExchangeOrder, Side, SignedByTrader, TimeInForce, Trigger};
use shared::{Address, U256};
use trading::{PendingTrade, next_batch};

use crate::evm::Evm;
use crate::setup::*;

const TRADERS: u8 = 4;
const ASSETS: [Address; 2] = [BASE, QUOTE];

#[derive(Debug, Clone)]
enum Step {
    Place {
        trader: u8,
        side: Side,
        lots: u128,
        ticks: u128,
        time_in_force: TimeInForce,
        trigger: (Trigger, u128),
    },
    /// Settles one batch, or nothing where nothing is pending.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let time_in_force = prop_oneof![
        4 => Just(TimeInForce::GoodTilTime),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
        1 => Just(TimeInForce::PostOnly),
    ];
    // Few prices, so that orders meet, and some orders as large as what their traders have.
    let lots = prop_oneof![8 => 1..400u128, 1 => 900_000..1_000_000u128];
    let trigger = prop_oneof![
        6 => Just((Trigger::None, 0)),
        1 => (97..104u128).prop_map(|ticks| (Trigger::AtOrAbove, ticks)),
        1 => (97..104u128).prop_map(|ticks| (Trigger::AtOrBelow, ticks)),
    ];
    let place = (0..TRADERS, side, lots, 95..106u128, time_in_force, trigger).prop_map(
        |(trader, side, lots, ticks, time_in_force, trigger)| Step::Place {
            trader,
            side,
            lots,
            ticks,
            time_in_force,
            trigger,
        },
    );
    prop_oneof![6 => place, 1 => Just(Step::Settle)]
}

struct Both {
    exchange: Exchange,
    evm: Evm,
    /// By order id, which is the position and one.
    orders: Vec<SignedByTrader<ExchangeOrder>>,
    pending: Vec<PendingTrade>,
    refused: BTreeMap<&'static str, u32>,
}

impl Both {
    /// Everybody has deposited the same in both.
    fn new() -> Self {
        let mut exchange = Exchange::new(HashKey([7, 11]));
        let mut events = Vec::new();
        exchange.apply(&Command::OpenMarket(market().rules), UnixMs(0), &mut events);
        let mut evm = Evm::with_exchange(&parameters());
        for number in 0..TRADERS {
            let trader = trader(number).address();
            for (asset, address) in (0..).zip(ASSETS) {
                let amount = U256::from(FUNDS);
                evm.send(trader, address, &TestDollar::faucetCall {}).unwrap();
                let approve = TestDollar::approveCall { spender: EXCHANGE_SETTLEMENT_ADDRESS, value: amount };
                evm.send(trader, address, &approve).unwrap();
                let deposit = ExchangeSettlement::depositCall { asset: address, amount };
                evm.send(trader, EXCHANGE_SETTLEMENT_ADDRESS, &deposit).unwrap();
                let account = AccountId(u32::from(number));
                let deposit = Command::Deposit { account, asset: AssetId(asset), amount: Units(FUNDS) };
                exchange.apply(&deposit, UnixMs(0), &mut events);
            }
        }
        assert!(!events.iter().any(|event| matches!(event, Event::Rejected { .. })), "{events:?}");
        Self { exchange, evm, orders: Vec::new(), pending: Vec::new(), refused: BTreeMap::new() }
    }

    fn place(&mut self, number: u8, order: ExchangeOrder) {
        let signed = signed(order, &trader(number));
        assert_eq!(signed.signer(), Ok(signed.signed.trader));
        self.orders.push(signed);
        let id = OrderId(self.orders.len() as u64);
        let market = market();
        let order = &self.orders[self.orders.len() - 1].signed;
        let order = intake(&market).new_order(order, id, AccountId(u32::from(number))).unwrap();
        let mut events = Vec::new();
        self.exchange.apply(&Command::Place { market: MarketId(0), order }, UnixMs(NOW.0 * 1_000), &mut events);
        for event in events {
            match event {
                Event::Filled(fill) => self.pending.push(PendingTrade::of_fill(&fill, &market.rules)),
                Event::Rejected { reason, .. } => {
                    let kind = match reason {
                        exchange::Reason::InsufficientBalance { .. } => "balance",
                        exchange::Reason::PostOnlyWouldTake { .. } => "post only",
                        exchange::Reason::WouldTriggerAtOnce { .. } => "trigger",
                        other => panic!("{other}"),
                    };
                    *self.refused.entry(kind).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    fn settle(&mut self) {
        let orders = &self.orders;
        let order_of = |id: OrderId| usize::try_from(id.0 - 1).ok().and_then(|position| orders.get(position));
        let Some((call, taken)) = next_batch(0, &self.pending, order_of).unwrap() else { return };
        self.evm
            .send(SETTLER, EXCHANGE_SETTLEMENT_ADDRESS, &call)
            .unwrap_or_else(|error| panic!("the contract refused what the book matched: {error}"));
        // The same batch once more is refused, so a crash between sending and recording is harmless.
        assert!(self.evm.clone().send(SETTLER, EXCHANGE_SETTLEMENT_ADDRESS, &call).is_err());
        self.pending.drain(..taken);
    }

    fn compare(&self) {
        for (asset, address) in (0..).zip(ASSETS) {
            for number in 0..TRADERS {
                let balance = self.exchange.balance(AccountId(u32::from(number)), AssetId(asset)).unwrap();
                let call = ExchangeSettlement::balanceOfCall { trader: trader(number).address(), asset: address };
                assert_eq!(self.evm.read(&call), U256::from(balance.free.0 + balance.reserved.0));
            }
            let fees = self.evm.read(&ExchangeSettlement::accruedFeesCall { asset: address });
            assert_eq!(fees, U256::from(self.exchange.fees(AssetId(asset)).0));
        }
        let (last_trade, _) = self.exchange.last_trade(MarketId(0)).unwrap();
        assert_eq!(self.evm.read(&ExchangeSettlement::marketCall { number: 0 }).lastTrade, last_trade.0);
    }
}

fn run(steps: &[Step]) -> Both {
    let mut both = Both::new();
    for (step, nonce) in steps.iter().zip(1..) {
        match *step {
            Step::Place { trader: number, side, lots, ticks, time_in_force, trigger: (trigger, trigger_ticks) } => {
                let order = ExchangeOrder {
                    side,
                    amount: AssetUnits(lots * u128::from(LOT)),
                    limit_price: AssetUnits(ticks * TICK_PRICE),
                    time_in_force,
                    trigger,
                    trigger_price: AssetUnits(trigger_ticks * TICK_PRICE),
                    ..order(&trader(number), nonce)
                };
                both.place(number, order);
            }
            Step::Settle => both.settle(),
        }
    }
    while !both.pending.is_empty() {
        both.settle();
    }
    both.compare();
    assert_eq!(both.exchange.audit(), Ok(()));
    both
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_book_matches_the_contract_settles(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps);
    }
}

/// The property above would hold for a book that triggers nothing.
#[test]
fn a_stop_order_that_was_triggered_settles_within_its_limit() {
    let place = |trader, side, ticks, trigger| {
        let time_in_force = TimeInForce::GoodTilTime;
        Step::Place { trader, side, lots: 10, ticks, time_in_force, trigger }
    };
    let now = (Trigger::None, 0);
    let both = run(&[
        place(0, Side::Buy, 97, now),
        place(1, Side::Buy, 95, now),
        place(2, Side::Sell, 96, (Trigger::AtOrBelow, 97)),
        place(3, Side::Sell, 97, now),
    ]);
    // The trade at 97 triggers it; the order at 95 is below its limit, so it rests at 96.
    assert_eq!(both.exchange.last_trade(MarketId(0)).unwrap().0.0, 1);
    let depth: Vec<_> = both.exchange.depth(MarketId(0), exchange::Side::Sell).collect();
    assert_eq!(depth, [(exchange::Ticks(96), exchange::Lots(10))]);
}

/// The property above would hold for a book that never matches.
#[test]
fn one_large_order_takes_many_in_two_batches() {
    let place = |trader, side, lots, ticks| {
        let (time_in_force, trigger) = (TimeInForce::GoodTilTime, (Trigger::None, 0));
        Step::Place { trader, side, lots, ticks, time_in_force, trigger }
    };
    let mut steps: Vec<Step> =
        (0..90).map(|index| place(index % 3, Side::Sell, 3, 95 + u128::from(index % 7))).collect();
    steps.push(place(3, Side::Buy, 269, 101));
    let both = run(&steps);
    assert_eq!(both.exchange.last_trade(MarketId(0)).unwrap().0.0, 90);
    assert_eq!(both.refused, BTreeMap::new());
    let bought = both.exchange.balance(AccountId(3), AssetId(0)).unwrap();
    assert!(bought.free.0 > FUNDS + 268 * u128::from(LOT) && bought.free.0 < FUNDS + 269 * u128::from(LOT));
}
