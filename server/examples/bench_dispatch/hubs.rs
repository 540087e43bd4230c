//! Hubs on one chain and over one database, each the real program in a process of its own.

use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use server::auth::new_api_key;
use server::config::{DEVELOPMENT_HUB_ID, database_in};
use server::keys::Keys;
use shared::api::keys::ApiScope;
use shared::capability::Capability;
use store::change::{CreateApiKey, UpsertMiner};
use store::{DatabaseUrl, Store, StoreOptions};
use tokio::process::Command;

use crate::server_process::ServerProcess;
use crate::workers::worker_key;

/// So many connections are more than those of 10 000 workers and of all clients.
const CONNECTIONS: &str = "12000";

const SECOND_HUB_ID: &str = "second-hub";

#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// A file in the data folder of the only hub.
    Sqlite,
    /// The URL of an empty database.
    Postgres(String),
}

impl fmt::Display for Database {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        })
    }
}

/// Their processes end with this.
pub(crate) struct Hubs {
    pub(crate) processes: Vec<ServerProcess>,
    /// The clients' API key, without a bound of pictures in a minute.
    pub(crate) secret: String,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Hubs {
    /// A new chain with one hub, or with a second one that follows it.
    pub(crate) async fn start(program: &Path, database: &Database, count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chain = folder.path().join("chain");
        run(program, &["node", "init", text(&chain), "--validators", "1", "--first-port", "0"]).await;
        let data = chain.join("validator-1");
        let first = start_one(program, &data, database, &[]).await;
        let store = open(&data, database).await;
        let (key, secret) = new_api_key("bench", ApiScope::Client, shared::Address::ZERO, Some(u32::MAX));
        store.write(CreateApiKey(key)).await.unwrap();
        let mut processes = vec![first];
        if count > 1 {
            let url = format!("http://{}", processes[0].address);
            let second = folder.path().join("second");
            admit(program, folder.path(), &data, &second, &url).await;
            let genesis = data.join("genesis.json");
            let options = ["--chain-from", &url, "--genesis", text(&genesis), "--hub-id", SECOND_HUB_ID];
            processes.push(start_one(program, &second, database, &options).await);
        }
        Self { processes, secret, store, _folder: folder }
    }

    /// Makes these workers known: the hubs take only so many unknown ones a minute, and a market of this size has few.
    pub(crate) async fn know(&self, numbers: std::ops::RangeInclusive<u16>, capability: &Capability) {
        let mut written = Vec::new();
        for number in numbers {
            let address = worker_key(number).address();
            let change = UpsertMiner { address, capability: capability.clone(), seen_at: server::clock::now() };
            written.push(self.store.enqueue(change).await.unwrap());
        }
        for answer in written {
            answer.await.unwrap().unwrap();
        }
    }

    /// What all hubs used of the processors until now.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.processes.iter().map(ServerProcess::cpu_seconds).sum()
    }
}

async fn start_one(program: &Path, data: &Path, database: &Database, more: &[&str]) -> ServerProcess {
    let url = match database {
        Database::Sqlite => format!("sqlite:{}", data.join("hub.sqlite").display()),
        Database::Postgres(url) => url.clone(),
    };
    // Each worker comes through a proxy that names an address of its own, as workers of many machines do.
    let options = ["--database-url", &url, "--behind-proxy", "--no-exchange", "--audits", "never"];
    let options = [&options[..], &["--connections", CONNECTIONS], more].concat();
    ServerProcess::start_with(program, data, &options).await
}

/// The rows of the first hub, beside it.
async fn open(data: &Path, database: &Database) -> Store {
    let database: DatabaseUrl = match database {
        Database::Sqlite => database_in(data),
        Database::Postgres(url) => url.parse().unwrap(),
    };
    let hub_id = DEVELOPMENT_HUB_ID.to_owned();
    let options = StoreOptions { database, artifacts: data.join("artifacts"), hub_id, max_pages: None };
    Store::open(&options).await.unwrap()
}

/// Makes the second hub's key, and has who manages the attesters of the first one's chain add it.
async fn admit(program: &Path, folder: &Path, first: &Path, second: &Path, url: &str) {
    let hub = Keys::development(&second.join("keys"), false).unwrap().hub.address().to_string();
    let secret = std::fs::read_to_string(first.join("keys/admin-dev.key")).unwrap();
    let [secret, password] = [("secret", secret.trim()), ("password", "correct horse")]
        .map(|(name, text)| private_file(&folder.join(name), text));
    let wallets = folder.join("wallets");
    let wallet = ["--folder", text(&wallets), "--password-file", text(&password), "--json"];
    let import = ["wallet", "import", "authority", "--file", text(&secret)];
    run(program, &[&import[..], &wallet].concat()).await;
    let add = ["attester", "add", "authority", &hub, "--url", url, "--yes"];
    run(program, &[&add[..], &wallet].concat()).await;
}

/// A file that only its owner reads.
fn private_file(path: &Path, text: &str) -> PathBuf {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    path.to_owned()
}

async fn run(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed: {said}", arguments.join(" "));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
