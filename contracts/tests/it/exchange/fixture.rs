//! Traders with deposits, and their orders.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolStruct, sol};
use contracts::ExchangeSettlement::{ExchangeOrder, Fill, Listing, Side, SignedOrder, TimeInForce, Trigger};
use contracts::genesis::{exchange_creation_code, test_dollar_creation_code};
use contracts::{Deployment, EXCHANGE_SETTLEMENT_ADDRESS, ExchangeParameters, ExchangeSettlement, TestDollar};

use crate::evm::{DEV_CHAIN_ID, Evm, ExchangeError, GENESIS_UNIX, Mined, Reverted};
use crate::receipts::{ADMIN, Signer, TREASURY, domain};

sol! {
    /// What a trader signs, by alloy's EIP-712 and not by the contract.
    struct Order { address trader; string side; address base; address quote; uint128 amount; uint128 limitPrice; string timeInForce; string trigger; uint128 triggerPrice; uint16 maxFeeBasisPoints; uint64 expiresAt; uint64 epoch; uint64 nonce; }
    struct Withdrawal { address trader; address asset; uint128 amount; uint64 expiresAt; uint64 nonce; }
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }
}

pub(super) const BASE: Address = Address::repeat_byte(0xb1);
pub(super) const QUOTE: Address = Address::repeat_byte(0xc2);
pub(super) const EXCHANGE: Address = EXCHANGE_SETTLEMENT_ADDRESS;
pub(super) const SETTLER: Address = Address::repeat_byte(0x5e);
pub(super) const STRANGER: Address = Address::repeat_byte(0x57);
/// What each trader has deposited of both assets: what a faucet gives.
pub(super) const FUNDS: u128 = 10_000_000_000;
pub(super) const EXIT_DELAY_SECONDS: u64 = 3_600;
pub(super) const MAKER_FEE: u16 = 10;
pub(super) const TAKER_FEE: u16 = 25;
pub(super) const EXPIRES_AT: u64 = GENESIS_UNIX + 600;
/// A price of one unit for one unit.
pub(super) const PAR: u128 = 1_000_000_000_000_000_000;

pub(super) fn alice() -> Signer {
    Signer::new(7)
}

pub(super) fn bob() -> Signer {
    Signer::new(8)
}

pub(super) fn carol() -> Signer {
    Signer::new(9)
}

pub(super) fn listing() -> Listing {
    Listing {
        base: BASE,
        quote: QUOTE,
        baseUnitsPerLot: 1_000,
        quoteUnitsPerTick: 1,
        makerFeeBasisPoints: MAKER_FEE,
        takerFeeBasisPoints: TAKER_FEE,
        orderLotsMax: 1_000_000,
        notionalMin: 1,
    }
}

pub(super) fn parameters() -> ExchangeParameters {
    ExchangeParameters {
        admin: ADMIN,
        settler: SETTLER,
        fee_recipient: TREASURY,
        exit_delay_seconds: EXIT_DELAY_SECONDS,
        listings: vec![listing()],
    }
}

/// Two assets and an exchange with one market of them, at `exchange`.
pub(super) fn deployed(chain_id: u64, exchange: Address, parameters: &ExchangeParameters) -> Evm {
    let mut evm = Evm::empty(chain_id);
    let deployments = [
        ("base", BASE, test_dollar_creation_code()),
        ("quote", QUOTE, test_dollar_creation_code()),
        ("ExchangeSettlement", exchange, exchange_creation_code(parameters)),
    ];
    for (contract_name, address, creation_code) in deployments {
        evm.construct(&Deployment { contract_name, address, creation_code }).unwrap();
    }
    evm
}

/// A chain on which nobody has anything.
pub(super) fn empty_chain() -> Evm {
    static CHAIN: LazyLock<Evm> = LazyLock::new(|| deployed(DEV_CHAIN_ID, EXCHANGE, &parameters()));
    CHAIN.clone()
}

/// The same, and three traders have deposited [`FUNDS`] of both assets.
pub(super) fn chain() -> Evm {
    static CHAIN: LazyLock<Evm> = LazyLock::new(|| {
        let mut evm = empty_chain();
        [alice(), bob(), carol()].iter().for_each(|trader| fund(&mut evm, trader));
        evm
    });
    CHAIN.clone()
}

