//! Who is signed in, in the head of every page.

use leptos::prelude::*;
use shared::Address;

use super::identicon::Identicon;
use crate::format::shortened;
use crate::text::account as words;

/// Where a visitor signs in, and sees sessions and keys.
pub const ACCOUNT_PATH: &str = "/account";

/// The wallet that the reader of this page is signed in with. Absent for visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedIn(pub Address);

/// The way to sign in, or the account.
#[component]
pub fn AccountLink() -> impl IntoView {
    match use_context::<SignedIn>() {
        None => view! { <a class="account-link" id="account-link" href=ACCOUNT_PATH>{words::SIGN_IN}</a> }.into_any(),
        Some(SignedIn(address)) => {
            let full = address.to_string();
            view! {
                <a class="account-link" id="account-link" href=ACCOUNT_PATH title=words::signed_in_as(&full) aria-label=words::signed_in_as(&shortened(&full))>
                    <Identicon address />
                    <code>{shortened(&full)}</code>
                </a>
            }
            .into_any()
        }
    }
}
