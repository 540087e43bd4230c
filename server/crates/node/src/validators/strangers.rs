//! Connections that have not said who they are: how many there may be, and how long each may take.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most connections that have not said who they are.
const MAX_STRANGERS: usize = 32;
/// Of them, those of one network address.
const MAX_STRANGERS_OF_ADDRESS: usize = 4;

/// How many connections of each network address have not said who they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Strangers(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// The place of one of them; given back when it is dropped.
#[derive(Debug)]
pub(super) struct StrangerPlace {
    strangers: Strangers,
    address: IpAddr,
}

impl Strangers {
    /// None where there are as many as may be, in all or of this address.
    pub(super) fn take_place(&self, address: IpAddr) -> Option<StrangerPlace> {
        // An IPv4 address is the same one on a port of both versions.
        let address = address.to_canonical();
        let mut taken = self.taken();
        let of_address = taken.get(&address).copied().unwrap_or_default();
        if of_address >= MAX_STRANGERS_OF_ADDRESS || taken.values().sum::<usize>() >= MAX_STRANGERS {
            return None;
        }
        taken.insert(address, of_address + 1);
        drop(taken);
        Some(StrangerPlace { strangers: self.clone(), address })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StrangerPlace {
    fn drop(&mut self) {
        let mut taken = self.strangers.taken();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// A connection of which all reads and writes together have to end by one time.
#[derive(Debug)]
pub(super) struct Hurried<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl<'a> Hurried<'a> {
    pub(super) fn new(stream: &'a TcpStream, until: Instant) -> Self {
        Self { stream, until }
    }

    fn left(&self) -> io::Result<Duration> {
        match self.until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Read for Hurried<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Hurried<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn one_address_has_four_places_and_all_together_have_thirty_two() {
        let strangers = Strangers::default();
        let address = |last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
        let mut places: Vec<_> =
            (0..8).flat_map(|last| [last; 4]).map(|last| strangers.take_place(address(last))).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(strangers.take_place(address(9)).is_none(), "all places are taken");
        places.truncate(4);
        assert!(strangers.take_place(address(0)).is_none(), "all of this address are taken");
        assert!(strangers.take_place(IpAddr::from(Ipv4Addr::new(192, 0, 2, 0).to_ipv6_mapped())).is_none());
        assert!(strangers.take_place(address(1)).is_some());
        places.clear();
        assert!(strangers.taken().is_empty(), "places are given back");
    }

    #[test]
    fn what_is_late_is_not_read_though_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut dialed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        dialed.write_all(b"hello").unwrap();
        let now = Instant::now();
        let mut in_time = Hurried::new(&accepted, now + Duration::from_secs(3_600));
        in_time.read_exact(&mut [0]).unwrap();
        in_time.write_all(b"hello").unwrap();
        let mut late = Hurried::new(&accepted, now);
        assert_eq!(late.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(late.write(b"hello").unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
