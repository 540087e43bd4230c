//! Functions that only read. The server calls the one that the page's address names.

use leptos::prelude::*;
use shared::api::contracts::{ContractView, ReadAnswer, ValueView};

use super::READ_TAB;
use super::forms::{Filled, FunctionForm};
use crate::components::facts::Raw;
use crate::text::contract as words;

/// A function that was asked, and what it answered.
pub struct ReadOf {
    pub(super) function: String,
    pub(super) values: Vec<String>,
    pub(super) answer: ReadAnswer,
}

#[component]
pub fn ReadForms(contract: ContractView, asked: Option<ReadOf>) -> impl IntoView {
    let mut asked = asked;
    let functions = contract.functions.into_iter().filter(|function| function.mutability.only_reads());
    let forms: Vec<_> = functions
        .enumerate()
        .map(|(position, function)| {
            let own = asked.take_if(|asked| asked.function == function.signature);
            let (filled, answer) = match own {
                Some(ReadOf { values, answer, .. }) => (Some(Filled { values, coin: String::new() }), Some(answer)),
                None => (None, None),
            };
            let address = contract.address;
            view! {
                <FunctionForm address tab=READ_TAB button=words::ASK position function asked=filled>
                    {answer.map(|answer| view! { <ReadAnswerView answer /> })}
                </FunctionForm>
            }
        })
        .collect();
    let note = if forms.is_empty() { words::NO_FUNCTIONS } else { words::READ_NOTE };
    view! {
        <p class="section-note">{note}</p>
        {forms}
    }
}

#[component]
fn ReadAnswerView(answer: ReadAnswer) -> impl IntoView {
    let shown = match answer {
        ReadAnswer::Values(values) if values.is_empty() => view! { <p>{words::NO_VALUES}</p> }.into_any(),
        ReadAnswer::Values(values) => view! { <Values values /> }.into_any(),
        ReadAnswer::Undecoded(bytes) => view! {
            <p>{words::UNDECODED}</p>
            <Raw text=bytes.to_string() />
        }
        .into_any(),
        ReadAnswer::Failed(reason) => view! {
            <p class="field-error" role="alert">
                {words::CALL_FAILED}
            </p>
            <Raw text=reason />
        }
        .into_any(),
    };
    view! {
        <section aria-label=words::ANSWER data-testid="answer">
            {shown}
        </section>
    }
}

/// Values under their names and types. What a contract says may be anything, so each stands in a block of its own.
#[component]
pub fn Values(values: Vec<ValueView>) -> impl IntoView {
    values
        .into_iter()
        .map(|ValueView { name, kind, text }| {
            view! {
                <p class="field-help mono">{kind} " " {name}</p>
                <Raw text />
            }
        })
        .collect_view()
}
