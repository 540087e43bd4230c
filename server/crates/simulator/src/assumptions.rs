//! What the simulation takes as given about the world outside the hub. Everything else is the hub's own code.

use shared::amount::{ATTO_PER_AIT, Amount};

/// How far a result is from the honest one, in thousandths of a level of 255: the least and the most.
pub type Distance = (u64, u64);

/// Of honest miners with different engines; measured, `docs/AUDITS.md`.
pub const HONEST: Distance = (1, 4);

/// A picture of half of the steps; measured, `docs/AUDITS.md`.
pub const HALF_OF_THE_STEPS: Distance = (10_100, 65_300);

/// A picture of another seed; measured, `docs/AUDITS.md`.
pub const OTHER_SEED: Distance = (18_900, 115_700);

/// A blank picture, or one of noise that no model drew; measured for blank ones, `docs/AUDITS.md`.
pub const BLANK: Distance = (20_200, 234_800);

/// A picture of another model. Nobody measured it; it is taken as no closer than one of another seed, the closest of all
/// pictures of another content that were measured.
pub const OTHER_MODEL: Distance = OTHER_SEED;

/// What a cheaper model costs, in thousandths of the right one: distilled models of the same family, as SDXL-Turbo or
/// SSD-1B, need a half to a twentieth of the operations.
pub const OTHER_MODEL_COST_PER_MILLE: u64 = 250;

/// A lie that computes nothing is delivered after so long: one round trip.
pub const LIE_MS: u64 = 1_000;

/// Everybody asks this for a unit: all prices are equal, so that no strategy wins by its price. It is the price in the
/// hub's own tests, half of the hub's limit.
pub const UNIT_PRICE: Amount = Amount::from_atto(ATTO_PER_AIT);

/// What one machine computes in a second. With it a usual picture takes eight minutes, so that a day has about as many
/// results as a miner of a processor delivers; only the ratio of a result to a day's results matters.
pub const MICRO_UNITS_PER_SECOND: u64 = 10_923;

/// How much machines differ from it, and one result of a machine from another, in thousandths.
pub const SPEED_SPREAD_PER_MILLE: u64 = 100;

/// Steps of the pictures that are asked for, drawn equally often; all have 512 × 512 pixels.
pub const STEPS: [u32; 3] = [10, 20, 30];
pub const SIZE_PX: u32 = 512;

/// Clients have so much time for a job: long enough that no honest miner loses one to the clock.
pub const TTL_SECONDS: u64 = 7_200;

/// Results of each honest miner before the simulation begins. The network has a past; who cheats comes new to it.
pub const PAST_RESULTS: u64 = 100;

/// The minter holds for a day (ADR 0035: `aitbc serve`), and its due times are multiples of a 24th of the hold.
pub const HOLD_SECONDS: u64 = 86_400;
pub const HOLD_PARTS: u64 = 24;

/// Once a minute the board hears of the time, and of every miner that is connected.
pub const TICK_MS: u64 = 60_000;

/// How large the simulated network is, and what its work costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Days of work. After them nothing is asked for, and audits and holds come to their end.
    pub days: u64,
    /// Honest machines, beside those of the cheat.
    pub honest: u64,
    /// Work that is asked for, in thousandths of what all machines can compute.
    pub load_per_mille: u64,
    /// What a result costs its miner, in thousandths of its price. A market without barriers presses prices towards
    /// costs, and audits deter only while something is left: the default leaves a half.
    pub cost_per_mille: u64,
    /// Jobs whose clients pay from escrow, in thousandths; all others are minted.
    pub paid_per_mille: u64,
    /// Network addresses from which a self-dealer asks for sponsored jobs.
    pub dealer_addresses: u64,
    /// Keys that a Sybil which lies from the start has connected at once.
    pub sybil_keys: u64,
    /// Results that an auditor can read although the hub withholds them, in thousandths: their creators show them around.
    pub leaked_per_mille: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            days: 3,
            honest: 8,
            load_per_mille: 700,
            cost_per_mille: 500,
            paid_per_mille: 0,
            dealer_addresses: 3,
            sybil_keys: 20,
            leaked_per_mille: 0,
        }
    }
}

/// A parameter that gives no simulation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {least} to {most}, got {got}")]
pub struct ParameterError {
    pub name: &'static str,
    pub least: u64,
    pub most: u64,
    pub got: u64,
}

impl Parameters {
    /// # Errors
    /// A parameter out of its bounds.
    pub fn check(self) -> Result<Self, ParameterError> {
        let bounds = [
            ("days", 1, 365, self.days),
            ("honest", 1, 1_000, self.honest),
            ("load_per_mille", 1, 2_000, self.load_per_mille),
            ("cost_per_mille", 0, 1_000, self.cost_per_mille),
            ("paid_per_mille", 0, 1_000, self.paid_per_mille),
            ("dealer_addresses", 1, 1_000, self.dealer_addresses),
            ("sybil_keys", 1, 1_000, self.sybil_keys),
            ("leaked_per_mille", 0, 1_000, self.leaked_per_mille),
        ];
        let broken = bounds.into_iter().find(|(_, least, most, got)| !(least..=most).contains(&got));
        match broken {
            Some((name, least, most, got)) => Err(ParameterError { name, least, most, got }),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    #[test]
    fn a_parameter_out_of_its_bounds_is_named_with_them() {
        assert!(Parameters::default().check().is_ok());
        let error = Parameters { cost_per_mille: 1_001, ..Parameters::default() }.check().unwrap_err();
        assert_eq!(error.to_string(), "cost_per_mille is 0 to 1000, got 1001");
    }
}
