//! Webhooks as a program of a client's sees them: a receiver of its own, and the messages that arrive there.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use shared::api::keys::ApiScope;
use tokio::sync::mpsc;

use super::command_line::{aitbc, error, json as printed, text};
use super::server::{Answer, TestServer};

/// What the receiver got, and with which status it answered.
type Received = (HeaderMap, Bytes);

/// Answers with these statuses, one after the other, and then with 204.
#[derive(Clone)]
struct Receiver {
    statuses: Arc<Mutex<VecDeque<u16>>>,
    received: mpsc::UnboundedSender<Received>,
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.received.send((headers, body)).unwrap();
    let next = receiver.statuses.lock().unwrap().pop_front();
    StatusCode::from_u16(next.unwrap_or(204)).unwrap()
}

async fn start_receiver(statuses: &[u16]) -> (SocketAddr, mpsc::UnboundedReceiver<Received>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (received, messages) = mpsc::unbounded_channel();
    let receiver = Receiver { statuses: Arc::new(Mutex::new(statuses.iter().copied().collect())), received };
    let app = Router::new().route("/hook", axum::routing::post(receive)).with_state(receiver);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, messages)
}

/// As a receiver checks it, by the specification alone.
fn assert_signed(secret: &str, (headers, body): &Received) {
    let header = |name: &str| headers[name].to_str().unwrap();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    assert_eq!(key.len(), 32);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(body);
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
}

struct Client {
    server: TestServer,
    secret: String,
}

impl Client {
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers = [("x-api-key", self.secret.as_str()), ("content-type", "application/json")];
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        self.server.send(method, path, &headers, body).await
    }

    /// The id and the secret of a new webhook.
    async fn hook(&self, address: SocketAddr) -> (String, String) {
        let url = format!("http://{address}/hook");
        let created = self.send("POST", "/v1/webhooks", Some(json!({"url": url}))).await;
        assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&created.json()["webhook"]["id"]), text(&created.json()["secret"]))
    }

    /// A job that ends at once: its client cancels it.
    async fn end_a_job(&self) -> String {
        let id = self.server.submit(&[("x-api-key", &self.secret)], 1).await;
        let canceled = self.send("POST", &format!("/v1/jobs/{id}/cancel"), Some(json!({}))).await;
        assert_eq!(canceled.status, 200);
        id
    }

    /// The one message of a webhook, once `done` holds of it.
    async fn delivery(&self, hook: &str, done: impl Fn(&Value) -> bool) -> Value {
        loop {
            let listed = self.send("GET", &format!("/v1/webhooks/{hook}/deliveries"), None).await.json();
            if let Some(first) = listed["deliveries"].as_array().unwrap().first()
                && done(first)
            {
                return first.clone();
            }
            tokio::task::yield_now().await;
        }
    }
}

