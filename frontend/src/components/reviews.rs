//! Reviews of a miner, and the form with which the client of a job leaves one. `review.js` sends it.

use leptos::prelude::*;
use serde_json::json;
use shared::Address;
use shared::amount::Amount;
use shared::api::page::Page;
use shared::api::reviews::ReviewView;
use shared::review::{REVIEW_TEXT_MAX_CHARS, STARS_MAX, STARS_MIN};

use super::facts::Section;
use super::notice::Empty;
use super::tables::Table;
use super::value::{AddressValue, Age, AmountValue, HashValue};
use crate::backend::OwnReview;
use crate::format::escaped;
use crate::text::reviews as words;

/// Where the forms of a job's page are. The script fetches them there once the job has a receipt.
pub const OWN_REVIEWS: &str = "own-reviews";

/// What clients said of a miner, the newest ones.
#[component]
pub fn ReviewSection(miner: Address, reviews: Page<ReviewView>) -> impl IntoView {
    let Page { items, next_cursor } = reviews;
    let older = next_cursor.map(|cursor| format!("/v1/miners/{miner}/reviews?cursor={cursor}"));
    let shown = if items.is_empty() {
        view! { <Empty title=words::NONE_TITLE detail=words::NONE /> }.into_any()
    } else {
        view! { <ReviewTable reviews=items /> }.into_any()
    };
    view! {
        <Section title=words::TITLE>
            {shown}
            <p class="section-note">
                {words::NOTE} {older.map(|href| view! { " " <a href=href>{words::OLDER}</a> })}
            </p>
        </Section>
    }
}

#[component]
fn ReviewTable(reviews: Vec<ReviewView>) -> impl IntoView {
    let rows = reviews.into_iter().map(|review| view! { <ReviewRow review /> }).collect_view();
    let columns = vec![
        (words::STARS, None),
        (words::TEXT, Some("wrapped")),
        (words::WEIGHT, Some("number")),
        (words::AUTHOR, Some("wide-only")),
        (words::RECEIPT, None),
        (words::WHEN, Some("wide-only")),
    ];
    view! { <Table name="reviews" columns rows /> }
}

#[component]
fn ReviewRow(review: ReviewView) -> impl IntoView {
    let ReviewView { receipt_hash, author, stars, paid, text, hidden_reason, .. } = review;
    let written_at = review.edited_at_unix_ms.unwrap_or(review.created_at_unix_ms);
    let said = match hidden_reason {
        Some(reason) => view! { <span class="quiet">{words::hidden(&reason)}</span> }.into_any(),
        None => text.unwrap_or_default().into_any(),
    };
    let weight = if paid == Amount::ZERO {
        view! { <span class="quiet">{words::NO_WEIGHT}</span> }.into_any()
    } else {
        view! { <AmountValue amount=paid /> }.into_any()
    };
    view! {
        <tr data-review=receipt_hash.to_string()>
            <td>{words::stars(stars.get())}</td>
            <td class="wrapped">{said}</td>
            <td class="number">{weight}</td>
            <td class="wide-only">
                <AddressValue address=author without_copy=true />
            </td>
            <td>
                <HashValue hash=receipt_hash href=format!("/explorer/receipts/{receipt_hash}") without_copy=true />
            </td>
            <td class="wide-only">
                <Age at=written_at />
            </td>
        </tr>
    }
}

/// What the client of a job says of it, or may say.
#[component]
pub fn OwnReviews(reviews: Vec<OwnReview>) -> impl IntoView {
    let facts = json!({
        "words": { "failed": words::FAILED, "offline": words::OFFLINE, "refused": words::FAILED, "choose": words::CHOOSE },
    });
    let is_waiting = reviews.is_empty();
    let several = reviews.len() > 1;
    let parts = reviews.into_iter().enumerate().map(|(at, own)| view! { <Own own at several /> }).collect_view();
    view! {
        <div id=OWN_REVIEWS data-facts=facts.to_string() data-waits=is_waiting.to_string()>
            <Section title=words::OWN>
                <p class="section-note">{if is_waiting { words::WAITS } else { words::OWN_NOTE }}</p>
                {parts}
                <noscript>
                    <p class="section-note">{words::NEEDS_SCRIPT}</p>
                </noscript>
            </Section>
        </div>
    }
}

#[component]
fn Own(own: OwnReview, at: usize, several: bool) -> impl IntoView {
    let OwnReview { receipt_hash, miner, review, is_open } = own;
    let heading = several.then(|| view! { <p>{words::WORK_OF} " " <AddressValue address=miner miner=true /></p> });
    let part = if is_open {
        view! { <ReviewForm receipt=receipt_hash.to_string() miner review at /> }.into_any()
    } else {
        review.map(|review| view! { <ReviewTable reviews=vec![review] /> }).into_any()
    };
    view! {
        {heading}
        {part}
    }
}

#[component]
fn ReviewForm(receipt: String, miner: Address, review: Option<ReviewView>, at: usize) -> impl IntoView {
    let given = review.as_ref().map(|review| review.stars.get());
    let stars = (STARS_MIN..=STARS_MAX)
        .map(|count| {
            view! {
                <label>
                    <input type="radio" name="stars" value=count.to_string() checked=given == Some(count) />
                    {words::stars(count)}
                </label>
            }
        })
        .collect_view();
    let send = if review.is_some() { words::CHANGE } else { words::SEND };
    let text = escaped(&review.and_then(|review| review.text).unwrap_or_default());
    let id = |part: &str| format!("review-{at}-{part}");
    view! {
        <form class="form" id=format!("review-{at}") data-receipt=receipt data-miner=miner.to_string()>
            <div class="segments" role="radiogroup" aria-label=words::QUESTION>
                {stars}
            </div>
            <div class="field">
                <label for=id("text")>{words::WORDS}</label>
                <textarea id=id("text") name="text" rows="2" maxlength=REVIEW_TEXT_MAX_CHARS.to_string() aria-describedby=id("help")>{text}</textarea>
                <span class="field-help" id=id("help")>{words::WORDS_HELP}</span>
            </div>
            <div class="actions">
                <button type="submit" class="button button-quiet">
                    {send}
                </button>
            </div>
            <p class="section-note" role="status" id=id("status")></p>
            <p class="field-error" role="alert" id=id("error") hidden></p>
        </form>
    }
}
