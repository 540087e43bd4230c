//! What the page tells its scripts: the market, who trades, the functions that a wallet calls, and all words.

use alloy_primitives::{hex, keccak256};
use serde_json::json;
use shared::Address;
use shared::api::exchange::{ExchangeView, MarketView};

use super::book::{DEPTH_STEPS, LEVELS, TRADES};
use super::figures::Places;
use super::{account, book, chart, keys};
use crate::text::exchange::script as words;

/// Functions of the assets and of the contract that settles, by the names that the scripts know them by.
const FUNCTIONS: [(&str, &str); 10] = [
    ("balanceOf", "balanceOf(address)"),
    ("permitNonce", "nonces(address)"),
    ("faucet", "faucet()"),
    ("depositWithPermit", "depositWithPermit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
    ("requestExit", "requestExit()"),
    ("cancelExit", "cancelExit()"),
    ("exit", "exit(address)"),
    ("deposit", "deposit(address,uint256)"),
    ("addDelegate", "addDelegate(address,uint64)"),
    ("revokeDelegate", "revokeDelegate(address)"),
];

/// A function's four bytes.
fn selector(function: &str) -> String {
    format!("0x{}", hex::encode(&keccak256(function)[..4]))
}

/// As JSON.
pub(super) fn facts(exchange: &ExchangeView, market: &MarketView, trader: Option<Address>) -> String {
    let places = Places::of(market);
    let selectors: serde_json::Map<_, _> =
        FUNCTIONS.into_iter().map(|(name, function)| (name.to_owned(), selector(function).into())).collect();
    json!({
        "chainId": exchange.chain_id, "contract": exchange.contract,
        "settlementSeconds": exchange.settlement_seconds, "assets": exchange.assets,
        "market": market, "markets": exchange.markets, "pricePlaces": places.price, "amountPlaces": places.amount,
        "levels": LEVELS, "depthSteps": u64::try_from(DEPTH_STEPS).unwrap_or_default(), "trades": TRADES,
        "trader": trader, "selectors": selectors,
        "publicParts": [chart::CHART, book::FIGURES],
        "traderParts": [account::BALANCES, account::ORDERS, account::FILLS, account::PAST_ORDERS, account::EXIT, keys::KEYS],
        "words": words::words(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_the_selectors_that_their_contracts_answer() {
        assert_eq!(selector("balanceOf(address)"), "0x70a08231");
        assert_eq!(selector("nonces(address)"), "0x7ecebe00");
    }
}
