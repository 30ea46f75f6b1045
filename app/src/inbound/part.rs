//! The dock on the home: what stands in each column today, and the field for the scanner.

use leptos::prelude::*;
use store::inbound::{self, COUNTED, Column};
use store::{StoreError, Tx};

use super::{board, words};
use crate::address::Address;
use crate::ui::number::at_most;
use crate::ui::tone::Tone;

/// What the part needs.
pub(crate) struct DockPart {
    counts: [i64; 5],
}

pub(crate) async fn load(tx: &mut Tx) -> Result<DockPart, StoreError> {
    let plants = inbound::plants(tx).await?;
    // The same dock as the board's, so that a number and the list behind it agree.
    let dock = board::dock(&Address::new("/inbound"), &plants, tx.now());
    Ok(DockPart { counts: inbound::counts(tx, &dock).await? })
}

pub(crate) fn show(part: &DockPart) -> AnyView {
    let numbers = Column::ALL
        .into_iter()
        .zip(part.counts)
        .map(|(column, count)| {
            let tone = if count == 0 { Tone::Ok } else { words::tone(column) };
            let note = if column == Column::Received { "today" } else { "shipments" };
            view! {
                <a class="kpi plain" href=format!("/inbound?column={}", column.as_str())>
                    <span class="label">{words::column(column)}</span>
                    <span class="value" data-tone=tone.as_str()>{at_most(count, COUNTED)}</span>
                    <span class="delta">{note}</span>
                </a>
            }
        })
        .collect_view();
    view! {
        <h2 class="part-title">"At the dock"</h2>
        <form class="search-form scan" role="search" method="get" action="/inbound">
            <input class="input" name="q" type="search" autofocus autocomplete="off" spellcheck="false" enterkeyhint="search"
                aria-label="Scan a package, or type a delivery note, order, lot or ship notice" placeholder="Scan a package, or type a delivery note, order or lot"/>
            <button class="button primary" type="submit">"Find"</button>
        </form>
        <nav class="sheet kpis" aria-label="What stands at the dock">{numbers}</nav>
    }
    .into_any()
}
