//! What sites wait for until the owner answers in the extension's window.

use std::cell::RefCell;

use serde_json::Value;
use wallet::provider::{AskedFor, ProviderError};
use wallet::sites::{Ask, Asks, Origin};

type Taker = Box<dyn FnOnce(Result<Value, ProviderError>)>;

thread_local! {
    static ASKS: RefCell<Asks<Taker>> = RefCell::new(Asks::starting_at(super::chance()));
}

/// Shows the window and waits for the owner.
pub(super) async fn ask(origin: Origin, page: String, what: AskedFor) -> Result<Value, ProviderError> {
    let (take, answered) = super::later();
    if ASKS.with_borrow_mut(|asks| asks.add(origin, page, what, Box::new(take))).is_err() {
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

/// Answers a question, if it still waits.
pub(super) fn finish(number: u32, answer: Result<Value, ProviderError>) {
    let taken = ASKS.with_borrow_mut(|asks| asks.take(number));
    if let Some((_, taker)) = taken {
        taker(answer);
    }
}

pub(super) fn refuse_where(is_over: impl Fn(&Ask) -> bool) {
    // Nothing is borrowed while an answer is taken.
    let takers = ASKS.with_borrow_mut(|asks| asks.take_where(is_over));
    if takers.is_empty() {
        return;
    }
    for taker in takers {
        taker(Err(ProviderError::Refused));
    }
    super::channel::tell_changed();
}
