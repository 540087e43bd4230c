//! From decoded tensors to files: PNG for results, small JPEG for previews.

use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder};

use super::png_data::png_data;
use crate::engine::port::Tensor;
use crate::error::{InferenceError, Result};
use crate::runtime::Encoded;

/// Longest edge of a preview in pixels.
const PREVIEW_EDGE_PX: usize = 256;

/// Largest preview; it travels with every few steps.
const PREVIEW_MAX_BYTES: usize = 20_000;

/// Tried in turn until the preview is small enough.
const PREVIEW_QUALITIES: [u8; 4] = [75, 55, 35, 15];

/// 8-bit RGB in rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    pub width: usize,
    pub height: usize,
    pub bytes: Vec<u8>,
}

/// The PNG keyword for a warning of the nature of the content (ISO/IEC 15948, 11.3.4.2).
const WARNING_KEYWORD: &str = "Warning";

/// What a file says that stands for a flagged picture.
const FLAGGED: &str = "The model's safety checker flagged this picture, so it is delivered black.";

/// The file that is delivered instead of a flagged picture: black, of the same size, and saying why.
pub fn flagged_png(picture: &Rgb) -> Result<Vec<u8>> {
    png_with(&picture.blackened(), Some(FLAGGED))
}

/// A lossless file of a picture.
pub fn png(picture: &Rgb) -> Result<Vec<u8>> {
    png_with(picture, None)
}

