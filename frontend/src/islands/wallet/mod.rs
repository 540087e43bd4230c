//! The wallet page. It knows words, keys and passwords only while they are typed or shown.
#![expect(unreachable_pub, reason = "the macro `component` makes what it generates public")]

mod accounts;
mod activity;
mod add;
mod balance;
mod connections;
mod fields;
mod passkeys;
mod receive;
mod security;
mod send;
pub mod sheet;
mod store;
mod unlock;

use leptos::prelude::*;

use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::text::wallet as words;
use add::{Add, Welcome};
use store::{Stage, View, Wallet};
use unlock::Unlock;

/// Which part of the page stands. It changes seldom, so that a form keeps what was typed while balances come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Starting,
    Broken(String),
    Welcome,
    Adding,
    Tabs { view: View, unlocked: bool },
}

#[island]
pub fn WalletPanel(
    /// Keys and chain were made for development.
    dev: bool,
) -> impl IntoView {
    let wallet = Wallet::new(dev);
    Effect::new(move |_| wallet.start());
    let part = Memo::new(move |_| match wallet.stage.get() {
        Stage::Starting => Part::Starting,
        Stage::Broken(detail) => Part::Broken(detail),
        Stage::Ready if wallet.adding.with(Option::is_some) => Part::Adding,
        Stage::Ready if wallet.is_empty() => Part::Welcome,
        Stage::Ready => Part::Tabs { view: wallet.view.get(), unlocked: wallet.is_unlocked() },
    });
    view! {
        <div id="wallet">
            {move || match part.get() {
                Part::Starting => view! { <p class="section-note">{words::STARTING}</p> }.into_any(),
                Part::Broken(detail) => {
                    view! { <Notice tone=Tone::Refused title=words::UNAVAILABLE_TITLE detail /> }.into_any()
                }
                Part::Welcome => view! { <Welcome wallet /> }.into_any(),
                Part::Adding => view! { <Add wallet /> }.into_any(),
                Part::Tabs { view, unlocked } => view! { <Tabs wallet view unlocked /> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Tabs(wallet: Wallet, view: View, unlocked: bool) -> impl IntoView {
    let links = View::TABS.map(|(tab, name)| {
        view! { <a href=tab.hash() aria-current=(tab == view).then_some("page")>{name}</a> }
    });
    let panel = match view {
        View::Accounts => view! { <accounts::Accounts wallet unlocked /> }.into_any(),
        View::Send if unlocked => view! { <send::Send wallet /> }.into_any(),
        View::Security if unlocked => view! { <security::Security wallet /> }.into_any(),
        View::Send | View::Security => view! { <Unlock wallet /> }.into_any(),
        View::Receive => view! { <receive::Receive wallet /> }.into_any(),
        View::Activity => view! { <activity::Activity wallet /> }.into_any(),
        View::Connections => view! { <connections::Connections wallet /> }.into_any(),
    };
    view! {
        <div class="wallet-tabs">
            <nav class="tabs" aria-label=words::TABS>
                {links}
            </nav>
            {panel}
        </div>
    }
}
