use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use consensus::LogStorage;

use super::Random;

/// A disk that keeps for sure only what was synced.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDisk(Rc<RefCell<Content>>);

#[derive(Debug, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    fails: bool,
}

impl SimulatedDisk {
    /// The machine loses its power: unsynced bytes survive in part.
    pub(crate) fn crash(&self, random: &mut Random) {
        let mut content = self.0.borrow_mut();
        let is_longer = content.seen.starts_with(&content.durable);
        let survives = if is_longer {
            let kept = random.between(content.durable.len() as u64, content.seen.len() as u64) as usize;
            content.seen[..kept].to_vec()
        } else if random.percent(50) {
            content.durable.clone()
        } else {
            let kept = random.below(content.seen.len() + 1);
            content.seen[..kept].to_vec()
        };
        content.seen.clone_from(&survives);
        content.durable = survives;
    }

    /// From now on every write fails.
    pub(crate) fn fail(&self, fails: bool) {
        self.0.borrow_mut().fails = fails;
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.borrow().durable.clone()
    }

    pub(crate) fn overwrite(&self, bytes: Vec<u8>) {
        let mut content = self.0.borrow_mut();
        content.seen.clone_from(&bytes);
        content.durable = bytes;
    }
}

impl LogStorage for SimulatedDisk {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.0.borrow().seen.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.0.borrow_mut();
        if content.fails {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        content.seen.extend(bytes);
        Ok(())
    }

    fn cut(&mut self, length: usize) -> io::Result<()> {
        self.0.borrow_mut().seen.truncate(length);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut content = self.0.borrow_mut();
        content.durable = content.seen.clone();
        Ok(())
    }
}
