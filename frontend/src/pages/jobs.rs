//! The jobs of this browser.

use leptos::prelude::*;

use super::load::PageTitle;
use crate::islands::own_jobs::OwnJobs;
use crate::text::job as words;

#[component]
pub fn JobsPage() -> impl IntoView {
    view! {
        <PageTitle name=words::MINE_TITLE fact=words::MINE_FACT />
        <OwnJobs />
    }
}
