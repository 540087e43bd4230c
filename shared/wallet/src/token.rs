//! Calls of an ERC-20 token: made for sending, and read to say in words what a transaction does.

use alloy_sol_types::{SolCall, SolInterface, sol};
use shared::{Address, Bytes, U256};

sol! {
    #[derive(Debug, PartialEq, Eq)]
    interface Erc20 {
        function transfer(address to, uint256 amount) external returns (bool);
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function nonces(address owner) external view returns (uint256);
    }
}

/// From this amount on an approval counts as unlimited: no token has so many, and programs write it as "everything".
const UNLIMITED_FROM: U256 = U256::from_limbs([0, 0, 0, 1 << 31]);

/// What a call of a token does, as far as money may move by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenCall {
    Transfer { to: Address, amount: U256 },
    TransferFrom { from: Address, to: Address, amount: U256 },
    Approve { spender: Address, amount: U256 },
}

impl TokenCall {
    /// `None` for any other call, and for one whose bytes are not exactly those of the call.
    pub fn decode(input: &[u8]) -> Option<Self> {
        let call = Erc20::Erc20Calls::abi_decode_validate(input).ok()?;
        if call.abi_encode() != input {
            return None;
        }
        match call {
            Erc20::Erc20Calls::transfer(Erc20::transferCall { to, amount }) => Some(Self::Transfer { to, amount }),
            Erc20::Erc20Calls::transferFrom(Erc20::transferFromCall { from, to, amount }) => {
                Some(Self::TransferFrom { from, to, amount })
            }
            Erc20::Erc20Calls::approve(Erc20::approveCall { spender, amount }) => {
                Some(Self::Approve { spender, amount })
            }
            _ => None,
        }
    }

    /// The call's input.
    pub fn encode(self) -> Bytes {
        match self {
            Self::Transfer { to, amount } => Erc20::transferCall { to, amount }.abi_encode(),
            Self::TransferFrom { from, to, amount } => Erc20::transferFromCall { from, to, amount }.abi_encode(),
            Self::Approve { spender, amount } => Erc20::approveCall { spender, amount }.abi_encode(),
        }
        .into()
    }
}

/// Whether an approved amount stands for everything that the owner will ever have.
pub fn is_unlimited(amount: U256) -> bool {
    amount >= UNLIMITED_FROM
}

/// Input of a call that asks for a balance.
pub fn balance_of(account: Address) -> Bytes {
    Erc20::balanceOfCall { account }.abi_encode().into()
}

/// Input of a call that asks for the next nonce of an owner's permits.
pub fn permit_nonce(owner: Address) -> Bytes {
    Erc20::noncesCall { owner }.abi_encode().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_survives_its_way_and_nothing_else_is_one() {
        let (to, amount) = (Address::repeat_byte(7), U256::from(9));
        let calls = [
            TokenCall::Transfer { to, amount },
            TokenCall::TransferFrom { from: Address::repeat_byte(8), to, amount },
            TokenCall::Approve { spender: to, amount: U256::MAX },
        ];
        for call in calls {
            assert_eq!(TokenCall::decode(&call.encode()), Some(call));
            let mut longer = call.encode().to_vec();
            longer.push(0);
            assert_eq!(TokenCall::decode(&longer), None, "bytes behind the call could mean anything");
        }
        let mut dirty = TokenCall::Transfer { to, amount }.encode().to_vec();
        dirty[4] = 1;
        assert_eq!(TokenCall::decode(&dirty), None, "an address has 20 bytes");
        assert_eq!(TokenCall::decode(&balance_of(to)), None);
        assert_eq!(TokenCall::decode(&[]), None);
    }

    #[test]
    fn the_transfer_has_the_bytes_of_the_standard() {
        let call = TokenCall::Transfer { to: Address::repeat_byte(0xaa), amount: U256::from(258) };
        let expected = format!("0xa9059cbb{}{}{}0102", "00".repeat(12), "aa".repeat(20), "00".repeat(30));
        assert_eq!(call.encode().to_string(), expected);
    }

    #[test]
    fn unlimited_is_what_no_token_has() {
        assert!(is_unlimited(U256::MAX) && is_unlimited(UNLIMITED_FROM));
        assert!(!is_unlimited(U256::from(u128::MAX)));
    }
}
