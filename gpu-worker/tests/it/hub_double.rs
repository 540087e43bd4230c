//! A hub for tests: speaks the session's protocol and takes results, as the test tells it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use shared::id::{JobId, LeaseId};
use shared::job::image::ValidImageInput;
use shared::job::request::Work;
use shared::job::task::{Task, TaskRole};
use shared::protocol::{
    Assignment, Challenge, HubMessage, PROTOCOL_VERSION, ReceiptTerms, Registration, ResultAccepted, ResultSubmission,
    WorkerMessage,
};
use shared::time::UnixMillis;
use shared::{Address, B256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// Longest wait for anything in a test; only a broken worker needs it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) const MINTER: Address = Address::repeat_byte(0xa1);
pub(crate) const ESCROW: Address = Address::repeat_byte(0xa2);

pub(crate) struct HubDouble {
    pub(crate) url: String,
    hub_id: &'static str,
    chain_id: u64,
    door: JoinHandle<()>,
    sessions: mpsc::Receiver<Session>,
    results: mpsc::Receiver<(LeaseId, ResultSubmission)>,
    /// Statuses for the next results; 200 when it is empty.
    pub(crate) statuses: Arc<Mutex<VecDeque<u16>>>,
}

/// A worker's connection.
pub(crate) struct Session {
    socket: WebSocketStream<TcpStream>,
    pub(crate) challenge: Challenge,
}

impl HubDouble {
    pub(crate) async fn start() -> Self {
        Self::named("double", 7).await
    }

    /// With an id and a chain of its own.
    pub(crate) async fn named(hub_id: &'static str, chain_id: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (session_sender, sessions) = mpsc::channel(16);
        let (result_sender, results) = mpsc::channel(64);
        let statuses = Arc::new(Mutex::new(VecDeque::new()));
        let answers = statuses.clone();
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sessions, results, statuses) = (session_sender.clone(), result_sender.clone(), answers.clone());
                tokio::spawn(async move {
                    let mut start = [0; 14];
                    while stream.peek(&mut start).await.is_ok_and(|length| length < start.len() && length > 0) {}
                    if start.starts_with(b"POST") {
                        take_result(stream, &results, &statuses).await;
                    } else if &start == b"GET /v1/status" {
                        say_status(stream).await;
                    } else if let Ok(socket) = accept_async(stream).await {
                        let _ = sessions.send(Session { socket, challenge: challenge(hub_id, chain_id) }).await;
                    }
                });
            }
        });
        Self { url, hub_id, chain_id, door, sessions, results, statuses }
    }

    /// A small picture, by the terms of this hub.
    pub(crate) fn assignment(&self, number: u128, steps: u32) -> Assignment {
        let mut assignment = assignment(number, steps);
        (assignment.terms.hub_id, assignment.terms.chain_id) = (self.hub_id.into(), self.chain_id);
        assignment
    }

    /// Takes no connection any more.
    pub(crate) fn close(&self) {
        self.door.abort();
    }

    /// No result came.
    pub(crate) fn has_no_result(&mut self) -> bool {
        self.results.try_recv().is_err()
    }

    /// The next connection, not yet challenged.
    pub(crate) async fn connection(&mut self) -> Session {
        tokio::time::timeout(PATIENCE, self.sessions.recv()).await.expect("a connection").unwrap()
    }

    /// The next worker, registered.
    pub(crate) async fn worker(&mut self) -> (Session, Registration) {
        let mut session = self.connection().await;
        let registration = session.challenge().await;
        session.send(&HubMessage::Welcome { heartbeat_seconds: 1 }).await;
        (session, registration)
    }

    pub(crate) async fn result(&mut self) -> (LeaseId, ResultSubmission) {
        tokio::time::timeout(PATIENCE, self.results.recv()).await.expect("a result").unwrap()
    }
}

impl Session {
    pub(crate) async fn challenge(&mut self) -> Registration {
        let challenge = HubMessage::Challenge(self.challenge.clone());
        self.send(&challenge).await;
        match self.receive().await {
            Some(WorkerMessage::Register(registration)) => *registration,
            other => panic!("a registration, got {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, message: &HubMessage) {
        self.socket.send(Message::Text(serde_json::to_string(message).unwrap().into())).await.unwrap();
    }

    /// The next message; nothing when the worker closed the session.
    pub(crate) async fn receive(&mut self) -> Option<WorkerMessage> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a message") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message that is no heartbeat.
    pub(crate) async fn event(&mut self) -> Option<WorkerMessage> {
        loop {
            match self.receive().await {
                Some(WorkerMessage::Heartbeat { .. }) => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn assign(&mut self, assignment: &Assignment) {
        self.send(&HubMessage::Assign(Box::new(assignment.clone()))).await;
    }
}

fn challenge(hub_id: &str, chain_id: u64) -> Challenge {
    Challenge {
        protocol_version: PROTOCOL_VERSION,
        hub_id: hub_id.into(),
        chain_id,
        minter: MINTER,
        escrow: ESCROW,
        nonce: B256::repeat_byte(9),
        server_time_unix_ms: inference::clock::now(),
    }
}

/// A small picture.
pub(crate) fn assignment(number: u128, steps: u32) -> Assignment {
    let work = Work::Image(ValidImageInput {
        prompt: "a secret city skyline at night".into(),
        negative_prompt: String::new(),
        steps,
        guidance: 3.0,
        width: 256,
        height: 256,
        seed: 5,
        count: 1,
        scheduler: None,
        eta: None,
        init_image: None,
        strength: None,
    });
    assignment_of(number, "test-model", work)
}

/// Any work.
pub(crate) fn assignment_of(number: u128, model: &str, work: Work) -> Assignment {
    let deadline = UnixMillis(inference::clock::now().0 + 600_000);
    let terms = ReceiptTerms {
        client: Address::repeat_byte(0xc1),
        units: work.units(),
        unit_type: work.unit_type(),
        unit_price: "0.25".parse().unwrap(),
        expires_at: shared::receipt::expires_at(deadline),
        hub_id: "double".into(),
        chain_id: 7,
        contract: MINTER,
    };
    Assignment {
        lease_id: LeaseId::from_random(number),
        task: Task { job_id: JobId::from_random(number + 1000), role: TaskRole::Serve },
        model: model.into(),
        work,
        salt: shared::commitment::Salt(shared::B256::repeat_byte(0x73)),
        terms,
        watched: true,
        deadline_unix_ms: deadline,
    }
}

/// What the doctor asks for on the way of the results.
async fn say_status(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
    let _ = stream.shutdown().await;
}

/// Reads one HTTP request and answers it.
async fn take_result(
    mut stream: TcpStream,
    results: &mpsc::Sender<(LeaseId, ResultSubmission)>,
    statuses: &Mutex<VecDeque<u16>>,
) {
    let mut bytes = Vec::new();
    let body_at = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..body_at]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap();
    while bytes.len() - body_at < length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let lease_id = head.split('/').nth(4).unwrap().parse().unwrap();
    let submission: ResultSubmission = serde_json::from_slice(&bytes[body_at..]).unwrap();
    let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
    let accepted =
        ResultAccepted { job_id: submission.receipt.job_id, receipt_hash: submission.receipt.hash().unwrap() };
    let body = if status == 200 { serde_json::to_string(&accepted).unwrap() } else { "{}".into() };
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    let _ = results.send((lease_id, submission)).await;
}
