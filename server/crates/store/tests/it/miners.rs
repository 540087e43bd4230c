//! Who is listed, seen and forgotten.

use shared::hardware::{HardwareReport, METHOD, SignedHardwareReport};
use shared::time::UnixMillis;
use shared::{Address, Bytes};
use store::Store;
use store::change::{ForgetMiners, SeeMiners, UpsertMiner};

use super::database::on_both;
use super::fixture::{MINER, NOW, complete, new_job};
use super::settlement::arrival;

fn address(number: u8) -> Address {
    Address::repeat_byte(0x10 + number)
}

async fn register(store: &Store, number: u8, seen_at: UnixMillis) {
    store.write(UpsertMiner { address: address(number), seen_at, ..arrival() }).await.unwrap();
}

async fn listed(store: &Store) -> Vec<Address> {
    store.list_miners(None, 100).await.unwrap().into_iter().map(|miner| miner.address).collect()
}

#[tokio::test]
async fn a_list_goes_on_after_any_of_its_miners() {
    on_both(async |database| {
        let store = database.open().await;
        for number in 0..6 {
            register(&store, number, NOW.plus_ms(u64::from(number / 2))).await;
        }
        let all = listed(&store).await;
        assert_eq!(all, [4, 5, 2, 3, 0, 1].map(address));
        let (mut paged, mut after) = (Vec::new(), None);
        while let Some(row) = store.list_miners(after, 1).await.unwrap().pop() {
            after = Some((row.last_seen, row.address));
            paged.push(row.address);
        }
        assert_eq!(paged, all);
        let some = store.find_miners(&[address(3), address(0), address(9)]).await.unwrap();
        assert_eq!(some.iter().map(|row| row.address).collect::<Vec<_>>(), [address(0), address(3)]);
        assert!(store.is_known_miner(address(3)).await.unwrap() && !store.is_known_miner(address(9)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_hardware_report_is_read_with_its_miner_only_and_goes_with_a_registration_without_one() {
    on_both(async |database| {
        let store = database.open().await;
        let report = HardwareReport {
            miner: address(1),
            worker_version: "1".into(),
            method: METHOD.into(),
            measured_at_unix_ms: NOW,
            devices: vec![],
            models: vec![],
        };
        let signed = SignedHardwareReport { report, signature: Bytes::from_static(&[1; 65]) };
        let mut measured = UpsertMiner { address: address(1), ..arrival() };
        measured.capability.hardware = Some(signed.clone());
        store.write(measured.clone()).await.unwrap();
        let found = async || store.find_miner(address(1)).await.unwrap().unwrap().capability;
        assert_eq!(found().await, measured.capability);
        assert_eq!(store.list_miners(None, 1).await.unwrap()[0].capability.hardware, None);
        measured.capability.hardware = None;
        store.write(measured).await.unwrap();
        assert_eq!(found().await.hardware, None);
    })
    .await;
}

#[tokio::test]
async fn miners_that_served_or_are_here_are_not_forgotten() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        store.write(new_job(1)).await.unwrap();
        store.write(complete(1)).await.unwrap();
        for number in 0..5 {
            register(&store, number, NOW.plus_ms(u64::from(number))).await;
        }
        let later = NOW.plus_ms(100);
        store.write(SeeMiners { addresses: vec![address(0)], at: later }).await.unwrap();
        let forget = ForgetMiners { seen_before: NOW.plus_ms(2), unserved_max: 100 };
        assert_eq!(store.write(forget.clone()).await.unwrap(), 1, "1 was seen before; 0 is here, and the first served");
        assert_eq!(store.write(forget).await.unwrap(), 0);
        assert_eq!(listed(&store).await, [address(0), address(4), address(3), address(2), MINER]);
        let forget = ForgetMiners { seen_before: UnixMillis(0), unserved_max: 2 };
        assert_eq!(store.write(forget).await.unwrap(), 2, "too many: those seen the longest ago");
        assert_eq!(listed(&store).await, [address(0), address(4), MINER]);
    })
    .await;
}
