use alloy_primitives::{Bytes, TxKind};
use proptest::prelude::*;

use crate::setup::*;

#[derive(Clone, Debug)]
enum Action {
    Record { sender: u8, slot: u64, value: u64 },
    Create { sender: u8 },
    Touch { sender: u8, target: u8 },
    Fail { sender: u8 },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1u8..6, 0u64..12, 0u64..3).prop_map(|(sender, slot, value)| Action::Record { sender, slot, value }),
        1 => (1u8..6).prop_map(|sender| Action::Create { sender }),
        1 => (1u8..6, 1u8..20).prop_map(|(sender, target)| Action::Touch { sender, target }),
        1 => (1u8..6).prop_map(|sender| Action::Fail { sender }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// After every block the incremental state root equals one computed from all accounts and slots.
    #[test]
    fn the_state_root_equals_a_full_recomputation(
        blocks in prop::collection::vec(prop::collection::vec(action(), 1..10), 1..8),
    ) {
        let mut chain = TestChain::new();
        let mut nonces = [0u64; 8];
        for actions in blocks {
            let transactions = actions.into_iter().map(|action| {
                let (sender, to, input) = match action {
                    Action::Record { sender, slot, value } =>
                        (sender, TxKind::Call(RECORDER_ADDRESS), record(slot, value)),
                    Action::Create { sender } => (sender, TxKind::Create, RECORDER),
                    Action::Touch { sender, target } => (sender, TxKind::Call(address(target)), Bytes::new()),
                    Action::Fail { sender } => (sender, TxKind::Call(REVERTER_ADDRESS), Bytes::new()),
                };
                let nonce = &mut nonces[usize::from(sender)];
                let signed = decode(&sign(sender, eip1559(*nonce, to, input)));
                *nonce += 1;
                signed
            }).collect();
            let header = chain.produce(transactions);
            prop_assert_eq!(chain.snapshot().recompute_state_root().unwrap(), header.state_root);
        }
    }
}
