//! The whole state as bytes, in one form only: equal states have equal bytes, and therefore equal hashes.
//!
//! ```text
//! magic, version │ sequence, time, last order │ ledger │ markets, each with its open orders │ SHA-256 of what is before
//! ```

use sha2::{Digest, Sha256};

use crate::book::restore::BookHead;
use crate::book::{Book, HashKey, Order};
use crate::codec::Codec;
use crate::exchange::Exchange;
use crate::journal::StorageError;
use crate::ledger::{Balance, Ledger};
use crate::limits::{ACCOUNTS_MAX, ASSETS_MAX, MARKETS_MAX, ORDERS_PER_MARKET_MAX};
use crate::quantity::{MarketId, Ticks, TradeId, Units};

const MAGIC: &[u8; 8] = b"AITBCEXS";
const VERSION: u32 = 4;
const HASH_BYTES: usize = 32;

impl Exchange {
    /// The hash of the state. A replay of the journal leads to the same one.
    pub fn hash(&self) -> [u8; HASH_BYTES] {
        Sha256::digest(self.state()).into()
    }

    pub fn snapshot(&self) -> Vec<u8> {
        let mut bytes = self.state();
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// The state that [`Self::snapshot`] wrote. It is audited, so a snapshot that was made up is refused as well.
    pub fn restore(bytes: &[u8], hash_key: HashKey) -> Result<Self, StorageError> {
        let (state, hash) =
            bytes.split_last_chunk::<HASH_BYTES>().ok_or(StorageError::Snapshot("it is shorter than its hash"))?;
        if <[u8; HASH_BYTES]>::from(Sha256::digest(state)) != *hash {
            return Err(StorageError::Snapshot("its hash does not match"));
        }
        let exchange = read_state(state, hash_key).map_err(StorageError::Snapshot)?;
        exchange.audit().map_err(StorageError::Snapshot)?;
        if exchange.state() != state {
            return Err(StorageError::Snapshot("it is not in the form that is written"));
        }
        Ok(exchange)
    }

    fn state(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        VERSION.write(&mut out);
        self.sequence.write(&mut out);
        self.now.write(&mut out);
        self.last_order.write(&mut out);
        write_ledger(&self.ledger, &mut out);
        (self.books.len() as u16).write(&mut out);
        for book in &self.books {
            book.rules.write(&mut out);
            book.last_trade.0.write(&mut out);
            book.last_price.write(&mut out);
            book.traded.write(&mut out);
            (book.open_orders().count() as u32).write(&mut out);
            book.open_orders().for_each(|order| order.write(&mut out));
        }
        out
    }
}

fn write_ledger(ledger: &Ledger, out: &mut Vec<u8>) {
    for units in ledger.deposited.iter().chain(&ledger.fees) {
        units.write(out);
    }
    (ledger.rows.len() as u32).write(out);
    for row in &ledger.rows {
        let held = row.iter().enumerate().filter(|(_, balance)| **balance != Balance::ZERO);
        held.clone().fold(0_u8, |mask, (asset, _)| mask | 1 << asset).write(out);
        for (_, balance) in held {
            balance.free.write(out);
            balance.reserved.write(out);
        }
    }
}

const SHORT: &str = "it ends too early, or has a value that does not exist";

fn read_state(mut input: &[u8], hash_key: HashKey) -> Result<Exchange, &'static str> {
    let input = &mut input;
    let magic = input.split_off(..MAGIC.len()).ok_or(SHORT)?;
    if magic != MAGIC || u32::read(input) != Some(VERSION) {
        return Err("it is of another format or version");
    }
    let sequence = Codec::read(input).ok_or(SHORT)?;
    let now = Codec::read(input).ok_or(SHORT)?;
    let last_order = Codec::read(input).ok_or(SHORT)?;
    let ledger = read_ledger(input)?;
    let markets = u16::read(input).ok_or(SHORT)?;
    if usize::from(markets) > MARKETS_MAX {
        return Err("it has more markets than there may be");
    }
    let books = (0..markets)
        .map(|market| read_book(input, MarketId(market), hash_key, ledger.rows.len()))
        .collect::<Result<Vec<_>, _>>()?;
    if !input.is_empty() {
        return Err("it goes on after its end");
    }
    Ok(Exchange { ledger, books, hash_key, last_order, sequence, now })
}

fn read_ledger(input: &mut &[u8]) -> Result<Ledger, &'static str> {
    let mut ledger = Ledger::new();
    for units in ledger.deposited.iter_mut().chain(&mut ledger.fees) {
        *units = Units::read(input).ok_or(SHORT)?;
    }
    let rows = u32::read(input).ok_or(SHORT)? as usize;
    // Each row has a byte at least, so a count that is made up reserves no more memory than its bytes.
    if rows > ACCOUNTS_MAX || rows > input.len() {
        return Err("it has more accounts than there may be");
    }
    ledger.rows.reserve(rows);
    for _ in 0..rows {
        let mask = u8::read(input).ok_or(SHORT)?;
        let mut row = [Balance::ZERO; ASSETS_MAX];
        for (asset, balance) in row.iter_mut().enumerate() {
            if mask >> asset & 1 == 1 {
                let free = Units::read(input).ok_or(SHORT)?;
                *balance = Balance { free, reserved: Units::read(input).ok_or(SHORT)? };
            }
        }
        ledger.rows.push(row);
    }
    Ok(ledger)
}

fn read_book(input: &mut &[u8], market: MarketId, hash_key: HashKey, accounts: usize) -> Result<Book, &'static str> {
    let rules = Codec::read(input).ok_or(SHORT)?;
    let last_trade = TradeId(Codec::read(input).ok_or(SHORT)?);
    let last_price: Option<Ticks> = Codec::read(input).ok_or(SHORT)?;
    let traded: Option<(Ticks, Ticks)> = Codec::read(input).ok_or(SHORT)?;
    let orders = u32::read(input).ok_or(SHORT)?;
    if orders > ORDERS_PER_MARKET_MAX || orders as usize > input.len() {
        return Err("a market has more open orders than there may be");
    }
    let orders = (0..orders).map(|_| Order::read(input).ok_or(SHORT)).collect::<Result<Vec<_>, _>>()?;
    Book::restore(BookHead { market, rules, last_trade, last_price, traded }, hash_key, accounts, &orders)
}
