//! Following a chain: asks other nodes for blocks, and hands them to this one, which checks and executes each.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alloy_primitives::{B256, Bytes};
use node::chain::{CertificateError, ChainError, ReceivedBlock};
use node::{NodeError, NodeHandle};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use ureq::Agent;

mod fork;

/// How often the others are asked where there was nothing new, by a node that only keeps a copy.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The same, by the node of a hub, whose clients wait for blocks.
pub(crate) const HUB_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a node may take to say which block is its last. A node that does not answer keeps the others waiting for so long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer that is read: a node ends a range with the block that makes it 4 MiB, and one block has some 10 MB.
const ANSWER_MAX_BYTES: u64 = 64 << 20;

/// Blocks asked for at once, as many as a node gives.
const BLOCKS_AT_ONCE: u64 = 100;

/// Why a node cannot be followed now.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("{url} does not answer: {source}")]
    NoAnswer { url: String, source: Box<ureq::Error> },
    #[error("{url} serves the chain with genesis {theirs}, and this node keeps the one with genesis {ours}")]
    OtherChain { url: String, theirs: B256, ours: B256 },
    #[error("{url} claims to have block {claimed}, and gives none from block {wanted} on")]
    Withheld { url: String, claimed: u64, wanted: u64 },
    #[error("block {number} of {url} is refused: {reason}")]
    Refused { url: String, number: u64, reason: String },
    #[error(
        "the chain has two branches: a quorum signed block {theirs} at height {number}, which {url} has, and block {ours}, which \
         this node has; {accused} validators signed both in one round, and what proves it is kept"
    )]
    Fork { url: String, number: u64, ours: B256, theirs: B256, accused: usize },
    #[error(
        "{url} has block {theirs} at height {number}, where this node has {ours}, and does not show that a quorum signed it: \
         {reason}"
    )]
    Unproven { url: String, number: u64, ours: B256, theirs: B256, reason: Box<CertificateError> },
    #[error("{url} claims to have block {theirs} at height {number}, where this node has {ours}, and does not give it")]
    Unshown { url: String, number: u64, ours: B256, theirs: B256 },
    #[error("what {url} gives at height {number} is no block: {reason}")]
    NoBlock { url: String, number: u64, reason: ChainError },
    #[error("{0}")]
    Node(#[from] NodeError),
    #[error("a task of this program ended: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Whether following goes on, for health checks.
#[derive(Debug, Clone, Default)]
pub(crate) struct FollowState(Arc<RwLock<Option<String>>>);

impl FollowState {
    pub(crate) fn fault(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what keeps blocks away, or that nothing does, and logs what is new.
    fn set(&self, fault: Option<String>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if *known == fault {
            return;
        }
        match &fault {
            Some(fault) => tracing::error!(fault, "not followed"),
            None => tracing::info!("followed again"),
        }
        *known = fault;
    }
}

/// Asks these nodes, one after another, until `stop` is canceled. Which of them answers makes no difference: nothing is
/// believed that a quorum has not signed. Each is asked each time, so that one which holds blocks back keeps none away, and one
/// which is on another branch is noticed.
pub(crate) async fn run(
    node: NodeHandle,
    urls: Vec<String>,
    poll_interval: Duration,
    state: FollowState,
    stop: CancellationToken,
) {
    let agent = agent();
    loop {
        state.set(follow_all(&node, &agent, &urls, &stop).await);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(poll_interval) => {}
        }
    }
}

/// Takes all blocks that these nodes have now; what keeps them away, where something does.
pub(crate) async fn catch_up(node: &NodeHandle, urls: &[String]) -> Option<String> {
    follow_all(node, &agent(), urls, &CancellationToken::new()).await
}

fn agent() -> Agent {
    Agent::config_builder().build().into()
}

/// Takes what each node gives; what keeps all of them from being followed, or shows that one of them has another chain.
async fn follow_all(node: &NodeHandle, agent: &Agent, urls: &[String], stop: &CancellationToken) -> Option<String> {
    let (mut faults, mut is_followed, mut is_forked) = (Vec::new(), false, false);
    for url in urls {
        match follow_one(node, agent, url, stop).await {
            Ok(()) => is_followed = true,
            Err(error) => {
                is_forked |= matches!(error, FollowError::Fork { .. });
                faults.push(error.to_string());
            }
        }
    }
    (is_forked || !is_followed).then(|| faults.join("; "))
}

#[derive(Debug, Deserialize)]
struct Head {
    genesis_hash: B256,
    number: u64,
    hash: B256,
}

#[derive(Debug, Deserialize)]
struct Blocks {
    blocks: Vec<Bytes>,
}

async fn follow_one(node: &NodeHandle, agent: &Agent, url: &str, stop: &CancellationToken) -> Result<(), FollowError> {
    let head: Head = get_within(HEAD_TIMEOUT, agent, url, "/rpc/head".to_owned()).await?;
    if head.genesis_hash != node.genesis_hash() {
        let (theirs, ours) = (head.genesis_hash, node.genesis_hash());
        return Err(FollowError::OtherChain { url: url.to_owned(), theirs, ours });
    }
    while !stop.is_cancelled() {
        let wanted = node.head()?.number + 1;
        if wanted > head.number {
            return fork::compare(node, agent, url, head.number, head.hash).await;
        }
        let last = head.number.min(wanted + BLOCKS_AT_ONCE - 1);
        let answer: Blocks = get(agent, url, format!("/rpc/blocks-range/decided?from={wanted}&to={last}")).await?;
        if answer.blocks.is_empty() {
            return Err(FollowError::Withheld { url: url.to_owned(), claimed: head.number, wanted });
        }
        for (number, encoded) in (wanted..).zip(answer.blocks) {
            let Err(error) = take(node, &encoded).await else { continue };
            if error.is_retryable() {
                return Err(error.into());
            }
            if matches!(&error, NodeError::Chain(ChainError::NotOnHead { .. })) {
                // A quorum signed it, so that the block before it is another than here.
                fork::look(node, agent, url, number - 1).await?;
            }
            return Err(FollowError::Refused { url: url.to_owned(), number, reason: error.to_string() });
        }
        tracing::info!(height = node.head()?.number, of = head.number, url, "followed");
    }
    Ok(())
}

async fn take(node: &NodeHandle, encoded: &[u8]) -> Result<(), NodeError> {
    let mut bytes = encoded;
    let received = ReceivedBlock::decode(&mut bytes)?;
    node.import(received).await.map(drop)
}

async fn get<T: DeserializeOwned + Send + 'static>(agent: &Agent, url: &str, path: String) -> Result<T, FollowError> {
    get_within(ANSWER_TIMEOUT, agent, url, path).await
}

