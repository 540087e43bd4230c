//! Audits: by another miner, behind waiting jobs, and with a third opinion where two differ.

use shared::commitment::Salt;
use shared::comparison::{Agreement, Comparison};
use shared::job::request::{PaidBy, PaymentMode, Work};

use super::*;
use crate::audit::{Compared, Draw, OPEN_MAX, PATIENCE_MS, REFUTED_FAULTS, TIME_MAX_MS, Verdict};

fn paid() -> PaidBy {
    PaidBy::Escrow { max_unit_price: Amount::from_ait(1) }
}

const CLIENT: Address = Address::repeat_byte(0xc1);

pub(super) fn auditing() -> Board {
    board().with_audits(Draw::Always)
}

pub(super) fn compared(served: Agreement, audit: Agreement) -> Option<Compared> {
    let comparison = |agreement| Comparison { agreement, distance: None };
    Some(Compared { with_served: comparison(served), with_audit: Some(comparison(audit)) })
}

pub(super) fn answer(
    board: &mut Board,
    lease: &Lease,
    bits: u8,
    compared: Option<Compared>,
    now: UnixMillis,
) -> Vec<Effect> {
    board.delivered(lease, now);
    let (lease_id, units) = (lease.id, lease.terms.units);
    board.take(Input::ResultVerified(VerifiedResult { lease_id, units, bits: [bits; 32], compared }), now)
}

fn judged(effects: &[Effect]) -> Option<Judged> {
    effects.iter().find_map(|effect| match effect {
        Effect::Complete { audit: Some(step), .. } => match &**step {
            AuditStep::Answered(judged) => Some(judged.clone()),
            AuditStep::Opened(_) => None,
        },
        _ => None,
    })
}

pub(super) fn opened(effects: &[Effect]) -> Option<OpenAudit> {
    effects.iter().find_map(|effect| match effect {
        Effect::Complete { audit: Some(step), .. } => match &**step {
            AuditStep::Opened(opened) => Some(opened.clone()),
            AuditStep::Answered(_) => None,
        },
        _ => None,
    })
}

fn noticed(effects: &[Effect]) -> Vec<SessionNumber> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Notice { session, .. } => Some(*session),
        _ => None,
    });
    told.collect()
}

/// A board with so many miners, and a job that the first of them served; with the effects of its result.
pub(super) fn served_by_first(miners: u8) -> (Board, Lease, Vec<Effect>) {
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    let lease = granted(&board.submitted(open_job(1), NOW)).remove(0);
    for number in 2..=miners {
        board.joined(arrival(number, number.into(), 1), NOW);
    }
    let effects = answer(&mut board, &lease, 5, None, NOW);
    (board, lease, effects)
}

#[test]
fn another_miner_computes_the_same_work_and_the_job_is_over_for_its_client() {
    let (mut board, served, effects) = served_by_first(2);
    assert_eq!(opened(&effects).unwrap().served_by, served.miner);
    let audit = granted(&effects).remove(0);
    assert_eq!((audit.task.role, audit.task.job_id), (TaskRole::Audit, served.task.job_id));
    assert_eq!(audit.miner, Address::repeat_byte(2));
    assert_eq!(board.job(served.task.job_id).unwrap().state(), JobState::Completed);
    assert!(board.overlay(served.task.job_id, NOW).is_none() && board.explain(served.task.job_id).is_none());
    let cancel = Input::Cancel { job_id: served.task.job_id };
    assert_eq!(board.apply(cancel, NOW).unwrap_err(), BoardError::NotOpen(served.task.job_id));
    assert_eq!(board.runs_at(served.task.job_id).count(), 0, "watchers of the job hear nothing of its audit");
    let effects = answer(&mut board, &audit, 9, compared(Agreement::Equal, Agreement::Equal), NOW);
    let judged = judged(&effects).unwrap();
    assert_eq!((judged.verdict, judged.refuted), (Verdict::Confirmed, None));
    assert!(opened(&effects).is_none(), "an audit is not audited");
    assert!(board.job(served.task.job_id).is_none() && noticed(&effects).is_empty());
}

