//! Which results another miner computes again, who that is, and what the answers say of whom.
//!
//! A result is delivered and its receipt is minted as ever. After it was committed to, random bits that nobody had before
//! decide whether it is audited. The chance is highest where least is at stake: a miner without held earnings has nothing
//! to lose. Another miner, drawn by the same bits, computes the work again. Where the two results differ, a third
//! miner is asked, and who stands alone against two is refuted. A refuted miner loses everything that the minter holds of
//! it, so the chance `p` deters where `p × (reward + held) ≥ reward`; [`share_per_mille`] keeps that, with a margin for
//! auditors that do not answer or belong to the cheat. `docs/ECONOMICS.md` has what cheats earn against it.

use std::collections::BTreeMap;

use shared::Address;
use shared::amount::Amount;
use shared::comparison::{Agreement, Comparison};
use shared::time::UnixMillis;

use crate::quota::day;

/// How many of 1000 results are audited of a miner of which the minter holds nothing: all. New keys cost nothing, so each
/// result that is not audited would be a gift to anybody who makes enough of them.
pub const FIRST_PER_MILLE: u64 = 1_000;

/// What a cheat expects to lose for each 1000 that it hopes to gain, where something is held. It is a loss as long as no
/// more than a fifth of the auditors fail to answer or belong to the cheat.
pub const DETERRENT_PER_MILLE: u64 = 1_250;

/// How many of 1000 results are audited of any miner at least, however much the minter holds of it.
pub const FLOOR_PER_MILLE: u64 = 50;

/// How many of 1000 results that an auditor confirmed get a third opinion all the same, as if the two differed. Its right answer
/// is known then, and nobody who is asked can tell. It bounds what controls cost: one more result for every twenty confirmed
/// ones.
pub const CONTROL_PER_MILLE: u64 = 50;

/// Audits of minted results that may wait or run at once. A result that is drawn beyond it takes the place of the one of which
/// the least may be minted, where nobody has begun that one and it is less than its own; else it is not audited.
pub const OPEN_MAX: usize = 1_000;

/// The same of results that clients pay, which cost their miners nothing where those pay themselves. They take no place of
/// minted ones.
pub const PAID_OPEN_MAX: usize = 100;

/// Of those, the audits of one client's results.
pub const PAID_OPEN_PER_CLIENT_MAX: usize = 10;

/// Other miners that compute a result again at most: the auditor, and the third where the two differ.
pub const OPINIONS_MAX: u128 = 2;

/// One audit may run at once for every so many connected miners, and one in any case.
pub const MINERS_PER_AUDIT: usize = 10;

/// An audit that has waited so long goes before waiting jobs, so that a busy network audits, too.
pub const PATIENCE_MS: u64 = 60_000;

/// An auditor that had no free slot for so long makes room for another one.
pub const BEGIN_MAX_MS: u64 = 1_800_000;

/// An audit, and a third opinion after it, each have so long. What is not answered then stays unanswered. Both together end
/// before a day does, so that what a network holds for a day can still be taken back.
pub const TIME_MAX_MS: u64 = 36_000_000;

/// Faults that a refuted result counts as. A fault is a lease that failed; this one would have been paid.
pub const REFUTED_FAULTS: u64 = 10;

/// Miners whose stake is remembered.
const STAKES_MAX: usize = 20_000;

/// Which results are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Draw {
    /// By the published chances.
    #[default]
    Published,
    /// Every one for which there is an auditor.
    Always,
    Never,
}

/// Which results and which answers are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Draws {
    pub audits: Draw,
    /// Third opinions on results that an auditor confirmed.
    pub controls: Draw,
}

/// Random bits of one result, drawn after it was committed to.
pub type Bits = [u8; 32];

/// The chance that a result is audited, in thousandths: `DETERRENT × reward / (reward + held)`, within floor and
/// [`FIRST_PER_MILLE`]. A miner that saves the whole work by cheating then loses more than it gains, as `docs/AUDITS.md`
/// computes.
pub fn share_per_mille(reward: Amount, held: Amount) -> u64 {
    let (reward, held) = (reward.atto(), held.atto());
    if reward == 0 {
        return FLOOR_PER_MILLE;
    }
    // Halved until the products fit; what falls off is far below a thousandth.
    let bits = 128 - reward.max(held).leading_zeros();
    let shift = bits.saturating_sub(100);
    let (reward, held) = ((reward >> shift).max(1), held >> shift);
    let share = (u128::from(DETERRENT_PER_MILLE) * reward).div_ceil(reward + held);
    u64::try_from(share).unwrap_or(FIRST_PER_MILLE).clamp(FLOOR_PER_MILLE, FIRST_PER_MILLE)
}

