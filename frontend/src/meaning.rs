//! Which prompts are close in meaning to a query: the texts that a miner embeds, and the order that follows from its
//! vectors.

use shared::job::embedding::{INPUT_MAX_BYTES, INPUTS_MAX, INPUTS_MAX_BYTES};
use shared::model::stems;

/// The texts of the job that measures how near `prompts` are to `query`: the query first, then every prompt once, as
/// far as one job takes them. A prompt that is left off stays unmeasured.
pub fn texts_to_measure(query: &str, prompts: Vec<String>) -> Vec<String> {
    let mut texts = vec![query.to_owned()];
    let mut bytes = query.len();
    for prompt in prompts {
        let fits = prompt.len() <= INPUT_MAX_BYTES && bytes + prompt.len() <= INPUTS_MAX_BYTES;
        if fits && texts.len() < INPUTS_MAX && !prompt.trim().is_empty() && !texts.contains(&prompt) {
            bytes += prompt.len();
            texts.push(prompt);
        }
    }
    texts
}

/// How near a text is to another, from −1 to 1: the cosine of the angle between their vectors. `None` where the vectors
/// differ in length, point nowhere or hold what is no number.
pub fn nearness(one: &[f32], other: &[f32]) -> Option<f64> {
    let product = |left: &[f32], right: &[f32]| -> f64 {
        left.iter().zip(right).map(|(left, right)| f64::from(*left) * f64::from(*right)).sum()
    };
    let cosine = product(one, other) / (product(one, one) * product(other, other)).sqrt();
    (one.len() == other.len() && cosine.is_finite()).then(|| cosine.clamp(-1.0, 1.0))
}

/// Each of the `texts` after the first with its nearness to the first. A text without a usable vector is left out.
pub fn measured<'a>(texts: &'a [String], vectors: &[Vec<f32>]) -> Vec<(&'a str, f64)> {
    let Some((query, rest)) = vectors.split_first() else { return Vec::new() };
    let near = |(text, vector): (&'a String, &Vec<f32>)| Some((text.as_str(), nearness(query, vector)?));
    texts.iter().skip(1).zip(rest).filter_map(near).collect()
}

/// Whether `prompt` has every word of `query`, in the singular or in the plural.
pub fn holds_the_words(query: &str, prompt: &str) -> bool {
    let (wanted, held) = (stems(query), stems(prompt));
    !wanted.is_empty() && wanted.iter().all(|stem| held.contains(stem))
}

/// How a prompt answers a search.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rank {
    /// It [holds the words](holds_the_words) that were looked for.
    pub holds_words: bool,
    /// As [`nearness`]; absent where that was not measured.
    pub near: Option<f64>,
}

