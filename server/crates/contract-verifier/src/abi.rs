//! Calls of a contract by its ABI: values from text, and answers as text.

use alloy_dyn_abi::{DynSolType, DynSolValue, EventExt as _, FunctionExt as _, JsonAbiExt as _, Specifier as _};
use alloy_json_abi::{EventParam, Function, JsonAbi, Param, StateMutability};
use alloy_primitives::{B256, Bytes, hex};
use shared::api::contracts::{ARGUMENT_MAX_CHARS, ARGUMENTS_MAX, FunctionView, Mutability, ParameterView, ValueView};

use crate::VerifyError;

/// Characters of a function's name that is quoted in a refusal.
const QUOTED_MAX_CHARS: usize = 200;

/// Longest text of one value that is shown.
const SHOWN_MAX_CHARS: usize = 20_000;

/// Values that an answer may hold when it is taken apart. Parts of it may point to the same place again and again, so that few
/// bytes would become any number of values.
const VALUES_MAX: usize = 200_000;

const WORD_BYTES: usize = 32;
const SELECTOR_BYTES: usize = 4;

/// The type of an indexed field of which a topic holds the hash.
const HASH_KIND: &str = "bytes32";

/// What a contract can be asked.
#[derive(Debug, Clone)]
pub struct Interface(JsonAbi);

/// A call or an event by the names of its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub signature: String,
    pub values: Vec<ValueView>,
}

impl Interface {
    /// Reads an ABI as the compiler writes it.
    ///
    /// # Errors
    /// Text that is no ABI.
    pub fn parse(json: &str) -> Result<Self, VerifyError> {
        serde_json::from_str(json).map(Self).map_err(|error| VerifyError::Abi(error.to_string()))
    }

    /// Functions that can be called with values in a form, by name.
    pub fn functions(&self) -> Vec<FunctionView> {
        self.callable().map(view).collect()
    }

    fn callable(&self) -> impl Iterator<Item = &Function> {
        self.0.functions().filter(|function| function.inputs.len() <= ARGUMENTS_MAX)
    }

    fn function(&self, signature: &str) -> Result<&Function, VerifyError> {
        let missing = || VerifyError::NoFunction(signature.chars().take(QUOTED_MAX_CHARS).collect());
        self.callable().find(|function| function.signature() == signature).ok_or_else(missing)
    }

    /// What a function is sent. `only_reads` says which kind it must be of.
    ///
    /// # Errors
    /// No such function, or values that are none of its types.
    pub fn encode(&self, signature: &str, values: &[String], only_reads: bool) -> Result<Bytes, VerifyError> {
        let function = self.function(signature)?;
        if mutability(function.state_mutability).only_reads() != only_reads {
            return Err(VerifyError::NoFunction(function.signature()));
        }
        if values.len() != function.inputs.len() {
            let (expected, given) = (function.inputs.len(), values.len());
            return Err(VerifyError::ArgumentCount { function: function.signature(), expected, given });
        }
        let read = function.inputs.iter().zip(values).enumerate().map(|(at, (param, text))| value(at, param, text));
        let read = read.collect::<Result<Vec<_>, _>>()?;
        function.abi_encode_input(&read).map(Bytes::from).map_err(|error| VerifyError::Abi(error.to_string()))
    }

    /// What a function answered. `None` where that does not fit the ABI, or would become too much.
    pub fn decode_output(&self, signature: &str, data: &[u8]) -> Option<Vec<ValueView>> {
        let function = self.function(signature).ok()?;
        decodable(&function.outputs, data)?;
        let values = function.abi_decode_output(data).ok()?;
        Some(views(&function.outputs, &values))
    }

