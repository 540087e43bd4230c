//! Gaussian noise from a seed, bit for bit the same on every machine.
//!
//! Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11) drives a Box–Muller transform in
//! f64. Logarithm, sine and root come from the pure-Rust `libm`, never from the platform. Counter layout and the choice
//! of the sine branch are those of CUDA's `curand_normal` for small tensors, so a seed names about the same noise as in
//! tools that draw it on an NVIDIA GPU.

const ROUNDS: usize = 10;
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// Golden ratio and √3 − 1, as fractions of 2^32.
const KEY_INCREMENTS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

const TWO_POW_MINUS_32: f64 = 1.0 / 4_294_967_296.0;

/// One block of four random words.
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(KEY_INCREMENTS[0]), key[1].wrapping_add(KEY_INCREMENTS[1])];
        }
        let (high0, low0) = wide_product(MULTIPLIERS[0], counter[0]);
        let (high1, low1) = wide_product(MULTIPLIERS[1], counter[2]);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
    }
    counter
}

fn wide_product(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

/// `count` normal deviates of `seed`. `offset` numbers the tensors drawn from one seed, from 0.
pub fn gaussian(seed: u64, offset: u32, count: u32) -> Vec<f32> {
    let key = [seed as u32, (seed >> 32) as u32];
    (0..count)
        .map(|index| {
            let [first, second, ..] = philox4x32([offset, 0, index, 0], key);
            box_muller(first, second) as f32
        })
        .collect()
}

/// Draw `index` of `seed`, even in [0, 1), with 53 bits. A stream of its own: no tensor's noise shares its words.
pub fn uniform(seed: u64, index: u32) -> f64 {
    const UNIFORM_STREAM: u32 = u32::MAX;
    const TWO_POW_MINUS_53: f64 = 1.0 / 9_007_199_254_740_992.0;
    let [first, second, ..] = philox4x32([UNIFORM_STREAM, 0, index, 0], [seed as u32, (seed >> 32) as u32]);
    let bits = (u64::from(first) << 21) | (u64::from(second) >> 11);
    bits as f64 * TWO_POW_MINUS_53
}

/// The sine branch; both words are moved to the middle of their cell, so the logarithm's argument is never 0.
fn box_muller(first: u32, second: u32) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log((f64::from(first) + 0.5) * TWO_POW_MINUS_32));
    let angle = std::f64::consts::TAU * (f64::from(second) + 0.5) * TWO_POW_MINUS_32;
    radius * libm::sin(angle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kat_vectors` of Random123, the authors' own library.
    #[test]
    fn agrees_with_random123() {
        let vectors = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in vectors {
            assert_eq!(philox4x32(counter, key), expected);
        }
    }

    #[test]
    fn deviates_are_normal_and_depend_on_seed_and_offset_only() {
        let deviates = gaussian(42, 0, 20_000);
        let mean = deviates.iter().map(|x| f64::from(*x)).sum::<f64>() / 20_000.0;
        let variance = deviates.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 20_000.0 - mean * mean;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "mean {mean}, variance {variance}");
        assert_eq!(gaussian(42, 0, 10), deviates[..10]);
        assert_ne!(gaussian(42, 1, 10), deviates[..10]);
        assert_ne!(gaussian(42 << 32, 0, 10), deviates[..10]);
    }

    #[test]
    fn uniform_draws_fill_the_interval_evenly() {
        let draws: Vec<f64> = (0..10_000).map(|index| uniform(9, index)).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        for tenth in 0..10 {
            let count = draws.iter().filter(|draw| (**draw * 10.0) as usize == tenth).count();
            // Four standard deviations of a tenth of 10 000 draws.
            assert!(count.abs_diff(1_000) < 120, "{count} in tenth {tenth}");
        }
        assert_ne!(uniform(9, 0), uniform(10, 0));
    }

    #[test]
    fn the_extreme_words_stay_finite() {
        for (first, second) in [(0, 0), (0, u32::MAX), (u32::MAX, 0), (u32::MAX, u32::MAX)] {
            assert!(box_muller(first, second).is_finite());
        }
    }
}
