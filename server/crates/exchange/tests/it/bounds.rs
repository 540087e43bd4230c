//! Bad input: each refusal names its reason and changes nothing.

use crate::setup::*;
use exchange::limits::*;
use exchange::*;

#[test]
fn values_out_of_bounds_are_refused_by_name() {
    let mut test = TestExchange::new();
    let good = limit(0, Side::Sell, 100, 5);
    let market = |slippage| OrderKind::Market { slippage: BasisPoints(slippage) };
    let max = Lots(1_000);
    let cases = [
        (NewOrder { price: Ticks(0), ..good }, Reason::PriceOutOfRange(0)),
        (NewOrder { price: Ticks(1 << 30), ..good }, Reason::PriceOutOfRange(1 << 30)),
        (NewOrder { lots: Lots(0), ..good }, Reason::LotsOutOfRange { given: Lots(0), max }),
        (NewOrder { lots: Lots(1_001), ..good }, Reason::LotsOutOfRange { given: Lots(1_001), max }),
        (NewOrder { lots: Lots(u64::MAX), ..good }, Reason::LotsOutOfRange { given: Lots(u64::MAX), max }),
        (NewOrder { trigger: rise(0), ..good }, Reason::TriggerOutOfRange(0)),
        (NewOrder { trigger: fall(u32::MAX), ..good }, Reason::TriggerOutOfRange(u32::MAX)),
        (NewOrder { kind: market(10_001), ..good }, Reason::SlippageOutOfRange(10_001)),
        (NewOrder { kind: market(5), ..good }, Reason::TimeInForceNotAllowed),
        (
            NewOrder { kind: OrderKind::PostOnly, time_in_force: TimeInForce::FillOrKill, ..good },
            Reason::TimeInForceNotAllowed,
        ),
        (limit(0, Side::Sell, 49, 1), Reason::NotionalTooSmall { given: Units(490), min: Units(500) }),
        (limit(4, Side::Sell, 100, 5), Reason::UnknownAccount(AccountId(4))),
        (limit(u32::MAX, Side::Sell, 100, 5), Reason::UnknownAccount(AccountId(u32::MAX))),
    ];
    for (order, reason) in cases {
        assert_eq!(test.refused(order), reason);
        assert!(!reason.to_string().is_empty() && (400..600).contains(&reason.status()));
    }
    test.placed(limit(0, Side::Sell, 50, 1));
    test.placed(limit(0, Side::Sell, PRICE_TICKS_MAX, 1_000));
}

#[test]
fn nobody_orders_more_than_he_has() {
    let mut test = TestExchange::new();
    test.apply(Command::Withdraw { account: AccountId(0), asset: QUOTE, amount: Units(FUNDS.0 - 10_000) });
    test.placed(limit(0, Side::Buy, 100, 6));
    let refused = Reason::InsufficientBalance { asset: QUOTE, needed: Units(5_000), free: Units(4_000) };
    assert_eq!(test.refused(limit(0, Side::Buy, 100, 5)), refused);
    let (id, _) = test.placed(limit(0, Side::Buy, 100, 4));
    let more = Reason::InsufficientBalance { asset: QUOTE, needed: Units(40), free: Units(0) };
    assert_eq!(reason_of(&test.amend(0, id, 101, 4)), more);
    let withdraw = Command::Withdraw { account: AccountId(0), asset: QUOTE, amount: Units(1) };
    let reserved = Reason::InsufficientBalance { asset: QUOTE, needed: Units(1), free: Units(0) };
    assert_eq!(reason_of(&test.apply(withdraw)), reserved, "what open orders may hand over is not withdrawn");
    test.cancel(0, id);
    assert_eq!(test.apply(withdraw).len(), 1);
    assert_eq!(test.free(0, QUOTE), 3_999);
}

#[test]
fn an_order_id_is_used_once_in_all_markets() {
    let mut test = TestExchange::new();
    test.apply(Command::OpenMarket(rules()));
    let place = |id, market, price| Command::Place {
        market: MarketId(market),
        order: NewOrder { id: OrderId(id), ..limit(0, Side::Sell, price, 5) },
    };
    test.apply(place(10, 0, 100));
    let reason = |given| Reason::OrderIdNotIncreasing { given: OrderId(given), last: OrderId(10) };
    assert_eq!(reason_of(&test.apply(place(10, 1, 100))), reason(10));
    assert_eq!(reason_of(&test.apply(place(9, 0, 100))), reason(9));
    assert_eq!(reason_of(&test.apply(place(11, 0, 0))), Reason::PriceOutOfRange(0));
    assert_eq!(test.apply(place(11, 1, 100)).len(), 2, "a refused order uses no id");
}

