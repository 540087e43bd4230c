//! Where a node that follows sends the transactions that it is given: to nodes that decide. This crate speaks to nobody by
//! HTTP, so who starts the node takes them out of the [`UpstreamQueue`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::error::NodeError;
use crate::lanes::Lane;

/// Transactions that wait to be sent on, of the settlement and of everybody else each.
const WAITING_MAX: usize = 64;

/// Of them, those of one network address.
const WAITING_OF_CALLER_MAX: usize = 8;

/// A transaction on its way to another node.
#[derive(Debug)]
pub struct Forwarded {
    /// In its EIP-2718 encoding, with a signature that holds on this chain.
    pub raw: Bytes,
    answer: oneshot::Sender<Result<(), NodeError>>,
    /// Of a caller, who may have gone meanwhile: it is taken as long as the transaction waits.
    place: Option<Place>,
}

impl Forwarded {
    /// What the other node said.
    pub fn answer(self, answer: Result<(), NodeError>) {
        // Before the caller is told, who may send the next one then.
        drop(self.place);
        // An error says that nobody waits for it.
        let _ = self.answer.send(answer);
    }
}

/// The node's end.
#[derive(Clone, Debug)]
pub struct Upstream {
    settlement: mpsc::Sender<Forwarded>,
    others: mpsc::Sender<Forwarded>,
    callers: Callers,
}

/// How many transactions of each network address are on their way.
#[derive(Clone, Debug, Default)]
struct Callers(Arc<Mutex<HashMap<Arc<str>, usize>>>);

/// The place of one transaction; given back when it is dropped.
#[derive(Debug)]
struct Place {
    callers: Callers,
    caller: Arc<str>,
}

impl Callers {
    fn take_place(&self, caller: Arc<str>) -> Result<Place, NodeError> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(Arc::clone(&caller)).or_default();
        if *count == WAITING_OF_CALLER_MAX {
            let what = "transactions of one network address on their way to another node";
            return Err(NodeError::Busy { what, limit: WAITING_OF_CALLER_MAX });
        }
        *count += 1;
        drop(taken);
        Ok(Place { callers: self.clone(), caller })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.caller);
            }
        }
    }
}

/// The other end. Two queues, so that nothing that strangers send keeps receipts waiting.
#[derive(Debug)]
pub struct UpstreamQueue {
    /// Of this process's own settlement.
    pub settlement: mpsc::Receiver<Forwarded>,
    /// Of everybody else.
    pub others: mpsc::Receiver<Forwarded>,
}

/// Both ends.
#[must_use]
pub fn upstream() -> (Upstream, UpstreamQueue) {
    let ((settlement, settlement_queue), (others, others_queue)) =
        (mpsc::channel(WAITING_MAX), mpsc::channel(WAITING_MAX));
    let upstream = Upstream { settlement, others, callers: Callers::default() };
    (upstream, UpstreamQueue { settlement: settlement_queue, others: others_queue })
}

impl Upstream {
    /// Sends a transaction on and waits for the answer. A `caller` has a bounded number of places.
    pub(crate) async fn submit(&self, lane: Lane, caller: Option<Arc<str>>, raw: Bytes) -> Result<(), NodeError> {
        let place = caller.map(|caller| self.callers.take_place(caller)).transpose()?;
        let queue = if lane == Lane::Settlement { &self.settlement } else { &self.others };
        let (answer, answered) = oneshot::channel();
        queue.try_send(Forwarded { raw, answer, place }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                NodeError::Busy { what: "transactions on their way to another node", limit: WAITING_MAX }
            }
            mpsc::error::TrySendError::Closed(_) => NodeError::Stopped,
        })?;
        answered.await.unwrap_or(Err(NodeError::Stopped))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_caller_that_goes_keeps_its_places_until_its_transactions_are_answered() {
        let (upstream, mut queue) = upstream();
        let mut context = Context::from_waker(Waker::noop());
        let mut submit_and_go = || {
            let submitted = upstream.submit(Lane::Stranger, Some("192.0.2.1".into()), Bytes::new());
            // It is polled once, and dropped while it waits.
            pin!(submitted).poll(&mut context)
        };
        for _ in 0..WAITING_OF_CALLER_MAX {
            assert!(submit_and_go().is_pending());
        }
        assert!(matches!(submit_and_go(), Poll::Ready(Err(NodeError::Busy { limit: WAITING_OF_CALLER_MAX, .. }))));
        queue.others.try_recv().unwrap().answer(Ok(()));
        assert!(submit_and_go().is_pending(), "an answer gives the place back");
        drop(queue.others.try_recv().unwrap());
        assert!(submit_and_go().is_pending(), "so does an end without one");
        assert!(matches!(submit_and_go(), Poll::Ready(Err(NodeError::Busy { .. }))));
    }
}
