//! Several calls that a page asks for at once (EIP-5792), and what became of them.
//!
//! Accounts of this chain sign one transaction for each call, so a batch is never atomic: its owner agrees to one call after the
//! other, each by a sheet of its own. A batch whose page wants all or nothing is refused.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::time::UnixMillis;
use shared::{Address, B256, Bytes, U256};

use crate::protocol::TRANSACTION_TEXT_MAX_BYTES;
use crate::provider::ProviderError;
use crate::quantity;

#[cfg(test)]
mod tests;

/// The version of the standard's messages.
pub const VERSION: &str = "2.0.0";

/// Most calls of a batch: each is a sheet that somebody reads.
pub const CALLS_MAX: usize = 16;

/// Most batches that are remembered.
pub const BATCHES_MAX: usize = 32;

/// Most batches of one site, so that it does not push those of the others out.
pub const BATCHES_PER_SITE_MAX: usize = 8;

/// So long after its signature, a call that nobody sends any more and that the node does not have was never sent. The wallet
/// keeps no signed transaction, so it does not send it again.
pub const LOST_AFTER_MS: u64 = 600_000;

/// Longest name that a page gives a batch: 4096 bytes as hex digits.
const ID_MAX_CHARS: usize = 8_194;

/// What a page asks to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct SendCalls {
    /// The page's own name for it.
    pub id: Option<String>,
    /// The connected account where absent.
    pub from: Option<Address>,
    pub chain_id: String,
    /// Parameters of `eth_sendTransaction`, without the account.
    calls: Vec<Map<String, Value>>,
}

impl SendCalls {
    /// Reads what `wallet_sendCalls` takes.
    ///
    /// # Errors
    /// Another form, too many calls, a capability that is not optional, or a batch that must be atomic.
    pub fn parse(params: &Value) -> Result<Self, ProviderError> {
        let asked = params[0].as_object().ok_or_else(|| wrong("wallet_sendCalls takes an object"))?;
        if asked.get("version").and_then(Value::as_str) != Some(VERSION) {
            return Err(wrong(&format!("version is \"{VERSION}\"")));
        }
        let chain_id = asked.get("chainId").and_then(Value::as_str).ok_or_else(|| wrong("chainId is missing"))?;
        if quantity::parse::<U256>(chain_id).is_none() {
            return Err(wrong("chainId is a number as 0x and hex digits that fits"));
        }
        let is_atomic = asked.get("atomicRequired").and_then(Value::as_bool);
        let is_atomic = is_atomic.ok_or_else(|| wrong("atomicRequired is true or false"))?;
        let id = match asked.get("id") {
            None => None,
            Some(id) => {
                let is_id = |id: &&str| (1..=ID_MAX_CHARS).contains(&id.len());
                let id = id.as_str().filter(is_id);
                Some(id.ok_or_else(|| wrong(&format!("id is a text of 1 to {ID_MAX_CHARS} bytes")))?.to_owned())
            }
        };
        let from = asked.get("from").map(account).transpose()?;
        let calls = asked.get("calls").and_then(Value::as_array).filter(|calls| !calls.is_empty());
        let calls = calls.ok_or_else(|| wrong("calls is a list of one or more calls"))?;
        if calls.len() > CALLS_MAX {
            return Err(ProviderError::TooManyCalls { got: calls.len() });
        }
        check_capabilities(asked.get("capabilities"))?;
        let calls = calls.iter().map(|given| call(given, chain_id)).collect::<Result<_, _>>()?;
        if is_atomic {
            return Err(ProviderError::NotAtomic);
        }
        Ok(Self { id, from, chain_id: chain_id.to_owned(), calls })
    }

    /// The calls as `eth_sendTransaction` takes them. Each names the batch's chain: where the wallet's changes meanwhile, no
    /// further one is signed.
    pub fn transactions(&self, from: Address) -> Vec<String> {
        self.calls.iter().map(|call| transaction(call, from, &self.chain_id)).collect()
    }
}

fn transaction(call: &Map<String, Value>, from: Address, chain_id: &str) -> String {
    let mut transaction = call.clone();
    transaction.insert("from".to_owned(), json!(from));
    transaction.insert("chainId".to_owned(), json!(chain_id));
    Value::Object(transaction).to_string()
}

/// One call: only what the standard names, so that no page slips a nonce or a fee in. What cannot be read as a transaction is
/// refused here, before a call that comes earlier was sent.
fn call(given: &Value, chain_id: &str) -> Result<Map<String, Value>, ProviderError> {
    let given = given.as_object().ok_or_else(|| wrong("a call is an object"))?;
    check_capabilities(given.get("capabilities"))?;
    let fields = ["to", "data", "value"];
    if let Some(other) = given.keys().find(|key| !fields.contains(&key.as_str()) && *key != "capabilities") {
        return Err(wrong(&format!("a call has `to`, `data`, `value` and `capabilities`, got `{other}`")));
    }
    let given = fields.iter().filter_map(|field| given.get(*field).map(|value| ((*field).to_owned(), value.clone())));
    let call: Map<String, Value> = given.filter(|(_, value)| !value.is_null()).collect();
    // Every account is equally long, so the longest text is the same for all.
    check_transaction(&transaction(&call, Address::ZERO, chain_id))?;
    Ok(call)
}

