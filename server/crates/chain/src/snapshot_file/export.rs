use std::io::Write;

use alloy_primitives::{Address, B256, U256};
use alloy_rlp::Decodable as _;
use alloy_trie::TrieAccount;
use redb::ReadOnlyTable;

use super::{ANCESTORS, AccountRecord, Beginning, MAGIC, Record, SLOTS_PER_RECORD, SlotRecord, VERSION};
use crate::error::ChainError;
use crate::state::StateReader;
use crate::store::read::Snapshot;
use crate::tables;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportedSnapshot {
    /// Height of the block.
    pub number: u64,
    /// Its hash.
    pub block_hash: B256,
    /// Root of its state.
    pub state_root: B256,
    /// Accounts written.
    pub accounts: u64,
    /// Slots written.
    pub slots: u64,
}

impl Snapshot {
    /// Writes the state after the block at `number` as a file from which another node can begin.
    ///
    /// # Errors
    /// [`ChainError::UnknownBlock`] for block 0, which every node makes itself, and above the head,
    /// [`ChainError::StateUnavailable`], [`ChainError::BlockUnavailable`], [`ChainError::LimitExceeded`] where validators changed so
    /// often that no reader would follow, [`ChainError::SnapshotFile`], or a storage error.
    pub fn export(&self, number: u64, out: &mut impl Write) -> Result<ExportedSnapshot, ChainError> {
        let header = match number {
            0 => None,
            number => self.header_at(number)?,
        };
        let header = header.ok_or_else(|| ChainError::UnknownBlock(number.to_string()))?;
        let codes = self.state_at(number)?;
        out.write_all(&MAGIC)?;
        out.write_all(&[VERSION])?;
        Record::Beginning(Box::new(self.beginning(number)?)).write(out)?;
        let mut written = ExportedSnapshot {
            number,
            block_hash: header.hash(),
            state_root: header.state_root,
            accounts: 0,
            slots: 0,
        };
        self.export_accounts(number, &codes, out, &mut written)?;
        Record::End.write(out)?;
        Ok(written)
    }

    fn beginning(&self, number: u64) -> Result<Beginning, ChainError> {
        let first = number.saturating_sub(ANCESTORS);
        let ancestors = (first..number).rev().map(|height| {
            let header = self.header_at(height)?.ok_or_else(|| ChainError::corrupt("missing header", height))?;
            Ok(alloy_rlp::encode(header.header()).into())
        });
        let block = self.block_at(number)?.ok_or_else(|| ChainError::UnknownBlock(number.to_string()))?;
        let genesis = self.header_at(0)?.ok_or_else(|| ChainError::corrupt("missing header", 0))?;
        Ok(Beginning {
            chain_id: self.chain_id(),
            genesis_hash: genesis.hash(),
            steps: self.prove_block(number)?,
            transactions: block.transactions.iter().map(|transaction| transaction.raw().clone()).collect(),
            next_validators: self.validators_at(number + 1)?.iter().collect(),
            ancestors: ancestors.collect::<Result<_, ChainError>>()?,
        })
    }

    /// The histories hold the last value of everything, so that the head's state is read as those before it.
    fn export_accounts(
        &self,
        number: u64,
        codes: &StateReader,
        out: &mut impl Write,
        written: &mut ExportedSnapshot,
    ) -> Result<(), ChainError> {
        let history = self.transaction.open_table(tables::ACCOUNT_HISTORY)?;
        let slots = self.transaction.open_table(tables::STORAGE_HISTORY)?;
        let mut next = tables::account_version(Address::ZERO, 0);
        while let Some((key, _)) = history.range::<&[u8; 28]>(&next..)?.next().transpose()? {
            let address = Address::from_slice(&key.value()[..20]);
            next = tables::account_version(address, u64::MAX);
            let (first, last) = (tables::account_version(address, 0), tables::account_version(address, number));
            let Some((_, encoded)) = history.range::<&[u8; 28]>(&first..=&last)?.next_back().transpose()? else {
                continue;
            };
            // Nothing is stored of an account that was removed.
            if encoded.value().is_empty() {
                continue;
            }
            let account =
                TrieAccount::decode(&mut encoded.value()).map_err(|_| ChainError::corrupt("account", address))?;
            let code = codes.code(account.code_hash)?;
            Record::Account(AccountRecord { address, account, code }).write(out)?;
            written.accounts += 1;
            written.slots += export_slots(&slots, address, number, out)?;
        }
        Ok(())
    }
}

fn export_slots(
    history: &ReadOnlyTable<&'static [u8; 60], &'static [u8; 32]>,
    address: Address,
    number: u64,
    out: &mut impl Write,
) -> Result<u64, ChainError> {
    let (mut written, mut slots) = (0, Vec::new());
    let mut next = tables::storage_version(address, U256::ZERO, 0);
    let end = tables::storage_version(address, U256::MAX, u64::MAX);
    while let Some((key, _)) = history.range::<&[u8; 60]>(&next..=&end)?.next().transpose()? {
        let slot = U256::from_be_slice(&key.value()[20..52]);
        next = tables::storage_version(address, slot, u64::MAX);
        let (first, last) = (tables::storage_version(address, slot, 0), tables::storage_version(address, slot, number));
        if let Some((_, value)) = history.range::<&[u8; 60]>(&first..=&last)?.next_back().transpose()? {
            let value = U256::from_be_bytes(*value.value());
            if !value.is_zero() {
                slots.push(SlotRecord { slot, value });
                written += 1;
            }
        }
        if slots.len() == SLOTS_PER_RECORD {
            Record::Slots(core::mem::take(&mut slots)).write(out)?;
        }
        if next == end {
            break;
        }
    }
    if !slots.is_empty() {
        Record::Slots(slots).write(out)?;
    }
    Ok(written)
}
