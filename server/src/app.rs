//! The running server's shared state.

use std::sync::Arc;

use axum::extract::FromRef;
use hub::board::HubIdentity;
use node::{Node, NodeHandle};
use shared::signing::PrivateKey;
use store::{Store, StoreOptions};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Callers;
use crate::clock;
use crate::config::{Config, DRAIN};
use crate::housekeeping;
use crate::hub::session::SessionHost;
use crate::hub::{self as hub_shell, HubHandle, Intake};
use crate::keys::KeyError;
use crate::metrics::Metrics;
use crate::rate_limits::{self, RateLimits};
use crate::settlement::Settlement;
use crate::status::Figures;
use crate::submit::Submission;
use crate::view::Views;
use crate::watch::JobWatch;

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
    pub metrics: Arc<Metrics>,
    pub rate_limits: Arc<dyn RateLimits>,
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
    #[error("another server runs on the data in {path}: stop it, or choose another folder with --data")]
    InUse { path: std::path::PathBuf },
    #[error("the chain does not start")]
    Node(#[from] node::NodeError),
    #[error("the validator's key does not fit the chain: {0}")]
    ValidatorKey(String),
}

/// The tasks behind an [`App`], to end in order.
pub struct Running {
    pub app: Arc<App>,
    node: Node,
    actor: JoinHandle<()>,
    stop_hub: CancellationToken,
    settlement: JoinHandle<()>,
}

impl App {
    /// Opens everything under the configuration's data folder and starts node, hub and settlement.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let folder = |source| StartError::Folder { path: config.data.clone(), source };
        std::fs::create_dir_all(&config.data).map_err(folder)?;
        let keys = config.keys.open(&config.data.join("keys"))?;
        let database = config.database();
        let store = Store::open(&StoreOptions {
            database: database.clone(),
            artifacts: config.artifacts(),
            hub_id: config.hub_id.clone(),
            max_pages: config.max_database_pages,
        })
        .await?;
        let node = crate::chain::start_node(&config, &keys)?;
        let identity = HubIdentity {
            hub_id: config.hub_id.clone(),
            chain_id: node.handle().chain_id(),
            minter: contracts::AI_TOKEN_MINTER_ADDRESS,
        };
        let metrics = Arc::new(Metrics::new());
        let (stop, stop_hub) = (CancellationToken::new(), CancellationToken::new());
        let (hub, actor) =
            hub_shell::start(store.clone(), identity.clone(), Arc::clone(&metrics), stop_hub.clone()).await?;
        let app = Arc::new(Self {
            identity,
            hub_key: keys.hub,
            rate_limits: rate_limits::for_database(&database, &store),
            store,
            hub,
            node: node.handle(),
            metrics,
            tasks: TaskTracker::new(),
            stop,
            config,
        });
        let settlement = tokio::spawn(app.settlement().run());
        app.tasks.spawn(housekeeping::run(app.store.clone(), app.stop.clone()));
        Ok(Running { app, node, actor, stop_hub, settlement })
    }

    pub fn views(&self) -> Views {
        Views { store: self.store.clone(), hub: self.hub.clone() }
    }

    pub fn watch(&self) -> JobWatch {
        JobWatch { views: self.views(), tasks: self.tasks.clone(), stop: self.stop.clone() }
    }

    pub fn figures(&self) -> Figures {
        Figures {
            store: self.store.clone(),
            hub: self.hub.clone(),
            node: self.node.clone(),
            identity: self.identity.clone(),
            attester: self.hub_key.address(),
            dev: self.config.keys.is_development(),
        }
    }

    fn callers(&self) -> Callers {
        Callers { store: self.store.clone(), behind_proxy: self.config.behind_proxy }
    }

    fn submission(&self) -> Submission {
        Submission {
            store: self.store.clone(),
            hub: self.hub.clone(),
            limits: self.config.limits,
            rate_limits: Arc::clone(&self.rate_limits),
            metrics: Arc::clone(&self.metrics),
            tasks: self.tasks.clone(),
            sponsor: self.hub_key.address(),
        }
    }

    fn intake(&self) -> Intake {
        Intake {
            hub: self.hub.clone(),
            store: self.store.clone(),
            hub_key: self.hub_key.clone(),
            tasks: self.tasks.clone(),
        }
    }

    fn session_host(&self) -> SessionHost {
        SessionHost {
            hub: self.hub.clone(),
            store: self.store.clone(),
            identity: self.identity.clone(),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        }
    }

    fn settlement(&self) -> Settlement {
        Settlement {
            store: self.store.clone(),
            hub: self.hub.clone(),
            node: self.node.clone(),
            hub_key: self.hub_key.clone(),
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
        }
    }
}

// What a handler may ask for by `State`.

impl FromRef<Arc<App>> for Views {
    fn from_ref(app: &Arc<App>) -> Self {
        app.views()
    }
}

impl FromRef<Arc<App>> for JobWatch {
    fn from_ref(app: &Arc<App>) -> Self {
        app.watch()
    }
}

impl FromRef<Arc<App>> for Figures {
    fn from_ref(app: &Arc<App>) -> Self {
        app.figures()
    }
}

impl FromRef<Arc<App>> for Callers {
    fn from_ref(app: &Arc<App>) -> Self {
        app.callers()
    }
}

impl FromRef<Arc<App>> for Submission {
    fn from_ref(app: &Arc<App>) -> Self {
        app.submission()
    }
}

impl FromRef<Arc<App>> for Intake {
    fn from_ref(app: &Arc<App>) -> Self {
        app.intake()
    }
}

impl FromRef<Arc<App>> for SessionHost {
    fn from_ref(app: &Arc<App>) -> Self {
        app.session_host()
    }
}

impl FromRef<Arc<App>> for HubHandle {
    fn from_ref(app: &Arc<App>) -> Self {
        app.hub.clone()
    }
}

impl Running {
    /// Ends the tasks: sessions first, then settlement, hub and node. What was acknowledged is on the disk already;
    /// what was only handed to the store is written before this returns.
    pub async fn stop(self) {
        let Self { app, node, actor, stop_hub, settlement } = self;
        app.stop.cancel();
        app.tasks.close();
        if tokio::time::timeout(DRAIN, app.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = app.tasks.len(), "sessions or streams did not end in time");
        }
        let _ = settlement.await;
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