#[test]
fn nobody_audits_itself_its_own_job_or_with_another_model_and_the_hub_does_not_audit() {
    let (board, served, effects) = served_by_first(1);
    assert!(opened(&effects).is_some() && granted(&effects).is_empty());
    assert!(board.job(served.task.job_id).is_none(), "it ends where nobody is left to ask");
    let mut other_model = arrival(2, 2, 1);
    other_model.capability.offers[0].manifest_sha256 = Sha256Digest::of(b"another manifest");
    let client = Arrival { address: CLIENT, ..arrival(3, 3, 1) };
    let hub = Arrival { address: identity().attester, ..arrival(4, 4, 1) };
    for (arrival, number) in [other_model, client, hub].into_iter().zip(2..) {
        let mut board = board.clone();
        let lease = granted(&board.submitted(open_job(number), NOW)).remove(0);
        board.joined(arrival, NOW);
        let effects = answer(&mut board, &lease, 5, None, NOW);
        assert!(opened(&effects).is_some() && granted(&effects).is_empty(), "{effects:?}");
        assert!(board.job(lease.task.job_id).is_none());
    }
}

#[test]
fn what_the_client_asks_of_its_miner_does_not_keep_others_from_the_audit() {
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    board.joined(arrival(2, 2, 1), NOW);
    let mut request = image_job("scenes");
    request.constraints.miners = vec![Address::repeat_byte(1)];
    let lease = granted(&board.submitted(job_of(1, request, UnixMillis(900_000)), NOW)).remove(0);
    let effects = answer(&mut board, &lease, 5, None, NOW);
    assert_eq!(granted(&effects)[0].miner, Address::repeat_byte(2));
}

#[test]
fn of_a_job_that_is_not_audited_no_result_is_drawn_or_withheld() {
    for (payment, is_unaudited) in [(paid(), true), (paid(), false), (PaidBy::Mint, true)] {
        let mut board = auditing();
        board.joined(arrival(1, 1, 1), NOW);
        let job = job_of(1, ValidJob { payment, ..image_job("scenes") }, UnixMillis(900_000));
        let served = granted(&board.submitted(if is_unaudited { job.unaudited() } else { job }, NOW)).remove(0);
        assert_eq!(board.withholds(served.task.job_id), !is_unaudited);
        board.joined(arrival(2, 2, 1), NOW);
        let effects = answer(&mut board, &served, 5, None, NOW);
        assert_eq!(opened(&effects).is_none(), is_unaudited);
        assert!(effects.iter().all(|effect| !matches!(effect, Effect::Move { .. })));
        let back = Input::Restore { job: open_job(2).unaudited(), leases: vec![] };
        assert!(board.apply(back, NOW).is_ok() && !board.withholds(JobId::from_random(2)), "after a restart, too");
    }
}

#[test]
fn a_result_that_its_client_pays_nothing_for_makes_nobody_compute() {
    for (payment, is_audited) in [(paid(), false), (PaidBy::Mint, true)] {
        let mut board = auditing();
        let mut free = arrival(1, 1, 1);
        free.capability.offers[0].unit_price = Amount::ZERO;
        board.joined(free, NOW);
        let job = job_of(1, ValidJob { payment, ..image_job("scenes") }, UnixMillis(900_000));
        let served = granted(&board.submitted(job, NOW)).remove(0);
        assert_eq!(opened(&answer(&mut board, &served, 5, None, NOW)).is_some(), is_audited);
    }
}

#[test]
fn the_auditor_is_paid_by_the_minter_and_no_more_than_the_miner_was() {
    let mut board = auditing();
    board.joined(arrival(1, 1, 1), NOW);
    let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
    let mut dear = arrival(2, 2, 1);
    dear.capability.offers[0].unit_price = Amount::from_atto(served.terms.unit_price.atto() + 1);
    board.joined(dear, NOW);
    let audit = granted(&answer(&mut board, &served, 5, None, NOW)).remove(0);
    assert_eq!(audit.terms.unit_price, served.terms.unit_price);
    assert_eq!(audit.terms.contract, identity().minter);
    let job = open_job(9);
    assert_eq!(board.terms(&job, TaskRole::Serve, Amount::ZERO, PaymentMode::Escrow).contract, identity().escrow);
}

