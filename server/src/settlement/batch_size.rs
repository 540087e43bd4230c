//! How many trades the next batch holds, after the chain refused one that its simulation took.
//!
//! A trader that is a contract may say one thing in a simulation and another in a block. So a refused batch comes again by
//! half, until the trade that spoils it is alone.

use std::sync::{Mutex, PoisonError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused {
    market: u16,
    first_trade: u64,
    /// Trades that the next batch from there on may have.
    most: usize,
}

/// What the last batch that the chain refused says of the next one.
#[derive(Debug, Default)]
pub(crate) struct BatchSize(Mutex<Option<Refused>>);

/// What to do about a batch that the chain refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterRefusal {
    /// Its trades come again in smaller batches.
    Smaller,
    /// The one trade was refused for itself.
    Alone,
}

impl BatchSize {
    /// The most trades of a batch that begins with this one.
    pub(super) fn at(&self, market: u16, first_trade: u64) -> usize {
        let refused = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_this = refused.filter(|refused| (refused.market, refused.first_trade) == (market, first_trade));
        of_this.map_or(usize::MAX, |refused| refused.most)
    }

    /// The chain refused a batch of so many trades.
    pub(super) fn refused(&self, market: u16, first_trade: u64, trades: u64) -> AfterRefusal {
        let most = usize::try_from(trades / 2).unwrap_or(usize::MAX);
        if most == 0 {
            return AfterRefusal::Alone;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Refused { market, first_trade, most });
        AfterRefusal::Smaller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_batch_becomes_smaller_until_one_trade_is_left() {
        let size = BatchSize::default();
        assert_eq!(size.at(0, 7), usize::MAX);
        let mut trades = 64;
        while size.refused(0, 7, trades) == AfterRefusal::Smaller {
            assert_eq!(size.at(0, 7) as u64, trades / 2);
            trades /= 2;
        }
        assert_eq!(trades, 1);
        assert_eq!((size.at(0, 8), size.at(1, 7)), (usize::MAX, usize::MAX), "other batches are as large as ever");
    }
}
