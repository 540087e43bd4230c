use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use alloy_primitives::{Address, B256, U256};
use chain::{Exempt, PendingTransaction, SignedTransaction, TransactionError};

use crate::budget::Budget;
use crate::error::PoolError;
use crate::limits::{ARRIVAL_OVERHEAD_BYTES, PoolLimits};
use crate::meter::GasMeter;
use crate::queue::{SenderQueue, Waiting};

/// By how much both fee caps must rise for a transaction to replace one with the same nonce, in percent.
const REPLACEMENT_RISE_PERCENT: u64 = 10;

/// What a transaction is for. What settles has reserved places in the pool, no meter, and comes first in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// It settles for everybody, as the hub's mints do.
    Settlement,
    /// Everything else.
    Stranger,
}

/// The sender's account on the chain when a transaction arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderAccount {
    /// Next nonce.
    pub nonce: u64,
    /// Wei held.
    pub balance: U256,
    /// Whether the account is a contract; such an account cannot send (EIP-3607).
    pub has_code: bool,
}

/// Effects of accepting a transaction on others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Hashes that left the pool: the replaced transaction, or a queued one that made room.
    pub displaced: Vec<B256>,
}

/// The pool.
#[derive(Clone, Debug)]
pub struct Pool {
    limits: PoolLimits,
    exempt: Exempt,
    senders: BTreeMap<Address, SenderQueue>,
    by_hash: BTreeMap<B256, (Address, u64)>,
    bytes: usize,
    strangers: Share,
    next_sequence: u64,
    meter: GasMeter,
    arrivals: Budget,
    stake_looks: Budget,
}

