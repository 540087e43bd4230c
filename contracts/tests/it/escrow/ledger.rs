//! Any sequence of deposits, orders, payments, refunds, fees and passing time against a model in plain Rust: every
//! outcome is the predicted one, the contract holds exactly what the model says, and nothing is paid twice.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256};
use contracts::JobEscrow;
use contracts::JobEscrow::{CloseReason, JobReceipt, PaymentOrder, ReservationState, SignedJobReceipt};
use proptest::prelude::*;

use super::fixture::{
    EXIT_DELAY_SECONDS, FUNDS, MAX_TOTAL, accrued, chain, client, close, for_minter, free, held, order, other_client,
    permit, reservation, reserve, settle, settle_batch, shard, signed,
};
use crate::evm::{Evm, GENESIS_UNIX};
use crate::receipts::{self, ADMIN, AIT, RELAYER, Signer, TREASURY, miner, mint};

/// Jobs of a run; few, so that steps meet.
const JOBS: usize = 4;
/// Receipts of each job: two tasks, and another receipt for the first.
const RECEIPTS_PER_JOB: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Deposit(usize, u128),
    Withdraw(usize, u128),
    Reserve(usize),
    Cancel(usize),
    Settle(usize),
    SettleBatch(Vec<usize>),
    MintInstead(usize),
    Close(usize, CloseReason),
    Reclaim(usize),
    Distribute,
    SetFee(u16),
    Pause(bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let reason = prop_oneof![
        Just(CloseReason::Completed),
        Just(CloseReason::Failed),
        Just(CloseReason::SlaBreached),
        Just(CloseReason::Reclaimed),
    ];
    let receipt = 0..JOBS * RECEIPTS_PER_JOB;
    prop_oneof![
        4 => (0..2usize, 0..FUNDS / 2).prop_map(|(client, amount)| Step::Deposit(client, amount)),
        2 => (0..2usize, 0..FUNDS / 2).prop_map(|(client, amount)| Step::Withdraw(client, amount)),
        6 => (0..JOBS).prop_map(Step::Reserve),
        1 => (0..JOBS).prop_map(Step::Cancel),
        8 => receipt.clone().prop_map(Step::Settle),
        3 => proptest::collection::vec(receipt.clone(), 0..5).prop_map(Step::SettleBatch),
        1 => receipt.prop_map(Step::MintInstead),
        2 => (0..JOBS, reason).prop_map(|(job, reason)| Step::Close(job, reason)),
        2 => (0..JOBS).prop_map(Step::Reclaim),
        1 => Just(Step::Distribute),
        1 => (0..1_200u16).prop_map(Step::SetFee),
        1 => any::<bool>().prop_map(Step::Pause),
        2 => (0..5 * 86_400u64).prop_map(Step::Wait),
    ]
}

/// The jobs' orders: total, price and the seconds until they expire.
fn orders() -> impl Strategy<Value = Vec<PaymentOrder>> {
    let terms = (0..=4 * MAX_TOTAL, 1..=2u16, 0..40 * 86_400u64, 0..100u32, any::<bool>());
    proptest::collection::vec(terms, JOBS).prop_map(|terms| {
        let of_terms = |(number, (total, tasks, seconds, finish, first)): (u64, (u128, u16, u64, u32, bool))| {
            let payer = if first { client() } else { other_client() };
            PaymentOrder {
                client: payer.address(),
                maxTotal: total,
                tasks,
                finishWithinSeconds: finish,
                expiresAt: GENESIS_UNIX + seconds,
                ..order(number)
            }
        };
        (0..).zip(terms).map(of_terms).collect()
    })
}

/// Receipts of every job: two shards, and a second receipt for the first of them.
fn receipts_of(orders: &[PaymentOrder], units: &[u64]) -> Vec<SignedJobReceipt> {
    let of_job = |(job, order): (usize, &PaymentOrder)| {
        (0..RECEIPTS_PER_JOB)
            .map(move |index| {
                let task = index % 2;
                let role = if order.tasks == 1 { "serve".to_owned() } else { format!("shard/{task}") };
                let base = shard(job as u64, index, units[job * RECEIPTS_PER_JOB + index]);
                (order.client, JobReceipt { client: order.client, taskRole: role, ..base })
            })
            .collect::<Vec<_>>()
    };
    orders.iter().enumerate().flat_map(of_job).map(|(_, receipt)| signed(receipt)).collect()
}

