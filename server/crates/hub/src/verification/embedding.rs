//! Embeddings: a JSON array with a vector for each text.

use shared::job::embedding::{DIMENSIONS_MAX, MEDIA_TYPE, ValidEmbeddingInput};
use shared::protocol::ARTIFACT_MAX_BYTES;

use super::{File, Refutation, check_form, only};

pub(super) fn check(input: &ValidEmbeddingInput, files: &[File<'_>]) -> Result<(), Refutation> {
    let file = only(files)?;
    check_form(0, &file, MEDIA_TYPE, ARTIFACT_MAX_BYTES)?;
    let vectors: Vec<Vec<f32>> = serde_json::from_slice(file.bytes)
        .map_err(|error| Refutation::Undecodable { index: 0, reason: error.to_string() })?;
    let dimensions = vectors.first().map_or(0, Vec::len);
    let wrong = |got: String| Refutation::Vectors {
        wanted: input.input.len(),
        bound: format!("1 to {DIMENSIONS_MAX} finite numbers, not all 0"),
        got,
    };
    if vectors.len() != input.input.len() {
        return Err(wrong(format!("{} vectors", vectors.len())));
    }
    if !(1..=DIMENSIONS_MAX).contains(&dimensions) {
        return Err(wrong(format!("{dimensions} numbers")));
    }
    for (index, vector) in vectors.iter().enumerate() {
        if vector.len() != dimensions {
            return Err(wrong(format!("{} numbers at {index} after {dimensions}", vector.len())));
        }
        let finite = vector.iter().all(|number| number.is_finite());
        if !finite || vector.iter().all(|number| *number == 0.0) {
            return Err(wrong(format!("numbers at {index} that are no direction")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(json: &str) -> Result<(), Refutation> {
        let input = ValidEmbeddingInput { input: vec!["a".into(), "b".into()] };
        check(&input, &[File { media_type: MEDIA_TYPE, bytes: json.as_bytes(), flagged: false }])
    }

    #[test]
    fn a_vector_of_one_length_for_each_text_passes() {
        assert_eq!(judge("[[0.6,0.8],[1,0]]"), Ok(()));
    }

    #[test]
    fn everything_else_is_refuted() {
        for json in ["[[1,0]]", "[[1,0],[1]]", "[[],[]]", "[[0,0],[1,0]]", "[[1e999,0],[1,0]]", "[[1,0],[1,0],[1,0]]"] {
            assert!(judge(json).is_err(), "{json} was taken");
        }
        for json in ["", "{}", "[[null,1],[1,0]]", "[[1,0],[1,0]] x", "[[\"1\"],[1]]"] {
            assert!(matches!(judge(json), Err(Refutation::Undecodable { .. })), "{json}");
        }
    }
}
