//! A token that calls back into the minter is refused. The real token makes no calls; this test guards later changes.

use std::slice::from_ref;

use alloy_primitives::{Address, Bytes, hex};
use alloy_sol_types::SolCall;
use contracts::genesis::minter_creation_code;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter, Deployment};

use crate::evm::{DEV_CHAIN_ID, Evm, Reverted};
use crate::receipts::{AIT, RELAYER, is_used, mint, mint_batch, parameters, receipt, signed};

const HOSTILE_TOKEN: Address = Address::repeat_byte(0xba);

/// Creation code of a contract that answers every call by sending `calldata` to `target`, and reverts as that does.
pub(crate) fn calling_back(target: Address, calldata: &[u8]) -> Bytes {
    let length = u16::try_from(calldata.len()).unwrap().to_be_bytes();
    let runtime_header = [
        // codecopy(0, 0x31, length)
        hex!("61").as_slice(),
        &length,
        &hex!("60315f39"),
        // call(gas(), target, 0, 0, length, 0, 0)
        &hex!("5f5f61"),
        &length,
        &hex!("5f5f73"),
        target.as_slice(),
        &hex!("5af1"),
        // if it succeeded, stop; else returndatacopy(0, 0, size) and revert(0, size)
        &hex!("602f57"),
        &hex!("3d5f5f3e3d5ffd"),
        // jumpdest at 0x2f, stop
        &hex!("5b00"),
    ]
    .concat();
    assert_eq!(runtime_header.len(), 0x31);
    let runtime = [runtime_header.as_slice(), calldata].concat();
    // codecopy(0, 0x0a, size) and return(0, size)
    let size = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    [hex!("61").as_slice(), &size, &hex!("80600a5f395ff3"), &runtime].concat().into()
}

fn chain_with_hostile_token(calldata: &[u8]) -> Evm {
    let mut evm = Evm::empty(DEV_CHAIN_ID);
    for (contract_name, address, creation_code) in [
        ("hostile token", HOSTILE_TOKEN, calling_back(AI_TOKEN_MINTER_ADDRESS, calldata)),
        ("AITokenMinter", AI_TOKEN_MINTER_ADDRESS, minter_creation_code(HOSTILE_TOKEN, Address::ZERO, &parameters())),
    ] {
        evm.construct(&Deployment { contract_name, address, creation_code }).unwrap();
    }
    evm
}

#[test]
fn a_mint_within_a_mint_reverts_both() {
    let (outer, inner) = (signed(receipt(1, 1_000_000, AIT)), signed(receipt(2, 1_000_000, AIT)));
    for calldata in [mint(&inner).abi_encode(), mint_batch(from_ref(&inner)).abi_encode()] {
        let mut evm = chain_with_hostile_token(&calldata);
        let error = evm.send_minter(RELAYER, &mint(&outer)).unwrap_err();
        assert_eq!(error, Reverted::from(AITokenMinter::ReentrancyGuardReentrantCall {}));
        for signed in [&outer, &inner] {
            assert!(!is_used(&evm, &signed.receipt));
        }
    }
}

#[test]
fn the_hostile_token_can_call_the_minter_at_all() {
    let harmless = AITokenMinter::pausedCall {}.abi_encode();
    chain_with_hostile_token(&harmless).send_minter(RELAYER, &mint(&signed(receipt(1, 1_000_000, AIT)))).unwrap();
}
