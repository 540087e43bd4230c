//! Random histories against a model: whatever happens, the contract holds the sum of all stakes, nobody is paid before the
//! time or more than is left of what was delegated, an offence is punished once, and fees go to the stake of active validators by its
//! amount and its time.

use alloy_primitives::U256;
use contracts::Staking;
use contracts::Staking::ValidatorState;
use proptest::prelude::*;

use super::fixture::{
    FUNDS, UNBONDING_SECONDS, chain_with_payer, claim, contradiction, delegate, delegators, held, info, pay_fee, payer,
    reward, rewards, stake, undelegate, validators,
};
use crate::evm::Evm;
use crate::receipts::{ADMIN, AIT, RELAYER, Signer, TREASURY};

/// Rounding keeps less than this for each operation of a history, in attoAIT.
const ROUNDING_ATTO: u128 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    Delegate {
        delegator: usize,
        validator: usize,
        amount: u128,
    },
    /// A part of what the delegator has there, in 1/256; 256 is everything.
    Undelegate {
        delegator: usize,
        validator: usize,
        part: u128,
    },
    Withdraw {
        delegator: usize,
    },
    Wait {
        seconds: u64,
    },
    NextBlock,
    Contradict {
        validator: usize,
        blocks_ago: u64,
    },
    Release {
        validator: usize,
    },
    PayFee {
        amount: u128,
    },
    Collect,
    Claim {
        delegator: usize,
        validator: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, 0..2usize, 0..40 * AIT)
            .prop_map(|(delegator, validator, amount)| Step::Delegate { delegator, validator, amount }),
        4 => (0..3usize, 0..2usize, 0..=256u128)
            .prop_map(|(delegator, validator, part)| Step::Undelegate { delegator, validator, part }),
        3 => (0..3usize).prop_map(|delegator| Step::Withdraw { delegator }),
        3 => (0..UNBONDING_SECONDS).prop_map(|seconds| Step::Wait { seconds }),
        2 => Just(Step::NextBlock),
        2 => (0..2usize, 0..4u64).prop_map(|(validator, blocks_ago)| Step::Contradict { validator, blocks_ago }),
        2 => (0..2usize).prop_map(|validator| Step::Release { validator }),
        2 => (0..5 * AIT).prop_map(|amount| Step::PayFee { amount }),
        3 => Just(Step::Collect),
        2 => (0..3usize, 0..2usize).prop_map(|(delegator, validator)| Step::Claim { delegator, validator }),
    ]
}

/// An undelegation, and the least that may be left of it.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    delegator: usize,
    validator: usize,
    amount: u128,
    due_unix: u64,
}

struct Run {
    evm: Evm,
    /// What each delegator has with each validator, slashed as it should be.
    bonded: [[u128; 2]; 3],
    waiting: Vec<Waiting>,
    liable_from: [u64; 2],
    punished: u128,
    /// What each delegator has earned with each validator and not claimed.
    earned: [[u128; 2]; 3],
    flowing: u128,
    ends_unix: u64,
    fees: u128,
    steps: u128,
}

/// What is left of an amount after a slash, rounded up and down.
fn after_slash(amount: u128) -> u128 {
    amount - amount / 20
}

/// What is staked with a validator, and what of that is on its way out.
fn all_stake(evm: &Evm, validator: &Signer) -> u128 {
    let known = info(evm, validator);
    (known.ownStake + known.delegatedStake + known.unbondingStake).to()
}

fn is_about(actual: u128, expected: u128, steps: u128) -> bool {
    actual.abs_diff(expected) <= ROUNDING_ATTO * steps
}

impl Run {
    fn new() -> Self {
        Self {
            evm: chain_with_payer(),
            bonded: [[0; 2]; 3],
            waiting: Vec::new(),
            liable_from: [0; 2],
            punished: 0,
            earned: [[0; 2]; 3],
            flowing: 0,
            ends_unix: 0,
            fees: 0,
            steps: 1,
        }
    }