#[test]
fn two_against_one_refutes_the_miner_and_one_against_two_the_auditor() {
    use Agreement::{Differs, Equal, Unclear};
    for (served_says, audit_says, verdict, refuted) in [
        (Differs, Equal, Verdict::Refuted, Some(1)),
        (Equal, Differs, Verdict::AuditorRefuted, None),
        (Differs, Differs, Verdict::Disputed, None),
        (Unclear, Equal, Verdict::Disputed, None),
    ] {
        let (mut board, served, effects) = served_by_first(4);
        let audit = granted(&effects).remove(0);
        let effects = answer(&mut board, &audit, 9, compared(Differs, Differs), NOW);
        let first = judged(&effects).unwrap();
        assert_eq!((first.verdict, first.refuted), (Verdict::Disputed, None), "one against one says nothing");
        let third = granted(&effects).remove(0);
        assert_eq!(third.task, Task { job_id: served.task.job_id, role: TaskRole::ThirdOpinion });
        assert!(third.miner != audit.miner && third.miner != served.miner);
        let effects = answer(&mut board, &third, 9, compared(served_says, audit_says), NOW);
        let last = judged(&effects).unwrap();
        let expected = match verdict {
            Verdict::AuditorRefuted => Some(audit.miner),
            _ => refuted.map(Address::repeat_byte),
        };
        assert_eq!((last.verdict, last.refuted), (verdict, expected));
        for (address, miner) in board.miners() {
            let faults = if Some(address) == expected { REFUTED_FAULTS } else { 0 };
            assert_eq!(miner.faults, faults, "{address}");
        }
        assert_eq!(noticed(&effects).len(), usize::from(expected.is_some()));
        assert!(board.job(served.task.job_id).is_none());
    }
}

#[test]
fn a_confirmed_result_gets_a_third_opinion_like_a_disputed_one_and_who_differs_there_is_refuted() {
    use Agreement::{Differs, Equal, Unclear, WithinTolerance};
    let salts = |effects: &[Effect]| -> Vec<Salt> {
        let granted = effects.iter().filter_map(|effect| match effect {
            Effect::Grant { assignment, .. } => Some(assignment.salt),
            _ => None,
        });
        granted.collect()
    };
    for says in [Equal, WithinTolerance, Unclear, Differs] {
        let (board, served, effects) = served_by_first(4);
        let mut board = board.with_controls(Draw::Always);
        let audit = granted(&effects).remove(0);
        let of_job = board.job(served.task.job_id).unwrap().request().salt;
        let of_audit = salts(&effects)[0];
        let effects = answer(&mut board, &audit, 9, compared(Equal, Equal), NOW);
        let first = judged(&effects).unwrap();
        assert_eq!((first.verdict, first.refuted), (Verdict::Confirmed, None));
        assert!(board.withholds(served.task.job_id), "nobody reads the result before the third has answered");
        let third = granted(&effects).remove(0);
        assert_eq!(third.task, Task { job_id: served.task.job_id, role: TaskRole::ThirdOpinion });
        assert!(third.miner != audit.miner && third.miner != served.miner);
        let of_third = salts(&effects)[0];
        assert!(of_job != of_audit && of_audit != of_third && of_third != of_job);
        assert_eq!(board.task_salt(third.task), Some(of_third));
        let effects = answer(&mut board, &third, 9, compared(says, says), NOW);
        let last = judged(&effects).unwrap();
        let refuted = (says == Differs).then_some(third.miner);
        let verdict = if says == Differs { Verdict::ThirdRefuted } else { Verdict::Confirmed };
        assert_eq!((last.verdict, last.refuted, last.third), (verdict, refuted, None));
        for (address, miner) in board.miners() {
            assert_eq!(miner.faults, if Some(address) == refuted { REFUTED_FAULTS } else { 0 }, "{address}");
        }
        assert!(board.job(served.task.job_id).is_none());
    }
}

