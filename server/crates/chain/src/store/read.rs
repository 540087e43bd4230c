use std::sync::Arc;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256};
use alloy_rlp::Decodable as _;
use finality::{CommitCertificate, Validator, ValidatorSet};
use redb::{ReadTransaction, ReadableTable as _};

use crate::block::{Block, SealedHeader};
use crate::decided::DecidedBlock;
use crate::error::ChainError;
use crate::receipt::TransactionReceipt;
use crate::roles::TransactionRoles;
use crate::state::StateReader;
use crate::tables::{self, Place};
use crate::transaction::SignedTransaction;

/// The chain as it was at one instant. Everything read from one snapshot belongs together, whatever is committed
/// meanwhile.
pub struct Snapshot {
    pub(crate) transaction: ReadTransaction,
    pub(crate) head: SealedHeader,
    pub(crate) chain_id: u64,
}

/// A transaction on the chain with its receipt and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludedTransaction {
    /// Height and position.
    pub place: Place,
    /// The block it is in.
    pub block_hash: B256,
    /// The block's time, in unix seconds.
    pub block_timestamp_unix_s: u64,
    /// The transaction.
    pub transaction: SignedTransaction,
    /// What executing it gave.
    pub receipt: TransactionReceipt,
}

impl Snapshot {
    pub(crate) fn new(transaction: ReadTransaction, chain_id: u64) -> Result<Self, ChainError> {
        let head = match transaction.open_table(tables::HEADERS)?.last()? {
            Some((height, encoded)) => decode_header(height.value(), encoded.value())?,
            None => return Err(ChainError::UnknownBlock("0".to_owned())),
        };
        Ok(Self { transaction, head, chain_id })
    }

    /// The last block's header.
    #[must_use]
    pub fn head(&self) -> &SealedHeader {
        &self.head
    }

    /// EIP-155 chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The first height whose state is kept: 0 unless the node keeps a part of the past, or the chain began from a snapshot here.
    ///
    /// # Errors
    /// A storage error.
    pub fn first_state_height(&self) -> Result<u64, ChainError> {
        let first = self.transaction.open_table(tables::META)?.get(tables::FIRST_STATE)?;
        Ok(first.map_or(0, |height| height.value()))
    }

    /// The height of the snapshot with which the chain began here; 0 where it began with block 0. Of the blocks before there are the
    /// last 256 headers, and the snapshot's own block has no receipts and logs here.
    ///
    /// # Errors
    /// A storage error.
    pub fn snapshot_height(&self) -> Result<u64, ChainError> {
        let height = self.transaction.open_table(tables::META)?.get(tables::SNAPSHOT_HEIGHT)?;
        Ok(height.map_or(0, |height| height.value()))
    }

    /// Refuses blocks that were before the snapshot with which the chain began here.
    fn check_block_is_kept(&self, number: u64) -> Result<(), ChainError> {
        let first = self.snapshot_height()?;
        match number > 0 && number < first {
            true => Err(ChainError::BlockUnavailable { number, first }),
            false => Ok(()),
        }
    }

    /// Refuses blocks whose receipts and logs are not here.
    pub(crate) fn check_receipts_are_kept(&self, number: u64) -> Result<(), ChainError> {
        let snapshot = self.snapshot_height()?;
        match number > 0 && number <= snapshot {
            true => Err(ChainError::BlockUnavailable { number, first: snapshot + 1 }),
            false => Ok(()),
        }
    }

    /// A block with its certificate, for others that take it; `None` above the head, for block 0, which nobody decided, and for
    /// blocks that are not kept here.
    ///
    /// # Errors
    /// A storage error.
    pub fn decided_block(&self, height: u64) -> Result<Option<DecidedBlock>, ChainError> {
        if height == 0 || height < self.snapshot_height()? {
            return Ok(None);
        }
        let (block, certificate) = (self.block_at(height)?, self.certificate_at(height)?);
        Ok(block.zip(certificate).map(|(block, certificate)| DecidedBlock { block, certificate }))
    }