    fn apply(&mut self, step: &Step) {
        self.steps += 1;
        match *step {
            Step::Delegate { delegator, validator, amount } => self.delegate(delegator, validator, amount),
            Step::Undelegate { delegator, validator, part } => self.undelegate(delegator, validator, part),
            Step::Withdraw { delegator } => self.withdraw(delegator),
            Step::Wait { seconds } => self.wait(seconds),
            Step::PayFee { amount } => {
                let amount = amount.min(self.evm.balance(payer().address()).to());
                pay_fee(&mut self.evm, amount);
                self.fees += amount;
            }
            Step::Collect => self.collect(),
            Step::Claim { delegator, validator } => self.claim(delegator, validator),
            Step::NextBlock => self.evm.height += 1,
            Step::Contradict { validator, blocks_ago } => self.contradict(validator, blocks_ago),
            Step::Release { validator } => {
                let was = info(&self.evm, &validators()[validator]).state;
                let call = Staking::releaseCall { validator: validators()[validator].address() };
                let is_released = self.evm.send_staking(ADMIN, &call).is_ok();
                assert_eq!(is_released, was == ValidatorState::Jailed);
                if is_released {
                    self.liable_from[validator] = self.evm.height + 1;
                }
            }
        }
        self.check_holdings();
    }

    /// The contract holds all stakes and all fees that were not claimed, and owes no more than that.
    fn check_holdings(&self) {
        let listed: u128 = validators().iter().map(|validator| all_stake(&self.evm, validator)).sum();
        let Staking::Rewards { flowing, uncollected, earningStake, .. } = rewards(&self.evm);
        assert!(is_about(flowing.to(), self.flowing, self.steps), "{flowing} flows, not {}", self.flowing);
        let owed: u128 = self.rewards().into_iter().flatten().sum();
        let rest = held(&self.evm) - listed - flowing.to::<u128>() - uncollected.to::<u128>();
        assert!(owed <= rest && is_about(owed, rest, self.steps), "{owed} is owed of {rest}");
        let active = validators().into_iter().map(|validator| info(&self.evm, &validator));
        let active = active.filter(|known| known.state == ValidatorState::Active);
        assert_eq!(earningStake, active.map(|known| known.ownStake + known.delegatedStake).sum::<U256>());
    }

    /// What the contract says that each delegator has earned with each validator.
    fn rewards(&self) -> [[u128; 2]; 3] {
        delegators().map(|account| validators().map(|validator| reward(&self.evm, &validator, &account)))
    }

    fn wait(&mut self, seconds: u64) {
        let left = self.ends_unix.saturating_sub(self.evm.now_unix);
        self.evm.now_unix += seconds;
        if left == 0 {
            return;
        }
        let flowed = self.flowing * u128::from(seconds.min(left)) / u128::from(left);
        self.flowing -= flowed;
        let active = |validator: &Signer| info(&self.evm, validator).state == ValidatorState::Active;
        let earns = validators().map(|validator| active(&validator));
        let stakes = delegators().map(|account| validators().map(|validator| stake(&self.evm, &validator, &account)));
        let earning = |of: &[u128; 2]| -> u128 {
            of.iter().zip(earns).filter(|(_, earns)| *earns).map(|(stake, _)| *stake).sum()
        };
        let total: u128 = stakes.iter().map(earning).sum();
        for (of, earned) in stakes.iter().zip(&mut self.earned) {
            for (validator, earned) in earned.iter_mut().enumerate().filter(|(validator, _)| earns[*validator]) {
                if total > 0 {
                    *earned += (U256::from(of[validator]) * U256::from(flowed) / U256::from(total)).to::<u128>();
                }
            }
        }
    }

    fn collect(&mut self) {
        let before = rewards(&self.evm);
        let collected = self.evm.send_staking(RELAYER, &Staking::collectRewardsCall {});
        let may =
            self.evm.now_unix >= self.ends_unix && !before.earningStake.is_zero() && !before.uncollected.is_zero();
        assert_eq!(collected.is_ok(), may, "{before:?}");
        if let Ok(collected) = collected {
            assert_eq!(collected.value, before.uncollected);
            self.flowing = collected.value.to();
            self.ends_unix = self.evm.now_unix + UNBONDING_SECONDS;
        }
    }

