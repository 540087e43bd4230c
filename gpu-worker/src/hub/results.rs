//! Hands finished results in, from the outbox, until the hub takes or refuses each.

use std::time::Duration;

use inference::error::quote;
use shared::id::{JobId, LeaseId};
use shared::job::request::TTL_MAX_SECONDS;
use shared::protocol::ResultAccepted;
use tokio::sync::mpsc;

use super::backoff::{Backoff, jitter};
use super::route::Route;
use super::trust::Trust;
use super::{HubNumber, HubUrl};
use crate::error::{Result, WorkerError};
use crate::outbox::{Entry, Outbox};

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Costs the hub little, and every hub has it.
const STATUS_PATH: &str = "/v1/status";

const PROXY_WANTS_ACCOUNT: u16 = 407;

/// A hub that takes no byte of a result, and sends no byte of an answer, for this long counts as unreachable.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// No lease lasts this long, so no upload needs to take longer.
const UPLOAD_LIMIT: Duration = Duration::from_secs(TTL_MAX_SECONDS);

/// How the hub answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accepted(ResultAccepted),
    /// Sending it again changes nothing.
    Refused(String),
    /// The hub is unreachable or busy.
    Later(String),
}

/// A result that left the outbox of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    pub hub: HubNumber,
    pub lease_id: LeaseId,
    pub job_id: Option<JobId>,
    /// Why the hub refused it, where it did.
    pub refusal: Option<String>,
}

/// Whom results go to, and how.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub number: HubNumber,
    pub url: HubUrl,
    pub trust: Trust,
    pub route: Route,
}

/// Delivers whatever is in the outbox of a hub to that hub, now and whenever there is more.
pub async fn deliver(outbox: Outbox, recipient: Recipient, delivered: mpsc::Sender<Delivered>) {
    let Recipient { number, url: hub, trust, route } = recipient;
    let agent = agent(&trust, &route, STALL_LIMIT);
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    loop {
        let waiting = match outbox.waiting() {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                tokio::time::sleep(backoff.after_failure(jitter())).await;
                continue;
            }
        };
        if waiting.is_empty() {
            backoff.reset();
            outbox.added().await;
            continue;
        }
        let mut all_left = true;
        for lease_id in waiting {
            match deliver_one(&outbox, (number, &hub), &agent, lease_id).await {
                Ok(left) => {
                    if delivered.send(left).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    all_left = false;
                    tracing::warn!(hub = hub.as_str(), %lease_id, %error, "a result waits in the outbox");
                }
            }
        }
        if !all_left {
            tokio::time::sleep(backoff.after_failure(jitter())).await;
        }
    }
}

async fn deliver_one(
    outbox: &Outbox,
    (number, hub): (HubNumber, &HubUrl),
    agent: &ureq::Agent,
    lease_id: LeaseId,
) -> Result<Delivered> {
    let left = |job_id, refusal| Delivered { hub: number, lease_id, job_id, refusal };
    let entry = match outbox.read(lease_id) {
        Ok(entry) => entry,
        Err(error @ WorkerError::Format(_)) => {
            outbox.refuse(lease_id, "malformed")?;
            return Ok(left(None, Some(error.to_string())));
        }
        Err(error) => return Err(error),
    };
    let (job_id, receipt_hash) = (entry.job_id, entry.receipt_hash);
    match post(hub, agent.clone(), entry).await? {
        Answer::Accepted(accepted) => {
            if accepted.receipt_hash != receipt_hash {
                tracing::error!(%job_id, ours = %receipt_hash, theirs = %accepted.receipt_hash, "the hub names another receipt");
            }
            outbox.remove(lease_id)?;
            Ok(left(Some(job_id), None))
        }
        Answer::Refused(reason) => {
            outbox.refuse(lease_id, &reason)?;
            Ok(left(Some(job_id), Some(reason)))
        }
        Answer::Later(reason) => Err(hub.unreachable(reason).into()),
    }
}

async fn post(hub: &HubUrl, agent: ureq::Agent, entry: Entry) -> Result<Answer> {
    let url = hub.path(&format!("/v1/miners/jobs/{}/result", entry.lease_id));
    let body = serde_json::to_vec(&entry.submission).map_err(|error| WorkerError::Receipt(error.to_string()))?;
    Ok(send(agent, url, body).await)
}

async fn send(agent: ureq::Agent, url: String, body: Vec<u8>) -> Answer {
    let send = move || {
        let mut response = agent.post(&url).header("content-type", "application/json").send(&body[..])?;
        let status = response.status().as_u16();
        response.body_mut().read_to_string().map(|text| (status, text))
    };
    match tokio::task::spawn_blocking(send).await {
        Ok(Ok((status, text))) => classify(status, &text),
        Ok(Err(error)) => Answer::Later(error.to_string()),
        Err(error) => Answer::Later(error.to_string()),
    }
}

