//! Who is at the other end of a connection between validators.
//!
//! Both sides send a greeting with a public key drawn for this connection, and then a signature over both keys and both
//! addresses. A signature is therefore good for one connection and one direction. What both keys give is the secret of the
//! [`Channel`] by which everything goes that follows: one who sits on the line can cut it, and do nothing else.

use std::io::{Read, Write};

use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolStruct as _, sol};
use chain::{ValidatorKey, signer_of, validator_domain};
use ring::agreement::{EphemeralPrivateKey, X25519};
use ring::rand::SystemRandom;

use super::channel::{Channel, Ends};

const MAGIC: [u8; 8] = *b"AITBCVAL";
const VERSION: u8 = 2;
const GREETING_BYTES: usize = 8 + 1 + 32 + 20 + 32;
const SIGNATURE_BYTES: usize = 65;

sol! {
    /// What each side of a connection signs (EIP-712).
    struct Connection {
        bytes32 genesisHash;
        address from;
        address to;
        bytes32 fromKey;
        bytes32 toKey;
    }
}

/// What both sides of a connection have to agree on, and this side's key.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) key: ValidatorKey,
    pub(crate) chain_id: u64,
    pub(crate) genesis_hash: B256,
}

/// Why a connection was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("no key could be drawn for the connection")]
    Draw,
    #[error("the peer speaks another protocol or version")]
    Protocol,
    #[error("the peer belongs to the chain with genesis {0}")]
    OtherChain(B256),
    #[error("{0} is no peer of this validator")]
    Stranger(Address),
    #[error("the signature of {0} does not hold")]
    Signature(Address),
    #[error("the key cannot sign")]
    Key,
    #[error("the key of {0} for the connection gives no secret")]
    NoSecret(Address),
}

struct Greeting {
    genesis_hash: B256,
    address: Address,
    /// X25519.
    key: B256,
}

impl Greeting {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(GREETING_BYTES);
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.genesis_hash.as_slice());
        bytes.extend_from_slice(self.address.as_slice());
        bytes.extend_from_slice(self.key.as_slice());
        bytes
    }

    fn decode(bytes: &[u8; GREETING_BYTES]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?.strip_prefix(&[VERSION])?;
        Some(Self {
            genesis_hash: B256::from_slice(rest.get(..32)?),
            address: Address::from_slice(rest.get(32..52)?),
            key: B256::from_slice(rest.get(52..84)?),
        })
    }
}

/// Learns who the other side is, and agrees with it on a channel. `is_peer` says with whom this validator speaks.
pub(super) fn shake_hands(
    stream: &mut (impl Read + Write),
    identity: &Identity,
    is_peer: impl Fn(Address) -> bool,
) -> Result<(Address, Channel), HandshakeError> {
    let drawn = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(|_| HandshakeError::Draw)?;
    let key = drawn.compute_public_key().map_err(|_| HandshakeError::Draw)?;
    let key = B256::try_from(key.as_ref()).map_err(|_| HandshakeError::Draw)?;
    let own = Greeting { genesis_hash: identity.genesis_hash, address: identity.key.address(), key };
    stream.write_all(&own.encode())?;
    let mut bytes = [0; GREETING_BYTES];
    stream.read_exact(&mut bytes)?;
    let theirs = Greeting::decode(&bytes).ok_or(HandshakeError::Protocol)?;
    if theirs.genesis_hash != identity.genesis_hash {
        return Err(HandshakeError::OtherChain(theirs.genesis_hash));
    }
    if theirs.address == own.address || !is_peer(theirs.address) {
        return Err(HandshakeError::Stranger(theirs.address));
    }
    let signature = identity.key.sign_digest(digest(identity, &own, &theirs)).ok_or(HandshakeError::Key)?;
    stream.write_all(signature.as_slice())?;
    let mut signature = [0; SIGNATURE_BYTES];
    stream.read_exact(&mut signature)?;
    if signer_of(digest(identity, &theirs, &own), &signature) != Some(theirs.address) {
        return Err(HandshakeError::Signature(theirs.address));
    }
    let (lower, higher) = if own.address < theirs.address { (&own, &theirs) } else { (&theirs, &own) };
    let transcript = digest(identity, lower, higher);
    let ends = Ends { own: own.address, theirs: theirs.address, transcript };
    let channel = Channel::agree(drawn, theirs.key, &ends).map_err(|_| HandshakeError::NoSecret(theirs.address))?;
    Ok((theirs.address, channel))
}

