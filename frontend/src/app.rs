//! The document around every page, and the routes of all pages.

use http::request::Parts;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{SsrMode, path};

pub use crate::components::chain_label::ChainLabel;
use crate::components::chain_label::DevLabel;
use crate::components::icon::{Glyph, Icon, Logo};
use crate::components::search_field::{SEARCH_PATH, SearchField};
use crate::components::signed_in::AccountLink;
pub use crate::components::signed_in::SignedIn;
use crate::islands::page_tools::PageTools;
pub use crate::islands::studio::Example;
use crate::marketplace::{MODELS_PATH, OFFERS_PATH};
use crate::pages::account::AccountPage;
use crate::pages::address::AddressPage;
use crate::pages::admin::changes::ChangesPage;
use crate::pages::admin::health::HealthPage;
use crate::pages::admin::jobs::AdminJobsPage;
use crate::pages::admin::keys::{KeyPage, KeysPage};
use crate::pages::admin::limits::LimitsPage;
use crate::pages::admin::miners::{AdminMinerPage, AdminMinersPage};
use crate::pages::allowances::AllowancesPage;
use crate::pages::block::BlockPage;
use crate::pages::blocks::BlocksPage;
use crate::pages::bounties::{BOUNTIES_PATH, BountiesPage};
use crate::pages::calls::CallsPage;
use crate::pages::chat::{CHAT_PATH, ChatPage};
use crate::pages::design::DesignPage;
use crate::pages::documents::{DocumentPage, DocumentsPage};
use crate::pages::exchange::{EXCHANGE_PATH, ExchangePage, MarketPageView};
use crate::pages::explorer::ExplorerPage;
use crate::pages::home::HomePage;
use crate::pages::job::JobPage;
use crate::pages::jobs::JobsPage;
use crate::pages::miner::MinerPage;
use crate::pages::miners::MinersPage;
use crate::pages::missing::MissingPage;
use crate::pages::model::ModelPageView;
use crate::pages::models::ModelsPage;
use crate::pages::pay::PayPage;
use crate::pages::receipt::ReceiptPage;
use crate::pages::receipts::ReceiptsPage;
use crate::pages::search::SearchPage;
use crate::pages::token::TokenPage;
use crate::pages::tokens::TokensPage;
use crate::pages::transaction::TransactionPage;
use crate::pages::transactions::TransactionsPage;
use crate::pages::validators::ValidatorsPage;
use crate::pages::wallet::WalletPage;
use crate::pages::wallet_tokens::WalletTokensPage;
use crate::text::common as words;

/// The wallet's page, and the bundle that it loads instead of the other pages'.
const WALLET_PATH: &str = "/wallet";
const WALLET_BUNDLE: &str = "wallet_page";

/// Runs before anything can be pressed, so it is part of the document.
const EARLY_PRESS: &str = include_str!("early_press.js");

/// The whole document.
pub fn shell(mut options: LeptosOptions) -> impl IntoView {
    let is_wallet = use_context::<Parts>().is_some_and(|parts| parts.uri.path().starts_with(WALLET_PATH));
    if is_wallet {
        options.output_name = WALLET_BUNDLE.into();
    }
    // The wallet's own page has the provider in its bundle.
    let provider = (!is_wallet).then(|| view! { <script type="module" src="/provider.js" nonce=use_nonce()></script> });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=chosen_theme()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <script nonce=use_nonce() inner_html=EARLY_PRESS></script>
                <link rel="preload" href="/fonts/inter-latin.woff2" r#as="font" type="font/woff2" crossorigin="anonymous" />
                <link rel="preload" href="/fonts/jetbrains-mono-latin.woff2" r#as="font" type="font/woff2" crossorigin="anonymous" />
                <link rel="stylesheet" href="/pkg/app.css" nonce=use_nonce() />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <link rel="apple-touch-icon" href="/apple-touch-icon.png" />
                <HydrationScripts options islands=true />
                {provider}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The theme that the visitor chose, from a cookie. Without one the system's theme is shown.
fn chosen_theme() -> Option<&'static str> {
    let parts = use_context::<Parts>()?;
    let cookies = parts.headers.get(http::header::COOKIE)?.to_str().ok()?;
    match cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("theme="))? {
        "dark" => Some("dark"),
        "light" => Some("light"),
        _ => None,
    }
}

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title text=words::PRODUCT />
        <a class="skip" href="#content">
            {words::SKIP}
        </a>
        <SiteHead />
        <main id="content">
            <div class="wrap">
                <Router>
                    <Pages />
                </Router>
            </div>
        </main>
        <SiteFoot />
    }
}

