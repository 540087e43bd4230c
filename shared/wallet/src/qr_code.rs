//! QR codes (ISO/IEC 18004) as paths of an SVG.

use std::fmt::Write as _;

use qrcodegen::{DataTooLong, QrCode as Code, QrCodeEcc};

use crate::protocol::QrCode;

/// White fields around a code, as its standard asks.
const BORDER: u32 = 4;

/// The code of a text. A path of small squares needs no more than what every browser draws.
///
/// # Errors
/// A text of more than about 2300 bytes.
pub fn of(text: &str) -> Result<QrCode, DataTooLong> {
    let code = Code::encode_text(text, QrCodeEcc::Medium)?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing to a text cannot fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    Ok(QrCode { side: code.size().unsigned_abs(), path })
}

impl QrCode {
    /// A picture of its own, black on white in every theme, so that every camera reads it.
    pub fn svg(&self) -> String {
        let whole = self.side + 2 * BORDER;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{BORDER} -{BORDER} {whole} {whole}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M-{BORDER} -{BORDER}h{whole}v{whole}h-{whole}z\"/>\
             <path d=\"{}\"/></svg>",
            self.path
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_standards_three_corners_and_a_white_border() {
        let code = of("otpauth://totp/AITBC:main?secret=GEZDGNBVGY3TQOJQ").unwrap();
        // ISO/IEC 18004: versions grow by four fields; the first has 21.
        assert_eq!((code.side - 21) % 4, 0);
        let far = code.side - 7;
        for (x, y) in [(0, 0), (far, 0), (0, far)] {
            // The ring of each corner's pattern is dark along its top side.
            for at in x..x + 7 {
                assert!(code.path.contains(&format!("M{at} {y}h1v1h-1z")), "{at} {y}");
            }
            assert!(!code.path.contains(&format!("M{} {}h1v1h-1z", x + 1, y + 1)), "the ring is filled");
        }
        let svg = code.svg();
        assert!(svg.contains(&format!("viewBox=\"-4 -4 {0} {0}\"", code.side + 8)), "{svg}");
        assert!(of(&"x".repeat(3_000)).is_err());
    }
}
