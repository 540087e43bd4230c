//! A receipt whose hash holds and whose signatures do not.

use shared::amount::{Amount, MicroUnits};
use shared::api::receipts::{HoldState, HoldView, ReceiptView, SettlementState};
use shared::chain::{DEV_CHAIN_ID, MINTER_ADDRESS};
use shared::digest::{PromptHash, Sha256Digest};
use shared::id::JobId;
use shared::job::task::TaskRole;
use shared::receipt::{Attestation, JobReceipt, ReceiptVersion, SignedReceipt};
use shared::time::UnixSeconds;
use shared::unit::UnitType;
use shared::{B256, Bytes};

use super::fixture::{AT, HUB, MINER, MODEL, SALT, mint};

pub(crate) fn receipt(number: u8) -> ReceiptView {
    let receipt = JobReceipt {
        version: ReceiptVersion,
        job_id: JobId::from_random(u128::from(number)),
        task_role: TaskRole::Serve,
        provider: MINER,
        client: HUB,
        units: MicroUnits(2_097_152),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(1),
        model: MODEL.to_owned(),
        prompt_commitment: SALT.commit_prompt(PromptHash::of("a city skyline at night")),
        result_commitment: SALT.commit_result(Sha256Digest::of(&[number])),
        started_at: UnixSeconds(AT),
        finished_at: UnixSeconds(AT + 2),
        expires_at: UnixSeconds(AT + 86_400),
        nonce: B256::repeat_byte(number),
        hub_id: "hub".to_owned(),
        chain_id: DEV_CHAIN_ID,
        contract: MINTER_ADDRESS,
        determinism_class: "test".to_owned(),
        trace_commitment: None,
        shares: Vec::new(),
    };
    let amount = receipt.amount().unwrap();
    ReceiptView {
        signed: SignedReceipt {
            receipt_hash: receipt.hash().unwrap(),
            receipt,
            miner_signature: Bytes::from(vec![1; 65]),
            attestations: vec![Attestation { attester: HUB, signature: Bytes::from(vec![2; 65]) }],
        },
        amount,
        attested_at_unix_ms: UnixSeconds(AT + 3).millis(),
        settlement: SettlementState::Minted,
        refusal: None,
        mint: Some(mint(number, amount)),
        settled: None,
        hold: Some(HoldView { state: HoldState::Held, due_at: UnixSeconds(AT + 86_400) }),
        void_reason: None,
        audit: None,
        unaudited: None,
    }
}
