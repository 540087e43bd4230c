//! Following a chain: asks other nodes for blocks, and hands them to this one, which checks and executes each.

use std::time::{Duration, Instant};

use alloy_primitives::{B256, Bytes};
use node::chain::{CertificateError, ChainError, ReceivedBlock};
use node::{NodeError, NodeHandle};
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio_util::sync::CancellationToken;
use ureq::Agent;

use self::state::Round;
use self::turns::{Seen, Source, due};

mod fork;
mod state;
mod turns;

pub(crate) use self::state::FollowState;

/// How often the others are asked where there was nothing new, by a node that only keeps a copy.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The same, by the node of a hub, whose clients wait for blocks.
pub(crate) const HUB_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long all answers of a node's turn may take together. So long it keeps the others waiting.
const TURN_MAX: Duration = Duration::from_secs(30);

/// How long a node may take to say which block is its last.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a hub that starts waits for the blocks that others have.
const CATCH_UP_MAX: Duration = Duration::from_secs(300);

/// A node ends a range with the block that makes it this large.
const RANGE_BYTES: usize = 4 << 20;

/// Largest answer that is read: a range and its last block, which has some 10 MB, as hexadecimal digits.
const ANSWER_MAX_BYTES: u64 = 32 << 20;

/// Blocks asked for at once, as many as a node gives.
const BLOCKS_AT_ONCE: u64 = 100;

