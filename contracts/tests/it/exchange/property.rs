//! Any sequence of deposits, trades, withdrawals, exits and passing time against a model in plain Rust: every outcome is
//! the predicted one, the contract holds exactly what the model says, no order trades beyond what was signed, and no
//! trade settles twice.

use std::collections::BTreeSet;

use alloy_primitives::U256;
use contracts::ExchangeSettlement::{ExchangeOrder, Side, SignedOrder, TimeInForce};
use contracts::{ExchangeSettlement, TestDollar};
use proptest::prelude::*;

use super::fixture::*;
use crate::evm::{Evm, GENESIS_UNIX};
use crate::receipts::{ADMIN, Signer, TREASURY};

/// Orders of a run; few, so that steps meet.
const ORDERS: usize = 8;
const TRADERS: usize = 3;
const ASSETS: [alloy_primitives::Address; 2] = [BASE, QUOTE];

#[derive(Debug, Clone)]
struct Deal {
    maker: usize,
    taker: usize,
    base: u128,
    quote: u128,
}

#[derive(Debug, Clone)]
enum Step {
    /// The first trade, counted from the last one that settled.
    Settle(u64, Vec<Deal>),
    Deposit(usize, usize, u128),
    Withdraw(usize, usize, u128, u64),
    CancelAll(usize),
    RequestExit(usize),
    CancelExit(usize),
    Exit(usize, usize),
    /// Until so many seconds from now.
    AddDelegate(usize, u64),
    RevokeDelegate(usize),
    CollectFees(usize),
    Pause(bool),
    Wait(u64),
}

