//! Checks that every result must pass: form, size, decoding, hash, units and plausible times.
//!
//! What the files must be is the kind's own business, in a module for each.

pub mod compare;
mod embedding;
mod image;
mod text;

use shared::amount::MicroUnits;
use shared::commitment::{Commitment, Salt};
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
    /// The model's safety checker flagged the picture, and this is black in its place.
    pub flagged: bool,
}

/// A result as the miner states it.
#[derive(Debug, Clone, Copy)]
pub struct Submitted<'a> {
    pub files: &'a [File<'a>],
    /// Of all files, with `salt`.
    pub result_commitment: Commitment,
    pub salt: Salt,
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
    #[error("artifacts[{index}] is a picture of more than one colour, unless it is flagged, got one colour")]
    OneColour { index: usize },
    #[error("artifacts[0] begins with the {streamed} bytes that were streamed, but it differs from them")]
    NotStreamed { streamed: usize },
    #[error("metering.finish_reason is `stop` or `length` for a text, got none")]
    NoFinishReason,
    #[error("artifacts[0] holds {wanted} vectors of one length, {bound}, got {got}")]
    Vectors { wanted: usize, bound: String, got: String },
    #[error("result_commitment is {computed} for these artifacts, got {stated}")]
    Hash { stated: Commitment, computed: Commitment },
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
    let Submitted { files, result_commitment: stated, salt, units, metering, streamed } = *submitted;
    match work {
        Work::Image(input) => image::check(input, files)?,
        Work::Text(_) => text::check(files, streamed, metering)?,
        Work::Embedding(input) => embedding::check(input, files)?,
    }
    let computed = salt.commit_result(Sha256Digest::of_artifacts(files.iter().map(|file| file.bytes)));
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
    use crate::board::fixtures::{SALT, image_job, picture};

    fn check_files(work: &Work, files: &[File<'_>], hash: Sha256Digest, metering: &Metering) -> Result<(), Refutation> {
        let submitted = Submitted {
            files,
            result_commitment: SALT.commit_result(hash),
            salt: SALT,
            units: work.units(),
            metering,
            streamed: "",
        };
        check(work, &submitted, UnixMillis(0), UnixMillis(0))
    }

    fn check_bytes(bytes: &[u8]) -> Result<(), Refutation> {
        let file = File { media_type: PNG, bytes, flagged: false };
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
    fn a_picture_of_one_colour_passes_only_where_it_is_flagged() {
        for (colour, pixel) in [
            (png::ColorType::Rgb, vec![0, 0, 0]),
            (png::ColorType::Rgb, vec![200, 30, 7]),
            (png::ColorType::Grayscale, vec![255]),
            (png::ColorType::Rgba, vec![9, 9, 9, 255]),
        ] {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
            encoder.set_color(colour);
            encoder.set_depth(png::BitDepth::Eight);
            encoder.write_header().unwrap().write_image_data(&pixel.repeat(64 * 64)).unwrap();
            assert_eq!(check_bytes(&bytes), Err(Refutation::OneColour { index: 0 }), "{pixel:?}");
            let flagged = File { media_type: PNG, bytes: &bytes, flagged: true };
            let hash = Sha256Digest::of(&bytes);
            assert_eq!(check_files(&image_job("scenes").work, &[flagged], hash, &Metering::default()), Ok(()));
        }
    }

    #[test]
    fn hash_number_and_times_must_fit() {
        let work = image_job("scenes").work;
        let bytes = picture(64, 64);
        let file = File { media_type: PNG, bytes: &bytes, flagged: false };
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
        let files = [File { media_type: PNG, bytes: &bytes, flagged: false }];
        let metering = Metering { tokens_written: 1_000, ..Metering::default() };
        let (hash, units) = (Sha256Digest::of(&bytes), MicroUnits(work.units().0 + 1));
        let submitted = Submitted {
            files: &files,
            result_commitment: SALT.commit_result(hash),
            salt: SALT,
            units,
            metering: &metering,
            streamed: "",
        };
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
            let file = File { media_type: PNG, bytes: &bytes, flagged: false };
            let work = image_job("scenes").work;
            prop_assert!(check_files(&work, &[file], hash, &Metering::default()).is_err());
        }
    }
}
