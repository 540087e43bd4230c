//! The exchange: a market with its book, trades and prices, the form of an order, and what the reader has here. All of it is
//! the server's HTML. `exchange.js` keeps it current, and talks to the wallet; what it says stands in this page.

pub mod account;
pub mod book;
pub mod chart;
pub mod figures;
pub mod keys;
pub mod orders;
pub mod scale;
mod script;
pub mod ticket;

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use shared::api::exchange::{ExchangeView, MarketView};

use super::load::{PageTitle, load, query};
use crate::backend::{BackendError, MarketPage, TraderPage, use_backend};
use crate::components::chain_label::ChainLabel;
use crate::components::notice::{Empty, Notice};
use crate::components::status::Tone;
use crate::components::value::AddressValue;
use crate::text::account as account_words;
use crate::text::exchange as words;
use account::TraderPart;
use book::{BookPanel, DayFigures, TradesPanel};
pub use book::{LEVELS, TRADES};
use chart::ChartPanel;
use figures::{Places, market_path};
pub use scale::SLOTS;
use ticket::TicketPanel;

/// Where the exchange is.
pub const EXCHANGE_PATH: &str = "/exchange";

/// Leads to the first market.
#[component]
pub fn ExchangePage() -> impl IntoView {
    let backend = use_backend();
    load(async move { backend.exchange().await }, |exchange| {
        let first = exchange.as_ref().and_then(|exchange| {
            let open = exchange.markets.iter().find(|market| market.is_open);
            open.or(exchange.markets.first()).map(|market| market_path(&market.id))
        });
        match (exchange, first) {
            (_, Some(path)) => {
                leptos_axum::redirect(&path);
                view! { <a href=path.clone()>{path.clone()}</a> }.into_any()
            }
            (None, _) => nothing(words::NO_EXCHANGE_TITLE, words::NO_EXCHANGE).into_any(),
            (Some(_), None) => nothing(words::NO_MARKET_TITLE, words::NO_MARKET).into_any(),
        }
    })
}

fn nothing(title: &'static str, detail: &'static str) -> impl IntoView {
    view! {
        <PageTitle name=words::TITLE />
        <Empty title detail />
    }
}

#[component]
pub fn MarketPageView() -> impl IntoView {
    let backend = use_backend();
    let id = use_params_map().read_untracked().get("market").ok_or(BackendError::NotFound);
    let interval = chart::interval_of(query("interval").as_deref());
    let nonce = use_nonce();
    let ask = async move {
        let page = backend.market(&id?, interval).await?;
        Ok((page, backend.trader().await?))
    };
    load(ask, move |(page, trader)| {
        let facts = script::facts(&page.exchange, &page.market, trader.as_ref().map(|trader| trader.account.trader));
        view! {
            <div class="stack" id="exchange" data-facts=facts>
                <Market page trader />
            </div>
            <script type="module" src="/exchange.js" nonce=nonce></script>
        }
    })
}

#[component]
fn Market(page: MarketPage, trader: Option<TraderPage>) -> impl IntoView {
    let MarketPage { exchange, market, ticker, book, trades, candles } = page;
    let places = Places::of(&market);
    let symbols = [&market.base, &market.quote].map(|asset| asset.symbol.clone());
    let [base, quote] = symbols.clone();
    let last = ticker.last.clone();
    view! {
        <PageTitle name=words::title(&base, &quote) fact=words::FACT />
        <Markets exchange=exchange.clone() shown=market.id.clone() />
        <Warnings exchange=exchange.clone() market=market.clone() />
        <DayFigures ticker market=market.clone() places />
        <div class="market">
            <div class="market-side">
                <ChartPanel market=market.id.clone() candles places tick=market.tick.clone() symbols />
                <TradesPanel trades market=market.clone() places />
            </div>
            <BookPanel book market=market.clone() last places />
            <TicketPanel market />
        </div>
        <section class="section" id="wallet-choice" hidden>
            <h2>{account_words::CHOOSE}</h2>
            <div class="actions" id="wallets"></div>
        </section>
        {trader.map(|trader| view! { <TraderPart exchange trader /> })}
    }
}

/// The other markets, where there are any.
#[component]
fn Markets(exchange: ExchangeView, shown: String) -> impl IntoView {
    let links = exchange.markets.iter().map(|market| {
        let current = (market.id == shown).then_some("page");
        view! { <a href=market_path(&market.id) aria-current=current>{market.id.clone()}</a> }
    });
    (exchange.markets.len() > 1).then(|| {
        view! {
            <nav class="tabs" aria-label=words::MARKETS>
                {links.collect_view()}
            </nav>
        }
    })
}

/// What a reader must know before trading here.
#[component]
fn Warnings(exchange: ExchangeView, market: MarketView) -> impl IntoView {
    let worthless = [&market.base, &market.quote].into_iter().find(|asset| asset.is_worthless);
    let worthless = worthless.map(|asset| words::worthless(&asset.symbol, &asset.name));
    let is_dev = use_context::<ChainLabel>().is_some_and(|label| label.dev);
    let detail = worthless.clone().or_else(|| is_dev.then(|| words::DEV_DETAIL.to_owned())).unwrap_or_default();
    let title = if worthless.is_some() { words::WORTHLESS_TITLE } else { words::DEV_TITLE };
    let bridged = [&market.base, &market.quote].into_iter().find(|asset| asset.is_bridged);
    let bridged = bridged.map(|asset| (words::BRIDGED_TITLE, words::bridged(&asset.symbol, &asset.name)));
    let maker = exchange.market_maker.map(|address| {
        view! {
            <p class="section-note" data-testid="market-maker">
                <AddressValue address />
                " "
                {words::MARKET_MAKER}
            </p>
        }
    });
    let fault = exchange.fault.map(|fault| (words::FAULT_TITLE, fault));
    let refused = fault.into_iter().chain(exchange.reconciliation.difference.map(|told| (words::DIFFERS_TITLE, told)));
    let paused = exchange.is_paused.then_some((words::PAUSED_TITLE, words::PAUSED));
    let closed = (!market.is_open).then_some((words::CLOSED_TITLE, words::CLOSED));
    let waiting = paused.into_iter().chain(closed);
    let bridged = bridged.map(|(title, detail)| view! { <Notice tone=Tone::Waiting title detail /> });
    view! {
        {refused.map(|(title, detail)| view! { <Notice tone=Tone::Refused title detail /> }).collect_view()}
        {waiting.map(|(title, detail)| view! { <Notice tone=Tone::Waiting title detail /> }).collect_view()}
        {bridged}
        {(!detail.is_empty()).then(|| view! { <Notice tone=Tone::Waiting title detail /> })}
        {maker}
    }
}
