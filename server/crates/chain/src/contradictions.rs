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
    /// Keeps a contradiction that holds, until the chain has punished its validator or can punish it no more; whether it was
    /// kept. One of a validator is enough to punish it for all that it did until then, so another of the same is not kept, and
    /// nobody takes the place of somebody else's. Where [`MAX_CONTRADICTIONS`] validators have one each, that of the lowest height
    /// makes room.
    ///
    /// # Errors
    /// A storage error.
    pub fn keep_contradiction(&self, contradiction: &Contradiction) -> Result<bool, ChainError> {
        let (validator, height) = (contradiction.validator, contradiction.height);
        if !self.snapshot()?.is_punishable(validator, height)? {
            return Ok(false);
        }
        let transaction = self.begin_write()?;
        {
            let mut kept = transaction.open_table(tables::CONTRADICTIONS)?;
            let (first, last) = (tables::validator_height(validator, 0), tables::validator_height(validator, u64::MAX));
            if kept.range::<&[u8; 28]>(&first..=&last)?.next().is_some() {
                return Ok(false);
            }
            if kept.len()? >= MAX_CONTRADICTIONS {
                let keys = kept.iter()?.map(|entry| Ok(*entry?.0.value())).collect::<Result<Vec<_>, ChainError>>()?;
                if let Some(oldest) = keys.iter().min_by_key(|key| tables::height_of(key.as_slice())) {
                    kept.remove(oldest)?;
                }
            }
            let key = tables::validator_height(validator, height);
            kept.insert(&key, alloy_rlp::encode(contradiction).as_slice())?;
        }
        transaction.commit()?;
        Ok(true)
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

    /// Whether the contract takes a contradiction of a validator at `height`: it settles all heights before the next one when it
    /// punishes, releases or admits. A chain without the contract settles nothing.
    fn is_punishable(&self, validator: Address, height: u64) -> Result<bool, ChainError> {
        let head = self.head().number;
        if self.state_at(head)?.code_at(STAKING_ADDRESS)?.is_empty() {
            return Ok(true);
        }
        let data = validatorInfoCall { validator }.abi_encode().into();
        let question = Call { to: Some(STAKING_ADDRESS), data, ..Call::default() };
        let answer = self.call(head, &question, &BTreeMap::new(), &never_over)?;
        let info = validatorInfoCall::abi_decode_returns(&answer.output)
            .map_err(|error| ChainError::InvalidCall(format!("the contract of the validators answered: {error}")))?;
        let is_liable = matches!(info.state, ValidatorState::Active | ValidatorState::Left);
        Ok(is_liable && height >= info.liableFromHeight)
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
        let (first, last) = (tables::validator_height(validator, 0), tables::validator_height(validator, u64::MAX));
        transaction.open_table(tables::CONTRADICTIONS)?.retain_in::<&[u8; 28], _>(&first..=&last, |_, _| false)?;
    }
    Ok(())
}
