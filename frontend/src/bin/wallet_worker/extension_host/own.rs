//! What the extension's own pages ask: the wallet itself, what waits for its owner, the settings.

use frontend::receiver::{self, Checked};
use frontend::sheet_words;
use frontend::text::wallet as words;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::Address;
use shared::amount::ParseAmountError;
use wallet::call_batches::CallLine;
use wallet::protocol::{Answer, Refusal, Reply, Request, SignKind, Ticket};
use wallet::provider::{AskedFor, ProviderError};
use wallet::session::Signed;
use wallet::sites::{Ask, Origin};

use super::site::refused;
use super::{asks, calls, settings};
use crate::{node, requests, signing, vault};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OwnRequest {
    /// Everything that the wallet's page can ask as well.
    Wallet(Request),
    /// Wallets, node and connected sites.
    Overview,
    /// The chain that the node answers for.
    Chain,
    Balance {
        account: Address,
    },
    SetNode {
        url: String,
    },
    Revoke {
        origin: Origin,
    },
    /// What the owner is asked now.
    Front,
    /// What a transfer of the owner would do.
    Sheet {
        from: Address,
        /// As the owner typed both.
        to: String,
        ait: String,
    },
    Sign {
        ticket: Ticket,
    },
    /// What a site's question would sign.
    Review {
        number: u32,
    },
    Connect {
        number: u32,
        account: Address,
    },
    Approve {
        number: u32,
        ticket: Ticket,
    },
    Refuse {
        number: u32,
    },
}

pub(super) async fn answer(text: &str) -> Value {
    let answered = match serde_json::from_str(text) {
        Ok(request) => serve(request).await,
        Err(_) => Err(Refusal::UnknownRequest),
    };
    match answered {
        Ok(value) => json!({"ok": value}),
        // Pages show the text, and look at the refusal only to know whether to ask for the password.
        Err(refusal) => json!({"error": {"text": words::refusal(&refusal), "refusal": refusal}}),
    }
}

async fn serve(request: OwnRequest) -> Result<Value, Refusal> {
    match request {
        // A sheet is asked for below, where it is told in words, and its origin is known here. Passkeys are of the page's wallet:
        // what one answers travels in no text.
        OwnRequest::Wallet(
            Request::Prepare { .. }
            | Request::Approve { .. }
            | Request::Deliver { .. }
            | Request::BeginPasskey { .. }
            | Request::AddPasskey { .. }
            | Request::UnlockByPasskey { .. },
        ) => Err(Refusal::UnknownRequest),
        OwnRequest::Wallet(request) => ask_wallet(request).await.map(|reply| json!(reply)),
        OwnRequest::Overview => overview().await,
        OwnRequest::Chain => node::chain_id().await.map(|id| json!(id)),
        OwnRequest::Balance { account } => node::balance(account).await.map(|balance| json!(balance.to_string())),
        OwnRequest::SetNode { url } => settings::set_node(&url).await.map(|()| Value::Null),
        OwnRequest::Revoke { origin } => settings::revoke(&origin).await.map(|()| Value::Null),
        OwnRequest::Front => Ok(asks::front().map_or(Value::Null, |ask| shown(&ask))),
        OwnRequest::Sheet { from, to, ait } => {
            let what = transfer(from, &to, &ait)?;
            let sheet = signing::prepare(from, words::SHEET_OWN.to_owned(), what).await?;
            vault::used().await?;
            told(sheet)
        }
        OwnRequest::Sign { ticket } => deliver(signing::sign(ticket).await?, None).await,
        OwnRequest::Review { number } => review(number).await,
        OwnRequest::Connect { number, account } => connect(number, account).await,
        OwnRequest::Approve { number, ticket } => approve(number, ticket).await,
        OwnRequest::Refuse { number } => {
            asks::finish(number, Err(ProviderError::Refused));
            Ok(Value::Null)
        }
    }
}

async fn overview() -> Result<Value, Refusal> {
    let (vault, sites) = (settings::vault_state().await?, settings::sites().await?);
    // Addresses as people compare them: with their checksum.
    let accounts = vault.accounts().map(|(wallet, account)| {
        let name = format!("{} · {}", wallet.name, words::account(account.index));
        json!({"address": account.address.to_string(), "name": name})
    });
    let accounts: Vec<Value> = accounts.collect();
    let sites = sites.iter().map(
        |site| json!({"origin": site.origin, "account": site.account.to_string(), "since_unix_ms": site.since_unix_ms}),
    );
    let sites: Vec<Value> = sites.collect();
    Ok(json!({"vault": vault, "accounts": accounts, "sites": sites, "node": settings::rpc_url().await?}))
}

