//! The balance of an account, asked anew with every block.

use leptos::prelude::*;
use shared::Address;
use shared::amount::Amount;

use super::store::Wallet;
use crate::components::value::AmountValue;
use crate::text::wallet as words;

/// What the explorer's answer says of the money of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub(super) struct Holdings {
    pub(super) balance: Amount,
    pub(super) held: Amount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser asks"))]
pub(super) enum Known {
    NotYet,
    Failed,
    Is(Holdings),
}

/// Asks now and with every block.
pub(super) fn watch(wallet: Wallet, address: Address) -> RwSignal<Known> {
    let known = RwSignal::new(Known::NotYet);
    Effect::new(move |_| {
        wallet.heads.track();
        #[cfg(feature = "hydrate")]
        leptos::task::spawn_local(async move {
            let answer = crate::browser::http::get::<Holdings>(&format!("/api/explorer/addresses/{address}")).await;
            // The account may have left the page meanwhile.
            let _ = known.try_update(|known| match answer {
                Ok(holdings) => *known = Known::Is(holdings),
                Err(_) if *known == Known::NotYet => *known = Known::Failed,
                Err(_) => {}
            });
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = address;
    });
    known
}

#[component]
pub(super) fn BalanceWords(known: RwSignal<Known>) -> impl IntoView {
    move || match known.get() {
        Known::Is(holdings) => view! { <AmountValue amount=holdings.balance /> }.into_any(),
        Known::NotYet => view! { <span class="section-note">{words::BALANCE_ASKED}</span> }.into_any(),
        Known::Failed => view! { <span class="section-note">{words::BALANCE_UNKNOWN}</span> }.into_any(),
    }
}
