//! Whose sums of a day a job must keep, and from where it is asked for.

use hub::quota;
use shared::api::audits::Unaudited;
use shared::job::request::{PaymentMode, ValidJob};
use shared::time::UnixMillis;
use store::change::AskedFrom;
use store::record::{DailyAccount, DailyUse, NewJob, Whose};

use super::Submission;
use crate::auth::{Caller, visitor_name};

impl Submission {
    /// Why no result of the job may be audited.
    pub(super) fn unaudited(&self, caller: &Caller, job: &ValidJob) -> Option<Unaudited> {
        let board = self.hub.board();
        let pinned = match caller {
            Caller::Key(_) => None,
            Caller::Wallet { .. } | Caller::Visitor { .. } => Some(board.catalog().pinned()),
        };
        quota::unaudited(job, board.draws_audits(), pinned)
    }

    /// Whose daily limits a job must keep. `None` where nothing may be minted for it.
    pub(super) fn daily_use(&self, caller: &Caller, new: &NewJob, now: UnixMillis) -> Option<DailyUse> {
        let is_minted = new.job.payment.mode() == PaymentMode::Mint;
        let is_audited = new.unaudited.is_none();
        let amount = quota::mint_max(&new.job, is_audited);
        let day = quota::day(now);
        let daily = || DailyUse { day, counts_as_job: is_minted, amount, accounts: self.accounts(caller) };
        (is_minted || is_audited).then(daily)
    }

    fn accounts(&self, caller: &Caller) -> Vec<DailyAccount> {
        let limits = &self.limits;
        match caller {
            Caller::Visitor { address } => self.of_visitors(address).into(),
            // A wallet costs nothing, so it must not add to what its owner gets without one.
            Caller::Wallet { network, .. } => {
                let own = DailyAccount {
                    name: caller.name(),
                    whose: Whose::Wallet,
                    jobs_max: Some(limits.sponsored_per_address_per_day),
                    mint_max: limits.mint_per_wallet_per_day,
                };
                [vec![own], self.of_visitors(network).into()].concat()
            }
            Caller::Key(key) => vec![DailyAccount {
                name: caller.name(),
                whose: Whose::Key,
                jobs_max: None,
                mint_max: key.mint_per_day.unwrap_or(limits.mint_per_key_per_day),
            }],
        }
    }

    /// One network address, and everybody without a key of the operator.
    fn of_visitors(&self, network: &str) -> [DailyAccount; 2] {
        let limits = &self.limits;
        let own = DailyAccount {
            name: visitor_name(network),
            whose: Whose::Visitor,
            jobs_max: Some(limits.sponsored_per_address_per_day),
            mint_max: limits.sponsored_mint_per_address_per_day,
        };
        let all = DailyAccount {
            name: String::new(),
            whose: Whose::Visitors,
            jobs_max: Some(limits.sponsored_in_total_per_day),
            mint_max: limits.sponsored_mint_in_total_per_day,
        };
        [own, all]
    }

    /// Keys of the operator have as many places in the queue as they ask for.
    pub(super) fn asked_from(caller: &Caller) -> Option<AskedFrom> {
        let network = caller.network()?.to_owned();
        Some(AskedFrom {
            site: quota::site_prefix(&network).map(str::to_owned),
            network,
            most_of_network: quota::OPEN_TASKS_PER_NETWORK_MAX,
            most_of_site: quota::OPEN_TASKS_PER_SITE_MAX,
        })
    }
}
