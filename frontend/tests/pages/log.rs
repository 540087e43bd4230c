//! What pages say of the hub's log, and of jobs that ended without a result.

use frontend::backend::CheckedFailure;
use serde_json::{Value, json};
use shared::job::JobKind;
use shared::job::lifecycle::JobState;

use crate::fixture::{self, Fixture};
use crate::{render, render_with};

/// A case of the vectors, with what the API adds.
fn failure(case: usize, more: &Value) -> CheckedFailure {
    let vectors: Value = serde_json::from_str(include_str!("../../../shared/tests/vectors/job_failure.json")).unwrap();
    let case = &vectors["cases"][case];
    let mut view = json!({"failure": case["failure"], "failure_hash": case["failure_hash"],
        "hub_signature": case["hub_signature"], "log_index": 4_321});
    view.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    CheckedFailure { view: serde_json::from_value(view).unwrap(), signature: Ok(()), is_this_hubs: true }
}

async fn page_of(checked: CheckedFailure, state: JobState) -> String {
    let id = fixture::receipt(1).signed.receipt.job_id;
    let mut job = fixture::job(id, JobKind::Image, "a city");
    (job.state, job.receipt_hash, job.mint) = (state, None, None);
    job.artifacts.clear();
    let backend = Fixture { known: vec![job], failure: Some(checked), ..Fixture::default() };
    render_with(backend, &format!("/jobs/{id}"), "").await.html
}

#[tokio::test]
async fn a_failed_job_says_why_by_whose_fault_and_that_the_hub_signed_it() {
    let html = page_of(failure(0, &json!({})), JobState::Failed).await;
    for told in [
        "Why there is no result",
        "3 tries failed",
        "the check of a result",
        "out of memory",
        "the miner’s fault",
        "the network’s fault",
        ": the connection was lost",
        "a miner that is not recorded",
        "holds: this hub’s key signed this record",
        "1 more came before these.",
        "/v1/log/proof/inclusion?failure=job_fedcba98765432100123456789abcdef",
    ] {
        assert!(html.contains(told), "{told}");
    }
    // The try that is left out was the first.
    assert!(html.contains("<dt>Try 2</dt>") && html.contains("<dt>Try 3</dt>") && !html.contains("<dt>Try 1</dt>"));
    assert!(!html.contains("Given back"), "nobody paid for it");
    assert!(html.contains("Without a served result there is no receipt."));
}

#[tokio::test]
async fn a_paid_job_says_what_went_back_and_a_private_one_tells_no_words_of_its_miners() {
    let transaction = format!("0x{}", "0a".repeat(32));
    let refund = json!({"refund": {"amount": "2500000000000000000", "log_index": 5_000,
        "transaction": {"transaction_hash": transaction, "block_number": 2}}});
    let html = page_of(failure(1, &refund), JobState::Canceled).await;
    assert!(html.contains("Given back") && html.contains(&format!("/explorer/transactions/{transaction}")));
    assert!(html.contains("canceled") && html.contains("the client canceled it"));
    assert!(html.contains("its words are sealed") && html.contains("nobody’s fault: the job ended meanwhile"));
    let waiting = page_of(failure(1, &json!({})), JobState::Canceled).await;
    assert!(waiting.contains("not yet in a block"));
}

#[tokio::test]
async fn a_record_that_does_not_hold_is_not_shown_as_one_that_does() {
    let altered = CheckedFailure { signature: Err("another hash".to_owned()), ..failure(2, &json!({})) };
    let html = page_of(altered, JobState::Expired).await;
    assert!(html.contains("does not hold: another hash") && !html.contains("holds: this hub"));
    let of_another = CheckedFailure { is_this_hubs: false, ..failure(2, &json!({})) };
    let html = page_of(of_another, JobState::Expired).await;
    assert!(html.contains("holds, but the key is not this hub’s"));
}

#[tokio::test]
async fn a_receipt_says_where_it_stands_in_the_log_and_the_explorer_how_long_the_log_is() {
    let receipt = fixture::receipt(1).signed;
    let proof = format!("/v1/log/proof/inclusion?receipt={}", receipt.receipt_hash);
    for path in [format!("/explorer/receipts/{}", receipt.receipt_hash), format!("/jobs/{}", receipt.receipt.job_id)] {
        let html = render(&path).await.html;
        assert!(html.contains("In the log") && html.contains("12\u{202f}344"), "{path}");
        assert!(html.contains("/v1/log/proof/inclusion?receipt=0x"), "{path}");
        assert!(!html.contains("Why there is no result"), "{path}");
    }
    assert!(render(&format!("/explorer/receipts/{}", receipt.receipt_hash)).await.html.contains(&proof));
    let html = render("/explorer").await.html;
    assert!(html.contains("data-testid=\"log\"") && html.contains("12\u{202f}345"));
    assert!(html.contains(&format!("0x{}", "0e".repeat(32))) && html.contains("/v1/log/checkpoint"));
}
