//! Each strategy earns less than honesty.

use std::hash::{BuildHasher, Hasher, RandomState};

use simulator::table::{Row, render};
use simulator::{Parameters, Strategy};

/// One that is the same each time, and one that nobody knows before.
fn seeds() -> [u64; 2] {
    let random = RandomState::new().build_hasher().finish();
    [1, random]
}

fn loses(strategy: Strategy) {
    let seeds = seeds();
    // Fewer days than the command simulates, for the sake of time.
    let parameters = Parameters { days: 2, ..Parameters::default() };
    let row = Row::of(&parameters, strategy, &seeds).unwrap();
    let (cheat, honest) = row.profits_per_day();
    assert!(honest > 0, "honest work pays");
    assert!(cheat < honest, "with the seeds {seeds:?}:\n{}", render(&[row]));
}

#[test]
fn blank_pictures_lose() {
    loses(Strategy::Blank);
}

#[test]
fn false_safety_flags_lose() {
    loses(Strategy::FalseFlag);
}

#[test]
fn fewer_steps_lose() {
    loses(Strategy::FewerSteps);
}

#[test]
fn a_cheaper_model_loses() {
    loses(Strategy::WrongModel);
}

#[test]
fn pictures_of_another_seed_lose() {
    loses(Strategy::SeedIgnoring);
}

#[test]
fn a_colluding_pair_loses() {
    loses(Strategy::ColludingPair);
}

#[test]
fn a_self_dealer_that_lies_loses() {
    loses(Strategy::SelfDealing);
}

#[test]
fn a_self_dealer_that_pays_its_own_miners_and_audits_them_itself_loses() {
    loses(Strategy::SelfDealingPaid);
}

#[test]
fn an_exit_scam_loses() {
    loses(Strategy::ExitScam);
}

#[test]
fn new_keys_that_lie_lose() {
    loses(Strategy::Sybil);
}

#[test]
fn a_ring_of_proven_keys_loses() {
    loses(Strategy::SybilRing);
}

/// Where nobody else lies, third opinions are asked only to look at them, and few: one that is never asked earns what honest work
/// does. So these are more days, with seeds that are the same each time.
#[test]
fn who_computes_no_third_opinion_loses() {
    let parameters = Parameters { days: 6, ..Parameters::default() };
    let row = Row::of(&parameters, Strategy::IdleThird, &[1, 2]).unwrap();
    let (cheat, honest) = row.profits_per_day();
    assert!(cheat < honest, "{}", render(&[row]));
}

#[test]
fn an_auditor_that_copies_loses_where_results_are_withheld_from_it_and_not_where_it_reads_them() {
    loses(Strategy::CopyingAuditor);
    let leaked = Parameters { days: 2, leaked_per_mille: 1_000, ..Parameters::default() };
    let seeds = seeds();
    let row = Row::of(&leaked, Strategy::CopyingAuditor, &seeds).unwrap();
    assert!(row.wins(), "what is withheld makes the difference, with the seeds {seeds:?}:\n{}", render(&[row]));
}
