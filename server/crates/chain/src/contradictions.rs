//! Contradictions of validators that this node saw, for those who report them to the contract. They are no part of the chain.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_rlp::Decodable as _;
use alloy_sol_types::{SolCall as _, SolEvent as _, sol};
use finality::Contradiction;
use redb::{ReadableTable as _, ReadableTableMetadata as _, WriteTransaction};
use shared::chain::STAKING_ADDRESS;

use crate::call::Call;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::receipt::TransactionReceipt;
use crate::store::read::Snapshot;
use crate::tables;
use crate::watch::never_over;

/// Most contradictions that a node keeps, each of another validator. Twice as many as decide one block, so that those who left
/// have room beside those who decide.
pub const MAX_CONTRADICTIONS: u64 = 256;

/// What became of a contradiction that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// It is kept now, and none of its validator was before.
    pub is_new: bool,
    /// Other contradictions of the same validator, at this height or below, are of no use any more: one is kept that the chain
    /// punishes for all of them, or it has settled them.
    pub settled_height: u64,
}

sol! {
    /// What the contract of the validators says of one; [`validatorInfoCall`] asks it.
    enum ValidatorState {
        Absent,
        Active,
        Left,
        Jailed
    }

    struct ValidatorInfo {
        address validator;
        ValidatorState state;
        uint64 basePower;
        uint64 liableFromHeight;
        uint256 ownStake;
        uint256 delegatedStake;
        uint256 unbondingStake;
        uint64 power;
    }

    function validatorInfo(address validator) external view returns (ValidatorInfo memory);

    event ValidatorAdmitted(address indexed validator, uint64 basePower);
    event ValidatorReleased(address indexed validator);
    event Slashed(address indexed validator, uint64 height, uint32 round, uint256 amount);
}

impl Chain {
    /// Keeps a contradiction that holds, until the chain has punished its validator or can punish it no more. One of a validator
    /// is enough to punish it for all that it did until then, so another of the same is not kept, and nobody takes the place of
    /// somebody else's. Where [`MAX_CONTRADICTIONS`] validators have one each, that of the lowest height makes room. What is not
    /// kept costs reads alone.
    ///
    /// # Errors
    /// A storage error, after which it is not kept and the call may be repeated.
    pub fn keep_contradiction(&self, contradiction: &Contradiction) -> Result<Keeping, ChainError> {
        let (validator, height) = (contradiction.validator, contradiction.height);
        let snapshot = self.snapshot()?;
        // The block that punishes for the one that is kept settles all heights up to its own, the next one at the least.
        let settled_by_kept = snapshot.head().number + 1;
        if snapshot.keeps_contradiction_of(validator)? {
            return Ok(Keeping { is_new: false, settled_height: settled_by_kept });
        }
        let settled_height = snapshot.settled_height(validator)?;
        if height <= settled_height {
            return Ok(Keeping { is_new: false, settled_height });
        }
        let transaction = self.begin_write()?;
        let is_new = {
            let mut kept = transaction.open_table(tables::CONTRADICTIONS)?;
            // Another thread may have kept one meanwhile.
            let (first, last) = tables::all_of_validator(validator);
            let is_new = kept.range::<&[u8; 28]>(&first..=&last)?.next().is_none();
            if is_new && kept.len()? >= MAX_CONTRADICTIONS {
                let keys = kept.iter()?.map(|entry| Ok(*entry?.0.value())).collect::<Result<Vec<_>, ChainError>>()?;
                if let Some(oldest) = keys.iter().min_by_key(|key| tables::height_of(key.as_slice())) {
                    kept.remove(oldest)?;
                }
            }
            if is_new {
                let key = tables::validator_height(validator, height);
                kept.insert(&key, alloy_rlp::encode(contradiction).as_slice())?;
            }
            is_new
        };
        transaction.commit()?;
        Ok(Keeping { is_new, settled_height: settled_by_kept })
    }
}

impl Snapshot {
    /// The contradictions that this node saw and the chain has not settled, by validator.
    ///
    /// # Errors
    /// A storage error.
    pub fn contradictions(&self) -> Result<Vec<Contradiction>, ChainError> {
        let kept = self.transaction.open_table(tables::CONTRADICTIONS)?;
        let mut contradictions = Vec::new();
        for entry in kept.iter()? {
            let (key, encoded) = entry?;
            let decoded = Contradiction::decode(&mut encoded.value());
            contradictions.push(decoded.map_err(|_| ChainError::corrupt("contradiction", key.value()))?);
        }
        Ok(contradictions)
    }

    /// Whether a contradiction of a validator is kept here. A cheap read.
    ///
    /// # Errors
    /// A storage error.
    pub fn keeps_contradiction_of(&self, validator: Address) -> Result<bool, ChainError> {
        let (first, last) = tables::all_of_validator(validator);
        let kept = self.transaction.open_table(tables::CONTRADICTIONS)?;
        Ok(kept.range::<&[u8; 28]>(&first..=&last)?.next().is_some())
    }

    /// The last height at which the contract takes no contradiction of a validator: it settles all heights up to that of the block
    /// that punishes, releases or admits. A chain without the contract settles nothing.
    fn settled_height(&self, validator: Address) -> Result<u64, ChainError> {
        const NONE: u64 = 0;
        let head = self.head().number;
        if self.state_at(head)?.code_at(STAKING_ADDRESS)?.is_empty() {
            return Ok(NONE);
        }
        let data = validatorInfoCall { validator }.abi_encode().into();
        let question = Call { to: Some(STAKING_ADDRESS), data, ..Call::default() };
        let answer = self.call(head, &question, &BTreeMap::new(), &never_over)?;
        let info = validatorInfoCall::abi_decode_returns(&answer.output)
            .map_err(|error| ChainError::InvalidCall(format!("the contract of the validators answered: {error}")))?;
        // Who is jailed or absent is liable again only from the block on after the one that releases or admits it.
        let is_liable = matches!(info.state, ValidatorState::Active | ValidatorState::Left);
        Ok(if is_liable { info.liableFromHeight.saturating_sub(1) } else { head + 1 })
    }
}

/// Drops what a block settles: the contradictions of those whom it punishes, releases or admits.
pub(crate) fn drop_settled(transaction: &WriteTransaction, receipts: &[TransactionReceipt]) -> Result<(), ChainError> {
    let settling = [Slashed::SIGNATURE_HASH, ValidatorReleased::SIGNATURE_HASH, ValidatorAdmitted::SIGNATURE_HASH];
    let logs = receipts.iter().flat_map(|receipt| &receipt.logs).filter(|log| log.address == STAKING_ADDRESS);
    for log in logs {
        let [kind, validator, ..] = log.topics() else { continue };
        if !settling.contains(kind) {
            continue;
        }
        // Nobody has contradicted itself yet at the heights after this block.
        let validator = Address::from_word(*validator);
        let (first, last) = tables::all_of_validator(validator);
        transaction.open_table(tables::CONTRADICTIONS)?.retain_in::<&[u8; 28], _>(&first..=&last, |_, _| false)?;
    }
    Ok(())
}
