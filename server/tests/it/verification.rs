//! Sources of contracts: a compiler's recorded answers for real sources against a real chain. The answers were recorded from
//! solc 0.8.37; `e2e/contracts.test.mjs` runs that compiler itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use alloy_primitives::{U256, hex};
use serde_json::{Value, json};
use shared::Address;

use super::payments::buyer::Buyer;
use super::server::{Answer, PATIENCE, TestServer, config};
use super::worker::key;

const COUNTER: (&str, &str) = (include_str!("verification/Counter.sol"), include_str!("verification/Counter.json"));
/// Another comment.
const RENAMED: (&str, &str) = (include_str!("verification/Renamed.sol"), include_str!("verification/Renamed.json"));
/// Another constructor under the same functions.
const CONSTRUCTOR: (&str, &str) =
    (include_str!("verification/Constructor.sol"), include_str!("verification/Constructor.json"));

const VERSION: &str = "v0.8.37+commit.f401782d";

/// It tells the sources apart by what one alone has.
const COMPILER: &str = r#"#!/bin/sh
here=$(dirname "$0")
if [ "$1" = --version ]; then echo 'Version: 0.8.37+commit.f401782d.Recorded'; exit; fi
case "$(cat)" in
  *'Takes all'*) cat "$here/Renamed.json" ;;
  *'first + 1'*) cat "$here/Constructor.json" ;;
  *'never ends'*) sleep 1000 ;;
  *) cat "$here/Counter.json" ;;
esac
"#;

fn compiler(home: &Path) -> PathBuf {
    let folder = home.join("recorded");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, (_, answer)) in [("Counter", COUNTER), ("Renamed", RENAMED), ("Constructor", CONSTRUCTOR)] {
        std::fs::write(folder.join(format!("{name}.json")), answer).unwrap();
    }
    let path = folder.join("solc");
    std::fs::write(&path, COMPILER).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

async fn start(home: &Path) -> TestServer {
    let compilers = vec![compiler(home)];
    TestServer::start_with(server::config::Config { compilers, ..config(&home.join("data")) }).await
}

/// Deploys what the compiler gave, with 41 for the constructor.
async fn deploy(server: &TestServer, (_, answer): (&str, &str)) -> Address {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let code = answer["contracts"]["Counter.sol"]["Counter"]["evm"]["bytecode"]["object"].as_str().unwrap();
    let code = [hex::decode(code).unwrap(), U256::from(41).to_be_bytes_vec()].concat();
    Buyer { key: key(7) }.create(server, code).await
}

fn input(source: &str) -> String {
    let settings = json!({"evmVersion": "cancun", "optimizer": {"enabled": true, "runs": 200}});
    json!({"language": "Solidity", "sources": {"Counter.sol": {"content": source}}, "settings": settings}).to_string()
}

/// A form as browsers write it.
fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let parts: Vec<String> = fields.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect();
    parts.join("&").into_bytes()
}

async fn post(server: &TestServer, fields: &[(&str, &str)]) -> Answer {
    let fields = [&[("module", "contract")], fields].concat();
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    server.send("POST", "/api", &kind, form(&fields)).await
}

