//! Traces are what really happened, and none takes more than its bounds.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes};
use chain::{AccountOverride, Call, ChainError, GethDebugTracingOptions, MAX_TRACE_BYTES, never_over};
use serde_json::{Value, json};

use crate::setup::*;

/// Calls the recorder with slot 1 and value 7, and returns nothing.
const CALLS_RECORDER: Bytes = bytes!("6001600052600760205260006000604060006000");

/// Runs until its gas is used up.
const LOOP: Bytes = bytes!("5b5f56");

/// Calls itself again and again with 32 KiB of input, until its gas is used up.
const CALLS_ITSELF: Bytes = bytes!("5b5f5f6180005f5f30620186a0f1505f56");

fn options(json: Value) -> GethDebugTracingOptions {
    serde_json::from_value(json).unwrap()
}

fn calls() -> GethDebugTracingOptions {
    options(json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}}))
}

fn with_code(address: Address, code: Bytes) -> BTreeMap<Address, AccountOverride> {
    BTreeMap::from([(address, AccountOverride { code: Some(code), ..AccountOverride::default() })])
}

fn caller_of_the_recorder() -> Bytes {
    let push_address_gas_call = [&[0x73][..], RECORDER_ADDRESS.as_slice(), &[0x5a, 0xf1, 0x00]].concat();
    [CALLS_RECORDER.as_ref(), &push_address_gas_call].concat().into()
}

#[test]
fn a_transaction_is_traced_on_the_state_that_it_ran_on() {
    let mut chain = TestChain::new();
    chain.produce(vec![recording(1, 0, 1, 10), recording(1, 1, 1, 11), recording(2, 0, 1, 12)]);
    chain.produce(vec![recording(1, 2, 1, 13)]);
    let snapshot = chain.snapshot();
    let second = recording(1, 1, 1, 11).hash();
    let prestate = options(json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}}));
    let trace = json!(snapshot.trace_transaction(second, &prestate, &never_over).unwrap().unwrap());
    let (recorder, slot) = (RECORDER_ADDRESS.to_string().to_lowercase(), B256::from(U256::from(1)).to_string());
    let word = |value: u64| json!(B256::from(U256::from(value)));
    assert_eq!(trace["pre"][&recorder]["storage"][&slot], word(10), "{trace}");
    assert_eq!(trace["post"][&recorder]["storage"][&slot], word(11), "{trace}");

    let trace = json!(snapshot.trace_transaction(second, &calls(), &never_over).unwrap().unwrap());
    let included = snapshot.transaction(second).unwrap().unwrap();
    assert_eq!(trace["type"], "CALL");
    assert_eq!(trace["from"], json!(address(1)));
    assert_eq!(trace["gasUsed"], json!(format!("{:#x}", included.receipt.gas_used)));
    assert_eq!(trace["logs"].as_array().unwrap().len(), included.receipt.logs.len());
    assert!(trace.get("error").is_none(), "{trace}");

    assert_eq!(snapshot.trace_transaction(B256::ZERO, &calls(), &never_over).unwrap(), None);
    let block = snapshot.trace_block(1, &calls(), &never_over).unwrap();
    let hashes: Vec<_> = block.iter().map(|(hash, _)| *hash).collect();
    assert_eq!(hashes, [recording(1, 0, 1, 10).hash(), second, recording(2, 0, 1, 12).hash()]);
    assert_eq!(json!(block[1].1), trace);
    assert_eq!(snapshot.trace_block(0, &calls(), &never_over).unwrap(), []);
    assert!(matches!(snapshot.trace_block(3, &calls(), &never_over), Err(ChainError::UnknownBlock(_))));
}

