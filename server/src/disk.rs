//! Looks how much of the disk under the data folder is free. The node decides what follows.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use node::NodeHandle;
use tokio_util::sync::CancellationToken;

/// How often the disk is looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Bytes that a program without special rights may still write to the file system of a folder.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let file_system = rustix::fs::statvfs(folder)?;
    Ok(file_system.f_bavail.saturating_mul(file_system.f_frsize))
}

/// Tells the node once. A file system that says nothing of itself sets no bound.
pub(crate) fn look(folder: &Path, node: &NodeHandle) {
    match free_bytes(folder) {
        Ok(free) => node.tell_free_disk(free),
        Err(error) => tracing::warn!(%error, folder = %folder.display(), "the free space of the disk is not known"),
    }
}

/// Tells the node again and again until the server stops.
pub(crate) async fn watch(folder: PathBuf, node: NodeHandle, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let (folder, node) = (folder.clone(), node.clone());
        // A file system on another machine may take its time.
        if let Err(error) = tokio::task::spawn_blocking(move || look(&folder, &node)).await {
            tracing::error!(%error, "the disk was not looked at");
        }
    }
}
