//! The design page: every part in every state, with specimen values.

mod specimens;

use leptos::prelude::*;
use shared::amount::{Amount, MicroUnits};
use shared::api::receipts::SettlementState;
use shared::job::lifecycle::JobState;
use shared::unit::UnitType;

use super::jobs::order::SearchForm;
use super::load::PageTitle;
use crate::components::canvas::Canvas;
use crate::components::chain_label::DevLabel;
use crate::components::facts::{Figure, Fold, InfoRow, Raw, Section};
use crate::components::notice::{Empty, Notice};
use crate::components::proof_line::{ProofLine, ProofSmall};
use crate::components::search_field::SearchField;
use crate::components::status::{JobPill, SettlementPill, StatusPill, Tone};
use crate::components::tables::BlockTable;
use crate::components::value::{
    AddressValue, Age, AmountValue, DeviceChip, HashValue, Height, Meter, ModelChip, Units,
};
use crate::format;
use crate::islands::verify_receipt::Checks;
use crate::text::design as words;

#[component]
pub fn DesignPage() -> impl IntoView {
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <div class="stack">
            <Section title=words::COLOUR>
                <Swatches />
            </Section>
            <Section title=words::TYPE>
                <TypeSpecimen />
            </Section>
            <Section title=words::PROOF>
                <Proofs />
            </Section>
            <Section title=words::VALUES>
                <Values />
            </Section>
            <Section title=words::STATES>
                <States />
            </Section>
            <Section title=words::FORMS>
                <Forms />
            </Section>
            <Section title=words::DATA>
                <Data />
            </Section>
            <Section title=words::MESSAGES>
                <Messages />
            </Section>
            <Section title=words::CANVAS>
                <Canvases />
            </Section>
        </div>
    }
}

/// Tokens with their meaning.
const SWATCHES: [(&str, &str, &str); 12] = [
    ("paint-surface", "Surface", "--surface"),
    ("paint-raised", "Raised", "--raised"),
    ("paint-sunken", "Sunken", "--sunken"),
    ("paint-line", "Line", "--line"),
    ("paint-text", "Text", "--text"),
    ("paint-quiet", "Quiet text", "--text-quiet"),
    ("paint-accent", "Proven", "--accent"),
    ("paint-accent-strong", "Primary action", "--accent-strong"),
    ("paint-wash", "Proven, wash", "--accent-wash"),
    ("paint-waiting", "Waiting", "--waiting"),
    ("paint-loss", "Loss, refusal", "--loss"),
    ("paint-link", "Link", "--link"),
];

#[component]
fn Swatches() -> impl IntoView {
    let swatches = SWATCHES.map(|(class, name, token)| {
        view! {
            <li class="swatch">
                <i class=class></i>
                <span>{name} <br /> <small>{token}</small></span>
            </li>
        }
    });
    view! { <ul class="swatches">{swatches}</ul> }
}

#[component]
fn TypeSpecimen() -> impl IntoView {
    view! {
        <div class="specimen">
            <p class="type-40">"40 A picture and its proof"</p>
            <p class="type-28">"28 Block 48"</p>
            <p class="type-20">"20 Figures: 1 234.56"</p>
            <p class="type-16">"16 Reading text, at most 68 characters to a line, at 1.5."</p>
            <p>"14 The size of the interface; numbers are tabular: 1111, 8888."</p>
            <p class="type-13">"13 Tables and captions"</p>
            <p class="type-12">"12 Labels of columns"</p>
            <p><code>"JetBrains Mono: 0x12ab…89ef 0O 1lI"</code></p>
        </div>
    }
}

#[component]
fn Proofs() -> impl IntoView {
    let lines = specimens::proofs()
        .into_iter()
        .map(|(name, proof)| {
            view! {
                <div class="specimen">
                    <div class="specimen-row">
                        <span class="specimen-label">{name}</span>
                        <ProofSmall proof=proof.clone() />
                    </div>
                    <ProofLine proof />
                </div>
            }
        })
        .collect_view();
    view! { {lines} }
}

#[component]
fn Row(name: &'static str, children: Children) -> impl IntoView {
    view! {
        <div class="specimen-row">
            <span class="specimen-label">{name}</span>
            {children()}
        </div>
    }
}

