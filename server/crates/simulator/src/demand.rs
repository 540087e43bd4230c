//! What is asked for: jobs of many clients at random times, and the sponsored jobs of a self-dealer within the hub's
//! quotas.

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
use shared::job::request::{Constraints, PaidBy, ValidJob, Work};
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
}

impl Asked {
    pub(crate) fn open(&self, now: UnixMillis) -> OpenJob {
        let deadline = now.plus_ms(TTL_SECONDS * 1_000);
        let (id, seq) = (JobId::from_random(u128::from(self.number)), i64::try_from(self.number).unwrap_or(i64::MAX));
        OpenJob::new(id, seq, self.client, Arc::new(self.job.clone()), deadline, TaskCount::ONE)
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
    Asked { number, client, job, is_own: false }
}

/// What one network address, and all of them, used today.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas {
    day: u64,
    of_address: BTreeMap<u64, (u32, u128)>,
    in_total: u128,
}

impl Quotas {
    /// Whether the hub takes one more sponsored job from this network address.
    fn take(&mut self, address: u64, mint_max: Amount, now: UnixMillis) -> bool {
        if self.day != quota::day(now) {
            *self = Self { day: quota::day(now), ..Self::default() };
        }
        let (jobs, mints) = self.of_address.entry(address).or_default();
        let fits = *jobs < quota::SPONSORED_PER_ADDRESS_PER_DAY
            && *mints + mint_max.atto() <= quota::SPONSORED_MINT_PER_ADDRESS_PER_DAY.atto()
            && self.in_total + mint_max.atto() <= quota::SPONSORED_MINT_IN_TOTAL_PER_DAY.atto();
        if fits {
            *jobs += 1;
            *mints += mint_max.atto();
            self.in_total += mint_max.atto();
        }
        fits
    }
}

/// A sponsored job that a miner's operator asks for, with the lowest limit of the price that its own miner keeps: where
/// the hub takes it, everybody who asks more is out.
pub(crate) fn of_a_dealer(
    number: u64,
    address: u64,
    own_unit_price: Amount,
    quotas: &mut Quotas,
    now: UnixMillis,
) -> Option<Asked> {
    let client = Address::repeat_byte(0xdd);
    let mut limited = picture(number, STEPS[1]);
    limited.constraints.max_price = own_unit_price.times(limited.work.units());
    let job = quota::sponsored(limited).or_else(|_| quota::sponsored(picture(number, STEPS[1]))).ok()?;
    quotas.take(address, quota::mint_max(&job), now).then_some(Asked { number, client, job, is_own: true })
}
