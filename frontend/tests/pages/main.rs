//! Renders every page as the server does and looks at the HTML that a reader without scripts gets.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
// As in the server, which renders the same types.
#![recursion_limit = "512"]

mod account;
mod admin;
mod bids;
mod bounties;
mod contracts;
mod exchange;
mod exchange_fixture;
mod fixture;
mod gallery;
mod job_fixture;
mod log;
mod marketplace;
mod marketplace_fixture;
mod miner_fixture;
mod receipt_fixture;
mod reviews;
mod search;
mod tokens;
mod validator_fixture;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use fixture::Fixture;
use frontend::app::{App, ChainLabel, SignedIn, shell};
use frontend::backend::{Backend, OperatorBackend};
use frontend::live_job::LiveJob;
use leptos::prelude::*;
use shared::api::audits::Unaudited;
use shared::api::jobs::{JobView, TaskView};
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::request::Work;
use shared::job::task::{Part, TaskRole};

/// Largest page that a test reads.
const PAGE_MAX_BYTES: usize = 4 << 20;

struct Rendered {
    status: StatusCode,
    location: Option<String>,
    html: String,
}

async fn render_with(backend: Fixture, path: &str, cookie: &str) -> Rendered {
    render_for(backend, None, path, cookie).await
}

/// `operator` is what the server gives to pages of an operator's session alone.
async fn render_for(
    backend: Fixture,
    operator: Option<Arc<dyn OperatorBackend>>,
    path: &str,
    cookie: &str,
) -> Rendered {
    let signed_in = backend.account.as_ref().map(|account| SignedIn(account.address));
    let backend: Arc<dyn Backend> = Arc::new(backend);
    let context = move || {
        if let Some(signed_in) = signed_in {
            provide_context(signed_in);
        }
        provide_context(Arc::clone(&backend));
        if let Some(operator) = &operator {
            provide_context(Arc::clone(operator));
        }
        provide_context(ChainLabel { chain_id: shared::chain::DEV_CHAIN_ID, dev: true });
    };
    let options = LeptosOptions::builder().output_name("frontend").build();
    let _ = leptos_axum::generate_route_list_with_exclusions_and_ssg_and_context(App, None, context.clone());
    let handler = leptos_axum::render_app_async_with_context(context, move || shell(options.clone()));
    let request = Request::builder()
        .uri(path)
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, cookie)
        .body(Body::empty())
        .unwrap();
    let response = handler(request).await;
    let location = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), PAGE_MAX_BYTES).await.unwrap();
    // Leptos ends the parts of a page with empty comments, which nobody sees.
    Rendered { status, location, html: String::from_utf8(body.to_vec()).unwrap().replace("<!>", "") }
}

async fn render(path: &str) -> Rendered {
    render_with(Fixture::default(), path, "").await
}

fn pages() -> Vec<String> {
    let receipt = fixture::receipt(1);
    let (hash, job) = (receipt.signed.receipt_hash, receipt.signed.receipt.job_id);
    let miner = receipt.signed.receipt.provider;
    let fixed = [
        "/",
        "/jobs",
        "/account",
        "/pay",
        "/explorer",
        "/explorer/blocks",
        "/explorer/receipts",
        "/explorer/validators",
        "/exchange/AIT-tUSD",
        "/exchange/AIT-tUSD?interval=1d",
        "/models",
        "/models?kind=text",
        "/models/aitbc-scenes-1",
        "/bounties",
        "/miners",
        "/miners?kind=image&gpu=rtx&sort=-price&free=1",
        "/miners?list=all",
        "/wallet",
        "/wallet/allowances",
        "/wallet/tokens",
        "/design",
    ];
    let named = [
        format!("/jobs/{job}"),
        "/explorer/blocks/0".to_owned(),
        "/explorer/blocks/3".to_owned(),
        format!("/explorer/transactions/{}", fixture::transaction(1).summary.hash),
        format!("/explorer/transactions/{}/calls", fixture::transaction(1).summary.hash),
        format!("/explorer/addresses/{miner}"),
        format!("/explorer/addresses/{miner}?tab=transfers"),
        format!("/explorer/addresses/{miner}?tab=tokens"),
        format!("/explorer/addresses/{miner}?tab=receipts"),
        format!("/explorer/addresses/{}?tab=contract", fixture::LIAR),
        format!("/explorer/addresses/{}?tab=contract", shared::chain::TOKEN_ADDRESS),
        format!("/explorer/addresses/{}?tab=read&function=fails()", shared::chain::TOKEN_ADDRESS),
        format!("/explorer/addresses/{}?tab=write&function=buy()", shared::chain::TOKEN_ADDRESS),
        "/explorer/tokens".to_owned(),
        format!("/explorer/tokens/{}", fixture::LIAR),
        format!("/explorer/tokens/{}?tab=transfers&cursor=5-1", fixture::LIAR),
        format!("/explorer/receipts/{hash}"),
        format!("/miners/{miner}"),
        "/explorer/search?q=nothing".to_owned(),
    ];
    fixed.map(str::to_owned).into_iter().chain(named).collect()
}

