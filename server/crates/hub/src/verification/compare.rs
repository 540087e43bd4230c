//! Compares a result with another miner's result of the same work.
//!
//! Equal bytes are equal. Others are decoded and judged by their distance ([`shared::comparison`]). Miners of one
//! determinism class may differ all the same: the class does not name the processor's instructions. So nobody is
//! refuted for other bytes alone, except with a text, which has no distance and is compared within one class only.

use shared::B256;
use shared::commitment::{Commitment, Salt};
use shared::comparison::{Comparison, picture_distance, vector_distance};
use shared::job::JobKind;

use super::image::decode;

/// What of a result is compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    pub files: &'a [&'a [u8]],
    /// For each file: it is black in place of a picture that the model's safety checker flagged.
    pub flagged: &'a [bool],
    pub determinism_class: &'a str,
}

/// What a copied picture cannot show: the root over all steps of the drawing.
#[derive(Debug, Clone, Copy)]
pub struct Proof {
    /// What the served receipt sealed.
    pub sealed: Option<Commitment>,
    pub salt: Salt,
    /// What the auditor shows.
    pub shown: Option<B256>,
}

impl Proof {
    /// Who has equal bits has an equal root. Nothing was sealed: nothing is asked.
    fn holds(&self) -> bool {
        self.sealed.is_none_or(|sealed| self.shown.is_some_and(|root| self.salt.commit_trace(root) == sealed))
    }
}

/// How two results of one kind stand to each other. Both passed every check of their form.
pub fn compare(kind: JobKind, one: &Compared<'_>, other: &Compared<'_>) -> Comparison {
    if one.files.len() != other.files.len() {
        return Comparison::DIFFERS;
    }
    if one.files == other.files {
        return Comparison::EQUAL;
    }
    let is_one_class = one.determinism_class == other.determinism_class;
    match kind {
        JobKind::Text if is_one_class => Comparison::DIFFERS,
        // Engines that round otherwise may write another word somewhere, and from there on another text.
        JobKind::Text => Comparison::UNCLEAR,
        // A black picture costs nothing. If one checker alone could call it right, everybody would hand in those.
        JobKind::Image if one.flagged != other.flagged => Comparison::DIFFERS,
        JobKind::Image => of_files(kind, one, other, pictures),
        JobKind::Embedding => of_files(kind, one, other, vectors),
    }
}

/// The same of an auditor's result and the served one. Within one class equal bytes count only with a proof, so that an
/// auditor that looks up the public result and hands it in as its own confirms nothing.
pub fn compare_with_served(kind: JobKind, served: &Compared<'_>, audit: &Compared<'_>, proof: &Proof) -> Comparison {
    let comparison = compare(kind, served, audit);
    let is_one_class = served.determinism_class == audit.determinism_class;
    let is_unproven = comparison == Comparison::EQUAL && kind == JobKind::Image && is_one_class && !proof.holds();
    if is_unproven { Comparison::UNCLEAR } else { comparison }
}

fn of_files(
    kind: JobKind,
    one: &Compared<'_>,
    other: &Compared<'_>,
    distance: fn(&[u8], &[u8]) -> Option<u64>,
) -> Comparison {
    let distances = one.files.iter().zip(other.files).map(|(one, other)| distance(one, other));
    // What cannot be compared has another form.
    let farthest = distances.collect::<Option<Vec<u64>>>().and_then(|all| all.into_iter().max());
    farthest.map_or(Comparison::DIFFERS, |distance| Comparison::of_distance(kind, distance))
}

fn pictures(one: &[u8], other: &[u8]) -> Option<u64> {
    picture_distance(&decode(one).ok()?, &decode(other).ok()?)
}

