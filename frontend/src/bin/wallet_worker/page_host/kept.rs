//! Nothing of the unlocked state is kept outside of a page's worker: both end together.
#![expect(clippy::unused_async, reason = "an extension reads and writes the browser's storage")]

use wallet::protocol::Refusal;
use wallet::session::KeptUnlock;

pub(crate) async fn read() -> Result<Option<KeptUnlock>, Refusal> {
    Ok(None)
}

pub(crate) async fn write(_kept: Option<KeptUnlock>) -> Result<(), Refusal> {
    Ok(())
}
