//! Where a text ends: before the first stop text that becomes whole in it, wherever tokens divide it.

/// Lets a text through as far as no stop text can begin there.
#[derive(Debug, Clone)]
pub(super) struct Stops {
    stops: Vec<String>,
    held: String,
    stopped: bool,
}

impl Stops {
    pub(super) fn new(stops: &[String]) -> Self {
        Self { stops: stops.to_vec(), held: String::new(), stopped: false }
    }

    /// A stop text became whole; nothing more is let through.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes more of the text and gives what is certain to be part of the answer.
    pub(super) fn push(&mut self, piece: &str) -> String {
        if self.stopped {
            return String::new();
        }
        self.held.push_str(piece);
        let whole = self.stops.iter().filter_map(|stop| {
            let begins = self.held.find(stop.as_str())?;
            Some((begins + stop.len(), begins))
        });
        if let Some((_, begins)) = whole.min() {
            self.stopped = true;
            self.held.truncate(begins);
            return std::mem::take(&mut self.held);
        }
        let rest = self.held.split_off(self.certain());
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back, once nothing follows.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Bytes before the first place where a stop text may have begun.
    fn certain(&self) -> usize {
        let may_begin = |at: &usize| {
            let rest = &self.held[*at..];
            self.stops.iter().any(|stop| stop.starts_with(rest))
        };
        let longest = self.stops.iter().map(String::len).max().unwrap_or_default();
        let from = self.held.len().saturating_sub(longest);
        let places = self.held.char_indices().map(|(at, _)| at).skip_while(|at| *at < from);
        places.into_iter().find(may_begin).unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut filter = Stops::new(&stops);
        let mut text: String = pieces.iter().map(|piece| filter.push(piece)).collect();
        text.push_str(&filter.finish());
        (text, filter.is_stopped())
    }

    #[test]
    fn a_stop_text_across_pieces_ends_the_text_before_it() {
        assert_eq!(through(&["\n\n"], &["a\n", "\nb"]), ("a".into(), true));
        assert_eq!(through(&["END"], &["the E", "N", "D of"]), ("the ".into(), true));
        assert_eq!(through(&["END"], &["the E", "NTRY"]), ("the ENTRY".into(), false));
        assert_eq!(through(&["END"], &["the EN"]), ("the EN".into(), false));
        assert_eq!(through(&[], &["all", " of it"]), ("all of it".into(), false));
        assert_eq!(through(&["漢字"], &["x漢", "字y"]), ("x".into(), true));
    }

    #[test]
    fn what_cannot_be_a_stop_text_is_let_through_at_once() {
        let mut filter = Stops::new(&["END".into()]);
        assert_eq!(filter.push("the E"), "the ");
        assert_eq!(filter.push("x"), "Ex");
    }

    proptest! {
        /// However the text is divided, it ends at the same place.
        #[test]
        fn pieces_do_not_matter(text in "[ab漢]{0,30}", stops in prop::collection::vec("[ab漢]{1,4}", 0..4), cuts in prop::collection::vec(0..30_usize, 0..6)) {
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let characters: Vec<char> = text.chars().collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(characters.len())).collect();
            cuts.extend([0, characters.len()]);
            cuts.sort_unstable();
            let pieces: Vec<String> = cuts.windows(2).map(|pair| characters[pair[0]..pair[1]].iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let (divided, stopped) = through(&stops, &pieces);
            prop_assert_eq!((divided.clone(), stopped), through(&stops, &[&text]));
            prop_assert!(text.starts_with(&divided));
            prop_assert!(!stops.iter().any(|stop| divided.contains(stop)));
            prop_assert_eq!(stopped, stops.iter().any(|stop| text.contains(stop)));
        }
    }
}