#[derive(Debug, Clone)]
struct Job {
    state: ReservationState,
    remaining: u128,
    fee: u16,
    reserved_at: u64,
    settled: BTreeSet<String>,
    paid: u128,
    fees: u128,
    refunded: u128,
}

#[derive(Debug, Clone)]
struct Model {
    now: u64,
    free: [u128; 2],
    wallets: [u128; 2],
    jobs: Vec<Job>,
    used: BTreeSet<B256>,
    accrued: u128,
    distributed: u128,
    fee: u16,
    paused: bool,
}

fn index_of(client_address: Address) -> usize {
    usize::from(client_address != client().address())
}

impl Model {
    fn new() -> Self {
        let job = Job {
            state: ReservationState::Absent,
            remaining: 0,
            fee: 0,
            reserved_at: 0,
            settled: BTreeSet::new(),
            paid: 0,
            fees: 0,
            refunded: 0,
        };
        Self {
            now: GENESIS_UNIX,
            free: [0; 2],
            wallets: [FUNDS; 2],
            jobs: vec![job; JOBS],
            used: BTreeSet::new(),
            accrued: 0,
            distributed: 0,
            fee: receipts::FEE_BASIS_POINTS,
            paused: false,
        }
    }

    fn deposit(&mut self, client: usize, amount: u128) -> bool {
        let is_taken = !self.paused && self.wallets[client] >= amount;
        if is_taken {
            self.wallets[client] -= amount;
            self.free[client] += amount;
        }
        is_taken
    }

    fn withdraw(&mut self, client: usize, amount: u128) -> bool {
        let is_taken = self.free[client] >= amount;
        if is_taken {
            self.free[client] -= amount;
            self.wallets[client] += amount;
        }
        is_taken
    }

    fn reserve(&mut self, job: usize, order: &PaymentOrder) -> bool {
        let (client, now) = (index_of(order.client), self.now);
        let is_taken = !self.paused
            && self.jobs[job].state == ReservationState::Absent
            && order.expiresAt >= now
            && self.free[client] >= order.maxTotal;
        if is_taken {
            self.free[client] -= order.maxTotal;
            let fee = self.fee;
            self.jobs[job] = Job {
                state: ReservationState::Open,
                remaining: order.maxTotal,
                fee,
                reserved_at: now,
                ..self.jobs[job].clone()
            };
        }
        is_taken
    }

    fn cancel(&mut self, job: usize) -> bool {
        let is_taken = self.jobs[job].state == ReservationState::Absent;
        if is_taken {
            self.jobs[job].state = ReservationState::Cancelled;
        }
        is_taken
    }

    /// What leaves the reservation.
    fn settle(&mut self, job: usize, order: &PaymentOrder, receipt: &JobReceipt) -> Option<u128> {
        let amount: u128 = (receipt.units * receipt.unitPrice / U256::from(1_000_000)).to();
        let target = &mut self.jobs[job];
        if self.used.contains(&receipt.receiptHash)
            || target.state != ReservationState::Open
            || target.settled.contains(&receipt.taskRole)
            || amount > target.remaining
        {
            return None;
        }
        let fee = amount * u128::from(target.fee) / 10_000;
        target.remaining -= amount;
        target.paid += amount - fee;
        target.fees += fee;
        target.settled.insert(receipt.taskRole.clone());
        self.accrued += fee;
        self.used.insert(receipt.receiptHash);
        if self.jobs[job].settled.len() == usize::from(order.tasks) {
            self.end(job, order);
        }
        Some(amount)
    }

    fn end(&mut self, job: usize, order: &PaymentOrder) {
        let target = &mut self.jobs[job];
        target.state = ReservationState::Closed;
        target.refunded = std::mem::take(&mut target.remaining);
        self.free[index_of(order.client)] += target.refunded;
    }

    fn close(&mut self, job: usize, order: &PaymentOrder, reason: CloseReason) -> bool {
        let target = &self.jobs[job];
        let is_breached =
            order.finishWithinSeconds != 0 && self.now > target.reserved_at + u64::from(order.finishWithinSeconds);
        let is_taken = target.state == ReservationState::Open
            && reason != CloseReason::Reclaimed
            && (reason != CloseReason::SlaBreached || is_breached);
        if is_taken {
            self.end(job, order);
        }
        is_taken
    }

