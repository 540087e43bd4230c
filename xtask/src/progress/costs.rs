//! What compiling a crate costs, so that the time left is not guessed by the number of crates alone.

/// Of a crate that is not in the table.
const USUAL: f64 = 1.0;

/// Seconds of one processor in a release build, of the crates that take long.
const COSTLY: &[(&str, f64)] = &[("tract-core", 600.0)];

pub(super) fn of(name: &str) -> f64 {
    COSTLY.iter().find(|(costly, _)| *costly == name).map_or(USUAL, |(_, cost)| *cost)
}
