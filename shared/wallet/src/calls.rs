//! Several calls that a page asks for at once (EIP-5792).
//!
//! Accounts of this chain sign one transaction for each call, so a batch is never atomic: its owner agrees to one call after the
//! other, each by a sheet of its own. A batch whose page wants all or nothing is refused.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::{Address, B256, Bytes, U256};

use crate::protocol::TRANSACTION_TEXT_MAX_BYTES;
use crate::provider::ProviderError;
use crate::quantity;

/// The version of the standard's messages.
pub const VERSION: &str = "2.0.0";

/// Most calls of a batch: each is a sheet that somebody reads.
pub const CALLS_MAX: usize = 16;

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
