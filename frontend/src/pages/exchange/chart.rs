//! Candles as SVG from the server: readable without script, each with its numbers, which also stand beside it as a table.

use leptos::prelude::*;
use shared::api::exchange::{Candle, CandleInterval, Candles};

use super::figures::{Places, market_path, shown, shown_units, units_of};
use super::scale::{PriceAxis, SLOTS, TimeAxis, ratio};
use crate::components::facts::Fold;
use crate::components::notice::Empty;
use crate::components::tables::Table;
use crate::format::{escaped, exact_time};
use crate::pages::load::Tabs;
use crate::text::exchange as words;

/// The chart is fetched again by this id.
pub(super) const CHART: &str = "market-chart";

/// Size of the drawing in its own units; the page stretches it.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 300.0;

/// Part of its slot that a candle takes.
const BODY: f64 = 0.64;

/// Least height of a body, so that one whose prices are equal is seen.
const BODY_LEAST: f64 = 1.5;

/// The interval that the address names, or minutes.
pub(super) fn interval_of(name: Option<&str>) -> CandleInterval {
    let named = |interval: &CandleInterval| Some(words::interval(*interval)) == name;
    CandleInterval::ALL.into_iter().find(named).unwrap_or(CandleInterval::OneMinute)
}

#[component]
pub fn ChartPanel(
    market: String,
    candles: Candles,
    places: Places,
    tick: String,
    symbols: [String; 2],
) -> impl IntoView {
    let tabs = CandleInterval::ALL
        .into_iter()
        .map(|interval| {
            let href = format!("{}?interval={}", market_path(&market), words::interval(interval));
            (words::interval(interval), href, interval == candles.interval)
        })
        .collect();
    let drawn = if candles.candles.is_empty() {
        view! { <Empty title=words::NO_CANDLES_TITLE detail=words::NO_CANDLES /> }.into_any()
    } else {
        view! { <Drawing candles places tick symbols /> }.into_any()
    };
    view! {
        <section class="panel panel-chart" id=CHART aria-label=words::CHART>
            <div class="panel-head">
                <h2>{words::CHART}</h2>
                <Tabs tabs />
            </div>
            {drawn}
        </section>
    }
}

