//! The wire format of Protocol Buffers, as far as a look through a file needs it: nothing is copied, nothing is
//! allocated, and every length is checked against what is there.

/// A varint has at most this many bytes.
const VARINT_MAX_BYTES: usize = 10;

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Number(u64),
    /// A string, a message, packed numbers or bytes.
    Bytes(&'a [u8]),
    /// Four or eight bytes of a number that nobody here reads.
    Fixed(usize),
}

/// Reads the fields of one message.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field's number and value; `None` at the end.
    pub(super) fn next_field(&mut self) -> Result<Option<(u64, Field<'a>)>, &'static str> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 {
            return Err("a field has the number 0");
        }
        let field = match tag & 7 {
            0 => Field::Number(self.varint()?),
            1 => Field::Fixed(self.take(8)?.len()),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| "a field is longer than memory")?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Fixed(self.take(4)?.len()),
            _ => return Err("a field has a wire type that ONNX does not use"),
        };
        Ok(Some((number, field)))
    }

    /// One number of a packed field.
    pub(super) fn varint(&mut self) -> Result<u64, &'static str> {
        let mut value = 0_u64;
        for index in 0..VARINT_MAX_BYTES {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number has more than 10 bytes")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("the file ends within a field")?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_examples_of_the_format() {
        // From the encoding's description: field 1 = 150; field 2 = "testing".
        let mut fields = Fields::of(&[0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        assert_eq!(fields.next_field(), Ok(Some((1, Field::Number(150)))));
        assert_eq!(fields.next_field(), Ok(Some((2, Field::Bytes(b"testing")))));
        assert_eq!(fields.next_field(), Ok(None));
        let minus_one = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Fields::of(&minus_one).varint(), Ok(u64::MAX));
    }

    #[test]
    fn what_ends_early_or_lies_about_its_length_is_refused() {
        for broken in [&[0x08][..], &[0x08, 0x96], &[0x12, 0x07, 0x74], &[0x0b], &[0x00, 0x00], &[0x09, 1, 2]] {
            assert!(Fields::of(broken).next_field().is_err(), "{broken:?} was taken");
        }
        assert!(Fields::of(&[0x80; 11]).varint().is_err());
        let huge = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(Fields::of(&huge).next_field().is_err());
    }
}
