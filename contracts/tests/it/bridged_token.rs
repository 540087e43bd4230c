//! What stands for an asset of another chain: bridges alone mint it, and none of them takes what nobody allowed.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use contracts::genesis::bridged_token_creation_code;
use contracts::{BRIDGED_BITCOIN_ADDRESS, BridgedToken, Deployment};

use crate::evm::{DEV_CHAIN_ID, Evm, Mined, Reverted};
use crate::receipts::ADMIN;

const BRIDGE: Address = Address::repeat_byte(0xb7);
const HOLDER: Address = Address::repeat_byte(0x11);
const OTHER: Address = Address::repeat_byte(0x22);

fn chain() -> Evm {
    let mut evm = Evm::empty(DEV_CHAIN_ID);
    let creation_code = bridged_token_creation_code(ADMIN, "Bridge-Minted Bitcoin", "WBTC", 8);
    let deployment = Deployment { contract_name: "BridgedToken", address: BRIDGED_BITCOIN_ADDRESS, creation_code };
    evm.construct(&deployment).unwrap();
    evm
}

fn with_bridge() -> Evm {
    let mut evm = chain();
    let role = send(&mut evm, OTHER, &BridgedToken::BRIDGE_ROLECall {}).unwrap().value;
    send(&mut evm, ADMIN, &BridgedToken::grantRoleCall { role, account: BRIDGE }).unwrap();
    evm
}

fn send<C: SolCall>(evm: &mut Evm, from: Address, call: &C) -> Result<Mined<C::Return>, Reverted> {
    evm.send(from, BRIDGED_BITCOIN_ADDRESS, call)
}

fn mint(amount: u64) -> BridgedToken::mintCall {
    BridgedToken::mintCall { to: HOLDER, amount: U256::from(amount) }
}

fn burn(amount: u64) -> BridgedToken::burnCall {
    BridgedToken::burnCall { from: HOLDER, amount: U256::from(amount) }
}

fn supply(evm: &mut Evm) -> U256 {
    send(evm, OTHER, &BridgedToken::totalSupplyCall {}).unwrap().value
}

#[test]
fn nothing_is_minted_at_first_and_nobody_may() {
    let mut evm = chain();
    assert_eq!(supply(&mut evm), U256::ZERO);
    for anybody in [ADMIN, BRIDGE, HOLDER] {
        assert!(send(&mut evm, anybody, &mint(1)).is_err(), "{anybody} minted");
    }
    let text = send(&mut evm, OTHER, &BridgedToken::nameCall {}).unwrap().value;
    let decimals = send(&mut evm, OTHER, &BridgedToken::decimalsCall {}).unwrap().value;
    assert_eq!((text.as_str(), decimals), ("Bridge-Minted Bitcoin", 8));
    let nobody = bridged_token_creation_code(Address::ZERO, "Nobody's", "NO", 8);
    assert_eq!(evm.create(OTHER, nobody).unwrap_err(), Reverted::from(BridgedToken::ZeroAddress {}));
}

#[test]
fn a_bridge_mints_and_burns_only_what_the_holder_allowed() {
    let mut evm = with_bridge();
    send(&mut evm, BRIDGE, &mint(100)).unwrap();
    let missing =
        BridgedToken::ERC20InsufficientAllowance { spender: BRIDGE, allowance: U256::ZERO, needed: U256::from(40) };
    assert_eq!(send(&mut evm, BRIDGE, &burn(40)).unwrap_err(), Reverted::from(missing));
    send(&mut evm, HOLDER, &BridgedToken::approveCall { spender: BRIDGE, value: U256::from(40) }).unwrap();
    assert!(send(&mut evm, HOLDER, &burn(40)).is_err(), "a holder is no bridge");
    send(&mut evm, BRIDGE, &burn(40)).unwrap();
    assert!(send(&mut evm, BRIDGE, &burn(1)).is_err(), "the allowance is used up");
    assert_eq!(supply(&mut evm), U256::from(60));
}

#[test]
fn a_pause_stops_the_bridge_and_no_holder() {
    let mut evm = with_bridge();
    send(&mut evm, BRIDGE, &mint(100)).unwrap();
    send(&mut evm, HOLDER, &BridgedToken::approveCall { spender: BRIDGE, value: U256::from(100) }).unwrap();
    assert!(send(&mut evm, BRIDGE, &BridgedToken::pauseCall {}).is_err(), "a bridge pauses nothing");
    send(&mut evm, ADMIN, &BridgedToken::pauseCall {}).unwrap();
    let paused = || Reverted::from(BridgedToken::EnforcedPause {});
    assert_eq!(send(&mut evm, BRIDGE, &mint(1)).unwrap_err(), paused());
    assert_eq!(send(&mut evm, BRIDGE, &burn(1)).unwrap_err(), paused());
    let transfer = BridgedToken::transferCall { to: OTHER, value: U256::from(5) };
    send(&mut evm, HOLDER, &transfer).unwrap();
    send(&mut evm, ADMIN, &BridgedToken::unpauseCall {}).unwrap();
    send(&mut evm, BRIDGE, &mint(1)).unwrap();
}
