//! The gallery of a browser's own jobs, by time and by meaning.

use axum::http::StatusCode;
use shared::api::jobs::JobView;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::request::Work;

use crate::fixture::{self, Fixture};
use crate::{Rendered, render_with, without_attributes};

const PROMPTS: [&str; 3] = ["a desert at noon", "a city skyline at night", "a lake at dusk"];
const QUERY: &str = "boats";

fn id(number: u128) -> JobId {
    JobId::from_random(number)
}

/// A finished search for `texts[0]` among the rest.
fn search(texts: &[&str]) -> JobView {
    let mut job = fixture::job(id(9), JobKind::Embedding, QUERY);
    let Work::Embedding(input) = &mut job.work else { panic!("{:?}", job.work) };
    input.input = texts.iter().map(|text| (*text).to_owned()).collect();
    job
}

/// Three pictures and a search that puts them in another order than that of time.
fn network(search: JobView) -> Fixture {
    let pictures = (0..).zip(PROMPTS).map(|(number, prompt)| fixture::job(id(number), JobKind::Image, prompt));
    let known = pictures.chain([search]).collect();
    let vectors = vec![vec![1.0, 0.0], vec![-1.0, 0.5], vec![0.1, 1.0], vec![1.0, 0.2]];
    Fixture { known, vectors, ..Fixture::default() }
}

async fn gallery(backend: Fixture, like: &str) -> Rendered {
    let ids: Vec<String> = (0..3).map(|number| id(number).to_string()).collect();
    render_with(backend, &format!("/jobs?like={like}&ids={}", ids.join(",")), "").await
}

/// The prompts as they stand on the page, newest first where nothing else was asked for.
fn order(html: &str) -> Vec<&str> {
    let start = |prompt: &&str| html.find(&format!(">{prompt}</span>"));
    let mut prompts = PROMPTS.to_vec();
    prompts.sort_by_key(start);
    assert!(prompts.iter().all(|prompt| start(prompt).is_some()), "a job is not shown");
    prompts
}

#[tokio::test]
async fn a_search_puts_the_nearest_first_and_names_its_proof() {
    let asked = search(&[QUERY, PROMPTS[0], PROMPTS[1], PROMPTS[2]]);
    let page = gallery(network(asked), &id(9).to_string()).await;
    assert_eq!(order(&page.html), [PROMPTS[2], PROMPTS[1], PROMPTS[0]]);
    assert!(page.html.contains(&format!("<q>{QUERY}</q>")), "what was looked for is repeated");
    assert!(page.html.contains(&format!("href=\"/jobs/{}\"", id(9))), "the job that measured it is linked");
    assert!(page.html.contains("Show the newest first"), "there is a way back");
    for figure in ["0.98", "0.10", "\u{2212}0.89"] {
        assert!(page.html.contains(figure), "{figure} is shown");
    }
}

#[tokio::test]
async fn prompts_that_hold_the_words_come_before_nearer_ones() {
    let asked = search(&["deserts", PROMPTS[0], PROMPTS[1], PROMPTS[2]]);
    let page = gallery(network(asked), &id(9).to_string()).await;
    assert_eq!(order(&page.html), [PROMPTS[0], PROMPTS[2], PROMPTS[1]]);
    assert!(page.html.contains("Prompts with "), "the order is said");
}

#[tokio::test]
async fn without_a_search_the_newest_come_first_and_nothing_is_said_of_meaning() {
    let page = gallery(network(search(&[QUERY, PROMPTS[2]])), "").await;
    assert_eq!(order(&page.html), PROMPTS);
    assert!(!page.html.contains("gallery-order") && !page.html.contains("canvas-word"));
}

#[tokio::test]
async fn a_prompt_that_was_not_measured_comes_last() {
    let backend = Fixture { vectors: vec![vec![1.0], vec![1.0]], ..network(search(&[QUERY, PROMPTS[2]])) };
    let page = gallery(backend, &id(9).to_string()).await;
    assert_eq!(order(&page.html), [PROMPTS[2], PROMPTS[0], PROMPTS[1]]);
}

#[tokio::test]
async fn a_name_that_leads_to_no_measure_is_told_and_changes_no_order() {
    let whole = || search(&[QUERY, PROMPTS[0], PROMPTS[1], PROMPTS[2]]);
    let in_state = |state| JobView { state, ..whole() };
    let searches = [
        (id(9).to_string(), in_state(JobState::Running), "has not compared them yet"),
        (id(9).to_string(), in_state(JobState::Expired), "No miner compared them in time"),
        (id(9).to_string(), search(&[QUERY, "somebody else’s prompt"]), "was about other prompts"),
        (id(1).to_string(), whole(), "compared no meanings"),
        (id(8).to_string(), whole(), "is not on this server"),
        ("%3Cscript%3E".to_owned(), whole(), "is not on this server"),
    ];
    for (like, search, told) in searches {
        let page = gallery(network(search), &like).await;
        assert_eq!(page.status, StatusCode::OK, "{like}");
        assert!(page.html.contains(told), "{like}: {told}");
        assert_eq!(order(&page.html), PROMPTS, "{like}");
        assert!(!page.html.contains("canvas-word"), "{like}: a figure that nobody measured");
        assert!(!page.html.contains("Show the newest first"), "{like}: they come first already");
        assert!(!page.html.contains("somebody else’s prompt"), "{like}: a foreign prompt is shown");
    }
}

#[tokio::test]
async fn a_search_that_is_withheld_orders_its_creators_gallery_alone() {
    let asked = || JobView { withheld: true, ..search(&[QUERY, PROMPTS[0], PROMPTS[1], PROMPTS[2]]) };
    let own = gallery(Fixture { is_creator: true, ..network(asked()) }, &id(9).to_string()).await;
    assert_eq!(order(&own.html), [PROMPTS[2], PROMPTS[1], PROMPTS[0]]);
    let foreign = gallery(network(asked()), &id(9).to_string()).await;
    assert_eq!((foreign.status, order(&foreign.html)), (StatusCode::OK, PROMPTS.to_vec()));
    assert!(foreign.html.contains("Only the one who asked for this comparison sees it for now"));
    assert!(!foreign.html.contains("canvas-word") && !foreign.html.contains("<q>"), "something of it is told");
}

#[tokio::test]
async fn vectors_without_sense_order_nothing() {
    for vectors in [vec![], vec![vec![]; 4], vec![vec![0.0]; 4], vec![vec![1.0], vec![1.0, 2.0]]] {
        let backend = Fixture { vectors, ..network(search(&[QUERY, PROMPTS[0], PROMPTS[1], PROMPTS[2]])) };
        let page = gallery(backend, &id(9).to_string()).await;
        assert_eq!((page.status, order(&page.html)), (StatusCode::OK, PROMPTS.to_vec()));
    }
}

#[tokio::test]
async fn a_hostile_search_stays_text() {
    let hostile = "</q><script>alert(1)</script>";
    let asked = search(&[hostile, PROMPTS[0], PROMPTS[1], PROMPTS[2]]);
    let html = gallery(network(asked), &id(9).to_string()).await.html;
    assert!(html.contains("&lt;script&gt;alert(1)"), "the search is shown");
    assert!(!without_attributes(&html).contains("<script>alert"), "the search became markup");
}
