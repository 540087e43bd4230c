//! Constants of the chain that every program must share.

use alloy_primitives::{Address, address};

/// EIP-155 chain id of development networks.
pub const DEV_CHAIN_ID: u64 = 24_822;

/// Where genesis puts the ERC-20 token AIT.
pub const TOKEN_ADDRESS: Address = address!("0000000000000000000000000000000000A17001");

/// Where genesis puts the minter, the only account that may mint AIT; it is also the EIP-712 verifying contract.
pub const MINTER_ADDRESS: Address = address!("0000000000000000000000000000000000A17002");
