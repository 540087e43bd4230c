//! The daemon's state: the ledger of its log, the keys that are unlocked, and the sheets that wait for their signature.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use custody::audit_log::Head;
use custody::event::{Event, LockReason};
use custody::idle::Idle;
use custody::ledger::Ledger;
use custody::segment::{self, Replay};
use shared::signing::PrivateKey;
use shared::time::UnixMillis;
use shared::{Address, B256};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::error::DaemonError;
use super::log_file::{Durable, LogWriter};
use super::second_factor::Enrolment;
use super::segments::Replayed;
use super::tickets::Tickets;
use crate::cli::wallet::folder::{Folder, WalletName};
use crate::cli::wallet::node::Node;
use crate::clock;

/// How a daemon runs.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) folder: Folder,
    pub(super) node: Node,
    /// Nothing is signed for another chain.
    pub(super) chain_id: u64,
    /// A key that was not used for so long is locked.
    pub(super) lock_after_seconds: u64,
    /// A segment of the log takes so many bytes.
    pub(super) segment_bytes: u64,
}

pub(super) struct Signer {
    pub(super) config: Config,
    state: Mutex<State>,
    pub(super) log: LogWriter,
    /// Opening a keystore takes 128 MiB, so it is done one after another.
    passwords: Semaphore,
    /// Held while a payment chooses its nonce.
    pub(super) paying: tokio::sync::Mutex<()>,
}

pub(super) struct State {
    head: Head,
    /// The segment of the log that is written to, and its bytes behind its beginning.
    segment: u32,
    segment_bytes: u64,
    /// Payments of this run that no node can have yet.
    pub(super) unsent: BTreeMap<B256, Unsent>,
    pub(super) ledger: Ledger,
    open: BTreeMap<WalletName, OpenWallet>,
    pub(super) tickets: Tickets,
    pub(super) enrolments: BTreeMap<Address, Enrolment>,
}

/// A payment that no node can have, unless it is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    Waits,
    Leaves,
}

/// Its key is wiped when the last signature with it is done.
struct OpenWallet {
    address: Address,
    key: Arc<PrivateKey>,
    idle: Idle,
}

