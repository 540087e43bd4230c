//! Measures the wallet: how long a password takes to open the vault with the chosen parameters, how long a signature takes
//! after that, and how many signatures a second the daemon gives with its policy on. The daemon is the real program in a
//! process of its own. Prints one line of JSON: `[{name, value, unit, bar, holds}]`.
//!
//! The client shares the machine's cores with the daemon, so the figure includes the client's own work.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that measures")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use shared::chain::{DEV_CHAIN_ID, TOKEN_ADDRESS};
use shared::signing::PrivateKey;
use shared::{Address, U256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wallet::protocol::WalletId;
use wallet::rand_core::OsRng;
use wallet::secret::WalletSecret;
use wallet::token::TokenCall;
use wallet::transaction::{Fees, Transaction};
use wallet::vault::{Contents, StoredVault, VaultKey};

const PASSWORD: &str = "correct horse";

const UNLOCKS: usize = 9;
const WARM_UP_SIGNATURES: u32 = 50;
const SIGNATURES: u32 = 1_000;
const DAEMON_WARM_UP: u32 = 200;
const DAEMON_SIGNATURES: u32 = 10_000;

/// Programs that ask the daemon at the same time, each on a connection of its own.
const PROGRAMS: u32 = 32;

/// Slower, and nobody would unlock it; faster, and a stolen copy would be tried too fast.
const UNLOCK_BAR_SECONDS: (f64, f64) = (0.3, 1.0);
const SIGNATURE_BAR_MS: f64 = 5.0;
const DAEMON_BAR: f64 = 2_000.0;

fn main() {
    let (mut program, mut signatures) = (None::<PathBuf>, DAEMON_SIGNATURES);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = || panic!("{argument} takes a value");
        match argument.as_str() {
            "--server" => program = Some(arguments.next().unwrap_or_else(value).into()),
            "--signatures" => signatures = arguments.next().unwrap_or_else(value).parse().unwrap(),
            other => panic!("{other} is not one of --server, --signatures"),
        }
    }
    let program = program.expect("--server names the program aitbc");
    let unlock = unlock_seconds();
    let (transaction, typed_data) = signature_ms();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let per_second = runtime.block_on(daemon(&program, signatures));
    let (fastest, slowest) = UNLOCK_BAR_SECONDS;
    let figures = [
        figure("wallet: unlock, Argon2id, 64 MiB, 3 passes, native", unlock, "s", slowest, unlock <= slowest),
        figure("wallet: the same, for who tries passwords", unlock, "s", fastest, unlock >= fastest),
        figure(
            "wallet: signed transaction after unlock",
            transaction,
            "ms",
            SIGNATURE_BAR_MS,
            transaction <= SIGNATURE_BAR_MS,
        ),
        figure(
            "wallet: signed typed data after unlock",
            typed_data,
            "ms",
            SIGNATURE_BAR_MS,
            typed_data <= SIGNATURE_BAR_MS,
        ),
        figure("wallet: daemon, permits with policy and log", per_second, "1/s", DAEMON_BAR, per_second >= DAEMON_BAR),
    ];
    println!("{}", json!(figures));
}

fn figure(name: &str, value: f64, unit: &str, bar: f64, holds: bool) -> Value {
    json!({ "name": name, "value": value, "unit": unit, "bar": bar, "holds": holds })
}

/// The middle one, the upper of two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn unlock_seconds() -> f64 {
    let secret = WalletSecret::Key(key());
    let vault_key = VaultKey::new(PASSWORD, &mut OsRng).unwrap();
    let stored =
        StoredVault::seal(&Contents::default(), &[(WalletId(1), &secret)], &[], &vault_key, &mut OsRng).unwrap();
    let unlock = || {
        let began = Instant::now();
        let key = stored.key(PASSWORD).unwrap();
        assert_eq!(stored.open(&key).unwrap().secrets.len(), 1);
        began.elapsed().as_secs_f64()
    };
    median((0..UNLOCKS).map(|_| unlock()).collect())
}

fn key() -> PrivateKey {
    PrivateKey::from_bytes(&[7; 32]).unwrap()
}

/// Of a transfer, and of a permit from its JSON on.
fn signature_ms() -> (f64, f64) {
    let key = key();
    let transfer = |number: u32| {
        let input = TokenCall::Transfer { to: Address::repeat_byte(9), amount: U256::from(number) }.encode();
        let (to, value, fees) = (Some(TOKEN_ADDRESS), U256::ZERO, Fees::free());
        let transaction =
            Transaction { chain_id: DEV_CHAIN_ID, nonce: number.into(), gas_limit: 60_000, to, value, input, fees };
        assert!(!transaction.sign(&key).unwrap().raw.is_empty());
    };
    let typed = |number: u32| {
        let data = wallet::typed_data::TypedData::parse(&permit(key.address(), number).to_string()).unwrap();
        assert_eq!(data.sign(&key).unwrap().len(), 65);
    };
    (time_ms(transfer), time_ms(typed))
}

