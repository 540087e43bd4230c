//! What validators say to each other on a connection, encrypted for it: X25519 with keys that are drawn for the connection and signed
//! by both sides, HKDF with SHA-256, and ChaCha20-Poly1305. Each direction has a key of its own and counts its messages, so that none can
//! be changed, repeated, left out or sent back.
//!
//! ```text
//!  length of what follows (4, big-endian) │ message, encrypted │ tag (16)
//! ```

use std::io::{self, Read};

use alloy_primitives::{Address, B256};
use consensus::MAX_MESSAGE_BYTES;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, Salt};

/// Bytes that show that a message was not changed.
const TAG_BYTES: usize = 16;

/// The two ends of a channel on this side.
pub(super) struct Channel {
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
}

/// Both sides of a connection by their addresses, and the hash of all that they signed.
pub(super) struct Ends {
    pub(super) own: Address,
    pub(super) theirs: Address,
    /// The same on both sides.
    pub(super) transcript: B256,
}

impl Channel {
    /// From this side's key and the other's, which it has signed.
    ///
    /// # Errors
    /// For a key of the other side with which no secret can be agreed on.
    pub(super) fn agree(own: EphemeralPrivateKey, theirs: B256, ends: &Ends) -> Result<Self, Unspecified> {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        agree_ephemeral(own, &theirs, |secret| {
            let derived = Salt::new(HKDF_SHA256, ends.transcript.as_slice()).extract(secret);
            let key = |from: Address, to: Address| {
                let info = [from.as_slice(), to.as_slice()];
                derived.expand(&info, &CHACHA20_POLY1305).map(|key| LessSafeKey::new(UnboundKey::from(key)))
            };
            Ok(Self {
                sealer: Sealer { key: key(ends.own, ends.theirs)?, next: 0 },
                opener: Opener { key: key(ends.theirs, ends.own)?, next: 0 },
            })
        })?
    }
}

/// The number of a message, which no other message of its key has.
fn take_nonce(next: &mut u64) -> Result<Nonce, Unspecified> {
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - 8..].copy_from_slice(&next.to_be_bytes());
    *next = next.checked_add(1).ok_or(Unspecified)?;
    Ok(Nonce::assume_unique_for_key(bytes))
}

/// Encrypts messages to the other side.
pub(super) struct Sealer {
    key: LessSafeKey,
    next: u64,
}

impl Sealer {
    /// A message as it goes over the connection.
    pub(super) fn seal(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        let length = u32::try_from(message.len() + TAG_BYTES).map_err(io::Error::other)?.to_be_bytes();
        let mut sealed = Vec::with_capacity(length.len() + message.len() + TAG_BYTES);
        sealed.extend_from_slice(&length);
        sealed.extend_from_slice(message);
        let nonce = take_nonce(&mut self.next).map_err(|_| io::Error::other("no number is left for a message"))?;
        let (_, body) = sealed.split_at_mut(length.len());
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(length), body);
        let tag = tag.map_err(|_| io::Error::other("a message could not be encrypted"))?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }
}

/// Decrypts messages of the other side.
pub(super) struct Opener {
    key: LessSafeKey,
    next: u64,
}

