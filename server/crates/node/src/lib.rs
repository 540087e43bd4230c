//! The node: one chain, one pool, one producer, and the ways to reach them.
//!
//! ```text
//!  eth_sendRawTransaction ─┐             ┌ one thread: producer ────────────────────────┐
//!  POST /rpc/tx ───────────┼─ NodeHandle ─► intake ─► pool ─► proposer ─► consensus ─► commit ─► CommittedBlock
//!  NodeHandle::submit ─────┘      ▲      └────────────────────────▲───────────────────┼─┘       broadcast
//!                                 │          other validators ────┤                   │
//!                                 │          NodeHandle::import ──┘                   │
//!                                 └─────────── snapshots for every reader ◄── Chain ◄─┘
//! ```
//!
//! How blocks are decided is the [`Role`]'s matter: alone, among other validators, or not at all. A transaction is acknowledged after it is on disk. Blocks are
//! made only while transactions wait, or where a [`Heartbeat`] is due. [`router`] serves
//! JSON-RPC (POST, batches, WebSocket) and REST under `/rpc`; [`NodeHandle`] is the same for code in this process.

mod allowance;
mod announce;
mod arrivals;
mod bounties;
mod clock;
mod config;
mod decided_file;
mod disk;
mod error;
mod escrow;
mod events;
mod exchange;
mod genesis;
mod handle;
mod host;
mod import_bodies;
mod intake;
mod lanes;
mod large_answers;
mod low_priority;
mod minter;
mod node;
mod peers;
mod producer;
mod proposer;
mod reads;
mod request_bodies;
mod rest;
mod router;
mod rpc;
mod settlers;
mod sockets;
mod staking;
mod standstill;
mod stranger_threads;
mod token;
mod transaction_call;
mod upstream;
mod validator_network;
mod validators;

pub use allowance::{Allowance, CallsRefused};
pub use bounties::{BOUNTIES_AT_ONCE_MAX, NumberedBounty, WaitingClaim};
pub use chain;
pub use config::{BlockTiming, NodeConfig, Role};
pub use consensus::Heartbeat;
pub use disk::DISK_FLOOR_BYTES;
pub use error::NodeError;
pub use escrow::EscrowAccount;
pub use events::CommittedBlock;
pub use exchange::{Delegation, ExchangeReader, TokenText};
pub use genesis::{development_genesis, genesis_of};
pub use handle::NodeHandle;
pub use import_bodies::{MAX_IMPORT_BODY_BYTES, MAX_IMPORTS_AT_ONCE};
pub use lanes::{Lane, STRANGER_CALL_TIME, STRANGER_READS};
pub use large_answers::MAX_LARGE_ANSWER_BYTES;
pub use low_priority::lower_this_thread;
pub use mempool::{PoolLimits, Rate, StrangerRates};
pub use node::Node;
pub use peers::PeerState;
pub use reads::PoolContent;
pub use request_bodies::{MAX_BODIES_BYTES, MAX_REQUEST_BYTES};
pub use rest::{BlockBody, HeadBody, TransactionBody};
pub use router::{
    MAX_BATCH_REQUESTS, MAX_CONNECTIONS, MAX_RESPONSE_BYTES, MAX_SOCKETS, SignsOfLife, router, router_with,
};
pub use rpc::openrpc_document;
pub use sockets::{MAX_PUSHED_BYTES, MAX_SOCKETS_PER_CALLER, Metered, MeteredListener, SOCKETS_MAX_BYTES, Socket};
pub use staking::{StakeRewards, ValidatorPower};
pub use standstill::STANDSTILL_AFTER;
pub use transaction_call::{MAX_TRANSACTION_CALL_BYTES, MAX_TRANSACTION_CALLS, sends_transaction};
pub use upstream::{Forwarded, Upstream, UpstreamQueue, upstream};
pub use validator_network::{MAX_PEERS, Peer, ValidatorNetwork};
