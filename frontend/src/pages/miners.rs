//! Miners as a market: what connected ones offer, with filters in the address; and all miners that were ever seen.

pub mod filters;

use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use shared::api::marketplace::{OfferFilter, Offers};
use shared::api::page::LIMIT_DEFAULT;

use self::filters::Filters;
use super::load::{PageTitle, Pager, Tabs, load, query};
use crate::backend::use_backend;
use crate::components::marketplace_tables::OfferTable;
use crate::components::notice::{Empty, Notice};
use crate::components::status::Tone;
use crate::components::tables::MinerTable;
use crate::marketplace::{OFFERS_PATH, OFFERS_SHOWN_MAX, offers_query};
use crate::text::{common, marketplace as words, miner};

/// Names the list of all miners.
const ALL: &str = "all";

#[component]
pub fn MinersPage() -> impl IntoView {
    let all = query("list").as_deref() == Some(ALL);
    if all { view! { <AllMiners /> }.into_any() } else { view! { <OffersNow /> }.into_any() }
}

fn tabs(all: bool) -> Vec<(&'static str, String, bool)> {
    vec![
        (words::TAB_OFFERS, OFFERS_PATH.to_owned(), !all),
        (words::TAB_MINERS, format!("{OFFERS_PATH}?list={ALL}"), all),
    ]
}

#[component]
fn OffersNow() -> impl IntoView {
    let filter = match OfferFilter::read(query) {
        Ok(filter) => filter,
        Err(error) => {
            if let Some(response) = use_context::<ResponseOptions>() {
                response.set_status(StatusCode::BAD_REQUEST);
            }
            return view! { <BadFilter detail=error.detail /> }.into_any();
        }
    };
    let backend = use_backend();
    let ask = async move {
        let offers = backend.offers(&filter, OFFERS_SHOWN_MAX).await?;
        Ok((filter, offers))
    };
    let shown = load(ask, move |(filter, offers)| {
        view! {
            <PageTitle name=words::OFFERS_TITLE fact=words::OFFERS_FACT />
            <div class="section">
                <Tabs tabs=tabs(false) />
                <Filters filter=filter.clone() models=offers.models.clone() />
                <List filter offers />
            </div>
        }
    });
    shown.into_any()
}

#[component]
fn BadFilter(detail: String) -> impl IntoView {
    view! {
        <PageTitle name=words::OFFERS_TITLE fact=words::OFFERS_FACT />
        <div class="section">
            <Tabs tabs=tabs(false) />
            <Notice tone=Tone::Refused title=words::BAD_FILTER_TITLE detail />
            <div class="actions">
                <a class="button button-quiet" href=OFFERS_PATH>
                    {words::CLEAR}
                </a>
            </div>
        </div>
    }
}

#[component]
fn List(filter: OfferFilter, offers: Offers) -> impl IntoView {
    let Offers { items, fitting, all, .. } = offers;
    if items.is_empty() {
        return match all {
            0 => view! {
                <Empty title=words::NO_OFFERS_TITLE detail=words::NO_OFFERS>
                    <code>{miner::START_COMMAND}</code>
                </Empty>
            }
            .into_any(),
            _ => view! {
                <Empty title=words::NONE_FIT_TITLE detail=words::NONE_FIT>
                    <a href=OFFERS_PATH>{words::CLEAR}</a>
                </Empty>
            }
            .into_any(),
        };
    }
    let said = words::shown(items.len(), fitting, all);
    let csv = format!("/api/marketplace/csv/offers{}", offers_query(&filter));
    view! {
        <p class="section-note" role="status">
            {said}
        </p>
        <OfferTable offers=items filter />
        <nav class="pager" aria-label=common::PAGES>
            <a class="button button-quiet button-small" href=csv>
                {common::CSV}
            </a>
        </nav>
    }
    .into_any()
}

/// Connected ones first, then the others, last seen first.
#[component]
fn AllMiners() -> impl IntoView {
    let backend = use_backend();
    let cursor = query("cursor");
    let first = cursor.is_none();
    load(async move { backend.miners(cursor.as_deref(), LIMIT_DEFAULT).await }, move |page| {
        view! {
            <PageTitle name=miner::TITLE fact=miner::FACT />
            <div class="section">
                <Tabs tabs=tabs(true) />
                {if page.items.is_empty() {
                    view! {
                        <Empty title=miner::EMPTY_TITLE detail=miner::EMPTY_DETAIL>
                            <code>{miner::START_COMMAND}</code>
                        </Empty>
                    }
                        .into_any()
                } else {
                    view! {
                        <MinerTable miners=page.items />
                        <Pager
                            path=format!("{OFFERS_PATH}?list={ALL}")
                            next_cursor=page.next_cursor
                            first
                            back=miner::FIRST_PAGE
                            on=miner::NEXT_PAGE
                            csv="/api/marketplace/csv/miners"
                        />
                    }
                        .into_any()
                }}
            </div>
        }
    })
}
