//! The files by which several nodes keep one chain: what block 0 is, and where the validators are reached. Both are the same
//! for everybody.

mod genesis;
mod peers;

use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use node::chain::{Genesis, ValidatorKey};
use node::{Peer, Role, ValidatorNetwork};
use shared::Address;

pub(crate) use genesis::{GENESIS_FILE, SharedGenesis};
pub(crate) use peers::{Endpoint, PEERS_FILE, Peers, is_endpoint};

/// Largest file that is read. Contracts of block 0 take some hundred kilobytes.
const FILE_MAX_BYTES: u64 = 8 << 20;

/// Why a file of the network cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetworkFileError {
    #[error("{path} cannot be read or written")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} is longer than {FILE_MAX_BYTES} bytes")]
    TooLong { path: PathBuf },
    #[error("{path} has another form: {reason}")]
    Form { path: PathBuf, reason: String },
    #[error(
        "{path} was changed: it says that block 0 has the hash {stated}, and its values give {computed}; get it anew from who \
         made it"
    )]
    OtherHash { path: PathBuf, stated: shared::B256, computed: shared::B256 },
    #[error(
        "{folder} has a {GENESIS_FILE} of {count} validators and no {PEERS_FILE}, which says where they are reached"
    )]
    NoPeers { folder: PathBuf, count: usize },
    #[error("the validator's key has the address {address}, which {path} does not name")]
    UnknownKey { path: PathBuf, address: Address },
    #[error("there is no file {path}")]
    Absent { path: PathBuf },
    #[error("{path} is of another chain than --genesis; choose another folder for it")]
    OtherChain { path: PathBuf },
    #[error("{folder} holds no {GENESIS_FILE}: give the chain's with --genesis FILE, from somebody you trust")]
    NoGenesis { folder: PathBuf },
    #[error("{path} names {endpoint}, which is no address to listen on: {reason}")]
    Listen { path: PathBuf, endpoint: String, reason: String },
}

/// Reads a file of bounded length; `None` where it does not exist.
fn read(path: &Path) -> Result<Option<String>, NetworkFileError> {
    let fault = |source| NetworkFileError::File { path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    let mut text = String::new();
    let length = file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text).map_err(fault)?;
    if length as u64 > FILE_MAX_BYTES {
        return Err(NetworkFileError::TooLong { path: path.to_owned() });
    }
    Ok(Some(text))
}

/// Writes a new file; one that is there already is left as it is.
fn write_new(path: &Path, text: &str) -> Result<(), NetworkFileError> {
    use std::io::Write as _;
    let fault = |source| NetworkFileError::File { path: path.to_owned(), source };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(fault)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)
}

/// The genesis in the folder of a node that follows, or the one that is given for a new folder, which is copied there.
pub(crate) fn genesis_for(data: &Path, given: Option<&Path>) -> Result<SharedGenesis, NetworkFileError> {
    let path = data.join(GENESIS_FILE);
    let given = match given {
        Some(given) => {
            let absent = || NetworkFileError::Absent { path: given.to_owned() };
            Some(SharedGenesis::read(given)?.ok_or_else(absent)?)
        }
        None => None,
    };
    match (SharedGenesis::read(&path)?, given) {
        (Some(kept), Some(given)) if kept != given => Err(NetworkFileError::OtherChain { path }),
        (Some(kept), _) => Ok(kept),
        (None, Some(given)) => {
            std::fs::create_dir_all(data).map_err(|source| NetworkFileError::File { path: data.to_owned(), source })?;
            given.write_new(&path)?;
            Ok(given)
        }
        (None, None) => Err(NetworkFileError::NoGenesis { folder: data.to_owned() }),
    }
}

