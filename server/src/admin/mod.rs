//! What operators of this hub see and change. [`Operator`] says who they are: a wallet that was named at the start and
//! has signed in. [`Admin`] answers and acts for the API, the pages and the command line alike.

mod act;
mod limits;
mod look;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use shared::Address;
use shared::api::admin::AdminLimits;
use shared::time::UnixMillis;
use store::record::SessionRecord;
use tokio::sync::Mutex;

use crate::auth::{Callers, SignedIn};
use crate::error::ApiError;
use crate::status::Figures;
use crate::view::Views;

pub(crate) use self::limits::limits;

/// The accounts that operate this hub.
#[derive(Debug, Clone, Default)]
pub struct Operators(Arc<BTreeSet<Address>>);

impl Operators {
    pub(crate) fn new(named: impl IntoIterator<Item = Address>) -> Self {
        Self(Arc::new(named.into_iter().collect()))
    }

    pub(crate) fn has(&self, account: Address) -> bool {
        self.0.contains(&account)
    }
}

/// The session of an operator's wallet.
///
/// Who has no session, or one that awaits a code, hears what every route of a session says. Any other account hears that
/// the route is not for it, before anything else of its request is looked at.
#[derive(Debug, Clone)]
pub struct Operator(pub SessionRecord);

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Callers: FromRef<S>,
    Operators: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let SignedIn(session) = SignedIn::from_request_parts(parts, state).await?;
        if Operators::from_ref(state).has(session.address) {
            Ok(Self(session))
        } else {
            Err(ApiError::Forbidden("this is for the operators of this server".to_owned()))
        }
    }
}

/// Looks and acts for operators. The caller has checked that one asks.
#[derive(Clone)]
pub struct Admin {
    pub(crate) views: Views,
    pub(crate) figures: Figures,
    /// Its disk is looked at.
    pub(crate) data: PathBuf,
    pub(crate) disk_floor_bytes: u64,
    pub(crate) limits: AdminLimits,
    pub(crate) started_at: UnixMillis,
    /// Held while a change goes to the store and then to the board, so that both have changes in one order.
    pub(crate) turn: Arc<Mutex<()>>,
}
