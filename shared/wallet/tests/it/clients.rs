//! What ethers and viem computed; `e2e/support/wallet_vectors.mjs` makes the file.

use serde::Deserialize;
use serde_json::Value;
use shared::signing::PrivateKey;
use shared::{Address, B256, Bytes};

#[derive(Deserialize)]
pub(crate) struct Clients {
    pub(crate) private_key: B256,
    pub(crate) address: Address,
    pub(crate) words: Vec<Words>,
    pub(crate) transactions: Vec<Transaction>,
    /// As before EIP-155.
    pub(crate) transaction_without_chain: Bytes,
    pub(crate) typed_data: Vec<TypedData>,
    pub(crate) messages: Vec<Message>,
    pub(crate) sign_in: SignIn,
    pub(crate) keystore: Keystore,
}

#[derive(Deserialize)]
pub(crate) struct Words {
    pub(crate) language: String,
    pub(crate) phrase: String,
    pub(crate) passphrase: String,
    pub(crate) accounts: Vec<Account>,
}

#[derive(Deserialize)]
pub(crate) struct Account {
    pub(crate) index: u32,
    pub(crate) address: Address,
}

#[derive(Deserialize)]
pub(crate) struct Transaction {
    pub(crate) name: String,
    pub(crate) raw: Bytes,
    pub(crate) hash: B256,
    pub(crate) nonce: u64,
    pub(crate) chain_id: u64,
    pub(crate) to: Option<Address>,
}

#[derive(Deserialize)]
pub(crate) struct TypedData {
    pub(crate) name: String,
    pub(crate) data: Value,
    pub(crate) digest: B256,
    pub(crate) signature: Bytes,
}

#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) signature: Bytes,
}

#[derive(Deserialize)]
pub(crate) struct SignIn {
    pub(crate) short: String,
    pub(crate) full: String,
}

#[derive(Deserialize)]
pub(crate) struct Keystore {
    pub(crate) password: String,
    pub(crate) json: Value,
}

impl Clients {
    pub(crate) fn read() -> Self {
        serde_json::from_str(include_str!("../vectors/clients.json")).unwrap()
    }

    pub(crate) fn key(&self) -> PrivateKey {
        PrivateKey::from_bytes(&self.private_key).unwrap()
    }
}

#[test]
fn messages_are_signed_as_by_other_wallets() {
    let clients = Clients::read();
    assert_eq!(clients.key().address(), clients.address);
    for Message { text, signature } in &clients.messages {
        assert_eq!(&clients.key().sign_message(text.as_bytes()).unwrap(), signature, "{text}");
        let signer = shared::signing::recover_message(text.as_bytes(), signature);
        assert_eq!(signer, Ok(clients.address), "{text}");
    }
}
