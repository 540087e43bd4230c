//! Waiting tasks, by the model that they need, and fair between clients.
//!
//! Each model has a queue. In it, the client that has had the least work goes first, and of its tasks the oldest. What a
//! client has had is its *start*: each task that it gets moves it on by the task's work, at the hub's highest price of a
//! unit, so that a large picture counts more than a small one. The queue's clock is the highest start of a task that went
//! out. A client that begins to wait starts at the clock, or where it had got to if that is later: nobody saves up by
//! waiting, and nobody is ahead by asking one at a time. (This is start-time fair queueing.)
//!
//! The bound: while every miner of the model serves every task of it, a client that begins to wait, and had nothing
//! before, sees at most one task of each other client go out before its own first one, however many the others have
//! waiting. And of two clients that both wait all the time, neither gets more work than the other beyond the largest task
//! of each. A task counts once, however many miners try it.
//!
//! A miner may serve several models. Of their queues, the one goes first from which a task went out longest ago; a queue
//! that was empty comes last. So between two tasks of one queue, each other queue gives one at most.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use shared::Address;
use shared::amount::MicroUnits;
use shared::job::request::ValidJob;
use shared::job::task::{Task, TaskRole};

use crate::catalog::ModelKey;
use crate::demand::{Demand, Supply};
use crate::price;
use crate::summary_tree::{Priorities, Search, Summary, SummaryTree, Summed};

/// Arrival of the job, then the task within it.
pub(super) type Place = (i64, TaskRole);

/// Where a task stands in its model's queue: its client's start, the client's oldest task, the client, the task.
pub(super) type Standing = (u128, Place, Address, Place);

/// What the queue knows of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) task: Task,
    pub(super) seq: i64,
    pub(super) client: Address,
    pub(super) demand: Demand,
}

impl Ticket {
    const fn place(&self) -> Place {
        (self.seq, self.task.role)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Sum {
    demand: Demand,
    count: usize,
}

impl Summed for Ticket {
    type Summary = Sum;

    fn summary(&self) -> Sum {
        Sum { demand: self.demand, count: 1 }
    }
}

impl Summary for Sum {
    fn join(&mut self, other: &Self) {
        self.demand.join(&other.demand);
        self.count += other.count;
    }
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct Queue {
    priorities: Priorities,
    models: BTreeMap<ModelKey, OfModel>,
    count: usize,
    /// Counts tasks that went out and queues that began.
    turns: u64,
}

#[derive(Debug, Clone, Default)]
struct OfModel {
    /// When the last task went out, or the first came; see [`Queue::turn`].
    turn: u64,
    clock: u128,
    clients: BTreeMap<Address, OfClient>,
    order: BTreeSet<(u128, Place, Address)>,
    /// Starts, beyond the clock, of clients that do not wait now.
    gone: BTreeMap<Address, u128>,
    gone_by_start: BTreeSet<(u128, Address)>,
}

#[derive(Debug, Clone, Default)]
struct OfClient {
    start: u128,
    tasks: SummaryTree<Place, Ticket>,
}

impl OfClient {
    fn first(&self) -> Option<Place> {
        self.tasks.first().map(|(place, _)| *place)
    }

    fn count(&self) -> usize {
        self.tasks.summary().map_or(0, |all| all.count)
    }
}

/// How much a task's work counts in its client's account.
pub(super) fn work_of(job: &ValidJob, units: MicroUnits) -> u128 {
    price::max_unit_price(job.work.unit_type()).times(units).map_or(u128::MAX >> 32, |price| price.atto()).max(1)
}

struct FirstFor<'a, F> {
    supply: &'a Supply,
    takes: F,
    found: Option<Ticket>,
}

impl<F: FnMut(&Ticket) -> bool> Search<Place, Ticket> for FirstFor<'_, F> {
    fn enters(&mut self, all: &Sum) -> bool {
        all.demand.may_be_met_by(self.supply)
    }

    fn sees(&mut self, _: &Place, ticket: &Ticket) -> ControlFlow<()> {
        if !(self.takes)(ticket) {
            return ControlFlow::Continue(());
        }
        self.found = Some(*ticket);
        ControlFlow::Break(())
    }
}

struct First {
    limit: usize,
    tasks: Vec<Task>,
}

impl Search<Place, Ticket> for First {
    fn enters(&mut self, _: &Sum) -> bool {
        self.tasks.len() < self.limit
    }

    fn sees(&mut self, _: &Place, ticket: &Ticket) -> ControlFlow<()> {
        self.tasks.push(ticket.task);
        ControlFlow::Continue(())
    }
}

impl OfModel {
    /// Takes a client out of the order while it is changed, and puts it back.
    fn change(&mut self, address: Address, change: impl FnOnce(&mut OfClient, &mut u128)) {
        let known = self.gone.remove(&address);
        if let Some(start) = known {
            self.gone_by_start.remove(&(start, address));
        }
        let fresh = OfClient { start: known.unwrap_or_default().max(self.clock), ..OfClient::default() };
        let client = self.clients.entry(address).or_insert(fresh);
        if let Some(first) = client.first() {
            self.order.remove(&(client.start, first, address));
        }
        change(client, &mut self.clock);
        let start = client.start;
        if let Some(first) = client.first() {
            self.order.insert((start, first, address));
            return;
        }
        self.clients.remove(&address);
        self.gone.insert(address, start);
        self.gone_by_start.insert((start, address));
    }

