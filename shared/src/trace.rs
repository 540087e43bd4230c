//! The commitment to every step of a picture, and the opening of one step for an auditor.
//!
//! A leaf is `keccak256(0x00 ‖ picture ‖ step ‖ latents)`, with both numbers as little-endian u32 and the latents as
//! little-endian f32 in row-major order. Step 0 holds the latents that the walk starts from, step n those after the n-th
//! network call. The leaves of all pictures, each with all its steps, form a Merkle tree as in RFC 9162, 2.1.1: a node is
//! `keccak256(0x01 ‖ left ‖ right)`, and the left half has the largest power of two of leaves below the whole. The root
//! is `keccak256(0x02 ‖ pictures ‖ steps ‖ tree)`, so that it also fixes how many steps were walked.

use alloy_primitives::{B256, Keccak256, keccak256};
use serde::{Deserialize, Serialize};

/// Most pictures × (steps + 1) of a trace: sixteen pictures of a hundred steps, some of two calls.
pub const LEAVES_MAX: u32 = 4_096;

/// Latents that are turned into bytes at a time: a hash takes long pieces faster than short ones.
const PIECE_LATENTS: usize = 512;

const LEAF: u8 = 0;
const NODE: u8 = 1;
const ROOT: u8 = 2;

/// How many steps a trace commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceShape {
    pub pictures: u32,
    /// Network calls per picture.
    pub steps: u32,
}

impl TraceShape {
    /// None beyond [`LEAVES_MAX`] and for no picture at all.
    pub fn leaves(self) -> Option<u32> {
        let leaves = self.steps.checked_add(1)?.checked_mul(self.pictures)?;
        (1..=LEAVES_MAX).contains(&leaves).then_some(leaves)
    }

    /// Which leaf holds the latents of `picture` after `step` calls.
    fn index(self, picture: u32, step: u32) -> Option<u32> {
        (picture < self.pictures && step <= self.steps).then(|| picture * (self.steps + 1) + step)
    }
}

/// The leaf of `picture`'s latents after `step` network calls.
pub fn leaf(picture: u32, step: u32, latents: &[f32]) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update([LEAF]);
    hasher.update(picture.to_le_bytes());
    hasher.update(step.to_le_bytes());
    let mut bytes = [0; PIECE_LATENTS * size_of::<f32>()];
    for piece in latents.chunks(PIECE_LATENTS) {
        let (places, _) = bytes.as_chunks_mut();
        places.iter_mut().zip(piece).for_each(|(place, value)| *place = value.to_le_bytes());
        hasher.update(&bytes[..size_of_val(piece)]);
    }
    hasher.finalize()
}

/// The root over `leaves`, which are `shape`'s in the order of pictures and steps; None where their number is another.
pub fn root(shape: TraceShape, leaves: &[B256]) -> Option<B256> {
    (shape.leaves()? as usize == leaves.len()).then(|| seal(shape, tree(leaves)))
}

/// One step: the latents before and after its network call, each with its path to the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    pub shape: TraceShape,
    /// From 0.
    pub picture: u32,
    /// 1 to `shape.steps`.
    pub step: u32,
    #[serde(with = "latents_base64")]
    pub before: Vec<f32>,
    #[serde(with = "latents_base64")]
    pub after: Vec<f32>,
    /// Siblings from the leaf up.
    pub before_path: Vec<B256>,
    pub after_path: Vec<B256>,
}

impl Opening {
    /// Opens `step` of `picture`. `before` and `after` are its latents, which the auditor checks against `leaves`' root.
    /// None where the trace has no such step or `leaves` are not of `shape`.
    pub fn new(
        shape: TraceShape,
        leaves: &[B256],
        (picture, step): (u32, u32),
        before: Vec<f32>,
        after: Vec<f32>,
    ) -> Option<Self> {
        if shape.leaves()? as usize != leaves.len() {
            return None;
        }
        let before_index = shape.index(picture, step.checked_sub(1)?)? as usize;
        let after_index = shape.index(picture, step)? as usize;
        let (before_path, after_path) = (path(leaves, before_index), path(leaves, after_index));
        Some(Self { shape, picture, step, before, after, before_path, after_path })
    }

    /// Both latents are those that `root` commits to, at this step of this picture.
    pub fn is_of(&self, root: B256) -> bool {
        let Some(step_before) = self.step.checked_sub(1) else { return false };
        self.leads_to(root, step_before, &self.before, &self.before_path)
            && self.leads_to(root, self.step, &self.after, &self.after_path)
    }

    fn leads_to(&self, root: B256, step: u32, latents: &[f32], path: &[B256]) -> bool {
        let leads = || {
            let (index, leaves) = (self.shape.index(self.picture, step)?, self.shape.leaves()?);
            let top = climb(leaf(self.picture, step, latents), index, leaves, path)?;
            Some(seal(self.shape, top) == root)
        };
        leads().unwrap_or(false)
    }
}

fn seal(shape: TraceShape, tree: B256) -> B256 {
    keccak256([&[ROOT], &shape.pictures.to_le_bytes()[..], &shape.steps.to_le_bytes(), tree.as_slice()].concat())
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([&[NODE], left.as_slice(), right.as_slice()].concat())
}

