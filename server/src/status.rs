//! The live figures of hub and chain.

use hub::board::{Board, HubIdentity};
use hub::payment::STUCK_AFTER_MS;
use node::NodeHandle;
use shared::Address;
use shared::api::status::{Health, IndexStatus, NetworkStatus};
use shared::device::DeviceKind;
use shared::job::JobKind;
use shared::model::own_model;
use shared::time::UnixMillis;
use store::Store;

use crate::clock;
use crate::error::ApiError;
use crate::hub::HubHandle;
use crate::stuck::Stuck;

/// Suggestions that the first page shows.
pub(crate) const SUGGESTIONS_SHOWN_MAX: usize = 12;

/// Reads the live figures.
#[derive(Clone)]
pub struct Figures {
    pub(crate) store: Store,
    pub(crate) hub: HubHandle,
    pub(crate) node: NodeHandle,
    pub(crate) stuck: Stuck,
    pub(crate) identity: HubIdentity,
    /// The address of the hub's key.
    pub(crate) attester: Address,
    /// The server made its keys itself.
    pub(crate) dev: bool,
}

impl Figures {
    /// The four live figures of the first page.
    pub async fn network_status(&self) -> Result<NetworkStatus, ApiError> {
        let supply = self.node.token_supply().await?;
        // First the index: between the two reads the head only rises.
        let indexed = self.store.index_position().await?.map(|position| position.height);
        let head = self.node.head()?;
        let jobs_today = self.store.count_jobs_since(hub::quota::midnight(clock::now())).await?;
        let before = UnixMillis(clock::now().0.saturating_sub(STUCK_AFTER_MS));
        let payments = self.store.count_payments(before).await?;
        let board = self.hub.board();
        let catalog = board.catalog();
        // What the operator pinned; no miner changes it.
        let manifest = catalog.pinned().default_of(JobKind::Image).map(|pinned| &pinned.manifest);
        let (suggestions, subjects) =
            manifest.map(|manifest| (manifest.suggestions.clone(), manifest.subjects.clone())).unwrap_or_default();
        Ok(NetworkStatus {
            chain_id: self.identity.chain_id,
            hub_id: self.identity.hub_id.clone(),
            attester: self.attester,
            dev: self.dev,
            supply,
            jobs_today,
            miners_online: u32::try_from(board.miners().count()).unwrap_or(u32::MAX),
            queue_depth: u32::try_from(board.queue_depth()).unwrap_or(u32::MAX),
            payments,
            stuck: self.stuck.latest(),
            head_number: head.number,
            head_timestamp: shared::time::UnixSeconds(head.timestamp),
            index: IndexStatus {
                height: indexed,
                behind: (head.number + 1).saturating_sub(indexed.map_or(0, |height| height + 1)),
            },
            suggestions: suggestions.into_iter().take(SUGGESTIONS_SHOWN_MAX).collect(),
            subjects,
            default_model: default_picture_model(&board),
            default_text_model: catalog.default_model(JobKind::Text),
            default_steps: manifest.map_or(shared::job::image::STEPS_DEFAULT, |manifest| manifest.default_steps),
            default_guidance: manifest
                .map_or(shared::job::image::GUIDANCE_DEFAULT, |manifest| manifest.default_guidance),
            default_fast: manifest.and_then(|manifest| catalog.fast_defaults(&manifest.name)),
        })
    }

    /// Answer of `GET /v1/health`.
    pub fn health(&self) -> Result<Health, ApiError> {
        let head_number = self.node.head()?.number;
        let disk_is_low = self.node.disk_shortage().is_some();
        let board = self.hub.board();
        let miners_online = board.miners().count();
        let speed = |miner: &hub::board::Miner| {
            miner.capability.offers.iter().map(|offer| offer.measured_micro_units_per_second).max()
        };
        let fastest = board.miners().max_by_key(|(_, miner)| speed(miner));
        let device = fastest.and_then(|(_, miner)| {
            let devices = &miner.capability.devices;
            devices.iter().find(|device| device.kind == DeviceKind::Gpu).or_else(|| devices.first())
        });
        Ok(Health {
            status: if miners_online > 0 && !disk_is_low { "ok" } else { "degraded" }.to_owned(),
            disk_is_low,
            gpu: device.map(|device| device.name.clone()),
            model: default_picture_model(&board),
            miners_online: u32::try_from(miners_online).unwrap_or(u32::MAX),
            head_number,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

fn default_picture_model(board: &Board) -> String {
    board.catalog().default_model(JobKind::Image).unwrap_or_else(|| own_model(JobKind::Image).to_owned())
}
