//! Fees on their way: from the escrow to the accounts that it names, and from the contract of the validators to those who have
//! staked. Anybody may call both, and the hub does, so that nobody has to think of it.
//!
//! The chain decides what there is to move. Where somebody else moved it, nothing is sent. The outbox tells when the hub did so
//! last, so that it keeps its period over a restart, and a transaction that was signed is sent and no second one.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall, SolInterface as _};
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow, STAKING_ADDRESS, Staking};
use hub::settlement::RefusalLasts;
use node::NodeError;
use node::chain::{Call, ChainError};
use shared::amount::Amount;
use shared::time::UnixMillis;
use shared::{Address, Bytes};
use store::change::CloseTransaction;
use store::record::{OutboxPayload, OutboxRecord, OutboxState};

use super::mint::{Estimate, Refusal};
use super::outbox::End;
use super::{Settlement, SettlementError};
use crate::clock;

/// When to look for fees next. It begins with a look at once.
#[derive(Debug, Default)]
pub(super) struct NextLook(UnixMillis);

/// What moves fees on, in the order in which they move.
#[derive(Debug, Clone, Copy)]
enum Step {
    Distribute,
    Collect,
}

impl Step {
    fn payload(self) -> OutboxPayload {
        match self {
            Self::Distribute => OutboxPayload::DistributeFees,
            Self::Collect => OutboxPayload::CollectRewards,
        }
    }

    fn call(self) -> (Address, Bytes) {
        match self {
            Self::Distribute => (JOB_ESCROW_ADDRESS, JobEscrow::distributeFeesCall {}.abi_encode().into()),
            Self::Collect => (STAKING_ADDRESS, Staking::collectRewardsCall {}.abi_encode().into()),
        }
    }
}

impl Settlement {
    /// Signs what moves fees on, where it is time to look and worth it. Returns whether there is something to send.
    pub(super) async fn queue_upkeep(&self, next: &mut NextLook) -> Result<bool, SettlementError> {
        let now = clock::now();
        if now < next.0 || self.stop.is_cancelled() {
            return Ok(false);
        }
        for step in [Step::Distribute, Step::Collect] {
            match self.queue_step(step, now).await {
                // What it moves may be what the next step waits for.
                Ok(true) => return Ok(true),
                Ok(false) => {}
                // Everything else that is to be settled goes on.
                Err(error) => tracing::error!(%error, ?step, "fees could not be moved on"),
            }
        }
        next.0 = now.plus_ms(self.upkeep.look_every_ms);
        Ok(false)
    }

    async fn queue_step(&self, step: Step, now: UnixMillis) -> Result<bool, SettlementError> {
        let payload = step.payload();
        if !self.upkeep.is_period_over(self.store.last_signed_at(payload.kind()).await?, now) {
            return Ok(false);
        }
        let amount = match step {
            Step::Distribute => self.distributable_fees().await?,
            Step::Collect => self.collectable_rewards(now).await?,
        };
        if !self.upkeep.is_worth(amount) {
            return Ok(false);
        }
        let (contract, call) = step.call();
        match self.estimate_gas(contract, &call, refusal).await? {
            Estimate::Gas(gas_limit) => {
                self.queue(payload, contract, call, gas_limit).await?;
                Ok(true)
            }
            Estimate::Refused(refusal) => {
                tracing::warn!(?step, reason = refusal.reason, "fees would not be moved on");
                Ok(false)
            }
        }
    }

    /// What `distributeFees` would pay now, as the contract itself says.
    async fn distributable_fees(&self) -> Result<Amount, SettlementError> {
        let (contract, data) = Step::Distribute.call();
        let call = Call { from: self.hub_key.address(), to: Some(contract), data, ..Call::default() };
        match self.node.call(call).await {
            Ok(outcome) => {
                let paid = JobEscrow::distributeFeesCall::abi_decode_returns(&outcome.output).unwrap_or(U256::ZERO);
                Ok(super::escrow::amount(paid))
            }
            Err(NodeError::Chain(ChainError::Reverted { .. } | ChainError::Halted(_))) => Ok(Amount::ZERO),
            Err(error) => Err(error.into()),
        }
    }

    /// What `collectRewards` would let flow now: nothing while what was collected before still flows, or nobody has stake.
    async fn collectable_rewards(&self, now: UnixMillis) -> Result<Amount, SettlementError> {
        let rewards = self.node.stake_rewards().await?;
        let collectable =
            rewards.filter(|rewards| rewards.ends_unix_s <= now.0 / 1_000 && rewards.earning_stake > Amount::ZERO);
        Ok(collectable.map_or(Amount::ZERO, |rewards| rewards.uncollected))
    }

    /// Records the end of a transaction that moved fees on.
    pub(super) async fn record_upkeep_end(&self, sent: &OutboxRecord, end: &End) -> Result<(), SettlementError> {
        let (kind, transaction) = (sent.payload.kind(), sent.transaction_hash);
        let (state, block_number) = match end {
            End::Included(included) if included.receipt.success => {
                let block = included.place.height;
                tracing::info!(kind, %transaction, block, "fees were moved on");
                (OutboxState::Included, Some(block))
            }
            End::Included(included) => {
                let reason = refusal(&included.receipt.revert_data).reason;
                tracing::warn!(kind, %transaction, reason, "fees were not moved on");
                (OutboxState::Reverted, Some(included.place.height))
            }
            End::Replaced => (OutboxState::Replaced, None),
        };
        self.store.write(CloseTransaction { outbox_id: sent.id, state, block_number }).await?;
        Ok(())
    }
}

/// What a contract says. Somebody else may have been faster, and the next look finds out.
fn refusal(output: &[u8]) -> Refusal {
    let reason = match Staking::StakingErrors::abi_decode(output) {
        Ok(error) => format!("the contract of the validators refuses: {error:?}"),
        Err(_) => format!("the contract refuses with {}", Bytes::copy_from_slice(output)),
    };
    Refusal { reason, lasts: RefusalLasts::Unknown }
}
