//! What a wallet's owner allows the programs that ask for signatures. What [`crate::action`] refuses, no policy allows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::amount::Amount;
use shared::chain::ESCROW_ADDRESS;
use shared::time::{MS_PER_DAY, UnixMillis};
use shared::{Address, U256};

use crate::action::Action;
use crate::asset::{Asset, Sums, Units};
use crate::refusal::Refusal;

/// Most entries of each list of a policy.
pub const ENTRIES_MAX: usize = 1_000;

const SITE_MAX_CHARS: usize = 255;

/// How much of one asset may go. A limit that is absent does not hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_transaction: Option<Units>,
    /// From midnight to midnight in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Units>,
    /// So much a day goes without a code of the second factor. What goes with a code does not count here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_above: Option<Units>,
}

/// What may be signed with one wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Who may get something, or be allowed to take it. Absent: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<BTreeSet<Address>>,
    /// Contracts that may be called, and for which typed data may be signed. A token needs no entry here but a limit.
    #[serde(default)]
    pub contracts: BTreeSet<Address>,
    /// Sites where a message may sign in, as `host` or `host:port`.
    #[serde(default)]
    pub sites: BTreeSet<String>,
    /// Whether other messages are signed.
    #[serde(default)]
    pub messages: bool,
    /// An asset that is not named here does not go at all.
    #[serde(default)]
    pub limits: BTreeMap<Asset, Limit>,
}

impl Default for Policy {
    /// For a wallet whose owner said nothing: a modest sum of AIT to anybody, and the escrow of this chain.
    fn default() -> Self {
        let ait = |whole| Some(Units(U256::from(Amount::from_ait(whole).atto())));
        let limit = Limit { per_transaction: ait(100), per_day: ait(100), code_above: ait(10) };
        Self {
            recipients: None,
            contracts: BTreeSet::from([ESCROW_ADDRESS]),
            sites: BTreeSet::new(),
            messages: true,
            limits: BTreeMap::from([(Asset::AIT, limit)]),
        }
    }
}

/// A list that is too long, or an entry that is no site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("{field} has up to {ENTRIES_MAX} entries, got {got}")]
    TooMany { field: &'static str, got: usize },
    #[error("sites: a site is a host, and its port where it is not the usual one, got `{0}`")]
    Site(String),
}

/// What went on one day in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    day: u64,
    total: Sums,
    without_code: Sums,
}

impl Spent {
    /// Counts what was signed. A clock that was set back begins no new day.
    pub fn add(&mut self, sums: &Sums, with_code: bool, at: UnixMillis) {
        self.turn_to(at);
        let add = |to: &mut Sums| {
            for (asset, amount) in sums {
                let sum = to.entry(*asset).or_default();
                *sum = sum.checked_add(*amount).unwrap_or(Units(U256::MAX));
            }
        };
        add(&mut self.total);
        if !with_code {
            add(&mut self.without_code);
        }
    }

    /// As it stands at `now`.
    #[must_use]
    pub fn at(&self, now: UnixMillis) -> Self {
        let mut spent = self.clone();
        spent.turn_to(now);
        spent
    }

    pub const fn total(&self) -> &Sums {
        &self.total
    }

    fn turn_to(&mut self, now: UnixMillis) {
        let day = now.0 / MS_PER_DAY;
        if day > self.day {
            *self = Self { day, ..Self::default() };
        }
    }
}

