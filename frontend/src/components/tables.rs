//! Tables of blocks, transactions, receipts and miners.

use leptos::prelude::*;
use shared::B256;
use shared::amount::Amount;
use shared::api::explorer::{BlockSummary, TransactionSummary};
use shared::api::miners::MinerView;
use shared::api::receipts::ReceiptView;

use super::proof_line::ProofSmall;
use super::status::{StatusPill, Tone};
use super::value::{AddressValue, Age, AmountValue, Height, UnitPrice};
use crate::format::{grouped, shortened};
use crate::proof::Proof;
use crate::text;

/// A minted amount, or a grey dash where nothing was minted.
fn minted(amount: Amount) -> AnyView {
    if amount == Amount::ZERO {
        view! { <span class="quiet">"–"</span> }.into_any()
    } else {
        view! { <AmountValue amount /> }.into_any()
    }
}

/// What heads a column: its words and its classes.
pub(super) type Column = (&'static str, Option<&'static str>);

/// A table that scrolls in itself where the page is too narrow for it.
#[component]
pub fn Table<R>(name: &'static str, columns: Vec<Column>, rows: R) -> impl IntoView
where
    R: IntoView + 'static,
{
    let heads = columns.into_iter().map(|(words, class)| view! { <th scope="col" class=class>{words}</th> });
    view! {
        <div class="table-scroll">
            <table class="data" data-testid=name>
                <thead>
                    <tr>{heads.collect_view()}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

#[component]
pub fn BlockTable(blocks: Vec<BlockSummary>) -> impl IntoView {
    let rows = blocks.into_iter().map(|block| view! { <BlockRow block /> }).collect_view();
    let columns = vec![
        (text::explorer::HEIGHT, None),
        (text::explorer::AGE, Some("grow")),
        (text::explorer::COUNT, Some("number wide-only")),
        (text::explorer::MINTED, Some("number")),
    ];
    view! { <Table name="blocks" columns rows /> }
}

#[component]
fn BlockRow(block: BlockSummary) -> impl IntoView {
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("/explorer/blocks/{}", block.number) title=block.hash.to_string()>
                    {grouped(block.number)}
                </a>
            </td>
            <td class="grow quiet">
                <Age at=block.timestamp.millis() />
            </td>
            <td class="number wide-only">{block.transaction_count}</td>
            <td class="number">{minted(block.minted)}</td>
        </tr>
    }
}

#[component]
pub fn TransactionTable(
    transactions: Vec<TransactionSummary>,
    /// Without sender and receiver, where the table shares the page's width.
    #[prop(optional)]
    narrow: bool,
) -> impl IntoView {
    let rows =
        transactions.into_iter().map(|transaction| view! { <TransactionRow transaction narrow /> }).collect_view();
    let mut columns = vec![(text::explorer::HASH, None), (text::explorer::METHOD, Some("grow wide-only"))];
    if !narrow {
        columns.extend([
            (text::explorer::FROM, Some("wide-only")),
            (text::explorer::TO, Some("wide-only")),
            (text::explorer::BLOCK, Some("number wide-only")),
        ]);
    }
    columns.extend([(text::explorer::AGE, None), (text::explorer::MINTED, Some("number"))]);
    view! { <Table name="transactions" columns rows /> }
}

/// The way to a transaction, by its shortened hash.
#[component]
pub fn TransactionLink(hash: B256) -> impl IntoView {
    let hash = hash.to_string();
    view! {
        <a class="row-link" href=format!("/explorer/transactions/{hash}") title=hash.clone()>
            <code>{shortened(&hash)}</code>
        </a>
    }
}

#[component]
fn TransactionRow(transaction: TransactionSummary, narrow: bool) -> impl IntoView {
    // What failed minted nothing, so that its state has the place of the amount, on phones too.
    let outcome = if transaction.succeeded {
        minted(transaction.minted)
    } else {
        view! { <StatusPill tone=Tone::Refused word=text::explorer::REVERTED /> }.into_any()
    };
    let to = match transaction.to {
        Some(to) => view! { <AddressValue address=to without_copy=true /> }.into_any(),
        None => view! { <span class="quiet">{text::explorer::CREATES}</span> }.into_any(),
    };
    let wide = (!narrow).then(|| {
        view! {
            <td class="wide-only">
                <AddressValue address=transaction.from without_copy=true />
            </td>
            <td class="wide-only">{to}</td>
            <td class="number wide-only">{grouped(transaction.block_number)}</td>
        }
    });
    view! {
        <tr>
            <td>
                <TransactionLink hash=transaction.hash />
            </td>
            <td class="grow wide-only">
                <code>{transaction.method}</code>
            </td>
            {wide}
            <td class="quiet">
                <Age at=transaction.timestamp.millis() />
            </td>
            <td class="number">{outcome}</td>
        </tr>
    }
}

#[component]
pub fn ReceiptTable(receipts: Vec<ReceiptView>) -> impl IntoView {
    let rows = receipts.into_iter().map(|receipt| view! { <ReceiptRow receipt /> }).collect_view();
    let columns = vec![
        (text::receipt::TITLE, None),
        (text::receipt::PROOF, None),
        (text::miner::MINER, Some("wide-only")),
        (text::receipt::MODEL, Some("wide-only grow")),
        (text::explorer::BLOCK, Some("number wide-only")),
        (text::explorer::AGE, Some("wide-only")),
        (text::receipt::AMOUNT, Some("number")),
    ];
    view! { <Table name="receipts" columns rows /> }
}

#[component]
fn ReceiptRow(receipt: ReceiptView) -> impl IntoView {
    let hash = receipt.signed.receipt_hash.to_string();
    let proof = Proof::of_receipt(&receipt);
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("/explorer/receipts/{hash}") title=hash.clone()>
                    <code>{shortened(&hash)}</code>
                </a>
            </td>
            <td>
                <ProofSmall proof />
            </td>
            <td class="wide-only">
                <AddressValue address=receipt.signed.receipt.provider miner=true without_copy=true />
            </td>
            <td class="wide-only grow">{receipt.signed.receipt.model}</td>
            <td class="number wide-only">{receipt.mint.map(|mint| view! { <Height number=mint.block_number /> })}</td>
            <td class="quiet wide-only">
                <Age at=receipt.attested_at_unix_ms />
            </td>
            <td class="number">
                <AmountValue amount=receipt.amount />
            </td>
        </tr>
    }
}

/// A miner's state as one word.
pub fn miner_state(miner: &MinerView) -> (Tone, &'static str) {
    if miner.paused.is_some() {
        return (Tone::Waiting, text::miner::PAUSED);
    }
    match (miner.online, miner.jobs_running) {
        (false, _) => (Tone::Plain, text::miner::OFFLINE),
        (true, 0) => (Tone::Done, text::miner::ONLINE),
        (true, _) => (Tone::Running, text::miner::BUSY),
    }
}

#[component]
pub fn MinerTable(miners: Vec<MinerView>) -> impl IntoView {
    let rows = miners.into_iter().map(|miner| view! { <MinerRow miner /> }).collect_view();
    let columns = vec![
        (text::miner::MINER, None),
        (text::miner::STATE, None),
        (text::miner::DEVICE, Some("wide-only grow")),
        (text::miner::SPEED, Some("wide-only desk-only")),
        (text::miner::PRICE, Some("number wide-only")),
        (text::miner::COMPLETED, Some("number wide-only")),
        (text::miner::EARNED, Some("number")),
    ];
    view! { <Table name="miners" columns rows /> }
}

#[component]
fn MinerRow(miner: MinerView) -> impl IntoView {
    let whole = miner.address.to_string();
    let (tone, word) = miner_state(&miner);
    let device = miner.capability.devices.first().map(|device| device.name.clone()).unwrap_or_default();
    let offer = miner.capability.offers.first();
    let speed = offer.map(|offer| text::miner::speed(offer.measured_micro_units_per_second, offer.unit_type));
    let price = offer.map(|offer| view! { <UnitPrice price=offer.unit_price unit_type=offer.unit_type /> });
    view! {
        <tr>
            <td>
                <a class="row-link value" href=format!("/miners/{whole}") title=whole.clone()>
                    <super::identicon::Identicon address=miner.address />
                    <code>{shortened(&whole)}</code>
                </a>
            </td>
            <td>
                <StatusPill tone word />
            </td>
            <td class="wide-only grow">{device}</td>
            <td class="wide-only desk-only">{speed}</td>
            <td class="number wide-only">{price}</td>
            <td class="number wide-only">{grouped(miner.jobs_completed)}</td>
            <td class="number">
                <AmountValue amount=miner.earned />
            </td>
        </tr>
    }
}
