//! A worker without a model: it speaks the protocol, signs real receipts and sends a real, plain picture.

use std::net::SocketAddr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use shared::amount::Amount;
use shared::capability::{Capability, ModelOffer};
use shared::device::{Device, DeviceKind, Engine};
use shared::digest::Sha256Digest;
use shared::id::LeaseId;
use shared::job::JobKind;
use shared::job::image::PictureDefaults;
use shared::job::request::Work;
use shared::job::text::FinishReason;
use shared::job::token::Tokens;
use shared::protocol::{
    Artifact, Assignment, HubMessage, Metering, PROTOCOL_VERSION, Registration, ResultSubmission, WorkerMessage,
};
use shared::receipt::{JobReceipt, ReceiptVersion};
use shared::signing::PrivateKey;
use shared::typed_data::SigningDomain;
use shared::unit::UnitType;
use shared::{Address, B256};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Name of the model that the worker says it serves.
pub(crate) const MODEL: &str = "aitbc-scenes-1";

pub(crate) const TEXT_MODEL: &str = "test-writer";
pub(crate) const EMBEDDING_MODEL: &str = "test-embedder";

/// What [`capability`] offers: a program that measures signs thousands of receipts for them.
static OFFERS: LazyLock<Vec<ModelOffer>> = LazyLock::new(|| capability(1).offers);

pub(crate) struct TestWorker {
    pub(crate) key: PrivateKey,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

pub(crate) fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes(&[number; 32]).unwrap()
}

/// Of the picture model that a server pins by itself.
pub(crate) fn pinned_sha256() -> Sha256Digest {
    server::pins::Pins::default().load().unwrap().default_of(JobKind::Image).unwrap().sha256
}

/// The manifest of a model of these tests: that of the product's own model of the kind, under another name.
pub(crate) fn manifest(kind: JobKind, name: &str) -> Vec<u8> {
    let pinned = server::pins::Pins::default().load().unwrap();
    let mut manifest = pinned.default_of(kind).unwrap().manifest.clone();
    manifest.name = name.into();
    serde_json::to_vec(&manifest).unwrap()
}

pub(crate) fn capability(slots: u32) -> Capability {
    let offer = ModelOffer {
        model: MODEL.into(),
        kind: JobKind::Image,
        manifest_sha256: pinned_sha256(),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(1),
        measured_micro_units_per_second: 1_000_000,
        suggestions: vec!["a lake".into()],
        subjects: vec!["lake".into()],
        default_steps: 8,
        default_guidance: 3.0,
        fast: None,
        image_to_image: true,
    };
    let words = |model: &str, kind: JobKind| ModelOffer {
        model: model.into(),
        kind,
        manifest_sha256: Sha256Digest::of(&manifest(kind, model)),
        unit_type: UnitType::Token,
        unit_price: Amount::from_atto(1_000_000_000_000_000),
        suggestions: vec![],
        subjects: vec![],
        default_steps: 0,
        default_guidance: 0.0,
        ..offer.clone()
    };
    let offers = vec![words(TEXT_MODEL, JobKind::Text), words(EMBEDDING_MODEL, JobKind::Embedding), offer.clone()];
    let device = Device { kind: DeviceKind::Cpu, name: "test".into(), cores: Some(1), memory_bytes: 1 << 30 };
    let engine = Engine { name: "test".into(), version: "0".into(), provider: "CPU".into() };
    Capability { worker_version: "0".into(), engine, devices: vec![device], offers, slots, hardware: None }
}

/// The same, with a setting for few steps of its picture model.
pub(crate) fn fast_capability(slots: u32) -> Capability {
    let mut capability = capability(slots);
    for offer in capability.offers.iter_mut().filter(|offer| offer.kind == JobKind::Image) {
        offer.fast = Some(PictureDefaults { steps: 4, guidance: 1.0 });
    }
    capability
}

impl TestWorker {
    pub(crate) async fn connect(address: SocketAddr, key: PrivateKey, slots: u32) -> Self {
        Self::reconnect(address, key, slots, vec![]).await
    }

    /// Connects and says which leases it still works on.
    pub(crate) async fn reconnect(address: SocketAddr, key: PrivateKey, slots: u32, leases: Vec<LeaseId>) -> Self {
        Self::register(address, key, capability(slots), leases).await
    }

    /// Connects and says what it can do and which leases it still works on.
    pub(crate) async fn register(
        address: SocketAddr,
        key: PrivateKey,
        capability: Capability,
        leases: Vec<LeaseId>,
    ) -> Self {
        let (worker, answer) = Self::ask(address, key, capability, leases).await;
        assert!(matches!(answer, HubMessage::Welcome { .. }));
        worker
    }

    /// The same, with the hub's answer.
    pub(crate) async fn ask(
        address: SocketAddr,
        key: PrivateKey,
        capability: Capability,
        leases: Vec<LeaseId>,
    ) -> (Self, HubMessage) {
        Self::ask_from(address, None, key, capability, leases).await.unwrap()
    }