/// Why a node cannot be followed now.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("{url} does not answer: {source}")]
    NoAnswer { url: String, source: Box<ureq::Error> },
    #[error("{url} serves the chain with genesis {theirs}, and this node keeps the one with genesis {ours}")]
    OtherChain { url: String, theirs: B256, ours: B256 },
    #[error("{url} kept this node waiting for {seconds} s in one turn")]
    TooSlow { url: String, seconds: u64 },
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
    #[error("what {url} gives at height {number} is block {given}")]
    Misplaced { url: String, number: u64, given: u64 },
    #[error("{0}")]
    Node(#[from] NodeError),
    #[error("a task of this program ended: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Asks these nodes, one after another, until `stop` is canceled. Which of them answers makes no difference: nothing is
/// believed that a quorum has not signed. Each gives a range of blocks in its turn, so that one which holds blocks back keeps none
/// away, and one which is on another branch is noticed.
pub(crate) async fn run(
    node: NodeHandle,
    urls: Vec<String>,
    poll_interval: Duration,
    state: FollowState,
    stop: CancellationToken,
) {
    let mut following = Following::of(node, &urls, TURN_MAX);
    let rounds = async {
        loop {
            let round = following.round().await;
            state.set(&round, Instant::now());
            if !round.has_advanced || round.behind_blocks == 0 {
                tokio::time::sleep(poll_interval).await;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = rounds => {}
    }
}

/// Takes the blocks that these nodes have now, as long as they give any, but no longer than [`CATCH_UP_MAX`]; what keeps blocks
/// away, where something does.
pub(crate) async fn catch_up(node: &NodeHandle, urls: &[String]) -> Option<String> {
    let mut following = Following::of(node.clone(), urls, TURN_MAX);
    let rounds = async {
        loop {
            let round = following.round().await;
            if !round.has_advanced || round.behind_blocks == 0 {
                return round.fault;
            }
        }
    };
    let in_time = tokio::time::timeout(CATCH_UP_MAX, rounds).await;
    in_time.unwrap_or_else(|_| Some(format!("the nodes have more blocks after {} s", CATCH_UP_MAX.as_secs())))
}

/// The nodes that are asked, by the node that takes what they have.
struct Following {
    node: NodeHandle,
    agent: Agent,
    sources: Vec<Source>,
    turn_max: Duration,
}

impl Following {
    fn of(node: NodeHandle, urls: &[String], turn_max: Duration) -> Self {
        let agent = Agent::config_builder().build().into();
        Self { node, agent, sources: Source::all(urls), turn_max }
    }

    /// Gives each node a turn. What is not followed is a fault where no node could be, and where a node has another branch.
    async fn round(&mut self) -> Round {
        let mut has_advanced = false;
        // Where the head cannot be read, no node can be followed, and the round tells why.
        let head = self.node.head().map_or(u64::MAX, |head| head.number);
        for place in due(&self.sources, head, Instant::now()) {
            let Some(source) = self.sources.get_mut(place) else { continue };
            let mut asked = Asked::new(&self.agent, &source.url, self.turn_max);
            let (turn, taken) = take_turn(&self.node, &mut asked).await;
            has_advanced |= taken > 0;
            let waited = asked.waited();
            source.end_turn(seen(turn), waited, Instant::now());
        }
        self.judge(has_advanced)
    }

    fn judge(&self, has_advanced: bool) -> Round {
        let seen = || self.sources.iter().map(|source| &source.last);
        let is_told = seen().any(|last| last.is_forked) || seen().all(|last| last.fault.is_some());
        let faults: Vec<&str> = seen().filter_map(|last| last.fault.as_deref()).collect();
        let highest = seen().filter_map(|last| last.height).max().unwrap_or_default();
        match self.node.head() {
            Ok(head) => Round {
                fault: is_told.then(|| faults.join("; ")),
                behind_blocks: highest.saturating_sub(head.number),
                has_advanced,
            },
            Err(error) => Round { fault: Some(error.to_string()), ..Round::default() },
        }
    }
}

fn seen(turn: Result<u64, FollowError>) -> Seen {
    match turn {
        Ok(height) => Seen { height: Some(height), ..Seen::default() },
        Err(error) => {
            Seen { height: None, is_forked: matches!(error, FollowError::Fork { .. }), fault: Some(error.to_string()) }
        }
    }
}

#[derive(Debug, Deserialize)]
struct Head {
    genesis_hash: B256,
    number: u64,
    hash: B256,
}

#[derive(Debug, Deserialize)]
struct Blocks {
    #[serde(deserialize_with = "no_more_than_asked")]
    blocks: Vec<Bytes>,
}

/// Stops at the first block too many, since an empty one takes more memory than its text.
fn no_more_than_asked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Bytes>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Vec<Bytes>;

        fn expecting(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(formatter, "a list of at most {BLOCKS_AT_ONCE} blocks")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Bytes>, A::Error> {
            let mut blocks = Vec::new();
            while let Some(block) = list.next_element()? {
                if blocks.len() as u64 == BLOCKS_AT_ONCE {
                    return Err(A::Error::custom(format!("`blocks` has more than {BLOCKS_AT_ONCE} blocks")));
                }
                blocks.push(block);
            }
            Ok(blocks)
        }
    }

    deserializer.deserialize_seq(List)
}

/// Takes one range of blocks of a node, or compares chains where it has none that is missing here. The height that it names, or why
/// it is not followed; and how many blocks were taken.
async fn take_turn(node: &NodeHandle, asked: &mut Asked<'_>) -> (Result<u64, FollowError>, u64) {
    let mut taken = 0;
    let turn = async {
        let head = asked.head().await?;
        if head.genesis_hash != node.genesis_hash() {
            let (theirs, ours) = (head.genesis_hash, node.genesis_hash());
            return Err(FollowError::OtherChain { url: asked.url(), theirs, ours });
        }
        let wanted = node.head()?.number + 1;
        if wanted > head.number {
            fork::compare(node, asked, head.number, head.hash).await?;
            return Ok(head.number);
        }
        take_range(node, asked, wanted, head.number, &mut taken).await?;
        tracing::info!(height = node.head()?.number, of = head.number, url = asked.url(), "followed");
        Ok(head.number)
    };
    let outcome = turn.await;
    (outcome, taken)
}

/// Takes the blocks from `wanted` on that a node gives at once, of those that it claims.
async fn take_range(
    node: &NodeHandle,
    asked: &mut Asked<'_>,
    wanted: u64,
    claimed: u64,
    taken: &mut u64,
) -> Result<(), FollowError> {
    let last = claimed.min(wanted + BLOCKS_AT_ONCE - 1);
    let answer: Blocks = asked.get(format!("/rpc/blocks-range/decided?from={wanted}&to={last}")).await?;
    let bytes: usize = answer.blocks.iter().map(|block| block.len()).sum();
    let is_cut = (answer.blocks.len() as u64) < last - wanted + 1 && bytes < RANGE_BYTES;
    for (number, encoded) in (wanted..=last).zip(answer.blocks) {
        let Err(error) = node.import(decode(asked.url, number, &encoded)?).await else {
            *taken += 1;
            continue;
        };
        if error.is_retryable() {
            return Err(error.into());
        }
        if matches!(&error, NodeError::Chain(ChainError::NotOnHead { .. })) {
            // A quorum signed it, so that the block before it is another than here.
            fork::look(node, asked, number - 1).await?;
        }
        return Err(FollowError::Refused { url: asked.url(), number, reason: error.to_string() });
    }
    match is_cut {
        true => Err(FollowError::Withheld { url: asked.url(), claimed, wanted: wanted + *taken }),
        false => Ok(()),
    }
}

/// The block that a node gives at a height.
fn decode(url: &str, number: u64, encoded: &[u8]) -> Result<ReceivedBlock, FollowError> {
    let received = read_block(url, number, encoded)?;
    match received.header().number {
        given if given == number => Ok(received),
        // One that is here already would pass for a new one.
        given => Err(FollowError::Misplaced { url: url.to_owned(), number, given }),
    }
}

/// A block and nothing else: bytes after it would make a range look as large as one that a node ends early.
fn read_block(url: &str, number: u64, encoded: &[u8]) -> Result<ReceivedBlock, FollowError> {
    let no_block = |reason| FollowError::NoBlock { url: url.to_owned(), number, reason };
    let mut bytes = encoded;
    let received = ReceivedBlock::decode(&mut bytes).map_err(no_block)?;
    match bytes.len() {
        0 => Ok(received),
        left => Err(no_block(ChainError::MalformedBlock(format!("{left} bytes follow the block")))),
    }
}

/// A node in its turn.
struct Asked<'a> {
    agent: &'a Agent,
    url: &'a str,
    turn_max: Duration,
    /// How long it may still keep this node waiting in its turn.
    left: Duration,
}

impl<'a> Asked<'a> {
    fn new(agent: &'a Agent, url: &'a str, turn_max: Duration) -> Self {
        Self { agent, url, turn_max, left: turn_max }
    }

    fn url(&self) -> String {
        self.url.to_owned()
    }

    fn waited(&self) -> Duration {
        self.turn_max.saturating_sub(self.left)
    }

    async fn head(&mut self) -> Result<Head, FollowError> {
        self.get_within(HEAD_TIMEOUT, "/rpc/head".to_owned()).await
    }

    async fn get<T: DeserializeOwned + Send + 'static>(&mut self, path: String) -> Result<T, FollowError> {
        self.get_within(self.left, path).await
    }

    async fn get_within<T: DeserializeOwned + Send + 'static>(
        &mut self,
        timeout: Duration,
        path: String,
    ) -> Result<T, FollowError> {
        if self.left.is_zero() {
            return Err(FollowError::TooSlow { url: self.url(), seconds: self.turn_max.as_secs() });
        }
        let (agent, url) = (self.agent.clone(), self.url.trim_end_matches('/').to_owned());
        let (timeout, began) = (timeout.min(self.left), Instant::now());
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
        let answer = asking.await;
        self.left = self.left.saturating_sub(began.elapsed());
        answer?
    }
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
    use super::{Blocks, node_url};

    #[test]
    fn a_list_of_blocks_ends_where_it_has_more_than_was_asked_for() {
        let read = |count| serde_json::from_value::<Blocks>(serde_json::json!({ "blocks": vec!["0x"; count] }));
        assert_eq!(read(100).unwrap().blocks.len(), 100);
        assert!(read(101).unwrap_err().to_string().contains("more than 100 blocks"));
        assert!(serde_json::from_str::<Blocks>(r#"{ "blocks": "0x" }"#).is_err());
    }

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
