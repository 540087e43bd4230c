//! Reviews: inert in the miner's profile, with their weight and their receipt, and the form on the page of one's own job.

use frontend::backend::OwnReview;

use super::fixture::{self, Fixture, MINER};
use super::miner_fixture::reviews;
use super::{render, render_with, without_attributes};

#[tokio::test]
async fn a_profile_shows_the_mean_and_each_review_with_its_weight_and_receipt() {
    let html = render(&format!("/miners/{MINER}")).await.html;
    for told in ["4.25 of 5", "1 counts, 1 of unpaid work does not", "4 of 5", "not paid, counts nothing"] {
        assert!(html.contains(told), "{told}");
    }
    for review in reviews() {
        assert!(
            html.contains(&format!("href=\"/explorer/receipts/{}\"", review.receipt_hash)),
            "a receipt is not linked"
        );
    }
    assert!(html.contains("Sharp, and &lt;b&gt;fast&lt;/b&gt; http://x.example"), "the text is not shown as it is");
    assert!(!without_attributes(&html).contains("<b>fast"), "the text became markup");
    assert!(!html.contains("href=\"http://x.example"), "an address in a review became a link");
    assert!(html.contains("An operator hid the text: it insults somebody"));
    assert!(html.contains(&format!("/v1/miners/{MINER}/reviews?cursor=7")), "older ones are not reached");
    let backend = Fixture { empty: true, ..Fixture::default() };
    assert!(render_with(backend, &format!("/miners/{MINER}"), "").await.html.contains("No review yet"));
}

#[tokio::test]
async fn only_the_client_of_a_job_finds_the_form_and_a_final_review_is_only_shown() {
    let receipt = fixture::receipt(1).signed;
    let path = format!("/jobs/{}", receipt.receipt.job_id);
    let of = async |own_reviews: Option<Vec<OwnReview>>| {
        render_with(Fixture { own_reviews, ..Fixture::default() }, &path, "").await.html
    };
    let own = |review, is_open| OwnReview { receipt_hash: receipt.receipt_hash, miner: MINER, review, is_open };
    let nobodys = of(None).await;
    assert!(!nobodys.contains("own-reviews") && !nobodys.contains("/review.js"));
    let waiting = of(Some(vec![])).await;
    assert!(waiting.contains("data-waits=\"true\"") && !waiting.contains("data-receipt"));
    let form = of(Some(vec![own(None, true)])).await;
    assert!(
        form.contains(&format!("data-receipt=\"{}\"", receipt.receipt_hash)) && form.contains("Publish the review")
    );
    let script = form.split("<script").find(|tag| tag.contains("/review.js")).unwrap();
    assert!(script.split('>').next().unwrap().contains(" nonce=\""), "the script does not run: {script}");
    assert_eq!(form.matches("type=\"radio\" name=\"stars\"").count(), 5);
    let (_, fields) = form.split_once("data-receipt=").unwrap();
    assert!(!fields.split("</form>").next().unwrap().contains(" checked"), "stars are chosen already");
    let written = reviews().remove(0);
    let change = of(Some(vec![own(Some(written.clone()), true)])).await;
    assert!(
        change.contains("Change the review") && change.contains("Sharp, and &lt;b&gt;fast"),
        "the words are not there"
    );
    assert!(!without_attributes(&change).contains("<b>fast"), "the words became markup");
    let last = of(Some(vec![own(Some(written), false)])).await;
    assert!(last.contains("4 of 5") && !last.contains("review-0-text"), "a final review can be changed");
}
