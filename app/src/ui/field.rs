//! Fields of forms: label above, help below, what is wrong beside the input and linked from the summary at the top.
//!
//! The words of a problem come from the domain or the form's reader; here they are only put where eyes and screen readers
//! find them: `aria-invalid`, `aria-describedby`, and a summary with `role="alert"`.

use leptos::prelude::*;

use super::sprite::symbol;
use super::tone::Tone;

/// A short note under a field, in a tone.
pub fn field_note(tone: Tone, words: impl Into<String>, id: Option<String>) -> AnyView {
    let words: String = words.into();
    view! { <span class="field-note" data-tone=tone.as_str() id=id>{symbol(tone.shape(), "shape")}<span>{words}</span></span> }.into_any()
}

/// One entry of the summary: words, and the id of the input that it leads to; an empty id where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryLine {
    /// The input's id.
    pub field: String,
    /// What is wrong and how to mend it.
    pub words: String,
}

/// What is wrong with a form, first thing after the title.
#[component]
pub fn ErrorSummary(
    /// `Nothing was sent. 1 line needs a correction`
    #[prop(into)]
    title: String,
    /// The problems.
    lines: Vec<SummaryLine>,
    /// Reference for support.
    #[prop(into)]
    correlation: String,
) -> impl IntoView {
    let lines = lines
        .into_iter()
        .map(|SummaryLine { field, words }| match field.is_empty() {
            true => view! { <p><b>{words}</b></p> }.into_any(),
            false => view! { <p><a href=format!("#{field}")>{words}</a></p> }.into_any(),
        })
        .collect_view();
    view! {
        <section class="error-summary" role="alert" aria-labelledby="err-title" tabindex="-1" autofocus>
            {symbol("s-crit", "shape")}
            <h2 id="err-title">{title}</h2>
            {lines}
            <p class="small muted">
                "What you typed is kept as a draft. Reference for support "
                <span class="id" data-correlation>{correlation.clone()}</span>
                " "
                {super::copy::copy_button(correlation, "reference")}
            </p>
        </section>
    }
}

/// A sentence about what was just done, shown once.
#[component]
pub fn Notice(
    /// The sentence.
    #[prop(into)]
    words: String,
    /// Its tone.
    #[prop(default = Tone::Ok)]
    tone: Tone,
) -> impl IntoView {
    view! { <p class="notice" role="status" data-tone=tone.as_str()>{symbol(tone.shape(), "shape")}<span>{words}</span></p> }
}

/// A labelled field; the children are the input, whose id is `id`.
#[component]
pub fn Field(
    /// The input's id.
    #[prop(into)]
    id: String,
    /// What to enter.
    #[prop(into)]
    label: String,
    /// How, below the label.
    #[prop(optional, into)]
    hint: String,
    /// What is wrong with it.
    #[prop(optional)]
    problems: Vec<String>,
    /// The input.
    children: Children,
) -> impl IntoView {
    let note_id = format!("{id}-error");
    view! {
        <div class="field">
            <label for=id>{label}</label>
            {(!hint.is_empty()).then(|| view! { <span class="hint">{hint}</span> })}
            {children()}
            {problems.into_iter().map(|problem| field_note(Tone::Crit, problem, Some(note_id.clone()))).collect_view()}
        </div>
    }
}

/// The `<option>`s of a select: value, words; `chosen` is selected.
pub fn options(list: impl IntoIterator<Item = (String, String)>, chosen: &str) -> AnyView {
    list.into_iter()
        .map(|(value, words)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{words}</option> }
        })
        .collect_view()
        .into_any()
}
