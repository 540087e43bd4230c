//! `aitbc keys …` works on the database itself: anybody who may write the database may make keys, and take second factors
//! away.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use shared::Address;
use shared::amount::Amount;
use shared::api::keys::{ApiScope, CreatedApiKey, LABEL_MAX_CHARS};
use shared::id::ApiKeyId;
use store::change::{CreateApiKey, ResetSecondFactor, RevokeApiKey};
use store::{DatabaseUrl, Store, StoreOptions};

use super::client::print_json;
use super::table;
use crate::auth::new_api_key;
use crate::clock;
use crate::config::{artifacts_in, database_in};

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Keys for the REST API
    #[command(subcommand)]
    Api(Api),
    /// Takes the second factor away from an account whose owner lost the app and the recovery codes, and ends its sessions
    ResetSecondFactor(Reset),
}

#[derive(Debug, Subcommand)]
pub(super) enum Api {
    /// Makes a key and shows its secret this once
    Create(Create),
    /// Lists keys
    List(Data),
    /// Makes a key void
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Data {
    /// Folder of the server's data
    #[arg(long, env = "AITBC_DATA", default_value = "data")]
    data: PathBuf,
    /// Database of the server, where it is not hub.sqlite in the data folder
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// For programs
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    data: Data,
    /// What the key is for
    #[arg(long, default_value = "")]
    label: String,
    /// What the key may do
    #[arg(long, value_enum, default_value_t = Scope::Client)]
    scope: Scope,
    /// Whose jobs the key makes and sees; a random address where absent
    #[arg(long)]
    address: Option<Address>,
    /// Pictures per minute, instead of the server's default
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    images_per_minute: Option<u32>,
    /// AIT that its jobs may mint per day, instead of the server's default
    #[arg(long)]
    mint_per_day: Option<Amount>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    data: Data,
    /// Name of the key: key_ and 32 hex digits
    id: ApiKeyId,
}

#[derive(Debug, Args)]
pub(super) struct Reset {
    #[command(flatten)]
    data: Data,
    /// The account: make sure that its owner asks
    address: Address,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    Client,
    Miner,
    Admin,
}

impl From<Scope> for ApiScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Client => Self::Client,
            Scope::Miner => Self::Miner,
            Scope::Admin => Self::Admin,
        }
    }
}

pub(super) fn run(keys: Keys) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match keys {
            Keys::Api(Api::Create(create)) => create_key(create).await,
            Keys::Api(Api::List(data)) => list_keys(&data).await,
            Keys::Api(Api::Revoke(revoke)) => revoke_key(&revoke).await,
            Keys::ResetSecondFactor(reset) => reset_second_factor(&reset).await,
        }
    })
}

/// The database of a server that was started once.
pub(super) async fn open(data: &Data) -> Result<Store> {
    let database = data.database_url.clone().unwrap_or_else(|| database_in(&data.data));
    if let DatabaseUrl::SqliteFile(path) = &database
        && !path.exists()
    {
        bail!("there is no database at {}: start the server once, or name its folder with --data", path.display());
    }
    // Neither keys nor the index belong to a hub.
    let options =
        StoreOptions { database, artifacts: artifacts_in(&data.data), hub_id: String::new(), max_pages: None };
    Store::open(&options).await.context("the database cannot be used")
}

async fn create_key(create: Create) -> Result<()> {
    let chars = create.label.chars().count();
    if chars > LABEL_MAX_CHARS {
        bail!("--label has up to {LABEL_MAX_CHARS} characters, got {chars}");
    }
    let store = open(&create.data).await?;
    let address = create.address.unwrap_or_else(|| Address::from(clock::random_bytes()));
    let (mut key, secret) = new_api_key(&create.label, create.scope.into(), address, create.images_per_minute);
    key.mint_per_day = create.mint_per_day;
    let created = CreatedApiKey { key: key.view(), secret };
    store.write(CreateApiKey(key)).await?;
    if create.data.json {
        return print_json(&created);
    }
    println!("{}", created.secret);
    eprintln!("This is the secret of {} for {address}. It is shown this once and kept nowhere.", created.key.id);
    Ok(())
}

async fn list_keys(data: &Data) -> Result<()> {
    let keys: Vec<_> = open(data).await?.list_api_keys().await?.into_iter().map(|key| key.view).collect();
    if data.json {
        return print_json(&keys);
    }
    let rows: Vec<[String; 5]> = keys
        .into_iter()
        .map(|key| {
            let state = if key.revoked_at_unix_ms.is_some() { "revoked" } else { "valid" };
            let scope = format!("{:?}", key.scope).to_lowercase();
            [key.id.to_string(), scope, key.address.to_string(), state.to_owned(), key.label]
        })
        .collect();
    table::print(["KEY", "SCOPE", "ADDRESS", "STATE", "LABEL"], &rows);
    Ok(())
}

async fn revoke_key(revoke: &Revoke) -> Result<()> {
    let store = open(&revoke.data).await?;
    if !store.write(RevokeApiKey { id: revoke.id, at: clock::now() }).await? {
        bail!("there is no valid key {}", revoke.id);
    }
    if revoke.data.json {
        return print_json(&serde_json::json!({ "revoked": revoke.id }));
    }
    println!("{} is void from now on", revoke.id);
    Ok(())
}

async fn reset_second_factor(reset: &Reset) -> Result<()> {
    let store = open(&reset.data).await?;
    if !store.write(ResetSecondFactor { address: reset.address, at: clock::now() }).await? {
        bail!("the account {} has no second factor", reset.address);
    }
    if reset.data.json {
        return print_json(&serde_json::json!({ "reset": reset.address }));
    }
    println!("{} signs in with its wallet alone from now on; its sessions are over", reset.address);
    Ok(())
}
