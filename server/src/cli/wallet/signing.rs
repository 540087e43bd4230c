//! What every command takes that signs with a wallet of this machine.

use clap::Args;

use super::ask::Password;
use super::folder::Folder;
use super::node::Node;

#[derive(Debug, Args)]
pub(in crate::cli) struct Signing {
    /// Goes on without asking
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) password: Password,
    #[command(flatten)]
    pub(in crate::cli) folder: Folder,
    #[command(flatten)]
    pub(in crate::cli) node: Node,
    /// For programs
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
