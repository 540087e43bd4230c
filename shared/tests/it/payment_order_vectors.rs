//! `tests/vectors/payment_order.json`, computed by ethers (`contracts/payment_vectors.mjs`): hashes and signatures of
//! orders that reserve, orders that are refused for what they were signed for, and closings.

use proptest::prelude::*;
use serde::Deserialize;
use shared::amount::{Amount, MicroUnits};
use shared::chain::ESCROW_ADDRESS;
use shared::escrow::{
    EXIT_DELAY_SECONDS, MAX_ORDER_SECONDS, OrderError, OrderSignatureError, PaymentOrder, ReservationClosing,
    SignedPaymentOrder, TaskCount,
};
use shared::id::JobId;
use shared::job::request::CreateJob;
use shared::job::task::TaskRole;
use shared::quote::{JobQuote, QuoteSignatureError, SignedQuote, request_hash};
use shared::receipt::ReceiptClaim;
use shared::signing::{PrivateKey, recover};
use shared::time::UnixSeconds;
use shared::typed_data::{SigningDomain, TypedData as _};
use shared::unit::UnitType;
use shared::{Address, B256, Bytes};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    cases: Vec<Valid>,
    refused: Vec<Refused>,
    quotes: Vec<Quoted>,
    closings: Vec<Closing>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    name: String,
    order: PaymentOrder,
    client_private_key: B256,
    struct_hash: B256,
    digest: B256,
    signature: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    refusal: String,
    order: PaymentOrder,
    shown_to: Viewer,
    signature: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Viewer {
    chain_id: u64,
    contract: Address,
    now: UnixSeconds,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    name: String,
    closing: ReservationClosing,
    attester_private_key: B256,
    digest: B256,
    signature: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quoted {
    name: String,
    request: CreateJob,
    quote: JobQuote,
    hub_private_key: B256,
    digest: B256,
    signature: Bytes,
    order_digest: B256,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/payment_order.json")).unwrap()
}

#[test]
fn orders_match_the_vectors() {
    for Valid { name, order, client_private_key, struct_hash, digest, signature } in vectors().cases {
        assert_eq!(order.struct_hash(), struct_hash, "{name}");
        assert_eq!(order.digest(&order.domain()), digest, "{name}");
        let key = PrivateKey::from_bytes(&client_private_key).unwrap();
        assert_eq!(key.sign(&order, &order.domain()).unwrap(), signature, "{name}");
        order.check_expiry(order.expires_at).unwrap();
        let json = serde_json::to_value(&order).unwrap();
        assert_eq!(serde_json::from_value::<PaymentOrder>(json).unwrap(), order, "{name}");
        SignedPaymentOrder { order, signature }.verify().unwrap();
    }
}

#[test]
fn the_first_order_is_for_the_escrow_of_genesis() {
    let order = &vectors().cases[0].order;
    assert_eq!(order.contract, ESCROW_ADDRESS);
    assert_eq!(order.reclaimable_after(), UnixSeconds(order.expires_at.0 + EXIT_DELAY_SECONDS));
}

fn refusal(shown: &Refused) -> Option<&'static str> {
    let Refused { order, shown_to, signature, .. } = shown;
    if order.check_expiry(shown_to.now).is_err() {
        return Some("expiry");
    }
    let domain = SigningDomain::of_contract(shown_to.chain_id, shown_to.contract);
    (recover(order, &domain, signature) != Ok(order.client)).then_some("client_signature")
}

#[test]
fn an_order_that_was_signed_for_something_else_or_for_another_time_is_refused() {
    let refused = vectors().refused;
    assert!(refused.len() >= 15, "too few vectors: {}", refused.len());
    for shown in &refused {
        assert_eq!(refusal(shown), Some(shown.refusal.as_str()), "{}", shown.name);
    }
}

#[test]
fn closings_match_the_vectors() {
    for Closing { name, closing, attester_private_key, digest, signature } in vectors().closings {
        assert_eq!(closing.digest(&closing.domain()), digest, "{name}");
        let key = PrivateKey::from_bytes(&attester_private_key).unwrap();
        assert_eq!(key.sign(&closing, &closing.domain()).unwrap(), signature, "{name}");
    }
}

#[test]
fn quotes_match_the_vectors_and_so_do_their_orders() {
    for Quoted { name, request, quote, hub_private_key, digest, signature, order_digest } in vectors().quotes {
        assert_eq!(request_hash(&request).unwrap(), quote.request_hash, "{name}");
        assert_eq!(quote.digest(&quote.domain()), digest, "{name}");
        let key = PrivateKey::from_bytes(&hub_private_key).unwrap();
        assert_eq!(key.sign(&quote, &quote.domain()).unwrap(), signature, "{name}");
        let order = quote.order();
        assert_eq!(order.digest(&order.domain()), order_digest, "{name}");
        assert!(!quote.is_expired(quote.expires_at) && quote.is_expired(UnixSeconds(quote.expires_at.0 + 1)));
        SignedQuote { quote, signature }.verify().unwrap();
    }
}

