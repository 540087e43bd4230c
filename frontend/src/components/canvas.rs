//! The picture, its frame and the words under it.

use leptos::prelude::*;

/// A picture in its frame. The frame keeps its size whatever is inside, so nothing shifts when the picture arrives.
#[component]
pub fn Canvas<C>(
    /// Address of the picture; the frame shows its grid while there is none.
    #[prop(into)]
    source: Signal<Option<String>>,
    #[prop(into)] alternative: Signal<String>,
    /// A word in the corner, such as the step of a preview.
    #[prop(into)]
    word: Signal<Option<String>>,
    /// Done and whole, while something runs.
    #[prop(into)]
    progress: Signal<Option<(u32, u32)>>,
    #[prop(optional)] id: Option<&'static str>,
    children: TypedChildren<C>,
) -> impl IntoView
where
    C: IntoView + 'static,
{
    view! {
        <figure class="canvas">
            <div class="canvas-frame" data-preview=move || progress.get().map(|_| "")>
                {move || source.get().map(|source| view! { <img id=id src=source alt=alternative.get() width="512" height="512" fetchpriority="high" /> })}
                {move || word.get().map(|word| view! { <span class="canvas-word">{word}</span> })}
                {move || {
                    progress
                        .get()
                        .map(|(done, whole)| {
                            view! {
                                <progress
                                    class="progress canvas-progress"
                                    aria-label=crate::text::job::PROGRESS
                                    value=done.to_string()
                                    max=whole.max(1).to_string()
                                ></progress>
                            }
                        })
                }}
            </div>
            <figcaption>{children.into_inner()()}</figcaption>
        </figure>
    }
}
