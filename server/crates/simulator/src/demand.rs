//! What is asked for: jobs of many clients at random times, and those of a self-dealer within the hub's sums of a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use hub::board::OpenJob;
use hub::quota;
use shared::Address;
use shared::amount::Amount;
use shared::commitment::Salt;
use shared::escrow::TaskCount;
use shared::id::JobId;
use shared::job::image::ValidImageInput;
use shared::job::request::{Constraints, PaidBy, PaymentMode, ValidJob, Work};
use shared::time::UnixMillis;

use crate::assumptions::{SIZE_PX, STEPS, TTL_SECONDS, UNIT_PRICE};
use crate::random::Random;

pub(crate) const MODEL: &str = "scenes";
const CLIENTS: u64 = 20;

/// A job, with what its client and its operator know of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) client: Address,
    pub(crate) job: ValidJob,
    /// The cheat asked for it.
    pub(crate) is_own: bool,
    /// The sums of the day had room for its audits.
    pub(crate) is_audited: bool,
    /// What was minted for it so far, in attoAIT.
    pub(crate) minted: u128,
}

impl Asked {
    pub(crate) fn open(&self, now: UnixMillis) -> OpenJob {
        let deadline = now.plus_ms(TTL_SECONDS * 1_000);
        let (id, seq) = (JobId::from_random(u128::from(self.number)), i64::try_from(self.number).unwrap_or(i64::MAX));
        let open = OpenJob::new(id, seq, self.client, Arc::new(self.job.clone()), deadline, TaskCount::ONE);
        if self.is_audited { open } else { open.unaudited() }
    }
}

pub(crate) fn salt(number: u64) -> Salt {
    Salt(shared::B256::left_padding_from(&number.to_be_bytes()))
}

fn picture(number: u64, steps: u32) -> ValidJob {
    let input = ValidImageInput {
        prompt: "a lake".into(),
        negative_prompt: String::new(),
        steps,
        guidance: 3.0,
        width: SIZE_PX,
        height: SIZE_PX,
        seed: number,
        count: 1,
        scheduler: None,
        eta: None,
        init_image: None,
        strength: None,
    };
    ValidJob {
        model: MODEL.into(),
        work: Work::Image(input),
        constraints: Constraints::default(),
        payment: PaidBy::Mint,
        ttl_seconds: TTL_SECONDS,
        salt: salt(number),
    }
}

/// The next job of somebody who has nothing to do with any miner.
pub(crate) fn of_a_stranger(number: u64, paid_per_mille: u64, random: &mut Random) -> Asked {
    let steps = STEPS[random.below(STEPS.len() as u64) as usize];
    let client = Address::left_padding_from(&(1 + random.below(CLIENTS)).to_be_bytes());
    let is_paid = random.below(1_000) < paid_per_mille;
    let mut job = picture(number, steps);
    if is_paid {
        job.payment = PaidBy::Escrow { max_unit_price: UNIT_PRICE };
    }
    Asked { number, client, job, is_own: false, is_audited: true, minted: 0 }
}

/// What is reserved for a job, or was minted for it.
#[derive(Debug, Clone, Copy)]
struct Reserved {
    address: u64,
    day: u64,
    atto: u128,
}

/// What one network address, and all of them, used today.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas {
    day: u64,
    of_address: BTreeMap<u64, (u32, u128)>,
    in_total: u128,
    of_jobs: BTreeMap<u64, Reserved>,
}

impl Quotas {
    /// Whether the sums of the day have room for what may be minted for a job of this network address.
    fn take(&mut self, number: u64, address: u64, job: &ValidJob, now: UnixMillis) -> bool {
        if self.day != quota::day(now) {
            *self = Self { day: quota::day(now), of_jobs: std::mem::take(&mut self.of_jobs), ..Self::default() };
        }
        let (mint_max, is_minted) = (quota::mint_max(job, true).atto(), job.payment.mode() == PaymentMode::Mint);
        let (jobs, mints) = self.of_address.entry(address).or_default();
        let fits = (!is_minted || *jobs < quota::SPONSORED_PER_ADDRESS_PER_DAY)
            && *mints + mint_max <= quota::SPONSORED_MINT_PER_ADDRESS_PER_DAY.atto()
            && self.in_total + mint_max <= quota::SPONSORED_MINT_IN_TOTAL_PER_DAY.atto();
        if fits {
            *jobs += u32::from(is_minted);
            *mints += mint_max;
            self.in_total += mint_max;
            self.of_jobs.insert(number, Reserved { address, day: self.day, atto: mint_max });
        }
        fits
    }

    /// No more than this was minted for a job, or may be: the rest of what was reserved is free again.
    pub(crate) fn keep(&mut self, number: u64, minted: u128) {
        let Some(reserved) = self.of_jobs.get_mut(&number) else { return };
        let unused = reserved.atto.saturating_sub(minted);
        reserved.atto -= unused;
        if reserved.day == self.day
            && let Some((_, mints)) = self.of_address.get_mut(&reserved.address)
        {
            *mints -= unused;
            self.in_total -= unused;
        }
    }
}

/// Of a self-dealer: whose jobs they are.
const DEALER: Address = Address::repeat_byte(0xdd);

/// A job that a miner's operator asks for, with the lowest limit of the price that its own miner keeps: everybody who asks more
/// is out. A sponsored one where the hub takes it. One that the operator pays itself is taken in any case, and audited while the
/// sums of the day have room for that.
pub(crate) fn of_a_dealer(
    number: u64,
    (address, is_paid): (u64, bool),
    own_unit_price: Amount,
    quotas: &mut Quotas,
    now: UnixMillis,
) -> Option<Asked> {
    let mut job = picture(number, STEPS[1]);
    if is_paid {
        job.payment = PaidBy::Escrow { max_unit_price: own_unit_price };
    } else {
        job.constraints.max_price = own_unit_price.times(job.work.units());
        job = quota::sponsored(job).or_else(|_| quota::sponsored(picture(number, STEPS[1]))).ok()?;
    }
    let has_room = quotas.take(number, address, &job, now);
    (has_room || is_paid).then_some(Asked {
        number,
        client: DEALER,
        job,
        is_own: true,
        is_audited: has_room,
        minted: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_and_its_audits_do_not_mint_is_free_again_and_a_paid_job_is_taken_without_audits() {
        let (price, now) = (UNIT_PRICE, UnixMillis(0));
        let mut quotas = Quotas::default();
        let ask = |quotas: &mut Quotas, number, is_paid| of_a_dealer(number, (1, is_paid), price, quotas, now);
        let reward = ask(&mut quotas, 0, false).map(|asked| quota::reward_max(&asked.job).atto()).unwrap();
        let most = quota::SPONSORED_MINT_PER_ADDRESS_PER_DAY.atto();
        let first = u64::try_from(most / (3 * reward)).unwrap();
        assert!((1..first).all(|number| ask(&mut quotas, number, false).is_some()));
        assert!(ask(&mut quotas, first, false).is_none());
        (0..first).for_each(|number| quotas.keep(number, reward));
        let paid = ask(&mut quotas, first, true).unwrap();
        assert!(paid.is_audited && paid.job.payment.mode() == PaymentMode::Escrow);
        let later = (first + 1..first + 100).filter_map(|number| ask(&mut quotas, number, true));
        let unaudited = later.filter(|asked| !asked.is_audited).count();
        assert!((1..99).contains(&unaudited), "what may be minted for audits is bounded, too: {unaudited} of 99");
        assert!(quotas.of_address[&1].1 <= most);
    }
}
