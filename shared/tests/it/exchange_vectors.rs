//! `tests/vectors/exchange_order.json`, computed by ethers (`contracts/exchange_vectors.mjs`): hashes and signatures of
//! orders, cancellations and withdrawals, orders that are refused for what they were signed for, and prices.

use serde::Deserialize;
use serde_json::Value;
use shared::chain::{EXCHANGE_ADDRESS, TEST_DOLLAR_ADDRESS, TOKEN_ADDRESS};
use shared::exchange::{
    AssetUnits, ExchangeOrder, ExchangeWithdrawal, OfTrader, OrderCancellation, OrderReduction, Side, SignedByTrader,
};
use shared::signing::{PrivateKey, recover};
use shared::time::UnixSeconds;
use shared::typed_data::SigningDomain;
use shared::{Address, B256, Bytes};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    orders: Vec<Signed<ExchangeOrder>>,
    refused: Vec<Refused>,
    prices: Vec<Price>,
    cancellations: Vec<Signed<OrderCancellation>>,
    reductions: Vec<Signed<OrderReduction>>,
    withdrawals: Vec<Signed<ExchangeWithdrawal>>,
}

#[derive(Debug, Deserialize)]
struct Signed<T> {
    name: String,
    #[serde(alias = "order", alias = "cancellation", alias = "reduction", alias = "withdrawal")]
    content: T,
    trader_private_key: B256,
    digest: B256,
    signature: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    refusal: String,
    order: ExchangeOrder,
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
struct Price {
    side: Side,
    limit_price: AssetUnits,
    base: AssetUnits,
    quote: AssetUnits,
    allowed: bool,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/exchange_order.json")).unwrap()
}

fn check<T: OfTrader + Clone>(vector: &Signed<T>) {
    let Signed { name, content, trader_private_key, digest, signature } = vector;
    assert_eq!(content.digest(&content.domain()), *digest, "{name}");
    let key = PrivateKey::from_bytes(trader_private_key).unwrap();
    assert_eq!(key.sign(content, &content.domain()).unwrap(), *signature, "{name}");
    let genuine = SignedByTrader { signed: content.clone(), signature: signature.clone() };
    assert_eq!((genuine.signer(), genuine.digest()), (Ok(content.trader()), *digest), "{name}");
    let other = PrivateKey::from_bytes(&[9; 32]).unwrap();
    let forged = other.sign(content, &content.domain()).unwrap();
    let forged = SignedByTrader { signed: content.clone(), signature: forged };
    assert_eq!(forged.signer(), Ok(other.address()));
}

#[test]
fn what_traders_sign_matches_the_vectors() {
    let vectors = vectors();
    assert_eq!((vectors.orders.len(), vectors.cancellations.len(), vectors.withdrawals.len()), (8, 1, 1));
    assert_eq!(vectors.reductions.len(), 1);
    vectors.reductions.iter().for_each(check);
    vectors.orders.iter().for_each(check);
    vectors.cancellations.iter().for_each(check);
    vectors.withdrawals.iter().for_each(check);
    for Signed { name, content, .. } in vectors.orders {
        let json = serde_json::to_value(&content).unwrap();
        assert_eq!(serde_json::from_value::<ExchangeOrder>(json).unwrap(), content, "{name}");
    }
}

#[test]
fn the_first_order_is_for_the_exchange_and_the_tokens_of_genesis() {
    let order = vectors().orders.remove(0).content;
    assert_eq!((order.contract, order.base, order.quote), (EXCHANGE_ADDRESS, TOKEN_ADDRESS, TEST_DOLLAR_ADDRESS));
    assert_eq!(order.quote_at_limit(order.amount), Some(AssetUnits(25_000_000)));
    assert_eq!(order.quote_at_limit(AssetUnits(1)), None, "a fraction of a unit is no price");
}

#[test]
fn an_order_that_was_signed_for_something_else_or_for_another_time_is_refused() {
    let refused = vectors().refused;
    assert!(refused.len() >= 20, "too few vectors: {}", refused.len());
    for Refused { name, refusal, order, shown_to, signature } in refused {
        let domain = SigningDomain::of_contract(shown_to.chain_id, shown_to.contract);
        let found = if order.expires_at < shown_to.now {
            Some("expiry")
        } else {
            (recover(&order, &domain, &signature) != Ok(order.trader)).then_some("signature")
        };
        assert_eq!(found, Some(refusal.as_str()), "{name}");
    }
}

#[test]
fn a_price_is_compared_without_rounding() {
    let order = vectors().orders.remove(0).content;
    for Price { side, limit_price, base, quote, allowed } in vectors().prices {
        let order = ExchangeOrder { side, limit_price, ..order.clone() };
        assert_eq!(order.accepts(base, quote), allowed, "{side:?} {base:?} for {quote:?} at {limit_price:?}");
    }
}

/// One order has one text, or two programs would sign two.
#[test]
fn an_order_has_one_spelling() {
    let order = serde_json::to_value(vectors().orders.remove(0).content).unwrap();
    let wrong: [(&str, Value); 10] = [
        ("amount", 1.into()),
        ("amount", "01".into()),
        ("limit_price", "-1".into()),
        ("side", "BUY".into()),
        ("time_in_force", "GTC".into()),
        ("trigger", "NO".into()),
        ("trigger_price", 0.into()),
        ("max_fee_basis_points", 65_536.into()),
        ("nonce", (-1).into()),
        ("price", "1".into()),
    ];
    for (field, value) in wrong {
        let mut altered = order.clone();
        altered[field] = value.clone();
        assert!(serde_json::from_value::<ExchangeOrder>(altered).is_err(), "{field} {value} was taken");
    }
}
