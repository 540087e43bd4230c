use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use alloy_primitives::Address;

/// Another validator, as this node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerState {
    /// The address of its key.
    pub address: Address,
    /// Whether a connection to it is open.
    pub is_connected: bool,
}

/// The other validators that this node speaks with; none where it decides alone or follows.
#[derive(Debug, Default)]
pub(crate) struct Peers(RwLock<Named>);

#[derive(Debug, Default)]
struct Named {
    own: Option<Address>,
    is_connected: BTreeMap<Address, bool>,
}

impl Peers {
    /// Takes this node's own address and its peers, none of which is connected yet.
    pub(crate) fn name(&self, own: Address, peers: impl Iterator<Item = Address>) {
        let mut named = self.0.write().unwrap_or_else(PoisonError::into_inner);
        named.own = Some(own);
        named.is_connected.extend(peers.map(|address| (address, false)));
    }

    /// Whether this is the node itself, or a peer to which a connection is open.
    pub(crate) fn reaches(&self, address: Address) -> bool {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        named.own == Some(address) || named.is_connected.get(&address).is_some_and(|is_connected| *is_connected)
    }

    pub(crate) fn set_connected(&self, peer: Address, is_connected: bool) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).is_connected.insert(peer, is_connected);
    }

    pub(crate) fn list(&self) -> Vec<PeerState> {
        let named = self.0.read().unwrap_or_else(PoisonError::into_inner);
        named.is_connected.iter().map(|(&address, &is_connected)| PeerState { address, is_connected }).collect()
    }
}
