//! What the account that is signed in has and does on the exchange. Each part is fetched again by its id, since it changes
//! with every trade; forms stand outside, so that what is typed stays.

use leptos::prelude::*;
use shared::Address;
use shared::api::exchange::{
    ExchangeAccount, ExchangeAsset, ExchangeBalance, ExchangeView, ExitState, FillView, MarketView, OrderState,
    WithdrawalState, WithdrawalView,
};
use shared::time::UnixSeconds;

use super::book::TradeStateValue;
use super::figures::{Places, shown, symbol_of};
use super::keys::TradingKeysPart;
use super::orders::{CsvLink, Older, OrdersTable, PastOrders, ReduceForm};
use crate::backend::{Newest, TraderPage};
use crate::components::facts::{Fold, Section};
use crate::components::notice::{Empty, Notice};
use crate::components::status::{StatusPill, Tone};
use crate::components::tables::{Table, TransactionLink};
use crate::components::value::Age;
use crate::format::exact_time;
use crate::text::{common, exchange as words};

/// Parts that are fetched again.
pub(super) const BALANCES: &str = "trader-balances";
pub(super) const ORDERS: &str = "trader-orders";
pub(super) const FILLS: &str = "trader-fills";
pub(super) const PAST_ORDERS: &str = "trader-past-orders";
pub(super) const EXIT: &str = "trader-exit";

/// An address as JSON has it, for the scripts.
pub(super) fn machine(address: Address) -> String {
    format!("{address:#x}")
}

#[component]
pub fn TraderPart(exchange: ExchangeView, trader: TraderPage) -> impl IntoView {
    let TraderPage { account, orders, past_orders, fills, withdrawals, keys } = trader;
    let csv = |list: &str| format!("/api/exchange/csv/{list}?account={}", account.trader);
    let (orders_csv, fills_csv) = (csv("orders"), csv("fills"));
    let open_csv = format!("{orders_csv}&state={}", OrderState::Open.as_str());
    let total = account.open_orders;
    let ExchangeView { assets, markets, exit_delay_seconds, .. } = exchange;
    let orders = view! { <OrdersTable orders total markets=markets.clone() csv=open_csv /> };
    let past_orders = view! { <PastOrders orders=past_orders markets=markets.clone() csv=orders_csv /> };
    let balances = view! { <Balances account=account.clone() assets=assets.clone() withdrawals /> };
    let movement = view! { <MoveForm assets=assets.clone() /> };
    let fills = view! { <FillsTable fills markets assets csv=fills_csv /> };
    view! {
        <div class="columns">
            <Section title=words::ACCOUNT>{balances}</Section>
            <Section title=words::MOVE>
                {movement}
                <div id=EXIT>
                    <Exit account delay_seconds=exit_delay_seconds />
                </div>
                <TradingKeysPart keys delay_seconds=exit_delay_seconds />
            </Section>
        </div>
        <div class="section" id="orders">
            <div id=ORDERS>
                <Section title=words::ORDERS>{orders}</Section>
            </div>
            <ReduceForm />
            <p class="section-note" role="status" id="orders-status"></p>
            <p class="field-error" role="alert" id="orders-error" hidden></p>
        </div>
        <div id=FILLS>
            <Section title=words::FILLS>{fills}</Section>
        </div>
        <div id=PAST_ORDERS>{past_orders}</div>
    }
}

