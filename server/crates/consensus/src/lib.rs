//! How validators agree on the next block.
//!
//! ```text
//!  transactions, messages, time ─► Consensus::handle ─► messages to send
//!                                     │      ▲
//!                    propose, commit  ▼      │ waiting transactions
//!                                Host (pool, chain)
//! ```
//!
//! Nothing here knows a clock, a network or a thread: events come with the time, and what is to be sent is returned.
//! The same events give the same actions, so a simulation of many validators can be repeated from its seed.
//!
//! [`Bft`] decides with others by the rules of Tendermint, which the crates `arc-malachitebft-*` implement. [`Solo`]
//! decides alone, for a validator with more than two thirds of the voting power. Both give the certificates that
//! [`chain::CommitCertificate::verify`] checks. [`Follower`] decides nothing and takes blocks with such certificates.
//!
//! Invariants: nothing that was signed is returned before it is in the write-ahead log and synced; no block without
//! transactions is proposed but by a validator with a [`Heartbeat`], and none is voted for that comes sooner than
//! [`chain::rules::EMPTY_BLOCK_PAUSE_S`] after the one before; while no transaction waits anywhere and no heartbeat is due, no
//! height begins and nothing is sent but a [`Message::Status`] every ten seconds.

mod bft;
mod blocks;
mod commits;
mod context;
mod effects;
mod error;
mod follower;
mod heard;
mod heartbeat;
mod log;
mod message;
mod old_signatures;
mod signing;
mod solo;
mod sync;
mod timers;

use std::sync::Arc;

use alloy_primitives::{Address, Bytes};
use chain::{Application, ChainError, CommitCertificate, Contradiction, DecidedBlock, ExecutedBlock, Keeping};

pub use bft::Bft;
pub use context::{
    BlockId, ChainContext, Height, Member, Members, PolkaCertificate, Proposal, RoundCertificate, SignedProposal,
    SignedVote, ValidatorAddress, Vote, VoteSignature,
};
pub use error::{ConsensusError, MessageError};
pub use follower::Follower;
pub use heartbeat::Heartbeat;
pub use log::{FileStorage, LogStorage, check_silent};
pub use malachite_types::{LinearTimeouts, NilOrVal, Round, VoteType};
pub use message::{MAX_GOSSIP_BYTES, MAX_GOSSIP_TRANSACTIONS, MAX_MESSAGE_BYTES, Message};
pub use signing::{Signer, proposal_digest, vote_digest};
pub use solo::Solo;
pub use sync::{MAX_SYNC_BLOCKS, MAX_SYNC_BYTES};
pub use timers::default_timeouts;

/// The time of an event, from two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Of a clock that never goes back. Timers run by it.
    pub monotonic_ms: u64,
    /// Of the wall clock. Blocks are dated by it.
    pub unix_s: u64,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A peer can be reached from now on. Each side of a new connection tells its own.
    Connected(Address),
    /// Clients of this node brought transactions; they are in the pool already. Others are told of them.
    Transactions(Vec<Bytes>),
    /// A peer sent a message.
    Message {
        /// The peer, as the transport has authenticated it.
        from: Address,
        /// What it says.
        message: Box<Message>,
    },
    /// [`Consensus::deadline_ms`] is reached.
    TimePassed,
}

/// What the shell has to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send to every peer.
    Broadcast(Message),
    /// Send to one peer.
    Send {
        /// The peer.
        to: Address,
        /// What to say.
        message: Message,
    },
    /// A validator contradicted itself under its signature. Tell people. What proves commits to two blocks was
    /// [kept](Host::keep) before.
    Misbehaviour {
        /// The height of the statements.
        height: u64,
        /// Who made them.
        validator: Address,
        /// What proves it to the contract of the validators, where it was commits to two blocks.
        contradiction: Option<Box<Contradiction>>,
    },
}

/// The pool and the chain of the node.
pub trait Host {
    /// Where blocks are executed.
    type Application: Application;

    /// The chain.
    fn application(&self) -> &Self::Application;

    /// Executes a block of waiting transactions in the name of this validator; `None` if none of them can run.
    ///
    /// # Errors
    /// As [`Application::propose`].
    fn propose(&mut self, now_unix_s: u64) -> Result<Option<Arc<ExecutedBlock>>, ChainError>;

    /// Executes a block without transactions in the name of this validator.
    ///
    /// # Errors
    /// As [`Application::propose`].
    fn propose_empty(&mut self, now_unix_s: u64) -> Result<Arc<ExecutedBlock>, ChainError>;

    /// Whether transactions wait that could go into the next block.
    fn has_waiting(&self) -> bool;

    /// The first waiting transactions, encoded, within the bounds of one message.
    fn waiting(&self) -> Vec<Bytes>;

    /// Takes transactions that a peer sent into the pool, as far as they are valid and new; whether one was taken.
    fn take(&mut self, transactions: Vec<Bytes>) -> bool;

    /// [`Solo`] has decided a block and is about to commit it. It has no log, so what a start needs to finish a commit that a
    /// crash cut off is kept here.
    fn record(&mut self, executed: &ExecutedBlock, certificate: &CommitCertificate);

    /// Keeps what proves to the contract of the validators that one contradicted itself, durably, for those who report it.
    ///
    /// # Errors
    /// A storage error, after which it is not kept and the call is repeated later.
    fn keep(&mut self, contradiction: &Contradiction) -> Result<Keeping, ChainError>;

    /// A block was committed: its transactions wait no longer.
    fn committed(&mut self, executed: ExecutedBlock);

    /// The block at a height with its certificate, for a peer that is behind; `None` above the head and where it is not kept.
    ///
    /// # Errors
    /// A storage error.
    fn decided_block(&self, height: u64) -> Result<Option<DecidedBlock>, ChainError>;
}

/// A way to decide blocks, or to take what others decided.
pub trait Consensus {
    /// The node's side.
    type Host: Host;

    /// Takes an event and says what is to be done.
    ///
    /// # Errors
    /// [`ConsensusError`]; unless it [is retryable](ConsensusError::is_retryable), the validator signs nothing more.
    fn handle(&mut self, event: Event, now: Now) -> Result<Vec<Action>, ConsensusError>;

    /// Takes a decided block that came from outside of the validators' network, as [`chain::import`] does. Says whether it
    /// is new, and what is to be done.
    ///
    /// # Errors
    /// As [`chain::import`], and [`ConsensusError::Stopped`].
    fn import(&mut self, decided: DecidedBlock, now: Now) -> Result<(bool, Vec<Action>), ConsensusError>;

    /// When [`Event::TimePassed`] is due, by the monotonic clock; `None` if there is nothing to wait for.
    fn deadline_ms(&self) -> Option<u64>;

    /// What keeps blocks from being made, if something does; for health checks.
    fn fault(&self) -> Option<&str>;

    /// The node's side.
    fn host_mut(&mut self) -> &mut Self::Host;
}
