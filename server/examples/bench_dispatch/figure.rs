//! Figures as `cargo xtask bench` reads them.

use serde_json::{Value, json};

/// One without a promise.
pub(crate) fn figure(name: &str, value: f64, unit: &str) -> Value {
    json!({"name": format!("dispatch: {name}"), "value": value, "unit": unit, "bar": null, "holds": null})
}

pub(crate) fn at_least(bar: f64, name: &str, value: f64, unit: &str) -> Value {
    with_bar(figure(name, value, unit), bar, value >= bar)
}

pub(crate) fn at_most(bar: f64, name: &str, value: f64, unit: &str) -> Value {
    with_bar(figure(name, value, unit), bar, value <= bar)
}

fn with_bar(mut figure: Value, bar: f64, holds: bool) -> Value {
    (figure["bar"], figure["holds"]) = (json!(bar), json!(holds));
    figure
}
