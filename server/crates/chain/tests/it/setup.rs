use alloy_consensus::{TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, bytes};
use chain::{
    Application as _, Chain, CommitCertificate, DecidedBlock, Envelope, Genesis, GenesisContract, Proposal,
    ProposalRequest, SealedHeader, SignedTransaction, Snapshot, Validator, ValidatorKey, ValidatorSet,
};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;

/// Init code of a contract that writes its second call-data word to the slot its first word names, and logs the value
/// under the slot as topic.
pub(crate) const RECORDER: Bytes = bytes!("60138060093d393df36020356000358181559060005260206000a100");

/// Init code of a contract that reverts with the word `0x2a`.
pub(crate) const REVERTER: Bytes = bytes!("600a8060093d393df3602a60005260206000fd");

pub(crate) const RECORDER_ADDRESS: Address = Address::repeat_byte(0x11);
pub(crate) const REVERTER_ADDRESS: Address = Address::repeat_byte(0x22);

pub(crate) const CHAIN_ID: u64 = shared::chain::DEV_CHAIN_ID;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub(crate) fn address(seed: u8) -> Address {
    Address::from_private_key(&key(seed))
}

/// The one validator of a chain that a test does not give others.
pub(crate) fn validator() -> ValidatorKey {
    validator_key(0)
}

pub(crate) fn validator_key(index: u8) -> ValidatorKey {
    ValidatorKey::new(key(0xa0 + index))
}

/// Validators of these powers, with the keys of [`validator_key`] in this order.
pub(crate) fn validators(powers: &[u64]) -> ValidatorSet {
    let members = (0u8..).zip(powers);
    ValidatorSet::new(
        members.map(|(index, &voting_power)| Validator { address: validator_key(index).address(), voting_power }),
    )
    .unwrap()
}

/// A certificate that the validators of these indices signed.
pub(crate) fn certificate_by(signers: &[u8], height: u64, round: u32, block_hash: B256) -> CommitCertificate {
    let sign = |&index: &u8| validator_key(index).sign_commit(CHAIN_ID, height, round, block_hash).unwrap();
    CommitCertificate { height, round, block_hash, signatures: signers.iter().map(sign).collect() }
}

pub(crate) fn genesis() -> Genesis {
    Genesis::development(
        ValidatorSet::single(validator().address()),
        vec![
            GenesisContract { address: RECORDER_ADDRESS, init_code: RECORDER },
            GenesisContract { address: REVERTER_ADDRESS, init_code: REVERTER },
        ],
    )
}

pub(crate) struct TestChain {
    pub(crate) chain: Chain,
    pub(crate) directory: tempfile::TempDir,
    pub(crate) now_unix_s: u64,
}

impl TestChain {
    pub(crate) fn new() -> Self {
        Self::of(&genesis())
    }

    pub(crate) fn of(genesis: &Genesis) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let chain = Chain::open(&directory.path().join("chain.redb"), genesis).unwrap();
        Self { chain, directory, now_unix_s: chain::DEV_GENESIS_UNIX_S + 10 }
    }

    /// Closes the database and opens it again.
    pub(crate) fn reopen(self) -> Self {
        let Self { chain, directory, now_unix_s } = self;
        drop(chain);
        let chain = Chain::open(&directory.path().join("chain.redb"), &genesis()).unwrap();
        Self { chain, directory, now_unix_s }
    }

    pub(crate) fn propose(&self, candidates: Vec<SignedTransaction>) -> Proposal {
        let proposer = validator().address();
        self.chain
            .propose(ProposalRequest {
                timestamp_unix_s: self.now_unix_s,
                proposer,
                candidates,
                metering: chain::Metering::UNLIMITED,
            })
            .unwrap()
    }

    /// Makes a block of the transactions, all of which must be accepted, and commits it.
    pub(crate) fn produce(&mut self, candidates: Vec<SignedTransaction>) -> SealedHeader {
        self.now_unix_s += 1;
        let expected = candidates.len();
        let proposal = self.propose(candidates);
        assert_eq!(proposal.refused, vec![]);
        assert_eq!(proposal.executed.block().transactions.len(), expected);
        self.commit(&proposal)
    }

    pub(crate) fn commit(&self, proposal: &Proposal) -> SealedHeader {
        let header = &proposal.executed.block().header;
        let certificate = validator().decide_alone(CHAIN_ID, header.number, header.hash()).unwrap();
        self.chain.commit(&certificate).unwrap().block().header.clone()
    }

    /// The block at a height with its certificate, as a follower gets it.
    pub(crate) fn decided_at(&self, height: u64) -> DecidedBlock {
        let snapshot = self.snapshot();
        DecidedBlock {
            block: snapshot.block_at(height).unwrap().unwrap(),
            certificate: snapshot.certificate_at(height).unwrap().unwrap(),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.chain.snapshot().unwrap()
    }
}

/// A call of the recorder.
pub(crate) fn record(slot: u64, value: u64) -> Bytes {
    let mut data = U256::from(slot).to_be_bytes_vec();
    data.extend(U256::from(value).to_be_bytes_vec());
    data.into()
}

pub(crate) fn eip1559(nonce: u64, to: TxKind, input: Bytes) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1,
        to,
        value: U256::ZERO,
        access_list: Default::default(),
        input,
    }
}

pub(crate) fn legacy(nonce: u64, chain_id: Option<u64>, to: TxKind, input: Bytes) -> TxLegacy {
    TxLegacy { chain_id, nonce, gas_price: 7, gas_limit: 200_000, to, value: U256::ZERO, input }
}

pub(crate) fn eip2930(nonce: u64, to: TxKind, input: Bytes) -> TxEip2930 {
    TxEip2930 {
        chain_id: CHAIN_ID,
        nonce,
        gas_price: 0,
        gas_limit: 200_000,
        to,
        value: U256::ZERO,
        access_list: Default::default(),
        input,
    }
}

pub(crate) fn sign<T>(seed: u8, transaction: T) -> Vec<u8>
where
    T: alloy_consensus::SignableTransaction<Signature>,
    Envelope: From<alloy_consensus::Signed<T>>,
{
    let (signature, recovery) = key(seed).sign_prehash(transaction.signature_hash().as_slice()).unwrap();
    Envelope::from(transaction.into_signed(Signature::from((signature, recovery)))).encoded_2718()
}

pub(crate) fn decode(raw: &[u8]) -> SignedTransaction {
    SignedTransaction::decode(raw, CHAIN_ID).unwrap()
}

/// A signed call of the recorder.
pub(crate) fn recording(seed: u8, nonce: u64, slot: u64, value: u64) -> SignedTransaction {
    decode(&sign(seed, eip1559(nonce, TxKind::Call(RECORDER_ADDRESS), record(slot, value))))
}
