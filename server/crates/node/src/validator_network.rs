//! Which validators a node speaks with.

use std::net::SocketAddr;

use alloy_primitives::Address;

/// Most validators that one validator speaks with.
pub const MAX_PEERS: usize = chain::MAX_VALIDATORS - 1;

/// How a validator reaches the others.
#[derive(Clone, Debug)]
pub struct ValidatorNetwork {
    /// Where it takes connections.
    pub listen: SocketAddr,
    /// The others. Each is connected with each: messages are not passed on.
    pub peers: Vec<Peer>,
}

/// Another validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address of its key. Who cannot sign with it is not spoken with.
    pub address: Address,
    /// Host and port.
    pub endpoint: String,
}