#[tokio::test]
async fn every_page_is_complete_without_script() {
    for path in pages() {
        let page = render(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.html.matches("<h1").count(), 1, "{path} has one heading of the first order");
        let (head, body) = page.html.split_once("</head>").unwrap();
        assert_eq!(head.matches("<title>").count(), 1, "{path} has one title");
        // Points of charts have titles of their own.
        let has_charts = path == "/explorer" || path.starts_with("/models/") || path.starts_with("/exchange/");
        assert!(has_charts || !body.contains("<title>"), "{path} has a title in its body");
        assert!(page.html.contains("<main id=\"content\">"), "{path} has content to skip to");
        assert!(!page.html.contains(" style=\""), "{path} has a style that the policy forbids");
    }
}

#[tokio::test]
async fn scripts_run_only_with_the_nonce() {
    for path in pages() {
        let html = render(&path).await.html;
        for script in html.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(" nonce=\""), "{path} has a script without a nonce:{tag}");
        }
    }
}

/// The document without attribute values, in which `<` stands for nothing.
fn without_attributes(html: &str) -> String {
    html.split('"').step_by(2).collect()
}

#[tokio::test]
async fn validators_stand_with_what_their_power_is_made_of() {
    // Digits are grouped by narrow spaces.
    let page = render("/explorer/validators").await.html.replace('\u{202f}', " ");
    for told in ["2 validators have the voting power 2 000 335. A block needs 1 333 557 of it.", "1 000 335", "310"] {
        assert!(page.contains(told), "{told}");
    }
    for told in ["Fees on their way to stake", "Fees to be collected", "Stake that earns", "2027-01-15"] {
        assert!(page.contains(told), "{told}");
    }
}

#[tokio::test]
async fn a_block_names_everybody_who_signed_it_and_genesis_nobody() {
    let page = render("/explorer/blocks/3").await.html;
    assert!(page.contains("3 of 4 validators, voting power 4 of 5, round 1"));
    for signer in [0xc1, 0xc2, 0xc4] {
        let address = shared::Address::repeat_byte(signer);
        assert!(page.contains(&format!("/explorer/addresses/{address}")), "{address} signed and is not shown");
    }
    assert!(!page.contains(&shared::Address::repeat_byte(0xc3).to_string()), "one who did not sign is shown");
    assert!(!render("/explorer/blocks/0").await.html.contains("Decided by"));
}

#[tokio::test]
async fn a_hostile_prompt_stays_text() {
    let hostile = "</title></textarea><script>alert(1)</script><img src=x onerror=alert(2)>";
    let backend = Fixture { prompt: hostile.to_owned(), ..Fixture::default() };
    let job = fixture::receipt(1).signed.receipt.job_id;
    let job_page = render_with(backend, &format!("/jobs/{job}"), "").await.html;
    assert!(job_page.contains("&lt;script&gt;alert(1)"), "the prompt is shown");
    let link = "/?prompt=%3C%2Ftextarea%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%3Cimg%20src=x%3E";
    for (name, html) in [("job page", job_page), ("link", render(link).await.html)] {
        let markup = without_attributes(&html);
        for forbidden in ["<script>alert", "<img src=x", "</title></textarea>"] {
            assert!(!markup.contains(forbidden), "{name}: the prompt became {forbidden}");
        }
    }
}

