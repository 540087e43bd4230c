//! Tables as SeaORM sees them. Only this crate knows them; everybody else gets [`crate::record`]s.

#![expect(unreachable_pub, reason = "the ORM's derives make public items, which this private module hides")]

pub(crate) mod api_key;
pub(crate) mod artifact;
pub(crate) mod audit;
pub(crate) mod bid;
pub(crate) mod daily_reservation;
pub(crate) mod daily_use;
pub(crate) mod exchange;
pub(crate) mod idempotency_key;
pub(crate) mod index;
pub(crate) mod job;
pub(crate) mod job_receipt;
pub(crate) mod lease;
pub(crate) mod log_entry;
pub(crate) mod log_head;
pub(crate) mod log_node;
pub(crate) mod miner;
pub(crate) mod miner_hardware;
pub(crate) mod operator_change;
pub(crate) mod outbox;
pub(crate) mod paused_miner;
pub(crate) mod payment;
pub(crate) mod rate_limit;
pub(crate) mod recovery_code;
pub(crate) mod review;
pub(crate) mod second_factor;
pub(crate) mod session;
pub(crate) mod signer_nonce;
pub(crate) mod task;
pub(crate) mod unserved_model;
pub(crate) mod verified_contract;
pub(crate) mod webhook;
pub(crate) mod webhook_delivery;
