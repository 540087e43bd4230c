use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use node::MAX_PEERS;
use serde::{Deserialize, Serialize};
use shared::Address;

use super::{NetworkFileError, read, write_new};

/// Where the validators are reached, in the folder of each of them.
pub(crate) const PEERS_FILE: &str = "peers.json";

/// Longest name of a host with its port.
const ENDPOINT_MAX_BYTES: usize = 255 + 6;

/// The file: all validators, also the one in whose folder it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Peers {
    pub(crate) validators: Vec<Endpoint>,
}

/// A validator and where the others call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    /// Host and port.
    pub(crate) endpoint: String,
}

impl Peers {
    /// Reads the file; `None` where there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, NetworkFileError> {
        let Some(text) = read(path)? else { return Ok(None) };
        let form = |reason: String| NetworkFileError::Form { path: path.to_owned(), reason };
        let file: Self = serde_json::from_str(&text).map_err(|error| form(error.to_string()))?;
        file.check().map_err(form)?;
        Ok(Some(file))
    }

    fn check(&self) -> Result<(), String> {
        if self.validators.len() > MAX_PEERS + 1 {
            return Err(format!("{} validators, at most {} are allowed", self.validators.len(), MAX_PEERS + 1));
        }
        for (index, validator) in self.validators.iter().enumerate() {
            is_endpoint(&validator.endpoint)?;
            if self.validators[..index].iter().any(|earlier| earlier.address == validator.address) {
                return Err(format!("{} occurs twice", validator.address));
            }
        }
        Ok(())
    }

    /// Writes the file, where there is none.
    pub(crate) fn write_new(&self, path: &Path) -> Result<(), NetworkFileError> {
        let form = |reason: String| NetworkFileError::Form { path: path.to_owned(), reason };
        self.check().map_err(form)?;
        let text = serde_json::to_string_pretty(self).map_err(|error| form(error.to_string()))?;
        write_new(path, &(text + "\n"))
    }
}

impl Endpoint {
    /// The socket address of this machine behind the endpoint.
    pub(super) fn to_listen_on(&self) -> Result<SocketAddr, String> {
        let found = self.endpoint.to_socket_addrs().map_err(|error| error.to_string())?;
        found.into_iter().next().ok_or_else(|| "it has no address".to_owned())
    }
}

/// Host, colon and port, and nothing else.
pub(crate) fn is_endpoint(text: &str) -> Result<(), String> {
    let fault = || format!("{text:?} is no endpoint: host and port are wanted, as in 192.0.2.1:26601");
    let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/@?#".contains(&byte));
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    if text.len() <= ENDPOINT_MAX_BYTES && is_host && is_port { Ok(()) } else { Err(fault()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for taken in ["127.0.0.1:1", "site.example:65535", "[::1]:26601"] {
            is_endpoint(taken).unwrap();
        }
        let long = format!("{}:1", "x".repeat(300));
        for refused in ["", ":1", "host", "host:", "host:0", "host:65536", "http://host:1", "a b:1", "me@host:1", &long]
        {
            assert!(is_endpoint(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_validator_stands_in_the_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PEERS_FILE);
        let one = Endpoint { address: Address::repeat_byte(1), endpoint: "127.0.0.1:1".to_owned() };
        let twice = Peers { validators: vec![one.clone(), one.clone()] };
        assert!(matches!(twice.write_new(&path), Err(NetworkFileError::Form { .. })));
        let once = Peers { validators: vec![one] };
        once.write_new(&path).unwrap();
        assert_eq!(Peers::read(&path).unwrap(), Some(once));
        std::fs::write(&path, r#"{"validators":[],"more":1}"#).unwrap();
        assert!(matches!(Peers::read(&path), Err(NetworkFileError::Form { .. })));
    }
}
