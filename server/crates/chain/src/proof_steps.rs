//! Which blocks show a reader of block 0 that a later block stands on the chain.

use alloy_rlp::Decodable as _;
use finality::{MAX_PROOF_STEPS, ProofStep, ValidatorSet};
use redb::ReadableTable as _;

use crate::error::ChainError;
use crate::store::read::Snapshot;
use crate::tables;

/// How far a reader has come.
struct Known {
    number: u64,
    validators: ValidatorSet,
}

impl Snapshot {
    /// The steps from block 0 to the block at `height`: few where most validators stayed, two for each change that replaced a third
    /// of the power or more.
    pub(crate) fn prove_block(&self, height: u64) -> Result<Vec<ProofStep>, ChainError> {
        let mut steps = self.first_steps()?;
        let mut known = match steps.last() {
            Some(step) => self.known_by(step)?,
            None => Known { number: 0, validators: self.validators_since(1)?.1 },
        };
        if height < known.number {
            self.check_receipts_are_kept(height)?;
        }
        while known.number < height {
            for step in self.next_steps(&known, height)? {
                known = self.known_by(&step)?;
                steps.push(step);
            }
            if steps.len() > MAX_PROOF_STEPS {
                let (limit, given) = (MAX_PROOF_STEPS as u64, steps.len() as u64);
                return Err(ChainError::LimitExceeded { what: "steps of a proof", limit, given });
            }
        }
        Ok(steps)
    }

    /// The steps to the snapshot with which the chain began here; none where it began with block 0.
    fn first_steps(&self) -> Result<Vec<ProofStep>, ChainError> {
        let stored = self.transaction.open_table(tables::PROOF_STEPS)?;
        let mut steps = Vec::new();
        for entry in stored.iter()? {
            let (place, encoded) = entry?;
            let step = ProofStep::decode(&mut encoded.value());
            steps.push(step.map_err(|_| ChainError::corrupt("step of a proof", place.value()))?);
        }
        Ok(steps)
    }

    fn known_by(&self, step: &ProofStep) -> Result<Known, ChainError> {
        let number = step.certificate.height;
        Ok(Known { number, validators: self.validators_since(number)?.1 })
    }

    /// A step as far towards `height` as somebody who knows `known` follows. It is looked for by halving the way to the next
    /// change, so it is not always the longest.
    fn next_steps(&self, known: &Known, height: u64) -> Result<Vec<ProofStep>, ChainError> {
        let change = self.next_change(known.number, height)?.unwrap_or(height);
        let mut target = height;
        loop {
            let step = self.step_to(target)?;
            if target == known.number + 1 || step.certificate.convinces(&known.validators) {
                return Ok(vec![step]);
            }
            if target <= change {
                // Those who are known decided the block before, which names their successors.
                return Ok(vec![self.step_to(target - 1)?, step]);
            }
            target = change + (target - change) / 2;
        }
    }

    /// The first height above `after` and up to `last` that another set decides.
    fn next_change(&self, after: u64, last: u64) -> Result<Option<u64>, ChainError> {
        // The first set changes nothing.
        let first = after.max(1) + 1;
        if first > last {
            return Ok(None);
        }
        let sets = self.transaction.open_table(tables::VALIDATOR_SETS)?;
        let next = sets.range(first..=last)?.next().transpose()?;
        Ok(next.map(|(height, _)| height.value()))
    }

    fn step_to(&self, height: u64) -> Result<ProofStep, ChainError> {
        let missing = |what| ChainError::corrupt(what, height);
        let header = self.header_at(height)?.ok_or_else(|| missing("missing header"))?;
        let parent = self.header_at(height - 1)?.ok_or_else(|| missing("missing header before"))?;
        let certificate = self.certificate_at(height)?.ok_or_else(|| missing("missing certificate"))?;
        Ok(ProofStep {
            parent_header: alloy_rlp::encode(parent.header()).into(),
            validators: self.validators_since(height)?.1.iter().collect(),
            header: alloy_rlp::encode(header.header()).into(),
            certificate,
        })
    }
}
