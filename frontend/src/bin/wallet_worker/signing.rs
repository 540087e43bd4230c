//! What is asked of the chain before a signature, and what happens after it.

use std::cell::RefCell;

use shared::amount::Amount;
use shared::{Address, B256, U256};
use wallet::escrow::OrderTerms;
use wallet::protocol::{Answer, Refusal, Reply, Sheet, SheetRisk, SignKind, Ticket, What};
use wallet::session::{Signable, Signed};
use wallet::sheet::{self, Place};
use wallet::token::TokenCall;
use wallet::transaction::SignedTransaction;
use wallet::transaction_request::TransactionRequest;

use super::browser::now;
use super::{host, node, vault};

/// Most signed transactions that wait to be sent. A page sends its own at once.
const HELD_MAX: usize = 8;

thread_local! {
    /// The newest first.
    static HELD: RefCell<Vec<SignedTransaction>> = const { RefCell::new(Vec::new()) };
}

/// Shows what would be signed. Nothing is signed. It is no use of the wallet by itself: a site that asks again and again must
/// not keep it from locking.
pub(crate) async fn prepare(from: Address, origin: String, what: SignKind) -> Answer {
    vault::load().await?;
    vault::with_session(|session| session.check_account(from))?;
    let chain_id = node::chain_id().await?;
    let host = host::site_host(&origin);
    let place = Place { account: from, chain_id, host: &host, now: now() };
    let (signable, what, risks) = match what {
        SignKind::SendAit { to, amount } => {
            let input = TokenCall::Transfer { to, amount: U256::from(amount.atto()) }.encode();
            let to = Some(shared::chain::TOKEN_ADDRESS);
            transaction(from, chain_id, TransactionRequest { to, input, ..TransactionRequest::default() }).await?
        }
        SignKind::Transaction { json } => {
            let request = TransactionRequest::parse(&json).map_err(|error| not_signed(error.to_string()))?;
            transaction(from, chain_id, request).await?
        }
        SignKind::Message { text } => {
            let (bytes, what, risks) = sheet::of_message(&text, place)?;
            (Signable::Message(bytes), what, risks)
        }
        SignKind::TypedData { json } => {
            let (data, what, mut risks) = sheet::of_typed_data(&json, place)?;
            if let Some(order) = OrderTerms::of(&data) {
                risks.splice(0..0, sheet::of_order(&order, node::is_attester(order.hub).await?));
            }
            (Signable::TypedData(Box::new(data)), what, risks)
        }
    };
    let ticket = vault::with_session(|session| session.prepare(from, signable))?;
    Ok(Reply::Sheet(Box::new(Sheet { ticket, from, origin, chain_id, what, risks })))
}

async fn transaction(
    from: Address,
    chain_id: u64,
    request: TransactionRequest,
) -> Result<(Signable, What, Vec<SheetRisk>), Refusal> {
    if request.from.is_some_and(|other| other != from) {
        return Err(not_signed("the transaction is of another account".to_owned()));
    }
    if let Some(other) = request.chain_id.filter(|other| *other != chain_id) {
        return Err(not_signed(format!("it is for the chain {other}, this wallet signs for {chain_id}")));
    }
    let transfer = sheet::transfer(request.to, request.value, &request.input);
    let after = match transfer {
        Some((to, amount)) => Some(after(from, to, amount).await?),
        None => None,
    };
    let gas_limit = node::gas_limit(from, request.to, request.value, &request.input).await?;
    let (nonce, fees) = (node::next_nonce(from).await?, node::fees().await?);
    let transaction = request.complete(chain_id, nonce, gas_limit, fees);
    let (what, risks) = match transfer.zip(after) {
        Some(((to, amount), after)) => {
            sheet::of_transfer(&transaction, to, amount, after, node::is_contract(to).await?)
        }
        None => sheet::of_call(&transaction, chain_id),
    };
    Ok((Signable::Transaction(transaction), what, risks))
}

/// What both have after the transfer, or why it is not sent.
async fn after(from: Address, to: Address, amount: Amount) -> Result<(Amount, Amount), Refusal> {
    let (have, has) = (node::balance(from).await?, node::balance(to).await?);
    sheet::balances_after((from, have), (to, has), amount)
}

/// Signs what was shown. Nothing is sent, and nothing else runs between the signature and who takes it.
pub(crate) async fn sign(ticket: Ticket) -> Result<Signed, Refusal> {
    vault::load().await?;
    vault::used().await?;
    vault::with_session(|session| session.approve(ticket))
}

/// Signs what was shown, and holds a transaction until it is to be sent.
pub(crate) async fn approve(ticket: Ticket) -> Answer {
    match sign(ticket).await? {
        Signed::Signature(signature) => Ok(Reply::Signed { signature: signature.to_string() }),
        Signed::Transaction(transaction) => {
            let hash = transaction.hash;
            HELD.with_borrow_mut(|held| {
                held.truncate(HELD_MAX - 1);
                held.insert(0, transaction);
            });
            Ok(Reply::Ready { hash })
        }
    }
}

/// Sends a transaction that was held. It is held no longer.
pub(crate) async fn deliver_held(hash: B256) -> Answer {
    let found = HELD.with_borrow_mut(|held| {
        let at = held.iter().position(|transaction| transaction.hash == hash)?;
        Some(held.remove(at))
    });
    deliver(&found.ok_or(Refusal::UnknownTicket)?).await.map(|hash| Reply::Sent { hash })
}

/// Sends the transaction. After an error the node is asked whether it has it, so that nobody pays twice.
pub(crate) async fn deliver(signed: &SignedTransaction) -> Result<B256, Refusal> {
    let Err(detail) = node::send(&signed.raw).await else { return Ok(signed.hash) };
    match node::knows(signed.hash).await {
        Ok(true) => Ok(signed.hash),
        Ok(false) => Err(Refusal::Node { detail }),
        Err(_) => Err(Refusal::SendUnclear { hash: signed.hash, detail }),
    }
}

fn not_signed(detail: String) -> Refusal {
    Refusal::NotSigned { detail }
}
