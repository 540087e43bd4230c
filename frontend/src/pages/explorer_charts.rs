//! The charts of the explorer's home.

use leptos::prelude::*;
use shared::amount::{ATTO_PER_AIT, Amount};
use shared::api::tokens::{Charts, JobsOfDay, PriceOfDay, SupplyOfDay};
use shared::time::UnixSeconds;

use crate::components::chart::{Bar, BarChart, ChartFrame, LineChart, Point};
use crate::components::facts::Section;
use crate::format;
use crate::text::{common, job, token as words};

#[component]
pub fn ExplorerCharts(charts: Charts) -> impl IntoView {
    if charts.supply.is_empty() {
        return view! {
            <Section title=words::CHARTS>
                <p class="section-note">{words::NO_CHART}</p>
            </Section>
        }
        .into_any();
    }
    let Charts { supply, jobs, prices } = charts;
    view! {
        <Section title=words::CHARTS>
            <div class="charts">
                <SupplyChart days=supply />
                {(!jobs.is_empty()).then(|| view! { <JobsChart days=jobs /> })}
                {(!prices.is_empty()).then(|| view! { <PriceChart days=prices /> })}
            </div>
        </Section>
    }
    .into_any()
}

/// `2026-11-29`.
fn date(day: UnixSeconds) -> String {
    format::exact_time(day).split(' ').next().unwrap_or_default().to_owned()
}

/// For drawing only.
#[expect(clippy::cast_precision_loss, reason = "a drawing has fewer pixels than a double has digits")]
fn height(amount: Amount) -> f64 {
    amount.atto() as f64 / ATTO_PER_AIT as f64
}

fn ait(amount: Amount) -> String {
    format!("{amount} AIT")
}

#[component]
fn SupplyChart(days: Vec<SupplyOfDay>) -> impl IntoView {
    let line = |of: fn(&SupplyOfDay) -> Amount| {
        let point = |day: &SupplyOfDay| Point { label: date(day.day), text: ait(of(day)), value: height(of(day)) };
        days.iter().map(point).collect::<Vec<_>>()
    };
    let lines = vec![line(|day| day.supply), line(|day| day.minted)];
    let rows =
        days.iter().rev().map(|day| vec![date(day.day), day.supply.to_string(), day.minted.to_string()]).collect();
    let heads = vec![words::DAY, words::SUPPLY, words::MINTED];
    view! {
        <ChartFrame title=words::CHART_SUPPLY help=words::CHART_SUPPLY_HELP csv="/api/explorer/csv/supply" heads rows>
            <LineChart label=words::CHART_SUPPLY lines />
        </ChartFrame>
    }
}

#[component]
fn JobsChart(days: Vec<JobsOfDay>) -> impl IntoView {
    let mut bars: Vec<Bar> = Vec::new();
    for day in &days {
        let label = date(day.day);
        let text = format::grouped(day.jobs);
        #[expect(clippy::cast_precision_loss, reason = "a drawing has fewer pixels than a double has digits")]
        let part = Point { label: job::kind_name(day.kind).to_owned(), text, value: day.jobs as f64 };
        match bars.last_mut().filter(|bar| bar.label == label) {
            Some(bar) => bar.parts.push(part),
            None => bars.push(Bar { label, parts: vec![part] }),
        }
    }
    let row = |day: &JobsOfDay| vec![date(day.day), job::kind_name(day.kind).to_owned(), day.jobs.to_string()];
    let rows = days.iter().rev().map(row).collect();
    let heads = vec![words::DAY, words::KIND, words::JOBS];
    view! {
        <ChartFrame title=words::CHART_JOBS csv="/api/explorer/csv/jobs" heads rows>
            <BarChart label=words::CHART_JOBS bars />
        </ChartFrame>
    }
}

#[component]
fn PriceChart(days: Vec<PriceOfDay>) -> impl IntoView {
    let of_day = |day: &PriceOfDay| Point {
        label: date(day.day),
        text: format!("{} / {}", ait(day.unit_price), common::unit_singular(day.unit_type)),
        value: height(day.unit_price),
    };
    let mut lines: Vec<(shared::unit::UnitType, Vec<Point>)> = Vec::new();
    for day in &days {
        match lines.iter_mut().find(|(unit, _)| *unit == day.unit_type) {
            Some((_, points)) => points.push(of_day(day)),
            None => lines.push((day.unit_type, vec![of_day(day)])),
        }
    }
    let row = |day: &PriceOfDay| {
        let unit = common::unit_singular(day.unit_type).to_owned();
        vec![date(day.day), unit, day.unit_price.to_string(), day.receipts.to_string()]
    };
    let rows = days.iter().rev().map(row).collect();
    let heads = vec![words::DAY, words::UNIT, words::PRICE, words::RECEIPTS];
    // Units differ in size by thousands: each has its own drawing.
    let drawings = lines
        .into_iter()
        .map(|(unit, points)| {
            let name = common::unit_singular(unit);
            let last = points.last().map(|point| point.text.clone());
            view! {
                <div class="chart-small">
                    <p class="chart-last">{words::CHART_LATEST} " " {last}</p>
                    <LineChart label=format!("{}, {name}", words::CHART_PRICES) lines=vec![points] />
                </div>
            }
        })
        .collect_view();
    view! {
        <ChartFrame title=words::CHART_PRICES help=words::CHART_PRICES_HELP csv="/api/explorer/csv/prices" heads rows>
            {drawings}
        </ChartFrame>
    }
}
