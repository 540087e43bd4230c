//! The book of a market as a ladder, and its last trades. `trading/ladder.js` draws the same rows while the page is open.

use leptos::prelude::*;
use shared::api::exchange::{BookLevel, BookView, MarketView, Ticker, TradeState, TradeView};
use shared::exchange::Side;

use super::figures::{Places, change, cut, price_or_dash, shown, shown_units};
use crate::components::facts::Figure;
use crate::format;
use crate::text::exchange as words;

/// Price levels of each side that the ladder shows.
pub const LEVELS: u16 = 10;

/// Trades that the page lists.
pub const TRADES: u16 = 14;

/// Steps of a level's bar, as the style sheet has them.
pub(super) const DEPTH_STEPS: u128 = 20;

/// The figures are fetched again by this id.
pub(super) const FIGURES: &str = "market-figures";

/// What happened in the last day, in one strip.
#[component]
pub fn DayFigures(ticker: Ticker, market: MarketView, places: Places) -> impl IntoView {
    let [base, quote] = [&market.base, &market.quote].map(|asset| asset.symbol.clone());
    let price = |price: &Option<String>| price_or_dash(price.as_deref(), places);
    let changed = ticker.change_basis_points;
    let class = match changed.map(i64::signum) {
        Some(1) => "delta-up",
        Some(-1) => "delta-down",
        _ => "",
    };
    let [last, high, low] = [&ticker.last, &ticker.high, &ticker.low].map(price);
    let changed = changed.map_or_else(|| price(&None), change);
    view! {
        <dl class="figures market-figures" id=FIGURES>
            <Figure name=words::LAST note=quote.clone()>
                {last}
            </Figure>
            <Figure name=words::CHANGE note=words::DAY_NOTE>
                <span class=class>{changed}</span>
            </Figure>
            <Figure name=words::DAY_HIGH note=quote.clone()>
                {high}
            </Figure>
            <Figure name=words::DAY_LOW note=quote>
                {low}
            </Figure>
            <Figure name=words::DAY_VOLUME note=words::day_trades(ticker.trades, &base)>
                {shown(&ticker.volume, 0)}
            </Figure>
        </dl>
    }
}

/// One row of the ladder: its level, and the sum up to there.
struct Rung {
    level: BookLevel,
    sum: u128,
}

/// From the best level on.
fn rungs(levels: &[BookLevel]) -> Vec<Rung> {
    let mut sum = 0_u128;
    let rung = |level: &BookLevel| {
        sum = sum.saturating_add(level.amount_units.0);
        Rung { level: level.clone(), sum }
    };
    levels.iter().take(usize::from(LEVELS)).map(rung).collect()
}

/// How far a bar reaches, of [`DEPTH_STEPS`].
fn depth(sum: u128, most: u128) -> u128 {
    sum.saturating_mul(DEPTH_STEPS).div_ceil(most.max(1)).min(DEPTH_STEPS)
}

#[component]
pub fn BookPanel(book: BookView, market: MarketView, last: Option<String>, places: Places) -> impl IntoView {
    let (asks, bids) = (rungs(&book.asks), rungs(&book.bids));
    let most = [&asks, &bids].into_iter().filter_map(|side| side.last()).map(|rung| rung.sum).max().unwrap_or_default();
    let decimals = usize::from(market.base.decimals);
    let row = |side: Side, rung: Rung| {
        let sum = cut(&shown_units(rung.sum, decimals), places.amount);
        view! {
            <tr data-side=side.as_str() data-depth=depth(rung.sum, most).to_string() data-price=rung.level.price.clone()>
                <td>{shown(&rung.level.price, places.price)}</td>
                <td>{shown(&rung.level.amount, places.amount)}</td>
                <td>{sum}</td>
            </tr>
        }
    };
    let side = |side: Side, rungs: Vec<Rung>, nobody: &'static str| {
        if rungs.is_empty() {
            view! { <tr class="ladder-empty"><td colspan="3">{nobody}</td></tr> }.into_any()
        } else {
            rungs.into_iter().map(|rung| row(side, rung)).collect_view().into_any()
        }
    };
    let asks = side(Side::Sell, asks.into_iter().rev().collect(), words::NOBODY_SELLS);
    let bids = side(Side::Buy, bids, words::NOBODY_BUYS);
    let [base, quote] = [market.base.symbol, market.quote.symbol];
    let middle = last.map_or_else(
        || view! { {words::NO_TRADE_YET} }.into_any(),
        |price| view! { <strong>{shown(&price, places.price)}</strong>" "{words::LAST_PRICE} }.into_any(),
    );
    view! {
        <section class="panel panel-book">
            <div class="panel-head">
                <h2>{words::BOOK}</h2>
            </div>
            <table class="ladder" id="ladder">
                <caption class="visually-hidden">{words::BOOK_CAPTION}</caption>
                <thead>
                    <tr>
                        <th scope="col">{words::price_in(&quote)}</th>
                        <th scope="col">{words::amount_in(&base)}</th>
                        <th scope="col">{words::SUM}</th>
                    </tr>
                </thead>
                <tbody id="asks" aria-label=words::ASKS>{asks}</tbody>
                <tbody class="ladder-middle">
                    <tr>
                        <td colspan="3" id="book-middle">{middle}</td>
                    </tr>
                </tbody>
                <tbody id="bids" aria-label=words::BIDS>{bids}</tbody>
            </table>
            <p class="panel-note" id="feed-state" role="status"></p>
        </section>
    }
}

