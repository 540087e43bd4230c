//! What the audit log amounts to: policies, what went today, second factors, and the payments that wait for a block. The same
//! events give the same ledger, so a daemon that starts again goes on where the log ends.

use std::collections::{BTreeMap, VecDeque};

use shared::time::UnixMillis;
use shared::{Address, B256};

use crate::action::Action;
use crate::attempts::Attempts;
use crate::event::{Cancellation, Carried, CodeUse, Event, Moved, Outcome, Payment, SecondFactor};
use crate::policy::{Policy, Spent};
use crate::refusal::Refusal;

/// So many payments are remembered with their keys; the oldest that are over are forgotten first.
pub const PAYMENTS_MAX: usize = 10_000;

/// So many payments may wait for a block at once.
pub const WAITING_MAX: usize = 256;

/// What is known of one account.
#[derive(Debug, Clone, Default)]
struct Account {
    policy: Option<Policy>,
    factor: Option<SecondFactor>,
    spent: Spent,
    codes: Attempts,
    passwords: Attempts,
}

#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<Address, Account>,
    payments: VecDeque<Payment>,
    waiting: usize,
}

impl Ledger {
    /// Counts one event.
    pub fn apply(&mut self, at: UnixMillis, event: &Event) {
        match event {
            Event::Started { .. }
            | Event::WalletAdded { .. }
            | Event::Locked { .. }
            | Event::Refused { .. }
            | Event::SegmentBegan { .. } => {}
            Event::Unlocked { address } => self.of(*address).passwords.was_right(),
            Event::UnlockRefused { address } => self.of(*address).passwords.was_wrong(at),
            Event::CodeRefused { address } => self.of(*address).codes.was_wrong(at),
            Event::CodeUsed { address, code } => self.use_code(*address, Some(*code)),
            Event::PolicySet { address, policy, code } => {
                self.use_code(*address, *code);
                self.of(*address).policy = Some(policy.clone());
            }
            Event::SecondFactorSet { address, factor } => {
                let account = self.of(*address);
                account.factor = Some(factor.clone());
                account.codes.was_right();
            }
            Event::SecondFactorRemoved { address, .. } => {
                let account = self.of(*address);
                account.factor = None;
                account.codes.was_right();
            }
            Event::Signed { address, moved, code, .. } => self.count(at, *address, moved, *code),
            Event::Payment { address, payment, code } => {
                self.count(at, *address, &payment.moved, *code);
                self.add(Payment {
                    from: *address,
                    at,
                    signed: payment.clone(),
                    cancellation: None,
                    outcome: Outcome::Waiting,
                });
            }
            Event::Settled { hash, block_number, succeeded } => {
                self.end(*hash, Outcome::Settled { block_number: *block_number, succeeded: *succeeded });
            }
            Event::Replaced { hash } => self.end(*hash, Outcome::Replaced),
            Event::Canceling { address, hash, cancellation } => {
                let moved = Moved { movements: Vec::new(), fee: cancellation.fee };
                self.count(at, *address, &moved, None);
                self.cancel(*hash, cancellation);
            }
            Event::Canceled { hash, block_number } => {
                self.end(*hash, Outcome::Canceled { block_number: *block_number });
            }
            Event::Carried { state } => self.take_over(state),
        }
    }

    /// The owner's policy, or the one that holds without.
    pub fn policy(&self, address: Address) -> Policy {
        self.accounts.get(&address).and_then(|account| account.policy.clone()).unwrap_or_default()
    }

    pub fn judge(&self, address: Address, action: &Action, with_code: bool, now: UnixMillis) -> Result<(), Refusal> {
        match self.accounts.get(&address) {
            Some(Account { policy: Some(policy), spent, .. }) => policy.judge(action, spent, with_code, now),
            account => {
                let spent = account.map(|account| account.spent.clone()).unwrap_or_default();
                Policy::default().judge(action, &spent, with_code, now)
            }
        }
    }

    /// What went on the day of `now`.
    pub fn spent(&self, address: Address, now: UnixMillis) -> Spent {
        self.accounts.get(&address).map(|account| account.spent.at(now)).unwrap_or_default()
    }

