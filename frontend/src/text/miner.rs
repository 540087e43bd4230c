//! Words about miners.

use shared::amount::MICRO_PER_UNIT;
use shared::unit::UnitType;

use super::common::unit;
use crate::format::grouped;

pub const TITLE: &str = "Miners";
pub const FACT: &str = "Machines that serve jobs. Hardware and speed are as the miner measured them; earnings are the sum of its minted receipts.";
pub const EMPTY_TITLE: &str = "No miner yet";
pub const EMPTY_DETAIL: &str = "This command starts one:";
pub const START_COMMAND: &str = "gpu-worker start";
pub const FIRST_PAGE: &str = "First page";
pub const NEXT_PAGE: &str = "More miners";
pub const MINER: &str = "Miner";
pub const STATE: &str = "State";
pub const ONLINE: &str = "online";
pub const OFFLINE: &str = "offline";
pub const PAUSED: &str = "paused by the hub";
pub const BUSY: &str = "working";
pub const DEVICE: &str = "Device";
pub const DEVICES: &str = "Devices";
pub const ENGINE: &str = "Engine";
pub const MODELS: &str = "Models";
pub const MODEL: &str = "Model";
pub const SPEED: &str = "Measured speed";
pub const PRICE: &str = "Unit price";
pub const PICTURE_PRICE: &str = "Picture, 512 px";
pub const PICTURE_HELP: &str = "A 512 × 512 picture at the model’s default steps.";
pub const MANIFEST: &str = "Manifest";
pub const MANIFEST_HELP: &str = "SHA-256 of the model’s manifest, which pins every file.";
pub const COMPLETED: &str = "Jobs served";
pub const FAULTS: &str = "Faults";
pub const REPUTATION: &str = "Reputation";
pub const REPUTATION_HELP: &str = "1 − faults / (jobs served + faults + 1). A refuted result counts as ten faults.";
pub const EARNED: &str = "Earned";
pub const PENDING: &str = "Waits for its mint";
pub const HELD: &str = "Held of it until due";
pub const SLOTS: &str = "Jobs at once";
pub const VERSION: &str = "Worker";
pub const SEEN: &str = "Last seen";
pub const SINCE: &str = "First seen";
pub const RECEIPTS: &str = "Its receipts";
pub const ACCOUNT: &str = "Its account";
pub const DEMAND: &str = "Why it has no more jobs";
pub const HELPS: &str = "What helps:";
pub const NO_RECEIPTS_TITLE: &str = "No receipt yet";
pub const NO_RECEIPTS: &str = "Its first served job makes one.";

pub const HARDWARE: &str = "Hardware as measured";
pub const UNMEASURED_TITLE: &str = "Not measured";
pub const UNMEASURED: &str = "Its worker has handed in no report. This command makes one:";
pub const BENCH_COMMAND: &str = "gpu-worker bench";
pub const MEASURED_AT: &str = "Measured";
pub const METHOD: &str = "Method";
pub const METHOD_HELP: &str = "The median of seven laps after a warm-up, the least and greatest in brackets. Each result is read back and checked.";
pub const SIGNED_BY: &str = "Signed by";
pub const SIGNED_HELP: &str = "A claim that the miner answers for. The hub checked the signature when the miner registered; receipts show the real speed.";
pub const SIGNED_REPORT: &str = "The signed report";
pub const FP32: &str = "Single precision";
pub const FP16: &str = "Half precision";
pub const COPY: &str = "Memory copy";
pub const FLOPS: &str = "FLOP/s";
pub const BYTES_PER_SECOND: &str = "B/s";
pub const CONDITION: &str = "Condition";
pub const DRIVER: &str = "Driver";
pub const PLACE: &str = "Place";
pub const NOTE: &str = "Note";
pub const SOFTWARE: &str = "software";
pub const MEMORY_UNKNOWN: &str = "memory unknown";

pub fn serves(serves: bool) -> &'static str {
    if serves { "Serves jobs." } else { "Measured, but serves no jobs." }
}

/// Of thousandths.
pub fn reputation(per_mille: u16) -> String {
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

/// `(1.2 to 1.4 GB/s)`: a common unit is written once.
pub fn range(least: &str, greatest: &str) -> String {
    let unit = |text: &str| text.split_once(' ').map(|(_, unit)| unit.to_owned());
    let short = least.split_once(' ').filter(|_| unit(least) == unit(greatest)).map_or(least, |(number, _)| number);
    format!("({short} to {greatest})")
}

pub fn peak(mflop_per_second: u64) -> String {
    format!("Its cores and clock allow {}.{} TFLOP/s.", mflop_per_second / 1_000_000, mflop_per_second / 100_000 % 10)
}

pub fn pci(place: String) -> String {
    format!("PCI {place}")
}

pub fn cuda(version: String) -> String {
    format!("CUDA compute capability {version}")
}

pub fn free(bytes: &str) -> String {
    format!("{bytes} free")
}

pub fn temperature(celsius: u32) -> String {
    format!("{celsius} °C")
}

pub fn energy(millijoules: u64) -> String {
    format!("{} J drawn while it was measured", millijoules / 1_000)
}

pub fn throttled(reasons: &str) -> String {
    format!("held back by {reasons}")
}

pub fn engine(engine: &str, threads: u32) -> String {
    match threads {
        1 => format!("{engine}, 1 thread"),
        threads => format!("{engine}, {threads} threads"),
    }
}

/// Two decimals: `2.34 megapixel steps/s`.
pub fn speed(micro_units_per_second: u64, unit_type: UnitType) -> String {
    let (whole, micros) = (micro_units_per_second / MICRO_PER_UNIT, micro_units_per_second % MICRO_PER_UNIT);
    format!("{}.{:02} {}/s", grouped(whole), micros * 100 / MICRO_PER_UNIT, unit(unit_type))
}

pub fn cores(cores: u32) -> String {
    match cores {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    }
}

pub fn title(short_address: &str) -> String {
    format!("{MINER} {short_address}")
}
