//! Certificates in plain words, and the comparison table that several pages show.

use domain::Decimal;
use domain::certificate::check::{Checked, Row, Verdict};
use domain::certificate::requirement::{Coverage, Covered};
use domain::certificate::{CertificateKind, CertificatePer, CertificateStatus};
use domain::quantity::grouped;
use leptos::prelude::*;

use crate::orders::inbound::certificate_words;
use crate::ui::tag::{plain_tag, tag};
use crate::ui::tone::Tone;

/// What one covers, for a choice.
pub const fn per(per: CertificatePer) -> &'static str {
    match per {
        CertificatePer::Lot => "each lot or heat",
        CertificatePer::Delivery => "each delivery",
        CertificatePer::Standing => "standing, until it expires",
    }
}

/// The kinds for a choice.
pub fn kinds() -> Vec<(String, String)> {
    CertificateKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), certificate_words(*kind).to_owned())).collect()
}

/// What one covers, for a choice.
pub fn pers() -> Vec<(String, String)> {
    CertificatePer::ALL.iter().map(|it| (it.as_str().to_owned(), per(*it).to_owned())).collect()
}

/// Where one stands, for a tag.
pub const fn status(status: CertificateStatus) -> (Tone, &'static str) {
    match status {
        CertificateStatus::Submitted => (Tone::Info, "to be checked"),
        CertificateStatus::Accepted => (Tone::Ok, "accepted"),
        CertificateStatus::Rejected => (Tone::Crit, "rejected"),
        CertificateStatus::Replaced => (Tone::Neutral, "replaced"),
    }
}

/// How far a need is met, for a tag.
pub const fn coverage(coverage: Coverage) -> (Tone, &'static str) {
    match coverage {
        Coverage::Missing => (Tone::Warn, "missing"),
        Coverage::Rejected => (Tone::Crit, "rejected"),
        Coverage::Expired => (Tone::Warn, "expired"),
        Coverage::Submitted => (Tone::Info, "to be checked"),
        Coverage::Waived => (Tone::Neutral, "waived"),
        Coverage::Accepted => (Tone::Ok, "accepted"),
    }
}

/// `3.1 for lot H-1: missing`, as a tag.
pub fn need(covered: &Covered) -> AnyView {
    let (tone, words) = coverage(covered.coverage);
    let of = covered.need.lot.as_ref().map(|lot| format!(" · {lot}")).unwrap_or_default();
    plain_tag(tone, format!("{}{of} {words}", covered.need.kind.short()))
}

/// Certificates of a schedule line in one line of words: `Certificates: 3.1 missing, CoC accepted`.
pub fn needs(covered: &[Covered]) -> AnyView {
    covered.iter().map(|one| view! { {need(one)}" " }).collect_view().into_any()
}

/// What the comparison of one value says, for a tag.
pub const fn verdict(verdict: Verdict) -> (Tone, &'static str) {
    match verdict {
        Verdict::Within => (Tone::Ok, "within"),
        Verdict::Below => (Tone::Crit, "below limit"),
        Verdict::Above => (Tone::Crit, "above limit"),
        Verdict::Missing => (Tone::Crit, "missing"),
        Verdict::NotGiven => (Tone::Neutral, "not given"),
        Verdict::Unclear => (Tone::Warn, "not comparable"),
        Verdict::NotAsked => (Tone::Neutral, "not asked for"),
    }
}

fn number(value: Option<Decimal>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| grouped(value, 0))
}

/// The comparison, characteristic by characteristic. `caption` names what is compared with what.
pub fn comparison(checked: &Checked, caption: String) -> AnyView {
    let rows = checked.rows.iter().map(row).collect_view();
    view! {
        <table class="data-table blocks labelled comparison" role="table">
            <caption class="visually-hidden">{caption}</caption>
            <thead><tr>
                <th scope="col">"Characteristic"</th>
                <th scope="col" class="num">"Lower"</th>
                <th scope="col" class="num">"Value"</th>
                <th scope="col" class="num">"Upper"</th>
                <th scope="col">"Unit"</th>
                <th scope="col">"Result"</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(row: &Row) -> AnyView {
    let (tone, words) = verdict(row.verdict);
    let edge = row.verdict.differs().then(|| if row.verdict == Verdict::Unclear { "warn" } else { "crit" });
    let sub: Vec<String> = row.lot.iter().map(|lot| format!("lot {lot}")).chain(row.method.iter().cloned()).collect();
    let sub = (!sub.is_empty()).then(|| view! { <span class="sub">{sub.join(" · ")}</span> });
    let written = row.written.as_ref().map(|written| view! { <span class="sub">{format!("written {written}")}</span> });
    view! {
        <tr data-edge=edge>
            <td class="a-id"><b>{row.characteristic.clone()}</b>{sub}</td>
            <td class="num" data-label="lower">{number(row.lower)}</td>
            <td class="num a-qty" data-label="value"><b>{number(row.value)}</b>{written}</td>
            <td class="num" data-label="upper">{number(row.upper)}</td>
            <td data-label="unit">{row.unit.clone().unwrap_or_else(|| "–".to_owned())}</td>
            <td class="a-status">{tag(tone, words)}</td>
        </tr>
    }
    .into_any()
}

/// A size in bytes as people say it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} B"),
        1024..=1_048_575 => format!("{} kB", bytes / 1024),
        _ => format!("{}.{} MB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}
