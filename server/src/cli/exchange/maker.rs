//! The reference market maker at work: looks at the market again and again, and replaces its orders where they are no longer
//! those that it wants. It asks and signs as anybody does. It knows nothing of what the asset is worth, and loses to anybody
//! who does; so it quotes only where one side is worthless anyway.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use shared::U256;
use shared::api::exchange::{
    CancelledOrders, ExchangeAccount, ExchangeAsset, ExchangeBalance, ExchangeView, MarketView, OrderView, PlacedOrder,
    Trades,
};
use shared::api::page::LIMIT_MAX;
use shared::chain::{DEV_CHAIN_ID, TEST_DOLLAR_ADDRESS};
use shared::exchange::{OrderCancellation, TimeInForce};
use shared::signing::PrivateKey;
use shared::time::UnixSeconds;

use super::funds::{call_faucet, send_deposit};
use super::look::open_orders;
use super::market::{account, exchange_to_sign_for, find_market};
use super::number::{decimal, percent, price_decimals, units};
use super::order::{Terms, sign};
use super::quotes::{Difference, Funds, Quote, Settings, difference, held_here, quote_wanted, quotes, ranges};
use super::reference_price::{Following, ReferencePrice};
use crate::cli::client::{ComeAgain, Server};
use crate::cli::wallet::node::Node;
use crate::clock;

/// Its orders wait so long, and are renewed in half of it: where it is killed, they are gone soon.
const QUOTE_SECONDS: u64 = 600;

/// How it quotes, as people say it.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Quoting {
    /// Price to quote around until somebody trades; from then on it follows the trades
    #[arg(long, value_name = "PRICE", default_value = START_PRICE)]
    start_price: String,
    /// The most that one trade moves the price, in hundredths of a percent of it; one of a smaller amount than an order moves
    /// it by less
    #[arg(long, value_name = "BASIS_POINTS", default_value_t = FOLLOW, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    follow: u32,
    /// The furthest that the price goes from the start price, in hundredths of a percent of that
    #[arg(long, value_name = "BASIS_POINTS", default_value_t = RANGE, value_parser = clap::value_parser!(u32).range(0..=9_000))]
    range: u32,
    /// Orders of each side
    #[arg(long, default_value_t = LEVELS, value_parser = clap::value_parser!(u32).range(1..=20))]
    levels: u32,
    /// Between the best order of each side, in hundredths of a percent of the price
    #[arg(long, value_name = "BASIS_POINTS", default_value_t = SPREAD, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    spread: u32,
    /// From one order of a side to the next, in hundredths of a percent of the price
    #[arg(long, value_name = "BASIS_POINTS", default_value_t = GAP, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    gap: u32,
    /// Amount of each order
    #[arg(long, default_value = AMOUNT)]
    amount: String,
    /// It buys no more once it would have more of the base asset than this
    #[arg(long, value_name = "AMOUNT", default_value = BASE_MAX)]
    base_max: String,
    /// The most of the quote asset that its orders hold
    #[arg(long, value_name = "AMOUNT", default_value = QUOTE_MAX)]
    quote_max: String,
    /// Seconds between two looks at the book
    #[arg(long, value_name = "SECONDS", default_value_t = EVERY_SECONDS, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    every: u64,
}

const START_PRICE: &str = "0.25";
const FOLLOW: u32 = 100;
const RANGE: u32 = 5_000;
const LEVELS: u32 = 3;
const SPREAD: u32 = 200;
const GAP: u32 = 100;
const AMOUNT: &str = "1";
const BASE_MAX: &str = "1000";
const QUOTE_MAX: &str = "1000";
const EVERY_SECONDS: u64 = 3;

impl Default for Quoting {
    fn default() -> Self {
        Self {
            start_price: START_PRICE.to_owned(),
            follow: FOLLOW,
            range: RANGE,
            levels: LEVELS,
            spread: SPREAD,
            gap: GAP,
            amount: AMOUNT.to_owned(),
            base_max: BASE_MAX.to_owned(),
            quote_max: QUOTE_MAX.to_owned(),
            every: EVERY_SECONDS,
        }
    }
}

impl Quoting {
    fn settings(&self, market: &MarketView) -> Result<Settings> {
        let (base, quote) = (market.base.decimals, market.quote.decimals);
        Ok(Settings {
            levels: self.levels,
            spread_basis_points: self.spread,
            gap_basis_points: self.gap,
            amount: units(&self.amount, base, "--amount")?,
            base_max: units(&self.base_max, base, "--base-max")?,
            quote_max: units(&self.quote_max, quote, "--quote-max")?,
        })
    }