fn deal() -> impl Strategy<Value = Deal> {
    let size = prop_oneof![8 => 1..3_000u128, 1 => Just(0), 1 => FUNDS - 5_000..FUNDS + 5_000];
    (0..ORDERS, 0..ORDERS, size, 1..4u128, prop_oneof![6 => Just(0i8), 1 => Just(1), 1 => Just(-1)]).prop_map(
        |(maker, taker, base, price, off)| {
            let quote = (base * price).saturating_add_signed(i128::from(off));
            Deal { maker, taker, base, quote }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let first = prop_oneof![8 => Just(1u64), 1 => Just(0), 1 => 2..4u64];
    let amount = prop_oneof![4 => 0..10_000u128, 1 => FUNDS - 10..FUNDS + 10];
    let withdrawal = (0..TRADERS, 0..2usize, amount.clone(), 0..8u64);
    prop_oneof![
        12 => (first, prop::collection::vec(deal(), 0..4)).prop_map(|(first, deals)| Step::Settle(first, deals)),
        1 => (0..TRADERS, 0..2usize, amount).prop_map(|(who, asset, amount)| Step::Deposit(who, asset, amount)),
        2 => withdrawal.prop_map(|(who, asset, amount, nonce)| Step::Withdraw(who, asset, amount, nonce)),
        1 => (0..TRADERS).prop_map(Step::CancelAll),
        1 => (0..TRADERS).prop_map(Step::RequestExit),
        1 => (0..TRADERS).prop_map(Step::CancelExit),
        1 => (0..TRADERS, 0..2usize).prop_map(|(who, asset)| Step::Exit(who, asset)),
        2 => (0..TRADERS, 0..3 * EXIT_DELAY_SECONDS).prop_map(|(who, seconds)| Step::AddDelegate(who, seconds)),
        1 => (0..TRADERS).prop_map(Step::RevokeDelegate),
        1 => (0..2usize).prop_map(Step::CollectFees),
        1 => prop_oneof![1 => Just(true), 3 => Just(false)].prop_map(Step::Pause),
        1 => (0..EXIT_DELAY_SECONDS).prop_map(Step::Wait),
    ]
}

/// Who signed an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Trader,
    Delegate,
    Stranger,
}

/// An order, its trader, and whose signature it has.
#[derive(Debug, Clone)]
struct Known {
    trader: usize,
    by: By,
    signed: SignedOrder,
}

impl Known {
    fn terms(&self) -> &ExchangeOrder {
        &self.signed.order
    }
}

fn orders() -> impl Strategy<Value = Vec<Known>> {
    let terms = (
        0..TRADERS,
        any::<bool>(),
        1..600u128,
        1..4u128,
        prop_oneof![Just(MAKER_FEE - 1), Just(MAKER_FEE), Just(TAKER_FEE)],
        prop_oneof![3 => Just(100_000u64), 1 => 0..2 * EXIT_DELAY_SECONDS],
        (
            0..2u64,
            0..6u64,
            prop_oneof![5 => Just(By::Trader), 4 => Just(By::Delegate), 1 => Just(By::Stranger)],
            prop::bool::weighted(0.2),
        ),
    );
    prop::collection::vec(terms, ORDERS).prop_map(|terms| (0..).zip(terms).map(known).collect())
}

type Terms = (usize, bool, u128, u128, u16, u64, (u64, u64, By, bool));

fn known((number, terms): (u128, Terms)) -> Known {
    let (trader, buys, size, price, fee, seconds, (epoch, nonce, by, post_only)) = terms;
    let side = if buys { Side::Buy } else { Side::Sell };
    let order = ExchangeOrder {
        maxFeeBasisPoints: fee,
        expiresAt: GENESIS_UNIX + seconds,
        epoch,
        nonce,
        timeInForce: if post_only { TimeInForce::PostOnly } else { TimeInForce::GoodTilTime },
        // No two orders are equal.
        ..order(&traders()[trader], side, size * ORDERS as u128 + number, price)
    };
    let signer = match by {
        By::Trader => traders()[trader].clone(),
        By::Delegate => delegate(),
        By::Stranger => Signer::new(99),
    };
    Known { trader, by, signed: signed_by(order, &signer) }
}

/// The key that all of them may let sign.
fn delegate() -> Signer {
    Signer::new(98)
}

fn traders() -> [Signer; TRADERS] {
    [alice(), bob(), carol()]
}

#[derive(Debug, Clone, Copy, Default)]
struct Epoch {
    now: u64,
    next: u64,
    next_at: u64,
}

#[derive(Debug, Clone)]
struct Model {
    now: u64,
    is_paused: bool,
    last_trade: u64,
    balances: [[u128; 2]; TRADERS],
    wallets: [[u128; 2]; TRADERS],
    fees: [u128; 2],
    collected: [u128; 2],
    epochs: [Epoch; TRADERS],
    exit_at: [Option<u64>; TRADERS],
    /// Until when the delegate signs for each.
    delegated: [Option<u64>; TRADERS],
    filled: [u128; ORDERS],
    used: BTreeSet<(usize, u64)>,
}

impl Model {
    fn new() -> Self {
        Self {
            now: GENESIS_UNIX,
            is_paused: false,
            last_trade: 0,
            balances: [[FUNDS; 2]; TRADERS],
            wallets: [[0; 2]; TRADERS],
            fees: [0; 2],
            collected: [0; 2],
            epochs: [Epoch::default(); TRADERS],
            exit_at: [None; TRADERS],
            delegated: [None; TRADERS],
            filled: [0; ORDERS],
            used: BTreeSet::new(),
        }
    }

    fn epoch(&self, trader: usize) -> u64 {
        let Epoch { now, next, next_at } = self.epochs[trader];
        if self.now >= next_at { next } else { now }
    }

    /// The state after the batch, or nothing where any of it is refused.
    fn settle(&self, first: u64, deals: &[Deal], orders: &[Known]) -> Option<Self> {
        let mut after = self.clone();
        let named: BTreeSet<usize> = deals.iter().flat_map(|deal| [deal.maker, deal.taker]).collect();
        let may_trade = |index: &usize| {
            let Known { trader, by, signed } = &orders[*index];
            let may_sign = match by {
                By::Trader => true,
                By::Delegate => self.delegated[*trader].is_some_and(|until| self.now <= until),
                By::Stranger => false,
            };
            may_sign
                && self.now <= signed.order.expiresAt
                && signed.order.epoch >= self.epoch(*trader)
                && self.exit_at[*trader].is_none_or(|at| self.now < at)
                && !self.used.contains(&(*trader, signed.order.nonce))
        };
        let first_trade = self.last_trade + first;
        if self.is_paused || first_trade <= self.last_trade || !named.iter().all(may_trade) {
            return None;
        }
        for deal in deals {
            after.trade(deal, &orders[deal.maker], &orders[deal.taker])?;
        }
        for index in named {
            let (trader, order) = (orders[index].trader, orders[index].terms());
            let is_whole = after.filled[index] == order.amount && self.filled[index] != order.amount;
            if is_whole && !after.used.insert((trader, order.nonce)) {
                return None;
            }
        }
        if !deals.is_empty() {
            after.last_trade = first_trade + deals.len() as u64 - 1;
        }
        Some(after)
    }

    fn trade(&mut self, deal: &Deal, maker: &Known, taker: &Known) -> Option<()> {
        let Deal { base, quote, .. } = *deal;
        let (maker_terms, taker_terms) = (maker.terms(), taker.terms());
        let is_a_trade = base > 0
            && maker.trader != taker.trader
            && maker_terms.side != taker_terms.side
            && taker_terms.timeInForce != TimeInForce::PostOnly;
        if !is_a_trade {
            return None;
        }
        let parties = [(deal.maker, maker_terms, MAKER_FEE), (deal.taker, taker_terms, TAKER_FEE)];
        for (index, terms, fee) in parties {
            let at_limit = base * (terms.limitPrice / PAR);
            let is_within = if terms.side == Side::Buy { quote <= at_limit } else { quote >= at_limit };
            self.filled[index] += base;
            if !is_within || fee > terms.maxFeeBasisPoints || self.filled[index] > terms.amount {
                return None;
            }
        }
        let (buyer, buyer_fee, seller, seller_fee) = if maker_terms.side == Side::Buy {
            (maker.trader, MAKER_FEE, taker.trader, TAKER_FEE)
        } else {
            (taker.trader, TAKER_FEE, maker.trader, MAKER_FEE)
        };
        self.balances[buyer][1] = self.balances[buyer][1].checked_sub(quote)?;
        self.balances[seller][0] = self.balances[seller][0].checked_sub(base)?;
        let (base_fee, quote_fee) = (base * u128::from(buyer_fee) / 10_000, quote * u128::from(seller_fee) / 10_000);
        self.balances[buyer][0] += base - base_fee;
        self.balances[seller][1] += quote - quote_fee;
        self.fees[0] += base_fee;
        self.fees[1] += quote_fee;
        Some(())
    }

    fn apply(&self, step: &Step, orders: &[Known]) -> Option<Self> {
        let mut after = self.clone();
        match *step {
            Step::Settle(first, ref deals) => return self.settle(first, deals, orders),
            Step::Deposit(who, asset, amount) => {
                after.wallets[who][asset] = self.wallets[who][asset].checked_sub(amount)?;
                after.balances[who][asset] += amount;
                (!self.is_paused).then_some(())?;
            }
            Step::Withdraw(who, asset, amount, nonce) => {
                after.balances[who][asset] = self.balances[who][asset].checked_sub(amount)?;
                after.wallets[who][asset] += amount;
                (after.used.insert((who, nonce)) && self.now <= EXPIRES_AT).then_some(())?;
            }
            Step::CancelAll(who) => {
                let next = self.epochs[who].next + 1;
                after.epochs[who] = Epoch { now: self.epoch(who), next, next_at: self.now + EXIT_DELAY_SECONDS };
            }
            Step::RequestExit(who) => {
                let at = self.now + EXIT_DELAY_SECONDS;
                after.exit_at[who].replace(at).is_none().then_some(())?;
            }
            Step::CancelExit(who) => drop(after.exit_at[who].take()?),
            Step::Exit(who, asset) => {
                self.exit_at[who].filter(|at| self.now >= *at)?;
                after.wallets[who][asset] += std::mem::take(&mut after.balances[who][asset]);
            }
            Step::AddDelegate(who, seconds) => {
                let until = self.now + seconds;
                let known = self.delegated[who].unwrap_or(0);
                (until > self.now && until >= known).then_some(())?;
                after.delegated[who] = Some(until);
            }
            Step::RevokeDelegate(who) => {
                let until = self.delegated[who]?;
                after.delegated[who] = Some(until.min(self.now + EXIT_DELAY_SECONDS));
            }
            Step::CollectFees(asset) => after.collected[asset] += std::mem::take(&mut after.fees[asset]),
            Step::Pause(pause) => {
                (self.is_paused != pause).then_some(())?;
                after.is_paused = pause;
            }
            Step::Wait(seconds) => after.now += seconds,
        }
        Some(after)
    }
}

/// Does the step on the chain, and says whether it was taken.
fn perform(evm: &mut Evm, step: &Step, model: &Model, orders: &[Known]) -> bool {
    let trader = |who: usize| traders()[who].clone();
    match *step {
        Step::Settle(first, ref deals) => {
            let trades: Vec<Trade<'_>> = deals
                .iter()
                .map(|deal| (&orders[deal.maker].signed, &orders[deal.taker].signed, deal.base, deal.quote))
                .collect();
            call(evm, SETTLER, &settle(model.last_trade + first, &trades)).is_ok()
        }
        Step::Deposit(who, asset, amount) => {
            allow(evm, &trader(who), ASSETS[asset], u128::MAX);
            call(evm, trader(who).address(), &deposit(ASSETS[asset], amount)).is_ok()
        }
        Step::Withdraw(who, asset, amount, nonce) => {
            let out = withdrawal(&trader(who), ASSETS[asset], amount, nonce);
            call(evm, SETTLER, &withdraw(&out, &trader(who))).is_ok()
        }
        Step::CancelAll(who) => call(evm, trader(who).address(), &ExchangeSettlement::cancelAllCall {}).is_ok(),
        Step::RequestExit(who) => call(evm, trader(who).address(), &ExchangeSettlement::requestExitCall {}).is_ok(),
        Step::CancelExit(who) => call(evm, trader(who).address(), &ExchangeSettlement::cancelExitCall {}).is_ok(),
        Step::Exit(who, asset) => {
            let exit = ExchangeSettlement::exitCall { asset: ASSETS[asset] };
            call(evm, trader(who).address(), &exit).is_ok()
        }
        Step::AddDelegate(who, seconds) => {
            let expires_at = evm.now_unix + seconds;
            let add = ExchangeSettlement::addDelegateCall { delegate: delegate().address(), expiresAt: expires_at };
            call(evm, trader(who).address(), &add).is_ok()
        }
        Step::RevokeDelegate(who) => {
            let revoke = ExchangeSettlement::revokeDelegateCall { delegate: delegate().address() };
            call(evm, trader(who).address(), &revoke).is_ok()
        }
        Step::CollectFees(asset) => {
            call(evm, STRANGER, &ExchangeSettlement::collectFeesCall { asset: ASSETS[asset] }).is_ok()
        }
        Step::Pause(true) => call(evm, ADMIN, &ExchangeSettlement::pauseCall {}).is_ok(),
        Step::Pause(false) => call(evm, ADMIN, &ExchangeSettlement::unpauseCall {}).is_ok(),
        Step::Wait(seconds) => {
            evm.now_unix += seconds;
            true
        }
    }
}

fn compare(evm: &Evm, model: &Model) -> Result<(), TestCaseError> {
    for (asset, address) in ASSETS.into_iter().enumerate() {
        let mut sum = model.fees[asset];
        for (who, trader) in traders().iter().enumerate() {
            prop_assert_eq!(balance(evm, trader, address), U256::from(model.balances[who][asset]));
            prop_assert_eq!(wallet(evm, trader.address(), address), U256::from(model.wallets[who][asset]));
            sum += model.balances[who][asset];
        }
        prop_assert_eq!(fees(evm, address), U256::from(model.fees[asset]));
        prop_assert_eq!(held(evm, address), U256::from(sum), "what is held is not what is owed");
        prop_assert_eq!(wallet(evm, TREASURY, address), U256::from(model.collected[asset]));
        let supply = evm.clone().send(STRANGER, address, &TestDollar::totalSupplyCall {}).unwrap().value;
        prop_assert_eq!(supply, U256::from(TRADERS as u128 * FUNDS));
    }
    let market = read(evm, &ExchangeSettlement::marketCall { number: 0 });
    prop_assert_eq!(market.lastTrade, model.last_trade);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn every_sequence_of_steps_ends_as_predicted(orders in orders(), steps in prop::collection::vec(step(), 1..40)) {
        let (mut evm, mut model) = (chain(), Model::new());
        let mut last_batch: Option<(u64, Vec<Deal>)> = None;
        for step in &steps {
            let predicted = model.apply(step, &orders);
            let taken = perform(&mut evm, step, &model, &orders);
            prop_assert_eq!(taken, predicted.is_some(), "{:?}", step);
            if let (Step::Settle(first, deals), Some(_)) = (step, &predicted)
                && !deals.is_empty()
            {
                last_batch = Some((model.last_trade + first, deals.clone()));
            }
            model = predicted.unwrap_or(model);
            compare(&evm, &model)?;
            // What settled last never settles again.
            if let Some((first_trade, deals)) = &last_batch {
                let trades: Vec<Trade<'_>> = deals
                    .iter()
                    .map(|deal| (&orders[deal.maker].signed, &orders[deal.taker].signed, deal.base, deal.quote))
                    .collect();
                prop_assert!(call(&mut evm.clone(), SETTLER, &settle(*first_trade, &trades)).is_err());
            }
        }
    }
}
