use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, bytes};
use chain::{Envelope, SignedTransaction};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;

pub(crate) const CHAIN_ID: u64 = shared::chain::DEV_CHAIN_ID;

/// Init code of a contract that writes its second call-data word to the slot its first word names, and logs the value
/// under the slot as topic.
pub(crate) const RECORDER: Bytes = bytes!("60138060093d393df36020356000358181559060005260206000a100");
pub(crate) const RECORDER_ADDRESS: Address = Address::repeat_byte(0x11);

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

/// A signed call of the recorder.
pub(crate) fn recording(sender: u8, nonce: u64, slot: u64, value: u64) -> SignedTransaction {
    let mut input = U256::from(slot).to_be_bytes_vec();
    input.extend(U256::from(value).to_be_bytes_vec());
    call(sender, nonce, RECORDER_ADDRESS, input.into())
}

/// A signed call of a contract.
pub(crate) fn call(sender: u8, nonce: u64, contract: Address, input: Bytes) -> SignedTransaction {
    let transaction = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 1,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(contract),
        value: U256::ZERO,
        access_list: Default::default(),
        input,
    };
    let (signature, recovery) = key(sender).sign_prehash(transaction.signature_hash().as_slice()).unwrap();
    let signed = Envelope::from(transaction.into_signed(Signature::from((signature, recovery))));
    SignedTransaction::decode(&signed.encoded_2718(), CHAIN_ID).unwrap()
}
