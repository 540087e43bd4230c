//! What the wallet asks a node, through its JSON-RPC.

use std::str::FromStr;
use std::time::{Duration, Instant};

use alloy_sol_types::SolCall as _;
use anyhow::{Context, Result, bail};
use clap::Args;
use contracts::AITokenMinter;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::chain::{MINTER_ADDRESS, TOKEN_ADDRESS};
use shared::{Address, B256, Bytes, U256};
use wallet::token;
use wallet::transaction::{AccessList, Fees};

use crate::cli::rpc;

/// How long a sent transaction is waited for. Blocks come within seconds.
const RECEIPT_WAIT: Duration = Duration::from_secs(30);

const RECEIPT_POLL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Node {
    /// Address of the server
    #[arg(long, env = "AITBC_URL", default_value = "http://127.0.0.1:8000")]
    url: String,
}

/// Where a transaction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Included {
    pub(in crate::cli) block_number: u64,
    pub(in crate::cli) succeeded: bool,
}

impl Node {
    /// The node of a server that is named elsewhere.
    pub(in crate::cli) fn at(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    pub(in crate::cli) fn url(&self) -> &str {
        &self.url
    }

    pub(in crate::cli) fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T> {
        rpc::call(&format!("{}/rpc", self.url.trim_end_matches('/')), method, params)
    }

    pub(in crate::cli) fn chain_id(&self) -> Result<u64> {
        self.number("eth_chainId", json!([]))
    }

    pub(in crate::cli) fn head(&self) -> Result<u64> {
        self.number("eth_blockNumber", json!([]))
    }

    /// The nonce of the account's next transaction, behind those that wait.
    pub(in crate::cli) fn next_nonce(&self, account: Address) -> Result<u64> {
        self.number("eth_getTransactionCount", json!([account, "pending"]))
    }

    pub(in crate::cli) fn balance(&self, account: Address) -> Result<Amount> {
        let balance = self.token_balance(TOKEN_ADDRESS, account)?;
        Ok(Amount::from_atto(u128::try_from(balance).ok().context("the balance is above every sum of AIT")?))
    }

    /// In the token's smallest units.
    pub(in crate::cli) fn token_balance(&self, token: Address, account: Address) -> Result<U256> {
        let call = json!([{ "to": token, "data": token::balance_of(account) }, "latest"]);
        let word: Bytes = self.call("eth_call", call)?;
        let balance = U256::try_from_be_slice(&word).filter(|_| word.len() == 32);
        balance.with_context(|| format!("{} has no token at {token}", self.url))
    }

    pub(in crate::cli) fn is_contract(&self, account: Address) -> Result<bool> {
        let code: Bytes = self.call("eth_getCode", json!([account, "latest"]))?;
        Ok(!code.is_empty())
    }

    /// Whether the account attests receipts on this chain, as hubs do.
    pub(in crate::cli) fn is_attester(&self, account: Address) -> Result<bool> {
        let data = Bytes::from(AITokenMinter::isAttesterCall { account }.abi_encode());
        let answer: Bytes = self.call("eth_call", json!([{ "to": MINTER_ADDRESS, "data": data }, "latest"]))?;
        let answer = AITokenMinter::isAttesterCall::abi_decode_returns(&answer);
        answer.with_context(|| format!("{} has no minter at {MINTER_ADDRESS}", self.url))
    }

    /// What the call would need, found by running it. It fails where the call would fail.
    pub(in crate::cli) fn gas_limit(&self, from: Address, to: Address, input: &Bytes) -> Result<u64> {
        self.gas_limit_with(from, to, input, U256::ZERO)
    }

    /// The same of a call that `value` of the chain's own coin goes with.
    pub(super) fn gas_limit_with(&self, from: Address, to: Address, input: &Bytes, value: U256) -> Result<u64> {
        let call = json!([{ "from": from, "to": to, "data": input, "value": value }]);
        let gas: u64 = self.number("eth_estimateGas", call)?;
        // The state may have changed a little when the block is made.
        Ok(gas.saturating_add(gas / 5))
    }

    /// What gas costs now, with as much again where it costs anything, as the price may rise.
    pub(in crate::cli) fn fees(&self) -> Result<Fees> {
        let price: u128 = self.number("eth_gasPrice", json!([]))?;
        if price == 0 {
            return Ok(Fees::free());
        }
        let tip: u128 = self.number("eth_maxPriorityFeePerGas", json!([]))?;
        let max_fee_per_gas = price.saturating_mul(2).max(tip);
        Ok(Fees::Market { max_fee_per_gas, max_priority_fee_per_gas: tip, access_list: AccessList::default() })
    }

    pub(in crate::cli) fn send(&self, raw: &Bytes) -> Result<B256> {
        self.call("eth_sendRawTransaction", json!([raw]))
    }

    /// Whether the node has the transaction, in a block or waiting for one.
    pub(in crate::cli) fn knows(&self, hash: B256) -> Result<bool> {
        Ok(!self.call::<Value>("eth_getTransactionByHash", json!([hash]))?.is_null())
    }

    /// The block that contains the transaction, where one does.
    pub(super) fn included(&self, hash: B256) -> Result<Option<Included>> {
        let receipt: Value = self.call("eth_getTransactionReceipt", json!([hash]))?;
        if receipt.is_null() {
            return Ok(None);
        }
        let block_number = hex_number(&receipt["blockNumber"])?;
        Ok(Some(Included { block_number, succeeded: receipt["status"] == "0x1" }))
    }

    /// Waits for the block that contains the transaction; `None` where none came in time.
    pub(in crate::cli) fn wait_for(&self, hash: B256) -> Result<Option<Included>> {
        let start = Instant::now();
        loop {
            if let Some(included) = self.included(hash)? {
                return Ok(Some(included));
            }
            if start.elapsed() > RECEIPT_WAIT {
                return Ok(None);
            }
            std::thread::sleep(RECEIPT_POLL);
        }
    }

    pub(super) fn number<T: TryFrom<U256>>(&self, method: &str, params: Value) -> Result<T> {
        hex_number(&self.call::<Value>(method, params)?).with_context(|| format!("the answer to {method}"))
    }
}

/// A number as Ethereum's JSON-RPC writes it.
pub(in crate::cli) fn hex_number<T: TryFrom<U256>>(value: &Value) -> Result<T> {
    let number = value.as_str().filter(|text| text.starts_with("0x")).and_then(|text| U256::from_str(text).ok());
    number.and_then(|number| T::try_from(number).ok()).with_context(|| format!("{value} is no number that fits"))
}

/// An address that somebody typed. A wrong digit is noticed where the address has its checksum.
pub(in crate::cli) fn parse_address(text: &str) -> Result<Address> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    let Ok(address) = text.parse::<Address>() else { bail!("an address is 0x and 40 hex digits, got `{text}`") };
    let is_mixed = digits.bytes().any(|digit| digit.is_ascii_uppercase())
        && digits.bytes().any(|digit| digit.is_ascii_lowercase());
    if digits.len() != 40 || is_mixed && address.to_checksum(None) != text {
        bail!("{text} is no address: a digit is wrong, since its checksum does not hold");
    }
    Ok(address)
}
