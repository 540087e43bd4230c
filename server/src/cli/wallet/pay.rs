//! Pays a job from a wallet's deposit in the escrow: checks the quote, deposits what is missing and signs the order.

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use shared::Address;
use shared::amount::Amount;
use shared::api::bids::{BidQuoteView, CreateBid};
use shared::chain::ESCROW_ADDRESS;
use shared::escrow::{PaymentOrder, SignedPaymentOrder};
use shared::job::request::{CreateJob, Payment, PaymentMode};
use shared::quote::{JobQuote, QuoteView, SignedQuote, request_hash};
use shared::signing::PrivateKey;

use super::ask::{self, Password};
use super::escrow;
use super::folder::{Folder, WalletName};
use super::node::Node;
use crate::cli::client::Server;

/// Who pays for a job, and whether anybody does.
#[derive(Debug, Args)]
pub(in crate::cli) struct Pay {
    /// Pays the job from the wallet's deposit in the escrow; without it the job is minted
    #[arg(long, requires = "wallet")]
    pay: bool,
    /// Wallet that pays
    #[arg(long, value_name = "NAME", requires = "pay")]
    wallet: Option<WalletName>,
    /// Deposits and orders without asking
    #[arg(long, requires = "pay")]
    yes: bool,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    folder: Folder,
}

/// Whose deposit a quote is for.
#[derive(Debug, Args)]
pub(in crate::cli) struct Client {
    /// Wallet that would pay
    #[arg(long, value_name = "NAME", required_unless_present = "client", conflicts_with = "client")]
    wallet: Option<WalletName>,
    /// The same by its address
    #[arg(long, value_name = "ADDRESS")]
    client: Option<Address>,
    #[command(flatten)]
    folder: Folder,
}

impl Client {
    pub(in crate::cli) fn address(&self) -> Result<Address> {
        match (&self.wallet, self.client) {
            (Some(name), _) => self.folder.address(name),
            (None, Some(client)) => Ok(client),
            (None, None) => bail!("name who would pay with --wallet or --client"),
        }
    }
}

/// Asks for a quote, and believes nothing in the answer that can be checked.
pub(in crate::cli) fn quote(server: &Server, client: Address, request: &Value) -> Result<QuoteView> {
    let mut body = request.clone();
    body["payment"] = json!({ "mode": "escrow", "client": client });
    let view: QuoteView = server.post("/v1/quotes", &body, None)?;
    check(&view.quote, &view.order, client, &serde_json::from_value(body)?)?;
    Ok(view)
}

/// A quote that holds, and the order that is its own.
fn check(signed: &SignedQuote, order: &PaymentOrder, client: Address, asked: &CreateJob) -> Result<()> {
    signed.verify().context("the quote does not hold")?;
    let quote = &signed.quote;
    ensure!(*order == quote.order(), "the order beside the quote is not the quote's: do not sign it");
    ensure!(quote.client == client, "the quote is for {}, not for {client}", quote.client);
    ensure!(quote.request_hash == request_hash(asked)?, "the quote is for another request");
    let most = quote.max_unit_price.times(quote.units);
    ensure!(most == Some(quote.max_total), "the quote's total is not its units at its price: {}", quote.max_total);
    Ok(())
}

/// Asks what a bid would cost, and believes nothing in the answer that can be checked.
fn quote_bid(server: &Server, client: Address, bid: &CreateBid) -> Result<BidQuoteView> {
    let mut asked = bid.clone();
    asked.job.payment = Payment { mode: PaymentMode::Escrow, client: Some(client), ..Payment::default() };
    let view: BidQuoteView = server.post("/v1/bids/quote", &asked, None)?;
    check(&view.quote, &view.order, client, &asked.job)?;
    let quote = &view.quote.quote;
    let terms = (quote.max_unit_price, quote.expires_at);
    ensure!(terms == (bid.max_unit_price, bid.expires_at), "the quote has another price or end than the bid");
    Ok(view)
}

/// Says what a quote promises.
pub(in crate::cli) fn rows(view: &QuoteView) -> Vec<[String; 2]> {
    let supply = [
        ["miners".to_owned(), view.miners.to_string()],
        ["work".to_owned(), format!("about {} s", view.work_ms.div_ceil(1_000))],
    ];
    let mut rows = terms(&view.quote.quote, view.deposited);
    rows.extend(supply);
    rows
}

