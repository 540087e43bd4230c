//! Trades of the exchange, settled in batches, and withdrawals behind them, by the same outbox.
//!
//! ```text
//! matched trades, by the order of matching ─► simulate ─► settle ─► block ─► the desk reads it: final
//!                                               └─ refused for good: alone, then void
//! ```
//! The contract's number of the last trade says what has settled, so a batch that is sent twice changes nothing.

use std::collections::BTreeMap;

use alloy_sol_types::{SolCall, SolInterface};
use contracts::ExchangeSettlement::ExchangeSettlementErrors as Errors;
use contracts::{EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, MAX_BATCH_FILLS, WALLET_GAS};
use exchange::OrderId;
use hub::settlement::RefusalLasts;
use node::ExchangeReader;
use shared::exchange::{ExchangeOrder, SignedByTrader};
use shared::{Address, Bytes};
use store::change::CloseTransaction;
use store::record::exchange::{TradeRecord, WithdrawalRecord};
use store::record::{OutboxPayload, OutboxRecord, OutboxState};
use trading::{PendingTrade, next_batch};

use super::mint::{Estimate, Refusal};
use super::outbox::End;
use super::{Settlement, SettlementError};
use crate::exchange::{ExchangeError, ExchangeHandle};

/// Trades that are looked at for one batch.
const LOOKED_AT: u64 = MAX_BATCH_FILLS as u64;

impl Settlement {
    /// Signs the next batch of trades, or the next withdrawal where no trade was matched before it. Returns whether there
    /// is something to send.
    pub(super) async fn queue_exchange(&self) -> Result<bool, SettlementError> {
        let Some(exchange) = self.exchange.clone() else { return Ok(false) };
        while !self.stop.is_cancelled() {
            // The withdrawal first: every trade before it is stored then.
            let withdrawal = self.store.find_withdrawal_to_pay().await?;
            let trades = self.store.list_trades_to_settle(LOOKED_AT).await?;
            let done = match (trades.first(), withdrawal) {
                (Some(trade), Some(withdrawal)) if withdrawal.sequence < trade.sequence => {
                    self.queue_withdrawal(&exchange, &withdrawal).await?
                }
                (Some(_), _) => self.queue_trades(&exchange, &trades).await?,
                (None, Some(withdrawal)) => self.queue_withdrawal(&exchange, &withdrawal).await?,
                (None, None) => Done::Nothing,
            };
            match done {
                Done::Queued => return Ok(true),
                Done::Nothing => return Ok(false),
                // The next ones may go.
                Done::Ended => {}
            }
        }
        Ok(false)
    }

    async fn queue_trades(&self, exchange: &ExchangeHandle, trades: &[TradeRecord]) -> Result<Done, SettlementError> {
        let Some(market) = trades.first().map(|trade| trade.market) else { return Ok(Done::Nothing) };
        let snapshot = self.node.snapshot()?;
        let reader = ExchangeReader::at(&snapshot, snapshot.head().number);
        let settled = reader.market(market)?.lastTrade;
        drop(snapshot);
        // Trades of another market in between may have brought what these need.
        let run = trades.iter().take_while(|trade| trade.market == market);
        let run: Vec<&TradeRecord> = run.filter(|trade| trade.trade > settled).collect();
        let orders = self.signed_orders(&run).await?;
        let listing = exchange.listing();
        let Some(listed) = listing.market(market) else { return Ok(Done::Nothing) };
        let pending: Vec<PendingTrade> =
            run.iter().map(|trade| crate::exchange::views::matched(trade).pending(&listed.market.rules)).collect();
        let mut size = pending.len();
        while size > 0 {
            let some = &pending[..size];
            let Some((call, taken)) = next_batch(market, some, |order| orders.get(&order)).map_err(unknown)? else {
                return Ok(Done::Nothing);
            };
            let input: Bytes = call.abi_encode().into();
            match self.estimate_gas(EXCHANGE_SETTLEMENT_ADDRESS, &input, refusal).await? {
                Estimate::Gas(gas_limit) => {
                    let (first_trade, trades) = (some[0].trade, taken as u64);
                    let payload = OutboxPayload::SettleTrades { market, first_trade, trades };
                    self.queue(payload, EXCHANGE_SETTLEMENT_ADDRESS, input, gas_limit).await?;
                    self.metrics.exchange_batches.inc();
                    return Ok(Done::Queued);
                }
                Estimate::Refused(refusal) if taken > 1 => {
                    tracing::warn!(market, taken, reason = refusal.reason, "a batch of trades would be refused");
                    size = taken / 2;
                }
                Estimate::Refused(refusal) => return self.end_trade(exchange, some[0].trade, market, refusal).await,
            }
        }
        // The chain has all of them, and the desk will read so soon.
        Ok(Done::Nothing)
    }