pub(super) fn fund(evm: &mut Evm, trader: &Signer) {
    for asset in [BASE, QUOTE] {
        evm.send(trader.address(), asset, &TestDollar::faucetCall {}).unwrap();
        allow(evm, trader, asset, FUNDS);
        call(evm, trader.address(), &deposit(asset, FUNDS)).unwrap();
    }
}

pub(super) fn allow(evm: &mut Evm, trader: &Signer, asset: Address, amount: u128) {
    let value = U256::from(amount);
    evm.send(trader.address(), asset, &TestDollar::approveCall { spender: EXCHANGE, value }).unwrap();
}

pub(super) fn deposit(asset: Address, amount: u128) -> ExchangeSettlement::depositCall {
    ExchangeSettlement::depositCall { asset, amount: U256::from(amount) }
}

pub(super) fn call<C: SolCall>(evm: &mut Evm, from: Address, call: &C) -> Result<Mined<C::Return>, Reverted> {
    evm.send(from, EXCHANGE, call)
}

pub(super) fn read<C: SolCall>(evm: &Evm, call: &C) -> C::Return {
    evm.clone().send(Address::ZERO, EXCHANGE, call).unwrap().value
}

/// What the traders, the fees and the contract hold.
fn holdings(evm: &Evm) -> Vec<U256> {
    let traders = [alice(), bob(), carol()];
    let of_asset = |asset: Address| {
        let balances = traders.iter().map(|trader| balance(evm, trader, asset)).collect::<Vec<_>>();
        [balances, vec![fees(evm, asset), held(evm, asset)]].concat()
    };
    [of_asset(BASE), of_asset(QUOTE)].concat()
}

/// The error of a refused call that changed nothing.
pub(super) fn refusal<C: SolCall>(evm: &mut Evm, from: Address, what: &C) -> ExchangeError {
    let before = holdings(evm);
    let error = call(evm, from, what).err().unwrap_or_else(|| panic!("{} was taken", C::SIGNATURE)).exchange();
    assert_eq!(holdings(evm), before);
    error
}

pub(super) fn balance(evm: &Evm, trader: &Signer, asset: Address) -> U256 {
    read(evm, &ExchangeSettlement::balanceOfCall { trader: trader.address(), asset })
}

pub(super) fn fees(evm: &Evm, asset: Address) -> U256 {
    read(evm, &ExchangeSettlement::accruedFeesCall { asset })
}

/// What `account` has outside of the exchange.
pub(super) fn wallet(evm: &Evm, account: Address, asset: Address) -> U256 {
    evm.clone().send(Address::ZERO, asset, &TestDollar::balanceOfCall { account }).unwrap().value
}

/// What the contract holds.
pub(super) fn held(evm: &Evm, asset: Address) -> U256 {
    wallet(evm, EXCHANGE, asset)
}

/// An order that stays, at `price` units for one unit.
pub(super) fn order(trader: &Signer, side: Side, amount: u128, price: u128) -> ExchangeOrder {
    ExchangeOrder {
        trader: trader.address(),
        side,
        timeInForce: TimeInForce::GoodTilTime,
        amount,
        limitPrice: price * PAR,
        trigger: Trigger::None,
        triggerPrice: 0,
        maxFeeBasisPoints: TAKER_FEE,
        expiresAt: EXPIRES_AT,
        epoch: 0,
        nonce: 1,
    }
}

pub(super) fn digest(order: &ExchangeOrder) -> B256 {
    digest_in(order, BASE, QUOTE)
}

