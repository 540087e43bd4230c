//! Functions that change something. The server writes the call down, and `contract.js` hands it to the wallet.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use serde_json::json;
use shared::api::contracts::ContractView;
use shared::{Address, Bytes, U256};

use super::WRITE_TAB;
use super::forms::{Filled, FunctionForm};
use crate::components::chain_label::ChainLabel;
use crate::components::facts::{InfoRow, Raw, Section};
use crate::components::value::AddressValue;
use crate::components::wallet_account::WalletAccount;
use crate::text::contract as words;

/// A call that the page's address names, or why it cannot be written down.
pub struct WriteOf {
    pub(super) function: String,
    pub(super) values: Vec<String>,
    pub(super) coin: String,
    pub(super) call: Result<Call, String>,
}

pub struct Call {
    pub(super) to: Address,
    pub(super) function: String,
    pub(super) data: Bytes,
    pub(super) wei: U256,
}

#[component]
pub fn WriteForms(contract: ContractView, asked: Option<WriteOf>) -> impl IntoView {
    let mut asked = asked;
    let functions = contract.functions.into_iter().filter(|function| !function.mutability.only_reads());
    let forms: Vec<_> = functions
        .enumerate()
        .map(|(position, function)| {
            let own = asked.take_if(|asked| asked.function == function.signature);
            let (filled, call) = match own {
                Some(WriteOf { values, coin, call, .. }) => (Some(Filled { values, coin }), Some(call)),
                None => (None, None),
            };
            let address = contract.address;
            let written = call.map(|call| match call {
                Ok(call) => view! { <WrittenCall call /> }.into_any(),
                Err(reason) => view! {
                    <p class="field-error" role="alert">
                        {words::NOT_WRITTEN}
                    </p>
                    <Raw text=reason />
                }
                .into_any(),
            });
            view! {
                <FunctionForm address tab=WRITE_TAB button=words::PREPARE position function asked=filled>
                    {written}
                </FunctionForm>
            }
        })
        .collect();
    let note = if forms.is_empty() { words::NO_FUNCTIONS } else { words::WRITE_NOTE };
    view! {
        <p class="section-note">{note}</p>
        {forms}
    }
}

/// The call, and the button that hands it to the wallet.
#[component]
fn WrittenCall(call: Call) -> impl IntoView {
    let chain_id = use_context::<ChainLabel>().map(|label| label.chain_id).unwrap_or_default();
    let facts = facts(&call, chain_id);
    let Call { to, function, data, wei } = call;
    view! {
        <div class="stack" id="contract-call" data-facts=facts>
            <Section title=words::CALL_TITLE>
                <dl class="info">
                    <InfoRow name=words::TO>
                        <AddressValue address=to full=true />
                    </InfoRow>
                    <InfoRow name=words::FUNCTION>
                        <code>{function}</code>
                    </InfoRow>
                    <InfoRow name=words::COIN_SENT>{words::wei(&wei.to_string())}</InfoRow>
                </dl>
                <p class="field-help">{words::DATA}</p>
                <div data-testid="call-data">
                    <Raw text=data.to_string() />
                </div>
                <noscript>
                    <p class="section-note">{words::NEEDS_SCRIPT}</p>
                </noscript>
                <WalletAccount name=words::ACCOUNT>
                    <button type="button" class="button" id="send-call" hidden>
                        {words::SEND}
                    </button>
                </WalletAccount>
                <p class="section-note" role="status" id="contract-call-status"></p>
                <p class="field-error" role="alert" id="contract-call-error" hidden></p>
            </Section>
        </div>
        <script type="module" src="/contract.js" nonce=use_nonce()></script>
    }
}

/// What the script sends, and what it says.
fn facts(call: &Call, chain_id: u64) -> String {
    json!({
        "to": call.to, "data": call.data, "value": format!("{:#x}", call.wei), "chainId": format!("{chain_id:#x}"),
        "words": {
            "looking": words::LOOKING, "asking": words::ASKING, "waiting": words::WAITING, "sent": words::SENT,
            "failedInBlock": words::FAILED_IN_BLOCK, "late": words::LATE, "nobody": words::NOBODY,
            "failed": words::FAILED, "refused": words::REFUSED, "offline": words::OFFLINE,
            "otherChain": words::OTHER_CHAIN,
        },
    })
    .to_string()
}
