//! How many items an RLP list has, counted in its bytes before it is decoded: a decoded item takes up to 64 times as much memory as
//! its shortest form.

use alloy_rlp::Header;

/// Looks, before anything is decoded, whether the list with which `list` begins has more than `limit` items, which `what` names.
///
/// # Errors
/// In words, for a list of more than `limit` items, and for what is no list.
pub fn check_count(list: &[u8], what: &str, limit: usize) -> Result<(), String> {
    let mut items = payload_of(list)?;
    for _ in 0..limit {
        if items.is_empty() {
            return Ok(());
        }
        (_, items) = split_item(items)?;
    }
    match items.is_empty() {
        true => Ok(()),
        false => Err(format!("more than {limit} {what}")),
    }
}

/// The items of the list with which `list` begins.
///
/// # Errors
/// In words, for what is no list.
pub(crate) fn payload_of(mut list: &[u8]) -> Result<&[u8], String> {
    Header::decode_bytes(&mut list, true).map_err(|error| error.to_string())
}

/// An item with its header, and what follows it.
///
/// # Errors
/// In words, for what is no item.
pub(crate) fn split_item(items: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let mut rest = items;
    // It has checked that the payload is there.
    let header = Header::decode(&mut rest).map_err(|error| error.to_string())?;
    let rest = rest.get(header.payload_length..).ok_or("an item ends too early")?;
    Ok(items.split_at(items.len() - rest.len()))
}
