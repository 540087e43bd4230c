//! Pictures: whole PNGs of the size that was asked for.

use shared::job::image::ValidImageInput;
use shared::protocol::ARTIFACT_MAX_BYTES;

use super::{File, Refutation, check_form};

/// Media type of pictures.
pub const PNG: &str = "image/png";

pub(super) fn check(input: &ValidImageInput, files: &[File<'_>]) -> Result<(), Refutation> {
    let wanted = usize::try_from(input.count).unwrap_or(usize::MAX);
    if files.len() != wanted {
        return Err(Refutation::Count { wanted, got: files.len() });
    }
    files.iter().enumerate().try_for_each(|(index, file)| check_picture(input, index, file))
}

fn check_picture(input: &ValidImageInput, index: usize, file: &File<'_>) -> Result<(), Refutation> {
    check_form(index, file, PNG, ARTIFACT_MAX_BYTES)?;
    let undecodable = |reason: String| Refutation::Undecodable { index, reason };
    let reader = open(file.bytes).map_err(undecodable)?;
    // The header is checked before memory for the pixels is taken: a small file may claim a huge picture.
    let (width, height) = (reader.info().width, reader.info().height);
    if (width, height) != (input.width, input.height) {
        let (wanted_width, wanted_height) = (input.width, input.height);
        return Err(Refutation::Size { index, wanted_width, wanted_height, width, height });
    }
    let bytes_of_pixel = reader.output_color_type().0.samples();
    let pixels = read(reader).map_err(undecodable)?;
    if !file.flagged && is_of_one_colour(&pixels, bytes_of_pixel) {
        return Err(Refutation::OneColour { index });
    }
    Ok(())
}

/// A picture that no model drew, or one that failed to draw.
fn is_of_one_colour(pixels: &[u8], bytes_of_pixel: usize) -> bool {
    let mut pixels = pixels.chunks_exact(bytes_of_pixel.max(1));
    pixels.next().is_some_and(|first| pixels.all(|pixel| pixel == first))
}

type Reader<'a> = png::Reader<std::io::Cursor<&'a [u8]>>;

/// Its pixels will have one byte for each sample.
fn open(bytes: &[u8]) -> Result<Reader<'_>, String> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.read_info().map_err(|error| error.to_string())
}

fn read(mut reader: Reader<'_>) -> Result<Vec<u8>, String> {
    let size = reader.output_buffer_size().ok_or("its pixels exceed the memory")?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    reader.finish().map_err(|error| error.to_string())?;
    Ok(pixels)
}

/// The pixels of a picture whose size was checked.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>, String> {
    read(open(bytes)?)
}
