//! The reports of one job on their way to the hub. Steps of a picture may be lost. Pieces of a text must follow each
//! other without a gap.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inference::runtime::StepReport;
use shared::id::LeaseId;
use shared::protocol::{PIECE_MAX_BYTES, PREVIEW_MAX_BYTES, Piece, Preview, Progress};

/// How much of a job's text was sent, and what waits because there was no room for it.
#[derive(Debug, Default)]
pub(super) struct Writing {
    sent_bytes: usize,
    waiting: String,
}

impl Writing {
    /// Hands the report to `send`, which says whether it had room. Text that found none goes with the next report.
    pub(super) fn report(&mut self, lease_id: LeaseId, report: StepReport, send: &mut dyn FnMut(Progress) -> bool) {
        let StepReport { step, steps, preview, text } = report;
        self.waiting.push_str(&text.unwrap_or_default());
        let mut preview = preview
            .filter(|preview| preview.bytes.len() <= PREVIEW_MAX_BYTES)
            .map(|preview| Preview { media_type: preview.media_type, base64: STANDARD.encode(preview.bytes) });
        loop {
            let piece = self.next_piece();
            let bytes = piece.as_ref().map_or(0, |piece| piece.text.len());
            if !send(Progress { lease_id, step, steps, preview: preview.take(), piece }) {
                return;
            }
            self.sent_bytes += bytes;
            self.waiting.drain(..bytes);
            if self.waiting.is_empty() {
                return;
            }
        }
    }

    fn next_piece(&self) -> Option<Piece> {
        let end = self.waiting.floor_char_boundary(PIECE_MAX_BYTES);
        (end > 0).then(|| Piece { at: self.sent_bytes, text: self.waiting[..end].to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lease() -> LeaseId {
        LeaseId::from_random(1)
    }

    #[test]
    fn a_step_without_text_is_sent_once_and_without_a_piece() {
        let mut sent = Vec::new();
        let report = StepReport { step: 1, steps: 4, ..StepReport::default() };
        Writing::default().report(lease(), report, &mut |progress| {
            sent.push(progress);
            true
        });
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].step, &sent[0].piece), (1, &None));
    }

    proptest! {
        /// Whenever there is room, what was sent is the beginning of the text, piece by piece.
        #[test]
        fn pieces_join_whatever_finds_no_room(texts in prop::collection::vec(("[aé漢😀]{0,40}", any::<bool>()), 0..30)) {
            let mut writing = Writing::default();
            let (mut hub, mut whole) = (String::new(), String::new());
            for (text, room) in texts {
                whole.push_str(&text);
                let report = StepReport { step: 1, steps: 9, text: Some(text), ..StepReport::default() };
                writing.report(lease(), report, &mut |progress| {
                    if let Some(piece) = progress.piece.filter(|_| room) {
                        assert_eq!(piece.at, hub.len());
                        hub.push_str(&piece.text);
                    }
                    room
                });
                prop_assert!(whole.starts_with(&hub));
                prop_assert!(!room || whole == hub);
            }
        }
    }

    #[test]
    fn a_long_text_goes_in_pieces_of_whole_characters() {
        let text = "漢".repeat(PIECE_MAX_BYTES);
        let report = StepReport { text: Some(text.clone()), ..StepReport::default() };
        let mut hub = String::new();
        Writing::default().report(lease(), report, &mut |progress| {
            let piece = progress.piece.unwrap();
            assert!(piece.text.len() <= PIECE_MAX_BYTES && piece.at == hub.len());
            hub.push_str(&piece.text);
            true
        });
        assert_eq!(hub, text);
    }
}