    fn claim(&mut self, delegator: usize, validator: usize) {
        let (account, target) = (&delegators()[delegator], &validators()[validator]);
        let owed = reward(&self.evm, target, account);
        let claimed = self.evm.send_staking(account.address(), &claim(target));
        assert_eq!(claimed.is_ok(), owed > 0);
        if let Ok(claimed) = claimed {
            assert_eq!(claimed.value, U256::from(owed));
            self.fees -= owed;
            self.earned[delegator][validator] = self.earned[delegator][validator].saturating_sub(owed);
        }
        assert_eq!(reward(&self.evm, target, account), 0, "it is paid once");
    }

    fn delegate(&mut self, delegator: usize, validator: usize, amount: u128) {
        let (account, target) = (delegators()[delegator].address(), &validators()[validator]);
        let is_active = info(&self.evm, target).state == ValidatorState::Active;
        let has = self.evm.balance(account) >= U256::from(amount);
        let is_taken = self.evm.send_staking(account, &delegate(target, amount)).is_ok();
        assert_eq!(is_taken, is_active && has && amount >= AIT);
        if is_taken {
            self.bonded[delegator][validator] += amount;
        }
    }

    fn undelegate(&mut self, delegator: usize, validator: usize, part: u128) {
        let (account, target) = (&delegators()[delegator], &validators()[validator]);
        let amount = stake(&self.evm, target, account) / 256 * part;
        let waits = self.waiting.iter().filter(|entry| entry.delegator == delegator).count();
        let undelegated = self.evm.send_staking(account.address(), &undelegate(target, amount));
        assert_eq!(undelegated.is_ok(), amount > 0 && waits < 32);
        if let Ok(undelegated) = undelegated {
            assert_eq!(undelegated.value, self.evm.now_unix + UNBONDING_SECONDS);
            self.bonded[delegator][validator] = self.bonded[delegator][validator].saturating_sub(amount);
            self.waiting.push(Waiting { delegator, validator, amount, due_unix: undelegated.value });
        }
    }

    fn withdraw(&mut self, delegator: usize) {
        let (now, account) = (self.evm.now_unix, delegators()[delegator].address());
        let is_due = |entry: &Waiting| entry.delegator == delegator && entry.due_unix <= now;
        let due: u128 = self.waiting.iter().filter(|entry| is_due(entry)).map(|entry| entry.amount).sum();
        let has_due = self.waiting.iter().any(is_due);
        let paid = self.evm.send_staking(account, &Staking::withdrawCall {});
        assert_eq!(paid.is_ok(), has_due, "nothing is paid before the time");
        if let Ok(paid) = paid {
            assert!(is_about(paid.value.to(), due, self.steps), "{} of {due}", paid.value);
            self.waiting.retain(|entry| !is_due(entry));
        }
    }

    fn contradict(&mut self, validator: usize, blocks_ago: u64) {
        let height = self.evm.height - blocks_ago;
        let before = held(&self.evm);
        let is_active = info(&self.evm, &validators()[validator]).state == ValidatorState::Active;
        let slashed = self.evm.send_staking(RELAYER, &contradiction(&validators()[validator], height));
        assert_eq!(
            slashed.is_ok(),
            is_active && height >= self.liable_from[validator],
            "each offence is punished once"
        );
        let Ok(slashed) = slashed else { return };
        self.liable_from[validator] = self.evm.height + 1;
        let taken: u128 = slashed.value.to();
        self.punished += taken;
        assert_eq!(before - held(&self.evm), taken);
        for stakes in &mut self.bonded {
            stakes[validator] = after_slash(stakes[validator]);
        }
        for entry in self.waiting.iter_mut().filter(|entry| entry.validator == validator) {
            entry.amount = after_slash(entry.amount);
        }
    }