#[test]
fn a_quote_with_one_changed_field_is_not_its_hubs() {
    type Change = fn(&mut JobQuote);
    let changes: [Change; 15] = [
        |quote| quote.job_id = JobId::from_random(1),
        |quote| quote.client = Address::repeat_byte(9),
        |quote| quote.hub = Address::repeat_byte(9),
        |quote| quote.request_hash = B256::repeat_byte(9),
        |quote| quote.model = "other".into(),
        |quote| quote.unit_type = UnitType::Token,
        |quote| quote.units = MicroUnits(1),
        |quote| quote.max_unit_price = Amount::ZERO,
        |quote| quote.max_total = Amount::ZERO,
        |quote| quote.tasks = TaskCount::try_from(2).unwrap(),
        |quote| quote.fee_basis_points = 0,
        |quote| quote.deadline = UnixSeconds(1),
        |quote| quote.expires_at = UnixSeconds(1),
        |quote| quote.chain_id = 1,
        |quote| quote.contract = Address::repeat_byte(9),
    ];
    for (position, change) in changes.iter().enumerate() {
        let Quoted { mut quote, signature, .. } = vectors().quotes.remove(0);
        change(&mut quote);
        let error = SignedQuote { quote, signature }.verify().unwrap_err();
        assert!(matches!(error, QuoteSignatureError::NotTheHub { .. }), "{position}: {error}");
    }
}

#[test]
fn an_order_of_another_signer_does_not_verify() {
    let Valid { order, .. } = vectors().cases.remove(0);
    let other = PrivateKey::from_bytes(&[9; 32]).unwrap();
    let signature = other.sign(&order, &order.domain()).unwrap();
    let client = order.client;
    let error = SignedPaymentOrder { order: order.clone(), signature }.verify().unwrap_err();
    assert_eq!(error, OrderSignatureError::NotTheClient { signer: other.address(), client });
    let cut = SignedPaymentOrder { order, signature: Bytes::new() };
    assert!(matches!(cut.verify(), Err(OrderSignatureError::Signature(_))));
}

/// One order has one text, or two programs would sign two.
#[test]
fn an_order_has_one_spelling() {
    let order = serde_json::to_value(&vectors().cases[1].order).unwrap();
    let wrong = [
        ("tasks", serde_json::json!(0)),
        ("tasks", serde_json::json!(257)),
        ("start_within_seconds", serde_json::json!(0)),
        ("finish_within_seconds", serde_json::json!(1_u64 << 32)),
        ("max_total", serde_json::json!("01")),
        ("unit_type", serde_json::json!("gpu_hour")),
        ("nonce", serde_json::json!(1)),
    ];
    for (field, value) in wrong {
        let mut altered = order.clone();
        altered[field] = value.clone();
        assert!(serde_json::from_value::<PaymentOrder>(altered).is_err(), "{field} {value} was taken");
    }
}

#[test]
fn an_order_reserves_for_at_most_ninety_days() {
    let order = vectors().cases.remove(0).order;
    let now = |seconds: u64| UnixSeconds(seconds);
    let expires_at = order.expires_at.0;
    order.check_expiry(now(expires_at - MAX_ORDER_SECONDS)).unwrap();
    for outside in [expires_at + 1, expires_at - MAX_ORDER_SECONDS - 1] {
        let error = order.check_expiry(now(outside)).unwrap_err();
        let latest = outside + MAX_ORDER_SECONDS;
        assert_eq!(error, OrderError::Expiry { expires_at, now: outside, latest });
    }
}

/// A claim that lies within `order` and costs all of it.
fn claim_of(order: &PaymentOrder) -> ReceiptClaim {
    ReceiptClaim {
        receipt_hash: B256::repeat_byte(1),
        job_id: order.job_id,
        task_role: TaskRole::Serve,
        provider: Address::repeat_byte(2),
        client: order.client,
        units: MicroUnits(25_000_000),
        unit_type: order.unit_type,
        unit_price: order.max_unit_price,
        expires_at: order.expires_at,
    }
}

#[test]
fn a_receipt_within_the_order_has_its_cost_and_one_outside_a_reason() {
    let order = vectors().cases.remove(0).order;
    let claim = claim_of(&order);
    assert_eq!(order.cost_of(&claim), Ok(order.max_total));
    let dearer = Amount::from_atto(order.max_unit_price.atto() + 1);
    let outside = [
        (ReceiptClaim { job_id: JobId::from_random(1), ..claim.clone() }, "the order is for job_fedc"),
        (ReceiptClaim { client: Address::repeat_byte(3), ..claim.clone() }, "the order is for job_fedc"),
        (ReceiptClaim { task_role: TaskRole::Shard(1), ..claim.clone() }, "task_role: the order pays for 1 tasks"),
        (ReceiptClaim { task_role: TaskRole::Audit, ..claim.clone() }, "task_role: the order pays for 1 tasks"),
        (ReceiptClaim { unit_type: UnitType::Token, ..claim.clone() }, "unit_type: the order is for megapixel_step"),
        (ReceiptClaim { unit_price: dearer, ..claim.clone() }, "unit_price: at most 0.1 AIT"),
        (ReceiptClaim { units: MicroUnits(25_000_001), ..claim.clone() }, "the receipt costs more than the 2.5 AIT"),
        (ReceiptClaim { units: MicroUnits(u64::MAX), ..claim }, "the receipt costs more than the 2.5 AIT"),
    ];
    for (claim, reason) in outside {
        let error = order.cost_of(&claim).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}");
    }
}

proptest! {
    #[test]
    fn the_tasks_of_an_order_are_its_shards(count in 1..=256u16, number: u16) {
        let tasks = TaskCount::try_from(count).unwrap();
        prop_assert_eq!(tasks.includes(TaskRole::Shard(number)), number < count);
        prop_assert_eq!(tasks.includes(TaskRole::Serve), count == 1);
        prop_assert!(!tasks.includes(TaskRole::Audit));
    }
}
