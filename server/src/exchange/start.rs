//! Starts the desk: the book from its journal, everything else from the database and the contract.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use exchange::journal::{Entry, Journal};
use exchange::{Command, Event, HashKey, Lots, MarketId, OrderId, Side as BookSide, UnixMs};
use node::{ExchangeReader, NodeHandle};
use shared::api::exchange::OrderState;
use shared::exchange::Trigger;
use store::Store;
use store::change::{ForgetUnplaced, OpenExchange};
use store::record::exchange::{ExchangePosition, OrderRecord};
use tokio::sync::Notify;

use super::blocks::read_account;
use super::desk::Desk;
use super::error::DeskError;
use super::feed::MarketFeed;
use super::group::{Group, side_of};
use super::ledgers::{Ledgers, WaitingWithdrawal};
use super::limits::{GROUP_MAX_ENTRIES, TRADES_REMEMBERED};
use super::listing::Listing;
use super::serve_request::rejection;
use super::shared_state::{DeskState, SharedState};
use super::signed_orders::{read_note, record_of};
use super::views;
use crate::clock;

/// Trades that wait for the chain, read at the start.
const TRADES_MAX: u64 = 1_000_000;

/// An entry of the journal whose consequences the database lacks, with what it led to.
struct Unrecorded {
    at: (u64, UnixMs),
    command: Command,
    note: Vec<u8>,
    events: Vec<Event>,
}

impl Unrecorded {
    /// The order that it places, where the book took it.
    fn placed(&self) -> Result<Option<OrderRecord>, DeskError> {
        match self.command {
            Command::Place { market, order } if rejection(&self.events).is_none() => {
                let verified = read_note(self.at.0, &self.note)?;
                Ok(Some(record_of(self.at, market, &order, verified)))
            }
            _ => Ok(None),
        }
    }
}

impl Desk {
    /// Opens the exchange of this chain; nothing where the chain has none.
    pub(super) async fn open(folder: &Path, store: Store, node: NodeHandle) -> Result<Option<Self>, DeskError> {
        let snapshot = node.snapshot()?;
        if !ExchangeReader::at(&snapshot, snapshot.head().number).is_there()? {
            return Ok(None);
        }
        let position = store.write(OpenExchange { genesis: node.genesis_hash() }).await?;
        if position.height > snapshot.head().number {
            return Err(inconsistent("the database knows blocks of the exchange that the chain does not have"));
        }
        let reader = ExchangeReader::at(&snapshot, position.height);
        let listing = Arc::new(Listing::read(&reader, node.chain_id())?);
        let (journal, exchange, unrecorded) = open_journal(folder, &position)?;
        let forgotten = store.write(ForgetUnplaced { sequence: exchange.sequence() }).await?;
        if forgotten > 0 {
            tracing::info!(forgotten, "withdrawals that were never acknowledged are forgotten");
        }
        let shared = Arc::new(SharedState::new(Arc::clone(&listing), vec![], DeskState::default()));
        let snapshot_at = exchange.sequence();
        let mut desk = Self {
            exchange,
            journal,
            ledgers: Ledgers::new(listing),
            group: Group::default(),
            store,
            node: node.clone(),
            shared,
            is_paused: reader.is_paused()?,
            compliance: None,
            height: position.height,
            recorded_height: position.height,
            committed: position.sequence,
            snapshot_at,
            compared: 0,
            unrecorded: vec![],
            to_settle: Arc::new(Notify::new()),
        };
        desk.restore(&reader).await?;
        for entry in unrecorded {
            desk.record_again(&entry)?;
        }
        desk.check_orders()?;
        desk.check_trades(&reader)?;
        desk.make_feeds(&reader).await?;
        desk.read_markets(&reader)?;
        desk.finish().await?;
        desk.correct_all().await?;
        desk.forget_old_orders().await?;
        desk.show_state();
        Ok(Some(desk))
    }

    /// What an entry led to, as the database will have it.
    fn record_again(&mut self, entry: &Unrecorded) -> Result<(), DeskError> {
        if let Some(record) = entry.placed()? {
            self.ledgers.remember_order(record.clone(), false);
            self.group.placed.push(record);
        }
        self.group.take(&mut self.ledgers, entry.at, &entry.events, None);
        for event in &entry.events {
            if let Event::Accepted { account, client_order_id: Some(nonce), .. } = *event {
                self.keep_nonce(account, nonce.0.get());
            }
        }
        Ok(())
    }

    /// Accounts, open orders and what waits for the chain, as the database has them.
    async fn restore(&mut self, reader: &ExchangeReader<'_>) -> Result<(), DeskError> {
        for record in self.store.list_exchange_traders().await? {
            if !self.ledgers.accounts.restore(record) {
                return Err(inconsistent("the numbers of traders have a gap"));
            }
            read_account(&mut self.ledgers, reader, exchange::AccountId(record.account))?;
        }
        for record in self.store.list_open_exchange_orders().await? {
            let waits = record.signed.signed.trigger != Trigger::None && record.triggered_at.is_none();
            let has_rested = !waits;
            if has_rested {
                let open = record.lots.saturating_sub(record.filled_lots);
                let (market, price) = (usize::from(record.market), record.price_ticks);
                if let Some(sides) = self.ledgers.sides.get_mut(market) {
                    let side = record.signed.signed.side;
                    let lots = sides.lots_at(side, price);
                    sides.set(side, price, lots + open);
                }
            }
            self.ledgers.remember_order(record, has_rested);
        }
        for record in self.store.list_trades_to_settle(TRADES_MAX).await? {
            self.ledgers.wait_for(views::matched(&record));
        }
        for record in self.store.list_waiting_withdrawals().await? {
            let signed = &record.signed.signed;
            let Some(asset) = self.ledgers.listing.assets.id_of(signed.asset) else {
                return Err(inconsistent("a withdrawal is of an asset that is not listed"));
            };
            let account = exchange::AccountId(record.account);
            let waiting = WaitingWithdrawal { asset, amount: signed.amount.0 };
            self.ledgers.wait_for_withdrawal(account, signed.nonce, waiting);
            // The nonce counts, whether or not the database knows the entry that took it.
            self.keep_nonce(account, signed.nonce);
        }
        Ok(())
    }

