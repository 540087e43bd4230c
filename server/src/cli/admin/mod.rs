//! `aitbc admin …`: what an operator of a hub sees and changes, over the API and within a session of the operator's own.

mod session;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::amount::Amount;
use shared::api::admin::{
    AdminHealth, AdminJob, AdminJobFilter, AdminKey, AdminLimits, Amnesty, ClientClass, KeyLimits, OperatorChange,
    OperatorReason, RevokedKey, StruckFaults,
};
use shared::api::miners::MinerView;
use shared::api::page::{LIMIT_DEFAULT, LIMIT_MAX, Page};
use shared::api::reviews::ReviewView;
use shared::id::{ApiKeyId, JobId};
use shared::job::lifecycle::JobState;
use shared::time::UnixSeconds;
use shared::{Address, B256};

use self::session::Access;
use super::client::print_json;
use super::table;

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Says how the hub is: queue, what is stuck, transactions, audits, disk, database, chain
    Health(Look),
    /// Lists jobs of the hub, newest first
    Jobs(Jobs),
    /// Lists miners with their faults and held earnings
    Miners(Miners),
    /// Gives a miner nothing new; what it has goes on. The reason is public
    Pause(Act),
    /// Lets a paused miner get work again. The reason is public
    Resume(Act),
    /// Declares that the platform was at fault for a while: faults of that time count against nobody any more. The reason
    /// is public
    Amnesty(DeclareAmnesty),
    /// Hides the text of a review, or shows it again; its stars count as before
    #[command(subcommand)]
    Reviews(Reviews),
    /// Finds and revokes API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Lists the limits that the server was started with
    Limits(Look),
    /// Lists what operators did, newest first
    Log(Log),
}

