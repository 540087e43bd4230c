//! `aitbc index …` works on the database itself. A server that runs on it fills the index again at once, another one when
//! it starts.

use anyhow::Result;
use clap::Subcommand;
use store::change::ClearIndex;

use super::client::print_json;
use super::keys::{Data, open};

#[derive(Debug, Subcommand)]
pub(super) enum Index {
    /// Empties the index of the chain, so that the server fills it again from block 0
    Rebuild(Data),
    /// Says how far the index is
    Status(Data),
}

pub(super) fn run(index: Index) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match index {
            Index::Rebuild(data) => rebuild(&data).await,
            Index::Status(data) => status(&data).await,
        }
    })
}

async fn rebuild(data: &Data) -> Result<()> {
    open(data).await?.write(ClearIndex).await?;
    if data.json {
        return print_json(&serde_json::json!({ "rebuilt": true }));
    }
    println!(
        "The index is empty. A running server fills it now, another one when it starts; /v1/status says how far it is."
    );
    Ok(())
}

async fn status(data: &Data) -> Result<()> {
    let position = open(data).await?.index_position().await?;
    if data.json {
        let position = position.map(|position| serde_json::json!({ "height": position.height, "hash": position.hash }));
        return print_json(&serde_json::json!({ "index": position }));
    }
    match position {
        Some(position) => println!("The index has every block up to {} ({}).", position.height, position.hash),
        None => println!("The index is empty."),
    }
    Ok(())
}
