//! The picture that image to image starts from: decoded, scaled to cover the job's size, cropped around its middle.

use std::io::Cursor;

use shared::job::init_image::{Format, Header, INIT_IMAGE_EDGE_MAX_PX, InitImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::picture::Rgb;
use super::resample::{Filter, Region, resample};
use crate::engine::port::Tensor;
use crate::error::{InferenceError, Result, quote};

/// What shines through a transparent pixel.
const BACKDROP: u8 = 255;

/// `image` as a tensor [1, 3, height, width] in [-1, 1].
///
/// # Errors
/// [`FailureKind::Input`](crate::error::FailureKind::Input) for a file that is no whole PNG or JPEG within the bounds.
pub(super) fn pixels(image: &InitImage, width: usize, height: usize) -> Result<Tensor> {
    let file = image.file().map_err(|error| refused(error.to_string(), error.value()))?;
    let picture = decode(&file)?;
    let region = Region::covering(&picture, width, height);
    let rows = resample(&picture, region, (width, height), Filter::Triangle);
    let plane = |channel: usize| rows.iter().skip(channel).step_by(3).map(|value| value / 127.5 - 1.0);
    Ok(Tensor { shape: vec![1, 3, height, width], values: (0..3).flat_map(plane).collect() })
}

/// 8-bit RGB of a file. The header is judged before memory for the pixels is taken.
fn decode(file: &[u8]) -> Result<Rgb> {
    let header = Header::read(file).map_err(|error| refused(error.to_string(), error.value()))?;
    let (width, height) = (header.width_px as usize, header.height_px as usize);
    let decoded = match header.format {
        Format::Png => decode_png(file),
        Format::Jpeg => decode_jpeg(file),
    };
    let bytes = decoded.map_err(|reason| refused("a whole PNG or JPEG file".into(), quote(&reason)))?;
    if bytes.len() != width * height * 3 {
        return Err(refused(format!("a picture of {width}×{height} pixels"), format!("{} bytes", bytes.len())));
    }
    Ok(Rgb { width, height, bytes })
}

fn decode_png(file: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoder = png::Decoder::new(Cursor::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let size = reader.output_buffer_size().ok_or("its pixels exceed the memory")?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(|error| error.to_string())?;
    bytes.truncate(info.buffer_size());
    let over = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + u32::from(BACKDROP) * (255 - alpha) + 127) / 255) as u8
    };
    Ok(match info.color_type {
        png::ColorType::Grayscale => bytes.into_iter().flat_map(|gray| [gray; 3]).collect(),
        png::ColorType::GrayscaleAlpha => {
            bytes.chunks_exact(2).flat_map(|pixel| [over(pixel[0], pixel[1]); 3]).collect()
        }
        png::ColorType::Rgba => {
            bytes.chunks_exact(4).flat_map(|pixel| [0, 1, 2].map(|channel| over(pixel[channel], pixel[3]))).collect()
        }
        png::ColorType::Rgb | png::ColorType::Indexed => bytes,
    })
}

fn decode_jpeg(file: &[u8]) -> Result<Vec<u8>, String> {
    let edge = INIT_IMAGE_EDGE_MAX_PX as usize;
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(edge)
        .set_max_height(edge)
        .set_strict_mode(true);
    JpegDecoder::new_with_options(ZCursor::new(file), options).decode().map_err(|error| format!("{error:?}"))
}