    fn reclaim(&mut self, job: usize, order: &PaymentOrder) -> bool {
        let is_late = self.now > order.expiresAt + EXIT_DELAY_SECONDS;
        let is_taken = self.jobs[job].state == ReservationState::Open && is_late;
        if is_taken {
            self.end(job, order);
        }
        is_taken
    }

    fn held(&self) -> u128 {
        self.free.iter().sum::<u128>() + self.jobs.iter().map(|job| job.remaining).sum::<u128>() + self.accrued
    }
}

/// Chain and model side by side.
struct Run {
    evm: Evm,
    model: Model,
    orders: Vec<PaymentOrder>,
    receipts: Vec<SignedJobReceipt>,
    permits: [u64; 2],
    minted: u128,
}

impl Run {
    fn signer(index: usize) -> Signer {
        if index == 0 { client() } else { other_client() }
    }

    fn apply(&mut self, step: &Step) {
        self.model.now = self.evm.now_unix;
        match step {
            Step::Deposit(index, amount) => self.deposit(*index, *amount),
            Step::Withdraw(index, amount) => {
                let call = JobEscrow::withdrawCall { amount: U256::from(*amount) };
                let is_taken = self.evm.send_escrow(Self::signer(*index).address(), &call).is_ok();
                assert_eq!(is_taken, self.model.withdraw(*index, *amount));
            }
            Step::Reserve(job) => {
                let order = &self.orders[*job];
                let is_taken = self.evm.send_escrow(order.hub, &reserve(order)).is_ok();
                assert_eq!(is_taken, self.model.reserve(*job, order));
            }
            Step::Cancel(job) => {
                let order = &self.orders[*job];
                let call = JobEscrow::cancelOrderCall { jobId: order.jobId };
                assert_eq!(self.evm.send_escrow(order.client, &call).is_ok(), self.model.cancel(*job));
            }
            Step::Settle(index) => {
                let signed = &self.receipts[*index];
                let paid = self.evm.send_escrow(RELAYER, &settle(signed)).ok().map(|mined| mined.value);
                let job = index / RECEIPTS_PER_JOB;
                let expected = self.model.settle(job, &self.orders[job], &signed.receipt);
                assert_eq!(paid, expected.map(U256::from));
            }
            Step::SettleBatch(indices) => self.settle_batch(indices),
            Step::MintInstead(index) => self.mint_instead(*index),
            Step::Close(job, reason) => {
                let order = &self.orders[*job];
                let is_taken = self.evm.send_escrow(RELAYER, &close(order, *reason)).is_ok();
                assert_eq!(is_taken, self.model.close(*job, order, *reason));
            }
            Step::Reclaim(job) => {
                let order = &self.orders[*job];
                let call = JobEscrow::reclaimCall { jobId: order.jobId };
                assert_eq!(self.evm.send_escrow(order.client, &call).is_ok(), self.model.reclaim(*job, order));
            }
            Step::Distribute => {
                let paid = self.evm.send_escrow(RELAYER, &JobEscrow::distributeFeesCall {}).unwrap().value;
                assert_eq!(paid, U256::from(self.model.accrued));
                self.model.distributed += std::mem::take(&mut self.model.accrued);
            }
            Step::SetFee(fee) => {
                let call = JobEscrow::setFeeCall { feeBasisPoints_: *fee };
                let is_taken = self.evm.send_escrow(ADMIN, &call).is_ok();
                assert_eq!(is_taken, *fee <= 1_000);
                self.model.fee = if is_taken { *fee } else { self.model.fee };
            }
            Step::Pause(pause) => self.set_paused(*pause),
            Step::Wait(seconds) => self.evm.now_unix += seconds,
        }
    }

    fn deposit(&mut self, index: usize, amount: u128) {
        let owner = Self::signer(index);
        let call = permit(&owner, amount, self.permits[index], u64::MAX);
        let is_taken = self.evm.send_escrow(RELAYER, &call).is_ok();
        // A refused deposit takes its permit back as well.
        self.permits[index] += u64::from(is_taken);
        assert_eq!(is_taken, self.model.deposit(index, amount));
    }

    fn settle_batch(&mut self, indices: &[usize]) {
        let batch: Vec<SignedJobReceipt> = indices.iter().map(|index| self.receipts[*index].clone()).collect();
        let mut next = self.model.clone();
        let mut expected = Some(0);
        for index in indices {
            let job = index / RECEIPTS_PER_JOB;
            let receipt = &self.receipts[*index].receipt;
            if !next.used.contains(&receipt.receiptHash) {
                let paid = next.settle(job, &self.orders[job], receipt);
                expected = expected.zip(paid).map(|(sum, paid)| sum + paid);
            }
        }
        let paid = self.evm.send_escrow(RELAYER, &settle_batch(&batch)).ok().map(|mined| mined.value);
        assert_eq!(paid, expected.map(U256::from));
        if expected.is_some() {
            self.model = next;
        }
    }