#[component]
fn Balances(
    account: ExchangeAccount,
    assets: Vec<ExchangeAsset>,
    withdrawals: Newest<WithdrawalView>,
) -> impl IntoView {
    let Newest { rows: withdrawals, has_older } = withdrawals;
    let older = has_older.then(|| words::NEWEST_WITHDRAWALS.to_owned());
    let is_empty = account.balances.iter().all(|balance| balance.free_units.0 == 0 && balance.reserved_units.0 == 0);
    let is_unfinished = account.trades_to_settle > 0
        || withdrawals.iter().any(|withdrawal| withdrawal.state == WithdrawalState::Accepted);
    // The scripts count with it.
    let data = serde_json::to_string(&account).unwrap_or_default();
    let worthless = |address| assets.iter().any(|asset| asset.address == address && asset.is_worthless);
    let rows = account.balances.into_iter().map(|balance| {
        let is_worthless = worthless(balance.asset);
        view! { <BalanceRow balance is_worthless /> }
    });
    let rows = rows.collect_view();
    let faucets = assets.iter().filter(|asset| asset.has_faucet).map(|asset| {
        view! {
            <button type="button" class="button button-quiet button-small" data-faucet=machine(asset.address)>
                {words::faucet(&asset.symbol)}
            </button>
        }
    });
    let faucets = faucets.collect_view();
    let number = Some("number");
    let columns = vec![
        (words::ASSET, Some("grow")),
        (words::FREE, number),
        (words::RESERVED, number),
        (words::IN_WALLET, number),
    ];
    let withdrawals = withdrawals.into_iter().map(|withdrawal| {
        let symbol = symbol_of(&assets, withdrawal.asset);
        let link = withdrawal.paid_in.map(|placed| view! { " "<TransactionLink hash=placed.transaction_hash /> });
        let amount = words::withdrawal(&shown(&withdrawal.amount, 0), &symbol);
        view! {
            <li data-withdrawal=withdrawal.nonce.to_string()>
                {amount} ": " {words::withdrawal_state(withdrawal.state)} {link}
                <Age at=withdrawal.requested_at_unix_ms />
            </li>
        }
    });
    let withdrawals = withdrawals.collect_view();
    view! {
        <div id=BALANCES class="section" data-account=data data-unfinished=is_unfinished.then_some("")>
            <Table name="balances" columns rows />
            {is_empty.then(|| view! { <p class="section-note">{words::NO_FUNDS}</p> })}
            <div class="actions">{faucets}</div>
            {(!withdrawals.is_empty())
                .then(|| {
                    view! {
                        <h3>{words::WITHDRAWALS}</h3>
                        <ul class="timeline">{withdrawals}</ul>
                        <Older older />
                    }
                })}
        </div>
    }
}

#[component]
fn BalanceRow(balance: ExchangeBalance, is_worthless: bool) -> impl IntoView {
    view! {
        <tr>
            <td class="grow">
                <strong>{balance.symbol}</strong>
                {is_worthless.then(|| view! { " "<StatusPill tone=Tone::Waiting word=words::WORTHLESS /> })}
            </td>
            <td class="number">{shown(&balance.free, 0)}</td>
            <td class="number quiet">{shown(&balance.reserved, 0)}</td>
            <td class="number quiet" data-wallet-of=machine(balance.asset)>
                {common::NEVER}
            </td>
        </tr>
    }
}

#[component]
fn MoveForm(assets: Vec<ExchangeAsset>) -> impl IntoView {
    let options = assets
        .into_iter()
        .map(|asset| view! { <option value=machine(asset.address)>{asset.symbol}</option> })
        .collect_view();
    view! {
        <form class="section" id="move" aria-label=words::MOVE>
            <div class="move-form">
                <div class="field">
                    <label for="move-amount">{words::MOVE_AMOUNT}</label>
                    <input id="move-amount" name="amount" inputmode="decimal" autocomplete="off" />
                </div>
                <div class="field">
                    <label for="move-asset">{words::ASSET}</label>
                    <select id="move-asset" name="asset">{options}</select>
                </div>
                <button type="submit" class="button button-quiet" value="deposit" id="deposit">
                    {words::DEPOSIT}
                </button>
                <button type="submit" class="button button-quiet" value="withdraw" id="withdraw">
                    {words::WITHDRAW}
                </button>
            </div>
            <p class="section-note" role="status" id="move-status"></p>
            <p class="field-error" role="alert" id="move-error" hidden></p>
            <p class="section-note">{words::MOVE_NOTE}</p>
        </form>
    }
}

