//! A buyer with AIT of its own: it earns them as a miner, deposits them and signs orders.

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Signature, TxKind, U256};
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_ADDRESS, AIToken, JOB_ESCROW_ADDRESS, JobEscrow};
use serde_json::{Value, json};
use shared::Address;
use shared::amount::Amount;
use shared::escrow::{PaymentOrder, SignedPaymentOrder};
use shared::signing::PrivateKey;

use crate::server::{Answer, TestServer, is_minted};
use crate::worker::{TEXT_MODEL, TestWorker, key, result};

/// What one deposit of these tests comes to: a picture of 256 × 256 pixels in 20 steps at 1 AIT.
pub(crate) const EARNED: Amount = Amount::from_atto(1_310_720_000_000_000_000);

pub(crate) struct Buyer {
    pub(crate) key: PrivateKey,
}

impl Buyer {
    /// One that has earned [`EARNED`] and deposited all of it.
    pub(crate) async fn with_deposit(server: &TestServer, number: u8) -> Self {
        let buyer = Self::with_earnings(server, number).await;
        buyer.deposit(server, EARNED).await;
        buyer
    }

    /// One that has earned [`EARNED`].
    pub(crate) async fn with_earnings(server: &TestServer, number: u8) -> Self {
        let buyer = Self { key: key(number) };
        let mut worker = TestWorker::connect(server.address, buyer.key.clone(), 1).await;
        let job = json!({
            "kind": "image", "input": {"prompt": "a lake", "steps": 20, "width": 256, "height": 256, "seed": 1},
            "constraints": {},
        });
        let created = server.post("/v1/jobs", &job).await;
        assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
        let assignment = worker.assignment().await;
        let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
        let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        server.follow(created.json()["id"].as_str().unwrap(), &[], is_minted).await;
        drop(worker);
        // Later jobs must go to their miner.
        while server.app.hub.board().miner(buyer.address()).is_some() {
            tokio::task::yield_now().await;
        }
        buyer
    }

    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }

    pub(crate) async fn deposit(&self, server: &TestServer, amount: Amount) {
        let amount = U256::from(amount.atto());
        let approve = AIToken::approveCall { spender: JOB_ESCROW_ADDRESS, value: amount }.abi_encode();
        self.send(server, AI_TOKEN_ADDRESS, approve).await;
        self.send(server, JOB_ESCROW_ADDRESS, JobEscrow::depositCall { amount }.abi_encode()).await;
    }

    /// Sends a call that must succeed.
    pub(crate) async fn send(&self, server: &TestServer, to: Address, input: Vec<u8>) {
        self.send_to(server, TxKind::Call(to), input).await;
    }

    /// Makes a contract.
    pub(crate) async fn create(&self, server: &TestServer, code: Vec<u8>) -> Address {
        let nonce = server.app.node.next_nonce(self.address()).unwrap();
        self.send_to(server, TxKind::Create, code).await;
        self.address().create(nonce)
    }

    async fn send_to(&self, server: &TestServer, to: TxKind, input: Vec<u8>) {
        let node = &server.app.node;
        let transaction = TxEip1559 {
            chain_id: node.chain_id(),
            nonce: node.next_nonce(self.address()).unwrap(),
            gas_limit: 1_000_000,
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            to,
            value: U256::ZERO,
            access_list: Default::default(),
            input: input.into(),
        };
        let signature = self.key.sign_digest(transaction.signature_hash()).unwrap();
        let signed = transaction.into_signed(Signature::from_raw(&signature).unwrap());
        let hash = node.submit_raw_transaction(&signed.encoded_2718()).await.unwrap();
        let included = node.wait_for_transaction(hash, std::time::Duration::from_secs(300)).await.unwrap();
        assert!(included.unwrap().receipt.success);
    }

    pub(crate) async fn quote(&self, server: &TestServer, job: &Value) -> Answer {
        let mut job = job.clone();
        job["payment"] = json!({"mode": "escrow", "client": self.address()});
        server.post("/v1/quotes", &job).await
    }

    pub(crate) fn sign(&self, order: &Value) -> Value {
        let order: PaymentOrder = serde_json::from_value(order.clone()).unwrap();
        let signature = self.key.sign(&order, &order.domain()).unwrap();
        serde_json::to_value(SignedPaymentOrder { order, signature }).unwrap()
    }

    /// The job with its quote and its signed order.
    pub(crate) fn ordered(&self, job: &Value, quote: &Value) -> Value {
        let mut job = job.clone();
        job["payment"] = json!({"mode": "escrow", "quote": quote["quote"], "order": self.sign(&quote["order"])});
        job
    }

    /// Asks for a quote and orders the job, which must be taken. The job's name and its token.
    pub(crate) async fn buy(&self, server: &TestServer, job: &Value) -> (String, String) {
        let quote = self.quote(server, job).await;
        assert_eq!(quote.status, 200, "{}", String::from_utf8_lossy(&quote.body));
        let answer = server.post("/v1/jobs", &self.ordered(job, &quote.json())).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        (answer.json()["id"].as_str().unwrap().to_owned(), answer.header("x-job-token").to_owned())
    }

    /// What is deposited and not reserved.
    pub(crate) async fn free(&self, server: &TestServer) -> Amount {
        server.app.node.escrow_account(self.address(), vec![]).await.unwrap().free
    }
}

/// A text of up to eight tokens beside the prompt.
pub(crate) fn text_job() -> Value {
    json!({"kind": "text", "model": TEXT_MODEL, "input": {"prompt": "Tell of a lake", "max_tokens": 8, "seed": 3}})
}

/// The payment of a job has this state.
pub(crate) fn is_payment(state: &'static str) -> impl Fn(&Value) -> bool {
    move |job| job["payment"]["state"] == state
}

pub(crate) async fn paid_job(server: &TestServer, id: &str, state: &'static str) -> Value {
    for _ in 0..15_000 {
        let job = server.get(&format!("/v1/jobs/{id}")).await.json();
        if is_payment(state)(&job) {
            return job;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the payment of {id} did not become {state}: {}", server.get(&format!("/v1/jobs/{id}")).await.json());
}

pub(crate) fn amount(value: &Value) -> Amount {
    serde_json::from_value(value.clone()).unwrap()
}
