//! The markets and assets that the contract lists, with the names that people use.

use exchange::{Lots, MarketId, Ticks};
use node::{ExchangeReader, NodeError};
use shared::Address;
use shared::api::exchange::{ExchangeAsset, MarketView};
use shared::chain::{BRIDGED_BITCOIN_ADDRESS, BRIDGED_ETHER_ADDRESS, TEST_DOLLAR_ADDRESS};
use shared::exchange::AssetUnits;
use trading::{Assets, Market, decimal, price_decimal};

use super::error::DeskError;

#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) chain_id: u64,
    pub(crate) contract: Address,
    pub(crate) exit_delay_seconds: u64,
    pub(crate) assets: Assets,
    /// By their numbers in the book.
    pub(crate) tokens: Vec<ExchangeAsset>,
    /// By their numbers.
    pub(crate) markets: Vec<ListedMarket>,
}

#[derive(Debug, Clone)]
pub(crate) struct ListedMarket {
    pub(crate) id: String,
    pub(crate) market: Market,
    pub(crate) base: ExchangeAsset,
    pub(crate) quote: ExchangeAsset,
    pub(crate) is_open: bool,
}

impl Listing {
    pub(crate) fn read(reader: &ExchangeReader<'_>, chain_id: u64) -> Result<Self, DeskError> {
        let addresses = reader.assets()?;
        let assets = Assets::new(addresses.clone());
        let tokens = addresses.into_iter().map(|asset| token(reader, asset)).collect::<Result<Vec<_>, _>>()?;
        let mut markets: Vec<ListedMarket> = Vec::new();
        for (number, listed) in (0..).zip(reader.markets()?) {
            let market = Market::of_listing(number, &listed.listing, &assets)?;
            let token = |address| tokens.iter().find(|token| token.address == address).cloned();
            let (Some(base), Some(quote)) = (token(market.base), token(market.quote)) else {
                return Err(DeskError::Inconsistent(format!("market {number} trades an asset that is not listed")));
            };
            let name = format!("{}-{}", base.symbol, quote.symbol);
            // Other rules for the same pair are another market.
            let is_taken = markets.iter().any(|other| other.id == name);
            let id = if is_taken { format!("{name}-{number}") } else { name };
            markets.push(ListedMarket { id, market, base, quote, is_open: !listed.isClosed });
        }
        let exit_delay_seconds = reader.exit_delay_seconds()?;
        let contract = contracts::EXCHANGE_SETTLEMENT_ADDRESS;
        Ok(Self { chain_id, contract, exit_delay_seconds, assets, tokens, markets })
    }

    pub(crate) fn find(&self, id: &str) -> Option<&ListedMarket> {
        self.markets.iter().find(|market| market.id == id)
    }

    /// The newest open market of a pair, else the newest.
    pub(crate) fn of_pair(&self, base: Address, quote: Address) -> Option<&ListedMarket> {
        let of_pair = |market: &&ListedMarket| (market.market.base, market.market.quote) == (base, quote);
        let newest = self.markets.iter().rev().filter(of_pair);
        newest.clone().find(|market| market.is_open).or_else(|| newest.clone().next())
    }

    pub(crate) fn market(&self, number: u16) -> Option<&ListedMarket> {
        self.markets.get(usize::from(number))
    }

    pub(crate) fn token(&self, address: Address) -> Option<&ExchangeAsset> {
        self.tokens.iter().find(|token| token.address == address)
    }

    /// The least amount of an asset with which an order is possible.
    pub(crate) fn least_amount(&self, asset: Address) -> u128 {
        let least = self.markets.iter().filter_map(|listed| {
            let rules = &listed.market.rules;
            if listed.market.base == asset {
                Some(u128::from(rules.base_units_per_lot))
            } else {
                (listed.market.quote == asset).then_some(rules.notional_min.0.max(1))
            }
        });
        least.min().unwrap_or(u128::MAX)
    }
}

fn token(reader: &ExchangeReader<'_>, address: Address) -> Result<ExchangeAsset, NodeError> {
    let text = reader.token_text(address)?;
    let is_test_dollar = address == TEST_DOLLAR_ADDRESS;
    let symbol: String = text.symbol.chars().filter(char::is_ascii_alphanumeric).take(SYMBOL_MAX_CHARS).collect();
    Ok(ExchangeAsset {
        address,
        // It stands in paths.
        symbol: if symbol.is_empty() { address.to_string() } else { symbol },
        name: text.name.chars().take(NAME_MAX_CHARS).collect(),
        decimals: text.decimals,
        is_worthless: is_test_dollar,
        has_faucet: is_test_dollar,
        is_bridged: [BRIDGED_BITCOIN_ADDRESS, BRIDGED_ETHER_ADDRESS].contains(&address),
    })
}

const SYMBOL_MAX_CHARS: usize = 16;
const NAME_MAX_CHARS: usize = 64;

impl ListedMarket {
    pub(crate) fn number(&self) -> MarketId {
        MarketId(self.market.number)
    }

    pub(crate) fn price(&self, ticks: Ticks) -> String {
        self.price_of(self.market.limit_price_of(ticks))
    }

    pub(crate) fn price_of(&self, limit_price: AssetUnits) -> String {
        price_decimal(limit_price.0, self.base.decimals, self.quote.decimals)
    }

    pub(crate) fn base_units(&self, lots: Lots) -> AssetUnits {
        AssetUnits(self.market.rules.base_units(lots).0)
    }

    pub(crate) fn base_text(&self, units: u128) -> String {
        decimal(units, u32::from(self.base.decimals))
    }

    pub(crate) fn quote_text(&self, units: u128) -> String {
        decimal(units, u32::from(self.quote.decimals))
    }

    pub(crate) fn view(&self, last_trade: u64, last_settled_trade: u64) -> MarketView {
        let rules = &self.market.rules;
        let (lot, most) = (u128::from(rules.base_units_per_lot), self.base_units(rules.order_lots_max));
        let step = self.market.limit_price_step();
        MarketView {
            id: self.id.clone(),
            number: self.market.number,
            base: self.base.clone(),
            quote: self.quote.clone(),
            lot: self.base_text(lot),
            lot_units: AssetUnits(lot),
            tick: self.price_of(step),
            limit_price_step: step,
            limit_price_max: self.market.limit_price_of(Ticks(exchange::limits::PRICE_TICKS_MAX)),
            amount_max: self.base_text(most.0),
            amount_max_units: most,
            notional_min: self.quote_text(rules.notional_min.0),
            notional_min_units: AssetUnits(rules.notional_min.0),
            maker_fee_basis_points: rules.maker_fee.0,
            taker_fee_basis_points: rules.taker_fee.0,
            is_open: self.is_open,
            last_trade,
            last_settled_trade,
        }
    }
}
