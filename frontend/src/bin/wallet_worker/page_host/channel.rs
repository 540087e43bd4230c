//! What the workers of several tabs tell each other. No message holds a secret, and none can unlock anything.

use wallet::session::Session;
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::browser::now;
use crate::vault;

const NAME: &str = "aitbc-wallet";

const LOCK: &str = "lock";
const CHANGED: &str = "changed";
const USED: &str = "used";

thread_local! {
    static CHANNEL: Option<BroadcastChannel> = BroadcastChannel::new(NAME).ok();
}

pub(crate) fn listen() {
    let on_message =
        Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| match event.data().as_string().as_deref() {
            Some(LOCK) => lock_here(),
            // Who changes the wallets uses them.
            Some(CHANGED) => {
                used_elsewhere();
                super::tell_changed();
            }
            Some(USED) => used_elsewhere(),
            _ => {}
        });
    CHANNEL.with(|channel| {
        if let Some(channel) = channel {
            channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        }
    });
    on_message.forget();
}

/// The time until the lock is one for all tabs.
fn used_elsewhere() {
    // What is locked by now stays so, even where no timer has looked yet.
    vault::expire();
    vault::with_session(|session| session.used(now()));
}

fn lock_here() {
    vault::with_session(Session::lock);
    super::tell_changed();
}

pub(crate) fn tell_lock() {
    tell(LOCK);
}

pub(crate) fn tell_changed() {
    tell(CHANGED);
}

pub(crate) fn tell_used() {
    tell(USED);
}

fn tell(what: &str) {
    CHANNEL.with(|channel| {
        if let Some(channel) = channel {
            // A text can always be posted.
            let _ = channel.post_message(&JsValue::from_str(what));
        }
    });
}
