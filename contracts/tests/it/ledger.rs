//! Any sequence of mints, changes of parameters and passing time against a model of the minter in plain Rust: every
//! outcome is the predicted one, the supply is the sum of all `Minted` events, and no receipt mints twice.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Log, U256};
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use proptest::prelude::*;

use crate::evm::{Evm, GENESIS_UNIX, MinterError, Reverted, events};
use crate::receipts::{
    ADMIN, AIT, EPOCH_CAP, EPOCH_SECONDS, JobReceipt, MAX_IMAGE_PRICE, RELAYER, SignedJobReceipt, chain, miner, mint,
    mint_batch, receipt, signed,
};

/// How many receipts a run draws from; few, so that they repeat.
const RECEIPTS: usize = 8;

#[derive(Debug, Clone)]
enum Step {
    Mint(usize),
    Batch(Vec<usize>),
    Wait(u64),
    SetEpochSeconds(u64),
    SetEpochCap(u128),
    SetMaxUnitPrice(u128),
    Pause(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..RECEIPTS).prop_map(Step::Mint),
        4 => proptest::collection::vec(0..RECEIPTS, 0..6).prop_map(Step::Batch),
        2 => (0..2 * EPOCH_SECONDS).prop_map(Step::Wait),
        1 => (60..3 * EPOCH_SECONDS).prop_map(Step::SetEpochSeconds),
        1 => (0..2 * EPOCH_CAP).prop_map(Step::SetEpochCap),
        1 => (0..=MAX_IMAGE_PRICE).prop_map(Step::SetMaxUnitPrice),
        1 => any::<bool>().prop_map(Step::Pause),
    ]
}

fn pool() -> impl Strategy<Value = Vec<JobReceipt>> {
    let terms = (0..200_000_000u64, 0..=MAX_IMAGE_PRICE, 0..10 * EPOCH_SECONDS);
    proptest::collection::vec(terms, RECEIPTS).prop_map(|terms| {
        let numbered = terms.into_iter().enumerate();
        let of_terms = |(index, (units, price, seconds)): (usize, (u64, u128, u64))| JobReceipt {
            expiresAt: GENESIS_UNIX + seconds,
            ..receipt(index as u64, units, price)
        };
        numbered.map(of_terms).collect()
    })
}

/// Why the minter refuses, as far as the model cares.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Paused,
    Used(B256),
    Expired(B256),
    Price(B256),
    Cap(B256),
}

fn refusal(error: MinterError) -> Refusal {
    match error {
        MinterError::EnforcedPause(_) => Refusal::Paused,
        MinterError::ReceiptAlreadyUsed(error) => Refusal::Used(error.receiptHash),
        MinterError::ReceiptExpired(error) => Refusal::Expired(error.receiptHash),
        MinterError::UnitPriceAboveMaximum(error) => Refusal::Price(error.receiptHash),
        MinterError::EpochCapExceeded(error) => Refusal::Cap(error.receiptHash),
        other => panic!("unexpected {other:?}"),
    }
}

#[derive(Debug, Clone)]
struct Model {
    now_unix: u64,
    epoch_start_unix: u64,
    epoch_seconds: u64,
    minted_in_epoch: u128,
    epoch_cap: u128,
    max_unit_price: U256,
    paused: bool,
    minted: BTreeMap<B256, u128>,
}

impl Model {
    fn new() -> Self {
        Self {
            now_unix: GENESIS_UNIX,
            epoch_start_unix: GENESIS_UNIX,
            epoch_seconds: EPOCH_SECONDS,
            minted_in_epoch: 0,
            epoch_cap: EPOCH_CAP,
            max_unit_price: U256::from(MAX_IMAGE_PRICE),
            paused: false,
            minted: BTreeMap::new(),
        }
    }

    fn roll(&mut self, now_unix: u64) {
        self.now_unix = now_unix;
        while now_unix >= self.epoch_start_unix + self.epoch_seconds {
            self.epoch_start_unix += self.epoch_seconds;
            self.minted_in_epoch = 0;
        }
    }

    fn mint(&mut self, receipt: &JobReceipt) -> Result<u128, Refusal> {
        let hash = receipt.receiptHash;
        let amount: u128 = (receipt.units * receipt.unitPrice / U256::from(1_000_000)).to();
        if self.paused {
            return Err(Refusal::Paused);
        }
        if self.minted.contains_key(&hash) {
            return Err(Refusal::Used(hash));
        }
        if self.now_unix > receipt.expiresAt {
            return Err(Refusal::Expired(hash));
        }
        if receipt.unitPrice > self.max_unit_price {
            return Err(Refusal::Price(hash));
        }
        if amount > self.epoch_cap.saturating_sub(self.minted_in_epoch) {
            return Err(Refusal::Cap(hash));
        }
        self.minted_in_epoch += amount;
        self.minted.insert(hash, amount);
        Ok(amount)
    }