    pub(super) fn in_words(&self, market: &MarketView) -> String {
        let (base, quote) = (&market.base.symbol, &market.quote.symbol);
        let [follow, range] =
            [self.follow, self.range].map(|points| percent(u16::try_from(points).unwrap_or(u16::MAX)));
        format!(
            "{} orders a side of {} {base} each, around {} {quote} at first; each trade moves that by at most {follow}, and \
             all of them by {range}",
            self.levels, self.amount, self.start_price
        )
    }
}

/// Where it quotes.
pub(in crate::cli) struct Place {
    pub(super) exchange: ExchangeView,
    pub(super) market: MarketView,
}

impl Place {
    /// A market of a server of a development chain: of this name, or the first one with the test dollar.
    pub(in crate::cli) fn find(url: &str, market: Option<&str>) -> Result<Self> {
        let exchange = exchange_to_sign_for(&Server::at(url), &Node::at(url))?;
        ensure!(
            exchange.chain_id == DEV_CHAIN_ID,
            "the exchange is of chain {}: this market maker only fills the books of development chains, whose id is \
             {DEV_CHAIN_ID}",
            exchange.chain_id
        );
        // By its address, which genesis has: what the server says of an asset is not enough.
        let is_worthless =
            |market: &&MarketView| [market.base.address, market.quote.address].contains(&TEST_DOLLAR_ADDRESS);
        let market = match market {
            Some(id) => find_market(&exchange, id)?,
            None => exchange.markets.iter().find(is_worthless).context("no market trades the test dollar")?,
        };
        ensure!(
            is_worthless(&market),
            "{} and {} are worth something: this market maker quotes for the test dollar alone",
            market.base.symbol,
            market.quote.symbol
        );
        let market = market.clone();
        Ok(Self { exchange, market })
    }
}

pub(in crate::cli) struct Maker {
    server: Server,
    node: Node,
    key: PrivateKey,
    exchange: ExchangeView,
    market: MarketView,
    settings: Settings,
    following: Following,
    reference: ReferencePrice,
    every: Duration,
    /// The block of its last deposit. What the book says before it knows that block is old.
    deposited_in: u64,
    /// Tells what happens.
    say: fn(&str),
}

impl Maker {
    /// A market maker of this key, in a market that the server at `url` told of.
    pub(in crate::cli) fn new(url: &str, at: Place, key: PrivateKey, quoting: &Quoting, say: fn(&str)) -> Result<Self> {
        let (server, node) = (Server::at(url), Node::at(url));
        let Place { exchange, market } = at;
        let settings = quoting.settings(&market)?;
        let decimals = price_decimals(market.base.decimals, market.quote.decimals)?;
        let reference = ReferencePrice::new(units(&quoting.start_price, decimals, "--start-price")?);
        let following = Following {
            step_basis_points: quoting.follow,
            range_basis_points: quoting.range,
            whole_amount: settings.amount,
        };
        let every = Duration::from_secs(quoting.every);
        let deposited_in = 0;
        Ok(Self { server, node, key, exchange, market, settings, following, reference, every, deposited_in, say })
    }