#[test]
fn deposits_and_withdrawals_are_bounded() {
    let mut test = TestExchange::new();
    let deposit = |account, asset, amount| Command::Deposit {
        account: AccountId(account),
        asset: AssetId(asset),
        amount: Units(amount),
    };
    let cases = [
        (deposit(0, 0, 0), Reason::AmountIsZero),
        (deposit(0, 8, 1), Reason::AssetOutOfRange(AssetId(8))),
        (deposit(ACCOUNTS_MAX as u32, 0, 1), Reason::AccountOutOfRange(AccountId(ACCOUNTS_MAX as u32))),
        (deposit(0, 0, DEPOSITED_UNITS_MAX), Reason::DepositTooLarge),
        (deposit(0, 0, u128::MAX), Reason::DepositTooLarge),
    ];
    for (command, reason) in cases {
        assert_eq!(reason_of(&test.apply(command)), reason);
    }
    assert_eq!(test.apply(deposit(9, 0, DEPOSITED_UNITS_MAX - 4 * FUNDS.0)).len(), 1);
    assert_eq!(reason_of(&test.apply(deposit(9, 0, 1))), Reason::DepositTooLarge);
    let withdraw = |account| Command::Withdraw { account: AccountId(account), asset: BASE, amount: Units(1) };
    assert_eq!(reason_of(&test.apply(withdraw(10))), Reason::UnknownAccount(AccountId(10)));
    let none = Reason::InsufficientBalance { asset: BASE, needed: Units(1), free: Units(0) };
    assert_eq!(reason_of(&test.apply(withdraw(5))), none, "a row of the ledger is no balance");
}

#[test]
fn an_account_has_so_many_orders_and_a_market_so_many() {
    let mut exchange = Exchange::new(HASH_KEY);
    let mut events = Vec::new();
    for command in opening(MarketRules { orders_max: ORDERS_PER_ACCOUNT_MAX + 1, ..rules() }) {
        exchange.apply(&command, UnixMs(0), &mut events);
    }
    let mut id = 0;
    let mut place = |exchange: &mut Exchange, order: NewOrder| {
        id += 1;
        let mut events = Vec::new();
        let order = NewOrder { id: OrderId(id), ..order };
        exchange.apply(&Command::Place { market: MARKET, order }, UnixMs(0), &mut events);
        events
    };
    for _ in 0..ORDERS_PER_ACCOUNT_MAX {
        assert_eq!(place(&mut exchange, limit(0, Side::Sell, 100, 1)).len(), 2);
    }
    assert_eq!(reason_of(&place(&mut exchange, limit(0, Side::Sell, 100, 1))), Reason::TooManyOrdersOfAccount);
    let leaves = NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..limit(0, Side::Sell, 100, 1) };
    assert_eq!(place(&mut exchange, leaves).len(), 2, "an order that leaves at once needs no room");
    assert_eq!(place(&mut exchange, limit(1, Side::Sell, 100, 1)).len(), 2);
    let full = Reason::TooManyOrdersInMarket { max: ORDERS_PER_ACCOUNT_MAX + 1 };
    assert_eq!(reason_of(&place(&mut exchange, limit(2, Side::Sell, 100, 1))), full);
    assert_eq!(exchange.audit(), Ok(()));
}

#[test]
fn a_side_has_so_many_prices() {
    let mut exchange = Exchange::new(HASH_KEY);
    let mut events = Vec::new();
    let accounts = (LEVELS_PER_SIDE_MAX as u32).div_ceil(ORDERS_PER_ACCOUNT_MAX) + 1;
    let deposits =
        (0..accounts).map(|account| Command::Deposit { account: AccountId(account), asset: BASE, amount: FUNDS });
    let rules = MarketRules { orders_max: ORDERS_PER_MARKET_MAX, ..rules() };
    for command in std::iter::once(Command::OpenMarket(rules)).chain(deposits) {
        exchange.apply(&command, UnixMs(0), &mut events);
    }
    let mut place = |id: u32, price: u32, trigger: Option<u32>| {
        let account = accounts.min(id / ORDERS_PER_ACCOUNT_MAX);
        let order = NewOrder {
            id: OrderId(u64::from(id) + 1),
            trigger: trigger.and_then(fall),
            ..limit(account, Side::Sell, price, 1)
        };
        let mut events = Vec::new();
        exchange.apply(&Command::Place { market: MARKET, order }, UnixMs(0), &mut events);
        events
    };
    let levels = LEVELS_PER_SIDE_MAX as u32;
    for id in 0..levels {
        // Far apart, so that nearly every price needs nodes of its own.
        assert_eq!(place(id, 1_000 + id * 65_000, None).len(), 2);
    }
    let events = place(levels, 999, None);
    let none =
        cancelled(OrderId(u64::from(levels) + 1), levels / ORDERS_PER_ACCOUNT_MAX, 1, CancelReason::TooManyPrices);
    assert_eq!(events[1], none);
    assert_eq!(place(levels + 1, 1_000, None).len(), 2, "a price that is there has room");
    assert_eq!(place(levels + 2, 1_000, Some(7)).len(), 1, "waiting orders have prices of their own");
    assert_eq!(exchange.audit(), Ok(()));
}

#[test]
fn there_are_so_many_markets() {
    let mut test = TestExchange::new();
    for market in 1..MARKETS_MAX as u16 {
        let opened = test.apply(Command::OpenMarket(MarketRules { orders_max: 1, ..rules() }));
        assert_eq!(opened, [Event::MarketOpened { market: MarketId(market) }]);
    }
    assert_eq!(reason_of(&test.apply(Command::OpenMarket(rules()))), Reason::TooManyMarkets);
    let unknown = Command::CancelAll { market: MarketId(64), account: AccountId(0) };
    assert_eq!(reason_of(&test.apply(unknown)), Reason::UnknownMarket(MarketId(64)));
}
