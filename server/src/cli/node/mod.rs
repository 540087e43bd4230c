//! `aitbc node …`: nodes that keep one chain together, and nodes that follow it.

mod ask;
mod follow;
mod init;
mod keys;
mod snapshot;
mod start;

use anyhow::Result;
use clap::Subcommand;

/// Port of a node's JSON-RPC where none is named. A hub has 8000.
const PORT_DEFAULT: u16 = 8_001;

#[derive(Debug, Subcommand)]
pub(super) enum Node {
    /// Makes the files of a new chain: genesis, where its validators are reached, and keys where they are on this machine
    Init(init::Init),
    /// Runs a validator, without hub and pages
    Start(start::Start),
    /// Keeps a copy of the chain: takes blocks from other nodes, checks their signatures and executes them
    Follow(follow::Follow),
    /// Writes the state after one block into a file, from which another node can begin
    Export(snapshot::Export),
    /// Makes the chain of a new node of such a file, and checks all of it
    Import(snapshot::Import),
    /// Shows the validator key of a folder, or makes one
    Keys(keys::Keys),
    /// Lists the other validators of a running node
    Peers(ask::Peers),
    /// Shows how a running node is
    Status(ask::Status),
}

pub(super) fn run(node: Node) -> Result<()> {
    match node {
        Node::Init(init) => init::run(&init),
        Node::Start(start) => start::run(start),
        Node::Follow(follow) => follow::run(follow),
        Node::Export(export) => snapshot::export(&export),
        Node::Import(import) => snapshot::import(&import),
        Node::Keys(keys) => keys::run(&keys),
        Node::Peers(peers) => ask::peers(&peers),
        Node::Status(status) => ask::status(&status),
    }
}
