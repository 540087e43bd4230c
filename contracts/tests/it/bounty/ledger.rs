//! Random histories against a model: whatever happens, the contract holds the rewards that are neither paid nor given back.

use alloy_primitives::U256;
use alloy_sol_types::SolStruct;
use contracts::AITokenMinter;
use contracts::ModelBounty::{ClaimState, Terms};
use proptest::prelude::*;

use super::fixture::{
    FUNDS, REWARD, Work, chain, claim_of, known, miner, pledge, pledged, pledger, refund, terms, two_attesters, work,
};
use crate::evm::Evm;
use crate::receipts::{RELAYER, void};

const MINERS: u64 = 4;

#[derive(Clone, Debug)]
enum Step {
    Claim { miner: u64, bounty: usize },
    Settle { miner: u64, bounty: usize },
    Reject { miner: u64, bounty: usize },
    Void { miner: u64, bounty: usize },
    Refund { bounty: usize },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let pair = || (0..MINERS, 0..2_usize);
    prop_oneof![
        5 => pair().prop_map(|(miner, bounty)| Step::Claim { miner, bounty }),
        4 => pair().prop_map(|(miner, bounty)| Step::Settle { miner, bounty }),
        1 => pair().prop_map(|(miner, bounty)| Step::Reject { miner, bounty }),
        1 => pair().prop_map(|(miner, bounty)| Step::Void { miner, bounty }),
        2 => (0..2_usize).prop_map(|bounty| Step::Refund { bounty }),
        4 => (0..90_000_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// A bounty as it should be, and the claims on it with the work and the times at which they are held and due.
struct Expected {
    id: U256,
    expires_at: u64,
    open: u128,
    claims: Vec<(u64, Work, u64, u64, ClaimState)>,
}

struct Run {
    evm: Evm,
    bounties: Vec<Expected>,
    seed: u64,
    earned: [u128; MINERS as usize],
    returned: u128,
}

impl Run {
    fn new() -> Self {
        let mut evm = chain();
        let now = evm.now_unix;
        let bounties = [200_000_u64, 400_000]
            .map(|seconds| {
                let terms = Terms { receipts: 3, expiresAt: now + seconds, ..terms(&evm) };
                let id = pledge(&mut evm, &terms);
                Expected { id, expires_at: terms.expiresAt, open: 3, claims: Vec::new() }
            })
            .into();
        Self { evm, bounties, seed: 0, earned: [0; MINERS as usize], returned: 0 }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Claim { miner, bounty } => self.claim(miner, bounty),
            Step::Settle { miner, bounty } => self.settle(miner, bounty),
            Step::Reject { miner, bounty } => self.reject(miner, bounty),
            Step::Void { miner, bounty } => self.void(miner, bounty),
            Step::Refund { bounty } => self.refund(bounty),
            Step::Wait { seconds } => self.evm.now_unix += seconds,
        }
        self.check();
    }

    fn claim(&mut self, number: u64, bounty: usize) {
        self.seed += 1;
        let work = Work { provider: miner(number), ..work(&self.evm, self.seed) };
        let held_until = work.mint(&mut self.evm);
        let expected = &mut self.bounties[bounty];
        let may = self.evm.now_unix <= expected.expires_at
            && expected.open > 0
            && expected.claims.iter().all(|(claimant, ..)| *claimant != number);
        let claimed = self.evm.send_bounty(work.provider.address(), &work.claim(expected.id));
        assert_eq!(claimed.is_ok(), may);
        if let Ok(claimed) = claimed {
            assert!(claimed.value >= held_until);
            expected.open -= 1;
            expected.claims.push((number, work, held_until, claimed.value, ClaimState::Waiting));
        }
    }

    fn settle(&mut self, number: u64, bounty: usize) {
        let (evm, expected) = (&mut self.evm, &mut self.bounties[bounty]);
        let call = Work { provider: miner(number), ..work(evm, 0) }.settle(expected.id);
        let settled = evm.send_bounty(RELAYER, &call);
        let Some((_, work, _, due_unix, state)) = expected.claims.iter_mut().find(|(claimant, ..)| *claimant == number)
        else {
            assert!(settled.is_err());
            return;
        };
        let is_voided =
            evm.read_minter(&AITokenMinter::voidedReceiptCall { structHash: work.receipt().eip712_hash_struct() });
        let may = *state == ClaimState::Waiting && (is_voided || *due_unix <= evm.now_unix);
        assert_eq!(settled.is_ok(), may);
        if may && is_voided {
            *state = ClaimState::Dropped;
            expected.open += 1;
        } else if may {
            *state = ClaimState::Paid;
            self.earned[usize::try_from(number).unwrap()] += REWARD;
        }
    }

    fn reject(&mut self, number: u64, bounty: usize) {
        let expected = &mut self.bounties[bounty];
        let Some((_, work, .., state)) = expected.claims.iter_mut().find(|(claimant, ..)| *claimant == number) else {
            return;
        };
        let rejected = self.evm.send_bounty(RELAYER, &work.rejection(expected.id, "no", &two_attesters()));
        assert_eq!(rejected.is_ok(), *state == ClaimState::Waiting);
        if rejected.is_ok() {
            *state = ClaimState::Dropped;
            expected.open += 1;
        }
    }

    fn void(&mut self, number: u64, bounty: usize) {
        let found = self.bounties[bounty].claims.iter().find(|(claimant, ..)| *claimant == number);
        if let Some((_, work, held_until, ..)) = found {
            // Whether it was voided before is the minter's matter; here it must not disturb anything.
            drop(self.evm.send_minter(RELAYER, &void(&work.receipt(), *held_until, "no")));
        }
    }

    fn refund(&mut self, bounty: usize) {
        let expected = &mut self.bounties[bounty];
        let may = self.evm.now_unix > expected.expires_at && expected.open > 0;
        let refunded = self.evm.send_bounty(RELAYER, &refund(expected.id));
        assert_eq!(refunded.is_ok(), may);
        if let Ok(refunded) = refunded {
            assert_eq!(refunded.value, U256::from(expected.open * REWARD));
            self.returned += expected.open * REWARD;
            expected.open = 0;
        }
    }

    fn check(&self) {
        let owed = |expected: &Expected| {
            let waiting = expected.claims.iter().filter(|(.., state)| *state == ClaimState::Waiting).count() as u128;
            (expected.open + waiting) * REWARD
        };
        assert_eq!(pledged(&self.evm), self.bounties.iter().map(owed).sum::<u128>());
        assert_eq!(self.evm.balance(pledger().address()), U256::from(FUNDS - 6 * REWARD + self.returned));
        for (number, earned) in (0..).zip(self.earned) {
            assert_eq!(self.evm.balance(miner(number).address()), U256::from(earned), "what is minted is held");
        }
        for expected in &self.bounties {
            let states = |wanted: ClaimState| expected.claims.iter().filter(|(.., state)| *state == wanted).count();
            let bounty = known(&self.evm, expected.id);
            let counted = (bounty.waiting as usize, bounty.paid as usize);
            assert_eq!(counted, (states(ClaimState::Waiting), states(ClaimState::Paid)));
            for (number, .., state) in &expected.claims {
                assert_eq!(claim_of(&self.evm, expected.id, &miner(*number)).state, *state);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_contract_holds_what_is_neither_paid_nor_given_back(steps in prop::collection::vec(step(), 1..40)) {
        let mut run = Run::new();
        steps.iter().for_each(|step| run.apply(step));
    }
}
