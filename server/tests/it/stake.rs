//! `aitbc stake`: what is staked stays visible after its validator has left.

use serde_json::{Value, json};
use shared::Address;

use super::command_line::{aitbc, json, text};
use super::server::{TestServer, is_minted};
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

#[tokio::test(flavor = "multi_thread")]
async fn stake_with_a_validator_that_left_is_shown_until_it_is_taken_out() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let url = format!("http://{}", server.address);
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let submitted = json(&aitbc(&[&LARGE[..], &["--url", &url, "--json"]].concat()).await);
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    server.follow(submitted["id"].as_str().unwrap(), &[], is_minted).await;

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
    assert_eq!(own["stakes"], json!([{ "validator": leaves, "state": "left", "stake": one_and_a_half }]), "{own}");

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
