//! What the chain has paid, by its events.

use std::collections::BTreeMap;

use alloy_sol_types::{SolCall, SolEvent};
use anyhow::{Context, Result, ensure};
use contracts::{AIToken, AITokenMinter, JobEscrow};
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::chain::{ESCROW_ADDRESS, MINTER_ADDRESS, TOKEN_ADDRESS};
use shared::log::ledger::{Paid, PaidThrough};
use shared::{Address, B256, Bytes, U256};

use crate::cli::receipt::place;
use crate::cli::rpc::call;

/// Blocks of one question, at first. A node that refuses so many is asked for half.
const BLOCKS_AT_ONCE: u64 = 10_000;

/// Payments that are kept in memory.
const PAYMENTS_MAX: usize = 20_000_000;

/// What the chain had paid at one height.
pub(super) struct OfChain {
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
        let mut read = Self { paid: BTreeMap::new(), providers: BTreeMap::new(), supply: supply(rpc)? };
        let (mut from, mut blocks) = (0, BLOCKS_AT_ONCE);
        while from <= head {
            let to = head.min(from + blocks - 1);
            match logs(rpc, from, to) {
                Ok(logs) => {
                    logs.iter().try_for_each(|log| read.take(log))?;
                    from = to + 1;
                }
                Err(_) if blocks > 1 => blocks /= 2,
                Err(error) => return Err(error),
            }
            ensure!(read.paid.len() <= PAYMENTS_MAX, "the chain paid more than {PAYMENTS_MAX} receipts");
        }
        Ok(read)
    }

    fn take(&mut self, log: &Value) -> Result<()> {
        let unreadable = || format!("an event of the contracts cannot be read: {log}");
        let topics: Vec<B256> = serde_json::from_value(log["topics"].clone()).with_context(unreadable)?;
        let data: Bytes = serde_json::from_value(log["data"].clone()).with_context(unreadable)?;
        let (transaction_hash, block_number) = place(log)?;
        let amount = |value: U256| u128::try_from(value).map(Amount::from_atto).with_context(unreadable);
        let paid = |amount, by| Paid { amount, transaction_hash, block_number, by };
        match topics.first() {
            Some(topic) if *topic == AITokenMinter::Minted::SIGNATURE_HASH => {
                let event = AITokenMinter::Minted::decode_raw_log(topics, &data).with_context(unreadable)?;
                self.paid.insert(event.receiptHash, paid(amount(event.amount)?, PaidThrough::Mint));
                self.providers.insert(event.receiptHash, event.provider);
            }
            Some(topic) if *topic == AITokenMinter::Voided::SIGNATURE_HASH => {
                let event = AITokenMinter::Voided::decode_raw_log(topics, &data).with_context(unreadable)?;
                if let Some(paid) = self.paid.get_mut(&event.receiptHash) {
                    paid.by = PaidThrough::VoidedMint;
                }
            }
            _ => {
                let event = JobEscrow::Settled::decode_raw_log(topics, &data).with_context(unreadable)?;
                self.paid.insert(event.receiptHash, paid(amount(event.paid)?, PaidThrough::Escrow));
                self.providers.insert(event.receiptHash, event.provider);
            }
        }
        Ok(())
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
