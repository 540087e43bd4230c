//! The node: one chain, one pool, one producer, and the ways to reach them.
//!
//! ```text
//!  eth_sendRawTransaction ─┐             ┌ one thread: producer ───────────────────────────┐
//!  POST /rpc/tx ───────────┼─ NodeHandle ─► intake ─► pool ─► proposer ─► decision ─► committer ─► CommittedBlock
//!  NodeHandle::submit ─────┘      ▲      └─────────────────────────────────────────────────┘      broadcast
//!                                 └──────────────── snapshots for every reader ◄──── Chain ◄──┘
//! ```
//!
//! A transaction is acknowledged after it is on disk. Blocks are made only while transactions wait. [`router`] serves
//! JSON-RPC (POST, batches, WebSocket) and REST under `/rpc`; [`NodeHandle`] is the same for code in this process.

mod arrivals;
mod clock;
mod committer;
mod config;
mod decided_file;
mod error;
mod events;
mod genesis;
mod handle;
mod intake;
mod node;
mod producer;
mod proposer;
mod reads;
mod rest;
mod router;
mod rpc;
mod token;

pub use chain;
pub use config::{BlockTiming, NodeConfig};
pub use error::NodeError;
pub use events::CommittedBlock;
pub use genesis::{development_genesis, genesis_of};
pub use handle::NodeHandle;
pub use mempool::PoolLimits;
pub use node::Node;
pub use reads::PoolContent;
pub use rest::{BlockBody, HeadBody, TransactionBody};
pub use router::{MAX_BATCH_REQUESTS, MAX_CONNECTIONS, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES, router};
