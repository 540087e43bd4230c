//! `aitbc exchange order`, `reduce` and `cancel`: what is signed is shown first.

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use shared::api::exchange::{
    CancelledOrders, ExchangeAccount, ExchangeView, MarketView, OrderState, OrderView, PlacedOrder,
};
use shared::exchange::{
    AssetUnits, ExchangeOrder, OfTrader, OrderCancellation, OrderReduction, Side, SignedByTrader, TimeInForce, Trigger,
};
use shared::signing::PrivateKey;
use shared::time::UnixSeconds;
use shared::{Address, U256};

use super::look::open_orders;
use super::market::{account, exchange_to_sign_for, find_market};
use super::number::{decimal, percent, price_decimals, quote_at, units};
use crate::cli::client::{Server, print_json};
use crate::cli::wallet::ask;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::signing::Signing;
use crate::clock;

/// An order that does not wait needs no longer than its settlement may take, and its way to the server.
const AT_ONCE_SECONDS: u64 = 300;

const DAY_SECONDS: u64 = 86_400;

#[derive(Debug, Args)]
pub(in crate::cli) struct Order {
    /// Wallet that signs, and trades
    wallet: WalletName,
    /// Market, as AIT-tUSD
    market: String,
    #[arg(value_enum)]
    side: SideArgument,
    /// The most of the base asset, as 12.5
    amount: String,
    /// The worst price for one of the base asset, as 0.021
    price: String,
    /// What becomes of an order that does not find enough at once
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// The order waits for a trade at this price or above before it comes to the book
    #[arg(long, value_name = "PRICE", conflicts_with = "when_below")]
    when_above: Option<String>,
    /// The order waits for a trade at this price or below before it comes to the book
    #[arg(long, value_name = "PRICE")]
    when_below: Option<String>,
    /// How many days an order waits
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=89))]
    days: u64,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    signing: Signing,
}

// Whose orders they are, where the wallet that signs is only a trading key. A doc comment would be the help of its commands.
#[derive(Debug, Args)]
struct Owner {
    /// Account that trades, where the wallet is a trading key of it: the name of a wallet of this machine, or an address
    #[arg(long = "as", value_name = "OWNER")]
    owner: Option<String>,
}

