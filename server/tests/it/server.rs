//! A server on a free port with its own folder, and an HTTP client without any of its code.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use hub::audit::Draw;
use serde_json::{Value, json};
use server::app::App;
use server::auth::new_api_key;
use server::config::Config;
use server::pins::Pins;
use server::serve::Server;
use shared::Address;
use shared::api::keys::{ApiScope, CreatedApiKey};
use shared::digest::Sha256Digest;
use shared::id::ApiKeyId;
use shared::job::JobKind;
use store::change::{CreateApiKey, RevokeApiKey};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::worker::{EMBEDDING_MODEL, TEXT_MODEL, TestWorker, key, manifest};

/// A running server. Its folder outlives it, so that another one can go on with it.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Every error has the form of RFC 9457.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{text}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} is missing: {text}");
        }
        problem
    }
}

/// Far more than a job takes, also where the machine is busy with much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A folder with the manifests of the models that [`TestWorker`] names, the same in all processes of these tests.
static MANIFESTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifests");
    std::fs::create_dir_all(&folder).unwrap();
    for (kind, name) in WORDS {
        let file = tempfile::NamedTempFile::new_in(&folder).unwrap();
        std::fs::write(file.path(), manifest(kind, name)).unwrap();
        file.persist(folder.join(format!("{name}.json"))).unwrap();
    }
    folder
});

const WORDS: [(JobKind, &str); 2] = [(JobKind::Text, TEXT_MODEL), (JobKind::Embedding, EMBEDDING_MODEL)];

/// The product's own models are pinned, and those of [`TestWorker`], which visitors may name, too.
pub(crate) fn config(folder: &Path) -> Config {
    let own = Pins::default().load().unwrap();
    let mut models: Vec<Sha256Digest> = JobKind::ALL.map(|kind| own.default_of(kind).unwrap().sha256).into();
    models.extend(WORDS.map(|(kind, name)| Sha256Digest::of(&manifest(kind, name))));
    let pins = Pins { models, manifests: Some(MANIFESTS.clone()) };
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        pins,
        audits: Draw::Never,
        controls: Draw::Never,
        disk_floor_bytes: 0,
        ..Config::dev(folder.to_owned())
    }
}

impl TestServer {
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(config(folder)).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        let server = Server::start(config).await.unwrap();
        let (address, app, stop) = (server.address().unwrap(), server.app(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move { server.run(stopped).await.unwrap() });
        Self { address, app, stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        drop(self.app);
        self.task.await.unwrap();
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        let sent = tokio::task::spawn_blocking(move || {
            let config = ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
            let mut response = ureq::Agent::from(config.build()).run(request).unwrap();
            let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
            Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
        });
        sent.await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], vec![]).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body).await
    }

    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        self.send("POST", path, &headers, body.to_string().into_bytes()).await
    }

    /// Creates a job that must be taken, and answers its name.
    pub(crate) async fn submit(&self, headers: &[(&str, &str)], seed: u64) -> String {
        let answer = self.post_with("/v1/jobs", headers, &small_job(seed)).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// A visitor's job, with the token of its creator.
    pub(crate) async fn submit_for_token(&self, seed: u64) -> (String, String) {
        let answer = self.post("/v1/jobs", &small_job(seed)).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        (answer.json()["id"].as_str().unwrap().to_owned(), answer.header("x-job-token").to_owned())
    }

    /// Long-polls a job until `done` holds.
    pub(crate) async fn follow(&self, id: &str, headers: &[(&str, &str)], done: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let job = self.send("GET", &format!("/v1/jobs/{id}?wait=1"), headers, vec![]).await.json();
            if done(&job) {
                return job;
            }
            if job["state"] == "COMPLETED" {
                // The mint follows in its own time, which no long poll of the state waits for.
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            last = job;
        }
        panic!("the job {id} did not get there: {last}");
    }

    /// A miner whose models are on offer. The hub welcomes a miner before its models can be asked for.
    pub(crate) async fn connect_worker(&self) -> TestWorker {
        let worker = TestWorker::connect(self.address, key(1), 1).await;
        while self.app.hub.board().miners().next().is_none() {
            tokio::task::yield_now().await;
        }
        worker
    }

    pub(crate) async fn client_key(&self, scope: ApiScope, images_per_minute: Option<u32>) -> CreatedApiKey {
        let (key, secret) =
            new_api_key("test", scope, Address::from(server::clock::random_bytes::<20>()), images_per_minute);
        let created = CreatedApiKey { key: key.view(), secret };
        self.app.store.write(CreateApiKey(key)).await.unwrap();
        created
    }

    pub(crate) async fn revoke(&self, id: ApiKeyId) {
        assert!(self.app.store.write(RevokeApiKey { id, at: server::clock::now() }).await.unwrap());
    }
}

pub(crate) fn small_job(seed: u64) -> Value {
    json!({"kind": "image", "input": {"prompt": "a lake", "steps": 2, "width": 64, "height": 64, "seed": seed}})
}

pub(crate) fn is_over(job: &Value) -> bool {
    ["COMPLETED", "FAILED", "CANCELED", "EXPIRED"].contains(&job["state"].as_str().unwrap())
}

pub(crate) fn is_minted(job: &Value) -> bool {
    !job["mint"].is_null()
}
