//! Who signed what is asked of the exchange: the trader's key, a key that the trader delegated to, or the trader that is a
//! contract (ERC-1271). The contract that settles decides by the same rules, so what it would refuse is not taken.

use node::{ExchangeReader, NodeError};
use shared::Address;
use shared::exchange::{OfTrader, SignedByTrader, TRADER_SIGNATURE_MAX_BYTES, TraderSignatureError};
use shared::time::UnixSeconds;

use super::access::ExchangeAccess;
use super::error::ExchangeError;
use crate::clock;

/// What was asked for, and whose key signed it; nothing where the trader's contract takes the signature for its own.
#[derive(Debug, Clone)]
pub(crate) struct Verified<T> {
    pub(crate) signed: SignedByTrader<T>,
    pub(crate) signer: Option<Address>,
}

impl ExchangeAccess {
    /// Checks a signature where it may compute. The chain is asked only where the trader's key did not sign.
    pub(crate) async fn verify<T>(&self, signed: SignedByTrader<T>) -> Result<Verified<T>, ExchangeError>
    where
        T: OfTrader + Send + 'static,
    {
        if signed.signature.len() > TRADER_SIGNATURE_MAX_BYTES {
            return Err(TraderSignatureError::TooLong(signed.signature.len()).into());
        }
        let trader = signed.signed.trader();
        let recovered = tokio::task::spawn_blocking(move || (signed.signer(), signed)).await;
        let (signer, signed) = recovered.map_err(|error| ExchangeError::Fault(error.to_string()))?;
        if signer == Ok(trader) {
            return Ok(Verified { signed, signer: Some(trader) });
        }
        let (digest, signature) = (signed.digest(), signed.signature.clone());
        let now = clock::now().seconds();
        let asked = self.node.query(move |snapshot| {
            let reader = ExchangeReader::at(snapshot, snapshot.head().number);
            if let Ok(delegate) = signer {
                if let Some(found) = delegation(&reader, trader, delegate, now)? {
                    return Ok(found.and_then(|_| may_sign::<T>(trader, delegate)).map(|()| Some(delegate)));
                }
            }
            if !snapshot.state_at(snapshot.head().number)?.code_at(trader)?.is_empty() {
                let is_signed = reader.is_signed_by_contract(trader, digest, &signature)?;
                return Ok(is_signed.then_some(None).ok_or(TraderSignatureError::NotTheContracts(trader)));
            }
            Ok(Err(match signer {
                Ok(signer) => TraderSignatureError::NotTheTrader { signer, trader },
                Err(error) => error.into(),
            }))
        });
        let signer = asked.await.map_err(ExchangeError::of_node)??;
        Ok(Verified { signed, signer })
    }
}

fn may_sign<T: OfTrader>(trader: Address, delegate: Address) -> Result<(), TraderSignatureError> {
    if T::MAY_DELEGATE { Ok(()) } else { Err(TraderSignatureError::NotForDelegates { delegate, trader }) }
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
