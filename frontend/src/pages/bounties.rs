//! What is pledged for models, how it is earned, and which models nobody serves.

use leptos::prelude::*;
use shared::api::bounties::{BountyState, BountyView, UnservedModel};
use shared::api::page::{LIMIT_DEFAULT, Page};

use super::load::{PageTitle, Pager, Tabs, load, query};
use crate::backend::use_backend;
use crate::components::bounty_tables::{BountyContract, BountyTable, UnservedTable};
use crate::components::facts::Section;
use crate::components::notice::Empty;
use crate::text::bounties as words;

pub const BOUNTIES_PATH: &str = "/bounties";

/// The state that the address asks for; another word means the open ones, `all` all of them.
fn state_asked() -> Option<BountyState> {
    match query("state").as_deref() {
        Some("all") => None,
        Some(asked) => BountyState::ALL.into_iter().find(|state| state.as_str() == asked).or(Some(BountyState::Open)),
        None => Some(BountyState::Open),
    }
}

fn path_of(state: Option<BountyState>) -> String {
    match state {
        Some(BountyState::Open) => BOUNTIES_PATH.to_owned(),
        Some(state) => format!("{BOUNTIES_PATH}?state={}", state.as_str()),
        None => format!("{BOUNTIES_PATH}?state=all"),
    }
}

#[component]
pub fn BountiesPage() -> impl IntoView {
    let backend = use_backend();
    let (state, cursor) = (state_asked(), query("cursor"));
    let first = cursor.is_none();
    let ask = async move {
        let page = backend.bounties(state, cursor.as_deref(), LIMIT_DEFAULT).await?;
        Ok((page, backend.unserved().await?))
    };
    load(ask, move |(page, unserved)| {
        view! {
            <PageTitle name=words::TITLE fact=words::FACT />
            <div class="stack">
                <div class="section">
                    <Tabs tabs=tabs(state) />
                    <List page state first />
                </div>
                <HowItWorks />
                <Unserved unserved />
            </div>
        }
    })
}

fn tabs(shown: Option<BountyState>) -> Vec<(&'static str, String, bool)> {
    let of = |state: BountyState| (words::state_title(state), path_of(Some(state)), shown == Some(state));
    BountyState::ALL.map(of).into_iter().chain([(words::ALL, path_of(None), shown.is_none())]).collect()
}

#[component]
fn List(page: Page<BountyView>, state: Option<BountyState>, first: bool) -> impl IntoView {
    let Page { items, next_cursor } = page;
    if items.is_empty() && next_cursor.is_none() && first {
        return view! {
            <Empty title=words::EMPTY_TITLE detail=words::EMPTY>
                <code>{words::PLEDGE_COMMAND}</code>
            </Empty>
        }
        .into_any();
    }
    let note = (items.is_empty() && next_cursor.is_some()).then(|| view! { <p class="section-note">{words::END}</p> });
    view! {
        <BountyTable bounties=items />
        {note}
        <Pager path=path_of(state) next_cursor first csv="/api/marketplace/csv/bounties" />
    }
    .into_any()
}

#[component]
fn HowItWorks() -> impl IntoView {
    view! {
        <Section title=words::HOW>
            <p>{words::HOW_PLEDGED}</p>
            <p>{words::HOW_EARNED}</p>
            <p>{words::HOW_LOST}</p>
            <p class="section-note">
                <a href=words::GUIDE_HREF>{words::GUIDE}</a>
                ". "
                {words::CONTRACT}
                " "
                <BountyContract />
            </p>
        </Section>
    }
}

#[component]
fn Unserved(unserved: Vec<UnservedModel>) -> impl IntoView {
    let list = if unserved.is_empty() {
        view! { <Empty title=words::UNSERVED_EMPTY_TITLE detail=words::UNSERVED_EMPTY /> }.into_any()
    } else {
        view! {
            <p class="section-note">{words::UNSERVED_NOTE}</p>
            <UnservedTable models=unserved />
        }
        .into_any()
    };
    view! { <Section title=words::UNSERVED>{list}</Section> }
}