/// Sends sources; the answer of `verifysourcecode`. Later fields take the place of the usual ones.
async fn submit(server: &TestServer, address: Address, source: &str, others: &[(&str, &str)]) -> Value {
    let (address, input) = (address.to_string(), input(source));
    let usual = [
        ("action", "verifysourcecode"),
        ("contractaddress", address.as_str()),
        ("codeformat", "solidity-standard-json-input"),
        ("sourceCode", input.as_str()),
        ("contractname", "Counter.sol:Counter"),
        ("compilerversion", VERSION),
    ];
    let answer = post(server, &[&usual, others].concat()).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// What became of sources that were taken.
async fn outcome(server: &TestServer, address: Address, source: &str, others: &[(&str, &str)]) -> String {
    let taken = submit(server, address, source, others).await;
    assert_eq!(taken["status"], "1", "{taken}");
    let guid = taken["result"].as_str().unwrap().to_owned();
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let answer = post(server, &[("action", "checkverifystatus"), ("guid", &guid)]).await.json();
        let told = answer["result"].as_str().unwrap().to_owned();
        if told != "Pending in queue" {
            assert_eq!(answer["status"], if told == "Pass - Verified" { "1" } else { "0" });
            return told;
        }
        // Each question counts, so they come with pauses.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the verification did not end");
}

async fn source_code(server: &TestServer, address: impl std::fmt::Display) -> Value {
    server.get(&format!("/api?module=contract&action=getsourcecode&address={address}")).await.json()
}

async fn page(server: &TestServer, address: Address, query: &str) -> String {
    let answer = server.get(&format!("/explorer/addresses/{address}?{query}")).await;
    let html = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.status, 200, "{query}: {html}");
    html
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_code_is_a_full_match_and_can_be_read_and_written() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path()).await;
    let address = deploy(&server, COUNTER).await;
    assert_eq!(source_code(&server, address).await["result"], "Contract source code not verified");
    let before = page(&server, address, "tab=contract").await;
    assert!(before.contains("forge verify-contract"), "the page says how");
    assert_eq!(outcome(&server, address, COUNTER.0, &[]).await, "Pass - Verified");

    let told = source_code(&server, address).await["result"][0].clone();
    assert_eq!((told["MatchKind"].as_str(), told["ContractName"].as_str()), (Some("full"), Some("Counter")));
    assert_eq!((told["CompilerVersion"].as_str(), told["Runs"].as_str()), (Some(VERSION), Some("200")));
    assert_eq!(told["ConstructorArguments"], format!("{:064x}", 41));
    let input = told["SourceCode"].as_str().unwrap();
    let input: Value = serde_json::from_str(&input[1..input.len() - 1]).unwrap();
    assert_eq!(input["sources"]["Counter.sol"]["content"], COUNTER.0);
    let abi = server.get(&format!("/api?module=contract&action=getabi&address={address}")).await.json();
    assert!(abi["result"].as_str().unwrap().contains("\"Never\""));

    let sources = page(&server, address, "tab=contract").await;
    assert!(sources.contains("Full match") && sources.contains("&lt;script&gt;document.title"));
    for (query, shown) in [
        ("tab=read&function=count()", "41"),
        ("tab=read&function=start()", "41"),
        ("tab=read&function=label()", "&lt;script&gt;document.title"),
        ("tab=read&function=refuse()", "&lt;img src=x"),
        ("tab=read&function=never()", "Never(0x0000000000000000000000000000000000000000)"),
        ("tab=write&function=add(uint256)&a0=2", &format!("0x1003e2d2{:064x}", 2)),
        ("tab=write&function=add(uint256)&a0=-2", "by is of the type uint256"),
        ("tab=write&function=add(uint256)", "by is of the type uint256"),
    ] {
        let html = page(&server, address, query).await;
        assert!(html.contains(shown), "{query} does not show {shown}: {html}");
        assert!(!html.contains("<script>document.title") && !html.contains("<img src=x"), "{query}");
    }
    let again = submit(&server, address, RENAMED.0, &[]).await;
    assert_eq!(
        (again["status"].as_str(), again["result"].as_str()),
        (Some("0"), Some("Contract source code already verified"))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_comment_is_a_partial_match_until_the_true_sources_come() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path()).await;
    let address = deploy(&server, COUNTER).await;
    assert_eq!(outcome(&server, address, RENAMED.0, &[]).await, "Pass - Verified");
    assert_eq!(source_code(&server, address).await["result"][0]["MatchKind"], "partial");
    let html = page(&server, address, "tab=contract").await;
    assert!(html.contains("Partial match") && html.contains("names and comments may differ"));
    // Another partial match takes nobody's place.
    let again = outcome(&server, address, RENAMED.0, &[]).await;
    assert_eq!(again, "Fail - Unable to verify: Contract source code already verified");
    assert_eq!(outcome(&server, address, COUNTER.0, &[]).await, "Pass - Verified");
    let told = source_code(&server, address).await["result"][0].clone();
    assert_eq!(told["MatchKind"], "full");
    assert!(told["SourceCode"].as_str().unwrap().contains("Counts up"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_differs_is_refused_with_the_reason_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path()).await;
    let other = deploy(&server, CONSTRUCTOR).await;
    let told = outcome(&server, other, COUNTER.0, &[]).await;
    assert!(told.contains("its constructor is not the one in these sources"), "{told}");
    let counter = deploy(&server, COUNTER).await;
    let arguments = format!("{:064x}", 42);
    let told = outcome(&server, counter, COUNTER.0, &[("constructorArguements", &arguments)]).await;
    assert!(told.contains(&format!("0x{:064x}", 41)), "{told}");
    let told = outcome(&server, counter, COUNTER.0, &[("contractname", "Counter.sol:Other")]).await;
    assert!(told.contains("hold no contract Counter.sol:Other"), "{told}");
    for address in [other, counter] {
        assert_eq!(source_code(&server, address).await["status"], "0");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compiled_is_refused_before_it_waits() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path()).await;
    let address = deploy(&server, COUNTER).await;
    let fetched = json!({"language": "Solidity", "sources": {"a.sol": {"urls": ["/etc/passwd"]}}}).to_string();
    let checker =
        json!({"language": "Solidity", "sources": {}, "settings": {"modelChecker": {"engine": "all"}}}).to_string();
    let large = "x".repeat(600 << 10);
    for (field, told) in [
        (
            ("compilerversion", "v0.8.36+commit.f401782d"),
            "no compiler 0.8.36+commit.f401782d; it has 0.8.37+commit.f401782d",
        ),
        (("compilerversion", "latest"), "compilerversion is as in"),
        (("contractname", "a.sol:<b>"), "contractname is NAME or PATH:NAME"),
        (("contractaddress", "0x12"), "Invalid contractaddress"),
        (("contractaddress", "0x00000000000000000000000000000000000000aa"), "Unable to locate ContractCode"),
        (("codeformat", "vyper-json"), "codeformat is solidity-standard-json-input"),
        (("sourceCode", "contract A {}"), "no standard JSON input"),
        (("sourceCode", &fetched), "nothing is fetched"),
        (("sourceCode", &checker), "settings.modelChecker is not taken"),
    ] {
        let answer = submit(&server, address, COUNTER.0, &[field]).await;
        assert_eq!(answer["status"], "0", "{field:?}: {answer}");
        assert!(answer["result"].as_str().unwrap().contains(told), "{field:?}: {answer}");
    }
    let plain = format!(
        "module=contract&action=verifysourcecode&contractaddress={address}&contractname=A&compilerversion=v0.8.37%2Bcommit.f401782d&sourceCode={large}"
    );
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answer = server.send("POST", "/api", &kind, plain.into_bytes()).await.json();
    assert!(answer["result"].as_str().unwrap().contains("bytes of sourceCode are up to 524288"), "{answer}");
    let unknown = post(&server, &[("action", "checkverifystatus"), ("guid", &"0".repeat(32))]).await.json();
    assert!(unknown["result"].as_str().unwrap().contains("Unknown guid"), "{unknown}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_few_places_and_a_compiler_that_never_ends_holds_no_stop() {
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path()).await;
    let address = deploy(&server, COUNTER).await;
    for _ in 0..3 {
        assert_eq!(submit(&server, address, "// never ends", &[]).await["status"], "1");
    }
    let refused = submit(&server, address, COUNTER.0, &[]).await;
    assert!(refused["result"].as_str().unwrap().contains("3 of them of one network address"), "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_of_genesis_have_their_sources_without_a_compiler() {
    let home = tempfile::tempdir().unwrap();
    let server = TestServer::start(home.path()).await;
    for (address, name) in [
        (contracts::AI_TOKEN_ADDRESS, "AIToken"),
        (contracts::AI_TOKEN_MINTER_ADDRESS, "AITokenMinter"),
        (contracts::JOB_ESCROW_ADDRESS, "JobEscrow"),
        (contracts::EXCHANGE_SETTLEMENT_ADDRESS, "ExchangeSettlement"),
        (contracts::MODEL_BOUNTY_ADDRESS, "ModelBounty"),
        (contracts::TEST_DOLLAR_ADDRESS, "TestDollar"),
        (contracts::BRIDGED_ETHER_ADDRESS, "BridgedToken"),
    ] {
        let told = source_code(&server, address).await["result"][0].clone();
        assert_eq!(
            (told["ContractName"].as_str(), told["MatchKind"].as_str()),
            (Some(name), Some("genesis")),
            "{told}"
        );
    }
    let html = page(&server, contracts::AI_TOKEN_ADDRESS, "tab=read&function=symbol()").await;
    assert!(html.contains("class=\"raw\">AIT<"), "{html}");
    let html = page(
        &server,
        contracts::AI_TOKEN_ADDRESS,
        "tab=write&function=transfer(address,uint256)&a0=0x00000000000000000000000000000000000000aa&a1=5",
    )
    .await;
    assert!(html.contains("0xa9059cbb"));
    // Sources of others are taken nowhere here, and the server says why.
    let address = deploy(&server, COUNTER).await;
    let refused = submit(&server, address, COUNTER.0, &[]).await;
    assert!(refused["result"].as_str().unwrap().contains("--solc"), "{refused}");
    let html = page(&server, address, "tab=contract").await;
    assert!(html.contains("no compiler") && !html.contains("forge"));
    server.stop().await;
}
