//! The parts of an address's page that are about its contract: sources, and forms that call it.

pub mod forms;
pub mod read;
pub mod sources;
pub mod write;

use leptos::prelude::*;
use shared::api::contracts::{ARGUMENTS_MAX, ContractView, FunctionView};
use shared::api::tokens::CreationView;
use shared::{Address, U256};

use self::read::{ReadForms, ReadOf};
use self::sources::Sources;
use self::write::{Call, WriteForms, WriteOf};
use super::load::query;
use crate::backend::{Answer, Backend};
use crate::text::contract as words;

/// The tabs in the page's address.
pub(super) const CONTRACT_TAB: &str = "contract";
pub(super) const READ_TAB: &str = "read";
pub(super) const WRITE_TAB: &str = "write";

/// What the page's address asks of a function: its signature, and a text for each of its values.
pub struct Asked {
    function: Option<String>,
    values: Vec<String>,
    /// Wei to send along.
    coin: Option<String>,
}

impl Asked {
    pub(super) fn of_query() -> Self {
        let values = (0..ARGUMENTS_MAX).map(|at| query(&forms::value_name(at)).unwrap_or_default());
        Self { function: query(forms::FUNCTION), values: values.collect(), coin: query(forms::COIN) }
    }

    /// The function that is asked for, if the contract has it, with as many values as it takes.
    fn of<'a>(&self, contract: &'a ContractView, only_reads: bool) -> Option<(&'a FunctionView, Vec<String>)> {
        let wanted = self.function.as_ref()?;
        let is_wanted = |one: &&FunctionView| one.signature == *wanted && one.mutability.only_reads() == only_reads;
        let function = contract.functions.iter().find(is_wanted)?;
        Some((function, self.values.iter().take(function.inputs.len()).cloned().collect()))
    }
}

/// A tab about a contract.
pub enum ContractTab {
    Sources { creation: Option<CreationView>, contract: Option<ContractView>, compiles: bool },
    Read { contract: Option<ContractView>, asked: Option<ReadOf> },
    Write { contract: Option<ContractView>, asked: Option<WriteOf> },
}

impl ContractTab {
    pub(super) async fn ask(backend: &dyn Backend, address: Address, tab: &str, asked: &Asked) -> Answer<Self> {
        let contract = backend.contract(address).await?;
        Ok(match tab {
            READ_TAB => Self::Read { asked: read_of(backend, address, contract.as_ref(), asked).await?, contract },
            WRITE_TAB => Self::Write { asked: write_of(backend, address, contract.as_ref(), asked).await?, contract },
            _ => {
                let creation = backend.creation(address).await?;
                Self::Sources { creation, contract, compiles: backend.compiles_sources() }
            }
        })
    }

    pub(super) const fn tab(&self) -> &'static str {
        match self {
            Self::Sources { .. } => CONTRACT_TAB,
            Self::Read { .. } => READ_TAB,
            Self::Write { .. } => WRITE_TAB,
        }
    }
}

async fn read_of(
    backend: &dyn Backend,
    address: Address,
    contract: Option<&ContractView>,
    asked: &Asked,
) -> Answer<Option<ReadOf>> {
    let Some((function, values)) = contract.and_then(|contract| asked.of(contract, true)) else { return Ok(None) };
    let answer = backend.read_contract(address, &function.signature, &values).await?;
    Ok(Some(ReadOf { function: function.signature.clone(), values, answer }))
}

async fn write_of(
    backend: &dyn Backend,
    address: Address,
    contract: Option<&ContractView>,
    asked: &Asked,
) -> Answer<Option<WriteOf>> {
    let Some((function, values)) = contract.and_then(|contract| asked.of(contract, false)) else { return Ok(None) };
    let coin = asked.coin.clone().unwrap_or_default();
    let call = match (wei(&coin), backend.encode_call(address, &function.signature, &values).await?) {
        (_, Err(reason)) => Err(reason),
        (None, _) => Err(words::WRONG_COIN.to_owned()),
        (Some(wei), Ok(data)) => Ok(Call { to: address, function: function.signature.clone(), data, wei }),
    };
    Ok(Some(WriteOf { function: function.signature.clone(), values, coin, call }))
}

/// Nothing typed is nothing sent.
fn wei(text: &str) -> Option<U256> {
    let text = text.trim();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() { Some(U256::ZERO) } else { text.parse().ok().filter(|_| is_number) }
}

/// What a tab shows.
#[component]
pub fn ContractPart(address: Address, tab: ContractTab, is_contract: bool) -> impl IntoView {
    match tab {
        ContractTab::Sources { creation, contract, compiles } => {
            view! { <Sources address creation contract compiles is_contract /> }.into_any()
        }
        ContractTab::Read { contract: Some(contract), asked } => view! { <ReadForms contract asked /> }.into_any(),
        ContractTab::Write { contract: Some(contract), asked } => view! { <WriteForms contract asked /> }.into_any(),
        ContractTab::Read { contract: None, .. } | ContractTab::Write { contract: None, .. } => {
            view! { <p class="section-note">{words::UNKNOWN}</p> }.into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wei_is_a_whole_number() {
        assert_eq!([wei(""), wei(" 7 "), wei("0")], [Some(U256::ZERO), Some(U256::from(7)), Some(U256::ZERO)]);
        let too_large = format!("1{}", "0".repeat(78));
        for wrong in ["-1", "0x10", "1.5", "1 ether", &too_large] {
            assert_eq!(wei(wrong), None, "{wrong}");
        }
    }
}
