//! Starts a server from its configuration, and stops it without losing anything.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Running, StartError};
use crate::config::{Config, DRAIN};
use crate::connections::{self, Places};
use crate::router::router;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("port {port} on {host} is in use: stop the other program or choose another port with --port")]
    PortInUse { host: std::net::IpAddr, port: u16 },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the server failed: {0}")]
    Serve(std::io::Error),
}

/// Takes the port of an address.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => ServeError::PortInUse { host: address.ip(), port: address.port() },
        _ => ServeError::Listen { address, source },
    })
}

/// A server that listens, but does not answer yet.
pub struct Server {
    listener: TcpListener,
    running: Running,
}

impl Server {
    /// Binds the port first, so that a second server cannot touch the data of the first.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        let listener = listen(config.listen).await?;
        Ok(Self { listener, running: App::start(config).await? })
    }

    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.running.app)
    }

    /// The address that is really listened on; port 0 in the configuration picks a free one.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::Serve)
    }

    /// Answers until `stop` is canceled, then finishes what is in flight.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServeError> {
        let app = self.app();
        let router = router(Arc::clone(&app)).map_err(StartError::from)?;
        let places = Places::new(app.config.connections, app.config.behind_proxy);
        let stopping = app.stop.clone();
        let mut serving = tokio::spawn(connections::serve(self.listener, router, places, stopping.clone()));
        let result = tokio::select! {
            ended = &mut serving => ended,
            () = stop.cancelled() => {
                // Sessions, streams and long polls see this and end; new connections are no longer taken.
                stopping.cancel();
                match tokio::time::timeout(DRAIN, &mut serving).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        tracing::warn!("requests were still in flight after {} s", DRAIN.as_secs());
                        serving.abort();
                        Ok(())
                    }
                }
            }
        };
        self.running.stop().await;
        result.map_err(|error| ServeError::Serve(std::io::Error::other(error)))
    }
}
