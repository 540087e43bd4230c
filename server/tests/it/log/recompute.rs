//! `aitbc audit recompute` agrees with an honest hub, and finds rows that somebody edited and a log that was rewritten.

use std::process::Output;

use serde_json::Value;

use super::{cancel_one, checkpoint, serve_one};
use crate::command_line::{aitbc, error, json, text};
use crate::server::{TestServer, is_minted};
use crate::victim::change_rows;

const DIFFERS: i32 = 3;

async fn recompute(server: &TestServer, more: &[&str]) -> Output {
    let url = format!("http://{}", server.address);
    aitbc(&[&["audit", "recompute", "--url", &url][..], more].concat()).await
}

/// What the command names, as `subject: detail`.
fn differences(output: &Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(DIFFERS), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["agrees"], false);
    let named = answer["differences"].as_array().unwrap().iter();
    named.map(|one| format!("{}: {}", one["subject"].as_str().unwrap(), one["detail"].as_str().unwrap())).collect()
}

/// Two receipts, both minted, and a failure.
async fn worked(server: &TestServer) {
    cancel_one(server, 1).await;
    let mut worker = server.connect_worker().await;
    for seed in [2, 3] {
        let id = server.submit(&[], seed).await;
        serve_one(server, &mut worker).await;
        server.follow(&id, &[], is_minted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_row_is_found_and_named_and_an_honest_hub_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    assert!(text(&recompute(&server, &[]).await).contains("0 entries"), "an empty log agrees");
    worked(&server).await;
    let agreed = json(&recompute(&server, &["--json"]).await);
    assert_eq!((agreed["agrees"].as_bool(), agreed["size"].as_u64()), (Some(true), Some(3)), "{agreed}");
    assert_eq!((agreed["entries"]["receipt"].as_u64(), agreed["entries"]["failure"].as_u64()), (Some(2), Some(1)));
    assert_eq!((agreed["miners"].as_u64(), agreed["notes"].as_array().map(Vec::len)), (Some(1), Some(0)), "{agreed}");

    let edits = [
        "UPDATE miner SET jobs_completed = jobs_completed + 1, faults = faults + 2, audits_refuted = 1, \
         earned_ait = earned_ait + 5, pending_ait = pending_ait + 7",
        "UPDATE job_receipt SET amount_ait = amount_ait + 9 WHERE seq = 1",
        "UPDATE job_receipt SET block_number = block_number + 1 WHERE seq = 2",
        "UPDATE log_entry SET entry = replace(entry, 'the client canceled it', 'the miner was at fault')",
    ];
    change_rows(folder.path(), &edits).await;
    let named = differences(&recompute(&server, &["--json"]).await);
    for told in [
        "(jobs completed): 2 follows from the log and the chain, and the hub says 3",
        "(faults): 0 follows from the log and the chain, and the hub says 2",
        "(audits refuted): 0 follows from the log and the chain, and the hub says 1",
        "(earned): ",
        "(pending): 0 AIT follows from the log and the chain, and the hub says 7 AIT",
        "(amount): it is worth ",
        "(payment): the chain minted it in block ",
        "entry 0 of the log: its bytes hash to ",
        "entry 0 of the log: failure_hash is ",
    ] {
        assert_eq!(named.iter().filter(|one| one.contains(told)).count(), 1, "{told} in {named:#?}");
    }
    assert_eq!(named.len(), 9, "{named:#?}");

    let undone = [
        "UPDATE miner SET jobs_completed = jobs_completed - 1, faults = faults - 2, audits_refuted = 0, \
         earned_ait = earned_ait - 5, pending_ait = pending_ait - 7",
        "UPDATE job_receipt SET amount_ait = amount_ait - 9 WHERE seq = 1",
        "UPDATE job_receipt SET block_number = block_number - 1 WHERE seq = 2",
        "UPDATE log_entry SET entry = replace(entry, 'the miner was at fault', 'the client canceled it')",
    ];
    change_rows(folder.path(), &undone).await;
    assert!(text(&recompute(&server, &[]).await).contains("what follows from its log and the chain"));

    // A receipt and a node of the tree are removed.
    let removed =
        ["DELETE FROM job_receipt WHERE seq = 1", "UPDATE log_node SET hash = zeroblob(32) WHERE position = 1"];
    change_rows(folder.path(), &removed).await;
    let named = differences(&recompute(&server, &["--json"]).await);
    for told in
        ["the hub does not list it", "entry 1 of the log: its bytes hash to ", "log: the signed root of 3 entries"]
    {
        assert!(named.iter().any(|one| one.contains(told)), "{told} in {named:#?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_checkpoint_shows_that_the_log_was_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    worked(&server).await;
    let kept = folder.path().join("checkpoint.json");
    let kept_argument = ["--json", "--checkpoint", kept.to_str().unwrap()];
    assert_eq!(json(&recompute(&server, &kept_argument).await)["agrees"], true);
    let first = std::fs::read(&kept).unwrap();
    cancel_one(&server, 4).await;
    assert_eq!(json(&recompute(&server, &kept_argument).await)["agrees"], true, "the log has grown");
    let second = std::fs::read(&kept).unwrap();
    assert_ne!(first, second, "the newest checkpoint is kept");
    let size = checkpoint(&server).await.size;
    server.stop().await;

    // The hub begins its log anew. Its counts and its new log would not contradict each other.
    let forget = ["DELETE FROM log_entry", "DELETE FROM log_node", "DELETE FROM log_head", "DELETE FROM job_receipt"];
    change_rows(folder.path(), &[&forget[..], &["DELETE FROM miner"]].concat()).await;
    let server = TestServer::start(folder.path()).await;
    let named = differences(&recompute(&server, &kept_argument).await);
    let told = format!("it had {size} entries under a signed checkpoint, and now has 0");
    assert!(named.iter().any(|one| one.contains(&told)), "{named:#?}");
    for seed in 0..=size {
        cancel_one(&server, 100 + seed).await;
    }
    let named = differences(&recompute(&server, &kept_argument).await);
    let told = "log: it does not begin with the log of the kept checkpoint";
    assert!(named.iter().any(|one| one.contains(told)), "{named:#?}");
    assert_eq!(std::fs::read(&kept).unwrap(), second, "the evidence is kept");
    let without = recompute(&server, &[]).await;
    assert!(text(&without).contains("receipts that the chain paid are not in this log"), "only a note without it");

    let wrong_key = error(&recompute(&server, &["--hub", &format!("0x{}", "01".repeat(20))]).await);
    assert!(wrong_key.contains("the checkpoint is signed by"), "{wrong_key}");
    server.stop().await;
}