#[tokio::test]
async fn a_text_job_shows_its_answer_as_text_and_an_embedding_its_size() {
    let path = format!("/jobs/{}", fixture::receipt(1).signed.receipt.job_id);
    let answer = " \n<script>alert(1)</script>\nLights over water.\n".to_owned();
    let backend = Fixture { kind: JobKind::Text, answer, ..Fixture::default() };
    let html = render_with(backend, &path, "").await.html;
    assert!(html.contains("&lt;script&gt;alert(1)") && html.contains("Lights over water."), "the answer is shown");
    assert!(!without_attributes(&html).contains("<script>alert"), "the answer became markup");
    assert!(html.contains(">&lt;script&gt;alert(1)") && html.contains("water.</p>"), "blanks are around the answer");
    assert!(!html.contains("canvas-frame"), "a text has no picture frame");
    let backend = Fixture { kind: JobKind::Embedding, ..Fixture::default() };
    let html = render_with(backend, &path, "").await.html;
    assert!(html.contains("2 vectors of 384 numbers"), "the size of the embedding is said");
}

#[tokio::test]
async fn a_receipt_speaks_of_the_work_that_was_done_and_of_every_digit() {
    let path = format!("/jobs/{}", fixture::receipt(1).signed.receipt.job_id);
    let picture = render(&path).await.html;
    assert!(picture.contains("width × height × steps") && picture.contains("Picture, sealed"));
    for kind in [JobKind::Text, JobKind::Embedding] {
        let html = render_with(Fixture { kind, ..Fixture::default() }, &path, "").await.html;
        assert!(html.contains("the tokens that the model read") && html.contains("Result, sealed"), "{kind:?}");
        for wrong in ["width × height", "Picture, sealed", "that drew", ">user<"] {
            assert!(!html.contains(wrong), "{kind:?}: {wrong}");
        }
        assert!(html.contains(".234567890123456789"), "{kind:?}: the amount is cut");
    }
}

#[tokio::test]
async fn a_receipt_says_which_task_it_is_for_who_pays_it_and_until_when() {
    let receipt = fixture::receipt(1).signed;
    let html = render(&format!("/explorer/receipts/{}", receipt.receipt_hash)).await.html;
    let until = frontend::format::exact_time(receipt.receipt.expires_at);
    for told in ["the whole job", "Expires", until.as_str(), "The contract that checks both signatures", "AITBC / 2 /"]
    {
        assert!(html.contains(told), "{told}");
    }
    assert!(html.contains(&receipt.receipt.contract.to_string()), "the whole address of the contract");
}

#[tokio::test]
async fn a_miner_is_paid_and_measured_in_the_units_of_each_model() {
    let miner = fixture::receipt(1).signed.receipt.provider;
    let html = render(&format!("/miners/{miner}")).await.html;
    assert!(html.contains("<code>aitbc-scenes-1</code>"), "names in sentences of the API are code");
    for told in ["1.42 megapixel steps/s", "1\u{202f}557.90 tokens/s", "30.00 megapixel steps/s"] {
        assert!(html.contains(told), "{told}");
    }
    assert_eq!(html.matches("Picture, 512 px").count(), 1, "a text model draws no picture");
    let seen = html.split("Last seen").nth(1).unwrap().split("</dd>").next().unwrap();
    assert!(seen.contains("now") && !seen.contains("<time"), "{seen}");
    assert!(render("/miners?list=all").await.html.contains("megapixel step</td>"), "the list’s price has its unit");
}

#[tokio::test]
async fn the_page_of_a_withheld_job_shows_its_picture_to_its_creator_and_words_to_others() {
    let id = shared::id::JobId::from_random(1);
    let page = async |withheld, is_creator| {
        let known = vec![JobView { withheld, ..fixture::job(id, JobKind::Image, "a lake at dusk") }];
        let url = known[0].artifacts[0].url.clone();
        let html =
            render_with(Fixture { known, is_creator, ..Fixture::default() }, &format!("/jobs/{id}"), "").await.html;
        (html.contains(&url), html.contains("id=\"picture\""), html.contains("data-testid=\"withheld\""))
    };
    assert_eq!(
        page(true, false).await,
        (false, false, true),
        "no address of it stands anywhere, not even for the islands"
    );
    assert_eq!(page(true, true).await, (true, true, true));
    assert_eq!(page(false, false).await, (true, true, false));
}

