use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use finality::{ReceiptProof, prove_receipt};

use crate::error::ChainError;
use crate::store::StoredNodes;
use crate::store::read::Snapshot;
use crate::tables;
use crate::trie::{ACCOUNT_TRIE, prove};

/// Most slots one proof request names.
pub const MAX_PROVED_SLOTS: usize = 1_024;

/// Merkle proofs of an account and some of its slots against the head's state root (EIP-1186).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// The account, with empty values if it does not exist.
    pub account: TrieAccount,
    /// Nodes from the state root down.
    pub account_proof: Vec<Bytes>,
    /// For each slot asked: the slot, its value, and nodes from the account's storage root down.
    pub slots: Vec<(U256, U256, Vec<Bytes>)>,
}

impl Snapshot {
    /// Proves an account and slots at `height`.
    ///
    /// # Errors
    /// [`ChainError::ProofUnavailable`] for any height but the head, [`ChainError::LimitExceeded`], or a storage error.
    pub fn prove_account(&self, height: u64, address: Address, slots: &[U256]) -> Result<AccountProof, ChainError> {
        let head = self.head().number;
        if height != head {
            return Err(ChainError::ProofUnavailable { number: height, head });
        }
        if slots.len() > MAX_PROVED_SLOTS {
            let (limit, given) = (MAX_PROVED_SLOTS as u64, slots.len() as u64);
            return Err(ChainError::LimitExceeded { what: "slots to prove", limit, given });
        }
        let state = self.state_at(height)?;
        let nodes = StoredNodes(self.transaction.open_table(tables::TRIE)?);
        let account = state.trie_account(address)?.unwrap_or_default();
        let hashed_address: B256 = keccak256(address);
        let mut proved = Vec::with_capacity(slots.len());
        for slot in slots {
            let proof = if account.storage_root == EMPTY_ROOT_HASH {
                Vec::new()
            } else {
                prove(&nodes, hashed_address, keccak256(slot.to_be_bytes::<32>()))?
            };
            proved.push((*slot, state.slot(address, *slot)?, proof));
        }
        Ok(AccountProof { account, account_proof: prove(&nodes, ACCOUNT_TRIE, hashed_address)?, slots: proved })
    }

    /// Proves that a transaction had its receipt in a decided block. `None` while no block has it.
    ///
    /// # Errors
    /// [`ChainError::LimitExceeded`] where validators changed so often that no reader would follow, or a storage error.
    pub fn prove_receipt(&self, transaction_hash: B256) -> Result<Option<ReceiptProof>, ChainError> {
        let Some(place) = self.place_of(transaction_hash)? else { return Ok(None) };
        let missing = |what| ChainError::corrupt(what, place);
        let genesis = self.header_at(0)?.ok_or_else(|| missing("missing block 0"))?;
        let receipts = self.receipts_at(place.height)?;
        let receipts: Vec<_> = receipts.iter().map(|receipt| receipt.to_consensus().encoded_2718()).collect();
        let transaction_index = u64::from(place.index);
        let receipt_proof = prove_receipt(&receipts, transaction_index).ok_or_else(|| missing("missing receipt"))?;
        Ok(Some(ReceiptProof {
            chain_id: self.chain_id,
            genesis_header: alloy_rlp::encode(genesis.header()).into(),
            validators: self.validators_since(1)?.1.iter().collect(),
            steps: self.prove_block(place.height)?,
            transaction_index,
            receipt: receipts[place.index as usize].clone().into(),
            receipt_proof,
        }))
    }
}