impl Opener {
    /// The next message.
    ///
    /// # Errors
    /// What the connection says, and for bytes that are not the next message of the other side.
    pub(super) fn read(&mut self, stream: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut prefix = [0; 4];
        stream.read_exact(&mut prefix)?;
        let length = u32::from_be_bytes(prefix) as usize;
        if !(TAG_BYTES..=MAX_MESSAGE_BYTES + TAG_BYTES).contains(&length) {
            let limit = MAX_MESSAGE_BYTES + TAG_BYTES;
            return Err(io::Error::other(format!("a message of {length} bytes, {TAG_BYTES} to {limit} are taken")));
        }
        // Memory is taken as bytes come, and not for what a peer announces.
        let mut bytes = Vec::new();
        stream.take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let nonce = take_nonce(&mut self.next).map_err(|_| io::Error::other("no number is left for a message"))?;
        match self.key.open_in_place(nonce, Aad::from(prefix), &mut bytes) {
            Ok(message) => {
                let length = message.len();
                bytes.truncate(length);
                Ok(bytes)
            }
            Err(Unspecified) => Err(io::Error::other("a message was changed on its way, or is not the next one")),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    fn drawn() -> (EphemeralPrivateKey, B256) {
        let key = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).unwrap();
        let public = B256::from_slice(key.compute_public_key().unwrap().as_ref());
        (key, public)
    }

    fn ends(own: u8, theirs: u8, transcript: u8) -> Ends {
        let address = Address::repeat_byte;
        Ends { own: address(own), theirs: address(theirs), transcript: B256::repeat_byte(transcript) }
    }

    fn channels(transcripts: [u8; 2]) -> (Channel, Channel) {
        let ((one, one_public), (other, other_public)) = (drawn(), drawn());
        let one = Channel::agree(one, other_public, &ends(1, 2, transcripts[0])).unwrap();
        (one, Channel::agree(other, one_public, &ends(2, 1, transcripts[1])).unwrap())
    }

    #[test]
    fn messages_arrive_in_order_in_both_directions_and_are_not_readable() {
        let (mut one, mut other) = channels([7, 7]);
        let largest = vec![9; MAX_MESSAGE_BYTES];
        for message in [&b"a vote"[..], b"", b"a vote", &largest] {
            let sealed = one.sealer.seal(message).unwrap();
            assert!(message.is_empty() || !sealed.windows(message.len()).any(|window| window == message));
            assert_eq!(other.opener.read(&mut sealed.as_slice()).unwrap(), message);
        }
        let answer = other.sealer.seal(b"another").unwrap();
        assert_eq!(one.opener.read(&mut answer.as_slice()).unwrap(), b"another");
    }

    #[test]
    fn what_was_changed_repeated_left_out_or_sent_back_is_refused() {
        let (mut one, mut other) = channels([7, 7]);
        let (first, second) = (one.sealer.seal(b"first").unwrap(), one.sealer.seal(b"second").unwrap());
        for place in 0..first.len() {
            let (mut one, mut other) = channels([7, 7]);
            let mut changed = one.sealer.seal(b"first").unwrap();
            changed[place] ^= 1;
            assert!(other.opener.read(&mut changed.as_slice()).is_err(), "byte {place}");
        }
        assert!(one.opener.read(&mut first.as_slice()).is_err(), "it came back");
        assert_eq!(other.opener.read(&mut first.as_slice()).unwrap(), b"first");
        assert!(other.opener.read(&mut first.as_slice()).is_err(), "it was repeated");
        let (mut one, mut other) = channels([7, 7]);
        one.sealer.seal(b"first").unwrap();
        let later = one.sealer.seal(b"second").unwrap();
        assert!(other.opener.read(&mut later.as_slice()).is_err(), "one was left out");
        assert!(other.opener.read(&mut second.as_slice()).is_err(), "it is of another connection");
    }

    #[test]
    fn sides_that_signed_different_things_and_keys_without_a_secret_share_nothing() {
        let (mut one, mut other) = channels([7, 8]);
        assert!(other.opener.read(&mut one.sealer.seal(b"a vote").unwrap().as_slice()).is_err());
        assert!(Channel::agree(drawn().0, B256::ZERO, &ends(1, 2, 7)).is_err());
    }

    #[test]
    fn a_length_beyond_its_bound_is_refused_before_anything_is_read() {
        let (_, mut other) = channels([7, 7]);
        for length in [0, 15, u32::try_from(MAX_MESSAGE_BYTES + TAG_BYTES + 1).unwrap(), u32::MAX] {
            let error = other.opener.read(&mut length.to_be_bytes().as_slice()).unwrap_err();
            assert!(error.to_string().contains("are taken"), "{length}: {error}");
        }
    }
}