/// Statuses that speak of the request itself are final; the rest speak of the moment.
fn classify(status: u16, text: &str) -> Answer {
    match status {
        200..=299 => match serde_json::from_str(text) {
            Ok(accepted) => Answer::Accepted(accepted),
            Err(error) => Answer::Later(format!("it answered {status} with {}: {error}", quote(text))),
        },
        408 | 425 | 429 => Answer::Later(format!("it answered {status}: {}", quote(text))),
        400..=499 => Answer::Refused(format!("{status}: {}", quote(text))),
        _ => Answer::Later(format!("it answered {status}: {}", quote(text))),
    }
}

/// Whether an answer of the hub comes on the way that results take: it is asked for its status.
///
/// # Errors
/// Why none comes, or that something else than the hub answered.
pub async fn probe(hub: &HubUrl, trust: &Trust, route: &Route) -> std::result::Result<(), String> {
    let (agent, url) = (agent(trust, route, CONNECT_LIMIT), hub.path(STATUS_PATH));
    let asked = tokio::task::spawn_blocking(move || agent.get(&url).call().map(|response| response.status().as_u16()));
    match asked.await {
        Ok(Ok(status)) if status < 500 && status != PROXY_WANTS_ACCOUNT => Ok(()),
        Ok(Ok(status)) => Err(format!("it answered {status}")),
        Ok(Err(error)) => Err(quote(&error.to_string())),
        Err(error) => Err(error.to_string()),
    }
}

/// A client that reports statuses as answers. A large result may take long on a slow link, so the limits are on standing
/// still and not on the whole.
fn agent(trust: &Trust, route: &Route, stall: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_resolve(Some(CONNECT_LIMIT))
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_per_write(Some(stall))
        .timeout_send_body(Some(UPLOAD_LIMIT))
        .timeout_recv_response(Some(stall))
        .timeout_recv_body(Some(stall))
        .proxy(route.http())
        .http_status_as_error(false);
    config.tls_config(trust.http()).build().new_agent()
}

#[cfg(test)]
mod tests {
    use shared::B256;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// More than the system takes for a peer that does not read.
    const LARGE_BYTES: usize = 24 << 20;

    /// What a hub of this kind makes of a large result, where standing still for `stall` is too long.
    async fn answer<Served: Future<Output = ()> + Send + 'static>(
        stall: Duration,
        serve: impl FnOnce(TcpStream) -> Served,
    ) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let sent = tokio::spawn(send(agent(&Trust::default(), &Route::default(), stall), url, vec![b' '; LARGE_BYTES]));
        let hub = tokio::spawn(serve(listener.accept().await.unwrap().0));
        let answer = sent.await.unwrap();
        hub.abort();
        answer
    }

    #[tokio::test]
    async fn a_large_result_takes_the_time_that_a_slow_link_needs() {
        let stall = Duration::from_secs(2);
        let slow_hub = move |mut stream: TcpStream| async move {
            let mut piece = vec![0; LARGE_BYTES / 64];
            // The first half takes longer than a hub may stand still. The rest is read at once, since what the system holds
            // for the hub is sent already, and only the answer is waited for.
            let mut pace = tokio::time::interval(stall / 16);
            for place in 0..64 {
                if place < 32 {
                    pace.tick().await;
                }
                stream.read_exact(&mut piece).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 409 X\r\ncontent-length: 4\r\n\r\nover").await.unwrap();
            std::future::pending().await
        };
        assert_eq!(answer(stall, slow_hub).await, Answer::Refused("409: over".into()));
    }

    #[tokio::test]
    async fn a_hub_that_stands_still_is_given_up() {
        let stall = Duration::from_millis(300);
        let deaf_hub = |stream: TcpStream| async move {
            let _open = stream;
            std::future::pending().await
        };
        assert!(matches!(answer(stall, deaf_hub).await, Answer::Later(_)));
        let mute_hub = |mut stream: TcpStream| async move {
            let mut piece = vec![0; 1 << 20];
            while stream.read(&mut piece).await.is_ok_and(|bytes| bytes > 0) {}
        };
        assert!(matches!(answer(stall, mute_hub).await, Answer::Later(_)));
    }

    #[test]
    fn only_final_answers_end_the_sending() {
        let accepted = ResultAccepted { job_id: JobId::from_random(1), receipt_hash: B256::ZERO };
        let body = serde_json::to_string(&accepted).unwrap();
        assert_eq!(classify(200, &body), Answer::Accepted(accepted));
        for status in [400, 401, 403, 404, 409, 410, 413, 422] {
            assert!(matches!(classify(status, "{}"), Answer::Refused(_)), "{status}");
        }
        for status in [200, 302, 408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(classify(status, "<html>"), Answer::Later(_)), "{status}");
        }
    }
}
