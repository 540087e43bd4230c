//! The wallets of the folder: made, imported, listed, and what they have.

use custody::event::{Event, Origin};
use custody::policy::Policy;
use serde::Serialize;
use serde_json::{Value, json};
use shared::Address;
use shared::amount::Amount;
use shared::signing::PrivateKey;
use wallet::account::{AccountIndex, Seed};
use wallet::keystore::Keystore;
use wallet::mnemonic::{MnemonicPhrase, WordCount};
use wallet::rand_core::OsRng;
use zeroize::Zeroizing;

use super::error::DaemonError;
use super::payments::PaymentView;
use super::plan::of_node;
use super::requests::{Create, Import, Secret, SetPolicy};
use super::signer::{Signer, blocking};
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::{ask, make, show};
use crate::clock;

/// Most rows of a history.
pub(super) const HISTORY_MAX: u32 = 1_000;

#[derive(Debug, Serialize)]
pub(super) struct Listed {
    wallet: String,
    address: Address,
    unlocked: bool,
    second_factor: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Balance {
    wallet: String,
    address: Address,
    balance: Amount,
}

/// Wallet, address, and the recovery words where they were made now.
#[derive(Serialize)]
pub(super) struct Added {
    wallet: String,
    address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Secret>,
}

impl Signer {
    pub(super) async fn create(&self, asked: Create) -> Result<Added, DaemonError> {
        self.check_new(&asked.wallet, &asked.password.0)?;
        let count = match asked.words {
            None | Some(12) => WordCount::Twelve,
            Some(24) => WordCount::TwentyFour,
            Some(other) => return Err(DaemonError::Form(format!("words is 12 or 24, got {other}"))),
        };
        let internal = |error: String| DaemonError::Internal(format!("no key could be made: {error}"));
        let phrase = MnemonicPhrase::generate(count, &mut OsRng).map_err(|error| internal(error.to_string()))?;
        let words = Zeroizing::new(phrase.words().collect::<Vec<_>>().join(" "));
        let seed = self.in_turn(move || Seed::of(&phrase, "").map_err(|error| error.to_string())).await?;
        let key = seed.map_err(internal)?.account(AccountIndex::FIRST).map_err(|error| internal(error.to_string()))?;
        let address = self.store(&asked.wallet, key, asked.password.0, Origin::Created).await?;
        Ok(Added { wallet: asked.wallet.to_string(), address, words: Some(words.into()) })
    }

    pub(super) async fn import(&self, asked: Import) -> Result<Added, DaemonError> {
        let Import { wallet: name, password, secret, account, passphrase, keystore_password } = asked;
        self.check_new(&name, &password.0)?;
        let read = move || {
            let passphrase = || Ok(passphrase.map(|Secret(text)| text).unwrap_or_default());
            let missing = || anyhow::anyhow!("the keystore's own password is missing: keystore_password");
            let keystore_password = || keystore_password.map(|Secret(text)| text).ok_or_else(missing);
            make::read_key(&secret.0, account.unwrap_or_default(), passphrase, keystore_password)
        };
        let key = self.in_turn(read).await?.map_err(|error| DaemonError::Form(format!("{error:#}")))?;
        let address = self.store(&name, key, password.0, Origin::Imported).await?;
        Ok(Added { wallet: name.to_string(), address, words: None })
    }

    fn check_new(&self, name: &WalletName, password: &str) -> Result<(), DaemonError> {
        ask::check_length(password).map_err(|error| DaemonError::Form(format!("{error:#}")))?;
        self.config.folder.check_free(name).map_err(|error| DaemonError::Conflict(format!("{error:#}")))
    }

    async fn store(
        &self,
        name: &WalletName,
        key: PrivateKey,
        password: Zeroizing<String>,
        origin: Origin,
    ) -> Result<Address, DaemonError> {
        let address = key.address();
        let sealed = self.in_turn(move || Keystore::seal(&key, &password, &mut OsRng)).await?;
        let keystore = sealed.map_err(|error| DaemonError::Internal(error.to_string()))?;
        self.config.folder.add(name, &keystore).map_err(|error| DaemonError::Conflict(format!("{error:#}")))?;
        let event = Event::WalletAdded { name: name.to_string(), address, origin };
        let durable = self.record(&mut self.state(), &event)?;
        durable.wait().await?;
        Ok(address)
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, DaemonError> {
        let folder = self.config.folder.clone();
        let found =
            blocking(move || folder.list()).await?.map_err(|error| DaemonError::Internal(format!("{error:#}")))?;
        let state = self.state();
        let listed = |(name, keystore): (WalletName, Keystore)| {
            let address = keystore.address()?;
            let (unlocked, second_factor) = (state.is_open(&name), state.ledger.second_factor(address).is_some());
            Some(Listed { wallet: name.to_string(), address, unlocked, second_factor })
        };
        Ok(found.into_iter().filter_map(listed).collect())
    }

    pub(super) async fn balance(&self, name: &WalletName) -> Result<Balance, DaemonError> {
        let (address, node) = (self.address(name)?, self.config.node.clone());
        let balance = blocking(move || node.balance(address)).await?.map_err(of_node)?;
        Ok(Balance { wallet: name.to_string(), address, balance })
    }

    /// The AIT that came and went by the chain, and the payments of this daemon.
    pub(super) async fn history(&self, name: &WalletName, limit: u32) -> Result<Value, DaemonError> {
        let (address, node) = (self.address(name)?, self.config.node.clone());
        let transfers = blocking(move || show::transfers(&node, address, limit)).await?.map_err(of_node)?;
        let payments: Vec<PaymentView> = {
            let state = self.state();
            let newest = state.ledger.payments_of(address).take(usize::try_from(limit).unwrap_or(usize::MAX));
            newest.map(PaymentView::from).collect()
        };
        Ok(json!({ "wallet": name.to_string(), "address": address, "payments": payments, "transfers": transfers }))
    }

    /// The policy that holds, and what went today.
    pub(super) fn policy(&self, name: &WalletName) -> Result<Value, DaemonError> {
        let address = self.address(name)?;
        let state = self.state();
        let spent = state.ledger.spent(address, clock::now());
        Ok(json!({ "wallet": name.to_string(), "policy": state.ledger.policy(address), "spent_today": spent.total() }))
    }

    /// Only who knows the wallet's password changes its policy, with a code where there is a second factor.
    pub(super) async fn set_policy(&self, asked: SetPolicy) -> Result<Policy, DaemonError> {
        let SetPolicy { wallet: name, password, policy, code } = asked;
        policy.check().map_err(|error| DaemonError::Form(error.to_string()))?;
        let (address, key) = self.open_keystore(&name, password.0).await?;
        let durable = {
            let mut state = self.state();
            let code = code.as_ref().map(|Secret(code)| code.as_str());
            let code = self.code_of_owner(&mut state, address, &key, code)?;
            self.record(&mut state, &Event::PolicySet { address, policy: policy.clone(), code })?
        };
        durable.wait().await?;
        Ok(policy)
    }
}