#[test]
fn without_a_third_miner_a_confirmed_result_stays_one() {
    let (board, served, effects) = served_by_first(2);
    let mut board = board.with_controls(Draw::Always);
    let audit = granted(&effects).remove(0);
    let effects = answer(&mut board, &audit, 9, compared(Agreement::Equal, Agreement::Equal), NOW);
    assert!(judged(&effects).unwrap().third.is_some_and(|third| third.is_control) && granted(&effects).is_empty());
    assert!(board.job(served.task.job_id).is_none() && board.miners().all(|(_, miner)| miner.faults == 0));
}

#[test]
fn without_a_third_miner_a_dispute_stays_one() {
    let (mut board, served, effects) = served_by_first(2);
    let audit = granted(&effects).remove(0);
    let effects = answer(&mut board, &audit, 9, compared(Agreement::Differs, Agreement::Differs), NOW);
    assert!(judged(&effects).unwrap().third.is_some() && granted(&effects).is_empty());
    let ended = effects.iter().any(|effect| {
        matches!(effect, Effect::Move { moved, .. } if moved.task.role == TaskRole::ThirdOpinion && moved.life.state == JobState::Failed)
    });
    assert!(ended && board.job(served.task.job_id).is_none());
    assert!(board.miners().all(|(_, miner)| miner.faults == 0));
}

#[test]
fn waiting_jobs_go_first_until_an_audit_has_waited_long() {
    for waited_ms in [0, PATIENCE_MS] {
        let mut board = auditing();
        board.joined(arrival(1, 1, 1), NOW);
        let served = granted(&board.submitted(open_job(1), NOW)).remove(0);
        board.joined(arrival(2, 2, 1), NOW);
        let other = granted(&board.submitted(open_job(2), NOW)).remove(0);
        assert_eq!(other.miner, Address::repeat_byte(2));
        board.take(Input::Drain { miner: served.miner, session: SessionNumber(1) }, NOW);
        assert!(granted(&answer(&mut board, &served, 5, None, NOW)).is_empty(), "the auditor is busy");
        board.submitted(open_job(3), NOW);
        let later = NOW.plus_ms(waited_ms);
        board.delivered(&other, later);
        let next = granted(&board.take(verified(&other), later));
        // With `Always` the other result is audited, too, but only the first miner could do it, and it takes nothing new.
        let expected = if waited_ms == 0 { TaskRole::Serve } else { TaskRole::Audit };
        assert_eq!(next[0].task.role, expected);
    }
}

#[test]
fn one_audit_runs_at_once_for_every_ten_miners() {
    let mut board = auditing();
    for number in 1..=9 {
        board.joined(arrival(number, number.into(), 2), NOW);
    }
    let leases: Vec<Lease> = (1..=6).map(|number| granted(&board.submitted(open_job(number), NOW)).remove(0)).collect();
    for lease in &leases {
        answer(&mut board, lease, 5, None, NOW);
    }
    let audits = || board.leases.values().filter(|lease| lease.task.role == TaskRole::Audit).count();
    assert_eq!(audits(), 1);
}

#[test]
fn an_auditor_that_leaves_or_fails_makes_room_for_the_next_and_an_audit_ends_with_its_time() {
    let (mut board, served, effects) = served_by_first(4);
    let first = granted(&effects).remove(0);
    let effects = board.left(first.miner, u64::from(first.miner[0]), NOW);
    let second = granted(&effects).remove(0);
    assert!(second.task == first.task && second.miner != first.miner && second.miner != served.miner);
    let effects = board.failed(&second, failure(Blame::Miner, false), NOW);
    let third = granted(&effects).remove(0);
    assert!(![first.miner, second.miner, served.miner].contains(&third.miner));
    let late = NOW.plus_ms(TIME_MAX_MS);
    let effects = board.take(Input::Tick, late);
    assert!(board.job(served.task.job_id).is_none(), "{effects:?}");
}

