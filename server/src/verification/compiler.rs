//! Compilers of the operator's, run as processes of their own.
//!
//! A stranger's sources decide what a compiler does, so it is given nothing that it could do harm with: no variables but the
//! search path, an empty folder, the files of the system and its own (`sandbox`), no network, and bounds of time, processor,
//! memory and answer. What it was given lies in its standard input, and what counts is its standard output.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use contract_verifier::{CompilerVersion, VerifyError};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

use super::VerificationError;
use super::sandbox;

/// How long a compiler may take.
const COMPILE_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether somebody still waits for the answer.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Largest answer: one contract's code, its ABI, and the compiler's warnings.
const ANSWER_MAX_BYTES: u64 = 8 << 20;

/// Folder in the data folder in which compilers run. It stays empty.
const FOLDER: &str = "compiler";

const SEARCH_PATH: &str = "PATH";

/// Why a compiler gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum CompilerError {
    #[error("--solc {program}: the program cannot be run: {reason}")]
    NotRun { program: String, reason: String },
    #[error(
        "--solc {program}: a compiler may read its own folder, and that one holds this server's data: put it into a folder of \
         its own"
    )]
    BesideData { program: String },
    #[error("--solc {program}: asked for --version it does not tell its version: {reason}")]
    NoVersion { program: String, reason: VerifyError },
    #[error("the compiler gave no answer within {} s", .0.as_secs())]
    Slow(Duration),
    #[error("the compiler's answer is larger than {ANSWER_MAX_BYTES} bytes")]
    Large,
    #[error("the compiler gave no answer: it ended, or needed more than {} bytes of memory", sandbox::MEMORY_MAX_BYTES)]
    Ended,
    #[error("the system has no thread or process for the compiler: {0}")]
    System(String),
}

/// The compilers that the operator named.
#[derive(Debug, Clone, Default)]
pub struct Compilers(Vec<Compiler>);