/// What the node of a folder does for its chain: it decides with the others that `peers.json` names, or alone where nobody else
/// is named there and genesis has one validator. Who decides now the chain says, so a peer may be a validator only later. `listen` takes connections of the others somewhere else than where they are told to call.
pub(crate) fn role(
    folder: &Path,
    genesis: &Genesis,
    key: ValidatorKey,
    listen: Option<SocketAddr>,
) -> Result<Role, NetworkFileError> {
    let path = folder.join(PEERS_FILE);
    let count = genesis.validators.iter().len();
    let Some(peers) = Peers::read(&path)? else {
        let folder = folder.to_owned();
        return if count == 1 { Ok(Role::Alone(key)) } else { Err(NetworkFileError::NoPeers { folder, count }) };
    };
    let own = key.address();
    if count == 1 && peers.validators.iter().all(|peer| peer.address == own) {
        return Ok(Role::Alone(key));
    }
    let here = peers.validators.iter().find(|peer| peer.address == own);
    let Some(here) = here else { return Err(NetworkFileError::UnknownKey { path, address: own }) };
    let listen = match listen {
        Some(listen) => listen,
        None => here.to_listen_on().map_err(|reason| NetworkFileError::Listen {
            path,
            endpoint: here.endpoint.clone(),
            reason,
        })?,
    };
    let others = peers.validators.iter().filter(|peer| peer.address != own);
    let peers = others.map(|peer| Peer { address: peer.address, endpoint: peer.endpoint.clone() }).collect();
    Ok(Role::Among(key, ValidatorNetwork { listen, peers }))
}

#[cfg(test)]
mod tests {
    use k256::ecdsa::SigningKey;
    use node::chain::{Validator, ValidatorSet};

    use super::*;

    fn key(seed: u8) -> ValidatorKey {
        ValidatorKey::new(SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    fn genesis(seeds: &[u8]) -> Genesis {
        let members = seeds.iter().map(|seed| Validator { address: key(*seed).address(), voting_power: 1 });
        Genesis::development(ValidatorSet::new(members).unwrap(), vec![])
    }

    fn folder(endpoints: &[(u8, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let validators = endpoints
            .iter()
            .map(|(seed, endpoint)| Endpoint { address: key(*seed).address(), endpoint: (*endpoint).to_owned() });
        Peers { validators: validators.collect() }.write_new(&folder.path().join(PEERS_FILE)).unwrap();
        folder
    }

    #[test]
    fn a_validator_listens_at_its_own_place_and_calls_all_others() {
        let folder = folder(&[(1, "127.0.0.1:7001"), (2, "127.0.0.1:7002"), (3, "site-two.example:7003")]);
        let Role::Among(_, network) = role(folder.path(), &genesis(&[1, 2, 3]), key(2), None).unwrap() else {
            panic!("it decides alone");
        };
        assert_eq!(network.listen, "127.0.0.1:7002".parse().unwrap());
        let called: Vec<&str> = network.peers.iter().map(|peer| peer.endpoint.as_str()).collect();
        assert_eq!(called, ["127.0.0.1:7001", "site-two.example:7003"]);
        let elsewhere = Some("0.0.0.0:9".parse().unwrap());
        let Role::Among(_, network) = role(folder.path(), &genesis(&[1, 2, 3]), key(3), elsewhere).unwrap() else {
            panic!("it decides alone");
        };
        assert_eq!(Some(network.listen), elsewhere);
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        let two = folder(&[(1, "127.0.0.1:7001"), (2, "127.0.0.1:7002")]);
        let of = |seeds: &[u8], own| role(two.path(), &genesis(seeds), key(own), None);
        assert!(matches!(of(&[1, 2], 3), Err(NetworkFileError::UnknownKey { .. })));
        // The chain has other validators than at first, and says itself who they are.
        assert!(matches!(of(&[1, 2, 3], 1), Ok(Role::Among(_, network)) if network.peers.len() == 1));
        assert!(matches!(of(&[1], 2), Ok(Role::Among(_, network)) if network.peers.len() == 1));
        let empty = tempfile::tempdir().unwrap();
        let alone = role(empty.path(), &genesis(&[1]), key(1), None);
        assert!(matches!(alone, Ok(Role::Alone(_))));
        let without = role(empty.path(), &genesis(&[1, 2]), key(1), None);
        assert!(matches!(without, Err(NetworkFileError::NoPeers { count: 2, .. })));
    }
}
