//! A picture that its client pays from the escrow: what it may cost, then the signatures. `pay.js` talks to the API and
//! to the wallet; what it says stands in this page.

use alloy_primitives::{hex, keccak256};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use serde_json::json;
use shared::amount::Amount;
use shared::chain::{ESCROW_ADDRESS, TOKEN_ADDRESS};
use shared::job::image::PROMPT_MAX_CHARS;
use shared::unit::UnitType;

use super::load::{PageTitle, load, query};
use crate::backend::{Funds, use_backend};
use crate::components::chain_label::ChainLabel;
use crate::components::facts::{InfoRow, Section};
use crate::components::notice::Notice;
use crate::components::signed_in::ACCOUNT_PATH;
use crate::components::status::Tone;
use crate::components::value::{AddressValue, AmountValue, ModelChip};
use crate::format::{escaped, percent_encoded};
use crate::islands::draft::{Draft, Field};
use crate::text::{account as account_words, common, pay as words};

/// Where a job is paid.
pub const PAY_PATH: &str = "/pay";

/// The escrow's function that deposits by a permit.
const DEPOSIT: &str = "depositWithPermit(address,uint256,uint256,uint8,bytes32,bytes32)";

/// The token's function that tells the next nonce of a permit.
const PERMIT_NONCE: &str = "nonces(address)";

#[component]
pub fn PayPage() -> impl IntoView {
    let backend = use_backend();
    let chain_id = use_context::<ChainLabel>().map(|label| label.chain_id).unwrap_or_default();
    let draft = Draft::from_fn(|field| query(field.name()).unwrap_or_default());
    let (model, nonce) = (query("model"), use_nonce());
    load(async move { backend.funds().await }, move |funds| {
        let is_signed_in = funds.is_some();
        let part = match funds {
            None => view! { <SignInFirst draft model /> }.into_any(),
            Some(funds) => view! { <PayPart funds draft model chain_id /> }.into_any(),
        };
        view! {
            <PageTitle name=words::TITLE fact=words::FACT />
            {part}
            {is_signed_in.then(|| view! { <script type="module" src="/pay.js" nonce=nonce></script> })}
        }
    })
}

#[component]
fn SignInFirst(draft: Draft, model: Option<String>) -> impl IntoView {
    let mut next = pay_href(&draft);
    if let Some(model) = model {
        let join = if next.contains('?') { '&' } else { '?' };
        next = format!("{next}{join}model={}", percent_encoded(&model));
    }
    let href = format!("{ACCOUNT_PATH}?next={}", percent_encoded(&next));
    view! {
        <div class="stack">
            <Notice tone=Tone::Plain title=words::SIGN_IN_FIRST detail=words::SIGN_IN_DETAIL />
            <div class="actions">
                <a class="button" href=href>{account_words::SIGN_IN}</a>
            </div>
        </div>
    }
}

/// This page with a request filled in.
pub fn pay_href(draft: &Draft) -> String {
    let pairs: Vec<String> = Field::ALL
        .into_iter()
        .filter(|field| !draft.get(*field).is_empty())
        .map(|field| format!("{}={}", field.name(), percent_encoded(draft.get(field))))
        .collect();
    if pairs.is_empty() { PAY_PATH.to_owned() } else { format!("{PAY_PATH}?{}", pairs.join("&")) }
}

/// A function's four bytes.
fn selector(function: &str) -> String {
    format!("0x{}", hex::encode(&keccak256(function)[..4]))
}

/// What the script needs to know, and what it says.
fn script_data(funds: Funds, model: Option<&str>, chain_id: u64) -> String {
    let units: serde_json::Map<String, serde_json::Value> = UnitType::ALL
        .into_iter()
        .map(|unit| (unit.as_str().to_owned(), json!([common::unit_singular(unit), common::unit(unit)])))
        .collect();
    json!({
        "client": funds.address, "model": model, "chainId": chain_id, "token": TOKEN_ADDRESS, "escrow": ESCROW_ADDRESS,
        "depositSelector": selector(DEPOSIT), "nonceSelector": selector(PERMIT_NONCE),
        "numbers": Field::ALL.into_iter().filter(|field| field.is_number()).map(Field::name).collect::<Vec<_>>(),
        "units": units,
        "words": {
            "upTo": words::UP_TO, "perUnit": words::PER_UNIT, "units": words::UP_TO_UNITS, "about": words::ABOUT,
            "percent": words::PERCENT, "nothing": words::NOTHING, "paySum": words::PAY_SUM,
            "askingPrice": words::ASKING_PRICE, "looking": account_words::LOOKING, "askingWallet": words::ASKING_WALLET,
            "permit": words::SIGN_PERMIT, "deposit": words::SIGN_DEPOSIT, "waiting": words::WAITING,
            "order": words::SIGN_ORDER, "sending": words::SENDING, "depositFailed": words::DEPOSIT_FAILED,
            "depositLate": words::DEPOSIT_LATE, "otherAccount": words::OTHER_ACCOUNT, "nobody": account_words::NOBODY,
            "failed": account_words::FAILED, "refused": account_words::REFUSED, "offline": account_words::OFFLINE,
            "otherChain": account_words::OTHER_CHAIN,
        },
    })
    .to_string()
}

