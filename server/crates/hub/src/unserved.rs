//! Who asked on a day for which model that nobody could serve: each asker counts once for a model, and for a few models only.
//!
//! The count is shown to miners, and anybody can send requests that are refused. So it must cost more than requests to raise
//! a figure or to fill the list.

use std::collections::{HashMap, VecDeque};

use shared::job::JobKind;
use shared::job::request::MODEL_NAME_MAX_CHARS;

use crate::catalog::ModelKey;

/// Models that one asker counts for on a day.
pub const MODELS_PER_ASKER: usize = 8;

/// Askers of a day that are remembered. Beyond it the earliest one is forgotten, and may count once more.
pub const ASKERS_MAX: usize = 10_000;

/// Models of one day that are counted.
pub const MODELS_PER_DAY: u64 = 500;

/// Marks that a model's name has beside letters and digits: enough for every name that a registry gives, and too few for
/// a sentence.
const NAME_MARKS: [char; 6] = ['.', '_', ':', '/', '-', '@'];

/// What a day's askers asked for.
#[derive(Debug, Default)]
pub struct AskedToday {
    day: u64,
    by_asker: HashMap<String, Vec<ModelKey>>,
    /// Earliest first.
    order: VecDeque<String>,
}

impl AskedToday {
    /// Notes a refused request. Whether it counts: the text may be a model's name, and the asker has not counted for it on
    /// this day, nor for too many others.
    pub fn count(&mut self, day: u64, asker: &str, kind: JobKind, model: &str) -> bool {
        if !may_name_a_model(model) {
            return false;
        }
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
        let key = ModelKey { kind, model: model.to_owned() };
        if let Some(asked) = self.by_asker.get_mut(asker) {
            let counts = asked.len() < MODELS_PER_ASKER && !asked.contains(&key);
            if counts {
                asked.push(key);
            }
            return counts;
        }
        if self.order.len() >= ASKERS_MAX
            && let Some(earliest) = self.order.pop_front()
        {
            self.by_asker.remove(&earliest);
        }
        self.order.push_back(asker.to_owned());
        self.by_asker.insert(asker.to_owned(), vec![key]);
        true
    }
}

/// Whether a text looks like the name of a model. It is shown to everybody, so it must not be a message.
fn may_name_a_model(text: &str) -> bool {
    let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || NAME_MARKS.contains(&letter);
    (1..=MODEL_NAME_MAX_CHARS).contains(&text.chars().count()) && text.chars().all(is_of_a_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: JobKind = JobKind::Text;

    #[test]
    fn an_asker_counts_once_a_day_for_a_model() {
        let mut asked = AskedToday::default();
        assert!(asked.count(7, "one", TEXT, "llama"));
        assert!(!asked.count(7, "one", TEXT, "llama"));
        assert!(asked.count(7, "one", JobKind::Embedding, "llama"), "another kind is another model");
        assert!(asked.count(7, "two", TEXT, "llama"));
        assert!(asked.count(8, "one", TEXT, "llama"), "on another day");
    }

    #[test]
    fn an_asker_counts_for_a_few_models() {
        let mut asked = AskedToday::default();
        let count = (0..100).filter(|number| asked.count(7, "one", TEXT, &format!("model-{number}"))).count();
        assert_eq!(count, MODELS_PER_ASKER);
        assert!(asked.count(7, "two", TEXT, "model-99"));
    }

    #[test]
    fn what_is_no_name_does_not_count() {
        let mut asked = AskedToday::default();
        let long = "m".repeat(MODEL_NAME_MAX_CHARS + 1);
        for text in ["", "buy this now", "<b>", "a\nb", "模型", "https://a.b/c?d=e", long.as_str()] {
            assert!(!asked.count(7, "one", TEXT, text), "{text}");
        }
        for name in ["llama3.2:1b", "hf.co/someone/A_model-7B:Q4_K_M", "user@host/x"] {
            assert!(asked.count(7, "one", TEXT, name), "{name}");
        }
    }

    #[test]
    fn a_crowd_of_askers_is_forgotten_from_its_beginning() {
        let mut asked = AskedToday::default();
        for number in 0..ASKERS_MAX {
            assert!(asked.count(7, &number.to_string(), TEXT, "llama"));
        }
        assert!(asked.count(7, "late", TEXT, "llama"));
        assert_eq!((asked.by_asker.len(), asked.order.len()), (ASKERS_MAX, ASKERS_MAX));
        assert!(!asked.count(7, "1", TEXT, "llama") && asked.count(7, "0", TEXT, "llama"));
    }
}
