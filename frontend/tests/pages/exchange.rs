//! The exchange's pages: what everybody sees, and what only the account that is signed in does.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::account::signed_in;
use super::exchange_fixture::{DOLLAR, Exchange, KEY};
use super::fixture::Fixture;
use super::{Rendered, render, render_with, without_attributes};

const MARKET: &str = "/exchange/AIT-tUSD";

async fn render_market(exchange: Exchange) -> Rendered {
    render_with(Fixture { exchange, ..Fixture::default() }, MARKET, "").await
}

async fn render_as_trader(exchange: Exchange) -> String {
    render_with(Fixture { exchange, ..signed_in() }, MARKET, "").await.html
}

#[tokio::test]
async fn the_exchange_leads_to_its_first_market_and_says_where_there_is_none() {
    let page = render("/exchange").await;
    assert_eq!((page.status, page.location.as_deref()), (StatusCode::FOUND, Some(MARKET)));
    let at = |exchange| async move { render_with(Fixture { exchange, ..Fixture::default() }, "/exchange", "").await };
    let absent = at(Exchange { absent: true, ..Exchange::default() }).await;
    assert_eq!(absent.status, StatusCode::OK);
    assert!(absent.html.contains("This server runs no exchange"));
    let unlisted = at(Exchange { view: json!({"markets": []}), ..Exchange::default() }).await;
    assert!(unlisted.html.contains("No market yet"));
    assert_eq!(render("/exchange/AIT-GOLD").await.status, StatusCode::NOT_FOUND);
    assert_eq!(render_market(Exchange { absent: true, ..Exchange::default() }).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_reader_without_script_sees_book_trades_and_prices() {
    let html = render(MARKET).await.html;
    let ladder = html.split("id=\"ladder\"").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(ladder.matches("data-side=\"sell\"").count(), 10, "the ladder shows the best levels");
    assert_eq!(ladder.matches("data-side=\"buy\"").count(), 7);
    let place = |price: &str| ladder.find(&format!("<td>{price}</td>")).unwrap();
    assert!(place("0.224") < place("0.223") && place("0.223") < place("0.221"), "the best prices meet in the middle");
    assert!(ladder.contains("11.750"), "amounts add up from the best price on");
    for told in
        ["matched", "final", "void", "/explorer/transactions/0x0909", "+2.30 %", "1\u{202f}834.25", "AIT, in 61 trades"]
    {
        assert!(html.contains(told), "{told}");
    }
    assert!(html.contains("<svg") && html.contains("class=\"rises\"") && html.contains("class=\"falls\""));
    assert!(html.contains("data-testid=\"candles\""), "the numbers of the chart stand beside it");
    let five = render(&format!("{MARKET}?interval=5m")).await.html;
    assert!(five.contains("interval=5m\" aria-current=\"page\""), "the chosen interval is marked");
}

#[tokio::test]
async fn an_untouched_market_says_what_will_be_there() {
    let html = render_market(Exchange { untouched: true, ..Exchange::default() }).await.html;
    for told in ["Nobody sells yet", "Nobody buys yet", "No trade yet", "The first trade begins the chart"] {
        assert!(html.contains(told), "{told}");
    }
    for invented in ["<polyline", "class=\"rises\"", "0.000 tUSD"] {
        assert!(!html.contains(invented), "{invented}");
    }
}

#[tokio::test]
async fn what_is_worth_nothing_and_what_stands_still_is_said_on_top() {
    let html = render(MARKET).await.html;
    assert!(html.contains("tUSD is Worthless Test Dollar"));
    for absent in ["paused", "No orders are taken", "market-maker"] {
        assert!(!html.contains(absent), "{absent}");
    }
    let view = json!({"is_paused": true, "fault": "the journal’s disk is full",
        "reconciliation": {"accounts": 2, "differing": 1, "difference": "one account differs by 5 tUSD"}});
    let html = render_market(Exchange { view, ..Exchange::default() }).await.html;
    for told in ["settlement are paused", "No orders are taken now", "disk is full", "one account differs by 5 tUSD"] {
        assert!(html.contains(told), "{told}");
    }
}

#[tokio::test]
async fn the_operators_market_maker_is_named_by_its_account() {
    let maker = shared::Address::repeat_byte(0x3a);
    let view = json!({"market_maker": maker});
    let html = render_market(Exchange { view, ..Exchange::default() }).await.html;
    let note = html.split("data-testid=\"market-maker\"").nth(1).expect("the note");
    let note = &note[..note.find("</p>").unwrap()];
    assert!(note.contains(&format!("/explorer/addresses/{maker}")), "{note}");
    assert!(note.contains("market maker of this development chain") && note.contains("worthless money"), "{note}");
}

#[tokio::test]
async fn an_order_says_what_it_waits_for_and_how_it_ended() {
    let html = render_as_trader(Exchange::default()).await;
    let row = |mark: &str| {
        let row = html.split(mark).nth(1).unwrap_or_else(|| panic!("{mark} is missing"));
        row[..row.find("</tr>").unwrap()].to_owned()
    };
    let [plain, waiting, past] = ["data-order=\"12\"", "data-order=\"13\"", "data-past-order=\"9\""].map(row);
    assert!(!plain.contains("order-trigger") && plain.contains("data-reduce=\"12\""), "{plain}");
    assert!(waiting.contains("stop") && waiting.contains("waits for 0.21 or below"), "{waiting}");
    assert!(past.contains("triggered at 0.21") && past.contains("nothing more could be had"), "{past}");
    let unreached = row("data-past-order=\"8\"");
    assert!(unreached.contains("waited for 0.21 or below") && !unreached.contains("waits for"), "{unreached}");
    for list in ["orders", "fills"] {
        assert!(html.contains(&format!("/api/exchange/csv/{list}?account=0x")), "{list}");
    }
    let open = html.split("id=\"trader-orders\"").nth(1).unwrap().split("id=\"reduce\"").next().unwrap();
    assert!(open.contains("&amp;state=open\""), "the open orders have a file of their own: {open}");
    assert!(html.contains("id=\"reduce\"") && html.contains("value=\"AT_OR_ABOVE\""));
}

#[tokio::test]
async fn a_list_that_goes_on_says_so() {
    let account = json!({"open_orders": 163});
    let html = render_as_trader(Exchange { has_older: true, account, ..Exchange::default() }).await;
    for told in ["newest 2 of 163", "These are the newest 2. The file", "The API lists all of them"] {
        assert!(html.contains(told), "{told}");
    }
    assert_eq!(html.matches("data-older").count(), 4, "orders, earlier ones, trades and withdrawals");
    let whole = render_as_trader(Exchange::default()).await;
    assert!(!whole.contains("data-older") && !whole.contains("These are the newest"));
}

#[tokio::test]
async fn a_visitor_reads_and_is_asked_to_sign_in_before_trading() {
    let html = render(MARKET).await.html;
    assert!(html.contains("href=\"/account?next=%2Fexchange%2FAIT-tUSD\""));
    for of_traders in ["id=\"order-sign\"", "id=\"move\"", "data-cancel=", "data-exit=", "data-share="] {
        assert!(!html.contains(of_traders), "{of_traders}");
    }
    assert!(html.contains("needs JavaScript"), "who has no script is told");
}

#[tokio::test]
async fn a_trader_sees_balances_orders_fills_and_the_way_out() {
    let html = render_as_trader(Exchange::default()).await;
    let cancel = "aria-label=\"Cancel the order: Sell 25.000 at 0.250\"";
    let faucet = format!("data-faucet=\"{DOLLAR:#x}\"");
    for told in [
        "id=\"order-sign\"",
        "id=\"deposit\"",
        "id=\"withdraw\"",
        cancel,
        &faucet,
        "data-exit=\"request\"",
        "wait 60 minutes",
        "5 tUSD",
        "sent behind the trades",
        "0.0125 AIT",
        "data-fill=\"3\"",
    ] {
        assert!(html.contains(told), "{told}");
    }
    assert!(!html.contains("sign-in-to-trade"));
    let empty = render_as_trader(Exchange { untouched: true, ..Exchange::default() }).await;
    for told in ["No open order", "No trade of yours yet", "Nothing is deposited yet"] {
        assert!(empty.contains(told), "{told}");
    }
    assert!(!html.contains("Nothing is deposited yet"));
}

#[tokio::test]
async fn who_leaves_sees_when_and_then_takes_everything() {
    let requested = json!({"exit": "requested", "exit_at": 1_795_229_600});
    let html = render_as_trader(Exchange { account: requested, ..Exchange::default() }).await;
    assert!(html.contains("From 2026-11-21 02:53:20 UTC on") && html.contains("data-exit=\"cancel\""));
    assert!(!html.contains("data-exit=\"take\"") && !html.contains("data-exit=\"request\""));
    let ready = json!({"exit": "ready", "exit_at": 1_795_229_600});
    let html = render_as_trader(Exchange { account: ready, ..Exchange::default() }).await;
    assert!(html.contains("Take out 100 AIT") && html.contains("Take out 9\u{202f}871 tUSD"));
}

#[tokio::test]
async fn a_trader_sees_its_keys_and_takes_back_only_those_that_still_sign() {
    let html = render_as_trader(Exchange::default()).await;
    let keys = html.split("id=\"trader-keys\"").nth(1).unwrap().split("id=\"keys\"").next().unwrap();
    assert_eq!(keys.matches("data-trading-key=").count(), 3);
    let key = format!("data-revoke-key=\"{KEY:#x}\"");
    assert!(keys.contains(&key) && keys.matches("data-revoke-key=").count() == 1, "{keys}");
    for word in ["active", "revoked", "expired"] {
        assert!(keys.contains(word), "{word}");
    }
    assert!(html.contains("data-by-key"), "an order says that a key signed it");
    let empty = render_as_trader(Exchange { untouched: true, ..Exchange::default() }).await;
    assert!(empty.contains("No other key signs orders for you") && !empty.contains("data-revoke-key="));
    let visitor = render(MARKET).await.html;
    assert!(!visitor.contains("key-address"));
}

#[tokio::test]
async fn what_others_say_stays_text() {
    let hostile = "<script>alert(1)</script>";
    let fill = json!({"state": "void", "reason": hostile});
    let view = json!({"fault": hostile});
    let html = render_as_trader(Exchange { fill, view, ..Exchange::default() }).await;
    assert!(html.contains("&lt;script&gt;alert(1)") && !without_attributes(&html).contains("<script>alert"));
}

#[tokio::test]
async fn the_scripts_find_the_market_the_trader_and_every_word_in_the_page() {
    let facts = |html: &str| -> Value {
        let text = html.split("data-facts=\"").nth(1).unwrap().split('"').next().unwrap();
        let text = text.replace("&quot;", "\"").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">");
        serde_json::from_str(&text.replace("&amp;", "&")).unwrap()
    };
    let visitor = facts(&render(MARKET).await.html);
    assert_eq!(visitor["trader"], Value::Null);
    assert_eq!(visitor["market"]["id"], "AIT-tUSD");
    assert_eq!((&visitor["pricePlaces"], &visitor["amountPlaces"]), (&json!(3), &json!(3)));
    let trader = facts(&render_as_trader(Exchange::default()).await);
    assert_eq!(trader["trader"], json!(super::account::ME));
    let dollar = format!("{DOLLAR:#x}");
    assert_eq!(trader["assets"][1]["address"], dollar.as_str(), "the scripts compare addresses as texts");
    let said = std::fs::read_dir("../public/trading").unwrap().map(|entry| entry.unwrap().path());
    let mut words_used = 0;
    for path in said.chain([std::path::PathBuf::from("../public/exchange.js")]) {
        let source = std::fs::read_to_string(&path).unwrap();
        for name in source.split("words.").skip(1) {
            let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
            // The end of a sentence in a comment.
            if name.is_empty() {
                continue;
            }
            assert!(trader["words"][&name].is_string(), "{}: the page has no word `{name}`", path.display());
            words_used += 1;
        }
    }
    assert!(words_used > 30, "only {words_used} words are used");
}