fn digest(identity: &Identity, from: &Greeting, to: &Greeting) -> B256 {
    let connection = Connection {
        genesisHash: identity.genesis_hash,
        from: from.address,
        to: to.address,
        fromKey: from.key,
        toKey: to.key,
    };
    connection.eip712_signing_hash(&validator_domain(identity.chain_id))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use k256::ecdsa::SigningKey;

    use super::*;

    fn identity(seed: u8, genesis: u8) -> Identity {
        let key = ValidatorKey::new(SigningKey::from_slice(&[seed; 32]).unwrap());
        Identity { key, chain_id: 1, genesis_hash: B256::repeat_byte(genesis) }
    }

    type Outcome = Result<(Address, Channel), HandshakeError>;

    fn meet(first: &Identity, second: &Identity, is_peer: impl Fn(Address) -> bool) -> (Outcome, Outcome) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut dialed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(move || shake_hands(&mut dialed, first, |_| true));
            let outcome = shake_hands(&mut accepted, second, is_peer);
            drop(accepted);
            (other.join().unwrap(), outcome)
        })
    }

    #[test]
    fn each_side_learns_who_the_other_is() {
        let (first, second) = (identity(1, 7), identity(2, 7));
        let (by_first, by_second) = meet(&first, &second, |_| true);
        let ((seen_by_first, mut own), (seen_by_second, mut theirs)) = (by_first.unwrap(), by_second.unwrap());
        assert_eq!((seen_by_first, seen_by_second), (second.key.address(), first.key.address()));
        let sealed = own.sealer.seal(b"a vote").unwrap();
        assert_eq!(theirs.opener.read(&mut sealed.as_slice()).unwrap(), b"a vote");
        let sealed = theirs.sealer.seal(b"another").unwrap();
        assert_eq!(own.opener.read(&mut sealed.as_slice()).unwrap(), b"another");
    }

    #[test]
    fn strangers_other_chains_and_ones_own_key_are_refused() {
        let (first, second) = (identity(1, 7), identity(2, 7));
        assert!(matches!(meet(&first, &second, |_| false).1, Err(HandshakeError::Stranger(_))));
        assert!(matches!(meet(&identity(1, 8), &second, |_| true).1, Err(HandshakeError::OtherChain(_))));
        assert!(matches!(meet(&second, &second, |_| true).1, Err(HandshakeError::Stranger(_))));
    }

    #[test]
    fn a_repeated_signature_and_garbage_are_refused() {
        let (first, second) = (identity(1, 7), identity(2, 7));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for is_garbage in [false, true] {
            let mut dialed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut accepted, _) = listener.accept().unwrap();
            let greeting =
                Greeting { genesis_hash: first.genesis_hash, address: first.key.address(), key: B256::repeat_byte(1) };
            // A signature of another connection, made for other keys.
            let old = digest(&first, &greeting, &greeting);
            let mut said = greeting.encode();
            said.extend_from_slice(first.key.sign_digest(old).unwrap().as_slice());
            if is_garbage {
                said = vec![0xff; said.len()];
            }
            dialed.write_all(&said).unwrap();
            let outcome = shake_hands(&mut accepted, &second, |_| true);
            match is_garbage {
                true => assert!(matches!(outcome, Err(HandshakeError::Protocol))),
                false => assert!(matches!(outcome, Err(HandshakeError::Signature(_)))),
            }
        }
    }
}
