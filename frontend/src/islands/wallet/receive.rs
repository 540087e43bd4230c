//! The address to be paid at, as text and as a QR code.

use leptos::prelude::*;
use shared::Address;
use wallet::protocol::{QrCode, Reply, Request};

use super::store::Wallet;
use crate::components::identicon::Identicon;
use crate::components::value::CodeValue;
use crate::text::{common, wallet as words};

/// White fields around a QR code, which scanners need.
const BORDER: u32 = 4;

#[component]
pub(super) fn Receive(wallet: Wallet) -> impl IntoView {
    let shown = Memo::new(move |_| wallet.shown());
    move || {
        shown.get().map(|(view, account)| {
            view! {
                <section class="sheet receive">
                    <Qr wallet address=account.address />
                    <div class="form">
                        <div class="sheet-head">
                            <h2>{words::RECEIVE_TITLE}</h2>
                            <p class="section-note">{words::RECEIVE_DETAIL}</p>
                        </div>
                        <div class="account-name">
                            <Identicon address=account.address large=true />
                            <div class="sheet-head">
                                <strong>{view.name} " · " {words::account(account.index)}</strong>
                                <span id="wallet-receive">
                                    <CodeValue value=account.address.to_string() what=common::ADDRESS />
                                </span>
                            </div>
                        </div>
                        <p class="section-note">{words::RECEIVE_CHAIN}</p>
                    </div>
                </section>
            }
        })
    }
}

#[component]
fn Qr(wallet: Wallet, address: Address) -> impl IntoView {
    let code = RwSignal::new(None::<QrCode>);
    Effect::new(move |_| {
        wallet.look(Request::QrCode { text: address.to_string() }, move |answer| {
            // Without a code the address itself is still there.
            if let Ok(Reply::QrCode(made)) = answer {
                let _ = code.try_set(Some(made));
            }
        });
    });
    let drawn = move || {
        code.get().map(|QrCode { side, path }| {
            let whole = side + 2 * BORDER;
            view! {
                <svg viewBox=format!("-{BORDER} -{BORDER} {whole} {whole}") role="img" aria-label=words::QR_LABEL shape-rendering="crispEdges" id="wallet-qr" data-side=side.to_string()>
                    <path d=path />
                </svg>
            }
        })
    };
    view! { <div class="qr">{drawn}</div> }
}