/// The most that the audits of a result may mint: no opinion is dearer than the result.
pub const fn mint_max(reward: Amount) -> Amount {
    Amount::from_atto(reward.atto().saturating_mul(OPINIONS_MAX))
}

impl Draw {
    /// Whether these bits draw a result with such a chance.
    pub fn takes(self, share_per_mille: u64, bits: &Bits) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Published => {
                let first = bits.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                (u128::from(first) * 1_000) >> 64 < u128::from(share_per_mille)
            }
        }
    }
}

/// Whether a confirmed result gets a third opinion whose answer is known. Other bits decide it than those that drew the audit.
pub fn is_controlled(draw: Draw, bits: &Bits) -> bool {
    let mut others = *bits;
    others.rotate_left(8);
    draw.takes(CONTROL_PER_MILLE, &others)
}

/// What each miner earned lately that the minter can still take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stakes(BTreeMap<Address, (u64, Amount)>);

impl Stakes {
    /// What counts as held of a miner now: what it earned since midnight UTC. A network that holds for longer has more at
    /// stake than is counted here, and one that pays at once has nothing.
    pub(crate) fn of(&self, miner: Address, now: UnixMillis) -> Amount {
        let stake = self.0.get(&miner).filter(|(window, _)| *window == day(now));
        stake.map_or(Amount::ZERO, |(_, amount)| *amount)
    }

    pub(crate) fn add(&mut self, miner: Address, earned: Amount, now: UnixMillis) {
        let window = day(now);
        if self.0.len() >= STAKES_MAX && !self.0.contains_key(&miner) {
            self.0.retain(|_, (of, _)| *of == window);
            if self.0.len() >= STAKES_MAX {
                return;
            }
        }
        let stake = self.0.entry(miner).or_insert((window, Amount::ZERO));
        if stake.0 != window {
            *stake = (window, Amount::ZERO);
        }
        stake.1 = Amount::from_atto(stake.1.atto().saturating_add(earned.atto()));
    }

    /// What was held is lost.
    pub(crate) fn forget(&mut self, miner: Address) {
        self.0.remove(&miner);
    }
}

/// How an auditor's result stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    pub with_served: Comparison,
    /// Of a third opinion: to the auditor's result.
    pub with_audit: Option<Comparison>,
}

/// What an audit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another miner computed the same.
    Confirmed,
    /// The results say nothing about each other.
    Unclear,
    /// Two results differ, and a third miner is asked.
    Disputed,
    /// Two other miners agree against the result.
    Refuted,
    /// A third miner agrees with the result, against the auditor.
    AuditorRefuted,
    /// Result and auditor agree, against a third miner that was asked to see how it answers.
    ThirdRefuted,
}

/// What the first auditor's result says.
pub const fn first_verdict(compared: Compared) -> Verdict {
    match compared.with_served.agreement {
        Agreement::Equal | Agreement::WithinTolerance => Verdict::Confirmed,
        Agreement::Unclear => Verdict::Unclear,
        Agreement::Differs => Verdict::Disputed,
    }
}

/// What the third result says of a dispute. Only who differs clearly from two that agree is refuted.
pub fn last_verdict(compared: Compared) -> Verdict {
    let Some(with_audit) = compared.with_audit else { return Verdict::Disputed };
    match (compared.with_served.agreement, with_audit.agreement) {
        (served, audit) if served.agrees() && audit == Agreement::Differs => Verdict::AuditorRefuted,
        (Agreement::Differs, audit) if audit.agrees() => Verdict::Refuted,
        _ => Verdict::Disputed,
    }
}

/// What a third result says where the first two agree. The audited one holds in any case.
pub const fn control_verdict(compared: Compared) -> Verdict {
    match compared.with_served.agreement {
        Agreement::Differs => Verdict::ThirdRefuted,
        Agreement::Equal | Agreement::WithinTolerance | Agreement::Unclear => Verdict::Confirmed,
    }
}