#[test]
fn after_a_restart_an_audit_waits_until_miners_may_be_back() {
    let (board_before, served, effects) = served_by_first(2);
    let audit = board_before.audit(served.task).unwrap().clone();
    let lease = granted(&effects).remove(0);
    let mut board = auditing();
    let mut job = open_job(1);
    let life = TaskLife { state: JobState::Completed, lease_id: Some(served.id), faults: vec![] };
    job.tasks.insert(TaskRole::Serve, job::OpenTask { life, ..Default::default() });
    job.tasks.insert(TaskRole::Audit, job::OpenTask::default());
    board.take(Input::Restore { job: job.audited(TaskRole::Serve, audit), leases: vec![] }, NOW);
    assert!(granted(&board.take(Input::Tick, NOW)).is_empty());
    assert!(board.job(served.task.job_id).is_some(), "nobody is back yet");
    board.joined(arrival(1, 1, 1), NOW);
    board.joined(arrival(2, 2, 1), NOW);
    board.hear(Address::repeat_byte(1), 1, NOW.plus_ms(RETURN_MS));
    board.hear(Address::repeat_byte(2), 2, NOW.plus_ms(RETURN_MS));
    let again = granted(&board.take(Input::Tick, NOW.plus_ms(RETURN_MS)));
    assert_eq!((again[0].task, again[0].miner), (lease.task, lease.miner));
}

#[test]
fn a_text_is_audited_with_the_same_engine_alone() {
    let words = |number, engine: &str| {
        let mut arrival = arrival(number, number.into(), 1);
        let offer = &mut arrival.capability.offers[0];
        (offer.kind, offer.unit_type) = (shared::job::JobKind::Text, shared::unit::UnitType::Token);
        offer.unit_price = Amount::from_atto(1);
        arrival.capability.engine.name = engine.into();
        arrival
    };
    for (first, second, is_audited) in
        [("tract", "tract", true), ("tract", "other", false), ("ollama", "ollama", false)]
    {
        let mut board = auditing();
        board.joined(words(1, first), NOW);
        let job = job_of(1, text_job("scenes"), UnixMillis(900_000));
        let served = granted(&board.submitted(job, NOW)).remove(0);
        board.joined(words(2, second), NOW);
        let effects = answer(&mut board, &served, 5, None, NOW);
        assert_eq!(granted(&effects).len(), usize::from(is_audited), "{first} {second}");
        assert_eq!(opened(&effects).is_some(), first != "ollama");
    }
}

/// The first of two miners serves jobs of a client that pays or does not, `times` as large as others. What each result came to.
fn serve_many(
    board: &mut Board,
    numbers: std::ops::Range<u128>,
    (payment, client, times): (PaidBy, Address, u32),
) -> Vec<Vec<Effect>> {
    let mut effects = Vec::new();
    for number in numbers {
        let mut request = ValidJob { payment, ..image_job("scenes") };
        let Work::Image(input) = &mut request.work else { panic!("a picture") };
        input.steps *= times;
        request.constraints.miners = vec![Address::repeat_byte(1)];
        let id = JobId::from_random(number);
        let job = OpenJob::new(id, number as i64, client, Arc::new(request), UnixMillis(900_000), TaskCount::ONE);
        let lease = granted(&board.submitted(job, NOW)).remove(0);
        effects.push(answer(board, &lease, 5, None, NOW));
    }
    effects
}

/// Of which the first has so many results that as many may wait for their audits as the bound lets open.
fn two_miners() -> Board {
    let mut board = auditing();
    let leases_ended = crate::reputation::RESULTS_PER_AWAITED_AUDIT * 2 * OPEN_MAX as u64;
    board.joined(Arrival { leases_ended, ..arrival(1, 1, 2) }, NOW);
    board.joined(arrival(2, 2, 1), NOW);
    board
}

fn count_opened(effects: &[Vec<Effect>]) -> usize {
    effects.iter().filter(|effects| opened(effects).is_some()).count()
}