fn refused(bound: String, value: String) -> InferenceError {
    InferenceError::input("init_image", format!("is {bound}"), value)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn png(color: png::ColorType, width: u32, height: u32, bytes: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(bytes).unwrap();
        writer.finish().unwrap();
        file
    }

    fn jpeg(width: u16, height: u16, rgb: [u8; 3]) -> Vec<u8> {
        let mut file = Vec::new();
        let bytes = rgb.repeat(usize::from(width) * usize::from(height));
        jpeg_encoder::Encoder::new(&mut file, 95).encode(&bytes, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
        file
    }

    fn read(file: &[u8]) -> Result<Tensor> {
        pixels(&InitImage::parse(&STANDARD.encode(file)).unwrap(), 64, 64)
    }

    #[test]
    fn fuzz_pictures_that_clients_send() {
        let seeds = [
            png(png::ColorType::Rgb, 8, 4, &[255, 0, 0].repeat(32)),
            png(png::ColorType::GrayscaleAlpha, 8, 4, &[7, 99].repeat(32)),
            jpeg(16, 8, [9, 200, 30]),
        ];
        test_support::fuzz("pictures", &seeds, |input| {
            let Ok(image) = InitImage::parse(&STANDARD.encode(input)) else { return };
            match pixels(&image, 64, 64) {
                Ok(tensor) => assert!(tensor.values.iter().all(|value| (-1.0..=1.0).contains(value))),
                Err(error) => assert_eq!(error.kind.name(), "input", "{error}"),
            }
        });
    }

    #[test]
    fn every_kind_of_picture_becomes_rgb_between_minus_one_and_one() {
        let red = [1.0, -1.0, -1.0];
        let cases = [
            (png(png::ColorType::Rgb, 8, 4, &[255, 0, 0].repeat(32)), red),
            (png(png::ColorType::Rgba, 8, 4, &[255, 0, 0, 255].repeat(32)), red),
            (png(png::ColorType::Rgba, 8, 4, &[255, 0, 0, 0].repeat(32)), [1.0; 3]),
            (png(png::ColorType::Grayscale, 8, 4, &[0; 32]), [-1.0; 3]),
            (png(png::ColorType::GrayscaleAlpha, 8, 4, &[0, 0].repeat(32)), [1.0; 3]),
            (jpeg(16, 8, [0, 0, 0]), [-1.0; 3]),
        ];
        for (file, rgb) in cases {
            let tensor = read(&file).unwrap();
            assert_eq!(tensor.shape, [1, 3, 64, 64]);
            for (channel, plane) in tensor.values.chunks_exact(64 * 64).enumerate() {
                assert!(plane.iter().all(|value| (value - rgb[channel]).abs() < 0.02), "{rgb:?}");
            }
        }
    }

    #[test]
    fn a_wide_picture_covers_the_size_and_loses_its_sides() {
        let row: Vec<u8> =
            (0..300).flat_map(|x| if (100..200).contains(&x) { [255, 0, 0] } else { [0, 0, 255] }).collect();
        let tensor = read(&png(png::ColorType::Rgb, 300, 100, &row.repeat(100))).unwrap();
        let red = &tensor.values[..64 * 64];
        assert!(red.chunks_exact(64).all(|row| row[1..63].iter().all(|value| (value - 1.0).abs() < 1e-5)));
    }

    #[test]
    fn truncated_and_mangled_files_are_a_word_about_the_input() {
        let whole = [png(png::ColorType::Rgb, 64, 64, &[7; 64 * 64 * 3]), jpeg(64, 64, [9, 200, 30])];
        for file in whole {
            let mut mangled = file.clone();
            let middle = file.len() / 2;
            mangled.truncate(middle);
            let error = read(&mangled).unwrap_err();
            assert_eq!(error.kind.name(), "input", "{error}");
            assert!(error.to_string().starts_with("input.init_image is a whole PNG or JPEG"), "{error}");
        }
    }

    #[test]
    fn a_small_file_of_a_huge_picture_is_refused_before_it_is_decoded() {
        let mut file = png(png::ColorType::Grayscale, 1, 1, &[0]);
        file[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let image = InitImage { base64: STANDARD.encode(&file), sha256: shared::digest::Sha256Digest::of(&file) };
        let error = pixels(&image, 64, 64).unwrap_err();
        assert!(error.to_string().contains("4096 pixels") && error.to_string().contains("65536×65536"), "{error}");
    }
}