async fn client(folder: &std::path::Path) -> Client {
    let server = TestServer::start(folder).await;
    let secret = server.client_key(ApiScope::Client, None).await.secret;
    Client { server, secret }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_job_is_told_signed_and_a_failed_message_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path()).await;
    let (address, mut messages) = start_receiver(&[500]).await;
    let (hook, secret) = client.hook(address).await;
    let id = client.end_a_job().await;

    let first = messages.recv().await.unwrap();
    assert_signed(&secret, &first);
    let told: Value = serde_json::from_slice(&first.1).unwrap();
    assert_eq!((&told["type"], &told["data"]["job_id"]), (&json!("job.canceled"), &json!(id)));
    assert_eq!((&told["data"]["state"], &told["data"]["kind"]), (&json!("CANCELED"), &json!("image")));
    assert!(!String::from_utf8_lossy(&first.1).contains("a lake"), "the prompt is nobody's but the client's");
    assert_eq!(
        (first.0["webhook-id"].to_str().unwrap(), &first.0["content-type"]),
        (&*id, &"application/json".parse().unwrap())
    );

    let failed = client.delivery(&hook, |of| of["attempts"] == 1).await;
    assert_eq!((&failed["state"], &failed["status"]), (&json!("waiting"), &json!(500)));
    assert_eq!(failed["problem"], "the receiver answered with status 500");
    assert!(failed["next_attempt_at_unix_ms"].is_u64());
    let again = format!("/v1/webhooks/{hook}/deliveries/{id}/again");
    client.send("POST", &again, None).await.problem(409);
    let second = messages.recv().await.unwrap();
    assert_signed(&secret, &second);
    assert_eq!((&second.1, &second.0["webhook-id"]), (&first.1, &first.0["webhook-id"]), "the same message");
    client.delivery(&hook, |of| of["state"] == "delivered" && of["status"] == 204 && of["attempts"] == 2).await;
    assert_eq!(client.send("POST", &again, None).await.status, 202);
    let third = messages.recv().await.unwrap();
    assert_eq!(third.1, first.1);
    client.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_stops_its_webhook() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path()).await;
    let (address, mut messages) = start_receiver(&[410]).await;
    let (hook, _) = client.hook(address).await;
    client.end_a_job().await;
    messages.recv().await.unwrap();
    client.delivery(&hook, |of| of["state"] == "given_up").await;
    loop {
        let listed = client.send("GET", "/v1/webhooks", None).await.json();
        if listed["webhooks"][0]["stopped_at_unix_ms"].is_u64() {
            break;
        }
        tokio::task::yield_now().await;
    }
    client.end_a_job().await;
    let listed = client.send("GET", &format!("/v1/webhooks/{hook}/deliveries"), None).await.json();
    assert_eq!(listed["deliveries"].as_array().unwrap().len(), 1, "nothing more is told");
    client.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_its_clients_alone_and_leads_into_no_network_of_the_servers() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path()).await;
    client.server.post("/v1/webhooks", &json!({"url": "https://shop.example/"})).await.problem(401);
    client.server.get("/v1/webhooks").await.problem(401);
    for url in
        ["http://10.0.0.7/", "https://169.254.169.254/latest", "ftp://shop.example/", "shop", "https://a@b.example/"]
    {
        let problem = client.send("POST", "/v1/webhooks", Some(json!({"url": url}))).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], "url", "{url}: {problem}");
    }
    client
        .send("POST", "/v1/webhooks", Some(json!({"url": "https://shop.example/", "secret": "mine"})))
        .await
        .problem(422);

    let (address, _messages) = start_receiver(&[]).await;
    let (hook, _) = client.hook(address).await;
    let stranger = client.server.client_key(ApiScope::Client, None).await.secret;
    let path = format!("/v1/webhooks/{hook}");
    let foreign = [("x-api-key", stranger.as_str())];
    client.server.send("DELETE", &path, &foreign, vec![]).await.problem(404);
    client.server.send("GET", &format!("{path}/deliveries"), &foreign, vec![]).await.problem(404);
    let again = format!("{path}/deliveries/job_00000000000000000000000000000001/again");
    client.server.send("POST", &again, &foreign, vec![]).await.problem(404);
    let of_miner = client.server.client_key(ApiScope::Miner, None).await.secret;
    client.server.send("GET", "/v1/webhooks", &[("x-api-key", &of_miner)], vec![]).await.problem(403);
    for _ in 1..5 {
        client.hook(address).await;
    }
    client.send("POST", "/v1/webhooks", Some(json!({"url": format!("http://{address}/")}))).await.problem(409);
    assert_eq!(client.send("DELETE", &path, None).await.json()["id"], json!(hook));
    client.send("DELETE", &path, None).await.problem(404);
    let missing = format!("{path}/deliveries/job_00000000000000000000000000000001/again");
    client.send("POST", &missing, None).await.problem(404);
    client.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_lists_replays_and_removes_a_webhook() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(folder.path()).await;
    let (address, mut messages) = start_receiver(&[410]).await;
    let (url, told) = (format!("http://{}", client.server.address), format!("http://{address}/hook"));
    let key = ["--url", url.as_str(), "--api-key", client.secret.as_str()];
    let ask = async |words: &[&str]| aitbc(&[&["webhook"], words, &key].concat()).await;

    let refused = error(&ask(&["add", "ftp://shop.example/"]).await);
    assert!(refused.contains("url"), "{refused}");
    let added = printed(&ask(&["add", &told, "--json"]).await);
    let (hook, secret) = (added["webhook"]["id"].as_str().unwrap(), added["secret"].as_str().unwrap());
    let listed = ask(&["list", "--json"]).await;
    assert!(!String::from_utf8_lossy(&listed.stdout).contains(secret), "a secret was shown twice");
    assert_eq!(printed(&listed), json!([added["webhook"]]));

    let id = client.end_a_job().await;
    assert_signed(secret, &messages.recv().await.unwrap());
    client.delivery(hook, |of| of["state"] == "given_up").await;
    let table = text(&ask(&["deliveries", hook]).await);
    assert!(table.contains(&id) && table.contains("given up") && table.contains("status 410"), "{table}");
    while !text(&ask(&["list"]).await).contains("stopped") {
        tokio::task::yield_now().await;
    }
    let said = text(&ask(&["replay", hook, &id]).await);
    assert_eq!(said, format!("the end of {id} is told to {told} again\n"));
    assert_signed(secret, &messages.recv().await.unwrap());
    client.delivery(hook, |of| of["state"] == "delivered").await;
    let again = printed(&ask(&["deliveries", hook, "--json"]).await);
    assert_eq!((again.as_array().unwrap().len(), &again[0]["status"]), (1, &json!(204)));
    assert!(text(&ask(&["list"]).await).contains("sends"), "it was started again");

    let other = "hook_00000000000000000000000000000001";
    assert!(error(&ask(&["remove", other]).await).contains(other));
    assert!(
        error(&aitbc(&["webhook", "list", "--url", &url]).await).contains("API key"),
        "whose they are must be said"
    );
    assert_eq!(text(&ask(&["remove", hook]).await), format!("{hook} tells {told} nothing any more\n"));
    assert_eq!(printed(&ask(&["list", "--json"]).await), json!([]));
    client.server.stop().await;
}
