//! What operators see.

use shared::Address;
use shared::api::admin::{
    AdminHealth, AdminJob, AdminJobFilter, AdminKey, AdminLimits, ChainHealth, ClientClass, DiskHealth, OperatorChange,
};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::field_error::FieldError;
use shared::id::ApiKeyId;
use store::StoreError;
use store::record::{ApiKeyRecord, JobRecord};

use super::Admin;
use crate::disk;
use crate::error::ApiError;
use crate::view::{keyset, miner_view, page};

/// Hexadecimal digits of an address.
const ADDRESS_DIGITS: usize = 40;

impl Admin {
    /// How the hub is.
    pub(crate) async fn health(&self) -> Result<AdminHealth, ApiError> {
        let (store, node) = (&self.views.store, &self.figures.node);
        let indexed = store.index_position().await?.map(|position| position.height);
        let head = node.head()?;
        let paused = store.list_paused_miners().await?.len();
        let queue = store.queue_states().await?;
        let outbox = store.waiting_transactions().await?;
        let (audits, database) = (store.waiting_audits().await?, store.database_health().await?);
        let disk = self.disk().await;
        let board = self.views.hub.board();
        Ok(AdminHealth {
            queue,
            waiting_tasks: board.queue_depth() as u64,
            miners_online: u32::try_from(board.miners().count()).unwrap_or(u32::MAX),
            miners_paused: u32::try_from(paused).unwrap_or(u32::MAX),
            stuck: self.figures.stuck.latest(),
            outbox,
            audits,
            disk,
            database,
            chain: ChainHealth {
                chain_id: node.chain_id(),
                head_number: head.number,
                head_timestamp: shared::time::UnixSeconds(head.timestamp),
                index_behind: (head.number + 1).saturating_sub(indexed.map_or(0, |height| height + 1)),
                fault: node.why_no_blocks()?,
            },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hub_id: self.figures.identity.hub_id.clone(),
            started_at_unix_ms: self.started_at,
        })
    }

    async fn disk(&self) -> DiskHealth {
        let data = self.data.clone();
        // A file system on another machine may take its time.
        let looked = tokio::task::spawn_blocking(move || disk::free_bytes(&data)).await;
        DiskHealth {
            free_bytes: looked.ok().and_then(Result::ok),
            floor_bytes: self.disk_floor_bytes,
            is_low: self.figures.node.disk_shortage().is_some(),
        }
    }

    /// Newest first.
    pub(crate) async fn jobs(
        &self,
        filter: &AdminJobFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<AdminJob>, ApiError> {
        let rows = self.views.store.list_jobs_for_operator(filter, keyset(cursor, limit)?).await?;
        Ok(page(rows, limit, |row| row.seq).map(admin_job))
    }

    /// As everybody sees them: connected ones first.
    pub(crate) async fn miners(&self, cursor: Option<&str>, limit: u32) -> Result<Page<MinerView>, ApiError> {
        self.views.list_miners(cursor, limit).await
    }

    /// Those that are paused, by address, after one where it is named.
    pub(crate) async fn paused_miners(&self, cursor: Option<&str>, limit: u32) -> Result<Page<MinerView>, ApiError> {
        let after = cursor.map(str::parse::<Address>).transpose().map_err(|_| bad_cursor())?;
        let paused = self.views.store.list_paused_miners().await?;
        let mut addresses: Vec<Address> = paused.into_iter().map(|(address, _)| address).collect();
        addresses.sort_unstable();
        addresses.retain(|address| after.is_none_or(|after| *address > after));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = addresses.len() > limit;
        addresses.truncate(limit);
        let records = self.views.store.find_miners(&addresses).await?;
        let board = self.views.hub.board();
        let next_cursor = addresses.last().filter(|_| is_more).map(Address::to_string);
        Ok(Page { items: records.into_iter().map(|record| miner_view(&board, record)).collect(), next_cursor })
    }

    pub(crate) async fn miner(&self, address: Address) -> Result<MinerView, ApiError> {
        self.views.find_miner(address).await?.ok_or_else(|| ApiError::not_found("miner", address))
    }

    /// Keys whose owner's address begins with `owner`, in the order of their names.
    pub(crate) async fn keys(
        &self,
        owner: Option<&str>,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<AdminKey>, ApiError> {
        let owner = owner.map(address_prefix).transpose()?.unwrap_or_default();
        let after = cursor.map(str::parse::<ApiKeyId>).transpose().map_err(|_| bad_cursor())?;
        let mut rows = self.views.store.list_keys_by_owner(&owner, after, u64::from(limit) + 1).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| is_more).map(|key| key.view.id.to_string());
        Ok(Page { items: rows.into_iter().map(admin_key).collect(), next_cursor })
    }

    pub(crate) async fn key(&self, id: ApiKeyId) -> Result<Option<AdminKey>, StoreError> {
        Ok(self.views.store.find_key(id).await?.map(admin_key))
    }

    /// What the server was started with.
    pub(crate) fn limits(&self) -> AdminLimits {
        self.limits.clone()
    }

    /// What operators did, newest first.
    pub(crate) async fn changes(&self, cursor: Option<&str>, limit: u32) -> Result<Page<OperatorChange>, ApiError> {
        let rows = self.views.store.list_operator_changes(keyset(cursor, limit)?).await?;
        Ok(page(rows, limit, |(seq, _)| *seq).map(|(_, change)| change))
    }
}

fn admin_job(record: JobRecord) -> AdminJob {
    let class = match (&record.payment, record.sponsored) {
        (Some(_), _) => ClientClass::Paying,
        (None, true) => ClientClass::Visitor,
        (None, false) => ClientClass::Account,
    };
    AdminJob {
        id: record.id,
        state: record.state,
        class,
        kind: record.job.work.kind(),
        miner: record.miner(),
        client: record.client,
        created_at_unix_ms: record.created_at,
        deadline_unix_ms: record.deadline,
        finished_at_unix_ms: record.finished_at,
        faults: u32::try_from(record.faults().count()).unwrap_or(u32::MAX),
        last_fault: record.faults().last().map(|fault| fault.reason.clone()),
        model: record.job.model,
    }
}

fn admin_key(record: ApiKeyRecord) -> AdminKey {
    let ApiKeyRecord { view, images_per_minute, mint_per_day, by_wallet } = record;
    AdminKey { key: view, by_wallet, images_per_minute, mint_per_day }
}

fn bad_cursor() -> ApiError {
    let detail = "`cursor` is `next_cursor` of the page before";
    ApiError::Invalid(vec![FieldError::new("cursor", detail)])
}

/// The beginning of an address in lower case.
fn address_prefix(text: &str) -> Result<String, ApiError> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.strip_prefix("0x").unwrap_or(&lower);
    if digits.len() <= ADDRESS_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(format!("0x{digits}"));
    }
    let bound = format!("0x and up to {ADDRESS_DIGITS} hexadecimal digits");
    let given: String = text.chars().take(ADDRESS_DIGITS).collect();
    Err(ApiError::OutOfBounds(vec![FieldError::bound("owner", bound, given)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_an_address_holds_no_sign_that_a_database_reads() {
        assert_eq!(address_prefix("0xAB").unwrap(), "0xab");
        assert_eq!(address_prefix("ab").unwrap(), "0xab");
        assert_eq!(address_prefix("").unwrap(), "0x");
        for refused in ["%", "0x%", "0x_", "0xg", &"a".repeat(ADDRESS_DIGITS + 1)] {
            assert!(address_prefix(refused).is_err(), "{refused}");
        }
    }
}
