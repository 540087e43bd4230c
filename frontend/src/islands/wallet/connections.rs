//! What this site's pages may do with the wallet, and which chain it is on.

use leptos::prelude::*;
use shared::Address;
use shared::time::UnixMillis;

use super::store::Wallet;
use crate::components::facts::InfoRow;
use crate::components::value::{AddressValue, CodeValue, Height};
use crate::format;
use crate::text::{common, wallet as words};

/// Where the pages' node answers, on the server that the page is from.
const RPC_PATH: &str = "/rpc";

#[component]
pub(super) fn Connections(wallet: Wallet) -> impl IntoView {
    view! {
        <div class="stack">
            <Site wallet />
            <Network wallet />
        </div>
    }
}

/// An account that the pages see, its name, and since when.
type Seen = (Address, String, UnixMillis);

#[component]
fn Site(wallet: Wallet) -> impl IntoView {
    let seen = RwSignal::new(None::<Seen>);
    // Other tabs connect and end as well, so it is looked anew with every block.
    Effect::new(move |_| {
        wallet.heads.track();
        let now = seen_by_pages(wallet);
        if seen.with_untracked(|shown| *shown != now) {
            seen.set(now);
        }
    });
    let connection = move || match seen.get() {
        Some(seen_now) => view! { <Connection seen=seen_now on_end=move || end(seen) /> }.into_any(),
        None => view! { <p id="wallet-not-connected">{words::SITE_NONE}</p> }.into_any(),
    };
    view! {
        <section class="sheet" aria-live="polite">
            <div class="sheet-head">
                <h2>{words::SITE_TITLE}</h2>
                <p class="section-note">{words::SITE_DETAIL}</p>
            </div>
            {connection}
        </section>
    }
}

#[component]
fn Connection(seen: Seen, on_end: impl Fn() + Send + 'static) -> impl IntoView {
    let (address, name, since) = seen;
    view! {
        <dl class="info" id="wallet-connection">
            <InfoRow name=words::SITE_NAME>
                <code>{origin()}</code>
            </InfoRow>
            <InfoRow name=words::SITE_SEES>{name} " " <AddressValue address /></InfoRow>
            <InfoRow name=words::SITE_MAY>{words::SITE_MAY_SIGN}</InfoRow>
            <InfoRow name=words::SITE_SINCE>{format::exact_time(since.seconds())}</InfoRow>
        </dl>
        <div class="actions">
            <button type="button" class="button button-quiet" id="wallet-disconnect" on:click=move |_| on_end()>
                {words::SITE_END}
            </button>
        </div>
        <p class="section-note">{words::SITE_END_HELP}</p>
    }
}

/// The connected account, while it is in the wallet.
fn seen_by_pages(wallet: Wallet) -> Option<Seen> {
    let (connected, since) = connected()?;
    wallet.vault.with(|vault| {
        let mut accounts = vault.accounts();
        let (view, account) = accounts.find(|(_, account)| account.address == connected)?;
        Some((connected, format!("{} · {}", view.name, words::account(account.index)), since))
    })
}

#[cfg(feature = "hydrate")]
fn connected() -> Option<(Address, UnixMillis)> {
    crate::browser::provider::connection().map(|connection| (connection.account, connection.since))
}

#[cfg(not(feature = "hydrate"))]
const fn connected() -> Option<(Address, UnixMillis)> {
    None
}

fn end(seen: RwSignal<Option<Seen>>) {
    #[cfg(feature = "hydrate")]
    crate::browser::provider::disconnect();
    seen.set(None);
}

/// What the node says of its chain: the chain's number, and its newest block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser asks"))]
enum Known {
    NotYet,
    Failed,
    Is { chain_id: u64, head: u64 },
}

#[component]
fn Network(wallet: Wallet) -> impl IntoView {
    let known = watch(wallet);
    let chain_id = Memo::new(move |_| match known.get() {
        Known::Is { chain_id, .. } => Ok(chain_id),
        Known::NotYet => Err(words::NETWORK_ASKED),
        Known::Failed => Err(words::NETWORK_UNKNOWN),
    });
    let chain = move || match chain_id.get() {
        Ok(chain_id) => view! { <CodeValue value=chain_id.to_string() what=words::NETWORK_CHAIN_ID /> }.into_any(),
        Err(why) => view! { <span class="section-note">{why}</span> }.into_any(),
    };
    let head = move || match known.get() {
        Known::Is { head, .. } => view! { <Height number=head /> }.into_any(),
        Known::NotYet => view! { <span class="section-note">{words::NETWORK_ASKED}</span> }.into_any(),
        Known::Failed => view! { <span class="section-note">{words::NETWORK_UNKNOWN}</span> }.into_any(),
    };
    let node = format!("{}{RPC_PATH}", origin());
    view! {
        <section class="sheet">
            <div class="sheet-head">
                <h2>{words::NETWORK_TITLE}</h2>
                <p class="section-note">{words::NETWORK_DETAIL}</p>
            </div>
            <dl class="info" id="wallet-network">
                <InfoRow name=words::NETWORK_NAME>{common::PRODUCT}</InfoRow>
                {wallet.dev.then(|| view! { <InfoRow name=words::NETWORK_KIND>{words::NETWORK_DEV}</InfoRow> })}
                <InfoRow name=words::NETWORK_CHAIN_ID>{chain}</InfoRow>
                <InfoRow name=words::NETWORK_HEAD>{head}</InfoRow>
                <InfoRow name=words::NETWORK_NODE help=words::NETWORK_NODE_HELP>
                    <CodeValue value=node what=words::NETWORK_NODE />
                </InfoRow>
            </dl>
        </section>
    }
}

/// Asks now and with every block.
fn watch(wallet: Wallet) -> RwSignal<Known> {
    let known = RwSignal::new(Known::NotYet);
    Effect::new(move |_| {
        wallet.heads.track();
        #[cfg(feature = "hydrate")]
        leptos::task::spawn_local(async move {
            let answer = crate::browser::provider::network().await;
            // The tab may have been left meanwhile.
            let _ = known.try_set(match answer {
                Some(network) => Known::Is { chain_id: network.chain_id, head: network.head },
                None => Known::Failed,
            });
        });
    });
    known
}

/// The origin of this site, as every page of it has it.
#[cfg(feature = "hydrate")]
fn origin() -> String {
    crate::browser::window().location().origin().unwrap_or_default()
}

#[cfg(not(feature = "hydrate"))]
const fn origin() -> String {
    String::new()
}
