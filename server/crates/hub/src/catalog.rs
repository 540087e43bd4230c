//! Which models are known, who serves them, and what holds for a job that leaves something open.
//!
//! A model is known while a connected miner serves it, and after that as such a miner offered it. A pinned model is always
//! known, since its first miner may come after its first job, and what holds for it stands in its manifest. Of a model
//! without a pin the first miner says it, until the last miner with the same manifest leaves.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::capability::ModelOffer;
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::image::PictureDefaults;
use shared::job::request::{MODEL_NAME_MAX_CHARS, ValidJob};

use crate::pinned::PinnedModels;

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
    pinned: PinnedModels,
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
    /// What holds for the model, where it is not pinned.
    lead: ModelOffer,
}

impl Known {
    fn new(lead: ModelOffer) -> Self {
        Self { offers: BTreeMap::new(), lead }
    }

    fn has_manifest_of_lead(&self) -> bool {
        self.offers.values().any(|offer| offer.manifest_sha256 == self.lead.manifest_sha256)
    }

    fn insert(&mut self, miner: Address, offer: ModelOffer) {
        if !self.has_manifest_of_lead() {
            self.lead = offer.clone();
        }
        self.offers.insert(miner, offer);
    }

    fn remove(&mut self, miner: Address) -> Option<ModelOffer> {
        let removed = self.offers.remove(&miner)?;
        if !self.has_manifest_of_lead()
            && let Some(next) = self.offers.values().next()
        {
            self.lead = next.clone();
        }
        Some(removed)
    }
}

impl Catalog {
    pub fn new(pinned: PinnedModels) -> Self {
        Self { pinned, ..Self::default() }
    }

    pub const fn pinned(&self) -> &PinnedModels {
        &self.pinned
    }

