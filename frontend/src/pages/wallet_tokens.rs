//! The tokens of an account beside AIT, and what other wallets must know of this network. `tokens.js` asks the wallet for the
//! account and sends; what it says stands in this page.

use alloy_primitives::{hex, keccak256};
use http::request::Parts;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use serde_json::json;
use shared::api::page::LIMIT_MAX;
use shared::chain::TOKEN_ADDRESS;

use super::load::PageTitle;
use crate::components::chain_label::ChainLabel;
use crate::components::facts::{InfoRow, Section};
use crate::components::notice::Empty;
use crate::components::value::CodeValue;
use crate::components::wallet_account::WalletAccount;
use crate::origin::origin;
use crate::text::{account as account_words, common, wallet_tokens as words};

/// Where the wallet's page leads to.
pub const TOKENS_PATH: &str = "/wallet/tokens";

/// What sends a token (ERC-20).
const TRANSFER: &str = "transfer(address,uint256)";

#[component]
pub fn WalletTokensPage() -> impl IntoView {
    let chain_id = use_context::<ChainLabel>().map(|label| label.chain_id).unwrap_or_default();
    view! {
        <PageTitle name=words::TITLE fact=words::FACT />
        <div class="stack narrow" id="holdings" data-facts=facts(chain_id)>
            <p class="section-note" role="status" id="holdings-status"></p>
            <p class="field-error" role="alert" id="holdings-error" hidden></p>
            <noscript>
                <p class="section-note">{words::NEEDS_SCRIPT}</p>
            </noscript>
            <Connection />
            <Tokens />
            <Transfer />
            <Network />
        </div>
        <script type="module" src="/tokens.js" nonce=use_nonce()></script>
    }
}

#[component]
fn Connection() -> impl IntoView {
    view! {
        <Section title=words::ACCOUNT_TITLE>
            <p class="section-note">{words::ACCOUNT_NOTE}</p>
            <WalletAccount name=words::ACCOUNT />
        </Section>
    }
}

#[component]
fn Tokens() -> impl IntoView {
    view! {
        <Section title=words::TOKENS_TITLE>
            <p class="section-note">{words::TOKENS_NOTE}</p>
            <div class="table-scroll cards cards-holding" id="tokens" hidden>
                <table class="data" data-testid=words::NAME>
                    <thead>
                        <tr>
                            <th scope="col">{words::TOKEN}</th>
                            <th scope="col">{words::CONTRACT}</th>
                            <th scope="col" class="number">
                                {words::BALANCE}
                            </th>
                            <th scope="col">{words::ACTION}</th>
                        </tr>
                    </thead>
                    <tbody id="token-rows"></tbody>
                </table>
            </div>
            <div id="no-tokens" hidden>
                <Empty title=words::NONE_TITLE detail=words::NONE />
            </div>
            <p class="section-note" id="more-tokens" hidden></p>
        </Section>
    }
}

#[component]
fn Transfer() -> impl IntoView {
    view! {
        <form class="sheet" id="transfer" hidden>
            <h2 id="transfer-title" tabindex="-1"></h2>
            <div class="field">
                <label for="transfer-to">{words::TO}</label>
                <input id="transfer-to" class="mono" autocomplete="off" autocapitalize="none" spellcheck="false" required aria-describedby="transfer-to-help" />
                <span class="field-help" id="transfer-to-help">{words::TO_HELP}</span>
            </div>
            <div class="field">
                <label for="transfer-amount" id="transfer-amount-label"></label>
                <input id="transfer-amount" inputmode="decimal" autocomplete="off" required />
            </div>
            <div class="actions">
                <button type="submit" class="button" id="transfer-review">
                    {words::REVIEW}
                </button>
                <button type="button" class="button button-quiet" id="transfer-cancel">
                    {words::CANCEL}
                </button>
            </div>
        </form>
    }
}

/// What another wallet asks for, to copy.
#[component]
fn Network() -> impl IntoView {
    let chain_id = use_context::<ChainLabel>().map(|label| label.chain_id.to_string()).unwrap_or_default();
    let here = use_context::<Parts>().and_then(|parts| origin(&parts.headers)).unwrap_or_default();
    let (rpc, explorer) = (format!("{here}/rpc"), format!("{here}/explorer"));
    let copied = |what: &'static str, value: String| view! { <CodeValue value what /> };
    view! {
        <Section title=words::NETWORK_TITLE>
            <p class="section-note">{words::NETWORK_NOTE}</p>
            <dl class="info" id="network">
                <InfoRow name=words::NETWORK_NAME>{common::PRODUCT}</InfoRow>
                <InfoRow name=words::CHAIN_ID>{copied(words::CHAIN_ID, chain_id)}</InfoRow>
                <InfoRow name=words::RPC help=words::RPC_HELP>
                    {copied(words::RPC, rpc)}
                </InfoRow>
                <InfoRow name=words::EXPLORER>{copied(words::EXPLORER, explorer)}</InfoRow>
                <InfoRow name=words::AIT help=words::AIT_HELP>
                    {copied(words::AIT, TOKEN_ADDRESS.to_string())}
                </InfoRow>
            </dl>
        </Section>
    }
}

/// A function's four bytes.
fn selector(function: &str) -> String {
    format!("0x{}", hex::encode(&keccak256(function)[..4]))
}

/// What the script needs to know, and what it says.
fn facts(chain_id: u64) -> String {
    json!({
        "transfer": selector(TRANSFER), "most": LIMIT_MAX, "ait": TOKEN_ADDRESS, "chainId": chain_id,
        "words": {
            "looking": words::LOOKING, "reading": words::READING, "asking": words::ASKING, "waiting": words::WAITING,
            "sent": words::SENT, "failedInBlock": words::FAILED_IN_BLOCK, "late": words::LATE, "nobody": words::NOBODY,
            "failed": words::FAILED, "refused": words::REFUSED, "offline": words::OFFLINE, "send": words::SEND,
            "sendLabel": words::SEND_LABEL, "more": words::MORE, "title": words::FORM_TITLE, "amount": words::AMOUNT,
            "wrongAddress": words::WRONG_ADDRESS, "toContract": words::TO_CONTRACT, "wrongAmount": words::WRONG_AMOUNT,
            "notEnough": words::NOT_ENOUGH, "noDecimals": words::NO_DECIMALS,
            "otherChain": account_words::OTHER_CHAIN,
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selector_is_the_one_that_every_token_has() {
        assert_eq!(selector(TRANSFER), "0xa9059cbb");
    }
}