fn vectors(one: &[u8], other: &[u8]) -> Option<u64> {
    let rows = |json| serde_json::from_slice::<Vec<Vec<f32>>>(json).ok();
    let (one, other) = (rows(one)?, rows(other)?);
    if one.len() != other.len() {
        return None;
    }
    let distances = one.iter().zip(&other).map(|(one, other)| vector_distance(one, other));
    distances.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use shared::comparison::Agreement;

    use super::*;
    use crate::board::fixtures::{SALT, picture};

    fn compare_files(kind: JobKind, classes: [&str; 2], one: &[u8], other: &[u8]) -> Comparison {
        let result = |files, determinism_class| Compared { files, flagged: &[false], determinism_class };
        compare(kind, &result(&[one], classes[0]), &result(&[other], classes[1]))
    }

    fn blank(level: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(&[level; 64 * 64 * 3]).unwrap();
        bytes
    }

    #[test]
    fn a_picture_is_compared_by_its_pixels() {
        let said = |one: &[u8], other: &[u8]| compare_files(JobKind::Image, ["a", "b"], one, other).agreement;
        assert_eq!(said(&picture(64, 64), &picture(64, 64)), Agreement::Equal);
        assert_eq!(said(&blank(100), &blank(101)), Agreement::WithinTolerance);
        assert_eq!(said(&blank(100), &blank(103)), Agreement::Unclear);
        assert_eq!(said(&picture(64, 64), &blank(0)), Agreement::Differs);
        assert_eq!(said(&picture(64, 64), &picture(32, 64)), Agreement::Differs);
        assert_eq!(said(&picture(64, 64), b"no picture"), Agreement::Differs);
    }

    #[test]
    fn vectors_are_compared_row_by_row_and_the_worst_counts() {
        let said = |one: &str, other: &str| {
            compare_files(JobKind::Embedding, ["a", "a"], one.as_bytes(), other.as_bytes()).agreement
        };
        assert_eq!(said("[[1,0],[0,1]]", "[[1,0.0001],[0,1]]"), Agreement::WithinTolerance);
        assert_eq!(said("[[1,0],[0,1]]", "[[1,0],[1,0]]"), Agreement::Differs);
        assert_eq!(said("[[1,0],[0,1]]", "[[1,0]]"), Agreement::Differs);
        assert_eq!(said("[[1,0]]", "[[1,0,0]]"), Agreement::Differs);
    }

    #[test]
    fn a_text_is_equal_or_not_and_of_another_class_says_nothing() {
        let said = |classes, one: &str, other: &str| {
            compare_files(JobKind::Text, classes, one.as_bytes(), other.as_bytes()).agreement
        };
        assert_eq!(said(["a", "a"], "a lake", "a lake"), Agreement::Equal);
        assert_eq!(said(["a", "b"], "a lake", "a lake"), Agreement::Equal);
        assert_eq!(said(["a", "a"], "a lake", "a pond"), Agreement::Differs);
        assert_eq!(said(["a", "b"], "a lake", "a pond"), Agreement::Unclear);
    }

    #[test]
    fn a_flag_that_one_checker_sees_alone_is_a_difference_in_every_class() {
        let (whole, black) = (picture(64, 64), blank(0));
        for determinism_class in ["a", "b"] {
            let drawn = Compared { files: &[whole.as_slice()], flagged: &[false], determinism_class: "a" };
            let flagged = Compared { files: &[black.as_slice()], flagged: &[true], determinism_class };
            assert_eq!(compare(JobKind::Image, &drawn, &flagged).agreement, Agreement::Differs);
            assert_eq!(compare(JobKind::Image, &flagged, &flagged).agreement, Agreement::Equal);
        }
    }

    #[test]
    fn a_copied_picture_proves_nothing_within_its_class() {
        let bytes = picture(64, 64);
        let files: &[&[u8]] = &[&bytes];
        let of = |determinism_class| Compared { files, flagged: &[false], determinism_class };
        let root = B256::repeat_byte(7);
        let said = |class, shown| {
            let proof = Proof { sealed: Some(SALT.commit_trace(root)), salt: SALT, shown };
            compare_with_served(JobKind::Image, &of("a"), &of(class), &proof).agreement
        };
        assert_eq!(said("a", Some(root)), Agreement::Equal);
        assert_eq!(said("a", None), Agreement::Unclear);
        assert_eq!(said("a", Some(B256::repeat_byte(8))), Agreement::Unclear);
        assert_eq!(said("b", None), Agreement::Equal);
    }
}
