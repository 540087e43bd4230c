//! Keeps parts of a page current: they are fetched again at every new block and every few seconds. While the server does not
//! answer, the page says so.

use leptos::prelude::*;

#[island]
pub fn LiveParts(
    /// The page that shows the same parts.
    path: String,
    /// Their ids.
    parts: Vec<String>,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        use std::cell::Cell;
        use std::rc::Rc;

        use crate::browser::fragments;
        use crate::{components::notice::NOT_CURRENT, format, text};

        /// Jobs and miners change without a block.
        const REFRESH_MS: i32 = 5_000;

        let (path, parts) = (path.clone(), parts.clone());
        let last_answer = Rc::new(Cell::new(format::now()));
        let refresh = move || {
            let (path, parts, last_answer) = (path.clone(), parts.clone(), Rc::clone(&last_answer));
            leptos::task::spawn_local(async move {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                match fragments::refresh(&path, &parts).await {
                    None => {}
                    Some(true) => {
                        last_answer.set(format::now());
                        fragments::say(NOT_CURRENT, "");
                    }
                    Some(false) => {
                        let at = format::clock(last_answer.get().seconds());
                        fragments::say(NOT_CURRENT, &text::common::not_current(&at));
                    }
                }
            });
        };
        crate::browser::heads::watch(refresh.clone());
        crate::browser::every(REFRESH_MS, refresh);
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (path, parts);
}