fn png_with(picture: &Rgb, warning: Option<&str>) -> Result<Vec<u8>> {
    let failed = |error: png::EncodingError| unencodable(&error.to_string());
    let mut bytes = Vec::with_capacity(picture.bytes.len() / 2);
    let mut encoder = png::Encoder::new(&mut bytes, size(picture.width), size(picture.height));
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    if let Some(warning) = warning {
        encoder.add_text_chunk(WARNING_KEYWORD.into(), warning.into()).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    let data = png_data(&picture.bytes, picture.width).ok_or_else(|| unencodable("its pixels cannot be compressed"))?;
    writer.write_chunk(png::chunk::IDAT, &data).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// A JPEG of at most `PREVIEW_EDGE_PX` of one picture in [-1, 1], shaped [1, 3, height, width].
pub fn preview(decoded: &Tensor) -> Result<Encoded> {
    let longest = decoded.shape.iter().skip(2).copied().max().unwrap_or(1);
    jpeg(&Rgb::every(decoded, longest.div_ceil(PREVIEW_EDGE_PX).max(1))?)
}

/// A JPEG of about `PREVIEW_MAX_BYTES`.
pub fn jpeg(picture: &Rgb) -> Result<Encoded> {
    let (width, height) = (edge(picture.width), edge(picture.height));
    let mut bytes = Vec::new();
    for quality in PREVIEW_QUALITIES {
        bytes.clear();
        JpegEncoder::new(&mut bytes, quality)
            .encode(&picture.bytes, width, height, JpegColor::Rgb)
            .map_err(|error| unencodable(&error.to_string()))?;
        if bytes.len() <= PREVIEW_MAX_BYTES {
            break;
        }
    }
    Ok(Encoded { media_type: "image/jpeg".into(), bytes })
}

impl Rgb {
    /// The pixels of one picture in [-1, 1], shaped [1, 3, height, width].
    pub fn of(decoded: &Tensor) -> Result<Self> {
        Self::every(decoded, 1)
    }

    /// Nothing but black, of the same size.
    fn blackened(&self) -> Self {
        Self { bytes: vec![0; self.bytes.len()], ..*self }
    }

    /// Means over squares of `block` × `block` pixels.
    fn every(decoded: &Tensor, block: usize) -> Result<Self> {
        let [1, 3, rows, columns] = decoded.shape[..] else {
            return Err(unencodable(&format!("a picture is [1, 3, height, width], got {:?}", decoded.shape)));
        };
        let (height, width) = (rows / block, columns / block);
        if decoded.values.len() != 3 * rows * columns || height == 0 || width == 0 {
            return Err(unencodable("the tensor's length does not match its shape"));
        }
        let mut bytes = vec![0; width * height * 3];
        for (channel, plane) in decoded.values.chunks_exact(rows * columns).enumerate() {
            for (y, row) in bytes.chunks_exact_mut(width * 3).enumerate() {
                let lines = &plane[y * block * columns..(y + 1) * block * columns];
                for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                    pixel[channel] =
                        if block == 1 { to_byte(lines[x]) } else { to_byte(mean(lines, columns, x, block)) };
                }
            }
        }
        Ok(Self { width, height, bytes })
    }
}

fn mean(lines: &[f32], columns: usize, x: usize, block: usize) -> f32 {
    let sum: f32 = lines.chunks_exact(columns).map(|line| line[x * block..(x + 1) * block].iter().sum::<f32>()).sum();
    sum / (block * block) as f32
}

/// [-1, 1] to 0..=255, rounded.
fn to_byte(value: f32) -> u8 {
    ((value * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

fn size(pixels: usize) -> u32 {
    u32::try_from(pixels).unwrap_or(u32::MAX)
}

fn edge(pixels: usize) -> u16 {
    u16::try_from(pixels).unwrap_or(u16::MAX)
}

fn unencodable(reason: &str) -> InferenceError {
    InferenceError::run("picture", reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::philox;

    fn gradient(height: usize, width: usize) -> Tensor {
        let plane = |channel: usize| {
            (0..height * width).map(move |i| ((i % width) as f32 / width as f32) * 2.0 - 1.0 + channel as f32 * 0.1)
        };
        Tensor { shape: vec![1, 3, height, width], values: (0..3).flat_map(plane).collect() }
    }

    fn read_back(file: &[u8]) -> Rgb {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Rgb { width: info.width as usize, height: info.height as usize, bytes }
    }

    #[test]
    fn a_png_reads_back_as_the_rounded_picture() {
        let tensor = gradient(8, 16);
        let bytes = (0..8 * 16).flat_map(|i| [0, 1, 2].map(|c| to_byte(tensor.values[c * 128 + i]))).collect();
        assert_eq!(read_back(&png(&Rgb::of(&tensor).unwrap()).unwrap()), Rgb { width: 16, height: 8, bytes });
    }

    proptest! {
        #[test]
        fn every_picture_reads_back(width in 1_usize..40, height in 1_usize..40, noise in 0..=255_u8, seed: u64) {
            let deviates = philox::gaussian(seed, 0, (width * height * 3) as u32);
            let bytes = deviates.iter().map(|value| to_byte(value * f32::from(noise) / 255.0)).collect();
            let picture = Rgb { width, height, bytes };
            prop_assert_eq!(read_back(&png(&picture).unwrap()), picture);
        }
    }

    #[test]
    fn flat_pictures_are_small_files() {
        let black = Rgb { width: 512, height: 512, bytes: vec![0; 512 * 512 * 3] };
        assert!(png(&black).unwrap().len() < 4_000);
    }

    #[test]
    fn bytes_are_clamped_and_rounded() {
        assert_eq!([-2.0, -1.0, 0.0, 1.0, 2.0, f32::NAN].map(to_byte), [0, 0, 128, 255, 255, 0]);
    }

    #[test]
    fn a_preview_is_small_and_a_jpeg() {
        let preview = preview(&gradient(512, 512)).unwrap();
        assert_eq!(preview.media_type, "image/jpeg");
        assert!(preview.bytes.starts_with(&[0xFF, 0xD8]) && preview.bytes.len() <= PREVIEW_MAX_BYTES);
    }

    #[test]
    fn a_tensor_of_another_shape_is_refused() {
        for shape in [vec![1, 4, 8, 8], vec![3, 8, 8], vec![1, 3, 8, 9], vec![1, 3, 0, 8]] {
            assert!(Rgb::of(&Tensor { shape, values: vec![0.0; 192] }).is_err());
        }
    }
}