/// Leaves of the left half of a tree of `count` ≥ 2.
fn left_half(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn tree(leaves: &[B256]) -> B256 {
    match leaves {
        [] => B256::ZERO,
        [only] => *only,
        several => {
            let (left, right) = several.split_at(left_half(several.len()));
            node(tree(left), tree(right))
        }
    }
}

/// Siblings of leaf `index`, from it up.
fn path(leaves: &[B256], index: usize) -> Vec<B256> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(left_half(leaves.len()));
    let (mut below, sibling) = match index.checked_sub(left.len()) {
        None => (path(left, index), tree(right)),
        Some(index) => (path(right, index), tree(left)),
    };
    below.push(sibling);
    below
}

/// The tree of `count` leaves whose leaf `index` is `leaf`; None where the path has another length.
fn climb(leaf: B256, index: u32, count: u32, path: &[B256]) -> Option<B256> {
    if count < 2 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, below) = path.split_last()?;
    let left = left_half(count as usize) as u32;
    match index.checked_sub(left) {
        None => Some(node(climb(leaf, index, left, below)?, *sibling)),
        Some(index) => Some(node(*sibling, climb(leaf, index, count - left, below)?)),
    }
}

/// Latents as base64 of their little-endian bytes: a decimal text could lose a bit.
mod latents_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(latents: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = latents.iter().flat_map(|value| value.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)?;
        let (values, rest) = bytes.as_chunks::<4>();
        if rest.is_empty() {
            Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
        } else {
            Err(de::Error::custom(format!("latents are a multiple of 4 bytes, got {}", bytes.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn latents(picture: u32, step: u32) -> Vec<f32> {
        vec![picture as f32, step as f32 + 0.5, -0.0]
    }

    fn trace(shape: TraceShape) -> Vec<B256> {
        let steps = |picture| (0..=shape.steps).map(move |step| leaf(picture, step, &latents(picture, step)));
        (0..shape.pictures).flat_map(steps).collect()
    }

    fn open(shape: TraceShape, picture: u32, step: u32) -> Opening {
        let (before, after) = (latents(picture, step - 1), latents(picture, step));
        Opening::new(shape, &trace(shape), (picture, step), before, after).unwrap()
    }

    #[test]
    fn the_hashes_are_those_of_the_specification() {
        let first = leaf(0, 0, &[1.0]);
        assert_eq!(first, keccak256([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3F]));
        let second = leaf(0, 1, &[1.0]);
        let top = keccak256([&[1], first.as_slice(), second.as_slice()].concat());
        let shape = TraceShape { pictures: 1, steps: 1 };
        let sealed = keccak256([&[2, 1, 0, 0, 0, 1, 0, 0, 0], top.as_slice()].concat());
        assert_eq!(root(shape, &[first, second]), Some(sealed));
        assert_eq!(root(shape, &[first]), None);
    }

    #[test]
    fn another_latent_step_picture_path_or_root_does_not_open() {
        let shape = TraceShape { pictures: 2, steps: 4 };
        let committed = root(shape, &trace(shape)).unwrap();
        let honest = open(shape, 1, 3);
        assert!(honest.is_of(committed));
        assert!(!honest.is_of(B256::ZERO));
        let mut wrong = vec![honest.clone(); 7];
        wrong[0].after[1] += 1e-6;
        wrong[1].before[2] = 0.0;
        wrong[2].step = 2;
        wrong[3].picture = 0;
        wrong[4].after_path.swap(0, 1);
        wrong[5].before_path.pop();
        wrong[6].shape.steps = 5;
        for opening in wrong {
            assert!(!opening.is_of(committed), "{opening:?}");
        }
        let none = Opening { step: 0, ..honest };
        assert!(!none.is_of(committed));
        assert!(Opening::new(shape, &trace(shape), (0, 0), vec![], vec![]).is_none());
        assert!(Opening::new(shape, &trace(shape), (2, 1), vec![], vec![]).is_none());
    }

    #[test]
    fn a_trace_has_an_end() {
        assert_eq!(TraceShape { pictures: u32::MAX, steps: u32::MAX }.leaves(), None);
        assert_eq!(TraceShape { pictures: 0, steps: 4 }.leaves(), None);
        assert_eq!(TraceShape { pictures: 16, steps: 101 }.leaves(), Some(1_632));
    }

    proptest! {
        #[test]
        fn every_step_of_every_trace_opens_and_survives_json(pictures in 1..4_u32, steps in 1..9_u32) {
            let shape = TraceShape { pictures, steps };
            let committed = root(shape, &trace(shape)).unwrap();
            for (picture, step) in (0..pictures).flat_map(|picture| (1..=steps).map(move |step| (picture, step))) {
                let opening = open(shape, picture, step);
                prop_assert!(opening.is_of(committed));
                let json = serde_json::to_string(&opening).unwrap();
                prop_assert_eq!(serde_json::from_str::<Opening>(&json).unwrap(), opening);
            }
        }
    }
}
