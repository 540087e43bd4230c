//! Cheating miners against the real system, each by the messages that any worker may send: over an SQLite file, and, except for
//! those whose result itself is false, also over one PostgreSQL with two hubs on one chain, in turns at either. Each ends with
//! less than honest work would have left it, the client has its picture or pays nothing, and the honest miners lose nothing.

use std::net::SocketAddr;
use std::time::Duration;

use hub::audit::Draw;
use hub::lease::HEARTBEAT_SECONDS;
use serde_json::Value;
use server::config::Config;
use server::serve::Server;
use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::capability::Capability;
use shared::digest::Sha256Digest;
use shared::id::LeaseId;
use shared::job::task::TaskRole;
use shared::protocol::{Assignment, ResultSubmission, WorkerMessage};
use shared::receipt::JobReceipt;
use test_support::postgres::database_or_skip;
use tokio::task::JoinHandle;

use super::audits::{another_seed, audited, auditing, honest, nearly_blank, of_picture, post, receipt_of};
use super::command_line::{aitbc, json};
use super::server::{TestServer, is_over};
use super::two_hubs::{admit, new_chain, second};
use super::worker::{TestWorker, capability, key, picture, receipt, result, sign};

/// As long as a network holds usually.
const HOLD_SECONDS: &str = "86400";

/// How often a miner says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(HEARTBEAT_SECONDS);

/// What one honest receipt of a small job is worth.
const REWARD: Amount = Amount::from_atto(8_192_000_000_000_000);

/// Seeds of pictures that lie far apart.
const EARLIER: u64 = 150;
const ASKED: u64 = 7;

/// Where cheats work.
struct Place {
    hubs: Vec<TestServer>,
    _folder: tempfile::TempDir,
}

impl Place {
    /// `controls` says which confirmed results a third miner computes as well.
    async fn sqlite(controls: Draw) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hub = TestServer::start_with(Config { controls, ..cheated(auditing(folder.path())) }).await;
        Self { hubs: vec![hub], _folder: folder }
    }

    /// Two hubs over one database, the second on the chain of the first. `None` where there is no PostgreSQL: the test then
    /// counts as skipped, though it ran on SQLite.
    async fn postgres(controls: Draw) -> Option<Self> {
        let url = database_or_skip()?;
        let folder = tempfile::tempdir().unwrap();
        let shared = |config: Config| cheated(Config { database_url: Some(url.parse().unwrap()), controls, ..config });
        let chain = new_chain(folder.path(), &["--hold-seconds", HOLD_SECONDS]).await;
        let first = TestServer::start_with(shared(auditing(&chain))).await;
        let other = second(&folder.path().join("second"), &first, &chain.join("genesis.json"));
        let other = Config { audits: first.app.config.audits, ..shared(other) };
        let refused = Server::start(other.clone()).await.err().unwrap();
        admit(&chain, &first, &refused).await;
        let other = TestServer::start_with(other).await;
        Some(Self { hubs: vec![first, other], _folder: folder })
    }

    fn hub(&self, number: usize) -> &TestServer {
        &self.hubs[number % self.hubs.len()]
    }

    async fn stop(mut self) {
        // The one that follows goes first.
        while let Some(hub) = self.hubs.pop() {
            hub.stop().await;
        }
    }
}

/// One visitor asks for more here than a day allows.
fn cheated(mut config: Config) -> Config {
    config.limits.images_per_key_per_minute = 1_000;
    config.limits.sponsored_per_address_per_day = 1_000;
    config
}

async fn at_each_place(controls: Draw, body: impl AsyncFn(&Place)) {
    let place = Place::sqlite(controls).await;
    body(&place).await;
    place.stop().await;
    if let Some(place) = Place::postgres(controls).await {
        body(&place).await;
        place.stop().await;
    }
}

/// Three miners that only one cheat of a test meets: the cheat, and two others.
fn keys(number: usize) -> [shared::signing::PrivateKey; 3] {
    let first = 3 * u8::try_from(number).unwrap() + 1;
    [first, first + 1, first + 2].map(key)
}

/// The hub has noticed that those who worked here before are gone.
async fn nobody_is_left(server: &TestServer) {
    while server.app.hub.board().miners().next().is_some() {
        tokio::task::yield_now().await;
    }
}

/// Says, as real miners do, that this one is there and works on these leases.
async fn heartbeat(worker: &mut TestWorker, leases: &[LeaseId]) {
    worker.send(&WorkerMessage::Heartbeat { leases: leases.to_vec() }).await;
}