async fn get_within<T: DeserializeOwned + Send + 'static>(
    timeout: Duration,
    agent: &Agent,
    url: &str,
    path: String,
) -> Result<T, FollowError> {
    let (agent, url) = (agent.clone(), url.trim_end_matches('/').to_owned());
    let asking = tokio::task::spawn_blocking(move || {
        let answer = agent
            .get(format!("{url}{path}"))
            .config()
            .timeout_global(Some(timeout))
            .build()
            .call()
            .and_then(|mut response| response.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_json());
        answer.map_err(|source| FollowError::NoAnswer { url, source: Box::new(source) })
    });
    asking.await?
}

/// The URL of a node, without a path.
pub(crate) fn node_url(text: &str) -> Result<String, String> {
    let uri: Option<axum::http::Uri> = text.parse().ok();
    let is_node = uri.is_some_and(|uri| {
        let is_root = uri.path_and_query().is_none_or(|path| path.as_str() == "/");
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty()) && is_root
    });
    if is_node {
        Ok(text.to_owned())
    } else {
        Err("the node's URL without a path, as http://192.0.2.1:8001".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::node_url;

    #[test]
    fn a_node_is_named_without_a_path() {
        for taken in ["http://127.0.0.1:8001", "https://node.example", "http://[::1]:1/"] {
            assert_eq!(node_url(taken).unwrap(), taken);
        }
        for refused in ["", "127.0.0.1:8001", "http://", "http://host/rpc", "ftp://host", "http://host:1/?a"] {
            assert!(node_url(refused).is_err(), "{refused}");
        }
    }
}
