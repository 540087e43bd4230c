//! Random streams of commands. Most of them are valid and meet each other; some are not.

use proptest::prelude::*;

use crate::setup::*;
use exchange::*;

/// A command whose order ids are counted back from the last one placed.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    command: Command,
    /// How the order is named: so many ids back, unless by its client order id.
    back: u64,
    /// Milliseconds since the step before.
    pub(crate) passed_ms: u64,
}

/// Turns steps into commands, as a client does that knows which ids were used.
pub(crate) fn commands(steps: &[Step]) -> Vec<(UnixMs, Command)> {
    let (mut now, mut last) = (1, 0);
    let commands = steps.iter().map(|step| {
        now += step.passed_ms;
        let named = |order: OrderRef| match order {
            OrderRef::Id(_) => OrderRef::Id(OrderId(u64::saturating_sub(last, step.back))),
            client => client,
        };
        let command = match step.command {
            Command::Place { market, order } => {
                // Rarely an id that was used before.
                let id = if step.back == 39 { last } else { last + 1 };
                last = last.max(id);
                Command::Place { market, order: NewOrder { id: OrderId(id), ..later(order, now) } }
            }
            Command::Amend { market, account, order, price, lots } => {
                Command::Amend { market, account, order: named(order), price, lots }
            }
            Command::Reduce { market, account, order, by } => {
                Command::Reduce { market, account, order: named(order), by }
            }
            Command::Cancel { market, account, order } => Command::Cancel { market, account, order: named(order) },
            other => other,
        };
        (UnixMs(now), command)
    });
    let opening = opening(rules()).into_iter().map(|command| (UnixMs(1), command)).collect::<Vec<_>>();
    let commands: Vec<_> = commands.collect();
    opening.into_iter().chain(commands).collect()
}

/// Expiries are drawn as times from now on.
fn later(order: NewOrder, now: u64) -> NewOrder {
    let from_now = |time: UnixMs| UnixMs(now + time.0);
    let time_in_force = match order.time_in_force {
        TimeInForce::GoodTilTime(time) => TimeInForce::GoodTilTime(from_now(time)),
        other => other,
    };
    let trigger = order.trigger.map(|trigger| Trigger { waits_until: trigger.waits_until.map(from_now), ..trigger });
    NewOrder { time_in_force, trigger, ..order }
}

pub(crate) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..count)
}

/// Orders that all wait, so that a later trade reaches many of them at once.
pub(crate) fn stops(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let order =
        ((0..4_u32).prop_map(AccountId), side(), 90..111_u32, 1..30_u64, time_in_force(), trigger(), self_trade());
    let step = order.prop_map(|(account, side, price, lots, time_in_force, trigger, self_trade)| {
        let terms = limit(account.0, side, price, lots);
        let trigger = Some(Trigger { waits_until: None, ..trigger });
        let order = NewOrder { time_in_force, trigger, self_trade, ..terms };
        Step { command: Command::Place { market: MARKET, order }, back: 0, passed_ms: 0 }
    });
    prop::collection::vec(step, count)
}

fn step() -> impl Strategy<Value = Step> {
    let passed = prop_oneof![8 => Just(0_u64), 2 => 0..20_u64];
    (command(), 0..40_u64, passed).prop_map(|(command, back, passed_ms)| Step { command, back, passed_ms })
}

fn command() -> impl Strategy<Value = Command> {
    let named = (market(), account(), order_ref()).boxed();
    prop_oneof![
        12 => (market(), new_order()).prop_map(|(market, order)| Command::Place { market, order }),
        5 => (named.clone(), price(), lots()).prop_map(|((market, account, order), price, lots)| {
            Command::Amend { market, account, order, price, lots }
        }),
        2 => (named.clone(), lots()).prop_map(|((market, account, order), by)| {
            Command::Reduce { market, account, order, by }
        }),
        3 => named.prop_map(|(market, account, order)| Command::Cancel { market, account, order }),
        1 => (market(), account()).prop_map(|(market, account)| Command::CancelAll { market, account }),
        1 => (account(), asset(), amount()).prop_map(|(account, asset, amount)| {
            Command::Deposit { account, asset, amount }
        }),
        1 => (account(), asset(), amount()).prop_map(|(account, asset, amount)| {
            Command::Withdraw { account, asset, amount }
        }),
        1 => Just(Command::Advance),
        1 => Just(Command::OpenMarket(MarketRules { base: QUOTE, quote: BASE, ..rules() })),
    ]
}