    fn mint_batch(&mut self, receipts: &[&JobReceipt]) -> Result<u128, Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        let mut next = self.clone();
        let mut sum = 0;
        for receipt in receipts {
            if !next.minted.contains_key(&receipt.receiptHash) {
                sum += next.mint(receipt)?;
            }
        }
        *self = next;
        Ok(sum)
    }

    fn supply(&self) -> u128 {
        self.minted.values().sum()
    }
}

/// Chain and model side by side, with what the chain's events said so far.
struct Run {
    evm: Evm,
    model: Model,
    receipts: Vec<SignedJobReceipt>,
    announced: BTreeMap<B256, U256>,
}

impl Run {
    fn apply(&mut self, step: &Step) {
        self.model.roll(self.evm.now_unix);
        match step {
            Step::Mint(index) => {
                let signed = &self.receipts[*index];
                let expected = self.model.mint(&signed.receipt);
                let actual = self.evm.send_minter(RELAYER, &mint(signed));
                self.compare(expected, actual.map(|mined| (mined.value, mined.logs)));
            }
            Step::Batch(indices) => {
                let batch: Vec<SignedJobReceipt> = indices.iter().map(|index| self.receipts[*index].clone()).collect();
                let receipts: Vec<&JobReceipt> = batch.iter().map(|signed| &signed.receipt).collect();
                let expected = self.model.mint_batch(&receipts);
                let actual = self.evm.send_minter(RELAYER, &mint_batch(&batch));
                self.compare(expected, actual.map(|mined| (mined.value, mined.logs)));
            }
            Step::Wait(seconds) => self.evm.now_unix += seconds,
            Step::SetEpochSeconds(seconds) => {
                self.model.epoch_seconds = *seconds;
                let call = AITokenMinter::setEpochSecondsCall { epochSeconds_: *seconds };
                self.evm.send_minter(ADMIN, &call).unwrap();
            }
            Step::SetEpochCap(cap) => {
                self.model.epoch_cap = *cap;
                self.evm.send_minter(ADMIN, &AITokenMinter::setEpochCapCall { epochCap_: *cap }).unwrap();
            }
            Step::SetMaxUnitPrice(price) => {
                self.model.max_unit_price = U256::from(*price);
                let call =
                    AITokenMinter::setMaxUnitPriceCall { unitType: "image".into(), maxUnitPrice_: U256::from(*price) };
                self.evm.send_minter(ADMIN, &call).unwrap();
            }
            Step::Pause(pause) => self.set_paused(*pause),
        }
    }

    fn set_paused(&mut self, pause: bool) {
        let changed = match pause {
            true => self.evm.send_minter(ADMIN, &AITokenMinter::pauseCall {}).is_ok(),
            false => self.evm.send_minter(ADMIN, &AITokenMinter::unpauseCall {}).is_ok(),
        };
        assert_eq!(changed, self.model.paused != pause);
        self.model.paused = pause;
    }

    fn compare(&mut self, expected: Result<u128, Refusal>, actual: Result<(U256, Vec<Log>), Reverted>) {
        match actual {
            Ok((amount, logs)) => {
                assert_eq!(Ok(amount), expected.map(U256::from));
                self.announce(&logs);
            }
            Err(error) => assert_eq!(Err(refusal(error.minter())), expected),
        }
    }

    fn announce(&mut self, logs: &[Log]) {
        for event in events::<AITokenMinter::Minted>(logs, AI_TOKEN_MINTER_ADDRESS) {
            let earlier = self.announced.insert(event.receiptHash, event.amount);
            assert_eq!(earlier, None, "receipt {} minted twice", event.receiptHash);
        }
    }

    fn check(&self) {
        let announced = self.announced.values().copied().fold(U256::ZERO, |sum, amount| sum + amount);
        assert_eq!(self.evm.supply(), announced);
        assert_eq!(self.evm.supply(), U256::from(self.model.supply()));
        assert_eq!(self.evm.balance(miner().address()), self.evm.supply());
        let used: BTreeSet<B256> = self.announced.keys().copied().collect();
        assert_eq!(used, self.model.minted.keys().copied().collect());
        let epoch = self.evm.read_minter(&AITokenMinter::currentEpochCall {});
        let mut model = self.model.clone();
        model.roll(self.evm.now_unix);
        assert_eq!(epoch.startUnix, U256::from(model.epoch_start_unix));
        assert_eq!(epoch.minted, U256::from(model.minted_in_epoch));
    }
}

#[test]
fn the_pool_of_receipts_reaches_the_cap() {
    // Otherwise the property below would never see the cap refuse anything.
    let largest = U256::from(200_000_000u64) * U256::from(MAX_IMAGE_PRICE) / U256::from(1_000_000);
    assert!(largest > U256::from(EPOCH_CAP) && U256::from(EPOCH_CAP) > U256::from(AIT));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn supply_is_the_sum_of_mints(pool in pool(), steps in proptest::collection::vec(step(), 1..40)) {
        let receipts = pool.into_iter().map(signed).collect();
        let mut run = Run { evm: chain(), model: Model::new(), receipts, announced: BTreeMap::new() };
        for step in &steps {
            run.apply(step);
        }
        run.check();
    }
}
