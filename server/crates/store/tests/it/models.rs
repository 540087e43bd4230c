//! What each model was asked for.

use shared::id::JobId;
use shared::job::JobKind;
use shared::time::{MS_PER_DAY, UnixMillis};
use store::change::{CreateJob, MoveTask};
use store::record::{MovedTask, ServedJobs};
use store::repository::ModelName;

use super::database::on_both;
use super::fixture::{NOW, complete, grant, new_job, seal, task};

fn scenes() -> ModelName {
    (JobKind::Image, "scenes".to_owned())
}

/// A job of the same model, asked for at another time.
fn at(number: u128, created_at: UnixMillis) -> CreateJob {
    let mut job = new_job(number);
    job.job.created_at = created_at;
    job
}

#[tokio::test]
async fn only_what_was_served_counts_for_a_model() {
    on_both(async |database| {
        let store = database.open().await;
        assert!(store.count_served_jobs(NOW).await.unwrap().is_empty());
        let mut other = at(4, NOW);
        other.job.job.model = "portraits".to_owned();
        for job in [at(1, NOW), at(2, NOW.plus_ms(3 * MS_PER_DAY)), at(3, NOW), other] {
            store.write(job).await.unwrap();
        }
        for number in [1, 2] {
            store.write(grant(number)).await.unwrap();
            store.write(complete(number)).await.unwrap();
        }
        let life = shared::job::lifecycle::TaskLife::default();
        let life = life.apply(shared::job::lifecycle::TaskEvent::Canceled).unwrap();
        let moved = MovedTask { task: task(3), life, job: shared::job::lifecycle::JobState::Canceled };
        store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();

        let counted = store.count_served_jobs(NOW.plus_ms(1)).await.unwrap();
        assert_eq!(counted.len(), 1, "nobody served the other model: {counted:?}");
        assert_eq!(counted[&scenes()], ServedJobs { all: 2, new: 1, last: Some(NOW) });
        assert_eq!(store.count_served_jobs_by_day(&scenes(), 0).await.unwrap(), [(0, 1), (3, 1)]);
        assert_eq!(store.count_served_jobs_by_day(&scenes(), 1).await.unwrap(), [(3, 1)]);
        let receipts = store.list_receipts_of_model(&scenes(), 1).await.unwrap();
        let of: Vec<JobId> = receipts.iter().map(|record| record.signed.receipt.job_id).collect();
        assert_eq!(of, [JobId::from_random(2)], "the newest job's");
        let text = (JobKind::Text, "scenes".to_owned());
        assert!(store.list_receipts_of_model(&text, 9).await.unwrap().is_empty(), "of another kind");
    })
    .await;
}

#[tokio::test]
async fn a_private_job_is_no_sample() {
    on_both(async |database| {
        let store = database.open().await;
        let mut private = at(2, NOW);
        private.job.sponsored = false;
        for job in [at(1, NOW), private, at(3, NOW.plus_ms(1))] {
            store.write(job).await.unwrap();
        }
        for number in [1, 2, 3] {
            store.write(grant(number)).await.unwrap();
            store.write(complete(number)).await.unwrap();
        }
        let public = |limit| {
            let store = store.clone();
            async move {
                let jobs = store.list_public_jobs_of_model(&scenes(), limit).await.unwrap();
                jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
            }
        };
        assert_eq!(public(9).await, [3, 1].map(JobId::from_random));
        assert_eq!(public(1).await, [JobId::from_random(3)]);
    })
    .await;
}