#[component]
fn PayPart(funds: Funds, draft: Draft, model: Option<String>, chain_id: u64) -> impl IntoView {
    let data = script_data(funds, model.as_deref(), chain_id);
    let empty = funds.balance == Amount::ZERO && funds.deposited == Amount::ZERO;
    view! {
        <div class="stack narrow" id="pay" data-facts=data>
            <Section title=words::FUNDS>
                <dl class="info">
                    <InfoRow name=words::ACCOUNT>
                        <AddressValue address=funds.address />
                    </InfoRow>
                    <InfoRow name=words::IN_WALLET>
                        <AmountValue amount=funds.balance />
                    </InfoRow>
                    <InfoRow name=words::IN_ESCROW help=words::IN_ESCROW_HELP>
                        <AmountValue amount=funds.deposited />
                    </InfoRow>
                </dl>
                {empty.then(|| view! { <p class="section-note">{words::NO_FUNDS}</p> })}
            </Section>
            <Section title=words::REQUEST>
                {model.map(|model| view! { <p class="section-note">{words::OF_MODEL} " " <ModelChip name=model /></p> })}
                <RequestForm draft />
            </Section>
            <section class="section" id="wallet-choice" hidden>
                <h2>{account_words::CHOOSE}</h2>
                <div class="actions" id="wallets"></div>
            </section>
            <Offer />
            <p class="section-note" role="status" id="pay-status"></p>
            <p class="field-error" role="alert" id="pay-error" hidden></p>
            <noscript>
                <p class="section-note">{words::NEEDS_SCRIPT}</p>
            </noscript>
        </div>
    }
}

#[component]
fn RequestForm(draft: Draft) -> impl IntoView {
    let number = |field: Field, label: &'static str, placeholder: &'static str| {
        view! {
            <div class="field">
                <label for=field.name()>{label}</label>
                <input id=field.name() name=field.name() inputmode="numeric" placeholder=placeholder value=draft.get(field).clone() autocomplete="off" />
            </div>
        }
    };
    let kept = [Field::NegativePrompt, Field::Guidance, Field::Scheduler]
        .map(|field| view! { <input type="hidden" name=field.name() value=draft.get(field).clone() /> });
    view! {
        <form class="form" id="pay-request">
            <div class="field">
                <label for="prompt">{words::PROMPT}</label>
                <textarea id="prompt" name="prompt" rows="2" required maxlength=PROMPT_MAX_CHARS.to_string()>{escaped(draft.get(Field::Prompt))}</textarea>
            </div>
            <div class="settings">
                {number(Field::Steps, words::STEPS, words::MODELS_OWN)}
                {number(Field::Width, words::WIDTH, "512")}
                {number(Field::Height, words::HEIGHT, "512")}
                {number(Field::Seed, words::SEED, words::RANDOM)}
            </div>
            {kept}
            <div class="actions">
                <button type="submit" class="button button-quiet" id="ask-price">
                    {words::ASK}
                </button>
            </div>
        </form>
    }
}

/// The script fills it in.
#[component]
fn Offer() -> impl IntoView {
    let row = |name: &'static str, id: &'static str, help: Option<&'static str>| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd id=id></dd>
                {help.map(|help| view! { <dd class="info-help">{help}</dd> })}
            </div>
        }
    };
    view! {
        <section class="section" id="offer" hidden>
            <h2>{words::OFFER}</h2>
            <dl class="info">
                {row(words::TOTAL, "offer-total", None)}
                {row(words::UNIT_PRICE, "offer-price", None)}
                {row(words::UNITS, "offer-units", None)}
                {row(words::FEE, "offer-fee", Some(words::FEE_HELP))}
                {row(words::WORK, "offer-work", Some(words::WORK_HELP))}
                {row(words::MINERS, "offer-miners", None)}
                {row(words::DEPOSIT, "offer-deposit", Some(words::DEPOSIT_HELP))}
            </dl>
            <p class="section-note">{words::OFFER_NOTE}</p>
            <div class="actions">
                <button type="button" class="button" id="pay-now">
                    {words::PAY}
                </button>
            </div>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_carried_over_in_the_address() {
        let mut draft = Draft::default();
        assert_eq!(pay_href(&draft), "/pay");
        draft.set(Field::Prompt, "a lake & a boat".to_owned());
        draft.set(Field::Seed, "7".to_owned());
        assert_eq!(pay_href(&draft), "/pay?prompt=a%20lake%20%26%20a%20boat&seed=7");
    }

    #[test]
    fn the_selector_is_the_one_that_every_token_with_permits_has() {
        assert_eq!(selector(PERMIT_NONCE), "0x7ecebe00");
    }
}