fn new_order() -> impl Strategy<Value = NewOrder> {
    let client = prop_oneof![3 => Just(None), 2 => (1..6_u64).prop_map(|name| Some(client_id(name)))];
    let trigger = prop_oneof![4 => Just(None), 1 => trigger().prop_map(Some)];
    let terms = (side(), price(), lots(), kind(), time_in_force());
    (account(), client, terms, trigger, self_trade()).prop_map(
        |(account, client_order_id, terms, trigger, self_trade)| {
            let (side, price, lots, kind, time_in_force) = terms;
            let id = OrderId(0);
            NewOrder { id, account, client_order_id, side, price, lots, kind, time_in_force, trigger, self_trade }
        },
    )
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let direction = prop_oneof![Just(TriggerDirection::Rise), Just(TriggerDirection::Fall)];
    let waits_until = prop_oneof![3 => Just(None), 1 => (0..50_u64).prop_map(|time| Some(UnixMs(time)))];
    (direction, price(), waits_until).prop_map(|(direction, price, waits_until)| Trigger {
        direction,
        price,
        waits_until,
    })
}

fn market() -> impl Strategy<Value = MarketId> {
    prop_oneof![20 => Just(MARKET), 2 => Just(MarketId(1)), 1 => Just(MarketId(9))]
}

fn account() -> impl Strategy<Value = AccountId> {
    prop_oneof![30 => 0..4_u32, 1 => Just(4), 1 => Just(u32::MAX)].prop_map(AccountId)
}

fn asset() -> impl Strategy<Value = AssetId> {
    prop_oneof![Just(BASE), Just(QUOTE), Just(AssetId(8))]
}

fn amount() -> impl Strategy<Value = Units> {
    prop_oneof![4 => 1..1_000_000_u128, 1 => Just(0), 1 => Just(FUNDS.0), 1 => Just(1 << 126), 1 => Just(u128::MAX)]
        .prop_map(Units)
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn price() -> impl Strategy<Value = Ticks> {
    prop_oneof![
        30 => 90..111_u32,
        4 => 30..400_u32,
        1 => Just(0),
        1 => Just(limits::PRICE_TICKS_MAX),
        1 => Just(u32::MAX),
    ]
    .prop_map(Ticks)
}

fn lots() -> impl Strategy<Value = Lots> {
    prop_oneof![30 => 1..30_u64, 3 => 900..1_002_u64, 1 => Just(0), 1 => Just(u64::MAX)].prop_map(Lots)
}

fn kind() -> impl Strategy<Value = OrderKind> {
    let market = prop_oneof![4 => 0..2_000_u16, 1 => Just(10_000), 1 => Just(10_001)];
    prop_oneof![
        6 => Just(OrderKind::Limit),
        1 => Just(OrderKind::PostOnly),
        1 => market.prop_map(|slippage| OrderKind::Market { slippage: BasisPoints(slippage) }),
    ]
}

fn time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        6 => Just(TimeInForce::GoodTilCancelled),
        2 => (0..50_u64).prop_map(|time| TimeInForce::GoodTilTime(UnixMs(time))),
        2 => Just(TimeInForce::ImmediateOrCancel),
        2 => Just(TimeInForce::FillOrKill),
    ]
}

fn self_trade() -> impl Strategy<Value = SelfTradeRule> {
    prop_oneof![
        Just(SelfTradeRule::Allow),
        Just(SelfTradeRule::ExpireTaker),
        Just(SelfTradeRule::ExpireMaker),
        Just(SelfTradeRule::ExpireBoth),
    ]
}

fn order_ref() -> impl Strategy<Value = OrderRef> {
    prop_oneof![
        4 => Just(OrderRef::Id(OrderId(0))),
        1 => (1..6_u64).prop_map(|name| OrderRef::Client(client_id(name))),
    ]
}
