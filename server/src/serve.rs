//! Starts a server from its configuration, and stops it without losing anything.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Running, StartError};
use crate::config::{Config, DRAIN};
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

/// A server that listens, but does not answer yet.
pub struct Server {
    listener: TcpListener,
    running: Running,
}

impl Server {
    /// Binds the port first, so that a second server cannot touch the data of the first.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        let address = config.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => ServeError::PortInUse { host: address.ip(), port: address.port() },
            _ => ServeError::Listen { address, source },
        })?;
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
        let service =
            router(Arc::clone(&app)).map_err(StartError::from)?.into_make_service_with_connect_info::<SocketAddr>();
        let stopping = app.stop.clone();
        let serve = axum::serve(self.listener, service).with_graceful_shutdown(stopping.clone().cancelled_owned());
        let mut serving = tokio::spawn(async move { serve.await });
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
                        Ok(Ok(()))
                    }
                }
            }
        };
        self.running.stop().await;
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ServeError::Serve(error)),
            Err(error) => Err(ServeError::Serve(std::io::Error::other(error))),
        }
    }
}
