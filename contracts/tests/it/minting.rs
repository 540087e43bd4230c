//! `mintWithReceipt`: what a receipt mints, and when.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolStruct;
use contracts::genesis::{minter_creation_code, token_creation_code};
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, AITokenMinter};

use crate::evm::{Evm, GENESIS_UNIX, MinterError, Reverted, events};
use crate::receipts::{
    ADMIN, AIT, EPOCH_CAP, EPOCH_SECONDS, EXPIRES_AT, JobReceipt, MAX_IMAGE_PRICE, RELAYER, SignedJobReceipt, Signer,
    attesters, chain, digest, domain, is_used, miner, mint, mint_batch, parameters, receipt, signed, signed_over,
};

#[test]
fn nothing_is_minted_at_genesis() {
    let evm = chain();
    assert_eq!(evm.supply(), U256::ZERO);
    assert_eq!(evm.read_token(&AIToken::minterCall {}), AI_TOKEN_MINTER_ADDRESS);
    assert_eq!(evm.read_minter(&AITokenMinter::tokenCall {}), AI_TOKEN_ADDRESS);
    let epoch = evm.read_minter(&AITokenMinter::currentEpochCall {});
    assert_eq!(epoch.startUnix, U256::from(GENESIS_UNIX));
    assert_eq!(epoch.remaining, U256::from(EPOCH_CAP));
}

#[test]
fn a_receipt_mints_units_times_price_to_its_provider() {
    let mut evm = chain();
    let receipt = receipt(1, 2_500_000, 2 * AIT);
    let mined = evm.send_minter(RELAYER, &mint(&signed(receipt.clone()))).unwrap();

    let amount = U256::from(5 * AIT);
    assert_eq!(mined.value, amount);
    assert_eq!(
        events::<AITokenMinter::Minted>(&mined.logs, AI_TOKEN_MINTER_ADDRESS),
        [AITokenMinter::Minted { provider: miner().address(), amount, receiptHash: receipt.receiptHash }]
    );
    assert_eq!(
        events::<AIToken::Transfer>(&mined.logs, AI_TOKEN_ADDRESS),
        [AIToken::Transfer { from: Address::ZERO, to: miner().address(), value: amount }]
    );
    assert_eq!(evm.balance(miner().address()), amount);
    assert_eq!(evm.balance(RELAYER), U256::ZERO);
    assert_eq!(evm.supply(), amount);
    assert!(is_used(&evm, &receipt));
}

#[test]
fn a_receipt_is_paid_in_its_last_second_and_not_after_it() {
    let mut evm = chain();
    evm.now_unix = EXPIRES_AT + 1;
    let late = signed(receipt(1, 1_000_000, AIT));
    let expected = AITokenMinter::ReceiptExpired {
        receiptHash: late.receipt.receiptHash,
        expiresAt: U256::from(EXPIRES_AT),
        timestamp: U256::from(EXPIRES_AT + 1),
    };
    assert_eq!(evm.send_minter(RELAYER, &mint(&late)).unwrap_err(), expected.into());
    assert!(!is_used(&evm, &late.receipt));
    assert_eq!(evm.supply(), U256::ZERO);

    evm.now_unix = EXPIRES_AT;
    evm.send_minter(RELAYER, &mint(&late)).unwrap();
    assert_eq!(evm.supply(), U256::from(AIT));
}

#[test]
fn a_used_receipt_is_refused_as_used_even_after_it_expired() {
    let mut evm = chain();
    let paid = signed(receipt(1, 1_000_000, AIT));
    evm.send_minter(RELAYER, &mint(&paid)).unwrap();
    evm.now_unix = EXPIRES_AT + 1;
    let again = evm.send_minter(RELAYER, &mint(&paid)).unwrap_err();
    assert_eq!(again, AITokenMinter::ReceiptAlreadyUsed { receiptHash: paid.receipt.receiptHash }.into());
}

#[test]
fn a_fraction_of_an_atto_is_rounded_down() {
    let mut evm = chain();
    let mined = evm.send_minter(RELAYER, &mint(&signed(receipt(1, 1_999_999, 1)))).unwrap();
    assert_eq!(mined.value, U256::from(1));
}

#[test]
fn a_free_receipt_is_used_up_and_mints_nothing() {
    let mut evm = chain();
    let free = signed(JobReceipt { unitType: "a type without a price".into(), ..receipt(1, 7_000_000, 0) });
    let mined = evm.send_minter(RELAYER, &mint(&free)).unwrap();
    assert_eq!(mined.value, U256::ZERO);
    assert_eq!(events::<AITokenMinter::Minted>(&mined.logs, AI_TOKEN_MINTER_ADDRESS).len(), 1);
    assert_eq!(events::<AIToken::Transfer>(&mined.logs, AI_TOKEN_ADDRESS).len(), 0);
    assert!(is_used(&evm, &free.receipt));
    let again = evm.send_minter(RELAYER, &mint(&free)).unwrap_err();
    assert_eq!(again, AITokenMinter::ReceiptAlreadyUsed { receiptHash: free.receipt.receiptHash }.into());
}

