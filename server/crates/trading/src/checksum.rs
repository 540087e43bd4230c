//! A short number by which a reader knows that it has the same book.

use shared::api::exchange::CHECKSUM_LEVELS;

/// CRC-32 of the best levels of both sides, each as `limit_price:amount_units`, the bids first, all joined by `|`.
pub fn checksum(bids: impl Iterator<Item = (u128, u128)>, asks: impl Iterator<Item = (u128, u128)>) -> u32 {
    let levels = bids.take(CHECKSUM_LEVELS).chain(asks.take(CHECKSUM_LEVELS));
    let text: Vec<String> = levels.map(|(price, amount)| format!("{price}:{amount}")).collect();
    crc32fast::hash(text.join("|").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_one_that_clients_hash() {
        let none = || std::iter::empty();
        assert_eq!(checksum(none(), none()), 0);
        let book = checksum([(3, 10), (2, 5)].into_iter(), [(4, 1)].into_iter());
        assert_eq!(book, crc32fast::hash(b"3:10|2:5|4:1"));
        let many = (0..100).map(|price| (1_000 - price, 1));
        assert_eq!(checksum(many.clone(), none()), checksum(many.take(CHECKSUM_LEVELS), none()));
    }
}
