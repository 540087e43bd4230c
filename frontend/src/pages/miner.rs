//! One miner's public profile.

pub mod hardware;

use leptos::prelude::*;
use shared::Address;
use shared::amount::Amount;
use shared::amount::MicroUnits;
use shared::api::miners::MinerView;
use shared::api::page::{LIMIT_DEFAULT, Page};
use shared::api::receipts::ReceiptView;
use shared::api::reviews::{MinerReviews, ReviewView};
use shared::api::why_idle::{IdleReason, WhyIdle};
use shared::capability::ModelOffer;
use shared::device::Device;
use shared::unit::UnitType;

use self::hardware::Hardware;
use super::load::{PageTitle, load, param};
use crate::backend::use_backend;
use crate::components::facts::{Figure, InfoRow, Section, WithCode};
use crate::components::notice::Empty;
use crate::components::reviews::ReviewSection;
use crate::components::status::StatusPill;
use crate::components::tables::{ReceiptTable, miner_state};
use crate::components::value::{AddressValue, Age, AmountValue, CodeValue, DeviceChip, ModelChip, UnitPrice};
use crate::format;
use crate::text::{audit as audit_words, common, miner as words, reviews as review_words};

#[component]
pub fn MinerPage() -> impl IntoView {
    let backend = use_backend();
    let address = param::<Address>("address");
    let ask = async move {
        let address = address?;
        let miner = backend.miner(address).await?;
        let receipts = backend.receipts(Some(address), None, LIMIT_DEFAULT).await?.items;
        let reviews = backend.reviews(address, None, LIMIT_DEFAULT).await?;
        let why_idle = backend.why_idle(address).await?;
        Ok((miner, receipts, reviews, why_idle))
    };
    load(ask, |(miner, receipts, reviews, why_idle)| view! { <Miner miner receipts reviews why_idle /> })
}

#[component]
fn Miner(miner: MinerView, receipts: Vec<ReceiptView>, reviews: Page<ReviewView>, why_idle: WhyIdle) -> impl IntoView {
    let address = miner.address;
    let (tone, word) = miner_state(&miner);
    let offers = miner.capability.offers.clone().into_iter().map(|offer| view! { <Offer offer /> }).collect_view();
    let (report, used) = (miner.capability.hardware.clone(), miner.capability.devices.clone());
    view! {
        <PageTitle name=words::title(&format::shortened(&miner.address.to_string()))>
            <StatusPill tone word />
        </PageTitle>
        <div class="stack">
            <MinerFigures miner=miner.clone() />
            <MinerFacts miner />
            <Section title=words::MODELS>{offers}</Section>
            <Section title=words::DEMAND>
                <Demand why_idle />
            </Section>
            <Section title=words::HARDWARE>
                {match report {
                    Some(signed) => view! { <Hardware signed used /> }.into_any(),
                    None => view! {
                        <Empty title=words::UNMEASURED_TITLE detail=words::UNMEASURED>
                            <code>{words::BENCH_COMMAND}</code>
                        </Empty>
                    }
                    .into_any(),
                }}
            </Section>
            <ReviewSection miner=address reviews />
            <Section title=words::RECEIPTS>
                {if receipts.is_empty() {
                    view! { <Empty title=words::NO_RECEIPTS_TITLE detail=words::NO_RECEIPTS /> }.into_any()
                } else {
                    view! { <ReceiptTable receipts /> }.into_any()
                }}
            </Section>
        </div>
    }
}

#[component]
fn Demand(why_idle: WhyIdle) -> impl IntoView {
    let reasons = why_idle.reasons.into_iter().map(|IdleReason { words, help, .. }| {
        let help = help.map(|help| format!(" {} {help}.", words::HELPS)).unwrap_or_default();
        let text = format!("{words}{help}");
        view! { <p><WithCode text /></p> }
    });
    let models = why_idle.models.into_iter().map(|demand| {
        view! {
            <InfoRow name=demand.model>
                <WithCode text=demand.words />
            </InfoRow>
        }
    });
    view! {
        {reasons.collect_view()}
        <dl class="info">{models.collect_view()}</dl>
    }
}

