//! What a person is asked for: passwords, secrets, and yes or no.

use std::fs::File;
use std::io::{IsTerminal, Read, Write, stderr, stdin};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use wallet::protocol::PASSWORD_MIN_CHARS;
use zeroize::Zeroizing;

/// Most bytes of a password.
const PASSWORD_MAX_BYTES: u64 = 1 << 10;

/// Names stdin where a file is named.
const STDIN: &str = "-";

#[derive(Debug, Args)]
pub(in crate::cli) struct Password {
    /// File with the password in its first line, or - for stdin; the terminal asks where absent
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Password {
    /// The password of a wallet that exists.
    pub(in crate::cli) fn of(&self, what: &str) -> Result<Zeroizing<String>> {
        match &self.password_file {
            Some(path) => from_file(path),
            None => from_terminal(&format!("Password of {what}: ")),
        }
    }

    /// A password that somebody chooses now. The terminal asks twice.
    pub(in crate::cli) fn choose(&self, what: &str) -> Result<Zeroizing<String>> {
        let password = match &self.password_file {
            Some(path) => from_file(path)?,
            None => {
                let first =
                    from_terminal(&format!("New password of {what}, {PASSWORD_MIN_CHARS} characters or more: "))?;
                check_length(&first)?;
                if *from_terminal("The same again: ")? != *first {
                    bail!("the two passwords differ; nothing was changed");
                }
                first
            }
        };
        check_length(&password)?;
        Ok(password)
    }

    pub(in crate::cli) fn is_stdin(&self) -> bool {
        self.password_file.as_deref() == Some(Path::new(STDIN))
    }
}

pub(super) fn check_length(password: &str) -> Result<()> {
    let chars = password.chars().count();
    if chars < PASSWORD_MIN_CHARS {
        bail!("a password has {PASSWORD_MIN_CHARS} characters or more, got {chars}; nothing was changed");
    }
    Ok(())
}

/// The password in a file's first line.
pub(in crate::cli) fn from_file(path: &Path) -> Result<Zeroizing<String>> {
    let text = read_secret(path, PASSWORD_MAX_BYTES)?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("the first line of {} is empty, where the password should be", path.display());
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Asks without showing what is typed.
pub(in crate::cli) fn from_terminal(question: &str) -> Result<Zeroizing<String>> {
    let typed = rpassword::prompt_password(question).map(Zeroizing::new);
    typed.map_err(|error| anyhow!(error).context("no terminal can ask for it: name a file, as --help says"))
}

/// Reads a file that holds a secret, or stdin. Others must not be able to read it.
pub(in crate::cli) fn read_secret(path: &Path, most_bytes: u64) -> Result<Zeroizing<String>> {
    if path == Path::new(STDIN) {
        return read_bounded(stdin(), "stdin", most_bytes);
    }
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        bail!("{} holds a secret but may be read by others (mode {mode:o}): run `chmod 600` on it", path.display());
    }
    read_bounded(file, &path.display().to_string(), most_bytes)
}

/// Reads a file that may be public, or stdin.
pub(in crate::cli) fn read_text(path: &Path, most_bytes: u64) -> Result<String> {
    let read = if path == Path::new(STDIN) {
        read_bounded(stdin(), "stdin", most_bytes)?
    } else {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        read_bounded(file, &path.display().to_string(), most_bytes)?
    };
    Ok(read.as_str().to_owned())
}

/// A secret from stdin where something is piped into it, else from the terminal.
pub(in crate::cli) fn secret(question: &str, most_bytes: u64) -> Result<Zeroizing<String>> {
    if stdin().is_terminal() { from_terminal(question) } else { read_bounded(stdin(), "stdin", most_bytes) }
}

fn read_bounded(source: impl Read, name: &str, most_bytes: u64) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(most_bytes + 1)?));
    source.take(most_bytes + 1).read_to_string(&mut text).with_context(|| format!("cannot read {name} as text"))?;
    if text.len() as u64 > most_bytes {
        bail!("{name} has more than {most_bytes} bytes");
    }
    Ok(text)
}

/// Goes on only after a yes. Without a terminal nobody could say it.
pub(in crate::cli) fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !stdin().is_terminal() {
        bail!("nobody is there to confirm it: look at what was shown, and say --yes");
    }
    eprint!("{question} [y/N] ");
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    bail!("not confirmed; nothing was done")
}