#[test]
fn a_failed_transaction_and_the_calls_inside_a_call_have_traces() {
    let mut chain = TestChain::new();
    let failing = decode(&sign(1, eip1559(0, TxKind::Call(REVERTER_ADDRESS), Bytes::new())));
    chain.produce(vec![failing.clone()]);
    let snapshot = chain.snapshot();
    let trace = json!(snapshot.trace_transaction(failing.hash(), &calls(), &never_over).unwrap().unwrap());
    assert_eq!(trace["error"], "execution reverted");

    let caller = address(77);
    let overrides = with_code(caller, caller_of_the_recorder());
    let call = Call { from: address(1), to: Some(caller), ..Call::default() };
    let trace = json!(snapshot.trace_call(1, &call, &overrides, &calls(), &never_over).unwrap());
    assert_eq!(trace["calls"][0]["to"], json!(RECORDER_ADDRESS), "{trace}");
    assert_eq!(trace["calls"][0]["input"], json!(record(1, 7)));
    assert_eq!(snapshot.state_at(1).unwrap().slot(RECORDER_ADDRESS, U256::from(1)).unwrap(), U256::ZERO);

    let steps = json!(snapshot.trace_call(1, &call, &overrides, &options(json!({})), &never_over).unwrap());
    let operations: Vec<&str> =
        steps["structLogs"].as_array().unwrap().iter().map(|step| step["op"].as_str().unwrap()).collect();
    assert!(operations.contains(&"SSTORE") && operations.contains(&"CALL"), "{operations:?}");
}

#[test]
fn a_record_beyond_its_bound_and_an_unknown_tracer_are_refused() {
    let chain = TestChain::new();
    let snapshot = chain.snapshot();
    let target = address(77);
    let call = Call { to: Some(target), ..Call::default() };
    let trace = |code: Bytes, options: &GethDebugTracingOptions| {
        snapshot.trace_call(0, &call, &with_code(target, code), options, &never_over)
    };
    let too_long = |result| matches!(result, Err(ChainError::TraceTooLong { max_bytes: MAX_TRACE_BYTES }));
    assert!(too_long(trace(LOOP, &options(json!({})))), "every step is an entry");
    assert!(too_long(trace(CALLS_ITSELF, &calls())), "inputs of calls count");
    // 5 000 slots are read, and then 12 000 times the last: each of these steps would hold all of them.
    let many_slots = [[0x58, 0x54, 0x50].repeat(5_000), vec![0x5f], vec![0x54; 12_000]].concat();
    let without_stack = json!({"disableStack": true});
    assert!(too_long(trace(many_slots.clone().into(), &options(without_stack.clone()))), "slots of steps count");
    let without_storage = json!({"disableStack": true, "disableStorage": true});
    assert!(trace(many_slots.into(), &options(without_storage)).is_ok());
    for tracer in ["erc7562Tracer", "muxTracer"] {
        let refused = trace(LOOP, &options(json!({"tracer": tracer})));
        assert!(matches!(refused, Err(ChainError::Tracer(_))), "{tracer}");
    }
    // A loop without a call is one entry of a record of calls.
    assert!(trace(LOOP, &calls()).is_ok());
    let unknown = options(json!({"tracer": "{result: function() { return 1 }}"}));
    assert!(matches!(trace(LOOP, &unknown), Err(ChainError::Tracer(_))));
    // A record of accounts holds their codes: 400 accounts with 24 KiB each are too much.
    let accounts: Vec<Address> =
        (0..400_u64).map(|number| Address::left_padding_from(&(1_000 + number).to_be_bytes())).collect();
    let looks_at = |account: &Address| [&[0x73][..], account.as_slice(), &[0x31, 0x50]].concat();
    let mut overrides = with_code(target, accounts.iter().flat_map(looks_at).collect::<Vec<u8>>().into());
    let prestate = options(json!({"tracer": "prestateTracer"}));
    assert!(snapshot.trace_call(0, &call, &overrides, &prestate, &never_over).is_ok());
    overrides.extend(accounts.iter().flat_map(|account| with_code(*account, vec![0; 24 << 10].into())));
    let held = snapshot.trace_call(0, &call, &overrides, &prestate, &never_over);
    assert!(held.is_ok(), "what the caller sent with its question is the caller's");
    let stopped = snapshot.trace_call(0, &call, &with_code(target, LOOP), &calls(), &|| true);
    assert!(matches!(stopped, Err(ChainError::CallStopped)));
}