    pub fn second_factor(&self, address: Address) -> Option<&SecondFactor> {
        self.accounts.get(&address)?.factor.as_ref()
    }

    /// The wrong codes of an account.
    pub fn codes(&self, address: Address) -> Attempts {
        self.accounts.get(&address).map(|account| account.codes).unwrap_or_default()
    }

    /// The wrong passwords of an account.
    pub fn passwords(&self, address: Address) -> Attempts {
        self.accounts.get(&address).map(|account| account.passwords).unwrap_or_default()
    }

    /// The payment that a key was used for.
    pub fn payment(&self, key: &str) -> Option<&Payment> {
        self.payments.iter().rev().find(|payment| payment.signed.key == key)
    }

    /// The payment with this hash, while it waits.
    pub fn waiting_with(&self, hash: B256) -> Option<&Payment> {
        self.waiting().find(|payment| payment.signed.hash == hash)
    }

    /// Everything that is known here, in an order that depends on it alone.
    pub fn carried(&self) -> Vec<Carried> {
        let mut all = Vec::new();
        for (address, account) in &self.accounts {
            let address = *address;
            if let Some(policy) = account.policy.clone() {
                all.push(Carried::Policy { address, policy });
            }
            if let Some(factor) = account.factor.clone() {
                all.push(Carried::SecondFactor { address, factor });
            }
            if account.spent != Spent::default() {
                all.push(Carried::Spent { address, spent: account.spent.clone() });
            }
            let (codes, passwords) = (account.codes, account.passwords);
            if (codes, passwords) != Default::default() {
                all.push(Carried::Attempts { address, codes, passwords });
            }
        }
        all.extend(self.payments.iter().map(|payment| Carried::Payment(Box::new(payment.clone()))));
        all
    }

    /// The newest first.
    pub fn payments_of(&self, address: Address) -> impl Iterator<Item = &Payment> {
        self.payments.iter().rev().filter(move |payment| payment.from == address)
    }

    /// The oldest first, in the order of their nonces.
    pub fn waiting(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter().filter(|payment| payment.outcome == Outcome::Waiting)
    }

    pub const fn has_room(&self) -> bool {
        self.waiting < WAITING_MAX
    }

    /// The nonce of the next payment: behind those that wait here, and those that the chain knows of.
    pub fn next_nonce(&self, address: Address, of_chain: u64) -> u64 {
        let own = self.waiting().filter(|payment| payment.from == address).map(|payment| payment.signed.nonce + 1);
        own.max().map_or(of_chain, |own| own.max(of_chain))
    }

    /// Whether a payment that waits has this nonce.
    pub fn holds_nonce(&self, address: Address, nonce: u64) -> bool {
        self.waiting().any(|payment| payment.from == address && payment.signed.nonce == nonce)
    }

    fn of(&mut self, address: Address) -> &mut Account {
        self.accounts.entry(address).or_default()
    }

    fn count(&mut self, at: UnixMillis, address: Address, moved: &Moved, code: Option<CodeUse>) {
        self.use_code(address, code);
        let action = Action { movements: moved.movements.clone(), fee: moved.fee, ..Action::default() };
        // What was signed has a sum: it was judged by it.
        let sums = action.sums().unwrap_or_default();
        if !sums.is_empty() {
            self.of(address).spent.add(&sums, code.is_some(), at);
        }
    }

    fn use_code(&mut self, address: Address, code: Option<CodeUse>) {
        let Some(code) = code else { return };
        let account = self.of(address);
        account.codes.was_right();
        match (&mut account.factor, code) {
            (Some(factor), CodeUse::Totp { step }) => factor.last_used = factor.last_used.max(step),
            (Some(factor), CodeUse::Recovery { hash }) => factor.recovery.retain(|left| *left != hash),
            (None, _) => {}
        }
    }

    fn add(&mut self, payment: Payment) {
        if self.payments.len() >= PAYMENTS_MAX
            && let Some(at) = self.payments.iter().position(|payment| payment.outcome != Outcome::Waiting)
        {
            self.payments.remove(at);
        }
        self.payments.push_back(payment);
        self.waiting += 1;
    }