impl Policy {
    pub fn check(&self) -> Result<(), PolicyError> {
        let recipients = self.recipients.as_ref().map_or(0, BTreeSet::len);
        for (field, got) in [
            ("recipients", recipients),
            ("contracts", self.contracts.len()),
            ("sites", self.sites.len()),
            ("limits", self.limits.len()),
        ] {
            if got > ENTRIES_MAX {
                return Err(PolicyError::TooMany { field, got });
            }
        }
        let is_site = |site: &String| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
            (1..=SITE_MAX_CHARS).contains(&site.len()) && site.bytes().all(letter)
        };
        match self.sites.iter().find(|site| !is_site(site)) {
            Some(site) => Err(PolicyError::Site(site.chars().take(80).collect())),
            None => Ok(()),
        }
    }

    /// Whether it may be signed now. `with_code`: a code of the second factor came with it and counts.
    pub fn judge(&self, action: &Action, spent: &Spent, with_code: bool, now: UnixMillis) -> Result<(), Refusal> {
        if action.is_message {
            return self.judge_message(action);
        }
        if let Some(allowed) = &self.recipients
            && let Some(other) = action.movements.iter().find(|movement| !allowed.contains(&movement.to))
        {
            return Err(Refusal::Recipient(other.to));
        }
        if let Some(contract) = action.contract.filter(|contract| !self.contracts.contains(contract)) {
            return Err(Refusal::Contract(contract));
        }
        // Also of what counts nothing: of a token that is one of a kind, the amount is its number, and one has the number 0.
        if let Some(unknown) = action.movements.iter().find(|movement| !self.limits.contains_key(&movement.asset)) {
            return Err(Refusal::Asset(unknown.asset));
        }
        let spent = spent.at(now);
        for (asset, amount) in action.sums()? {
            let limit = self.limits.get(&asset).ok_or(Refusal::Asset(asset))?;
            limit.judge(asset, amount, &spent, with_code)?;
        }
        Ok(())
    }

    fn judge_message(&self, action: &Action) -> Result<(), Refusal> {
        match &action.site {
            Some(site) if !self.sites.contains(site) => Err(Refusal::Site(site.clone())),
            None if !self.messages => Err(Refusal::Messages),
            _ => Ok(()),
        }
    }
}

