//! Inputs of strangers for parsers: valid ones, changed at random. A parser may refuse such an input. It may not panic,
//! and what it takes it writes again and reads as the same.
//!
//! This is structured mutation without feedback of coverage: cargo-fuzz needs a nightly compiler, and this runs wherever the
//! tests do. A failure says the seed, so that anybody can repeat it.

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// The number that all inputs follow from. Drawn at random where it is not set.
pub const SEED_VARIABLE: &str = "AITBC_FUZZ_SEED";

/// How long each parser is tried. `cargo xtask fuzz` sets it.
pub const SECONDS_VARIABLE: &str = "AITBC_FUZZ_SECONDS";

/// Inputs of each parser where no time is set, and how long they may take at most.
const INPUTS: u64 = 3_000;
const LONGEST: Duration = Duration::from_secs(5);

/// Changes of one input.
const CHANGES_MAX: u64 = 6;

/// An input does not grow beyond this.
const INPUT_MAX_BYTES: usize = 256 << 10;

/// Bytes of an input that a failure shows.
const SHOWN_MAX_BYTES: usize = 2 << 10;

/// Levels of nesting that are tried at once; recursive parsers end their stack on fewer.
const DEPTH: usize = 20_000;

/// What stands at the borders of numbers, texts and lists.
const TOKENS: &[&str] = &[
    "0",
    "-1",
    "-0.0",
    "1e999",
    "1e39",
    "-1e-999",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "[[",
    "]]",
    "{\"",
    "\":",
    ",",
    "\\u0000",
    "\\ud800",
    "\\u202e",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "漢",
    "😀",
    "a\u{301}",
    "../",
    "//",
    "%",
    "0x",
    "0x0",
    "\r\n",
    "NaN",
    "Infinity",
    "<|im_end|>",
    "{{",
    "}}",
    "{%",
];

/// Hands `check` changed forms of `seeds` for as long as the environment says. `name` is shown where one fails.
///
/// # Panics
/// Where `check` does, after saying with which seed and input.
pub fn fuzz(name: &str, seeds: &[Vec<u8>], check: impl Fn(&[u8])) {
    let number = |variable| std::env::var(variable).ok().and_then(|value: String| value.parse::<u64>().ok());
    let seed = number(SEED_VARIABLE).unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let (most, longest) = match number(SECONDS_VARIABLE) {
        Some(seconds) => (u64::MAX, Duration::from_secs(seconds)),
        None => (INPUTS, LONGEST),
    };
    say(&format!("fuzz: {name}: {SEED_VARIABLE}={seed}"));
    seeds.iter().for_each(|input| check(input));
    let mut random = Random(seed);
    let began = Instant::now();
    let mut tried = 0;
    while tried < most && began.elapsed() < longest {
        let input = random.changed(seeds);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&input))) {
            fail(name, seed, &input, panic);
        }
        tried += 1;
    }
    say(&format!("fuzz: {name}: {tried} inputs"));
}

fn fail(name: &str, seed: u64, input: &[u8], panic: Box<dyn Any + Send>) -> ! {
    let shown = &input[..input.len().min(SHOWN_MAX_BYTES)];
    say(&format!("fuzz: {name}: {SEED_VARIABLE}={seed} failed on {} bytes: {}", input.len(), shown.escape_ascii()));
    resume_unwind(panic)
}

#[expect(clippy::print_stdout, reason = "a failure can be repeated by its seed alone")]
fn say(line: &str) {
    println!("{line}");
}

/// Steele and others' SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> Option<&'a T> {
        let place = self.below(choices.len());
        choices.get(place).copied()
    }

    /// A seed with some changes.
    fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let whole: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        let mut input = self.one_of(&whole).unwrap_or_default().to_vec();
        for _ in 0..=self.next() % CHANGES_MAX {
            self.change(&mut input, &whole);
            input.truncate(INPUT_MAX_BYTES);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[&[u8]]) {
        let at = self.below(input.len() + 1);
        let to = at + self.below((input.len() - at).min(64) + 1);
        match self.below(9) {
            0 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (self.next() % 8)),
            1 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = self.next() as u8),
            2 => drop(input.drain(at..to)),
            3 => input.truncate(at),
            4 => {
                let piece = input[at..to].to_vec();
                input.splice(at..at, piece);
            }
            5 => {
                let token = self.one_of(TOKENS).unwrap_or_default();
                input.splice(at..at, token.bytes());
            }
            6 => self.replace_number(input),
            7 => {
                let other = self.one_of(seeds).unwrap_or_default();
                let from = self.below(other.len() + 1);
                let end = from + self.below((other.len() - from).min(256) + 1);
                input.splice(at..to, other[from..end].iter().copied());
            }
            _ if self.below(64) == 0 => {
                let opening = self.one_of(&["[", "{\"a\":", "(", "\u{1}\u{ff}"]).unwrap_or_default();
                input.splice(at..at, opening.repeat(DEPTH).into_bytes());
            }
            _ => input.splice(at..to, [self.next() as u8; 8]).for_each(drop),
        }
    }

    /// Puts a token in place of some digits.
    fn replace_number(&mut self, input: &mut Vec<u8>) {
        let from = self.below(input.len() + 1);
        let Some(begin) = input[from..].iter().position(u8::is_ascii_digit).map(|place| from + place) else { return };
        let length = input[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let token = self.one_of(TOKENS).unwrap_or_default();
        input.splice(begin..begin + length, token.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_follow_from_the_seed_and_stay_bounded() {
        let seeds = [b"{\"a\": 12}".to_vec(), Vec::new()];
        let (mut one, mut other) = (Random(7), Random(7));
        let inputs: Vec<Vec<u8>> = (0..2_000).map(|_| one.changed(&seeds)).collect();
        assert!(inputs.iter().all(|input| *input == other.changed(&seeds) && input.len() <= INPUT_MAX_BYTES));
        assert!(inputs.iter().any(|input| input.len() > DEPTH), "some are deep");
        assert!(inputs.iter().filter(|input| input.starts_with(b"{\"a\": ")).count() > 200, "some are nearly valid");
    }

    #[test]
    fn a_parser_that_panics_fails() {
        let fragile = |input: &[u8]| assert!(input.is_empty(), "{} bytes", input.len());
        assert!(catch_unwind(|| fuzz("fragile", &[Vec::new()], fragile)).is_err());
        fuzz("sound", &[b"1".to_vec()], |_| ());
    }
}
