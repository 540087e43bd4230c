//! Sources of contracts: what may take whose place, and how many are kept.

use shared::api::contracts::MatchKind;
use shared::{Address, B256, Bytes};
use store::change::KeepVerifiedContract;
use store::record::contracts::{VerifiedAbi, VerifiedContract};
use store::{Refusal, Store};

use super::database::on_both;
use super::fixture::NOW;

const ROOM: u64 = 1_000;

fn contract(address: u8, match_kind: MatchKind, name: &str) -> VerifiedContract {
    VerifiedContract {
        address: Address::repeat_byte(address),
        code_hash: B256::repeat_byte(9),
        name: name.to_owned(),
        source_file: "a.sol".to_owned(),
        compiler: "0.8.37+commit.f401782d".to_owned(),
        match_kind,
        input: "x".repeat(398),
        abi: "[]".to_owned(),
        constructor_arguments: Some(Bytes::from_static(&[1, 2])),
        verified_at: NOW,
    }
}

async fn keep(store: &Store, contract: &VerifiedContract) -> Option<Refusal> {
    store.write(KeepVerifiedContract { contract: contract.clone(), bytes_max: ROOM }).await.unwrap()
}

async fn kept(store: &Store, address: u8) -> Option<VerifiedContract> {
    store.find_verified_contract(Address::repeat_byte(address)).await.unwrap()
}

#[tokio::test]
async fn a_full_match_takes_the_place_of_a_partial_one_and_nothing_else_does() {
    on_both(async |database| {
        let store = database.open().await;
        let partial = contract(1, MatchKind::Partial, "First");
        assert_eq!(keep(&store, &partial).await, None);
        assert_eq!(kept(&store, 1).await.as_ref(), Some(&partial));
        // The same change again, as after a connection that broke.
        assert_eq!(keep(&store, &partial).await, None);
        assert_eq!(keep(&store, &contract(1, MatchKind::Partial, "Second")).await, Some(Refusal::ContractVerified));
        let full = contract(1, MatchKind::Full, "True");
        assert_eq!(keep(&store, &full).await, None);
        for later in [MatchKind::Partial, MatchKind::Full] {
            assert_eq!(keep(&store, &contract(1, later, "Later")).await, Some(Refusal::ContractVerified));
        }
        assert_eq!(kept(&store, 1).await.as_ref(), Some(&full));
        // Another code at the address is another contract.
        let other = VerifiedContract { code_hash: B256::repeat_byte(8), ..contract(1, MatchKind::Partial, "Other") };
        assert_eq!(keep(&store, &other).await, None);
        assert_eq!(kept(&store, 1).await, Some(other));
        assert_eq!(kept(&store, 2).await, None);
    })
    .await;
}

#[tokio::test]
async fn sources_beyond_the_room_are_refused() {
    on_both(async |database| {
        let store = database.open().await;
        for number in [1, 2] {
            assert_eq!(keep(&store, &contract(number, MatchKind::Partial, "A")).await, None);
        }
        let refused = Some(Refusal::NoRoomForSources { most: ROOM });
        assert_eq!(keep(&store, &contract(3, MatchKind::Full, "A")).await, refused);
        assert_eq!(kept(&store, 3).await, None);
        // What takes another's place needs no more room.
        assert_eq!(keep(&store, &contract(2, MatchKind::Full, "A")).await, None);
    })
    .await;
}

#[tokio::test]
async fn the_abis_of_several_contracts_are_read_at_once() {
    on_both(async |database| {
        let store = database.open().await;
        for number in [1, 2] {
            assert_eq!(keep(&store, &contract(number, MatchKind::Full, "A")).await, None);
        }
        let of = |numbers: &[u8]| numbers.iter().map(|number| Address::repeat_byte(*number)).collect::<Vec<_>>();
        let mut found = store.list_verified_abis(&of(&[3, 2, 1, 2])).await.unwrap();
        found.sort_by_key(|abi| abi.address);
        let abi = |number| VerifiedAbi {
            address: Address::repeat_byte(number),
            code_hash: B256::repeat_byte(9),
            abi: "[]".to_owned(),
        };
        assert_eq!(found, [abi(1), abi(2)]);
        assert_eq!(store.list_verified_abis(&of(&[3])).await.unwrap(), []);
        assert_eq!(store.list_verified_abis(&[]).await.unwrap(), []);
    })
    .await;
}
