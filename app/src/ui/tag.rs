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

/// A [`tag`] as text, for places that an island rewrites while somebody types.
pub fn tag_html(tone: Tone, words: &str) -> String {
    format!(
        r##"<span class="tag" data-tone="{}"><svg class="shape" aria-hidden="true"><use href="#{}"/></svg>{}</span>"##,
        tone.as_str(),
        tone.shape(),
        escaped(words)
    )
}

/// A note under a field as text, for the same places.
pub fn note_html(tone: Tone, words: &str) -> String {
    format!(
        r##"<span class="field-note" data-tone="{}"><svg class="shape" aria-hidden="true"><use href="#{}"/></svg><span>{}</span></span>"##,
        tone.as_str(),
        tone.shape(),
        escaped(words)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_markup() {
        let html = note_html(Tone::Warn, r#"<b>"Rhein & Guss"</b>"#);
        assert!(html.contains("&lt;b&gt;&quot;Rhein &amp; Guss&quot;&lt;/b&gt;"), "{html}");
    }
}
