//! `aitbc webhook …`: where a client has the ends of its jobs told.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use shared::api::webhooks::{
    CreateWebhook, CreatedWebhook, Deliveries, DeliveryState, DeliveryView, WebhookView, Webhooks,
};
use shared::id::{JobId, WebhookId};

use super::client::{Server, print_json};
use super::table;

#[derive(Debug, Subcommand)]
pub(super) enum Webhook {
    /// Has the ends of your jobs told to a web address, and shows the secret that signs the messages this once
    Add(Add),
    /// Lists your webhooks
    List(List),
    /// Removes a webhook; messages that wait are not sent any more
    Remove(One),
    /// Lists the newest messages of a webhook, and how sending each went
    Deliveries(One),
    /// Sends a message again, and starts its webhook again where that stopped
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Web address that takes the messages: https://, and a host with a public address
    address: String,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Name of the webhook: hook_ and 32 hex digits
    id: WebhookId,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    webhook: One,
    /// Job whose end the message tells: job_ and 32 hex digits
    job_id: JobId,
}

pub(super) fn run(webhook: &Webhook) -> Result<()> {
    match webhook {
        Webhook::Add(add) => create(add),
        Webhook::List(asked) => list(asked),
        Webhook::Remove(one) => remove(one),
        Webhook::Deliveries(one) => deliveries(one),
        Webhook::Replay(replay) => send_again(replay),
    }
}

fn create(add: &Add) -> Result<()> {
    let request = CreateWebhook { url: add.address.clone() };
    let created: CreatedWebhook = add.server.post("/v1/webhooks", &request, None)?;
    if add.json {
        return print_json(&created);
    }
    println!("{}", created.secret);
    let CreatedWebhook { webhook: WebhookView { id, url, .. }, .. } = created;
    eprintln!("This secret signs what {id} tells {url}. It is shown this once.");
    Ok(())
}

fn list(asked: &List) -> Result<()> {
    let Webhooks { webhooks } = asked.server.get("/v1/webhooks")?;
    if asked.json {
        return print_json(&webhooks);
    }
    let row = |webhook: WebhookView| {
        let state = match webhook.stopped_at_unix_ms {
            Some(at) => format!("stopped {}", at.rfc3339()),
            None => "sends".to_owned(),
        };
        [webhook.id.to_string(), state, webhook.created_at_unix_ms.rfc3339(), webhook.url]
    };
    let rows: Vec<[String; 4]> = webhooks.into_iter().map(row).collect();
    table::print(["WEBHOOK", "STATE", "MADE", "ADDRESS"], &rows);
    Ok(())
}

fn remove(One { id, server, json }: &One) -> Result<()> {
    let removed: WebhookView = server.delete(&format!("/v1/webhooks/{id}"))?;
    if *json {
        return print_json(&removed);
    }
    println!("{id} tells {} nothing any more", removed.url);
    Ok(())
}

fn deliveries(One { id, server, json }: &One) -> Result<()> {
    let Deliveries { deliveries } = server.get(&format!("/v1/webhooks/{id}/deliveries"))?;
    if *json {
        return print_json(&deliveries);
    }
    let row = |delivery: DeliveryView| {
        let state = match (delivery.state, delivery.next_attempt_at_unix_ms) {
            (DeliveryState::Waiting, Some(at)) => format!("waits until {}", at.rfc3339()),
            (DeliveryState::Waiting, None) => "waits".to_owned(),
            (DeliveryState::Delivered, _) => "delivered".to_owned(),
            (DeliveryState::GivenUp, _) => "given up".to_owned(),
        };
        let ended = delivery.created_at_unix_ms.rfc3339();
        [delivery.job_id.to_string(), ended, state, delivery.attempts.to_string(), delivery.problem.unwrap_or_default()]
    };
    let rows: Vec<[String; 5]> = deliveries.into_iter().map(row).collect();
    table::print(["JOB", "ENDED", "STATE", "TRIES", "LAST PROBLEM"], &rows);
    Ok(())
}

fn send_again(Replay { webhook: One { id, server, json }, job_id }: &Replay) -> Result<()> {
    let path = format!("/v1/webhooks/{id}/deliveries/{job_id}/again");
    let webhook: WebhookView = server.post(&path, &json!({}), None)?;
    if *json {
        return print_json(&webhook);
    }
    println!("the end of {job_id} is told to {} again", webhook.url);
    Ok(())
}
