//! Signed transactions over JSON-RPC until they can be read, on one node that writes all of it to its disk, and on anvil, which keeps
//! it in memory, with the same transactions.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, hex, keccak256};
use alloy_sol_types::SolCall as _;
use anyhow::{Context as _, Result, bail, ensure};
use contracts::{AI_TOKEN_ADDRESS, AIToken};
use k256::ecdsa::SigningKey;
use node::{Node, NodeHandle, Role};
use serde_json::{Value, json};
use ureq::Agent;

const SENDERS: u8 = 64;
const PER_SENDER: u64 = 128;
/// Connections that send at once.
const CLIENTS: usize = 16;
const BAR: f64 = 1.5;
/// How often a client asks whether its transaction can be read.
const POLL: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(120);

/// A kind of transaction with the first seed of its senders.
struct Load {
    name: &'static str,
    first_seed: u8,
    sign: fn(u8, u64) -> Result<Vec<u8>>,
}

const LOADS: [Load; 2] = [
    Load { name: "transfers over JSON-RPC until readable", first_seed: 1, sign: super::transfer },
    Load { name: "ERC-20 transfers over JSON-RPC until readable", first_seed: 101, sign: token_transfer },
];

/// A transfer of no AIT to oneself, which is the same work for the contract as any other but for two slots.
fn token_transfer(seed: u8, nonce: u64) -> Result<Vec<u8>> {
    let to = Address::from_private_key(&SigningKey::from_slice(&[seed; 32])?);
    let input = AIToken::transferCall { to, value: alloy_primitives::U256::ZERO }.abi_encode().into();
    super::call(seed, nonce, AI_TOKEN_ADDRESS, input, 100_000)
}

pub(super) async fn measure(anvil: Option<&Path>) -> Result<Vec<Value>> {
    let directory = tempfile::tempdir()?;
    let config = super::config(directory.path(), super::genesis(1)?, Role::Alone(super::validator(0)?));
    let node = Node::start(config)?;
    let url = serve(node.handle()).await?;
    let own = run_all(url).await?;
    let code = node.handle().query(|snapshot| Ok(snapshot.state_at(0)?.code_at(AI_TOKEN_ADDRESS)?)).await?;
    tokio::task::spawn_blocking(move || node.shutdown()).await??;
    let Some(anvil) = anvil else {
        eprintln!("anvil is not at hand, so that nothing is measured beside it: run npm ci in e2e");
        return Ok(LOADS.iter().zip(own).map(|(load, rate)| figure(load, "one node, durable", rate)).collect());
    };
    let anvil = Anvil::start(anvil, code)?;
    let theirs = run_all(anvil.url.clone()).await?;
    drop(anvil);
    let mut figures = Vec::new();
    for ((load, own), theirs) in LOADS.iter().zip(own).zip(theirs) {
        figures.push(figure(load, "one node, durable", own));
        figures.push(figure(load, "anvil --block-time 1, in memory", theirs));
        let name = format!("{}, against anvil", load.name);
        figures.push(super::at_least(BAR, &name, own / theirs, "×"));
    }
    Ok(figures)
}

fn figure(load: &Load, on: &str, rate: f64) -> Value {
    json!({ "name": format!("{}, {on}", load.name), "value": rate, "unit": "per s" })
}

async fn serve(node: NodeHandle) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/rpc", listener.local_addr()?);
    let service = node::router(node)?.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(url)
}

async fn run_all(url: String) -> Result<Vec<f64>> {
    tokio::task::spawn_blocking(move || LOADS.iter().map(|load| run(&url, load)).collect()).await?
}

/// A sender's transactions as requests, and the hash of the last.
struct Queue {
    requests: Vec<String>,
    last: B256,
}

fn queue(load: &Load, seed: u8) -> Result<Queue> {
    let (mut requests, mut last) = (Vec::new(), B256::ZERO);
    for nonce in 0..PER_SENDER {
        let raw = (load.sign)(seed, nonce)?;
        last = keccak256(&raw);
        requests.push(request("eth_sendRawTransaction", &json!([hex::encode_prefixed(raw)])));
    }
    Ok(Queue { requests, last })
}

fn request(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

fn run(url: &str, load: &Load) -> Result<f64> {
    let queues: Vec<Queue> = (0..SENDERS).map(|sender| queue(load, load.first_seed + sender)).collect::<Result<_>>()?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let share = queues.len() / CLIENTS;
        let clients: Vec<_> =
            queues.chunks(share).map(|queues| scope.spawn(move || send_and_read(url, queues))).collect();
        clients.into_iter().try_for_each(|client| match client.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a client panicked"),
        })
    })?;
    Ok(f64::from(SENDERS) * PER_SENDER as f64 / begun.elapsed().as_secs_f64())
}

fn send_and_read(url: &str, queues: &[Queue]) -> Result<()> {
    let agent = Agent::new_with_defaults();
    for sent in queues.iter().flat_map(|queue| &queue.requests) {
        ask(&agent, url, sent)?;
    }
    let until = Instant::now() + PATIENCE;
    for queue in queues {
        let asked = request("eth_getTransactionReceipt", &json!([queue.last]));
        while ask(&agent, url, &asked)?.is_null() {
            ensure!(Instant::now() < until, "a transaction cannot be read after {} s", PATIENCE.as_secs());
            std::thread::sleep(POLL);
        }
    }
    Ok(())
}

/// The result of a call.
fn ask(agent: &Agent, url: &str, request: &str) -> Result<Value> {
    let mut answer = agent.post(url).header("content-type", "application/json").send(request)?;
    let mut answer: Value = answer.body_mut().read_json()?;
    ensure!(answer.get("error").is_none(), "{url} refuses {request}: {answer}");
    Ok(answer["result"].take())
}

/// A running anvil; ended when it is dropped.
struct Anvil {
    process: Child,
    url: String,
}

impl Anvil {
    /// With this chain's id and token, and free gas.
    fn start(program: &Path, token_code: Bytes) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(program)
            .args([
                "--silent",
                "--block-time",
                "1",
                "--base-fee",
                "0",
                "--gas-price",
                "0",
                "--disable-min-priority-fee",
            ])
            .args(["--chain-id", &shared::chain::DEV_CHAIN_ID.to_string(), "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let mut anvil = Self { process, url: format!("http://127.0.0.1:{port}") };
        let agent = Agent::new_with_defaults();
        while let Err(error) = ask(&agent, &anvil.url, &request("eth_chainId", &json!([]))) {
            ensure!(anvil.process.try_wait()?.is_none(), "anvil ended: {error}");
            std::thread::sleep(POLL);
        }
        ask(&agent, &anvil.url, &request("anvil_setCode", &json!([AI_TOKEN_ADDRESS, token_code])))?;
        Ok(anvil)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // An error says that it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