    /// Quotes until `stop` has something or nobody holds its other end, or for so many looks. Then it cancels its orders.
    pub(in crate::cli) fn run(mut self, stop: &Receiver<()>, looks: Option<u64>) -> Result<()> {
        let (mut done, mut told) = (0, String::new());
        while looks.is_none_or(|most| done < most) {
            done += 1;
            let mut pause = self.every;
            // The server may restart and the book may move on: the next look begins anew.
            if let Err(error) = self.look() {
                if let Some(again) = error.downcast_ref::<ComeAgain>() {
                    pause = pause.max(again.after);
                }
                let error = format!("{error:#}");
                if error != told {
                    (self.say)(&error);
                    told = error;
                }
            } else {
                told.clear();
            }
            if looks == Some(done) || stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        self.end()
    }

    fn end(&self) -> Result<()> {
        let open = self.open_orders()?;
        let own = open.iter().filter(|order| order.market == self.market.id);
        let nonces: Vec<u64> = own.map(|order| order.nonce).collect();
        self.cancel(&open, &nonces)?;
        (self.say)(&format!("{} orders left the book", nonces.len()));
        Ok(())
    }

    /// Looks at the book once.
    fn look(&mut self) -> Result<()> {
        let price = self.price_now()?;
        let account = account(&self.server, self.key.address())?;
        let open = self.open_orders()?;
        let funds = self.funds(&account, &open)?;
        if let Err(error) = self.move_in(&account, funds, price) {
            (self.say)(&format!("nothing was deposited: {error:#}"));
        }
        let wanted = quotes(&self.market, self.settings, funds, price);
        let expires_by = clock::now().seconds().0 + self.exchange.settlement_seconds + QUOTE_SECONDS / 2;
        let Difference { kept, stale, missing } = difference(&self.market, &open, wanted, expires_by);
        if stale.is_empty() && missing.is_empty() {
            return Ok(());
        }
        self.cancel(&open, &stale)?;
        // An order of somebody else may stand in the way of one of them; the others are placed all the same.
        let mut refused = None;
        for (quote, nonce) in missing.iter().zip(account.next_nonce..) {
            if let Err(error) = self.place(*quote, &account, nonce) {
                refused = Some(error);
            }
        }
        if let Some(error) = refused {
            return Err(error);
        }
        let decimals = price_decimals(self.market.base.decimals, self.market.quote.decimals)?;
        let around = decimal(U256::from(price), decimals);
        let orders = kept + missing.len();
        (self.say)(&format!(
            "{orders} orders around {around} {}, {} of them new",
            self.market.quote.symbol,
            missing.len()
        ));
        Ok(())
    }

    fn price_now(&mut self) -> Result<u128> {
        let path = format!("/v1/exchange/{}/trades?limit={LIMIT_MAX}", self.market.id);
        let newest: Trades = self.server.get(&path)?;
        self.reference.follow(self.following, &newest.trades);
        Ok(self.reference.price())
    }

    /// Those of its wallet in all markets.
    fn open_orders(&self) -> Result<Vec<OrderView>> {
        open_orders(&self.server, self.key.address())
    }

    /// Deposits what its account on the chain has of both assets, and takes money from a faucet where there is one and its
    /// orders would need more.
    fn move_in(&mut self, account: &ExchangeAccount, funds: Funds, price: u128) -> Result<()> {
        if account.block_number < self.deposited_in {
            return Ok(());
        }
        let market = self.market.clone();
        let base_wanted = self.settings.amount.saturating_mul(u128::from(self.settings.levels));
        let sides = [
            (&market.base, funds.base, base_wanted, market.lot_units.0),
            (&market.quote, funds.quote, quote_wanted(self.settings, price), market.notional_min_units.0),
        ];
        for (asset, here, wanted, least) in sides {
            if asset.has_faucet && here < wanted && self.in_wallet(asset)? < U256::from(least) {
                call_faucet(&self.node, &self.key, asset)?;
            }
            let value = self.in_wallet(asset)?;
            if value >= U256::from(least.max(1)) {
                let (_, block_number) = send_deposit(&self.node, &self.key, &self.exchange, asset, value)?;
                self.deposited_in = block_number;
                (self.say)(&format!("deposited {} {}", decimal(value, asset.decimals), asset.symbol));
            }
        }
        Ok(())
    }

    fn in_wallet(&self, asset: &ExchangeAsset) -> Result<U256> {
        self.node.token_balance(asset.address, self.key.address())
    }

    /// What is free, and what its own orders of this market hold, since they go first.
    fn funds(&self, account: &ExchangeAccount, open: &[OrderView]) -> Result<Funds> {
        let of = |asset| {
            let balance = account.balances.iter().find(|balance| balance.asset == asset);
            balance.context("the exchange names no balance of an asset of the market")
        };
        let (base, quote) = (of(self.market.base.address)?, of(self.market.quote.address)?);
        let (base_here, quote_here) = held_here(&self.market, open);
        // An order may have ended between the two answers: it holds no more than is reserved.
        let usable = |balance: &ExchangeBalance, here: u128| {
            balance.free_units.0.saturating_add(here.min(balance.reserved_units.0))
        };
        Ok(Funds {
            base: usable(base, base_here),
            quote: usable(quote, quote_here),
            base_in_all: base.free_units.0.saturating_add(base.reserved_units.0),
        })
    }

    /// Cancels those of the wallet's open orders that have these nonces.
    fn cancel(&self, open: &[OrderView], nonces: &[u64]) -> Result<()> {
        let (chain_id, contract) = (self.exchange.chain_id, self.exchange.contract);
        for (from_nonce, to_nonce) in ranges(open, nonces) {
            let trader = self.key.address();
            let cancellation = OrderCancellation { trader, from_nonce, to_nonce, chain_id, contract };
            let _: CancelledOrders = self.server.post("/v1/exchange/cancels", &sign(&self.key, cancellation)?, None)?;
        }
        Ok(())
    }

    fn place(&self, quote: Quote, account: &ExchangeAccount, nonce: u64) -> Result<()> {
        let terms = Terms {
            exchange: &self.exchange,
            market: &self.market,
            trader: account.trader,
            epoch: account.newest_epoch,
            nonce,
            expires_at: UnixSeconds(clock::now().seconds().0 + self.exchange.settlement_seconds + QUOTE_SECONDS),
        };
        let order = terms.order(quote.side(), TimeInForce::PostOnly, quote.amount, quote.limit_price);
        let _: PlacedOrder = self.server.post("/v1/exchange/orders", &sign(&self.key, order)?, None)?;
        Ok(())
    }
}