    /// What a constructor was given.
    ///
    /// # Errors
    /// Bytes that are no arguments of this constructor.
    pub fn constructor_arguments(&self, data: &[u8]) -> Result<Vec<ValueView>, VerifyError> {
        let none = Vec::new();
        let inputs = self.0.constructor.as_ref().map_or(&none, |constructor| &constructor.inputs);
        if inputs.is_empty() {
            let wrong =
                || VerifyError::ConstructorArguments(format!("it takes none, and there are {} bytes", data.len()));
            return data.is_empty().then(Vec::new).ok_or_else(wrong);
        }
        let too_much = || VerifyError::ConstructorArguments("they would become too many values".to_owned());
        decodable(inputs, data).ok_or_else(too_much)?;
        let constructor = self.0.constructor.as_ref().ok_or_else(too_much)?;
        let values =
            constructor.abi_decode_input(data).map_err(|error| VerifyError::ConstructorArguments(error.to_string()))?;
        Ok(views(inputs, &values))
    }

    /// What a contract was called with. `None` where that does not fit the ABI, or would become too much.
    pub fn decode_call(&self, input: &[u8]) -> Option<Named> {
        let (selector, arguments) = input.split_at_checked(SELECTOR_BYTES)?;
        let function = self.0.functions().find(|function| function.selector().as_slice() == selector)?;
        decodable(&function.inputs, arguments)?;
        let values = function.abi_decode_input(arguments).ok()?;
        Some(Named { signature: function.signature(), values: views(&function.inputs, &values) })
    }

    /// What a contract announced. `None` where that does not fit the ABI, or would become too much; an event without a name of
    /// its own in the first topic fits none.
    pub fn decode_event(&self, topics: &[B256], data: &[u8]) -> Option<Named> {
        let named = topics.first()?;
        // Two events of one name and of the same types differ in what is indexed at most.
        let mut events = self.0.events().filter(|event| !event.anonymous && event.selector() == *named);
        events.find_map(|event| {
            becomes_few(event.inputs.iter().map(|param| param.resolve().ok()), data)?;
            let decoded = event.decode_log_parts(topics.iter().copied(), data).ok()?;
            let (mut indexed, mut body) = (decoded.indexed.iter(), decoded.body.iter());
            let values = event.inputs.iter().map(|param| {
                let value = if param.indexed { indexed.next() } else { body.next() };
                value.map(|value| field(param, value))
            });
            Some(Named { signature: event.signature(), values: values.collect::<Option<_>>()? })
        })
    }

    /// An error of the contract's own that a failed call names.
    pub fn decode_error(&self, data: &[u8]) -> Option<String> {
        let (selector, arguments) = data.split_at_checked(SELECTOR_BYTES)?;
        let error = self.0.errors().find(|error| error.selector().as_slice() == selector)?;
        decodable(&error.inputs, arguments)?;
        let values = error.abi_decode_input(arguments).ok()?;
        let texts: Vec<String> = views(&error.inputs, &values).into_iter().map(|value| value.text).collect();
        Some(bounded(format!("{}({})", error.name, texts.join(", "))))
    }
}

fn view(function: &Function) -> FunctionView {
    FunctionView {
        signature: function.signature(),
        name: function.name.clone(),
        inputs: function.inputs.iter().map(parameter).collect(),
        outputs: function.outputs.iter().map(parameter).collect(),
        mutability: mutability(function.state_mutability),
    }
}

fn parameter(param: &Param) -> ParameterView {
    ParameterView { name: param.name.clone(), kind: param.selector_type().into_owned() }
}

const fn mutability(given: StateMutability) -> Mutability {
    match given {
        StateMutability::Pure => Mutability::Pure,
        StateMutability::View => Mutability::View,
        StateMutability::NonPayable => Mutability::Nonpayable,
        StateMutability::Payable => Mutability::Payable,
    }
}

