//! Several calls that a page asks for at once (EIP-5792), and what became of them.
//!
//! Accounts of this chain sign one transaction for each call, so a batch is never atomic: its owner agrees to one call after the
//! other, each by a sheet of its own. A batch whose page wants all or nothing is refused.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{Address, B256, Bytes, U256};

use crate::protocol::TRANSACTION_TEXT_MAX_BYTES;
use crate::provider::ProviderError;
use crate::quantity;

/// The version of the standard's messages.
pub const VERSION: &str = "2.0.0";

/// Most calls of a batch: each is a sheet that somebody reads.
pub const CALLS_MAX: usize = 16;

/// Most batches that are remembered.
pub const BATCHES_MAX: usize = 32;

/// Most batches of one site, so that it does not push those of the others out.
pub const BATCHES_PER_SITE_MAX: usize = 8;

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
    pub fn signed(&mut self, site: &str, id: &str, hash: B256) -> Result<(), ProviderError> {
        let found = self.0.iter_mut().find(|batch| batch.site == site && batch.id == id);
        found.ok_or(ProviderError::UnknownBatch)?.hashes.push(hash);
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const ME: Address = Address::repeat_byte(0x11);

    fn asked(change: impl FnOnce(&mut Value)) -> Result<SendCalls, ProviderError> {
        let calls = json!([{"to": ME, "data": "0x01"}, {"to": ME, "value": "0x2", "data": null}]);
        let mut asked =
            json!({"version": "2.0.0", "chainId": "0x60f6", "atomicRequired": false, "from": ME, "calls": calls});
        change(&mut asked);
        SendCalls::parse(&json!([asked]))
    }

    fn code(change: impl FnOnce(&mut Value)) -> i64 {
        asked(change).unwrap_err().code()
    }

    #[test]
    fn a_batch_is_its_calls_in_order_and_nothing_of_the_page_besides() {
        let sent = asked(|_| ()).unwrap();
        assert_eq!((sent.from, sent.id.as_deref(), sent.chain_id.as_str()), (Some(ME), None, "0x60f6"));
        let transactions: Vec<Value> =
            sent.transactions(ME).iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(
            transactions,
            [
                json!({"chainId": "0x60f6", "from": ME, "to": ME, "data": "0x01"}),
                json!({"chainId": "0x60f6", "from": ME, "to": ME, "value": "0x2"}),
            ]
        );
        assert_eq!(code(|asked| asked["chainId"] = json!("the shop's")), -32_602, "no sheet could say it");
        assert_eq!(code(|asked| asked["calls"][0]["nonce"] = json!("0x7")), -32_602);
        assert_eq!(code(|asked| asked["calls"][0]["from"] = json!(ME)), -32_602);
        assert_eq!(asked(|asked| asked["id"] = json!("mine")).unwrap().id.as_deref(), Some("mine"));
    }

    #[test]
    fn what_the_wallet_cannot_do_is_refused_with_the_codes_of_the_standard() {
        assert_eq!(code(|asked| asked["atomicRequired"] = json!(true)), 5760);
        assert_eq!(code(|asked| asked["calls"] = Value::Array(vec![json!({"to": ME}); CALLS_MAX + 1])), 5740);
        assert_eq!(code(|asked| asked["capabilities"] = json!({"paymasterService": {"url": "x"}})), 5700);
        assert_eq!(code(|asked| asked["calls"][1]["capabilities"] = json!({"x": {"optional": false}})), 5700);
        assert!(asked(|asked| asked["capabilities"] = json!({"x": {"optional": true}})).is_ok());
        for (field, value) in [
            ("version", json!("1.0")),
            ("chainId", json!(24_822)),
            ("atomicRequired", json!(null)),
            ("calls", json!([])),
            ("calls", json!([7])),
            ("from", json!("me")),
            ("id", json!("")),
            ("id", json!(7)),
            ("id", json!("x".repeat(ID_MAX_CHARS + 1))),
            ("capabilities", json!([])),
        ] {
            assert_eq!(code(|asked| asked[field] = value.clone()), -32_602, "{field}: {value}");
        }
        assert!(SendCalls::parse(&json!([])).is_err());
        let unsupported = json!({"0x60f6": {"atomic": {"status": "unsupported"}}});
        assert_eq!(capabilities("0x60f6", None), unsupported);
        assert_eq!(capabilities("0x60f6", Some(&["0x1".to_owned(), "0x60F6".to_owned()])), unsupported);
        assert_eq!(capabilities("0x60f6", Some(&["0x1".to_owned()])), json!({}));
    }

    /// Otherwise the calls before it would be sent, and it would be refused at its sheet.
    #[cfg(feature = "keys")]
    #[test]
    fn a_call_that_makes_no_transaction_is_refused_with_the_whole_batch() {
        use crate::transaction_request::TransactionRequest;

        let most = TRANSACTION_TEXT_MAX_BYTES - transaction(&Map::new(), ME, "0x60f6").len() - r#""data":"0x","#.len();
        let data = |bytes: usize| json!({ "data": format!("0x{}", "00".repeat(bytes)) });
        for (call, is_good) in [
            (json!({}), true),
            (json!({"to": null, "value": null, "data": null}), true),
            (json!({"to": ME, "value": "0x0", "data": "0x"}), true),
            (json!({"to": ME, "value": format!("0x{}", "f".repeat(64))}), true),
            (data(most / 2), true),
            (data(most / 2 + 1), false),
            (json!({"to": "nobody"}), false),
            (json!({"to": "0x"}), false),
            (json!({"to": 7}), false),
            (json!({"value": 7}), false),
            (json!({"value": "7"}), false),
            (json!({"value": "0x"}), false),
            (json!({"value": "0x-1"}), false),
            (json!({"value": format!("0x1{}", "0".repeat(64))}), false),
            (json!({"data": "0x1"}), false),
            (json!({"data": "01020"}), false),
            (json!({"data": [1]}), false),
            (json!({"data": ["x"]}), false),
        ] {
            let shown: String = call.to_string().chars().take(80).collect();
            let read = asked(|asked| asked["calls"] = json!([{"to": ME}, call]));
            let fields = call.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
            let fields: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            let made = TransactionRequest::parse(&transaction(&fields, ME, "0x60f6")).is_ok();
            assert_eq!(read.is_ok(), made, "another answer than at the sheet: {shown}");
            // Bytes as a list of numbers are read, though nobody writes them so.
            assert!(made == is_good || call["data"].is_array(), "{shown}");
            assert!(read.is_ok() || read.unwrap_err().code() == -32_602, "{shown}");
        }
    }

    fn batch(site: &str, id: &str) -> Batch {
        let (site, id, chain_id) = (site.to_owned(), id.to_owned(), "0x60f6".to_owned());
        Batch { id, site, chain_id, calls: 2, hashes: vec![], is_over: false }
    }

    #[test]
    fn a_batch_is_known_to_its_site_by_one_name() {
        let mut batches = Batches::default();
        batches.add(batch("https://a.example", "1"), |_| false).unwrap();
        assert_eq!(batches.add(batch("https://a.example", "1"), |_| false).unwrap_err().code(), 5720);
        batches.add(batch("https://b.example", "1"), |_| false).unwrap();
        assert_eq!(batches.find("https://a.example", "2").unwrap_err().code(), 5730);
        batches.note("https://a.example", "1", &[B256::ZERO], true);
        assert!(batches.find("https://a.example", "1").unwrap().is_over);
        assert!(!batches.find("https://b.example", "1").unwrap().is_over, "another site's was changed");
        batches.remove("https://b.example", "1");
        assert!(batches.find("https://b.example", "1").is_err() && batches.find("https://a.example", "1").is_ok());
        let text = serde_json::to_string(&batches).unwrap();
        assert_eq!(serde_json::from_str::<Batches>(&text).unwrap(), batches);
    }

    #[test]
    fn a_site_makes_room_among_its_own_batches_and_none_that_is_being_sent_leaves() {
        let mut batches = Batches::default();
        batches.add(batch("https://a.example", "1"), |_| false).unwrap();
        for number in 0..=BATCHES_MAX {
            batches.add(batch("https://b.example", &number.to_string()), |_| false).unwrap();
        }
        assert!(batches.find("https://a.example", "1").is_ok(), "a site pushed another one's out");
        let oldest = (1 + BATCHES_MAX - BATCHES_PER_SITE_MAX).to_string();
        assert_eq!(batches.count_of("https://b.example"), BATCHES_PER_SITE_MAX);
        batches.add(batch("https://b.example", "new"), |kept| kept.id == oldest).unwrap();
        assert!(batches.find("https://b.example", &oldest).is_ok(), "it was being sent");
        assert_eq!(batches.add(batch("https://b.example", "newer"), |_| true), Err(ProviderError::TooMany));
        assert!(
            batches.find("https://b.example", "new").is_ok() && batches.find("https://b.example", "newer").is_err()
        );

        // All places are taken: who has most gives one, and only where the site has none itself.
        for site in 0..BATCHES_MAX - 1 - BATCHES_PER_SITE_MAX {
            batches.add(batch(&format!("https://{site}.example"), "1"), |_| false).unwrap();
        }
        assert_eq!(batches.0.len(), BATCHES_MAX);
        batches.add(batch("https://late.example", "1"), |_| false).unwrap();
        assert_eq!(batches.count_of("https://b.example"), BATCHES_PER_SITE_MAX - 1);
        assert!(batches.find("https://b.example", &oldest).is_err(), "the oldest of who has most makes room");
        batches.add(batch("https://late.example", "2"), |_| false).unwrap();
        assert!(batches.find("https://late.example", "1").is_err() && batches.find("https://a.example", "1").is_ok());
        assert_eq!(batches.add(batch("https://later.example", "1"), |_| true), Err(ProviderError::TooMany));
        assert_eq!(batches.0.len(), BATCHES_MAX);
    }

    #[test]
    fn a_call_that_was_signed_is_never_called_not_sent() {
        let (site, hash) = ("https://a.example", B256::repeat_byte(1));
        let status = |batches: &Batches, receipts: &[Value]| {
            // The program that sent it is gone, or does not know whether it arrived.
            let over = Batch { is_over: true, ..batches.find(site, "1").unwrap().clone() };
            (over.status(receipts)["status"].as_u64().unwrap(), over.lines(receipts)[0].state)
        };
        let mut batches = Batches::default();
        batches.add(batch(site, "1"), |_| false).unwrap();
        assert_eq!(status(&batches, &[]), (400, CallState::NotSent), "nothing was signed");
        batches.signed(site, "1", hash).unwrap();
        assert_eq!(status(&batches, &[Value::Null]), (100, CallState::Waiting), "it may be in the next block");
        assert_eq!(status(&batches, &[json!({"status": "0x1"})]), (600, CallState::Succeeded));
        batches.note(site, "1", &[hash], true);
        assert_eq!(batches.find(site, "1").unwrap().hashes, [hash], "it was noted twice");
        assert_eq!(batches.signed("https://b.example", "1", hash), Err(ProviderError::UnknownBatch));
        // The node has it not, and says so: only then nothing was sent.
        batches.note(site, "1", &[], true);
        assert_eq!(status(&batches, &[]), (400, CallState::NotSent));
    }

    #[test]
    fn the_status_says_what_the_chain_says() {
        let hashes = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
        let status = |hashes: &[B256], is_over, receipts: &[Value]| {
            let batch = Batch { hashes: hashes.to_vec(), is_over, ..batch("https://a.example", "1") };
            let status = batch.status(receipts);
            assert_eq!((&status["atomic"], &status["id"]), (&json!(false), &json!("1")));
            (status["status"].as_u64().unwrap(), status["receipts"].as_array().unwrap().len())
        };
        let (good, bad, none) = (json!({"status": "0x1"}), json!({"status": "0x0"}), Value::Null);
        let both = |one: &Value, other: &Value| [one.clone(), other.clone()];
        assert_eq!(status(&[], false, &[]), (100, 0));
        assert_eq!(status(&hashes[..1], false, std::slice::from_ref(&good)), (100, 1), "the second sheet is open");
        assert_eq!(status(&hashes, true, &both(&good, &none)), (100, 1));
        assert_eq!(status(&hashes, true, &both(&good, &good)), (200, 2));
        assert_eq!(status(&hashes, true, &both(&good, &bad)), (600, 2));
        assert_eq!(status(&hashes[..1], true, std::slice::from_ref(&good)), (600, 1), "the second was refused");
        assert_eq!(status(&hashes[..1], true, std::slice::from_ref(&bad)), (500, 1));
        assert_eq!(status(&hashes, true, &both(&bad, &bad)), (500, 2));
        assert_eq!(status(&[], true, &[]), (400, 0));
        let full = json!({"status": "0x1", "logs": [{"address": ME, "data": "0x", "topics": [], "logIndex": "0x0"}], "from": ME});
        let shown = receipt(&full);
        assert_eq!(shown["logs"], json!([{"address": ME, "data": "0x", "topics": []}]));
        assert!(shown.get("from").is_none());
    }

    /// What waits for nothing is there at once.
    fn now<T>(work: impl Future<Output = T>) -> T {
        match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    #[test]
    fn calls_are_sent_in_order_and_the_first_that_is_refused_or_fails_is_the_last() {
        let run = |refused: Option<usize>, failing: Option<usize>| {
            let (asked, noted) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
            let sign = async |transaction: String| {
                let at = asked.borrow().len();
                asked.borrow_mut().push(transaction);
                if refused == Some(at) { Err(ProviderError::Refused) } else { Ok(B256::with_last_byte(at as u8)) }
            };
            let succeeds = async |hash: B256| failing.is_none_or(|failing| hash != B256::with_last_byte(failing as u8));
            let note = async |hashes: &[B256]| noted.borrow_mut().push(hashes.len());
            let calls = ["a", "b", "c"].map(str::to_owned).to_vec();
            let sent = now(send(calls, sign, succeeds, note)).map(|hashes| hashes.len());
            (sent, asked.into_inner().concat(), noted.into_inner())
        };
        assert_eq!(run(None, None), (Ok(3), "abc".to_owned(), vec![1, 2, 3]));
        assert_eq!(run(Some(0), None), (Err(ProviderError::Refused), "a".to_owned(), vec![]));
        assert_eq!(run(Some(1), None), (Ok(1), "ab".to_owned(), vec![1]), "what was sent stays sent");
        assert_eq!(run(None, Some(1)), (Ok(2), "ab".to_owned(), vec![1, 2]), "nothing follows a call that failed");
    }
}
