//! The memory that all large bodies may take together, which are results of miners.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use shared::id::LeaseId;
use shared::protocol::RESULT_MAX_BYTES;

use crate::error::ApiError;
use crate::shares::{Share, Shares};

/// Bodies up to this size are not counted here: they have a budget while they come in, and are small afterwards.
pub(crate) const COUNTED_FROM_BYTES: usize = 1 << 20;

/// All counted bodies together; a body takes up to three times its size while it is read and checked.
pub const LARGE_BODIES_MAX_BYTES: usize = 384 << 20;

/// Those from one network address.
pub const LARGE_BODIES_OF_ADDRESS_MAX_BYTES: usize = LARGE_BODIES_MAX_BYTES / 2;

/// The bytes that are left for large bodies.
#[derive(Clone, Debug)]
pub struct LargeBodies {
    addresses: Arc<Shares>,
    /// One body of each lease at a time.
    leases: Arc<Shares>,
}

/// The room of one body, until this is dropped.
#[derive(Debug)]
pub struct Room {
    _of_address: Share,
    _of_lease: Share,
}

impl Default for LargeBodies {
    fn default() -> Self {
        Self {
            addresses: Shares::new(LARGE_BODIES_MAX_BYTES, LARGE_BODIES_OF_ADDRESS_MAX_BYTES),
            leases: Shares::new(usize::MAX, 1),
        }
    }
}

impl LargeBodies {
    /// Room for a lease's result, by its announced length or else by the most that it may have. A small one needs none.
    ///
    /// # Errors
    /// [`ApiError::Busy`] where others have the room.
    pub fn reserve(&self, headers: &HeaderMap, sender: &str, lease: LeaseId) -> Result<Option<Room>, ApiError> {
        let bytes = announced_bytes(headers).unwrap_or(RESULT_MAX_BYTES).min(RESULT_MAX_BYTES);
        if bytes <= COUNTED_FROM_BYTES {
            return Ok(None);
        }
        let full = || ApiError::Busy(format!("{LARGE_BODIES_MAX_BYTES} bytes of large bodies are being read"));
        let twice = || ApiError::Busy("another result of this lease is being read".to_owned());
        let of_lease = self.leases.take(Some(&lease.to_string()), 1).ok_or_else(twice)?;
        let of_address = self.addresses.take(Some(sender), bytes).ok_or_else(full)?;
        Ok(Some(Room { _of_address: of_address, _of_lease: of_lease }))
    }
}

/// The length of a body, where its sender says it and is held to it.
pub fn announced_bytes(headers: &HeaderMap) -> Option<usize> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcing(bytes: usize) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_LENGTH, bytes.into())])
    }

    fn lease(number: u128) -> LeaseId {
        LeaseId::from_random(number)
    }

    #[test]
    fn large_bodies_share_one_room_and_give_it_back() {
        let (bodies, unknown) = (LargeBodies::default(), HeaderMap::new());
        let reserve = |sender, number| bodies.reserve(&unknown, sender, lease(number)).ok();
        let mut held: Vec<_> = (0..100).map_while(|number| reserve("first", number)).collect();
        assert_eq!(
            held.len(),
            LARGE_BODIES_OF_ADDRESS_MAX_BYTES / RESULT_MAX_BYTES,
            "a body without a length counts with its limit"
        );
        held.extend((100..200).map_while(|number| reserve("second", number)));
        assert_eq!(held.len(), LARGE_BODIES_MAX_BYTES / RESULT_MAX_BYTES, "one address takes all");
        let refused = bodies.reserve(&announcing(COUNTED_FROM_BYTES + 1), "third", lease(300));
        assert!(matches!(refused, Err(ApiError::Busy(_))), "{refused:?}");
        let small = bodies.reserve(&announcing(COUNTED_FROM_BYTES), "third", lease(300));
        assert!(matches!(small, Ok(None)), "small results wait for large ones");
        drop(held);
        assert_eq!((bodies.addresses.in_use(), bodies.leases.in_use()), (0, 0), "room is not given back");
    }

    #[test]
    fn a_lease_has_one_large_body_at_a_time() {
        let bodies = LargeBodies::default();
        let first = bodies.reserve(&announcing(2 << 20), "miner", lease(1)).unwrap();
        let second = bodies.reserve(&announcing(2 << 20), "miner", lease(1));
        assert!(matches!(second, Err(ApiError::Busy(_))), "{second:?}");
        assert!(bodies.reserve(&announcing(2 << 20), "miner", lease(2)).is_ok());
        drop(first);
        assert!(bodies.reserve(&announcing(2 << 20), "miner", lease(1)).unwrap().is_some());
    }

    #[test]
    fn a_length_that_does_not_bind_its_sender_is_none() {
        let mut headers = announcing(1);
        headers.insert(header::TRANSFER_ENCODING, "chunked".parse().unwrap());
        assert_eq!(announced_bytes(&headers), None);
        assert_eq!(announced_bytes(&announcing(7)), Some(7));
    }
}
