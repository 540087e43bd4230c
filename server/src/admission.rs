//! Who comes in, counted before anything is read, computed or written for it: requests for jobs, sessions of workers,
//! wallets that sign in, and miners that register for the first time.

use std::sync::Arc;

use async_trait::async_trait;
use hub::rate_limit::Limit;

use crate::auth::{Caller, Visitor};
use crate::clock;
use crate::error::ApiError;
use crate::hub::session::NewMiners;
use crate::rate_limits::{self, RateLimits};

/// Requests for jobs of one caller, those that are refused among them: a caller may err, and a program that errs ten
/// times for each of its jobs does something else.
const ATTEMPTS_PER_JOB: u32 = 10;

/// So many in any case.
const ATTEMPTS_MIN: Limit = Limit { calls_per_minute: 600 };

/// Sessions that one network address opens. Workers that lost theirs wait longer from one try to the next.
pub(crate) const SESSIONS_PER_ADDRESS: Limit = Limit { calls_per_minute: 120 };

/// Nonces that one network address asks for.
pub(crate) const NONCES_PER_ADDRESS: Limit = Limit { calls_per_minute: 60 };

/// Sign-ins and new API keys of one network address, those that are refused among them.
pub(crate) const SIGN_INS_PER_ADDRESS: Limit = Limit { calls_per_minute: 20 };

/// Codes of second factors that one network address gives, right and wrong ones.
pub(crate) const CODES_PER_ADDRESS: Limit = Limit { calls_per_minute: 20 };

/// Sign-ins and new API keys of all addresses. Each leaves a row for a day.
pub(crate) const SIGN_INS_IN_TOTAL: Limit = Limit { calls_per_minute: 240 };

/// Miners of one network address that this hub does not know.
pub(crate) const NEW_MINERS_PER_ADDRESS: Limit = Limit { calls_per_minute: 30 };

/// Miners that this hub does not know, of all addresses.
pub(crate) const NEW_MINERS_IN_TOTAL: Limit = Limit { calls_per_minute: 120 };

/// What one network address asks of `/rpc`: a short read takes one unit, a simulated call or another long read ten.
pub(crate) const RPC_UNITS_PER_ADDRESS: Limit = Limit { calls_per_minute: 12_000 };

/// What one network address reads of pages and lists, in the units of [`crate::reads`]: 1200 pages, which an office with a
/// hundred people does not need.
pub(crate) const READ_UNITS_PER_ADDRESS: Limit = Limit { calls_per_minute: 12_000 };

/// What traders sign and send from one network address: orders, cancellations and withdrawals.
pub(crate) const SIGNED_PER_ADDRESS: Limit = Limit { calls_per_minute: 6_000 };

/// Counts who comes in.
#[derive(Clone)]
pub struct Admission {
    pub(crate) rate_limits: Arc<dyn RateLimits>,
    pub(crate) images_per_key_per_minute: u32,
}

impl Admission {
    async fn take(&self, what: &str, name: &str, limit: Limit) -> Result<(), ApiError> {
        rate_limits::check_of(what, &*self.rate_limits, name, limit, clock::now()).await
    }

    pub(crate) async fn count_session(&self, visitor: &Visitor) -> Result<(), ApiError> {
        let name = format!("sessions of {}", visitor.address);
        self.take("sessions of one network address", &name, SESSIONS_PER_ADDRESS).await
    }

    pub(crate) async fn count_nonce(&self, visitor: &Visitor) -> Result<(), ApiError> {
        let name = format!("nonces of {}", visitor.address);
        self.take("nonces of one network address", &name, NONCES_PER_ADDRESS).await
    }

    pub(crate) async fn count_signed(&self, visitor: &Visitor) -> Result<(), ApiError> {
        let name = format!("traders of {}", visitor.address);
        self.take("orders, cancellations and withdrawals of one network address", &name, SIGNED_PER_ADDRESS).await
    }

    pub(crate) async fn count_sign_in(&self, visitor: &Visitor) -> Result<(), ApiError> {
        let name = format!("sign-ins of {}", visitor.address);
        self.take("sign-ins of one network address", &name, SIGN_INS_PER_ADDRESS).await?;
        self.take("sign-ins", "sign-ins", SIGN_INS_IN_TOTAL).await
    }

    pub(crate) async fn count_code(&self, visitor: &Visitor) -> Result<(), ApiError> {
        let name = format!("codes of {}", visitor.address);
        self.take("codes of one network address", &name, CODES_PER_ADDRESS).await
    }

    pub(crate) async fn count_attempt(&self, caller: &Caller) -> Result<(), ApiError> {
        let jobs = caller.image_limit(self.images_per_key_per_minute).calls_per_minute;
        let attempts = jobs.saturating_mul(ATTEMPTS_PER_JOB).max(ATTEMPTS_MIN.calls_per_minute);
        let name = format!("attempts of {}", caller.rate_name());
        self.take("requests for jobs", &name, Limit { calls_per_minute: attempts }).await
    }
}

#[async_trait]
impl NewMiners for Admission {
    async fn count(&self, address_class: &str) -> Result<(), String> {
        let name = format!("new miners of {address_class}");
        let of_address = self.take("new miners of one network address", &name, NEW_MINERS_PER_ADDRESS).await;
        let counted = match of_address {
            Ok(()) => self.take("new miners", "new miners", NEW_MINERS_IN_TOTAL).await,
            refused => refused,
        };
        counted.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_addresses_together_sign_in_so_often() {
        let admission = Admission { rate_limits: rate_limits::in_memory(), images_per_key_per_minute: 1 };
        let sign_in = async |number: u32| {
            let visitor = Visitor { address: format!("address {number}") };
            admission.count_sign_in(&visitor).await
        };
        let mut taken = 0;
        while taken <= 2 * SIGN_INS_IN_TOTAL.calls_per_minute && sign_in(taken).await.is_ok() {
            taken += 1;
        }
        assert!(taken >= SIGN_INS_IN_TOTAL.calls_per_minute, "{taken}");
        let refused = sign_in(taken).await;
        assert!(matches!(refused, Err(ApiError::TooManyRequests { .. })), "{refused:?}");
    }
}
