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