#[component]
pub fn TradesPanel(trades: Vec<TradeView>, market: MarketView, places: Places) -> impl IntoView {
    let is_empty = trades.is_empty();
    let rows =
        trades.into_iter().take(usize::from(TRADES)).map(|trade| view! { <TradeRow trade places /> }).collect_view();
    let [base, quote] = [market.base.symbol, market.quote.symbol];
    view! {
        <section class="panel panel-trades">
            <div class="panel-head">
                <h2>{words::TRADES_TITLE}</h2>
            </div>
            <table class="ladder" data-testid="trades">
                    <caption class="visually-hidden">{words::TRADES_CAPTION}</caption>
                    <thead>
                        <tr>
                            <th scope="col">{words::price_in(&quote)}</th>
                            <th scope="col">{words::amount_in(&base)}</th>
                            <th scope="col">{words::TIME_UTC}</th>
                            <th scope="col">{words::STATE}</th>
                        </tr>
                    </thead>
                    <tbody id="trades">
                        {rows}
                        {is_empty
                            .then(|| {
                                view! {
                                    <tr class="ladder-empty">
                                        <td colspan="4">{words::NO_TRADES}</td>
                                    </tr>
                                }
                            })}
                    </tbody>
            </table>
            <p class="panel-note">{words::TRADES_NOTE}</p>
        </section>
    }
}

#[component]
fn TradeRow(trade: TradeView, places: Places) -> impl IntoView {
    let (number, taker, at) = (trade.trade.to_string(), trade.taker_side, trade.matched_at_unix_ms.seconds());
    let (price, amount) = (shown(&trade.price, places.price), shown(&trade.amount, places.amount));
    view! {
        <tr data-trade=number data-side=taker.as_str()>
            <td>
                <span aria-hidden="true">{words::arrow(taker)}</span>
                " "
                {price}
                <span class="visually-hidden">{words::taken(taker)}</span>
            </td>
            <td>{amount}</td>
            <td class="quiet" title=format::exact_time(at)>{format::clock(at)}</td>
            <td>
                <TradeStateValue trade />
            </td>
        </tr>
    }
}

/// How far a trade is; once it is final, the way to its transaction.
#[component]
pub fn TradeStateValue(trade: TradeView) -> impl IntoView {
    let word = words::trade_state(trade.state);
    match (trade.state, trade.settled_in) {
        (TradeState::Final, Some(placed)) => {
            let href = format!("/explorer/transactions/{}", placed.transaction_hash);
            view! { <a href=href data-state="final">{word}</a> }.into_any()
        }
        (TradeState::Void, _) => view! { <span class="delta-down" title=trade.reason>{word}</span> }.into_any(),
        _ => view! { <span class="quiet" data-state="matched">{word}</span> }.into_any(),
    }
}

#[cfg(test)]
mod tests {
    use shared::exchange::AssetUnits;

    use super::*;

    #[test]
    fn sums_rise_from_the_best_level_and_bars_never_pass_their_frame() {
        let level = |units: u128| BookLevel {
            price: "1".to_owned(),
            amount: units.to_string(),
            limit_price: AssetUnits(1),
            amount_units: AssetUnits(units),
        };
        let all: Vec<_> = (1..=15).map(level).collect();
        let sums: Vec<_> = rungs(&all).into_iter().map(|rung| rung.sum).collect();
        assert_eq!(sums, [1, 3, 6, 10, 15, 21, 28, 36, 45, 55]);
        assert_eq!([depth(0, 0), depth(1, 55), depth(55, 55), depth(u128::MAX, 1)], [0, 1, 20, 20]);
    }
}
