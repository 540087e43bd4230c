//! Models whose manifest the operator pins by its SHA-256. What the first page says of them, and what holds for a job that
//! leaves something open, stands in the manifest. No miner can change it, and a miner that offers another model under the
//! same name is told apart.

use std::collections::BTreeMap;

use shared::capability::ModelOffer;
use shared::digest::Sha256Digest;
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::model::ModelManifest;

use crate::catalog::ModelKey;

/// Models that a refusal names.
const NAMED_MAX: usize = 10;

/// A manifest with its SHA-256.
#[derive(Debug, Clone, PartialEq)]
pub struct PinnedModel {
    pub sha256: Sha256Digest,
    pub manifest: ModelManifest,
}

/// Why a manifest cannot be pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    #[error("the manifest {sha256} cannot be read: {reason}")]
    Unreadable { sha256: Sha256Digest, reason: String },
    #[error("the {} model `{model}` is pinned to {} and to {}: a name has one manifest", kind.as_str(), .sha256[0], .sha256[1])]
    Twice { kind: JobKind, model: String, sha256: [Sha256Digest; 2] },
}

/// An offer with the name or the manifest of a pinned model, and not with both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignOffer {
    #[error(
        "offers: `{model}` has the manifest {got}, and this hub pins {pinned} under that name: it gets no jobs here; \
         update the model, or offer yours under another name"
    )]
    OtherManifest { model: String, pinned: Sha256Digest, got: Sha256Digest },
    /// Under a name that nobody else offers it would be audited by nobody, and its receipts would name the pinned model.
    #[error(
        "offers: `{model}` has the manifest {sha256}, which this hub pins under the name `{pinned}`: it gets no jobs \
         here; offer it under that name"
    )]
    OtherName { model: String, pinned: String, sha256: Sha256Digest },
}

impl PinnedModel {
    /// The manifest in these bytes; their hash is what offers must name.
    pub fn read(json: &[u8]) -> Result<Self, PinError> {
        let sha256 = Sha256Digest::of(json);
        match serde_json::from_slice(json) {
            Ok(manifest) => Ok(Self { sha256, manifest }),
            Err(error) => Err(PinError::Unreadable { sha256, reason: error.to_string() }),
        }
    }

    fn key(&self) -> ModelKey {
        ModelKey { kind: self.manifest.kind, model: self.manifest.name.clone() }
    }
}

/// All pinned models.
#[derive(Debug, Clone, Default)]
pub struct PinnedModels {
    models: BTreeMap<ModelKey, PinnedModel>,
    /// The first of each kind that was pinned: that of requests that name none.
    defaults: Vec<ModelKey>,
}

impl PinnedModels {
    pub fn new(models: impl IntoIterator<Item = PinnedModel>) -> Result<Self, PinError> {
        let mut pinned = Self::default();
        for model in models {
            let (key, second) = (model.key(), model.sha256);
            if pinned.default_of(key.kind).is_none() {
                pinned.defaults.push(key.clone());
            }
            match pinned.models.insert(key, model) {
                Some(first) if first.sha256 != second => {
                    let ModelManifest { kind, name: model, .. } = first.manifest;
                    return Err(PinError::Twice { kind, model, sha256: [first.sha256, second] });
                }
                _ => {}
            }
        }
        Ok(pinned)
    }

