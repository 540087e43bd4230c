//! Sends the messages of webhooks: signed, at least once, and never into this server's own network.
//!
//! A message is written with the end of its job. Here it is read and posted. Each webhook has its turn, which is short, and
//! then goes behind all others that wait: a receiver that answers slowly holds up the others no longer than that, and one
//! that fails is asked ever more seldom.

pub(crate) mod destination;
mod post;

use std::time::{Duration, Instant};

use shared::api::webhooks::DELIVERY_PROBLEM_MAX_CHARS;
use shared::time::UnixMillis;
use store::change::{EndTurn, RecordSent, Sent, TakeTurn, TurnEnd};
use store::record::webhooks::{DueMessage, Failing, WebhookRecord};
use store::{Store, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock;
use destination::Reach;
pub(crate) use post::SECRET_PREFIX;
use post::{Answer, Poster};

/// How often messages that are due are looked for.
const EVERY: Duration = Duration::from_millis(500);

/// Webhooks that are sent to at once.
const TURNS_MAX: usize = 64;

/// What one webhook gets before the others have their turn: so many messages, and none that would begin after this time.
const MESSAGES_PER_TURN: u64 = 20;
const TURN_TIME: Duration = Duration::from_secs(5);

/// When another process may send a webhook's messages, should this one have ended: longer than any turn.
const TURN_MAX_MS: u64 = 60_000;

/// Between one try of a message and the next: nine tries within 32 hours, where its webhook is asked so often.
const PAUSES_MS: [u64; 8] = [5_000, 60_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000];

/// After a failure, nothing is sent to its webhook for so long; twice as long after each further one in a row.
const FIRST_PAUSE_MS: u64 = 5_000;
const PAUSE_MAX_MS: u64 = 3_600_000;

/// A webhook that took nothing for so long stops.
const FAILING_MAX_MS: u64 = 32 * 3_600_000;

/// HTTP 410: the receiver wants no more.
const GONE: u16 = 410;

/// The webhooks of clients, and how far their messages may go.
#[derive(Clone)]
pub struct WebhookAccess {
    pub(crate) store: Store,
    pub(crate) reach: Reach,
}

/// Runs until the server stops. What is on its way then is sent and recorded before this returns.
pub(crate) async fn run(access: WebhookAccess, stop: CancellationToken) {
    let WebhookAccess { store, reach } = access;
    let poster = Poster::new(reach);
    let (mut ticks, mut turns) = (tokio::time::interval(EVERY), JoinSet::new());
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = turns.join_next() => {}
            _ = ticks.tick() => {
                let free = TURNS_MAX.saturating_sub(turns.len());
                match store.list_due_webhooks(clock::now(), free as u64).await {
                    Ok(due) => for (webhook, failing) in due {
                        turns.spawn(take_turn(store.clone(), poster.clone(), webhook, failing, stop.clone()));
                    },
                    Err(error) => tracing::warn!(%error, "messages of webhooks wait"),
                }
            }
        }
    }
    while turns.join_next().await.is_some() {}
}

async fn take_turn(store: Store, poster: Poster, webhook: WebhookRecord, failing: Failing, stop: CancellationToken) {
    if let Err(error) = send_due(&store, &poster, &webhook, failing, &stop).await {
        tracing::warn!(%error, webhook = %webhook.view.id, "its messages wait");
    }
}

/// Sends what is due to one webhook, up to the first message that fails.
async fn send_due(
    store: &Store,
    poster: &Poster,
    webhook: &WebhookRecord,
    failing: Failing,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let (id, now, begun) = (webhook.view.id, clock::now(), Instant::now());
    let until = now.plus_ms(TURN_MAX_MS);
    if !store.write(TakeTurn { id, now, until }).await? {
        return Ok(());
    }
    let (mut failing, mut end) = (failing, None);
    for message in store.list_due_messages(id, now, MESSAGES_PER_TURN).await? {
        if stop.is_cancelled() || begun.elapsed() >= TURN_TIME {
            break;
        }
        let answer = poster.post(webhook, &message, clock::now().seconds()).await;
        let DueMessage { webhook_id, job_id, attempts: tries_before, .. } = message;
        let judged = judge(&answer, tries_before, failing, clock::now());
        store.write(RecordSent { webhook_id, job_id, tries_before, sent: judged.sent }).await?;
        end = Some(judged.end);
        if !matches!(judged.end, TurnEnd::Sent { .. }) {
            break;
        }
        failing = Failing::default();
    }
    let end = end.unwrap_or(match failing {
        Failing { since: None, .. } => TurnEnd::Sent { at: clock::now() },
        // It was stopped before it sent anything: all stays as it was.
        failing => TurnEnd::Failed { failing, pause_until: now },
    });
    store.write(EndTurn { id, until, end }).await
}

