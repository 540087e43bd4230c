//! Log entries about the hub, results and devices.

use inference::clock;
use inference::error::quote;
use shared::protocol::{CLOCK_SKEW_MAX_MS, HubMessage};

use super::pause::Pause;
use super::roster::Duty;
use crate::hub::results::Delivered;
use crate::hub::session::Session;

pub(super) fn session(hub: &str, session: &Session) {
    let ahead_ms = session.clock.ahead_ms(clock::now());
    let (hub_id, chain_id) = (&session.hub.hub_id, session.hub.chain_id);
    tracing::info!(hub, hub_id, chain_id, ahead_ms, "the hub took the registration");
    if ahead_ms.unsigned_abs() > CLOCK_SKEW_MAX_MS {
        tracing::warn!(hub, ahead_ms, "this machine's clock is off; the worker goes by the hub's");
    }
}

/// Returns the text for the miner.
pub(super) fn message<'a>(hub: &str, message: &'a HubMessage) -> Option<&'a str> {
    match message {
        HubMessage::Notice { text } => {
            tracing::info!(hub, text = quote(text), "the hub says");
            Some(text)
        }
        HubMessage::Cancel { lease_id, reason } => {
            tracing::info!(hub, %lease_id, reason = quote(reason), "the hub canceled a lease");
            None
        }
        _ => None,
    }
}

pub(super) fn delivery(hub: &str, delivered: &Delivered) {
    match &delivered.refusal {
        Some(reason) => tracing::error!(hub, lease_id = %delivered.lease_id, reason, "the hub refused a result"),
        None => tracing::info!(hub, lease_id = %delivered.lease_id, "the hub took a result"),
    }
}

pub(super) fn duty(device: &str, duty: &Duty) {
    match duty {
        Duty::Serving => tracing::info!(device, "the device is back in service"),
        Duty::Resting => tracing::info!(device, "the device rests and holds no memory"),
        Duty::Lost { reason } => tracing::error!(device, reason, "the device is out of service"),
    }
}

pub(super) fn pause(pause: Option<&Pause>) {
    match pause {
        Some(Pause { by, reason }) => tracing::info!(?by, reason, "pausing: no new jobs are taken"),
        None => tracing::info!("the pause is over"),
    }
}
