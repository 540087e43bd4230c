//! The sheets that were shown and wait: each counts for one signature, of exactly what it showed, and for a few minutes.

use std::collections::VecDeque;

use custody::action::Action;
use shared::Address;
use shared::time::UnixMillis;
use wallet::protocol::{SheetRisk, What};
use wallet::session::Signable;

use super::error::DaemonError;
use crate::cli::wallet::folder::WalletName;
use crate::clock;

/// So long a sheet counts.
const TICKET_MS: u64 = 5 * 60 * 1_000;

/// Most sheets that wait at once. A newer one takes the place of the oldest.
const TICKETS_MAX: usize = 64;

const TICKET_BYTES: usize = 16;

/// What is signed, what it does, and how it is shown.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) signable: Signable,
    pub(super) action: Action,
    pub(super) what: What,
    pub(super) risks: Vec<SheetRisk>,
    /// The request named the nonce of its transaction. A payment takes its nonce from the log instead.
    pub(super) has_nonce: bool,
}

struct Waiting {
    id: String,
    name: WalletName,
    expires_at: UnixMillis,
    prepared: Prepared,
}

#[derive(Default)]
pub(super) struct Tickets(VecDeque<Waiting>);

impl Tickets {
    /// A ticket that nobody can guess, and that names nothing else after the daemon started again.
    pub(super) fn add(&mut self, name: WalletName, prepared: Prepared, now: UnixMillis) -> (String, UnixMillis) {
        let (id, expires_at) = (hex::encode(clock::random_bytes::<TICKET_BYTES>()), now.plus_ms(TICKET_MS));
        if self.0.len() >= TICKETS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Waiting { id: id.clone(), name, expires_at, prepared });
        (id, expires_at)
    }

    /// What was shown. It stays until [`Self::remove`], so that a code that was missing can follow.
    pub(super) fn get(&self, id: &str, now: UnixMillis) -> Result<(WalletName, Prepared), DaemonError> {
        let waits = |waiting: &&Waiting| waiting.id == id && now < waiting.expires_at;
        let found = self.0.iter().find(waits).map(|waiting| (waiting.name.clone(), waiting.prepared.clone()));
        found.ok_or_else(|| {
            DaemonError::NotFound("the ticket is unknown, was used or is too old: prepare it again".to_owned())
        })
    }

    /// Whether it was still there: only who removes it may sign.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|waiting| waiting.id != id);
        self.0.len() < before
    }

    pub(super) fn forget(&mut self, name: &WalletName) {
        self.0.retain(|waiting| waiting.name != *name);
    }
}

/// What `prepare` answers.
#[derive(Debug, serde::Serialize)]
pub(super) struct Sheet {
    pub(super) ticket: String,
    pub(super) expires_at_ms: UnixMillis,
    pub(super) wallet: String,
    pub(super) from: Address,
    pub(super) chain_id: u64,
    pub(super) what: What,
    pub(super) risks: Vec<SheetRisk>,
    pub(super) policy: Verdict,
}

/// What the policy would say now.
#[derive(Debug, serde::Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(super) enum Verdict {
    Allowed,
    CodeNeeded { reason: String },
    Refused { reason: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> Prepared {
        Prepared {
            signable: Signable::Message(text.as_bytes().to_vec().into()),
            action: Action::default(),
            what: What::Message { text: text.to_owned(), sign_in: None },
            risks: Vec::new(),
            has_nonce: false,
        }
    }

    #[test]
    fn a_ticket_counts_once_in_its_time_and_for_its_wallet() {
        let (mut tickets, now) = (Tickets::default(), UnixMillis(1_000));
        let name: WalletName = "main".parse().unwrap();
        let (id, expires_at) = tickets.add(name.clone(), prepared("one"), now);
        assert!(tickets.get("00", now).is_err() && tickets.get(&id, expires_at).is_err());
        assert_eq!(tickets.get(&id, now).unwrap().1.what, prepared("one").what);
        assert!(tickets.remove(&id) && !tickets.remove(&id));
        assert!(tickets.get(&id, now).is_err());
        let ids: Vec<String> = (0..=TICKETS_MAX).map(|_| tickets.add(name.clone(), prepared("two"), now).0).collect();
        assert!(tickets.get(&ids[0], now).is_err() && tickets.get(&ids[1], now).is_ok());
        tickets.forget(&name);
        assert!(tickets.get(&ids[1], now).is_err());
    }
}
