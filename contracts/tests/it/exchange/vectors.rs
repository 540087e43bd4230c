//! What traders signed with ethers (`shared/tests/vectors/exchange_order.json`), on the contract it was signed for and on
//! others.

use alloy_primitives::{Address, B256, Bytes, U256};
use contracts::ExchangeSettlement::{ExchangeOrder, Fill, Listing, Side, SignedOrder, TimeInForce, Trigger};
use contracts::{ExchangeParameters, ExchangeSettlement};
use serde_json::Value;

use super::fixture::{SETTLER, deployed, parameters};
use crate::evm::{Evm, ExchangeError};
use crate::receipts::RELAYER;

const VECTORS: &str = include_str!("../../../../shared/tests/vectors/exchange_order.json");

fn vectors(list: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let list = vectors[list].as_array().unwrap().clone();
    assert!(!list.is_empty());
    list
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("{name} is missing"))
}

fn number(json: &Value, name: &str) -> u64 {
    json[name].as_u64().unwrap_or_else(|| panic!("{name} is missing"))
}

fn address(json: &Value, name: &str) -> Address {
    text(json, name).parse().unwrap()
}

fn order(json: &Value) -> ExchangeOrder {
    ExchangeOrder {
        trader: address(json, "trader"),
        side: if text(json, "side") == "buy" { Side::Buy } else { Side::Sell },
        timeInForce: match text(json, "time_in_force") {
            "GTT" => TimeInForce::GoodTilTime,
            "IOC" => TimeInForce::ImmediateOrCancel,
            "FOK" => TimeInForce::FillOrKill,
            "POST_ONLY" => TimeInForce::PostOnly,
            other => panic!("{other}"),
        },
        amount: text(json, "amount").parse().unwrap(),
        limitPrice: text(json, "limit_price").parse().unwrap(),
        trigger: match text(json, "trigger") {
            "NONE" => Trigger::None,
            "AT_OR_ABOVE" => Trigger::AtOrAbove,
            "AT_OR_BELOW" => Trigger::AtOrBelow,
            other => panic!("{other}"),
        },
        triggerPrice: text(json, "trigger_price").parse().unwrap(),
        maxFeeBasisPoints: u16::try_from(number(json, "max_fee_basis_points")).unwrap(),
        expiresAt: number(json, "expires_at"),
        epoch: number(json, "epoch"),
        nonce: number(json, "nonce"),
    }
}

/// A chain with the id and time, an exchange at the address, and a market of the order's assets.
fn chain_of(shown_to: &Value, now_unix: u64, assets: &Value) -> (Evm, Address) {
    let contract = address(shown_to, "contract");
    let listing =
        Listing { base: address(assets, "base"), quote: address(assets, "quote"), ..super::fixture::listing() };
    let parameters = ExchangeParameters { listings: vec![listing], ..parameters() };
    let mut evm = deployed(number(shown_to, "chain_id"), contract, &parameters);
    evm.now_unix = now_unix;
    (evm, contract)
}

fn batch(json: &Value, fills: Vec<Fill>) -> ExchangeSettlement::settleCall {
    let signature: Bytes = text(json, "signature").parse().unwrap();
    let orders = vec![SignedOrder { order: order(&json["order"]), signature }];
    ExchangeSettlement::settleCall { market_: 0, firstTrade: 1, orders, fills }
}

#[test]
fn the_contract_hashes_and_accepts_every_order_in_its_last_second() {
    for json in vectors("orders") {
        let (mut evm, contract) = chain_of(&json["order"], number(&json["order"], "expires_at"), &json["order"]);
        let call = ExchangeSettlement::orderDigestCall { market_: 0, order: order(&json["order"]) };
        let digest = evm.send(RELAYER, contract, &call).unwrap().value;
        assert_eq!(digest, text(&json, "digest").parse::<B256>().unwrap(), "{}", text(&json, "name"));
        // A batch without fills checks its orders.
        evm.send(SETTLER, contract, &batch(&json, vec![])).unwrap();
    }
}

#[test]
fn an_order_that_was_signed_for_something_else_or_for_another_time_does_not_settle() {
    for json in vectors("refused") {
        let shown_to = &json["shown_to"];
        let (mut evm, contract) = chain_of(shown_to, number(shown_to, "now"), &json["order"]);
        let error = evm.send(SETTLER, contract, &batch(&json, vec![])).unwrap_err().exchange();
        let refusal = match error {
            ExchangeError::InvalidSignature(_) => "signature",
            ExchangeError::OrderExpired(_) => "expiry",
            other => panic!("{}: {other:?}", text(&json, "name")),
        };
        assert_eq!(refusal, text(&json, "refusal"), "{}", text(&json, "name"));
    }
}

/// The order meets another one that accepts every price.
#[test]
fn prices_are_compared_as_the_vectors_say() {
    use super::fixture::{PAR, alice, bob, chain, refusal, settle, signed};
    for json in vectors("prices") {
        let side = if text(&json, "side") == "buy" { Side::Buy } else { Side::Sell };
        let (base, quote): (u128, u128) = (text(&json, "base").parse().unwrap(), text(&json, "quote").parse().unwrap());
        let limit: u128 = text(&json, "limit_price").parse().unwrap();
        let asked = super::fixture::order(&bob(), side, u128::MAX, 0);
        let asked = signed(ExchangeOrder { limitPrice: limit, ..asked });
        let (other_side, other_limit) =
            if side == Side::Buy { (Side::Sell, 0) } else { (Side::Buy, u128::MAX / PAR * PAR) };
        let other = super::fixture::order(&alice(), other_side, u128::MAX, 0);
        let other = signed(ExchangeOrder { limitPrice: other_limit, ..other });
        let mut evm = chain();
        let call = settle(1, &[(&asked, &other, base, quote)]);
        let outside = match evm.clone().send(SETTLER, super::fixture::EXCHANGE, &call) {
            Ok(_) => None,
            Err(_) => match refusal(&mut evm, SETTLER, &call) {
                ExchangeError::PriceOutsideLimit(error) => Some(error.digest),
                // Nobody has as much as that.
                ExchangeError::InsufficientBalance(_) => None,
                other => panic!("{json}: {other:?}"),
            },
        };
        let is_refused = outside == Some(super::fixture::digest(&asked.order));
        assert_eq!(is_refused, !json["allowed"].as_bool().unwrap(), "{json}");
    }
}

#[test]
fn the_contract_hashes_every_withdrawal() {
    for json in vectors("withdrawals") {
        let out = &json["withdrawal"];
        let assets = &vectors("orders")[0]["order"];
        let (mut evm, contract) = chain_of(out, number(out, "expires_at"), assets);
        let withdrawal = ExchangeSettlement::Withdrawal {
            trader: address(out, "trader"),
            asset: address(out, "asset"),
            amount: text(out, "amount").parse().unwrap(),
            expiresAt: number(out, "expires_at"),
            nonce: number(out, "nonce"),
        };
        let call = ExchangeSettlement::withdrawalDigestCall { withdrawal: withdrawal.clone() };
        let digest = evm.send(RELAYER, contract, &call).unwrap().value;
        assert_eq!(digest, text(&json, "digest").parse::<B256>().unwrap());
        // The signature is taken; only the cover is missing.
        let signature: Bytes = text(&json, "signature").parse().unwrap();
        let call = ExchangeSettlement::withdrawCall { withdrawal, signature };
        let error = evm.send(SETTLER, contract, &call).unwrap_err().exchange();
        assert!(matches!(error, ExchangeError::InsufficientBalance(error) if error.available == U256::ZERO));
    }
}
