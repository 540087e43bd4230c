//! Which hub is at which URL: what each said of itself when it first took this worker.
//!
//! A worker of several hubs signs each one's challenge with the same key. A hub that passes on the challenge of another one
//! would get a signature with which it could register there in the miner's name, if that one did not look at the address that
//! is signed with it. So the worker signs no challenge of a hub that it knows at another URL, nor of one that says that it is
//! another hub than before.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use inference::files::write_atomically;
use serde::{Deserialize, Serialize};

use super::session::HubIdentity;
use super::{HubNumber, HubUrl};
use crate::error::{FormatError, Result, WorkerError};

/// In the folder of a hub.
pub const HUB_FILE: &str = "hub.json";

/// What is stored of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubRecord {
    pub url: String,
    pub identity: HubIdentity,
}

/// The hubs of one worker; its links share it.
#[derive(Debug, Clone, Default)]
pub struct KnownHubs(Arc<Mutex<Vec<Known>>>);

#[derive(Debug)]
struct Known {
    url: String,
    file: PathBuf,
    identity: Option<HubIdentity>,
}

impl KnownHubs {
    /// Reads what is stored of these hubs, each with its folder.
    ///
    /// # Errors
    /// A file that cannot be read, or is none of this worker's.
    pub fn open<'a>(hubs: impl IntoIterator<Item = (&'a HubUrl, PathBuf)>) -> Result<Self> {
        let known = hubs.into_iter().map(|(url, folder)| {
            let file = folder.join(HUB_FILE);
            let identity = read(&file)?.map(|record| record.identity);
            Ok(Known { url: url.as_str().to_owned(), file, identity })
        });
        Ok(Self(Arc::new(Mutex::new(known.collect::<Result<_>>()?))))
    }

    /// # Errors
    /// In words, where another hub of this worker is known under this identity, or this one under another.
    pub fn check(&self, hub: HubNumber, identity: &HubIdentity) -> std::result::Result<(), String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.get(hub.0);
        if let Some((Known { file, .. }, before)) = own.and_then(|own| Some((own, own.identity.as_ref()?)))
            && before != identity
        {
            return Err(format!(
                "it says that it is {}, and was {} when it first took this worker; if its operator changed that, remove {} and \
                 start anew",
                told(identity),
                told(before),
                file.display()
            ));
        }
        let mut others = known.iter().enumerate().filter(|(number, _)| *number != hub.0).map(|(_, other)| other);
        match others.find(|other| other.identity.as_ref() == Some(identity)) {
            Some(Known { url, .. }) => Err(format!(
                "it says that it is {}, which this worker knows at {url}; each hub needs an id of its own",
                told(identity)
            )),
            None => Ok(()),
        }
    }

    /// The hub took the registration as this one.
    ///
    /// # Errors
    /// A file that cannot be written. The identity counts until the worker ends all the same.
    pub fn remember(&self, hub: HubNumber, identity: &HubIdentity) -> Result<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Known { url, file, identity: before }) = known.get_mut(hub.0) else { return Ok(()) };
        if before.replace(identity.clone()).as_ref() == Some(identity) {
            return Ok(());
        }
        let record = HubRecord { url: url.clone(), identity: identity.clone() };
        let bytes = serde_json::to_vec(&record).map_err(|error| FormatError::new(&*file, error))?;
        Ok(write_atomically(file, &bytes)?)
    }
}

/// An identity in words.
fn told(HubIdentity { hub_id, chain_id, minter, escrow }: &HubIdentity) -> String {
    let hub_id = inference::error::quote(hub_id);
    format!("{hub_id} on chain {chain_id} with the minter {minter} and the escrow {escrow}")
}

/// What is stored of a hub; nothing where it never took this worker.
///
/// # Errors
/// As [`KnownHubs::open`].
pub fn read(file: &std::path::Path) -> Result<Option<HubRecord>> {
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| WorkerError::format(file, error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(WorkerError::io(file)(error)),
    }
}

#[cfg(test)]
mod tests {
    use shared::Address;

    use super::*;

    fn identity(hub_id: &str) -> HubIdentity {
        let (minter, escrow) = (Address::repeat_byte(1), Address::repeat_byte(2));
        HubIdentity { hub_id: hub_id.into(), chain_id: 7, minter, escrow }
    }

    #[test]
    fn a_hub_keeps_its_identity_over_a_restart_and_no_other_may_claim_it() {
        let data = tempfile::tempdir().unwrap();
        let urls = ["http://a", "http://b"].map(|url| HubUrl::parse(url).unwrap());
        let open = || {
            KnownHubs::open(urls.iter().map(|url| {
                let folder = data.path().join(url.folder());
                std::fs::create_dir_all(&folder).unwrap();
                (url, folder)
            }))
        };
        let (first, second) = (HubNumber(0), HubNumber(1));
        let known = open().unwrap();
        known.check(second, &identity("one")).unwrap();
        known.remember(first, &identity("one")).unwrap();
        for known in [known, open().unwrap()] {
            known.check(first, &identity("one")).unwrap();
            known.check(second, &identity("two")).unwrap();
            let error = known.check(second, &identity("one")).unwrap_err();
            assert!(error.contains("one on chain 7") && error.contains("http://a"), "{error}");
        }
        let changed = open().unwrap().check(first, &identity("renamed")).unwrap_err();
        assert!(changed.contains("renamed on chain 7") && changed.contains("was one") && changed.contains(HUB_FILE));
        std::fs::remove_file(data.path().join(urls[0].folder()).join(HUB_FILE)).unwrap();
        let moved = open().unwrap();
        moved.check(first, &identity("renamed")).unwrap();
        moved.remember(first, &identity("renamed")).unwrap();
        moved.check(second, &identity("one")).unwrap();
        std::fs::write(data.path().join(urls[0].folder()).join(HUB_FILE), "{}").unwrap();
        assert!(open().unwrap_err().to_string().contains(HUB_FILE));
    }
}
