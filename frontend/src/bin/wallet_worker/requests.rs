//! Which part of the worker answers which request.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use shared::B256;
use shared::receipt::SignedReceipt;
use wallet::protocol::{Answer, Check, CheckName, Refusal, Reply, Request};
use wallet::rand_core::OsRng;
use wallet::{qr_code, receipt_check};

use super::browser::now;
use super::{activity, node, signing, vault};

/// Who takes an answer.
type OnAnswer = Box<dyn FnOnce(Answer)>;

thread_local! {
    /// What changes the wallets is done one after the other, so that a lock is never overtaken by what came before it.
    static QUEUE: RefCell<VecDeque<(Request, OnAnswer)>> = const { RefCell::new(VecDeque::new()) };
    static IS_BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Answers `request`, at once or when it is its turn.
pub(crate) fn receive(request: Request, on_answer: impl FnOnce(Answer) + 'static) {
    vault::expire();
    if !waits_for_its_turn(&request) {
        wasm_bindgen_futures::spawn_local(async move { on_answer(reply(request).await) });
        return;
    }
    QUEUE.with_borrow_mut(|queue| queue.push_back((request, Box::new(on_answer))));
    if !IS_BUSY.replace(true) {
        wasm_bindgen_futures::spawn_local(async {
            while let Some((request, on_answer)) = QUEUE.with_borrow_mut(VecDeque::pop_front) {
                on_answer(reply(request).await);
            }
            IS_BUSY.set(false);
        });
    }
}

/// What asks the network does not, or a slow node would hold up the lock.
const fn waits_for_its_turn(request: &Request) -> bool {
    !matches!(
        request,
        Request::Prepare { .. }
            | Request::Approve { .. }
            | Request::Deliver { .. }
            | Request::Outcome { .. }
            | Request::Activity { .. }
            | Request::QrCode { .. }
            | Request::CheckReceipt { .. }
    )
}

async fn reply(request: Request) -> Answer {
    match request {
        Request::State => vault::state().await,
        Request::Create { name, long, password } => {
            let loaded = vault::load().await?;
            vault::with_session(|session| {
                session.create(loaded.vault(), &name, long, password.as_ref(), &mut OsRng).map(Reply::Words)
            })
        }
        Request::Confirm { words } => {
            vault::change(|session, stored| session.confirm(stored, &words, &mut OsRng)?.ok_or(Refusal::NothingWaits))
                .await
        }
        Request::Import { name, source, password } => {
            vault::change(|session, stored| session.import(stored, &name, &source, password.as_ref(), &mut OsRng)).await
        }
        Request::Unlock { password } => vault::unlock(|session, stored| session.unlock(stored, &password)).await,
        Request::UnlockByPasskey { credential_id, output } => {
            let output = output.ok_or(Refusal::UnknownRequest)?;
            vault::unlock(|session, stored| session.unlock_by_passkey(stored, &credential_id, &output)).await
        }
        Request::Lock => vault::lock().await,
        Request::AddAccount { wallet } => vault::change(|session, _| session.add_account(wallet, &mut OsRng)).await,
        Request::Rename { wallet, name } => vault::change(|session, _| session.rename(wallet, &name, &mut OsRng)).await,
        Request::Remove { wallet, password } => {
            vault::change(|session, _| session.remove(wallet, &password, &mut OsRng)).await
        }
        Request::Forget { revision } => vault::forget(revision).await,
        Request::ChangePassword { old, new } => {
            vault::change(|session, _| session.change_password(&old, &new, &mut OsRng)).await
        }
        Request::SetAutoLock { minutes } => {
            vault::change(|session, _| session.set_auto_lock(minutes, &mut OsRng)).await
        }
        Request::BeginPasskey { password } => {
            vault::load().await?;
            vault::used().await?;
            vault::with_session(|session| session.begin_passkey(&password, &mut OsRng))
                .map(|salt| Reply::PasskeyBegun { salt })
        }
        Request::AddPasskey { credential_id, output } => {
            let output = output.ok_or(Refusal::UnknownRequest)?;
            vault::change(|session, _| session.add_passkey(&credential_id, &output, now(), &mut OsRng)).await
        }
        Request::RemovePasskey { credential_id, password } => {
            vault::change(|session, _| session.remove_passkey(&credential_id, &password, &mut OsRng)).await
        }
        Request::Export { wallet, form, password } => {
            vault::load().await?;
            vault::used().await?;
            vault::with_session(|session| session.export(wallet, form, &password, &mut OsRng))
                .map(|secret| Reply::Exported { secret })
        }
        Request::Prepare { from, origin, what } => {
            let sheet = signing::prepare(from, origin, what).await?;
            vault::used().await?;
            Ok(sheet)
        }
        Request::Approve { ticket } => signing::approve(ticket).await,
        Request::Deliver { hash } => signing::deliver_held(hash).await,
        Request::Reject { ticket } => vault::with_session(|session| session.reject(ticket)).map(|()| Reply::Rejected),
        Request::Outcome { hash } => node::outcome(hash).await.map(Reply::Outcome),
        Request::Activity { account } => {
            activity::transfers(account).await.map(|transfers| Reply::Activity { transfers })
        }
        Request::QrCode { text } => match qr_code::of(&text) {
            Ok(code) => Ok(Reply::QrCode(code)),
            Err(error) => Err(Refusal::Unreadable { detail: error.to_string() }),
        },
        Request::CheckReceipt { receipt_json, transaction_hash } => match serde_json::from_str(&receipt_json) {
            Ok(receipt) => Ok(Reply::ReceiptChecked { checks: check(&receipt, transaction_hash).await }),
            Err(error) => Err(Refusal::NotAReceipt { detail: error.to_string() }),
        },
    }
}

async fn check(signed: &SignedReceipt, transaction_hash: Option<B256>) -> Vec<Check> {
    let mut checks = receipt_check::check(signed);
    // The minter's register of used receipts is the escrow's too.
    let contract = signed.receipt.contract;
    let register = if contract == shared::chain::ESCROW_ADDRESS { shared::chain::MINTER_ADDRESS } else { contract };
    let has_used = match signed.receipt.struct_hash() {
        Ok(struct_hash) => node::has_used(register, struct_hash).await,
        Err(error) => Err(error.to_string()),
    };
    let (holds, detail) = match has_used {
        // A contract that anybody made says of itself what it likes.
        _ if !receipt_check::is_known_contract(contract) => (Some(false), contract.to_string()),
        Ok(true) => (Some(true), contract.to_string()),
        Ok(false) => (None, contract.to_string()),
        Err(detail) => (Some(false), detail),
    };
    checks.push(Check { name: CheckName::Minted, holds, detail });
    if let Some(transaction_hash) = transaction_hash {
        checks.extend(match node::receipt_proof(transaction_hash).await {
            Ok(Some(proof)) => receipt_check::check_proof(signed, &proof),
            // A block that is being made has none yet.
            Ok(None) => vec![Check { name: CheckName::Final, holds: None, detail: transaction_hash.to_string() }],
            Err(detail) => vec![Check { name: CheckName::Final, holds: Some(false), detail }],
        });
    }
    checks
}
