//! The EIP-191 form of `mintWithReceipt`, which is off by default.

use alloy_primitives::{Address, B256, Bytes, U256, eip191_hash_message, keccak256};
use alloy_sol_types::SolValue;
use contracts::AITokenMinter;
use contracts::abi::MintPlainCall;

use crate::evm::{Evm, MinterError, Reverted};
use crate::receipts::{
    ADMIN, AIT, EPOCH_CAP, RELAYER, Signer, attesters, chain, digest, is_used, miner, mint, receipt, signed_over,
    single_attester_chain,
};

const RECEIPT_HASH: B256 = B256::repeat_byte(0x77);

fn plain_digest(provider: Address, units: U256, receipt_hash: B256) -> B256 {
    eip191_hash_message(keccak256((provider, units, receipt_hash).abi_encode()))
}

fn plain_mint(micro_units: u64, signer: &Signer) -> MintPlainCall {
    let (provider, units) = (miner().address(), U256::from(micro_units));
    let attester_signature = signer.sign(plain_digest(provider, units, RECEIPT_HASH));
    MintPlainCall { provider, units, receiptHash: RECEIPT_HASH, attesterSignature: attester_signature }
}

fn enable(evm: &mut Evm, price_atto: u128) {
    evm.send_minter(ADMIN, &AITokenMinter::setPlainUnitPriceCall { plainUnitPrice_: price_atto }).unwrap();
}

#[test]
fn the_plain_form_is_off_until_it_has_a_price() {
    let mut evm = single_attester_chain();
    let call = plain_mint(2_000_000, &attesters()[0]);
    assert_eq!(evm.send_minter(RELAYER, &call).unwrap_err(), AITokenMinter::PlainFormDisabled {}.into());
    assert!(!is_used(&evm, RECEIPT_HASH));

    enable(&mut evm, 3 * AIT);
    evm.send_minter(RELAYER, &call).unwrap();
    assert_eq!(evm.balance(miner().address()), U256::from(6 * AIT));

    let again = evm.send_minter(RELAYER, &call).unwrap_err();
    assert_eq!(again, AITokenMinter::ReceiptAlreadyUsed { receiptHash: RECEIPT_HASH }.into());
    assert_eq!(evm.supply(), U256::from(6 * AIT));
}

#[test]
fn both_forms_use_up_the_same_receipt() {
    let mut evm = single_attester_chain();
    enable(&mut evm, AIT);
    let attester = &attesters()[..1];
    let typed = contracts::AITokenMinter::JobReceipt { receiptHash: RECEIPT_HASH, ..receipt(0, 1_000_000, AIT) };
    let typed = signed_over(typed.clone(), digest(&typed), attester);
    let used = Reverted::from(AITokenMinter::ReceiptAlreadyUsed { receiptHash: RECEIPT_HASH });

    let mut typed_first = evm.clone();
    typed_first.send_minter(RELAYER, &mint(&typed)).unwrap();
    assert_eq!(typed_first.send_minter(RELAYER, &plain_mint(1_000_000, &attester[0])).unwrap_err(), used);

    evm.send_minter(RELAYER, &plain_mint(1_000_000, &attester[0])).unwrap();
    assert_eq!(evm.send_minter(RELAYER, &mint(&typed)).unwrap_err(), used);
    assert_eq!(evm.supply(), U256::from(AIT));
}

#[test]
fn the_plain_form_refuses_strangers_other_terms_and_malformed_signatures() {
    let mut evm = single_attester_chain();
    enable(&mut evm, AIT);
    let valid = plain_mint(1_000_000, &attesters()[0]);
    let forgeries = [
        plain_mint(1_000_000, &miner()),
        MintPlainCall { units: U256::from(1_000_001), ..valid.clone() },
        MintPlainCall { provider: RELAYER, ..valid.clone() },
        MintPlainCall { receiptHash: B256::repeat_byte(0x78), ..valid.clone() },
        MintPlainCall { attesterSignature: Bytes::new(), ..valid.clone() },
        MintPlainCall { attesterSignature: valid.attesterSignature.slice(..64), ..valid.clone() },
    ];
    for forgery in forgeries {
        let error = evm.send_minter(RELAYER, &forgery).unwrap_err();
        assert!(matches!(error.minter(), MinterError::InvalidAttesterSignature(_)), "{error:?}");
    }
    assert_eq!(evm.supply(), U256::ZERO);
}

#[test]
fn the_plain_form_counts_against_the_cap() {
    let mut evm = single_attester_chain();
    enable(&mut evm, EPOCH_CAP + 1);
    let error = evm.send_minter(RELAYER, &plain_mint(1_000_000, &attesters()[0])).unwrap_err();
    assert!(matches!(error.minter(), MinterError::EpochCapExceeded(_)), "{error:?}");
}

#[test]
fn the_plain_form_cannot_undercut_a_threshold() {
    let mut evm = chain();
    enable(&mut evm, AIT);
    let error = evm.send_minter(RELAYER, &plain_mint(1_000_000, &attesters()[0])).unwrap_err();
    let expected =
        AITokenMinter::TooFewAttestations { receiptHash: RECEIPT_HASH, given: U256::from(1), threshold: U256::from(2) };
    assert_eq!(error, expected.into());
}
