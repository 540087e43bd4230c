//! The running server's shared state.

use std::sync::Arc;

use axum::extract::FromRef;
use custody::sealed::SealedError;
use hub::board::HubIdentity;
use indexer::Indexer;
use node::{Allowance, Lane, Node, NodeHandle};
use shared::Address;
use shared::signing::PrivateKey;
use shared::time::UnixMillis;
use store::{Store, StoreOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin, Operators};
use crate::admission::{Admission, RPC_UNITS_PER_ADDRESS};
use crate::arriving_bodies::BodyBounds;
use crate::auth::{Callers, Visitor};
use crate::bids::{self, Bids};
use crate::bounties::Bounties;
use crate::chain::{Following, StartedNode};
use crate::clock;
use crate::config::{Config, DRAIN, MarketMaker};
use crate::demand::Demand;
use crate::disk;
use crate::exchange::{self, ExchangeAccess, ExchangeError, ExchangeHandle, RunningDesk};
use crate::follow::{self, FollowState};
use crate::housekeeping;
use crate::hub::session::SessionHost;
use crate::hub::{self as hub_shell, HubHandle, HubSeal, Intake};
use crate::keys::{self, KeyError};
use crate::large_bodies::LargeBodies;
use crate::log::Logs;
use crate::low_priority::LowPriority;
use crate::marketplace::MarketplaceFigures;
use crate::metrics::Metrics;
use crate::network::NetworkFileError;
use crate::node_lanes::NodeLanes;
use crate::origins::OwnOrigins;
use crate::pins::PinsError;
use crate::quotes::Quotes;
use crate::rate_limits::{self, AddressUnits, RateLimits};
use crate::reads::Reads;
use crate::search::Search;
use crate::settlement::Settlement;
use crate::shares::Shares;
use crate::sign_in::SignIns;
use crate::sign_in::nonce::NonceKey;
use crate::sign_in::second_factor::{SecondFactorSeal, SecondFactors};
use crate::status::Figures;
use crate::stuck::Stuck;
use crate::submit::Submission;
use crate::unread_answers::UnreadAnswers;
use crate::upstream;
use crate::verification::{CompilerError, Compilers, Verifications};
use crate::view::Views;
use crate::watch::JobWatch;
use crate::webhooks::destination::Reach;
use crate::webhooks::{self, WebhookAccess};

