//! Group commit: one task owns the writing connection and puts all waiting changes into one transaction, so that many
//! acknowledgements share one `fsync`. Changes take effect in the order in which they were handed in.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::database::begin_writing;

/// Changes in one transaction; more wait for the next.
const GROUP_MAX_CHANGES: usize = 256;

/// Changes that wait for the writer; beyond this, callers wait to hand in theirs.
const QUEUE_MAX_CHANGES: usize = 4_096;

/// A change that another hub's transaction got in the way of is tried so often.
const CONFLICT_TRIES: u32 = 8;

/// What a change writes to: one transaction, for one hub.
#[derive(Debug)]
pub struct Transaction<'a> {
    pub(crate) connection: &'a DatabaseTransaction,
    pub(crate) hub_id: &'a str,
}

/// Something to write.
///
/// It may be applied again after it was stored: a connection that breaks during `COMMIT` leaves open whether the
/// transaction took effect, and the change is then tried once more. A second application therefore finds its own rows
/// and changes nothing that counts.
#[async_trait]
pub trait Change: Send + Sync + 'static {
    type Output: Send + 'static;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<Self::Output, StoreError>;
}

/// A handle for handing in changes.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::Sender<Box<dyn Waiting>>);

impl Writer {
    pub(crate) fn start(connection: DatabaseConnection, hub_id: Arc<str>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX_CHANGES);
        tokio::spawn(run(connection, hub_id, receiver));
        Self(sender)
    }

    /// Hands in a change now; the answer comes once it is on the disk.
    pub(crate) async fn submit<C: Change>(
        &self,
        change: C,
    ) -> Result<oneshot::Receiver<Result<C::Output, StoreError>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let waiting = Box::new(Submitted { change, output: None, reply });
        self.0.send(waiting).await.map_err(|_| StoreError::Stopped)?;
        Ok(answer)
    }
}

/// A change with its waiting caller, whatever its type.
#[async_trait]
trait Waiting: Send {
    async fn apply(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

struct Submitted<C: Change> {
    change: C,
    output: Option<C::Output>,
    reply: oneshot::Sender<Result<C::Output, StoreError>>,
}

#[async_trait]
impl<C: Change> Waiting for Submitted<C> {
    async fn apply(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        self.output = Some(self.change.apply(transaction).await?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Submitted { output, reply, .. } = *self;
        // A caller that went away needs no answer; the change stands.
        let _ = reply.send(result.and_then(|()| output.ok_or(StoreError::Stopped)));
    }
}

async fn run(connection: DatabaseConnection, hub_id: Arc<str>, mut receiver: mpsc::Receiver<Box<dyn Waiting>>) {
    while let Some(first) = receiver.recv().await {
        let mut group = vec![first];
        while group.len() < GROUP_MAX_CHANGES
            && let Ok(next) = receiver.try_recv()
        {
            group.push(next);
        }
        write_group(&connection, &hub_id, group).await;
    }
    let _ = connection.close().await;
}

async fn write_group(connection: &DatabaseConnection, hub_id: &str, mut group: Vec<Box<dyn Waiting>>) {
    let result = commit(connection, hub_id, &mut group).await;
    let is_final = group.len() == 1 && !matches!(result, Err(StoreError::Conflict(_)));
    if result.is_ok() || is_final {
        group.into_iter().for_each(|waiting| waiting.answer(result.clone()));
        return;
    }
    // One change failed the group. Now each change is tried alone.
    for waiting in group {
        let mut alone = [waiting];
        let mut result = commit(connection, hub_id, &mut alone).await;
        for _ in 1..CONFLICT_TRIES {
            if !matches!(result, Err(StoreError::Conflict(_))) {
                break;
            }
            result = commit(connection, hub_id, &mut alone).await;
        }
        let [waiting] = alone;
        waiting.answer(result);
    }
}

async fn commit(
    connection: &DatabaseConnection,
    hub_id: &str,
    group: &mut [Box<dyn Waiting>],
) -> Result<(), StoreError> {
    let transaction = begin_writing(connection).await?;
    for waiting in group {
        if let Err(error) = waiting.apply(&Transaction { connection: &transaction, hub_id }).await {
            // A database may have rolled back by itself on a full disk; a second rollback then fails and changes nothing.
            let _ = transaction.rollback().await;
            return Err(error);
        }
    }
    Ok(transaction.commit().await?)
}
