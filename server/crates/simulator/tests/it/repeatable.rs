//! A seed tells everything.

use simulator::{Parameters, Strategy, simulate};

#[test]
fn one_seed_gives_one_outcome_and_another_seed_another_one() {
    let parameters = Parameters { days: 1, ..Parameters::default() };
    let of = |seed| simulate(&parameters, Strategy::Sybil, seed).unwrap();
    assert_eq!(of(5), of(5));
    assert_ne!(of(5), of(6));
}