fn shown(ask: &Ask) -> Value {
    let (from, calls) = match &ask.what {
        AskedFor::Connect => (None, None),
        AskedFor::Sign { from, .. } => (Some(from), None),
        AskedFor::Look { calls } => {
            let told = |line: &CallLine| json!({"hash": line.hash, "state": words::call_state(line.state)});
            (None, Some(calls.iter().map(told).collect::<Vec<Value>>()))
        }
    };
    json!({"number": ask.number, "origin": ask.origin, "from": from, "calls": calls})
}

/// The sheet is of the origin that the browser named when the site asked.
async fn review(number: u32) -> Result<Value, Refusal> {
    let ask = asks::get(number).ok_or(Refusal::UnknownTicket)?;
    let AskedFor::Sign { from, what } = ask.what else { return Err(Refusal::UnknownTicket) };
    let sheet = signing::prepare(from, ask.origin.to_string(), what).await;
    if let Err(refusal) = &sheet
        && *refusal != Refusal::Locked
    {
        // What cannot be shown is not signed; the site is told why.
        asks::finish(number, Err(refused(refusal.clone())));
    }
    told(sheet?)
}

fn transfer(from: Address, to: &str, ait: &str) -> Result<SignKind, Refusal> {
    let unreadable = |detail: &str| Refusal::Unreadable { detail: detail.trim_end_matches('.').to_owned() };
    let amount = ait.trim().parse().map_err(|error: ParseAmountError| unreadable(&error.to_string()))?;
    match receiver::check(to, from) {
        Checked::Is { address, .. } => Ok(SignKind::SendAit { to: address, amount }),
        Checked::Wrong(detail) => Err(unreadable(detail)),
        Checked::Empty => Err(unreadable(words::TO_WRONG)),
    }
}

fn told(reply: Reply) -> Result<Value, Refusal> {
    match reply {
        Reply::Sheet(sheet) => Ok(json!(sheet_words::told(*sheet))),
        _ => Err(Refusal::UnknownTicket),
    }
}

async fn connect(number: u32, account: Address) -> Result<Value, Refusal> {
    let ask = asks::get(number).filter(|ask| ask.what == AskedFor::Connect).ok_or(Refusal::UnknownTicket)?;
    settings::connect(ask.origin, account).await?;
    asks::finish(number, Ok(json!(account)));
    Ok(Value::Null)
}

/// Signs what was shown, for the question that it was shown for.
async fn approve(number: u32, ticket: Ticket) -> Result<Value, Refusal> {
    let ask = asks::get(number).ok_or(Refusal::UnknownTicket)?;
    let AskedFor::Sign { from, .. } = ask.what else { return Err(Refusal::UnknownTicket) };
    if !settings::sites().await?.may_use(&ask.origin, from) {
        return Err(Refusal::NotHere);
    }
    let signed = signing::sign(ticket).await?;
    // Refused while it was signed, it is not sent. Taken, nothing refuses it any more: the site learns what really became of it.
    let taken = asks::take(number).ok_or(Refusal::UnknownTicket)?;
    let site = taken.ask.origin.to_string();
    let answer = deliver(signed, taken.batch().map(|batch| (site.as_str(), batch))).await;
    taken.answer(answer.clone().map_err(refused));
    answer
}

/// Sends what was signed, if it is a transaction. The batch of a site whose call it is learns its hash before.
async fn deliver(signed: Signed, batch: Option<(&str, &str)>) -> Result<Value, Refusal> {
    match signed {
        Signed::Signature(signature) => Ok(json!(signature.to_string())),
        Signed::Transaction(transaction) => {
            if let Some((site, id)) = batch {
                calls::note_signed(site, id, transaction.hash).await?;
            }
            signing::deliver(&transaction).await.map(|hash| json!(hash))
        }
    }
}

/// Asks the wallet and waits for its turn.
async fn ask_wallet(request: Request) -> Answer {
    let (take, answered) = super::later();
    requests::receive(request, take);
    answered.await.unwrap_or(Err(Refusal::UnknownRequest))
}