#[component]
fn Pages() -> impl IntoView {
    view! {
        <Routes fallback=MissingPage>
            <Route path=path!("/") view=HomePage ssr=SsrMode::Async />
            <Route path=path!("/jobs") view=JobsPage ssr=SsrMode::Async />
            <Route path=path!("/jobs/:id") view=JobPage ssr=SsrMode::Async />
            <Route path=path!("/explorer") view=ExplorerPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/search") view=SearchPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/blocks") view=BlocksPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/blocks/:number") view=BlockPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/transactions") view=TransactionsPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/transactions/:hash") view=TransactionPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/transactions/:hash/calls") view=CallsPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/addresses/:address") view=AddressPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/tokens") view=TokensPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/tokens/:address") view=TokenPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/validators") view=ValidatorsPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/receipts") view=ReceiptsPage ssr=SsrMode::Async />
            <Route path=path!("/explorer/receipts/:hash") view=ReceiptPage ssr=SsrMode::Async />
            <Route path=path!("/exchange") view=ExchangePage ssr=SsrMode::Async />
            <Route path=path!("/exchange/:market") view=MarketPageView ssr=SsrMode::Async />
            <Route path=path!("/models") view=ModelsPage ssr=SsrMode::Async />
            <Route path=path!("/models/*model") view=ModelPageView ssr=SsrMode::Async />
            <Route path=path!("/bounties") view=BountiesPage ssr=SsrMode::Async />
            <Route path=path!("/miners") view=MinersPage ssr=SsrMode::Async />
            <Route path=path!("/miners/:address") view=MinerPage ssr=SsrMode::Async />
            <Route path=path!("/chat") view=ChatPage ssr=SsrMode::Async />
            <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async />
            <Route path=path!("/pay") view=PayPage ssr=SsrMode::Async />
            <Route path=path!("/wallet") view=WalletPage ssr=SsrMode::Async />
            <Route path=path!("/wallet/allowances") view=AllowancesPage ssr=SsrMode::Async />
            <Route path=path!("/wallet/tokens") view=WalletTokensPage ssr=SsrMode::Async />
            <Route path=path!("/admin") view=HealthPage ssr=SsrMode::Async />
            <Route path=path!("/admin/jobs") view=AdminJobsPage ssr=SsrMode::Async />
            <Route path=path!("/admin/miners") view=AdminMinersPage ssr=SsrMode::Async />
            <Route path=path!("/admin/miners/:address") view=AdminMinerPage ssr=SsrMode::Async />
            <Route path=path!("/admin/keys") view=KeysPage ssr=SsrMode::Async />
            <Route path=path!("/admin/keys/:id") view=KeyPage ssr=SsrMode::Async />
            <Route path=path!("/admin/limits") view=LimitsPage ssr=SsrMode::Async />
            <Route path=path!("/admin/changes") view=ChangesPage ssr=SsrMode::Async />
            <Route path=path!("/docs") view=DocumentsPage ssr=SsrMode::Async />
            <Route path=path!("/docs/*document") view=DocumentPage ssr=SsrMode::Async />
            <Route path=path!("/design") view=DesignPage ssr=SsrMode::Async />
        </Routes>
    }
}

/// The links of the main navigation, with their names.
const NAV_LINKS: [(&str, &str); 8] = [
    ("/", words::NAV_DRAW),
    (CHAT_PATH, words::NAV_CHAT),
    ("/explorer", words::NAV_EXPLORER),
    (MODELS_PATH, words::NAV_MODELS),
    (OFFERS_PATH, words::NAV_MINERS),
    (EXCHANGE_PATH, words::NAV_EXCHANGE),
    ("/jobs", words::NAV_JOBS),
    ("/wallet", words::NAV_WALLET),
];

#[component]
fn SiteHead() -> impl IntoView {
    let path = use_context::<Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
    let links = NAV_LINKS.map(|(href, name)| {
        let is_current = if href == "/" { path == "/" } else { path.starts_with(href) };
        view! { <a href=href aria-current=is_current.then_some("page")>{name}</a> }
    });
    let dev = use_context::<ChainLabel>().is_some_and(|label| label.dev);
    view! {
        <header class="site-head">
            <div class="wrap">
                <a class="wordmark" href="/">
                    <Logo />
                    {words::PRODUCT}
                </a>
                <nav class="site-nav" aria-label=words::NAV>
                    {links}
                </nav>
                <div class="site-tools">
                    <SearchField short=true />
                    <a class="icon-button search-link" href=SEARCH_PATH aria-label=words::SEARCH_SHORT title=words::SEARCH_SHORT>
                        <Icon glyph=Glyph::Search />
                    </a>
                    {dev.then(DevLabel)}
                    <AccountLink />
                    <PageTools />
                </div>
            </div>
        </header>
    }
}

#[component]
fn SiteFoot() -> impl IntoView {
    let label = use_context::<ChainLabel>();
    view! {
        <footer class="site-foot">
            <div class="wrap">
                {label.map(|label| view! { <p>{words::chain(label.chain_id)}</p> })}
                {label.filter(|label| label.dev).map(|_| view! { <p>{words::DEV_FOOT}</p> })}
                <nav aria-label=words::FOOT_NAV>
                    <a href="/explorer/receipts">{words::FOOT_RECEIPTS}</a>
                    <a href=BOUNTIES_PATH>{words::FOOT_BOUNTIES}</a>
                    <a href="/docs">{words::FOOT_DOCS}</a>
                    <a href="/design">{words::FOOT_DESIGN}</a>
                    <a href="/openapi.json">{words::FOOT_API}</a>
                </nav>
            </div>
        </footer>
    }
}