/// What strangers hold of the pool.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    transactions: usize,
    bytes: usize,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(limits: PoolLimits) -> Self {
        Self {
            arrivals: Budget::new(limits.strangers_arrival_bytes),
            stake_looks: Budget::new(limits.stake_looks),
            strangers: Share::default(),
            limits,
            exempt: Exempt::NOTHING,
            senders: BTreeMap::new(),
            by_hash: BTreeMap::new(),
            bytes: 0,
            next_sequence: 0,
            meter: GasMeter::default(),
        }
    }

    /// Whether a transaction can run on its sender's account, now or once those before it have.
    ///
    /// # Errors
    /// [`PoolError::Invalid`] and [`PoolError::NonceGap`].
    pub fn check_account(&self, transaction: &SignedTransaction, account: SenderAccount) -> Result<(), PoolError> {
        check_account(transaction, account)?;
        self.check_nonce_gap(transaction.nonce(), account.nonce)
    }

    /// Takes a transaction, or says why not; a refusal changes nothing.
    ///
    /// # Errors
    /// [`PoolError`].
    pub fn insert(
        &mut self,
        transaction: SignedTransaction,
        account: SenderAccount,
        now_unix_ms: u64,
    ) -> Result<Admission, PoolError> {
        let (hash, sender, nonce) = (transaction.hash(), transaction.sender(), transaction.nonce());
        if self.by_hash.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        self.check_account(&transaction, account)?;
        let lane = self.lane_of(&transaction);
        if lane == Lane::Stranger {
            self.check_allowance(&transaction, now_unix_ms)?;
        }
        let mut admission = Admission::default();
        let sequence = match self.waiting_at(sender, nonce) {
            Some(present) => {
                if !may_replace(&present.transaction, &transaction) {
                    return Err(PoolError::ReplacementUnderpriced { percent: REPLACEMENT_RISE_PERCENT });
                }
                let (replaced, sequence) = (present.transaction.hash(), present.sequence);
                self.check_bytes(lane, transaction.raw().len().saturating_sub(present.transaction.raw().len()))?;
                admission.displaced.extend(self.remove(replaced).map(|_| replaced));
                sequence
            }
            None => {
                self.check_sender(sender)?;
                self.check_bytes(lane, transaction.raw().len())?;
                admission.displaced.extend(self.make_room(lane, (sender, nonce), account.nonce)?);
                self.next_sequence += 1;
                self.next_sequence
            }
        };
        if lane == Lane::Stranger {
            self.meter.record(sender, transaction.gas_limit(), now_unix_ms);
            self.arrivals.spend(arrival_bytes(&transaction), now_unix_ms);
        }
        self.put(transaction, account.nonce, now_unix_ms, sequence);
        Ok(admission)
    }

    /// Whether to look up what a sender has staked, whose gas was [refused](PoolError::GasAllowance): once in its minute, and
    /// so often for all senders together that it takes little time. [`Pool::tell_stake`] takes the answer.
    pub fn may_look_up_stake(&mut self, sender: Address, now_unix_ms: u64) -> bool {
        let may = self.meter.lacks_stake(sender, now_unix_ms) && self.stake_looks.left(now_unix_ms) > 0;
        if may {
            self.stake_looks.spend(1, now_unix_ms);
        }
        may
    }

    /// Says how many whole AIT a sender has staked. It counts for the rest of the sender's minute.
    pub fn tell_stake(&mut self, sender: Address, staked_ait: u64, now_unix_ms: u64) {
        self.meter.tell_stake(sender, staked_ait, now_unix_ms);
    }

    /// Puts back a transaction that was acknowledged before a restart. It passed every bound then.
    pub fn restore(&mut self, pending: PendingTransaction, account: SenderAccount) -> Result<(), PoolError> {
        check_account(&pending.transaction, account)?;
        self.next_sequence += 1;
        self.put(pending.transaction, account.nonce, pending.arrival_unix_ms, self.next_sequence);
        Ok(())
    }

    /// Ready transactions for a block: those of the settlement first, a sender's in nonce order, between senders by
    /// arrival, until their gas limits exceed `max_gas` or there are `max_count`. Up to a lane: `Settlement` leaves
    /// strangers' out, and what its senders sent behind one of those.
    #[must_use]
    pub fn candidates(&self, up_to: Lane, max_gas: u64, max_count: usize) -> Vec<SignedTransaction> {
        let mut queues: BTreeMap<Address, _> =
            self.senders.iter().map(|(sender, queue)| (*sender, queue.ready().peekable())).collect();
        let place = |sender: Address, waiting: &Waiting| {
            let lane = self.lane_of(&waiting.transaction);
            (lane <= up_to).then_some(Reverse((lane, waiting.sequence, sender)))
        };
        let mut order: BinaryHeap<Reverse<(Lane, u64, Address)>> = queues
            .iter_mut()
            .filter_map(|(sender, ready)| ready.peek().and_then(|waiting| place(*sender, waiting)))
            .collect();
        let (mut chosen, mut gas) = (Vec::new(), 0u64);
        while let Some(Reverse((_, _, sender))) = order.pop() {
            let Some(ready) = queues.get_mut(&sender) else { continue };
            let Some(waiting) = ready.next() else { continue };
            gas = gas.saturating_add(waiting.transaction.gas_limit());
            if chosen.len() == max_count || gas > max_gas {
                break;
            }
            chosen.push(waiting.transaction.clone());
            order.extend(ready.peek().and_then(|following| place(sender, following)));
        }
        chosen
    }

    /// Whether a block could be made of the transactions up to a lane.
    #[must_use]
    pub fn has_ready(&self, up_to: Lane) -> bool {
        match up_to {
            Lane::Stranger => self.senders.values().any(|queue| queue.ready().next().is_some()),
            Lane::Settlement => {
                let queues = self.exempt.senders.iter().filter_map(|sender| self.senders.get(sender));
                let mut first = queues.filter_map(|queue| queue.ready().next());
                first.any(|waiting| self.exempt.covers(&waiting.transaction))
            }
        }
    }

    /// When the transaction arrived, in Unix milliseconds, that has been ready up to a lane for the longest time.
    #[must_use]
    pub fn oldest_ready_unix_ms(&self, up_to: Lane) -> Option<u64> {
        let ready = self.senders.values().filter_map(|queue| queue.ready().next());
        let of_lanes = ready.filter(|waiting| self.lane_of(&waiting.transaction) <= up_to);
        of_lanes.map(|waiting| waiting.arrival_unix_ms).min()
    }

    /// What a transaction is for.
    #[must_use]
    pub fn lane_of(&self, transaction: &SignedTransaction) -> Lane {
        if self.exempt.covers(transaction) { Lane::Settlement } else { Lane::Stranger }
    }

    /// What settles for everybody.
    #[must_use]
    pub fn exempt(&self) -> &Exempt {
        &self.exempt
    }

    /// Says what settles for everybody from now on. What waits is counted anew; nothing of it is dropped.
    pub fn set_exempt(&mut self, exempt: Exempt) {
        self.exempt = exempt;
        let mut strangers = Share::default();
        for waiting in self.iter().filter(|waiting| !self.exempt.covers(&waiting.transaction)) {
            strangers.transactions += 1;
            strangers.bytes += waiting.transaction.raw().len();
        }
        self.strangers = strangers;
    }

    /// Sets a sender's next nonce on the chain. Returns the hashes of transactions that can no longer run.
    pub fn set_chain_nonce(&mut self, sender: Address, nonce: u64) -> Vec<B256> {
        let Some(queue) = self.senders.get_mut(&sender) else { return Vec::new() };
        queue.chain_nonce = queue.chain_nonce.max(nonce);
        let past: Vec<B256> = queue.by_nonce.range(..nonce).map(|(_, waiting)| waiting.transaction.hash()).collect();
        for hash in &past {
            self.remove(*hash);
        }
        past
    }

    /// Takes a transaction out.
    pub fn remove(&mut self, hash: B256) -> Option<SignedTransaction> {
        let (sender, nonce) = self.by_hash.remove(&hash)?;
        let queue = self.senders.get_mut(&sender)?;
        let waiting = queue.by_nonce.remove(&nonce)?;
        if queue.by_nonce.is_empty() {
            self.senders.remove(&sender);
        }
        let bytes = waiting.transaction.raw().len();
        self.bytes -= bytes;
        if self.lane_of(&waiting.transaction) == Lane::Stranger {
            self.strangers.transactions -= 1;
            self.strangers.bytes -= bytes;
        }
        Some(waiting.transaction)
    }

    /// Takes out what has waited too long, and returns the hashes.
    pub fn expire(&mut self, now_unix_ms: u64) -> Vec<B256> {
        self.meter.forget_past(now_unix_ms);
        let lifetime_ms = self.limits.lifetime_ms;
        let expired: Vec<B256> = self
            .iter()
            .filter(|waiting| now_unix_ms.saturating_sub(waiting.arrival_unix_ms) >= lifetime_ms)
            .map(|waiting| waiting.transaction.hash())
            .collect();
        for hash in &expired {
            self.remove(*hash);
        }
        expired
    }

    /// A waiting transaction.
    #[must_use]
    pub fn get(&self, hash: B256) -> Option<&SignedTransaction> {
        let (sender, nonce) = self.by_hash.get(&hash)?;
        self.waiting_at(*sender, *nonce).map(|waiting| &waiting.transaction)
    }

    /// The nonce a sender's next transaction should have, if any of its transactions is waiting.
    #[must_use]
    pub fn next_nonce(&self, sender: Address) -> Option<u64> {
        self.senders.get(&sender).map(SenderQueue::next_nonce)
    }

    /// All transactions as `(ready, queued)`, by sender and nonce.
    #[must_use]
    pub fn content(&self) -> (Vec<&SignedTransaction>, Vec<&SignedTransaction>) {
        let (mut ready, mut queued) = (Vec::new(), Vec::new());
        for queue in self.senders.values() {
            let next = queue.next_nonce();
            for (nonce, waiting) in &queue.by_nonce {
                let list = if *nonce < next { &mut ready } else { &mut queued };
                list.push(&waiting.transaction);
            }
        }
        (ready, queued)
    }

    /// How many transactions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// Encoded size of all waiting transactions, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Senders with waiting transactions.
    #[must_use]
    pub fn senders(&self) -> BTreeSet<Address> {
        self.senders.keys().copied().collect()
    }

    fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.senders.values().flat_map(|queue| queue.by_nonce.values())
    }

    fn waiting_at(&self, sender: Address, nonce: u64) -> Option<&Waiting> {
        self.senders.get(&sender)?.by_nonce.get(&nonce)
    }

    fn put(&mut self, transaction: SignedTransaction, chain_nonce: u64, arrival_unix_ms: u64, sequence: u64) {
        let (sender, nonce) = (transaction.sender(), transaction.nonce());
        let bytes = transaction.raw().len();
        self.bytes += bytes;
        if self.lane_of(&transaction) == Lane::Stranger {
            self.strangers.transactions += 1;
            self.strangers.bytes += bytes;
        }
        self.by_hash.insert(transaction.hash(), (sender, nonce));
        let queue = self.senders.entry(sender).or_default();
        queue.chain_nonce = queue.chain_nonce.max(chain_nonce);
        queue.by_nonce.insert(nonce, Waiting { transaction, arrival_unix_ms, sequence });
    }

    fn check_nonce_gap(&self, given: u64, expected: u64) -> Result<(), PoolError> {
        let limit = self.limits.max_nonce_gap;
        if given - expected > limit {
            return Err(PoolError::NonceGap { given, expected, limit });
        }
        Ok(())
    }

    /// What a stranger's transaction costs while gas is free.
    fn check_allowance(&mut self, transaction: &SignedTransaction, now_unix_ms: u64) -> Result<(), PoolError> {
        let sender = transaction.sender();
        let limit = self.limits.gas_per_minute(self.meter.staked_ait(sender, now_unix_ms));
        let asked = self.meter.used(sender, now_unix_ms).saturating_add(transaction.gas_limit());
        if asked > limit {
            return Err(PoolError::GasAllowance { sender, limit });
        }
        if self.arrivals.left(now_unix_ms) < arrival_bytes(transaction) {
            return Err(PoolError::ArrivalRate { per_second: self.limits.strangers_arrival_bytes.per_second });
        }
        Ok(())
    }

    fn check_sender(&self, sender: Address) -> Result<(), PoolError> {
        let limit = self.limits.max_transactions_per_sender;
        if self.senders.get(&sender).is_some_and(|queue| queue.by_nonce.len() >= limit) {
            return Err(PoolError::SenderFull { sender, limit });
        }
        Ok(())
    }

    fn check_bytes(&self, lane: Lane, more: usize) -> Result<(), PoolError> {
        let (held, limit) = match lane {
            Lane::Settlement => (self.bytes, self.limits.max_bytes),
            Lane::Stranger => (self.strangers.bytes, self.limits.max_bytes.saturating_sub(self.limits.reserved_bytes)),
        };
        if held + more > limit {
            return Err(PoolError::Full { what: "bytes", limit });
        }
        Ok(())
    }

    /// Frees a place in a full pool for a ready transaction, at the cost of the youngest queued one. Strangers may fill
    /// all places but those that are reserved.
    fn make_room(
        &mut self,
        lane: Lane,
        (sender, nonce): (Address, u64),
        chain_nonce: u64,
    ) -> Result<Option<B256>, PoolError> {
        let (held, limit) = match lane {
            Lane::Settlement => (self.by_hash.len(), self.limits.max_transactions),
            Lane::Stranger => (
                self.strangers.transactions,
                self.limits.max_transactions.saturating_sub(self.limits.reserved_transactions),
            ),
        };
        if held < limit {
            return Ok(None);
        }
        let full = PoolError::Full { what: "transactions", limit };
        if nonce != self.next_nonce(sender).unwrap_or(chain_nonce) {
            return Err(full);
        }
        let queued = self.senders.values().filter_map(SenderQueue::last_queued);
        let strangers = queued.filter(|waiting| self.lane_of(&waiting.transaction) == Lane::Stranger);
        let youngest = strangers.max_by_key(|waiting| waiting.sequence);
        let hash = youngest.map(|waiting| waiting.transaction.hash()).ok_or(full)?;
        self.remove(hash);
        Ok(Some(hash))
    }
}

fn arrival_bytes(transaction: &SignedTransaction) -> u64 {
    ARRIVAL_OVERHEAD_BYTES + transaction.raw().len() as u64
}

fn check_account(transaction: &SignedTransaction, account: SenderAccount) -> Result<(), TransactionError> {
    if account.has_code {
        return Err(TransactionError::SenderHasCode(transaction.sender()));
    }
    if transaction.nonce() < account.nonce {
        return Err(TransactionError::NonceTooLow { given: transaction.nonce(), expected: account.nonce });
    }
    if transaction.value() > account.balance {
        return Err(TransactionError::InsufficientFunds { balance: account.balance, value: transaction.value() });
    }
    Ok(())
}

fn may_replace(present: &SignedTransaction, new: &SignedTransaction) -> bool {
    let risen = |from: u128, to: u128| {
        to > from && to >= from.saturating_add(from.saturating_mul(u128::from(REPLACEMENT_RISE_PERCENT)) / 100)
    };
    risen(present.max_fee_per_gas(), new.max_fee_per_gas())
        && risen(present.max_priority_fee_per_gas(), new.max_priority_fee_per_gas())
}
