//! What a contract was compiled from, and how that was shown.

use http::request::Parts;
use leptos::prelude::*;
use shared::Address;
use shared::api::contracts::{ContractView, MatchKind};
use shared::api::tokens::CreationView;

use super::read::Values;
use crate::components::chain_label::ChainLabel;
use crate::components::facts::{Fold, InfoRow, Raw, Section};
use crate::components::status::{StatusPill, Tone};
use crate::components::value::{AddressValue, HashValue, Moment, known_name};
use crate::origin::origin;
use crate::text::{contract as words, explorer, token};

/// Who made a contract, and its sources.
#[component]
pub fn Sources(
    address: Address,
    creation: Option<CreationView>,
    contract: Option<ContractView>,
    compiles: bool,
    is_contract: bool,
) -> impl IntoView {
    let sources = match contract {
        Some(contract) => Some(view! { <KnownSources contract /> }.into_any()),
        None if is_contract => Some(view! { <UnknownSources address compiles /> }.into_any()),
        None => None,
    };
    view! {
        <Creation creation is_contract address />
        {sources}
    }
}

/// Who made a contract, and in which transaction.
#[component]
fn Creation(creation: Option<CreationView>, is_contract: bool, address: Address) -> impl IntoView {
    match creation {
        Some(creation) => view! {
            <dl class="info">
                <InfoRow name=token::MADE_BY>
                    <AddressValue address=creation.creator full=true />
                </InfoRow>
                <InfoRow name=token::MADE_IN>
                    <HashValue
                        hash=creation.transaction_hash
                        href=format!("/explorer/transactions/{}", creation.transaction_hash)
                        full=true
                    />
                </InfoRow>
                <InfoRow name=explorer::TIME>
                    <Moment at=creation.timestamp />
                </InfoRow>
            </dl>
        }
        .into_any(),
        None => {
            let note = match (is_contract, known_name(address)) {
                (false, _) => token::NO_CONTRACT,
                (true, Some(_)) => token::OF_GENESIS,
                (true, None) => token::MADE_BY_CONTRACT,
            };
            view! { <p class="section-note">{note}</p> }.into_any()
        }
    }
}

#[component]
fn UnknownSources(address: Address, compiles: bool) -> impl IntoView {
    let how = if compiles {
        let here = use_context::<Parts>().and_then(|parts| origin(&parts.headers)).unwrap_or_default();
        let chain_id = use_context::<ChainLabel>().map(|label| label.chain_id).unwrap_or_default();
        view! {
            <p class="section-note">{words::HOW}</p>
            <Raw text=words::command(&address.to_string(), &here, chain_id) />
        }
        .into_any()
    } else {
        view! { <p class="section-note">{words::NO_COMPILER}</p> }.into_any()
    };
    view! {
        <Section title=words::UNKNOWN_TITLE>
            <p class="section-note">{words::UNKNOWN}</p>
            {how}
        </Section>
    }
}

#[component]
fn KnownSources(contract: ContractView) -> impl IntoView {
    let (tone, kind, help) = match contract.match_kind {
        MatchKind::Full => (Tone::Done, words::FULL, words::FULL_HELP),
        MatchKind::Partial => (Tone::Waiting, words::PARTIAL, words::PARTIAL_HELP),
        MatchKind::Genesis => (Tone::Done, words::GENESIS, words::GENESIS_HELP),
    };
    let is_genesis = contract.match_kind == MatchKind::Genesis;
    let creation = if contract.creation_compared { words::CREATION_COMPARED } else { words::CREATION_UNKNOWN };
    let arguments = contract.constructor_arguments.filter(|values| !values.is_empty()).map(|values| {
        view! {
            <Fold title=words::ARGUMENTS>
                <Values values />
            </Fold>
        }
    });
    let files = contract.files.into_iter().map(|file| {
        view! {
            <Fold title=file.path>
                <Raw text=file.text />
            </Fold>
        }
    });
    let files = files.collect_view();
    view! {
        <Section title=words::SOURCES_TITLE>
            <dl class="info" data-testid="sources">
                <InfoRow name=words::NAME help=words::NAME_HELP>
                    <code>{contract.name}</code>
                </InfoRow>
                <InfoRow name=words::MATCH help=help>
                    <StatusPill tone word=kind />
                </InfoRow>
                <InfoRow name=words::COMPILER>
                    <code>{contract.compiler_version}</code>
                </InfoRow>
                {(!is_genesis).then(|| view! { <InfoRow name=words::CREATION>{creation}</InfoRow> })}
                {contract
                    .verified_at
                    .map(|at| {
                        view! {
                            <InfoRow name=words::VERIFIED_AT>
                                <Moment at=at.seconds() />
                            </InfoRow>
                        }
                    })}
            </dl>
            {arguments}
            <Fold title=words::SETTINGS>
                <Raw text=contract.settings />
            </Fold>
            <Fold title=words::ABI>
                <Raw text=contract.abi />
            </Fold>
        </Section>
        <Section title=words::FILES>
            {is_genesis.then(|| view! { <p class="section-note">{words::LIBRARY_FILES}</p> })}
            {files}
        </Section>
    }
}