    fn take_over(&mut self, state: &Carried) {
        match state {
            Carried::Policy { address, policy } => self.of(*address).policy = Some(policy.clone()),
            Carried::SecondFactor { address, factor } => self.of(*address).factor = Some(factor.clone()),
            Carried::Spent { address, spent } => self.of(*address).spent = spent.clone(),
            Carried::Attempts { address, codes, passwords } => {
                let account = self.of(*address);
                (account.codes, account.passwords) = (*codes, *passwords);
            }
            Carried::Payment(payment) => {
                self.waiting += usize::from(payment.outcome == Outcome::Waiting);
                self.payments.push_back(Payment::clone(payment));
            }
        }
    }

    /// The first cancellation stays: it may have left.
    fn cancel(&mut self, hash: B256, cancellation: &Cancellation) {
        let waits = |payment: &&mut Payment| payment.signed.hash == hash && payment.outcome == Outcome::Waiting;
        if let Some(payment) = self.payments.iter_mut().find(waits) {
            payment.cancellation.get_or_insert_with(|| cancellation.clone());
        }
    }

    fn end(&mut self, hash: B256, outcome: Outcome) {
        let waits = |payment: &&mut Payment| payment.signed.hash == hash && payment.outcome == Outcome::Waiting;
        if let Some(payment) = self.payments.iter_mut().find(waits) {
            payment.outcome = outcome;
            self.waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::digest::Sha256Digest;
    use shared::{Bytes, U256};
    use wallet::rand_core::OsRng;

    use super::*;
    use crate::action::Movement;
    use crate::asset::{Asset, Units};
    use crate::event::SignedPayment;
    use crate::recovery::RecoveryHash;
    use crate::sealed::SealingKey;

    const ME: Address = Address::repeat_byte(1);
    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn payment(number: u64) -> Event {
        let movement = Movement { asset: Asset::AIT, amount: Units(U256::from(3)), to: Address::repeat_byte(2) };
        let payment = SignedPayment {
            key: format!("key-{number}"),
            request: Sha256Digest::of(b"request"),
            nonce: number,
            hash: B256::from(U256::from(number + 1)),
            raw: Bytes::from_static(&[1]),
            moved: Moved { movements: vec![movement], fee: Units::ZERO },
        };
        Event::Payment { address: ME, payment, code: None }
    }

    fn settled(number: u64) -> Event {
        Event::Settled { hash: B256::from(U256::from(number + 1)), block_number: 9, succeeded: true }
    }

    #[test]
    fn nonces_follow_what_waits_and_what_the_chain_knows() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.next_nonce(ME, 4), 4);
        ledger.apply(NOW, &payment(4));
        ledger.apply(NOW, &payment(5));
        assert_eq!((ledger.next_nonce(ME, 4), ledger.next_nonce(ME, 9)), (6, 9));
        assert!(ledger.holds_nonce(ME, 5) && !ledger.holds_nonce(ME, 6));
        assert_eq!(ledger.next_nonce(Address::repeat_byte(9), 0), 0, "another account has its own");
        ledger.apply(NOW, &settled(4));
        ledger.apply(NOW, &settled(4));
        assert_eq!(ledger.waiting().count(), 1);
        ledger.apply(NOW, &Event::Replaced { hash: B256::from(U256::from(6)) });
        assert_eq!((ledger.waiting().count(), ledger.next_nonce(ME, 0)), (0, 0));
        assert_eq!(ledger.payment("key-5").unwrap().outcome, Outcome::Replaced);
        let spent = ledger.spent(ME, NOW).total()[&Asset::AIT];
        assert_eq!(spent, Units(U256::from(6)), "what was signed counts, whatever became of it");
    }

