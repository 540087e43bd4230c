//! Pages for operators of the hub. For everybody else there is nothing at their addresses. They read without script, and
//! change by plain forms.

pub mod changes;
pub mod health;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod miners;

use leptos::prelude::*;
use shared::api::admin::OPERATOR_REASON_MAX_CHARS;

use super::load::{PageTitle, Tabs};
use crate::text::admin as words;

/// Where operators begin.
pub const ADMIN_PATH: &str = "/admin";

const JOBS_PATH: &str = "/admin/jobs";
const MINERS_PATH: &str = "/admin/miners";
const KEYS_PATH: &str = "/admin/keys";
const LIMITS_PATH: &str = "/admin/limits";
const CHANGES_PATH: &str = "/admin/changes";

/// The head of every page for operators, and the ways between them.
#[component]
fn AdminHead(
    /// The path of the page, or of the list that its subject is in.
    at: &'static str,
    #[prop(into, optional)] name: Option<String>,
    fact: &'static str,
) -> impl IntoView {
    let tabs = [
        (words::TAB_HEALTH, ADMIN_PATH),
        (words::TAB_JOBS, JOBS_PATH),
        (words::TAB_MINERS, MINERS_PATH),
        (words::TAB_KEYS, KEYS_PATH),
        (words::TAB_LIMITS, LIMITS_PATH),
        (words::TAB_CHANGES, CHANGES_PATH),
    ];
    let tabs = tabs.map(|(name, path)| (name, path.to_owned(), path == at)).to_vec();
    view! {
        <PageTitle name=name.unwrap_or_else(|| words::TITLE.to_owned()) fact />
        <Tabs tabs />
    }
}

/// A change, with its reason and a mark that it is meant.
#[component]
fn ChangeForm(
    #[prop(into)] action: String,
    button: &'static str,
    note: &'static str,
    confirm: &'static str,
    /// Fields besides the reason.
    #[prop(optional)]
    children: Option<Children>,
    /// What tells its fields from those of another form of the page.
    #[prop(default = "change")]
    name: &'static str,
) -> impl IntoView {
    let reason = format!("{name}-reason");
    view! {
        <form class="form" method="post" action=action data-testid=name>
            <p class="section-note">{note}</p>
            {children.map(|children| children())}
            <div class="field">
                <label for=reason.clone()>{words::REASON}</label>
                <input id=reason name="reason" maxlength=OPERATOR_REASON_MAX_CHARS.to_string() autocomplete="off" required />
                <span class="field-help">{words::REASON_HELP}</span>
            </div>
            <div class="field field-check">
                <label>
                    <input type="checkbox" name="confirmed" value="yes" required />
                    {confirm}
                </label>
            </div>
            <div class="actions">
                <button type="submit" class="button">
                    {button}
                </button>
            </div>
        </form>
    }
}
