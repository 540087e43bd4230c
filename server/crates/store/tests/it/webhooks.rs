//! Webhooks: a message is written with the end of a job, once for each webhook of its client, and sent by one process.

use shared::Address;
use shared::api::webhooks::{DeliveryState, WebhookEvent, WebhookMessage, WebhookView};
use shared::id::{ApiKeyId, JobId, WebhookId};
use shared::job::lifecycle::JobState;
use store::change::{
    CreateWebhook, EndTurn, MadeFrom, Prune, RecordSent, RemoveWebhook, RevokeApiKey, SendAgain, Sent, TakeTurn,
    TurnEnd,
};
use store::record::webhooks::{Failing, WebhookRecord, WebhookSecret};
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::{NOW, complete, grant, new_job};

/// The client of the fixture's jobs.
const ME: Address = Address::repeat_byte(1);
const OTHER: Address = Address::repeat_byte(2);

fn webhook(number: u128, address: Address) -> CreateWebhook {
    let view = WebhookView {
        id: WebhookId::from_random(number),
        url: format!("https://shop.example/{number}"),
        created_at_unix_ms: NOW.plus_ms(u64::try_from(number).unwrap()),
        stopped_at_unix_ms: None,
    };
    let webhook = WebhookRecord { view, address, made_by: None, secret: WebhookSecret(format!("whsec_{number}")) };
    CreateWebhook { webhook, made_from: None, most: 2, most_in_total: 4 }
}

fn id(number: u128) -> WebhookId {
    WebhookId::from_random(number)
}

/// Serves a job, from its creation to its end.
async fn serve(store: &Store, number: u128) {
    store.write(new_job(number)).await.unwrap();
    store.write(grant(number)).await.unwrap();
    store.write(complete(number)).await.unwrap();
}

async fn due(store: &Store, at_ms: u64) -> Vec<(WebhookId, u32)> {
    let due = store.list_due_webhooks(NOW.plus_ms(at_ms), 10).await.unwrap();
    due.into_iter().map(|(webhook, failing)| (webhook.view.id, failing.failures)).collect()
}

fn failed(job: u128, tries_before: u32, next_at_ms: Option<u64>) -> RecordSent {
    let next_attempt_at = next_at_ms.map(|ms| NOW.plus_ms(ms));
    let sent = Sent::Failed { status: Some(500), problem: "status 500".into(), next_attempt_at };
    RecordSent { webhook_id: id(1), job_id: JobId::from_random(job), tries_before, sent }
}

