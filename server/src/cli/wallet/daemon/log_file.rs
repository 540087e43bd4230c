//! The audit log on the disk. One thread writes what waits and makes it durable at once, for all that wait.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::error::DaemonError;
use super::segments::{Replayed, file_of};

/// Most lines that are made durable at once.
const BATCH_MAX: usize = 1_024;

/// A segment whose beginning is being written. It gets its name when that is whole.
const UNFINISHED: &str = "audit.unfinished";

/// Resolves when everything that was written before is on the disk.
pub(super) struct Durable(oneshot::Receiver<()>);

impl Durable {
    pub(super) async fn wait(self) -> Result<(), DaemonError> {
        self.0.await.map_err(|_| DaemonError::Log("see the daemon's messages".to_owned()))
    }
}

enum Work {
    Line(String),
    /// The next segment, with the lines of its beginning.
    Segment(u32, Vec<String>),
    /// Somebody only waits for what came before.
    Flush,
}

struct Waiting {
    work: Work,
    done: oneshot::Sender<()>,
}

/// Hands lines to the thread that writes them.
pub(super) struct LogWriter {
    waiting: mpsc::Sender<Waiting>,
    folder: PathBuf,
}

impl LogWriter {
    /// Goes on behind what was read. `failed` is canceled where a line cannot be written: what memory holds is ahead of the
    /// disk then, so the daemon must end.
    pub(super) fn start(folder: &Path, replayed: &Replayed, failed: CancellationToken) -> Result<Self> {
        let path = file_of(folder, replayed.replay.segment);
        let cannot = || format!("cannot write {}", path.display());
        let mut file = open(&path).with_context(cannot)?;
        file.set_len(replayed.bytes).with_context(cannot)?;
        file.seek(SeekFrom::End(0)).and_then(|_| file.sync_all()).with_context(cannot)?;
        sync_folder(folder).with_context(cannot)?;
        let (sender, waiting) = mpsc::channel();
        let place = folder.to_owned();
        let work = move || {
            if let Err(error) = write_all(file, &place, &waiting) {
                tracing::error!(%error, "the audit log cannot be written; the daemon ends");
                failed.cancel();
            }
        };
        thread::Builder::new().name("audit-log".to_owned()).spawn(work).with_context(cannot)?;
        Ok(Self { waiting: sender, folder: folder.to_owned() })
    }

    /// Lines are written in the order of these calls.
    pub(super) fn write(&self, line: String) -> Durable {
        self.push(Work::Line(line))
    }

    /// What is written from now on goes into another file, which begins with these lines.
    pub(super) fn begin_segment(&self, segment: u32, lines: Vec<String>) -> Durable {
        self.push(Work::Segment(segment, lines))
    }

    /// Waits for all lines so far.
    pub(super) fn flush(&self) -> Durable {
        self.push(Work::Flush)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn push(&self, work: Work) -> Durable {
        let (done, waits) = oneshot::channel();
        // Where the thread ended, the sender is dropped here, and who waits is told.
        let _ = self.waiting.send(Waiting { work, done });
        Durable(waits)
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes until nobody can send any more.
fn write_all(mut file: File, folder: &Path, waiting: &mpsc::Receiver<Waiting>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Ok(first) = waiting.recv() {
        let more = waiting.try_iter().take(BATCH_MAX - 1);
        let batch: Vec<Waiting> = std::iter::once(first).chain(more).collect();
        for waiting in &batch {
            match &waiting.work {
                Work::Line(line) => add_line(&mut bytes, line),
                Work::Segment(segment, lines) => {
                    write(&mut file, &mut bytes)?;
                    file = begin(folder, *segment, lines)?;
                }
                Work::Flush => {}
            }
        }
        write(&mut file, &mut bytes)?;
        for waiting in batch {
            // Somebody who waits no longer needs no answer.
            let _ = waiting.done.send(());
        }
    }
    Ok(())
}

fn add_line(bytes: &mut Vec<u8>, line: &str) {
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
}

fn write(file: &mut File, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    if !bytes.is_empty() {
        file.write_all(bytes)?;
        file.sync_data()?;
        bytes.clear();
    }
    Ok(())
}

/// The next segment is there with its whole beginning, or not at all.
fn begin(folder: &Path, segment: u32, lines: &[String]) -> std::io::Result<File> {
    let unfinished = folder.join(UNFINISHED);
    let mut file = open(&unfinished)?;
    file.set_len(0)?;
    let mut bytes = Vec::new();
    lines.iter().for_each(|line| add_line(&mut bytes, line));
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, file_of(folder, segment))?;
    sync_folder(folder)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use custody::event::Event;
    use custody::segment;
    use shared::time::UnixMillis;

    use super::*;
    use crate::cli::wallet::daemon::segments::{not_read, replay, tail, verify};

    #[tokio::test]
    async fn a_log_goes_on_where_it_ended_and_forgets_a_line_that_was_not_finished() {
        let place = tempfile::tempdir().unwrap();
        let path = file_of(place.path(), 1);
        for round in 0..3 {
            let mut replayed = replay(place.path()).unwrap();
            assert_eq!(replayed.replay.head.entries, round * 2);
            let writer = LogWriter::start(place.path(), &replayed, CancellationToken::new()).unwrap();
            for chain_id in 0..2 {
                let line = replayed.replay.head.append(UnixMillis(7), &Event::Started { chain_id }).unwrap();
                writer.write(line).wait().await.unwrap();
            }
            writer.flush().wait().await.unwrap();
            drop(writer);
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"number\":").unwrap();
        }
        let newest = tail(place.path(), 3).unwrap();
        assert_eq!(newest.iter().map(|entry| entry.number).collect::<Vec<_>>(), [5, 4, 3]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"chain_id\":0", "\"chain_id\":9", 1)).unwrap();
        let error = format!("{:#}", replay(place.path()).unwrap_err());
        assert!(error.contains("does not hold") && error.contains("entry 1"), "{error}");
    }

