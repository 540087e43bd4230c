//! Why typed data is not signed.

use super::{DEPTH_MAX, TEXT_MAX_BYTES, TYPES_MAX};

/// `path` says where in the data, as `message.to[0].wallet`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypedDataError {
    #[error("typed data has up to {TEXT_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
    #[error("this is no typed data with types, primaryType, domain and message: {0}")]
    Form(String),
    #[error("primaryType is EIP712Domain: the signature would say nothing but where it counts")]
    OnlyADomain,
    #[error("domain.{0} is no field of a domain")]
    DomainField(String),
    #[error("types.EIP712Domain and domain differ in {0}")]
    DomainDiffers(String),
    #[error("types has up to {TYPES_MAX} structs of up to {TYPES_MAX} members, got {0}")]
    TooManyTypes(usize),
    #[error("`{0}` is no name of a struct or member: letters, digits, _, $ and, in a struct's name, colons")]
    Name(String),
    #[error("{type_name} has the member {member} twice")]
    Twice { type_name: String, member: String },
    #[error("there is no type `{0}`")]
    UnknownType(String),
    #[error("{path} lies deeper than {DEPTH_MAX} structs and arrays")]
    TooDeep { path: String },
    #[error("{path} is missing")]
    Missing { path: String },
    #[error("{path} is {expected}")]
    Value { path: String, expected: String },
}