/// A chain on which one attestation is enough, as where each hub settles what it attested.
fn chain_of_hubs() -> Evm {
    let mut evm = chain();
    evm.send_minter(ADMIN, &AITokenMinter::setAttesterThresholdCall { threshold: 1 }).unwrap();
    evm
}

fn attested_by(provider: &Signer, attester: &Signer, receipt: JobReceipt) -> SignedJobReceipt {
    let receipt = JobReceipt { provider: provider.address(), ..receipt };
    let digest = digest(&receipt);
    SignedJobReceipt {
        minerSignature: provider.sign(digest),
        ..signed_over(receipt, digest, std::slice::from_ref(attester))
    }
}

/// The attack: a hub sees the hash of another hub's receipt, and uses it up with a receipt of its own that has this hash.
#[test]
fn no_attester_uses_up_the_receipt_of_another_by_its_hash() {
    let [honest, dishonest, _] = attesters();
    let earned = attested_by(&miner(), &honest, receipt(1, 1_000_000, AIT));
    let own = Signer::new(9_001);
    let changed = [
        attested_by(&own, &dishonest, receipt(1, 1_000_000, AIT)),
        attested_by(&own, &dishonest, receipt(1, 0, 0)),
        attested_by(&own, &dishonest, JobReceipt { expiresAt: EXPIRES_AT - 1, ..receipt(1, 1, AIT) }),
    ];
    let mut evm = chain_of_hubs();
    for forged in &changed {
        assert_eq!(forged.receipt.receiptHash, earned.receipt.receiptHash);
        evm.send_minter(RELAYER, &mint(forged)).unwrap();
    }
    assert!(!is_used(&evm, &earned.receipt));
    let mined = evm.send_minter(RELAYER, &mint_batch(std::slice::from_ref(&earned))).unwrap();
    assert_eq!(mined.value, U256::from(AIT));
    assert!(events::<AITokenMinter::ReceiptSkipped>(&mined.logs, AI_TOKEN_MINTER_ADDRESS).is_empty());
    assert_eq!(evm.balance(miner().address()), U256::from(AIT));
    for again in changed.iter().chain([&earned]) {
        let expected = AITokenMinter::ReceiptAlreadyUsed { receiptHash: earned.receipt.receiptHash };
        assert_eq!(evm.send_minter(RELAYER, &mint(again)).unwrap_err(), expected.into(), "each of them mints once");
    }
}

/// Else a receipt with more attestations than are needed could be parted into several, and be paid for each.
#[test]
fn a_receipt_mints_once_whichever_attesters_sign_it() {
    let mut evm = chain_of_hubs();
    let [first, second, _] = attesters();
    evm.send_minter(RELAYER, &mint(&attested_by(&miner(), &first, receipt(1, 1_000_000, AIT)))).unwrap();
    let again = attested_by(&miner(), &second, receipt(1, 1_000_000, AIT));
    let expected = AITokenMinter::ReceiptAlreadyUsed { receiptHash: again.receipt.receiptHash };
    assert_eq!(evm.send_minter(RELAYER, &mint(&again)).unwrap_err(), expected.into());
    assert_eq!(evm.supply(), U256::from(AIT));
}

#[test]
fn the_unit_price_has_a_ceiling_per_unit_type() {
    let mut evm = chain();
    let at_ceiling = signed(receipt(1, 1_000_000, MAX_IMAGE_PRICE));
    evm.send_minter(RELAYER, &mint(&at_ceiling)).unwrap();

    let above = receipt(2, 1_000_000, MAX_IMAGE_PRICE + 1);
    let unlisted = JobReceipt { unitType: "token".into(), ..receipt(3, 1_000_000, 1) };
    for (receipt, maximum) in [(above, MAX_IMAGE_PRICE), (unlisted, 0)] {
        let expected = AITokenMinter::UnitPriceAboveMaximum {
            receiptHash: receipt.receiptHash,
            unitPrice: receipt.unitPrice,
            maximum: U256::from(maximum),
        };
        assert_eq!(evm.send_minter(RELAYER, &mint(&signed(receipt.clone()))).unwrap_err(), expected.into());
        assert!(!is_used(&evm, &receipt));
    }
    assert_eq!(evm.supply(), U256::from(MAX_IMAGE_PRICE));
}

