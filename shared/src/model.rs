//! A model's manifest: which files it is made of, pinned by hash, and what it can do.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::job::JobKind;
use crate::job::image::PictureDefaults;

/// Name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Most bytes of a manifest.
pub const MANIFEST_MAX_BYTES: u64 = 1 << 20;

/// The product's own model of a kind, which a fresh worker serves: that of requests that name none.
pub const fn own_model(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Image => "aitbc-scenes-1",
        JobKind::Text => "aitbc-words-1",
        JobKind::Embedding => "aitbc-meanings-1",
    }
}

/// `manifest.json` of a model's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelManifest {
    pub name: String,
    pub version: String,
    pub kind: JobKind,
    /// SPDX expression.
    pub licence: String,
    pub files: Vec<ModelFile>,
    /// The graph of a language model that is served; absent where the folder has one of a usual name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<String>,
    /// What it draws well, in words for people.
    #[serde(default)]
    pub draws: Vec<String>,
    #[serde(default)]
    pub does_not_draw: Vec<String>,
    /// Prompts that show it at its best.
    #[serde(default)]
    pub suggestions: Vec<String>,
    /// Words of which a prompt should name one, in lower case ASCII; empty where the model knows nearly everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// Of picture models, 0 for others.
    #[serde(default)]
    pub default_steps: u32,
    /// Of picture models, 0 for others.
    #[serde(default, deserialize_with = "crate::finite::deserialize")]
    pub default_guidance: f32,
    /// The same for a picture model's second setting, the scheduler in `scheduler_fast` that draws in few steps; absent
    /// where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<PictureDefaults>,
    /// Width and height at which a picture model was trained, in pixels; 0 for others.
    #[serde(default)]
    pub native_size_px: u32,
}

/// One file, relative to the folder, with forward slashes and without `..`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    pub path: String,
    pub sha256: Sha256Digest,
    pub bytes: u64,
}

/// Endings of words that take `es` in the plural, with the `e` that stays when its `s` is taken away.
const PLURALS_IN_ES: [&str; 6] = ["che", "she", "sse", "xe", "ze", "oe"];

/// The words of an English text in lower case, each in one form for its singular and its regular plural.
pub fn stems(text: &str) -> Vec<String> {
    let text = text.to_ascii_lowercase();
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.map(stem).filter(|stem| !stem.is_empty()).collect()
}

/// `city` of "city" and "cities", `beach` of "beach" and "beaches". Not always a word, but the same for both numbers.
fn stem(word: &str) -> String {
    let stem = word.strip_suffix('s').filter(|stem| !stem.ends_with('s')).unwrap_or(word);
    if let Some(head) = stem.strip_suffix("ie") {
        return format!("{head}y");
    }
    let in_es = PLURALS_IN_ES.iter().any(|ending| stem.ends_with(ending));
    stem.strip_suffix('e').filter(|_| in_es).unwrap_or(stem).to_owned()
}

/// Whether a prompt names one of a model's `subjects`, each of them one word. No subjects exclude nothing.
pub fn names_a_subject(prompt: &str, subjects: &[String]) -> bool {
    let words = stems(prompt);
    subjects.is_empty() || subjects.iter().any(|subject| stems(subject).iter().any(|stem| words.contains(stem)))
}

#[cfg(test)]
mod tests {
    use super::{names_a_subject, stems};

    #[test]
    fn a_prompt_is_known_by_one_of_its_words() {
        let subjects = ["city", "skyline", "mountains", "seas"].map(str::to_owned);
        for known in ["A City, at night", "neon skylines", "one mountain", "the sea!"] {
            assert!(names_a_subject(known, &subjects), "{known}");
        }
        for unknown in ["", "a cat", "capacity", "seaside", "城市"] {
            assert!(!names_a_subject(unknown, &subjects), "{unknown}");
        }
        assert!(names_a_subject("a cat", &[]));
    }

    #[test]
    fn a_subject_is_named_in_either_number() {
        let subjects =
            ["city", "beach", "skyscrapers", "valley", "pass", "volcano", "foxes", "cookies"].map(str::to_owned);
        let known =
            ["CITIES at night", "beaches", "a skyscraper", "two valleys", "passes", "volcanoes", "a fox", "a cookie"];
        for known in known {
            assert!(names_a_subject(known, &subjects), "{known}");
        }
        for unknown in ["citadels", "bees", "valets", "a pasta", "volcanic", "cook"] {
            assert!(!names_a_subject(unknown, &subjects), "{unknown}");
        }
    }

    #[test]
    fn a_genitive_leaves_no_empty_word() {
        assert_eq!(stems("the city's sky, s"), ["the", "city", "sky"]);
    }
}
