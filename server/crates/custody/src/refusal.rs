//! Why something is not signed.

use shared::{Address, U256};
use wallet::protocol::Refusal as WalletRefusal;

use crate::asset::{Asset, Units};

/// What the policy, or a rule that no policy can change, says no to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    // No policy can allow these.
    #[error("it counts on the chain {got}, and this wallet signs for the chain {expected} only")]
    OtherChain { expected: u64, got: U256 },
    #[error("it names no {0}, so nobody knows where it counts")]
    NoPlace(&'static str),
    #[error("it lets {spender} take everything, now and later; approve a sum")]
    Unlimited { spender: Address },
    #[error("nobody can read what it does: {0}")]
    Unreadable(String),
    #[error("it makes a contract, and nobody can read what that will do")]
    NewContract,
    #[error("what is sent to {0} is lost: nobody can send it on from there")]
    Lost(Address),
    #[error("{0}")]
    NotSigned(String),
    #[error("the sum is above every sum")]
    TooMuch,
    // The policy of the wallet says these.
    #[error("recipients: {0} is not on the list")]
    Recipient(Address),
    #[error("contracts: {0} is not on the list")]
    Contract(Address),
    #[error("sites: {0} is not on the list of sites to sign in at")]
    Site(String),
    #[error("messages: the policy allows none")]
    Messages,
    #[error("limits: the policy names no limit for {0}, so none of it may go")]
    Asset(Asset),
    #[error("limits.{asset}.per_transaction is {most} smallest units, got {got}")]
    PerTransaction { asset: Asset, most: Units, got: Units },
    #[error("limits.{asset}.per_day is {most} smallest units; {spent} went today, {got} more are asked for")]
    PerDay { asset: Asset, most: Units, spent: Units, got: Units },
    #[error("limits.{asset}.code_above is {most} smallest units a day, and above it a code is needed")]
    CodeNeeded { asset: Asset, most: Units },
}

impl Refusal {
    /// Whether the same request may succeed with a code.
    pub const fn needs_code(&self) -> bool {
        matches!(self, Self::CodeNeeded { .. })
    }

    /// What the wallet itself refuses to show or sign.
    pub fn of_wallet(refusal: WalletRefusal) -> Self {
        match refusal {
            WalletRefusal::NotSigned { detail } | WalletRefusal::WouldFail { detail } => Self::NotSigned(detail),
            WalletRefusal::NotEnough { balance } => Self::NotSigned(format!("the wallet has only {balance} AIT")),
            other => Self::NotSigned(format!("{other:?}")),
        }
    }
}
