use alloy_primitives::{B256, Bytes, TxKind, U256};
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use serde_json::json;
use shared::amount::{Amount, MicroUnits};
use shared::id::JobId;
use shared::job::task::TaskRole;
use shared::receipt::ReceiptClaim;
use shared::signing::PrivateKey;
use shared::time::UnixSeconds;
use shared::typed_data::SigningDomain;
use shared::unit::UnitType;

use crate::setup::*;

pub(crate) const MINER: u8 = 5;

pub(crate) fn mint(claim: &ReceiptClaim) -> Bytes {
    let domain = SigningDomain::of_contract(CHAIN_ID, AI_TOKEN_MINTER_ADDRESS);
    let sign = |seed: u8| PrivateKey::from_bytes(&[seed; 32]).unwrap().sign(claim, &domain).unwrap();
    let call = AITokenMinter::mintWithReceiptCall {
        receipt: AITokenMinter::JobReceipt {
            receiptHash: claim.receipt_hash,
            jobId: claim.job_id_bytes(),
            taskRole: claim.task_role.to_string(),
            provider: claim.provider,
            client: claim.client,
            units: U256::from(claim.units.0),
            unitType: claim.unit_type.as_str().to_owned(),
            unitPrice: U256::from(claim.unit_price.atto()),
            expiresAt: claim.expires_at.0,
        },
        minerSignature: sign(MINER),
        attesterSignatures: vec![sign(ATTESTER)],
    };
    call.abi_encode().into()
}

pub(crate) fn claim() -> ReceiptClaim {
    ReceiptClaim {
        receipt_hash: B256::repeat_byte(7),
        job_id: JobId::from_random(8),
        task_role: TaskRole::Serve,
        provider: address(MINER),
        client: address(9),
        units: MicroUnits(1_500_000),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(2),
        expires_at: UnixSeconds(u64::MAX),
    }
}

/// Supply is 0 at genesis, a receipt mints once, and the token's figures follow from the chain.
#[tokio::test]
async fn a_receipt_becomes_tokens_exactly_once() {
    let node = TestNode::new();
    let handle = node.handle();
    assert_eq!(handle.token_supply().await.unwrap(), Amount::ZERO);

    let submitter = 1;
    let minter = TxKind::Call(AI_TOKEN_MINTER_ADDRESS);
    let minted = node.execute(&sign(submitter, eip1559(0, minter, mint(&claim())))).await;
    assert!(minted.receipt.success, "{:?}", minted.receipt);
    assert_eq!(handle.token_supply().await.unwrap(), Amount::from_ait(3));
    assert_eq!(handle.token_balance(address(MINER)).await.unwrap(), Amount::from_ait(3));

    let again = node.execute(&sign(submitter, eip1559(1, minter, mint(&claim())))).await;
    assert!(!again.receipt.success && !again.receipt.revert_data.is_empty());
    assert_eq!(handle.token_supply().await.unwrap(), Amount::from_ait(3));

    let snapshot = handle.snapshot().unwrap();
    let history = snapshot.address_transactions(address(MINER), None, 10).unwrap();
    assert_eq!(history.len(), 1, "the miner is named by the mint that worked");
    assert!(history[0].0.is_named());
    let (_, balance) = node.get(&format!("/rpc/balance/{}", address(MINER))).await;
    assert_eq!(balance["ait"], json!((3 * ATTO_PER_AIT).to_string()));
    assert_eq!(snapshot.recompute_state_root().unwrap(), snapshot.head().state_root);
}

#[tokio::test]
async fn tokens_move_by_plain_erc20_transfers() {
    let node = TestNode::new();
    let minter = TxKind::Call(AI_TOKEN_MINTER_ADDRESS);
    node.execute(&sign(1, eip1559(0, minter, mint(&claim())))).await;
    let transfer = contracts::AIToken::transferCall { to: address(6), value: U256::from(ATTO_PER_AIT) }.abi_encode();
    let token = TxKind::Call(contracts::AI_TOKEN_ADDRESS);
    let moved = node.execute(&sign(MINER, eip1559(0, token, transfer.into()))).await;
    assert!(moved.receipt.success);
    assert_eq!(node.handle().token_balance(address(6)).await.unwrap(), Amount::from_ait(1));
    assert_eq!(node.handle().token_balance(address(MINER)).await.unwrap(), Amount::from_ait(2));
    assert_eq!(node.handle().token_supply().await.unwrap(), Amount::from_ait(3));
}
