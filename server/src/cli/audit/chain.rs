//! What the chain has paid, by its events.

use std::collections::BTreeMap;

use alloy_sol_types::{SolCall, SolEvent};
use anyhow::{Context, Result, ensure};
use contracts::{AIToken, AITokenMinter, JobEscrow};
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::chain::{ESCROW_ADDRESS, MINTER_ADDRESS, TOKEN_ADDRESS};
use shared::log::ledger::{Ledger, Paid, PaidThrough};
use shared::{Address, B256, Bytes, U256};

use crate::cli::receipt::place;
use crate::cli::rpc::call;

/// Blocks of one question, at first. A node that refuses so many is asked for half.
const BLOCKS_AT_ONCE: u64 = 10_000;

/// Payments that are kept in memory.
const PAYMENTS_MAX: usize = 20_000_000;

/// What the chain had paid at one height.
pub(super) struct OfChain {
    /// By the receipt's hash. Nothing binds it to the other terms of a receipt, so another hub may have had something else
    /// paid with the same hash.
    payments: BTreeMap<B256, Vec<Payment>>,
    pub(super) supply: Amount,
}

/// One payment, to any miner.
struct Payment {
    provider: Address,
    /// What the receipt is worth; of a payment from the escrow with the fee.
    worth: Amount,
    paid: Paid,
}

/// What the chain had paid of the receipts in a log, each for its own miner and of its own amount. Where there is no such
/// payment, another one with the receipt's hash.
pub(super) struct PaidReceipts {
    /// By the receipt's hash.
    pub(super) paid: BTreeMap<B256, Paid>,
    /// Who got it.
    pub(super) providers: BTreeMap<B256, Address>,
    pub(super) supply: Amount,
}

impl OfChain {
    pub(super) fn read(rpc: &str, chain_id: u64) -> Result<Self> {
        let answered: String = call(rpc, "eth_chainId", json!([]))?;
        ensure!(answered == format!("{chain_id:#x}"), "the hub is on chain {chain_id}, but {rpc} serves {answered}");
        let head: String = call(rpc, "eth_blockNumber", json!([]))?;
        let head = u64::from_str_radix(head.trim_start_matches("0x"), 16).context("the head's height")?;
        let mut read = Self { payments: BTreeMap::new(), supply: supply(rpc)? };
        let (mut from, mut blocks, mut count) = (0, BLOCKS_AT_ONCE, 0);
        while from <= head {
            let to = head.min(from + blocks - 1);
            match logs(rpc, from, to) {
                Ok(logs) => {
                    logs.iter().try_for_each(|log| read.take(log))?;
                    count += logs.len();
                    from = to + 1;
                }
                Err(_) if blocks > 1 => blocks /= 2,
                Err(error) => return Err(error),
            }
            ensure!(count <= PAYMENTS_MAX, "the chain paid or voided more than {PAYMENTS_MAX} receipts");
        }
        Ok(read)
    }

    /// What of it is about the receipts of this log.
    pub(super) fn of(&self, ledger: &Ledger) -> PaidReceipts {
        let mut of = PaidReceipts { paid: BTreeMap::new(), providers: BTreeMap::new(), supply: self.supply };
        for (hash, payments) in &self.payments {
            let line = ledger.receipt(*hash);
            let is_own = |payment: &&Payment| line.is_some_and(|line| payment.is_of(line.provider, line.amount));
            if let Some(payment) = payments.iter().find(is_own).or(payments.first()) {
                of.paid.insert(*hash, payment.paid);
                of.providers.insert(*hash, payment.provider);
            }
        }
        of
    }

    fn take(&mut self, log: &Value) -> Result<()> {
        let unreadable = || format!("an event of the contracts cannot be read: {log}");
        let topics: Vec<B256> = serde_json::from_value(log["topics"].clone()).with_context(unreadable)?;
        let data: Bytes = serde_json::from_value(log["data"].clone()).with_context(unreadable)?;
        let (transaction_hash, block_number) = place(log)?;
        let amount = |value: U256| u128::try_from(value).map(Amount::from_atto).with_context(unreadable);
        let paid = |amount, by| Paid { amount, transaction_hash, block_number, by };
        let mut add = |hash, payment| self.payments.entry(hash).or_default().push(payment);
        match topics.first() {
            Some(topic) if *topic == AITokenMinter::Minted::SIGNATURE_HASH => {
                let event = AITokenMinter::Minted::decode_raw_log(topics, &data).with_context(unreadable)?;
                let worth = amount(event.amount)?;
                let paid = paid(worth, PaidThrough::Mint);
                add(event.receiptHash, Payment { provider: event.provider, worth, paid });
            }
            Some(topic) if *topic == AITokenMinter::Voided::SIGNATURE_HASH => {
                let event = AITokenMinter::Voided::decode_raw_log(topics, &data).with_context(unreadable)?;
                let worth = amount(event.amount)?;
                let mut payments = self.payments.get_mut(&event.receiptHash).into_iter().flatten();
                let minted = payments
                    .find(|payment| payment.is_of(event.provider, worth) && payment.paid.by == PaidThrough::Mint);
                if let Some(minted) = minted {
                    minted.paid.by = PaidThrough::VoidedMint;
                }
            }
            _ => {
                let event = JobEscrow::Settled::decode_raw_log(topics, &data).with_context(unreadable)?;
                let (earned, fee) = (amount(event.paid)?, amount(event.fee)?);
                let worth = earned.checked_add(fee).with_context(unreadable)?;
                let paid = paid(earned, PaidThrough::Escrow);
                add(event.receiptHash, Payment { provider: event.provider, worth, paid });
            }
        }
        Ok(())
    }
}

