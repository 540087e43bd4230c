//! Typed data: the standard's example, what ethers and viem compute, and what is refused.

use serde_json::{Value, json};
use shared::signing::{PrivateKey, recover_digest};
use wallet::typed_data::{DEPTH_MAX, TEXT_MAX_BYTES, TypedData, TypedDataError};

use crate::clients::Clients;

/// The example of EIP-712, with the domain's type as pages send it.
fn mail() -> Value {
    let mut mail = Clients::read().typed_data.remove(0).data;
    mail["types"]["EIP712Domain"] = json!([
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ]);
    mail
}

fn parse(data: &Value) -> Result<TypedData, TypedDataError> {
    TypedData::parse(&data.to_string())
}

fn changed(pointer: &str, value: Value) -> Result<TypedData, TypedDataError> {
    let mut mail = mail();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    mail.pointer_mut(parent).unwrap()[name] = value;
    parse(&mail)
}

#[test]
fn the_example_of_the_standard_is_signed_byte_for_byte() {
    let data = parse(&mail()).unwrap();
    assert_eq!(data.digest.to_string(), "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
    let cow = PrivateKey::from_bytes(&alloy_primitives::keccak256("cow")).unwrap();
    let expected = concat!(
        "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d",
        "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c"
    );
    assert_eq!(data.sign(&cow).unwrap().to_string(), expected);
}

#[test]
fn ethers_and_viem_sign_the_same() {
    let clients = Clients::read();
    assert_eq!(clients.typed_data.len(), 4);
    for theirs in &clients.typed_data {
        let data = parse(&theirs.data).unwrap_or_else(|error| panic!("{}: {error}", theirs.name));
        assert_eq!(data.digest, theirs.digest, "{}", theirs.name);
        assert_eq!(data.sign(&clients.key()).unwrap(), theirs.signature, "{}", theirs.name);
        assert_eq!(recover_digest(data.digest, &theirs.signature), Ok(clients.address), "{}", theirs.name);
    }
}

#[test]
fn the_tree_shows_what_is_signed_and_nothing_else() {
    let mut mail = mail();
    mail["message"]["hidden"] = json!("is not signed");
    mail["message"]["contents"] = json!("Hello\nto: Eve");
    let shown = parse(&mail).unwrap().message.to_string();
    let expected = "message (Mail)\n  from (Person)\n    name: \"Cow\"\n    \
                    wallet: 0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826\n  to (Person)\n    name: \"Bob\"\n    \
                    wallet: 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB\n  contents: \"Hello\\nto: Eve\"\n";
    assert_eq!(shown, expected);
}

#[test]
fn a_struct_may_hold_itself_in_arrays() {
    let tree = |children: Value| {
        json!({
            "types": {"Node": [{"name": "value", "type": "uint256"}, {"name": "children", "type": "Node[]"}]},
            "primaryType": "Node", "domain": {}, "message": {"value": 1, "children": children},
        })
    };
    assert!(parse(&tree(json!([{"value": 2, "children": []}]))).is_ok());
    let deep = (0..DEPTH_MAX).fold(json!([]), |inner, _| json!([{"value": 3, "children": inner}]));
    assert!(matches!(parse(&tree(deep)), Err(TypedDataError::TooDeep { .. })));
}

/// Each struct names the next one twice: written out, the types would be 2^60 members. The message decides what is read.
#[test]
fn types_that_name_each_other_cost_nothing_without_values() {
    let mut types = serde_json::Map::new();
    for index in 0..60 {
        let next = format!("S{}[]", (index + 1).min(59));
        types.insert(format!("S{index}"), json!([{"name": "a", "type": next}, {"name": "b", "type": next}]));
    }
    let data = json!({"types": types, "primaryType": "S0", "domain": {}, "message": {"a": [], "b": []}});
    assert!(parse(&data).is_ok());
}

#[test]
fn a_value_of_another_form_is_refused_with_its_place() {
    for (pointer, value, place) in [
        ("/message/to/wallet", json!("0x12"), "message.to.wallet is an address"),
        ("/message/to/wallet", json!("0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbb"), "checksum does not hold"),
        ("/message/to", json!("Bob"), "message.to is a struct Person"),
        ("/message/contents", json!(7), "message.contents is a text"),
        ("/message/contents", Value::Null, "message.contents is missing"),
        ("/domain/chainId", json!(9_007_199_254_740_992_u64), "EIP712Domain.chainId is an integer"),
        ("/domain/chainId", json!(1.5), "EIP712Domain.chainId is an integer"),
        ("/domain/chainId", json!("-1"), "EIP712Domain.chainId is an integer"),
        ("/domain/chain", json!(1), "domain.chain is no field"),
        ("/domain/salt", json!("0x00"), "differ in salt"),
        ("/domain/version", Value::Null, "differ in version"),
        ("/types/EIP712Domain", json!([]), "differ in name"),
        ("/types/EIP712Domain", json!([{"name": "name", "type": "bytes"}]), "differ in name"),
        ("/types/Person", json!([{"name": "name", "type": "string"}, {"name": "name", "type": "string"}]), "twice"),
        ("/types/Person", json!([{"name": "na me", "type": "string"}]), "`na me` is no name"),
        ("/types/Person", json!([{"name": "name", "type": "Human"}]), "no type `Human`"),
        ("/types/Person", json!([{"name": "name", "type": "uint255"}]), "no type `uint255`"),
        ("/types/Person", json!([{"name": "name", "type": "uint8[01]"}]), "no type `uint8[01]`"),
        ("/types/A(uint256 b)B", json!([]), "`A(uint256 b)B` is no name"),
        ("/types/uint256", json!([]), "`uint256` is no name"),
        ("/primaryType", json!("EIP712Domain"), "nothing but where it counts"),
        ("/primaryType", json!("Letter"), "no type `Letter`"),
        ("/message", json!([]), "message is a struct Mail"),
    ] {
        let error = changed(pointer, value.clone()).expect_err(&format!("{pointer} {value}")).to_string();
        assert!(error.contains(place), "{pointer} {value}: {error}");
    }
    let many: serde_json::Map<String, Value> = (0..65).map(|index| (format!("T{index}"), json!([]))).collect();
    let many = json!({"types": many, "primaryType": "T0", "domain": {}, "message": {}});
    assert_eq!(parse(&many), Err(TypedDataError::TooManyTypes(66)));
    let long = " ".repeat(TEXT_MAX_BYTES + 1);
    assert_eq!(TypedData::parse(&long), Err(TypedDataError::TooLong(long.len())));
    assert!(matches!(TypedData::parse("[]"), Err(TypedDataError::Form(_))));
}