fn time_ms(work: impl Fn(u32)) -> f64 {
    let mut times = Vec::new();
    for number in 0..WARM_UP_SIGNATURES + SIGNATURES {
        let began = Instant::now();
        work(number);
        if number >= WARM_UP_SIGNATURES {
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    median(times)
}

/// ERC-2612 over one smallest unit, each with a number of its own.
fn permit(owner: Address, number: u32) -> Value {
    let member = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let members = [
        member("owner", "address"),
        member("spender", "address"),
        member("value", "uint256"),
        member("nonce", "uint256"),
        member("deadline", "uint256"),
    ];
    let domain = json!({ "name": "AITBC", "version": "1", "chainId": DEV_CHAIN_ID.to_string(), "verifyingContract": TOKEN_ADDRESS });
    let message = json!({
        "owner": owner, "spender": Address::repeat_byte(9), "value": "1", "nonce": number.to_string(), "deadline": "9999999999",
    });
    json!({ "types": { "Permit": members }, "primaryType": "Permit", "domain": domain, "message": message })
}

/// Ends the daemon with the measurement, however that ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn daemon(program: &Path, signatures: u32) -> f64 {
    let place = tempfile::tempdir().unwrap();
    // The daemon makes it, for its user alone.
    let folder = place.path().join("wallets");
    let mut command = Command::new(program);
    command.args(["wallet", "daemon", "--port", "0", "--url", "http://127.0.0.1:1", "--folder"]).arg(&folder);
    let mut daemon = Daemon(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(daemon.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(';').next());
    let address: SocketAddr = address.unwrap_or_else(|| panic!("the daemon does not start: {line}")).parse().unwrap();
    let token = std::fs::read_to_string(folder.join("daemon/token")).unwrap();
    let mut owner = Client::open(address, token.trim()).await;
    let secret = hex::encode(key().to_bytes());
    owner.ask("POST", "import", &json!({ "wallet": "main", "password": PASSWORD, "secret": secret }), 201).await;
    owner.ask("POST", "unlock", &json!({ "wallet": "main", "password": PASSWORD }), 200).await;
    let limits = json!({ "AIT": { "per_transaction": "5", "per_day": "1000000000" } });
    let policy = json!({ "recipients": [Address::repeat_byte(9)], "limits": limits });
    owner.ask("PUT", "policy", &json!({ "wallet": "main", "password": PASSWORD, "policy": policy }), 200).await;
    ask_all(address, token.trim(), 0, DAEMON_WARM_UP).await;
    let began = Instant::now();
    ask_all(address, token.trim(), DAEMON_WARM_UP, signatures).await;
    let seconds = began.elapsed().as_secs_f64();
    eprintln!("{signatures} permits in {seconds:.2} s, {PROGRAMS} programs");
    f64::from(signatures) / seconds
}

/// Some programs at once, which share the work evenly.
async fn ask_all(address: SocketAddr, token: &str, first: u32, signatures: u32) {
    let mut programs = tokio::task::JoinSet::new();
    for program in 0..PROGRAMS {
        let token = token.to_owned();
        programs.spawn(async move {
            let mut client = Client::open(address, &token).await;
            for number in (first + program..first + signatures).step_by(PROGRAMS as usize) {
                let body = json!({ "wallet": "main", "typed_data": permit(key().address(), number) });
                client.ask("POST", "sign", &body, 200).await;
            }
        });
    }
    while let Some(program) = programs.join_next().await {
        program.unwrap();
    }
}

/// One connection that stays.
struct Client {
    stream: TcpStream,
    head: String,
}

impl Client {
    async fn open(address: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!("host: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        Self { stream, head }
    }

    async fn ask(&mut self, method: &str, path: &str, body: &Value, status: u16) {
        let body = body.to_string();
        let request =
            format!("{method} /v1/wallet/{path} HTTP/1.1\r\n{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let read = self.stream.read_buf(&mut answer).await.unwrap();
            assert!(read > 0, "the daemon closed the connection");
            if is_whole(&answer) {
                break;
            }
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {text}");
    }
}

/// Whether an answer with its length is there.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.expect("an answer without a length").trim().parse().unwrap();
    answer.len() >= end + 4 + length
}
