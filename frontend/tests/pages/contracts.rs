//! Sources of contracts and the forms that call them: complete without script, and harmless whatever a contract says.

use async_trait::async_trait;
use axum::http::StatusCode;
use frontend::backend::{Answer, ContractBackend};
use shared::api::contracts::{
    ContractView, FunctionView, MatchKind, Mutability, ParameterView, ReadAnswer, SourceFile, ValueView,
};
use shared::chain::TOKEN_ADDRESS;
use shared::time::UnixMillis;
use shared::{Address, Bytes};

use super::fixture::{AT, Fixture, LIAR};
use super::{render, without_attributes};

const HOSTILE: &str = "</pre></textarea><script>alert(1)</script><img src=x onerror=alert(2)>\"'";

fn function(name: &str, mutability: Mutability, inputs: &[(&str, &str)]) -> FunctionView {
    let parameter = |(name, kind): &(&str, &str)| ParameterView { name: (*name).to_owned(), kind: (*kind).to_owned() };
    let kinds: Vec<&str> = inputs.iter().map(|(_, kind)| *kind).collect();
    FunctionView {
        signature: format!("{name}({})", kinds.join(",")),
        name: name.to_owned(),
        inputs: inputs.iter().map(parameter).collect(),
        outputs: vec![parameter(&("", "string"))],
        mutability,
    }
}

fn contract(address: Address) -> ContractView {
    ContractView {
        address,
        name: HOSTILE.to_owned(),
        match_kind: MatchKind::Partial,
        compiler_version: "0.8.37+commit.f401782d".to_owned(),
        settings: HOSTILE.to_owned(),
        files: vec![SourceFile { path: HOSTILE.to_owned(), text: HOSTILE.to_owned() }],
        abi: HOSTILE.to_owned(),
        constructor_arguments: Some(vec![value(HOSTILE)]),
        creation_compared: true,
        verified_at: Some(UnixMillis(AT * 1_000)),
        functions: vec![
            function("label", Mutability::View, &[(HOSTILE, "uint256"), ("", "string")]),
            function("fails", Mutability::Pure, &[]),
            function("set", Mutability::Nonpayable, &[("to", "address")]),
            function("buy", Mutability::Payable, &[]),
        ],
    }
}

fn value(text: &str) -> ValueView {
    ValueView { name: String::new(), kind: "string".to_owned(), text: text.to_owned() }
}

#[async_trait]
impl ContractBackend for Fixture {
    fn compiles_sources(&self) -> bool {
        true
    }

    async fn contract(&self, address: Address) -> Answer<Option<ContractView>> {
        Ok((address == TOKEN_ADDRESS).then(|| contract(address)))
    }

    async fn read_contract(&self, _: Address, function: &str, values: &[String]) -> Answer<ReadAnswer> {
        Ok(match function {
            "fails()" => ReadAnswer::Failed(HOSTILE.to_owned()),
            _ => ReadAnswer::Values(vec![value(&format!("{} of {function}: {HOSTILE}", values.join(" and ")))]),
        })
    }

    async fn encode_call(&self, _: Address, function: &str, values: &[String]) -> Answer<Result<Bytes, String>> {
        if values.iter().any(|value| value == "nobody") {
            return Ok(Err(format!("{function} takes no {HOSTILE}")));
        }
        Ok(Ok(Bytes::from_static(&[0xab, 0xcd])))
    }
}

fn page(query: &str) -> String {
    format!("/explorer/addresses/{TOKEN_ADDRESS}?{query}")
}

#[tokio::test]
async fn whatever_a_contract_says_stays_text() {
    for query in [
        "tab=contract",
        "tab=read&function=label(uint256,string)&a0=1&a1=x",
        "tab=read&function=fails()",
        "tab=write&function=set(address)&a0=nobody",
        "tab=write&function=set(address)&a0=%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let html = render(&page(query)).await.html;
        let markup = without_attributes(&html);
        for forbidden in ["<script>alert", "<img src=x", "</textarea>"] {
            assert!(!markup.contains(forbidden), "{query}: a text became {forbidden}");
        }
        assert_eq!(html.matches("<title>").count(), 1, "{query}");
        // Its own name says nothing about it.
        let title = html.split_once("<h1").unwrap().1.split_once("</h1>").unwrap().0;
        assert!(!title.contains("alert"), "{query}: {title}");
    }
    let sources = render(&page("tab=contract")).await.html;
    assert!(sources.contains("&lt;script&gt;alert(1)") && sources.contains("Partial match"));
}

#[tokio::test]
async fn a_function_is_asked_by_the_pages_address() {
    let html = render(&page("tab=read&function=label(uint256,string)&a0=7&a1=a%26b")).await.html;
    assert_eq!(html.matches("data-testid=\"answer\"").count(), 1);
    assert!(html.contains("7 and a&amp;b of label(uint256,string)"), "{html}");
    let folds = html.split("<details").skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag));
    assert_eq!(folds.filter(|tag| tag.contains(" open")).count(), 1, "only the function that was asked is open");
    assert!(html.contains("name=\"a0\"") && html.contains("value=\"7\""));
    // Functions that change something are on the other tab alone.
    assert!(!html.contains("set(address)") && !html.contains("contract.js"));
    let unknown = render(&page("tab=read&function=set(address)&a0=7")).await.html;
    assert!(!unknown.contains("data-testid=\"answer\""), "a change is no read");
}

#[tokio::test]
async fn a_call_is_written_down_for_the_wallet() {
    let html = render(&page("tab=write&function=buy()&coin=5")).await.html;
    assert!(html.contains("0xabcd") && html.contains("5 wei") && html.contains("/contract.js"), "{html}");
    assert!(html.contains("&quot;value&quot;:&quot;0x5&quot;"), "the script gets the number as wallets take it");
    let empty = render(&page("tab=write")).await.html;
    assert!(!empty.contains("/contract.js") && empty.contains("name=\"coin\""));
    for (query, told) in [
        ("tab=write&function=buy()&coin=-5", "whole number of wei"),
        ("tab=write&function=set(address)&a0=nobody", "set(address) takes no"),
    ] {
        let html = render(&page(query)).await.html;
        assert!(html.contains(told) && !html.contains("/contract.js"), "{query}");
    }
}

#[tokio::test]
async fn an_account_has_no_such_tabs_and_unknown_code_says_how_to_show_its_sources() {
    let html = render(&format!("/explorer/addresses/{LIAR}?tab=contract")).await;
    assert_eq!(html.status, StatusCode::OK);
    assert!(!html.html.contains("tab=read") && !html.html.contains("verify-contract"));
    let html = render(&format!("/explorer/addresses/{LIAR}?tab=read")).await.html;
    assert!(!html.contains("<form method=\"get\" class=\"stack\""));
}
