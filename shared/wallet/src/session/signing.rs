//! What waits for an approval, and its signature. Only what was shown is signed, and only once.

use shared::{Address, Bytes};

use super::Session;
use crate::protocol::{Refusal, Ticket};
use crate::transaction::{SignedTransaction, Transaction};
use crate::typed_data::TypedData;

/// Most sheets that wait at once. A newer one takes the place of the oldest.
const WAITING_MAX: usize = 8;

/// What is signed, in the form that it was shown in.
#[derive(Debug, Clone, PartialEq)]
pub enum Signable {
    Transaction(Transaction),
    Message(Bytes),
    TypedData(Box<TypedData>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    Transaction(SignedTransaction),
    Signature(Bytes),
}

#[derive(Debug)]
pub(super) struct Waiting {
    next: u32,
    sheets: Vec<(Ticket, Address, Signable)>,
}

impl Waiting {
    pub(super) const fn starting_at(number: u32) -> Self {
        Self { next: number, sheets: Vec::new() }
    }

    /// Tickets that were given out stay unknown for ever.
    pub(super) fn clear(&mut self) {
        self.sheets.clear();
    }

    fn add(&mut self, from: Address, what: Signable) -> Ticket {
        let ticket = Ticket(self.next);
        self.next = self.next.wrapping_add(1);
        if self.sheets.len() >= WAITING_MAX {
            self.sheets.remove(0);
        }
        self.sheets.push((ticket, from, what));
        ticket
    }

    fn take(&mut self, ticket: Ticket) -> Result<(Address, Signable), Refusal> {
        let at = self.sheets.iter().position(|(waiting, ..)| *waiting == ticket).ok_or(Refusal::UnknownTicket)?;
        let (_, from, what) = self.sheets.remove(at);
        Ok((from, what))
    }
}

impl Session {
    /// Keeps `what` for [`Self::approve`]. The account must be unlocked already, so that nobody is asked for nothing.
    pub fn prepare(&mut self, from: Address, what: Signable) -> Result<Ticket, Refusal> {
        self.check_account(from)?;
        Ok(self.waiting.add(from, what))
    }

    pub fn check_account(&self, from: Address) -> Result<(), Refusal> {
        self.open()?.key_of(from).map(|_| ()).ok_or(Refusal::NotHere)
    }

    /// Signs what was shown with this ticket.
    pub fn approve(&mut self, ticket: Ticket) -> Result<Signed, Refusal> {
        let (from, what) = self.waiting.take(ticket)?;
        let key = self.open()?.key_of(from).ok_or(Refusal::NotHere)?;
        let failed = |error: String| Refusal::Cryptography { detail: error };
        match what {
            Signable::Transaction(transaction) => {
                transaction.sign(key).map(Signed::Transaction).map_err(|error| failed(error.to_string()))
            }
            Signable::Message(bytes) => {
                key.sign_message(&bytes).map(Signed::Signature).map_err(|error| failed(error.to_string()))
            }
            Signable::TypedData(data) => {
                data.sign(key).map(Signed::Signature).map_err(|error| failed(error.to_string()))
            }
        }
    }

    pub fn reject(&mut self, ticket: Ticket) -> Result<(), Refusal> {
        self.waiting.take(ticket).map(|_| ())
    }
}
