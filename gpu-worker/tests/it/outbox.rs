//! The outbox keeps what was put into it, whatever else lies in the folder.

use gpu_worker::error::WorkerError;
use gpu_worker::hub::results::{Recipient, deliver};
use gpu_worker::hub::route::Route;
use gpu_worker::hub::trust::Trust;
use gpu_worker::hub::{HubNumber, HubUrl};
use gpu_worker::outbox::{Entry, Outbox, REFUSED_MAX};
use shared::amount::{Amount, MicroUnits};
use shared::commitment::Commitment;
use shared::id::{JobId, LeaseId};
use shared::job::task::TaskRole;
use shared::protocol::{Metering, ResultSubmission};
use shared::receipt::{JobReceipt, ReceiptVersion};
use shared::time::UnixSeconds;
use shared::unit::UnitType;
use shared::{Address, B256, Bytes};
use tokio::sync::mpsc;

use crate::hub_double::HubDouble;

pub(crate) fn entry(number: u128) -> Entry {
    let receipt = JobReceipt {
        version: ReceiptVersion,
        job_id: JobId::from_random(number),
        task_role: TaskRole::Serve,
        provider: Address::repeat_byte(1),
        client: Address::repeat_byte(2),
        units: MicroUnits(5),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(1),
        model: "m".into(),
        prompt_commitment: Commitment(B256::ZERO),
        result_commitment: Commitment(B256::ZERO),
        started_at: UnixSeconds(1),
        finished_at: UnixSeconds(2),
        expires_at: UnixSeconds(3),
        nonce: B256::repeat_byte(3),
        hub_id: "hub".into(),
        chain_id: 1,
        contract: Address::repeat_byte(4),
        determinism_class: "c".into(),
        trace_commitment: None,
        shares: Vec::new(),
    };
    let submission = ResultSubmission {
        receipt,
        miner_signature: Bytes::new(),
        artifacts: Vec::new(),
        metering: Metering::default(),
        trace_root: None,
    };
    let lease_id = LeaseId::from_random(number);
    Entry { lease_id, job_id: JobId::from_random(number), receipt_hash: B256::ZERO, submission, refusal: None }
}

#[test]
fn what_was_put_is_there_after_opening_again_and_half_writes_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(folder.path()).unwrap();
    for number in [2, 1] {
        outbox.put(&entry(number)).unwrap();
    }
    outbox.put(&entry(1)).unwrap();
    let torn = folder.path().join(format!("{}.json.partial", LeaseId::from_random(3)));
    std::fs::write(&torn, b"{\"lease").unwrap();
    std::fs::write(folder.path().join("notes.txt"), b"mine").unwrap();
    let outbox = Outbox::open(folder.path()).unwrap();
    assert_eq!(outbox.waiting().unwrap(), [1, 2].map(LeaseId::from_random));
    assert_eq!(outbox.read(LeaseId::from_random(2)).unwrap(), entry(2));
    assert!(!torn.exists());
    outbox.remove(LeaseId::from_random(1)).unwrap();
    assert_eq!(Outbox::open(folder.path()).unwrap().waiting().unwrap(), [LeaseId::from_random(2)]);
}

#[test]
fn refused_results_are_kept_apart_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(folder.path()).unwrap();
    for number in 0..REFUSED_MAX as u128 + 5 {
        outbox.put(&entry(number)).unwrap();
        outbox.refuse(LeaseId::from_random(number), "409: not yours").unwrap();
    }
    assert_eq!(outbox.waiting().unwrap(), []);
    let kept: Vec<_> = std::fs::read_dir(folder.path().join("refused")).unwrap().collect();
    assert_eq!(kept.len(), REFUSED_MAX);
    let text = std::fs::read_to_string(kept[0].as_ref().unwrap().path()).unwrap();
    assert!(text.contains("409: not yours"));
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(folder.path()).unwrap();
    let lease_id = LeaseId::from_random(9);
    std::fs::write(folder.path().join(format!("{lease_id}.json")), b"rubbish").unwrap();
    assert!(outbox.read(lease_id).is_err());
    outbox.refuse(lease_id, "unreadable").unwrap();
    assert_eq!(outbox.waiting().unwrap(), []);
}

#[tokio::test]
async fn a_result_that_cannot_be_read_now_is_sent_when_it_can_and_only_a_malformed_one_is_put_aside() {
    let mut hub = HubDouble::start().await;
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(folder.path()).unwrap();
    let [unread, malformed, sound] = [1, 2, 3].map(LeaseId::from_random);
    let file = |lease_id: LeaseId| folder.path().join(format!("{lease_id}.json"));
    // The system opens it, but does not read it: an error of the moment, as far as its reader knows.
    std::fs::create_dir(file(unread)).unwrap();
    std::fs::write(file(malformed), b"rubbish").unwrap();
    outbox.put(&entry(3)).unwrap();
    assert_eq!(outbox.waiting().unwrap(), [unread, malformed, sound]);
    assert!(matches!(outbox.refuse(unread, "409: not yours"), Err(WorkerError::File(_))));
    let (delivered_sender, mut delivered) = mpsc::channel(8);
    let url = HubUrl::parse(&hub.url).unwrap();
    let recipient = Recipient { number: HubNumber(0), url, trust: Trust::default(), route: Route::default() };
    let delivery = tokio::spawn(deliver(outbox.clone(), recipient, delivered_sender));
    let left = delivered.recv().await.unwrap();
    assert!(left.lease_id == malformed && left.refusal.unwrap().contains("not valid"));
    let left = delivered.recv().await.unwrap();
    assert_eq!((left.lease_id, left.refusal, hub.result().await.0), (sound, None, sound));
    assert_eq!(outbox.waiting().unwrap(), [unread]);
    std::fs::remove_dir(file(unread)).unwrap();
    outbox.put(&entry(1)).unwrap();
    let left = delivered.recv().await.unwrap();
    assert_eq!((left.lease_id, left.refusal, hub.result().await.0), (unread, None, unread));
    assert_eq!(outbox.waiting().unwrap(), []);
    let kept = std::fs::read_dir(folder.path().join("refused")).unwrap().map(|kept| kept.unwrap().file_name());
    assert_eq!(kept.collect::<Vec<_>>(), [format!("{malformed}.json").as_str()]);
    delivery.abort();
}
