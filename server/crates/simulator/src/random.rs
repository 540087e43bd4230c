//! Randomness that follows from a seed: SplitMix64, as Java's `SplittableRandom` has it.

/// A stream of draws.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Streams of one seed with different names are independent of each other.
    pub fn new(seed: u64, name: &str) -> Self {
        let mixed = name.bytes().fold(seed, |mixed, byte| Self(mixed ^ u64::from(byte)).draw());
        Self(mixed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end` − 1; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.draw()) * u128::from(end);
        (product >> 64) as u64
    }

    /// `least` to `most`, both included.
    pub fn between(&mut self, (least, most): (u64, u64)) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    pub fn bits(&mut self) -> [u8; 32] {
        let mut bits = [0; 32];
        for part in bits.chunks_exact_mut(8) {
            part.copy_from_slice(&self.draw().to_be_bytes());
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// The first outputs of seed 1234567, from the public reference implementation by Sebastiano Vigna.
    #[test]
    fn the_numbers_are_those_of_the_reference() {
        let mut random = Random(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.draw()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn bounds_are_kept_and_names_part_the_streams() {
        let mut random = Random::new(7, "jobs");
        assert!((0..1_000).all(|_| (3..=5).contains(&random.between((3, 5)))));
        assert_eq!(random.below(0), 0);
        assert_ne!(Random::new(7, "jobs").draw(), Random::new(7, "bits").draw());
    }
}
