//! `docs/GROWTH.md` says what the constants say.

use node::chain::{DATABASE_FILE_FACTOR, MAX_TRANSACTION_GROWTH_BYTES};
use node::{DISK_FLOOR_BYTES, PoolLimits, StrangerRates};

const DAY_SECONDS: u64 = 86_400;

/// With a space between thousands, as documents write numbers.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(" ")
}

#[test]
fn the_documented_growth_of_a_day_follows_from_the_constants() {
    let path = test_support::package_folder().join("../../../docs/GROWTH.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (rates, pool) = (StrangerRates::default(), PoolLimits::default());
    let in_tables = rates.growth_bytes.most_within(DAY_SECONDS, MAX_TRANSACTION_GROWTH_BYTES);
    let in_file = DATABASE_FILE_FACTOR * in_tables;
    for sentence in [
        format!("at most {} bytes to the tables in a day", grouped(in_tables)),
        format!("at most {} bytes for them", grouped(in_file)),
        format!("100 GB last {} days", 100_000_000_000 / in_file),
        format!("each second | {} | `STRANGERS_GROWTH_BYTES`", grouped(rates.growth_bytes.per_second)),
        format!("after a rest | {} |", grouped(rates.growth_bytes.burst)),
        format!("the last transaction | {} |", grouped(MAX_TRANSACTION_GROWTH_BYTES)),
        format!("in the tables | {DATABASE_FILE_FACTOR} |"),
        format!("each second | {} | `STRANGERS_GAS`", grouped(rates.gas.per_second)),
        format!("after a rest | {} |", grouped(rates.gas.burst)),
        format!("of one block | {} |", grouped(rates.block_gas)),
        format!("without stake | {} | `SENDER_GAS_PER_MINUTE`", grouped(pool.max_gas_per_sender_per_minute)),
        format!("that it has staked | {} |", grouped(pool.gas_per_staked_ait_per_minute)),
        format!("with any stake | {} |", grouped(pool.max_gas_per_staked_sender_per_minute)),
        format!("that arrive, each second | {} |", grouped(pool.strangers_arrival_bytes.per_second)),
        format!("that wait | {} |", grouped(pool.max_bytes as u64)),
        format!("only for the settlement | {} |", grouped(pool.reserved_bytes as u64)),
        format!("only the settlement runs | {} |", grouped(DISK_FLOOR_BYTES)),
    ] {
        assert!(text.contains(&sentence), "docs/GROWTH.md does not say {sentence:?}");
    }
}
