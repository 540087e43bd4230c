//! The jobs of one run in the inference process, each with its own limits.

use std::time::Duration;

use futures::future::select_all;
use inference::error::{InferenceError, Result};
use inference::runtime::{Output, StepReport};
use tokio::time::{Instant, sleep_until, timeout};

use super::pace::{Beat, Pace};
use super::pipe::Process;
use super::supervisor::Limits;
use super::{Event, Request};

/// How long a run may go on when none of its jobs is wanted any more, before the process is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// One job of a run.
#[derive(Debug)]
pub(super) struct Seat {
    id: u64,
    limits: Limits,
    /// Why it was canceled; a later result is ignored.
    ended_by: Option<InferenceError>,
    outcome: Option<Result<Output>>,
}

impl Seat {
    pub(super) fn new(id: u64, limits: Limits) -> Self {
        Self { id, limits, ended_by: None, outcome: None }
    }

    fn is_wanted(&self) -> bool {
        self.outcome.is_none() && self.ended_by.is_none()
    }
}

#[derive(Debug)]
pub(super) struct Flight {
    pub(super) seats: Vec<Seat>,
    pub(super) beat: Beat,
}

/// What happened to a run.
enum Turn {
    Heard(Option<Event>),
    Canceled(u64),
    Late(u64),
    /// Whether anybody watches the job changed.
    Watched(u64, bool),
    Silent,
    Overdue,
}

impl Flight {
    /// Follows the run until each of its jobs has an outcome.
    ///
    /// # Errors
    /// A process that ended or hung; then jobs without an outcome have none.
    pub(super) async fn follow(
        &mut self,
        process: &mut Process,
        pace: &Pace,
        steps: &mut (dyn FnMut(usize, StepReport) + Send),
    ) -> Result<()> {
        let mut unwanted_since = None;
        while self.seats.iter().any(|seat| seat.outcome.is_none()) {
            if !self.seats.iter().any(Seat::is_wanted) {
                unwanted_since.get_or_insert_with(Instant::now);
            }
            let overdue_at = unwanted_since.map(|since| since + CANCEL_GRACE);
            let turn = tokio::select! {
                event = process.events.recv() => Turn::Heard(event),
                turn = first_turn(&mut self.seats) => turn,
                () = sleep_until(pace.hung_at(&self.beat)), if overdue_at.is_none() => Turn::Silent,
                () = at(overdue_at) => Turn::Overdue,
            };
            match turn {
                Turn::Heard(Some(event)) => self.hear(event, steps),
                Turn::Heard(None) => return Err(InferenceError::crashed("its output ended")),
                Turn::Canceled(id) => self.end(process, id, InferenceError::canceled()).await,
                Turn::Late(id) => self.end(process, id, InferenceError::past_deadline()).await,
                Turn::Watched(id, watched) => {
                    let _ = timeout(CANCEL_GRACE, process.send(&Request::Watched { id, watched })).await;
                }
                Turn::Silent => return Err(InferenceError::hung(self.beat.silence(Instant::now()))),
                Turn::Overdue => return Err(InferenceError::hung(CANCEL_GRACE)),
            }
        }
        Ok(())
    }

    fn hear(&mut self, event: Event, steps: &mut (dyn FnMut(usize, StepReport) + Send)) {
        let (id, outcome) = match event {
            Event::Step { id, report } => {
                // Each job of a run reports its own steps, and any of them is a sign of life.
                self.beat.heard(Instant::now(), report.steps);
                if let Some(seat) = self.seats.iter().position(|seat| seat.id == id && seat.is_wanted()) {
                    steps(seat, report);
                }
                return;
            }
            Event::Done { id, output } => (id, Ok(output)),
            Event::Failed { id, error } => (id, Err(error)),
            Event::Loaded(_) | Event::NotLoaded(_) => return,
        };
        let steps = self.beat.steps();
        self.beat.heard(Instant::now(), steps);
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.id == id) {
            seat.outcome = Some(match seat.ended_by.take() {
                Some(reason) => Err(reason),
                None => outcome,
            });
        }
    }

    /// Tells the process to end a job.
    async fn end(&mut self, process: &mut Process, id: u64, reason: InferenceError) {
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.id == id) {
            seat.ended_by = Some(reason);
        }
        let _ = timeout(CANCEL_GRACE, process.send(&Request::Cancel { id })).await;
    }

    /// All jobs ended as they should.
    pub(super) fn is_well(&self) -> bool {
        self.seats.iter().all(|seat| matches!(seat.outcome, Some(Ok(_))))
    }

    /// A lack of memory or a lost GPU after which the process still runs.
    pub(super) fn spoiled(&self) -> Option<InferenceError> {
        let failures = self.seats.iter().filter_map(|seat| seat.outcome.as_ref()?.as_ref().err());
        failures.into_iter().find(|error| error.kind.spoils_process()).cloned()
    }

    /// The outcomes in order; `failure` is the end of the process, for those that it took along.
    pub(super) fn outcomes(self, failure: Option<&InferenceError>) -> Vec<Result<Output>> {
        let lost = || match failure {
            Some(failure) => failure.clone(),
            None => InferenceError::crashed("it did not answer"),
        };
        let outcome = |seat: Seat| match (seat.outcome, seat.ended_by) {
            (Some(Err(error)), _) if error.kind.spoils_process() => Err(lost()),
            (Some(outcome), _) => outcome,
            (None, Some(reason)) => Err(reason),
            (None, None) => Err(lost()),
        };
        self.seats.into_iter().map(outcome).collect()
    }
}

/// The first job that is canceled or late, or of which something else is wanted.
async fn first_turn(seats: &mut [Seat]) -> Turn {
    let turns: Vec<_> = seats.iter_mut().filter(|seat| seat.is_wanted()).map(|seat| Box::pin(turn_of(seat))).collect();
    if turns.is_empty() {
        return std::future::pending().await;
    }
    select_all(turns).await.0
}

async fn turn_of(seat: &mut Seat) -> Turn {
    let Limits { canceled, deadline, watched } = &mut seat.limits;
    let canceled = async {
        // If the sender is gone, the job can no longer be canceled.
        if canceled.wait_for(|canceled| *canceled).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = canceled => Turn::Canceled(seat.id),
        () = sleep_until(*deadline) => Turn::Late(seat.id),
        Ok(()) = watched.changed() => Turn::Watched(seat.id, *watched.borrow_and_update()),
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
