//! Who decides the next block, and what their power is made of.

use leptos::prelude::*;
use shared::api::explorer::ValidatorView;

use super::load::{PageTitle, Pager, load};
use crate::backend::use_backend;
use crate::components::tables::Table;
use crate::components::value::{AddressValue, AmountValue};
use crate::format::grouped;
use crate::text::explorer as words;

const VALIDATORS_PATH: &str = "/explorer/validators";

#[component]
pub fn ValidatorsPage() -> impl IntoView {
    let backend = use_backend();
    load(async move { backend.validators().await }, |validators| {
        // All together fit one number: the chain takes no set beyond it.
        let total_power = validators.iter().map(|validator| validator.voting_power).fold(0, u64::saturating_add);
        view! {
            <PageTitle name=words::VALIDATORS fact=words::VALIDATORS_FACT />
            <div class="section">
                <p>{words::decided_together(validators.len(), total_power)}</p>
                <ValidatorTable validators />
                <Pager path=VALIDATORS_PATH next_cursor=None first=true csv="/api/explorer/csv/validators" />
            </div>
        }
    })
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