    /// The same through a proxy that names the worker's own address.
    ///
    /// # Errors
    /// A hub that opens no session.
    pub(crate) async fn ask_from(
        address: SocketAddr,
        forwarded_for: Option<&str>,
        key: PrivateKey,
        capability: Capability,
        leases: Vec<LeaseId>,
    ) -> Result<(Self, HubMessage), tungstenite::Error> {
        let mut request = format!("ws://{address}/v1/miners/session").into_client_request().unwrap();
        if let Some(from) = forwarded_for {
            request.headers_mut().insert("x-forwarded-for", from.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        let mut worker = Self { key, socket };
        let HubMessage::Challenge(challenge) = worker.receive().await else { panic!("the hub speaks first") };
        let miner = worker.key.address();
        let dialed = address.to_string();
        let message = challenge.registration_message(miner, &dialed);
        let registration = Registration {
            protocol_version: PROTOCOL_VERSION,
            address: miner,
            dialed,
            slots: capability.slots,
            capability,
            leases,
            signature: worker.key.sign_message(message.as_bytes()).unwrap(),
        };
        worker.send(&WorkerMessage::Register(Box::new(registration))).await;
        let answer = worker.receive().await;
        Ok((worker, answer))
    }

    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }

    pub(crate) async fn send(&mut self, message: &WorkerMessage) {
        self.socket.send(Message::text(serde_json::to_string(message).unwrap())).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> HubMessage {
        self.try_receive().await.expect("the hub speaks")
    }

    /// `None` when the session ended.
    pub(crate) async fn try_receive(&mut self) -> Option<HubMessage> {
        loop {
            match self.socket.next().await?.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    pub(crate) async fn assignment(&mut self) -> Assignment {
        loop {
            if let HubMessage::Assign(assignment) = self.receive().await {
                return *assignment;
            }
        }
    }
}

/// An honest result for the assignment of pictures.
pub(crate) fn result(key: &PrivateKey, assignment: &Assignment) -> ResultSubmission {
    let Work::Image(input) = &assignment.work else { panic!("pictures") };
    let seeds = (0..u64::from(input.count)).map(|number| input.seed + number);
    let files: Vec<Vec<u8>> = seeds.map(|seed| picture(input.width, input.height, seed)).collect();
    let digest = Sha256Digest::of_artifacts(files.iter().map(Vec::as_slice));
    let result_commitment = assignment.salt.commit_result(digest);
    let receipt = JobReceipt { result_commitment, ..receipt(key.address(), assignment, &files[0]) };
    let mut submission = sign(key, receipt, &assignment.terms, &files[0]);
    let artifact = |bytes| Artifact { media_type: "image/png".into(), base64: STANDARD.encode(bytes), flagged: false };
    submission.artifacts = files.iter().map(artifact).collect();
    submission
}

/// A result in words, for which the worker counted these tokens.
pub(crate) fn words_result(
    key: &PrivateKey,
    assignment: &Assignment,
    media_type: &str,
    artifact: &str,
    tokens: Tokens,
) -> ResultSubmission {
    let units = assignment.work.units_claimed(tokens, artifact.len());
    let receipt = JobReceipt { units, ..receipt(key.address(), assignment, artifact.as_bytes()) };
    let mut submission = sign(key, receipt, &assignment.terms, artifact.as_bytes());
    submission.artifacts[0].media_type = media_type.into();
    let finish_reason = match &assignment.work {
        Work::Text(input) if tokens.written >= u64::from(input.max_tokens) => Some(FinishReason::Length),
        Work::Text(_) => Some(FinishReason::Stop),
        Work::Image(_) | Work::Embedding(_) => None,
    };
    let counted = Metering { tokens_read: tokens.read, tokens_written: tokens.written, ..Metering::default() };
    submission.metering = Metering { finish_reason, ..counted };
    submission
}

/// What the usual [`capability`] offers under the assignment's model; of any other name, the digest of that.
fn offered_manifest(assignment: &Assignment) -> Sha256Digest {
    OFFERS
        .iter()
        .find(|offer| offer.model == assignment.model)
        .map_or_else(|| Sha256Digest::of(assignment.model.as_bytes()), |offer| offer.manifest_sha256)
}

pub(crate) fn receipt(provider: Address, assignment: &Assignment, artifact: &[u8]) -> JobReceipt {
    let now = server::clock::now().seconds();
    let terms = &assignment.terms;
    JobReceipt {
        version: ReceiptVersion,
        job_id: assignment.task.job_id,
        task_role: assignment.task.role,
        provider,
        client: terms.client,
        units: terms.units,
        unit_type: terms.unit_type,
        unit_price: terms.unit_price,
        model: assignment.model.clone(),
        prompt_commitment: assignment.salt.commit_prompt(assignment.work.prompt_hash()),
        result_commitment: assignment.salt.commit_result(Sha256Digest::of(artifact)),
        started_at: now,
        finished_at: now,
        expires_at: terms.expires_at,
        nonce: B256::from(server::clock::random_bytes::<32>()),
        hub_id: terms.hub_id.clone(),
        chain_id: terms.chain_id,
        contract: terms.contract,
        determinism_class: format!("{}@{}/test", assignment.model, offered_manifest(assignment)),
        trace_commitment: None,
        shares: vec![],
    }
}

pub(crate) fn sign(
    key: &PrivateKey,
    receipt: JobReceipt,
    terms: &shared::protocol::ReceiptTerms,
    artifact: &[u8],
) -> ResultSubmission {
    let domain = SigningDomain::of_contract(terms.chain_id, terms.contract);
    let miner_signature = key.sign(&receipt.claim().unwrap(), &domain).unwrap();
    let artifact = Artifact { media_type: "image/png".into(), base64: STANDARD.encode(artifact), flagged: false };
    ResultSubmission {
        receipt,
        miner_signature,
        artifacts: vec![artifact],
        metering: Metering::default(),
        trace_root: None,
    }
}

pub(crate) fn picture(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..u64::from(width * height * 3)).map(|index| ((index + seed) % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}
