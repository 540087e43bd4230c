//! `module=account`.

use alloy_primitives::{Address, B256, U256};
use node::NodeError;
use node::chain::{CallFrame, IncludedTransaction, Place, Snapshot};
use serde_json::{Value, json};
use store::record::index::{TokenRow, TransferRow};
use store::repository::TransferFilter;

use super::parameters::{Parameters, beyond};
use super::{Answer, ROWS_MAX, Refused, Source, found, listed};

/// Addresses of one `balancemulti`.
const ADDRESSES_MAX: usize = 20;

pub(super) async fn answer(source: &Source, action: &str, parameters: &Parameters) -> Answer {
    match action {
        "balance" => {
            let address = parameters.needed("address")?;
            let balances = source.balances(vec![address]).await?;
            found(balances.first().copied().unwrap_or_default().to_string())
        }
        "balancemulti" => {
            let addresses = parameters.addresses("address", ADDRESSES_MAX)?;
            let balances = source.balances(addresses.clone()).await?.into_iter();
            let row =
                |(account, balance): (Address, U256)| json!({ "account": account, "balance": balance.to_string() });
            listed("accounts", addresses.into_iter().zip(balances).map(row).collect())
        }
        "txlist" => transactions(source, parameters).await,
        "tokentx" => transfers(source, parameters).await,
        "tokenbalance" => {
            let (token, account): (Address, Address) =
                (parameters.needed("contractaddress")?, parameters.needed("address")?);
            let balance = source.store.token_balance(token, account).await?;
            found(balance.to_string())
        }
        "tokenlist" => holdings(source, parameters).await,
        "txlistinternal" => internal_transactions(source, parameters).await,
        _ => Err(Refused::Action),
    }
}

impl Source {
    /// Wei of the native coin.
    async fn balances(&self, addresses: Vec<Address>) -> Result<Vec<U256>, Refused> {
        let balances = self.node.query(move |snapshot| {
            let state = snapshot.state_at(snapshot.head().number)?;
            let balance = |address| -> Result<U256, NodeError> {
                Ok(state.account(address)?.map_or(U256::ZERO, |account| account.balance))
            };
            addresses.into_iter().map(balance).collect()
        });
        Ok(balances.await?)
    }
}

/// The calls inside one transaction. They are in no index, so those of an address cannot be listed.
async fn internal_transactions(source: &Source, parameters: &Parameters) -> Answer {
    let Some(hash) = parameters.optional::<B256>("txhash")? else {
        return Err(Refused::Absent(
            "Internal transactions are not indexed: name one transaction by `txhash`, and its calls are found by running it",
        ));
    };
    let included = source.node.query(move |snapshot| Ok(snapshot.transaction(hash)?)).await?;
    let (Some(included), Some(root)) = (included, source.node.calls_of(hash).await?) else {
        return listed("transactions", Vec::new());
    };
    let mut rows = Vec::new();
    let mut waiting: Vec<(String, &CallFrame)> = inside("", &root);
    while let Some((trace, call)) = waiting.pop()
        && rows.len() < ROWS_MAX as usize
    {
        rows.push(internal_row(&included, &trace, call));
        waiting.extend(inside(&trace, call));
    }
    listed("transactions", rows)
}

/// The calls inside a call with their places, such as `0_2`; the first stands last.
fn inside<'a>(place: &str, call: &'a CallFrame) -> Vec<(String, &'a CallFrame)> {
    let name = |index: usize| if place.is_empty() { index.to_string() } else { format!("{place}_{index}") };
    call.calls.iter().enumerate().rev().map(|(index, inner)| (name(index), inner)).collect()
}

fn internal_row(included: &IncludedTransaction, trace: &str, call: &CallFrame) -> Value {
    let is_creation = call.typ.starts_with("CREATE");
    let target = call.to.map_or(json!(""), |to| json!(to));
    let (to, contract) = if is_creation { (json!(""), target) } else { (target, json!("")) };
    json!({
        "blockNumber": included.place.height.to_string(),
        "timeStamp": included.block_timestamp_unix_s.to_string(),
        "from": call.from,
        "to": to,
        "contractAddress": contract,
        "value": call.value.unwrap_or_default().to_string(),
        "input": "",
        "type": call.typ.to_lowercase(),
        "gas": call.gas.to_string(),
        "gasUsed": call.gas_used.to_string(),
        "traceId": trace,
        "isError": if call.error.is_some() { "1" } else { "0" },
        "errCode": call.error.clone().unwrap_or_default(),
    })
}