    /// What traders signed for these trades.
    async fn signed_orders(
        &self,
        trades: &[&TradeRecord],
    ) -> Result<BTreeMap<OrderId, SignedByTrader<ExchangeOrder>>, SettlementError> {
        let ids: Vec<u64> = trades.iter().flat_map(|trade| [trade.maker.order, trade.taker.order]).collect();
        let orders = self.store.list_exchange_orders_by_id(&ids).await?;
        Ok(orders.into_iter().map(|order| (OrderId(order.id), order.signed)).collect())
    }

    /// One trade that the contract refuses. All that were matched before have ended, so its refusal is the trade's own.
    async fn end_trade(
        &self,
        exchange: &ExchangeHandle,
        trade: u64,
        market: u16,
        refusal: Refusal,
    ) -> Result<Done, SettlementError> {
        if refusal.lasts != RefusalLasts::ForEver {
            tracing::warn!(market, trade, reason = refusal.reason, "a trade waits");
            return Ok(Done::Nothing);
        }
        tracing::warn!(market, trade, reason = refusal.reason, "a trade is void");
        if let Err(error) = exchange.void_trade(market, trade, refusal.reason).await {
            return Ok(unheard(&error));
        }
        self.metrics.exchange_trades_void.inc();
        Ok(Done::Ended)
    }

    async fn queue_withdrawal(
        &self,
        exchange: &ExchangeHandle,
        record: &WithdrawalRecord,
    ) -> Result<Done, SettlementError> {
        let signed = &record.signed.signed;
        let call = ExchangeSettlement::withdrawCall {
            withdrawal: ExchangeSettlement::Withdrawal {
                trader: signed.trader,
                asset: signed.asset,
                amount: signed.amount.0,
                expiresAt: signed.expires_at.0,
                nonce: signed.nonce,
            },
            signature: record.signed.signature.clone(),
        };
        let input: Bytes = call.abi_encode().into();
        match self.estimate_gas(EXCHANGE_SETTLEMENT_ADDRESS, &input, refusal).await? {
            Estimate::Gas(gas) => {
                let payload = OutboxPayload::Withdraw { trader: signed.trader, nonce: signed.nonce };
                // The trader may be a contract.
                let gas_limit = gas.saturating_add(WALLET_GAS);
                self.queue(payload, EXCHANGE_SETTLEMENT_ADDRESS, input, gas_limit).await?;
                Ok(Done::Queued)
            }
            // Paid already: the desk will read so soon.
            Estimate::Refused(_) if self.is_paid(record)? => Ok(Done::Nothing),
            Estimate::Refused(refusal) if refusal.lasts == RefusalLasts::ForEver => {
                let (trader, nonce) = (signed.trader, signed.nonce);
                tracing::warn!(%trader, nonce, reason = refusal.reason, "a withdrawal is refused");
                let heard = exchange.refuse_withdrawal(trader, nonce, refusal.reason).await;
                Ok(heard.map_or_else(|error| unheard(&error), |()| Done::Ended))
            }
            Estimate::Refused(refusal) => {
                tracing::warn!(reason = refusal.reason, "a withdrawal waits");
                Ok(Done::Nothing)
            }
        }
    }

    /// Whether a block has a withdrawal, by whatever transaction. The desk took no order with its nonce, and the withdrawal
    /// only where the contract had not seen the nonce.
    fn is_paid(&self, record: &WithdrawalRecord) -> Result<bool, SettlementError> {
        let (snapshot, signed) = (self.node.snapshot()?, &record.signed.signed);
        Ok(ExchangeReader::at(&snapshot, snapshot.head().number).is_nonce_used(signed.trader, signed.nonce)?)
    }

    /// The chain refused a withdrawal that its simulation took. Sent again, it might be refused for ever.
    async fn after_refused_withdrawal(
        &self,
        trader: Address,
        nonce: u64,
        refusal: Refusal,
    ) -> Result<(), SettlementError> {
        let (Some(exchange), RefusalLasts::ForEver) = (&self.exchange, refusal.lasts) else { return Ok(()) };
        let Some(record) = self.store.find_withdrawal(trader, nonce).await? else { return Ok(()) };
        if !self.is_paid(&record)?
            && let Err(error) = exchange.refuse_withdrawal(trader, nonce, refusal.reason).await
        {
            unheard(&error);
        }
        Ok(())
    }

    /// A transaction of the exchange has ended. What it did is read from the block's events.
    pub(super) async fn record_exchange_end(&self, sent: &OutboxRecord, end: &End) -> Result<(), SettlementError> {
        let (state, block_number) = match end {
            End::Included(included) if included.receipt.success => (OutboxState::Included, Some(included.place.height)),
            End::Included(included) => {
                let refusal = refusal(&included.receipt.revert_data);
                let reason = &refusal.reason;
                tracing::warn!(transaction = %sent.transaction_hash, reason, "a transaction of the exchange was refused");
                // A batch is simulated again, where the contract now refuses what it refused in the block.
                if let OutboxPayload::Withdraw { trader, nonce } = sent.payload {
                    self.after_refused_withdrawal(trader, nonce, refusal).await?;
                }
                (OutboxState::Reverted, Some(included.place.height))
            }
            End::Replaced => (OutboxState::Replaced, None),
        };
        self.store.write(CloseTransaction { outbox_id: sent.id, state, block_number }).await?;
        Ok(())
    }
}