fn terms(quote: &JobQuote, deposited: Amount) -> Vec<[String; 2]> {
    let (percent, hundredths) = (quote.fee_basis_points / 100, quote.fee_basis_points % 100);
    vec![
        ["job".to_owned(), quote.job_id.to_string()],
        ["model".to_owned(), quote.model.clone()],
        ["units".to_owned(), format!("up to {} {}", quote.units, quote.unit_type)],
        ["price".to_owned(), format!("up to {} AIT per {}", quote.max_unit_price, quote.unit_type)],
        ["total".to_owned(), format!("up to {} AIT, of which {percent}.{hundredths:02} % is the fee", quote.max_total)],
        ["deposited".to_owned(), format!("{deposited} AIT")],
        ["over by".to_owned(), format!("{} (Unix seconds)", quote.deadline.0)],
        ["binds until".to_owned(), format!("{} (Unix seconds)", quote.expires_at.0)],
        ["hub".to_owned(), quote.hub.to_string()],
    ]
}

impl Pay {
    /// The request with its quote and its order, where the job is to be paid.
    pub(in crate::cli) fn order(&self, server: &Server, mut request: Value) -> Result<Value> {
        let Some(name) = self.wallet.as_ref().filter(|_| self.pay) else { return Ok(request) };
        let view = quote(server, self.folder.address(name)?, &request)?;
        let rows = rows(&view);
        let signed = self.sign(server, name, view.order, &rows)?;
        request["payment"] = json!({ "mode": "escrow", "quote": view.quote, "order": signed });
        Ok(request)
    }

    /// The bid with its quote and its order, where its job is to be paid.
    pub(in crate::cli) fn order_bid(&self, server: &Server, mut bid: CreateBid) -> Result<CreateBid> {
        let Some(name) = self.wallet.as_ref().filter(|_| self.pay) else { return Ok(bid) };
        let view = quote_bid(server, self.folder.address(name)?, &bid)?;
        let signed = self.sign(server, name, view.order, &terms(&view.quote.quote, view.deposited))?;
        let (quote, order) = (serde_json::to_value(view.quote)?, serde_json::to_value(signed)?);
        bid.job.payment = Payment { mode: PaymentMode::Escrow, client: None, quote: Some(quote), order: Some(order) };
        Ok(bid)
    }

    /// Shows the terms and asks; deposits what is missing, and signs.
    fn sign(
        &self,
        server: &Server,
        name: &WalletName,
        order: PaymentOrder,
        rows: &[[String; 2]],
    ) -> Result<SignedPaymentOrder> {
        let keystore = self.folder.open(name)?;
        let node = Node::at(server.url());
        let missing = missing(&node, &order)?;
        show(rows, missing);
        ask::confirm("Pay for it?", self.yes)?;
        let key = keystore.open(&self.password.of(&name.to_string())?)?;
        if let Some(amount) = missing {
            let (hash, block_number) = escrow::deposit(&node, &key, amount)?;
            eprintln!("deposited {amount} AIT in block {block_number}, transaction {hash}");
        }
        sign(&key, order)
    }
}

/// The order is for this chain's escrow, and for nothing but the quoted job.
fn sign(key: &PrivateKey, order: PaymentOrder) -> Result<SignedPaymentOrder> {
    ensure!(order.contract == ESCROW_ADDRESS, "the order names {} as the escrow, not {ESCROW_ADDRESS}", order.contract);
    ensure!(order.client == key.address(), "the order is of {}, and the wallet of {}", order.client, key.address());
    let signature = key.sign(&order, &order.domain())?;
    Ok(SignedPaymentOrder { order, signature })
}

/// What the deposit lacks, by the chain and not by the hub's word.
fn missing(node: &Node, order: &PaymentOrder) -> Result<Option<Amount>> {
    let chain_id = node.chain_id()?;
    ensure!(
        order.chain_id == chain_id,
        "the order is for chain {}, and the node serves chain {chain_id}",
        order.chain_id
    );
    let free = escrow::free(node, order.client)?;
    let missing = order.max_total.checked_sub(free).filter(|missing| *missing > Amount::ZERO);
    if let Some(missing) = missing {
        let balance = node.balance(order.client)?;
        ensure!(
            balance >= missing,
            "{} AIT are missing in the deposit, and {} has {balance} AIT",
            missing,
            order.client
        );
    }
    Ok(missing)
}

/// Goes to stderr, so that stdout has the answer alone.
fn show(rows: &[[String; 2]], missing: Option<Amount>) {
    for [name, value] in rows {
        eprintln!("{name:<12} {value}");
    }
    match missing {
        Some(missing) => eprintln!("{:<12} {missing} AIT go from the wallet into the escrow first", "deposit"),
        None => eprintln!("{:<12} nothing: the deposit is enough", "deposit"),
    }
    eprintln!("{:<12} you pay what the receipt proves; the rest is free again", "then");
}
