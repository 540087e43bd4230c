//! The requests of a page that wait for an answer.

use crate::protocol::RequestId;

/// Most requests that wait at once.
pub const PENDING_MAX: usize = 32;

/// The waiting requests, each with what takes its answer.
#[derive(Debug)]
pub struct PendingRequests<T> {
    next_id: u32,
    waiting: Vec<(RequestId, T)>,
}

impl<T> PendingRequests<T> {
    pub const fn new() -> Self {
        Self { next_id: 0, waiting: Vec::new() }
    }

    /// The id of a new request. `taker` comes back where [`PENDING_MAX`] requests wait already.
    pub fn add(&mut self, taker: T) -> Result<RequestId, T> {
        if self.waiting.len() >= PENDING_MAX {
            return Err(taker);
        }
        let id = RequestId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.waiting.push((id, taker));
        Ok(id)
    }

    /// What takes the answer to `id`. `None` where no request of this id waits: it is unknown, was answered, or was given
    /// up.
    pub fn take(&mut self, id: RequestId) -> Option<T> {
        let index = self.waiting.iter().position(|(waiting, _)| *waiting == id)?;
        Some(self.waiting.remove(index).1)
    }

    /// Gives all of them up, oldest first.
    pub fn take_all(&mut self) -> Vec<T> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, taker)| taker).collect()
    }
}

impl<T> Default for PendingRequests<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_is_taken_once_and_an_unknown_or_late_one_never() {
        let mut pending = PendingRequests::new();
        let first = pending.add("first").unwrap();
        let second = pending.add("second").unwrap();
        assert_eq!(pending.take(RequestId(99)), None, "nobody asked that");
        assert_eq!(pending.take(second), Some("second"), "answers may come in another order");
        assert_eq!(pending.take(second), None, "it was answered");
        assert_eq!(pending.take_all(), ["first"]);
        assert_eq!(pending.take(first), None, "it was given up");
        let third = pending.add("third").unwrap();
        assert!(third != first && third != second, "a late answer finds no newer request");
    }

    #[test]
    fn a_full_table_gives_the_request_back() {
        let mut pending = PendingRequests::new();
        let ids: Vec<RequestId> = (0..PENDING_MAX).map(|number| pending.add(number).unwrap()).collect();
        assert_eq!(pending.add(99), Err(99));
        assert_eq!(pending.take(ids[5]), Some(5));
        assert!(pending.add(99).is_ok(), "an answer makes room");
    }

    proptest! {
        /// Whatever the order of answers, each reaches the request of its id.
        #[test]
        fn every_answer_reaches_its_own_request(order in Just((0..PENDING_MAX).collect::<Vec<_>>()).prop_shuffle()) {
            let mut pending = PendingRequests::new();
            let ids: Vec<RequestId> = (0..PENDING_MAX).map(|number| pending.add(number).unwrap()).collect();
            for number in order {
                prop_assert_eq!(pending.take(ids[number]), Some(number));
            }
            prop_assert!(pending.take_all().is_empty());
        }
    }
}
