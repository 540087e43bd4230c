//! Which models are known, who serves them, and what holds for a job that leaves something open.
//!
//! A model is known while a connected miner serves it, and after that as the last such miner offered it. The product's
//! own models are always known, since their first miner may come after their first job.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::capability::ModelOffer;
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::image::PictureDefaults;
use shared::job::request::{MODEL_NAME_MAX_CHARS, ValidJob};
use shared::model::own_model;

/// Models that are remembered without a miner that serves them.
pub const REMEMBERED_MODELS_MAX: usize = 10_000;

/// Models that a refusal names.
const NAMED_MAX: usize = 10;

/// A model of a kind of work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelKey {
    pub kind: JobKind,
    pub model: String,
}

impl ModelKey {
    /// The model that a job needs.
    pub fn of(job: &ValidJob) -> Self {
        Self { kind: job.work.kind(), model: job.model.clone() }
    }

    /// The model that an offer is about.
    pub fn offered(offer: &ModelOffer) -> Self {
        Self { kind: offer.kind, model: offer.model.clone() }
    }
}

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    models: BTreeMap<ModelKey, Known>,
    /// Those that connected miners serve, so that a refusal names some without a walk over all offers.
    served: BTreeSet<ModelKey>,
    /// Entries that no connected miner serves.
    remembered: usize,
}

#[derive(Debug, Clone)]
struct Known {
    /// By connected miners.
    offers: BTreeMap<Address, ModelOffer>,
    last: ModelOffer,
}

impl Catalog {
    /// Models that miners served before the hub started.
    pub fn remember(&mut self, offers: impl IntoIterator<Item = ModelOffer>) {
        for offer in offers {
            let key = ModelKey::offered(&offer);
            if self.remembered < REMEMBERED_MODELS_MAX && !self.models.contains_key(&key) {
                self.models.insert(key, Known { offers: BTreeMap::new(), last: offer });
                self.remembered += 1;
            }
        }
    }

    pub(crate) fn connect(&mut self, miner: Address, offers: &[ModelOffer]) {
        for offer in offers {
            let key = ModelKey::offered(offer);
            self.served.insert(key.clone());
            let known = self.models.entry(key).or_insert_with(|| {
                self.remembered += 1;
                Known { offers: BTreeMap::new(), last: offer.clone() }
            });
            self.remembered -= usize::from(known.offers.is_empty());
            known.offers.insert(miner, offer.clone());
            known.last = offer.clone();
        }
    }

    pub(crate) fn disconnect(&mut self, miner: Address, offers: &[ModelOffer]) {
        for key in offers.iter().map(ModelKey::offered) {
            let Some(known) = self.models.get_mut(&key) else { continue };
            if known.offers.remove(&miner).is_none() || !known.offers.is_empty() {
                continue;
            }
            self.served.remove(&key);
            if self.remembered < REMEMBERED_MODELS_MAX {
                self.remembered += 1;
            } else {
                self.models.remove(&key);
            }
        }
    }

    /// Connected miners that offer a model, by address.
    pub fn miners_of(&self, model: &ModelKey) -> impl Iterator<Item = Address> {
        self.models.get(model).into_iter().flat_map(|known| known.offers.keys().copied())
    }

    /// Offers of connected miners for a kind of work, by model and miner.
    pub fn served(&self, kind: JobKind) -> impl Iterator<Item = &ModelOffer> {
        self.of_kind(kind).flat_map(|known| known.offers.values())
    }

    pub fn is_served(&self, kind: JobKind, model: &str) -> bool {
        self.find(kind, model).is_some_and(|known| !known.offers.is_empty())
    }

    /// The offer that holds for requests that name no model: of the product's own where a miner serves it, else of the
    /// first model that is served.
    pub fn default_offer(&self, kind: JobKind) -> Option<&ModelOffer> {
        let own = self.find(kind, own_model(kind)).and_then(|known| known.offers.values().next());
        own.or_else(|| self.served(kind).next())
    }

    /// The model of requests that name none. The product's own picture model is named also while nobody is connected.
    pub fn default_model(&self, kind: JobKind) -> Option<String> {
        let own = || (kind == JobKind::Image).then(|| own_model(kind).to_owned());
        self.default_offer(kind).map(|offer| offer.model.clone()).or_else(own)
    }

    /// The steps and the guidance that a picture model is offered with, or was when it was last served. They may be
    /// none that a job can have.
    pub fn picture_defaults(&self, model: &str) -> Option<PictureDefaults> {
        let known = self.find(JobKind::Image, model)?;
        Some(known.offers.values().next().unwrap_or(&known.last).defaults())
    }

    /// The setting for few steps with which a connected miner offers a picture model.
    pub fn fast_defaults(&self, model: &str) -> Option<PictureDefaults> {
        self.find(JobKind::Image, model)?.offers.values().find_map(|offer| offer.fast)
    }

    /// Why no job may name this model: it is not known for the kind. `None` also for a text that is no name by its
    /// length, which is another error.
    pub fn refusal(&self, kind: JobKind, model: &str) -> Option<FieldError> {
        let is_name = (1..=MODEL_NAME_MAX_CHARS).contains(&model.chars().count());
        let is_known = model == own_model(kind) || self.find(kind, model).is_some();
        (is_name && !is_known).then(|| FieldError::bound("model", self.bound(kind), model))
    }