#[component]
fn Exit(account: ExchangeAccount, delay_seconds: u64) -> impl IntoView {
    let at = exact_time(account.exit_at.unwrap_or(UnixSeconds(0)));
    let stay =
        || view! { <button type="button" class="button button-quiet" data-exit="cancel">{words::CANCEL_EXIT}</button> };
    match account.exit {
        ExitState::None => view! {
            <Fold title=words::EXIT>
                <p class="section-note">{words::exit_note(&words::span(delay_seconds))}</p>
                <div class="actions">
                    <button type="button" class="button button-quiet" data-exit="request">
                        {words::REQUEST_EXIT}
                    </button>
                </div>
            </Fold>
        }
        .into_any(),
        ExitState::Requested => view! {
            <div class="section">
                <Notice tone=Tone::Waiting title=words::EXIT_REQUESTED_TITLE detail=words::exit_requested(&at) />
                <div class="actions">{stay()}</div>
            </div>
        }
        .into_any(),
        ExitState::Ready => {
            let take = account.balances.into_iter().filter(|balance| balance.in_contract_units.0 > 0).map(|balance| {
                view! {
                    <button type="button" class="button" data-exit="take" data-asset=machine(balance.asset)>
                        {words::take_out(&shown(&balance.in_contract, 0), &balance.symbol)}
                    </button>
                }
            });
            view! {
                <div class="section">
                    <Notice tone=Tone::Done title=words::EXIT_READY_TITLE detail=words::EXIT_READY />
                    <div class="actions">{take.collect_view()} {stay()}</div>
                </div>
            }
            .into_any()
        }
    }
}

pub(super) fn places_in(markets: &[MarketView], id: &str) -> Places {
    markets.iter().find(|market| market.id == id).map_or(Places { price: 0, amount: 0 }, Places::of)
}

#[component]
fn FillsTable(
    fills: Newest<FillView>,
    markets: Vec<MarketView>,
    assets: Vec<ExchangeAsset>,
    csv: String,
) -> impl IntoView {
    let Newest { rows: fills, has_older } = fills;
    let older = has_older.then(|| words::newest(fills.len()));
    if fills.is_empty() {
        return view! { <Empty title=words::NO_FILLS_TITLE detail=words::NO_FILLS /> }.into_any();
    }
    let rows = fills
        .into_iter()
        .map(|fill| {
            let places = places_in(&markets, &fill.trade.market);
            let fee = format!("{} {}", shown(&fill.fee, 0), symbol_of(&assets, fill.fee_asset));
            let number = fill.trade.trade.to_string();
            let market = fill.trade.market.clone();
            let price = shown(&fill.trade.price, places.price);
            let amount = shown(&fill.trade.amount, places.amount);
            let at = fill.trade.matched_at_unix_ms;
            view! {
                <tr data-fill=number>
                    <td><span class=format!("side-{}", fill.side.as_str())>{words::side(fill.side)}</span></td>
                    <td class="grow quiet wide-only">{market}</td>
                    <td class="number">{price}</td>
                    <td class="number">{amount}</td>
                    <td class="number quiet wide-only">{fee}</td>
                    <td class="wide-only quiet">{words::role(fill.role)}</td>
                    <td class="quiet"><Age at /></td>
                    <td><TradeStateValue trade=fill.trade /></td>
                </tr>
            }
        })
        .collect_view();
    let number = Some("number");
    let columns = vec![
        (words::COLUMN_SIDE, None),
        (words::MARKET, Some("grow wide-only")),
        (words::COLUMN_PRICE, number),
        (words::ORDER_AMOUNT, number),
        (words::FEE, Some("number wide-only")),
        (words::ROLE, Some("wide-only")),
        (words::TIME, None),
        (words::STATE, None),
    ];
    view! {
        <Table name="fills" columns rows />
        <Older older />
        <CsvLink href=csv />
    }
    .into_any()
}
