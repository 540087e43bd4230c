//! The product's own line icons, drawn on 16 × 16 with a stroke of 1.5.

use leptos::prelude::*;

/// What an icon says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyph {
    Check,
    Chevron,
    Clock,
    Copy,
    Cpu,
    Cross,
    Dot,
    Layers,
    Moon,
    Note,
    Search,
    Sun,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Check => "M3 8.5l3.2 3.2L13 4.8",
            Self::Chevron => "M6 3.5L10.5 8 6 12.5",
            Self::Clock => "M8 1.75a6.25 6.25 0 100 12.5 6.25 6.25 0 000-12.5M8 4.5V8l2.4 1.6",
            Self::Copy => "M5.5 5.5h7.75v7.75H5.5zM10.5 5.5V2.75H2.75v7.75H5.5",
            Self::Cpu => {
                "M4 4h8v8H4zM6.5 6.5h3v3h-3zM6 1.5V4M10 1.5V4M6 12v2.5M10 12v2.5M1.5 6H4M1.5 10H4M12 6h2.5M12 10h2.5"
            }
            Self::Cross => "M4 4l8 8M12 4l-8 8",
            Self::Dot => "M8 5.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5",
            Self::Layers => "M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
            Self::Moon => "M13.5 9.6A5.9 5.9 0 016.4 2.5a5.9 5.9 0 107.1 7.1z",
            Self::Note => "M8 1.75a6.25 6.25 0 100 12.5 6.25 6.25 0 000-12.5M8 7.25v4M8 4.75v.01",
            Self::Search => "M7 2.25a4.75 4.75 0 100 9.5 4.75 4.75 0 000-9.5M10.5 10.5l3.5 3.5",
            Self::Sun => {
                "M8 5a3 3 0 100 6 3 3 0 000-6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3.05 3.05l1.06 1.06M11.9 11.9l1.05 1.05M12.95 3.05L11.9 4.11M4.1 11.9l-1.05 1.05"
            }
        }
    }
}

/// An icon beside a word. It is decoration, so screen readers skip it.
#[component]
pub fn Icon(glyph: Glyph) -> impl IntoView {
    view! {
        <svg
            viewBox="0 0 16 16"
            width="16"
            height="16"
            fill="none"
            stroke="currentColor"
            stroke-width="1.5"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=glyph.path() />
        </svg>
    }
}

/// The product's logo: five stops on a line, the last one not filled yet.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg viewBox="0 0 34 12" width="34" height="12" fill="none" aria-hidden="true">
            <path d="M3 6h21" stroke="var(--accent)" stroke-width="1.5" />
            <path d="M26 6h3" stroke="var(--line-strong)" stroke-width="1.5" stroke-dasharray="1.5 1.5" />
            <g fill="var(--accent)">
                <circle cx="3" cy="6" r="2.75" />
                <circle cx="10" cy="6" r="2.75" />
                <circle cx="17" cy="6" r="2.75" />
                <circle cx="24" cy="6" r="2.75" />
            </g>
            <circle cx="31" cy="6" r="2.25" stroke="var(--text)" stroke-width="1.25" />
        </svg>
    }
}
