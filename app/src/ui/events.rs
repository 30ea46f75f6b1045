//! The list of what happened: time, time since the one before, system, plain words, document. A table, newest first.

use leptos::prelude::*;

use super::sprite::symbol;
use super::time::took;
use super::tone::Tone;

/// One row.
pub struct EventRow {
    /// When, formatted.
    pub when: AnyView,
    /// Since the one before: `+8 min`.
    pub gap: Option<String>,
    /// Whose part: `Portal`, `ERP`.
    pub system: &'static str,
    /// Its tone.
    pub tone: Tone,
    /// What happened, as a person would say it.
    pub what: String,
    /// In somebody's own words.
    pub quote: Option<String>,
    /// Actor, reason, ids: one span each.
    pub meta: Vec<AnyView>,
    /// Summary of the tries and one line for each, newest first.
    pub tries: Option<(String, Vec<String>)>,
    /// The document, as a stamp or link.
    pub document: Option<AnyView>,
}

/// The rows.
#[component]
pub fn EventList(
    /// Newest first.
    rows: Vec<EventRow>,
) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let tries = row.tries.map(|(summary, lines)| {
                view! {
                    <details>
                        <summary>{summary}</summary>
                        <div class="attempts">{lines.into_iter().map(|line| view! { <span>{line}</span> }).collect_view()}</div>
                    </details>
                }
            });
            view! {
                <tr>
                    <td class="when">{row.when}</td>
                    <td class="gap">{row.gap}</td>
                    <td class="system">{row.system}</td>
                    <td class="cell-what">
                        <div class="what" data-tone=row.tone.as_str()>
                            {symbol(row.tone.shape(), "shape")}
                            <div>
                                {row.what}
                                {row.quote.map(|quote| view! { <div class="quote" dir="auto">{format!("“{quote}”")}</div> })}
                                <div class="meta">{row.meta.into_iter().map(|part| view! { <span>{part}</span> }).collect_view()}</div>
                                {tries}
                            </div>
                        </div>
                    </td>
                    <td class="doc">{row.document}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="event-list">
            <caption class="visually-hidden">"What happened, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Time"</th>
                    <th scope="col" class="gap">"Since"</th>
                    <th scope="col">"System"</th>
                    <th scope="col">"What happened"</th>
                    <th scope="col" class="doc">"Document"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// One failed try in a line: `14:04:02 · temporary: locked · 198 ms`.
pub fn try_line(time: &str, what: &str, milliseconds: i32) -> String {
    format!("{time} · {what} · {}", took(milliseconds))
}
