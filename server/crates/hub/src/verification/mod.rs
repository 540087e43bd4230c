//! Checks that every result must pass: form, size, decoding, hash, units and plausible times.
//!
//! What the files must be is the kind's own business, in a module for each.

mod embedding;
mod image;
mod text;

use shared::amount::MicroUnits;
use shared::digest::Sha256Digest;
use shared::job::request::Work;
use shared::protocol::{ARTIFACT_MAX_BYTES, CLOCK_SKEW_MAX_MS, Metering};
use shared::time::UnixMillis;

pub use image::PNG;

/// A file as the miner sent it, decoded from base64.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    pub media_type: &'a str,
    pub bytes: &'a [u8],
}

/// A result as the miner states it.
#[derive(Debug, Clone, Copy)]
pub struct Submitted<'a> {
    pub files: &'a [File<'a>],
    pub artifact_sha256: Sha256Digest,
    pub units: MicroUnits,
    pub metering: &'a Metering,
    /// The text that was streamed to clients while it was written.
    pub streamed: &'a str,
}

/// Why a result is not what was asked for. The text goes to the miner and into the fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refutation {
    #[error("artifacts: {wanted} wanted, got {got}")]
    Count { wanted: usize, got: usize },
    #[error("artifacts[{index}].media_type is {wanted}, got `{got}`")]
    MediaType { index: usize, wanted: &'static str, got: String },
    #[error("artifacts[{index}] is up to {max} bytes, got {got}")]
    TooLarge { index: usize, max: usize, got: usize },
    #[error("artifacts[{index}] cannot be decoded: {reason}")]
    Undecodable { index: usize, reason: String },
    #[error("artifacts[{index}] is {wanted_width}×{wanted_height} pixels, got {width}×{height}")]
    Size { index: usize, wanted_width: u32, wanted_height: u32, width: u32, height: u32 },
    #[error("artifacts[0] begins with the {streamed} bytes that were streamed, but it differs from them")]
    NotStreamed { streamed: usize },
    #[error("metering.finish_reason is `stop` or `length` for a text, got none")]
    NoFinishReason,
    #[error("artifacts[0] holds {wanted} vectors of one length, {bound}, got {got}")]
    Vectors { wanted: usize, bound: String, got: String },
    #[error("artifact_sha256 is {computed} for these artifacts, got {stated}")]
    Hash { stated: Sha256Digest, computed: Sha256Digest },
    #[error("units are {due} for the tokens of this metering and these artifacts, got {stated}")]
    Units { due: MicroUnits, stated: MicroUnits },
    #[error("metering.duration_ms is at most the {elapsed} ms since the assignment, got {got}")]
    Duration { elapsed: u64, got: u64 },
    #[error("metering: the engine's {device} ms exceed the duration of {duration} ms")]
    DeviceTime { device: u64, duration: u64 },
}

/// Checks the files of a result, the work that it claims and the times that come with it.
pub fn check(
    work: &Work,
    submitted: &Submitted<'_>,
    granted_at: UnixMillis,
    now: UnixMillis,
) -> Result<(), Refutation> {
    let Submitted { files, artifact_sha256: stated, units, metering, streamed } = *submitted;
    match work {
        Work::Image(input) => image::check(input, files)?,
        Work::Text(_) => text::check(files, streamed, metering)?,
        Work::Embedding(input) => embedding::check(input, files)?,
    }
    let computed = Sha256Digest::of_artifacts(files.iter().map(|file| file.bytes));
    if computed != stated {
        return Err(Refutation::Hash { stated, computed });
    }
    let due = work.units_claimed(metering.tokens(), files.iter().map(|file| file.bytes.len()).sum());
    if due != units {
        return Err(Refutation::Units { due, stated: units });
    }
    check_times(metering, now.since_ms(granted_at))
}

/// The one file of a result that has one.
fn only<'a>(files: &[File<'a>]) -> Result<File<'a>, Refutation> {
    match files {
        [file] => Ok(*file),
        _ => Err(Refutation::Count { wanted: 1, got: files.len() }),
    }
}

fn check_form(index: usize, file: &File<'_>, wanted: &'static str, max: usize) -> Result<(), Refutation> {
    if file.media_type != wanted {
        return Err(Refutation::MediaType { index, wanted, got: file.media_type.chars().take(80).collect() });
    }
    let max = max.min(ARTIFACT_MAX_BYTES);
    if file.bytes.len() > max { Err(Refutation::TooLarge { index, max, got: file.bytes.len() }) } else { Ok(()) }
}

