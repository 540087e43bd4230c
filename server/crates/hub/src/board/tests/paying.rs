//! Jobs that their clients pay.

use shared::amount::Amount;
use shared::job::request::PaidBy;

use super::*;
use crate::board::Unserved;
use crate::matching::Removal;

fn paid(max_unit_price: Amount) -> ValidJob {
    ValidJob { payment: PaidBy::Escrow { max_unit_price }, ..image_job("scenes") }
}

fn paid_job(number: u128) -> OpenJob {
    job_of(number, paid(Amount::from_ait(1)), UnixMillis(900_000)).awaiting_payment()
}

#[test]
fn no_miner_gets_a_job_before_its_payment_is_reserved() {
    let mut board = board();
    board.joined(arrival(1, 1, 1), NOW);
    assert!(granted(&board.submitted(paid_job(1), NOW)).is_empty());
    assert_eq!(granted(&board.submitted(open_job(2), NOW)).len(), 1, "it does not hold up those behind it");
    let id = JobId::from_random(1);
    assert!(board.explain(id).unwrap().summary.contains("its payment is reserved"));
    let first = board.leases.values().next().unwrap().clone();
    assert!(granted(&board.served(&first, NOW)).is_empty(), "a free miner does not get it either");
    assert!(granted(&board.take(Input::Tick, NOW)).is_empty());

    let leases = granted(&board.take(Input::PaymentReserved { job_id: id }, NOW));
    assert_eq!((leases[0].task.job_id, leases[0].terms.contract), (id, identity().escrow));
    assert_eq!(first.terms.contract, identity().minter, "a job that is minted names the minter");
    assert!(board.take(Input::PaymentReserved { job_id: id }, NOW).is_empty(), "it is paid once");
    assert!(board.take(Input::PaymentRefused { job_id: id }, NOW).is_empty(), "a reserved job goes on");
}

#[test]
fn a_job_that_cannot_be_paid_fails_and_leaves_nothing() {
    let mut board = board();
    board.joined(arrival(1, 1, 1), NOW);
    board.submitted(paid_job(1), NOW);
    let id = JobId::from_random(1);
    let effects = board.take(Input::PaymentRefused { job_id: id }, NOW);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Move { moved, .. } if moved.job == JobState::Failed)));
    assert!(board.job(id).is_none() && board.unpaid.is_empty());
    assert!(granted(&board.take(Input::PaymentReserved { job_id: id }, NOW)).is_empty());
}

#[test]
fn a_job_that_waits_for_its_payment_is_canceled_and_expires_like_any_other() {
    let mut board = board();
    board.submitted(paid_job(1), NOW);
    board.submitted(paid_job(2), NOW);
    board.take(Input::Cancel { job_id: JobId::from_random(1) }, NOW);
    board.take(Input::Tick, UnixMillis(900_000));
    assert!(board.jobs.is_empty() && board.unpaid.is_empty() && board.queue.len() == 0);
}

#[test]
fn a_miner_above_the_orders_price_does_not_get_the_job() {
    let mut board = board();
    board.joined(arrival(1, 1, 1), NOW);
    let cheap = job_of(1, paid(Amount::from_atto(1)), UnixMillis(900_000));
    assert!(granted(&board.submitted(cheap, NOW)).is_empty());
    let said = board.explain(JobId::from_random(1)).unwrap().miners.remove(0).reason;
    assert!(said.contains("above the 0.000000000000000001 AIT of the client's order"), "{said}");
}

#[test]
fn a_quote_is_the_price_of_the_miner_that_would_get_the_job_and_what_nobody_serves_has_none() {
    let mut board = board();
    assert_eq!(board.quote(&image_job("scenes"), NOW), Err(Unserved::NoMiner));
    board.joined(arrival(1, 1, 1), NOW);
    board.submitted(open_job(1), NOW);
    let offered = board.quote(&image_job("scenes"), NOW).unwrap();
    assert_eq!((offered.unit_price, offered.miners), (Amount::from_ait(1), 1), "a busy miner serves it later");
    let other = board.quote(&image_job("portraits"), NOW).unwrap_err();
    assert!(matches!(other, Unserved::NoneFits { connected: 1, nearest: Removal::ModelNotServed { .. } }), "{other}");
    let mut poor = image_job("scenes");
    poor.constraints.max_price = Some(Amount::ZERO);
    assert!(board.quote(&poor, NOW).unwrap_err().to_string().contains("above the job's limit of 0 AIT"));
}