    /// The header at a height; `None` above the head.
    ///
    /// # Errors
    /// [`ChainError::BlockUnavailable`] if it is not kept here, or a storage error.
    pub fn header_at(&self, height: u64) -> Result<Option<SealedHeader>, ChainError> {
        if height == self.head.number {
            return Ok(Some(self.head.clone()));
        }
        match self.transaction.open_table(tables::HEADERS)?.get(height)? {
            Some(encoded) => decode_header(height, encoded.value()).map(Some),
            None => self.check_block_is_kept(height).map(|()| None),
        }
    }

    /// The height of the block with this hash.
    ///
    /// # Errors
    /// A storage error.
    pub fn height_of(&self, block_hash: B256) -> Result<Option<u64>, ChainError> {
        Ok(self.transaction.open_table(tables::HEIGHTS)?.get(&block_hash.0)?.map(|height| height.value()))
    }

    /// The block at a height; `None` above the head.
    ///
    /// # Errors
    /// [`ChainError::BlockUnavailable`] if it is not kept here, or a storage error.
    pub fn block_at(&self, height: u64) -> Result<Option<Block>, ChainError> {
        self.check_block_is_kept(height)?;
        let Some(header) = self.header_at(height)? else { return Ok(None) };
        let mut transactions = Vec::new();
        let table = self.transaction.open_table(tables::TRANSACTIONS)?;
        let (first, last) = block_range(height);
        for entry in table.range::<&[u8; 12]>(&first..=&last)? {
            let (key, stored) = entry?;
            transactions.push(decode_transaction(key.value(), stored.value())?);
        }
        Ok(Some(Block { header, transactions }))
    }

    /// The receipts of the transactions of a block, in order.
    ///
    /// # Errors
    /// As [`Snapshot::block_at`].
    pub fn receipts_at(&self, height: u64) -> Result<Vec<TransactionReceipt>, ChainError> {
        self.check_receipts_are_kept(height)?;
        let table = self.transaction.open_table(tables::RECEIPTS)?;
        let (first, last) = block_range(height);
        let mut receipts = Vec::new();
        for entry in table.range::<&[u8; 12]>(&first..=&last)? {
            let (key, stored) = entry?;
            receipts.push(decode_receipt(key.value(), stored.value())?);
        }
        Ok(receipts)
    }

    /// The proof that a block was decided; genesis needs none.
    ///
    /// # Errors
    /// A storage error.
    pub fn certificate_at(&self, height: u64) -> Result<Option<CommitCertificate>, ChainError> {
        let encoded = self.transaction.open_table(tables::CERTIFICATES)?.get(height)?;
        encoded
            .map(|encoded| {
                CommitCertificate::decode(&mut encoded.value()).map_err(|_| ChainError::corrupt("certificate", height))
            })
            .transpose()
    }

    /// Who decides the block at `height`. The state after `height - 1` settles it, so it is known up to the block
    /// after the head.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] for block 0, which nobody decides, and for a height whose parent is not known,
    /// [`ChainError::BlockUnavailable`] before the snapshot with which the chain began here, or a storage error.
    pub fn validators_at(&self, height: u64) -> Result<Arc<ValidatorSet>, ChainError> {
        if height == 0 || height > self.head.number + 1 {
            return Err(ChainError::UnknownBlock(height.to_string()));
        }
        self.check_block_is_kept(height)?;
        let (_, set) = self.validators_since(height)?;
        Ok(Arc::new(set))
    }

