//! Ports: whether one is free, and finding one.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

pub(super) fn require_free(address: SocketAddr) -> Result<()> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {} is in use by another program; choose another with --port N", address.port())
        }
        Err(error) => bail!("cannot listen on {address}: {error}"),
    }
}

/// A loopback address that nothing listens on at this moment.
pub(crate) fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_the_way_out() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let message = require_free(address).unwrap_err().to_string();
        assert_eq!(
            message,
            format!("port {} is in use by another program; choose another with --port N", address.port())
        );
    }

    // Port 0 asks the system for any free one. A port that was bound a moment ago would not do: a process that another
    // test starts holds it until its exec.
    #[test]
    fn a_free_port_passes() {
        require_free((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    }
}