#[tokio::test]
async fn the_page_of_a_job_that_nobody_audits_says_so_and_why() {
    let id = shared::id::JobId::from_random(1);
    let page = async |unaudited| {
        let known = vec![JobView { unaudited, ..fixture::job(id, JobKind::Image, "a lake at dusk") }];
        let html = render_with(Fixture { known, ..Fixture::default() }, &format!("/jobs/{id}"), "").await.html;
        let said = html.split("data-testid=\"unaudited\"").nth(1)?.split("</span>").next()?.to_owned();
        Some(said)
    };
    assert_eq!(page(None).await, None);
    let said = page(Some(Unaudited::ModelNotPinned)).await.unwrap();
    assert!(said.contains("not audited") && said.contains("models that it pins"), "{said}");
}

#[tokio::test]
async fn what_a_canceled_job_lacks_will_not_come() {
    let id = fixture::receipt(1).signed.receipt.job_id;
    let mut job = fixture::job(id, JobKind::Image, "a city");
    (job.state, job.miner, job.started_at_unix_ms) = (JobState::Canceled, None, None);
    let html =
        render_with(Fixture { known: vec![job.clone()], ..Fixture::default() }, &format!("/jobs/{id}"), "").await.html;
    assert!(html.contains("<dd>–</dd>") && !html.contains("<dd>not yet</dd>"));
    job.state = JobState::Queued;
    let html = render_with(Fixture { known: vec![job], ..Fixture::default() }, &format!("/jobs/{id}"), "").await.html;
    assert!(html.contains("<dd>not yet</dd>") && !html.contains("<dd>–</dd>"));
}

#[tokio::test]
async fn a_shared_job_says_who_drew_which_pictures_and_which_are_missing() {
    let id = fixture::receipt(1).signed.receipt.job_id;
    let mut job = fixture::job(id, JobKind::Image, "a city");
    let page = async |job: &JobView| {
        let backend = Fixture { known: vec![job.clone()], ..Fixture::default() };
        render_with(backend, &format!("/jobs/{id}"), "").await.html
    };
    let whole = page(&job).await;
    assert!(!whole.contains("data-testid=\"parts\"") && !whole.contains("data-testid=\"pictures\""));
    let Work::Image(input) = &mut job.work else { panic!("pictures") };
    input.count = 3;
    job.state = JobState::Failed;
    let mut served = job.tasks[0].clone();
    (served.role, served.pictures) = (TaskRole::Shard(0), Some(Part { first: 0, count: 1 }));
    let mut lost = TaskView { role: TaskRole::Shard(1), state: JobState::Failed, miner: None, ..served.clone() };
    (lost.pictures, lost.receipt_hash) = (Some(Part { first: 1, count: 2 }), None);
    let audit = TaskView { role: TaskRole::ShardAudit(0), ..served.clone() };
    job.tasks = vec![served, lost, audit];
    let html = page(&job).await;
    let rows = html.split("data-testid=\"parts\"").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(rows.matches("<tr>").count(), 3, "a head and two parts; an audit is none");
    assert!(rows.contains("2–3") && rows.contains("/explorer/receipts/0x"), "{rows}");
    assert_eq!(html.matches("not drawn").count(), 2);
    assert!(html.contains("several, see the parts below"));
}

#[tokio::test]
async fn a_contract_has_a_nonce_and_an_account_has_sent() {
    let page = |address: shared::Address| async move { render(&format!("/explorer/addresses/{address}")).await.html };
    let contract = page(shared::chain::TOKEN_ADDRESS).await;
    assert!(contract.contains("<dt>Nonce</dt>") && !contract.contains("Transactions sent"));
    assert!(page(shared::Address::repeat_byte(1)).await.contains("<dt>Transactions sent</dt>"));
}