#[component]
fn Values() -> impl IntoView {
    let hash = specimens::hash(0x5a);
    view! {
        <div class="specimen">
            <Row name="Address">
                <AddressValue address=specimens::address(1) />
                <AddressValue address=specimens::address(2) />
                <AddressValue address=shared::chain::MINTER_ADDRESS />
                <AddressValue address=specimens::address(3) full=true />
            </Row>
            <Row name="Hash">
                <HashValue hash />
                <HashValue hash href="/design" />
            </Row>
            <Row name="Amount">
                <AmountValue amount=Amount::from_ait(12_480) />
                <AmountValue amount=Amount::from_atto(2_097_152_000_000_000_000) />
                <AmountValue amount=Amount::from_atto(1) />
                <AmountValue amount=Amount::ZERO />
            </Row>
            <Row name="Age">
                <Age at=format::now() />
            </Row>
            <Row name="Height">
                <Height number=0 />
            </Row>
            <Row name="Units">
                <Units units=MicroUnits(2_097_152) unit_type=UnitType::MegapixelStep />
            </Row>
            <Row name="Chips">
                <DeviceChip name="2 cores, AVX2" memory="4.1 GB" />
                <ModelChip name="aitbc-scenes-1" />
                <DevLabel />
            </Row>
            <Row name="Meter">
                <Meter value=3 of=8 words="step 3 of 8" />
            </Row>
        </div>
    }
}

#[component]
fn States() -> impl IntoView {
    let jobs = JobState::ALL.map(|state| view! { <JobPill state /> });
    let settlements = SettlementState::ALL.map(|state| view! { <SettlementPill state /> });
    view! {
        <div class="specimen">
            <Row name="Job">{jobs}</Row>
            <Row name="Settlement">{settlements}</Row>
            <Row name="Other">
                <StatusPill tone=Tone::Plain word="plain" />
            </Row>
        </div>
    }
}

#[component]
fn Forms() -> impl IntoView {
    view! {
        <div class="specimen">
            <div class="actions">
                <button type="button" class="button">"Primary"</button>
                <button type="button" class="button button-quiet">"Quiet"</button>
                <button type="button" class="button" disabled>"Not now"</button>
                <button type="button" class="button button-quiet button-small">"Small"</button>
                <button type="button" class="suggestion">"a suggestion"</button>
            </div>
            <div class="settings">
                <div class="field">
                    <label for="specimen-ok">"A field"</label>
                    <input id="specimen-ok" value="30" />
                    <span class="field-help">"1 to 100"</span>
                </div>
                <div class="field">
                    <label for="specimen-bad">"With an error"</label>
                    <input id="specimen-bad" value="0" aria-invalid="true" />
                    <span class="field-error">"It is 1 to 100; you gave 0."</span>
                </div>
            </div>
            <SearchField />
            <SearchForm query=None />
        </div>
    }
}

#[component]
fn Data() -> impl IntoView {
    view! {
        <dl class="figures">
            <Figure name="Supply" note="the sum of all mints">
                <AmountValue amount=Amount::from_atto(25_165_824_000_000_000_000) />
            </Figure>
            <Figure name="Jobs today" note="1 job waits">"12"</Figure>
            <Figure name="Miners online">"2"</Figure>
            <Figure name="Last block">"48"</Figure>
        </dl>
        <BlockTable blocks=specimens::blocks() />
        <dl class="info">
            <InfoRow name="A fact" help="What it means, in a sentence.">
                <HashValue hash=specimens::hash(0x33) full=true />
            </InfoRow>
            <InfoRow name="Another">"42"</InfoRow>
        </dl>
        <Fold title="Raw data">
            <Raw text="{\n  \"height\": 48\n}" />
        </Fold>
    }
}

#[component]
fn Messages() -> impl IntoView {
    view! {
        <Notice tone=Tone::Plain title="A note" detail="What one should know." />
        <Notice tone=Tone::Waiting title="It waits" detail="No miner is online; the job stays in the queue for 15 minutes." />
        <Notice tone=Tone::Refused title="It failed" detail="Three attempts failed. Nothing was minted. Run it again when another miner is online."/>
        <Empty title="Nothing yet" detail="What will be here, and how to make it appear.">
            <button type="button" class="button button-quiet button-small">"Draw a picture"</button>
        </Empty>
        <Checks checks=specimens::checks() />
    }
}

#[component]
fn Canvases() -> impl IntoView {
    let none = || Signal::stored(None::<String>);
    view! {
        <div class="columns">
            <Canvas source=none() alternative=Signal::stored(String::new()) word=none() progress=Signal::stored(None)>
                <span>"Empty"</span>
            </Canvas>
            <Canvas
                source=none()
                alternative=Signal::stored(String::new())
                word=Signal::stored(Some("step 3 of 8, about 2 s left".to_owned()))
                progress=Signal::stored(Some((3, 8)))
            >
                <span>"Drawing"</span>
            </Canvas>
        </div>
    }
}