    /// By kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &PinnedModel> {
        self.models.values()
    }

    pub fn find(&self, kind: JobKind, model: &str) -> Option<&PinnedModel> {
        self.models.get(&ModelKey { kind, model: model.to_owned() })
    }

    /// The model of requests that name none.
    pub fn default_of(&self, kind: JobKind) -> Option<&PinnedModel> {
        self.defaults.iter().find(|key| key.kind == kind).and_then(|key| self.models.get(key))
    }

    /// Why a job without an API key that nobody pays may not name this model: it is not pinned. Anybody may offer a model
    /// under a new name, so that a visitor who names one would choose the miner that earns.
    pub fn refusal_of_sponsored(&self, kind: JobKind, model: &str) -> Option<FieldError> {
        if self.find(kind, model).is_some() {
            return None;
        }
        let of_kind = self.models.keys().filter(|key| key.kind == kind);
        let named: Vec<String> = of_kind.take(NAMED_MAX).map(|key| format!("`{}`", key.model)).collect();
        let pinned = if named.is_empty() { "none".to_owned() } else { named.join(" or ") };
        let bound = format!(
            "a model that this hub pins ({pinned} for the kind `{}`) where the job has no API key and nobody pays; use an \
             API key, or pay with `payment.mode` `escrow`, for any model that is served",
            kind.as_str()
        );
        Some(FieldError::bound("model", bound, model))
    }

    /// Refuses an offer under a pinned name with another manifest, and of a pinned manifest under another name or for another
    /// kind of work. Other names and manifests are free.
    pub fn check(&self, offer: &ModelOffer) -> Result<(), ForeignOffer> {
        let (got, model) = (offer.manifest_sha256, &offer.model);
        match self.find(offer.kind, model) {
            Some(pinned) if pinned.sha256 == got => Ok(()),
            Some(pinned) => Err(ForeignOffer::OtherManifest { model: model.clone(), pinned: pinned.sha256, got }),
            None => match self.iter().find(|pinned| pinned.sha256 == got) {
                Some(PinnedModel { manifest, sha256 }) => {
                    let pinned = manifest.name.clone();
                    Err(ForeignOffer::OtherName { model: model.clone(), pinned, sha256: *sha256 })
                }
                None => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::fixtures::{offer, pinned_model};

    #[test]
    fn the_hash_is_that_of_the_bytes_as_they_are() {
        let json = serde_json::to_vec(&pinned_model("scenes").manifest).unwrap();
        let read = PinnedModel::read(&json).unwrap();
        assert_eq!((read.sha256, read.manifest.name.as_str()), (Sha256Digest::of(&json), "scenes"));
        let spaced = [json.as_slice(), b"\n"].concat();
        assert_ne!(PinnedModel::read(&spaced).unwrap().sha256, read.sha256);
        assert!(matches!(PinnedModel::read(b"{}"), Err(PinError::Unreadable { .. })));
    }

    #[test]
    fn a_name_has_one_manifest_and_the_first_of_a_kind_is_its_default() {
        let (scenes, faces) = (pinned_model("scenes"), pinned_model("faces"));
        let pinned = PinnedModels::new([scenes.clone(), faces, scenes.clone()]).unwrap();
        assert_eq!(pinned.default_of(JobKind::Image), Some(&scenes));
        assert_eq!(pinned.default_of(JobKind::Text), None);
        let other = PinnedModel { sha256: Sha256Digest::of(b"other"), ..scenes.clone() };
        let refused = PinnedModels::new([scenes, other]).unwrap_err();
        assert!(matches!(refused, PinError::Twice { .. }), "{refused}");
    }

    #[test]
    fn a_sponsored_job_names_a_pinned_model_of_its_kind_and_a_refusal_says_what_else_to_do() {
        let pinned = PinnedModels::new([pinned_model("scenes")]).unwrap();
        assert_eq!(pinned.refusal_of_sponsored(JobKind::Image, "scenes"), None);
        for (kind, model, named) in [(JobKind::Image, "mine-1", "`scenes`"), (JobKind::Text, "scenes", "none")] {
            let refusal = pinned.refusal_of_sponsored(kind, model).unwrap();
            assert_eq!(refusal.field, "model");
            for word in [named, "API key", "payment.mode", model] {
                assert!(refusal.detail.contains(word), "{}", refusal.detail);
            }
        }
    }

    #[test]
    fn a_pinned_manifest_is_offered_under_its_own_name_and_kind_only() {
        let scenes = pinned_model("scenes");
        let pinned = PinnedModels::new([scenes.clone()]).unwrap();
        let own = ModelOffer { manifest_sha256: scenes.sha256, ..offer("scenes") };
        assert_eq!(pinned.check(&own), Ok(()));
        for other in [ModelOffer { model: "mine".into(), ..own.clone() }, ModelOffer { kind: JobKind::Text, ..own }] {
            let refused = pinned.check(&other).unwrap_err();
            assert!(matches!(&refused, ForeignOffer::OtherName { pinned, .. } if pinned == "scenes"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn only_the_pinned_manifest_may_have_a_pinned_name(bytes: Vec<u8>, named: bool) {
            let scenes = pinned_model("scenes");
            let pinned = PinnedModels::new([scenes.clone()]).unwrap();
            let mut asked = offer(if named { "scenes" } else { "others" });
            asked.manifest_sha256 = Sha256Digest::of(&bytes);
            let is_foreign = named && asked.manifest_sha256 != scenes.sha256;
            prop_assert_eq!(pinned.check(&asked).is_err(), is_foreign);
            asked.manifest_sha256 = scenes.sha256;
            prop_assert_eq!(pinned.check(&asked).is_ok(), named, "a pinned manifest has its own name only");
        }
    }
}