fn check_times(metering: &Metering, elapsed: u64) -> Result<(), Refutation> {
    let duration = metering.duration_ms;
    if duration > elapsed.saturating_add(CLOCK_SKEW_MAX_MS) {
        return Err(Refutation::Duration { elapsed, got: duration });
    }
    let device = metering.device_ms();
    // Rounding to milliseconds may make the part one longer than the whole.
    if device > duration.saturating_add(1) { Err(Refutation::DeviceTime { device, duration }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::fixtures::{image_job, picture};

    fn check_files(work: &Work, files: &[File<'_>], hash: Sha256Digest, metering: &Metering) -> Result<(), Refutation> {
        let submitted = Submitted { files, artifact_sha256: hash, units: work.units(), metering, streamed: "" };
        check(work, &submitted, UnixMillis(0), UnixMillis(0))
    }

    fn check_bytes(bytes: &[u8]) -> Result<(), Refutation> {
        let file = File { media_type: PNG, bytes };
        check_files(&image_job("scenes").work, &[file], Sha256Digest::of(bytes), &Metering::default())
    }

    #[test]
    fn a_whole_picture_of_the_right_size_passes() {
        assert_eq!(check_bytes(&picture(64, 64)), Ok(()));
    }

    #[test]
    fn a_truncated_a_small_and_a_foreign_file_do_not() {
        let whole = picture(64, 64);
        let truncated = &whole[..whole.len() - 20];
        assert!(matches!(check_bytes(truncated), Err(Refutation::Undecodable { .. })));
        assert!(matches!(check_bytes(&picture(32, 64)), Err(Refutation::Size { width: 32, .. })));
        assert!(matches!(check_bytes(b"GIF89a"), Err(Refutation::Undecodable { .. })));
    }

    #[test]
    fn hash_number_and_times_must_fit() {
        let work = image_job("scenes").work;
        let bytes = picture(64, 64);
        let file = File { media_type: PNG, bytes: &bytes };
        let metering = Metering::default();
        let foreign = Sha256Digest::of(b"other");
        assert!(matches!(check_files(&work, &[file], foreign, &metering), Err(Refutation::Hash { .. })));
        let hash = Sha256Digest::of(&bytes);
        assert_eq!(check_files(&work, &[], hash, &metering), Err(Refutation::Count { wanted: 1, got: 0 }));
        let long = Metering { duration_ms: CLOCK_SKEW_MAX_MS + 1, ..metering };
        assert!(matches!(check_files(&work, &[file], hash, &long), Err(Refutation::Duration { .. })));
        let overlapping = Metering { duration_ms: 10, gpu_ms: 12, ..metering };
        assert!(matches!(check_files(&work, &[file], hash, &overlapping), Err(Refutation::DeviceTime { .. })));
    }

    #[test]
    fn the_units_of_a_picture_are_what_was_asked_for_and_nothing_else() {
        let work = image_job("scenes").work;
        let bytes = picture(64, 64);
        let files = [File { media_type: PNG, bytes: &bytes }];
        let metering = Metering { tokens_written: 1_000, ..Metering::default() };
        let (hash, units) = (Sha256Digest::of(&bytes), MicroUnits(work.units().0 + 1));
        let submitted = Submitted { files: &files, artifact_sha256: hash, units, metering: &metering, streamed: "" };
        let refutation = check(&work, &submitted, UnixMillis(0), UnixMillis(0)).unwrap_err();
        assert_eq!(refutation, Refutation::Units { due: work.units(), stated: units });
    }

    proptest! {
        #[test]
        fn bytes_of_any_sort_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(check_bytes(&bytes).is_err());
        }

        #[test]
        fn a_flipped_byte_never_makes_another_picture_pass_under_the_old_hash(at in 0..100_usize) {
            let mut bytes = picture(64, 64);
            let hash = Sha256Digest::of(&bytes);
            let at = at % bytes.len();
            bytes[at] ^= 0x40;
            let file = File { media_type: PNG, bytes: &bytes };
            let work = image_job("scenes").work;
            prop_assert!(check_files(&work, &[file], hash, &Metering::default()).is_err());
        }
    }
}
