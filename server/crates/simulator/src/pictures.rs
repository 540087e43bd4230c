//! Results as files, so that the hub's own comparison judges them. A picture here has 8 × 8 pixels; what counts is how
//! far two of them are apart, and that is drawn from what was measured.

use std::io;

use hub::verification::compare::{self, Proof};
use shared::commitment::Salt;
use shared::comparison::Comparison;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::{Address, B256};

use crate::random::Random;

const SIDE_PX: u32 = 8;

/// Distances beyond it are cut off: the bytes of a picture have no more room. It is far above the second limit.
const DISTANCE_MAX: u64 = 60_000;

/// What a miner handed in for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// Which picture an honest miner draws.
    pub(crate) job: u64,
    /// How far it is from that one, in thousandths of a level, and in which direction.
    pub(crate) distance: u64,
    pub(crate) direction: u64,
    pub(crate) flagged: bool,
    /// The determinism class that it states.
    pub(crate) class: &'static str,
    /// The root over the steps that it shows; a copy has none.
    pub(crate) root: Option<B256>,
}

/// Determinism classes of honest miners.
pub(crate) const CLASSES: [&str; 2] = ["tract", "onnxruntime"];

/// What a copy states, so that nobody asks for its root.
const CLASS_OF_COPIES: &str = "another";

impl Content {
    /// Done by the rules with the engine of a class. Miners of one class draw the same bytes.
    pub(crate) fn honest(job: u64, class: &'static str, distance: u64) -> Self {
        let direction = class.len() as u64;
        let distance = if class == CLASSES[0] { 0 } else { distance };
        Self { job, distance, direction, flagged: false, class, root: Some(root(job, direction)) }
    }

    pub(crate) fn lie(job: u64, distance: u64, flagged: bool, by: Address, class: &'static str) -> Self {
        let direction = u64::from_be_bytes(by[..8].try_into().unwrap_or_default()) | 1;
        Self { job, distance, direction, flagged, class, root: Some(root(job, direction)) }
    }

    /// `knows_root`: its owner has the root as well.
    pub(crate) fn copied(self, knows_root: bool) -> Self {
        if knows_root { self } else { Self { class: CLASS_OF_COPIES, root: None, ..self } }
    }

    fn bytes(&self) -> Vec<u8> {
        let (mut honest, mut away) = (Random::new(self.job, "picture"), Random::new(self.job, "distance"));
        let mut signs = Random::new(self.direction, "direction");
        let distance = self.distance.min(DISTANCE_MAX);
        let samples = 3 * SIDE_PX * SIDE_PX;
        (0..samples)
            .map(|_| {
                let (level, draw) = (64 + honest.below(128), away.below(1_000));
                let moved = distance / 1_000 + u64::from(draw < distance % 1_000);
                let level = if signs.below(2) == 0 { level - moved } else { level + moved };
                level as u8
            })
            .collect()
    }

    fn file(&self) -> Vec<u8> {
        let pixels = if self.flagged { vec![0; self.bytes().len()] } else { self.bytes() };
        let mut file = Vec::new();
        // Writing to memory does not fail; an empty file is no picture and agrees with nothing.
        if encode(&pixels, &mut file).is_err() {
            file.clear();
        }
        file
    }
}

fn encode(pixels: &[u8], into: &mut Vec<u8>) -> io::Result<()> {
    let mut encoder = png::Encoder::new(into, SIDE_PX, SIDE_PX);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(())
}

fn root(job: u64, direction: u64) -> B256 {
    Sha256Digest::of(&[job.to_be_bytes(), direction.to_be_bytes()].concat()).0
}

/// An auditor's result beside the served one.
pub(crate) fn beside_served(served: &Content, audit: &Content, salt: Salt) -> Comparison {
    let sealed = served.root.map(|root| salt.commit_trace(root));
    let proof = Proof { sealed, salt, shown: audit.root };
    with_files(served, audit, |one, other| compare::compare_with_served(JobKind::Image, one, other, &proof))
}

/// Two auditors' results beside each other.
pub(crate) fn beside(one: &Content, other: &Content) -> Comparison {
    with_files(one, other, |one, other| compare::compare(JobKind::Image, one, other))
}

fn with_files(
    one: &Content,
    other: &Content,
    judge: impl FnOnce(&compare::Compared<'_>, &compare::Compared<'_>) -> Comparison,
) -> Comparison {
    let (files, flags) = ([one.file(), other.file()], [[one.flagged], [other.flagged]]);
    let [of_one, of_other] = [[files[0].as_slice()], [files[1].as_slice()]];
    judge(
        &compare::Compared { files: &of_one, flagged: &flags[0], determinism_class: one.class },
        &compare::Compared { files: &of_other, flagged: &flags[1], determinism_class: other.class },
    )
}

#[cfg(test)]
mod tests {
    use shared::comparison::Agreement;

    use super::*;
    use crate::assumptions::{BLANK, HALF_OF_THE_STEPS, HONEST, OTHER_SEED};

    const SALT: Salt = Salt(B256::repeat_byte(1));
    const LIAR: Address = Address::repeat_byte(9);

    #[test]
    fn honest_results_agree_and_their_distance_is_what_was_measured() {
        for job in 0..50 {
            for distance in [HONEST.0, HONEST.1] {
                let (one, other) =
                    (Content::honest(job, CLASSES[0], distance), Content::honest(job, CLASSES[1], distance));
                for (one, other) in [(one, one), (one, other), (other, other)] {
                    assert!(beside_served(&one, &other, SALT).agreement.agrees());
                }
            }
        }
    }

    #[test]
    fn a_lie_differs_from_the_work_at_about_its_distance() {
        for (job, (least, most)) in [HALF_OF_THE_STEPS, OTHER_SEED, BLANK].into_iter().enumerate() {
            for distance in [least, most] {
                let lie = Content::lie(job as u64, distance, false, LIAR, CLASSES[0]);
                let comparison = beside_served(&lie, &Content::honest(job as u64, CLASSES[1], 4), SALT);
                assert_eq!(comparison.agreement, Agreement::Differs);
                let expected = distance.min(DISTANCE_MAX);
                assert!(comparison.distance.unwrap().abs_diff(expected) < 500, "{comparison:?} for {expected}");
            }
        }
    }

    #[test]
    fn a_copy_without_the_root_states_another_class_and_is_believed() {
        let lie = Content::lie(1, 20_000, false, LIAR, CLASSES[0]);
        assert_eq!(beside_served(&lie, &lie.copied(true), SALT).agreement, Agreement::Equal);
        assert_eq!(beside_served(&lie, &lie.copied(false), SALT).agreement, Agreement::Equal);
        let same_class = Content { class: lie.class, ..lie.copied(false) };
        assert_eq!(beside_served(&lie, &same_class, SALT).agreement, Agreement::Unclear);
    }
}
