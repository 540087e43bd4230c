//! Sends transactions of a node that follows on to nodes that decide, by their JSON-RPC.

use std::time::Duration;

use alloy_primitives::keccak256;
use futures::future;
use futures::stream::{self, StreamExt};
use node::{Forwarded, NodeError, UpstreamQueue};
use serde::Deserialize;
use serde_json::json;
use shared::{B256, Bytes};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use ureq::Agent;

/// How long one node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer that is read: a hash, or an error in words.
const ANSWER_MAX_BYTES: u64 = 64 << 10;

/// Longest reason of another node that is passed on.
const REASON_MAX_CHARS: usize = 500;

/// Transactions of strangers that are on their way at once. The settlement sends one after the other.
const OTHERS_AT_ONCE: usize = 4;

/// What a node says of a transaction that it has already.
const ALREADY_KNOWN: &str = "already known";

#[derive(Debug, Deserialize)]
struct Answer {
    /// The transaction's hash.
    #[serde(default)]
    result: Option<B256>,
    #[serde(default)]
    error: Option<RpcError>,
}

#[derive(Debug, Deserialize)]
struct RpcError {
    message: String,
}

/// Empties both queues until `stop` is canceled. Every node is sent every transaction, so that one which drops or refuses it keeps it
/// from no block. What they say of it counts for nothing, since only a block that a quorum signed says that it happened.
pub(crate) async fn run(queue: UpstreamQueue, urls: Vec<String>, stop: CancellationToken) {
    let config = Agent::config_builder().timeout_global(Some(ANSWER_TIMEOUT)).http_status_as_error(false);
    let agent: Agent = config.build().into();
    let both = async {
        tokio::join!(empty(queue.settlement, 1, &agent, &urls), empty(queue.others, OTHERS_AT_ONCE, &agent, &urls));
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = both => {}
    }
}

async fn empty(queue: mpsc::Receiver<Forwarded>, at_once: usize, agent: &Agent, urls: &[String]) {
    let forwarded = stream::unfold(queue, |mut queue| async move {
        let next: Forwarded = queue.recv().await?;
        Some((next, queue))
    });
    let send = |forwarded: Forwarded| async move {
        let answer = send_to_all(agent, urls, &forwarded.raw).await;
        forwarded.answer(answer);
    };
    forwarded.for_each_concurrent(at_once, send).await;
}

async fn send_to_all(agent: &Agent, urls: &[String], raw: &Bytes) -> Result<(), NodeError> {
    let hash = keccak256(raw);
    let (mut is_taken, mut refusals, mut faults) = (false, Vec::new(), Vec::new());
    for answer in future::join_all(urls.iter().map(|url| send(agent, url, raw))).await {
        match answer {
            Ok(Answer { error: Some(error), .. }) => refusals.push(refusal(error)),
            Ok(Answer { result: Some(told), .. }) if told == hash => is_taken = true,
            // Such as a proxy in front of a node that is away.
            Ok(_) => faults.push("an answer is none of a node".to_owned()),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        tracing::warn!(faults = faults.join("; "), "a transaction could not be sent on to every node");
    }
    let known = refusals.iter().position(|refusal| matches!(refusal, NodeError::AlreadyKnown));
    match (is_taken, known.unwrap_or_default()) {
        (true, _) => Ok(()),
        (false, at) if at < refusals.len() => Err(refusals.swap_remove(at)),
        // Where the nodes are is nothing for strangers.
        _ => Err(NodeError::UpstreamAway(format!("none of {} answers", urls.len()))),
    }
}

fn refusal(RpcError { message }: RpcError) -> NodeError {
    if message == ALREADY_KNOWN {
        return NodeError::AlreadyKnown;
    }
    NodeError::UpstreamRefused(
        message.chars().filter(|character| !character.is_control()).take(REASON_MAX_CHARS).collect(),
    )
}

/// # Errors
/// In words, where no node answers as one.
async fn send(agent: &Agent, url: &str, raw: &Bytes) -> Result<Answer, String> {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw] });
    let (agent, rpc) = (agent.clone(), format!("{}/rpc", url.trim_end_matches('/')));
    let asking = tokio::task::spawn_blocking(move || {
        let answer = agent.post(rpc).send_json(call);
        answer.and_then(|mut answer| answer.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_json::<Answer>())
    });
    match asking.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{url}: {error}")),
        Err(error) => Err(format!("a task of this program ended: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_passed_on_within_its_bound_and_what_is_known_is_no_refusal() {
        let refused = |message: &str| refusal(RpcError { message: message.to_owned() });
        assert!(matches!(refused(ALREADY_KNOWN), NodeError::AlreadyKnown));
        assert_eq!(NodeError::AlreadyKnown.to_string(), ALREADY_KNOWN, "as a node of this version says it");
        assert_eq!(refused("nonce\u{1b}[31m too low").to_string(), "nonce[31m too low");
        assert_eq!(refused(&"x".repeat(9_999)).to_string().len(), REASON_MAX_CHARS);
    }
}
