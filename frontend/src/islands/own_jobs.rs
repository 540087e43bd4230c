//! Names the jobs that this browser asked for, so that the server shows them, and has them ordered by meaning.

use leptos::prelude::*;

use crate::text;

/// Id of the part that shows them.
pub const OWN_JOBS: &str = "own-jobs";

/// Id of the jobs themselves, in their order; part of [`OWN_JOBS`].
pub const GALLERY: &str = "gallery";

/// Ids of the form that orders them by meaning, of its field, and of what is said about it.
pub const SEARCH: &str = "meaning-search";
pub const SEARCH_FIELD: &str = "meaning";
pub const SEARCH_STATUS: &str = "meaning-status";

/// Attribute of the form: how far the search is.
pub const SEARCH_PHASE: &str = "data-phase";

/// Jobs that are remembered, newest first.
pub const REMEMBERED: usize = 50;

#[island]
pub fn OwnJobs() -> impl IntoView {
    let any = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        crate::browser::meaning_search::start();
        show(any);
    });
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
    any.set(!crate::browser::own_jobs::list().is_empty());
    leptos::task::spawn_local(async move {
        // Without an answer the page goes on saying what it needs.
        let _ = crate::browser::own_jobs::show(OWN_JOBS).await;
    });
}
