use alloy_consensus::{Header, Receipt, ReceiptEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Log, keccak256};
use alloy_trie::root::ordered_trie_root_encoded;
use finality::{
    CommitCertificate, ProofStep, ReceiptProof, Validator, ValidatorKey, ValidatorSet, prove_receipt, validators_hash,
};
pub(crate) use k256_key::key;

pub(crate) const CHAIN_ID: u64 = 24_822;
const HEIGHT: u64 = 9;

mod k256_key {
    use finality::ValidatorKey;

    /// The key whose number is `seed`.
    pub(crate) fn key(seed: u8) -> ValidatorKey {
        ValidatorKey::new(k256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }
}

pub(crate) fn validators(count: u8) -> ValidatorSet {
    let validator = |seed| Validator { address: key(seed).address(), voting_power: 1 };
    ValidatorSet::new((1..=count).map(validator)).unwrap()
}

/// A receipt of each kind of transaction in turn, with an event that names it.
pub(crate) fn receipt(place: u64) -> Vec<u8> {
    let data = Bytes::from(vec![7; usize::try_from(place).unwrap() % 60]);
    let log = Log::new_unchecked(Address::repeat_byte(2), vec![B256::with_last_byte(1)], data);
    let receipt =
        Receipt { status: true.into(), cumulative_gas_used: 21_000 * (place + 1), logs: vec![log] }.with_bloom();
    let envelope = match place % 3 {
        0 => ReceiptEnvelope::Legacy(receipt),
        1 => ReceiptEnvelope::Eip2930(receipt),
        _ => ReceiptEnvelope::Eip1559(receipt),
    };
    envelope.encoded_2718()
}

/// The validators of these keys and powers.
pub(crate) fn set(members: &[(u8, u64)]) -> ValidatorSet {
    let validator = |&(seed, voting_power): &(u8, u64)| Validator { address: key(seed).address(), voting_power };
    ValidatorSet::new(members.iter().map(validator)).unwrap()
}

/// A chain whose last block has receipts.
pub(crate) struct Blocks {
    /// Of block 0 and all others.
    headers: Vec<Bytes>,
    /// Those who decide the first block and all others.
    sets: Vec<ValidatorSet>,
    receipts: Vec<Vec<u8>>,
}

impl Blocks {
    /// A block for each set, and each decided by it.
    pub(crate) fn decided_by(sets: &[ValidatorSet], receipts: &[Vec<u8>]) -> Self {
        let (mut headers, mut parent_hash) = (Vec::<Bytes>::new(), B256::ZERO);
        for (number, next) in (0..).zip(sets.iter().chain(sets.last())) {
            let is_last = number == sets.len() as u64;
            let header = Header {
                number,
                parent_hash,
                extra_data: validators_hash(CHAIN_ID, next).into(),
                receipts_root: if is_last { ordered_trie_root_encoded(receipts) } else { B256::ZERO },
                ..Header::default()
            };
            let encoded = Bytes::from(alloy_rlp::encode(header));
            parent_hash = keccak256(&encoded);
            headers.push(encoded);
        }
        Self { headers, sets: sets.to_vec(), receipts: receipts.to_vec() }
    }

    /// The step to the block at this height, which `signers` signed.
    pub(crate) fn step(&self, height: u64, signers: &[u8]) -> ProofStep {
        let index = usize::try_from(height).unwrap();
        let header = self.headers[index].clone();
        let block_hash = keccak256(&header);
        let sign = |seed: &u8| key(*seed).sign_commit(CHAIN_ID, height, 0, block_hash).unwrap();
        let signatures = signers.iter().map(sign).collect();
        ProofStep {
            parent_header: self.headers[index - 1].clone(),
            validators: self.sets[index - 1].iter().collect(),
            header,
            certificate: CommitCertificate { height, round: 0, block_hash, signatures },
        }
    }

    /// The proof that takes these steps to the receipt of a transaction of the last block.
    pub(crate) fn proof(&self, steps: Vec<ProofStep>, transaction_index: u64) -> ReceiptProof {
        ReceiptProof {
            chain_id: CHAIN_ID,
            genesis_header: self.headers[0].clone(),
            validators: self.sets[0].iter().collect(),
            steps,
            transaction_index,
            receipt: self.receipts[usize::try_from(transaction_index).unwrap()].clone().into(),
            receipt_proof: prove_receipt(&self.receipts, transaction_index).unwrap(),
        }
    }
}

/// The proof of one of `receipts` in a block that `signers` of four validators decided.
pub(crate) fn proof_by(signers: &[u8], receipts: &[Vec<u8>], transaction_index: u64) -> ReceiptProof {
    let blocks = Blocks::decided_by(&vec![validators(4); usize::try_from(HEIGHT).unwrap()], receipts);
    blocks.proof(vec![blocks.step(HEIGHT, signers)], transaction_index)
}

pub(crate) fn stranger() -> ValidatorKey {
    key(99)
}
