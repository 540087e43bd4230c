//! Sessions of wallets. A row stays until its session would have ended by itself, so that its nonce counts once.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Hash of the cookie.
    #[sea_orm(unique)]
    pub secret_sha256: String,
    /// Of the message that was signed.
    #[sea_orm(unique)]
    pub nonce: String,
    pub address: String,
    pub browser: String,
    /// The code of the second factor that the session gave last. Without one it may do nothing while its account has a second
    /// factor: that is decided when the session is read, so that no sign-in slips past a confirmation.
    pub given_code: Option<String>,
    pub created_at_unix_ms: i64,
    pub expires_at_unix_ms: i64,
    pub ended_at_unix_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
