//! Pages of miners: the connected ones by address, then the others, last seen first.

use std::fmt;
use std::str::FromStr;

use shared::Address;
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::field_error::FieldError;
use shared::time::UnixMillis;
use store::record::MinerRecord;

use crate::error::ApiError;
use crate::view::{Views, miner_view};

/// Bytes of JSON of one page of miners: what a miner says of itself may be long. A page has one miner at least.
const PAGE_MAX_BYTES: usize = 256 << 10;

/// The last miner of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    Connected(Address),
    Others(UnixMillis, Address),
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(address) => write!(formatter, "{address}"),
            Self::Others(seen, address) => write!(formatter, "{}-{address}", seen.0),
        }
    }
}

impl FromStr for Cursor {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let error = || FieldError::new("cursor", "`cursor` is `next_cursor` of the page before");
        let address = |text: &str| text.parse().map_err(|_| error());
        match text.split_once('-') {
            None => Ok(Self::Connected(address(text)?)),
            Some((seen, rest)) => Ok(Self::Others(UnixMillis(seen.parse().map_err(|_| error())?), address(rest)?)),
        }
    }
}

impl Views {
    /// Miners without their hardware reports, and without the suggestions and subjects of their models.
    ///
    /// # Errors
    /// A cursor that no page named.
    pub async fn list_miners(&self, cursor: Option<&str>, limit: u32) -> Result<Page<MinerView>, ApiError> {
        let cursor = cursor.map(str::parse::<Cursor>).transpose().map_err(|error| ApiError::Invalid(vec![error]))?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows = match cursor {
            Some(Cursor::Others(..)) => Vec::new(),
            Some(Cursor::Connected(last)) => self.connected_miners(Some(last), wanted + 1).await?,
            None => self.connected_miners(None, wanted + 1).await?,
        };
        if rows.len() <= wanted {
            let after = match cursor {
                Some(Cursor::Others(seen, address)) => Some((seen, address)),
                _ => None,
            };
            let rest = self.other_miners(after, wanted + 1 - rows.len()).await?;
            rows.extend(rest);
        }
        Ok(self.page_of_miners(rows, wanted))
    }

    async fn connected_miners(
        &self,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<(Cursor, MinerRecord)>, ApiError> {
        let mut addresses: Vec<Address> = self.hub.board().miners().map(|(address, _)| address).collect();
        addresses.retain(|address| after.is_none_or(|after| *address > after));
        addresses.sort_unstable();
        addresses.truncate(limit);
        let mut rows = self.store.find_miners(&addresses).await?;
        rows.sort_by_key(|row| row.address);
        Ok(rows.into_iter().map(|row| (Cursor::Connected(row.address), row)).collect())
    }

    async fn other_miners(
        &self,
        mut after: Option<(UnixMillis, Address)>,
        limit: usize,
    ) -> Result<Vec<(Cursor, MinerRecord)>, ApiError> {
        let mut others = Vec::new();
        while others.len() < limit {
            let asked = limit - others.len();
            let rows = self.store.list_miners(after, asked as u64).await?;
            let is_last = rows.len() < asked;
            after = rows.last().map(|row| (row.last_seen, row.address));
            let board = self.hub.board();
            let absent = rows.into_iter().filter(|row| board.miner(row.address).is_none());
            others.extend(absent.map(|row| (Cursor::Others(row.last_seen, row.address), row)));
            if is_last {
                break;
            }
        }
        Ok(others)
    }

    fn page_of_miners(&self, rows: Vec<(Cursor, MinerRecord)>, wanted: usize) -> Page<MinerView> {
        let (board, found) = (self.hub.board(), rows.len());
        let (mut items, mut bytes, mut last) = (Vec::new(), 0, None);
        for (cursor, row) in rows.into_iter().take(wanted) {
            let mut view = miner_view(&board, row);
            for offer in &mut view.capability.offers {
                (offer.suggestions, offer.subjects) = (vec![], vec![]);
            }
            bytes += serde_json::to_vec(&view).map_or(0, |json| json.len());
            if bytes > PAGE_MAX_BYTES && !items.is_empty() {
                break;
            }
            items.push(view);
            last = Some(cursor);
        }
        let next_cursor = last.filter(|_| items.len() < found).map(|cursor| cursor.to_string());
        Page { items, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_anything_else_is_refused() {
        let address = Address::repeat_byte(0xab);
        for cursor in [Cursor::Connected(address), Cursor::Others(UnixMillis(7), address)] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "7", "x-0x", "-1-0xabababababababababababababababababababab", "7-7"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
