//! Reviews of miners: left by the clients of their work, read by everybody. The rules are in `shared::review`, and the store has
//! each review in one change with its entry of the log.

use std::sync::Arc;

use axum::extract::FromRef;
use hub::rate_limit::Limit;
use node::NodeHandle;
use shared::Address;
use shared::api::page::Page;
use shared::api::reviews::{ReviewView, WriteReview};
use shared::commitment::Salt;
use store::{Store, change};

use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::rate_limits::{self, RateLimits};
use crate::view::{Views, keyset, page};

/// Reviews that the wallets of one network address, or one key, may write in a minute.
const WRITTEN_PER_MINUTE: Limit = Limit { calls_per_minute: 10 };

/// Takes reviews.
#[derive(Clone)]
pub struct Reviews {
    pub(crate) store: Store,
    pub(crate) node: NodeHandle,
    pub(crate) rate_limits: Arc<dyn RateLimits>,
}

impl FromRef<Arc<App>> for Reviews {
    fn from_ref(app: &Arc<App>) -> Self {
        Self { store: app.store.clone(), node: app.node.clone(), rate_limits: Arc::clone(&app.rate_limits) }
    }
}

impl Reviews {
    /// Keeps a review, or what takes its place. When this returns, it is on the disk. The answer says whether it is new.
    ///
    /// # Errors
    /// A caller without an account, stars or a text out of bounds, a receipt that is not of this miner's work for the caller,
    /// and a review that stays as it is.
    pub(crate) async fn write(
        &self,
        caller: &Caller,
        miner: Address,
        asked: &WriteReview,
    ) -> Result<(ReviewView, bool), ApiError> {
        caller.may_create_jobs()?;
        let whose = "a review is a client's: ask with an API key (X-Api-Key), or signed in with a wallet";
        let author = caller.address().ok_or(ApiError::Unauthorized(whose))?;
        let (stars, text) = asked.checked().map_err(ApiError::OutOfBounds)?;
        if self.node.disk_shortage().is_some() {
            return Err(ApiError::DiskFull);
        }
        let now = clock::now();
        let name = format!("reviews of {}", caller.rate_name());
        rate_limits::check_of("reviews", &*self.rate_limits, &name, WRITTEN_PER_MINUTE, now).await?;
        let receipt_hash = asked.receipt_hash;
        let receipt = self.store.find_receipt(receipt_hash).await?;
        if receipt.is_none_or(|receipt| receipt.signed.receipt.provider != miner) {
            return Err(ApiError::not_found("receipt of this miner", receipt_hash));
        }
        let salt = Salt(clock::random_bytes().into());
        let (record, is_new) =
            self.store.write(change::WriteReview { receipt_hash, author, stars, text, salt, at: now }).await?;
        Ok((record.view, is_new))
    }
}

impl Views {
    /// Reviews of the work of one miner, the newest first.
    ///
    /// # Errors
    /// A cursor that no page named.
    pub(crate) async fn list_reviews(
        &self,
        miner: Address,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<ReviewView>, ApiError> {
        let rows = self.store.list_reviews(miner, keyset(cursor, limit)?).await?;
        Ok(page(rows, limit, |row| row.seq).map(|row| row.view))
    }
}
