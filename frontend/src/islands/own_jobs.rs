//! Names the jobs that this browser asked for, so that the server shows them.

use leptos::prelude::*;

use crate::text;

/// Id of the part that shows them.
pub const OWN_JOBS: &str = "own-jobs";

/// Jobs that are remembered, newest first.
pub const REMEMBERED: usize = 50;

#[island]
pub fn OwnJobs() -> impl IntoView {
    let any = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| show(any));
    let forget = move |_| {
        #[cfg(feature = "hydrate")]
        {
            crate::browser::own_jobs::forget_all();
            show(any);
        }
    };
    view! {
        <p class="actions own-jobs-actions" hidden=move || !any.get()>
            <button type="button" class="button button-quiet button-small" on:click=forget>
                {text::job::FORGET}
            </button>
        </p>
    }
}

#[cfg(feature = "hydrate")]
fn show(any: RwSignal<bool>) {
    let ids: Vec<String> = crate::browser::own_jobs::list().iter().map(ToString::to_string).collect();
    any.set(!ids.is_empty());
    // A list without jobs is named as well: an empty name would not tell it from no list.
    let ids = if ids.is_empty() { "none".to_owned() } else { ids.join(",") };
    leptos::task::spawn_local(async move {
        crate::browser::fragments::refresh(&format!("/jobs?ids={ids}"), &[OWN_JOBS]).await;
    });
}
