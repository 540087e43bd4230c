//! Who decides the next block, and what their power is made of.

use leptos::prelude::*;
use shared::amount::Amount;
use shared::api::explorer::{StakeRewardsView, ValidatorView, ValidatorsView};

use super::load::{PageTitle, Pager, load};
use crate::backend::use_backend;
use crate::components::facts::{InfoRow, Section};
use crate::components::tables::Table;
use crate::components::value::{AddressValue, AmountValue, Moment};
use crate::format::grouped;
use crate::text::explorer as words;

const VALIDATORS_PATH: &str = "/explorer/validators";

#[component]
pub fn ValidatorsPage() -> impl IntoView {
    let backend = use_backend();
    load(async move { backend.validators().await }, |ValidatorsView { validators, rewards }| {
        // All together fit one number: the chain takes no set beyond it.
        let total_power = validators.iter().map(|validator| validator.voting_power).fold(0, u64::saturating_add);
        view! {
            <PageTitle name=words::VALIDATORS fact=words::VALIDATORS_FACT />
            <div class="stack">
                <div class="section">
                    <p>{words::decided_together(validators.len(), total_power)}</p>
                    <ValidatorTable validators />
                    <Pager path=VALIDATORS_PATH next_cursor=None first=true csv="/api/explorer/csv/validators" />
                </div>
                {rewards.map(|rewards| view! { <Rewards rewards /> })}
            </div>
        }
    })
}

/// What those who have staked get of the fees.
#[component]
fn Rewards(rewards: StakeRewardsView) -> impl IntoView {
    let StakeRewardsView { flowing, ends, uncollected, earning_stake } = rewards;
    let flows = flowing > Amount::ZERO;
    view! {
        <Section title=words::REWARDS>
            <p>{words::REWARDS_HELP}</p>
            <dl class="info">
                <InfoRow name=words::FLOWING>
                    <AmountValue amount=flowing />
                </InfoRow>
                {flows
                    .then(|| {
                        view! {
                            <InfoRow name=words::FLOWS_UNTIL>
                                <Moment at=ends />
                            </InfoRow>
                        }
                    })}
                <InfoRow name=words::UNCOLLECTED>
                    <AmountValue amount=uncollected />
                </InfoRow>
                <InfoRow name=words::EARNING_STAKE>
                    <AmountValue amount=earning_stake />
                </InfoRow>
            </dl>
        </Section>
    }
}

#[component]
fn ValidatorTable(validators: Vec<ValidatorView>) -> impl IntoView {
    let row = |validator: ValidatorView| {
        view! {
            <tr>
                <td class="grow">
                    <AddressValue address=validator.address without_copy=true />
                </td>
                <td class="number">{grouped(validator.voting_power)}</td>
                <td class="number wide-only">{grouped(validator.base_power)}</td>
                <td class="number wide-only">
                    <AmountValue amount=validator.own_stake />
                </td>
                <td class="number wide-only">
                    <AmountValue amount=validator.delegated_stake />
                </td>
            </tr>
        }
    };
    let rows = validators.into_iter().map(row).collect_view();
    let columns = vec![
        (words::VALIDATOR, Some("grow")),
        (words::POWER, Some("number")),
        (words::BASE_POWER, Some("number wide-only")),
        (words::OWN_STAKE, Some("number wide-only")),
        (words::DELEGATED_STAKE, Some("number wide-only")),
    ];
    view! { <Table name="validators" columns rows /> }
}
