//! What sites wait for until the owner answers in the extension's window.

use std::cell::RefCell;

use serde_json::Value;
use wallet::provider::{AskedFor, ProviderError};
use wallet::sites::{Ask, Asks, Origin};

/// Who waits for an answer.
struct Taker {
    /// The batch whose call it is.
    batch: Option<String>,
    take: Box<dyn FnOnce(Result<Value, ProviderError>)>,
}

/// A question that waits no longer: nothing refuses it any more, and it has to be answered.
pub(super) struct Taken {
    pub(super) ask: Ask,
    taker: Taker,
}

impl Taken {
    /// The batch whose call it is.
    pub(super) fn batch(&self) -> Option<&str> {
        self.taker.batch.as_deref()
    }

    pub(super) fn answer(self, answer: Result<Value, ProviderError>) {
        (self.taker.take)(answer);
    }
}

thread_local! {
    static ASKS: RefCell<Asks<Taker>> = RefCell::new(Asks::starting_at(super::chance()));
}

/// Shows the window and waits for the owner.
pub(super) async fn ask(origin: Origin, page: String, what: AskedFor) -> Result<Value, ProviderError> {
    wait(None, |asks, taker| asks.add(origin, page, what, taker).is_ok()).await
}

/// The same for a call of a batch, of which calls were sent already where it `is_begun`.
pub(super) async fn ask_for_batch(
    origin: Origin,
    page: String,
    what: AskedFor,
    batch: String,
    is_begun: bool,
) -> Result<Value, ProviderError> {
    let add = |asks: &mut Asks<Taker>, taker| {
        if is_begun {
            asks.go_on(origin, page, what, taker);
            return true;
        }
        asks.add(origin, page, what, taker).is_ok()
    };
    wait(Some(batch), add).await
}

async fn wait(
    batch: Option<String>,
    add: impl FnOnce(&mut Asks<Taker>, Taker) -> bool,
) -> Result<Value, ProviderError> {
    let (take, answered) = super::later();
    let taker = Taker { batch, take: Box::new(take) };
    if !ASKS.with_borrow_mut(|asks| add(asks, taker)) {
        return Err(ProviderError::TooMany);
    }
    super::host().map_err(|_| ProviderError::Internal)?.show();
    answered.await.unwrap_or(Err(ProviderError::Internal))
}

pub(super) fn front() -> Option<Ask> {
    ASKS.with_borrow(|asks| asks.front().cloned())
}

pub(super) fn get(number: u32) -> Option<Ask> {
    ASKS.with_borrow(|asks| asks.get(number).cloned())
}

/// Takes a question away, if it still waits.
pub(super) fn take(number: u32) -> Option<Taken> {
    let (ask, taker) = ASKS.with_borrow_mut(|asks| asks.take(number))?;
    Some(Taken { ask, taker })
}

/// Answers a question, if it still waits.
pub(super) fn finish(number: u32, answer: Result<Value, ProviderError>) {
    if let Some(taken) = take(number) {
        taken.answer(answer);
    }
}

pub(super) fn refuse_where(is_over: impl Fn(&Ask) -> bool) {
    // Nothing is borrowed while an answer is taken.
    let takers = ASKS.with_borrow_mut(|asks| asks.take_where(is_over));
    if takers.is_empty() {
        return;
    }
    for taker in takers {
        (taker.take)(Err(ProviderError::Refused));
    }
    super::channel::tell_changed();
}