/// Jobs whose audits ended without an answer.
fn unanswered(effects: &[Vec<Effect>]) -> Vec<JobId> {
    let ended = effects.iter().flatten().filter_map(|effect| match effect {
        Effect::Move { moved, .. } if moved.task.role == TaskRole::Audit && moved.life.state == JobState::Failed => {
            Some(moved.task.job_id)
        }
        _ => None,
    });
    ended.collect()
}

#[test]
fn where_all_places_are_taken_a_dearer_result_is_audited_instead_of_the_cheapest_that_nobody_began() {
    let (mut board, minted) = (two_miners(), |times| (PaidBy::Mint, CLIENT, times));
    let served = serve_many(&mut board, 1..OPEN_MAX as u128 + 21, minted(2));
    assert_eq!((count_opened(&served), board.jobs.len()), (OPEN_MAX, OPEN_MAX), "one is as dear as the other");
    let cheaper = serve_many(&mut board, 2_000..2_001, minted(1));
    assert_eq!((count_opened(&cheaper), unanswered(&cheaper)), (0, vec![]));
    let dearer = serve_many(&mut board, 3_000..3_002, minted(3));
    let begun = board.leases.values().map(|lease| lease.task.job_id).collect::<Vec<_>>();
    assert_eq!((count_opened(&dearer), board.jobs.len(), begun.len()), (2, OPEN_MAX, 1));
    let ended = unanswered(&dearer);
    assert!(ended.len() == 2 && !ended.contains(&begun[0]) && board.job(begun[0]).is_some(), "{ended:?}");
}

#[test]
fn audits_of_what_clients_pay_have_few_places_of_their_own_and_each_client_fewer() {
    use crate::audit::{PAID_OPEN_MAX, PAID_OPEN_PER_CLIENT_MAX};
    let mut board = two_miners();
    let client = |number: usize| Address::left_padding_from(&(number + 1).to_be_bytes());
    let of_client = |board: &mut Board, number: usize, jobs: u128, times| {
        let first = number as u128 * 1_000;
        serve_many(board, first..first + jobs, (paid(), client(number), times))
    };
    let clients = PAID_OPEN_MAX / PAID_OPEN_PER_CLIENT_MAX;
    for number in 0..clients {
        let served = of_client(&mut board, number, PAID_OPEN_PER_CLIENT_MAX as u128 + 5, 2);
        assert_eq!(count_opened(&served), PAID_OPEN_PER_CLIENT_MAX, "client {number}");
    }
    let (cheap, dear) = (of_client(&mut board, 100, 1, 2), of_client(&mut board, 101, 1, 3));
    assert_eq!((count_opened(&cheap), count_opened(&dear), unanswered(&dear).len()), (0, 1, 1));
    assert_eq!(board.jobs.len(), PAID_OPEN_MAX);
    // Somebody who fills them keeps no minted result from its audit, and no miner from its work.
    let minted = serve_many(&mut board, 500_000..500_010, (PaidBy::Mint, CLIENT, 1));
    assert_eq!((count_opened(&minted), unanswered(&minted)), (10, vec![]));
}