async fn transactions(source: &Source, parameters: &Parameters) -> Answer {
    let (skipped, page) = parameters.index_page()?;
    let rows = source.store.list_transactions_of(parameters.needed("address")?, page).await?;
    let places: Vec<Place> =
        beyond(skipped, rows).map(|row| Place { height: row.block_number, index: row.transaction.position }).collect();
    let read = source.node.query(move |snapshot: &Snapshot| {
        let head = snapshot.head().number;
        let mut rows = Vec::new();
        for place in places {
            // A place that the chain lacks is of an index that is filled again just now.
            rows.extend(snapshot.transaction_at(place)?.map(|included| transaction(&included, head)));
        }
        Ok(rows)
    });
    listed("transactions", read.await?)
}

fn transaction(included: &IncludedTransaction, head: u64) -> Value {
    let IncludedTransaction { transaction, receipt, place, .. } = included;
    let input = transaction.input();
    let method = input.first_chunk::<4>().map_or_else(|| "0x".to_owned(), alloy_primitives::hex::encode_prefixed);
    json!({
        "blockNumber": place.height.to_string(),
        "blockHash": included.block_hash,
        "timeStamp": included.block_timestamp_unix_s.to_string(),
        "hash": transaction.hash(),
        "nonce": transaction.nonce().to_string(),
        "transactionIndex": place.index.to_string(),
        "from": transaction.sender(),
        "to": transaction.to().map_or(json!(""), |to| json!(to)),
        "value": transaction.value().to_string(),
        "gas": transaction.gas_limit().to_string(),
        // Gas is free, whatever was offered.
        "gasPrice": "0",
        "gasUsed": receipt.gas_used.to_string(),
        "cumulativeGasUsed": receipt.cumulative_gas_used.to_string(),
        "isError": if receipt.success { "0" } else { "1" },
        "txreceipt_status": if receipt.success { "1" } else { "0" },
        "input": input,
        "methodId": method,
        "functionName": "",
        "contractAddress": receipt.contract_address.map_or(json!(""), |address| json!(address)),
        "confirmations": head.saturating_sub(place.height).to_string(),
    })
}

async fn transfers(source: &Source, parameters: &Parameters) -> Answer {
    let filter =
        TransferFilter { account: parameters.optional("address")?, token: parameters.optional("contractaddress")? };
    if filter.account.is_none() && filter.token.is_none() {
        return Err(Refused::Parameter("Error! Missing address or contractaddress".to_owned()));
    }
    let (skipped, page) = parameters.index_page()?;
    let rows = source.store.list_transfers(filter, page).await?;
    let rows: Vec<TransferRow> = beyond(skipped, rows).collect();
    let mut addresses: Vec<Address> = rows.iter().map(|row| row.transfer.token).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let tokens = source.store.find_tokens(&addresses).await?;
    let head = source.node.head()?.number;
    let row = |row: &TransferRow| transfer(row, tokens.iter().find(|token| token.address == row.transfer.token), head);
    listed("transactions", rows.iter().map(row).collect())
}

fn transfer(row: &TransferRow, token: Option<&TokenRow>, head: u64) -> Value {
    let text = |of: fn(&TokenRow) -> Option<String>| token.and_then(of).unwrap_or_default();
    json!({
        "blockNumber": row.block_number.to_string(),
        "timeStamp": row.at.0.to_string(),
        "hash": row.transaction_hash,
        "logIndex": row.transfer.log_index.to_string(),
        "from": row.transfer.from,
        "to": row.transfer.to,
        "value": row.transfer.amount.to_string(),
        "contractAddress": row.transfer.token,
        "tokenName": text(|token| token.name.clone()),
        "tokenSymbol": text(|token| token.symbol.clone()),
        "tokenDecimal": text(|token| token.decimals.map(|decimals| decimals.to_string())),
        "confirmations": head.saturating_sub(row.block_number).to_string(),
    })
}

async fn holdings(source: &Source, parameters: &Parameters) -> Answer {
    let rows = source.store.list_holdings(parameters.needed("address")?, None, ROWS_MAX).await?;
    let tokens = source.store.find_tokens(&rows.iter().map(|row| row.token).collect::<Vec<_>>()).await?;
    let row = |row: &store::record::index::HolderRow| {
        let token = tokens.iter().find(|token| token.address == row.token);
        let text = |of: fn(&TokenRow) -> Option<String>| token.and_then(of).unwrap_or_default();
        json!({
            "contractAddress": row.token,
            "balance": row.balance.to_string(),
            "name": text(|token| token.name.clone()),
            "symbol": text(|token| token.symbol.clone()),
            "decimals": text(|token| token.decimals.map(|decimals| decimals.to_string())),
            "type": "ERC-20",
        })
    };
    listed("tokens", rows.iter().map(row).collect())
}
