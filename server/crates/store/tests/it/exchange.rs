//! The exchange's rows: what was signed comes before the journal, what follows from it comes once.

use shared::api::exchange::{CandleInterval, OrderState, TradeState, WithdrawalState};
use shared::api::payments::PlacedTransaction;
use shared::exchange::{AssetUnits, ExchangeOrder, ExchangeWithdrawal, Side, SignedByTrader, TimeInForce, Trigger};
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256, Bytes};
use store::change::{
    EndExchangeRows, ForgetOrders, ForgetUnplaced, KeepSigned, OpenExchange, RecordBlocks, RecordEntries, Settled,
};
use store::record::exchange::{OrderRecord, OrderUpdate, PartyRecord, TradeRecord, TraderRecord, WithdrawalRecord};
use store::{Refusal, Store, StoreError};

use super::database::on_both;
use super::fixture::NOW;

const GENESIS: B256 = B256::repeat_byte(7);
const MAKER: Address = Address::repeat_byte(1);
const TAKER: Address = Address::repeat_byte(2);
const DELEGATE: Address = Address::repeat_byte(3);

fn order(id: u64, trader: Address, side: Side) -> OrderRecord {
    let signed = ExchangeOrder {
        trader,
        side,
        base: Address::repeat_byte(8),
        quote: Address::repeat_byte(9),
        amount: AssetUnits(500),
        limit_price: AssetUnits(7),
        time_in_force: TimeInForce::GoodTilTime,
        trigger: Trigger::AtOrAbove,
        trigger_price: AssetUnits(6),
        max_fee_basis_points: 20,
        expires_at: UnixSeconds(9_000),
        epoch: 0,
        nonce: id,
        chain_id: 1,
        contract: Address::repeat_byte(4),
    };
    OrderRecord {
        id,
        market: 0,
        account: u32::from(side == Side::Buy),
        price_ticks: 7,
        lots: 5,
        filled_lots: 0,
        state: OrderState::Open,
        reason: None,
        triggered_at: None,
        signed: SignedByTrader { signed, signature: Bytes::from_static(&[1; 65]) },
        signer: if side == Side::Sell { DELEGATE } else { trader },
        sequence: id,
        placed_at: NOW,
        changed_at: NOW,
    }
}

fn trade(number: u64, price_ticks: u32, lots: u64, matched_at: UnixMillis) -> TradeRecord {
    let party = |address, account, order| PartyRecord { address, account, order, fee: u128::MAX };
    TradeRecord {
        seq: 0,
        market: 0,
        trade: number,
        sequence: 2,
        taker_side: Side::Buy,
        price_ticks,
        lots,
        maker: party(MAKER, 0, 1),
        taker: party(TAKER, 1, 2),
        matched_at,
        state: TradeState::Matched,
        settled_in: None,
        reason: None,
    }
}

fn withdrawal(nonce: u64, sequence: u64) -> WithdrawalRecord {
    let signed = ExchangeWithdrawal {
        trader: MAKER,
        asset: Address::repeat_byte(9),
        amount: AssetUnits(5),
        expires_at: UnixSeconds(9_000),
        nonce,
        chain_id: 1,
        contract: Address::repeat_byte(4),
    };
    WithdrawalRecord {
        account: 0,
        sequence,
        signed: SignedByTrader { signed, signature: Bytes::from_static(&[1; 65]) },
        state: WithdrawalState::Accepted,
        requested_at: NOW,
        paid_in: None,
        reason: None,
    }
}

async fn with_two_traders(store: &Store) {
    store.write(OpenExchange { genesis: GENESIS }).await.unwrap();
    let traders = [(0, MAKER), (1, TAKER)].map(|(account, address)| TraderRecord { account, address, last_nonce: 0 });
    let kept = KeepSigned { traders: traders.to_vec(), withdrawals: vec![withdrawal(5, 3)] };
    store.write(kept.clone()).await.unwrap();
    // A connection that broke during the commit.
    store.write(kept).await.unwrap();
}

fn two_orders() -> Vec<OrderRecord> {
    vec![order(1, MAKER, Side::Sell), order(2, TAKER, Side::Buy)]
}

fn matched() -> RecordEntries {
    let update = |id, filled_lots, state| OrderUpdate {
        id,
        lots: 5,
        filled_lots,
        state,
        reason: None,
        triggered_at: (id == 2).then_some(UnixMillis(60_000)),
        changed_at: NOW,
    };
    RecordEntries {
        after: 0,
        to: 3,
        placed: two_orders(),
        orders: vec![update(1, 5, OrderState::Filled), update(2, 3, OrderState::Open)],
        trades: vec![trade(1, 7, 2, UnixMillis(60_000)), trade(2, 9, 3, UnixMillis(119_999))],
        nonces: vec![(0, 1), (1, 2)],
    }
}