/// Refuses what `TransactionRequest` would. A page has no such type: it makes no transactions.
fn check_transaction(text: &str) -> Result<(), ProviderError> {
    #[derive(Deserialize)]
    struct Fields {
        #[serde(rename = "to")]
        _to: Option<Address>,
        #[serde(rename = "data")]
        _data: Option<Bytes>,
        value: Option<String>,
    }

    if text.len() > TRANSACTION_TEXT_MAX_BYTES {
        let got = text.len();
        return Err(wrong(&format!("a call's text has up to {TRANSACTION_TEXT_MAX_BYTES} bytes, got {got}")));
    }
    let fields: Fields = serde_json::from_str(text).map_err(|error| wrong(&format!("this is no call: {error}")))?;
    match fields.value {
        Some(value) if quantity::parse::<U256>(&value).is_none() => {
            Err(wrong(&format!("value is a number as 0x and hex digits that fits, got `{value}`")))
        }
        _ => Ok(()),
    }
}

/// This wallet has none, so every one must be optional.
fn check_capabilities(given: Option<&Value>) -> Result<(), ProviderError> {
    let Some(given) = given.filter(|given| !given.is_null()) else { return Ok(()) };
    let given = given.as_object().ok_or_else(|| wrong("capabilities is an object"))?;
    match given.iter().find(|(_, capability)| capability["optional"] != true) {
        Some((name, _)) => Err(ProviderError::Capability(name.chars().take(80).collect())),
        None => Ok(()),
    }
}

fn wrong(detail: &str) -> ProviderError {
    ProviderError::Parameters(detail.to_owned())
}

fn account(value: &Value) -> Result<Address, ProviderError> {
    let address = value.as_str().and_then(|text| text.parse().ok());
    address.ok_or_else(|| wrong("from is an address"))
}

/// What the wallet can do on its chain, for the chains that a page asks about: all where it names none.
pub fn capabilities(chain_id: &str, asked: Option<&[String]>) -> Value {
    let wants = asked.is_none_or(|asked| asked.iter().any(|asked| asked.eq_ignore_ascii_case(chain_id)));
    if wants { json!({ chain_id: { "atomic": { "status": "unsupported" } } }) } else { json!({}) }
}

/// A batch, as far as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub id: String,
    /// Who asked. Others do not learn of it.
    pub site: String,
    pub chain_id: String,
    pub calls: usize,
    /// Of the transactions that were signed and then sent, in the order of the calls. The last one may not have arrived.
    pub hashes: Vec<B256>,
    /// When the last of them was signed.
    pub signed_at: Option<UnixMillis>,
    /// No further call is sent.
    pub is_over: bool,
}

/// The batches that are remembered, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches(VecDeque<Batch>);

impl Batches {
    /// A new one. The site's own oldest makes room. Where it has none, the oldest of a site that has most does. One that
    /// `is_sending` stays.
    ///
    /// # Errors
    /// The site has one with this name, or nothing makes room.
    pub fn add(&mut self, batch: Batch, is_sending: impl Fn(&Batch) -> bool) -> Result<(), ProviderError> {
        if self.find(&batch.site, &batch.id).is_ok() {
            return Err(ProviderError::DuplicateBatch);
        }
        let own = self.count_of(&batch.site);
        if own >= BATCHES_PER_SITE_MAX || self.0.len() >= BATCHES_MAX {
            let of_site = self.0.iter().position(|kept| kept.site == batch.site && !is_sending(kept));
            let of_others = || {
                let may_go = (0..self.0.len()).filter(|at| !is_sending(&self.0[*at]));
                // Of several that are as good, the last one is found: the oldest, from the other end.
                may_go.rev().max_by_key(|at| self.count_of(&self.0[*at].site))
            };
            let leaves = of_site.or_else(|| if own < BATCHES_PER_SITE_MAX { of_others() } else { None });
            self.0.remove(leaves.ok_or(ProviderError::TooMany)?);
        }
        self.0.push_back(batch);
        Ok(())
    }

    fn count_of(&self, site: &str) -> usize {
        self.0.iter().filter(|batch| batch.site == site).count()
    }

    /// # Errors
    /// The site has none with this name, or it was forgotten.
    pub fn find(&self, site: &str, id: &str) -> Result<&Batch, ProviderError> {
        let found = self.0.iter().find(|batch| batch.site == site && batch.id == id);
        found.ok_or(ProviderError::UnknownBatch)
    }

    /// Notes the next call's transaction, before it is sent: whatever happens to who sends it, the chain can be asked for it.
    ///
    /// # Errors
    /// The site has none with this name, or it was forgotten.
    pub fn signed(&mut self, site: &str, id: &str, hash: B256, now: UnixMillis) -> Result<(), ProviderError> {
        let found = self.0.iter_mut().find(|batch| batch.site == site && batch.id == id);
        let batch = found.ok_or(ProviderError::UnknownBatch)?;
        batch.hashes.push(hash);
        batch.signed_at = Some(now);
        Ok(())
    }

