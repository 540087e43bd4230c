//! Who signed what is asked of the exchange: the trader's key, a key that the trader delegated to, or, but for orders, the
//! trader that is a contract (ERC-1271). The contract that settles decides by the same rules, so what it would refuse is not
//! taken.

use node::{ExchangeReader, NodeError, NodeHandle};
use serde::{Deserialize, Serialize};
use shared::Address;
use shared::exchange::{ExchangeOrder, OfTrader, SignedByTrader, TRADER_SIGNATURE_MAX_BYTES, TraderSignatureError};
use shared::time::UnixSeconds;

use super::access::ExchangeAccess;
use super::error::ExchangeError;
use crate::clock;

/// An order, and whose key signed it: the trader's, or a delegate's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VerifiedOrder {
    pub(crate) signed: SignedByTrader<ExchangeOrder>,
    pub(crate) signer: Address,
}

impl ExchangeAccess {
    /// Checks a signature where it may compute. The chain is asked only where the trader's key did not sign.
    pub(crate) async fn verify<T>(&self, signed: SignedByTrader<T>) -> Result<SignedByTrader<T>, ExchangeError>
    where
        T: OfTrader + Send + 'static,
    {
        let (found, signed) = self.key_of(signed).await?;
        if let Err(refused) = found {
            self.ask_contract(&signed, refused).await?;
        }
        Ok(signed)
    }

    /// Checks the signature of an order, which counts by a key alone.
    pub(crate) async fn verify_order(
        &self,
        signed: SignedByTrader<ExchangeOrder>,
    ) -> Result<VerifiedOrder, ExchangeError> {
        let (found, signed) = self.key_of(signed).await?;
        match found {
            Ok(signer) => Ok(VerifiedOrder { signed, signer }),
            Err(refused) => Err(self.of_order(signed.signed.trader, refused)?.into()),
        }
    }

    /// The key that signed and may, or why none did.
    async fn key_of<T>(&self, signed: SignedByTrader<T>) -> Result<(Looked, SignedByTrader<T>), ExchangeError>
    where
        T: OfTrader + Send + 'static,
    {
        if signed.signature.len() > TRADER_SIGNATURE_MAX_BYTES {
            return Err(TraderSignatureError::TooLong(signed.signature.len()).into());
        }
        let node = self.node.clone();
        let look = move || (key_that_signed(&node, &signed), signed);
        let looked = tokio::task::spawn_blocking(look).await;
        let (found, signed) = looked.map_err(|error| ExchangeError::ChainNotAsked(error.to_string()))?;
        Ok((found.map_err(ExchangeError::of_node)?, signed))
    }

    /// Says to a contract whose owner signed an order itself how it trades.
    fn of_order(&self, trader: Address, refused: TraderSignatureError) -> Result<TraderSignatureError, ExchangeError> {
        let names_key =
            !matches!(refused, TraderSignatureError::Signature(_) | TraderSignatureError::NotTheTrader { .. });
        if names_key || self.node.code(trader).map_err(ExchangeError::of_node)?.is_empty() {
            return Ok(refused);
        }
        Ok(TraderSignatureError::NoOrderOfContracts(trader))
    }

    /// Asks a trader that is a contract whether it signed, where it has something here that it could have signed about. For
    /// one that is none, what was wrong with the key stays wrong.
    async fn ask_contract<T: OfTrader>(
        &self,
        signed: &SignedByTrader<T>,
        refused: TraderSignatureError,
    ) -> Result<(), ExchangeError> {
        let trader = signed.signed.trader();
        if self.node.code(trader).map_err(ExchangeError::of_node)?.is_empty() {
            return Err(refused.into());
        }
        let account = self.handle.clone()?.account(trader).await?;
        if account.next_nonce == 1 && account.balances.iter().all(|balance| balance.in_contract_units.0 == 0) {
            return Err(ExchangeError::NoAccount(trader));
        }
        let (digest, signature) = (signed.digest(), signed.signature.clone());
        let ask = self.node.query(move |snapshot| {
            ExchangeReader::at(snapshot, snapshot.head().number).is_signed_by_contract(trader, digest, &signature)
        });
        if ask.await.map_err(ExchangeError::of_node)? {
            return Ok(());
        }
        Err(TraderSignatureError::NotTheContracts(trader).into())
    }
}

/// A key that may sign, or what is wrong with it.
type Looked = Result<Address, TraderSignatureError>;

/// The key that signed and may: the trader's own, or a delegate's.
fn key_that_signed<T: OfTrader>(node: &NodeHandle, signed: &SignedByTrader<T>) -> Result<Looked, NodeError> {
    let trader = signed.signed.trader();
    let key = match signed.signer() {
        Ok(key) => key,
        Err(error) => return Ok(Err(error.into())),
    };
    if key == trader {
        return Ok(Ok(key));
    }
    let snapshot = node.snapshot()?;
    let reader = ExchangeReader::at(&snapshot, snapshot.head().number);
    let found = delegation(&reader, trader, key, clock::now().seconds())?;
    let unknown = Err(TraderSignatureError::NotTheTrader { signer: key, trader });
    Ok(found.unwrap_or(unknown).and(if T::MAY_DELEGATE {
        Ok(key)
    } else {
        Err(TraderSignatureError::NotForDelegates { delegate: key, trader })
    }))
}

/// Until when a key may sign for a trader, or why it may not; nothing where the trader never said so.
fn delegation(
    reader: &ExchangeReader<'_>,
    trader: Address,
    delegate: Address,
    now: UnixSeconds,
) -> Result<Option<Result<UnixSeconds, TraderSignatureError>>, NodeError> {
    Ok(reader.delegation(trader, delegate)?.map(|found| {
        if found.is_revoked {
            return Err(TraderSignatureError::DelegationRevoked { delegate, trader });
        }
        let expired_at = found.expires_at;
        if expired_at < now {
            return Err(TraderSignatureError::DelegationExpired { delegate, trader, expired_at });
        }
        Ok(found.expires_at)
    }))
}

/// The same at the desk, after the last block that it has read: so a revocation comes before an order or behind it. An order
/// lives no longer than its delegation, since what it was matched with would be void.
pub(super) fn check_delegation(
    reader: &ExchangeReader<'_>,
    (trader, delegate): (Address, Address),
    order_expires_at: UnixSeconds,
    now: UnixSeconds,
) -> Result<(), ExchangeError> {
    let found = delegation(reader, trader, delegate, now).map_err(ExchangeError::of_node)?;
    let ends = found.unwrap_or(Err(TraderSignatureError::NotTheTrader { signer: delegate, trader }))?;
    if order_expires_at > ends {
        return Err(ExchangeError::OutlivesDelegation { given: order_expires_at.0, ends: ends.0 });
    }
    Ok(())
}