#[tokio::test]
async fn a_client_has_some_webhooks_and_sees_and_removes_its_own_alone() {
    on_both(async |database| {
        let store = database.open().await;
        for (number, address) in [(1, ME), (2, ME), (3, OTHER)] {
            store.write(webhook(number, address)).await.unwrap();
        }
        store.write(webhook(2, ME)).await.unwrap();
        let third = store.write(webhook(4, ME)).await;
        assert!(matches!(third, Err(StoreError::Refused(Refusal::TooManyWebhooks { most: 2 }))), "{third:?}");
        let listed = store.list_webhooks(ME).await.unwrap();
        assert_eq!(listed, [webhook(2, ME).webhook, webhook(1, ME).webhook]);
        assert!(!format!("{listed:?}").contains("whsec_"), "a secret is in no log");
        assert!(!store.write(RemoveWebhook { id: id(3), address: ME }).await.unwrap());
        assert!(store.write(RemoveWebhook { id: id(1), address: ME }).await.unwrap());
        assert!(!store.write(RemoveWebhook { id: id(1), address: ME }).await.unwrap());
        store.write(webhook(5, Address::repeat_byte(5))).await.unwrap();
        store.write(webhook(6, Address::repeat_byte(6))).await.unwrap();
        let fifth = store.write(webhook(7, Address::repeat_byte(7))).await;
        assert!(matches!(fifth, Err(StoreError::Refused(Refusal::TooManyWebhooksInTotal { most: 4 }))), "{fifth:?}");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_ends_is_told_once_to_each_webhook_of_its_client() {
    on_both(async |database| {
        let store = database.open().await;
        serve(&store, 1).await;
        for (number, address) in [(1, ME), (2, ME), (3, OTHER)] {
            store.write(webhook(number, address)).await.unwrap();
        }
        assert_eq!(due(&store, 0).await, [], "what ended before is not told");
        serve(&store, 2).await;
        store.write(complete(2)).await.unwrap();
        assert_eq!(due(&store, 10_000).await.len(), 2);
        let messages = store.list_due_messages(id(1), NOW.plus_ms(10_000), 10).await.unwrap();
        let [message] = &messages[..] else { panic!("{messages:?}") };
        let told: WebhookMessage = serde_json::from_str(&message.body).unwrap();
        assert_eq!((told.event, told.data.state), (WebhookEvent::JobCompleted, JobState::Completed));
        assert_eq!((told.data.job_id, told.data.model.as_str()), (JobId::from_random(2), "scenes"));
        assert_eq!(told.timestamp, told.data.finished_at_unix_ms.rfc3339());
        assert_eq!(store.list_deliveries(id(3)).await.unwrap(), []);
        assert!(store.write(RemoveWebhook { id: id(1), address: ME }).await.unwrap());
        assert_eq!(store.list_deliveries(id(1)).await.unwrap(), [], "its messages went with it");
    })
    .await;
}

fn turn(at_ms: u64) -> TakeTurn {
    TakeTurn { id: id(1), now: NOW.plus_ms(at_ms), until: NOW.plus_ms(at_ms + 500) }
}

/// The end of the turn that was taken then.
fn end(at_ms: u64, end: TurnEnd) -> EndTurn {
    EndTurn { id: id(1), until: turn(at_ms).until, end }
}

#[tokio::test]
async fn one_process_sends_and_a_failure_pauses_the_webhook_and_stops_it_in_the_end() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(webhook(1, ME)).await.unwrap();
        serve(&store, 1).await;
        assert!(store.write(turn(10)).await.unwrap());
        assert!(store.write(turn(10)).await.unwrap(), "the same turn, stored again");
        assert!(!store.write(turn(11)).await.unwrap(), "another process has it");
        assert_eq!(due(&store, 509).await, []);
        assert!(store.write(turn(510)).await.unwrap(), "that process ended");

        store.write(failed(1, 0, Some(2_000))).await.unwrap();
        store.write(failed(1, 0, Some(9_000))).await.unwrap();
        let failing = Failing { failures: 1, since: Some(NOW) };
        let pause = TurnEnd::Failed { failing, pause_until: NOW.plus_ms(3_000) };
        store.write(end(10, TurnEnd::Sent { at: NOW })).await.unwrap();
        assert!(!store.write(turn(600)).await.unwrap(), "the end of an earlier turn ends no later one");
        store.write(end(510, pause)).await.unwrap();
        serve(&store, 2).await;
        assert_eq!(due(&store, 2_999).await, [], "it pauses, also for a new message");
        assert_eq!(due(&store, 3_000).await, [(id(1), 1)]);

        assert!(store.write(turn(3_000)).await.unwrap());
        let sent = RecordSent { sent: Sent::Delivered { status: 204 }, ..failed(2, 0, None) };
        store.write(sent).await.unwrap();
        store.write(end(3_000, TurnEnd::Sent { at: NOW.plus_ms(3_100) })).await.unwrap();
        assert_eq!(due(&store, 3_099).await, [], "what still waits goes behind the messages of others");
        assert_eq!(due(&store, 3_100).await, [(id(1), 0)]);
        assert!(store.write(turn(3_100)).await.unwrap());
        store.write(failed(1, 1, None)).await.unwrap();
        store.write(end(3_100, TurnEnd::Stopped { at: NOW.plus_ms(4_000) })).await.unwrap();
        assert_eq!(due(&store, u64::from(u32::MAX)).await, []);
        let states = store.list_deliveries(id(1)).await.unwrap();
        assert_eq!(
            states.into_iter().map(|of| (of.state, of.attempts, of.status)).collect::<Vec<_>>(),
            [(DeliveryState::Delivered, 1, Some(204)), (DeliveryState::GivenUp, 2, Some(500))]
        );
        serve(&store, 3).await;
        assert_eq!(store.list_deliveries(id(1)).await.unwrap().len(), 2, "a webhook that stopped is told nothing");

        store.write(SendAgain { webhook_id: id(1), job_id: JobId::from_random(1), at: NOW }).await.unwrap();
        assert_eq!(due(&store, 0).await, [(id(1), 0)]);
        assert_eq!(store.list_webhooks(ME).await.unwrap()[0].view.stopped_at_unix_ms, None);
        let messages = store.list_due_messages(id(1), NOW, 10).await.unwrap();
        assert_eq!(messages.iter().map(|message| message.attempts).collect::<Vec<_>>(), [0]);
    })
    .await;
}