    /// Who does not wait and is not ahead of the clock begins at it anyway.
    fn forget(&mut self) {
        while let Some((start, address)) = self.gone_by_start.first().copied().filter(|(start, _)| *start <= self.clock)
        {
            self.gone_by_start.remove(&(start, address));
            self.gone.remove(&address);
        }
    }
}

impl Queue {
    pub(super) const fn new(seed: u64) -> Self {
        Self { priorities: Priorities::new(seed), models: BTreeMap::new(), count: 0, turns: 0 }
    }

    pub(super) fn insert(&mut self, model: &ModelKey, ticket: Ticket) {
        let priority = self.priorities.draw();
        let of_model = self.models.entry(model.clone()).or_insert_with(|| {
            self.turns += 1;
            OfModel { turn: self.turns, ..OfModel::default() }
        });
        of_model.change(ticket.client, |client, _| client.tasks.insert(ticket.place(), ticket, priority));
        self.count += 1;
    }

    /// Takes a task out. `work` is what its client's account is charged where the task goes to a miner; none where it
    /// does not.
    pub(super) fn remove(&mut self, model: &ModelKey, client: Address, place: Place, granted: Option<u128>) {
        let Some(of_model) = self.models.get_mut(model) else { return };
        let mut is_removed = false;
        of_model.change(client, |client, clock| {
            is_removed = client.tasks.remove(&place).is_some();
            if let Some(work) = granted {
                *clock = (*clock).max(client.start);
                client.start = client.start.saturating_add(work);
            }
        });
        of_model.forget();
        self.count -= usize::from(is_removed);
        if granted.is_some() {
            self.turns += 1;
            of_model.turn = self.turns;
        }
        if of_model.clients.is_empty() {
            self.models.remove(model);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// Some task waits for the model.
    pub(super) fn has(&self, model: &ModelKey) -> bool {
        self.models.contains_key(model)
    }

    /// The model with the lowest turn goes first. No two have the same.
    pub(super) fn turn(&self, model: &ModelKey) -> u64 {
        self.models.get(model).map_or(0, |of_model| of_model.turn)
    }

    /// The first task of a model that `takes` takes, for a miner that has this.
    pub(super) fn first_for(
        &self,
        model: &ModelKey,
        supply: &Supply,
        mut takes: impl FnMut(&Ticket) -> bool,
    ) -> Option<(Standing, Task)> {
        let of_model = self.models.get(model)?;
        of_model.order.iter().find_map(|(start, first, address)| {
            let mut search = FirstFor { supply, takes: &mut takes, found: None };
            let _ = of_model.clients.get(address)?.tasks.search(&mut search);
            search.found.map(|ticket| ((*start, *first, *address, ticket.place()), ticket.task))
        })
    }

    /// Where a task stands that waits.
    pub(super) fn standing(&self, model: &ModelKey, client: Address, place: Place) -> Option<Standing> {
        let of_client = self.models.get(model)?.clients.get(&client)?;
        of_client.tasks.get(&place)?;
        Some((of_client.start, of_client.first()?, client, place))
    }

    /// About how many tasks of the model go out before one of this client at this place: its own older ones, and of each
    /// other client as many and one more.
    pub(super) fn count_before(&self, model: &ModelKey, client: Address, place: Place) -> usize {
        let Some(of_model) = self.models.get(model) else { return 0 };
        let own = of_model.clients.get(&client).and_then(|client| client.tasks.summary_below(&place));
        let own = own.map_or(0, |own| own.count);
        let ahead = of_model.standing_start(client);
        let others = of_model.clients.iter().filter(|(address, _)| **address != client);
        let before = others.map(|(address, other)| {
            let goes_first = (other.start, other.first(), *address) < ahead;
            other.count().min(own + usize::from(goes_first))
        });
        own + before.sum::<usize>()
    }

    /// Tasks that wait for the model.
    pub(super) fn count_of(&self, model: &ModelKey) -> usize {
        self.models.get(model).map_or(0, |of_model| of_model.clients.values().map(OfClient::count).sum())
    }

    /// The first tasks that wait for a model, up to a limit.
    pub(super) fn first_of(&self, model: &ModelKey, limit: usize) -> Vec<Task> {
        let Some(of_model) = self.models.get(model) else { return vec![] };
        let mut first = First { limit, tasks: vec![] };
        for (_, _, address) in &of_model.order {
            let _ = of_model.clients.get(address).map(|client| client.tasks.search(&mut first));
        }
        first.tasks
    }

    #[cfg(test)]
    pub(super) fn holds(&self, model: &ModelKey, client: Address, place: Place, task: Task) -> bool {
        let of_client = self.models.get(model).and_then(|of_model| of_model.clients.get(&client));
        of_client.and_then(|of_client| of_client.tasks.get(&place)).is_some_and(|ticket| ticket.task == task)
    }
}

impl OfModel {
    /// Where a client stands among the others, or would as the last of those with its start.
    fn standing_start(&self, client: Address) -> (u128, Option<Place>, Address) {
        match self.clients.get(&client) {
            Some(waiting) => (waiting.start, waiting.first(), client),
            None => {
                let start = self.gone.get(&client).copied().unwrap_or_default().max(self.clock);
                (start, Some((i64::MAX, TaskRole::Serve)), client)
            }
        }
    }
}
