//! The audit log on the disk. One thread writes what waits and makes it durable at once, for all that wait.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};
use custody::audit_log::{Entry, Head, LINE_MAX_BYTES};
use custody::ledger::Ledger;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::error::DaemonError;

/// Most lines that are made durable at once.
const BATCH_MAX: usize = 1_024;

/// Bytes of a log's end that are read to show its last entries.
const TAIL_MAX_BYTES: u64 = 4 << 20;

/// What a log amounts to.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub(super) head: Head,
    pub(super) ledger: Ledger,
    /// Bytes of the whole lines.
    bytes: u64,
}

/// Resolves when everything that was written before is on the disk.
pub(super) struct Durable(oneshot::Receiver<()>);

impl Durable {
    pub(super) async fn wait(self) -> Result<(), DaemonError> {
        self.0.await.map_err(|_| DaemonError::Log("see the daemon's messages".to_owned()))
    }
}

struct Waiting {
    /// A line, or nothing where somebody only waits for the lines before.
    line: Option<String>,
    done: oneshot::Sender<()>,
}

/// Hands lines to the thread that writes them.
pub(super) struct LogWriter {
    lines: mpsc::Sender<Waiting>,
    path: PathBuf,
}

/// Reads a log and checks its chain. A last line without its line break was being written when the daemon ended: nobody got
/// an answer for it.
pub(super) fn replay(path: &Path) -> Result<Replayed> {
    let mut replayed = Replayed::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(replayed),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_MAX_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 || (line.last() != Some(&b'\n') && read <= LINE_MAX_BYTES) {
            return Ok(replayed);
        }
        let text = std::str::from_utf8(&line).with_context(|| format!("{} is no text", path.display()))?;
        let entry = replayed.head.read(text.trim_end_matches('\n'));
        let entry = entry.with_context(|| format!("the audit log {} does not hold", path.display()))?;
        replayed.ledger.apply(entry.at_ms, &entry.event);
        replayed.bytes += read as u64;
    }
}

/// The last entries, the newest first.
pub(super) fn tail(path: &Path, limit: usize) -> Result<Vec<Entry>> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_MAX_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_MAX_BYTES).read_to_end(&mut bytes)?;
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // The last part is empty or unfinished, and the first one too where the reading began inside a line.
    lines.pop();
    let skipped = usize::from(from > 0);
    let whole = lines.into_iter().skip(skipped).rev().take(limit);
    whole.map(|line| serde_json::from_slice(line).context("the audit log holds a line that is no entry")).collect()
}

impl LogWriter {
    /// Goes on behind what was read. `failed` is canceled where a line cannot be written: what memory holds is ahead of the
    /// disk then, so the daemon must end.
    pub(super) fn start(path: &Path, replayed: &Replayed, failed: CancellationToken) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(path).with_context(cannot)?;
        file.set_len(replayed.bytes).with_context(cannot)?;
        let mut file = file;
        file.seek(SeekFrom::End(0)).and_then(|_| file.sync_all()).with_context(cannot)?;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).with_context(cannot)?;
        }
        let (lines, waiting) = mpsc::channel();
        let work = move || {
            if let Err(error) = write_all(&mut file, &waiting) {
                tracing::error!(%error, "the audit log cannot be written; the daemon ends");
                failed.cancel();
            }
        };
        thread::Builder::new().name("audit-log".to_owned()).spawn(work).with_context(cannot)?;
        Ok(Self { lines, path: path.to_owned() })
    }

    /// Lines are written in the order of these calls.
    pub(super) fn write(&self, line: String) -> Durable {
        self.push(Some(line))
    }

    /// Waits for all lines so far.
    pub(super) fn flush(&self) -> Durable {
        self.push(None)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn push(&self, line: Option<String>) -> Durable {
        let (done, waits) = oneshot::channel();
        // Where the thread ended, the sender is dropped here, and who waits is told.
        let _ = self.lines.send(Waiting { line, done });
        Durable(waits)
    }
}

/// Writes until nobody can send any more.
fn write_all(file: &mut File, waiting: &mpsc::Receiver<Waiting>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Ok(first) = waiting.recv() {
        let more = waiting.try_iter().take(BATCH_MAX - 1);
        let batch: Vec<Waiting> = std::iter::once(first).chain(more).collect();
        bytes.clear();
        for line in batch.iter().filter_map(|waiting| waiting.line.as_deref()) {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        if !bytes.is_empty() {
            file.write_all(&bytes)?;
            file.sync_data()?;
        }
        for waiting in batch {
            // Somebody who waits no longer needs no answer.
            let _ = waiting.done.send(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use custody::event::Event;
    use shared::time::UnixMillis;

    use super::*;

    #[tokio::test]
    async fn a_log_goes_on_where_it_ended_and_forgets_a_line_that_was_not_finished() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("audit.jsonl");
        for round in 0..3 {
            let mut replayed = replay(&path).unwrap();
            assert_eq!(replayed.head.entries, round * 2);
            let writer = LogWriter::start(&path, &replayed, CancellationToken::new()).unwrap();
            for chain_id in 0..2 {
                let line = replayed.head.append(UnixMillis(7), &Event::Started { chain_id }).unwrap();
                writer.write(line).wait().await.unwrap();
            }
            writer.flush().wait().await.unwrap();
            drop(writer);
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"number\":").unwrap();
        }
        let newest = tail(&path, 3).unwrap();
        assert_eq!(newest.iter().map(|entry| entry.number).collect::<Vec<_>>(), [5, 4, 3]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"chain_id\":0", "\"chain_id\":9", 1)).unwrap();
        let error = format!("{:#}", replay(&path).unwrap_err());
        assert!(error.contains("does not hold") && error.contains("entry 1"), "{error}");
    }
}
