//! Addresses that wallets and other tools build by themselves (EIP-3091), and those of the product's earlier names.
//!
//! EIP-3091 names `/block/…`, `/tx/…`, `/address/…` and `/token/…` below an explorer's address, here the site's root.

use std::str::FromStr;

use axum::Router;
use axum::extract::Path;
use axum::response::Redirect;
use axum::routing::get;
use shared::{Address, B256};

pub(super) fn router() -> Router {
    Router::new()
        .route("/block/{block}", get(|Path(block): Path<String>| async move { block_page(&block) }))
        .route("/tx/{hash}", get(|Path(hash): Path<String>| async move { page::<B256>("transactions", &hash) }))
        .route(
            "/address/{address}",
            get(|Path(address): Path<String>| async move { page::<Address>("addresses", &address) }),
        )
        .route(
            "/token/{address}",
            get(|Path(address): Path<String>| async move { page::<Address>("tokens", &address) }),
        )
        .route("/Exchange", get(|| async { Redirect::permanent("/exchange") }))
        .route("/BrowserWallet", get(|| async { Redirect::permanent("/wallet") }))
        .route("/Marketplace", get(|| async { Redirect::permanent("/miners") }))
        .route("/marketplace", get(|| async { Redirect::permanent("/miners") }))
}

fn block_page(block: &str) -> Redirect {
    match block.parse::<u64>() {
        Ok(number) => Redirect::permanent(&format!("/explorer/blocks/{number}")),
        Err(_) => page::<B256>("blocks", block),
    }
}

/// The explorer's page of one thing. What cannot be read as one goes to the search, which says what it understands; its
/// text is not passed on, since it may be anything.
fn page<T: FromStr + ToString>(list: &str, text: &str) -> Redirect {
    match text.parse::<T>() {
        Ok(thing) => Redirect::permanent(&format!("/explorer/{list}/{}", thing.to_string())),
        Err(_) => Redirect::temporary("/explorer/search"),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode, header};
    use tower::ServiceExt as _;

    use super::*;

    async fn leads_to(path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router().oneshot(request).await.unwrap();
        (answer.status(), answer.headers()[header::LOCATION].to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn the_addresses_of_eip_3091_lead_to_the_explorer() {
        let hash = format!("0x{}", "ab".repeat(32));
        let address = "0x0000000000000000000000000000000000A17001".parse::<Address>().unwrap();
        for (path, page) in [
            ("/block/7".to_owned(), "/explorer/blocks/7".to_owned()),
            (format!("/block/{hash}"), format!("/explorer/blocks/{hash}")),
            (format!("/tx/{hash}"), format!("/explorer/transactions/{hash}")),
            (format!("/address/{address}"), format!("/explorer/addresses/{address}")),
            (format!("/token/{address}"), format!("/explorer/tokens/{address}")),
        ] {
            assert_eq!(leads_to(&path).await, (StatusCode::PERMANENT_REDIRECT, page), "{path}");
        }
    }

    #[tokio::test]
    async fn names_of_earlier_pages_lead_to_the_pages_of_today() {
        for (path, page) in [
            ("/Exchange", "/exchange"),
            ("/BrowserWallet", "/wallet"),
            ("/Marketplace", "/miners"),
            ("/marketplace", "/miners"),
        ] {
            assert_eq!(leads_to(path).await, (StatusCode::PERMANENT_REDIRECT, page.to_owned()), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_no_address_leads_to_the_search_and_never_elsewhere() {
        for path in
            ["/tx/1", "/block/-1", "/block/latest", "/address/%2F%2Fevil.example", "/token/%0d%0aset-cookie:%20a=b"]
        {
            assert_eq!(leads_to(path).await, (StatusCode::TEMPORARY_REDIRECT, "/explorer/search".to_owned()), "{path}");
        }
    }
}