pub(super) fn digest_in(order: &ExchangeOrder, base: Address, quote: Address) -> B256 {
    let time_in_force = match order.timeInForce {
        TimeInForce::GoodTilTime => "GTT",
        TimeInForce::ImmediateOrCancel => "IOC",
        TimeInForce::FillOrKill => "FOK",
        TimeInForce::PostOnly => "POST_ONLY",
        TimeInForce::__Invalid => panic!("no time in force"),
    };
    let trigger = match order.trigger {
        Trigger::None => "NONE",
        Trigger::AtOrAbove => "AT_OR_ABOVE",
        Trigger::AtOrBelow => "AT_OR_BELOW",
        Trigger::__Invalid => panic!("no trigger"),
    };
    let signed = Order {
        trader: order.trader,
        side: if order.side == Side::Buy { "buy" } else { "sell" }.into(),
        base,
        quote,
        amount: order.amount,
        limitPrice: order.limitPrice,
        timeInForce: time_in_force.into(),
        trigger: trigger.into(),
        triggerPrice: order.triggerPrice,
        maxFeeBasisPoints: order.maxFeeBasisPoints,
        expiresAt: order.expiresAt,
        epoch: order.epoch,
        nonce: order.nonce,
    };
    signed.eip712_signing_hash(&domain(DEV_CHAIN_ID, EXCHANGE))
}

pub(super) fn signed_by(order: ExchangeOrder, signer: &Signer) -> SignedOrder {
    SignedOrder { signature: signer.sign(digest(&order)), order }
}

/// The order with its trader's signature.
pub(super) fn signed(order: ExchangeOrder) -> SignedOrder {
    let traders = [alice(), bob(), carol()];
    let trader = traders.iter().find(|trader| trader.address() == order.trader).unwrap();
    signed_by(order, trader)
}

pub(super) fn buy(trader: &Signer, amount: u128, price: u128) -> SignedOrder {
    signed(order(trader, Side::Buy, amount, price))
}

pub(super) fn sell(trader: &Signer, amount: u128, price: u128) -> SignedOrder {
    signed(order(trader, Side::Sell, amount, price))
}

/// Maker, taker, and what of both assets they exchange.
pub(super) type Trade<'a> = (&'a SignedOrder, &'a SignedOrder, u128, u128);

/// The batch of these trades: each order once, by ascending digest.
pub(super) fn settle(first_trade: u64, trades: &[Trade<'_>]) -> ExchangeSettlement::settleCall {
    let mut orders: Vec<SignedOrder> = Vec::new();
    for order in trades.iter().flat_map(|(maker, taker, ..)| [*maker, *taker]) {
        if !orders.contains(order) {
            orders.push(order.clone());
        }
    }
    orders.sort_by_key(|order| digest(&order.order));
    let position = |order: &SignedOrder| orders.iter().position(|other| other == order).unwrap() as u16;
    let fills = trades.iter().map(|(maker, taker, base, quote)| Fill {
        maker: position(maker),
        taker: position(taker),
        baseAmount: *base,
        quoteAmount: *quote,
    });
    ExchangeSettlement::settleCall { market_: 0, firstTrade: first_trade, fills: fills.collect(), orders }
}

pub(super) fn settled(
    evm: &mut Evm,
    first_trade: u64,
    trades: &[Trade<'_>],
) -> Mined<ExchangeSettlement::settleReturn> {
    call(evm, SETTLER, &settle(first_trade, trades)).unwrap()
}

/// Why the batch of one trade is refused.
pub(super) fn refused(evm: &mut Evm, trade: Trade<'_>) -> ExchangeError {
    refusal(evm, SETTLER, &settle(1, &[trade]))
}

pub(super) fn withdrawal(trader: &Signer, asset: Address, amount: u128, nonce: u64) -> ExchangeSettlement::Withdrawal {
    ExchangeSettlement::Withdrawal { trader: trader.address(), asset, amount, expiresAt: EXPIRES_AT, nonce }
}

pub(super) fn withdraw(
    withdrawal: &ExchangeSettlement::Withdrawal,
    signer: &Signer,
) -> ExchangeSettlement::withdrawCall {
    let ExchangeSettlement::Withdrawal { trader, asset, amount, expiresAt, nonce } = withdrawal.clone();
    let signed = Withdrawal { trader, asset, amount, expiresAt, nonce };
    let digest = signed.eip712_signing_hash(&domain(DEV_CHAIN_ID, EXCHANGE));
    ExchangeSettlement::withdrawCall { withdrawal: withdrawal.clone(), signature: signer.sign(digest) }
}

/// Runtime code as creation code.
pub(super) fn creating(runtime: &[u8]) -> Bytes {
    let size = u8::try_from(runtime.len()).unwrap();
    // codecopy(0, 0x0a, size) and return(0, size)
    [&[0x60, size, 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3, 0x00], runtime].concat().into()
}