struct Judged {
    sent: Sent,
    end: TurnEnd,
}

/// What an answer means for its message, and for those behind it.
fn judge(answer: &Answer, tries_before: u32, failing: Failing, now: UnixMillis) -> Judged {
    let (status, problem) = match answer {
        Answer::Status(status) if (200..300).contains(status) => {
            return Judged { sent: Sent::Delivered { status: *status }, end: TurnEnd::Sent { at: now } };
        }
        Answer::Status(status) => (Some(*status), format!("the receiver answered with status {status}")),
        Answer::None(problem) => (None, problem.chars().take(DELIVERY_PROBLEM_MAX_CHARS).collect()),
    };
    let since = failing.since.unwrap_or(now);
    let is_over = status == Some(GONE) || now.since_ms(since) >= FAILING_MAX_MS;
    let pause = usize::try_from(tries_before).ok().and_then(|tries| PAUSES_MS.get(tries));
    let next_attempt_at = pause.filter(|_| status != Some(GONE)).map(|pause_ms| now.plus_ms(*pause_ms));
    let pause_ms = 2_u64.saturating_pow(failing.failures).saturating_mul(FIRST_PAUSE_MS).min(PAUSE_MAX_MS);
    let failing = Failing { failures: failing.failures.saturating_add(1), since: Some(since) };
    let end = match is_over {
        true => TurnEnd::Stopped { at: now },
        false => TurnEnd::Failed { failing, pause_until: now.plus_ms(pause_ms) },
    };
    Judged { sent: Sent::Failed { status, problem, next_attempt_at }, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn failed(judged: Judged) -> (Option<UnixMillis>, TurnEnd) {
        let Sent::Failed { next_attempt_at, .. } = judged.sent else { panic!("{:?}", judged.sent) };
        (next_attempt_at, judged.end)
    }

    #[test]
    fn a_message_is_tried_nine_times_in_ever_longer_pauses() {
        let (mut now, mut tries) = (NOW, 0);
        loop {
            let judged = judge(&Answer::Status(503), tries, Failing::default(), now);
            tries += 1;
            match failed(judged) {
                (Some(next), TurnEnd::Failed { .. }) => {
                    assert!(next > now);
                    now = next;
                }
                (None, TurnEnd::Failed { .. }) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((tries, now.since_ms(NOW) / 3_600_000), (9, 31), "and what comes behind it is still sent");
    }

    #[test]
    fn a_receiver_that_fails_is_asked_ever_more_seldom_and_stops_after_a_day_and_eight_hours() {
        let (mut now, mut failing, mut pauses) = (NOW, Failing::default(), Vec::new());
        loop {
            let (_, end) = failed(judge(&Answer::None("nobody answers".to_owned()), 0, failing, now));
            match end {
                TurnEnd::Failed { failing: next, pause_until } => {
                    assert_eq!((next.since, next.failures), (Some(NOW), failing.failures + 1));
                    pauses.push(pause_until.since_ms(now));
                    (failing, now) = (next, pause_until);
                }
                TurnEnd::Stopped { at } => break assert_eq!(at.since_ms(NOW) / 3_600_000, 32),
                TurnEnd::Sent { .. } => panic!("nothing was sent"),
            }
        }
        assert_eq!(pauses[..3], [5_000, 10_000, 20_000]);
        assert_eq!(pauses.iter().max(), Some(&PAUSE_MAX_MS));
        let delivered = judge(&Answer::Status(204), 3, failing, now);
        assert_eq!((delivered.sent, delivered.end), (Sent::Delivered { status: 204 }, TurnEnd::Sent { at: now }));
    }

    #[test]
    fn a_receiver_that_wants_no_more_gets_no_more_and_a_redirect_is_a_failure() {
        assert_eq!(
            failed(judge(&Answer::Status(410), 0, Failing::default(), NOW)),
            (None, TurnEnd::Stopped { at: NOW })
        );
        let (next, _) = failed(judge(&Answer::Status(302), 0, Failing::default(), NOW));
        assert_eq!(next, Some(NOW.plus_ms(5_000)));
        let judged = judge(&Answer::None("x".repeat(1_000)), 0, Failing { failures: u32::MAX, since: Some(NOW) }, NOW);
        assert!(matches!(judged.sent, Sent::Failed { problem, .. } if problem.len() == DELIVERY_PROBLEM_MAX_CHARS));
    }
}
