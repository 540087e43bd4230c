//! What strangers may try against a hub, over real sockets, and what an honest client still gets meanwhile.
//!
//! | attack | test |
//! |---|---|
//! | registrations of keys made up on the way | [`made_up_miners_are_few_and_small_and_an_honest_one_serves`] |
//! | sessions opened again and again | [`sessions_opened_again_and_again_are_refused_before_they_begin`] |
//! | requests for jobs that are all refused | [`requests_that_are_all_refused_end_at_a_limit_of_their_sender`] |
//! | large bodies for leases that nobody has | [`large_bodies_without_a_lease_take_no_room_from_a_result`], and one alone in `connections.rs` |
//! | bodies that are half sent, of one address and of many | [`half_sent_bodies_take_no_room_from_a_result`] |
//! | more pages and lists than anybody reads | [`a_flood_of_pages_is_refused_and_others_go_on`] |
//! | answers that nobody reads | [`who_reads_nothing_of_large_answers_holds_little`]; the deadline in `unread_answers.rs` |
//! | heads that never end, many connections | [`heads_that_never_end_keep_nobody_out`]; deadlines and shares in `connections.rs` |
//! | bodies that never come | `connections.rs` |
//! | a head without end | [`a_head_without_end_is_refused`] |
//! | calls that compute without end | [`calls_that_compute_without_end_keep_neither_page_nor_mint_waiting`]; lanes in the node's tests |
//! | more calls than anybody needs, in batches | [`calls_of_one_address_end_at_its_limit_and_others_go_on`] |
//! | answers over a WebSocket that nobody reads | the node's `websocket.rs`; the budget in its `sockets.rs` |
//! | a prompt that a miner cannot read | `refused_input.rs` |
//! | a registration that was meant for another hub | `relayed.rs` |
//! | a signed message that is used again, elsewhere, late or by somebody else | `sign_in.rs` |
//! | a page of another site that acts with a visitor's session | `sign_in.rs` |
//! | nonces and sign-ins without end | `sign_in.rs` |
//! | wallets, each for a visitor's share | `sign_in/rights.rs` |
//! | results that are forged, changed or repeated | `results.rs` |

use std::time::Duration;

use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt as _};
use serde_json::{Value, json};
use server::config::Config;
use shared::capability::Capability;
use shared::digest::Sha256Digest;
use shared::protocol::{HubMessage, RESULT_MAX_BYTES};
use shared::signing::PrivateKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;

use super::server::{TestServer, config, is_minted, small_job};
use super::worker::{TestWorker, capability, key, result};

/// Far above what an honest client waits for on a busy machine, and far below what an attack would make of it.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is limited is asked for at most so often: units come back meanwhile, and a busy machine asks slowly.
const MANY: usize = 5_000;

const ATTACKER: &str = "203.0.113.9";
const HONEST: &str = "198.51.100.1";

/// A server behind a proxy, which names where its visitors come from.
async fn behind_proxy(adjust: impl FnOnce(&mut Config)) -> (tempfile::TempDir, TestServer) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.behind_proxy = true;
    adjust(&mut config);
    let server = TestServer::start_with(config).await;
    (folder, server)
}

fn made_up_key(number: u16) -> PrivateKey {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    PrivateKey::from_bytes(&bytes).unwrap()
}

/// As much as a miner may say.
fn large_capability() -> Capability {
    let mut large = capability(1);
    large.offers.truncate(1);
    large.offers[0].suggestions = vec!["s".repeat(300); 32];
    large.offers[0].subjects = vec!["s".repeat(40); 256];
    large.offers[0].model = "made-up".into();
    large.offers[0].manifest_sha256 = Sha256Digest::of(b"made-up");
    large
}

/// An honest miner serves an honest job, from the request to the mint.
async fn serve_honestly(server: &TestServer, worker: &mut TestWorker) {
    let from = [("x-forwarded-for", HONEST)];
    let id = server.submit(&from, 1).await;
    let assignment = tokio::time::timeout(PATIENCE, worker.assignment()).await.expect("no job comes");
    let body = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post_with(&path, &from, &body).await.status, 200);
    let minted = server.follow(&id, &from, is_minted);
    tokio::time::timeout(PATIENCE, minted).await.expect("no mint comes");
}

