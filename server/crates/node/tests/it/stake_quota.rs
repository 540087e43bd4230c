//! Stake lets its holder ask for more gas in a minute.

use alloy_primitives::{TxKind, U256};
use alloy_sol_types::SolCall as _;
use contracts::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, STAKING_ADDRESS, Staking, StakingParameters, staking_deployment,
};
use mempool::PoolError;
use node::NodeError;
use node::chain::GenesisContract;

use crate::mint::{MINER, claim, mint};
use crate::setup::*;

/// What each transaction here asks for.
const GAS: u64 = 1_000_000;

/// Two transactions a minute for everybody, one more for each AIT of stake, and four at most.
fn node() -> TestNode {
    TestNode::with(|config| {
        let deployment = staking_deployment(&StakingParameters {
            admin: address(VALIDATOR),
            validators: vec![Staking::ValidatorPower { validator: address(VALIDATOR), power: 1 }],
            unbonding_seconds: 60,
            penalty_recipient: address(VALIDATOR),
        });
        let contract = GenesisContract { address: deployment.address, init_code: deployment.creation_code };
        config.genesis.contracts.push(contract);
        config.pool_limits.max_gas_per_sender_per_minute = 2 * GAS;
        config.pool_limits.gas_per_staked_ait_per_minute = GAS;
        config.pool_limits.max_gas_per_staked_sender_per_minute = 4 * GAS;
    })
}

async fn refusal(node: &TestNode, raw: &[u8]) -> NodeError {
    node.handle().submit_raw_transaction(raw).await.unwrap_err()
}

#[tokio::test]
async fn who_has_stake_may_ask_for_more_gas_and_nobody_else() {
    let node = node();
    let other = 1;
    node.execute(&sign(other, eip1559(0, TxKind::Call(AI_TOKEN_MINTER_ADDRESS), mint(&claim())))).await;
    let approve = AIToken::approveCall { spender: STAKING_ADDRESS, value: U256::MAX }.abi_encode();
    let stake = U256::from(3 * ATTO_PER_AIT);
    let delegate = Staking::delegateCall { validator: address(VALIDATOR), amount: stake }.abi_encode();
    for (nonce, contract, call) in [(0, AI_TOKEN_ADDRESS, approve), (1, STAKING_ADDRESS, delegate)] {
        let sent = node.execute(&sign(MINER, eip1559(nonce, TxKind::Call(contract), call.into()))).await;
        assert!(sent.receipt.success, "{}", sent.receipt.revert_data);
    }
    // What everybody has is used up. Three AIT would give three transactions more, and the most is two.
    for nonce in [2, 3] {
        node.execute(&ping(MINER, nonce)).await;
    }
    let refused = refusal(&node, &ping(MINER, 4)).await;
    assert!(matches!(refused, NodeError::Pool(PoolError::GasAllowance { limit, .. }) if limit == 4 * GAS), "{refused}");
    node.execute(&ping(other, 1)).await;
    let refused = refusal(&node, &ping(other, 2)).await;
    assert!(matches!(refused, NodeError::Pool(PoolError::GasAllowance { limit, .. }) if limit == 2 * GAS), "{refused}");
}