/// What became of a look at what waits.
enum Done {
    Queued,
    Ended,
    Nothing,
}

/// A desk that takes nothing now holds up its own trades and withdrawals, and not what else is settled. They come again.
fn unheard(error: &ExchangeError) -> Done {
    tracing::warn!(%error, "the desk does not hear what the chain refused");
    Done::Nothing
}

fn unknown(error: trading::BatchError) -> SettlementError {
    SettlementError::Trades(error)
}

/// What the exchange's contract says.
fn refusal(output: &[u8]) -> Refusal {
    let error = Errors::abi_decode(output);
    let lasts = match &error {
        Ok(Errors::EnforcedPause(_) | Errors::AccessControlUnauthorizedAccount(_)) => RefusalLasts::ForATime,
        // What was signed, or what the trader has, does not change any more while it is the oldest that waits.
        Ok(
            Errors::OrderExpired(_)
            | Errors::OrderEpochOver(_)
            | Errors::TraderExited(_)
            | Errors::NonceAlreadyUsed(_)
            | Errors::InvalidSignature(_)
            | Errors::DelegationOver(_)
            | Errors::SelfTrade(_)
            | Errors::SameSide(_)
            | Errors::PostOnlyTakes(_)
            | Errors::EmptyFill(_)
            | Errors::PriceOutsideLimit(_)
            | Errors::FeeAboveOrder(_)
            | Errors::OrderOverfilled(_)
            | Errors::InsufficientBalance(_)
            | Errors::WithdrawalExpired(_),
        ) => RefusalLasts::ForEver,
        _ => RefusalLasts::Unknown,
    };
    Refusal { reason: in_words(error.ok(), output), lasts }
}

fn in_words(error: Option<Errors>, output: &[u8]) -> String {
    match error {
        Some(Errors::OrderExpired(error)) => {
            format!("an order expired at {} (Unix seconds), and it is {}", error.expiresAt, error.timestamp)
        }
        Some(Errors::OrderEpochOver(error)) => {
            format!("an order is of epoch {}, and its trader's is {}", error.epoch, error.traderEpoch)
        }
        Some(Errors::TraderExited(error)) => {
            format!("the trader {} has left, from {} (Unix seconds) on", error.trader, error.exitAt)
        }
        Some(Errors::InsufficientBalance(error)) => format!(
            "{} has {} units of {} in the contract, and {} are needed",
            error.trader, error.available, error.asset, error.needed
        ),
        Some(Errors::DelegationOver(error)) => format!(
            "the key {} that signed an order may sign for its trader until {} (Unix seconds), and it is {}",
            error.delegate, error.expiresAt, error.timestamp
        ),
        Some(Errors::InvalidSignature(error)) => {
            format!("what was signed does not count for the trader {}, or not any more", error.trader)
        }
        Some(Errors::NonceAlreadyUsed(error)) => {
            format!("the nonce {} of {} is used up", error.nonce, error.trader)
        }
        Some(Errors::WithdrawalExpired(error)) => {
            format!("the withdrawal expired at {} (Unix seconds), and it is {}", error.expiresAt, error.timestamp)
        }
        Some(Errors::EnforcedPause(_)) => "the exchange's contract is paused".to_owned(),
        Some(error) => format!("the exchange's contract refuses: {error:?}"),
        None => format!("the exchange's contract refuses with {}", Bytes::copy_from_slice(output)),
    }
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolError;
    use shared::B256;

    use super::*;

    #[test]
    fn a_pause_passes_and_a_trader_that_left_does_not_come_back() {
        let over = ExchangeSettlement::DelegationOver {
            digest: B256::ZERO,
            delegate: Address::ZERO,
            expiresAt: alloy_primitives::U256::from(5),
            timestamp: alloy_primitives::U256::from(6),
        };
        assert_eq!(refusal(&over.abi_encode()).lasts, RefusalLasts::ForEver);
        let left = ExchangeSettlement::TraderExited { trader: Address::ZERO, exitAt: alloy_primitives::U256::from(5) };
        assert_eq!(refusal(&left.abi_encode()).lasts, RefusalLasts::ForEver);
        assert_eq!(refusal(&ExchangeSettlement::EnforcedPause {}.abi_encode()).lasts, RefusalLasts::ForATime);
        let settled = ExchangeSettlement::TradeAlreadySettled { firstTrade: 3, lastTrade: 9 };
        assert_eq!(refusal(&settled.abi_encode()).lasts, RefusalLasts::Unknown, "a trade that settled is not void");
        assert_eq!(refusal(&[1]).lasts, RefusalLasts::Unknown);
    }
}