    fn keep_nonce(&mut self, account: exchange::AccountId, nonce: u64) {
        if let Some(known) = self.ledgers.accounts.get_mut(account)
            && nonce > known.last_nonce
        {
            known.last_nonce = nonce;
            self.group.nonces.insert(account.0, nonce);
        }
    }

    /// The open orders of the database are those of the book, and each has its nonce.
    fn check_orders(&mut self) -> Result<(), DeskError> {
        let mut nonces = Vec::new();
        for (id, order) in &self.ledgers.orders {
            let open = self.exchange.open_lots(MarketId(order.record.market), OrderId(*id));
            let expected = Lots(order.record.lots.saturating_sub(order.record.filled_lots));
            if open != Some(expected) || order.record.state != OrderState::Open {
                return Err(inconsistent(&format!("order {id} is not in the book as the database has it")));
            }
            nonces.push((exchange::AccountId(order.record.account), order.record.signed.signed.nonce));
        }
        for (account, nonce) in nonces {
            self.keep_nonce(account, nonce);
        }
        for (sides, number) in self.ledgers.sides.iter().zip(0..) {
            for side in [BookSide::Buy, BookSide::Sell] {
                let book = self.exchange.depth(MarketId(number), side).map(|(price, lots)| (price.0, lots.0));
                if !book.eq(sides.best(side_of(side))) {
                    return Err(inconsistent(&format!("the prices of market {number} are not those of its orders")));
                }
            }
        }
        Ok(())
    }

    /// The contract has no trade that the book does not know.
    fn check_trades(&self, reader: &ExchangeReader<'_>) -> Result<(), DeskError> {
        for (number, market) in (0..).zip(reader.markets()?) {
            let last = self.exchange.last_trade(MarketId(number)).map_or(0, |(trade, _)| trade.0);
            if market.lastTrade > last {
                let what = format!(
                    "the contract has trade {} of market {number}; the journal ends at {last}",
                    market.lastTrade
                );
                return Err(inconsistent(&what));
            }
        }
        Ok(())
    }

    async fn make_feeds(&mut self, reader: &ExchangeReader<'_>) -> Result<(), DeskError> {
        let listing = Arc::clone(&self.ledgers.listing);
        let mut feeds = Vec::new();
        for listed in &listing.markets {
            let number = listed.market.number;
            let mut rows = self.store.list_exchange_trades(number, None, TRADES_REMEMBERED as u64).await?;
            rows.reverse();
            let trades: std::collections::VecDeque<_> = rows.iter().map(|row| views::trade(listed, row)).collect();
            let last = self.exchange.last_trade(listed.number()).map_or(0, |(trade, _)| trade.0);
            let settled = reader.market(number)?.lastTrade;
            let sides = self.ledgers.sides.get(usize::from(number)).cloned().unwrap_or_default();
            let feed = MarketFeed::new(self.exchange.sequence(), sides, trades, (last, settled));
            feeds.push(Arc::new(feed));
        }
        self.shared.list(listing, feeds);
        // The feeds have the prices already; trades that are recorded next come with them.
        self.group.changes = BTreeMap::new();
        Ok(())
    }

    async fn correct_all(&mut self) -> Result<(), DeskError> {
        for account in (0..).take(self.ledgers.accounts.len()).map(exchange::AccountId) {
            self.correct(account)?;
            if self.exchange.sequence() - self.committed >= GROUP_MAX_ENTRIES {
                self.finish().await?;
            }
        }
        self.finish().await
    }
}

fn open_journal(
    folder: &Path,
    position: &ExchangePosition,
) -> Result<(Journal, exchange::Exchange, Vec<Unrecorded>), DeskError> {
    let hash_key = HashKey([clock::random_u64(), clock::random_u64()]);
    let mut unrecorded = Vec::new();
    let mut first_replayed = None;
    let (journal, exchange) = Journal::open_watched(folder, hash_key, |sequence, entry: &Entry, note, events| {
        first_replayed = first_replayed.or(Some(sequence));
        if sequence >= position.sequence {
            unrecorded.push(Unrecorded {
                at: (sequence, entry.now),
                command: entry.command,
                note: note.to_vec(),
                events: events.to_vec(),
            });
        }
    })?;
    let first_known = first_replayed.unwrap_or(exchange.sequence());
    if exchange.sequence() < position.sequence || first_known > position.sequence {
        let what = format!(
            "the database has what follows from {} entries of the journal, and the journal knows those from {first_known} \
             to {}: they are not of one time",
            position.sequence,
            exchange.sequence()
        );
        return Err(inconsistent(&what));
    }
    Ok((journal, exchange, unrecorded))
}

fn inconsistent(what: &str) -> DeskError {
    DeskError::Inconsistent(what.to_owned())
}
