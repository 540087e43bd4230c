//! Rows that people compare: blocks, transactions, receipts, miners.

use leptos::prelude::*;
use shared::amount::Amount;
use shared::api::explorer::{BlockSummary, TransactionSummary};
use shared::api::miners::MinerView;
use shared::api::receipts::ReceiptView;

use super::format::{grouped, shortened};
use super::proof_line::ProofSmall;
use super::status::{StatusPill, Tone};
use super::value::{AddressValue, Age, AmountValue, Height};
use crate::proof::Proof;
use crate::text;

/// A minted sum, or a quiet dash where nothing was minted.
fn minted(amount: Amount) -> AnyView {
    if amount == Amount::ZERO {
        view! { <span class="quiet">"–"</span> }.into_any()
    } else {
        view! { <AmountValue amount /> }.into_any()
    }
}

#[component]
pub fn BlockTable(blocks: Vec<BlockSummary>) -> impl IntoView {
    let rows = blocks.into_iter().map(|block| view! { <BlockRow block /> }).collect_view();
    view! {
        <div class="table-scroll">
            <table class="data" data-testid="blocks">
                <thead>
                    <tr>
                        <th scope="col">{text::explorer::HEIGHT}</th>
                        <th scope="col" class="grow">{text::explorer::AGE}</th>
                        <th scope="col" class="number wide-only">{text::explorer::COUNT}</th>
                        <th scope="col" class="number">{text::explorer::MINTED}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
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
    let wide = (!narrow).then(|| {
        view! {
            <th scope="col" class="wide-only">{text::explorer::FROM}</th>
            <th scope="col" class="wide-only">{text::explorer::TO}</th>
            <th scope="col" class="number wide-only">{text::explorer::BLOCK}</th>
        }
    });
    view! {
        <div class="table-scroll">
            <table class="data" data-testid="transactions">
                <thead>
                    <tr>
                        <th scope="col">{text::explorer::HASH}</th>
                        <th scope="col" class="grow wide-only">{text::explorer::METHOD}</th>
                        {wide}
                        <th scope="col">{text::explorer::AGE}</th>
                        <th scope="col" class="number">{text::explorer::MINTED}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

#[component]
fn TransactionRow(transaction: TransactionSummary, narrow: bool) -> impl IntoView {
    let hash = transaction.hash.to_string();
    let failed =
        (!transaction.succeeded).then(|| view! { " "<StatusPill tone=Tone::Refused word=text::explorer::REVERTED /> });
    let to = match transaction.to {
        Some(to) => view! { <AddressValue address=to bare=true /> }.into_any(),
        None => view! { <span class="quiet">{text::explorer::CREATES}</span> }.into_any(),
    };
    let wide = (!narrow).then(|| {
        view! {
            <td class="wide-only">
                <AddressValue address=transaction.from bare=true />
            </td>
            <td class="wide-only">{to}</td>
            <td class="number wide-only">{grouped(transaction.block_number)}</td>
        }
    });
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("/explorer/transactions/{hash}") title=hash.clone()>
                    <code>{shortened(&hash)}</code>
                </a>
            </td>
            <td class="grow wide-only">
                <code>{transaction.method}</code>
                {failed}
            </td>
            {wide}
            <td class="quiet">
                <Age at=transaction.timestamp.millis() />
            </td>
            <td class="number">{minted(transaction.minted)}</td>
        </tr>
    }
}

#[component]
pub fn ReceiptTable(receipts: Vec<ReceiptView>) -> impl IntoView {
    let rows = receipts.into_iter().map(|receipt| view! { <ReceiptRow receipt /> }).collect_view();
    view! {
        <div class="table-scroll">
            <table class="data" data-testid="receipts">
                <thead>
                    <tr>
                        <th scope="col">{text::receipt::TITLE}</th>
                        <th scope="col">{text::receipt::PROOF}</th>
                        <th scope="col" class="wide-only">{text::miner::MINER}</th>
                        <th scope="col" class="wide-only grow">{text::receipt::MODEL}</th>
                        <th scope="col" class="number wide-only">{text::explorer::BLOCK}</th>
                        <th scope="col" class="wide-only">{text::explorer::AGE}</th>
                        <th scope="col" class="number">{text::receipt::AMOUNT}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
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
                <AddressValue address=receipt.signed.receipt.provider miner=true bare=true />
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
    match (miner.online, miner.jobs_running) {
        (false, _) => (Tone::Plain, text::miner::OFFLINE),
        (true, 0) => (Tone::Done, text::miner::ONLINE),
        (true, _) => (Tone::Running, text::miner::BUSY),
    }
}

#[component]
pub fn MinerTable(miners: Vec<MinerView>) -> impl IntoView {
    let rows = miners.into_iter().map(|miner| view! { <MinerRow miner /> }).collect_view();
    view! {
        <div class="table-scroll">
            <table class="data" data-testid="miners">
                <thead>
                    <tr>
                        <th scope="col">{text::miner::MINER}</th>
                        <th scope="col">{text::miner::STATE}</th>
                        <th scope="col" class="wide-only grow">{text::miner::DEVICE}</th>
                        <th scope="col" class="wide-only">{text::miner::SPEED}</th>
                        <th scope="col" class="number wide-only">{text::miner::PRICE}</th>
                        <th scope="col" class="number wide-only">{text::miner::COMPLETED}</th>
                        <th scope="col" class="number">{text::miner::EARNED}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

#[component]
fn MinerRow(miner: MinerView) -> impl IntoView {
    let whole = miner.address.to_string();
    let (tone, word) = miner_state(&miner);
    let device = miner.capability.devices.first().map(|device| device.name.clone()).unwrap_or_default();
    let offer = miner.capability.offers.first();
    let speed = offer.map(|offer| text::miner::speed(offer.measured_micro_units_per_second));
    let price = offer.map(|offer| view! { <AmountValue amount=offer.unit_price /> });
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
            <td class="wide-only">{speed}</td>
            <td class="number wide-only">{price}</td>
            <td class="number wide-only">{grouped(miner.jobs_completed)}</td>
            <td class="number">
                <AmountValue amount=miner.earned />
            </td>
        </tr>
    }
}
