//! Copy buttons beside identifiers. They are hidden by the stylesheet until [`CopyIds`] wakes and says that it can copy.

use leptos::prelude::*;

use super::sprite::icon;

/// A button that copies `text`; `what` names it for screen readers: `Copy order number`.
pub fn copy_button(text: impl Into<String>, what: &str) -> AnyView {
    let text: String = text.into();
    view! { <button class="copy" type="button" data-copy=text aria-label=format!("Copy {what}")>{icon("i-copy")}</button> }.into_any()
}

/// One island for all copy buttons of a page: a single listener on the document.
#[island]
pub fn CopyIds() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| listen());
    view! { <span class="visually-hidden" role="status" data-island="copy"></span> }
}

#[cfg(feature = "hydrate")]
fn listen() {
    use wasm_bindgen::JsCast;
    use wasm_bindgen::prelude::Closure;
    use web_sys::{Element, Event};

    let document = leptos::prelude::document();
    let Some(root) = document.document_element() else { return };
    if root.has_attribute("data-copies") {
        return; // a page that came without a reload: the listener is there already
    }
    let clicked = Closure::<dyn Fn(Event)>::new(move |event: Event| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(button) = target.and_then(|target| target.closest("[data-copy]").ok().flatten()) else { return };
        let Some(text) = button.get_attribute("data-copy") else { return };
        let _ = leptos::prelude::window().navigator().clipboard().write_text(&text);
        let _ = button.set_attribute("data-copied", "");
        if let Ok(Some(status)) = leptos::prelude::document().query_selector("[data-island=copy]") {
            status.set_text_content(Some(&format!("Copied {text}")));
        }
    });
    let _ = document.add_event_listener_with_callback("click", clicked.as_ref().unchecked_ref());
    clicked.forget(); // lives as long as the page
    let _ = root.set_attribute("data-copies", "");
}
