//! Any sequence of mints, releases, voids, changes of parameters and passing time against a model of the minter in plain
//! Rust: every outcome is the predicted one, the supply is the sum of all `Minted` events less that of all `Voided`
//! ones, what is held and what was paid make up the supply, and no receipt mints twice.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Log, U256};
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use proptest::prelude::*;

use crate::evm::{Evm, GENESIS_UNIX, MinterError, Reverted, events};
use crate::receipts::{
    ADMIN, AIT, EPOCH_CAP, EPOCH_SECONDS, JobReceipt, MAX_IMAGE_PRICE, RELAYER, SignedJobReceipt, Signer, chain, mint,
    mint_batch, receipt, release, signed_by, void,
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
    SetProviderEpochCap(u128),
    SetHoldSeconds(u64),
    SetMaxUnitPrice(u128),
    /// Releases what the receipt's provider is held until the receipt's due time.
    Release(usize),
    Void(usize),
    Pause(bool),
}

/// Two providers, so that one's cap and holds leave the other alone.
fn provider(index: usize) -> Signer {
    Signer::new(1 + index as u64 % 2)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..RECEIPTS).prop_map(Step::Mint),
        4 => proptest::collection::vec(0..RECEIPTS, 0..6).prop_map(Step::Batch),
        2 => (0..2 * EPOCH_SECONDS).prop_map(Step::Wait),
        1 => (60..3 * EPOCH_SECONDS).prop_map(Step::SetEpochSeconds),
        1 => (0..2 * EPOCH_CAP).prop_map(Step::SetEpochCap),
        1 => (0..EPOCH_CAP).prop_map(Step::SetProviderEpochCap),
        1 => prop_oneof![Just(0), 1..2 * EPOCH_SECONDS].prop_map(Step::SetHoldSeconds),
        3 => (0..RECEIPTS).prop_map(Step::Release),
        2 => (0..RECEIPTS).prop_map(Step::Void),
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
    ProviderCap(B256),
    NotDue,
    NotHeld(B256),
}

fn refusal(error: MinterError) -> Refusal {
    match error {
        MinterError::EnforcedPause(_) => Refusal::Paused,
        MinterError::ReceiptAlreadyUsed(error) => Refusal::Used(error.receiptHash),
        MinterError::ReceiptExpired(error) => Refusal::Expired(error.receiptHash),
        MinterError::UnitPriceAboveMaximum(error) => Refusal::Price(error.receiptHash),
        MinterError::EpochCapExceeded(error) => Refusal::Cap(error.receiptHash),
        MinterError::ProviderCapExceeded(error) => Refusal::ProviderCap(error.receiptHash),
        MinterError::HoldNotDue(_) => Refusal::NotDue,
        MinterError::ReceiptNotHeld(error) => Refusal::NotHeld(error.receiptHash),
        other => panic!("unexpected {other:?}"),
    }
}

#[derive(Debug, Clone)]
struct Model {
    now_unix: u64,
    epoch_start_unix: u64,
    epoch_seconds: u64,
    minted_in_epoch: BTreeMap<Address, u128>,
    epoch_cap: u128,
    provider_epoch_cap: u128,
    hold_seconds: u64,
    max_unit_price: U256,
    paused: bool,
    minted: BTreeMap<B256, u128>,
    /// Receipts that are held: provider, due time and amount.
    held: BTreeMap<B256, (Address, u64, u128)>,
    paid: BTreeMap<Address, u128>,
}

impl Model {
    fn new() -> Self {
        Self {
            now_unix: GENESIS_UNIX,
            epoch_start_unix: GENESIS_UNIX,
            epoch_seconds: EPOCH_SECONDS,
            minted_in_epoch: BTreeMap::new(),
            epoch_cap: EPOCH_CAP,
            provider_epoch_cap: EPOCH_CAP,
            hold_seconds: 0,
            max_unit_price: U256::from(MAX_IMAGE_PRICE),
            paused: false,
            minted: BTreeMap::new(),
            held: BTreeMap::new(),
            paid: BTreeMap::new(),
        }
    }

