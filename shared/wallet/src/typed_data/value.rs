//! Values of typed data, read from JSON and as they are shown.

use std::fmt;

use alloy_primitives::{I256, keccak256};
use serde_json::Value;
use shared::{Address, B256, Bytes, U256};

use super::EXACT_IN_JAVASCRIPT;
use super::types::Type;

/// One value in the tree: a struct with its members, an array with its elements, or what a person can read at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Of the member; an element of an array has its position.
    pub name: String,
    pub type_name: String,
    pub value: Shown,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    Struct(Vec<Node>),
    Array(Vec<Node>),
    Atom(Atom),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Atom {
    Bool(bool),
    Address(Address),
    Text(String),
    Bytes(Bytes),
    Uint(U256),
    Int(I256),
}

impl Node {
    /// The member of this name, where this is a struct that has it.
    pub fn member(&self, name: &str) -> Option<&Atom> {
        let Shown::Struct(members) = &self.value else { return None };
        members.iter().find(|member| member.name == name).and_then(|member| match &member.value {
            Shown::Atom(atom) => Some(atom),
            _ => None,
        })
    }
}

impl fmt::Display for Node {
    /// The tree as lines, each member two blanks deeper than its struct.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(formatter, 0)
    }
}

impl Node {
    fn write(&self, formatter: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        write!(formatter, "{:indent$}{}", "", self.name, indent = depth * 2)?;
        match &self.value {
            Shown::Atom(atom) => writeln!(formatter, ": {atom}"),
            Shown::Struct(children) | Shown::Array(children) => {
                writeln!(formatter, " ({})", self.type_name)?;
                children.iter().try_for_each(|child| child.write(formatter, depth + 1))
            }
        }
    }
}

impl fmt::Display for Atom {
    /// A text is quoted and its control characters are escaped, so that it cannot pretend to be another line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(yes) => write!(formatter, "{}", if *yes { "yes" } else { "no" }),
            Self::Address(address) => write!(formatter, "{address}"),
            Self::Text(text) => write!(formatter, "{text:?}"),
            Self::Bytes(bytes) => write!(formatter, "{bytes}"),
            Self::Uint(number) => write!(formatter, "{number}"),
            Self::Int(number) => write!(formatter, "{number}"),
        }
    }
}

impl Atom {
    /// Reads a value of a type that is neither struct nor array. An error says what the value should be.
    pub(super) fn read(expected: &Type, value: &Value) -> Result<Self, String> {
        match expected {
            Type::Bool => value.as_bool().map(Self::Bool).ok_or_else(|| "true or false".to_owned()),
            Type::Address => address(value).map(Self::Address),
            Type::Text => value.as_str().map(|text| Self::Text(text.to_owned())).ok_or_else(|| "a text".to_owned()),
            Type::Bytes => bytes(value).map(|bytes| Self::Bytes(bytes.into())),
            Type::FixedBytes(length) => bytes(value)
                .ok()
                .filter(|bytes| bytes.len() == *length)
                .map(|bytes| Self::Bytes(bytes.into()))
                .ok_or_else(|| format!("{length} bytes as 0x and {} hex digits", length * 2)),
            Type::Uint(bits) => uint(value)
                .filter(|number| number.bit_len() <= *bits)
                .map(Self::Uint)
                .ok_or_else(|| integer_rule("from 0", *bits)),
            Type::Int(bits) => int(value)
                .filter(|number| number.bits() as usize <= *bits)
                .map(Self::Int)
                .ok_or_else(|| integer_rule("with or without a sign", *bits)),
            Type::Struct(_) | Type::Array { .. } => Err("a struct or an array".to_owned()),
        }
    }

    /// The value's word in `encodeData`.
    pub(super) fn word(&self) -> B256 {
        match self {
            Self::Bool(yes) => U256::from(u8::from(*yes)).into(),
            Self::Address(address) => address.into_word(),
            Self::Text(text) => keccak256(text),
            Self::Bytes(bytes) => keccak256(bytes),
            Self::Uint(number) => (*number).into(),
            Self::Int(number) => number.into_raw().into(),
        }
    }

    /// `bytes1` to `bytes32` stand as they are, filled with zeros behind.
    pub(super) fn fixed_bytes_word(&self) -> B256 {
        match self {
            Self::Bytes(bytes) if bytes.len() <= 32 => B256::right_padding_from(bytes),
            other => other.word(),
        }
    }
}

fn integer_rule(range: &str, bits: usize) -> String {
    format!("an integer {range} that fits {bits} bits, as a text, or as a number up to {EXACT_IN_JAVASCRIPT}")
}

fn address(value: &Value) -> Result<Address, String> {
    let rule = || "an address: 0x and 40 hex digits".to_owned();
    let text = value.as_str().ok_or_else(rule)?;
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40).ok_or_else(rule)?;
    let address: Address = text.parse().map_err(|_| rule())?;
    let has_checksum = digits.bytes().any(|digit| digit.is_ascii_uppercase())
        && digits.bytes().any(|digit| digit.is_ascii_lowercase());
    if has_checksum && address.to_checksum(None) != text {
        return Err(format!("an address whose checksum does not hold: a digit of {text} is wrong"));
    }
    Ok(address)
}

fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    let bytes = digits.and_then(|digits| hex::decode(digits).ok());
    bytes.ok_or_else(|| "bytes as 0x and hex digits".to_owned())
}

fn uint(value: &Value) -> Option<U256> {
    match value {
        Value::Number(number) => number.as_u64().map(U256::from).filter(|number| *number <= EXACT_IN_JAVASCRIPT),
        Value::String(text) => magnitude(text),
        _ => None,
    }
}

fn int(value: &Value) -> Option<I256> {
    let text = match value {
        Value::Number(number) => {
            let exact = number.as_i64().filter(|number| U256::from(number.unsigned_abs()) <= EXACT_IN_JAVASCRIPT)?;
            exact.to_string()
        }
        Value::String(text) => text.clone(),
        _ => return None,
    };
    match text.strip_prefix('-') {
        Some(digits) => I256::checked_from_sign_and_abs(alloy_primitives::Sign::Negative, magnitude(digits)?),
        None => I256::checked_from_sign_and_abs(alloy_primitives::Sign::Positive, magnitude(&text)?),
    }
}

/// Decimal digits, or 0x and hex digits.
fn magnitude(text: &str) -> Option<U256> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    let is_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    is_digits.then(|| U256::from_str_radix(digits, u64::from(radix)).ok()).flatten()
}
