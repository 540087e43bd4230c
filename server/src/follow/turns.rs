//! Which node is asked next: each in its turn, and one that takes long less often, so that it costs the others little time.

use std::time::{Duration, Instant};

/// A node that kept this one waiting for longer in its turn is slow.
const SLOW: Duration = Duration::from_secs(2);

/// A slow node rests this many times as long as it kept this one waiting, so that it has a tenth of the time at most.
const REST_FACTOR: u32 = 9;

/// A node that is asked for blocks.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) url: String,
    rests_until: Option<Instant>,
    /// What its last turn showed.
    pub(super) last: Seen,
}

/// What a node's turn showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The height of its head, where it gave what it was asked for.
    pub(super) height: Option<u64>,
    /// Why it could not be followed.
    pub(super) fault: Option<String>,
    /// Whether a quorum signed another branch, which it has.
    pub(super) is_forked: bool,
}

impl Source {
    pub(super) fn all(urls: &[String]) -> Vec<Self> {
        urls.iter().map(|url| Self { url: url.clone(), rests_until: None, last: Seen::default() }).collect()
    }

    /// Notes a turn that ended `now`, and how long the node kept this one waiting in it.
    pub(super) fn end_turn(&mut self, seen: Seen, waited: Duration, now: Instant) {
        self.last = seen;
        self.rests_until = (waited > SLOW).then(|| now + waited * REST_FACTOR);
    }

    fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }
}

/// The places of those that are asked in a round by a node whose head is at the height `head`: all that do not rest; and one that
/// rests, where all others were at fault, or where it has blocks that this node lacks and none of the others has any.
pub(super) fn due(sources: &[Source], head: u64, now: Instant) -> Vec<usize> {
    let has_more = |place: usize| sources[place].last.height.is_some_and(|height| height > head);
    let (mut resting, mut asked): (Vec<usize>, Vec<usize>) =
        (0..sources.len()).partition(|&place| sources[place].rests(now));
    if asked.iter().any(|&place| sources[place].last.fault.is_none()) {
        let is_needed = !asked.iter().any(|&place| has_more(place));
        resting.retain(|&place| is_needed && has_more(place));
    }
    asked.extend(resting.into_iter().min_by_key(|&place| sources[place].rests_until));
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slow_rests_and_somebody_is_always_asked() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let seconds = Duration::from_secs;
        let mut sources = Source::all(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(due(&sources, 0, start), [0, 1]);
        sources[0].end_turn(Seen::default(), seconds(10), at(10));
        sources[1].end_turn(Seen::default(), seconds(2), at(12));
        assert_eq!(due(&sources, 0, at(12)), [1], "two seconds are not slow");
        assert_eq!(due(&sources, 0, at(99)), [1]);
        assert_eq!(due(&sources, 0, at(100)), [0, 1], "ten seconds cost ninety");
        sources[0].end_turn(Seen::default(), seconds(10), at(110));
        sources[1].end_turn(Seen::default(), seconds(3), at(113));
        assert_eq!(due(&sources, 0, at(114)), [1], "where all rest, the one that ends first");
        let fault = Some("it lies".to_owned());
        sources[1].end_turn(Seen { fault, ..Seen::default() }, seconds(0), at(114));
        assert_eq!(due(&sources, 0, at(115)), [1, 0], "who lies quickly keeps a slow one from nothing");
        assert_eq!(due(&[], 0, start), [0; 0]);
    }

    #[test]
    fn a_slow_one_that_alone_has_more_is_asked_in_its_rest() {
        let (start, seconds) = (Instant::now(), Duration::from_secs);
        let mut sources = Source::all(&["quick".to_owned(), "slow".to_owned(), "slow too".to_owned()]);
        let of_height = |height| Seen { height: Some(height), ..Seen::default() };
        sources[0].end_turn(of_height(5), seconds(0), start);
        sources[1].end_turn(of_height(900), seconds(20), start);
        sources[2].end_turn(of_height(5), seconds(10), start);
        let now = start + seconds(1);
        assert_eq!(due(&sources, 100, now), [0, 1], "the quick one has nothing");
        assert_eq!(due(&sources, 4, now), [0], "the quick one has something, too");
        assert_eq!(due(&sources, 900, now), [0], "nobody has more");
        sources[1].end_turn(Seen { fault: Some("too slow".to_owned()), ..Seen::default() }, seconds(20), start);
        assert_eq!(due(&sources, 100, now), [0], "who was at fault rests");
    }
}
