//! What traders sign for the exchange: orders, changes of them, and withdrawals.
//!
//! ```text
//! order ─► the operator's book ─► trades ─► settle on the contract, which checks each of them against both orders
//! ```
//! The contract decides. The same rules stand here so that server, page and CLI see its answer before they ask.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::amount::decimal_string;
use crate::time::UnixSeconds;
use crate::typed_data::{SigningDomain, TypedData};

/// The longest signature of a trader that is a contract (ERC-1271).
pub const TRADER_SIGNATURE_MAX_BYTES: usize = 1_024;

/// Keys that one trader may have sign its orders at a time.
pub const DELEGATES_MAX: usize = 16;

/// A limit price is for so many units of the base asset.
pub const PRICE_SCALE: u128 = 1_000_000_000_000_000_000;

/// An amount of an asset that is known by its address, in the asset's smallest units. In JSON it is a decimal string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetUnits(pub u128);

impl Serialize for AssetUnits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AssetUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal_string(deserializer, "an amount in an asset's smallest units").map(Self)
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use super::AssetUnits;
    crate::openapi::string_schema!(
        AssetUnits,
        "an amount in the asset's smallest units as a decimal string",
        "^[0-9]{1,39}$",
        "2500000"
    );
}

/// What an order does with the base asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    /// The text that is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// How long an order stays in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TimeInForce {
    /// Until it expires.
    #[serde(rename = "GTT")]
    GoodTilTime,
    /// Takes what it can at once.
    #[serde(rename = "IOC")]
    ImmediateOrCancel,
    /// Takes all or nothing at once.
    #[serde(rename = "FOK")]
    FillOrKill,
    /// Until it expires, and never takes.
    #[serde(rename = "POST_ONLY")]
    PostOnly,
}

impl TimeInForce {
    /// The text that is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoodTilTime => "GTT",
            Self::ImmediateOrCancel => "IOC",
            Self::FillOrKill => "FOK",
            Self::PostOnly => "POST_ONLY",
        }
    }
}

/// What an order waits for before it comes to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Trigger {
    /// For nothing.
    #[serde(rename = "NONE")]
    None,
    /// For a trade at the trigger price or above.
    #[serde(rename = "AT_OR_ABOVE")]
    AtOrAbove,
    /// For a trade at the trigger price or below.
    #[serde(rename = "AT_OR_BELOW")]
    AtOrBelow,
}

impl Trigger {
    /// The text that is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::AtOrAbove => "AT_OR_ABOVE",
            Self::AtOrBelow => "AT_OR_BELOW",
        }
    }
}

/// A trader's word that the operator may trade for it, up to `amount` and never beyond `limit_price`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExchangeOrder {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    pub side: Side,
    /// What is bought or sold.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub base: Address,
    /// What it is paid with.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub quote: Address,
    /// The most of the base asset that all fills of the order may sum to.
    pub amount: AssetUnits,
    /// The worst price: units of the quote asset for 10^18 units of the base asset.
    pub limit_price: AssetUnits,
    pub time_in_force: TimeInForce,
    /// What the order waits for. The operator alone watches the price; the contract holds to the limit whatever it says.
    pub trigger: Trigger,
    /// Where the trigger lies, in units of the limit price; 0 without a trigger.
    pub trigger_price: AssetUnits,
    /// The highest fee, in 1/10 000 of what the trader receives.
    pub max_fee_basis_points: u16,
    /// The last second at which a fill of the order settles.
    pub expires_at: UnixSeconds,
    /// An order of an epoch below its trader's is void.
    pub epoch: u64,
    /// The trader's number for the order. Once an order is filled whole, its nonce is used up.
    pub nonce: u64,
    pub chain_id: u64,
    /// The contract that settles.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
}

impl ExchangeOrder {
    /// Whether the order accepts `quote` for `base`. Nothing is divided, so nothing is rounded.
    pub fn accepts(&self, base: AssetUnits, quote: AssetUnits) -> bool {
        let implied = U256::from(quote.0) * U256::from(PRICE_SCALE);
        let limit = U256::from(self.limit_price.0) * U256::from(base.0);
        match self.side {
            Side::Buy => implied <= limit,
            Side::Sell => implied >= limit,
        }
    }

    /// What `base` units cost at the limit, where they come to a whole number of units.
    pub fn quote_at_limit(&self, base: AssetUnits) -> Option<AssetUnits> {
        let (quotient, rest) = (U256::from(self.limit_price.0) * U256::from(base.0)).div_rem(U256::from(PRICE_SCALE));
        if rest.is_zero() { quotient.try_into().ok().map(AssetUnits) } else { None }
    }
}

impl TypedData for ExchangeOrder {
    /// `contracts/solidity/libraries/ExchangeOrders.sol` holds the same text.
    const TYPE: &'static str = "Order(address trader,string side,address base,address quote,uint128 amount,\
        uint128 limitPrice,string timeInForce,string trigger,uint128 triggerPrice,uint16 maxFeeBasisPoints,\
        uint64 expiresAt,uint64 epoch,uint64 nonce)";

