//! Every attested receipt is minted once and recorded where it was minted, at whatever moment the hub dies and
//! whichever account mints the receipt first.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::Encodable2718 as _;
use alloy_primitives::{Signature, TxKind, U256};
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use server::config::{Config, Limits};
use shared::B256;
use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::receipt::SignedReceipt;
use shared::signing::PrivateKey;
use store::record::ReceiptRecord;

use super::server::{TestServer, config, is_minted};
use super::victim::{change_rows, run_until_killed};
use super::worker::{TestWorker, key, result};

const ROUNDS: u64 = 5;
const FOLDER_VARIABLE: &str = "AITBC_RECONCILE_FOLDER";
const SEED_VARIABLE: &str = "AITBC_RECONCILE_SEED";

/// What a crash, a restored copy or another program may leave of a mint in the database. None of these rows is ever
/// touched by the outbox again.
const LEFT_BEHIND: [&str; 3] = [
    // Closed, and its receipts were not looked for.
    "UPDATE outbox SET state = 'included', block_number = 1 WHERE state = 'signed'",
    // Signed with a key that is not the hub's any more.
    "UPDATE outbox SET signer = '0x0000000000000000000000000000000000000009' WHERE state = 'signed'",
    // Lost.
    "DELETE FROM outbox",
];

/// Sets the receipts back to the moment at which their mints were signed.
const SUBMITTED: &str =
    "UPDATE job_receipt SET settlement = 'submitted', block_number = NULL WHERE settlement = 'minted'";

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_no_transaction_tells_of_is_recorded_from_the_chain() {
    for left_behind in LEFT_BEHIND {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(generous(folder.path())).await;
        let mut worker = TestWorker::connect(server.address, key(1), 1).await;
        server.submit(&[], 1).await;
        let id = serve_one(&server, &mut worker).await;
        let before = server.follow(&id, &[], is_minted).await;
        server.stop().await;

        change_rows(folder.path(), &["UPDATE outbox SET state = 'signed'", SUBMITTED, left_behind]).await;
        let server = TestServer::start_with(generous(folder.path())).await;
        let after = server.follow(&id, &[], is_minted).await;
        assert_eq!(after["mint"], before["mint"], "{left_behind}");
        check_all(&server).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_whose_mint_no_block_will_have_is_minted_by_another_transaction() {
    for left_behind in LEFT_BEHIND {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(generous(folder.path())).await;
        let mut worker = TestWorker::connect(server.address, key(1), 1).await;
        server.submit(&[], 1).await;
        let id = serve_one(&server, &mut worker).await;
        server.follow(&id, &[], is_minted).await;
        server.stop().await;

        // The chain begins anew: no block has what was signed.
        std::fs::remove_file(folder.path().join("chain.redb")).unwrap();
        change_rows(folder.path(), &["UPDATE outbox SET state = 'signed'", SUBMITTED, left_behind]).await;
        let server = TestServer::start_with(generous(folder.path())).await;
        server.follow(&id, &[], is_minted).await;
        check_all(&server).await;
        server.stop().await;
    }
}

/// The hub's own transaction succeeded, and no mint on the chain is this receipt's: the register had it as used, or the
/// mint with its hash is for another amount.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_the_minter_used_without_a_mint_is_given_up_and_holds_up_nothing() {
    let other_hash = B256::repeat_byte(0x11);
    let left_behind = |hash: B256| {
        let payload = format!("UPDATE outbox SET payload = REPLACE(payload, '{hash}', '{other_hash}')");
        let column = format!("UPDATE job_receipt SET receipt_hash = '{other_hash}'");
        [vec![payload, column], vec!["UPDATE job_receipt SET amount_atto = amount_atto + 1".to_owned()]]
    };
    for case in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(generous(folder.path())).await;
        let mut worker = TestWorker::connect(server.address, key(1), 1).await;
        server.submit(&[], 1).await;
        let id = serve_one(&server, &mut worker).await;
        server.follow(&id, &[], is_minted).await;
        let receipt = server.app.store.find_receipt_of_job(id.parse().unwrap()).await.unwrap().unwrap();
        server.stop().await;

        let changes = &left_behind(receipt.signed.receipt_hash)[case];
        let changes: Vec<&str> = changes.iter().map(String::as_str).collect();
        change_rows(folder.path(), &["UPDATE outbox SET state = 'signed'", SUBMITTED]).await;
        change_rows(folder.path(), &changes).await;
        let server = TestServer::start_with(generous(folder.path())).await;
        let mut worker = TestWorker::connect(server.address, key(1), 1).await;
        server.submit(&[], 2).await;
        let later = serve_one(&server, &mut worker).await;
        server.follow(&later, &[], is_minted).await;
        let receipt = server.app.store.find_receipt_of_job(id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((receipt.settlement, receipt.block_number), (SettlementState::Refused, None), "case {case}");
        server.stop().await;
    }
}

/// The victim: serves jobs for ever, has a stranger mint some of the receipts first, and prints each job whose receipt
/// the hub has acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `a_killed_hub_leaves_no_receipt_behind` as its child"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    let server = TestServer::start_with(generous(Path::new(&folder))).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let mut random = server::clock::now().0;
    loop {
        random = split_mix(random);
        server.submit(&[], random).await;
        let id = serve_one(&server, &mut worker).await;
        if random.is_multiple_of(2) {
            mint_first(&server, &id).await;
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {id}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_leaves_no_receipt_behind() {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| server::clock::now().0);
    println!("{SEED_VARIABLE}={seed}");
    let folder = tempfile::tempdir().unwrap();
    let (mut random, mut acknowledged) = (seed, BTreeSet::new());
    for _ in 0..ROUNDS {
        random = split_mix(random);
        let lines = random % 12;
        let directory = folder.path().to_owned();
        let printed = tokio::task::spawn_blocking(move || {
            run_until_killed("reconcile::child", FOLDER_VARIABLE, &directory, lines)
        });
        acknowledged.extend(printed.await.unwrap());
        let harm = LEFT_BEHIND.get((random >> 32) as usize % (LEFT_BEHIND.len() + 1));
        change_rows(folder.path(), &harm.copied().into_iter().collect::<Vec<_>>()).await;
    }
    assert!(!acknowledged.is_empty());
    let server = TestServer::start_with(generous(folder.path())).await;
    for id in &acknowledged {
        server.follow(id, &[], is_minted).await;
    }
    check_all(&server).await;
    server.stop().await;
}

fn generous(folder: &Path) -> Config {
    let limits = Limits {
        images_per_key_per_minute: 100_000,
        sponsored_per_address_per_day: 100_000,
        sponsored_in_total_per_day: 100_000,
        sponsored_mint_per_address_per_day: Amount::from_atto(u128::MAX),
        sponsored_mint_in_total_per_day: Amount::from_atto(u128::MAX),
        ..Limits::default()
    };
    Config { limits, ..config(folder) }
}

/// Answers the next assignment. The hub has acknowledged its receipt when this returns.
async fn serve_one(server: &TestServer, worker: &mut TestWorker) -> String {
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    let answer = server.post(&path, &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assignment.task.job_id.to_string()
}

/// A stranger sends the public receipt of a job to the minter.
async fn mint_first(server: &TestServer, job: &str) {
    let receipt = server.app.store.find_receipt_of_job(job.parse().unwrap()).await.unwrap().unwrap();
    // Where the hub was faster, the minter reverts.
    send_mint(server, &key(7), &receipt.signed).await;
}

/// Sends a receipt to the minter with this key, through the node of a server.
pub(crate) async fn send_mint(server: &TestServer, sender: &PrivateKey, signed: &SignedReceipt) -> B256 {
    let transaction = TxEip1559 {
        chain_id: server.app.node.chain_id(),
        nonce: server.app.node.next_nonce(sender.address()).unwrap(),
        gas_limit: 1_000_000,
        max_fee_per_gas: 0,
        max_priority_fee_per_gas: 0,
        to: TxKind::Call(AI_TOKEN_MINTER_ADDRESS),
        value: U256::ZERO,
        access_list: Default::default(),
        input: mint_call(signed).into(),
    };
    let signature = sender.sign_digest(transaction.signature_hash()).unwrap();
    let signed = transaction.into_signed(Signature::from_raw(&signature).unwrap());
    server.app.node.submit_raw_transaction(&signed.encoded_2718()).await.unwrap()
}

fn mint_call(signed: &SignedReceipt) -> Vec<u8> {
    let receipt = &signed.receipt;
    let receipt = AITokenMinter::JobReceipt {
        receiptHash: signed.receipt_hash,
        jobId: receipt.job_id.to_be_bytes().into(),
        taskRole: receipt.task_role.to_string(),
        provider: receipt.provider,
        client: receipt.client,
        units: U256::from(receipt.units.0),
        unitType: receipt.unit_type.as_str().to_owned(),
        unitPrice: U256::from(receipt.unit_price.atto()),
        expiresAt: receipt.expires_at.0,
    };
    let attesters = signed.attestations.iter().map(|attestation| attestation.signature.clone());
    AITokenMinter::mintWithReceiptCall {
        receipt,
        minerSignature: signed.miner_signature.clone(),
        attesterSignatures: attesters.collect(),
    }
    .abi_encode()
}

/// No receipt is left between two states, each stands in the block that minted it, and the supply is their sum.
async fn check_all(server: &TestServer) {
    let page = store::repository::Keyset { before_seq: None, limit: 100_000 };
    let receipts = server.app.store.list_receipts(&Default::default(), page).await.unwrap();
    let mut sum = Amount::ZERO;
    for ReceiptRecord { settlement, transaction_hash, block_number, amount, .. } in &receipts {
        assert_eq!(*settlement, SettlementState::Minted);
        let included = server.app.node.transaction(transaction_hash.unwrap()).unwrap().expect("a block has it");
        assert!(included.receipt.success && Some(included.place.height) == *block_number);
        sum = sum.checked_add(*amount).unwrap();
    }
    assert_eq!(server.app.node.token_supply().await.unwrap(), sum);
}

/// SplitMix64.
fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