impl Owner {
    fn trader(&self, signing: &Signing, wallet: &WalletName) -> Result<Address> {
        match &self.owner {
            Some(owner) => signing.folder.resolve(owner),
            None => signing.folder.address(wallet),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideArgument {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Kind {
    /// The rest waits in the book
    #[default]
    Limit,
    /// It waits in the book and never takes
    PostOnly,
    /// It takes what is there at once
    Ioc,
    /// All of it at once, or nothing
    Fok,
}

impl Kind {
    const fn time_in_force(self) -> TimeInForce {
        match self {
            Self::Limit => TimeInForce::GoodTilTime,
            Self::PostOnly => TimeInForce::PostOnly,
            Self::Ioc => TimeInForce::ImmediateOrCancel,
            Self::Fok => TimeInForce::FillOrKill,
        }
    }

    const fn waits(self) -> bool {
        matches!(self, Self::Limit | Self::PostOnly)
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Cancel {
    /// Wallet that signs, and whose orders they are
    wallet: WalletName,
    /// Number of the order, as `aitbc exchange orders` lists it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    order: Option<u64>,
    /// All open orders
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    signing: Signing,
}

/// What an order needs to be one: where it counts, and which number it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) exchange: &'a ExchangeView,
    pub(super) market: &'a MarketView,
    pub(super) trader: Address,
    pub(super) epoch: u64,
    pub(super) nonce: u64,
    pub(super) expires_at: UnixSeconds,
}

impl Terms<'_> {
    pub(super) fn order(&self, side: Side, kind: TimeInForce, amount: u128, limit_price: u128) -> ExchangeOrder {
        ExchangeOrder {
            trader: self.trader,
            side,
            base: self.market.base.address,
            quote: self.market.quote.address,
            amount: AssetUnits(amount),
            limit_price: AssetUnits(limit_price),
            time_in_force: kind,
            trigger: Trigger::None,
            trigger_price: AssetUnits(0),
            max_fee_basis_points: fee_of(self.market, kind),
            expires_at: self.expires_at,
            epoch: self.epoch,
            nonce: self.nonce,
            chain_id: self.exchange.chain_id,
            contract: self.exchange.contract,
        }
    }
}

/// The highest fee that such an order may have to pay, which it must allow.
fn fee_of(market: &MarketView, kind: TimeInForce) -> u16 {
    let (maker, taker) = (market.maker_fee_basis_points, market.taker_fee_basis_points);
    match kind {
        TimeInForce::GoodTilTime => maker.max(taker),
        TimeInForce::PostOnly => maker,
        TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => taker,
    }
}

/// Makes an order smaller.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reduce {
    /// Wallet that signs, and whose order it is
    wallet: WalletName,
    /// Number of the order, as `aitbc exchange orders` lists it
    order: u64,
    /// The most that the order trades from now on, what it has traded included, as 12.5
    amount: String,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    signing: Signing,
}

pub(super) fn sign<T: OfTrader>(key: &PrivateKey, signed: T) -> Result<SignedByTrader<T>> {
    let signature = key.sign(&signed, &signed.domain())?;
    Ok(SignedByTrader { signed, signature })
}

pub(super) fn place(asked: &Order) -> Result<()> {
    let signing = &asked.signing;
    let keystore = signing.folder.open(&asked.wallet)?;
    let trader = asked.owner.trader(signing, &asked.wallet)?;
    let server = Server::at(signing.node.url());
    let exchange = exchange_to_sign_for(&server, &signing.node)?;
    let market = find_market(&exchange, &asked.market)?;
    let account = account(&server, trader)?;
    let order = order(asked, &exchange, market, &account)?;
    if asked.owner.owner.is_some() {
        eprintln!("for       {trader}, signed by its trading key {}", signing.folder.address(&asked.wallet)?);
    }
    show(market, &order)?;
    ask::confirm("Sign and hand it in?", signing.yes)?;
    let key = keystore.open(&signing.password.of(&asked.wallet.to_string())?)?;
    let placed: PlacedOrder = server.post("/v1/exchange/orders", &sign(&key, order)?, None)?;
    if signing.json {
        return print_json(&placed);
    }
    tell(market, &placed);
    Ok(())
}

fn order(
    asked: &Order,
    exchange: &ExchangeView,
    market: &MarketView,
    account: &ExchangeAccount,
) -> Result<ExchangeOrder> {
    let amount = units(&asked.amount, market.base.decimals, "the amount")?;
    let price_decimals = price_decimals(market.base.decimals, market.quote.decimals)?;
    let price = units(&asked.price, price_decimals, "the price")?;
    let lot = market.lot_units.0.max(1);
    ensure!(
        amount > 0 && amount.is_multiple_of(lot),
        "the amount comes in steps of {} {}",
        market.lot,
        market.base.symbol
    );
    let step = market.limit_price_step.0.max(1);
    ensure!(
        price > 0 && price.is_multiple_of(step),
        "the price comes in steps of {} {}",
        market.tick,
        market.quote.symbol
    );
    let (trigger, trigger_price) = match (&asked.when_above, &asked.when_below) {
        (None, None) => (Trigger::None, 0),
        (Some(above), _) => (Trigger::AtOrAbove, units(above, price_decimals, "--when-above")?),
        (None, Some(below)) => (Trigger::AtOrBelow, units(below, price_decimals, "--when-below")?),
    };
    let waits = asked.kind.waits() || trigger != Trigger::None;
    let waits = if waits { asked.days * DAY_SECONDS } else { AT_ONCE_SECONDS };
    let terms = Terms {
        exchange,
        market,
        trader: account.trader,
        epoch: account.newest_epoch,
        nonce: account.next_nonce,
        expires_at: UnixSeconds(clock::now().seconds().0 + exchange.settlement_seconds + waits),
    };
    let side = match asked.side {
        SideArgument::Buy => Side::Buy,
        SideArgument::Sell => Side::Sell,
    };
    let order = terms.order(side, asked.kind.time_in_force(), amount, price);
    Ok(ExchangeOrder { trigger, trigger_price: AssetUnits(trigger_price), ..order })
}

/// Goes to stderr, so that stdout has the answer alone.
fn show(market: &MarketView, order: &ExchangeOrder) -> Result<()> {
    let [base, quote] = [&market.base, &market.quote];
    let price_decimals = price_decimals(base.decimals, quote.decimals)?;
    let total = quote_at(order.amount.0, order.limit_price.0).context("the cost is no whole number of units")?;
    let (verb, bound, received) = match order.side {
        Side::Buy => ("buys", "for at most", (U256::from(order.amount.0), base)),
        Side::Sell => ("sells", "for at least", (total, quote)),
    };
    let fee = received.0 * U256::from(order.max_fee_basis_points) / U256::from(10_000_u64);
    eprintln!(
        "{verb:<9} up to {} {} ({})",
        decimal(U256::from(order.amount.0), base.decimals),
        base.symbol,
        base.address
    );
    eprintln!(
        "price     {} {} or better ({})",
        decimal(U256::from(order.limit_price.0), price_decimals),
        quote.symbol,
        quote.address
    );
    eprintln!("total     {bound} {} {}", decimal(total, quote.decimals), quote.symbol);
    let rate = percent(order.max_fee_basis_points);
    eprintln!("fee       at most {rate} of what it gets: {} {}", decimal(fee, received.1.decimals), received.1.symbol);
    let at = decimal(U256::from(order.trigger_price.0), price_decimals);
    match order.trigger {
        Trigger::None => {}
        Trigger::AtOrAbove => {
            eprintln!("when      the first trade at {at} {} or above comes; it waits until then", quote.symbol)
        }
        Trigger::AtOrBelow => {
            eprintln!("when      the first trade at {at} {} or below comes; it waits until then", quote.symbol)
        }
    }
    eprintln!("rest      {}", rest(order.time_in_force));
    eprintln!("until     {} (Unix seconds)", order.expires_at.0);
    Ok(())
}

const fn rest(kind: TimeInForce) -> &'static str {
    match kind {
        TimeInForce::GoodTilTime => "waits in the book",
        TimeInForce::PostOnly => "all of it waits; where it would take at once, it is refused",
        TimeInForce::ImmediateOrCancel => "is cancelled",
        TimeInForce::FillOrKill => "there is none: all of it at once, or nothing",
    }
}

fn tell(market: &MarketView, placed: &PlacedOrder) {
    let PlacedOrder { order, fills } = placed;
    println!("{}", order.id);
    let symbol = &market.base.symbol;
    let reason = order.reason.as_ref().map(|reason| format!(" {reason}")).unwrap_or_default();
    let filled = format!("{} of {} {symbol} traded at once, in {} trades", order.filled, order.amount, fills.len());
    match order.state {
        OrderState::Open if order.waits() => eprintln!("It waits for its trigger, and is in no book until then."),
        OrderState::Open => eprintln!("{filled}; the rest waits in the book."),
        OrderState::Filled => eprintln!("{filled}. A block makes them final."),
        OrderState::Cancelled | OrderState::Expired => eprintln!("{filled}; the order is over.{reason}"),
    }
}

pub(super) fn reduce(asked: &Reduce) -> Result<()> {
    let signing = &asked.signing;
    let keystore = signing.folder.open(&asked.wallet)?;
    let trader = asked.owner.trader(signing, &asked.wallet)?;
    let server = Server::at(signing.node.url());
    let exchange = exchange_to_sign_for(&server, &signing.node)?;
    let open = open_orders(&server, trader)?;
    let id = asked.order;
    let order = open.iter().find(|order| order.id == id).with_context(|| format!("order {id} is not open"))?;
    let market = find_market(&exchange, &order.market)?;
    let amount = AssetUnits(units(&asked.amount, market.base.decimals, "the amount")?);
    let (order_nonce, chain_id, contract) = (order.nonce, exchange.chain_id, exchange.contract);
    let reduction = OrderReduction { trader, order_nonce, amount, chain_id, contract };
    let symbol = &market.base.symbol;
    eprintln!("reduces   order {id} from {} to {} {symbol}; it keeps its place", order.amount, asked.amount);
    if amount <= order.filled_units {
        eprintln!("note      it has traded {} {symbol} already: its rest is cancelled", order.filled);
    } else if is_too_little(market, order, amount) {
        let least = &market.notional_min;
        eprintln!("note      what stays open is worth less than {least} {}: it is cancelled", market.quote.symbol);
    }
    ask::confirm("Sign it?", signing.yes)?;
    let key = keystore.open(&signing.password.of(&asked.wallet.to_string())?)?;
    let reduced: OrderView = server.post("/v1/exchange/reductions", &sign(&key, reduction)?, None)?;
    if signing.json {
        return print_json(&reduced);
    }
    println!("{}", reduced.id);
    match reduced.state {
        OrderState::Open => {
            eprintln!("It trades at most {} {symbol}; {} of it are traded.", reduced.amount, reduced.filled)
        }
        OrderState::Filled | OrderState::Cancelled | OrderState::Expired => {
            let reason = reduced.reason.unwrap_or_default();
            eprintln!("The order is over; {} {symbol} of it are traded. {reason}", reduced.filled);
        }
    }
    Ok(())
}

/// Whether the market takes no order that is worth so little as what stays open.
fn is_too_little(market: &MarketView, order: &OrderView, amount: AssetUnits) -> bool {
    let open = amount.0.saturating_sub(order.filled_units.0);
    quote_at(open, order.limit_price.0).is_some_and(|worth| worth < U256::from(market.notional_min_units.0))
}

pub(super) fn cancel(asked: &Cancel) -> Result<()> {
    let signing = &asked.signing;
    let keystore = signing.folder.open(&asked.wallet)?;
    let trader = asked.owner.trader(signing, &asked.wallet)?;
    let server = Server::at(signing.node.url());
    let exchange = exchange_to_sign_for(&server, &signing.node)?;
    let (from_nonce, to_nonce) = match asked.order {
        // A cancellation of nonces to come is refused.
        None => (0, account(&server, trader)?.next_nonce.saturating_sub(1)),
        Some(id) => {
            let open = open_orders(&server, trader)?;
            let Some(order) = open.iter().find(|order| order.id == id) else { bail!("order {id} is not open") };
            (order.nonce, order.nonce)
        }
    };
    let cancellation =
        OrderCancellation { trader, from_nonce, to_nonce, chain_id: exchange.chain_id, contract: exchange.contract };
    let what = asked.order.map_or_else(|| "every open order".to_owned(), |id| format!("order {id}"));
    eprintln!("cancels   {what}; what it traded before stays");
    ask::confirm("Sign it?", signing.yes)?;
    let key = keystore.open(&signing.password.of(&asked.wallet.to_string())?)?;
    let cancelled: CancelledOrders = server.post("/v1/exchange/cancels", &sign(&key, cancellation)?, None)?;
    if signing.json {
        return print_json(&cancelled);
    }
    for id in &cancelled.order_ids {
        println!("{id}");
    }
    eprintln!("{} orders left the book.", cancelled.order_ids.len());
    Ok(())
}
