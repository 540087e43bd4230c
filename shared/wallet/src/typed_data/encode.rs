//! The walk over a message: it hashes and makes the tree in one go.

use alloy_primitives::keccak256;
use serde_json::Value;
use shared::B256;

use super::DEPTH_MAX;
use super::error::TypedDataError;
use super::types::{Type, Types};
use super::value::{Atom, Node, Shown};

pub(super) struct Encoder<'a> {
    types: &'a Types,
    /// Names of the members on the way to the value, for errors.
    path: Vec<String>,
}

impl<'a> Encoder<'a> {
    pub(super) const fn new(types: &'a Types) -> Self {
        Self { types, path: Vec::new() }
    }

    /// `hashStruct` of the standard. `name` is the member's that holds it.
    pub(super) fn hash_struct(
        &mut self,
        type_name: &str,
        name: &str,
        value: &Value,
    ) -> Result<(B256, Node), TypedDataError> {
        self.path.push(name.to_owned());
        if self.path.len() > DEPTH_MAX {
            return Err(TypedDataError::TooDeep { path: self.place() });
        }
        let found = self.types.get(type_name)?;
        let object = value.as_object().ok_or_else(|| self.wrong(format!("a struct {type_name}")))?;
        let mut data = found.type_hash.to_vec();
        let mut members = Vec::with_capacity(found.members.len());
        for (member, expected) in &found.members {
            let Some(value) = object.get(&member.name).filter(|value| !value.is_null()) else {
                self.path.push(member.name.clone());
                return Err(TypedDataError::Missing { path: self.place() });
            };
            let (word, node) = self.encode(expected, &member.type_name, &member.name, value)?;
            data.extend_from_slice(word.as_slice());
            members.push(node);
        }
        self.path.pop();
        Ok((keccak256(data), node(name, type_name, Shown::Struct(members))))
    }

    fn encode(
        &mut self,
        expected: &Type,
        type_name: &str,
        name: &str,
        value: &Value,
    ) -> Result<(B256, Node), TypedDataError> {
        match expected {
            Type::Struct(found) => self.hash_struct(found, name, value),
            Type::Array { of, length } => self.hash_array(of, *length, type_name, name, value),
            _ => {
                let atom = Atom::read(expected, value).map_err(|rule| {
                    self.path.push(name.to_owned());
                    self.wrong(rule)
                })?;
                let is_fixed = matches!(expected, Type::FixedBytes(_));
                let word = if is_fixed { atom.fixed_bytes_word() } else { atom.word() };
                Ok((word, node(name, type_name, Shown::Atom(atom))))
            }
        }
    }

    /// An array stands as the hash of its elements' words.
    fn hash_array(
        &mut self,
        of: &Type,
        length: Option<usize>,
        type_name: &str,
        name: &str,
        value: &Value,
    ) -> Result<(B256, Node), TypedDataError> {
        self.path.push(name.to_owned());
        if self.path.len() > DEPTH_MAX {
            return Err(TypedDataError::TooDeep { path: self.place() });
        }
        let elements = value.as_array().ok_or_else(|| self.wrong("an array".to_owned()))?;
        if let Some(length) = length
            && elements.len() != length
        {
            return Err(self.wrong(format!("an array of {length} elements, got {}", elements.len())));
        }
        let of_name = type_name.rsplit_once('[').map_or(type_name, |(of_name, _)| of_name);
        let (mut data, mut shown) = (Vec::with_capacity(elements.len() * 32), Vec::with_capacity(elements.len()));
        for (index, element) in elements.iter().enumerate() {
            let (word, node) = self.encode(of, of_name, &format!("[{index}]"), element)?;
            data.extend_from_slice(word.as_slice());
            shown.push(node);
        }
        self.path.pop();
        Ok((keccak256(data), node(name, type_name, Shown::Array(shown))))
    }

    fn wrong(&self, expected: String) -> TypedDataError {
        TypedDataError::Value { path: self.place(), expected }
    }

    /// `message.to[0].wallet`.
    fn place(&self) -> String {
        self.path.join(".").replace(".[", "[")
    }
}

fn node(name: &str, type_name: &str, value: Shown) -> Node {
    Node { name: name.to_owned(), type_name: type_name.to_owned(), value }
}
