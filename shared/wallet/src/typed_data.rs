//! EIP-712 typed data as pages and programs give it to `eth_signTypedData_v4`: read, hashed, and as a tree to show.
//!
//! What is shown is made by the same walk that hashes, so nothing is signed that was not shown. Data that common
//! programs would read in different ways is refused: a number that JavaScript cannot hold, a checksum of an address that
//! does not hold, a domain whose declared type has other fields than the domain itself.

mod encode;
mod error;
mod types;
mod value;

use std::collections::BTreeMap;

use alloy_primitives::{keccak256, uint};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::signing::{PrivateKey, SignatureError};
use shared::{Address, B256, Bytes, U256};

use encode::Encoder;
pub use error::TypedDataError;
use types::{Member, Types};
pub use value::{Atom, Node, Shown};

/// Most bytes of typed data.
pub const TEXT_MAX_BYTES: usize = 128 << 10;

/// Most struct types, and most members of one.
pub const TYPES_MAX: usize = 64;

/// How deep structs and arrays may lie in each other.
pub const DEPTH_MAX: usize = 32;

const DOMAIN_TYPE: &str = "EIP712Domain";

/// The standard's fields of a domain, in its order.
const DOMAIN_FIELDS: [(&str, &str); 5] = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
];

/// Where a signature counts, as the data says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Domain {
    pub name: Option<String>,
    pub version: Option<String>,
    pub chain_id: Option<U256>,
    pub verifying_contract: Option<Address>,
    pub salt: Option<B256>,
}

/// Typed data that can be signed.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedData {
    pub domain: Domain,
    /// Name of the message's struct.
    pub primary_type: String,
    /// The whole message, and nothing that is not signed.
    pub message: Node,
    /// What is signed: `keccak256(0x19 ‖ 0x01 ‖ domain separator ‖ struct hash)`.
    pub digest: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    types: BTreeMap<String, Vec<Member>>,
    primary_type: String,
    domain: Map<String, Value>,
    message: Value,
}

impl TypedData {
    /// Reads the second parameter of `eth_signTypedData_v4`.
    pub fn parse(text: &str) -> Result<Self, TypedDataError> {
        if text.len() > TEXT_MAX_BYTES {
            return Err(TypedDataError::TooLong(text.len()));
        }
        let given = serde_json::from_str(text).map_err(|error| TypedDataError::Form(error.to_string()))?;
        Self::read(given)
    }

    fn read(given: Given) -> Result<Self, TypedDataError> {
        if given.primary_type == DOMAIN_TYPE {
            return Err(TypedDataError::OnlyADomain);
        }
        let fields: Map<String, Value> = given.domain.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let mut types = given.types;
        let declared = types.remove(DOMAIN_TYPE);
        types.insert(DOMAIN_TYPE.to_owned(), domain_type(&fields, declared)?);
        let types = Types::check(types)?;
        let mut encoder = Encoder::new(&types);
        let (separator, domain) = encoder.hash_struct(DOMAIN_TYPE, DOMAIN_TYPE, &Value::Object(fields))?;
        let (hash, message) = encoder.hash_struct(&given.primary_type, "message", &given.message)?;
        let digest = keccak256([[0x19, 0x01].as_slice(), separator.as_slice(), hash.as_slice()].concat());
        Ok(Self { domain: Domain::of(&domain), primary_type: given.primary_type, message, digest })
    }

    pub fn sign(&self, key: &PrivateKey) -> Result<Bytes, SignatureError> {
        key.sign_digest(self.digest)
    }
}

impl Domain {
    fn of(node: &Node) -> Self {
        let mut domain = Self::default();
        let Shown::Struct(fields) = &node.value else { return domain };
        for field in fields {
            match (field.name.as_str(), &field.value) {
                ("name", Shown::Atom(Atom::Text(text))) => domain.name = Some(text.clone()),
                ("version", Shown::Atom(Atom::Text(text))) => domain.version = Some(text.clone()),
                ("chainId", Shown::Atom(Atom::Uint(id))) => domain.chain_id = Some(*id),
                ("verifyingContract", Shown::Atom(Atom::Address(contract))) => {
                    domain.verifying_contract = Some(*contract);
                }
                ("salt", Shown::Atom(Atom::Bytes(salt))) if salt.len() == 32 => {
                    domain.salt = Some(B256::from_slice(salt));
                }
                _ => {}
            }
        }
        domain
    }
}

/// The domain's type: as declared, or the standard's fields that the domain has. Both must be the same fields.
fn domain_type(domain: &Map<String, Value>, declared: Option<Vec<Member>>) -> Result<Vec<Member>, TypedDataError> {
    if let Some(unknown) = domain.keys().find(|key| DOMAIN_FIELDS.iter().all(|(name, _)| name != key)) {
        return Err(TypedDataError::DomainField(unknown.clone()));
    }
    let present = DOMAIN_FIELDS.iter().filter(|(name, _)| domain.contains_key(*name));
    let present: Vec<Member> = present.map(|(name, type_name)| Member::new(name, type_name)).collect();
    let Some(declared) = declared else { return Ok(present) };
    let differs = |one: &[Member], other: &[Member]| {
        one.iter().find(|member| !other.contains(member)).map(|member| member.name.clone())
    };
    match differs(&declared, &present).or_else(|| differs(&present, &declared)) {
        Some(name) => Err(TypedDataError::DomainDiffers(name)),
        None => Ok(declared),
    }
}

/// The largest integer that JavaScript holds exactly, `2^53 - 1`.
const EXACT_IN_JAVASCRIPT: U256 = uint!(9_007_199_254_740_991_U256);
