//! Answers of several lines, each a JSON object: read one by one, bounded, with what can go wrong told apart.

use std::io::{self, BufRead, BufReader, Read};

use serde::de::DeserializeOwned;

use super::api::Trouble;
use crate::error::{FailureKind, InferenceError, Result, quote};

/// Longest line; a final line may repeat the context as numbers.
const LINE_MAX_BYTES: u64 = 4 << 20;

/// The lines of one answer.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    silence_seconds: u64,
}

impl<R: Read> Lines<R> {
    /// `reader` fails with a timeout after `silence_seconds` without a byte.
    pub(super) fn new(reader: R, silence_seconds: u64) -> Self {
        Self { reader: BufReader::new(reader), silence_seconds }
    }

    /// The next line as a `T`; `None` where the answer ended between lines.
    ///
    /// # Errors
    /// Silence, a lost connection, a line that is half, too long or no such object, and trouble that Ollama states.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.reader).take(LINE_MAX_BYTES);
        bounded.read_until(b'\n', &mut line).map_err(|error| read_error(&error, self.silence_seconds))?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            let reason = if line.len() as u64 + 1 >= LINE_MAX_BYTES { "a line is too long" } else { "it broke off" };
            return Err(InferenceError::ollama_answer(reason));
        }
        parse(&line).map(Some)
    }
}

/// One JSON object: a `T`, or the trouble that Ollama states instead.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if let Ok(trouble) = serde_json::from_slice::<Trouble>(bytes) {
        return Err(InferenceError::ollama_answer(format!("it says: {}", quote(&trouble.error))));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        InferenceError::ollama_answer(format!("{error} in `{}`", quote(&start)))
    })
}

pub(super) fn read_error(error: &io::Error, silence_seconds: u64) -> InferenceError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let timed_out = error.kind() == io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_)));
    if timed_out {
        return InferenceError::new(
            FailureKind::OllamaSilent,
            format!("Ollama was silent for more than {} s", silence_seconds),
        );
    }
    InferenceError::ollama_answer(format!("it broke off: {}", quote(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::ollama::api::{Chunk, PullStatus};

    fn first(bytes: &str) -> Result<Option<Chunk>> {
        Lines::new(bytes.as_bytes(), 1).next()
    }

    #[test]
    fn reads_line_by_line_and_ends_between_lines() {
        let mut lines = Lines::new("{\"status\":\"a\"}\n{\"status\":\"b\"}\n".as_bytes(), 1);
        let mut next = || lines.next::<PullStatus>().unwrap().map(|line| line.status);
        assert_eq!([next(), next(), next()], [Some("a".into()), Some("b".into()), None]);
    }

    #[test]
    fn half_lines_rubbish_and_stated_trouble_are_told_apart() {
        for (bytes, word) in [
            ("{\"response\":\"a\",\"do", "broke off"),
            ("{\"response\":\"a\",\"done\":false}", "broke off"),
            ("<html>\n", "<html>"),
            ("{\"done\":\"yes\"}\n", "invalid type"),
            ("[]\n", "in `[]`"),
            ("{\"error\":\"an error was encountered while running the model\"}\n", "it says"),
        ] {
            let error = first(bytes).unwrap_err();
            assert!(error.kind == FailureKind::OllamaAnswer, "{bytes}");
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(first("").unwrap().is_none());
    }

    #[test]
    fn a_line_has_an_end() {
        let endless = "x".repeat(LINE_MAX_BYTES as usize + 10);
        assert!(first(&endless).unwrap_err().to_string().contains("too long"));
    }
}
