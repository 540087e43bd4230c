//! What operators change. The store has each change, with the record of it, before the board takes it.

use shared::Address;
use shared::api::admin::{AdminKey, Amnesty, KeyLimits, OperatorReason, RevokedKey, StruckFaults};
use shared::api::miners::{MinerPause, MinerView};
use shared::api::reviews::ReviewView;
use shared::field_error::FieldError;
use shared::id::ApiKeyId;
use shared::{B256, time::UnixMillis};
use store::StoreError;
use store::change::{DeclareAmnesty, HideReview, LimitKey, PauseMiner, ResumeMiner, RevokeKey};
use store::record::operators::OperatorAct;

use super::Admin;
use crate::clock;
use crate::error::ApiError;

impl Admin {
    /// Gives a miner nothing new.
    ///
    /// # Errors
    /// A reason that does not hold, an unknown miner, one that is paused already, or more than may be.
    pub(crate) async fn pause(
        &self,
        operator: Address,
        miner: Address,
        reason: &OperatorReason,
    ) -> Result<MinerView, ApiError> {
        let act = act(operator, reason, clock::now())?;
        self.check_known(miner).await?;
        let pause = MinerPause { reason: act.reason.clone(), since_unix_ms: act.at };
        let admin = self.clone();
        whatever_the_caller_does(async move {
            let _turn = admin.turn.lock().await;
            admin.views.store.write(PauseMiner { miner, act }).await?;
            Ok(admin.views.hub.pause(miner, pause).await?)
        })
        .await?;
        self.miner(miner).await
    }

    /// Lets a miner get work again.
    ///
    /// # Errors
    /// A reason that does not hold, an unknown miner, or one that is not paused.
    pub(crate) async fn resume(
        &self,
        operator: Address,
        miner: Address,
        reason: &OperatorReason,
    ) -> Result<MinerView, ApiError> {
        let act = act(operator, reason, clock::now())?;
        self.check_known(miner).await?;
        let admin = self.clone();
        whatever_the_caller_does(async move {
            let _turn = admin.turn.lock().await;
            admin.views.store.write(ResumeMiner { miner, act }).await?;
            Ok(admin.views.hub.resume(miner).await?)
        })
        .await?;
        self.miner(miner).await
    }

    /// Declares that the platform was at fault for a while: faults of leases of that time count against nobody any more.
    ///
    /// # Errors
    /// A reason or a span that does not hold.
    pub(crate) async fn declare_amnesty(&self, operator: Address, amnesty: &Amnesty) -> Result<StruckFaults, ApiError> {
        let act = act(operator, &amnesty.why(), clock::now())?;
        amnesty.check_span(act.at.seconds()).map_err(|error| ApiError::OutOfBounds(vec![error]))?;
        let (from, to) = (amnesty.from_unix_s, amnesty.to_unix_s);
        let admin = self.clone();
        let declared = tokio::spawn(async move {
            let _turn = admin.turn.lock().await;
            let _histories = admin.views.hub.change_histories().await;
            let struck = admin.views.store.write(DeclareAmnesty { from, to, act }).await?;
            let answer = StruckFaults { miners: struck.len() as u64, faults: struck.values().sum() };
            admin.views.hub.forgive(struck).await?;
            Ok::<_, ApiError>(answer)
        });
        declared.await.unwrap_or(Err(StoreError::Stopped.into()))
    }

    /// Hides the text of a review, or shows it again. Its stars count as before.
    ///
    /// # Errors
    /// A reason that does not hold, a receipt that nobody reviewed, and a text that is hidden, or shown, already.
    pub(crate) async fn hide_review(
        &self,
        operator: Address,
        receipt_hash: B256,
        hidden: bool,
        reason: &OperatorReason,
    ) -> Result<ReviewView, ApiError> {
        let act = act(operator, reason, clock::now())?;
        let found = self.views.store.write(HideReview { receipt_hash, hidden, act }).await?;
        found.map(|record| record.view).ok_or_else(|| ApiError::not_found("review of the receipt", receipt_hash))
    }

    /// Gives an operator's API key other limits of its own.
    ///
    /// # Errors
    /// A reason or a limit that does not hold, a key that is unknown or void, and one that a wallet made for itself.
    pub(crate) async fn limit_key(
        &self,
        operator: Address,
        id: ApiKeyId,
        limits: &KeyLimits,
    ) -> Result<AdminKey, ApiError> {
        let act = act(operator, &limits.why(), clock::now())?;
        if limits.images_per_minute == Some(0) {
            let error = FieldError::bound("images_per_minute", "1 or more", "0");
            return Err(ApiError::OutOfBounds(vec![error]));
        }
        let missing = || ApiError::not_found("valid API key", id);
        let KeyLimits { images_per_minute, mint_per_day, .. } = *limits;
        if !self.views.store.write(LimitKey { id, images_per_minute, mint_per_day, act }).await? {
            return Err(missing());
        }
        self.key(id).await?.ok_or_else(missing)
    }

    /// Makes an API key void, whether an operator or its wallet made it.
    ///
    /// # Errors
    /// A reason that does not hold, and a key that is unknown or void.
    pub(crate) async fn revoke_key(
        &self,
        operator: Address,
        id: ApiKeyId,
        reason: &OperatorReason,
    ) -> Result<RevokedKey, ApiError> {
        let act = act(operator, reason, clock::now())?;
        if self.views.store.write(RevokeKey { id, act }).await? {
            Ok(RevokedKey { revoked: id })
        } else {
            Err(ApiError::not_found("valid API key", id))
        }
    }

    async fn check_known(&self, miner: Address) -> Result<(), ApiError> {
        let is_known = self.views.store.is_known_miner(miner).await?;
        if is_known { Ok(()) } else { Err(ApiError::not_found("miner", miner)) }
    }
}

/// The operator may hang up meanwhile; what the store has must reach the board all the same.
async fn whatever_the_caller_does(
    change: impl Future<Output = Result<(), ApiError>> + Send + 'static,
) -> Result<(), ApiError> {
    tokio::spawn(change).await.unwrap_or(Err(StoreError::Stopped.into()))
}

fn act(operator: Address, reason: &OperatorReason, at: UnixMillis) -> Result<OperatorAct, ApiError> {
    let reason = reason.checked().map_err(|error| ApiError::OutOfBounds(vec![error]))?.to_owned();
    Ok(OperatorAct { id: B256::from(clock::random_bytes()), operator, at, reason })
}