/// Items that hold the words come first, since a small model may not know one of them. Within both groups the nearest come
/// first, and those that were not measured last. Equal items keep their order.
pub fn best_first<T>(items: Vec<T>, rank: impl Fn(&T) -> Rank) -> Vec<(T, Rank)> {
    let mut items: Vec<(T, Rank)> = items
        .into_iter()
        .map(|item| {
            let rank = rank(&item);
            (item, rank)
        })
        .collect();
    let near = |rank: &Rank| rank.near.unwrap_or(f64::NEG_INFINITY);
    items.sort_by(|(_, one), (_, other)| {
        other.holds_words.cmp(&one.holds_words).then(near(other).total_cmp(&near(one)))
    });
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn asks_for_every_prompt_once_behind_the_query() {
        let asked = texts_to_measure("boats", texts(&["a city", "boats", "a lake", "a city", " "]));
        assert_eq!(asked, ["boats", "a city", "a lake"]);
    }

    #[test]
    fn never_asks_for_more_than_one_job_takes() {
        let long = "x".repeat(INPUT_MAX_BYTES + 1);
        assert_eq!(texts_to_measure("q", vec![long, "kept".to_owned()]), ["q", "kept"]);
        let many = (0..200).map(|number| number.to_string()).collect();
        assert_eq!(texts_to_measure("q", many).len(), INPUTS_MAX);
        let large = (0..20).map(|number| format!("{number:05}{}", "é".repeat(4_000))).collect();
        let asked = texts_to_measure("q", large);
        assert!(asked.len() > 1 && asked.iter().map(String::len).sum::<usize>() <= INPUTS_MAX_BYTES);
        let input = shared::job::embedding::EmbeddingInput { input: asked };
        assert!(input.validate().is_ok());
    }

    #[test]
    fn nearness_is_the_cosine_whatever_the_lengths_of_the_vectors() {
        assert_eq!(nearness(&[3.0, 0.0], &[0.5, 0.0]), Some(1.0));
        assert_eq!(nearness(&[1.0, 0.0], &[0.0, 7.0]), Some(0.0));
        assert_eq!(nearness(&[1.0, 1.0], &[-2.0, -2.0]), Some(-1.0));
        let near = nearness(&[1.0, 2.0], &[2.0, 1.0]).unwrap();
        assert!((near - 0.8).abs() < 1e-9, "{near}");
        assert!(nearness(&[f32::MAX, f32::MAX], &[f32::MAX, 0.0]).is_some(), "large numbers do not overflow");
    }

    #[test]
    fn vectors_that_say_nothing_are_no_measure() {
        let one = [1.0, 0.0];
        let useless: [&[f32]; 5] = [&[], &[0.0, 0.0], &[1.0], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0]];
        for vector in useless {
            assert_eq!(nearness(&one, vector), None, "{vector:?}");
            assert_eq!(nearness(vector, &one), None, "{vector:?}");
        }
    }

    #[test]
    fn a_text_without_its_vector_is_not_measured_and_harms_no_other() {
        let asked = texts(&["boats", "a city", "a lake", "a planet"]);
        let vectors = [vec![1.0, 0.0], vec![0.0, 0.0], vec![1.0, 1.0]];
        let known: Vec<&str> = measured(&asked, &vectors).into_iter().map(|(text, _)| text).collect();
        assert_eq!(known, ["a lake"]);
        for vectors in [vec![], vec![vec![]], vec![vec![1.0]], vec![vec![0.0], vec![1.0]]] {
            assert!(measured(&asked, &vectors).is_empty(), "{vectors:?}");
        }
        assert!(measured(&[], &[vec![1.0], vec![1.0]]).is_empty());
    }

    #[test]
    fn the_nearest_comes_first_and_equals_keep_their_order() {
        let items =
            vec![("a", Some(0.2)), ("b", None), ("c", Some(0.9)), ("d", Some(0.2)), ("e", None), ("f", Some(-1.0))];
        let rank = |(_, near): &(&str, Option<f64>)| Rank { holds_words: false, near: *near };
        let order: String = best_first(items, rank).into_iter().map(|((name, _), _)| name).collect();
        assert_eq!(order, "cadfbe");
    }

    #[test]
    fn what_holds_the_words_comes_before_what_is_nearer() {
        let prompts = [("a lighthouse", 0.9), ("hot-air balloons", 0.6), ("a city", 0.7), ("a balloon, far away", 0.1)];
        let rank =
            |(prompt, near): &(&str, f64)| Rank { holds_words: holds_the_words("Balloon", prompt), near: Some(*near) };
        let order: Vec<&str> = best_first(prompts.to_vec(), rank).into_iter().map(|((prompt, _), _)| prompt).collect();
        assert_eq!(order, ["hot-air balloons", "a balloon, far away", "a lighthouse", "a city"]);
    }

    #[test]
    fn a_search_holds_only_where_all_its_words_do() {
        assert!(holds_the_words("boats, night", "a boat at NIGHT"));
        for (query, prompt) in
            [("boats at night", "boats at noon"), ("art", "a party"), ("", "a city"), ("城市", "a city")]
        {
            assert!(!holds_the_words(query, prompt), "{query} in {prompt}");
        }
    }
}
