//! `aitbc stake`: what is staked stays visible after its validator has left, and fees go to those who have staked.

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_ADDRESS, AIToken, STAKING_ADDRESS};
use serde_json::{Value, json};
use shared::Address;
use shared::amount::ATTO_PER_AIT;

use super::command_line::{aitbc, error, json, text};
use super::payments::buyer::Buyer;
use super::server::{PATIENCE, TestServer, is_minted};
use super::wallet::Person;
use super::worker::{TestWorker, key, result};

/// A picture that is large enough to earn some AIT.
const LARGE: [&str; 8] = ["submit", "a lake", "--steps", "8", "--width", "512", "--height", "512"];

async fn status(url: &str, who: &[&str]) -> Value {
    json(&aitbc(&[&["stake", "status"][..], who, &["--url", url, "--json"]].concat()).await)
}

/// The state and the delegated stake of a validator in the list of all.
async fn listed(url: &str, validator: Address) -> Option<(Value, Value)> {
    let all = status(url, &[]).await;
    let row = all.as_array().unwrap().iter().find(|row| row["validator"] == json!(validator))?;
    Some((row["state"].clone(), row["delegated_stake"].clone()))
}

/// Lets the miner of key 1 earn some AIT.
async fn earn(server: &TestServer, url: &str) {
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let submitted = json(&aitbc(&[&LARGE[..], &["--url", url, "--json"]].concat()).await);
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    server.follow(submitted["id"].as_str().unwrap(), &[], is_minted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_are_collected_once_there_are_some_and_claimed_once_they_have_flowed() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let url = format!("http://{}", server.address);
    earn(&server, &url).await;
    let person = Person::new();
    let miner = json(&person.import("miner", &hex::encode(key(1).to_bytes())).await)["address"].clone();
    let miner = miner.as_str().unwrap();
    let all = status(&url, &[]).await;
    let validator = all[0]["validator"].as_str().unwrap();
    let collect = ["collect", "miner", "--url", &url];
    let claim = ["claim", "miner", validator, "--url", &url];
    let refused = async |arguments: &[&str], reason: &str| {
        let said = error(&person.stake(arguments).await);
        assert!(said.contains(reason), "{said}");
    };
    refused(&collect, "nobody has stake").await;
    json(&person.stake(&["delegate", "miner", validator, "1", "--url", &url]).await);
    refused(&collect, "no fees came").await;
    refused(&claim, "has earned nothing").await;

    // Wallets refuse a plain transfer to a contract of genesis.
    let payer = Buyer::with_earnings(&server, 2).await;
    let fee = || async {
        let transfer = AIToken::transferCall { to: STAKING_ADDRESS, value: U256::from(ATTO_PER_AIT / 10) };
        payer.send(&server, AI_TOKEN_ADDRESS, transfer.abi_encode()).await;
    };
    fee().await;
    json(&person.stake(&collect).await);
    let page = String::from_utf8(server.get("/explorer/validators").await.body).unwrap();
    assert!(page.contains("Fees on their way to stake"), "{page}");
    fee().await;
    refused(&collect, "what was collected before arrives until").await;
    // Time passes on a chain with its blocks.
    let earned = tokio::time::timeout(PATIENCE, async {
        while status(&url, &[miner]).await["stakes"][0]["reward"] == json!("0") {
            let transfer = AIToken::transferCall { to: payer.address(), value: U256::from(1) };
            payer.send(&server, AI_TOKEN_ADDRESS, transfer.abi_encode()).await;
        }
    });
    earned.await.unwrap();
    json(&person.stake(&claim).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stake_with_a_validator_that_left_is_shown_until_it_is_taken_out() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let url = format!("http://{}", server.address);
    earn(&server, &url).await;

    let person = Person::new();
    let miner = json(&person.import("miner", &hex::encode(key(1).to_bytes())).await)["address"].clone();
    let miner = miner.as_str().unwrap();
    let admin = std::fs::read_to_string(place.path().join("keys/admin-dev.key")).unwrap();
    json(&person.import("authority", admin.trim()).await);
    let (stays, leaves) = (Address::repeat_byte(0x51), Address::repeat_byte(0x52));
    let (stays_text, leaves_text) = (stays.to_string(), leaves.to_string());
    for validator in [&stays_text, &leaves_text] {
        json(&person.stake(&["admit", "authority", validator, "--power", "1", "--url", &url]).await);
    }
    json(&person.stake(&["delegate", "miner", &leaves_text, "1.5", "--url", &url]).await);
    let one_and_a_half = json!("1500000000000000000");
    assert_eq!(listed(&url, leaves).await, Some((json!("active"), one_and_a_half.clone())));

    json(&person.stake(&["remove", "authority", &leaves_text, "--url", &url]).await);
    json(&person.stake(&["remove", "authority", &stays_text, "--url", &url]).await);
    assert_eq!(listed(&url, leaves).await, Some((json!("left"), one_and_a_half.clone())));
    assert_eq!(listed(&url, stays).await, None, "one that left without stake is of no interest");
    let own = status(&url, &[miner]).await;
    assert_eq!(
        own["stakes"],
        json!([{ "validator": leaves, "state": "left", "stake": one_and_a_half, "reward": "0" }]),
        "{own}"
    );

    json(&person.stake(&["undelegate", "miner", &leaves_text, "1.5", "--url", &url]).await);
    let own = status(&url, &[miner]).await;
    assert_eq!((&own["stakes"], &own["unbonding"][0]["validator"]), (&json!([]), &json!(leaves)), "{own}");
    // Admitted again it is listed once.
    json(&person.stake(&["admit", "authority", &leaves_text, "--power", "1", "--url", &url]).await);
    let all = status(&url, &[]).await;
    let count = all.as_array().unwrap().iter().filter(|row| row["validator"] == json!(leaves)).count();
    assert_eq!((count, listed(&url, leaves).await), (1, Some((json!("active"), json!("0")))));
    let nobody = stays_text.as_str();
    let said = text(&aitbc(&["stake", "status", nobody, "--url", &url]).await);
    assert_eq!(said.trim(), format!("{stays} has staked nothing."));
    server.stop().await;
}
