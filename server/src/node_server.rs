//! A node without a hub: JSON-RPC, the chain as REST and health checks on one port.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use hub::quota::address_class;
use node::{Allowance, Node, NodeHandle};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::admission::RPC_UNITS_PER_ADDRESS;
use crate::app::StartError;
use crate::arriving_bodies::{self, BodyBounds};
use crate::config::{ConnectionLimits, DRAIN};
use crate::connections::{self, Places};
use crate::error::ApiError;
use crate::follow::FollowState;
use crate::low_priority::LowPriority;
use crate::node_lanes::NodeLanes;
use crate::rate_limits::AddressUnits;
use crate::serve::{ServeError, listen};
use crate::unread_answers::UnreadAnswers;
use crate::{clock, disk, middleware};

/// A node that listens, but does not answer yet.
pub(crate) struct NodeServer {
    listener: TcpListener,
    node: Node,
    folder: PathBuf,
    state: NodeState,
}

/// What requests need.
#[derive(Clone)]
struct NodeState {
    node: NodeHandle,
    /// How following goes, where the node follows.
    follow: Option<FollowState>,
    units: Arc<AddressUnits>,
    body_bounds: BodyBounds,
    unread_answers: UnreadAnswers,
    lanes: NodeLanes,
    stop: CancellationToken,
}

impl NodeServer {
    /// Binds the port, and only then opens the node's folder: a second process must not touch the data of the first.
    pub(crate) async fn start(
        address: SocketAddr,
        folder: PathBuf,
        follow: Option<FollowState>,
        open: impl FnOnce() -> Result<Node, StartError>,
    ) -> Result<Self, ServeError> {
        let listener = listen(address).await?;
        let node = open()?;
        disk::look(&folder, &node.handle());
        let state = NodeState {
            node: node.handle(),
            follow,
            units: Arc::new(AddressUnits::new(RPC_UNITS_PER_ADDRESS)),
            body_bounds: BodyBounds::new(ConnectionLimits::default().body),
            unread_answers: UnreadAnswers::default(),
            lanes: NodeLanes::new(LowPriority::start().map_err(StartError::Threads)?),
            stop: CancellationToken::new(),
        };
        Ok(Self { listener, node, folder, state })
    }

    pub(crate) fn node(&self) -> NodeHandle {
        self.node.handle()
    }

    /// The address that is really listened on.
    pub(crate) fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::Serve)
    }

    /// Answers until `stop` is canceled, then finishes what is in flight.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), ServeError> {
        let Self { listener, node, folder, state } = self;
        let router = router(&state).map_err(StartError::from)?;
        let (places, stopping) = (Places::new(ConnectionLimits::default(), false), state.stop.clone());
        let watching = tokio::spawn(disk::watch(folder, node.handle(), stopping.clone()));
        let mut serving = tokio::spawn(connections::serve(listener, router, places, stopping.clone()));
        tokio::select! {
            _ = &mut serving => {}
            () = stop.cancelled() => {}
        }
        stopping.cancel();
        if !serving.is_finished() && tokio::time::timeout(DRAIN, &mut serving).await.is_err() {
            tracing::warn!("requests were still in flight after {} s", DRAIN.as_secs());
            serving.abort();
        }
        // It ends by itself; that it panicked would have been logged.
        let _ = watching.await;
        match tokio::task::spawn_blocking(move || node.shutdown()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ServeError::Serve(std::io::Error::other(error))),
            Err(error) => Err(ServeError::Serve(std::io::Error::other(error))),
        }
    }
}

fn router(state: &NodeState) -> Result<Router, node::NodeError> {
    let operations = Router::new()
        .route("/health", get(ready))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(state.clone());
    Ok(node::router(state.node.clone())?
        .layer(from_fn_with_state(state.clone(), allow_calls))
        .layer(from_fn_with_state(state.clone(), in_lane))
        .merge(operations)
        .layer(CatchPanicLayer::custom(middleware::answer_panic))
        .layer(from_fn_with_state(state.clone(), bound_body))
        .layer(from_fn_with_state(state.clone(), bound_answer)))
}

/// Says of a request whose it is, so that each of its calls counts.
async fn allow_calls(
    State(state): State<NodeState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let (units, address) = (state.units, address_class(peer.ip()));
    let allowance = Allowance::new(&address.clone(), move |wanted| units.take(&address, wanted, clock::now()));
    request.extensions_mut().insert(allowance);
    next.run(request).await
}

async fn in_lane(
    State(state): State<NodeState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    state.lanes.serve(&address_class(peer.ip()), request, next).await
}

async fn bound_body(
    State(state): State<NodeState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    arriving_bodies::bound(state.body_bounds, address_class(peer.ip()), request, next).await
}

async fn bound_answer(
    State(state): State<NodeState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    state.unread_answers.bound(&address_class(peer.ip()), request, next).await
}

async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The chain answers, blocks can be made or are followed, and the node is not stopping.
async fn ready(State(state): State<NodeState>) -> Result<Json<Value>, ApiError> {
    if state.stop.is_cancelled() {
        return Err(ApiError::Unavailable("the node is stopping".to_owned()));
    }
    let head = state.node.head()?;
    if let Some(reason) = state.node.why_no_blocks()? {
        return Err(ApiError::Unavailable(format!("the node makes no blocks: {reason}")));
    }
    if let Some(fault) = state.follow.as_ref().and_then(FollowState::fault) {
        return Err(ApiError::Unavailable(format!("the node does not follow: {fault}")));
    }
    let behind_blocks = state.follow.as_ref().map_or(0, FollowState::behind_blocks);
    Ok(Json(json!({ "status": "ok", "head_number": head.number, "behind_blocks": behind_blocks })))
}
