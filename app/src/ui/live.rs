//! The pill that says that a page is no longer the latest: `3 changes since you opened this page · Refresh`.
//!
//! Nothing on the page moves by itself: rows under the cursor stay where they are until the reader asks. Hidden without
//! WebAssembly, and while there is nothing new. A tab that is not looked at keeps no line open, because browsers have few.

use leptos::prelude::*;

/// Listens to `/live?{watch}` and shows the pill when something happened.
#[island]
pub fn LivePill(
    /// What to listen to: `subject=<id>` or `kinds=order`.
    watch: String,
    /// Path and query of the page, for the link.
    here: String,
) -> impl IntoView {
    let (count, set_count) = signal(0_u32);
    #[cfg(feature = "hydrate")]
    Effect::new({
        let watch = watch.clone();
        move |_| listen(&watch, set_count)
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (&watch, set_count);
    let words = move || match count.get() {
        0 => String::new(),
        1 => "1 change since you opened this page · Refresh".to_owned(),
        many => format!("{many} changes since you opened this page · Refresh"),
    };
    view! {
        <p class="live" role="status" data-island="live" hidden=move || count.get() == 0>
            <a href=here>{words}</a>
        </p>
    }
}

#[cfg(feature = "hydrate")]
fn listen(watch: &str, set_count: WriteSignal<u32>) {
    use std::cell::RefCell;
    use std::rc::Rc;

    use wasm_bindgen::JsCast;
    use wasm_bindgen::prelude::Closure;
    use web_sys::{EventSource, MessageEvent};

    type Line = Rc<RefCell<Option<EventSource>>>;

    fn open(address: &str, line: &Line, heard: &Closure<dyn Fn(MessageEvent)>) {
        let Ok(source) = EventSource::new(address) else { return };
        let _ = source.add_event_listener_with_callback("news", heard.as_ref().unchecked_ref());
        if let Some(older) = line.replace(Some(source)) {
            older.close();
        }
    }

    let address = format!("/live?{watch}");
    let line: Line = Rc::default();
    let heard = Rc::new(Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let told = event.data().as_string().and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
        set_count.update(|count| *count = count.saturating_add(told));
    }));
    open(&address, &line, &heard);

    // Whoever comes back to the tab may have missed something: that is for him to see on the next refresh.
    let turned = Closure::<dyn Fn()>::new(move || {
        if document().hidden() {
            if let Some(source) = line.take() {
                source.close();
            }
        } else if line.borrow().is_none() {
            open(&address, &line, &heard);
        }
    });
    let _ = document().add_event_listener_with_callback("visibilitychange", turned.as_ref().unchecked_ref());
    turned.forget(); // lives as long as the page
}
