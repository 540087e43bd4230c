//! Signatures and bytes of messages.

use alloy_primitives::{B256, Bytes};
use chain::{MAX_VALIDATORS, ValidatorKey, commit_digest, signer_of};
use consensus::{
    BlockId, Height, MAX_GOSSIP_TRANSACTIONS, Message, NilOrVal, Proposal, Round, RoundCertificate, Signer, Vote,
    VoteType, proposal_digest, vote_digest,
};
use malachite_types::{RoundCertificateType, RoundSignature};

use crate::world::{CHAIN_ID, key};

fn signer() -> Signer {
    Signer::new(ValidatorKey::new(key(0xa0)), CHAIN_ID)
}

fn vote(kind: VoteType, round: u32, block: NilOrVal<BlockId>) -> Vote {
    Vote { kind, height: Height(7), round: Round::new(round), block, validator: signer().address() }
}

#[test]
fn a_precommit_for_a_block_is_the_commit_of_the_chain() {
    let hash = B256::repeat_byte(9);
    let precommit = vote(VoteType::Precommit, 3, NilOrVal::Val(BlockId(hash)));
    assert_eq!(vote_digest(CHAIN_ID, &precommit), commit_digest(CHAIN_ID, 7, 3, hash));
    let signed = signer().sign_vote(precommit).unwrap();
    let signature = signed.signature;
    assert_eq!(signer_of(commit_digest(CHAIN_ID, 7, 3, hash), signature.as_slice()), Some(signer().address().0));
}

#[test]
fn no_statement_can_be_taken_for_another() {
    let block = NilOrVal::Val(BlockId(B256::repeat_byte(9)));
    let zero = NilOrVal::Val(BlockId(B256::ZERO));
    let mut digests = vec![];
    for kind in [VoteType::Prevote, VoteType::Precommit] {
        for block in [block, zero, NilOrVal::Nil] {
            for round in [0, 1] {
                digests.push(vote_digest(CHAIN_ID, &vote(kind, round, block)));
            }
        }
    }
    digests.push(vote_digest(CHAIN_ID + 1, &vote(VoteType::Prevote, 0, block)));
    for valid_round in [Round::Nil, Round::new(0)] {
        let proposal = Proposal {
            height: Height(7),
            round: Round::new(1),
            block: BlockId(B256::repeat_byte(9)),
            valid_round,
            proposer: signer().address(),
        };
        digests.push(proposal_digest(CHAIN_ID, &proposal));
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn messages_come_back_from_their_bytes_and_nothing_may_follow() {
    let signed = signer().sign_vote(vote(VoteType::Prevote, 2, NilOrVal::Nil)).unwrap();
    for message in [Message::Vote(signed), Message::Status(4), Message::Request(0), Message::Transactions(vec![])] {
        let mut bytes = message.encode();
        assert_eq!(Message::decode(&bytes, CHAIN_ID).unwrap(), message);
        bytes.push(0);
        assert!(Message::decode(&bytes, CHAIN_ID).is_err());
    }
    assert!(Message::decode(&[], CHAIN_ID).is_err());
    assert!(Message::decode(&[99], CHAIN_ID).is_err());
}

#[test]
fn lists_are_counted_before_they_are_decoded() {
    let empty = |count: usize| vec![Bytes::new(); count];
    let within = Message::Transactions(empty(MAX_GOSSIP_TRANSACTIONS));
    assert_eq!(Message::decode(&within.encode(), CHAIN_ID).unwrap(), within);
    let error = Message::decode(&Message::Transactions(empty(MAX_GOSSIP_TRANSACTIONS + 1)).encode(), CHAIN_ID);
    assert!(error.unwrap_err().to_string().contains("more than 1024 transactions"));
    // A list of which only the first items are sound: nothing behind the bound is looked at.
    let mut bytes = Message::Transactions(empty(MAX_GOSSIP_TRANSACTIONS + 10)).encode();
    *bytes.last_mut().unwrap() = 0xff;
    let error = Message::decode(&bytes, CHAIN_ID).unwrap_err().to_string();
    assert!(error.contains("more than 1024 transactions"), "{error}");
}

#[test]
fn a_certificate_has_room_for_two_votes_of_each_validator_and_no_more() {
    let signed = |kind| signer().sign_vote(vote(kind, 2, NilOrVal::Val(BlockId(B256::repeat_byte(9))))).unwrap();
    let certificate = |count: usize| {
        let signatures = [VoteType::Prevote, VoteType::Precommit].into_iter().cycle().take(count).map(|kind| {
            let vote = signed(kind);
            RoundSignature::new(kind, vote.block, vote.validator, vote.signature)
        });
        Message::Round(RoundCertificate {
            height: Height(7),
            round: Round::new(2),
            cert_type: RoundCertificateType::Precommit,
            round_signatures: signatures.collect(),
        })
    };
    let fullest = certificate(2 * MAX_VALIDATORS);
    assert_eq!(Message::decode(&fullest.encode(), CHAIN_ID).unwrap(), fullest);
    let error = Message::decode(&certificate(3 * MAX_VALIDATORS).encode(), CHAIN_ID).unwrap_err().to_string();
    assert!(error.contains("a certificate of"), "{error}");
}