    fn roll(&mut self, now_unix: u64) {
        self.now_unix = now_unix;
        while now_unix >= self.epoch_start_unix + self.epoch_seconds {
            self.epoch_start_unix += self.epoch_seconds;
            self.minted_in_epoch.clear();
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
        let provider = receipt.provider;
        if amount > self.epoch_cap.saturating_sub(self.minted_in_epoch.values().sum()) {
            return Err(Refusal::Cap(hash));
        }
        let in_epoch = self.minted_in_epoch.entry(provider).or_default();
        if amount > self.provider_epoch_cap.saturating_sub(*in_epoch) {
            return Err(Refusal::ProviderCap(hash));
        }
        *in_epoch += amount;
        self.minted.insert(hash, amount);
        match (amount, self.hold_seconds) {
            (0, _) => {}
            (_, 0) => *self.paid.entry(provider).or_default() += amount,
            _ => drop(self.held.insert(hash, (provider, self.due_unix(), amount))),
        }
        Ok(amount)
    }

    /// A hold later, rounded up to a 24th of the hold.
    fn due_unix(&self) -> u64 {
        let due_unix = self.now_unix + self.hold_seconds;
        due_unix.next_multiple_of((self.hold_seconds / 24).max(1))
    }

    fn release(&mut self, provider: Address, due_unix: u64) -> Result<u128, Refusal> {
        if self.paused {
            return Err(Refusal::Paused);
        }
        if self.now_unix < due_unix {
            return Err(Refusal::NotDue);
        }
        let (due, rest) = std::mem::take(&mut self.held)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, held)| (held.0, held.1) == (provider, due_unix));
        self.held = rest;
        let amount = due.values().map(|(_, _, amount)| amount).sum();
        *self.paid.entry(provider).or_default() += amount;
        Ok(amount)
    }

    fn void(&mut self, hash: B256) -> Result<u128, Refusal> {
        let (_, _, amount) = self.held.remove(&hash).ok_or(Refusal::NotHeld(hash))?;
        self.minted.insert(hash, 0);
        Ok(amount)
    }

    fn held_of(&self, provider: Address) -> u128 {
        self.held.values().filter(|held| held.0 == provider).map(|held| held.2).sum()
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
    voided: BTreeMap<B256, U256>,
    /// The due time of each receipt that was ever held.
    due_unix: BTreeMap<B256, u64>,
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
            Step::SetProviderEpochCap(cap) => {
                self.model.provider_epoch_cap = *cap;
                let call = AITokenMinter::setProviderEpochCapCall { providerEpochCap_: *cap };
                self.evm.send_minter(ADMIN, &call).unwrap();
            }
            Step::SetHoldSeconds(seconds) => {
                self.model.hold_seconds = *seconds;
                let call = AITokenMinter::setHoldSecondsCall { holdSeconds_: *seconds };
                self.evm.send_minter(ADMIN, &call).unwrap();
            }
            Step::Release(index) => {
                let (provider, due_unix) = self.hold_of(*index);
                let expected = self.model.release(provider, due_unix);
                let actual = self.evm.send_minter(RELAYER, &release(provider, due_unix));
                self.compare(expected, actual.map(|mined| (mined.value, mined.logs)));
            }
            Step::Void(index) => {
                let receipt = self.receipts[*index].receipt.clone();
                let (_, due_unix) = self.hold_of(*index);
                let expected = self.model.void(receipt.receiptHash);
                let actual = self.evm.send_minter(RELAYER, &void(&receipt, due_unix, "audited"));
                self.compare(expected, actual.map(|mined| (mined.value, mined.logs)));
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

    /// The receipt's provider, and until when its amount is or was held.
    fn hold_of(&self, index: usize) -> (Address, u64) {
        let receipt = &self.receipts[index].receipt;
        (receipt.provider, self.due_unix.get(&receipt.receiptHash).copied().unwrap_or(GENESIS_UNIX))
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
        for event in events::<AITokenMinter::Held>(logs, AI_TOKEN_MINTER_ADDRESS) {
            self.due_unix.insert(event.receiptHash, event.dueUnix.to());
        }
        for event in events::<AITokenMinter::Voided>(logs, AI_TOKEN_MINTER_ADDRESS) {
            let earlier = self.voided.insert(event.receiptHash, event.amount);
            assert_eq!(earlier, None, "receipt {} was voided twice", event.receiptHash);
        }
    }

    fn check(&self) {
        let sum = |amounts: &BTreeMap<B256, U256>| amounts.values().fold(U256::ZERO, |sum, amount| sum + amount);
        assert_eq!(self.evm.supply(), sum(&self.announced) - sum(&self.voided));
        assert_eq!(self.evm.supply(), U256::from(self.model.supply()));
        let mut held_in_all = U256::ZERO;
        for provider in [provider(0).address(), provider(1).address()] {
            let (held, paid) = (self.evm.held(provider), self.evm.balance(provider));
            assert_eq!(held, U256::from(self.model.held_of(provider)));
            assert_eq!(paid, U256::from(self.model.paid.get(&provider).copied().unwrap_or_default()));
            held_in_all += held;
        }
        assert_eq!(self.evm.balance(AI_TOKEN_MINTER_ADDRESS), held_in_all);
        let used: BTreeSet<B256> = self.announced.keys().copied().collect();
        assert_eq!(used, self.model.minted.keys().copied().collect());
        let epoch = self.evm.read_minter(&AITokenMinter::currentEpochCall {});
        let mut model = self.model.clone();
        model.roll(self.evm.now_unix);
        assert_eq!(epoch.startUnix, U256::from(model.epoch_start_unix));
        assert_eq!(epoch.minted, U256::from(model.minted_in_epoch.values().sum::<u128>()));
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
        let sign = |(index, receipt)| signed_by(&provider(index), receipt);
        let mut run = Run {
            evm: chain(),
            model: Model::new(),
            receipts: pool.into_iter().enumerate().map(sign).collect(),
            announced: BTreeMap::new(),
            voided: BTreeMap::new(),
            due_unix: BTreeMap::new(),
        };
        for step in &steps {
            run.apply(step);
        }
        run.check();
    }
}