#[tokio::test]
async fn a_link_to_a_prompt_of_unknown_words_is_advised_in_the_first_byte() {
    let advised =
        |prompt| async move { render(&format!("/?prompt={prompt}")).await.html.contains("expect something vague") };
    assert!(advised("a%20dragon").await);
    for known in ["", "two%20cities"] {
        assert!(!advised(known).await, "{known}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let paths = ["/no-such-page", "/explorer/blocks/99", "/explorer/blocks/x", "/miners/0x12", "/jobs/job_1"];
    for path in paths {
        let page = render(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.html.contains("<title>Not found"), "{path} has no title");
        assert!(page.html.contains("property=\"og:title\""), "{path} says nothing of itself");
    }
    // A public receipt names the job of an account, which strangers do not see.
    let other = fixture::job(shared::id::JobId::from_random(2), JobKind::Image, "a lighthouse");
    let path = format!("/jobs/job_{}", "ab".repeat(16));
    let hidden = render_with(Fixture { known: vec![other], ..Fixture::default() }, &path, "").await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    assert!(hidden.html.contains("This job is not shown to you"));
}

#[tokio::test]
async fn a_broken_backend_says_what_was_kept_and_nothing_of_its_inside() {
    for path in ["/", "/explorer", "/miners", "/miners?list=all", "/models", "/models/aitbc-scenes-1"] {
        let page = render_with(Fixture { broken: true, ..Fixture::default() }, path, "").await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(page.html.contains("Nothing was changed"), "{path}");
        assert_eq!(page.html.matches("<h1").count(), 1, "{path} has one heading of the first order");
        assert!(!page.html.contains(fixture::SECRET), "{path} tells the inside of the server");
    }
}

#[tokio::test]
async fn the_chosen_theme_is_in_the_first_byte() {
    let themed = |cookie| async move { render_with(Fixture::default(), "/", cookie).await.html };
    assert!(themed("a=b; theme=dark").await.contains("<html lang=\"en\" data-theme=\"dark\""));
    assert!(!themed("theme=\"><script>").await.contains("data-theme"), "only known themes are taken");
}

#[tokio::test]
async fn the_first_page_offers_a_quick_setting_only_where_the_model_has_one() {
    let first_page = |fast, path| render_with(Fixture { fast, ..Fixture::default() }, path, "");
    let quick = first_page(true, "/").await.html;
    assert!(quick.contains("Best, 8 steps") && quick.contains("Quick, 4 steps"));
    assert!(quick.contains("<option value=\"\" selected"), "the best is chosen");
    let asked = first_page(true, "/?scheduler=fast&steps=4").await.html;
    assert!(asked.contains("<option value=\"fast\" selected"), "a link can choose the quick one");
    assert!(!first_page(true, "/?scheduler=euler").await.html.contains("euler"), "nothing else can be chosen");
    for path in ["/", "/?scheduler=fast"] {
        let usual = first_page(false, path).await.html;
        assert!(!usual.contains("id=\"scheduler\"") && !usual.contains("Quick,"), "{path}");
        let properties = usual.replace("&quot;", "\"");
        assert!(properties.contains("\"512\",\"\",\"\"]"), "{path}: seed and scheduler are the last fields of a draft");
        assert!(!properties.contains("\"fast\"]"), "{path}: the form would ask for what nobody offers");
    }
}

#[tokio::test]
async fn the_search_opens_what_is_named() {
    let hash = fixture::receipt(1).signed.receipt_hash;
    let found =
        [("3".to_owned(), "/explorer/blocks/3".to_owned()), (hash.to_string(), format!("/explorer/receipts/{hash}"))];
    for (text, path) in found {
        let page = render(&format!("/explorer/search?q={text}")).await;
        assert_eq!((page.status, page.location.as_deref()), (StatusCode::FOUND, Some(path.as_str())), "{text}");
    }
}

#[tokio::test]
async fn the_proof_line_tells_a_job_to_a_screen_reader() {
    let html = render("/explorer/receipts").await.html;
    assert!(html.contains("Mint, proven 2.097152 AIT"), "the small line has words");
    let job = fixture::receipt(1).signed.receipt.job_id;
    let html = render(&format!("/jobs/{job}")).await.html;
    for stop in ["prompt", "miner", "receipt", "mint", "block"] {
        assert!(html.contains(&format!("data-stop=\"{stop}\" data-state=\"done\"")), "{stop}");
    }
    assert!(html.contains("id=\"minted\""));
}

#[test]
fn an_island_reads_from_the_api_what_the_page_gave_it() {
    let id = fixture::receipt(1).signed.receipt.job_id;
    for kind in [JobKind::Image, JobKind::Text, JobKind::Embedding] {
        let view = fixture::job(id, kind, "a city skyline at night");
        let given = LiveJob::from(&view);
        assert_eq!(given.words(), "a city skyline at night");
        let read = serde_json::from_str(&serde_json::to_string(&view).unwrap()).unwrap();
        let mut updated = given.clone();
        updated.updated(read);
        assert_eq!(updated, given, "{kind:?}");
    }
}