    /// Those who decide the block at `height`, and from which height on they do.
    pub(crate) fn validators_since(&self, height: u64) -> Result<(u64, ValidatorSet), ChainError> {
        let sets = self.transaction.open_table(tables::VALIDATOR_SETS)?;
        let (since, encoded) = sets
            .range(..=height)?
            .next_back()
            .transpose()?
            .ok_or_else(|| ChainError::corrupt("missing validators", height))?;
        let damaged = || ChainError::corrupt("validators", since.value());
        let members = Vec::<Validator>::decode(&mut encoded.value()).map_err(|_| damaged())?;
        Ok((since.value(), ValidatorSet::new(members).map_err(|_| damaged())?))
    }

    /// How many transactions the blocks up to and including `height` hold.
    ///
    /// # Errors
    /// A storage error.
    pub fn transaction_total(&self, height: u64) -> Result<u64, ChainError> {
        let total = self.transaction.open_table(tables::TRANSACTION_TOTALS)?.get(height)?;
        Ok(total.map_or(0, |total| total.value()))
    }

    /// How many transactions the block at `height` holds; 0 above the head.
    ///
    /// # Errors
    /// [`ChainError::BlockUnavailable`] if it is not kept here, or a storage error.
    pub fn transaction_count(&self, height: u64) -> Result<u64, ChainError> {
        self.check_block_is_kept(height)?;
        let (first, last) = block_range(height);
        let table = self.transaction.open_table(tables::TRANSACTIONS)?;
        let newest = table.range::<&[u8; 12]>(&first..=&last)?.next_back().transpose()?;
        Ok(newest.map_or(0, |(key, _)| u64::from(Place::from_key(key.value()).index) + 1))
    }

    /// Where a transaction stands, if it is on the chain.
    ///
    /// # Errors
    /// A storage error.
    pub fn place_of(&self, transaction_hash: B256) -> Result<Option<Place>, ChainError> {
        let place = self.transaction.open_table(tables::PLACES)?.get(&transaction_hash.0)?;
        Ok(place.map(|key| Place::from_key(key.value())))
    }

    /// A transaction by its hash.
    ///
    /// # Errors
    /// A storage error.
    pub fn transaction(&self, transaction_hash: B256) -> Result<Option<IncludedTransaction>, ChainError> {
        match self.place_of(transaction_hash)? {
            Some(place) => self.transaction_at(place),
            None => Ok(None),
        }
    }

    /// A transaction by its place.
    ///
    /// # Errors
    /// A storage error.
    pub fn transaction_at(&self, place: Place) -> Result<Option<IncludedTransaction>, ChainError> {
        let key = place.to_key();
        let Some(stored) = self.transaction.open_table(tables::TRANSACTIONS)?.get(&key)? else { return Ok(None) };
        let transaction = decode_transaction(&key, stored.value())?;
        let receipts = self.transaction.open_table(tables::RECEIPTS)?;
        let Some(receipt) = receipts.get(&key)? else {
            self.check_receipts_are_kept(place.height)?;
            return Err(ChainError::corrupt("missing receipt", place));
        };
        let receipt = decode_receipt(&key, receipt.value())?;
        let header =
            self.header_at(place.height)?.ok_or_else(|| ChainError::corrupt("missing header", place.height))?;
        Ok(Some(IncludedTransaction {
            place,
            block_hash: header.hash(),
            block_timestamp_unix_s: header.timestamp,
            transaction,
            receipt,
        }))
    }

    /// How many bytes a transaction's receipt takes, which tells before it is read whether it is a long one.
    ///
    /// # Errors
    /// A storage error.
    pub fn receipt_bytes(&self, place: Place) -> Result<usize, ChainError> {
        let stored = self.transaction.open_table(tables::RECEIPTS)?.get(&place.to_key())?;
        Ok(stored.map_or(0, |stored| stored.value().len()))
    }

