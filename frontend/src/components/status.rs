//! Shows states as a shape with a word.

use leptos::prelude::*;
use shared::api::receipts::SettlementState;
use shared::job::lifecycle::JobState;

use super::icon::{Glyph, Icon};
use crate::text;

/// The colour and shape of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Waiting,
    Running,
    Done,
    Refused,
}

impl Tone {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    pub const fn glyph(self) -> Glyph {
        match self {
            Self::Plain => Glyph::Note,
            Self::Waiting => Glyph::Clock,
            Self::Running => Glyph::Dot,
            Self::Done => Glyph::Check,
            Self::Refused => Glyph::Cross,
        }
    }

    pub const fn of_job(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Waiting,
            JobState::Running | JobState::Verifying => Self::Running,
            JobState::Completed => Self::Done,
            JobState::Failed | JobState::Expired => Self::Refused,
            JobState::Canceled => Self::Plain,
        }
    }

    pub const fn of_settlement(state: SettlementState) -> Self {
        match state {
            SettlementState::Pending => Self::Waiting,
            SettlementState::Submitted => Self::Running,
            SettlementState::Minted | SettlementState::Settled => Self::Done,
            SettlementState::Refused => Self::Refused,
        }
    }
}

/// A state in one word.
#[component]
pub fn StatusPill(tone: Tone, #[prop(into)] word: String) -> impl IntoView {
    view! {
        <span class="pill" data-tone=tone.as_str()>
            <Icon glyph=tone.glyph() />
            {word}
        </span>
    }
}

#[component]
pub fn JobPill(state: JobState) -> impl IntoView {
    view! { <StatusPill tone=Tone::of_job(state) word=text::job::state(state) /> }
}

#[component]
pub fn SettlementPill(state: SettlementState) -> impl IntoView {
    view! { <StatusPill tone=Tone::of_settlement(state) word=text::receipt::settlement(state) /> }
}
