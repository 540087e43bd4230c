//! A real PostgreSQL for tests: its own instance on a free port, in a folder of its own, run by an unprivileged user.
//!
//! A shell starts it, waits until this process closes the pipe to it, stops it and removes the folder. The pipe closes
//! whatever ends this process, so that no test leaves a server behind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Requirement, require_or_skip};

/// Where Debian keeps the programs of each version; elsewhere they are on the `PATH`.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Ports to try: another program may take a free one before PostgreSQL does.
const PORTS: usize = 3;

/// Arguments: folder of the programs, `on` or `off` for `fsync`, ports to try.
const SCRIPT: &str = r#"
cd / || exit 1
folder=$(mktemp -d) || exit 1
data=$folder/data
programs=$1
fsync=$2
shift 2
"$programs/initdb" -D "$data" -U aitbc -A trust -E UTF8 --locale=C --no-sync >"$folder/log" 2>&1 || set --
for port do
    if "$programs/pg_ctl" -D "$data" -w -l "$folder/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=$fsync -c max_connections=400" start >>"$folder/log" 2>&1
    then
        echo "$port"
        cat >/dev/null
        "$programs/pg_ctl" -D "$data" -m immediate stop >/dev/null 2>&1
        rm -rf "$folder"
        exit
    fi
done
tr '\n' ' ' <"$folder/log"
rm -rf "$folder"
"#;

static FOR_TESTS: LazyLock<Result<Postgres, String>> = LazyLock::new(|| Postgres::start(Survives::Process));

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// The end of PostgreSQL's processes. That is enough for tests, and quick.
    Process,
    /// A loss of power: what was committed is on the disk, as PostgreSQL does it where nobody says otherwise.
    Power,
}

/// An instance, which ends with this process.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    /// Holds the pipe.
    _shell: Child,
}

/// The URL of a new, empty database. `None` where PostgreSQL is not installed: the test then counts as skipped.
///
/// # Panics
/// Where PostgreSQL is installed and does not work: that is a failure, not a reason to skip.
pub fn database_or_skip() -> Option<String> {
    let found = FOR_TESTS.as_ref().map(Postgres::new_database).map_err(Clone::clone);
    require_or_skip(Requirement::PostgreSql, found)
}

impl Postgres {
    /// Starts an instance, or says why there is none here.
    ///
    /// # Errors
    /// In words, where PostgreSQL is not installed.
    ///
    /// # Panics
    /// Where it is installed and does not start.
    pub fn start(survives: Survives) -> Result<Self, String> {
        let programs = programs().ok_or("PostgreSQL's server programs are not installed")?;
        let listeners = [(); PORTS].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.map(|listener| listener.local_addr().unwrap().port().to_string());
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--", "sh"]);
                command
            }
            false => Command::new("sh"),
        };
        let fsync = if survives == Survives::Power { "on" } else { "off" };
        command.args(["-c", SCRIPT, "sh"]).arg(&programs).arg(fsync).args(ports);
        // Its own group: an interrupt from the keyboard must not reach it before it has tidied up.
        let mut shell = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("PostgreSQL does not start: {line}"));
        Ok(Self { programs, port, _shell: shell })
    }

    /// The URL of a new, empty database.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub fn new_database(&self) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        let created = Command::new(self.programs.join("createdb"))
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "aitbc", &name])
            .output()
            .unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        format!("postgres://aitbc@127.0.0.1:{port}/{name}")
    }
}

/// The folder with the server's programs: the newest version's.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let complete = |folder: &Path| ["initdb", "pg_ctl", "createdb"].iter().all(|name| folder.join(name).exists());
    versions.chain(std::env::split_paths(&on_path)).filter(|folder| complete(folder)).max()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
