//! Keeps parts of a page current: they are fetched again at every new block and every few seconds.

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
        /// Jobs and miners change without a block.
        const REFRESH_MS: i32 = 5_000;

        let (path, parts) = (path.clone(), parts.clone());
        let refresh = move || {
            let (path, parts) = (path.clone(), parts.clone());
            leptos::task::spawn_local(async move {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                crate::browser::fragments::refresh(&path, &parts).await;
            });
        };
        crate::browser::heads::watch(refresh.clone());
        crate::browser::every(REFRESH_MS, refresh);
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (path, parts);
}
