//! Shows the jobs of this browser: it gives the server their ids, and starts the search by meaning.

use leptos::prelude::*;

#[cfg(feature = "hydrate")]
use crate::gallery::OWN_JOBS;
use crate::text;

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