#[test]
fn an_epoch_mints_its_cap_and_not_one_atto_more() {
    let mut evm = chain();
    evm.send_minter(RELAYER, &mint(&signed(receipt(1, 100_000_000, 10 * AIT)))).unwrap();
    let one_atto = signed(receipt(2, 1_000_000, 1));
    let expected = Reverted::from(AITokenMinter::EpochCapExceeded {
        receiptHash: one_atto.receipt.receiptHash,
        amount: U256::from(1),
        remaining: U256::ZERO,
    });
    evm.now_unix = GENESIS_UNIX + EPOCH_SECONDS - 1;
    assert_eq!(evm.send_minter(RELAYER, &mint(&one_atto)).unwrap_err(), expected);
    assert_eq!(evm.supply(), U256::from(EPOCH_CAP));

    // A free receipt needs nothing of the cap.
    evm.send_minter(RELAYER, &mint(&signed(receipt(3, 1_000_000, 0)))).unwrap();

    evm.now_unix = GENESIS_UNIX + EPOCH_SECONDS;
    evm.send_minter(RELAYER, &mint(&one_atto)).unwrap();
    assert_eq!(evm.supply(), U256::from(EPOCH_CAP + 1));
}

#[test]
fn epochs_passed_in_silence_leave_no_credit() {
    let mut evm = chain();
    evm.now_unix = GENESIS_UNIX + 10 * EPOCH_SECONDS + 17;
    let epoch = evm.read_minter(&AITokenMinter::currentEpochCall {});
    assert_eq!(epoch.startUnix, U256::from(GENESIS_UNIX + 10 * EPOCH_SECONDS));
    assert_eq!(epoch.endUnix, U256::from(GENESIS_UNIX + 11 * EPOCH_SECONDS));
    assert_eq!(epoch.remaining, U256::from(EPOCH_CAP));
}

#[test]
fn a_product_beyond_256_bits_is_refused_like_any_excess() {
    let mut evm = chain();
    let unlimited = AITokenMinter::setEpochCapCall { epochCap_: u128::MAX };
    evm.send_minter(ADMIN, &unlimited).unwrap();
    let maximum = AITokenMinter::setMaxUnitPriceCall { unitType: "image".into(), maxUnitPrice_: U256::MAX };
    evm.send_minter(ADMIN, &maximum).unwrap();
    let widest = JobReceipt { units: U256::MAX, unitPrice: U256::MAX, ..receipt(1, 0, 0) };
    let error = evm.send_minter(RELAYER, &mint(&signed(widest))).unwrap_err();
    assert!(matches!(error.minter(), MinterError::EpochCapExceeded(_)), "{error:?}");
    assert_eq!(evm.supply(), U256::ZERO);
}

#[test]
fn all_attesters_may_sign_but_each_only_once_and_in_order() {
    let mut evm = chain();
    let [first, second, third] = attesters();
    let all = receipt(1, 1_000_000, AIT);
    let digest_of_all = digest(&all);
    let by_all = signed_over(all, digest_of_all, &[first.clone(), second.clone(), third]);
    evm.send_minter(RELAYER, &mint(&by_all)).unwrap();

    let receipt = receipt(2, 1_000_000, AIT);
    for (earlier, later) in [(&second, &first), (&first, &first)] {
        let wrong = signed_over(receipt.clone(), digest(&receipt), &[earlier.clone(), later.clone()]);
        let expected = AITokenMinter::AttestersNotAscending {
            receiptHash: receipt.receiptHash,
            previous: earlier.address(),
            signer: later.address(),
        };
        assert_eq!(evm.send_minter(RELAYER, &mint(&wrong)).unwrap_err(), expected.into());
    }
    assert_eq!(evm.supply(), U256::from(AIT));
}

#[test]
fn a_malformed_signature_is_not_that_of_the_zero_address() {
    let mut evm = chain();
    let nobody = JobReceipt { provider: Address::ZERO, ..receipt(1, 1_000_000, 0) };
    let receipt_hash = nobody.receiptHash;
    let mut unsigned = signed(nobody);
    unsigned.minerSignature = Bytes::new();
    let expected = AITokenMinter::InvalidMinerSignature {
        receiptHash: receipt_hash,
        recovered: Address::ZERO,
        provider: Address::ZERO,
    };
    assert_eq!(evm.send_minter(RELAYER, &mint(&unsigned)).unwrap_err(), expected.into());
    assert!(!is_used(&evm, &unsigned.receipt));
}

#[test]
fn token_and_minter_deploy_by_transactions_on_any_chain() {
    let mut evm = Evm::empty(1);
    let [token, minter] = [ADMIN.create(0), ADMIN.create(1)];
    for creation_code in [token_creation_code(minter), minter_creation_code(token, Address::ZERO, &parameters())] {
        assert!(!evm.create(ADMIN, creation_code).unwrap().is_empty());
    }
    let receipt = receipt(1, 1_000_000, AIT);
    let digest = receipt.eip712_signing_hash(&domain(1, minter));
    let signed = signed_over(receipt, digest, &attesters()[..2]);
    assert_eq!(evm.send(RELAYER, minter, &mint(&signed)).unwrap().value, U256::from(AIT));
    assert_eq!(evm.send(RELAYER, token, &AIToken::totalSupplyCall {}).unwrap().value, U256::from(AIT));
}
