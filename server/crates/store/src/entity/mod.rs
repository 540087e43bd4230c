//! Tables as SeaORM sees them. Only this crate knows them; everybody else gets [`crate::record`]s.

#![expect(unreachable_pub, reason = "the ORM's derives make public items, which this private module hides")]

pub(crate) mod api_key;
pub(crate) mod artifact;
pub(crate) mod idempotency_key;
pub(crate) mod job;
pub(crate) mod job_receipt;
pub(crate) mod lease;
pub(crate) mod miner;
pub(crate) mod outbox;
pub(crate) mod rate_limit;
pub(crate) mod signer_nonce;
pub(crate) mod sponsored_usage;
pub(crate) mod task;
