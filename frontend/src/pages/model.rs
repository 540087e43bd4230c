//! One model: what it is, what it costs, what was made with it, who serves it, and how to use it.

pub mod history;
pub mod usage;

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use shared::api::bounties::BountyView;
use shared::api::marketplace::{ManifestFacts, ModelPage, ModelSummary, OfferFilter, Sample};
use shared::digest::Sha256Digest;
use shared::job::JobKind;

use self::history::History;
use self::usage::{Programs, Try};
use super::bounties::BOUNTIES_PATH;
use super::load::{PageTitle, load};
use super::models::kind_asked;
use crate::backend::{BackendError, use_backend};
use crate::components::bid_table::BidSection;
use crate::components::bounty_tables::BountyTable;
use crate::components::facts::{Figure, InfoRow, Section};
use crate::components::marketplace_tables::OfferTable;
use crate::components::notice::Empty;
use crate::components::signed_in::SignedIn;
use crate::components::status::{StatusPill, Tone};
use crate::components::value::{Age, AmountValue, CodeValue};
use crate::format;
use crate::marketplace::{OFFERS_PATH, model_path, offers_query};
use crate::pages::chat::CHAT_PATH;
use crate::pages::pay::PAY_PATH;
use crate::text::{bounties as bounty_words, chat, common, marketplace as words, miner};

#[component]
pub fn ModelPageView() -> impl IntoView {
    let backend = use_backend();
    let kind = kind_asked();
    let name = use_params_map().read_untracked().get("model").ok_or(BackendError::NotFound);
    let is_signed_in = use_context::<SignedIn>().is_some();
    let nonce = use_nonce();
    let ask = async move {
        let page = backend.model(&name?, kind).await?;
        let bounties = backend.bounties_for(&page.manifests).await?;
        Ok((page, bounties))
    };
    load(ask, move |(page, bounties)| {
        let has_form = page.summary.is_pinned;
        view! {
            <Model page bounties is_signed_in />
            {has_form.then(|| view! { <script type="module" src="/compose.js" nonce=nonce></script> })}
        }
    })
}

#[component]
fn Model(page: ModelPage, bounties: Vec<BountyView>, is_signed_in: bool) -> impl IntoView {
    let ModelPage { summary, other_kinds, manifests, facts, offers, bids, samples, days } = page;
    let kind = summary.kind;
    let compare = OfferFilter { kind: Some(kind), model: Some(summary.name.clone()), ..OfferFilter::default() };
    let supply = &summary.supply;
    let suggestions = facts.as_ref().map(|facts| facts.suggestions.clone()).unwrap_or_default();
    view! {
        <PageTitle
            name=summary.name.clone()
            fact=words::model_fact(kind, supply.miners, supply.free, supply.slots)
        >
            {summary.is_default.then(|| view! { <StatusPill tone=Tone::Done word=words::DEFAULT /> })}
            {(!summary.is_pinned).then(|| view! { <StatusPill tone=Tone::Plain word=words::NOT_PINNED /> })}
        </PageTitle>
        <div class="stack">
            <div class="actions">
                <a class="button" href=use_href(&summary)>
                    {use_words(&summary)}
                </a>
                <a class="button button-quiet" href="#programs">
                    {words::AS_CODE}
                </a>
            </div>
            <ModelFigures summary=summary.clone() />
            <Samples samples kind />
            <Offers offers compare />
            {bids.map(|book| view! { <BidSection book /> })}
            <Bounties bounties />
            <History days model=summary.clone() />
            <Facts summary=summary.clone() manifests facts other_kinds />
            <Try summary=summary.clone() suggestions is_signed_in />
            <Programs summary />
        </div>
    }
}

/// What is pledged for the model; nothing where nothing is.
#[component]
fn Bounties(bounties: Vec<BountyView>) -> impl IntoView {
    (!bounties.is_empty()).then(|| {
        view! {
            <Section title=bounty_words::OF_MODEL>
                <BountyTable bounties />
                <p class="section-note">
                    <a href=BOUNTIES_PATH>{bounty_words::ALL_BOUNTIES}</a>
                </p>
            </Section>
        }
    })
}

/// Where a job for the model is asked for: in this page's form, or where a job is paid.
fn use_href(summary: &ModelSummary) -> String {
    match (summary.is_pinned, summary.kind) {
        (true, JobKind::Text) => format!("{CHAT_PATH}?model={}", format::percent_encoded(&summary.name)),
        (true, _) => "#try".to_owned(),
        (false, JobKind::Image) => format!("{PAY_PATH}?model={}", format::percent_encoded(&summary.name)),
        (false, _) => "#programs".to_owned(),
    }
}

/// Says what the first button leads to.
fn use_words(summary: &ModelSummary) -> &'static str {
    match (summary.is_pinned, summary.kind) {
        (true, JobKind::Text) => chat::LINK,
        _ => words::USE,
    }
}

