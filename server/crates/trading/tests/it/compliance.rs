//! Whose orders a policy takes, and which texts are no policy.

use serde_json::{Value, json};
use shared::Address;
use trading::{CompliancePolicy, Outcome, PolicyError};

const MARKET: &str = "AIT-tUSD";

fn trader(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn text() -> Value {
    json!({
        "version": "2026-11",
        "unknown": {"orders": "refuse", "reason": "say first where you live"},
        "others": {"orders": "refuse", "reason": "not offered there"},
        "jurisdictions": {
            "CH": {"orders": "allow"},
            "DE": {"orders": "allow", "markets": ["AIT-WETH"]},
            "US": {"orders": "allow"},
            "US-NY": {"orders": "refuse", "reason": "no licence in New York"},
        },
        "traders": {
            trader(1).to_string(): "CH",
            trader(2).to_string(): "DE",
            trader(3).to_string(): "US-NY",
            trader(4).to_string(): "US-CA",
            trader(5).to_string(): "JP",
        },
    })
}

fn policy(text: &Value) -> CompliancePolicy {
    CompliancePolicy::parse(&text.to_string()).unwrap()
}

#[test]
fn a_part_of_a_country_has_its_own_rule_or_its_countrys_and_any_other_place_the_rule_of_others() {
    let policy = policy(&text());
    let refused = |reason: &str| Outcome::Refused { reason: reason.to_owned() };
    for (number, expected) in [
        (1, Outcome::Allowed),
        (2, refused("this market is not offered there")),
        (3, refused("no licence in New York")),
        (4, Outcome::Allowed),
        (5, refused("not offered there")),
        (6, refused("say first where you live")),
    ] {
        assert_eq!(policy.decide(trader(number), MARKET).outcome, expected, "{number}");
    }
    assert_eq!(policy.decide(trader(2), "AIT-WETH").outcome, Outcome::Allowed);
}

#[test]
fn a_decision_says_what_it_followed_from() {
    let decision = policy(&text()).decide(trader(3), MARKET);
    assert_eq!(
        serde_json::to_value(&decision).unwrap(),
        json!({
            "policy": "2026-11", "trader": trader(3), "market": MARKET, "jurisdiction": "US-NY",
            "orders": "refused", "reason": "no licence in New York",
        })
    );
    assert_eq!(policy(&text()).decide(trader(6), MARKET).jurisdiction, None);
}

#[test]
fn what_is_no_policy_is_refused_by_field() {
    type Spoil = fn(&mut Value);
    let spoilt: [(Spoil, &str); 9] = [
        (|text| text["version"] = json!(""), "version: it is 1 to 64"),
        (|text| text["others"] = json!({"orders": "refuse", "reason": ""}), "others: a reason is 1 to 200"),
        (|text| text["jurisdictions"]["DE"]["markets"] = json!([]), "jurisdictions.DE: `markets` names no market"),
        (|text| text["jurisdictions"]["Utopia"] = json!({"orders": "allow"}), "ISO 3166"),
        (|text| text["traders"]["0x12"] = json!("CH"), "the policy cannot be read"),
        (|text| text["traders"][trader(1).to_string()] = json!("ch"), "ISO 3166"),
        (|text| text["unknown"] = json!({"orders": "perhaps"}), "the policy cannot be read"),
        (|text| text["unknown"] = json!({"orders": "refuse", "because": "x"}), "the policy cannot be read"),
        (|text| text["exempt"] = json!([]), "unknown field"),
    ];
    for (spoil, words) in spoilt {
        let mut text = text();
        spoil(&mut text);
        let error = CompliancePolicy::parse(&text.to_string()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(matches!(CompliancePolicy::parse(""), Err(PolicyError::Json(_))));
}
