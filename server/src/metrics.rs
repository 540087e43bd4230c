//! Prometheus metrics. One registry per server, so that tests may run several.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use shared::api::stuck::StuckKind;
use shared::job::lifecycle::JobState;

/// Labels of one route's requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    pub method: &'static str,
    /// The route's pattern, never the path itself: paths carry identifiers.
    pub route: String,
}

/// Labels of one route's answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AnswerLabels {
    pub method: &'static str,
    pub route: String,
    pub status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StuckLabels {
    kind: &'static str,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub requests: Family<AnswerLabels, Counter>,
    pub request_seconds: Family<RouteLabels, Histogram>,
    pub queue_depth: Gauge<i64, AtomicI64>,
    /// From a request's arrival to the push of its assignment, where a miner was free.
    pub dispatch_seconds: Histogram,
    /// From the push of an assignment to its worker's acceptance.
    pub accept_seconds: Histogram,
    pub jobs_created: Counter,
    tasks_ended: Family<StateLabels, Counter>,
    stuck: Family<StuckLabels, Gauge<i64, AtomicI64>>,
    pub miners_online: Gauge<i64, AtomicI64>,
    pub receipts_minted: Counter,
    pub receipts_settled: Counter,
    pub payments_reserved: Counter,
    pub payments_refunded: Counter,
    pub mint_transactions: Counter,
    pub mint_transactions_reverted: Counter,
    pub exchange_batches: Counter,
    pub exchange_trades_void: Counter,
    pub exchange_trades_to_settle: Gauge<i64, AtomicI64>,
    /// 1 while the exchange takes nothing because of a fault.
    pub exchange_fault: Gauge<i64, AtomicI64>,
    /// Accounts of which the last comparison of book and contract found a difference.
    pub exchange_differing: Gauge<i64, AtomicI64>,
}

const LATENCY_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("aitbc");
        let histogram: fn() -> Histogram = || Histogram::new(LATENCY_BUCKETS);
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(histogram),
            queue_depth: Gauge::default(),
            dispatch_seconds: histogram(),
            accept_seconds: histogram(),
            jobs_created: Counter::default(),
            tasks_ended: Family::default(),
            stuck: Family::default(),
            miners_online: Gauge::default(),
            receipts_minted: Counter::default(),
            receipts_settled: Counter::default(),
            payments_reserved: Counter::default(),
            payments_refunded: Counter::default(),
            mint_transactions: Counter::default(),
            mint_transactions_reverted: Counter::default(),
            exchange_batches: Counter::default(),
            exchange_trades_void: Counter::default(),
            exchange_trades_to_settle: Gauge::default(),
            exchange_fault: Gauge::default(),
            exchange_differing: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "HTTP requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "From a request's head to its answer's head",
            Unit::Seconds,
            metrics.request_seconds.clone(),
        );
        registry.register("queue_depth", "Jobs that wait for a miner", metrics.queue_depth.clone());
        registry.register_with_unit(
            "dispatch_duration",
            "From a job's request to the push of its assignment, where a miner was free",
            Unit::Seconds,
            metrics.dispatch_seconds.clone(),
        );
        registry.register_with_unit(
            "accept_duration",
            "From the push of an assignment to its worker's word that it works on it",
            Unit::Seconds,
            metrics.accept_seconds.clone(),
        );
        registry.register("jobs_created", "Jobs accepted", metrics.jobs_created.clone());
        registry.register(
            "tasks_ended",
            "Tasks of jobs by their last state; QUEUED counts returns",
            metrics.tasks_ended.clone(),
        );
        registry.register("miners_online", "Connected miners", metrics.miners_online.clone());
        registry.register("receipts_minted", "Job receipts minted in a block", metrics.receipts_minted.clone());
        registry.register("receipts_settled", "Job receipts paid from escrow", metrics.receipts_settled.clone());
        registry.register("payments_reserved", "Jobs whose payment was reserved", metrics.payments_reserved.clone());
        registry.register("payments_refunded", "Reservations given back", metrics.payments_refunded.clone());
        registry.register("mint_transactions", "Mint transactions signed", metrics.mint_transactions.clone());
        registry.register(
            "mint_transactions_reverted",
            "Mint transactions that the minter refused",
            metrics.mint_transactions_reverted.clone(),
        );
        registry.register(
            "stuck",
            "What should have moved on by itself and did not, as counted every minute",
            metrics.stuck.clone(),
        );
        metrics.register_exchange(&mut registry);
        Self { registry, ..metrics }
    }

    /// How many things of a kind did not move on.
    pub fn set_stuck(&self, kind: StuckKind, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.stuck.get_or_create(&StuckLabels { kind: kind.as_str() }).set(count);
    }

    fn register_exchange(&self, registry: &mut Registry) {
        registry.register("exchange_batches", "Batches of trades signed", self.exchange_batches.clone());
        registry.register(
            "exchange_trades_void",
            "Trades that the contract refused for good",
            self.exchange_trades_void.clone(),
        );
        registry.register(
            "exchange_trades_to_settle",
            "Trades that no block has yet",
            self.exchange_trades_to_settle.clone(),
        );
        registry.register("exchange_fault", "1 while the exchange takes nothing", self.exchange_fault.clone());
        registry.register(
            "exchange_accounts_differing",
            "Accounts that differed when book and contract were compared last",
            self.exchange_differing.clone(),
        );
    }

    pub fn tasks_ended(&self, state: JobState) {
        self.tasks_ended.get_or_create(&StateLabels { state: state.as_str() }).inc();
    }

    /// The OpenMetrics text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
