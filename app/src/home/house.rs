//! The homes of those who run the house: how the exchange is, and facts about the installation.

use domain::access::Action;
use domain::exchange::{ArrivalState, DeliveryState};
use leptos::prelude::*;
use store::control_tower::{self, Facts};
use store::exchange_list::arrivals::{self, ArrivalFilter};
use store::exchange_list::deliveries::{self, DeliveryFilter};
use store::exchange_list::{self, COUNTED, Flow};
use store::{CommandError, Tx};

use super::today::{Kpi, kpis};
use crate::exchange::{connections, offer};
use crate::page::Around;
use crate::ui::empty::EmptyState;
use crate::ui::number::{at_most, counted};
use crate::ui::tone::Tone;

/// How the exchange is.
pub(super) struct ExchangePart {
    flows: Vec<Flow>,
    parked: i64,
    retrying: i64,
    held: i64,
    not_understood: i64,
    refused: i64,
}

pub(super) async fn load_exchange(tx: &mut Tx) -> Result<ExchangePart, CommandError> {
    let flows = exchange_list::flows(tx, offer::carried).await?;
    let mut counts = [0; 3];
    let states = [DeliveryState::Parked, DeliveryState::Retrying, DeliveryState::Held];
    for (count, state) in counts.iter_mut().zip(states) {
        *count = deliveries::counted(tx, &DeliveryFilter { states: vec![state], ..DeliveryFilter::default() }).await?;
    }
    let mut arrived = [0; 2];
    for (count, state) in arrived.iter_mut().zip([ArrivalState::NotUnderstood, ArrivalState::Refused]) {
        *count = arrivals::counted(tx, &ArrivalFilter { states: vec![state], ..ArrivalFilter::default() }).await?;
    }
    let ([parked, retrying, held], [not_understood, refused]) = (counts, arrived);
    Ok(ExchangePart { flows, parked, retrying, held, not_understood, refused })
}

pub(super) fn show_exchange(part: &ExchangePart, around: &Around) -> AnyView {
    let kpi =
        |label, count, tone, href: &str| Kpi { label, count, most: COUNTED, note: None, tone, href: href.to_owned() };
    let mut numbers = vec![
        kpi("Parked", part.parked, Tone::Crit, "/deliveries?state=parked"),
        kpi("Retrying", part.retrying, Tone::Warn, "/deliveries?state=retrying"),
        kpi("Held back", part.held, Tone::Info, "/deliveries?state=held"),
    ];
    if matches!(around.viewer.scope, domain::access::Scope::All) {
        numbers.push(kpi("Not understood", part.not_understood, Tone::Crit, "/arrivals?state=not_understood"));
        numbers.push(kpi("Refused arrivals", part.refused, Tone::Crit, "/arrivals?state=refused"));
    }
    let content = if part.flows.is_empty() {
        let add = Some(("Add a connection".to_owned(), "/connections/new".to_owned()))
            .filter(|_| around.viewer.may(Action::ManageExchange));
        let text = match around.viewer.scope {
            domain::access::Scope::All => "No other system is connected yet.",
            _ => {
                "No system is connected to your plants alone. Those of all plants are shown to integration admins; what is on its way from your plants is counted above."
            }
        };
        view! { <section class="sheet"><EmptyState title="No connections" text=text action=add/></section> }.into_any()
    } else {
        connections::table(&part.flows, &around.reading)
    };
    view! {
        <h2 class="part-title">"Exchange with other systems"</h2>
        {kpis("What the exchange waits for", numbers)}
        {content}
    }
    .into_any()
}

/// Facts about the installation.
pub(super) struct FactsPart {
    facts: Facts,
}

pub(super) async fn load_facts(tx: &mut Tx) -> Result<FactsPart, CommandError> {
    Ok(FactsPart { facts: control_tower::facts(tx).await? })
}

pub(super) fn show_facts(part: &FactsPart) -> AnyView {
    let facts = &part.facts;
    let failed = match facts.failed_sign_ins {
        0 => "none".into_any(),
        count => view! { <a href="/audit?action=access.sign_in_failed">{at_most(count, 999)}</a> }.into_any(),
    };
    view! {
        <div class="columns-8-4 even">
            <section class="sheet" aria-labelledby="people-title">
                <div class="section-head"><h2 id="people-title">"People"</h2><div class="toolbar"><a href="/people">"All people"</a><a href="/people/new">"Invite"</a></div></div>
                <dl class="fact-list">
                    <dt>"May sign in"</dt><dd>{facts.people}</dd>
                    <dt>"Invited, no password yet"</dt><dd>{facts.without_password}</dd>
                    <dt>"Disabled"</dt><dd>{facts.disabled}</dd>
                    <dt>"Signed in now"</dt><dd>{counted(facts.sessions, "browser", "browsers")}</dd>
                    <dt>"Failed sign-ins, 24 h"</dt><dd>{failed}</dd>
                </dl>
            </section>
            <section class="sheet" aria-labelledby="system-title">
                <div class="section-head"><h2 id="system-title">"System"</h2><div class="toolbar"><a href="/audit">"Audit log"</a></div></div>
                <dl class="fact-list">
                    <dt>"Version"</dt><dd class="id">{env!("CARGO_PKG_VERSION")}</dd>
                    <dt>"Database"</dt><dd>{format!("PostgreSQL {}", facts.database)}</dd>
                    <dt>"Its size"</dt><dd>{size(facts.database_bytes)}</dd>
                    <dt>"Events so far"</dt><dd>{at_most(facts.events, i64::MAX)}</dd>
                </dl>
            </section>
        </div>
    }
    .into_any()
}

/// `12.4 MB`.
fn size(bytes: i64) -> String {
    let tenths = bytes / 100_000;
    if tenths < 10_000 {
        format!("{}.{} MB", tenths / 10, tenths % 10)
    } else {
        format!("{}.{} GB", tenths / 10_000, tenths / 1_000 % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_shown_in_the_unit_that_reads_well() {
        for (bytes, words) in
            [(0, "0.0 MB"), (12_449_999, "12.4 MB"), (999_900_000, "999.9 MB"), (3_260_000_000, "3.2 GB")]
        {
            assert_eq!(size(bytes), words);
        }
    }
}