    /// Notes how far a batch came. One that was forgotten stays so.
    pub fn note(&mut self, site: &str, id: &str, hashes: &[B256], is_over: bool) {
        if let Some(batch) = self.0.iter_mut().find(|batch| batch.site == site && batch.id == id) {
            batch.hashes = hashes.to_vec();
            batch.is_over = is_over;
        }
    }

    /// Of which nothing was sent.
    pub fn remove(&mut self, site: &str, id: &str) {
        self.0.retain(|batch| batch.site != site || batch.id != id);
    }
}

/// Sends transactions one after the other.
///
/// `sign` asks the owner for one and sends it; its error says that nothing was sent, and what may have been sent counts as sent.
/// `succeeds` waits until a block contains it, so that the next sheet shows what
/// holds then, and says whether it did what it was for. `note` keeps the hashes so far.
///
/// A call that failed, or that the owner refused, is the last: what was sent before it stays sent.
///
/// # Errors
/// The first call was not sent, so nothing was.
pub async fn send<E>(
    transactions: Vec<String>,
    sign: impl AsyncFn(String) -> Result<B256, E>,
    succeeds: impl AsyncFn(B256) -> bool,
    note: impl AsyncFn(&[B256]),
) -> Result<Vec<B256>, E> {
    let mut hashes = Vec::new();
    for transaction in transactions {
        if let Some(last) = hashes.last()
            && !succeeds(*last).await
        {
            break;
        }
        match sign(transaction).await {
            Ok(hash) => hashes.push(hash),
            Err(error) if hashes.is_empty() => return Err(error),
            Err(_) => break,
        }
        note(&hashes).await;
    }
    Ok(hashes)
}

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Its sheet did not come yet, or it waits for a block.
    Waiting,
    Succeeded,
    Failed,
    NotSent,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallLine {
    pub hash: Option<B256>,
    pub state: CallState,
}

impl Batch {
    /// The last call, where the node has to be asked whether it has it: no block contains it, nobody sends it any more, and
    /// [`LOST_AFTER_MS`] passed since it was signed.
    pub fn may_be_lost(&self, receipts: &[Value], now: UnixMillis) -> Option<B256> {
        let waits = receipts.get(self.hashes.len().checked_sub(1)?).is_some_and(Value::is_null);
        let is_late = self.signed_at.is_some_and(|at| now.since_ms(at) >= LOST_AFTER_MS);
        if self.is_over && waits && is_late { self.hashes.last().copied() } else { None }
    }

    /// The node does not have the last call: it was not sent.
    pub fn lost(&mut self) {
        self.hashes.pop();
    }

    /// Each call with what became of it. `receipts` are the node's answers for the hashes, `null` where no block contains one.
    pub fn lines(&self, receipts: &[Value]) -> Vec<CallLine> {
        let line = |at: usize| match (self.hashes.get(at), receipts.get(at)) {
            (None, _) => {
                CallLine { hash: None, state: if self.is_over { CallState::NotSent } else { CallState::Waiting } }
            }
            (hash, Some(receipt)) if receipt.is_object() => {
                let succeeded = receipt["status"] == "0x1";
                CallLine {
                    hash: hash.copied(),
                    state: if succeeded { CallState::Succeeded } else { CallState::Failed },
                }
            }
            (hash, _) => CallLine { hash: hash.copied(), state: CallState::Waiting },
        };
        (0..self.calls).map(line).collect()
    }

    /// What `wallet_getCallsStatus` answers.
    pub fn status(&self, receipts: &[Value]) -> Value {
        let lines = self.lines(receipts);
        let is = |state: CallState| lines.iter().filter(|line| line.state == state).count();
        let code = match (is(CallState::Waiting), is(CallState::Succeeded)) {
            (1.., _) => 100,
            (0, succeeded) if succeeded == self.calls => 200,
            (0, 1..) => 600,
            (0, 0) if is(CallState::Failed) > 0 => 500,
            (0, 0) => 400,
        };
        let receipts: Vec<Value> = receipts.iter().filter(|receipt| receipt.is_object()).map(receipt).collect();
        json!({
            "version": VERSION, "id": self.id, "chainId": self.chain_id, "status": code, "atomic": false, "receipts": receipts,
        })
    }
}

/// What the standard shows of a receipt.
fn receipt(full: &Value) -> Value {
    let logs = full["logs"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let log = |log: &Value| json!({ "address": log["address"], "data": log["data"], "topics": log["topics"] });
    json!({
        "logs": logs.map(log).collect::<Vec<_>>(),
        "status": full["status"],
        "blockHash": full["blockHash"],
        "blockNumber": full["blockNumber"],
        "gasUsed": full["gasUsed"],
        "transactionHash": full["transactionHash"],
    })
}
