//! Words about miners.

pub const TITLE: &str = "Miners";
pub const FACT: &str = "Machines that draw. Hardware and speed are as the miner measured them; earnings are the sum of its minted receipts.";
pub const EMPTY_TITLE: &str = "No miner yet";
pub const EMPTY_DETAIL: &str = "Start one with: gpu-worker init, then gpu-worker start.";
pub const MINER: &str = "Miner";
pub const STATE: &str = "State";
pub const ONLINE: &str = "online";
pub const OFFLINE: &str = "offline";
pub const BUSY: &str = "drawing";
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
pub const EARNED: &str = "Earned";
pub const PENDING: &str = "Waits for its mint";
pub const SLOTS: &str = "Jobs at once";
pub const VERSION: &str = "Worker";
pub const SEEN: &str = "Last seen";
pub const SINCE: &str = "First seen";
pub const RECEIPTS: &str = "Its receipts";
pub const ACCOUNT: &str = "Its account";
pub const NO_RECEIPTS_TITLE: &str = "No receipt yet";
pub const NO_RECEIPTS: &str = "Its first served job makes one.";

pub fn speed(micro_units_per_second: u64) -> String {
    let hundredths = micro_units_per_second / 10_000;
    format!("{}.{:02} megapixel steps/s", hundredths / 100, hundredths % 100)
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
