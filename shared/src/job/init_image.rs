//! The picture that image to image starts from: a PNG or JPEG file in base64, bounded before anybody decodes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;

/// Largest file. In base64 it is 683 KiB, which leaves the rest of a 1 MiB frame to the assignment around it.
pub const INIT_IMAGE_MAX_BYTES: usize = 512 << 10;

/// Longest edge of the decoded picture; a small file may claim a huge one.
pub const INIT_IMAGE_EDGE_MAX_PX: u32 = 4_096;

/// A picture's file whose header was read and found within bounds. Only [`InitImage::parse`] makes one from outside data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InitImage {
    /// Of the file's bytes.
    pub sha256: Sha256Digest,
    /// The file; left out where a job is only shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base64: String,
}

/// The file formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Png,
    Jpeg,
}

/// What the first bytes of a picture's file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub format: Format,
    pub width_px: u32,
    pub height_px: u32,
}

/// Why a text is no picture to start from. The message is the bound, the field [`Self::value`] what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InitImageError {
    #[error("base64 or a data: URL with base64")]
    NotBase64,
    #[error("a file of up to {INIT_IMAGE_MAX_BYTES} bytes")]
    TooLarge { bytes: usize },
    #[error("a PNG or JPEG file")]
    UnknownFormat,
    #[error("1 to {INIT_IMAGE_EDGE_MAX_PX} pixels along each edge")]
    Size { width_px: u32, height_px: u32 },
}

impl InitImageError {
    /// What was given, in words.
    pub fn value(&self) -> String {
        match self {
            Self::NotBase64 => "other text".to_owned(),
            Self::TooLarge { bytes } => format!("{bytes} bytes"),
            Self::UnknownFormat => "other bytes".to_owned(),
            Self::Size { width_px, height_px } => format!("{width_px}×{height_px}"),
        }
    }
}

impl InitImage {
    /// Reads base64 or a `data:` URL, and the picture's header. Nothing is decoded.
    pub fn parse(text: &str) -> Result<Self, InitImageError> {
        let base64 = match text.strip_prefix("data:") {
            Some(url) => url.split_once(";base64,").ok_or(InitImageError::NotBase64)?.1,
            None => text,
        };
        // The length is known before the bytes are: every four letters are three bytes.
        let bytes = base64.len() / 4 * 3;
        if bytes > INIT_IMAGE_MAX_BYTES + 2 {
            return Err(InitImageError::TooLarge { bytes });
        }
        let file = STANDARD.decode(base64).map_err(|_| InitImageError::NotBase64)?;
        if file.len() > INIT_IMAGE_MAX_BYTES {
            return Err(InitImageError::TooLarge { bytes: file.len() });
        }
        Header::read(&file)?;
        Ok(Self { sha256: Sha256Digest::of(&file), base64: base64.to_owned() })
    }

    /// The file's bytes; none where the job is only shown.
    pub fn file(&self) -> Result<Vec<u8>, InitImageError> {
        STANDARD.decode(&self.base64).map_err(|_| InitImageError::NotBase64)
    }

    /// The same picture by its digest, without the file.
    pub fn without_file(&self) -> Self {
        Self { sha256: self.sha256, base64: String::new() }
    }
}

impl Header {
    /// Format and size of the picture in `file`, within [`INIT_IMAGE_EDGE_MAX_PX`].
    pub fn read(file: &[u8]) -> Result<Self, InitImageError> {
        let header = png_header(file).or_else(|| jpeg_header(file)).ok_or(InitImageError::UnknownFormat)?;
        let Self { width_px, height_px, .. } = header;
        let is_edge = |px: u32| (1..=INIT_IMAGE_EDGE_MAX_PX).contains(&px);
        if is_edge(width_px) && is_edge(height_px) {
            Ok(header)
        } else {
            Err(InitImageError::Size { width_px, height_px })
        }
    }
}

