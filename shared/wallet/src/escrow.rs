//! Calls of the escrow that move its client's own AIT: read to say in words what a transaction does.

use alloy_sol_types::{SolInterface, sol};
use shared::chain::ESCROW_ADDRESS;
use shared::{Address, U256};

use crate::typed_data::{Atom, TypedData};

/// The type of what a client signs to have its deposit set aside for a job.
const ORDER_TYPE: &str = "PaymentOrder";

sol! {
    #[derive(Debug, PartialEq, Eq)]
    interface Escrow {
        function deposit(uint256 amount) external;
        function depositWithPermit(address client, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function withdraw(uint256 amount) external;
    }
}

/// What a call of the escrow does with the client's AIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EscrowCall {
    /// `client` is named where a permit goes with it.
    Deposit {
        client: Option<Address>,
        amount: U256,
    },
    Withdraw {
        amount: U256,
    },
}

impl EscrowCall {
    /// `None` for any other call or contract, and for one whose bytes are not exactly those of the call.
    pub fn decode(to: Option<Address>, input: &[u8]) -> Option<Self> {
        let call = Escrow::EscrowCalls::abi_decode_validate(input).ok().filter(|_| to == Some(ESCROW_ADDRESS))?;
        if call.abi_encode() != input {
            return None;
        }
        Some(match call {
            Escrow::EscrowCalls::deposit(Escrow::depositCall { amount }) => Self::Deposit { client: None, amount },
            Escrow::EscrowCalls::depositWithPermit(Escrow::depositWithPermitCall { client, amount, .. }) => {
                Self::Deposit { client: Some(client), amount }
            }
            Escrow::EscrowCalls::withdraw(Escrow::withdrawCall { amount }) => Self::Withdraw { amount },
        })
    }
}

/// What a payment order lets a hub set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTerms {
    pub hub: Address,
    /// The most of it, in attoAIT.
    pub max_total: U256,
}

impl OrderTerms {
    /// Whether this is a payment order for the escrow.
    pub fn is_order(data: &TypedData) -> bool {
        data.primary_type == ORDER_TYPE && data.domain.verifying_contract == Some(ESCROW_ADDRESS)
    }

    /// `None` for anything else, and for an order without these terms.
    pub fn of(data: &TypedData) -> Option<Self> {
        match (data.message.member("maxTotal"), data.message.member("hub")) {
            (Some(Atom::Uint(max_total)), Some(Atom::Address(hub))) if Self::is_order(data) => {
                Some(Self { hub: *hub, max_total: *max_total })
            }
            _ => None,
        }
    }
}

/// Input of a deposit with a permit that somebody else signed.
#[cfg(test)]
pub(crate) fn deposit_with_permit(client: Address, amount: U256) -> shared::Bytes {
    use alloy_sol_types::SolCall as _;
    use shared::B256;

    let (deadline, v, r, s) = (U256::from(1), 27, B256::ZERO, B256::ZERO);
    Escrow::depositWithPermitCall { client, amount, deadline, v, r, s }.abi_encode().into()
}

#[cfg(test)]
mod tests {
    use shared::chain::TOKEN_ADDRESS;

    use super::*;

    #[test]
    fn a_deposit_is_told_from_every_other_call() {
        let (client, amount) = (Address::repeat_byte(1), U256::from(7));
        let input = deposit_with_permit(client, amount);
        let expected = EscrowCall::Deposit { client: Some(client), amount };
        assert_eq!(EscrowCall::decode(Some(ESCROW_ADDRESS), &input), Some(expected));
        assert_eq!(EscrowCall::decode(Some(TOKEN_ADDRESS), &input), None, "another contract does what it likes");
        assert_eq!(EscrowCall::decode(None, &input), None);
        let longer = [&input[..], &[0]].concat();
        assert_eq!(EscrowCall::decode(Some(ESCROW_ADDRESS), &longer), None);
        let other = crate::token::TokenCall::Approve { spender: client, amount }.encode();
        assert_eq!(EscrowCall::decode(Some(ESCROW_ADDRESS), &other), None);
    }
}
