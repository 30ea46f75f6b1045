//! Status in a few words: the tag (answer), the sync badge (what another system said) and the stamp (a document number).
//! They stay apart on purpose, see UX §7: an answer, its transmission and the goods are three axes.

use leptos::prelude::*;

use super::sprite::symbol;
use super::tone::Tone;

/// Shape and words. `warn`, `crit` and `hold` get a ground, the rest stays quiet.
pub fn tag(tone: Tone, words: impl Into<String>) -> AnyView {
    let words: String = words.into();
    view! { <span class="tag" data-tone=tone.as_str()>{symbol(tone.shape(), "shape")}{words}</span> }.into_any()
}

/// The same without a ground, for worklists in which every row has the same tone.
pub fn plain_tag(tone: Tone, words: impl Into<String>) -> AnyView {
    let words: String = words.into();
    view! { <span class="tag plain" data-tone=tone.as_str()>{symbol(tone.shape(), "shape")}{words}</span> }.into_any()
}

/// What another system said: smaller than a tag and never filled.
pub fn sync_badge(tone: Tone, words: impl IntoView + 'static) -> AnyView {
    view! { <span class="sync" data-tone=tone.as_str()>{symbol(tone.shape(), "shape")}<span>{words.into_any()}</span></span> }.into_any()
}

/// A document number as printed on a waybill; a link where there is something behind it.
pub fn stamp(number: impl Into<String>, href: Option<String>) -> AnyView {
    let number: String = number.into();
    match href {
        Some(href) => view! { <a class="stamp" href=href>{number}</a> }.into_any(),
        None => view! { <span class="stamp">{number}</span> }.into_any(),
    }
}

/// An identifier in the mono face.
pub fn id(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    view! { <span class="id">{text}</span> }.into_any()
}
