//! Transactions: the bytes of EIP-155's example, and those of viem and ethers.

use proptest::prelude::*;
use shared::signing::PrivateKey;
use shared::{Address, B256, Bytes, U256};
use wallet::transaction::{AccessList, AccessListItem, Fees, RAW_MAX_BYTES, Transaction, TransactionError};

use crate::clients::Clients;

/// The example of EIP-155.
fn example() -> Transaction {
    Transaction {
        chain_id: 1,
        nonce: 9,
        gas_limit: 21_000,
        to: Some(Address::repeat_byte(0x35)),
        value: U256::from(10).pow(U256::from(18)),
        input: Bytes::new(),
        fees: Fees::Legacy { gas_price: 20_000_000_000 },
    }
}

#[test]
fn the_example_of_the_standard_is_signed_byte_for_byte() {
    let key = PrivateKey::from_bytes(&[0x46; 32]).unwrap();
    let raw = example().sign(&key).unwrap().raw.to_string();
    let expected = concat!(
        "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080",
        "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800cc",
        "f555c9f3dc64214b297fb1966a3b6d83"
    );
    assert_eq!(raw, expected);
}

#[test]
fn transactions_of_other_wallets_are_read_and_signed_again_byte_for_byte() {
    let clients = Clients::read();
    assert_eq!(clients.transactions.len(), 6);
    for theirs in &clients.transactions {
        let (transaction, sender) = Transaction::decode(&theirs.raw).unwrap();
        assert_eq!(sender, clients.address, "{}", theirs.name);
        assert_eq!((transaction.nonce, transaction.chain_id), (theirs.nonce, theirs.chain_id), "{}", theirs.name);
        assert_eq!(transaction.to, theirs.to, "{}", theirs.name);
        let signed = transaction.sign(&clients.key()).unwrap();
        assert_eq!((&signed.raw, signed.hash), (&theirs.raw, theirs.hash), "{}", theirs.name);
    }
}

#[test]
fn what_could_be_sent_elsewhere_or_is_something_else_is_refused() {
    let key = PrivateKey::from_bytes(&[1; 32]).unwrap();
    let raw = example().sign(&key).unwrap().raw;
    let longer = [raw.as_ref(), &[0]].concat();
    assert_eq!(Transaction::decode(&longer), Err(TransactionError::Trailing(1)));
    let huge = vec![0xf8; RAW_MAX_BYTES + 1];
    assert_eq!(Transaction::decode(&huge), Err(TransactionError::TooLong(huge.len())));
    assert!(matches!(Transaction::decode(&[]), Err(TransactionError::Malformed(_))));
    assert!(matches!(Transaction::decode(&[0x05, 0xc0]), Err(TransactionError::Malformed(_))));
    let anywhere = Clients::read().transaction_without_chain;
    assert_eq!(Transaction::decode(&anywhere), Err(TransactionError::NoChain));
    let fees = Fees::Market { max_fee_per_gas: 1, max_priority_fee_per_gas: 2, access_list: AccessList::default() };
    let unpayable = Transaction { fees, ..example() };
    assert_eq!(unpayable.sign(&key), Err(TransactionError::PriorityFee { most: 1, got: 2 }));
}

#[test]
fn the_most_that_gas_can_cost_does_not_overflow() {
    let dear = Transaction { gas_limit: u64::MAX, fees: Fees::Legacy { gas_price: u128::MAX }, ..example() };
    assert_eq!(dear.most_fee(), U256::from(u64::MAX) * U256::from(u128::MAX));
    assert_eq!(Transaction { fees: Fees::free(), ..dear }.most_fee(), U256::ZERO);
}

fn transactions() -> impl Strategy<Value = Transaction> {
    let item = (any::<[u8; 20]>(), prop::collection::vec(any::<[u8; 32]>(), 0..3)).prop_map(|(address, keys)| {
        AccessListItem { address: address.into(), storage_keys: keys.into_iter().map(B256::from).collect() }
    });
    let fees = (0..3_u8, any::<u64>(), any::<u64>(), prop::collection::vec(item, 0..3)).prop_map(
        |(kind, one, other, items)| {
            let (access_list, gas_price) = (AccessList(items), u128::from(one));
            match kind {
                0 => Fees::Legacy { gas_price },
                1 => Fees::AccessList { gas_price, access_list },
                _ => Fees::Market {
                    max_fee_per_gas: u128::from(one) + u128::from(other),
                    max_priority_fee_per_gas: u128::from(other),
                    access_list,
                },
            }
        },
    );
    let to = prop::option::of(any::<[u8; 20]>());
    let input = prop::collection::vec(any::<u8>(), 0..64);
    // A chain's id is doubled in a legacy signature.
    (1..u64::MAX / 4, any::<u64>(), any::<u64>(), to, any::<[u8; 32]>(), input, fees).prop_map(
        |(chain_id, nonce, gas_limit, to, value, input, fees)| Transaction {
            chain_id,
            nonce,
            gas_limit,
            to: to.map(Address::from),
            value: U256::from_be_bytes(value),
            input: input.into(),
            fees,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_signed_is_read_again(transaction in transactions(), key in 1..u8::MAX) {
        let key = PrivateKey::from_bytes(&[key; 32]).unwrap();
        let signed = transaction.sign(&key).unwrap();
        prop_assert_eq!(Transaction::decode(&signed.raw), Ok((transaction, key.address())));
    }

    #[test]
    fn no_bytes_panic(raw in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Transaction::decode(&raw);
    }
}
