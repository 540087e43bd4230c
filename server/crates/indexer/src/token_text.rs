//! What a token's contract says of itself, as text that can stand on a page. Any contract may answer anything. Pure.

use alloy_primitives::U256;

const WORD_BYTES: usize = 32;

/// A name or symbol from what the contract returned: a `string`, or the `bytes32` of older tokens. Characters that are
/// not seen, or that change the direction of the text around them, are left out; `None` where nothing is left.
pub fn text(returned: &[u8], max_chars: usize) -> Option<String> {
    let bytes = abi_string(returned).or_else(|| {
        let word = <[u8; WORD_BYTES]>::try_from(returned).ok()?;
        Some(word.iter().copied().take_while(|byte| *byte != 0).collect())
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let shown: String = text.chars().filter(|character| is_shown(*character)).take(max_chars).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// Decimals from what the contract returned.
pub fn decimals(returned: &[u8]) -> Option<u8> {
    let word = <[u8; WORD_BYTES]>::try_from(returned).ok()?;
    u8::try_from(U256::from_be_bytes(word)).ok()
}

fn abi_string(returned: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| -> Option<usize> {
        let word = returned.get(at..at.checked_add(WORD_BYTES)?)?;
        usize::try_from(U256::try_from_be_slice(word)?).ok()
    };
    let start = number(0)?;
    let length = number(start)?;
    let from = start.checked_add(WORD_BYTES)?;
    returned.get(from..from.checked_add(length)?).map(<[u8]>::to_vec)
}

/// Neither a control character nor one of the format characters that hide text or turn it around.
fn is_shown(character: char) -> bool {
    let hides = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffd}' | '\u{e0000}'..='\u{e007f}');
    !character.is_control() && !hides
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolValue as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_in_both_forms_and_cut() {
        assert_eq!(text(&"Token".to_owned().abi_encode(), 64).as_deref(), Some("Token"));
        let mut word = [0; WORD_BYTES];
        word[..3].copy_from_slice(b"MKR");
        assert_eq!(text(&word, 16).as_deref(), Some("MKR"));
        assert_eq!(text(&"x".repeat(1_000).abi_encode(), 16).map(|text| text.len()), Some(16));
        for nothing in [&[][..], &[0; WORD_BYTES], &[1; 3], &"\u{202e}\n".to_owned().abi_encode()] {
            assert_eq!(text(nothing, 16), None, "{nothing:?}");
        }
    }

    #[test]
    fn what_hides_or_turns_text_is_left_out() {
        let tricky = "A\u{202e}IT\u{200b}\u{0}\r\n<b>".to_owned();
        assert_eq!(text(&tricky.abi_encode(), 64).as_deref(), Some("AIT<b>"));
    }

    #[test]
    fn decimals_are_one_byte() {
        assert_eq!(decimals(&U256::from(18).abi_encode()), Some(18));
        assert_eq!(decimals(&U256::from(256).abi_encode()), None);
        assert_eq!(decimals(&[]), None);
    }

    proptest! {
        #[test]
        fn any_answer_can_be_read(returned in prop::collection::vec(any::<u8>(), 0..200), start in 0..200_u8) {
            let mut led = returned.clone();
            if led.len() >= WORD_BYTES {
                led[..WORD_BYTES].fill(0);
                led[WORD_BYTES - 1] = start;
            }
            for answer in [&returned, &led] {
                let read = text(answer, 8);
                prop_assert!(read.is_none_or(|text| text.chars().count() <= 8 && text.chars().all(is_shown)));
            }
        }
    }
}
