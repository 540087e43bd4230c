//! What could go wrong with a signature, in a closed list that pages and commands put into words.

use std::fmt;

use shared::amount::Amount;
use shared::chain::{GENESIS_CONTRACTS, TOKEN_ADDRESS};
use shared::time::UnixSeconds;
use shared::{Address, U256};

use crate::escrow::{EscrowCall, OrderTerms};
use crate::permit::Permit;
use crate::protocol::Severity;
use crate::token::{TokenCall, is_unlimited};
use crate::transaction::Transaction;
use crate::typed_data::TypedData;

/// A permit that counts longer than this is pointed out: a usual one counts for minutes.
const LONG_PERMIT_SECONDS: u64 = 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// It counts on another chain than the wallet's.
    OtherChain { chain_id: U256 },
    /// It names no chain, so it may count on every one.
    AnyChain,
    /// It names no contract, so other programs may use it as well.
    AnyContract,
    /// Somebody may take tokens of the signer, as many as the signer will ever have.
    UnlimitedSpender { spender: Address },
    /// Somebody may take so many tokens of the signer, in the smallest units of the token.
    Spender { spender: Address, amount: U256, is_ait: bool },
    /// The permit counts for more than a day, or for ever.
    LongPermit,
    /// The call's meaning is not known here.
    UnknownCall,
    /// It makes a contract.
    NewContract,
    /// The receiver of AIT is a contract.
    ToContract,
    /// It counts at a contract that is not one of this chain's own.
    UnknownContract { contract: Address },
    /// The hub that an order names attests no receipts on this chain.
    UnknownHub { hub: Address },
    /// What is signed is no text that a person can read.
    Unreadable,
}

impl Risk {
    /// How much attention it asks for.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Spender { .. } | Self::NewContract | Self::AnyContract | Self::UnknownContract { .. } => {
                Severity::Note
            }
            Self::OtherChain { .. }
            | Self::AnyChain
            | Self::UnlimitedSpender { .. }
            | Self::LongPermit
            | Self::UnknownCall
            | Self::ToContract
            | Self::UnknownHub { .. }
            | Self::Unreadable => Severity::Grave,
        }
    }
}

impl fmt::Display for Risk {
    /// As a sentence without its capital and full stop.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherChain { chain_id } => {
                write!(formatter, "it counts on the chain {chain_id}, which is not the one of your node")
            }
            Self::AnyChain => formatter.write_str("it names no chain, so it may count on every one"),
            Self::AnyContract => formatter.write_str("it names no contract, so other programs may use it as well"),
            Self::UnlimitedSpender { spender } => {
                write!(formatter, "{spender} may then take all tokens of this kind that you have and will ever have")
            }
            Self::Spender { spender, amount, is_ait } => match u128::try_from(*amount) {
                Ok(atto) if *is_ait => {
                    write!(formatter, "{spender} may then take {} AIT from you", Amount::from_atto(atto))
                }
                _ => write!(formatter, "{spender} may then take {amount} of the token's smallest units from you"),
            },
            Self::LongPermit => formatter.write_str("the permit counts for more than a day"),
            Self::UnknownCall => formatter.write_str("what the call does is not known"),
            Self::NewContract => formatter.write_str("it makes a contract"),
            Self::ToContract => {
                formatter.write_str("the receiver is a contract: send only if you know that it gives the AIT back")
            }
            Self::UnknownContract { contract } => {
                write!(formatter, "{contract}, where it counts, is not a contract of this chain's own")
            }
            Self::UnknownHub { hub } => write!(
                formatter,
                "{hub}, which the order names as its hub, is no hub of this chain: it could keep what the order sets aside"
            ),
            Self::Unreadable => formatter.write_str("these bytes are no text, so nobody can read what they say"),
        }
    }
}

/// `chain_id` is the wallet's chain; where it is not known, none is called another one.
pub fn of_typed_data(data: &TypedData, chain_id: Option<u64>, now: UnixSeconds) -> Vec<Risk> {
    let mut risks = Vec::new();
    match data.domain.chain_id {
        None => risks.push(Risk::AnyChain),
        Some(other) if chain_id.is_some_and(|own| other != U256::from(own)) => {
            risks.push(Risk::OtherChain { chain_id: other })
        }
        Some(_) => {}
    }
    match data.domain.verifying_contract {
        None => risks.push(Risk::AnyContract),
        Some(contract) if !GENESIS_CONTRACTS.contains(&contract) => risks.push(Risk::UnknownContract { contract }),
        Some(_) => {}
    }
    if let Some(permit) = Permit::of(data) {
        let is_ait = data.domain.verifying_contract == Some(TOKEN_ADDRESS);
        risks.extend(spender(permit.spender, permit.value, is_ait));
        if permit.deadline > U256::from(now.0.saturating_add(LONG_PERMIT_SECONDS)) {
            risks.push(Risk::LongPermit);
        }
    }
    risks
}

/// `is_attester` is what the chain says of the hub that the order names.
pub fn of_order(order: &OrderTerms, is_attester: bool) -> Option<Risk> {
    (!is_attester).then_some(Risk::UnknownHub { hub: order.hub })
}

/// `chain_id` is the wallet's chain.
pub fn of_transaction(transaction: &Transaction, chain_id: u64) -> Vec<Risk> {
    let mut risks = Vec::new();
    if transaction.chain_id != chain_id {
        risks.push(Risk::OtherChain { chain_id: U256::from(transaction.chain_id) });
    }
    if transaction.to.is_none() {
        risks.push(Risk::NewContract);
    } else if !transaction.input.is_empty() && EscrowCall::decode(transaction.to, &transaction.input).is_none() {
        match TokenCall::decode(&transaction.input) {
            Some(TokenCall::Approve { spender: by, amount }) => {
                risks.extend(spender(by, amount, transaction.to == Some(TOKEN_ADDRESS)));
            }
            Some(TokenCall::Transfer { .. } | TokenCall::TransferFrom { .. }) => {}
            None => risks.push(Risk::UnknownCall),
        }
    }
    risks
}

