//! The limits that the server was started with, for people.

use std::time::Duration;

use shared::api::admin::{AdminLimits, LimitView};

use crate::config::Config;

const DAY_SECONDS: u64 = shared::time::SECONDS_PER_DAY;
const MEBIBYTE: u64 = 1 << 20;
const GIBIBYTE: u64 = 1 << 30;

/// Each with the flag that sets it.
pub(crate) fn limits(config: &Config) -> AdminLimits {
    let (limits, keeping) = (config.limits, config.keeping);
    let days = |kept: Duration| format!("{} days", kept.as_secs() / DAY_SECONDS);
    let rows = [
        (
            "--images-per-minute",
            format!("{} a minute", limits.images_per_key_per_minute),
            "pictures of a visitor, or of a key without its own limit",
        ),
        (
            "--sponsored-per-address",
            format!("{} a day", limits.sponsored_per_address_per_day),
            "sponsored jobs of one network address",
        ),
        ("--sponsored-in-total", format!("{} a day", limits.sponsored_in_total_per_day), "sponsored jobs of everybody"),
        (
            "--sponsored-mint-per-address",
            format!("{} AIT a day", limits.sponsored_mint_per_address_per_day),
            "what sponsored jobs of one network address may mint",
        ),
        (
            "--sponsored-mint-in-total",
            format!("{} AIT a day", limits.sponsored_mint_in_total_per_day),
            "what sponsored jobs of everybody may mint",
        ),
        (
            "--mint-per-key",
            format!("{} AIT a day", limits.mint_per_key_per_day),
            "what jobs of a key without its own limit may mint",
        ),
        (
            "--mint-per-wallet",
            format!("{} AIT a day", limits.mint_per_wallet_per_day),
            "what jobs of a wallet and of the keys that it made may mint",
        ),
        ("--sponsored-files-days", days(keeping.sponsored), "how long result files of sponsored jobs are kept"),
        ("--key-files-days", days(keeping.keyed), "how long result files of all other jobs are kept"),
        ("--files-max-gib", format!("{} GiB", keeping.bytes_max / GIBIBYTE), "all result files together"),
        (
            "--disk-floor-mib",
            format!("{} MiB", config.disk_floor_bytes / MEBIBYTE),
            "free space below which only mints of receipts are taken",
        ),
        (
            "--hold-seconds",
            format!("{} s", config.hold_seconds),
            "how long the minter of a new chain holds what it mints",
        ),
    ];
    let view = |(flag, value, meaning): (&str, String, &str)| LimitView {
        flag: flag.to_owned(),
        value,
        meaning: meaning.to_owned(),
    };
    AdminLimits { limits: rows.map(view).to_vec() }
}
