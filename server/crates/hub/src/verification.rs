//! Step 1 of verification, which every result passes: shape, size, decodability, hash and plausible times.

use shared::digest::Sha256Digest;
use shared::job::image::ValidImageInput;
use shared::job::request::Work;
use shared::protocol::{ARTIFACT_MAX_BYTES, Metering};
use shared::time::UnixMillis;

/// Media type of pictures.
pub const PNG: &str = "image/png";

/// How far clocks of hub and miner may differ.
pub const CLOCK_SKEW_MS: u64 = 120_000;

/// A file as the miner sent it, decoded from base64.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    pub media_type: &'a str,
    pub bytes: &'a [u8],
}

/// Why a result is not what was asked for. The text goes to the miner and into the fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refutation {
    #[error("artifacts: {wanted} wanted, got {got}")]
    Count { wanted: usize, got: usize },
    #[error("artifacts[{index}].media_type is {PNG}, got `{got}`")]
    MediaType { index: usize, got: String },
    #[error("artifacts[{index}] is up to {ARTIFACT_MAX_BYTES} bytes, got {got}")]
    TooLarge { index: usize, got: usize },
    #[error("artifacts[{index}] is no PNG that can be decoded: {reason}")]
    Undecodable { index: usize, reason: String },
    #[error("artifacts[{index}] is {wanted_width}×{wanted_height} pixels, got {width}×{height}")]
    Size { index: usize, wanted_width: u32, wanted_height: u32, width: u32, height: u32 },
    #[error("artifact_sha256 is {computed} for these artifacts, got {stated}")]
    Hash { stated: Sha256Digest, computed: Sha256Digest },
    #[error("metering.duration_ms is at most the {elapsed} ms since the assignment, got {got}")]
    Duration { elapsed: u64, got: u64 },
    #[error("metering: the engine's {device} ms exceed the duration of {duration} ms")]
    DeviceTime { device: u64, duration: u64 },
}

/// Checks the files of a result and the times that come with it.
pub fn check(
    work: &Work,
    files: &[File<'_>],
    stated: Sha256Digest,
    metering: &Metering,
    granted_at: UnixMillis,
    now: UnixMillis,
) -> Result<(), Refutation> {
    match work {
        Work::Image(input) => check_pictures(input, files)?,
    }
    let computed = Sha256Digest::of_artifacts(files.iter().map(|file| file.bytes));
    if computed != stated {
        return Err(Refutation::Hash { stated, computed });
    }
    check_times(metering, now.since_ms(granted_at))
}

fn check_pictures(input: &ValidImageInput, files: &[File<'_>]) -> Result<(), Refutation> {
    let wanted = usize::try_from(input.count).unwrap_or(usize::MAX);
    if files.len() != wanted {
        return Err(Refutation::Count { wanted, got: files.len() });
    }
    files.iter().enumerate().try_for_each(|(index, file)| check_picture(input, index, file))
}

fn check_picture(input: &ValidImageInput, index: usize, file: &File<'_>) -> Result<(), Refutation> {
    if file.media_type != PNG {
        return Err(Refutation::MediaType { index, got: file.media_type.chars().take(80).collect() });
    }
    if file.bytes.len() > ARTIFACT_MAX_BYTES {
        return Err(Refutation::TooLarge { index, got: file.bytes.len() });
    }
    let undecodable = |reason: String| Refutation::Undecodable { index, reason };
    let decoder = png::Decoder::new(std::io::Cursor::new(file.bytes));
    let mut reader = decoder.read_info().map_err(|error| undecodable(error.to_string()))?;
    // The header is checked before memory for the pixels is taken: a small file may claim a huge picture.
    let (width, height) = (reader.info().width, reader.info().height);
    if (width, height) != (input.width, input.height) {
        let (wanted_width, wanted_height) = (input.width, input.height);
        return Err(Refutation::Size { index, wanted_width, wanted_height, width, height });
    }
    let size = reader.output_buffer_size().ok_or_else(|| undecodable("its pixels exceed the memory".to_owned()))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(|error| undecodable(error.to_string()))?;
    reader.finish().map_err(|error| undecodable(error.to_string()))
}

fn check_times(metering: &Metering, elapsed: u64) -> Result<(), Refutation> {
    let duration = metering.duration_ms;
    if duration > elapsed.saturating_add(CLOCK_SKEW_MS) {
        return Err(Refutation::Duration { elapsed, got: duration });
    }
    let device = metering.gpu_ms;
    // Rounding to milliseconds may make the part one longer than the whole.
    if device > duration.saturating_add(1) { Err(Refutation::DeviceTime { device, duration }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::fixtures::{image_job, picture};

    fn check_bytes(bytes: &[u8]) -> Result<(), Refutation> {
        let work = image_job("scenes").work;
        let file = File { media_type: PNG, bytes };
        check(&work, &[file], Sha256Digest::of(bytes), &Metering::default(), UnixMillis(0), UnixMillis(0))
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
        let (now, metering) = (UnixMillis(0), Metering::default());
        let foreign = Sha256Digest::of(b"other");
        assert!(matches!(check(&work, &[file], foreign, &metering, now, now), Err(Refutation::Hash { .. })));
        let hash = Sha256Digest::of(&bytes);
        assert_eq!(check(&work, &[], hash, &metering, now, now), Err(Refutation::Count { wanted: 1, got: 0 }));
        let long = Metering { duration_ms: CLOCK_SKEW_MS + 1, ..metering };
        assert!(matches!(check(&work, &[file], hash, &long, now, now), Err(Refutation::Duration { .. })));
        let overlapping = Metering { duration_ms: 10, gpu_ms: 12, ..metering };
        assert!(matches!(check(&work, &[file], hash, &overlapping, now, now), Err(Refutation::DeviceTime { .. })));
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
            prop_assert!(check(&work, &[file], hash, &Metering::default(), UnixMillis(0), UnixMillis(0)).is_err());
        }
    }
}
