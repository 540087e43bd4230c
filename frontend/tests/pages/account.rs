//! What the pages show to who is signed in, and to nobody else.

use frontend::backend::AccountView;
use shared::Address;
use shared::api::keys::{ApiKeyView, ApiScope};
use shared::api::payments::{PaymentState, PaymentView, PlacedTransaction};
use shared::api::second_factor::SecondFactorView;
use shared::api::sessions::SessionView;
use shared::id::{ApiKeyId, SessionId};
use shared::job::JobKind;
use shared::time::{UnixMillis, UnixSeconds};

use super::fixture::{self, Fixture};
use super::{render, render_with, without_attributes};

pub(crate) const ME: Address = Address::repeat_byte(0x11);

fn account() -> AccountView {
    let session = |number: u128, browser: &str| SessionView {
        id: SessionId::from_random(number),
        address: ME,
        browser: browser.to_owned(),
        created_at_unix_ms: UnixMillis(1_800_000_000_000),
        expires_at_unix_ms: UnixMillis(1_800_086_400_000),
        is_current: number == 1,
        awaits_code: false,
    };
    let key = ApiKeyView {
        id: ApiKeyId::from_random(3),
        label: "</td><script>alert(1)</script>".to_owned(),
        scope: ApiScope::Client,
        address: ME,
        created_at_unix_ms: UnixMillis(1_800_000_000_000),
        revoked_at_unix_ms: None,
    };
    AccountView {
        address: ME,
        sessions: vec![session(1, "Firefox on Linux"), session(2, "node")],
        keys: vec![key],
        second_factor: SecondFactorView::default(),
    }
}

pub(crate) fn signed_in() -> Fixture {
    Fixture { account: Some(account()), ..Fixture::default() }
}

#[tokio::test]
async fn every_page_says_who_is_signed_in_and_offers_it_to_others() {
    for path in ["/", "/jobs", "/account", "/explorer"] {
        let visitor = render(path).await.html;
        assert!(visitor.contains("href=\"/account\" class=\"account-link\">Sign in</a>"), "{path}");
        let mine = render_with(signed_in(), path, "").await.html;
        assert!(mine.contains(&format!("Signed in as {ME}")) && !mine.contains("\">Sign in</a>"), "{path}");
    }
}

#[tokio::test]
async fn the_account_lists_sessions_and_keys_and_a_visitor_hears_what_signing_in_means() {
    let visitor = render("/account").await.html;
    assert!(
        visitor.contains("id=\"sign-in\"") && visitor.contains("moves no AIT") && visitor.contains("href=\"/wallet\"")
    );
    assert!(!visitor.contains("id=\"sign-out\""));
    let html = render_with(signed_in(), "/account", "").await.html;
    let session = |number| SessionId::from_random(number).to_string();
    for told in ["Firefox on Linux", "this one", &session(1), &session(2), &ApiKeyId::from_random(3).to_string()] {
        assert!(html.contains(told), "{told}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("</td><script>alert"), "a label became markup");
    assert!(!html.contains("id=\"sign-in\""));
}

#[tokio::test]
async fn an_account_turns_its_second_factor_on_or_off_and_a_sign_in_without_its_code_shows_nothing_else() {
    let off = render_with(signed_in(), "/account", "").await.html;
    assert!(off.contains("id=\"begin-factor\"") && !off.contains("id=\"remove-factor\""));
    let mut account = account();
    account.second_factor =
        SecondFactorView { confirmed_at_unix_ms: Some(UnixMillis(1_800_000_000_000)), recovery_codes_left: 7 };
    let with_factor = || Fixture { account: Some(account.clone()), ..Fixture::default() };
    let on = render_with(with_factor(), "/account", "").await.html;
    assert!(on.contains("id=\"remove-factor\"") && !on.contains("id=\"begin-factor\"") && on.contains(">7<"));
    let asked = render_with(Fixture { awaits_code: true, ..with_factor() }, "/account", "").await.html;
    assert!(asked.contains("id=\"give-code\"") && asked.contains("autocomplete=\"one-time-code\""));
    for hidden in ["id=\"make-key\"", "Firefox on Linux", "id=\"sign-in\"", "id=\"remove-factor\"", "id=\"end-all\""] {
        assert!(!asked.contains(hidden), "{hidden}");
    }
    assert!(asked.contains(&SessionId::from_random(1).to_string()), "nobody can sign out");
}

#[tokio::test]
async fn the_jobs_of_an_account_are_listed_without_a_script() {
    let job = fixture::job(fixture::receipt(1).signed.receipt.job_id, JobKind::Image, "a private lake");
    let fixture = || Fixture { known: vec![job.clone()], ..signed_in() };
    let html = render_with(fixture(), "/jobs", "").await.html;
    assert!(html.contains("account-jobs") && html.contains("a private lake") && html.contains("/jobs?cursor=7"));
    let browser = render_with(fixture(), "/jobs?browser=1", "").await.html;
    assert!(!browser.contains("a private lake"), "it is the list of the browser");
    let visitor = render_with(Fixture { known: vec![job.clone()], ..Fixture::default() }, "/jobs", "").await.html;
    assert!(!visitor.contains("a private lake"));
}

#[tokio::test]
async fn paying_shows_what_there_is_and_needs_somebody_who_pays() {
    let visitor = render("/pay?prompt=a%20lake").await.html;
    assert!(
        visitor.contains("href=\"/account?next=%2Fpay%3Fprompt%3Da%2520lake\"") && !visitor.contains("id=\"pay-now\"")
    );
    let html = render_with(signed_in(), "/pay?prompt=a%20lake&seed=18446744073709551615", "").await.html;
    for told in ["a lake</textarea>", "18446744073709551615", "id=\"pay-now\"", "Free in the escrow", "depositSelector"]
    {
        assert!(html.contains(told), "{told}");
    }

    let hostile = "/pay?prompt=%3C%2Ftextarea%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E";
    let html = render_with(signed_in(), hostile, "").await.html;
    assert!(html.contains("&lt;/textarea&gt;&lt;img src=x"), "the prompt is not shown");
    assert!(!without_attributes(&html).contains("<img src=x"), "a prompt of an address became markup");
}

#[tokio::test]
async fn a_paid_job_says_what_became_of_the_money() {
    let id = fixture::receipt(1).signed.receipt.job_id;
    let mut job = fixture::job(id, JobKind::Image, "a lake");
    let ait = shared::amount::Amount::from_ait;
    let placed = |block_number| PlacedTransaction { transaction_hash: shared::B256::repeat_byte(7), block_number };
    job.payment = Some(PaymentView {
        state: PaymentState::Settled,
        client: ME,
        max_total: ait(5),
        max_unit_price: ait(1),
        order_expires_at: UnixSeconds(1_800_000_000),
        paid: Some(ait(3)),
        fee: Some(ait(1)),
        refunded: Some(ait(1)),
        reserve: Some(placed(41)),
        end: Some(placed(42)),
        refusal: None,
    });
    let path = format!("/jobs/{id}");
    let html = render_with(Fixture { known: vec![job.clone()], ..signed_in() }, &path, "").await.html;
    for told in ["Settled: who served it is paid", "/explorer/blocks/41", "/explorer/blocks/42", "/pay?prompt=a%20lake"]
    {
        assert!(html.contains(told), "{told}");
    }
    let visitor = render_with(Fixture { known: vec![job], ..Fixture::default() }, &path, "").await.html;
    assert!(!visitor.contains("/pay?prompt"), "a visitor has nothing to pay with");
}