/// One running server: handlers, pages and tasks share it.
///
/// Routes, start and stop, and the operators' checks know this type. All other handlers, the pages and the tasks get the
/// narrow structs that its functions make, each with what its work needs.
pub struct App {
    pub config: Config,
    /// What this hub puts into receipts.
    pub identity: HubIdentity,
    /// Attests receipts and sends the mint transactions; clients of sponsored jobs go by its address.
    pub hub_key: PrivateKey,
    pub store: Store,
    pub hub: HubHandle,
    pub node: NodeHandle,
    /// The exchange of this chain, or why this server does not operate it.
    pub exchange: Result<ExchangeHandle, ExchangeError>,
    /// The account of a market maker that the operator runs.
    pub(crate) market_maker: Option<Address>,
    pub(crate) feed_readers: Arc<Shares>,
    pub metrics: Arc<Metrics>,
    pub rate_limits: Arc<dyn RateLimits>,
    pub(crate) body_bounds: BodyBounds,
    pub large_bodies: LargeBodies,
    pub(crate) unread_answers: UnreadAnswers,
    pub rpc_units: Arc<AddressUnits>,
    pub(crate) reads: Reads,
    pub(crate) node_lanes: NodeLanes,
    /// Shared, so that what it keeps is made once.
    pub(crate) marketplace: MarketplaceFigures,
    /// Counts what nobody could serve; shared, so that an asker counts once.
    pub(crate) demand: Demand,
    /// Rings when a client leaves a bid.
    pub(crate) bids_bell: Arc<Notify>,
    /// Counts what did not move on by itself.
    pub stuck: Stuck,
    /// How following goes, where others keep the chain.
    pub(crate) follow: Option<FollowState>,
    pub origins: OwnOrigins,
    pub operators: Operators,
    /// Operators change one thing after the other.
    pub(crate) operators_turn: Arc<tokio::sync::Mutex<()>>,
    pub(crate) started_at: UnixMillis,
    /// Sources of contracts.
    pub(crate) verifications: Verifications,
    pub nonces: NonceKey,
    pub(crate) second_factor_seal: SecondFactorSeal,
    /// Sessions, streams and intakes that a stop waits for.
    pub tasks: TaskTracker,
    /// Canceled once, when the server begins to stop.
    pub stop: CancellationToken,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the folder {path} cannot be made")]
    Folder { path: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error("the system has no threads to give")]
    Threads(#[source] std::io::Error),
    #[error("another server runs on the data in {path}: stop it, or choose another folder with --data")]
    InUse { path: std::path::PathBuf },
    #[error(
        "the chain in {path} began from a snapshot of block {height}; pages and exchange need all blocks before: run it with \
         `aitbc node follow` or `aitbc node start`, or choose another folder with --data"
    )]
    FromSnapshot { path: std::path::PathBuf, height: u64 },
    #[error(transparent)]
    Pins(#[from] PinsError),
    #[error(transparent)]
    Network(#[from] NetworkFileError),
    #[error(
        "genesis.json is of the chain {stated}, and this server is to keep the chain {wanted}: `aitbc up` keeps the development chain, `aitbc serve --chain-id` another"
    )]
    OtherChainId { stated: u64, wanted: u64 },
    #[error(
        "the hub's key has the address {hub}, which is no attester of this chain: its receipts could not be minted. Who \
         manages the attesters admits it: `aitbc attester add WALLET {hub}`, and then start again; a node without a hub \
         starts with `aitbc node start`"
    )]
    NotAttester { hub: Address },
    #[error("there are no keys of a chain, and no --chain-from names nodes that keep one")]
    NoChain,
    #[error("the chain does not start")]
    Node(#[from] node::NodeError),
    #[error("the seal of second factors: {0}")]
    Seal(#[from] SealedError),
    #[error("the validator's key does not fit the chain: {0}")]
    ValidatorKey(String),
    #[error(transparent)]
    Compiler(#[from] CompilerError),
    #[error("the chain has no validators: {0}")]
    Validators(node::chain::ValidatorSetError),
}

/// The tasks behind an [`App`], to end in order.
pub struct Running {
    pub app: Arc<App>,
    node: Node,
    actor: JoinHandle<()>,
    stop_hub: CancellationToken,
    settlement: JoinHandle<()>,
    desk: Option<RunningDesk>,
}

impl App {
    /// Opens everything under the configuration's data folder and starts node, hub and settlement.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let pinned = config.pins.load()?;
        let folder = |source| StartError::Folder { path: config.data.clone(), source };
        std::fs::create_dir_all(&config.data).map_err(folder)?;
        let compilers = Compilers::open(&config.compilers, &config.data).await?;
        let keys = config.keys.open(&config.keys_folder(), config.chain_from.is_none())?;
        let market_maker = match config.exchange.market_maker {
            MarketMaker::None => None,
            MarketMaker::At(address) => Some(address),
            MarketMaker::Development => Some(keys::development_market_maker(&config.keys_folder())?.address()),
        };
        let database = config.database();
        let store = Store::open(&StoreOptions {
            database: database.clone(),
            artifacts: config.artifacts(),
            hub_id: config.hub_id.clone(),
            max_pages: config.max_database_pages,
        })
        .await?;
        let StartedNode { node, following } = crate::chain::start_node(&config, &keys)?;
        disk::look(&config.data, &node.handle());
        if let Some(following) = &following {
            catch_up(&node.handle(), &following.urls).await;
        }
        require_attester(&node.handle(), keys.hub.address()).await?;
        let follow = following.as_ref().map(|_| FollowState::default());
        let identity = HubIdentity {
            hub_id: config.hub_id.clone(),
            chain_id: node.handle().chain_id(),
            minter: contracts::AI_TOKEN_MINTER_ADDRESS,
            escrow: contracts::JOB_ESCROW_ADDRESS,
            attester: keys.hub.address(),
        };
        let metrics = Arc::new(Metrics::new());
        let (stop, stop_hub) = (CancellationToken::new(), CancellationToken::new());
        let (hub, actor) = hub_shell::start(
            store.clone(),
            identity.clone(),
            pinned,
            Arc::clone(&metrics),
            hub::audit::Draws { audits: config.audits, controls: config.controls },
            HubSeal { key: keys.hub.clone(), chain_id: identity.chain_id },
            stop_hub.clone(),
        )
        .await?;
        let is_development = config.keys.is_development();
        let own_operator = keys.chain.as_ref().filter(|_| is_development).map(|chain| chain.admin);
        let (exchange, desk) = open_exchange(&config, &store, &node.handle()).await;
        let stuck = Stuck::new(store.clone(), node.handle(), identity.attester, Arc::clone(&metrics));
        let tasks = TaskTracker::new();
        let low_priority = LowPriority::start().map_err(StartError::Threads)?;
        let strangers = node.handle().in_lane(Lane::Stranger);
        let verifications = Verifications::new(store.clone(), strangers, compilers, tasks.clone(), stop.clone());
        let app = Arc::new(Self {
            stuck,
            verifications,
            follow,
            bids_bell: Arc::default(),
            demand: Demand::new(store.clone(), tasks.clone()),
            marketplace: MarketplaceFigures::new(store.clone(), hub.clone()),
            exchange,
            market_maker,
            feed_readers: exchange::reader_places(),
            identity,
            second_factor_seal: SecondFactorSeal::of_hub(&keys.hub)?,
            hub_key: keys.hub,
            rate_limits: rate_limits::for_database(&database, &store),
            body_bounds: BodyBounds::new(config.connections.body),
            large_bodies: LargeBodies::default(),
            unread_answers: UnreadAnswers::default(),
            rpc_units: Arc::new(AddressUnits::new(RPC_UNITS_PER_ADDRESS)),
            reads: Reads::new(low_priority.clone()),
            node_lanes: NodeLanes::new(low_priority),
            origins: OwnOrigins::new(&config.own_origins),
            operators: Operators::new(config.operators.iter().copied().chain(own_operator)),
            operators_turn: Arc::default(),
            started_at: clock::now(),
            nonces: NonceKey::from_random(clock::random_bytes()),
            store,
            hub,
            node: node.handle(),
            metrics,
            tasks,
            stop,
            config,
        });
        let settlement = tokio::spawn(app.settlement().run());
        if let (Some(Following { urls, queue }), Some(state)) = (following, app.follow.clone()) {
            let (node, interval) = (app.node.clone(), follow::HUB_POLL_INTERVAL);
            app.tasks.spawn(follow::run(node, urls.clone(), interval, state, app.stop.clone()));
            app.tasks.spawn(upstream::run(queue, urls, app.stop.clone()));
        }
        app.tasks.spawn(Indexer::new(app.node.clone(), app.store.clone()).run(app.stop.clone()));
        app.tasks.spawn(housekeeping::run(app.store.clone(), app.hub.clone(), app.config.keeping, app.stop.clone()));
        app.tasks.spawn(bids::run(Bids::from_ref(&app), app.stop.clone()));
        app.tasks.spawn(webhooks::run(app.webhooks(), app.stop.clone()));
        app.tasks.spawn(app.stuck.clone().run(app.stop.clone()));
        app.tasks.spawn(disk::watch(app.config.data.clone(), app.node.clone(), app.stop.clone()));
        Ok(Running { app, node, actor, stop_hub, settlement, desk })
    }

    pub fn views(&self) -> Views {
        Views { store: self.store.clone(), hub: self.hub.clone() }
    }

    pub(crate) fn webhooks(&self) -> WebhookAccess {
        // A server with a name of its own is asked by others, whatever stands in front of it.
        let has_name = !self.config.own_origins.is_empty() || !self.config.worker_addresses.is_empty();
        let is_local = self.config.listen.ip().is_loopback() && !self.config.behind_proxy && !has_name;
        let reach = if is_local { Reach::ThisMachine } else { Reach::Public };
        WebhookAccess { store: self.store.clone(), reach }
    }

    pub(crate) fn search(&self) -> Search {
        Search { store: self.store.clone(), node: self.node.clone(), marketplace: self.marketplace.clone() }
    }

    pub(crate) fn bounties(&self) -> Bounties {
        Bounties { node: self.node.clone(), marketplace: self.marketplace.clone(), demand: self.demand.clone() }
    }

    pub fn watch(&self) -> JobWatch {
        JobWatch { views: self.views(), tasks: self.tasks.clone(), stop: self.stop.clone() }
    }

    pub fn logs(&self) -> Logs {
        Logs { store: self.store.clone(), identity: self.identity.clone(), hub_key: self.hub_key.clone() }
    }

    pub fn figures(&self) -> Figures {
        Figures {
            store: self.store.clone(),
            hub: self.hub.clone(),
            node: self.node.clone(),
            stuck: self.stuck.clone(),
            identity: self.identity.clone(),
            attester: self.hub_key.address(),
            dev: self.config.keys.is_development(),
        }
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin {
            views: self.views(),
            figures: self.figures(),
            data: self.config.data.clone(),
            disk_floor_bytes: self.config.disk_floor_bytes,
            limits: admin::limits(&self.config),
            started_at: self.started_at,
            turn: Arc::clone(&self.operators_turn),
        }
    }

    /// What is left of `/rpc` for a visitor.
    pub(crate) fn allowance(&self, visitor: &Visitor) -> Allowance {
        let (units, address) = (Arc::clone(&self.rpc_units), visitor.address.clone());
        Allowance::new(&visitor.address, move |wanted| units.take(&address, wanted, clock::now()))
    }

    pub(crate) fn callers(&self) -> Callers {
        Callers { store: self.store.clone(), origins: self.origins.clone(), behind_proxy: self.config.behind_proxy }
    }

    pub(crate) fn submission(&self) -> Submission {
        Submission {
            store: self.store.clone(),
            hub: self.hub.clone(),
            node: self.node.clone(),
            limits: self.config.limits,
            rate_limits: Arc::clone(&self.rate_limits),
            metrics: Arc::clone(&self.metrics),
            tasks: self.tasks.clone(),
            sponsor: self.hub_key.address(),
            demand: self.demand.clone(),
            quotes: Quotes {
                hub_key: self.hub_key.clone(),
                hub: self.hub.clone(),
                node: self.node.clone(),
                store: self.store.clone(),
            },
        }
    }

    pub(crate) fn sign_ins(&self) -> SignIns {
        SignIns {
            store: self.store.clone(),
            node: self.node.clone().in_lane(Lane::Stranger),
            nonces: self.nonces.clone(),
            origins: self.origins.clone(),
        }
    }

    pub(crate) fn second_factors(&self) -> SecondFactors {
        SecondFactors { store: self.store.clone(), seal: self.second_factor_seal.clone() }
    }

    pub(crate) fn intake(&self) -> Intake {
        Intake {
            hub: self.hub.clone(),
            store: self.store.clone(),
            hub_key: self.hub_key.clone(),
            tasks: self.tasks.clone(),
        }
    }

    pub(crate) fn admission(&self) -> Admission {
        Admission {
            rate_limits: Arc::clone(&self.rate_limits),
            images_per_key_per_minute: self.config.limits.images_per_key_per_minute,
        }
    }

    pub(crate) fn session_host(&self) -> SessionHost {
        SessionHost {
            new_miners: Arc::new(self.admission()),
            hub: self.hub.clone(),
            store: self.store.clone(),
            identity: self.identity.clone(),
            named: [&self.origins.hosts_and_ports()[..], &self.config.worker_addresses].concat().into(),
            metrics: Arc::clone(&self.metrics),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        }
    }

    pub(crate) fn exchange_access(&self) -> ExchangeAccess {
        ExchangeAccess {
            handle: self.exchange.clone(),
            store: self.store.clone(),
            node: self.node.clone().in_lane(Lane::Wallet),
            operator: self.hub_key.address(),
            market_maker: self.market_maker,
            readers: Arc::clone(&self.feed_readers),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        }
    }

    fn settlement(&self) -> Settlement {
        Settlement {
            exchange: self.exchange.clone().ok(),
            store: self.store.clone(),
            hub: self.hub.clone(),
            node: self.node.clone().in_lane(Lane::Settlement),
            hub_key: self.hub_key.clone(),
            upkeep: self.config.upkeep,
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
        }
    }
}

/// A chain that cannot be followed now counts as it was last.
async fn catch_up(node: &NodeHandle, urls: &[String]) {
    if let Some(fault) = follow::catch_up(node, urls).await {
        tracing::warn!(fault, "the chain cannot be followed yet");
    }
}

/// Receipts of a hub that the minter does not know would be refused for good, so it attests none.
async fn require_attester(node: &NodeHandle, hub: Address) -> Result<(), StartError> {
    match node.is_attester(hub).await? {
        true => Ok(()),
        false => Err(StartError::NotAttester { hub }),
    }
}

/// An exchange that does not open keeps nothing else from running: its routes and the health check say why.
async fn open_exchange(
    config: &Config,
    store: &Store,
    node: &NodeHandle,
) -> (Result<ExchangeHandle, ExchangeError>, Option<RunningDesk>) {
    if !config.exchange.operates {
        return (Err(ExchangeError::Absent), None);
    }
    match exchange::start(&config.data, config.exchange.policy.as_deref(), store.clone(), node.clone()).await {
        Ok(Some((handle, desk))) => (Ok(handle), Some(desk)),
        Ok(None) => (Err(ExchangeError::Absent), None),
        Err(error) => {
            tracing::error!(%error, "the exchange does not open");
            (Err(ExchangeError::Fault(error.to_string())), None)
        }
    }
}

impl Running {
    /// Ends the tasks: sessions first, then settlement, hub and node. What was acknowledged is on the disk already;
    /// what was only handed to the store is written before this returns.
    pub async fn stop(self) {
        let Self { app, node, actor, stop_hub, settlement, desk } = self;
        app.stop.cancel();
        app.tasks.close();
        if tokio::time::timeout(DRAIN, app.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = app.tasks.len(), "sessions or streams did not end in time");
        }
        let _ = settlement.await;
        if let Some(desk) = desk {
            desk.stop().await;
        }
        stop_hub.cancel();
        let _ = actor.await;
        // The last of the writes: what came before it is on the disk when it is.
        if let Err(error) = housekeeping::forget_expired(&app.store, clock::now()).await {
            tracing::warn!(%error, "the last writes may be missing");
        }
        match tokio::task::spawn_blocking(move || node.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the node did not stop cleanly"),
            Err(error) => tracing::error!(%error, "the node did not stop cleanly"),
        }
    }
}
