//! What staking costs. `UPDATE_SNAPSHOTS=1` writes `snapshots/staking_gas.json` anew.

use alloy_primitives::U256;
use contracts::Staking;
use serde_json::json;

use super::fixture::{UNBONDING_SECONDS, chain, contradiction, deciding, delegate, delegators, undelegate, validators};
use crate::gas::compare_with_snapshot;
use crate::receipts::{ADMIN, AIT, RELAYER, Signer};

/// What a node spends on reading the validators: far less than the gas of a system call, 2^24 here.
const MAX_READ_GAS: u64 = 2_000_000;

#[test]
fn gas_is_as_recorded_and_the_largest_set_is_read_cheaply() {
    let mut evm = chain();
    let ([validator, _], [_, owner, _]) = (validators(), delegators());
    let delegated = evm.send_staking(owner.address(), &delegate(&validator, 40 * AIT)).unwrap().gas;
    let again = evm.send_staking(owner.address(), &delegate(&validator, AIT)).unwrap().gas;
    let undelegated = evm.send_staking(owner.address(), &undelegate(&validator, AIT)).unwrap().gas;
    for _ in 1..32 {
        evm.send_staking(owner.address(), &undelegate(&validator, AIT)).unwrap();
    }
    evm.now_unix += UNBONDING_SECONDS;
    let withdrawn = evm.send_staking(owner.address(), &Staking::withdrawCall {}).unwrap().gas;
    let admit = |seed: u64| Staking::admitCall { validator: Signer::new(5_000 + seed).address(), basePower: 1 };
    let admitted = evm.send_staking(ADMIN, &admit(0)).unwrap().gas;
    for seed in 1..126 {
        evm.send_staking(ADMIN, &admit(seed)).unwrap();
    }
    assert_eq!(deciding(&evm).len(), 128);
    let read = evm.clone().send_staking(RELAYER, &Staking::validatorsCall {}).unwrap().gas;
    assert!(read < MAX_READ_GAS, "{read}");
    let removed = Staking::removeCall { validator: Signer::new(5_125).address() };
    let removed = evm.clone().send_staking(ADMIN, &removed).unwrap().gas;
    let slashed = evm.send_staking(RELAYER, &contradiction(&validator, 7)).unwrap();
    assert!(slashed.value > U256::ZERO);
    let measured = json!({
        "admit": admitted,
        "delegate, first": delegated,
        "delegate, again": again,
        "undelegate": undelegated,
        "withdraw of 32": withdrawn,
        "remove the last of 128": removed,
        "slash": slashed.gas,
        "validators, 128 of them": read,
    });
    compare_with_snapshot("staking_gas.json", &measured);
}