#[component]
fn MinerFigures(miner: MinerView) -> impl IntoView {
    view! {
        <dl class="figures">
            <Figure name=words::EARNED>
                <AmountValue amount=miner.earned />
            </Figure>
            <Figure name=words::PENDING>
                <AmountValue amount=miner.pending />
            </Figure>
            {(miner.held > Amount::ZERO)
                .then(|| {
                    view! {
                        <Figure name=words::HELD>
                            <AmountValue amount=miner.held />
                        </Figure>
                    }
                })}
            <Figure name=words::COMPLETED>{format::grouped(miner.jobs_completed)}</Figure>
            <Figure name=words::FAULTS>{format::grouped(miner.faults)}</Figure>
            <Figure name=audit_words::CONFIRMED>{format::grouped(miner.audits.confirmed)}</Figure>
            <Figure name=audit_words::REFUTED>{format::grouped(miner.audits.refuted)}</Figure>
            <Figure name=audit_words::SHARE>{audit_words::share(miner.audits.share_per_mille)}</Figure>
        </dl>
    }
}

#[component]
fn MinerFacts(miner: MinerView) -> impl IntoView {
    let address = miner.address;
    let MinerReviews { paid, unpaid, mean_per_mille } = miner.reviews;
    let capability = miner.capability;
    let engine = format!("{} {} on {}", capability.engine.name, capability.engine.version, capability.engine.provider);
    let devices = capability.devices.into_iter().map(|device| view! { <DeviceRow device /> }).collect_view();
    view! {
        <dl class="info">
            <InfoRow name=words::ACCOUNT>
                <AddressValue address full=true />
            </InfoRow>
            <InfoRow name=words::DEVICES>
                <span class="actions">{devices}</span>
            </InfoRow>
            <InfoRow name=words::ENGINE>{engine}</InfoRow>
            <InfoRow name=words::SLOTS>{capability.slots}</InfoRow>
            <InfoRow name=words::REPUTATION help=words::REPUTATION_HELP>
                {words::reputation(miner.reputation_per_mille)}
            </InfoRow>
            <InfoRow name=review_words::TITLE help=review_words::counted(paid, unpaid)>
                {mean_per_mille.map_or_else(|| "–".to_owned(), review_words::mean)}
            </InfoRow>
            <InfoRow name=words::VERSION>{capability.worker_version}</InfoRow>
            <InfoRow name=words::SEEN>
                {match miner.online {
                    true => common::NOW.into_any(),
                    false => view! { <Age at=miner.last_seen_at_unix_ms /> }.into_any(),
                }}
            </InfoRow>
            <InfoRow name=words::SINCE>
                <Age at=miner.first_seen_at_unix_ms />
            </InfoRow>
        </dl>
    }
}

#[component]
fn DeviceRow(device: Device) -> impl IntoView {
    let memory = format::bytes(device.memory_bytes);
    let measure = match device.cores {
        Some(cores) => format!("{}, {memory}", words::cores(cores)),
        None => memory,
    };
    view! { <DeviceChip name=device.name memory=measure /> }
}

#[component]
fn Offer(offer: ModelOffer) -> impl IntoView {
    let pixels = 512 * 512 * u64::from(offer.default_steps);
    let is_metered_in_pixels = offer.unit_type == UnitType::MegapixelStep;
    let picture = is_metered_in_pixels.then(|| offer.unit_price.times(MicroUnits(pixels))).flatten();
    view! {
        <dl class="info">
            <InfoRow name=words::MODEL>
                <ModelChip name=offer.model />
            </InfoRow>
            <InfoRow name=words::SPEED>{words::speed(offer.measured_micro_units_per_second, offer.unit_type)}</InfoRow>
            <InfoRow name=words::PRICE>
                <UnitPrice price=offer.unit_price unit_type=offer.unit_type />
            </InfoRow>
            {picture
                .map(|amount| {
                    view! {
                        <InfoRow name=words::PICTURE_PRICE help=words::PICTURE_HELP>
                            <AmountValue amount />
                        </InfoRow>
                    }
                })}
            <InfoRow name=words::MANIFEST help=words::MANIFEST_HELP>
                <CodeValue value=offer.manifest_sha256.to_string() what=common::HASH />
            </InfoRow>
        </dl>
    }
}
