//! Jobs per day of a model, and what was paid for a unit.

use leptos::prelude::*;
use shared::amount::{ATTO_PER_AIT, Amount};
use shared::api::marketplace::{ModelDay, ModelSummary};
use shared::time::UnixSeconds;

use crate::components::chart::{Bar, BarChart, ChartFrame, LineChart, Point};
use crate::components::facts::Section;
use crate::format;
use crate::format::percent_encoded;
use crate::text::{common, marketplace as words, token};

#[component]
pub fn History(days: Vec<ModelDay>, model: ModelSummary) -> impl IntoView {
    if days.is_empty() {
        return view! {
            <Section title=words::HISTORY>
                <p class="section-note">{words::NO_HISTORY}</p>
            </Section>
        }
        .into_any();
    }
    let csv = format!("/api/marketplace/csv/days?kind={}&model={}", model.kind.as_str(), percent_encoded(&model.name));
    let unit = common::unit_singular(model.kind.unit_type());
    view! {
        <Section title=words::HISTORY>
            <div class="charts">
                <JobsChart days=days.clone() csv=csv.clone() />
                <PriceChart days csv unit />
            </div>
        </Section>
    }
    .into_any()
}

fn date(day: UnixSeconds) -> String {
    format::exact_time(day).split(' ').next().unwrap_or_default().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "a drawing has fewer pixels than a double has digits")]
fn height(amount: Amount) -> f64 {
    amount.atto() as f64 / ATTO_PER_AIT as f64
}

#[component]
fn JobsChart(days: Vec<ModelDay>, csv: String) -> impl IntoView {
    #[expect(clippy::cast_precision_loss, reason = "a drawing has fewer pixels than a double has digits")]
    let bar = |day: &ModelDay| {
        let point =
            Point { label: words::JOBS.to_lowercase(), text: format::grouped(day.jobs), value: day.jobs as f64 };
        Bar { label: date(day.day), parts: vec![point] }
    };
    let bars: Vec<Bar> = days.iter().map(bar).collect();
    let rows = days.iter().rev().map(|day| vec![date(day.day), day.jobs.to_string()]).collect();
    view! {
        <ChartFrame title=words::CHART_JOBS csv heads=vec![token::DAY, token::JOBS] rows>
            <BarChart label=words::CHART_JOBS bars />
        </ChartFrame>
    }
}

#[component]
fn PriceChart(days: Vec<ModelDay>, csv: String, unit: &'static str) -> impl IntoView {
    let priced: Vec<(String, Amount)> = days.iter().filter_map(|day| Some((date(day.day), day.unit_price?))).collect();
    let point = |(day, price): &(String, Amount)| Point {
        label: day.clone(),
        text: format!("{price} AIT / {unit}"),
        value: height(*price),
    };
    let line = priced.iter().map(point).collect();
    let rows = priced.iter().rev().map(|(day, price)| vec![day.clone(), price.to_string()]).collect();
    let last = priced.last().map(|(_, price)| format!("{} {price} AIT / {unit}", token::CHART_LATEST));
    view! {
        <ChartFrame title=words::CHART_PRICE help=words::CHART_PRICE_HELP csv heads=vec![token::DAY, token::PRICE] rows>
            <LineChart label=words::CHART_PRICE lines=vec![line] />
            <p class="chart-last">{last}</p>
        </ChartFrame>
    }
}
