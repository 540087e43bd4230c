//! The files of the audit log: one for each segment, `audit-000001.jsonl` and so on. The newest is written to; the others may be
//! moved elsewhere.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use custody::audit_log::{Entry, LINE_MAX_BYTES};
use custody::event::Event;
use custody::segment::{FIRST, Replay};

const PREFIX: &str = "audit-";
const SUFFIX: &str = ".jsonl";

/// A file that looks like the audit log and is no segment of it.
const WITHOUT_NUMBER: &str = "audit.jsonl";

/// Bytes of a segment's end that are read to show its last entries.
const TAIL_MAX_BYTES: u64 = 4 << 20;

/// What the newest segment amounts to.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) replay: Replay,
    /// Bytes of its whole lines.
    pub(super) bytes: u64,
}

pub(super) fn file_of(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{PREFIX}{segment:06}{SUFFIX}"))
}

/// The segments in a folder, the oldest first. A folder that is not there has none.
pub(super) fn list(folder: &Path) -> Result<Vec<(u32, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX));
        // Only as `file_of` writes it: one segment has one name.
        if let Some(number) = number.and_then(|number| number.parse().ok())
            && path == file_of(folder, number)
            && number >= FIRST
        {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// What to say of a file beside the segments that somebody may take for the log, and that nothing reads.
pub(super) fn not_read(folder: &Path) -> Option<String> {
    let path = folder.join(WITHOUT_NUMBER);
    let first = file_of(folder, FIRST);
    path.exists().then(|| {
        format!(
            "{} is not read, and nothing in it counts: files of the audit log are named like {}",
            path.display(),
            first.display()
        )
    })
}

/// Reads the newest segment, which tells everything that counts.
pub(super) fn replay(folder: &Path) -> Result<Replayed> {
    let mut replay = Replay::default();
    let Some((segment, path)) = list(folder)?.pop() else {
        replay.begin_segment(FIRST)?;
        return Ok(Replayed { replay, bytes: 0 });
    };
    let bytes = read_into(&mut replay, segment, &path)?;
    replay.check_whole().with_context(|| does_not_hold(&path))?;
    Ok(Replayed { replay, bytes })
}

/// What a whole log is, as far as it was found.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) replay: Replay,
    /// The first segment and entry that were found.
    pub(super) first_segment: u32,
    pub(super) first_entry: u64,
}

/// Reads the segments of several folders in their order, and checks that they are one chain without a gap and that each says
/// what the ones before amount to.
pub(super) fn verify(folders: &[PathBuf]) -> Result<Verified> {
    let mut segments = Vec::new();
    for folder in folders {
        segments.extend(list(folder)?);
    }
    segments.sort();
    if let Some(pair) = segments.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        bail!("{} and {} are both segment {}", pair[0].1.display(), pair[1].1.display(), pair[0].0);
    }
    let mut replay = Replay::default();
    let (mut first, newest) = (None, segments.len().saturating_sub(1));
    for (index, (segment, path)) in segments.iter().enumerate() {
        let length = path.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
        let bytes = read_with(&mut replay, *segment, path, |entry| {
            first.get_or_insert((*segment, entry.number));
        })?;
        if index < newest && bytes < length {
            bail!("the last line of {} is not whole, and another segment follows", path.display());
        }
    }
    replay.check_whole()?;
    let (first_segment, first_entry) = first.unwrap_or((FIRST, 0));
    Ok(Verified { replay, first_segment, first_entry })
}

fn does_not_hold(path: &Path) -> String {
    format!("the audit log {} does not hold", path.display())
}

fn read_into(replay: &mut Replay, segment: u32, path: &Path) -> Result<u64> {
    read_with(replay, segment, path, |_| ())
}

/// Reads a segment and checks its chain: the bytes of its whole lines. A last line without its line break was being written when
/// the daemon ended: nobody got an answer for it.
fn read_with(replay: &mut Replay, segment: u32, path: &Path, mut see: impl FnMut(&Entry)) -> Result<u64> {
    replay.begin_segment(segment).with_context(|| does_not_hold(path))?;
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let (mut line, mut bytes) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_MAX_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 || (line.last() != Some(&b'\n') && read <= LINE_MAX_BYTES) {
            return Ok(bytes);
        }
        let text = std::str::from_utf8(&line).with_context(|| format!("{} is no text", path.display()))?;
        let entry = replay.read(text.trim_end_matches('\n')).with_context(|| does_not_hold(path))?;
        see(&entry);
        bytes += read as u64;
    }
}

/// The last entries, the newest first, without those that repeat what segments before say.
pub(super) fn tail(folder: &Path, limit: usize) -> Result<Vec<Entry>> {
    let mut newest = Vec::new();
    for (_, path) in list(folder)?.iter().rev() {
        if newest.len() >= limit {
            break;
        }
        let (entries, is_cut) = tail_of(path, limit - newest.len())?;
        newest.extend(entries);
        // What lies before the part that was read is not left out silently: the tail ends here.
        if is_cut {
            break;
        }
    }
    Ok(newest)
}

/// The last entries of one segment, and whether older ones than these were not read.
fn tail_of(path: &Path, limit: usize) -> Result<(Vec<Entry>, bool)> {
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
    let mut entries = Vec::new();
    for line in lines.into_iter().skip(skipped).rev() {
        let entry: Entry = serde_json::from_slice(line).context("the audit log holds a line that is no entry")?;
        if entries.len() >= limit || matches!(entry.event, Event::Carried { .. }) {
            return Ok((entries, false));
        }
        if !matches!(entry.event, Event::SegmentBegan { .. }) {
            entries.push(entry);
        }
    }
    Ok((entries, from > 0))
}
