//! What a person decides, always with a reason: the form for it, and what comes back when it is refused.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::form::Kept;
use crate::ui::field::{ErrorSummary, SummaryLine};

/// What was typed into one of the forms of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// Which of them.
    pub act: String,
    /// Why.
    pub reason: String,
}

/// One thing that can be done.
#[derive(Debug, Clone, Copy)]
pub struct Act {
    /// Its word in the form.
    pub act: &'static str,
    /// On the button.
    pub words: &'static str,
    /// What it does, in a sentence.
    pub what: &'static str,
    /// The one most people want here.
    pub primary: bool,
}

/// Things that can be done to one object: each a small form behind its button, which asks for the reason. `action` is
/// where they post to, `id` the object's.
pub fn acts(acts: &[Act], action: &'static str, id: &str, kept: Option<&Kept<Acted>>) -> AnyView {
    let forms = acts
        .iter()
        .map(|Act { act, words, what, primary }| {
            let refused = kept.filter(|kept| kept.typed.act == *act);
            let typed = refused.map(|kept| kept.typed.reason.clone()).unwrap_or_default();
            let wrong = refused.is_some_and(|kept| !kept.problems.is_empty());
            let field = format!("reason-{act}");
            let class = if *primary { "button primary" } else { "button" };
            view! {
                <details class="popover act" open=wrong>
                    <summary class=class>{*words}</summary>
                    <form class="menu fields" method="post" action=action>
                        <input type="hidden" name="id" value=id.to_owned()/>
                        <input type="hidden" name="act" value=*act/>
                        <p class="small">{*what}</p>
                        <div class="field">
                            <label for=field.clone()>"Why"</label>
                            <input class="input" id=field name="reason" value=typed required maxlength="500" aria-invalid=wrong.then_some("true")
                                autocomplete="off"/>
                            <span class="hint">"A few words; they go into the audit log."</span>
                        </div>
                        <button class=class type="submit">{*words}</button>
                    </form>
                </details>
            }
        })
        .collect_view();
    forms.into_any()
}

/// What was refused, first thing below the page's header, under this title; nothing where nothing was.
pub fn refused<T>(title: &'static str, kept: Option<&Kept<T>>) -> AnyView {
    let problems = kept.map(|kept| kept.problems.as_slice()).unwrap_or_default();
    if problems.is_empty() {
        return ().into_any();
    }
    let lines = problems
        .iter()
        .map(|problem| SummaryLine { field: problem.field.clone(), words: problem.message.clone() })
        .collect();
    let correlation = crate::request::correlation().to_string();
    view! { <ErrorSummary title=title lines=lines correlation=correlation/> }.into_any()
}