/// What all answers to an audit say, in their order, and which of them is refuted: 0 is the result itself, 1 the auditor's, 2 the
/// third one. `None` for more than two answers, and for a third one that nothing called for.
pub fn verdict_of(answers: &[Option<Compared>]) -> Option<(Verdict, Option<usize>)> {
    let first = |compared: Option<Compared>| compared.map_or(Verdict::Unclear, first_verdict);
    let verdict = match *answers {
        [only] => first(only),
        [one, third] => match (first(one), third) {
            (Verdict::Confirmed, Some(third)) => control_verdict(third),
            (Verdict::Disputed, Some(third)) => last_verdict(third),
            (Verdict::Confirmed, None) => Verdict::Confirmed,
            (Verdict::Disputed, None) => Verdict::Unclear,
            _ => return None,
        },
        _ => return None,
    };
    let refuted = match verdict {
        Verdict::Refuted => Some(0),
        Verdict::AuditorRefuted => Some(1),
        Verdict::ThirdRefuted => Some(2),
        Verdict::Confirmed | Verdict::Unclear | Verdict::Disputed => None,
    };
    Some((verdict, refuted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::digest::Sha256Digest;
    use shared::time::MS_PER_DAY;

    use super::*;

    fn amount() -> impl Strategy<Value = Amount> {
        prop_oneof![any::<u128>(), 0..1_000_u128, Just(0), Just(u128::MAX)].prop_map(Amount::from_atto)
    }

    const AGREEMENTS: [Agreement; 4] =
        [Agreement::Equal, Agreement::WithinTolerance, Agreement::Unclear, Agreement::Differs];

    fn compared(served: Agreement, audit: Agreement) -> Compared {
        let comparison = |agreement| Comparison { agreement, distance: None };
        Compared { with_served: comparison(served), with_audit: Some(comparison(audit)) }
    }

    #[test]
    fn the_chance_falls_with_what_is_held() {
        let ait = Amount::from_ait;
        assert_eq!(share_per_mille(ait(1), Amount::ZERO), FIRST_PER_MILLE);
        assert_eq!(share_per_mille(ait(4), ait(1)), FIRST_PER_MILLE);
        assert_eq!(share_per_mille(ait(1), ait(1)), 625);
        assert_eq!(share_per_mille(ait(1), ait(1_000)), FLOOR_PER_MILLE);
        assert_eq!(share_per_mille(Amount::from_atto(u128::MAX), Amount::from_atto(u128::MAX)), 625);
        assert_eq!(share_per_mille(Amount::ZERO, Amount::ZERO), FLOOR_PER_MILLE);
    }

    #[test]
    fn stakes_of_so_many_miners_are_remembered_and_those_of_yesterday_make_room() {
        let (now, earned) = (UnixMillis(5 * MS_PER_DAY), Amount::from_ait(1));
        let miner = |number: usize| Address::left_padding_from(&number.to_be_bytes());
        let mut stakes = Stakes::default();
        (0..=STAKES_MAX).for_each(|number| stakes.add(miner(number), earned, now));
        assert_eq!(stakes.of(miner(STAKES_MAX - 1), now), earned);
        assert_eq!((stakes.0.len(), stakes.of(miner(STAKES_MAX), now)), (STAKES_MAX, Amount::ZERO));
        stakes.add(miner(0), earned, now);
        assert_eq!(stakes.of(miner(0), now), Amount::from_ait(2), "who is known goes on");
        let tomorrow = now.plus_ms(MS_PER_DAY);
        stakes.add(miner(STAKES_MAX), earned, tomorrow);
        assert_eq!((stakes.0.len(), stakes.of(miner(STAKES_MAX), tomorrow)), (1, earned));
    }

    #[test]
    fn what_counts_as_held_is_of_this_window_and_lost_when_refuted() {
        let (miner, other, now) = (Address::repeat_byte(1), Address::repeat_byte(2), UnixMillis(5 * MS_PER_DAY));
        let mut stakes = Stakes::default();
        stakes.add(miner, Amount::from_ait(2), now);
        stakes.add(miner, Amount::from_ait(3), now.plus_ms(MS_PER_DAY - 1));
        assert_eq!(stakes.of(miner, now.plus_ms(MS_PER_DAY - 1)), Amount::from_ait(5));
        assert_eq!((stakes.of(other, now), stakes.of(miner, now.plus_ms(MS_PER_DAY))), (Amount::ZERO, Amount::ZERO));
        stakes.forget(miner);
        assert_eq!(stakes.of(miner, now), Amount::ZERO);
    }

    #[test]
    fn nobody_is_refuted_by_one_and_an_unclear_result_refutes_nobody() {
        for served in AGREEMENTS {
            let first = first_verdict(Compared { with_audit: None, ..compared(served, served) });
            assert!(!matches!(first, Verdict::Refuted | Verdict::AuditorRefuted));
            for audit in AGREEMENTS {
                let last = last_verdict(compared(served, audit));
                let is_refuted = served == Agreement::Differs && audit.agrees();
                let lied = audit == Agreement::Differs && served.agrees();
                assert_eq!(last == Verdict::Refuted, is_refuted, "{served:?} {audit:?}");
                assert_eq!(last == Verdict::AuditorRefuted, lied, "{served:?} {audit:?}");
            }
        }
    }

    #[test]
    fn of_a_control_only_the_third_is_refuted_and_only_where_it_differs() {
        for served in AGREEMENTS {
            for audit in AGREEMENTS {
                let is_refuted = control_verdict(compared(served, audit)) == Verdict::ThirdRefuted;
                assert_eq!(is_refuted, served == Agreement::Differs, "{served:?} {audit:?}");
            }
        }
    }

    #[test]
    fn all_answers_together_say_what_they_said_one_by_one() {
        let first = |agreement| Some(Compared { with_audit: None, ..compared(agreement, agreement) });
        for one in AGREEMENTS {
            assert_eq!(verdict_of(&[first(one)]), Some((first_verdict(first(one).unwrap()), None)));
            for served in AGREEMENTS {
                for audit in AGREEMENTS {
                    let third = compared(served, audit);
                    let (is_control, is_dispute) = (one.agrees(), one == Agreement::Differs);
                    let verdict = verdict_of(&[first(one), Some(third)]);
                    let alone = if is_control { control_verdict(third) } else { last_verdict(third) };
                    assert_eq!(verdict.map(|(verdict, _)| verdict), (is_control || is_dispute).then_some(alone));
                }
            }
        }
        assert_eq!(verdict_of(&[]), None);
        assert_eq!(verdict_of(&[first(Agreement::Equal), None]), Some((Verdict::Confirmed, None)));
        let (agrees, differs) = (first(Agreement::Equal), Some(compared(Agreement::Differs, Agreement::Differs)));
        assert_eq!(verdict_of(&[agrees, differs]), Some((Verdict::ThirdRefuted, Some(2))));
        assert_eq!(verdict_of(&[agrees, agrees, agrees]), None);
    }

    #[test]
    fn what_draws_an_audit_says_nothing_of_its_control() {
        let bits = (0..20_000_u32).map(|number| Sha256Digest::of(&number.to_be_bytes()).0.0);
        let drawn: Vec<Bits> = bits.filter(|bits| Draw::Published.takes(FLOOR_PER_MILLE, bits)).collect();
        let controlled = drawn.iter().filter(|bits| is_controlled(Draw::Published, bits)).count();
        let per_mille = controlled * 1_000 / drawn.len();
        assert!((25..=80).contains(&per_mille), "{per_mille} of {}", drawn.len());
    }

    /// What a cheat that computes nothing expects of one result at the default parameters, in thousandths of the reward:
    /// the reward where it is not audited, and the loss of all that is held where it is and a share of the auditors is
    /// honest and answers.
    fn expected(held: u32, honest_per_mille: i64) -> i64 {
        let share = i64::try_from(share_per_mille(Amount::from_ait(1), Amount::from_ait(held.into()))).unwrap();
        1_000 - share * honest_per_mille * (1 + i64::from(held)) / 1_000
    }

    #[test]
    fn a_cheat_expects_nothing_at_first_and_a_loss_once_something_is_held() {
        assert_eq!(expected(0, 1_000), 0);
        for held in 1..2_000 {
            assert!(expected(held, 1_000) <= -250, "at {held} held it expects {}", expected(held, 1_000));
            assert!(expected(held, 800) <= 0, "at {held} held it expects {}", expected(held, 800));
        }
    }

    proptest! {
        #[test]
        fn the_chance_is_within_its_bounds_and_never_rises_with_what_is_held(reward in amount(), held in amount(), more in amount()) {
            let share = share_per_mille(reward, held);
            prop_assert!((FLOOR_PER_MILLE..=FIRST_PER_MILLE).contains(&share));
            let (least, most) = (held.min(more), held.max(more));
            prop_assert!(share_per_mille(reward, most) <= share_per_mille(reward, least));
        }

        #[test]
        fn a_higher_chance_takes_whatever_a_lower_one_takes(bits: Bits, low in 0..1_000_u64, high in 0..1_000_u64) {
            let (low, high) = (low.min(high), low.max(high));
            prop_assert!(!Draw::Published.takes(low, &bits) || Draw::Published.takes(high, &bits));
            prop_assert!(!Draw::Published.takes(0, &bits) && Draw::Published.takes(1_000, &bits));
            prop_assert!(Draw::Always.takes(0, &bits) && !Draw::Never.takes(1_000, &bits));
        }
    }

    #[test]
    fn of_many_bits_as_many_are_taken_as_the_chance_says() {
        for share in [FLOOR_PER_MILLE, 450, FIRST_PER_MILLE] {
            let taken = (0..20_000_u32).filter(|number| {
                let bits = Sha256Digest::of(&number.to_be_bytes()).0.0;
                Draw::Published.takes(share, &bits)
            });
            let per_mille = taken.count() as u64 / 20;
            assert!(per_mille.abs_diff(share) <= 12, "{per_mille} for {share}");
        }
    }
}
