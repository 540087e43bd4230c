//! Counts the crates that cargo has finished and estimates the time left.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use super::costs;

/// Too little is known before.
const FIRST_ESTIMATE_AFTER: Duration = Duration::from_secs(25);

/// What a build consists of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Total {
    pub(crate) crates: usize,
    /// In seconds of a processor, as [`costs`] has them.
    pub(crate) cost: f64,
}

impl Total {
    /// Of all crates that an answer of `cargo tree --prefix none` names.
    pub(crate) fn in_tree(tree: &str) -> Self {
        let crates: HashSet<(&str, &str)> = tree.lines().filter_map(name_and_version).collect();
        Self { crates: crates.len(), cost: crates.iter().map(|(name, _)| costs::of(name)).sum() }
    }
}

fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?))
}

/// The crates that cargo has finished.
#[derive(Debug, Default)]
pub(super) struct Tally {
    finished: HashSet<String>,
    /// Of those that were compiled.
    compiled: f64,
    /// Of those that needed no work.
    fresh: f64,
    /// The best cost per second at which a line was printed.
    fastest: f64,
}

impl Tally {
    /// Takes one of cargo's messages; only finished libraries and programs matter.
    pub(super) fn add(&mut self, message: &str) {
        let Ok(message) = serde_json::from_str::<Value>(message) else { return };
        let is_build_script = message["target"]["kind"][0] == "custom-build";
        if message["reason"] != "compiler-artifact" || is_build_script {
            return;
        }
        let Some(id) = message["package_id"].as_str() else { return };
        if self.finished.insert(id.to_owned()) {
            let cost = costs::of(package_name(id));
            *(if message["fresh"] == true { &mut self.fresh } else { &mut self.compiled }) += cost;
        }
    }

    pub(super) fn describe(&mut self, total: Option<Total>, elapsed: Duration) -> String {
        let finished = self.finished.len();
        let so_far = format!("{} so far", rounded(elapsed));
        let Some(total) = total.filter(|total| total.crates >= finished) else {
            return format!("{finished} crates, {so_far}");
        };
        let left = self.time_left(total, elapsed).map(|left| format!(", about {} left", rounded(left)));
        format!("{finished} of {} crates, {so_far}{}", total.crates, left.unwrap_or_default())
    }

    /// A crate counts only when it is finished, so the speed seems to fall while a large one is compiled, and the time left
    /// comes out too long. By the best speed until now it comes out too short. The middle is near.
    fn time_left(&mut self, total: Total, elapsed: Duration) -> Option<Duration> {
        if elapsed < FIRST_ESTIMATE_AFTER || self.compiled <= 0.0 {
            return None;
        }
        let speed = self.compiled / elapsed.as_secs_f64();
        self.fastest = self.fastest.max(speed);
        let all = total.cost - self.fresh;
        let at_this_speed = ((all - self.compiled) / speed).max(0.0);
        let at_best_speed = (all / self.fastest - elapsed.as_secs_f64()).max(0.0);
        Some(Duration::from_secs_f64(f64::midpoint(at_this_speed, at_best_speed)))
    }
}

/// `registry+…#serde@1.0.229` and `path+file:///…/server#0.1.0` are how cargo writes a package.
fn package_name(id: &str) -> &str {
    let (place, fragment) = id.rsplit_once('#').unwrap_or(("", id));
    match fragment.split_once('@') {
        Some((name, _version)) => name,
        None => place.rsplit('/').next().unwrap_or_default(),
    }
}

/// In minutes, or in tens of seconds below two minutes.
fn rounded(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{} s", seconds.div_ceil(10) * 10),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(id: &str, kind: &str, fresh: bool) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"{id}","target":{{"kind":["{kind}"]}},"fresh":{fresh}}}"#
        )
    }

    fn tally(messages: &[String]) -> Tally {
        let mut tally = Tally::default();
        messages.iter().for_each(|message| tally.add(message));
        tally
    }

    #[test]
    fn a_package_has_its_name_wherever_it_comes_from() {
        assert_eq!(package_name("registry+https://example.org/index#serde@1.0.229"), "serde");
        assert_eq!(package_name("path+file:///src/aitbc/gpu-worker#0.1.0"), "gpu-worker");
        assert_eq!(package_name("path+file:///src/aitbc/elsewhere#xtask@0.1.0"), "xtask");
    }

    #[test]
    fn a_crate_counts_once_and_its_build_script_does_not() {
        let tally = tally(&[
            artifact("r#a@1.0.0", "custom-build", false),
            artifact("r#b@1.0.0", "lib", false),
            artifact("r#b@1.0.0", "bin", false),
            artifact("r#c@1.0.0", "proc-macro", true),
            r#"{"reason":"build-script-executed","package_id":"r#d@1.0.0"}"#.to_owned(),
            "not a message".to_owned(),
        ]);
        assert_eq!(tally.finished.len(), 2);
        assert_eq!((tally.compiled, tally.fresh), (1.0, 1.0));
    }

    #[test]
    fn the_estimate_goes_by_what_was_compiled_and_not_by_what_was_there() {
        let fresh = (0..96).map(|number| artifact(&format!("r#fresh{number}@1.0.0"), "lib", true));
        let compiled = ["a", "b"].map(|name| artifact(&format!("r#{name}@1.0.0"), "lib", false));
        let mut tally = tally(&fresh.chain(compiled).collect::<Vec<_>>());
        let total = Total { crates: 100, cost: 100.0 };
        let text = tally.describe(Some(total), Duration::from_secs(60));
        assert_eq!(text, "98 of 100 crates, 60 s so far, about 60 s left");
    }

    #[test]
    fn a_costly_crate_weighs_more() {
        let mut tally = tally(&[artifact("r#a@1.0.0", "lib", false)]);
        let total = Total::in_tree("a v1.0.0\ntract-core v0.23.9\na v1.0.0 (*)");
        assert_eq!(total.crates, 2);
        let left = tally.time_left(total, Duration::from_secs(60)).unwrap();
        assert!(left > Duration::from_secs(600), "{left:?}");
    }

    #[test]
    fn nothing_is_estimated_without_knowledge() {
        let mut some = tally(&[artifact("r#a@1.0.0", "lib", false)]);
        let total = Total { crates: 9, cost: 9.0 };
        assert_eq!(some.describe(Some(total), Duration::from_secs(5)), "1 of 9 crates, 10 s so far");
        assert_eq!(some.describe(None, Duration::from_secs(240)), "1 crates, 4 min so far");
        assert_eq!(Tally::default().time_left(total, Duration::from_secs(60)), None);
        // More crates than were counted: the count is of no use.
        let none = Some(Total { crates: 0, cost: 0.0 });
        assert_eq!(some.describe(none, Duration::from_secs(60)), "1 crates, 60 s so far");
    }

    #[test]
    fn while_a_costly_crate_is_compiled_the_time_left_lies_between_both_speeds() {
        let names = ["a", "b", "c", "d"].map(|name| artifact(&format!("r#{name}@1.0.0"), "lib", false));
        let mut tally = tally(&names);
        let total = Total { crates: 5, cost: 12.0 };
        let left = [40, 60, 80].map(|seconds| tally.time_left(total, Duration::from_secs(seconds)));
        assert_eq!(left, [80, 90, 100].map(|seconds| Some(Duration::from_secs(seconds))));
    }

    #[test]
    fn the_time_left_is_never_negative() {
        let mut some = tally(&[artifact("r#tract-core@1.0.0", "lib", false)]);
        let total = Total { crates: 1, cost: 1.0 };
        assert_eq!(some.time_left(total, Duration::from_secs(60)), Some(Duration::ZERO));
    }
}
