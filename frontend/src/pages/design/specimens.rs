//! Sample values for the design page. None of them comes from a chain.

use shared::amount::Amount;
use shared::api::explorer::BlockSummary;
use shared::time::UnixSeconds;
use shared::{Address, B256, U256};
use wallet::protocol::{Check, CheckName};

use crate::format;
use crate::proof::{Fact, Proof};
use crate::proof_stop::StopState;

/// Digits that look like a hash: multiples of a large odd number.
pub(super) fn hash(number: u64) -> B256 {
    let odd = U256::from(number) * U256::from(0x9e37_79b9_7f4a_7c15_u64);
    odd.wrapping_pow(U256::from(5)).into()
}

pub(super) fn address(number: u64) -> Address {
    Address::from_word(hash(number))
}

pub(super) fn proofs() -> Vec<(&'static str, Proof)> {
    let proof = |states: [StopState; 5]| {
        let mut proof = Proof::empty();
        let facts = ["a lake at dawn", "0x12ab…89ef", "0x77aa…01c4", "2.097152 AIT", "48"];
        for ((stop, state), fact) in proof.stops.iter_mut().zip(states).zip(facts) {
            stop.state = state;
            if matches!(state, StopState::Done) {
                stop.fact =
                    Some(Fact { text: fact.to_owned(), title: fact.to_owned(), href: Some("/design".to_owned()) });
                stop.at = Some(format::now());
            }
        }
        proof
    };
    use StopState::{Done, Refused, Running, Waiting};
    vec![
        ("Nothing yet", Proof::empty()),
        ("Running", proof([Done, Running, Waiting, Waiting, Waiting])),
        ("Attested", proof([Done, Done, Done, Running, Waiting])),
        ("Proven", proof([Done; 5])),
        ("Refused", proof([Done, Done, Done, Refused, Waiting])),
    ]
}

pub(super) fn blocks() -> Vec<BlockSummary> {
    let now = format::now().seconds().0;
    let block = |number: u64| BlockSummary {
        number,
        hash: hash(number),
        timestamp: UnixSeconds(now - (48 - number) * 37),
        transaction_count: 1,
        gas_used: 180_000,
        minted: Amount::from_atto(2_097_152_000_000_000_000),
    };
    (46..=48).rev().map(block).collect()
}

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check { name: CheckName::Hash, holds: Some(true), detail: hash(7).to_string() },
        Check { name: CheckName::MinerSignature, holds: Some(false), detail: address(9).to_string() },
        Check { name: CheckName::Minted, holds: None, detail: shared::chain::MINTER_ADDRESS.to_string() },
        Check { name: CheckName::Final, holds: Some(true), detail: "3 of 4 signed block 48".into() },
    ]
}
