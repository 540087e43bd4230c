//! The switch between the light and the dark theme. It also starts the listeners of the whole document.

use leptos::prelude::*;

use crate::components::icon::{Glyph, Icon};
use crate::text;

#[island]
pub fn PageTools() -> impl IntoView {
    let copied = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        crate::browser::tools::start(move || {
            copied.set(true);
            crate::browser::after(1_500, move || copied.set(false));
        });
    });
    let switch = move |_| {
        #[cfg(feature = "hydrate")]
        crate::browser::tools::switch_theme();
    };
    view! {
        <button type="button" class="icon-button" id="theme" on:click=switch aria-label=text::common::THEME title=text::common::THEME>
            <span class="theme-light">
                <Icon glyph=Glyph::Moon />
            </span>
            <span class="theme-dark">
                <Icon glyph=Glyph::Sun />
            </span>
        </button>
        <span class="visually-hidden" role="status">
            {move || copied.get().then_some(text::common::COPIED)}
        </span>
    }
}