#[tokio::test]
async fn what_follows_from_the_journal_is_stored_once() {
    on_both(async |database| {
        let store = database.open().await;
        with_two_traders(&store).await;
        store.write(matched()).await.unwrap();
        store.write(matched()).await.unwrap();
        let gap = RecordEntries { after: 4, to: 5, ..RecordEntries::default() };
        let refused = StoreError::Refused(Refusal::ExchangeMoved { at: 3, after: 4 });
        assert_eq!(store.write(gap).await.unwrap_err().to_string(), refused.to_string());

        let trades = store.list_trades_to_settle(10).await.unwrap();
        assert_eq!(trades.iter().map(|trade| trade.trade).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(trades[0].maker.fee, u128::MAX);
        let traders = store.list_exchange_traders().await.unwrap();
        assert_eq!(traders.iter().map(|trader| trader.last_nonce).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(store.list_open_exchange_orders().await.unwrap().len(), 1);
        let signers = [1, 2].map(|id| (id, store.find_exchange_order(id)));
        for (id, found) in signers {
            let expected = (id == 1).then_some(DELEGATE);
            let found = found.await.unwrap().unwrap();
            assert_eq!((found.signer, found.delegate()), (expected.unwrap_or(found.signed.signed.trader), expected));
        }
        assert_eq!(store.find_exchange_order(1).await.unwrap().unwrap().state, OrderState::Filled);
        for (interval, seconds) in [(CandleInterval::OneMinute, 60), (CandleInterval::OneDay, 0)] {
            let candles = store.list_candles(0, interval.seconds(), None, 10).await.unwrap();
            let [candle] = candles.as_slice() else { panic!("one candle, got {candles:?}") };
            assert_eq!((candle.start.0, candle.open, candle.close), (seconds, 7, 9));
            assert_eq!((candle.lots, candle.lot_ticks, candle.trades), (5, 2 * 7 + 3 * 9, 2));
        }
        // Later trades of the same minute go into the same candle.
        let later =
            RecordEntries { after: 3, to: 4, trades: vec![trade(3, 5, 1, UnixMillis(61_000))], ..Default::default() };
        store.write(later).await.unwrap();
        let minute = store.list_candles(0, 60, Some(UnixSeconds(60)), 10).await.unwrap();
        assert_eq!((minute[0].low, minute[0].high, minute[0].close, minute[0].trades), (5, 9, 5, 3));
    })
    .await;
}

#[tokio::test]
async fn what_the_journal_never_had_is_forgotten_and_nothing_is_paid_before_it_has_it() {
    on_both(async |database| {
        let store = database.open().await;
        with_two_traders(&store).await;
        assert!(store.find_withdrawal_to_pay().await.unwrap().is_none(), "the journal may not have it");
        assert_eq!(store.list_waiting_withdrawals().await.unwrap().len(), 1);
        store.write(RecordEntries { after: 0, to: 2, ..RecordEntries::default() }).await.unwrap();
        assert_eq!(store.write(ForgetUnplaced { sequence: 2 }).await.unwrap(), 1);
        assert!(store.find_withdrawal(MAKER, 5).await.unwrap().is_none());
        let kept = KeepSigned { withdrawals: vec![withdrawal(6, 1)], ..KeepSigned::default() };
        store.write(kept).await.unwrap();
        assert_eq!(store.find_withdrawal_to_pay().await.unwrap().unwrap().signed.signed.nonce, 6);
    })
    .await;
}

#[tokio::test]
async fn a_trade_ends_once_and_the_chain_has_the_last_word() {
    on_both(async |database| {
        let store = database.open().await;
        with_two_traders(&store).await;
        store.write(matched()).await.unwrap();
        let void = EndExchangeRows::VoidTrade { market: 0, trade: 1, reason: "left".into() };
        assert!(store.write(void.clone()).await.unwrap());
        assert_eq!(store.count_trades_to_settle(Some(TAKER)).await.unwrap(), 1);
        let placed = PlacedTransaction { transaction_hash: B256::repeat_byte(3), block_number: 8 };
        let settled = [1, 2].map(|trade| Settled { market: 0, trade, placed }).to_vec();
        let blocks = RecordBlocks { height: 8, settled, paid: vec![(MAKER, 5, placed)] };
        store.write(blocks).await.unwrap();
        assert!(!store.write(void).await.unwrap(), "a trade that a block has is not void");
        let fills = store.list_exchange_fills_of(TAKER, None, 10).await.unwrap();
        assert_eq!(fills.iter().map(|fill| fill.trade).collect::<Vec<_>>(), [2, 1]);
        assert!(fills.iter().all(|fill| fill.state == TradeState::Final && fill.settled_in == Some(placed)));
        assert_eq!(store.find_withdrawal(MAKER, 5).await.unwrap().unwrap().state, WithdrawalState::Final);
        assert_eq!(store.write(OpenExchange { genesis: GENESIS }).await.unwrap().height, 8);
    })
    .await;
}

#[tokio::test]
async fn an_exchange_belongs_to_one_hub_and_one_chain() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(OpenExchange { genesis: GENESIS }).await.unwrap();
        for (hub, genesis) in [("test-hub", B256::ZERO), ("another", GENESIS)] {
            let other = database.open_as(hub).await;
            let refused = other.write(OpenExchange { genesis }).await.unwrap_err();
            assert!(matches!(refused, StoreError::Refused(Refusal::ExchangeOfAnother)), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_order_without_a_trade_is_forgotten_after_a_time() {
    on_both(async |database| {
        let store = database.open().await;
        with_two_traders(&store).await;
        let update = |id, filled_lots| OrderUpdate {
            id,
            lots: 4,
            filled_lots,
            state: OrderState::Cancelled,
            reason: Some("its trader cancelled it".into()),
            triggered_at: None,
            changed_at: NOW,
        };
        let orders = vec![update(1, 0), update(2, 1)];
        let ended = RecordEntries { after: 0, to: 3, placed: two_orders(), orders, ..Default::default() };
        store.write(ended).await.unwrap();
        assert_eq!(store.write(ForgetOrders { before: NOW }).await.unwrap(), 0);
        assert_eq!(store.write(ForgetOrders { before: NOW.plus_ms(1) }).await.unwrap(), 1);
        assert!(store.find_exchange_order(2).await.unwrap().is_some(), "it traded");
    })
    .await;
}