    fn encode_data(&self) -> Vec<B256> {
        vec![
            self.trader.into_word(),
            keccak256(self.side.as_str()),
            self.base.into_word(),
            self.quote.into_word(),
            U256::from(self.amount.0).into(),
            U256::from(self.limit_price.0).into(),
            keccak256(self.time_in_force.as_str()),
            keccak256(self.trigger.as_str()),
            U256::from(self.trigger_price.0).into(),
            U256::from(self.max_fee_basis_points).into(),
            U256::from(self.expires_at.0).into(),
            U256::from(self.epoch).into(),
            U256::from(self.nonce).into(),
        ]
    }
}

/// A trader's word that its open orders with nonces from `from_nonce` to `to_nonce` leave the book. The operator obeys it;
/// what holds without the operator is `cancelAll` of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderCancellation {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    pub from_nonce: u64,
    pub to_nonce: u64,
    pub chain_id: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
}

impl TypedData for OrderCancellation {
    const TYPE: &'static str = "CancelOrders(address trader,uint64 fromNonce,uint64 toNonce)";

    fn encode_data(&self) -> Vec<B256> {
        vec![self.trader.into_word(), U256::from(self.from_nonce).into(), U256::from(self.to_nonce).into()]
    }
}

/// A trader's word that its open order trades no more than `amount` in all. The operator obeys it; the contract knows the
/// amount of the order alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderReduction {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    /// The nonce of the order.
    pub order_nonce: u64,
    /// Of the base asset; what the order has traded counts. Said so, it means the same however often it is handed in.
    pub amount: AssetUnits,
    pub chain_id: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
}

impl TypedData for OrderReduction {
    const TYPE: &'static str = "ReduceOrder(address trader,uint64 orderNonce,uint128 amount)";

    fn encode_data(&self) -> Vec<B256> {
        vec![self.trader.into_word(), U256::from(self.order_nonce).into(), U256::from(self.amount.0).into()]
    }
}

/// A trader's word that the operator may pay `amount` out of its balance, to the trader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExchangeWithdrawal {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: Address,
    pub amount: AssetUnits,
    /// The last second at which it is paid.
    pub expires_at: UnixSeconds,
    /// Counts among the nonces of the trader's orders.
    pub nonce: u64,
    pub chain_id: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
}

impl TypedData for ExchangeWithdrawal {
    /// `contracts/solidity/ExchangeSettlement.sol` holds the same text.
    const TYPE: &'static str = "Withdrawal(address trader,address asset,uint128 amount,uint64 expiresAt,uint64 nonce)";

    fn encode_data(&self) -> Vec<B256> {
        vec![
            self.trader.into_word(),
            self.asset.into_word(),
            U256::from(self.amount.0).into(),
            U256::from(self.expires_at.0).into(),
            U256::from(self.nonce).into(),
        ]
    }
}

/// Something that a trader signed, with the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedByTrader<T> {
    pub signed: T,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// What is wrong with a trader's signature.
#[cfg(feature = "signing")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraderSignatureError {
    #[error("signature: {0}")]
    Signature(#[from] crate::signing::SignatureError),
    #[error("signature: it is of {signer}, but the trader is {trader}, who has no such trading key")]
    NotTheTrader { signer: Address, trader: Address },
    #[error("signature: the trading key {delegate} of {trader} expired at {} (Unix seconds)", .expired_at.0)]
    DelegationExpired { delegate: Address, trader: Address, expired_at: UnixSeconds },
    #[error("signature: {trader} has revoked the trading key {delegate}")]
    DelegationRevoked { delegate: Address, trader: Address },
    #[error("signature: it is of {delegate}, a trading key of {trader}: it signs no withdrawal")]
    NotForDelegates { delegate: Address, trader: Address },
    #[error("signature: the contract {0} does not take it for its own (ERC-1271)")]
    NotTheContracts(Address),
    #[error("signature: the trader {0} is a contract, and a contract trades through a trading key that it names")]
    NoOrderOfContracts(Address),
    #[error("signature: it is at most {TRADER_SIGNATURE_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
}

/// What a trader signs for the exchange.
pub trait OfTrader: TypedData {
    /// A key that the trader delegated to may sign it.
    const MAY_DELEGATE: bool;

    fn trader(&self) -> Address;

    /// Where the signature counts: for this contract, on its chain.
    fn domain(&self) -> SigningDomain;
}

impl OfTrader for ExchangeOrder {
    const MAY_DELEGATE: bool = true;

    fn trader(&self) -> Address {
        self.trader
    }

    fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }
}

impl OfTrader for OrderCancellation {
    const MAY_DELEGATE: bool = true;

    fn trader(&self) -> Address {
        self.trader
    }

    fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }
}

impl OfTrader for OrderReduction {
    const MAY_DELEGATE: bool = true;

    fn trader(&self) -> Address {
        self.trader
    }

    fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }
}

impl OfTrader for ExchangeWithdrawal {
    const MAY_DELEGATE: bool = false;

    fn trader(&self) -> Address {
        self.trader
    }

    fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }
}

#[cfg(feature = "signing")]
impl<T: OfTrader> SignedByTrader<T> {
    /// Whose key signed. Where that is not the trader's, only the chain knows whether the signature counts: of a delegate, or,
    /// but for orders, as a contract's word (ERC-1271).
    pub fn signer(&self) -> Result<Address, crate::signing::SignatureError> {
        crate::signing::recover(&self.signed, &self.signed.domain(), &self.signature)
    }

    /// What the signature is over.
    pub fn digest(&self) -> B256 {
        self.signed.digest(&self.signed.domain())
    }
}