impl Compilers {
    /// Asks each for its version, in the way in which it will be run.
    ///
    /// # Errors
    /// A program that does not run, or tells no version.
    pub async fn open(programs: &[PathBuf], data: &Path) -> Result<Self, CompilerError> {
        let mut compilers = Vec::new();
        for program in programs {
            compilers.push(Compiler::open(program, data).await?);
        }
        Ok(Self(compilers))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The compiler of a version.
    pub(super) fn find(&self, wanted: &CompilerVersion) -> Result<&Compiler, VerificationError> {
        if self.is_empty() {
            return Err(VerificationError::NoCompiler);
        }
        let installed = || self.0.iter().map(|compiler| compiler.version.to_string()).collect::<Vec<_>>().join(", ");
        let other = || VerificationError::OtherCompiler { wanted: wanted.clone(), installed: installed() };
        self.0.iter().find(|compiler| compiler.version == *wanted).ok_or_else(other)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Compiler {
    program: Program,
    version: CompilerVersion,
}

/// A program, and where it runs.
#[derive(Debug, Clone)]
struct Program {
    path: PathBuf,
    folder: PathBuf,
    time_max: Duration,
}

impl Compiler {
    async fn open(path: &Path, data: &Path) -> Result<Self, CompilerError> {
        let name = path.display().to_string();
        let not_run = |reason: io::Error| CompilerError::NotRun { program: name.clone(), reason: reason.to_string() };
        let path = fs::canonicalize(path).map_err(not_run)?;
        let folder = data.join(FOLDER);
        fs::create_dir_all(&folder).map_err(not_run)?;
        let folder = fs::canonicalize(folder).map_err(not_run)?;
        if path.parent().is_none_or(|own| folder.starts_with(own)) {
            return Err(CompilerError::BesideData { program: name });
        }
        let program = Program { path, folder, time_max: COMPILE_MAX };
        let told = program
            .clone()
            .run("--version", Vec::new())
            .await
            .map_err(|error| CompilerError::NotRun { program: name.clone(), reason: error.to_string() })?;
        let version = CompilerVersion::of_program(&String::from_utf8_lossy(&told))
            .map_err(|reason| CompilerError::NoVersion { program: name, reason })?;
        Ok(Self { program, version })
    }

    /// The compiler's answer to a standard JSON input.
    pub(super) async fn compile(&self, input: String) -> Result<Vec<u8>, CompilerError> {
        self.program.clone().run("--standard-json", input.into_bytes()).await
    }
}

impl Program {
    /// On a thread of its own, which is confined with the process that it starts. Both end where the caller goes away.
    async fn run(self, flag: &'static str, input: Vec<u8>) -> Result<Vec<u8>, CompilerError> {
        let (done, outcome) = oneshot::channel();
        let confined = move || {
            let answer = self.run_confined(flag, input, &|| done.is_closed());
            // Nobody waits any more where this fails.
            let _ = done.send(answer);
        };
        let system = |error: io::Error| CompilerError::System(error.to_string());
        thread::Builder::new().name("compiler".to_owned()).spawn(confined).map_err(system)?;
        outcome.await.unwrap_or(Err(CompilerError::Ended))
    }

    fn run_confined(
        &self,
        flag: &str,
        input: Vec<u8>,
        is_given_up: &dyn Fn() -> bool,
    ) -> Result<Vec<u8>, CompilerError> {
        sandbox::confine_thread(&self.readable()).map_err(CompilerError::System)?;
        let mut child = self.start(flag).map_err(|error| CompilerError::System(error.to_string()))?;
        let bounded = sandbox::bound(&child).map_err(CompilerError::System);
        let answer = bounded.and_then(|()| self.converse(&mut child, input, is_given_up));
        end(&mut child);
        answer
    }

    /// Writes the input and reads the answer, as far as time and size allow.
    fn converse(
        &self,
        child: &mut Child,
        input: Vec<u8>,
        is_given_up: &dyn Fn() -> bool,
    ) -> Result<Vec<u8>, CompilerError> {
        let answer = exchange(child, input)?;
        let began = Instant::now();
        while began.elapsed() < self.time_max && !is_given_up() {
            return match answer.recv_timeout(LOOK_INTERVAL) {
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => Err(CompilerError::Ended),
                Ok(Ok(bytes)) if bytes.len() as u64 > ANSWER_MAX_BYTES => Err(CompilerError::Large),
                Ok(Ok(bytes)) if bytes.is_empty() => Err(CompilerError::Ended),
                Ok(Ok(bytes)) => Ok(bytes),
                Ok(Err(error)) => Err(CompilerError::System(error.to_string())),
            };
        }
        Err(CompilerError::Slow(self.time_max))
    }

    fn start(&self, flag: &str) -> io::Result<Child> {
        let mut command = Command::new(&self.path);
        command.arg(flag).current_dir(&self.folder).env_clear();
        if let Some(path) = std::env::var_os(SEARCH_PATH) {
            command.env(SEARCH_PATH, path);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.process_group(0).spawn()
    }

    /// The program's own folder, and where programs are that it may be a script for. None of them holds the data folder.
    fn readable(&self) -> Vec<PathBuf> {
        let path = std::env::var_os(SEARCH_PATH).unwrap_or_default();
        let folders = std::env::split_paths(&path).filter_map(|folder| fs::canonicalize(folder).ok());
        let folders = folders.filter(|folder| !self.folder.starts_with(folder));
        self.path.parent().map(Path::to_path_buf).into_iter().chain(folders).collect()
    }
}

/// What the process answers to the input. A process that reads nothing, or ends before, is seen by its answer; both threads end
/// with it.
fn exchange(child: &mut Child, input: Vec<u8>) -> Result<Receiver<io::Result<Vec<u8>>>, CompilerError> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(CompilerError::Ended);
    };
    let write = move || drop(stdin.write_all(&input));
    let (done, answer) = mpsc::channel();
    let read = move || {
        let mut bytes = Vec::new();
        let read = stdout.take(ANSWER_MAX_BYTES + 1).read_to_end(&mut bytes);
        // Nobody waits any more where this fails.
        let _ = done.send(read.map(|_| bytes));
    };
    let system = |error: io::Error| CompilerError::System(error.to_string());
    thread::Builder::new().spawn(write).map_err(system)?;
    thread::Builder::new().spawn(read).map_err(system)?;
    Ok(answer)
}

/// Ends the process and those that it started.
fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A program that does this, beside an empty folder.
    fn program(home: &Path, script: &str) -> Program {
        let folder = home.join("empty");
        let programs = home.join("programs");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(&programs).unwrap();
        let path = programs.join("compiler");
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Program { path, folder, time_max: COMPILE_MAX }
    }

    async fn answer(home: &Path, script: &str) -> Result<String, CompilerError> {
        let bytes = program(home, script).run("--standard-json", b"the input".to_vec()).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[tokio::test]
    async fn the_input_goes_in_and_the_answer_comes_out_within_the_bounds_of_the_kernel() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(answer(home.path(), "echo \"$1: $(cat)\"").await.unwrap(), "--standard-json: the input\n");
        let bounds =
            answer(home.path(), "cat > /dev/null; ulimit -d; ulimit -t; ulimit -c; ulimit -f; nice").await.unwrap();
        let memory_kib = (sandbox::MEMORY_MAX_BYTES >> 10).to_string();
        assert_eq!(bounds.split_whitespace().collect::<Vec<_>>(), [memory_kib.as_str(), "120", "0", "0", "19"]);
    }

    #[tokio::test]
    async fn a_compiler_sees_no_environment_no_files_of_others_and_no_network() {
        let home = tempfile::tempdir().unwrap();
        let secret = home.path().join("key");
        fs::write(&secret, "secret").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = format!(
            "cat > /dev/null; env | cut -d= -f1 | grep -vxE 'PATH|PWD|SHLVL|_'; ls; cat {0}; cat /etc/hostname; \
             echo x > {0}; echo x > here; (exec 3<>/dev/tcp/127.0.0.1/{port}) && echo connected; echo over",
            secret.display()
        );
        assert_eq!(answer(home.path(), &script).await.unwrap(), "over\n");
        assert!(listener.accept().is_err(), "nobody connected");
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    }

    #[tokio::test]
    async fn endless_work_endless_answers_and_none_are_told_apart() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(answer(home.path(), "yes").await, Err(CompilerError::Large)));
        assert!(matches!(answer(home.path(), "exit 0").await, Err(CompilerError::Ended)));
        assert!(matches!(answer(home.path(), "kill -9 $$").await, Err(CompilerError::Ended)));
        let mut endless = program(home.path(), "while :; do :; done");
        endless.time_max = Duration::from_millis(200);
        assert!(matches!(endless.run("--standard-json", vec![0; 1 << 20]).await, Err(CompilerError::Slow(_))));
    }

    #[tokio::test]
    async fn a_program_is_a_compiler_only_where_it_tells_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let open = |script: &str| {
            let program = program(home, script);
            async move { Compilers::open(&[program.path], home).await }
        };
        let found = open("echo 'Version: 0.8.37+commit.f401782d.Linux.g++'").await.unwrap();
        assert!(found.find(&"v0.8.37+commit.f401782d".parse().unwrap()).is_ok());
        let other = found.find(&"v0.8.36+commit.f401782d".parse().unwrap()).unwrap_err().to_string();
        assert_eq!(other, "this server has no compiler 0.8.36+commit.f401782d; it has 0.8.37+commit.f401782d");
        assert!(matches!(open("echo hello").await, Err(CompilerError::NoVersion { .. })));
        assert!(matches!(open("exit 1").await, Err(CompilerError::NotRun { .. })));
        let beside = program(home, "echo").path.with_file_name("data");
        let refused = Compilers::open(&[program(home, "echo").path], &beside).await.unwrap_err().to_string();
        assert!(refused.contains("a folder of its own"), "{refused}");
        let missing = Compilers::open(&[home.join("nothing")], home).await.unwrap_err().to_string();
        assert!(missing.contains("nothing: the program cannot be run"), "{missing}");
        let none = Compilers::default().find(&"v0.8.37+commit.f401782d".parse().unwrap()).unwrap_err().to_string();
        assert!(none.contains("--solc"), "{none}");
    }
}
