//! To whom AIT shall go, as somebody typed it.

use shared::Address;

use crate::text::wallet as words;

/// Whether a text is an address, and what the reader should know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    Empty,
    Wrong(&'static str),
    Is { address: Address, has_checksum: bool },
}

pub fn check(text: &str, own: Address) -> Checked {
    let text = text.trim();
    if text.is_empty() {
        return Checked::Empty;
    }
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40);
    let Some((digits, Ok(address))) = digits.map(|digits| (digits, text.parse::<Address>())) else {
        return Checked::Wrong(words::TO_WRONG);
    };
    if address == own {
        return Checked::Wrong(words::TO_SELF);
    }
    let is_mixed = digits.bytes().any(|digit| digit.is_ascii_uppercase())
        && digits.bytes().any(|digit| digit.is_ascii_lowercase());
    if is_mixed && address.to_checksum(None) != text {
        return Checked::Wrong(words::TO_CHECKSUM);
    }
    Checked::Is { address, has_checksum: is_mixed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_before_anything_is_asked() {
        let own = Address::repeat_byte(1);
        let friend = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94";
        let address = friend.parse().unwrap();
        assert_eq!(check(friend, own), Checked::Is { address, has_checksum: true });
        assert_eq!(check(&format!(" {friend} "), own), Checked::Is { address, has_checksum: true });
        let small = friend.to_lowercase();
        assert_eq!(check(&small, own), Checked::Is { address, has_checksum: false });
        assert_eq!(check(&friend.replace("9858E", "9858e"), own), Checked::Wrong(words::TO_CHECKSUM));
        assert_eq!(check(&own.to_string(), own), Checked::Wrong(words::TO_SELF));
        for text in ["0x12", "friend", &friend[2..], &format!("{friend}0")] {
            assert_eq!(check(text, own), Checked::Wrong(words::TO_WRONG), "{text}");
        }
        assert_eq!(check("  ", own), Checked::Empty);
    }
}
