//! Texts: UTF-8 that begins with what was streamed, with the reason why they end.

use shared::job::text::{MEDIA_TYPE, OUTPUT_MAX_BYTES};
use shared::protocol::Metering;

use super::{File, Refutation, check_form, only};

pub(super) fn check(files: &[File<'_>], streamed: &str, metering: &Metering) -> Result<(), Refutation> {
    let file = only(files)?;
    check_form(0, &file, MEDIA_TYPE, OUTPUT_MAX_BYTES)?;
    let text = std::str::from_utf8(file.bytes)
        .map_err(|error| Refutation::Undecodable { index: 0, reason: error.to_string() })?;
    if !text.starts_with(streamed) {
        return Err(Refutation::NotStreamed { streamed: streamed.len() });
    }
    metering.finish_reason.map(drop).ok_or(Refutation::NoFinishReason)
}

#[cfg(test)]
mod tests {
    use shared::amount::{MICRO_PER_UNIT, MicroUnits};
    use shared::digest::Sha256Digest;
    use shared::job::text::FinishReason;
    use shared::time::UnixMillis;

    use super::super::{Submitted, check as check_result};
    use super::*;
    use crate::board::fixtures::{SALT, text_job};

    fn judge(media_type: &str, bytes: &[u8], streamed: &str, tokens: (u64, u64), units: u64) -> Result<(), Refutation> {
        let metering = Metering {
            tokens_read: tokens.0,
            tokens_written: tokens.1,
            finish_reason: Some(FinishReason::Stop),
            ..Metering::default()
        };
        judge_metered(media_type, bytes, streamed, &metering, units)
    }

    fn judge_metered(
        media_type: &str,
        bytes: &[u8],
        streamed: &str,
        metering: &Metering,
        units: u64,
    ) -> Result<(), Refutation> {
        let files = [File { media_type, bytes, flagged: false }];
        let submitted = Submitted {
            files: &files,
            result_commitment: SALT.commit_result(Sha256Digest::of(bytes)),
            salt: SALT,
            units: MicroUnits(units * MICRO_PER_UNIT),
            metering,
            streamed,
        };
        check_result(&text_job("llama").work, &submitted, UnixMillis(0), UnixMillis(0))
    }

    #[test]
    fn a_text_that_goes_on_from_what_was_streamed_is_paid_by_its_tokens() {
        assert_eq!(judge(MEDIA_TYPE, b"a small lake", "a small", (5, 3), 8), Ok(()));
        assert_eq!(judge(MEDIA_TYPE, b"", "", (5, 0), 5), Ok(()));
    }

    #[test]
    fn another_text_than_was_streamed_other_bytes_and_other_types_are_refuted() {
        assert_eq!(judge(MEDIA_TYPE, b"a lake", "a sea", (5, 3), 8), Err(Refutation::NotStreamed { streamed: 5 }));
        assert!(matches!(judge(MEDIA_TYPE, &[0xff], "", (5, 3), 8), Err(Refutation::Undecodable { .. })));
        assert!(matches!(judge("image/png", b"a lake", "", (5, 3), 8), Err(Refutation::MediaType { .. })));
        let long = vec![b'a'; OUTPUT_MAX_BYTES + 1];
        assert!(matches!(judge(MEDIA_TYPE, &long, "", (5, 3), 8), Err(Refutation::TooLarge { .. })));
    }

    #[test]
    fn a_text_without_the_reason_of_its_end_is_refuted() {
        let metering = Metering { tokens_read: 5, tokens_written: 3, ..Metering::default() };
        assert_eq!(judge_metered(MEDIA_TYPE, b"a lake", "", &metering, 8), Err(Refutation::NoFinishReason));
    }

    #[test]
    fn tokens_beyond_the_bytes_of_the_text_are_not_paid() {
        // Six bytes hold at most six tokens, and eight may be silent.
        let claim = |written, units| judge(MEDIA_TYPE, b"a lake", "", (0, written), units);
        assert_eq!(claim(14, 14), Ok(()));
        assert!(matches!(claim(15, 15), Err(Refutation::Units { .. })));
        assert_eq!(claim(15, 14), Ok(()));
    }

    #[test]
    fn tokens_beyond_the_ceiling_are_not_paid() {
        let text = vec![b'a'; 10_000];
        let claim = |written, units| judge(MEDIA_TYPE, &text, "", (0, written), units);
        assert_eq!(claim(64, 64), Ok(()));
        assert!(matches!(claim(65, 65), Err(Refutation::Units { .. })));
        assert!(matches!(judge(MEDIA_TYPE, b"a", "", (1_000_000, 1), 1_000_001), Err(Refutation::Units { .. })));
    }
}