    fn check(&self) {
        let (mut on_chain, mut of_accounts) = (0, 0);
        for (index, validator) in validators().iter().enumerate() {
            let known = info(&self.evm, validator);
            let (own, delegated): (u128, u128) = (known.ownStake.to(), known.delegatedStake.to());
            on_chain += own + delegated + known.unbondingStake.to::<u128>();
            let expected = match known.state {
                ValidatorState::Active => known.basePower + u64::try_from((own + delegated) / AIT).unwrap(),
                _ => 0,
            };
            assert_eq!(known.power, expected);
            for (delegator, account) in delegators().iter().enumerate() {
                let has = stake(&self.evm, validator, account);
                assert!(is_about(has, self.bonded[delegator][index], self.steps));
                of_accounts += has;
            }
        }
        assert!(held(&self.evm) >= on_chain, "the contract holds the sum of all stakes");
        for (rewards, expected) in self.rewards().iter().flatten().zip(self.earned.iter().flatten()) {
            assert!(is_about(*rewards, *expected, self.steps), "{rewards} was earned, not {expected}");
        }
        for account in delegators() {
            let call = Staking::unbondingsOfCall { delegator: account.address() };
            of_accounts += self.evm.read_staking(&call).iter().map(|entry| entry.amount.to::<u128>()).sum::<u128>();
        }
        assert!(of_accounts <= on_chain, "nobody is promised what is not there");
        assert!(is_about(of_accounts, on_chain, self.steps));
        let balances: u128 = delegators().iter().map(|account| self.evm.balance(account.address()).to::<u128>()).sum();
        let paid = FUNDS - self.evm.balance(payer().address()).to::<u128>();
        let all = balances + held(&self.evm) + self.punished;
        assert_eq!(all, 3 * FUNDS + paid, "staking neither makes nor destroys AIT");
        assert_eq!(held(&self.evm) - on_chain, self.fees, "what is not stake are fees that were not claimed");
        assert_eq!(self.evm.balance(TREASURY), U256::from(self.punished));
    }

    /// Everybody leaves and claims, and nothing but what rounding kept and what nobody earned stays behind.
    fn drain(&mut self) {
        for _ in 0..2 {
            self.wait(UNBONDING_SECONDS);
            for delegator in 0..3 {
                self.withdraw(delegator);
                for validator in 0..2 {
                    let (account, target) = (&delegators()[delegator], &validators()[validator]);
                    let amount = stake(&self.evm, target, account);
                    if amount > 0 {
                        let due = self.evm.send_staking(account.address(), &undelegate(target, amount)).unwrap().value;
                        self.bonded[delegator][validator] = 0;
                        self.waiting.push(Waiting { delegator, validator, amount, due_unix: due });
                    }
                }
            }
        }
        for delegator in 0..3 {
            for validator in 0..2 {
                self.claim(delegator, validator);
            }
        }
        self.check();
        let rest = held(&self.evm) - rewards(&self.evm).uncollected.to::<u128>();
        assert!(rest <= ROUNDING_ATTO * self.steps, "{rest}");
    }
}

#[test]
fn the_model_meets_every_kind_of_step() {
    // Otherwise the property below would compare refusals only.
    let mut run = Run::new();
    for step in [
        Step::Delegate { delegator: 0, validator: 0, amount: 7 * AIT },
        Step::Delegate { delegator: 1, validator: 0, amount: 11 * AIT },
        Step::Undelegate { delegator: 1, validator: 0, part: 128 },
        Step::PayFee { amount: 3 * AIT },
        Step::Collect,
        Step::Wait { seconds: UNBONDING_SECONDS / 3 },
        Step::Claim { delegator: 1, validator: 0 },
        Step::Contradict { validator: 0, blocks_ago: 1 },
        Step::Contradict { validator: 0, blocks_ago: 0 },
        Step::Release { validator: 0 },
        Step::NextBlock,
        Step::Contradict { validator: 0, blocks_ago: 0 },
        Step::Wait { seconds: UNBONDING_SECONDS },
        Step::Withdraw { delegator: 1 },
    ] {
        run.apply(&step);
    }
    assert!(run.waiting.is_empty() && run.punished > AIT / 2);
    assert!(run.fees < 3 * AIT && run.earned[0][0] > AIT / 3, "{:?}", run.earned);
    run.drain();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_atto_of_stake_is_accounted_for(steps in proptest::collection::vec(step(), 1..60)) {
        let mut run = Run::new();
        for step in &steps {
            run.apply(step);
        }
        run.check();
        run.drain();
    }
}
