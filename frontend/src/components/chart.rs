//! Small charts as SVG from the server: readable without script, every point with its exact value, the numbers beside it
//! as a table. One hue; the accent for what matters.

use leptos::prelude::*;

use crate::format::escaped;
use crate::text::{common, token as words};

/// Size of the drawing in its own units; the page scales it.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 96.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 90.0;

/// One point: what it is of, and how much, each as text and the latter as a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub label: String,
    pub text: String,
    pub value: f64,
}

/// Several values of one day or kind, which stand on each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub label: String,
    pub parts: Vec<Point>,
}

/// A drawing with its title, its table and its CSV.
#[component]
pub fn ChartFrame(
    title: &'static str,
    #[prop(optional)] help: Option<&'static str>,
    #[prop(into)] csv: String,
    /// Heads and rows of the table.
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    children: Children,
) -> impl IntoView {
    let heads = heads.into_iter().map(|head| view! { <th scope="col">{head}</th> }).collect_view();
    let rows = rows
        .into_iter()
        .map(|row| {
            let cells = row.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <figure class="chart">
            <figcaption>
                <h3>{title}</h3>
                {help.map(|help| view! { <p>{help}</p> })}
            </figcaption>
            {children()}
            <div class="chart-foot">
                <details class="fold">
                    <summary>{words::CHART_TABLE}</summary>
                    <div class="table-scroll chart-table" tabindex="0" role="group" aria-label=title>
                        <table class="data">
                            <thead>
                                <tr>{heads}</tr>
                            </thead>
                            <tbody>{rows}</tbody>
                        </table>
                    </div>
                </details>
                <a href=csv>{common::CSV}</a>
            </div>
        </figure>
    }
}

/// The drawing between its two axes: the highest value above it, the first and the last label below it.
#[component]
fn Axes(
    most: String,
    first: String,
    last: String,
    /// Whether what is drawn ends far from the right border, where the last label would name nothing.
    #[prop(optional)]
    is_short: bool,
    children: Children,
) -> impl IntoView {
    let last = (last != first).then(|| view! { <span>{last}</span> });
    view! {
        <div class="chart-axes" aria-hidden="true">
            <span>{most}</span>
        </div>
        {children()}
        <div class="chart-axes" class:chart-short=is_short aria-hidden="true">
            <span>{first}</span>
            {last}
        </div>
    }
}

/// The level of the highest value and the base, which stands for nothing.
fn levels() -> impl IntoView {
    let level = |class: &'static str, y: f64| {
        view! { <line class=class x1="0" x2=WIDTH.to_string() y1=y.to_string() y2=y.to_string() /> }
    };
    (level("chart-most", TOP), level("chart-base", BOTTOM))
}

/// Lines over the same labels, the first one in the accent.
#[component]
pub fn LineChart(#[prop(into)] label: String, lines: Vec<Vec<Point>>) -> impl IntoView {
    let most = highest(lines.iter().flatten().map(|point| point.value));
    let most_text = lines.iter().flatten().max_by(|one, other| one.value.total_cmp(&other.value));
    let most_text = most_text.map(|point| point.text.clone()).unwrap_or_default();
    let end = |point: Option<&Point>| point.map(|point| point.label.clone()).unwrap_or_default();
    let first = end(lines.first().and_then(|points| points.first()));
    let last = end(lines.first().and_then(|points| points.last()));
    let drawn = lines
        .into_iter()
        .enumerate()
        // The first line lies on top.
        .rev()
        .map(|(index, points)| {
            let places = line_places(&points, most);
            let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let marks = points.into_iter().zip(places).map(|(point, (x, y))| {
                view! {
                    <circle cx=format!("{x:.1}") cy=format!("{y:.1}") r="3">
                        <title>{escaped(&format!("{}: {}", point.label, point.text))}</title>
                    </circle>
                }
            });
            view! {
                <g data-series=index.to_string()>
                    <polyline points=path.join(" ") />
                    {marks.collect_view()}
                </g>
            }
        })
        .collect_view();
    view! {
        <Axes most=most_text first last>
            <svg class="chart-lines" viewBox=view_box() role="img" aria-label=label>
                {levels()} {drawn}
            </svg>
        </Axes>
    }
}

/// A few bars are drawn as narrow as so many, from the left.
const SLOTS_LEAST: usize = 7;

/// Bars of which each stands for one label, with their parts on each other. Their values are counts.
#[component]
pub fn BarChart(#[prop(into)] label: String, bars: Vec<Bar>) -> impl IntoView {
    let sum = |bar: &Bar| bar.parts.iter().map(|part| part.value).sum::<f64>();
    let most = highest(bars.iter().map(sum));
    let end = |bar: Option<&Bar>| bar.map(|bar| bar.label.clone()).unwrap_or_default();
    let (first, last) = (end(bars.first()), end(bars.last()));
    let slots = bars.len().max(SLOTS_LEAST);
    let is_short = bars.len() < slots;
    let step = WIDTH / count(slots);
    let drawn = bars
        .into_iter()
        .enumerate()
        .map(|(index, bar)| {
            let x = step * count(index) + step * 0.15;
            let mut top = BOTTOM;
            let parts = bar.parts.into_iter().enumerate().map(|(part, point)| {
                let height = (BOTTOM - TOP) * point.value / most;
                top -= height;
                view! {
                    <rect
                        data-series=part.to_string()
                        x=format!("{x:.1}")
                        y=format!("{top:.1}")
                        width=format!("{:.1}", step * 0.7)
                        height=format!("{height:.1}")
                    >
                        <title>{escaped(&format!("{}: {} {}", bar.label, point.text, point.label))}</title>
                    </rect>
                }
            });
            parts.collect_view()
        })
        .collect_view();
    view! {
        <Axes most=format!("{most:.0}") first last is_short>
            <svg class="chart-bars" viewBox=view_box() role="img" aria-label=label>
                {levels()} {drawn}
            </svg>
        </Axes>
    }
}

fn view_box() -> String {
    format!("0 0 {WIDTH} {HEIGHT}")
}

/// The highest value; something above nothing, by which values are divided.
fn highest(values: impl Iterator<Item = f64>) -> f64 {
    let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    if most > 0.0 { most } else { 1.0 }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Where the points of a line are: the labels are apart alike, a single one stands in the middle.
fn line_places(points: &[Point], most: f64) -> Vec<(f64, f64)> {
    const MARGIN: f64 = 6.0;
    let gaps = count(points.len().saturating_sub(1));
    let place = |(index, point): (usize, &Point)| {
        let x = if gaps > 0.0 { MARGIN + (WIDTH - 2.0 * MARGIN) * count(index) / gaps } else { WIDTH / 2.0 };
        (x, BOTTOM - (BOTTOM - TOP) * point.value / most)
    };
    points.iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: f64) -> Point {
        Point { label: String::new(), text: String::new(), value }
    }

    #[test]
    fn a_line_fills_its_drawing_and_never_leaves_it() {
        assert_eq!(
            line_places(&[point(0.0), point(5.0), point(10.0)], 10.0),
            [(6.0, 90.0), (160.0, 48.0), (314.0, 6.0)]
        );
        assert_eq!(line_places(&[point(1.0)], 1.0), [(160.0, 6.0)]);
        assert!(line_places(&[], 1.0).is_empty());
        assert_eq!(
            [highest([].into_iter()), highest([0.0].into_iter()), highest([f64::NAN, 2.0].into_iter())],
            [1.0, 1.0, 2.0]
        );
    }
}