impl Payment {
    fn is_of(&self, provider: Address, worth: Amount) -> bool {
        (self.provider, self.worth) == (provider, worth)
    }
}

fn logs(rpc: &str, from: u64, to: u64) -> Result<Vec<Value>> {
    let events = [
        AITokenMinter::Minted::SIGNATURE_HASH,
        AITokenMinter::Voided::SIGNATURE_HASH,
        JobEscrow::Settled::SIGNATURE_HASH,
    ];
    let filter = json!([{
        "address": [MINTER_ADDRESS, ESCROW_ADDRESS], "topics": [events],
        "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}"),
    }]);
    call(rpc, "eth_getLogs", filter)
}

fn supply(rpc: &str) -> Result<Amount> {
    let data = Bytes::from(AIToken::totalSupplyCall {}.abi_encode());
    let answer: Bytes = call(rpc, "eth_call", json!([{ "to": TOKEN_ADDRESS, "data": data }, "latest"]))?;
    let supply = AIToken::totalSupplyCall::abi_decode_returns(&answer).context("the token's supply")?;
    u128::try_from(supply).map(Amount::from_atto).context("the token's supply is above every sum")
}

#[cfg(test)]
mod tests {
    use shared::amount::MicroUnits;
    use shared::id::JobId;
    use shared::job::task::TaskRole;
    use shared::log::entry::{LogEntry, LoggedReceipt};
    use shared::time::UnixSeconds;
    use shared::unit::UnitType;

    use super::*;

    const HASH: B256 = B256::repeat_byte(7);
    const MINER: Address = Address::repeat_byte(2);
    const OTHER: Address = Address::repeat_byte(3);

    fn log(event: &impl SolEvent, block: u64) -> Value {
        let data = event.encode_log_data();
        let transaction = B256::from(U256::from(block));
        let block_number = format!("{block:#x}");
        json!({"topics": data.topics(), "data": data.data, "transactionHash": transaction, "blockNumber": block_number})
    }

    fn minted(provider: Address, atto: u64, block: u64) -> Value {
        log(&AITokenMinter::Minted { provider, amount: U256::from(atto), receiptHash: HASH }, block)
    }

    fn voided(provider: Address, atto: u64) -> Value {
        let reason = "blank".to_owned();
        log(&AITokenMinter::Voided { provider, amount: U256::from(atto), receiptHash: HASH, reason }, 9)
    }

    /// A log with one receipt of 5 attoAIT, and what the chain paid for it by these events.
    fn paid(events: &[Value]) -> (Option<Paid>, Option<Address>) {
        let mut ledger = Ledger::default();
        let receipt = LoggedReceipt {
            receipt_hash: HASH,
            job_id: JobId::from_random(1),
            task_role: TaskRole::Serve,
            provider: MINER,
            client: OTHER,
            units: MicroUnits(1_000_000),
            unit_type: UnitType::Token,
            unit_price: Amount::from_atto(5),
            expires_at: UnixSeconds(9),
            chain_id: 1,
            contract: MINTER_ADDRESS,
            miner_signature: vec![1; 65].into(),
            attestations: vec![],
            attested_at: UnixSeconds(8),
        };
        ledger.count(&LogEntry::Receipt(receipt)).unwrap();
        let mut chain = OfChain { payments: BTreeMap::new(), supply: Amount::ZERO };
        events.iter().try_for_each(|event| chain.take(event)).unwrap();
        let of = chain.of(&ledger);
        (of.paid.get(&HASH).copied(), of.providers.get(&HASH).copied())
    }

    #[test]
    fn a_payment_with_the_hash_for_somebody_else_is_not_the_receipts() {
        assert_eq!(paid(&[]), (None, None));
        let others = [minted(OTHER, 5, 1), minted(MINER, 4, 2), voided(OTHER, 5)];
        for place in 0..=others.len() {
            let mut events = others.to_vec();
            events.insert(place, minted(MINER, 5, 3));
            let (paid, provider) = paid(&events);
            let paid = paid.unwrap();
            assert_eq!((provider, paid.block_number, paid.by), (Some(MINER), 3, PaidThrough::Mint), "{place}");
        }
        let (taken_back, _) = paid(&[minted(OTHER, 5, 1), minted(MINER, 5, 3), voided(MINER, 5)]);
        assert_eq!(taken_back.unwrap().by, PaidThrough::VoidedMint);
        let (_, provider) = paid(&[minted(OTHER, 5, 1)]);
        assert_eq!(provider, Some(OTHER), "it is told who got it instead");
    }

    #[test]
    fn what_the_escrow_paid_is_the_receipts_with_its_fee() {
        let settled = JobEscrow::Settled {
            receiptHash: HASH,
            provider: MINER,
            client: OTHER,
            jobId: [1; 16].into(),
            paid: U256::from(4),
            fee: U256::from(1),
        };
        let (found, _) = paid(&[minted(MINER, 4, 1), log(&settled, 2)]);
        let found = found.unwrap();
        assert_eq!((found.by, found.amount, found.block_number), (PaidThrough::Escrow, Amount::from_atto(4), 2));
    }
}
