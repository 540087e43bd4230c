//! An inference process that a model has taken over tries to reach the key, the worker, the network and other programs.
//! The test program starts itself again as that process.
#![cfg(target_os = "linux")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use gpu_worker::child::sandbox::{Confinement, FileWall, Reach, confine, hide_memory};

/// Where the process under test finds its folder; unset in an ordinary run of the tests.
const FOLDER: &str = "AITBC_TEST_HOSTILE_FOLDER";
const ADDRESS: &str = "AITBC_TEST_HOSTILE_ADDRESS";

const SECRET: &str = "0123456789abcdef";

fn read(path: impl AsRef<Path>) -> io::Result<()> {
    let mut byte = [0];
    File::open(path)?.read_exact(&mut byte)
}

/// What a hostile process would do first. Each of it must fail.
fn attempts(folder: &Path, address: &str) -> Vec<(String, io::Result<()>)> {
    let parent = Path::new("/proc").join(rustix::process::getppid().unwrap().as_raw_nonzero().to_string());
    let data = folder.join("data");
    let mut tried = vec![
        ("read the key".to_owned(), read(data.join("miner.key"))),
        ("read the key by a link in the model".to_owned(), read(folder.join("model/link"))),
        ("read the folder of the key".to_owned(), std::fs::read_dir(&data).map(drop)),
        ("read another user's file".to_owned(), read("/etc/passwd")),
        ("write to the model".to_owned(), std::fs::write(folder.join("model/weights"), "other")),
        ("write beside the model".to_owned(), std::fs::write(folder.join("left-behind"), "")),
        ("remove the model".to_owned(), std::fs::remove_file(folder.join("model/weights"))),
        ("connect by TCP".to_owned(), TcpStream::connect(address).map(drop)),
        ("listen by TCP".to_owned(), TcpListener::bind("127.0.0.1:0").map(drop)),
        ("open a UDP socket".to_owned(), UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("connect to a local socket".to_owned(), UnixStream::connect(folder.join("socket")).map(drop)),
        ("open a local datagram socket".to_owned(), UnixDatagram::unbound().map(drop)),
        ("start a program".to_owned(), Command::new("/bin/true").status().map(drop)),
        ("signal the worker".to_owned(), signal_parent()),
        ("trace the worker".to_owned(), trace_parent()),
        (
            "link the key into the cache".to_owned(),
            std::fs::hard_link(data.join("miner.key"), folder.join("cache/key")),
        ),
    ];
    for file in ["mem", "environ", "maps", "root", "cwd/Cargo.toml", "fd"] {
        let path = parent.join(file);
        let outcome = if file == "fd" || file == "root" { std::fs::read_dir(path).map(drop) } else { read(path) };
        tried.push((format!("read {file} of the worker"), outcome));
    }
    let written = OpenOptions::new().write(true).open(parent.join("mem")).map(drop);
    tried.push(("write to the worker's memory".to_owned(), written));
    tried
}

fn signal_parent() -> io::Result<()> {
    let parent = rustix::process::getppid().unwrap();
    Ok(rustix::process::test_kill_process(parent)?)
}

/// By `prlimit`, which asks for the same right as a debugger does.
fn trace_parent() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getppid, prlimit};
    let bound = Rlimit { current: None, maximum: None };
    Ok(prlimit(getppid(), Resource::Core, bound).map(drop)?)
}

fn what_engines_do(folder: &Path) -> io::Result<()> {
    read(folder.join("model/weights"))?;
    read("/proc/cpuinfo")?;
    read("/proc/self/status")?;
    let cache = folder.join("cache/deeper");
    std::fs::create_dir_all(&cache)?;
    std::fs::write(cache.join("graph.partial"), "compiled")?;
    std::fs::rename(cache.join("graph.partial"), cache.join("graph"))?;
    std::thread::spawn(|| vec![1_u8; 1 << 20]).join().map(drop).map_err(|_| io::Error::other("a thread"))?;
    std::fs::remove_dir_all(cache)
}

/// In the process that the other test starts: confines itself and tries everything.
#[test]
fn the_process_under_test() {
    let (Some(folder), Ok(address)) = (std::env::var_os(FOLDER), std::env::var(ADDRESS)) else { return };
    let folder = Path::new(&folder);
    let reach =
        Reach { readable: vec![folder.join("model")], writable: vec![folder.join("cache")], ..Reach::default() };
    let confinement = confine(&reach).unwrap();
    assert_eq!(confinement, Confinement { files: FileWall::Whole, system_calls: true });
    what_engines_do(folder).unwrap();
    let done: Vec<String> =
        attempts(folder, &address).into_iter().filter_map(|(what, outcome)| outcome.is_ok().then_some(what)).collect();
    assert!(done.is_empty(), "not refused: {done:#?}");
}

#[test]
fn a_process_that_a_model_has_taken_over_reaches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["data", "model", "cache"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    std::fs::write(at("data/miner.key"), SECRET).unwrap();
    std::fs::write(at("model/weights"), "weights").unwrap();
    std::os::unix::fs::symlink(at("data/miner.key"), at("model/link")).unwrap();
    let _local = UnixListener::bind(at("socket")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    hide_memory().unwrap();
    // Outside the walls, all that needs no right over the worker succeeds: nothing below fails for another reason.
    let open: Vec<_> = attempts_that_need_no_wall(folder.path(), &address);
    assert!(open.is_empty(), "refused without a wall: {open:?}");
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "hostile_child::the_process_under_test", "--nocapture", "--test-threads=1"]);
    let output = again.env(FOLDER, folder.path()).env(ADDRESS, &address).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(std::fs::read_to_string(at("model/weights")).unwrap(), "weights");
    assert!(!at("left-behind").exists() && !at("cache/key").exists());
}

fn attempts_that_need_no_wall(folder: &Path, address: &str) -> Vec<&'static str> {
    let tries = [
        ("the key", read(folder.join("data/miner.key"))),
        ("the link", read(folder.join("model/link"))),
        ("TCP", TcpStream::connect(address).map(drop)),
        ("a local socket", UnixStream::connect(folder.join("socket")).map(drop)),
        ("a program", Command::new("/bin/true").status().map(drop)),
        ("the worker", signal_parent()),
    ];
    tries.into_iter().filter(|(_, outcome)| outcome.is_err()).map(|(what, _)| what).collect()
}
