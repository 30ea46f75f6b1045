//! Photos of damage: the inputs of the receiving form, and the picture on the pages that show one.

use leptos::prelude::*;
use store::documents::Document;

use super::entry::{key, name};
use super::lines::Shown;
use crate::ui::field::field_note;
use crate::ui::tone::Tone;

/// What may be chosen; the door for files looks at the content.
const ACCEPT: &str = ".png,.jpg,.jpeg";

/// The photo of a row: the one that is attached, to be left out again by its tick, and the input for one.
pub(super) fn inputs(shown: &Shown<'_>, row: usize, what: &str) -> AnyView {
    let (id, wrong) = (key(row, "photo"), shown.wrong(row, "photo"));
    let document = shown.value(row, "document", String::new());
    let is_attached = !document.is_empty();
    let attached = is_attached.then(|| {
        let called = shown.value(row, "document_name", String::new());
        view! {
            <span class="attached">
                <label class="check"><input type="checkbox" name=name(row, "document") value=document.clone() checked/><span>"Attached"</span></label>
                <a href=format!("/documents/{document}")>{called.clone()}</a>
                <input type="hidden" name=name(row, "document_name") value=called/>
            </span>
        }
    });
    let invalid = (!wrong.is_empty()).then_some("true");
    let is_open = is_attached || !wrong.is_empty();
    let notes = wrong.into_iter().map(|words| field_note(Tone::Crit, words, None)).collect_view();
    view! {
        <details class="photo-field" open=is_open>
            <summary>"Photo of damage"<span class="visually-hidden">{format!(", {what}")}</span></summary>
            {attached}
            <input class="input" type="file" id=id name=name(row, "photo") accept=ACCEPT aria-label=format!("Photo of the damage, {what}") aria-invalid=invalid/>
            {notes}
        </details>
    }
    .into_any()
}

/// A photo, small, with the way to all of it.
pub(crate) fn picture(photo: &Document, of: &str) -> AnyView {
    let href = format!("/documents/{}", photo.document_id);
    let source = href.clone();
    let words = format!("Photo of the damage to {of}: {}", photo.name);
    view! { <a class="photo" href=href download=photo.download_name()><img src=source alt=words loading="lazy" decoding="async"/></a> }
        .into_any()
}
