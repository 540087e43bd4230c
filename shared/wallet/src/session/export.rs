//! What leaves the wallet, each time behind its password.

use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::Session;
use crate::keystore::Keystore;
use crate::protocol::{ExportForm, Refusal, Secret, WalletId};
use crate::secret::{OpenSecret, WalletSecret};

impl Session {
    /// Words, a key, or a keystore file that the same password encrypts.
    pub fn export(
        &self,
        wallet: WalletId,
        form: ExportForm,
        password: &Secret,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Secret, Refusal> {
        let open = self.open()?;
        open.check(password)?;
        let secret = open.secrets.iter().find(|(id, _)| *id == wallet).map(|(_, secret)| secret);
        let secret = secret.ok_or(Refusal::NotHere)?;
        match form {
            ExportForm::Words => match &secret.secret {
                WalletSecret::Phrase(phrase) => Ok(Secret(String::from_utf8_lossy(phrase.as_bytes()).into_owned())),
                WalletSecret::Key(_) => Err(Refusal::NotHere),
            },
            ExportForm::Key { address } => {
                let bytes = Zeroizing::new(key(secret, address)?.to_bytes());
                Ok(Secret(format!("0x{}", hex::encode(*bytes))))
            }
            ExportForm::Keystore { address } => Keystore::seal(key(secret, address)?, &password.0, random)
                .and_then(|keystore| keystore.to_json())
                .map(Secret)
                .map_err(|error| Refusal::Cryptography { detail: error.to_string() }),
        }
    }
}

fn key(secret: &OpenSecret, address: shared::Address) -> Result<&shared::signing::PrivateKey, Refusal> {
    secret.keys.iter().find(|key| key.address() == address).ok_or(Refusal::NotHere)
}