impl Limit {
    fn judge(&self, asset: Asset, got: Units, spent: &Spent, with_code: bool) -> Result<(), Refusal> {
        if let Some(most) = self.per_transaction.filter(|most| got > *most) {
            return Err(Refusal::PerTransaction { asset, most, got });
        }
        let of = |sums: &Sums| sums.get(&asset).copied().unwrap_or_default();
        let total = of(&spent.total);
        if let Some(most) = self.per_day.filter(|most| total.checked_add(got).is_none_or(|sum| sum > *most)) {
            return Err(Refusal::PerDay { asset, most, spent: total, got });
        }
        let free = of(&spent.without_code);
        match self.code_above {
            Some(most) if !with_code && free.checked_add(got).is_none_or(|sum| sum > most) => {
                Err(Refusal::CodeNeeded { asset, most })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::action::Movement;

    const FRIEND: Address = Address::repeat_byte(2);
    const NOON: UnixMillis = UnixMillis(20_000 * MS_PER_DAY + MS_PER_DAY / 2);

    const fn units(count: u64) -> Units {
        Units(U256::from_limbs([count, 0, 0, 0]))
    }

    fn payment(amount: u64) -> Action {
        let movements = vec![Movement { asset: Asset::AIT, amount: units(amount), to: FRIEND }];
        Action { movements, ..Action::default() }
    }

    fn limited(per_transaction: u64, per_day: u64, code_above: u64) -> Policy {
        let [per_transaction, per_day, code_above] =
            [per_transaction, per_day, code_above].map(|most| Some(units(most)));
        let limits = BTreeMap::from([(Asset::AIT, Limit { per_transaction, per_day, code_above })]);
        Policy { limits, ..Policy::default() }
    }

    #[test]
    fn limits_hold_for_one_transaction_a_day_and_without_a_code() {
        let (policy, mut spent) = (limited(10, 20, 12), Spent::default());
        let judge = |spent: &Spent, amount, code| policy.judge(&payment(amount), spent, code, NOON);
        let over = Refusal::PerTransaction { asset: Asset::AIT, most: units(10), got: units(11) };
        assert_eq!(judge(&spent, 11, true), Err(over));
        assert_eq!(judge(&spent, 10, false), Ok(()));
        spent.add(&payment(10).sums().unwrap(), false, NOON);
        let code = judge(&spent, 3, false).unwrap_err();
        assert!(code.needs_code(), "small payments one after another need it too: {code}");
        assert_eq!((judge(&spent, 2, false), judge(&spent, 10, true)), (Ok(()), Ok(())));
        spent.add(&payment(10).sums().unwrap(), true, NOON);
        let full = Refusal::PerDay { asset: Asset::AIT, most: units(20), spent: units(20), got: units(1) };
        assert_eq!(judge(&spent, 1, true), Err(full));
        let tomorrow = NOON.plus_ms(MS_PER_DAY);
        assert_eq!(policy.judge(&payment(10), &spent, false, tomorrow), Ok(()));
        let yesterday = UnixMillis(NOON.0 - MS_PER_DAY);
        assert!(policy.judge(&payment(1), &spent, true, yesterday).is_err(), "a clock set back frees nothing");
    }

    #[test]
    fn lists_name_who_may_get_what_and_where_a_message_counts() {
        let policy = Policy { recipients: Some(BTreeSet::new()), ..limited(10, 10, 10) };
        let judge = |policy: &Policy, action: &Action| policy.judge(action, &Spent::default(), true, NOON);
        assert_eq!(judge(&policy, &payment(1)), Err(Refusal::Recipient(FRIEND)));
        let policy = Policy { recipients: Some(BTreeSet::from([FRIEND])), ..policy };
        assert_eq!(judge(&policy, &payment(1)), Ok(()));
        let mut other = payment(1);
        other.movements[0].asset = Asset::Token(FRIEND);
        assert_eq!(judge(&policy, &other), Err(Refusal::Asset(Asset::Token(FRIEND))));
        // An approval of 0 looks the same for a token that is one of a kind, and there it gives number 0 away.
        other.movements[0].amount = Units::ZERO;
        assert_eq!(judge(&policy, &other), Err(Refusal::Asset(Asset::Token(FRIEND))));
        let called = Action { contract: Some(FRIEND), ..Action::default() };
        assert_eq!(judge(&policy, &called), Err(Refusal::Contract(FRIEND)));
        let with_fee = Action { fee: units(1), ..Action::default() };
        assert_eq!(judge(&policy, &with_fee), Err(Refusal::Asset(Asset::Coin)));
        let message = Action { is_message: true, ..Action::default() };
        let sign_in = Action { site: Some("a.example".to_owned()), ..message.clone() };
        assert_eq!(
            (judge(&policy, &message), judge(&policy, &sign_in)),
            (Ok(()), Err(Refusal::Site("a.example".to_owned())))
        );
        let silent = Policy { messages: false, sites: BTreeSet::from(["a.example".to_owned()]), ..policy };
        assert_eq!((judge(&silent, &message), judge(&silent, &sign_in)), (Err(Refusal::Messages), Ok(())));
    }

    #[test]
    fn a_policy_is_read_strictly_and_bounded() {
        let text = serde_json::to_string(&Policy::default()).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), Policy::default());
        assert!(serde_json::from_str::<Policy>(r#"{"recipient":[]}"#).is_err(), "a misspelt list allows everybody");
        assert!(serde_json::from_str::<Policy>(r#"{"limits":{"AIT":{"per_week":"1"}}}"#).is_err());
        let nothing: Policy = serde_json::from_str("{}").unwrap();
        assert!(nothing.judge(&payment(1), &Spent::default(), true, NOON).is_err(), "what is not named does not go");
        let too_many = (0..=ENTRIES_MAX as u64).map(|number| Address::from_word(U256::from(number).into())).collect();
        let policy = Policy { contracts: too_many, ..Policy::default() };
        assert_eq!(policy.check(), Err(PolicyError::TooMany { field: "contracts", got: ENTRIES_MAX + 1 }));
        let policy = Policy { sites: BTreeSet::from(["https://a.example".to_owned()]), ..Policy::default() };
        assert!(matches!(policy.check(), Err(PolicyError::Site(_))));
        assert_eq!(Policy::default().check(), Ok(()));
    }

    proptest! {
        /// Whatever is asked in whichever order, on no day goes more than the limits, with and without codes.
        #[test]
        fn no_order_of_payments_passes_a_limit(
            payments in proptest::collection::vec((0_u64..15, any::<bool>(), 0_u64..MS_PER_DAY), 1..60)
        ) {
            let (policy, mut spent, mut now) = (limited(10, 25, 12), Spent::default(), NOON);
            let mut days: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
            for (amount, code, later_ms) in payments {
                if policy.judge(&payment(amount), &spent, code, now).is_ok() {
                    spent.add(&payment(amount).sums().unwrap(), code, now);
                    let day = days.entry(now.0 / MS_PER_DAY).or_default();
                    day.0 += amount;
                    day.1 += if code { 0 } else { amount };
                    prop_assert!(amount <= 10 && day.0 <= 25 && day.1 <= 12);
                }
                now = now.plus_ms(later_ms / 8);
            }
        }
    }
}
