//! Constants of the chain that every program must share.

use alloy_primitives::{Address, address};

/// EIP-155 chain id of development networks.
pub const DEV_CHAIN_ID: u64 = 24_822;

/// Where genesis puts the ERC-20 token AIT.
pub const TOKEN_ADDRESS: Address = address!("0000000000000000000000000000000000A17001");

/// Where genesis puts the minter, the only account that may mint AIT; it is also the EIP-712 verifying contract.
pub const MINTER_ADDRESS: Address = address!("0000000000000000000000000000000000A17002");

/// Where genesis puts the escrow, which pays receipts from clients' deposits; what is signed for it names it.
pub const ESCROW_ADDRESS: Address = address!("0000000000000000000000000000000000A17003");

/// Where a chain that has an exchange puts the contract that settles its trades; signed orders name it.
pub const EXCHANGE_ADDRESS: Address = address!("0000000000000000000000000000000000A17004");

/// Where a development chain puts the dollar that is worth nothing.
pub const TEST_DOLLAR_ADDRESS: Address = address!("0000000000000000000000000000000000A17005");

/// Where a development chain puts what stands for bitcoin of another chain. Bridges alone mint it.
pub const BRIDGED_BITCOIN_ADDRESS: Address = address!("0000000000000000000000000000000000A17007");

/// Where a development chain puts what stands for ether of another chain. Bridges alone mint it.
pub const BRIDGED_ETHER_ADDRESS: Address = address!("0000000000000000000000000000000000A17008");

/// Where genesis puts the contract of the validators, if it has one. After each block its `validators()` says who decides the next.
pub const STAKING_ADDRESS: Address = address!("0000000000000000000000000000000000A17006");

/// Where genesis puts the bounties for models.
pub const BOUNTY_ADDRESS: Address = address!("0000000000000000000000000000000000A17009");

/// All contracts of block 0. AIT that a plain transfer sends to one of them belongs to nobody any more.
pub const GENESIS_CONTRACTS: [Address; 9] = [
    TOKEN_ADDRESS,
    MINTER_ADDRESS,
    ESCROW_ADDRESS,
    EXCHANGE_ADDRESS,
    TEST_DOLLAR_ADDRESS,
    STAKING_ADDRESS,
    BRIDGED_BITCOIN_ADDRESS,
    BRIDGED_ETHER_ADDRESS,
    BOUNTY_ADDRESS,
];
