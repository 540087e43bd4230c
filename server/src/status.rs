//! The live figures of hub and chain.

use hub::board::{Board, HubIdentity};
use node::NodeHandle;
use shared::Address;
use shared::api::status::{Health, NetworkStatus};
use shared::device::DeviceKind;
use shared::job::JobKind;
use shared::model::own_model;
use store::Store;

use crate::clock;
use crate::error::ApiError;
use crate::hub::HubHandle;

/// Suggestions that the first page shows.
const SUGGESTIONS_MAX: usize = 12;

/// Reads the live figures.
#[derive(Clone)]
pub struct Figures {
    pub(crate) store: Store,
    pub(crate) hub: HubHandle,
    pub(crate) node: NodeHandle,
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
        let head = self.node.head()?;
        let jobs_today = self.store.count_jobs_since(hub::quota::midnight(clock::now())).await?;
        let board = self.hub.board();
        let offer = board.catalog().default_offer(JobKind::Image);
        let (suggestions, subjects) =
            offer.map(|offer| (offer.suggestions.clone(), offer.subjects.clone())).unwrap_or_default();
        Ok(NetworkStatus {
            chain_id: self.identity.chain_id,
            hub_id: self.identity.hub_id.clone(),
            attester: self.attester,
            dev: self.dev,
            supply,
            jobs_today,
            miners_online: u32::try_from(board.miners().count()).unwrap_or(u32::MAX),
            queue_depth: u32::try_from(board.queue_depth()).unwrap_or(u32::MAX),
            head_number: head.number,
            head_timestamp: shared::time::UnixSeconds(head.timestamp),
            suggestions: suggestions.into_iter().take(SUGGESTIONS_MAX).collect(),
            subjects,
            default_model: default_picture_model(&board),
            default_text_model: board.catalog().default_model(JobKind::Text),
            default_steps: offer.map_or(shared::job::image::STEPS_DEFAULT, |offer| offer.default_steps),
            default_guidance: offer.map_or(shared::job::image::GUIDANCE_DEFAULT, |offer| offer.default_guidance),
            default_fast: offer.and_then(|offer| board.catalog().fast_defaults(&offer.model)),
        })
    }

    /// Answer of `GET /v1/health`.
    pub fn health(&self) -> Result<Health, ApiError> {
        let head_number = self.node.head()?.number;
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
            status: if miners_online > 0 { "ok" } else { "degraded" }.to_owned(),
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
