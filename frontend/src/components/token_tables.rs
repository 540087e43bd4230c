//! Tables of tokens, holders and transfers.

use leptos::prelude::*;
use shared::Address;
use shared::api::tokens::{HolderView, HoldingView, TokenSummary, TransferView};

use super::tables::{Table, TransactionLink};
use super::value::{AddressValue, Age};
use crate::format::{self, grouped, shortened};
use crate::text::{explorer, token as words};

/// The page of a token.
pub fn token_path(token: Address) -> String {
    format!("/explorer/tokens/{token}")
}

/// Its symbol, its name, or its address.
pub fn token_label(symbol: Option<&str>, name: Option<&str>, address: Address) -> String {
    symbol.or(name).map_or_else(|| shortened(&address.to_string()), str::to_owned)
}

/// An amount of a token: with its point, every digit on hover, and the token's symbol.
#[component]
pub fn TokenAmount(#[prop(into)] smallest: String, decimals: Option<u8>, symbol: Option<String>) -> impl IntoView {
    let (shown, exact) = format::token_amount(&smallest, decimals);
    view! {
        <span class="amount" title=exact>
            <span class="amount-whole">{shown}</span>
            {symbol.map(|symbol| view! { <span class="amount-unit">{symbol}</span> })}
        </span>
    }
}

#[component]
pub fn TokenTable(tokens: Vec<TokenSummary>) -> impl IntoView {
    let rows = tokens.into_iter().map(|token| view! { <TokenRow token /> }).collect_view();
    let columns = vec![
        (words::TOKEN, None),
        (words::NAME, Some("grow wide-only")),
        (words::CONTRACT, Some("wide-only")),
        (words::HOLDERS, Some("number")),
        (words::TRANSFERS, Some("number")),
    ];
    view! { <Table name="tokens" columns rows /> }
}

#[component]
fn TokenRow(token: TokenSummary) -> impl IntoView {
    let label = token_label(token.symbol.as_deref(), token.name.as_deref(), token.address);
    let name = token.name.unwrap_or_else(|| words::UNNAMED.to_owned());
    view! {
        <tr>
            <td>
                <a class="row-link" href=token_path(token.address)>
                    {label}
                </a>
            </td>
            <td class="grow wide-only">{name}</td>
            <td class="wide-only">
                <AddressValue address=token.address without_copy=true />
            </td>
            <td class="number">{grouped(token.holders)}</td>
            <td class="number">{grouped(token.transfers)}</td>
        </tr>
    }
}

#[component]
pub fn HolderTable(holders: Vec<HolderView>, decimals: Option<u8>, symbol: Option<String>) -> impl IntoView {
    let row = |holder: HolderView| {
        let share = holder.share_per_million.map_or_else(|| "–".to_owned(), format::percent);
        view! {
            <tr>
                <td class="grow">
                    <AddressValue address=holder.account />
                </td>
                <td class="number">{share}</td>
                <td class="number">
                    <TokenAmount smallest=holder.balance decimals symbol=symbol.clone() />
                </td>
            </tr>
        }
    };
    let rows = holders.into_iter().map(row).collect_view();
    let columns = vec![(words::HOLDER, Some("grow")), (words::SHARE, Some("number")), (words::AMOUNT, Some("number"))];
    view! { <Table name="holders" columns rows /> }
}

#[component]
pub fn HoldingTable(holdings: Vec<HoldingView>) -> impl IntoView {
    let row = |HoldingView { token, balance }: HoldingView| {
        let label = token_label(token.symbol.as_deref(), token.name.as_deref(), token.address);
        let name = token.name.unwrap_or_else(|| words::UNNAMED.to_owned());
        view! {
            <tr>
                <td>
                    <a class="row-link" href=token_path(token.address)>
                        {label}
                    </a>
                </td>
                <td class="grow wide-only">{name}</td>
                <td class="number">
                    <TokenAmount smallest=balance decimals=token.decimals symbol=token.symbol />
                </td>
            </tr>
        }
    };
    let rows = holdings.into_iter().map(row).collect_view();
    let columns = vec![(words::TOKEN, None), (words::NAME, Some("grow wide-only")), (words::AMOUNT, Some("number"))];
    view! { <Table name="holdings" columns rows /> }
}

#[component]
pub fn TransferTable(transfers: Vec<TransferView>) -> impl IntoView {
    let rows = transfers.into_iter().map(|transfer| view! { <TransferRow transfer /> }).collect_view();
    let columns = vec![
        (explorer::TRANSACTION, None),
        (explorer::FROM, Some("wide-only")),
        (explorer::TO, Some("wide-only")),
        (words::TOKEN, Some("grow")),
        (explorer::BLOCK, Some("number wide-only")),
        (explorer::AGE, None),
        (words::AMOUNT, Some("number")),
    ];
    view! { <Table name="transfers" columns rows /> }
}

#[component]
fn TransferRow(transfer: TransferView) -> impl IntoView {
    let label = token_label(transfer.symbol.as_deref(), transfer.name.as_deref(), transfer.token);
    view! {
        <tr>
            <td>
                <TransactionLink hash=transfer.transaction_hash />
            </td>
            <td class="wide-only">
                <Party address=transfer.from nobody=words::MINT />
            </td>
            <td class="wide-only">
                <Party address=transfer.to nobody=words::BURN />
            </td>
            <td class="grow">
                <span class="value">
                    <a href=token_path(transfer.token)>{label}</a>
                </span>
            </td>
            <td class="number wide-only">{grouped(transfer.block_number)}</td>
            <td class="quiet">
                <Age at=transfer.timestamp.millis() />
            </td>
            <td class="number">
                <TokenAmount smallest=transfer.amount decimals=transfer.decimals symbol=transfer.symbol />
            </td>
        </tr>
    }
}

/// Who sent or got it; the zero address is nobody.
#[component]
fn Party(address: Address, nobody: &'static str) -> impl IntoView {
    if address == Address::ZERO {
        view! { <span class="quiet">{nobody}</span> }.into_any()
    } else {
        view! { <AddressValue address without_copy=true /> }.into_any()
    }
}
