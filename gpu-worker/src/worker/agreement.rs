//! Checks that an assignment is within the bounds of any job, and matches the worker's offer and the hub's challenge. The
//! worker does not trust the hub.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use shared::amount::Amount;
use shared::capability::ModelOffer;
use shared::field_error::FieldError;
use shared::job::request::TTL_MAX_SECONDS;
use shared::protocol::Assignment;
use shared::receipt;
use shared::time::UnixSeconds;

use crate::hub::clock::HubClock;
use crate::hub::session::HubIdentity;

/// No job lives longer, so no lease does.
pub const LEASE_MAX: Duration = Duration::from_secs(TTL_MAX_SECONDS);

/// Why an assignment is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the worker takes nothing new: it {0}")]
    NotServing(&'static str),
    #[error("the lease is over")]
    LeaseOver,
    #[error("this worker has {slots} slots, and all are taken")]
    NoSlot { slots: usize },
    /// The assignment crossed the word of it on the way.
    #[error("a job of another hub has the slot")]
    SlotTaken,
    #[error("this worker serves {served}, not {model}")]
    Model { model: String, served: String },
    #[error("the assignment is out of bounds: {0}")]
    Bounds(String),
    #[error("the terms pay {paid} for work of {done}")]
    Units { paid: String, done: String },
    #[error("the terms pay {paid} AIT per unit, but {asked} is asked")]
    Price { paid: Amount, asked: Amount },
    #[error("the terms have {field} {stated}, but the session has {agreed}")]
    Other { field: &'static str, stated: String, agreed: String },
    #[error("the receipt would expire at {} s, before {} s", .stated.0, .earliest.0)]
    Expiry { stated: UnixSeconds, earliest: UnixSeconds },
    #[error("the deadline passed before the assignment came")]
    Late,
    #[error("the deadline is {} s ahead, more than {}", .ahead.as_secs(), LEASE_MAX.as_secs())]
    TooFar { ahead: Duration },
}

/// The models on offer, by name.
pub type Offers = BTreeMap<String, ModelOffer>;

/// Checks what does not depend on what else the worker does. Gives the time that is left.
pub fn check(
    assignment: &Assignment,
    offers: &Offers,
    hub: &HubIdentity,
    clock: &HubClock,
    now: Instant,
) -> Result<Duration, Refusal> {
    let (work, terms) = (&assignment.work, &assignment.terms);
    let offer = offers.get(&assignment.model).filter(|offer| offer.kind == work.kind()).ok_or_else(|| {
        let served = offers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        Refusal::Model { model: assignment.model.clone(), served }
    })?;
    // Units are counted below, and nobody counts what is out of its bounds.
    let broken = assignment.broken_bounds();
    if !broken.is_empty() {
        return Err(Refusal::Bounds(in_one_line(&broken)));
    }
    if (terms.units, terms.unit_type) != (work.units(), work.unit_type()) {
        return Err(Refusal::Units {
            paid: format!("{} {}", terms.units, terms.unit_type),
            done: format!("{} {}", work.units(), work.unit_type()),
        });
    }
    // An audit is paid as the miner was whose result it is about, which may have asked for less.
    if terms.unit_price < offer.unit_price && !assignment.task.role.is_audit() {
        return Err(Refusal::Price { paid: terms.unit_price, asked: offer.unit_price });
    }
    same("hub_id", &terms.hub_id, &hub.hub_id)?;
    same("chain_id", &terms.chain_id, &hub.chain_id)?;
    // A job that its client pays names the escrow; nobody else pays a receipt.
    if terms.contract != hub.escrow {
        same("contract", &terms.contract, &hub.minter)?;
    }
    let left = clock.until(assignment.deadline_unix_ms, now).ok_or(Refusal::Late)?;
    if left > LEASE_MAX {
        return Err(Refusal::TooFar { ahead: left });
    }
    // No lease outlives its job, so the job's receipts expire this late at the earliest.
    let (stated, earliest) = (terms.expires_at, receipt::expires_at(assignment.deadline_unix_ms));
    if stated < earliest { Err(Refusal::Expiry { stated, earliest }) } else { Ok(left) }
}

fn in_one_line(broken: &[FieldError]) -> String {
    broken.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; ")
}

fn same<T: PartialEq + ToString>(field: &'static str, stated: &T, agreed: &T) -> Result<(), Refusal> {
    if stated == agreed {
        return Ok(());
    }
    Err(Refusal::Other { field, stated: inference::error::quote(&stated.to_string()), agreed: agreed.to_string() })
}