/// The chunk IHDR, which comes first (ISO/IEC 15948, 5.6 and 11.2.1).
fn png_header(file: &[u8]) -> Option<Header> {
    let chunk = file.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let edge = |at: usize| Some(u32::from_be_bytes(chunk.get(at..at + 4)?.try_into().ok()?));
    Some(Header { format: Format::Png, width_px: edge(0)?, height_px: edge(4)? })
}

/// The frame header, behind any number of other segments (ITU-T T.81, B.1.1 and B.2.2).
fn jpeg_header(file: &[u8]) -> Option<Header> {
    let mut rest = file.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let marker = *rest.strip_prefix(&[0xFF])?.first()?;
        if marker == 0xFF {
            // Any marker may be preceded by fill bytes.
            rest = rest.get(1..)?;
            continue;
        }
        let segment = rest.get(2..)?;
        let length = usize::from(u16::from_be_bytes(segment.get(..2)?.try_into().ok()?));
        // 0xC4, 0xC8 and 0xCC define tables in the range of the frame headers.
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let edge = |at: usize| Some(u32::from(u16::from_be_bytes(segment.get(at..at + 2)?.try_into().ok()?)));
            return Some(Header { format: Format::Jpeg, width_px: edge(5)?, height_px: edge(3)? });
        }
        rest = segment.get(length.max(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &width.to_be_bytes(), &height.to_be_bytes()].concat()
    }

    /// Start, a comment, a frame header.
    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let frame = [&[0xFF, 0xC2, 0, 17, 8][..], &height.to_be_bytes(), &width.to_be_bytes()].concat();
        [&[0xFF, 0xD8, 0xFF, 0xFE, 0, 4, 1, 2, 0xFF][..], &frame].concat()
    }

    fn parse(file: &[u8]) -> Result<InitImage, InitImageError> {
        InitImage::parse(&STANDARD.encode(file))
    }

    #[test]
    fn reads_sizes_of_both_formats() {
        let header = |format, width_px, height_px| Ok(Header { format, width_px, height_px });
        assert_eq!(Header::read(&png(640, 480)), header(Format::Png, 640, 480));
        assert_eq!(Header::read(&jpeg(640, 480)), header(Format::Jpeg, 640, 480));
        assert_eq!(Header::read(b"GIF89a"), Err(InitImageError::UnknownFormat));
        assert_eq!(Header::read(&jpeg(640, 480)[..12]), Err(InitImageError::UnknownFormat));
    }

    #[test]
    fn a_small_file_that_claims_a_huge_picture_is_refused() {
        let huge = InitImageError::Size { width_px: u32::MAX, height_px: 1 };
        assert_eq!(parse(&png(u32::MAX, 1)), Err(huge));
        assert!(matches!(parse(&jpeg(4_097, 64)), Err(InitImageError::Size { .. })));
        assert!(matches!(parse(&png(0, 64)), Err(InitImageError::Size { .. })));
    }

    #[test]
    fn takes_plain_base64_and_data_urls_up_to_the_limit() {
        let file = png(64, 64);
        let plain = parse(&file).unwrap();
        let url = format!("data:image/png;base64,{}", STANDARD.encode(&file));
        assert_eq!(InitImage::parse(&url).unwrap(), plain);
        assert_eq!(plain.file().unwrap(), file);
        assert_eq!(plain.without_file().sha256, Sha256Digest::of(&file));
        let mut longest = png(64, 64);
        longest.resize(INIT_IMAGE_MAX_BYTES, 0);
        assert!(parse(&longest).is_ok());
        longest.push(0);
        assert_eq!(parse(&longest), Err(InitImageError::TooLarge { bytes: INIT_IMAGE_MAX_BYTES + 1 }));
        assert_eq!(InitImage::parse("data:image/png,rubbish"), Err(InitImageError::NotBase64));
        assert_eq!(InitImage::parse("no base64!"), Err(InitImageError::NotBase64));
    }

    proptest! {
        #[test]
        fn bytes_of_any_sort_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&[&[0xFF, 0xD8, 0xFF], bytes.as_slice()].concat());
            let _ = parse(&bytes);
            let _ = InitImage::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