async fn honest_worker(server: &TestServer) -> TestWorker {
    let (worker, answer) =
        TestWorker::ask_from(server.address, Some(HONEST), key(1), capability(1), vec![]).await.unwrap();
    assert!(matches!(answer, HubMessage::Welcome { .. }), "{answer:?}");
    worker
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_miners_are_few_and_small_and_an_honest_one_serves() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let (mut welcome, mut refused, mut held) = (0, 0, Vec::new());
    for number in 0..60 {
        let asked =
            TestWorker::ask_from(server.address, Some(ATTACKER), made_up_key(number), large_capability(), vec![]);
        let (worker, answer) = asked.await.unwrap();
        match answer {
            HubMessage::Welcome { .. } => welcome += 1,
            HubMessage::Refused { reason, retryable } => {
                assert!(reason.contains("new miners of one network address") && retryable, "{reason}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
        held.push(worker);
    }
    assert!((30..50).contains(&welcome) && refused > 0, "{welcome} of 60 came in");
    assert_eq!(server.app.store.list_miners(None, 1_000).await.unwrap().len(), welcome, "a refused miner is stored");
    let known = TestWorker::ask_from(server.address, Some(ATTACKER), made_up_key(0), capability(1), vec![]).await;
    assert!(matches!(known.unwrap().1, HubMessage::Welcome { .. }), "a miner that is known comes back");

    let mut worker = honest_worker(&server).await;
    serve_honestly(&server, &mut worker).await;
    let (mut cursor, mut listed) = (String::new(), 0);
    loop {
        let page = server.get(&format!("/v1/miners?limit=100{cursor}")).await;
        assert!(page.body.len() < 300 << 10, "a page of {} bytes", page.body.len());
        let page = page.json();
        let offer = &page["items"][0]["capability"]["offers"][0];
        for member in ["suggestions", "subjects"] {
            assert!(offer[member].as_array().is_none_or(Vec::is_empty), "{offer}");
        }
        listed += page["items"].as_array().unwrap().len();
        assert!(page["items"][0]["capability"].get("hardware").is_none());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed, welcome + 1, "the pages together have everybody once");
    let alone = server.get(&format!("/v1/miners/{}", made_up_key(1).address())).await.json();
    assert!(alone["capability"]["offers"][0]["suggestions"][0].is_string(), "the single miner says all: {alone}");
    drop(held);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_opened_again_and_again_are_refused_before_they_begin() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut refused = None;
    for _ in 0..MANY {
        match TestWorker::ask_from(server.address, Some(ATTACKER), key(2), capability(1), vec![]).await {
            Ok((_, answer)) => assert!(matches!(answer, HubMessage::Welcome { .. }), "{answer:?}"),
            Err(tungstenite::Error::Http(answer)) => {
                refused = Some(answer);
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    let answer = refused.expect("sessions of one address are opened without end");
    assert_eq!(answer.status(), 429);
    assert!(answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    let mut worker = honest_worker(&server).await;
    serve_honestly(&server, &mut worker).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_all_refused_end_at_a_limit_of_their_sender() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut worker = honest_worker(&server).await;
    let unknown = json!({"kind": "image", "model": "nobody-has-it", "input": {"prompt": "a lake"}});
    for headers in
        [vec![("x-forwarded-for", ATTACKER)], vec![("x-forwarded-for", "203.0.113.10"), ("x-api-key", "guess")]]
    {
        let expected = if headers.len() == 1 { 422 } else { 401 };
        let mut statuses = Vec::new();
        for _ in 0..MANY {
            let status = server.post_with("/v1/jobs", &headers, &unknown).await.status;
            statuses.push(status);
            if status == 429 {
                break;
            }
        }
        assert_eq!(statuses.last(), Some(&429), "refused requests of one address are looked at without end");
        assert!(statuses.len() > 500 && statuses[..statuses.len() - 1].iter().all(|status| *status == expected));
        // Units come back meanwhile, and some of these requests may find one.
        let mut problem = server.post_with("/v1/chat/completions", &headers, &json!({})).await;
        for _ in 0..MANY {
            if problem.status == 429 {
                break;
            }
            problem = server.post_with("/v1/chat/completions", &headers, &json!({})).await;
        }
        assert_eq!((problem.status, problem.json()["error"]["code"].as_str()), (429, Some("too_many_requests")));
    }
    serve_honestly(&server, &mut worker).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_without_a_lease_take_no_room_from_a_result() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut worker = honest_worker(&server).await;
    let attack = (0..64_u32).map(async |number| {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST /v1/miners/jobs/lease_{number:032x}/result HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n\
             content-length: {RESULT_MAX_BYTES}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let _ = socket.write_all(&[b' '; 64 << 10]).await;
        let mut begin = [0; 12];
        let answered = tokio::time::timeout(PATIENCE, socket.read_exact(&mut begin)).await;
        answered.expect("the body is waited for").unwrap();
        assert_eq!(&begin, b"HTTP/1.1 404");
        socket
    });
    let held = join_all(attack).await;
    serve_honestly(&server, &mut worker).await;
    drop(held);
    server.stop().await;
}

/// Sends a megabyte of a body that does not end, and waits for a refusal.
async fn half_a_body(server: &TestServer, from: &str) -> [u8; 12] {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: hub\r\nx-forwarded-for: {from}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        1 << 20
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let _ = socket.write_all(&vec![b' '; (1 << 20) - 1]).await;
    let mut begin = [0; 12];
    socket.read_exact(&mut begin).await.unwrap();
    begin
}

/// So many of these bodies are refused; what is left of them is held.
async fn await_refusals(bodies: &mut (impl Stream<Item = [u8; 12]> + Unpin), refusals: usize) {
    for number in 0..refusals {
        let next = tokio::time::timeout(PATIENCE, bodies.next()).await;
        let begin = next.unwrap_or_else(|_| panic!("only {number} bodies are refused")).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 503");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_bodies_take_no_room_from_a_result() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut worker = honest_worker(&server).await;
    let mut of_one: FuturesUnordered<_> = (0..72).map(|_| half_a_body(&server, ATTACKER)).collect();
    await_refusals(&mut of_one, 64).await;
    let padded = " ".repeat(200_000) + &small_job(1).to_string();
    let headers = [("x-forwarded-for", HONEST), ("content-type", "application/json")];
    let answer = server.send("POST", "/v1/jobs", &headers, padded.into_bytes()).await;
    assert_eq!(answer.status, 201, "another address waits for the first");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let others: Vec<String> = (0..90).map(|number| format!("192.0.2.{}", number / 9)).collect();
    let mut of_many: FuturesUnordered<_> = others.iter().map(|from| half_a_body(&server, from)).collect();
    await_refusals(&mut of_many, 30).await;

    let assignment = tokio::time::timeout(PATIENCE, worker.assignment()).await.expect("no job comes");
    let body = serde_json::to_string(&result(&worker.key, &assignment)).unwrap();
    let padded = " ".repeat(900_000) + &body;
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    let answer = server.send("POST", &path, &headers, padded.into_bytes()).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let job = server.follow(&id, &headers[..1], is_minted).await;
    assert_eq!(job["state"], "COMPLETED");
    assert_eq!(server.app.hub.board().miner(worker.address()).unwrap().faults, 0);
    drop((of_one, of_many));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pages_is_refused_and_others_go_on() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut worker = honest_worker(&server).await;
    for (path, media_type) in [("/explorer", "text/html"), ("/v1/miners?limit=100", "application/problem+json")] {
        let headers = [("x-forwarded-for", ATTACKER), ("accept", "text/html")];
        let attack = join_all((0..150).map(|_| server.send("GET", path, &headers, vec![])));
        let honest = async {
            let of_other = server.send("GET", path, &[("x-forwarded-for", HONEST)], vec![]).await;
            assert_eq!(of_other.status, 200, "{path}: another address waits for the first");
            serve_honestly(&server, &mut worker).await;
        };
        let (answers, ()) = tokio::join!(attack, honest);
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
        assert!(!refused.is_empty(), "{path}: 150 at once are all made");
        for answer in refused {
            assert!([429, 503].contains(&answer.status), "{}", answer.status);
            assert!(answer.header("content-type").starts_with(media_type), "{}", answer.header("content-type"));
            assert!(!answer.header("retry-after").is_empty());
        }
    }
    server.stop().await;
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Asks 32 times over one connection of HTTP/2, whose window takes no byte of an answer. How many were refused.
async fn ask_without_a_window(server: &TestServer, path: &str, from: &str) -> (TcpStream, usize) {
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const END_OF_STREAM_AND_HEADERS: u8 = 5;
    const STATUS_200: u8 = 0x88;
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    // GET, http, the path, the host, and a header with a name of its own.
    let block =
        [vec![0x82, 0x86, 0x04], text(path), vec![0x01], text("hub"), vec![0], text("x-forwarded-for"), text(from)];
    let mut asked = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    asked.extend(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    for number in 0..32 {
        asked.extend(frame(HEADERS, END_OF_STREAM_AND_HEADERS, 2 * number + 1, &block.concat()));
    }
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(&asked).await.unwrap();
    let (mut answered, mut refused) = (0, 0);
    while answered < 32 {
        let mut head = [0; 9];
        tokio::time::timeout(PATIENCE, socket.read_exact(&mut head)).await.expect("no answer comes").unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        socket.read_exact(&mut payload).await.unwrap();
        if head[3] == HEADERS {
            answered += 1;
            refused += usize::from(payload[0] != STATUS_200);
        }
    }
    (socket, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_of_large_answers_holds_little() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut worker = honest_worker(&server).await;
    let (mut held, mut refused) = (Vec::new(), 0);
    while refused == 0 && held.len() < 40 {
        let (socket, more) = ask_without_a_window(&server, "/openapi.json", ATTACKER).await;
        held.push(socket);
        refused += more;
    }
    assert!(held.len() > 1, "an honest browser is refused");
    assert!(refused > 0, "1280 large answers wait for one address");
    serve_honestly(&server, &mut worker).await;
    assert_eq!(server.send("GET", "/openapi.json", &[("x-forwarded-for", HONEST)], vec![]).await.status, 200);
    drop(held);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_never_end_keep_nobody_out() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut worker = honest_worker(&server).await;
    let attack = (0..400).map(async |_| {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(b"GET /v1/health HTTP/1.1\r\nhost: hub\r\nx-half: ").await.unwrap();
        socket
    });
    let held = join_all(attack).await;
    serve_honestly(&server, &mut worker).await;
    assert_eq!(server.get("/v1/status").await.status, 200);
    drop(held);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_refused() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"GET /v1/health HTTP/1.1\r\nhost: hub\r\n").await.unwrap();
    let endless = async {
        for _ in 0..1_024 {
            let line = format!("x-{}: 1\r\n", "y".repeat(1_000));
            if socket.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = tokio::time::timeout(PATIENCE, endless).await.expect("a head of a megabyte is read");
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    let long = "y".repeat(20_000);
    let answer = server.send("GET", "/v1/health", &[("x-long", &long)], vec![]).await;
    assert_eq!(answer.status, 200, "a long cookie is no attack");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_compute_without_end_keep_neither_page_nor_mint_waiting() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let mut worker = honest_worker(&server).await;
    // JUMPDEST, PUSH0, JUMP: what a new contract's first code runs until its gas is used.
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"data": "0x5b5f56"}, "latest"]});
    let attack = join_all((0..48).map(|_| server.post("/rpc", &call)));
    let honest = async {
        for _ in 0..5 {
            let status = tokio::time::timeout(PATIENCE, server.get("/v1/status")).await.expect("the page waits");
            assert_eq!(status.status, 200);
        }
        serve_honestly(&server, &mut worker).await;
    };
    let (answers, ()) = tokio::join!(attack, honest);
    for answer in answers {
        let body: Value = answer.json();
        assert!(body["error"]["message"].is_string(), "a call without end has a result: {body}");
    }
    assert_eq!(server.post("/v1/jobs", &small_job(3)).await.status, 201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_address_end_at_its_limit_and_others_go_on() {
    let (_folder, server) = behind_proxy(|_| {}).await;
    let request = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let call = request("eth_call", json!([{ "to": "0x00000000000000000000000000000000000000aa" }, "latest"]));
    let batch = Value::Array(vec![call; 100]);
    let (mut answered, mut refused) = (0, None);
    for _ in 0..MANY {
        let answers = server.post_with("/rpc", &[("x-forwarded-for", ATTACKER)], &batch).await.json();
        let answers = answers.as_array().unwrap().clone();
        answered += answers.iter().filter(|answer| answer["result"] == "0x").count();
        refused = answers.into_iter().find(|answer| answer["result"].is_null());
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("somebody calls without end");
    assert_eq!(refused["error"]["code"], -32_005, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("one network address"), "{refused}");
    assert!(answered >= 1_200, "an honest burst of {answered} calls is too much");
    // Some units come back meanwhile, for far fewer reads than these.
    let mut is_refused = false;
    for _ in 0..MANY / 100 {
        let reads = (0..100).map(|_| server.send("GET", "/rpc/mempool", &[("x-forwarded-for", ATTACKER)], vec![]));
        is_refused = join_all(reads).await.iter().any(|answer| answer.status == 429);
        if is_refused {
            break;
        }
    }
    assert!(is_refused, "REST has calls of its own");
    let id = request("eth_chainId", json!([]));
    let of_other = server.post_with("/rpc", &[("x-forwarded-for", HONEST)], &id).await.json();
    assert_eq!(of_other["result"], "0x60f6", "{of_other}");
    server.stop().await;
}