fn value(at: usize, param: &Param, text: &str) -> Result<DynSolValue, VerifyError> {
    let chars = text.chars().count();
    if chars > ARGUMENT_MAX_CHARS {
        return Err(VerifyError::TooMuch { what: "characters of a value", bound: ARGUMENT_MAX_CHARS, given: chars });
    }
    let refused = |reason: String| VerifyError::Argument {
        name: if param.name.is_empty() { format!("value {}", at + 1) } else { param.name.clone() },
        kind: param.selector_type().into_owned(),
        reason,
    };
    let kind = param.resolve().map_err(|error| refused(error.to_string()))?;
    match kind {
        // A text is what was typed, with its quotes and spaces.
        DynSolType::String => Ok(DynSolValue::String(text.to_owned())),
        kind => kind.coerce_str(text.trim()).map_err(|error| refused(one_line(&error.to_string()))),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether all that these bytes can become stays within the bound.
fn decodable(params: &[Param], data: &[u8]) -> Option<()> {
    becomes_few(params.iter().map(|param| param.resolve().ok()), data)
}

fn becomes_few(kinds: impl Iterator<Item = Option<DynSolType>>, data: &[u8]) -> Option<()> {
    let words = data.len() / WORD_BYTES + 1;
    let mut sum = 0_usize;
    for kind in kinds {
        sum = sum.saturating_add(largest(&kind?, words));
    }
    (sum <= VALUES_MAX).then_some(())
}

/// The most words that a value of a type can become from so many words of data.
fn largest(kind: &DynSolType, words: usize) -> usize {
    match kind {
        DynSolType::Bytes | DynSolType::String => words.saturating_add(1),
        DynSolType::Array(inner) => words.saturating_mul(largest(inner, words)).saturating_add(1),
        DynSolType::FixedArray(inner, count) => count.saturating_mul(largest(inner, words)).saturating_add(1),
        DynSolType::Tuple(parts) => parts.iter().fold(1, |sum: usize, part| sum.saturating_add(largest(part, words))),
        _ => 1,
    }
}

fn views(params: &[Param], values: &[DynSolValue]) -> Vec<ValueView> {
    let view = |(param, value): (&Param, &DynSolValue)| {
        let kind = param.selector_type().into_owned();
        ValueView { name: param.name.clone(), kind, text: alone(value) }
    };
    params.iter().zip(values).map(view).collect()
}

/// A field of an event. Of an indexed one whose size is not fixed the chain has the Keccak-256 alone.
fn field(param: &EventParam, value: &DynSolValue) -> ValueView {
    let is_hash = param.indexed && matches!(value, DynSolValue::FixedBytes(_, WORD_BYTES));
    let kind = if is_hash { HASH_KIND.to_owned() } else { param.selector_type().into_owned() };
    ValueView { name: param.name.clone(), kind, text: alone(value) }
}

/// A value that stands by itself: a text has no quotes around it.
fn alone(value: &DynSolValue) -> String {
    bounded(match value {
        DynSolValue::String(text) => text.clone(),
        other => shown(other),
    })
}

fn bounded(text: String) -> String {
    if text.chars().count() <= SHOWN_MAX_CHARS {
        return text;
    }
    text.chars().take(SHOWN_MAX_CHARS).chain(['…']).collect()
}

fn shown(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Bool(is) => is.to_string(),
        DynSolValue::Int(number, _) => number.to_string(),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::FixedBytes(word, size) => hex::encode_prefixed(word.get(..*size).unwrap_or_default()),
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Function(function) => hex::encode_prefixed(function.as_slice()),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::String(text) => format!("{text:?}"),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => format!("[{}]", list(values)),
        DynSolValue::Tuple(values) => format!("({})", list(values)),
    }
}

fn list(values: &[DynSolValue]) -> String {
    values.iter().map(shown).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use serde_json::json;

    use super::*;

    fn interface() -> Interface {
        let input = |name: &str, kind: &str| json!({"name": name, "type": kind});
        let function = |name: &str, kind: &str, inputs: serde_json::Value, outputs: serde_json::Value| json!({"type": "function", "name": name, "stateMutability": kind, "inputs": inputs, "outputs": outputs});
        let abi = json!([
            {"type": "constructor", "stateMutability": "nonpayable", "inputs": [input("start", "uint256")]},
            function("transfer", "nonpayable", json!([input("to", "address"), input("amount", "uint256")]), json!([input("", "bool")])),
            function("name", "view", json!([]), json!([input("", "string")])),
            function("bomb", "view", json!([]), json!([input("", "uint256[][][][]")])),
            function("orders", "view", json!([{
                "name": "of", "type": "tuple[]", "components": [input("maker", "address"), input("label", "string")],
            }]), json!([{"name": "found", "type": "tuple[]", "components": [input("maker", "address"), input("label", "string")]}])),
            {"type": "error", "name": "Late", "inputs": [input("by", "uint64")]},
            {"type": "event", "name": "Named", "anonymous": false, "inputs": [
                {"name": "note", "type": "string", "indexed": false}, {"name": "by", "type": "address", "indexed": true},
                {"name": "label", "type": "string", "indexed": true}, {"name": "count", "type": "uint256", "indexed": false},
            ]},
            {"type": "event", "name": "Bomb", "anonymous": false, "inputs": [{"name": "", "type": "uint256[][][][]", "indexed": false}]},
        ]);
        Interface::parse(&abi.to_string()).unwrap()
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_call_is_encoded_as_every_tool_encodes_it() {
        let to = "0x00000000000000000000000000000000000000aa";
        let data = interface().encode("transfer(address,uint256)", &texts(&[to, " 1000 "]), false).unwrap();
        assert_eq!(hex::encode(&data), format!("a9059cbb{:0>64}{:0>64}", "aa", "3e8"));
        let structs = texts(&[&format!("[({to}, \"a, (b)\")]")]);
        let data = interface().encode("orders((address,string)[])", &structs, true).unwrap();
        // The same bytes are an answer of the same type.
        let values = interface().decode_output("orders((address,string)[])", &data[4..]).unwrap();
        assert_eq!(values[0].text, "[(0x00000000000000000000000000000000000000AA, \"a, (b)\")]");
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        let told = |values: &[&str]| {
            interface().encode("transfer(address,uint256)", &texts(values), false).unwrap_err().to_string()
        };
        assert!(told(&["0x12", "1"]).starts_with("to is of the type address"), "{}", told(&["0x12", "1"]));
        assert!(
            told(&["0x00000000000000000000000000000000000000aa", "-1"]).starts_with("amount is of the type uint256")
        );
        assert!(told(&["1"]).contains("takes 2 values, got 1"));
        assert!(told(&[&"x".repeat(ARGUMENT_MAX_CHARS + 1), "1"]).contains("characters"));
        let unknown = interface().encode("steal()", &[], false).unwrap_err();
        assert_eq!(unknown, VerifyError::NoFunction("steal()".to_owned()));
        // What changes something is no read, and the other way round.
        assert!(
            interface()
                .encode("transfer(address,uint256)", &texts(&["0x00000000000000000000000000000000000000aa", "1"]), true)
                .is_err()
        );
        assert!(interface().encode("name()", &[], false).is_err());
    }

    #[test]
    fn answers_that_do_not_fit_or_would_grow_are_not_taken_apart() {
        let word = |number: u64| format!("{number:064x}");
        let name = hex::decode([word(32), word(3), format!("{:0<64}", hex::encode("<b>"))].concat()).unwrap();
        assert_eq!(interface().decode_output("name()", &name).unwrap()[0].text, "<b>");
        for wrong in [&[][..], &[1], &[0xff; 64]] {
            assert_eq!(interface().decode_output("name()", wrong), None);
        }
        // Every element points to the array that holds it: 64 words would be millions of values.
        let bomb = hex::decode([word(32), word(62)].concat() + &word(0).repeat(62)).unwrap();
        assert_eq!(interface().decode_output("bomb()", &bomb), None);
        let large = format!("uint256[{}]", u64::MAX);
        let fixed = json!([{"type": "function", "name": "f", "stateMutability": "view", "inputs": [], "outputs": [{"name": "", "type": large}]}]);
        assert_eq!(Interface::parse(&fixed.to_string()).unwrap().decode_output("f()", &[0; 64]), None);
    }

    #[test]
    fn a_call_is_told_by_the_names_of_its_contract() {
        let to = "0x00000000000000000000000000000000000000AA";
        let data = interface().encode("transfer(address,uint256)", &texts(&[to, "7"]), false).unwrap();
        let named = interface().decode_call(&data).unwrap();
        assert_eq!(named.signature, "transfer(address,uint256)");
        let told = |value: &ValueView| [value.name.clone(), value.kind.clone(), value.text.clone()];
        let told: Vec<[String; 3]> = named.values.iter().map(told).collect();
        assert_eq!(told, [["to", "address", to].map(str::to_owned), ["amount", "uint256", "7"].map(str::to_owned)]);
        assert_eq!(interface().decode_call(&data[..40]), None, "arguments are missing");
        assert_eq!(interface().decode_call(&[1, 2, 3, 4]), None, "no function of this contract");
        assert_eq!(interface().decode_call(&[]), None);
    }

    #[test]
    fn an_event_is_told_in_the_order_in_which_its_contract_declares_it() {
        let word = |number: u64| B256::from(U256::from(number));
        let label = alloy_primitives::keccak256("hidden");
        let topics = [alloy_primitives::keccak256("Named(string,address,string,uint256)"), word(0xaa), label];
        let mut note = [0; WORD_BYTES];
        note[..3].copy_from_slice(b"<b>");
        let data = [word(64), word(5), word(3), B256::from(note)].concat();
        let named = interface().decode_event(&topics, &data).unwrap();
        assert_eq!(named.signature, "Named(string,address,string,uint256)");
        let told: Vec<(&str, &str, &str)> =
            named.values.iter().map(|value| (&*value.name, &*value.kind, &*value.text)).collect();
        let hash = label.to_string();
        assert_eq!(
            told,
            [
                ("note", "string", "<b>"),
                ("by", "address", "0x00000000000000000000000000000000000000AA"),
                ("label", "bytes32", hash.as_str()),
                ("count", "uint256", "5"),
            ]
        );
        // Fewer topics or data than it has, and events of another contract.
        assert_eq!(interface().decode_event(&topics[..2], &data), None);
        assert_eq!(interface().decode_event(&topics, &data[..32]), None);
        assert_eq!(interface().decode_event(&[word(1)], &data), None);
        assert_eq!(interface().decode_event(&[], &data), None);
        let bomb = [vec![word(32), word(62)], vec![word(0); 62]].concat().concat();
        assert_eq!(interface().decode_event(&[alloy_primitives::keccak256("Bomb(uint256[][][][])")], &bomb), None);
    }

    #[test]
    fn constructors_and_errors_are_read() {
        let mut seven = [0; 32];
        seven[31] = 7;
        assert_eq!(interface().constructor_arguments(&seven).unwrap()[0].text, "7");
        assert!(interface().constructor_arguments(&[]).is_err());
        let without = Interface::parse("[]").unwrap();
        assert_eq!(without.constructor_arguments(&[]), Ok(Vec::new()));
        assert!(without.constructor_arguments(&[1]).unwrap_err().to_string().contains("takes none"));
        let selector = alloy_primitives::keccak256("Late(uint64)");
        let data = [&selector[..4], &seven].concat();
        assert_eq!(interface().decode_error(&data).unwrap(), "Late(7)");
        assert_eq!(interface().decode_error(&[1, 2, 3]), None);
    }

    #[test]
    fn values_of_every_type_are_read_as_people_write_them() {
        for (kind, text, shown_as) in [
            ("bool", "true", "true"),
            ("int8", "-5", "-5"),
            ("uint256", "0x10", "16"),
            ("bytes", "0x", "0x"),
            ("bytes", "0xabcd", "0xabcd"),
            ("bytes4", "0x01020304", "0x01020304"),
            ("uint8[2]", "[1,2]", "[1, 2]"),
            ("uint8[]", "[]", "[]"),
        ] {
            let param = Param { ty: kind.to_owned(), name: String::new(), components: vec![], internal_type: None };
            assert_eq!(shown(&value(0, &param, text).unwrap()), shown_as, "{kind} {text}");
        }
    }
}