/// An approval of nothing takes an earlier one back.
fn spender(spender: Address, amount: U256, is_ait: bool) -> Option<Risk> {
    if amount.is_zero() {
        None
    } else if is_unlimited(amount) {
        Some(Risk::UnlimitedSpender { spender })
    } else {
        Some(Risk::Spender { spender, amount, is_ait })
    }
}

#[cfg(test)]
mod tests {
    use shared::Bytes;
    use shared::chain::{DEV_CHAIN_ID, ESCROW_ADDRESS, EXCHANGE_ADDRESS};

    use super::*;
    use crate::permit::PermitDomain;
    use crate::transaction::Fees;

    const SPENDER: Address = Address::repeat_byte(2);

    fn permit(value: U256, deadline: u64) -> TypedData {
        let (owner, nonce, deadline) = (Address::repeat_byte(1), U256::ZERO, U256::from(deadline));
        let permit = Permit { owner, spender: SPENDER, value, nonce, deadline };
        permit.typed_data(&PermitDomain::of_ait(DEV_CHAIN_ID)).unwrap()
    }

    #[test]
    fn a_permit_is_more_than_data() {
        let now = UnixSeconds(1_800_000_000);
        let found = |value, deadline| of_typed_data(&permit(value, deadline), Some(DEV_CHAIN_ID), now);
        let amount = U256::from(2_500_000_000_000_000_u64);
        let some = found(amount, now.0 + 60);
        assert_eq!(some, [Risk::Spender { spender: SPENDER, amount, is_ait: true }]);
        assert_eq!(some[0].to_string(), format!("{SPENDER} may then take 0.0025 AIT from you"));
        let other = Risk::Spender { spender: SPENDER, amount, is_ait: false };
        assert!(other.to_string().contains("2500000000000000 of the token's smallest units"), "{other}");
        let unlimited = [Risk::UnlimitedSpender { spender: SPENDER }, Risk::LongPermit];
        assert_eq!(found(U256::MAX, u64::MAX), unlimited);
        let elsewhere = of_typed_data(&permit(U256::ZERO, now.0), Some(1), now);
        assert_eq!(elsewhere, [Risk::OtherChain { chain_id: U256::from(DEV_CHAIN_ID) }]);
        let unknown = of_typed_data(&permit(U256::ZERO, now.0), None, now);
        assert!(!unknown.iter().any(|risk| matches!(risk, Risk::OtherChain { .. })), "{unknown:?}");
    }

    #[test]
    fn an_order_at_the_chains_own_exchange_is_at_no_unknown_contract() {
        let of = |contract: Address| {
            let fields = r#"{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}"#;
            let types = format!(r#"{{"EIP712Domain":[{fields}],"A":[{{"name":"b","type":"bool"}}]}}"#);
            let domain = format!(r#"{{"chainId":{DEV_CHAIN_ID},"verifyingContract":"{contract}"}}"#);
            let rest = r#""primaryType":"A","message":{"b":true}"#;
            let text = format!(r#"{{"types":{types},"domain":{domain},{rest}}}"#);
            of_typed_data(&TypedData::parse(&text).unwrap(), Some(DEV_CHAIN_ID), UnixSeconds(0))
        };
        assert_eq!(of(EXCHANGE_ADDRESS), []);
        assert_eq!(of(SPENDER), [Risk::UnknownContract { contract: SPENDER }]);
    }

    #[test]
    fn data_without_a_domain_counts_everywhere() {
        let text = r#"{"types":{"A":[{"name":"b","type":"bool"}]},"primaryType":"A","domain":{},"message":{"b":true}}"#;
        let data = TypedData::parse(text).unwrap();
        assert_eq!(of_typed_data(&data, Some(1), UnixSeconds(0)), [Risk::AnyChain, Risk::AnyContract]);
    }

    #[test]
    fn a_transaction_is_judged_by_what_it_calls() {
        let transaction = |to, input: Bytes| Transaction {
            chain_id: DEV_CHAIN_ID,
            nonce: 0,
            gas_limit: 100_000,
            to,
            value: U256::ZERO,
            input,
            fees: Fees::free(),
        };
        let found = |to, input: Bytes| of_transaction(&transaction(to, input), DEV_CHAIN_ID);
        let (token, amount) = (Some(TOKEN_ADDRESS), U256::MAX);
        assert_eq!(found(token, TokenCall::Transfer { to: SPENDER, amount }.encode()), []);
        let approved = found(token, TokenCall::Approve { spender: SPENDER, amount }.encode());
        assert_eq!(approved, [Risk::UnlimitedSpender { spender: SPENDER }]);
        assert_eq!(found(token, TokenCall::Approve { spender: SPENDER, amount: U256::ZERO }.encode()), []);
        assert_eq!(found(token, Bytes::from_static(&[1, 2, 3, 4])), [Risk::UnknownCall]);
        let deposit = crate::escrow::deposit_with_permit(SPENDER, U256::from(5));
        assert_eq!(found(Some(ESCROW_ADDRESS), deposit.clone()), []);
        assert_eq!(found(token, deposit), [Risk::UnknownCall]);
        assert_eq!(found(None, Bytes::new()), [Risk::NewContract]);
        assert_eq!(found(token, Bytes::new()), []);
    }
}