    /// Miner and hub sign the same receipt for the minter too.
    fn mint_instead(&mut self, index: usize) {
        let receipt = &self.receipts[index].receipt;
        let both = receipts::signed(for_minter(receipt.clone()));
        let is_first = self.model.used.insert(receipt.receiptHash);
        let minted = self.evm.send_minter(RELAYER, &mint(&both));
        assert_eq!(minted.is_ok(), is_first);
        self.minted += minted.map_or(0, |mined| mined.value.to::<u128>());
    }

    fn set_paused(&mut self, pause: bool) {
        let changed = match pause {
            true => self.evm.send_escrow(ADMIN, &JobEscrow::pauseCall {}).is_ok(),
            false => self.evm.send_escrow(ADMIN, &JobEscrow::unpauseCall {}).is_ok(),
        };
        assert_eq!(changed, self.model.paused != pause);
        self.model.paused = pause;
    }

    fn check(&self) {
        let Self { evm, model, .. } = self;
        assert_eq!(held(evm), U256::from(model.held()), "the contract holds balances, reservations and fees");
        assert_eq!(accrued(evm), U256::from(model.accrued));
        for index in 0..2 {
            let account = Self::signer(index).address();
            assert_eq!(free(evm, account), U256::from(model.free[index]));
            assert_eq!(evm.balance(account), U256::from(model.wallets[index]));
        }
        for (job, order) in model.jobs.iter().zip(&self.orders) {
            let on_chain = reservation(evm, order);
            assert_eq!((on_chain.state, on_chain.remaining), (job.state, job.remaining));
            let moved = job.paid + job.fees + job.refunded + job.remaining;
            assert_eq!(on_chain.reserved, moved, "provider, fee, refund and rest are what was reserved");
        }
        let paid: u128 = model.jobs.iter().map(|job| job.paid).sum();
        assert_eq!(evm.balance(miner().address()), U256::from(paid + self.minted));
        assert_eq!(evm.balance(TREASURY), U256::from(model.distributed));
        assert_eq!(evm.supply(), U256::from(2 * FUNDS + self.minted), "escrow neither makes nor destroys AIT");
    }
}

/// Pays every receipt that can be paid and takes every way out: nothing stays behind but fees.
fn drain(run: &mut Run) {
    run.evm.now_unix += 200 * 86_400;
    for job in 0..JOBS {
        run.apply(&Step::Reclaim(job));
    }
    for index in 0..2 {
        run.apply(&Step::Withdraw(index, run.model.free[index]));
    }
    run.apply(&Step::Distribute);
    run.check();
    assert_eq!(held(&run.evm), U256::ZERO);
}

#[test]
fn the_model_meets_every_kind_of_payment() {
    // Otherwise the property below would compare refusals only.
    let order = PaymentOrder { tasks: 2, ..order(0) };
    let receipts = receipts_of(&vec![order.clone(); JOBS], &[1_000_000; JOBS * RECEIPTS_PER_JOB]);
    let mut run =
        Run { evm: chain(), model: Model::new(), orders: vec![order; JOBS], receipts, permits: [0; 2], minted: 0 };
    for step in [Step::Deposit(0, FUNDS / 4), Step::Reserve(0), Step::Settle(0), Step::Settle(2), Step::Settle(1)] {
        run.apply(&step);
    }
    assert_eq!(run.model.jobs[0].state, ReservationState::Closed);
    assert_eq!(run.model.jobs[0].paid + run.model.jobs[0].fees, 2 * AIT);
    assert_eq!(held(&run.evm), U256::from(run.model.held()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_atto_is_accounted_for(
        orders in orders(),
        units in proptest::collection::vec(0..30_000_000u64, JOBS * RECEIPTS_PER_JOB),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let receipts = receipts_of(&orders, &units);
        let mut run = Run { evm: chain(), model: Model::new(), orders, receipts, permits: [0; 2], minted: 0 };
        for step in &steps {
            run.apply(step);
            assert_eq!(held(&run.evm), U256::from(run.model.held()));
        }
        run.check();
        drain(&mut run);
    }
}
