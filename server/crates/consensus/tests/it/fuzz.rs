use consensus::{BlockId, Height, Message, NilOrVal, Round, Signer, Vote, VoteType};

use chain::ValidatorKey;

use crate::world::{CHAIN_ID, World, key, recording};

#[test]
fn fuzz_messages_from_peers() {
    let signer = Signer::new(ValidatorKey::new(key(0xa0)), CHAIN_ID);
    let block = NilOrVal::Val(BlockId(alloy_primitives::B256::repeat_byte(3)));
    let vote =
        Vote { kind: VoteType::Precommit, height: Height(1), round: Round::new(0), block, validator: signer.address() };
    let mut world = World::new(1, &[1, 1, 1, 1]);
    world.submit(0, 1);
    world.run_for(2_000);
    let host = world.nodes[0].engine.as_ref().unwrap().host();
    let decided = consensus::Host::decided_block(host, 1).unwrap().unwrap();
    let seeds = [
        Message::Vote(signer.sign_vote(vote).unwrap()),
        Message::Decided(Box::new(decided.into())),
        Message::Transactions(vec![recording(1, 0, 1, 1).raw().clone()]),
        Message::Status(1),
    ];
    let seeds: Vec<Vec<u8>> = seeds.iter().map(Message::encode).collect();
    test_support::fuzz("messages_from_peers", &seeds, |bytes| {
        let Ok(message) = Message::decode(bytes, CHAIN_ID) else { return };
        let again = Message::decode(&message.encode(), CHAIN_ID).unwrap();
        assert_eq!(again, message);
    });
}
