//! Which artifacts are forgotten, and which files nobody needs then.

use std::collections::BTreeSet;

use shared::digest::Sha256Digest;
use shared::id::JobId;
use shared::time::UnixMillis;
use store::Store;
use store::change::{ForgetArtifacts, Forgotten};

use super::database::on_both;
use super::fixture::{NOW, complete, new_job};

/// A completed job with one file of these bytes.
async fn served(store: &Store, number: u128, sponsored: bool, at: UnixMillis, bytes: &[u8]) {
    let mut created = new_job(number);
    created.job.sponsored = sponsored;
    store.write(created).await.unwrap();
    let mut completed = complete(number);
    completed.at = at;
    completed.artifacts[0].sha256 = Sha256Digest::of(bytes);
    completed.artifacts[0].bytes = bytes.len() as u64;
    store.write(completed).await.unwrap();
}

async fn kept(store: &Store, numbers: impl IntoIterator<Item = u128>) -> Vec<u128> {
    let mut kept = Vec::new();
    for number in numbers {
        let artifacts = store.list_artifacts(JobId::from_random(number)).await.unwrap();
        assert_eq!(artifacts.len(), 1, "what it was is known for ever");
        kept.extend(artifacts[0].removed_at.is_none().then_some(number));
    }
    kept
}

fn rule(bytes_max: u64) -> ForgetArtifacts {
    ForgetArtifacts { at: NOW.plus_ms(1_000), sponsored_before: UnixMillis(0), keyed_before: UnixMillis(0), bytes_max }
}

#[tokio::test]
async fn old_files_go_by_the_class_of_their_client() {
    on_both(async |database| {
        let store = database.open().await;
        for (number, sponsored) in [(1, true), (2, false)] {
            served(&store, number, sponsored, NOW, &[1, 2, 3]).await;
            served(&store, number + 2, sponsored, NOW.plus_ms(500), &[u8::from(sponsored)]).await;
        }
        let rule = ForgetArtifacts { sponsored_before: NOW.plus_ms(100), keyed_before: NOW, ..rule(u64::MAX) };
        let first = store.write(rule.clone()).await.unwrap();
        assert_eq!(first, Forgotten { jobs: 1, files: BTreeSet::new() }, "job 2 has the same file");
        assert_eq!(kept(&store, 1..=4).await, [2, 3, 4]);
        assert_eq!(store.write(rule.clone()).await.unwrap(), Forgotten::default());
        let record = store.list_artifacts(JobId::from_random(1)).await.unwrap().remove(0);
        assert_eq!((record.removed_at, record.sha256), (Some(rule.at), Sha256Digest::of(&[1, 2, 3])));
        assert!(store.find_receipt_of_job(JobId::from_random(1)).await.unwrap().is_some(), "the receipt stays");

        let rule = ForgetArtifacts { keyed_before: NOW.plus_ms(100), ..rule };
        let second = store.write(rule).await.unwrap();
        assert_eq!(second, Forgotten { jobs: 1, files: [Sha256Digest::of(&[1, 2, 3])].into() });
        let files = [Sha256Digest::of(&[1, 2, 3]), Sha256Digest::of(&[0]), Sha256Digest::of(&[9])];
        assert_eq!(store.list_kept_files(&files).await.unwrap(), [files[1]].into());
    })
    .await;
}

#[tokio::test]
async fn beyond_the_quota_visitors_files_go_first_the_oldest_before_others_and_no_more_than_needed() {
    on_both(async |database| {
        let store = database.open().await;
        for number in 1..=5_u8 {
            let at = NOW.plus_ms(u64::from(number));
            served(&store, number.into(), number % 2 == 0, at, &[number; 10]).await;
        }
        assert_eq!(store.write(rule(50)).await.unwrap(), Forgotten::default());
        let forgotten = store.write(rule(35)).await.unwrap();
        assert_eq!(forgotten.files, [[2; 10], [4; 10]].map(|bytes| Sha256Digest::of(&bytes)).into());
        assert_eq!(kept(&store, 1..=5).await, [1, 3, 5], "a visitor pushes out the older files of keys");
        assert_eq!(store.write(rule(30)).await.unwrap(), Forgotten::default());
        assert_eq!(store.write(rule(15)).await.unwrap().jobs, 2);
        assert_eq!(kept(&store, 1..=5).await, [5]);
        served(&store, 6, true, NOW.plus_ms(6), &[6; 10]).await;
        assert_eq!(store.write(rule(15)).await.unwrap().files, [Sha256Digest::of(&[6; 10])].into());
        assert_eq!(store.write(rule(0)).await.unwrap().jobs, 1);
    })
    .await;
}

#[tokio::test]
async fn a_hub_forgets_its_own_artifacts_only() {
    on_both(async |database| {
        let (own, other) = (database.open().await, database.open_as("other-hub").await);
        served(&own, 1, true, NOW, b"own").await;
        assert_eq!(other.write(rule(0)).await.unwrap(), Forgotten::default());
        assert_eq!(own.write(rule(0)).await.unwrap().jobs, 1);
    })
    .await;
}