    #[test]
    fn a_canceled_payment_waits_until_its_nonce_is_gone_and_counts_in_any_case() {
        let mut ledger = Ledger::default();
        ledger.apply(NOW, &payment(4));
        let hash = |number: u64| B256::from(U256::from(number + 1));
        let cancellation = |fee: u64| Cancellation {
            hash: B256::repeat_byte(9),
            raw: Bytes::from_static(&[2]),
            fee: Units(U256::from(fee)),
        };
        let canceling = |fee| Event::Canceling { address: ME, hash: hash(4), cancellation: cancellation(fee) };
        ledger.apply(NOW, &canceling(7));
        ledger.apply(NOW, &canceling(8));
        assert_eq!(
            ledger.waiting_with(hash(4)).unwrap().cancellation,
            Some(cancellation(7)),
            "the first may have left"
        );
        assert_eq!((ledger.waiting().count(), ledger.next_nonce(ME, 0)), (1, 5), "its nonce is not free yet");
        ledger.apply(NOW, &Event::Canceled { hash: hash(4), block_number: Some(3) });
        ledger.apply(NOW, &settled(4));
        assert_eq!(ledger.payment("key-4").unwrap().outcome, Outcome::Canceled { block_number: Some(3) });
        assert!(ledger.waiting_with(hash(4)).is_none());
        let spent = ledger.spent(ME, NOW);
        assert_eq!(
            (spent.total()[&Asset::AIT], spent.total()[&Asset::Coin]),
            (Units(U256::from(3)), Units(U256::from(15)))
        );

        ledger.apply(NOW, &payment(5));
        ledger.apply(NOW, &Event::Canceled { hash: hash(5), block_number: None });
        assert_eq!(ledger.next_nonce(ME, 5), 5, "what never left frees its nonce");
    }

    #[test]
    fn no_more_wait_or_are_remembered_than_the_bounds_allow() {
        let mut ledger = Ledger::default();
        for number in 0..WAITING_MAX as u64 {
            assert!(ledger.has_room());
            ledger.apply(NOW, &payment(number));
        }
        assert!(!ledger.has_room());
        ledger.apply(NOW, &settled(1));
        assert!(ledger.has_room());
        let more = PAYMENTS_MAX as u64 + 10;
        for number in WAITING_MAX as u64..more {
            ledger.apply(NOW, &payment(number));
            ledger.apply(NOW, &settled(number));
        }
        assert_eq!(ledger.payments_of(ME).count(), PAYMENTS_MAX);
        assert!(ledger.payment("key-0").is_some(), "it waits, so it is never forgotten");
        assert!(ledger.payment("key-1").is_none() && ledger.payment(&format!("key-{}", more - 1)).is_some());
    }

    #[test]
    fn a_code_counts_once_and_wrong_ones_make_everybody_wait() {
        let mut ledger = Ledger::default();
        let recovery = vec![RecoveryHash::of("one"), RecoveryHash::of("two")];
        let secret = SealingKey::derive(&[1; 32], "x").unwrap().seal(b"secret", b"", &mut OsRng).unwrap();
        let factor = SecondFactor { secret, recovery: recovery.clone(), last_used: 10 };
        ledger.apply(NOW, &Event::SecondFactorSet { address: ME, factor });
        for _ in 0..crate::attempts::FREE {
            ledger.apply(NOW, &Event::CodeRefused { address: ME });
        }
        assert!(ledger.codes(ME).check(NOW).is_err() && ledger.passwords(ME).check(NOW).is_ok());
        let policy = Policy::default();
        let set = |code| Event::PolicySet { address: ME, policy: policy.clone(), code: Some(code) };
        ledger.apply(NOW, &set(CodeUse::Totp { step: 12 }));
        ledger.apply(NOW, &set(CodeUse::Totp { step: 11 }));
        ledger.apply(NOW, &set(CodeUse::Recovery { hash: recovery[0] }));
        let left = ledger.second_factor(ME).unwrap();
        assert_eq!((left.last_used, left.recovery.as_slice()), (12, &recovery[1..]));
        assert!(ledger.codes(ME).check(NOW).is_ok());
        ledger.apply(NOW, &Event::SecondFactorRemoved { address: ME, code: CodeUse::Totp { step: 13 } });
        assert!(ledger.second_factor(ME).is_none());
    }
}
