//! The second factor: the code that a sign-in waits for, and the authenticator app that an account sets up or turns off.
#![expect(unreachable_pub, reason = "the macro `component` makes what it generates public")]

use leptos::prelude::*;
use shared::Address;
use shared::api::second_factor::{CODE_MAX_CHARS, SecondFactorView};
use shared::id::SessionId;

use super::Told;
use crate::components::facts::{InfoRow, Section};
use crate::components::notice::Notice;
use crate::components::status::Tone;
use crate::components::value::{AddressValue, Age};
use crate::pages::load::PageTitle;
use crate::text::account::second_factor as words;

/// The wallet has signed in, and the session does nothing before a code.
#[component]
pub(super) fn CodePart(address: Address, session: SessionId) -> impl IntoView {
    view! {
        <PageTitle name=words::ASKED_TITLE fact=words::ASKED_FACT />
        <section class="section">
            <dl class="info">
                <InfoRow name=words::ACCOUNT>
                    <AddressValue address full=true />
                </InfoRow>
            </dl>
            <form class="form" id="give-code">
                <CodeField id="code" help=words::CODE_HELP />
                <div class="actions">
                    <button type="submit" class="button">
                        {words::GIVE}
                    </button>
                    <button type="button" class="button button-quiet" data-session=session.to_string()>
                        {words::NOT_NOW}
                    </button>
                </div>
            </form>
        </section>
        <Told />
        <noscript>
            <p class="section-note">{words::NEEDS_SCRIPT}</p>
        </noscript>
    }
}

/// Whether the account has a second factor, and what turns it on or off.
#[component]
pub(super) fn SecondFactorPart(factor: SecondFactorView) -> impl IntoView {
    view! {
        <Section title=words::TITLE>
            <p class="section-note">{words::NOTE}</p>
            {match factor.confirmed_at_unix_ms {
                Some(since) => view! { <TurnOff since left=factor.recovery_codes_left /> }.into_any(),
                None => view! { <TurnOn /> }.into_any(),
            }}
        </Section>
    }
}

#[component]
fn TurnOn() -> impl IntoView {
    view! {
        <div class="actions" id="factor-off">
            <button type="button" class="button button-quiet" id="begin-factor">
                {words::BEGIN}
            </button>
        </div>
        // What the script fills in: nothing here comes from a page that a cache could keep.
        <form class="form" id="confirm-factor" hidden>
            <p>{words::SCAN}</p>
            <img class="qr" id="factor-qr" alt=words::QR_LABEL />
            <p class="section-note">{words::TYPE_INSTEAD}</p>
            <pre class="raw" id="factor-secret" tabindex="0"></pre>
            <CodeField id="first-code" help=words::FIRST_CODE_HELP />
            <div class="actions">
                <button type="submit" class="button">
                    {words::CONFIRM}
                </button>
                <button type="button" class="button button-quiet" id="factor-cancel">
                    {words::CANCEL}
                </button>
            </div>
        </form>
        <div class="form" id="recovery" hidden>
            <Notice tone=Tone::Waiting title=words::RECOVERY_TITLE detail=words::RECOVERY_DETAIL />
            <pre class="raw" id="recovery-codes" tabindex="0"></pre>
            <div class="actions">
                <button type="button" class="button" id="recovery-done">
                    {words::RECOVERY_DONE}
                </button>
            </div>
        </div>
    }
}

#[component]
fn TurnOff(since: shared::time::UnixMillis, left: u32) -> impl IntoView {
    view! {
        <dl class="info" id="factor-on">
            <InfoRow name=words::ON_SINCE>
                <Age at=since />
            </InfoRow>
            <InfoRow name=words::CODES_LEFT help=words::CODES_LEFT_HELP>
                {left.to_string()}
            </InfoRow>
        </dl>
        <form class="form" id="remove-factor">
            <CodeField id="last-code" help=words::LAST_CODE_HELP />
            <div class="actions">
                <button type="submit" class="button button-quiet">
                    {words::TURN_OFF}
                </button>
            </div>
        </form>
    }
}

/// A browser offers the code of an app that it knows, and a phone its digits; a recovery code can be typed all the same.
#[component]
fn CodeField(id: &'static str, help: &'static str) -> impl IntoView {
    view! {
        <div class="field">
            <label for=id>{words::CODE}</label>
            <input
                id=id
                name="code"
                maxlength=CODE_MAX_CHARS.to_string()
                autocomplete="one-time-code"
                autocapitalize="characters"
                spellcheck="false"
                required
            />
            <span class="field-help">{help}</span>
        </div>
    }
}
