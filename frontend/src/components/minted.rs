//! The last sentence of a job: the minted amount, its account and its block.

use leptos::prelude::*;
use shared::api::jobs::MintView;

use super::value::{AddressValue, AmountValue, Height};
use crate::text;

#[component]
pub fn MintedSentence(mint: MintView) -> impl IntoView {
    let transaction = format!("/explorer/transactions/{}", mint.transaction_hash);
    view! {
        <span id="minted">
            <a href=transaction>{text::job::MINTED}</a>
            " "
            <AmountValue amount=mint.amount />
            {text::job::MINTED_TO}
            <AddressValue address=mint.provider miner=true without_copy=true />
            {text::job::MINTED_IN}
            <Height number=mint.block_number />
        </span>
    }
}
