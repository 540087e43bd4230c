//! Bounties for models, read from the chain's contract, with the names under which their models are known here.

use contracts::ModelBounty::{self, ClaimState};
use node::{BOUNTIES_AT_ONCE_MAX, NodeHandle, NumberedBounty};
use shared::amount::Amount;
use shared::api::bounties::{
    BOUNTIES_WITH_DEMAND_MAX, BountyClaimState, BountyClaimView, BountyDetail, BountyState, BountyView,
    CLAIMS_LISTED_MAX, DemandView,
};
use shared::api::page::Page;
use shared::digest::Sha256Digest;
use shared::field_error::FieldError;
use shared::time::{UnixMillis, UnixSeconds};

use crate::demand::Demand;
use crate::error::ApiError;
use crate::marketplace::MarketplaceFigures;

/// Bounties that one question looks at: a page of a state that few have may be short, and says where it went on.
const LOOKED_AT_MAX: u64 = 5 * BOUNTIES_AT_ONCE_MAX;

/// Reads the contract.
#[derive(Clone)]
pub struct Bounties {
    pub(crate) node: NodeHandle,
    pub(crate) marketplace: MarketplaceFigures,
    pub(crate) demand: Demand,
}

/// Which bounties are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BountyFilter {
    pub(crate) state: Option<BountyState>,
    pub(crate) model: Option<Sha256Digest>,
}

impl Bounties {
    /// Newest first.
    ///
    /// # Errors
    /// A cursor that no page named.
    pub(crate) async fn list(
        &self,
        filter: BountyFilter,
        cursor: Option<&str>,
        limit: u32,
        now: UnixMillis,
    ) -> Result<Page<BountyView>, ApiError> {
        let mut before = cursor.map(read_cursor).transpose()?;
        let (mut fitting, mut looked_at) = (Vec::new(), 0);
        let fits = |numbered: &NumberedBounty| filter.state.is_none_or(|state| state == state_of(numbered, now));
        while fitting.len() < limit as usize && looked_at < LOOKED_AT_MAX {
            let found = self.look(filter.model, before).await?;
            let is_end = (found.len() as u64) < BOUNTIES_AT_ONCE_MAX;
            looked_at += found.len() as u64;
            let last = found.last().map(|numbered| numbered.id);
            fitting.extend(found.into_iter().filter(fits));
            before = last.filter(|_| !is_end);
            if before.is_none() {
                break;
            }
        }
        if fitting.len() > limit as usize {
            fitting.truncate(limit as usize);
            before = fitting.last().map(|numbered| numbered.id);
        }
        Ok(Page { items: self.views(&fitting, now).await?, next_cursor: next_cursor(before) })
    }

    async fn look(&self, model: Option<Sha256Digest>, before: Option<u64>) -> Result<Vec<NumberedBounty>, ApiError> {
        Ok(match model {
            Some(model) => self.node.bounties_of_model(model.0, before).await?,
            None => self.node.bounties(before, BOUNTIES_AT_ONCE_MAX).await?,
        })
    }

    /// A bounty with its claims from number `from` on.
    pub(crate) async fn find(&self, id: u64, from: u64, now: UnixMillis) -> Result<Option<BountyDetail>, ApiError> {
        let Some((numbered, claims)) = self.node.bounty(id, from).await? else { return Ok(None) };
        let next_from = (claims.len() == CLAIMS_LISTED_MAX).then(|| from.saturating_add(claims.len() as u64));
        let bounty = self.views(&[numbered], now).await?.pop();
        let detail = |bounty| BountyDetail { bounty, claims: claims.iter().filter_map(claim).collect(), next_from };
        Ok(bounty.map(detail))
    }

    /// What miners could serve that nobody serves.
    pub(crate) async fn demand(&self, now: UnixMillis) -> Result<DemandView, ApiError> {
        let (since_unix_s, unserved) = self.demand.unserved(now).await?;
        let open = BountyFilter { state: Some(BountyState::Open), model: None };
        let bounties = self.list(open, None, BOUNTIES_WITH_DEMAND_MAX, now).await?;
        Ok(DemandView { since_unix_s, unserved, bounties: bounties.items })
    }