    #[tokio::test]
    async fn segments_follow_each_other_and_old_ones_may_lie_elsewhere() {
        let place = tempfile::tempdir().unwrap();
        let archive = tempfile::tempdir().unwrap();
        // A segment whose beginning was being written when the daemon ended.
        std::fs::write(place.path().join(UNFINISHED), "{\"number\":").unwrap();
        std::fs::write(place.path().join("audit-7.jsonl"), "somebody's own file").unwrap();
        assert_eq!(not_read(place.path()), None);
        std::fs::write(place.path().join("audit.jsonl"), "nothing of this log").unwrap();
        assert!(not_read(place.path()).unwrap().contains("audit.jsonl is not read"));
        let replayed = replay(place.path()).unwrap();
        let writer = LogWriter::start(place.path(), &replayed, CancellationToken::new()).unwrap();
        let mut head = replayed.replay.head;
        for number in 1..=3 {
            if number > segment::FIRST {
                let lines = segment::begin(&mut head, &replayed.replay.ledger, number, UnixMillis(7)).unwrap();
                // Nobody waits for it: what follows stands behind it in any case.
                drop(writer.begin_segment(number, lines));
            }
            let line = head.append(UnixMillis(7), &Event::Started { chain_id: u64::from(number) }).unwrap();
            writer.write(line).wait().await.unwrap();
        }
        let folders = [place.path().to_owned(), archive.path().to_owned()];
        let whole = verify(&folders).unwrap();
        assert_eq!((whole.replay.head, whole.first_segment, whole.first_entry), (head, 1, 0));
        let shown = tail(place.path(), 9).unwrap();
        assert_eq!(shown.iter().map(|entry| entry.number).collect::<Vec<_>>(), [4, 2, 0], "only what happened");

        for segment in [1, 2] {
            std::fs::rename(file_of(place.path(), segment), file_of(archive.path(), segment)).unwrap();
        }
        let newest = replay(place.path()).unwrap();
        assert_eq!((newest.replay.head, newest.replay.segment), (head, 3));
        assert_eq!(verify(&folders).unwrap().replay.head, head);
        let rest = verify(&folders[..1]).unwrap();
        assert_eq!((rest.replay.head, rest.first_segment, rest.first_entry), (head, 3, 3));
        std::fs::remove_file(file_of(archive.path(), 2)).unwrap();
        let gap = format!("{:#}", verify(&folders).unwrap_err());
        assert!(gap.contains("segment 2 of the log should follow"), "{gap}");
        std::fs::copy(file_of(place.path(), 3), file_of(archive.path(), 3)).unwrap();
        let twice = format!("{:#}", verify(&folders).unwrap_err());
        assert!(twice.contains("both segment 3"), "{twice}");
    }
}