/// Waits while a miner that works on these leases is heard.
async fn heard<T>(worker: &mut TestWorker, leases: &[LeaseId], waited: impl Future<Output = T>) -> T {
    let mut beats = tokio::time::interval(HEARTBEAT);
    tokio::pin!(waited);
    loop {
        tokio::select! {
            result = &mut waited => return result,
            _ = beats.tick() => heartbeat(worker, leases).await,
        }
    }
}

/// Serves honestly until it is dropped.
struct Honest {
    address: Address,
    serving: JoinHandle<()>,
}

impl Drop for Honest {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Honest {
    async fn connect(server: &TestServer, key: shared::signing::PrivateKey) -> Self {
        let worker = TestWorker::connect(server.address, key, 1).await;
        Self { address: worker.address(), serving: tokio::spawn(serve(worker, server.address)) }
    }
}

async fn serve(mut worker: TestWorker, hub: SocketAddr) {
    let mut beats = tokio::time::interval(HEARTBEAT);
    loop {
        let assignment = tokio::select! {
            assignment = worker.assignment() => assignment,
            _ = beats.tick() => {
                heartbeat(&mut worker, &[]).await;
                continue;
            }
        };
        let body = serde_json::to_vec(&honest(&worker, &assignment)).unwrap();
        let lease_id = assignment.lease_id;
        heard(&mut worker, &[lease_id], is_taken(hub, lease_id, body)).await;
    }
}

/// Hands a result in until the hub takes it. The hub asks for another try while it stores what the result is compared with.
async fn is_taken(hub: SocketAddr, lease_id: LeaseId, body: Vec<u8>) {
    let url = format!("http://{hub}/v1/miners/jobs/{lease_id}/result");
    loop {
        let (url, body) = (url.clone(), body.clone());
        let post = move || ureq::post(&url).content_type("application/json").send(body.as_slice()).map(drop);
        match tokio::task::spawn_blocking(post).await.unwrap() {
            Err(ureq::Error::StatusCode(503)) => tokio::time::sleep(Duration::from_millis(20)).await,
            answer => return answer.unwrap(),
        }
    }
}

/// Waits while these miners serve. Where one of them ends, so does the test.
async fn beside<T>(miners: &mut [Honest], waited: impl Future<Output = T>) -> T {
    let serving = miners.iter_mut().map(|honest| &mut honest.serving);
    tokio::select! {
        result = waited => result,
        (ended, ..) = futures::future::select_all(serving) => panic!("an honest miner serves no more: {ended:?}"),
    }
}

async fn account_of(server: &TestServer, miner: Address) -> Value {
    server.get(&format!("/v1/miners/{miner}")).await.json()
}

async fn hand_in(server: &TestServer, assignment: &Assignment, submission: &ResultSubmission) -> u16 {
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    server.post(&path, &serde_json::to_value(submission).unwrap()).await.status
}

/// What the miner has on the chain, and what it may still get from there.
async fn collects(server: &TestServer, miner: Address) -> Amount {
    let node = &server.app.node;
    let [balance, held] = [node.token_balance(miner).await.unwrap(), node.held_amount(miner).await.unwrap()];
    balance.checked_add(held).unwrap()
}

/// Waits until a miner that did nothing wrong has so much at least, and looks at its account.
async fn is_well_paid(server: &TestServer, address: Address, at_least: Amount, name: &str) {
    let mut has = Amount::ZERO;
    for _ in 0..15_000 {
        has = collects(server, address).await;
        if has >= at_least {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(has >= at_least, "{name}: the honest miner has {has}");
    let account = account_of(server, address).await;
    let counts = (field(&account, "faults"), field(&account, "reputation_per_mille"));
    assert_eq!(counts, (0, 1_000), "{name}: {account}");
    assert!(account["paused"].is_null() && account["audits"]["refuted"] == 0, "{name}: {account}");
}

fn field(account: &Value, name: &str) -> u64 {
    account[name].as_u64().unwrap_or_else(|| panic!("no {name}: {account}"))
}

/// What becomes of a result that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is turned away as it comes, and another miner makes the picture.
    TurnedAway,
    /// It is delivered, and two others agree against it.
    Refuted,
}

type Made = fn(&TestWorker, &Assignment) -> ResultSubmission;

const CHEATS: [(&str, Made, End); 7] = [
    ("draws nothing", blank, End::TurnedAway),
    ("draws nearly nothing", nearly_blank, End::Refuted),
    ("draws with another model", of_another_model, End::Refuted),
    ("draws with another model and says so", names_another_model, End::TurnedAway),
    ("draws one picture for all seeds", another_seed, End::Refuted),
    ("signs more units than were agreed", more_units, End::TurnedAway),
    ("signs a higher price than was agreed", higher_price, End::TurnedAway),
];

fn blank(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&[0; 64 * 64]).unwrap();
    of_picture(worker, assignment, &bytes)
}

/// Other weights give another picture of the same seed.
fn of_another_model(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    of_picture(worker, assignment, &drawn(|index| (index * 7 + ASKED) % 251))
}

fn names_another_model(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    let manifest = Sha256Digest::of(b"other weights");
    signed(worker, assignment, |receipt| receipt.determinism_class = format!("{}@{manifest}/test", assignment.model))
}

fn more_units(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    signed(worker, assignment, |receipt| receipt.units = MicroUnits(receipt.units.0 * 2))
}

fn higher_price(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    signed(worker, assignment, |receipt| receipt.unit_price = Amount::from_ait(2))
}

fn copied(worker: &TestWorker, assignment: &Assignment) -> ResultSubmission {
    of_picture(worker, assignment, &picture(64, 64, EARLIER))
}

fn drawn(level: impl Fn(u64) -> u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..64 * 64 * 3).map(|index| level(index) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

/// The honest picture under a receipt of its own making.
fn signed(worker: &TestWorker, assignment: &Assignment, change: impl Fn(&mut JobReceipt)) -> ResultSubmission {
    let file = picture(64, 64, ASKED);
    let mut receipt = receipt(worker.address(), assignment, &file);
    change(&mut receipt);
    sign(&worker.key, receipt, &assignment.terms, &file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cheat_of_each_kind_loses_and_nobody_else() {
    let place = Place::sqlite(Draw::Never).await;
    for (number, (name, make, end)) in CHEATS.into_iter().enumerate() {
        loses(place.hub(number), keys(number), name, make, end).await;
    }
    place.stop().await;
}

async fn loses(server: &TestServer, keys: [shared::signing::PrivateKey; 3], name: &str, make: Made, end: End) {
    nobody_is_left(server).await;
    let [cheat, one, other] = keys;
    let mut cheat = TestWorker::connect(server.address, cheat, 1).await;
    // An earlier receipt of the same miner, honest and held.
    let before = server.submit(&[], EARLIER).await;
    let assignment = cheat.assignment().await;
    post(server, &assignment, &honest(&cheat, &assignment)).await;
    heard(&mut cheat, &[], receipt_of(server, &before, |receipt| receipt["hold"]["state"] == "held")).await;

    let id = server.submit(&[], ASKED).await;
    let assignment = cheat.assignment().await;
    let mut others = [Honest::connect(server, one).await, Honest::connect(server, other).await];
    let miners = others.each_ref().map(|honest| honest.address);
    let answer = hand_in(server, &assignment, &make(&cheat, &assignment)).await;
    // Else it would be drawn for the audit of what another makes now.
    let cheat = {
        let worker = cheat;
        worker.address()
    };
    assert_eq!(answer, if end == End::TurnedAway { 422 } else { 200 }, "{name}");
    let tried = Tried { cheat, before, id, others: miners };
    beside(&mut others, has_lost(server, &tried, name, end)).await;
}

/// What a cheat handed in, and who else was there.
struct Tried {
    cheat: Address,
    /// Its job before, which it did honestly.
    before: String,
    id: String,
    others: [Address; 2],
}

async fn has_lost(server: &TestServer, tried: &Tried, name: &str, end: End) {
    let Tried { cheat, before, id, others } = tried;
    let done = server.follow(id, &[], is_over).await;
    assert_eq!(done["state"], "COMPLETED", "{name}: {done}");
    let wanted = if end == End::TurnedAway { "confirmed" } else { "refuted" };
    let told = audited(server, id, wanted).await;

    let account = match end {
        End::TurnedAway => {
            let provider: Address = told["receipt"]["provider"].as_str().unwrap().parse().unwrap();
            assert!(others.contains(&provider), "{name}: {told}");
            let file = server.get(&format!("/v1/jobs/{id}/artifacts/0")).await;
            assert_eq!((file.status, file.body), (200, picture(64, 64, ASKED)), "{name}");
            assert_eq!(collects(server, *cheat).await, REWARD, "{name}: it has what it earned before");
            account_of(server, *cheat).await
        }
        End::Refuted => {
            // Where it was refuted before its mint, there is none.
            let is_worthless =
                |receipt: &Value| receipt["hold"]["state"] == "voided" || receipt["settlement"] == "refused";
            receipt_of(server, id, is_worthless).await;
            receipt_of(server, before, |receipt| receipt["hold"]["state"] == "voided").await;
            assert_eq!(collects(server, *cheat).await, Amount::ZERO, "{name}");
            let account = account_of(server, *cheat).await;
            assert!(account["earned"] == "0" && account["held"] == "0", "{name}: {account}");
            account
        }
    };
    let (faults, refuted) = if end == End::Refuted { (hub::audit::REFUTED_FAULTS, 1) } else { (1, 0) };
    assert_eq!((field(&account, "faults"), field(&account["audits"], "refuted")), (faults, refuted), "{name}");
    assert!(field(&account, "reputation_per_mille") < 1_000, "{name}: {account}");
    for address in others {
        is_well_paid(server, *address, REWARD, name).await;
    }
}

const LIES: [(&str, Made); 3] = [
    ("always says that the result is wrong", another_seed),
    ("hands in an earlier job's picture", copied),
    ("hands in nearly nothing", nearly_blank),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_that_lies_loses_as_a_cheat_does_and_the_honest_miner_nothing() {
    at_each_place(Draw::Never, async |place| {
        for (number, (name, lie)) in LIES.into_iter().enumerate() {
            lies(place.hub(number), keys(number), name, lie).await;
        }
    })
    .await;
}

async fn lies(server: &TestServer, keys: [shared::signing::PrivateKey; 3], name: &str, lie: Made) {
    nobody_is_left(server).await;
    let [liar, honest_key, third] = keys;
    let mut first = TestWorker::connect(server.address, honest_key, 1).await;
    let id = server.submit(&[], ASKED).await;
    let assignment = first.assignment().await;
    // Nobody else could audit it yet.
    let mut liar = TestWorker::connect(server.address, liar, 1).await;
    post(server, &assignment, &honest(&first, &assignment)).await;
    let audit = liar.assignment().await;
    assert_eq!(audit.task.role, TaskRole::Audit);
    let mut third = Honest::connect(server, third).await;
    let lie = lie(&liar, &audit);
    post(server, &audit, &lie).await;
    let miners = [first.address(), third.address];
    let lost = has_lied(server, (liar.address(), &lie), &id, miners, name);
    beside(std::slice::from_mut(&mut third), lost).await;
}

/// The first of the honest miners made the result, and the second was asked third.
async fn has_lied(
    server: &TestServer,
    (liar, lie): (Address, &ResultSubmission),
    id: &str,
    honest: [Address; 2],
    name: &str,
) {
    let told = audited(server, id, "auditor_refuted").await;
    assert!(told["void_reason"].is_null(), "{name}: {told}");
    let path = format!("/v1/receipts/{}", lie.receipt.hash().unwrap());
    let mut of_lie = Value::Null;
    for _ in 0..15_000 {
        of_lie = server.get(&path).await.json();
        if !of_lie["void_reason"].is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!of_lie["void_reason"].is_null(), "{name}: {of_lie}");
    assert_eq!(collects(server, liar).await, Amount::ZERO, "{name}");
    let account = account_of(server, liar).await;
    assert_eq!(
        (account["earned"].as_str(), field(&account, "faults")),
        (Some("0"), hub::audit::REFUTED_FAULTS),
        "{name}"
    );
    assert!(field(&account, "reputation_per_mille") < 200, "{name}: {account}");
    assert_eq!(account_of(server, honest[0]).await["audits"]["confirmed"], 1, "{name}");
    for address in honest {
        is_well_paid(server, address, REWARD, name).await;
    }
}

/// What a third miner hands in, and whether it is refuted.
const THIRDS: [(&str, Made, bool); 3] = [
    ("always says that the result is wrong", another_seed, true),
    ("hands in an earlier job's picture", copied, true),
    ("works", honest, false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_third_opinion_is_asked_where_the_first_two_agree_and_who_lies_there_is_refuted() {
    at_each_place(Draw::Always, async |place| {
        for (number, (name, make, is_lie)) in THIRDS.into_iter().enumerate() {
            is_looked_at(place.hub(number), keys(number), name, make, is_lie).await;
        }
        // Hubs that share a database count miners together, and each has a log of its own.
        if let [hub] = place.hubs.as_slice() {
            let url = format!("http://{}", hub.address);
            let counted = json(&aitbc(&["audit", "recompute", "--url", &url, "--json"]).await);
            assert_eq!(counted["agrees"], true, "{counted}");
        }
    })
    .await;
}

async fn is_looked_at(
    server: &TestServer,
    keys: [shared::signing::PrivateKey; 3],
    name: &str,
    make: Made,
    is_lie: bool,
) {
    nobody_is_left(server).await;
    let [third, one, other] = keys;
    let mut first = TestWorker::connect(server.address, one, 1).await;
    let id = server.submit(&[], ASKED).await;
    let assignment = first.assignment().await;
    // Each is the only one that can be asked then.
    let mut auditor = TestWorker::connect(server.address, other, 1).await;
    post(server, &assignment, &honest(&first, &assignment)).await;
    let audit = auditor.assignment().await;
    let mut third = TestWorker::connect(server.address, third, 1).await;
    post(server, &audit, &honest(&auditor, &audit)).await;
    let opinion = third.assignment().await;
    assert_eq!(opinion.task.role, TaskRole::ThirdOpinion);

    // It reads nothing of how the first two stand to each other.
    let open = receipt_of(server, &id, |_| true).await;
    let told = (open["audit"]["state"].as_str(), open["audit"]["opinions"].as_array().unwrap().len());
    assert_eq!(told, (Some("waiting"), 0), "{name}: {open}");
    let of_audit = honest(&auditor, &audit).receipt.result_commitment;
    assert_ne!(open["receipt"]["result_commitment"], of_audit.to_string(), "{name}: the two pictures are the same");
    server.get(&format!("/v1/jobs/{id}/artifacts/0")).await.problem(403);

    post(server, &opinion, &make(&third, &opinion)).await;
    let state = if is_lie { "third_refuted" } else { "confirmed" };
    let told = audited(server, &id, state).await;
    assert_eq!(told["audit"]["opinions"].as_array().unwrap().len(), 2, "{name}: {told}");
    let account = account_of(server, third.address()).await;
    if is_lie {
        assert_eq!(told["audit"]["refuted"].as_str().unwrap().parse(), Ok(third.address()), "{name}");
        assert_eq!((field(&account, "faults"), field(&account["audits"], "refuted")), (hub::audit::REFUTED_FAULTS, 1));
        assert_eq!(collects(server, third.address()).await, Amount::ZERO, "{name}");
    } else {
        is_well_paid(server, third.address(), REWARD, name).await;
    }
    assert_eq!(account_of(server, first.address()).await["audits"]["confirmed"], 1, "{name}");
    for address in [first.address(), auditor.address()] {
        is_well_paid(server, address, REWARD, name).await;
    }
}

type Offered = fn(&mut Capability);

/// Offers of a miner that wants every job.
const GREEDY: [(&str, Offered, u128); 2] = [
    ("asks no price", |capability| capability.offers.iter_mut().for_each(|offer| offer.unit_price = Amount::ZERO), 0),
    (
        "states a thousand times its speed",
        |capability| {
            let speeds = capability.offers.iter_mut().map(|offer| &mut offer.measured_micro_units_per_second);
            speeds.for_each(|speed| *speed *= 1_000);
        },
        REWARD.atto(),
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_wins_every_job_earns_no_more_for_one() {
    at_each_place(Draw::Never, async |place| {
        for (number, (name, change, worth)) in GREEDY.into_iter().enumerate() {
            let server = place.hub(number);
            nobody_is_left(server).await;
            let [greedy, other, _] = keys(number);
            let mut offers = capability(1);
            change(&mut offers);
            let mut greedy = TestWorker::register(server.address, greedy, offers, vec![]).await;
            let mut other = TestWorker::connect(server.address, other, 1).await;
            // One of them is free, and then the other.
            let ids = [server.submit(&[], 1).await, server.submit(&[], 2).await];
            let assignments = [greedy.assignment().await, other.assignment().await];
            for (worker, assignment) in [&greedy, &other].into_iter().zip(&assignments) {
                post(server, assignment, &result(&worker.key, assignment)).await;
            }
            for id in &ids {
                assert_eq!(server.follow(id, &[], is_over).await["state"], "COMPLETED", "{name}");
            }
            for (assignment, worth) in assignments.iter().zip([worth, REWARD.atto()]) {
                let told = receipt_of(server, &assignment.task.job_id.to_string(), |_| true).await;
                let receipt: JobReceipt = serde_json::from_value(told["receipt"].clone()).unwrap();
                assert_eq!(receipt.amount().unwrap(), Amount::from_atto(worth), "{name}");
            }
            is_well_paid(server, other.address(), REWARD, name).await;
            assert!(collects(server, greedy.address()).await <= Amount::from_atto(worth), "{name}");
        }
    })
    .await;
}