    /// Models that miners served before the hub started.
    pub fn remember(&mut self, offers: impl IntoIterator<Item = ModelOffer>) {
        for offer in offers {
            let key = ModelKey::offered(&offer);
            if self.pinned.check(&offer).is_ok()
                && self.remembered < REMEMBERED_MODELS_MAX
                && !self.models.contains_key(&key)
            {
                self.models.insert(key, Known::new(offer));
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
                Known::new(offer.clone())
            });
            self.remembered -= usize::from(known.offers.is_empty());
            known.insert(miner, offer.clone());
        }
    }

    pub(crate) fn disconnect(&mut self, miner: Address, offers: &[ModelOffer]) {
        for key in offers.iter().map(ModelKey::offered) {
            let Some(known) = self.models.get_mut(&key) else { continue };
            if known.remove(miner).is_none() || !known.offers.is_empty() {
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

    /// What holds for a model that a miner offers, or offered before; not for a pinned one that nobody ever did.
    pub fn lead_of(&self, kind: JobKind, model: &str) -> Option<&ModelOffer> {
        self.find(kind, model).map(|known| &known.lead)
    }

    /// The model of requests that name none: the pinned one of the kind. That of pictures is named also while nobody serves
    /// it, since its miner may come later.
    pub fn default_model(&self, kind: JobKind) -> Option<String> {
        let model = &self.pinned.default_of(kind)?.manifest.name;
        (kind == JobKind::Image || self.is_served(kind, model)).then(|| model.clone())
    }

    /// The steps and the guidance of a picture model whose requests leave them open.
    pub fn picture_defaults(&self, model: &str) -> Option<PictureDefaults> {
        if let Some(pinned) = self.pinned.find(JobKind::Image, model) {
            let manifest = &pinned.manifest;
            return Some(PictureDefaults { steps: manifest.default_steps, guidance: manifest.default_guidance });
        }
        Some(self.find(JobKind::Image, model)?.lead.defaults())
    }

    /// The setting for few steps of a picture model that a connected miner serves with one.
    pub fn fast_defaults(&self, model: &str) -> Option<PictureDefaults> {
        let known = self.find(JobKind::Image, model)?;
        if !known.offers.values().any(|offer| offer.fast.is_some()) {
            return None;
        }
        self.pinned.find(JobKind::Image, model).map_or(known.lead.fast, |pinned| pinned.manifest.fast)
    }

    /// Why no job may name this model: it is not known for the kind. `None` also for a text that is no name by its
    /// length, which is another error.
    pub fn refusal(&self, kind: JobKind, model: &str) -> Option<FieldError> {
        let is_name = (1..=MODEL_NAME_MAX_CHARS).contains(&model.chars().count());
        let is_known = self.pinned.find(kind, model).is_some() || self.find(kind, model).is_some();
        (is_name && !is_known).then(|| FieldError::bound("model", self.bound(kind), model))
    }

    fn bound(&self, kind: JobKind) -> String {
        let kind_name = kind.as_str();
        let first = ModelKey { kind, model: String::new() };
        let mut served = self.served.range(first..).take_while(|key| key.kind == kind).map(|key| &key.model);
        let named: Vec<String> = served.by_ref().take(NAMED_MAX).map(|model| format!("`{model}`")).collect();
        if named.is_empty() {
            return match self.pinned.default_of(kind) {
                Some(own) => {
                    format!("`{}` while no miner offers another one for the kind `{kind_name}`", own.manifest.name)
                }
                None => format!("a model that a miner offers for the kind `{kind_name}`; none is offered now"),
            };
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
    use shared::digest::Sha256Digest;

    use super::*;
    use crate::board::fixtures::{offer, pinned_model};

    fn miner(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    #[test]
    fn a_refusal_names_what_there_is_instead_but_not_without_end() {
        let refused = |count: usize| {
            let mut catalog = pinned(&["aitbc-scenes-1"]);
            let offers: Vec<_> = (0..count).map(|number| offer(&format!("m{number:02}"))).collect();
            catalog.connect(miner(1), &offers);
            catalog.refusal(JobKind::Image, "unknown").unwrap().bound.unwrap()
        };
        assert_eq!(refused(0), "`aitbc-scenes-1` while no miner offers another one for the kind `image`");
        assert_eq!(refused(2), "one of `m00`, `m01`, which miners offer for the kind `image`");
        assert!(refused(NAMED_MAX).contains("`m09`, which"), "{}", refused(NAMED_MAX));
        assert!(refused(NAMED_MAX + 3).contains("`m09` and others, which"), "{}", refused(NAMED_MAX + 3));
    }

    fn pinned(names: &[&str]) -> Catalog {
        Catalog::new(PinnedModels::new(names.iter().map(|name| pinned_model(name))).unwrap())
    }

    #[test]
    fn a_model_stays_known_after_its_miner_left() {
        let (mut catalog, mut offered) = (Catalog::default(), offer("scenes"));
        offered.fast = Some(PictureDefaults { steps: 4, guidance: 1.0 });
        catalog.connect(miner(1), std::slice::from_ref(&offered));
        assert_eq!(catalog.fast_defaults("scenes"), offered.fast);
        catalog.disconnect(miner(1), &[offered]);
        assert_eq!((catalog.default_model(JobKind::Image), catalog.fast_defaults("scenes")), (None, None));
        assert_eq!(catalog.picture_defaults("scenes").map(|defaults| defaults.steps), Some(8));
        assert_eq!(catalog.refusal(JobKind::Image, "scenes"), None);
        assert!(catalog.refusal(JobKind::Text, "scenes").is_some(), "for its own kind alone");
        assert!(!catalog.is_served(JobKind::Image, "scenes"));
    }

    /// The attack: a miner with the lowest address, or with the first name, says what holds for everybody.
    #[test]
    fn no_miner_says_what_holds_for_a_pinned_model_or_becomes_the_default() {
        let mut catalog = pinned(&["scenes"]);
        assert_eq!(catalog.default_model(JobKind::Image).as_deref(), Some("scenes"), "also before its first miner");
        let own = PictureDefaults { steps: 6, guidance: 2.0 };
        let mut liar = ModelOffer { manifest_sha256: pinned_model("scenes").sha256, ..offer("scenes") };
        (liar.default_steps, liar.default_guidance) = (100, 25.0);
        liar.fast = Some(PictureDefaults { steps: 100, guidance: 25.0 });
        catalog.connect(miner(0), &[liar, offer("a-first-one")]);
        assert_eq!(catalog.default_model(JobKind::Image).as_deref(), Some("scenes"));
        assert_eq!(catalog.picture_defaults("scenes"), Some(own));
        assert_eq!(catalog.fast_defaults("scenes"), pinned_model("scenes").manifest.fast);
        assert_eq!(catalog.default_model(JobKind::Text), None, "nothing is pinned for texts");
        assert_eq!(catalog.refusal(JobKind::Image, "scenes"), None);
    }

    #[test]
    fn what_is_stored_of_another_model_under_a_pinned_name_is_forgotten() {
        let mut catalog = pinned(&["scenes"]);
        catalog.remember([offer("scenes"), offer("others")]);
        assert_eq!(catalog.models.len(), 1);
    }

    #[test]
    fn a_later_miner_does_not_change_what_holds_for_a_model_without_a_pin() {
        let of = |steps, manifest: &[u8]| ModelOffer {
            default_steps: steps,
            manifest_sha256: Sha256Digest::of(manifest),
            ..offer("scenes")
        };
        let steps = |catalog: &Catalog| catalog.picture_defaults("scenes").unwrap().steps;
        let mut catalog = Catalog::default();
        catalog.connect(miner(5), &[of(8, b"first")]);
        catalog.connect(miner(0), &[of(100, b"other")]);
        catalog.connect(miner(1), &[of(99, b"first")]);
        assert_eq!(steps(&catalog), 8, "not the lowest address");
        catalog.disconnect(miner(5), &[of(8, b"first")]);
        assert_eq!(steps(&catalog), 8, "the same manifest is still served");
        catalog.disconnect(miner(1), &[of(99, b"first")]);
        assert_eq!(steps(&catalog), 100, "only the other one is left");
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