#[test]
fn a_new_miner_whose_results_wait_for_their_audits_gets_no_more_until_one_is_answered() {
    use crate::reputation::NEW_MINER_AWAITED_AUDITS;
    let mut board = auditing();
    board.joined(arrival(1, 1, 2), NOW);
    let mut served = Vec::new();
    for number in 1..=NEW_MINER_AWAITED_AUDITS {
        let lease = granted(&board.submitted(open_job(number.into()), NOW)).remove(0);
        assert_eq!(lease.miner, Address::repeat_byte(1));
        // The only other miner is there when the audit is drawn, and busy.
        if number == 1 {
            board.joined(arrival(2, 2, 1), NOW);
            let mut busy = image_job("scenes");
            busy.constraints.miners = vec![Address::repeat_byte(2)];
            assert_eq!(granted(&board.submitted(job_of(90, busy, UnixMillis(900_000)), NOW)).len(), 1);
        }
        assert!(opened(&answer(&mut board, &lease, 5, None, NOW)).is_some());
        served.push(lease);
    }
    let mut wanted = image_job("scenes");
    wanted.constraints.miners = vec![Address::repeat_byte(1)];
    assert!(granted(&board.submitted(job_of(50, wanted, UnixMillis(900_000)), NOW)).is_empty());
    let reasons = board.why_idle(Address::repeat_byte(1)).reasons;
    assert!(reasons[0].words.contains("compute its first results again"), "{reasons:?}");
    // Its auditor leaves, and there is no other: the audits end.
    let next = granted(&board.left(Address::repeat_byte(2), 2, NOW));
    assert!(next.iter().any(|lease| lease.miner == Address::repeat_byte(1) && lease.task.role == TaskRole::Serve));
}

#[test]
fn new_miners_that_wait_for_their_audits_audit_each_other() {
    let mut board = auditing();
    board.joined(arrival(1, 1, 2), NOW);
    board.joined(arrival(2, 2, 2), NOW);
    let leases: Vec<Lease> = (1..=4).map(|number| granted(&board.submitted(open_job(number), NOW)).remove(0)).collect();
    let mut audits: Vec<Lease> =
        leases.iter().flat_map(|lease| granted(&answer(&mut board, lease, 5, None, NOW))).collect();
    let mut answered = 0;
    while let Some(audit) = audits.pop() {
        assert!(audit.task.role.is_audit());
        let effects = answer(&mut board, &audit, 9, compared(Agreement::Equal, Agreement::Equal), NOW);
        audits.extend(granted(&effects));
        answered += 1;
    }
    assert_eq!(answered, leases.len());
}

#[test]
fn who_has_delivered_little_judges_only_where_nobody_else_can() {
    use crate::reputation::JUDGE_RESULTS;
    let auditor_among = |results: &[u64]| {
        let mut board = auditing();
        board.joined(Arrival { leases_ended: 100, ..arrival(1, 1, 1) }, NOW);
        let first = granted(&board.submitted(open_job(1), NOW)).remove(0);
        for (number, leases_ended) in (2..).zip(results) {
            board.joined(Arrival { leases_ended: *leases_ended, ..arrival(number, number.into(), 1) }, NOW);
        }
        granted(&answer(&mut board, &first, 5, None, NOW)).remove(0).miner
    };
    let many_with_little = [&[JUDGE_RESULTS - 1; 30][..], &[JUDGE_RESULTS]].concat();
    assert_eq!(auditor_among(&many_with_little), Address::repeat_byte(32));
    assert_eq!(auditor_among(&[1]), Address::repeat_byte(2));
}

#[test]
fn a_result_is_withheld_while_others_may_compute_it_again_and_no_longer() {
    let (mut board, served, effects) = served_by_first(4);
    let id = served.task.job_id;
    let audit = granted(&effects).remove(0);
    assert!(board.withholds(id), "the audit runs");
    let effects = answer(&mut board, &audit, 9, compared(Agreement::Differs, Agreement::Differs), NOW);
    assert!(board.withholds(id), "a third miner is asked");
    let third = granted(&effects).remove(0);
    answer(&mut board, &third, 9, compared(Agreement::Equal, Agreement::Differs), NOW);
    assert!(!board.withholds(id), "all have answered");

    for (draw, while_it_runs) in [(Draw::Always, true), (Draw::Published, true), (Draw::Never, false)] {
        let mut board = board_of_one(draw);
        board.submitted(open_job(1), NOW);
        assert_eq!(board.withholds(id), while_it_runs, "{draw:?}: nobody knows yet whether it is drawn");
        board.take(Input::Cancel { job_id: id }, NOW);
        assert!(!board.withholds(id), "{draw:?}");
    }
}

fn board_of_one(draw: Draw) -> Board {
    let mut board = board().with_audits(draw);
    board.joined(arrival(1, 1, 1), NOW);
    board
}
