//! The types of typed data: structs by name, and what a member's type text means.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use shared::B256;

use super::error::TypedDataError;
use super::{DEPTH_MAX, TYPES_MAX};

/// One member of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Member {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) type_name: String,
}

impl Member {
    pub(super) fn new(name: &str, type_name: &str) -> Self {
        Self { name: name.to_owned(), type_name: type_name.to_owned() }
    }
}

/// What a type's text means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Address,
    Text,
    Bytes,
    /// So many bytes, 1 to 32.
    FixedBytes(usize),
    /// So many bits, 8 to 256.
    Uint(usize),
    Int(usize),
    Struct(String),
    Array {
        of: Box<Self>,
        length: Option<usize>,
    },
}

impl Type {
    /// `None` for an array with a length that is no number, or with more brackets than may lie in each other.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::parse_within(text, DEPTH_MAX)
    }

    fn parse_within(text: &str, brackets: usize) -> Option<Self> {
        let Some(inner) = text.strip_suffix(']') else {
            return Some(Self::atom(text).unwrap_or_else(|| Self::Struct(text.to_owned())));
        };
        let (of, length) = inner.rsplit_once('[')?;
        let length = if length.is_empty() { None } else { Some(number(length)?) };
        Some(Self::Array { of: Box::new(Self::parse_within(of, brackets.checked_sub(1)?)?), length })
    }

    fn atom(text: &str) -> Option<Self> {
        let bits = |digits| number(digits).filter(|bits| (8..=256).contains(bits) && bits % 8 == 0);
        match text {
            "bool" => Some(Self::Bool),
            "address" => Some(Self::Address),
            "string" => Some(Self::Text),
            "bytes" => Some(Self::Bytes),
            _ => None,
        }
        .or_else(|| text.strip_prefix("uint").and_then(bits).map(Self::Uint))
        .or_else(|| text.strip_prefix("int").and_then(bits).map(Self::Int))
        .or_else(|| {
            let bytes = text.strip_prefix("bytes").and_then(number);
            bytes.filter(|bytes| (1..=32).contains(bytes)).map(Self::FixedBytes)
        })
    }

    /// The struct in the innermost element, where there is one.
    fn struct_name(&self) -> Option<&str> {
        match self {
            Self::Struct(name) => Some(name),
            Self::Array { of, .. } => of.struct_name(),
            _ => None,
        }
    }
}

/// Digits without a sign or a leading zero.
fn number(digits: &str) -> Option<usize> {
    digits.parse().ok().filter(|number: &usize| number.to_string() == digits)
}

/// A struct whose members' types are read.
#[derive(Debug)]
pub(super) struct Struct {
    pub(super) members: Vec<(Member, Type)>,
    pub(super) type_hash: B256,
}

/// Every struct, each with its type hash.
#[derive(Debug)]
pub(super) struct Types(BTreeMap<String, Struct>);

impl Types {
    pub(super) fn check(given: BTreeMap<String, Vec<Member>>) -> Result<Self, TypedDataError> {
        let most = given.values().map(Vec::len).max().unwrap_or(0).max(given.len());
        if most > TYPES_MAX {
            return Err(TypedDataError::TooManyTypes(most));
        }
        let mut structs = BTreeMap::new();
        for (name, members) in given {
            if !is_name(&name, true) || Type::atom(&name).is_some() {
                return Err(TypedDataError::Name(name));
            }
            let members = read_members(&name, members)?;
            structs.insert(name, Struct { members, type_hash: B256::ZERO });
        }
        let unknown = structs.values().flat_map(|found| &found.members).filter_map(|(_, read)| read.struct_name());
        if let Some(unknown) = unknown.into_iter().find(|name| !structs.contains_key(*name)) {
            return Err(TypedDataError::UnknownType(unknown.to_owned()));
        }
        let names: Vec<String> = structs.keys().cloned().collect();
        for name in names {
            let hash = alloy_primitives::keccak256(encode_type(&structs, &name));
            if let Some(found) = structs.get_mut(&name) {
                found.type_hash = hash;
            }
        }
        Ok(Self(structs))
    }

    pub(super) fn get(&self, name: &str) -> Result<&Struct, TypedDataError> {
        self.0.get(name).ok_or_else(|| TypedDataError::UnknownType(name.to_owned()))
    }
}

fn read_members(type_name: &str, members: Vec<Member>) -> Result<Vec<(Member, Type)>, TypedDataError> {
    let mut seen = BTreeSet::new();
    let mut read = Vec::with_capacity(members.len());
    for member in members {
        if !is_name(&member.name, false) {
            return Err(TypedDataError::Name(member.name));
        }
        if !seen.insert(member.name.clone()) {
            return Err(TypedDataError::Twice { type_name: type_name.to_owned(), member: member.name });
        }
        let meaning = Type::parse(&member.type_name);
        let meaning = meaning.ok_or_else(|| TypedDataError::UnknownType(member.type_name.clone()))?;
        read.push((member, meaning));
    }
    Ok(read)
}

/// A name with a bracket, comma or blank could make two different types read the same.
fn is_name(name: &str, may_have_colon: bool) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_' || letter == '$';
    name.starts_with(is_letter)
        && name.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit() || (may_have_colon && letter == ':'))
}

/// `encodeType` of the standard: the struct, then every struct that it needs, by name.
fn encode_type(structs: &BTreeMap<String, Struct>, name: &str) -> String {
    let mut needed = BTreeSet::new();
    let mut open = vec![name];
    while let Some(next) = open.pop() {
        let members = structs.get(next).into_iter().flat_map(|found| &found.members);
        for found in members.filter_map(|(_, read)| read.struct_name()) {
            if found != name && needed.insert(found) {
                open.push(found);
            }
        }
    }
    let one = |name: &str| {
        let members = structs.get(name).into_iter().flat_map(|found| &found.members);
        let members: Vec<String> = members.map(|(member, _)| format!("{} {}", member.type_name, member.name)).collect();
        format!("{name}({})", members.join(","))
    };
    std::iter::once(name).chain(needed).map(one).collect()
}
