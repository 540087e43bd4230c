//! A form for each function: its values stand in the page's address, so it works without a script.

use leptos::prelude::*;
use shared::Address;
use shared::api::contracts::{FunctionView, Mutability, ParameterView};

use crate::components::facts::Fold;
use crate::text::contract as words;

/// Names in the page's address.
pub(super) const FUNCTION: &str = "function";
pub(super) const COIN: &str = "coin";

pub(super) fn value_name(position: usize) -> String {
    format!("a{position}")
}

/// What a form begins with.
#[derive(Clone, Default)]
pub struct Filled {
    pub(super) values: Vec<String>,
    pub(super) coin: String,
}

/// One function. It is open where it was asked, and `children` is what came of that.
#[component]
pub fn FunctionForm(
    address: Address,
    tab: &'static str,
    button: &'static str,
    /// Its place among the functions of the tab.
    position: usize,
    function: FunctionView,
    asked: Option<Filled>,
    children: Children,
) -> impl IntoView {
    let is_open = asked.is_some();
    let Filled { values, coin } = asked.unwrap_or_default();
    let values = values.into_iter().map(Some).chain(std::iter::repeat(None));
    let fields = function.inputs.into_iter().zip(values).enumerate().map(|(at, (parameter, value))| {
        view! { <ValueField id=format!("f{position}-a{at}") name=value_name(at) at parameter value=value.unwrap_or_default() /> }
    });
    let fields = fields.collect_view();
    let coin = (function.mutability == Mutability::Payable).then(|| {
        let id = format!("f{position}-coin");
        view! {
            <div class="field">
                <label for=id.clone()>{words::COIN}</label>
                <input id=id name=COIN class="mono" inputmode="numeric" autocomplete="off" value=coin />
            </div>
        }
    });
    view! {
        <Fold title=function.signature.clone() open=is_open>
            <form method="get" class="stack" action=format!("/explorer/addresses/{address}")>
                <input type="hidden" name="tab" value=tab />
                <input type="hidden" name=FUNCTION value=function.signature />
                {fields}
                {coin}
                <div class="actions">
                    <button type="submit" class="button button-quiet">
                        {button}
                    </button>
                </div>
            </form>
            {children()}
        </Fold>
    }
}

#[component]
fn ValueField(id: String, name: String, at: usize, parameter: ParameterView, value: String) -> impl IntoView {
    let ParameterView { name: of_abi, kind } = parameter;
    let label = if of_abi.is_empty() { words::value(at + 1) } else { of_abi };
    let help = format!("{id}-help");
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                id=id
                name=name
                class="mono"
                value=value
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=help.clone()
            />
            <span class="field-help mono" id=help>
                {kind}
            </span>
        </div>
    }
}
