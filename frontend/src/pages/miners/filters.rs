//! The form that filters offers. It works without script: what it holds becomes the address.

use leptos::prelude::*;
use shared::api::marketplace::{GPU_FILTER_MAX_CHARS, MEMORY_FILTER_MAX_GB, OfferFilter, OfferOrder};
use shared::job::JobKind;
use shared::job::request::MODEL_NAME_MAX_CHARS;

use crate::components::facts::Fold;
use crate::marketplace::OFFERS_PATH;
use crate::text::marketplace as words;

#[component]
pub fn Filters(
    filter: OfferFilter,
    /// Names that the model's field suggests.
    models: Vec<String>,
) -> impl IntoView {
    let filters = filter.filters();
    let is_folded_used =
        filter.gpu.is_some() || filter.memory_gb.is_some() || filter.price.is_some() || filter.reputation.is_some();
    let clear = filters.then(|| {
        view! {
            <a class="button button-quiet" href=OFFERS_PATH>
                {words::CLEAR}
            </a>
        }
    });
    view! {
        <form class="filters" role="search" aria-label=words::FILTERS method="get" action=OFFERS_PATH>
            <div class="filter-row">
                <KindField kind=filter.kind />
                <ModelField model=filter.model.clone() models />
                <OrderField order=filter.order reversed=filter.reversed />
                <div class="field field-check">
                    <label>
                        <input type="checkbox" name="free" value="1" checked=filter.free />
                        {words::FILTER_FREE}
                    </label>
                </div>
                <div class="actions">
                    <button type="submit" class="button button-quiet">
                        {words::SHOW}
                    </button>
                    {clear}
                </div>
            </div>
            <Fold title=words::MORE_FILTERS open=is_folded_used>
                <MoreFields filter />
            </Fold>
        </form>
    }
}

#[component]
fn KindField(kind: Option<JobKind>) -> impl IntoView {
    let options = JobKind::ALL.map(|option| {
        view! {
            <option value=option.as_str() selected=kind == Some(option)>
                {words::kind_title(option)}
            </option>
        }
    });
    view! {
        <div class="field">
            <label for="filter-kind">{words::FILTER_KIND}</label>
            <select id="filter-kind" name="kind">
                <option value="">{words::ANY}</option>
                {options}
            </select>
        </div>
    }
}

#[component]
fn ModelField(model: Option<String>, models: Vec<String>) -> impl IntoView {
    let options = models.into_iter().map(|model| view! { <option value=model></option> }).collect_view();
    view! {
        <div class="field">
            <label for="filter-model">{words::MODEL}</label>
            <input
                id="filter-model"
                name="model"
                list="filter-models"
                value=model
                maxlength=MODEL_NAME_MAX_CHARS.to_string()
                autocomplete="off"
                spellcheck="false"
                placeholder=words::ANY
            />
            <datalist id="filter-models">{options}</datalist>
        </div>
    }
}

#[component]
fn OrderField(order: OfferOrder, reversed: bool) -> impl IntoView {
    let options = OfferOrder::ALL.map(|option| {
        // An order that a column's head turned round stays as it is.
        let is_shown = order == option;
        let value = format!("{}{}", if is_shown && reversed { "-" } else { "" }, option.as_str());
        view! {
            <option value=value selected=is_shown>
                {words::order(option)}
            </option>
        }
    });
    view! {
        <div class="field">
            <label for="filter-sort">{words::FILTER_SORT}</label>
            <select id="filter-sort" name="sort">
                {options}
            </select>
        </div>
    }
}

#[component]
fn MoreFields(filter: OfferFilter) -> impl IntoView {
    let memory = filter.memory_gb.map(|memory| memory.to_string());
    let price = filter.price.map(|price| price.to_string());
    let reputation = filter.reputation.map(|percent| percent.to_string());
    view! {
        <div class="filter-row">
            <div class="field">
                <label for="filter-gpu">{words::FILTER_GPU}</label>
                <input
                    id="filter-gpu"
                    name="gpu"
                    value=filter.gpu
                    maxlength=GPU_FILTER_MAX_CHARS.to_string()
                    autocomplete="off"
                    spellcheck="false"
                    placeholder=words::GPU_EXAMPLE
                />
            </div>
            <div class="field">
                <label for="filter-memory">{words::FILTER_MEMORY}</label>
                <input
                    id="filter-memory"
                    name="memory"
                    type="number"
                    min="0"
                    max=MEMORY_FILTER_MAX_GB.to_string()
                    value=memory
                    placeholder=words::AT_LEAST
                />
            </div>
            <div class="field">
                <label for="filter-price">{words::FILTER_PRICE}</label>
                <input id="filter-price" name="price" type="number" min="0" step="any" value=price placeholder=words::ANY />
            </div>
            <div class="field">
                <label for="filter-reputation">{words::FILTER_REPUTATION}</label>
                <input
                    id="filter-reputation"
                    name="reputation"
                    type="number"
                    min="0"
                    max="100"
                    value=reputation
                    placeholder=words::AT_LEAST
                />
            </div>
        </div>
    }
}
