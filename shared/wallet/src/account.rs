//! From recovery words to keys: BIP-32 derivation on the BIP-44 path of Ethereum.

use shared::signing::PrivateKey;
use zeroize::Zeroizing;

use crate::mnemonic::{MnemonicPhrase, PhraseError};
use crate::protocol::FIRST_ACCOUNT_PATH;

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error(transparent)]
    Phrase(#[from] PhraseError),
    #[error("the recovery words lead to no key on the path {FIRST_ACCOUNT_PATH}")]
    Derivation,
    #[error(transparent)]
    PrivateKey(#[from] shared::signing::SignatureError),
}

/// The key of the first account.
pub fn first_account(phrase: &MnemonicPhrase) -> Result<PrivateKey, AccountError> {
    let extended = phrase.mnemonic()?.derive_key(FIRST_ACCOUNT_PATH, None).map_err(|_| AccountError::Derivation)?;
    let key: &k256::ecdsa::SigningKey = extended.as_ref();
    let bytes = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
    Ok(PrivateKey::from_bytes(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP-39's reference vector for sixteen zero bytes; the address is what other Ethereum wallets derive from it.
    #[test]
    fn derives_what_other_wallets_derive() {
        let phrase = MnemonicPhrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        let address = first_account(&phrase).unwrap().address();
        assert_eq!(address.to_string(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
    }
}