    fn bound(&self, kind: JobKind) -> String {
        let kind_name = kind.as_str();
        let first = ModelKey { kind, model: String::new() };
        let mut served = self.served.range(first..).take_while(|key| key.kind == kind).map(|key| &key.model);
        let named: Vec<String> = served.by_ref().take(NAMED_MAX).map(|model| format!("`{model}`")).collect();
        if named.is_empty() {
            return format!("`{}` while no miner offers another one for the kind `{kind_name}`", own_model(kind));
        }
        let more = if served.next().is_some() { " and others" } else { "" };
        format!("one of {}{more}, which miners offer for the kind `{kind_name}`", named.join(", "))
    }

    fn find(&self, kind: JobKind, model: &str) -> Option<&Known> {
        self.models.get(&ModelKey { kind, model: model.to_owned() })
    }

    fn of_kind(&self, kind: JobKind) -> impl Iterator<Item = &Known> {
        let first = ModelKey { kind, model: String::new() };
        self.models.range(first..).take_while(move |(key, _)| key.kind == kind).map(|(_, known)| known)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::fixtures::offer;

    fn miner(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    #[test]
    fn a_refusal_names_what_there_is_instead_but_not_without_end() {
        let refused = |count: usize| {
            let mut catalog = Catalog::default();
            let offers: Vec<_> = (0..count).map(|number| offer(&format!("m{number:02}"))).collect();
            catalog.connect(miner(1), &offers);
            catalog.refusal(JobKind::Image, "unknown").unwrap().bound.unwrap()
        };
        assert_eq!(refused(0), "`aitbc-scenes-1` while no miner offers another one for the kind `image`");
        assert_eq!(refused(2), "one of `m00`, `m01`, which miners offer for the kind `image`");
        assert!(refused(NAMED_MAX).contains("`m09`, which"), "{}", refused(NAMED_MAX));
        assert!(refused(NAMED_MAX + 3).contains("`m09` and others, which"), "{}", refused(NAMED_MAX + 3));
    }

    #[test]
    fn a_model_stays_known_after_its_miner_left_but_is_no_default() {
        let (mut catalog, mut offered) = (Catalog::default(), offer("scenes"));
        offered.fast = Some(PictureDefaults { steps: 4, guidance: 1.0 });
        catalog.connect(miner(1), std::slice::from_ref(&offered));
        assert_eq!(catalog.default_model(JobKind::Image).as_deref(), Some("scenes"));
        assert_eq!(catalog.fast_defaults("scenes"), offered.fast);
        catalog.disconnect(miner(1), &[offered]);
        assert_eq!(catalog.default_model(JobKind::Image).as_deref(), Some(own_model(JobKind::Image)));
        assert_eq!((catalog.default_model(JobKind::Text), catalog.fast_defaults("scenes")), (None, None));
        assert_eq!(catalog.picture_defaults("scenes").map(|defaults| defaults.steps), Some(8));
        assert_eq!(catalog.refusal(JobKind::Image, "scenes"), None);
        assert!(catalog.refusal(JobKind::Text, "scenes").is_some(), "for its own kind alone");
        assert!(!catalog.is_served(JobKind::Image, "scenes"));
    }

    #[test]
    fn the_products_own_model_is_the_default_where_it_is_served() {
        let (mut catalog, own) = (Catalog::default(), own_model(JobKind::Image));
        catalog.connect(miner(1), &[offer("a-first-one"), offer(own)]);
        assert_eq!(catalog.default_model(JobKind::Image).as_deref(), Some(own));
        assert_eq!(catalog.refusal(JobKind::Text, own_model(JobKind::Text)), None, "known before it is served");
    }

    #[test]
    fn models_of_miners_that_left_are_remembered_up_to_a_limit() {
        let mut catalog = Catalog::default();
        catalog.remember((0..REMEMBERED_MODELS_MAX + 5).map(|number| offer(&format!("m{number}"))));
        assert_eq!(catalog.models.len(), REMEMBERED_MODELS_MAX);
        catalog.connect(miner(1), &[offer("another")]);
        assert!(catalog.is_served(JobKind::Image, "another"), "what is served is always known");
        catalog.disconnect(miner(1), &[offer("another")]);
        assert_eq!(catalog.models.len(), REMEMBERED_MODELS_MAX);
    }

    proptest! {
        /// Miners come and go in any order: a model is served exactly while one of its miners is here.
        #[test]
        fn a_model_is_served_exactly_while_a_miner_is_here(steps in prop::collection::vec((0..4_u8, 0..4_usize), 0..60)) {
            let names = ["a", "b", "c", "d"];
            let mut catalog = Catalog::default();
            let mut here: BTreeMap<u8, Vec<ModelOffer>> = BTreeMap::new();
            for (number, first) in steps {
                match here.remove(&number) {
                    Some(offers) => catalog.disconnect(miner(number), &offers),
                    None => {
                        let offers: Vec<_> = names[first..].iter().map(|name| offer(name)).collect();
                        catalog.connect(miner(number), &offers);
                        here.insert(number, offers);
                    }
                }
                for name in names {
                    let serving: Vec<Address> = here
                        .iter()
                        .filter(|(_, offers)| offers.iter().any(|offer| offer.model == name))
                        .map(|(number, _)| miner(*number))
                        .collect();
                    prop_assert_eq!(catalog.is_served(JobKind::Image, name), !serving.is_empty());
                    let key = ModelKey { kind: JobKind::Image, model: name.to_owned() };
                    prop_assert_eq!(catalog.miners_of(&key).collect::<Vec<_>>(), serving);
                }
                let served = catalog.models.iter().filter(|(_, known)| !known.offers.is_empty());
                prop_assert!(catalog.served.iter().eq(served.map(|(key, _)| key)));
                let unserved = catalog.models.values().filter(|known| known.offers.is_empty()).count();
                prop_assert_eq!(catalog.remembered, unserved);
            }
        }
    }
}
