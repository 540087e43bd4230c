//! A bounded number of something, of which no one may have more than a share: places for connections, bytes in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What all may have together, and what one of them may have.
#[derive(Debug)]
pub(crate) struct Shares {
    in_total: usize,
    of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_total: usize,
    by_name: HashMap<Arc<str>, usize>,
}

impl Shares {
    pub(crate) fn new(in_total: usize, of_one: usize) -> Arc<Self> {
        Arc::new(Self { in_total, of_one, taken: Mutex::default() })
    }

    /// So many of them, if there are as many left. Without a name only the total counts.
    pub(crate) fn take(self: &Arc<Self>, name: Option<&str>, amount: usize) -> Option<Share> {
        let mut share = Share { of: Arc::clone(self), name: name.map(Arc::from), amount: 0 };
        share.grow(amount).then_some(share)
    }

    /// How many one of them has taken.
    pub(crate) fn taken_by(&self, name: &str) -> usize {
        self.taken().by_name.get(name).copied().unwrap_or_default()
    }

    /// How many are taken.
    #[cfg(test)]
    pub(crate) fn in_use(&self) -> usize {
        let taken = self.taken();
        assert!(taken.by_name.len() <= taken.in_total, "names without a share are left behind");
        taken.in_total
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was taken, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Shares>,
    name: Option<Arc<str>>,
    amount: usize,
}

impl Share {
    /// Takes so many more, if there are as many left.
    pub(crate) fn grow(&mut self, amount: usize) -> bool {
        let (in_total, of_one) = (self.of.in_total, self.of.of_one);
        let mut taken = self.of.taken();
        if amount > in_total.saturating_sub(taken.in_total) {
            return false;
        }
        if let Some(name) = self.name.as_ref().filter(|_| amount > 0) {
            let has = taken.by_name.get(name).copied().unwrap_or_default();
            if amount > of_one.saturating_sub(has) {
                return false;
            }
            taken.by_name.insert(Arc::clone(name), has + amount);
        }
        taken.in_total += amount;
        drop(taken);
        self.amount += amount;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.in_total -= self.amount;
        let Some(name) = &self.name else { return };
        if let Some(has) = taken.by_name.get_mut(name) {
            *has -= self.amount;
            if *has == 0 {
                taken.by_name.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_its_share_and_no_more_and_all_have_the_total() {
        let shares = Shares::new(10, 4);
        let first = shares.take(Some("first"), 3).unwrap();
        assert!(shares.take(Some("first"), 2).is_none(), "more than a share");
        let second = [shares.take(Some("first"), 1).unwrap(), shares.take(Some("second"), 4).unwrap()];
        assert!(shares.take(None, 3).is_none() && shares.take(Some("third"), 3).is_none(), "more than there is");
        let rest = shares.take(None, 2).unwrap();
        assert!(shares.take(Some("third"), 1).is_none());
        assert_eq!((shares.taken_by("first"), shares.taken_by("third")), (4, 0));
        drop(first);
        assert!(shares.take(Some("first"), 3).is_some() && shares.take(Some("second"), 1).is_none());
        drop((second, rest));
        assert_eq!(shares.in_use(), 0);
        assert!(shares.take(Some("nobody"), 0).is_some());
        assert_eq!(shares.in_use(), 0);
    }
}
