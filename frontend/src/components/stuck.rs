//! What should have moved on by itself and did not, with what each count means.

use leptos::prelude::*;
use shared::api::stuck::{StuckCount, StuckKind, StuckView};

use super::facts::{Fold, Section};
use super::status::{StatusPill, Tone};
use super::value::Age;
use crate::format::{grouped, shortened};
use crate::text::stuck as words;

#[component]
pub fn StuckPanel(stuck: StuckView) -> impl IntoView {
    let StuckView { total, counted_at_unix_ms, counts, .. } = stuck;
    let said = match counted_at_unix_ms {
        None => view! { <p class="section-note">{words::NOT_YET}</p> }.into_any(),
        Some(at) => {
            let tone = if total == 0 { Tone::Done } else { Tone::Refused };
            view! {
                <p class="stuck-line">
                    <StatusPill tone word=words::total(&grouped(total)) />
                    <span class="quiet">{words::COUNTED} " " <Age at /></span>
                </p>
            }
            .into_any()
        }
    };
    let rows = counts.into_iter().map(|count| view! { <StuckRow count /> }).collect_view();
    view! {
        <Section title=words::TITLE>
            {said}
            <p class="section-note">{words::NOTE}</p>
            <Fold title=words::HOW open=total != 0>
                <div class="table-scroll cards cards-stuck" tabindex="0" role="group" aria-label=words::HOW>
                    <table class="data stuck" data-testid="stuck">
                        <thead>
                            <tr>
                                <th scope="col">{words::WHAT}</th>
                                <th scope="col" class="number">
                                    {words::COUNT}
                                </th>
                                <th scope="col">{words::MEANS}</th>
                                <th scope="col" class="wide-only">
                                    {words::ASK}
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                <p class="section-note">
                    <a href="/v1/status">{words::ALL}</a>
                </p>
            </Fold>
        </Section>
    }
}

#[component]
fn StuckRow(count: StuckCount) -> impl IntoView {
    let StuckCount { kind, count, is_more, names, meaning, ask, .. } = count;
    let links = names
        .into_iter()
        .map(|name| {
            let code = view! { <code title=name.clone()>{shortened(&name)}</code> };
            match path(kind, &name) {
                Some(path) => view! { " " <a href=path>{code}</a> }.into_any(),
                None => view! { " " {code} }.into_any(),
            }
        })
        .collect_view();
    view! {
        <tr>
            <td>{kind.as_str()}</td>
            <td class="number">{words::at_least(&grouped(count), is_more)}</td>
            <td class="stuck-meaning">{meaning} {links}</td>
            <td class="wide-only"><code>{ask}</code></td>
        </tr>
    }
}

/// A job may be private, and a transaction without a block has no page.
fn path(kind: StuckKind, name: &str) -> Option<String> {
    matches!(kind, StuckKind::Receipt | StuckKind::Hold).then(|| format!("/explorer/receipts/{name}"))
}
