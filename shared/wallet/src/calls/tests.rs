use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

const ME: Address = Address::repeat_byte(0x11);
const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

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
    Batch { id, site, chain_id, calls: 2, hashes: vec![], signed_at: None, is_over: false }
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
    assert!(batches.find("https://b.example", "new").is_ok() && batches.find("https://b.example", "newer").is_err());

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
    batches.signed(site, "1", hash, NOW).unwrap();
    assert_eq!(status(&batches, &[Value::Null]), (100, CallState::Waiting), "it may be in the next block");
    assert_eq!(status(&batches, &[json!({"status": "0x1"})]), (600, CallState::Succeeded));
    batches.note(site, "1", &[hash], true);
    assert_eq!(batches.find(site, "1").unwrap().hashes, [hash], "it was noted twice");
    assert_eq!(batches.signed("https://b.example", "1", hash, NOW), Err(ProviderError::UnknownBatch));
    // The node has it not, and says so: only then nothing was sent.
    batches.note(site, "1", &[], true);
    assert_eq!(status(&batches, &[]), (400, CallState::NotSent));
}

#[test]
fn a_call_that_the_node_never_got_ends_as_not_sent() {
    let (site, hash) = ("https://a.example", B256::repeat_byte(1));
    let mut batches = Batches::default();
    batches.add(batch(site, "1"), |_| false).unwrap();
    batches.signed(site, "1", hash, NOW).unwrap();
    let sending = batches.find(site, "1").unwrap().clone();
    let late = NOW.plus_ms(LOST_AFTER_MS);
    let none = [Value::Null];
    assert_eq!(sending.may_be_lost(&none, late), None, "it is being sent");
    let mut over = Batch { is_over: true, ..sending };
    assert_eq!(over.may_be_lost(&none, UnixMillis(late.0 - 1)), None, "it may be on its way");
    assert_eq!(over.may_be_lost(&none, UnixMillis(0)), None, "a clock that was set back decides nothing");
    assert_eq!(over.may_be_lost(&[json!({"status": "0x1"})], late), None, "a block has it");
    assert_eq!(over.may_be_lost(&[], late), None);
    assert_eq!(over.may_be_lost(&none, late), Some(hash));
    over.lost();
    assert_eq!(over.status(&[])["status"], 400);
    assert_eq!(over.may_be_lost(&[], late), None, "nothing is left to ask for");

    let first = json!({"status": "0x1"});
    batches.signed(site, "1", B256::repeat_byte(2), late).unwrap();
    let mut over = Batch { is_over: true, ..batches.find(site, "1").unwrap().clone() };
    let both = [first.clone(), Value::Null];
    assert_eq!(over.may_be_lost(&both, late), None, "the time counts from the last signature");
    assert_eq!(over.may_be_lost(&both, late.plus_ms(LOST_AFTER_MS)), Some(B256::repeat_byte(2)));
    over.lost();
    assert_eq!(over.status(&both[..1])["status"], 600, "the first one is on the chain");
    assert_eq!(over.lines(&both[..1])[1], CallLine { hash: None, state: CallState::NotSent });
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
    let full =
        json!({"status": "0x1", "logs": [{"address": ME, "data": "0x", "topics": [], "logIndex": "0x0"}], "from": ME});
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