impl Signer {
    pub(super) fn new(config: Config, replayed: Replayed, log: LogWriter) -> Self {
        let Replay { head, ledger, segment, bytes: segment_bytes, .. } = replayed.replay;
        let (unsent, open) = (BTreeMap::new(), BTreeMap::new());
        let (tickets, enrolments) = (Tickets::default(), BTreeMap::new());
        let state = Mutex::new(State { head, segment, segment_bytes, unsent, ledger, open, tickets, enrolments });
        Self { config, state, log, passwords: Semaphore::new(1), paying: tokio::sync::Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the log ends.
    pub(super) fn head(&self) -> Head {
        self.state().head
    }

    /// Writes an event and counts it. Nobody may act on it before it is durable.
    pub(super) fn record(&self, state: &mut State, event: &Event) -> Result<Durable, DaemonError> {
        let at = clock::now();
        self.turn_segment(state, at);
        let line = state.head.append(at, event)?;
        state.segment_bytes += line.len() as u64 + 1;
        state.ledger.apply(at, event);
        Ok(self.log.write(line))
    }

    /// Begins another segment of the log where this one is full.
    fn turn_segment(&self, state: &mut State, at: UnixMillis) {
        if state.segment_bytes < self.config.segment_bytes {
            return;
        }
        state.segment_bytes = 0;
        let mut head = state.head;
        match segment::begin(&mut head, &state.ledger, state.segment + 1, at) {
            Ok(lines) => {
                (state.head, state.segment) = (head, state.segment + 1);
                // Nobody waits for it: what is written next stands behind it, and is waited for.
                drop(self.log.begin_segment(state.segment, lines));
            }
            // The segment that there is takes as much again.
            Err(error) => tracing::warn!(%error, "no new segment of the audit log begins"),
        }
    }

    /// The same for an event that nothing depends on.
    pub(super) fn note(&self, event: &Event) -> Result<(), DaemonError> {
        self.record(&mut self.state(), event).map(drop)
    }

    /// The address of a wallet, and whether it is there at all.
    pub(super) fn address(&self, name: &WalletName) -> Result<Address, DaemonError> {
        if let Some(wallet) = self.state().open.get(name) {
            return Ok(wallet.address);
        }
        self.config.folder.address(name).map_err(|error| DaemonError::NotFound(format!("{error:#}")))
    }

    /// The key that a password opens. Wrong ones are counted, and make everybody wait.
    pub(super) async fn open_keystore(
        &self,
        name: &WalletName,
        password: Zeroizing<String>,
    ) -> Result<(Address, PrivateKey), DaemonError> {
        let busy = |_| DaemonError::Internal("the daemon stops".to_owned());
        let _turn = self.passwords.acquire().await.map_err(busy)?;
        let keystore = self.config.folder.open(name).map_err(|error| DaemonError::NotFound(format!("{error:#}")))?;
        let address = self.address(name)?;
        self.state().ledger.passwords(address).check(clock::now())?;
        let opened = blocking(move || keystore.open(&password)).await?;
        match opened {
            Ok(key) if key.address() == address => Ok((address, key)),
            Ok(_) | Err(_) => {
                let refused = self.record(&mut self.state(), &Event::UnlockRefused { address })?;
                refused.wait().await?;
                Err(DaemonError::Password)
            }
        }
    }

    /// Runs work that takes a password's time, one after another.
    pub(super) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DaemonError> {
        let busy = |_| DaemonError::Internal("the daemon stops".to_owned());
        let _turn = self.passwords.acquire().await.map_err(busy)?;
        blocking(work).await
    }

    pub(super) async fn unlock(&self, name: &WalletName, password: Zeroizing<String>) -> Result<Address, DaemonError> {
        let (address, key) = self.open_keystore(name, password).await?;
        let durable = {
            let mut state = self.state();
            let idle = Idle::new(clock::now(), self.config.lock_after_seconds);
            state.open.insert(name.clone(), OpenWallet { address, key: Arc::new(key), idle });
            self.record(&mut state, &Event::Unlocked { address })?
        };
        durable.wait().await?;
        Ok(address)
    }

    /// Locks one wallet, or all.
    pub(super) fn lock(&self, name: Option<&WalletName>, reason: LockReason) -> Result<Durable, DaemonError> {
        let mut state = self.state();
        let names: Vec<WalletName> =
            state.open.keys().filter(|open| name.is_none_or(|name| *open == name)).cloned().collect();
        for name in names {
            self.forget(&mut state, &name, reason)?;
        }
        Ok(self.log.flush())
    }

    /// Locks what nobody used for too long.
    pub(super) fn lock_idle(&self) -> Result<(), DaemonError> {
        let mut state = self.state();
        let now = clock::now();
        let over = state.open.iter().filter(|(_, wallet)| wallet.idle.is_over(now));
        let over: Vec<WalletName> = over.map(|(name, _)| name.clone()).collect();
        over.iter().try_for_each(|name| self.forget(&mut state, name, LockReason::Idle))
    }

    /// What was shown for the account counts no more: somebody who unlocks it again looks again.
    fn forget(&self, state: &mut State, name: &WalletName, reason: LockReason) -> Result<(), DaemonError> {
        let Some(wallet) = state.open.remove(name) else { return Ok(()) };
        let address = wallet.address;
        drop(wallet);
        state.tickets.forget(name);
        state.enrolments.remove(&address);
        self.record(state, &Event::Locked { address, reason }).map(drop)
    }

    /// The key of an unlocked wallet, which is used now.
    pub(super) fn key(
        &self,
        state: &mut State,
        name: &WalletName,
        now: UnixMillis,
    ) -> Result<(Address, Arc<PrivateKey>), DaemonError> {
        let locked = || DaemonError::Locked(name.to_string());
        let wallet = state.open.get_mut(name).ok_or_else(locked)?;
        if wallet.idle.is_over(now) {
            self.forget(state, name, LockReason::Idle)?;
            return Err(locked());
        }
        wallet.idle.was_used(now);
        Ok((wallet.address, Arc::clone(&wallet.key)))
    }
}

impl State {
    pub(super) fn is_open(&self, name: &WalletName) -> bool {
        self.open.contains_key(name)
    }
}

/// Runs what waits for a disk, a node or a processor.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DaemonError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| DaemonError::Internal(error.to_string()))
}
