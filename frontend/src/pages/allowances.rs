//! Who may take tokens of an account, and the pages that know it. `allowances.js` asks the wallet for the account and the
//! chain for what it allowed; what it says stands in this page.

use alloy_primitives::{hex, keccak256};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use serde_json::json;
use shared::chain::{ESCROW_ADDRESS, EXCHANGE_ADDRESS, TEST_DOLLAR_ADDRESS, TOKEN_ADDRESS};

use super::load::PageTitle;
use crate::components::chain_label::ChainLabel;
use crate::components::facts::{InfoRow, Section};
use crate::components::notice::Empty;
use crate::components::status::{StatusPill, Tone};
use crate::components::wallet_account::WalletAccount;
use crate::text::{account as account_words, allowances as words};

/// Where the wallet's page leads to.
pub const ALLOWANCES_PATH: &str = "/wallet/allowances";

/// The event of ERC-20 that says an allowance was given or changed, and the functions that the script calls.
const APPROVAL: &str = "Approval(address,address,uint256)";
const FUNCTIONS: [(&str, &str); 4] = [
    ("allowance", "allowance(address,address)"),
    ("approve", "approve(address,uint256)"),
    ("symbol", "symbol()"),
    ("decimals", "decimals()"),
];

#[component]
pub fn AllowancesPage() -> impl IntoView {
    let chain_id = use_context::<ChainLabel>().map(|label| label.chain_id).unwrap_or_default();
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <div class="stack narrow" id="permissions" data-facts=facts(chain_id)>
            <p class="section-note" role="status" id="permissions-status"></p>
            <p class="field-error" role="alert" id="permissions-error" hidden></p>
            <noscript>
                <p class="section-note">{words::NEEDS_SCRIPT}</p>
            </noscript>
            <Connection />
            <Allowances />
        </div>
        <script type="module" src="/allowances.js" nonce=use_nonce()></script>
    }
}

#[component]
fn Connection() -> impl IntoView {
    let facts = view! {
        <InfoRow name=words::SINCE>
            <span id="connected-since"></span>
        </InfoRow>
    }
    .into_any();
    view! {
        <Section title=words::ACCOUNT_TITLE>
            <p class="section-note">{words::ACCOUNT_NOTE}</p>
            <WalletAccount name=words::ACCOUNT facts>
                <button type="button" class="button button-quiet" id="disconnect" hidden>
                    {words::DISCONNECT}
                </button>
            </WalletAccount>
        </Section>
    }
}

#[component]
fn Allowances() -> impl IntoView {
    view! {
        <Section title=words::ALLOWANCES_TITLE>
            <p class="section-note">{words::ALLOWANCES_NOTE}</p>
            <div class="table-scroll cards cards-holding" id="allowances" hidden>
                <table class="data" data-testid=words::NAME>
                    <thead>
                        <tr>
                            <th scope="col">{words::TOKEN}</th>
                            <th scope="col">{words::SPENDER}</th>
                            <th scope="col" class="number">
                                {words::AMOUNT}
                            </th>
                            <th scope="col">{words::ACTION}</th>
                        </tr>
                    </thead>
                    <tbody id="allowance-rows"></tbody>
                </table>
            </div>
            <div id="no-allowances" hidden>
                <Empty title=words::NONE_TITLE detail=words::NONE />
            </div>
            <p class="section-note" id="more-allowances" hidden></p>
            <template id="everything">
                <StatusPill tone=Tone::Refused word=words::EVERYTHING />
            </template>
        </Section>
    }
}

/// A function's four bytes.
fn selector(function: &str) -> String {
    format!("0x{}", hex::encode(&keccak256(function)[..4]))
}

/// What the script needs to know, and what it says.
fn facts(chain_id: u64) -> String {
    let selectors: serde_json::Map<_, _> =
        FUNCTIONS.into_iter().map(|(name, function)| (name.to_owned(), selector(function).into())).collect();
    json!({
        "chainId": chain_id, "approval": keccak256(APPROVAL), "selectors": selectors,
        // Lower case, as logs write addresses.
        "names": { lower(ESCROW_ADDRESS): "JobEscrow", lower(EXCHANGE_ADDRESS): "ExchangeSettlement" },
        // What anybody may write events of does not push these out of sight.
        "own": [lower(TOKEN_ADDRESS), lower(TEST_DOLLAR_ADDRESS)],
        "words": {
            "looking": words::LOOKING, "reading": words::READING, "asking": words::ASKING, "waiting": words::WAITING,
            "revoked": words::REVOKED, "failedInBlock": words::FAILED_IN_BLOCK, "late": words::LATE,
            "nobody": words::NOBODY, "failed": words::FAILED, "refused": words::REFUSED, "offline": words::OFFLINE,
            "revoke": words::REVOKE, "revokeLabel": words::REVOKE_LABEL, "more": words::MORE,
            "unknownSince": words::UNKNOWN_SINCE, "otherChain": account_words::OTHER_CHAIN,
        },
    })
    .to_string()
}

fn lower(address: shared::Address) -> String {
    address.to_string().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_and_functions_are_those_of_erc_20() {
        // The values that every token's bytecode holds.
        let topic = "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925";
        assert_eq!(hex::encode(keccak256(APPROVAL)), topic);
        let expected = ["0xdd62ed3e", "0x095ea7b3", "0x95d89b41", "0x313ce567"];
        assert_eq!(FUNCTIONS.map(|(_, function)| selector(function)), expected);
    }
}