#[component]
fn ModelFigures(summary: ModelSummary) -> impl IntoView {
    let ModelSummary { kind, supply, served, example_steps, .. } = summary;
    let example = match supply.example_price {
        Some(amount) => view! { <AmountValue amount /> }.into_any(),
        None => words::NO_PRICE.into_any(),
    };
    let price = match supply.prices {
        Some([lowest, _]) => view! { <AmountValue amount=lowest /> }.into_any(),
        None => words::NO_PRICE.into_any(),
    };
    let price_note = match supply.prices {
        Some([lowest, median]) => words::median(&median.to_string(), kind.unit_type(), lowest == median),
        None => words::per(kind.unit_type()),
    };
    let speed = supply.micro_units_per_second.map(|speed| miner::speed(speed, kind.unit_type()));
    // The unit stands under the number, which is all that a narrow strip has room for.
    let (speed, speed_note) = match speed.as_deref().and_then(|speed| speed.split_once(' ')) {
        None => (words::NO_PRICE.to_owned(), words::NOBODY.to_owned()),
        Some((number, unit)) => {
            let from = if supply.is_measured { words::MEASURED } else { words::STATED };
            (number.to_owned(), format!("{unit}, {from}"))
        }
    };
    view! {
        <dl class="figures">
            <Figure name=words::EXAMPLE note=words::example(kind, example_steps)>
                {example}
            </Figure>
            <Figure name=words::UNIT_PRICE note=price_note>
                {price}
            </Figure>
            <Figure name=words::SPEED note=speed_note>
                {speed}
            </Figure>
            <Figure name=words::JOBS>
                {format::grouped(served.jobs)}
                <span class="figure-note">
                    {words::in_a_day(served.jobs_of_day)}
                    {served.last.map(|at| view! { ", " <Age at /> })}
                </span>
            </Figure>
        </dl>
    }
}

#[component]
fn Samples(samples: Vec<Sample>, kind: JobKind) -> impl IntoView {
    let list = if samples.is_empty() {
        view! { <Empty title=words::NO_SAMPLES_TITLE detail=words::NO_SAMPLES /> }.into_any()
    } else {
        let items = samples.into_iter().map(|sample| view! { <SampleCard sample /> }).collect_view();
        let class = if kind == JobKind::Image { "gallery gallery-small" } else { "samples" };
        view! {
            <p class="section-note">{words::SAMPLES_NOTE}</p>
            <ul class=class data-testid="samples">
                {items}
            </ul>
        }
        .into_any()
    };
    view! { <Section title=words::SAMPLES>{list}</Section> }
}

#[component]
fn SampleCard(sample: Sample) -> impl IntoView {
    let Sample { job, words: prompt, picture, created_at } = sample;
    let picture = picture.map(|url| {
        view! {
            <div class="canvas-frame">
                <img src=url alt=words::sample_alternative(&prompt) width="512" height="512" loading="lazy" />
            </div>
        }
    });
    view! {
        <li>
            <a href=format!("/jobs/{job}")>
                {picture} <span class="gallery-prompt">{prompt}</span>
            </a>
            <div class="gallery-meta">
                <Age at=created_at />
            </div>
        </li>
    }
}

#[component]
fn Offers(offers: Vec<shared::api::marketplace::OfferView>, compare: OfferFilter) -> impl IntoView {
    let list = if offers.is_empty() {
        view! {
            <Empty title=words::NO_MINER_TITLE detail=words::NO_MINER>
                <code>{miner::START_COMMAND}</code>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <OfferTable offers />
            <p class="section-note">
                <a href=format!("{OFFERS_PATH}{}", offers_query(&compare))>{words::ALL_OFFERS}</a>
            </p>
        }
        .into_any()
    };
    view! { <Section title=words::OFFERS>{list}</Section> }
}

#[component]
fn Facts(
    summary: ModelSummary,
    manifests: Vec<Sha256Digest>,
    facts: Option<ManifestFacts>,
    other_kinds: Vec<JobKind>,
) -> impl IntoView {
    let ModelSummary { kind, name, licence, example_steps, .. } = summary;
    let text_row = |row: &'static str, text: Option<String>| {
        text.filter(|text| !text.is_empty()).map(|text| view! { <InfoRow name=row>{text}</InfoRow> })
    };
    let files = facts.as_ref().map(|facts| words::files(facts.files, &format::bytes(facts.bytes)));
    let version = facts.as_ref().map(|facts| facts.version.clone());
    let size = facts.as_ref().map(|facts| facts.native_size_px).filter(|pixels| *pixels > 0).map(words::square);
    let usual = (kind == JobKind::Image && example_steps > 0).then(|| words::usual(example_steps));
    let (draws, draws_not) =
        facts.map(|facts| (facts.draws.join(", "), facts.does_not_draw.join(", "))).unwrap_or_default();
    let help = match (licence.is_some(), manifests.len()) {
        (true, _) => words::MANIFEST_HELP,
        (false, 0 | 1) => words::NOT_PINNED_HELP,
        (false, _) => words::SEVERAL_MANIFESTS,
    };
    let digests = manifests
        .into_iter()
        .map(|manifest| view! { <CodeValue value=manifest.to_string() what=common::HASH /> })
        .collect_view();
    let others = other_kinds
        .into_iter()
        .map(|other| view! { <a href=model_path(other, &name)>{words::kind_title(other)}</a> })
        .collect_view();
    view! {
        <Section title=words::FACTS>
            <dl class="info">
                <InfoRow name=words::KIND>{words::kind_title(kind)}</InfoRow>
                {text_row(words::LICENCE, licence)}
                {text_row(words::VERSION, version)}
                {text_row(words::FILES, files)}
                {text_row(words::TRAINED_AT, size)}
                {text_row(words::USUAL, usual)}
                {text_row(words::DRAWS, Some(draws))}
                {text_row(words::DRAWS_NOT, Some(draws_not))}
                <InfoRow name=words::MANIFEST help>
                    {digests}
                </InfoRow>
                {(!others.is_empty())
                    .then(|| {
                        view! {
                            <InfoRow name=words::OTHER_KIND>
                                <span class="actions">{others}</span>
                            </InfoRow>
                        }
                    })}
            </dl>
        </Section>
    }
}
