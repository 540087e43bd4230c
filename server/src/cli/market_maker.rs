//! The market maker that `aitbc up` runs beside the server of a development chain: a thread that asks the server as any other
//! client does.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use shared::signing::PrivateKey;

use super::exchange::maker::{Maker, Place, Quoting};

/// How often it tries to reach the server that has just started.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// So long the server waits for it to cancel its orders. They expire soon where it does not.
const END_MAX: Duration = Duration::from_secs(5);

pub(super) struct RunningMaker {
    thread: JoinHandle<()>,
    stop: Sender<()>,
}

impl RunningMaker {
    /// Quotes with this key in the first market of the server at `url` that has a worthless asset.
    pub(super) fn start(url: String, key: PrivateKey) -> Result<Self> {
        let (stop, stopped) = channel();
        let thread =
            thread::Builder::new().name("market maker".to_owned()).spawn(move || quote(&url, key, &stopped))?;
        Ok(Self { thread, stop })
    }

    /// Has it cancel its orders, and waits for that.
    pub(super) async fn stop(self) {
        drop(self.stop);
        let ended = tokio::task::spawn_blocking(move || self.thread.join());
        if tokio::time::timeout(END_MAX, ended).await.is_err() {
            tracing::warn!("the market maker did not end; its orders expire by themselves");
        }
    }
}

fn quote(url: &str, key: PrivateKey, stopped: &Receiver<()>) {
    tracing::info!(address = %key.address(), "the market maker quotes with worthless money");
    let place = loop {
        match Place::find(url, None) {
            Ok(place) => break place,
            Err(error) => tracing::debug!("the market maker finds no market yet: {error:#}"),
        }
        if stopped.recv_timeout(TRY_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    };
    let say = |told: &str| tracing::info!("market maker: {told}");
    let ended = Maker::new(url, place, key, &Quoting::default(), say).and_then(|maker| maker.run(stopped, None));
    if let Err(error) = ended {
        tracing::warn!("the market maker ended: {error:#}");
    }
}
