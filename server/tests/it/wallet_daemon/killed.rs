//! `kill -9` at every point of a payment: it is neither lost nor paid twice.

use serde_json::json;
use shared::U256;

use super::between::{Between, Point};
use super::daemon::TestDaemon;
use super::money::{FRIEND, balance, nonce, settled, transfer, with_money};
use crate::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_neither_loses_nor_doubles_a_payment() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let folder = place.path().join("wallets");
    let (daemon, miner) = with_money(&server, &folder).await;
    daemon.stop().await;
    let (between, url) = Between::start(&server).await;
    let mut points: Vec<(Point, bool)> = (0..8).map(|number| (Point::Call(number), number % 2 == 0)).collect();
    points.extend([(Point::Sending, false), (Point::Sending, true)]);
    let (mut paid, amount) = (0, 3);
    for (round, point) in points.into_iter().enumerate() {
        let (key, body) = (format!("round-{round}"), transfer(amount));
        let daemon = TestDaemon::start(&folder, &url, &[]).await;
        daemon.unlock("miner").await;
        between.hold(Some(point));
        let asking = daemon.begin_to_pay(&key, &body);
        between.reached.notified().await;
        daemon.kill().await;
        between.hold(None);
        asking.await.unwrap();

        let again = TestDaemon::start(&folder, &url, &[]).await;
        if point.0 == Point::Sending {
            // Nobody asks again, and no wallet is unlocked: what was signed is sent by the daemon alone.
            while balance(&server, FRIEND).await == U256::from(paid * amount) {
                tokio::task::yield_now().await;
            }
        }
        again.unlock("miner").await;
        let view = settled(&again, &key, &body).await;
        paid += 1;
        assert_eq!((&view["state"], &view["nonce"]), (&json!("settled"), &json!(paid - 1)), "{point:?}");
        assert_eq!(balance(&server, FRIEND).await, U256::from(paid * amount), "{point:?}");
        assert_eq!(nonce(&server, miner).await, format!("{paid:#x}"), "{point:?}");
        again.kill().await;
    }
    server.stop().await;
}