#[component]
fn Drawing(candles: Candles, places: Places, tick: String, symbols: [String; 2]) -> impl IntoView {
    let [base, quote] = symbols;
    let slot_seconds = candles.interval.seconds();
    let newest = candles.candles.last().map(|candle| candle.start).unwrap_or_default();
    let times = TimeAxis::up_to(newest, slot_seconds);
    let in_sight: Vec<(u64, Candle)> =
        candles.candles.into_iter().filter_map(|candle| Some((times.slot(candle.start)?, candle))).collect();
    let price = |text: &str| units_of(text, places.price);
    let highest = in_sight.iter().map(|(_, candle)| price(&candle.high)).max().unwrap_or_default();
    let lowest = in_sight.iter().map(|(_, candle)| price(&candle.low)).min().unwrap_or_default();
    let axis = PriceAxis::around(lowest, highest, price(&tick));
    let most = in_sight.iter().map(|(_, candle)| units_of(&candle.volume, places.amount)).max().unwrap_or_default();
    let bars = in_sight.iter().map(|(slot, candle)| bar(*slot, ratio(units_of(&candle.volume, places.amount), most)));
    let bars = bars.collect_view();
    let drawn = in_sight.iter().map(|(slot, candle)| candle_view(*slot, candle, axis, places, &base)).collect_view();
    let lines = axis.lines().map(|line| axis.place(line) * HEIGHT).collect::<Vec<_>>();
    let grid = lines
        .into_iter()
        .map(|y| view! { <line class="grid" x1="0" x2=WIDTH.to_string() y1=number(y) y2=number(y) /> });
    let prices = axis.lines().map(|line| view! { <span>{shown_units(line, places.price)}</span> }).collect_view();
    let labels = times.labels().map(|label| view! { <span>{label}</span> }).collect_view();
    view! {
        <div class="candles">
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label=words::candles(&base, &quote, candles.interval)>
                {grid.collect_view()}
                {drawn}
            </svg>
            <div class="candles-prices" aria-hidden="true">{prices}</div>
            <svg class="candles-volume" viewBox=format!("0 0 {WIDTH} 100") preserveAspectRatio="none" aria-hidden="true">
                {bars}
            </svg>
            <div class="candles-times" aria-hidden="true">{labels}</div>
        </div>
        <p class="candles-key">
            <span>{words::RISES}</span>
            <span>{words::FALLS}</span>
            <span>{words::volume_key(&base)}</span>
            <span>{words::TIMES_UTC}</span>
        </p>
        <Numbers candles=in_sight.into_iter().rev().map(|(_, candle)| candle).collect() places />
    }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

fn slots() -> f64 {
    ratio(SLOTS.into(), 1)
}

/// The left edge and the width of a slot's body.
fn place_of(slot: u64) -> (f64, f64) {
    let width = WIDTH / slots();
    (width * (ratio(slot.into(), 1) + (1.0 - BODY) / 2.0), width * BODY)
}

fn bar(slot: u64, part: f64) -> impl IntoView + use<> {
    let (x, width) = place_of(slot);
    // A trade that is small beside others is still seen.
    let height = (part * 100.0).max(2.0);
    view! { <rect x=number(x) y=number(100.0 - height) width=number(width) height=number(height) /> }
}

fn candle_view(slot: u64, candle: &Candle, axis: PriceAxis, places: Places, base: &str) -> impl IntoView + use<> {
    let (x, width) = place_of(slot);
    let y = |text: &str| axis.place(units_of(text, places.price)) * HEIGHT;
    let (open, close, high, low) = (y(&candle.open), y(&candle.close), y(&candle.high), y(&candle.low));
    let class =
        if units_of(&candle.close, places.price) < units_of(&candle.open, places.price) { "falls" } else { "rises" };
    let height = (open - close).abs().max(BODY_LEAST);
    let middle = number(x + width / 2.0);
    let (left, whole) = (WIDTH / slots() * ratio(slot.into(), 1), WIDTH / slots());
    view! {
        <g class=class>
            <rect class="reach" x=number(left) y="0" width=number(whole) height=HEIGHT.to_string() />
            <line x1=middle.clone() x2=middle y1=number(high) y2=number(low) />
            <rect class="body" x=number(x) y=number(open.min(close)) width=number(width) height=number(height) />
            <title>{escaped(&words::candle(&exact_time(candle.start), candle, base))}</title>
        </g>
    }
}

/// The same as a table, the newest first.
#[component]
fn Numbers(candles: Vec<Candle>, places: Places) -> impl IntoView {
    let rows = candles
        .into_iter()
        .map(|candle| {
            let cells = [candle.open, candle.high, candle.low, candle.close].map(|price| shown(&price, places.price));
            let cells = cells.map(|price| view! { <td class="number">{price}</td> });
            view! {
                <tr>
                    <td>{exact_time(candle.start)}</td>
                    {cells}
                    <td class="number">{shown(&candle.volume, places.amount)}</td>
                    <td class="number">{candle.trades}</td>
                </tr>
            }
        })
        .collect_view();
    let number = Some("number");
    let columns = vec![
        (words::TIME, None),
        (words::OPEN, number),
        (words::HIGH, number),
        (words::LOW, number),
        (words::CLOSE, number),
        (words::VOLUME, number),
        (words::TRADES, number),
    ];
    view! {
        <Fold title=words::CHART_TABLE>
            <div class="chart-table" tabindex="0" role="group" aria-label=words::CHART_TABLE>
                <Table name="candles" columns rows />
            </div>
        </Fold>
    }
}