#[derive(Debug, Args)]
pub(super) struct Look {
    #[command(flatten)]
    access: Access,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// A page of a list.
#[derive(Debug, Args)]
struct Rows {
    /// How many rows
    #[arg(long, value_name = "NUMBER", default_value_t = LIMIT_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,
    /// Where to go on: as the page before said
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Jobs {
    /// Name of one job: job_ and 32 hex digits
    #[arg(long)]
    id: Option<JobId>,
    /// State, as QUEUED or RUNNING
    #[arg(long)]
    state: Option<JobState>,
    /// Who asked for it
    #[arg(long, value_enum)]
    class: Option<Class>,
    /// Account of the client
    #[arg(long)]
    client: Option<Address>,
    /// Who works on it, served or audited it
    #[arg(long)]
    miner: Option<Address>,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Class {
    /// Somebody without an account
    Visitor,
    /// A wallet or an API key
    Account,
    /// A client that pays
    Paying,
}

impl From<Class> for ClientClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Visitor => Self::Visitor,
            Class::Account => Self::Account,
            Class::Paying => Self::Paying,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Miners {
    /// Those that are paused alone
    #[arg(long)]
    paused: bool,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
pub(super) struct Act {
    /// Address of the miner
    miner: Address,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
pub(super) struct DeclareAmnesty {
    /// The first second of the span, in Unix seconds
    #[arg(long, value_name = "UNIX_SECONDS")]
    from: u64,
    /// The last second of the span, in Unix seconds: seven days after the first at most, and not ahead
    #[arg(long, value_name = "UNIX_SECONDS")]
    to: u64,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Subcommand)]
pub(super) enum Reviews {
    /// Hides the text of a review. The reason is public
    Hide(MoveReview),
    /// Shows a text again that was hidden. The reason is public
    Show(MoveReview),
}

#[derive(Debug, Args)]
pub(super) struct MoveReview {
    /// Hash of the receipt that was reviewed
    receipt: B256,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
struct Why {
    /// Why, in one line of up to 200 characters
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Lists keys by their names
    List(ListKeys),
    /// Gives a key of `aitbc keys api create` other limits; the server's where none is named
    Limit(LimitKey),
    /// Makes a key void, whether an operator or its wallet made it
    Revoke(RevokeKey),
}

#[derive(Debug, Args)]
pub(super) struct ListKeys {
    /// How the owner's address begins
    #[arg(long, value_name = "PREFIX")]
    owner: Option<String>,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
pub(super) struct LimitKey {
    /// Name of the key: key_ and 32 hex digits
    id: ApiKeyId,
    /// Pictures per minute
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    images_per_minute: Option<u32>,
    /// AIT that its jobs may mint per day
    #[arg(long)]
    mint_per_day: Option<Amount>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
pub(super) struct RevokeKey {
    /// Name of the key: key_ and 32 hex digits
    id: ApiKeyId,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    look: Look,
}

#[derive(Debug, Args)]
pub(super) struct Log {
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    look: Look,
}

pub(super) fn run(admin: &Admin) -> Result<()> {
    match admin {
        Admin::Health(look) => health(look),
        Admin::Jobs(jobs) => list_jobs(jobs),
        Admin::Miners(miners) => list_miners(miners),
        Admin::Pause(act) => move_miner(act, "pause"),
        Admin::Resume(act) => move_miner(act, "resume"),
        Admin::Amnesty(amnesty) => declare_amnesty(amnesty),
        Admin::Reviews(Reviews::Hide(review)) => move_review(review, "hide"),
        Admin::Reviews(Reviews::Show(review)) => move_review(review, "show"),
        Admin::Keys(Keys::List(list)) => list_keys(list),
        Admin::Keys(Keys::Limit(limit)) => limit_key(limit),
        Admin::Keys(Keys::Revoke(revoke)) => revoke_key(revoke),
        Admin::Limits(look) => limits(look),
        Admin::Log(log) => list_changes(log),
    }
}

fn health(look: &Look) -> Result<()> {
    let health: AdminHealth = look.access.within(|session| session.get("/v1/admin/health"))?;
    if look.json {
        return print_json(&health);
    }
    table::print(["WHAT", "HOW IT IS"], &health_rows(&health));
    Ok(())
}

fn health_rows(health: &AdminHealth) -> Vec<[String; 2]> {
    let row = |name: &str, value: String| [name.to_owned(), value];
    let mut rows = vec![row("hub", format!("{}, version {}", health.hub_id, health.version))];
    rows.push(row("running since", health.started_at_unix_ms.rfc3339()));
    rows.extend(health.queue.iter().map(|of| {
        let oldest = of.oldest_unix_ms.map(|at| format!(", the oldest of {}", at.rfc3339())).unwrap_or_default();
        row(&format!("jobs {}", of.state), format!("{}{oldest}", of.jobs))
    }));
    rows.push(row("tasks that wait", health.waiting_tasks.to_string()));
    rows.push(row("miners", format!("{} connected, {} paused", health.miners_online, health.miners_paused)));
    rows.extend(health.stuck.counts.iter().filter(|count| count.count > 0).map(|count| {
        let at_least = if count.is_more { "at least " } else { "" };
        row("stuck", format!("{at_least}{} {}; look with {}", count.count, count.kind.as_str(), count.ask))
    }));
    if health.stuck.total == 0 {
        rows.push(row("stuck", "nothing".to_owned()));
    }
    rows.push(row("transactions on their way", health.outbox.waiting.to_string()));
    rows.extend(health.outbox.transactions.iter().map(|sent| {
        let error = sent.last_error.as_ref().map(|error| format!(", last error: {error}")).unwrap_or_default();
        let (purpose, hash, attempts) = (&sent.purpose, sent.transaction_hash, sent.attempts);
        row("", format!("{purpose} {hash}, nonce {}, {attempts} attempts{error}", sent.nonce))
    }));
    rows.push(row("audits that wait", format!("{} open, {} disputed", health.audits.open, health.audits.disputed)));
    let free = health.disk.free_bytes.map_or("unknown".to_owned(), |free| format!("{} MiB free", free >> 20));
    let low = if health.disk.is_low { ", below its floor: only mints are taken" } else { "" };
    rows.push(row("disk", format!("{free}{low}")));
    rows.push(row("database", format!("{}, {} MiB", health.database.kind, health.database.size_bytes >> 20)));
    let chain = &health.chain;
    let fault = chain.fault.as_ref().map(|fault| format!(", makes no blocks: {fault}")).unwrap_or_default();
    let behind = chain.index_behind;
    rows.push(row("chain", format!("{}, block {}, index {behind} behind{fault}", chain.chain_id, chain.head_number)));
    rows
}

/// Asks for a page of a list, and prints it.
fn list<T: DeserializeOwned + Serialize, const N: usize>(
    look: &Look,
    path: &str,
    rows: &Rows,
    headings: [&str; N],
    row: impl Fn(T) -> [String; N],
) -> Result<()> {
    let mark = if path.contains('?') { '&' } else { '?' };
    let from = rows.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let path = format!("{path}{mark}limit={}{from}", rows.limit);
    let page: Page<T> = look.access.within(|session| session.get(&path))?;
    if look.json {
        return print_json(&page);
    }
    let printed: Vec<[String; N]> = page.items.into_iter().map(row).collect();
    table::print(headings, &printed);
    if let Some(cursor) = page.next_cursor {
        eprintln!("more: --cursor {cursor}");
    }
    Ok(())
}

fn list_jobs(jobs: &Jobs) -> Result<()> {
    let Jobs { id, state, class, client, miner, .. } = *jobs;
    let filter = AdminJobFilter { id, state, class: class.map(ClientClass::from), client, miner };
    let filters: Vec<String> = filter.parts().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let path = format!("/v1/admin/jobs?{}", filters.join("&"));
    let headings = ["JOB", "STATE", "CLASS", "MODEL", "MINER", "ASKED", "FAULTS", "LAST FAULT"];
    list(&jobs.look, path.trim_end_matches('?'), &jobs.rows, headings, |job: AdminJob| {
        [
            job.id.to_string(),
            job.state.to_string(),
            job.class.as_str().to_owned(),
            job.model,
            job.miner.map(|miner| miner.to_string()).unwrap_or_default(),
            job.created_at_unix_ms.rfc3339(),
            job.faults.to_string(),
            job.last_fault.unwrap_or_default(),
        ]
    })
}

fn list_miners(miners: &Miners) -> Result<()> {
    let path = if miners.paused { "/v1/admin/miners?paused=true" } else { "/v1/admin/miners" };
    let headings = ["MINER", "STATE", "RUNNING", "JOBS", "FAULTS", "EARNED", "HELD", "PAUSED"];
    list(&miners.look, path, &miners.rows, headings, |miner: MinerView| {
        [
            miner.address.to_string(),
            if miner.online { "online" } else { "offline" }.to_owned(),
            miner.jobs_running.to_string(),
            miner.jobs_completed.to_string(),
            miner.faults.to_string(),
            format!("{} AIT", miner.earned),
            format!("{} AIT", miner.held),
            miner.paused.map(|pause| pause.reason).unwrap_or_default(),
        ]
    })
}

fn move_miner(Act { miner, why, look }: &Act, way: &str) -> Result<()> {
    let body = OperatorReason { reason: why.reason.clone() };
    let path = format!("/v1/admin/miners/{miner}/{way}");
    let view: MinerView = look.access.within(|session| session.post(&path, &body))?;
    if look.json {
        return print_json(&view);
    }
    match view.paused {
        Some(pause) => println!("{miner} gets nothing new: {}", pause.reason),
        None => println!("{miner} gets work again"),
    }
    Ok(())
}

fn declare_amnesty(DeclareAmnesty { from, to, why, look }: &DeclareAmnesty) -> Result<()> {
    let body = Amnesty { from_unix_s: UnixSeconds(*from), to_unix_s: UnixSeconds(*to), reason: why.reason.clone() };
    let struck: StruckFaults = look.access.within(|session| session.post("/v1/admin/amnesties", &body))?;
    if look.json {
        return print_json(&struck);
    }
    println!("{} faults of {} miners do not count any more", struck.faults, struck.miners);
    Ok(())
}

fn move_review(MoveReview { receipt, why, look }: &MoveReview, way: &str) -> Result<()> {
    let body = OperatorReason { reason: why.reason.clone() };
    let path = format!("/v1/admin/reviews/{receipt}/{way}");
    let view: ReviewView = look.access.within(|session| session.post(&path, &body))?;
    if look.json {
        return print_json(&view);
    }
    match view.hidden_reason {
        Some(reason) => println!("the text of the review of {receipt} is hidden: {reason}"),
        None => println!("the text of the review of {receipt} is shown"),
    }
    Ok(())
}

fn list_keys(keys: &ListKeys) -> Result<()> {
    let path = match &keys.owner {
        Some(owner) if !owner.is_empty() && owner.bytes().all(|letter| letter.is_ascii_alphanumeric()) => {
            format!("/v1/admin/keys?owner={owner}")
        }
        Some(owner) => anyhow::bail!("--owner {owner}: an address begins with 0x and hexadecimal digits"),
        None => "/v1/admin/keys".to_owned(),
    };
    list(&keys.look, &path, &keys.rows, ["KEY", "OWNER", "SCOPE", "MADE BY", "STATE", "LABEL"], |row: AdminKey| {
        [
            row.key.id.to_string(),
            row.key.address.to_string(),
            format!("{:?}", row.key.scope).to_lowercase(),
            if row.by_wallet { "its wallet" } else { "an operator" }.to_owned(),
            if row.key.revoked_at_unix_ms.is_some() { "revoked" } else { "valid" }.to_owned(),
            row.key.label,
        ]
    })
}

fn limit_key(LimitKey { id, images_per_minute, mint_per_day, why, look }: &LimitKey) -> Result<()> {
    let (images_per_minute, mint_per_day) = (*images_per_minute, *mint_per_day);
    let body = KeyLimits { images_per_minute, mint_per_day, reason: why.reason.clone() };
    let path = format!("/v1/admin/keys/{id}/limits");
    let key: AdminKey = look.access.within(|session| session.post(&path, &body))?;
    if look.json {
        return print_json(&key);
    }
    let of_server = || "as the server's".to_owned();
    let pictures = key.images_per_minute.map_or_else(of_server, |limit| limit.to_string());
    let mints = key.mint_per_day.map_or_else(of_server, |limit| format!("{limit} AIT"));
    println!("{id}: pictures a minute {pictures}, mints a day {mints}");
    Ok(())
}

fn revoke_key(RevokeKey { id, why, look }: &RevokeKey) -> Result<()> {
    let body = OperatorReason { reason: why.reason.clone() };
    let path = format!("/v1/admin/keys/{id}/revoke");
    let answer: RevokedKey = look.access.within(|session| session.post(&path, &body))?;
    if look.json {
        return print_json(&answer);
    }
    println!("{} is void from now on", answer.revoked);
    Ok(())
}

fn limits(look: &Look) -> Result<()> {
    let AdminLimits { limits } = look.access.within(|session| session.get("/v1/admin/limits"))?;
    if look.json {
        return print_json(&limits);
    }
    let rows: Vec<[String; 3]> = limits.into_iter().map(|limit| [limit.flag, limit.value, limit.meaning]).collect();
    table::print(["FLAG", "VALUE", "WHAT IT LIMITS"], &rows);
    Ok(())
}

fn list_changes(log: &Log) -> Result<()> {
    let headings = ["WHEN", "OPERATOR", "WHAT", "OF", "WHY", "BEFORE", "AFTER"];
    list(&log.look, "/v1/admin/changes", &log.rows, headings, |change: OperatorChange| {
        [
            change.at_unix_ms.rfc3339(),
            change.operator.to_string(),
            change.action.as_str().to_owned(),
            change.subject,
            change.reason,
            change.before,
            change.after,
        ]
    })
}
