//! The signed report about this machine, as it lies in the data folder until `start` hands it to the hub.

use std::path::{Path, PathBuf};

use inference::files::write_atomically;
use shared::Address;
use shared::hardware::{HardwareReport, METHOD, MeasuredDevice, ModelTiming, SignedHardwareReport};
use shared::signing::PrivateKey;
use shared::time::UnixMillis;

use crate::error::{Result, WorkerError};

/// Name of the report in the data folder.
pub const REPORT_FILE: &str = "hardware.json";

/// Largest report that is read back; a real one has a few kilobytes.
const REPORT_MAX_BYTES: u64 = 256 << 10;

pub fn path(data: &Path) -> PathBuf {
    data.join(REPORT_FILE)
}

/// Signs what was measured at `now`.
pub fn sign(
    key: &PrivateKey,
    now: UnixMillis,
    devices: Vec<MeasuredDevice>,
    models: Vec<ModelTiming>,
) -> Result<SignedHardwareReport> {
    let report = HardwareReport {
        miner: key.address(),
        worker_version: env!("CARGO_PKG_VERSION").into(),
        method: METHOD.into(),
        measured_at_unix_ms: now,
        devices,
        models,
    };
    SignedHardwareReport::sign(report, key).map_err(|error| WorkerError::Report(error.to_string()))
}

pub fn write(data: &Path, report: &SignedHardwareReport) -> Result<()> {
    let path = path(data);
    let text = serde_json::to_vec_pretty(report).map_err(|error| WorkerError::format(&path, error))?;
    Ok(write_atomically(&path, &text)?)
}

/// The report of this miner; `None` where none was made.
///
/// # Errors
/// A report that is not as it was signed, or is about another miner: the hub would refuse the worker for it.
pub fn read(data: &Path, miner: Address, now: UnixMillis) -> Result<Option<SignedHardwareReport>> {
    let path = path(data);
    let bytes = match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(WorkerError::io(&path)(error)),
        Ok(file) if file.len() > REPORT_MAX_BYTES => {
            return Err(WorkerError::format(&path, format!("it has more than {REPORT_MAX_BYTES} bytes")));
        }
        Ok(_) => std::fs::read(&path).map_err(WorkerError::io(&path))?,
    };
    let signed: SignedHardwareReport =
        serde_json::from_slice(&bytes).map_err(|error| WorkerError::format(&path, error))?;
    signed.check(miner, now).map_err(|error| WorkerError::format(&path, error))?;
    Ok(Some(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_225_999_000);

    #[test]
    fn a_report_is_read_as_it_was_written_and_not_otherwise() {
        let data = tempfile::tempdir().unwrap();
        let key = PrivateKey::from_bytes(&[7; 32]).unwrap();
        assert_eq!(read(data.path(), key.address(), NOW).unwrap(), None);
        let report = sign(&key, NOW, vec![], vec![]).unwrap();
        write(data.path(), &report).unwrap();
        assert_eq!(read(data.path(), key.address(), NOW).unwrap(), Some(report));
        let stranger = read(data.path(), Address::ZERO, NOW).unwrap_err().to_string();
        assert!(stranger.contains("handed it in"), "{stranger}");
        let text = std::fs::read_to_string(path(data.path())).unwrap();
        std::fs::write(path(data.path()), text.replace(METHOD, "aitbc-probe/9")).unwrap();
        let altered = read(data.path(), key.address(), NOW).unwrap_err().to_string();
        assert!(altered.contains("altered"), "{altered}");
        std::fs::write(path(data.path()), vec![b' '; 300_000]).unwrap();
        assert!(read(data.path(), key.address(), NOW).unwrap_err().to_string().contains("262144 bytes"));
    }
}