    async fn views(&self, found: &[NumberedBounty], now: UnixMillis) -> Result<Vec<BountyView>, ApiError> {
        let model = |numbered: &NumberedBounty| Sha256Digest(numbered.bounty.terms.modelDigest);
        let names = self.marketplace.names_of(&found.iter().map(model).collect(), now).await?;
        let named = |numbered: &NumberedBounty| names.get(&model(numbered)).cloned().unwrap_or_default();
        Ok(found.iter().map(|numbered| view(numbered, named(numbered), now)).collect())
    }
}

fn view(numbered: &NumberedBounty, model_names: Vec<String>, now: UnixMillis) -> BountyView {
    let ModelBounty::Bounty { pledger, pledgedAt, waiting, paid, refunded, terms } = &numbered.bounty;
    BountyView {
        id: numbered.id,
        state: state_of(numbered, now),
        model_sha256: Sha256Digest(terms.modelDigest),
        model_names,
        pledger: *pledger,
        pledged_at_unix_s: UnixSeconds(*pledgedAt),
        expires_at_unix_s: UnixSeconds(terms.expiresAt),
        rewards: terms.receipts,
        reward: Amount::from_atto(terms.reward),
        min_work: Amount::from_atto(terms.minWork),
        rewards_free: free(&numbered.bounty),
        rewards_waiting: *waiting,
        rewards_paid: *paid,
        rewards_refunded: *refunded,
    }
}

/// Rewards that nobody claimed and that were not given back.
fn free(bounty: &ModelBounty::Bounty) -> u32 {
    let ModelBounty::Bounty { waiting, paid, refunded, terms, .. } = bounty;
    terms.receipts.saturating_sub(*waiting).saturating_sub(*paid).saturating_sub(*refunded)
}

fn state_of(numbered: &NumberedBounty, now: UnixMillis) -> BountyState {
    let bounty = &numbered.bounty;
    state(free(bounty), bounty.refunded, bounty.terms.expiresAt, now)
}

fn state(free: u32, refunded: u32, expires_at: u64, now: UnixMillis) -> BountyState {
    match (free, refunded) {
        (0, 0) => BountyState::Earned,
        (1.., _) if now.seconds().0 <= expires_at => BountyState::Open,
        _ => BountyState::Expired,
    }
}

fn claim(claim: &ModelBounty::Claim) -> Option<BountyClaimView> {
    let state = match claim.state {
        ClaimState::Waiting => BountyClaimState::Waiting,
        ClaimState::Paid => BountyClaimState::Paid,
        ClaimState::Dropped => BountyClaimState::Dropped,
        ClaimState::Absent | ClaimState::__Invalid => return None,
    };
    Some(BountyClaimView {
        provider: claim.provider,
        receipt_hash: claim.receiptHash,
        due_at_unix_s: UnixSeconds(claim.dueUnix),
        state,
    })
}

/// A cursor is the id of the last bounty of the page before; behind the first one there is nothing.
fn next_cursor(last: Option<u64>) -> Option<String> {
    last.filter(|id| *id > 1).map(|id| id.to_string())
}

fn read_cursor(text: &str) -> Result<u64, ApiError> {
    let invalid =
        || ApiError::Invalid(vec![FieldError::new("cursor", "`cursor` is the `next_cursor` of another page")]);
    text.parse().map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounty_is_open_until_it_is_earned_or_its_time_is_over() {
        let at = |seconds: u64| UnixSeconds(seconds).millis();
        assert_eq!(state(1, 0, 100, at(100)), BountyState::Open);
        assert_eq!(state(1, 0, 100, at(101)), BountyState::Expired);
        assert_eq!(state(0, 0, 100, at(99)), BountyState::Earned);
        assert_eq!(state(0, 0, 100, at(101)), BountyState::Earned);
        assert_eq!(state(0, 2, 100, at(101)), BountyState::Expired, "what was given back was not earned");
    }

    #[test]
    fn the_first_bounty_ends_the_list() {
        assert_eq!(next_cursor(Some(2)).as_deref(), Some("2"));
        assert_eq!((next_cursor(Some(1)), next_cursor(None)), (None, None));
        assert!(read_cursor("x").is_err() && read_cursor("-1").is_err());
    }
}