    /// Headers from the newest down, starting below `before` (or at the head), at most `limit`.
    ///
    /// # Errors
    /// A storage error.
    pub fn latest_headers(&self, before: Option<u64>, limit: usize) -> Result<Vec<SealedHeader>, ChainError> {
        let table = self.transaction.open_table(tables::HEADERS)?;
        let mut headers = Vec::new();
        let first = self.snapshot_height()?;
        for entry in table.range(first..before.unwrap_or(u64::MAX).max(first))?.rev().take(limit) {
            let (height, encoded) = entry?;
            headers.push(decode_header(height.value(), encoded.value())?);
        }
        Ok(headers)
    }

    /// Transactions from the newest down, starting below `before`, at most `limit`.
    ///
    /// # Errors
    /// A storage error.
    pub fn latest_transactions(
        &self,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<IncludedTransaction>, ChainError> {
        let table = self.transaction.open_table(tables::TRANSACTIONS)?;
        let end = before.unwrap_or(Place::LAST).to_key();
        let mut places = Vec::new();
        // The transactions of a snapshot's own block have no receipts.
        let first = Place { height: self.snapshot_height()?, index: u32::MAX }.to_key();
        for entry in table.range::<&[u8; 12]>(&first..&end.max(first))?.rev().take(limit) {
            places.push(Place::from_key(entry?.0.value()));
        }
        places.into_iter().filter_map(|place| self.transaction_at(place).transpose()).collect()
    }

    /// Transactions that concern an address, from the newest down, starting below `before`, at most `limit`.
    ///
    /// # Errors
    /// A storage error.
    pub fn address_transactions(
        &self,
        address: Address,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(TransactionRoles, IncludedTransaction)>, ChainError> {
        let table = self.transaction.open_table(tables::ADDRESS_TRANSACTIONS)?;
        let first = tables::address_place(address, Place { height: 0, index: 0 });
        let end = tables::address_place(address, before.unwrap_or(Place::LAST));
        let mut found = Vec::new();
        for entry in table.range::<&[u8; 32]>(&first..&end)?.rev().take(limit) {
            let (key, roles) = entry?;
            let Some(place) = key.value().last_chunk::<12>().map(Place::from_key) else { continue };
            if let Some(included) = self.transaction_at(place)? {
                found.push((TransactionRoles::from_bits(roles.value()), included));
            }
        }
        Ok(found)
    }

    /// The accounts after the block at `height`.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] above the head, [`ChainError::StateUnavailable`] for a state that is no longer kept, or a storage
    /// error.
    pub fn state_at(&self, height: u64) -> Result<StateReader, ChainError> {
        match height.cmp(&self.head.number) {
            core::cmp::Ordering::Equal => StateReader::at_head(&self.transaction),
            core::cmp::Ordering::Less => {
                let first = self.first_state_height()?;
                if height < first {
                    return Err(ChainError::StateUnavailable { number: height, first });
                }
                StateReader::at_height(&self.transaction, height)
            }
            core::cmp::Ordering::Greater => Err(ChainError::UnknownBlock(height.to_string())),
        }
    }
}

pub(crate) fn block_range(height: u64) -> ([u8; 12], [u8; 12]) {
    (Place { height, index: 0 }.to_key(), Place { height, index: u32::MAX }.to_key())
}

fn decode_header(height: u64, mut encoded: &[u8]) -> Result<SealedHeader, ChainError> {
    let header = Header::decode(&mut encoded).map_err(|_| ChainError::corrupt("header", height))?;
    Ok(SealedHeader::new(header))
}

fn decode_transaction(key: &[u8; 12], stored: &[u8]) -> Result<SignedTransaction, ChainError> {
    stored
        .split_first_chunk::<20>()
        .and_then(|(sender, raw)| SignedTransaction::from_stored(raw, Address::from(*sender)))
        .ok_or_else(|| ChainError::corrupt("transaction", Place::from_key(key)))
}

fn decode_receipt(key: &[u8; 12], mut stored: &[u8]) -> Result<TransactionReceipt, ChainError> {
    TransactionReceipt::decode(&mut stored).map_err(|_| ChainError::corrupt("receipt", Place::from_key(key)))
}