/// A client that has a message sent again in the middle of its last try gets that try's end for nothing.
#[tokio::test]
async fn a_try_that_was_overtaken_changes_nothing() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(webhook(1, ME)).await.unwrap();
        serve(&store, 1).await;
        store.write(failed(1, 0, None)).await.unwrap();
        store.write(SendAgain { webhook_id: id(1), job_id: JobId::from_random(1), at: NOW }).await.unwrap();
        store.write(failed(1, 1, None)).await.unwrap();
        let message = store.find_delivery(id(1), JobId::from_random(1)).await.unwrap().unwrap();
        assert_eq!((message.state, message.attempts), (DeliveryState::Waiting, 0));
        assert_eq!(store.find_delivery(id(2), JobId::from_random(1)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_webhook_goes_with_the_key_that_made_it() {
    on_both(async |database| {
        let store = database.open().await;
        let keys = [ApiKeyId::from_random(1), ApiKeyId::from_random(2)];
        for (number, key) in [(1, keys[0]), (2, keys[1])] {
            let mut of_key = webhook(number, ME);
            of_key.webhook.made_by = Some(key);
            store.write(of_key).await.unwrap();
        }
        serve(&store, 1).await;
        store.write(RevokeApiKey { id: keys[0], at: NOW }).await.unwrap();
        let left = store.list_webhooks(ME).await.unwrap();
        assert_eq!(left.iter().map(|webhook| webhook.view.id).collect::<Vec<_>>(), [id(2)]);
        assert_eq!(store.list_deliveries(id(1)).await.unwrap(), []);
        assert_eq!(store.list_deliveries(id(2)).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn old_messages_are_forgotten() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(webhook(1, ME)).await.unwrap();
        serve(&store, 1).await;
        let told_at = store.list_deliveries(id(1)).await.unwrap()[0].created_at_unix_ms;
        let prune = |messages_before| Prune {
            answers_before: shared::time::UnixMillis(0),
            now_us: 0,
            uses_before_day: 0,
            sessions_before: shared::time::UnixMillis(0),
            messages_before,
            unconfirmed_before: shared::time::UnixMillis(0),
            networks_before: shared::time::UnixMillis(0),
            webhooks_before: shared::time::UnixMillis(0),
        };
        assert_eq!(store.write(prune(told_at)).await.unwrap(), 0);
        assert_eq!(store.write(prune(told_at.plus_ms(1))).await.unwrap(), 1);
        assert_eq!(store.list_deliveries(id(1)).await.unwrap(), []);
    })
    .await;
}

fn made_from(network: &str, site: Option<&str>) -> Option<MadeFrom> {
    let (network, site) = (network.to_owned(), site.map(str::to_owned));
    Some(MadeFrom { network, site, most_of_network: 1, most_of_site: 2 })
}

#[tokio::test]
async fn wallets_of_one_network_and_of_one_site_have_so_many_webhooks() {
    on_both(async |database| {
        let store = database.open().await;
        let site = Some("2001:db8:1:");
        let make = async |number: u8, made_from| {
            let of_another = Address::repeat_byte(number);
            let create = CreateWebhook { made_from, most_in_total: 100, ..webhook(number.into(), of_another) };
            match store.write(create).await {
                Ok(()) => None,
                Err(StoreError::Refused(refusal)) => Some(refusal),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(make(1, made_from("2001:db8:1:1::/64", site)).await, None);
        let of_network = make(2, made_from("2001:db8:1:1::/64", site)).await;
        assert_eq!(of_network, Some(Refusal::TooManyWebhooksOfNetwork { most: 1 }));
        assert_eq!(make(2, made_from("2001:db8:1:2::/64", site)).await, None);
        let of_site = make(3, made_from("2001:db8:1:3::/64", site)).await;
        assert_eq!(of_site, Some(Refusal::TooManyWebhooksOfSite { most: 2 }));
        assert_eq!(make(3, made_from("10.0.0.1", None)).await, None);
        for number in 4..8 {
            assert_eq!(make(number, None).await, None, "keys of the operator");
        }
    })
    .await;
}

#[tokio::test]
async fn a_wallets_webhook_is_forgotten_when_it_asks_for_nothing_for_long() {
    on_both(async |database| {
        let store = database.open().await;
        let [busy, idle, of_key] = [(1, ME, true), (2, OTHER, true), (3, Address::repeat_byte(3), false)];
        for (number, address, is_of_wallet) in [busy, idle, of_key] {
            let made_from = made_from(&format!("10.0.0.{number}"), None).filter(|_| is_of_wallet);
            store.write(CreateWebhook { made_from, ..webhook(number, address) }).await.unwrap();
        }
        let long_after = NOW.plus_ms(1_000);
        let mut job = new_job(1);
        job.job.created_at = long_after;
        store.write(job).await.unwrap();
        let prune = Prune {
            answers_before: shared::time::UnixMillis(0),
            now_us: 0,
            uses_before_day: 0,
            sessions_before: shared::time::UnixMillis(0),
            messages_before: shared::time::UnixMillis(0),
            unconfirmed_before: shared::time::UnixMillis(0),
            networks_before: shared::time::UnixMillis(0),
            webhooks_before: NOW,
        };
        assert_eq!(store.write(prune.clone()).await.unwrap(), 0, "all are young");
        assert_eq!(store.write(Prune { webhooks_before: long_after, ..prune }).await.unwrap(), 1);
        for (number, address, is_left) in [(1, ME, true), (2, OTHER, false), (3, Address::repeat_byte(3), true)] {
            let left = store.list_webhooks(address).await.unwrap();
            assert_eq!(left.iter().any(|webhook| webhook.view.id == id(number)), is_left, "{number}");
        }
    })
    .await;
}
