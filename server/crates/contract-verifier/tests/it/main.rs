//! What strangers send, changed at random: sources, a compiler's answer to them, code of contracts, and values for calls.

use alloy_primitives::{Address, B256, keccak256};
use contract_verifier::{Compiled, CompilerInput, Interface, Runtime, compare_creation, compare_runtime};
use test_support::fuzz;

const INPUT: &str = r#"{"language":"Solidity","sources":{"a.sol":{"content":"contract A {}"}},"settings":{"optimizer":{"enabled":true},"libraries":{"a.sol":{"L":"0x00000000000000000000000000000000000000aa"}}}}"#;

const ANSWER: &str = r#"{"errors":[{"severity":"warning","message":"m"}],"contracts":{"a.sol":{"A":{"abi":[{"type":"constructor","stateMutability":"nonpayable","inputs":[{"name":"to","type":"address"}]},{"type":"function","name":"f","stateMutability":"view","inputs":[{"name":"a","type":"tuple[]","components":[{"name":"x","type":"string"}]}],"outputs":[{"name":"","type":"uint256[][2]"},{"name":"","type":"bytes"}]},{"type":"error","name":"E","inputs":[{"name":"","type":"string"}]},{"type":"event","name":"L","anonymous":false,"inputs":[{"name":"","type":"string[]","indexed":false},{"name":"","type":"bool","indexed":true}]}],"evm":{"bytecode":{"object":"60016002a26469706673","linkReferences":{}},"deployedBytecode":{"object":"6001a264697066734207070009","linkReferences":{},"immutableReferences":{"1":[{"start":1,"length":1}]}}}}}}}"#;

/// Of the event of [`ANSWER`].
fn topics() -> [B256; 2] {
    [keccak256("L(string[],bool)"), B256::ZERO]
}

#[test]
fn fuzz_compiler_input() {
    fuzz("compiler input", &[INPUT.as_bytes().to_vec()], |input| {
        let Ok(read) = CompilerInput::parse(&String::from_utf8_lossy(input)) else { return };
        assert_eq!(CompilerInput::parse(&read.to_standard_json()), Ok(read));
    });
}

#[test]
fn fuzz_compiler_answer() {
    let wanted = "A".parse().unwrap();
    fuzz("compiler answer", &[ANSWER.as_bytes().to_vec()], |input| {
        let Ok(compiled) = Compiled::read(input, &wanted) else { return };
        let _ = compare_runtime(&compiled.runtime, &compiled.runtime.code, Address::ZERO);
        let found = compare_creation(&compiled, &compiled.runtime.code, &compiled.creation_code).unwrap();
        assert!(found.constructor_arguments.is_empty(), "a code begins with itself");
        let Ok(interface) = Interface::parse(&compiled.abi) else { return };
        for function in interface.functions() {
            let values = vec!["[(\"a\")]".to_owned(); function.inputs.len()];
            let _ = interface.encode(&function.signature, &values, function.mutability.only_reads());
            let _ = interface.decode_output(&function.signature, input);
        }
        let _ = (interface.constructor_arguments(input), interface.decode_error(input));
        let _ = (interface.decode_call(input), interface.decode_event(&topics(), input));
    });
}

#[test]
fn fuzz_code_and_answers_of_contracts() {
    let compiled = Compiled::read(ANSWER.as_bytes(), &"A".parse().unwrap()).unwrap();
    let interface = Interface::parse(&compiled.abi).unwrap();
    let signature = interface.functions()[0].signature.clone();
    fuzz("code and answers", &[compiled.runtime.code.clone(), vec![0; 160]], |input| {
        let _ = compare_runtime(&compiled.runtime, input, Address::ZERO);
        let _ = compare_creation(&compiled, input, input);
        let own = Runtime { code: input.to_vec(), immutables: vec![] };
        assert!(input.is_empty() || compare_runtime(&own, input, Address::ZERO).is_ok(), "code is itself");
        let _ = interface.decode_output(&signature, input);
        let _ = (interface.decode_call(input), interface.decode_event(&topics(), input));
        let _ = interface.encode(&signature, &[String::from_utf8_lossy(input).into_owned()], true);
    });
}
