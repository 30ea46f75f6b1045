//! `/certificates/:id`: what the certificate says against what the item must show, its files, its history, and the decision.

use domain::access::{Action, may};
use domain::certificate::CertificateStatus;
use domain::certificate::check::{Checked, Facts, check};
use domain::id::CertificateId;
use domain::refusal::{Finding, Weight};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::certificates::{self, CertificateRecord, Decide};
use store::timeline::{self, Entry};
use uuid::Uuid;

use super::list::may_see;
use super::words;
use crate::address::encoded;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, Form, Kept};
use crate::loaded;
use crate::orders::history::{self, Shown};
use crate::orders::inbound::certificate_words;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::field_note;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::tag::{id, tag};
use crate::ui::time::{date, instant_with_zone};
use crate::ui::tone::Tone;

/// The decision as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    act: String,
    reason: String,
}

struct One {
    around: Around,
    record: CertificateRecord,
    checked: Checked,
    history: Vec<Entry>,
    kept: Option<Kept<Typed>>,
}

pub(super) fn page() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load(id), show)
}

fn id_of(text: &str) -> Result<CertificateId, AppError> {
    text.parse().map_err(|_| AppError::NotFound { what: "The certificate".to_owned() })
}

fn form_of(id: CertificateId) -> Form {
    Form::new("certificate.decide", id, format!("/certificates/{id}"))
}

async fn load(text: String) -> Result<One, AppError> {
    let id = id_of(&text)?;
    let mut tx = request::reader().await?;
    may_see(&tx)?;
    let record = certificates::get(&mut tx, id).await?;
    // The comparison is made anew with the version that it was handed in against; what was said then is kept beside it.
    let facts = Facts { today: record.submitted_at.date_naive(), lots: Vec::new() };
    let rows = check(&record.certificate, record.specification.as_ref().map(|(_, it)| it), &facts).rows;
    let checked = Checked { rows, findings: record.findings.clone() };
    let history = timeline::of_subject(&mut tx, id.0).await?;
    let kept = form_of(id).kept().await?;
    Ok(One { around: Around::load(&mut tx).await?, record, checked, history, kept })
}

fn show(one: One) -> AnyView {
    let One { around, record, checked, history, kept } = one;
    let certificate = &record.certificate;
    let number = certificate.number.clone();
    let (tone, words) = words::status(record.status);
    let open = matches!(record.status, CertificateStatus::Submitted | CertificateStatus::Rejected);
    let replace = (open && around.viewer.may(Action::HandInCertificate)).then(|| {
        let class = if record.status == CertificateStatus::Rejected { "button primary" } else { "button" };
        view! { <a class=class href=format!("/certificates/new?replaces={}", certificate.certificate_id)>"Replace"</a> }
    });
    let decide = (record.status == CertificateStatus::Submitted && around.viewer.may(Action::DecideCertificate))
        .then(|| decision(certificate.certificate_id, kept.as_ref()));
    let version = record.specification.as_ref().map_or_else(
        || "the item had no specification".to_owned(),
        |(_, it)| format!("specification version {}", it.version),
    );
    let differences = certificates::differences(&record.findings);
    let head = match differences {
        0 => format!("{version}: no differences"),
        count => format!(
            "{version}: {} confirmed by the supplier",
            counted(i64::try_from(count).unwrap_or(i64::MAX), "difference", "differences")
        ),
    };
    let caption = format!("Certificate {number} against {version}");
    let table = if checked.rows.is_empty() {
        view! { <EmptyState title="No values" text="This certificate was handed in as a file only."/> }.into_any()
    } else {
        words::comparison(&checked, caption)
    };
    let facts = vec![
        view! { {certificate_words(certificate.kind)} }.into_any(),
        view! { "item "<a href=format!("/specifications/{}", encoded(&certificate.item))>{id(certificate.item.clone())}</a> }.into_any(),
        record.supplier.1.clone().into_any(),
    ];
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Certificates", "/certificates"), Crumb::here(number.clone()).mono()]/>
        <PageHeader title=view! { "Certificate "{id(number.clone())} }.into_any() beside=Some(tag(tone, words)) facts=facts>{replace}{decide}</PageHeader>
        {refused("Nothing was decided", kept.as_ref())}
        {decided(&record, &around)}
        <div class="columns-8-4">
            <div class="stack">
                <section class="sheet table-region" aria-labelledby="comparison-title">
                    <div class="section-head"><h2 id="comparison-title">"Comparison "<span>{head}</span></h2></div>
                    {table}
                    {findings(&record.findings)}
                </section>
                <section class="sheet" aria-labelledby="history-title">
                    <div class="section-head"><h2 id="history-title">"History "<span>{format!("times in {}", around.reading.abbreviation(around.now()))}</span></h2></div>
                    {history::list(&history, &around, Shown::All, false)}
                </section>
            </div>
            <div class="stack">{paper(&record, &around)}{files(&record)}</div>
        </div>
    };
    around.frame(format!("Certificate {number}"), page)
}

fn decided(record: &CertificateRecord, around: &Around) -> AnyView {
    let newer = record.replaced_by.map(|newer| {
        view! { <p class="notice" data-tone="neutral">"A newer one took its place: "<a href=format!("/certificates/{newer}")>"open it"</a>"."</p> }
    });
    let Some((by, at, Some(note))) = record.decided.clone() else { return newer.into_any() };
    let (tone, words) = words::status(if record.status == CertificateStatus::Accepted {
        CertificateStatus::Accepted
    } else {
        CertificateStatus::Rejected
    });
    view! {
        {newer}
        <section class="sheet pad" aria-label="Decision">
            <p>{tag(tone, words)}" by "{by}" "{instant_with_zone(at, &around.reading)}</p>
            <p class="quote" dir="auto">{format!("“{note}”")}</p>
        </section>
    }
    .into_any()
}

fn findings(findings: &[Finding]) -> AnyView {
    if findings.is_empty() {
        return ().into_any();
    }
    let list = findings
        .iter()
        .map(|finding| {
            let tone = if finding.weight == Weight::Stops { Tone::Crit } else { Tone::Warn };
            // The advice at the end of a message is for the one who handed it in.
            let said = finding.message.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
            view! { <li>{field_note(tone, format!("{said}."), None)}</li> }
        })
        .collect_view();
    view! { <div class="pad"><ul class="plain-list">{list}</ul></div> }.into_any()
}

fn paper(record: &CertificateRecord, around: &Around) -> AnyView {
    let certificate = &record.certificate;
    let lots = if certificate.lots.is_empty() { "–".to_owned() } else { certificate.lots.join(", ") };
    let note = certificate.delivery_note.clone().map(|note| view! { <dt>"Delivery note"</dt><dd>{id(note)}</dd> });
    let until = certificate.valid_until.map(|until| view! { <dt>"Valid until"</dt><dd>{date(until)}</dd> });
    let older = record.replaces.map(
        |older| view! { <dt>"Replaces"</dt><dd><a href=format!("/certificates/{older}")>"an earlier one"</a></dd> },
    );
    view! {
        <section class="sheet" aria-labelledby="paper-title">
            <div class="section-head"><h2 id="paper-title">"What it is"</h2></div>
            <dl class="fact-list">
                <dt>"Item"</dt><dd>{id(certificate.item.clone())}<span class="sub">{record.description.clone()}</span></dd>
                <dt>"Covers"</dt><dd>{words::per(certificate.per)}</dd>
                <dt>"Lots or heats"</dt><dd class="breaks">{lots}</dd>
                {note}
                <dt>"Issued by"</dt><dd>{certificate.issuer.clone()}</dd>
                <dt>"Issued on"</dt><dd>{date(certificate.issued_on)}</dd>
                {until}
                <dt>"Handed in"</dt><dd>{format!("{} ", record.submitted_by)}{instant_with_zone(record.submitted_at, &around.reading)}</dd>
                {older}
            </dl>
        </section>
    }
    .into_any()
}

fn files(record: &CertificateRecord) -> AnyView {
    let list = record
        .documents
        .iter()
        .map(|file| {
            let facts = format!("{} · {} · {}", file.media_type.title(), words::size(file.size), file.uploaded_by);
            view! { <li><a href=format!("/documents/{}", file.document_id) download=file.download_name()>{file.name.clone()}</a><span class="sub">{facts}</span></li> }
        })
        .collect_view();
    let none = record.documents.is_empty().then(|| view! { <p class="muted">"No file; the values were entered."</p> });
    view! {
        <section class="sheet" aria-labelledby="files-title">
            <div class="section-head"><h2 id="files-title">"Files"</h2></div>
            <div class="pad"><ul class="plain-list">{list}</ul>{none}<p class="small muted">"Files are given out as downloads and never opened by the portal."</p></div>
        </section>
    }
    .into_any()
}

fn decision(certificate_id: CertificateId, kept: Option<&Kept<Typed>>) -> AnyView {
    let form = |act: &'static str, words: &'static str, what: &'static str, class: &'static str, must: bool| {
        let refused = kept.filter(|kept| kept.typed.act == act);
        let typed = refused.map(|kept| kept.typed.reason.clone()).unwrap_or_default();
        let wrong = refused.is_some_and(|kept| !kept.problems.is_empty());
        let field = if must { "reason".to_owned() } else { format!("note-{act}") };
        let label = if must { "Why" } else { "Note, if needed" };
        view! {
            <details class="popover act" open=wrong>
                <summary class=class>{words}</summary>
                <form class="menu fields" method="post" action=DecideCertificate::url()>
                    <input type="hidden" name="id" value=certificate_id.to_string()/>
                    <input type="hidden" name="submission" value=Uuid::now_v7().to_string()/>
                    <input type="hidden" name="act" value=act/>
                    <p class="small">{what}</p>
                    <div class="field">
                        <label for=field.clone()>{label}</label>
                        <input class="input" id=field name="reason" value=typed required=must maxlength="2000" aria-invalid=wrong.then_some("true") autocomplete="off"/>
                        <span class="hint">"The supplier sees it."</span>
                    </div>
                    <button class=class type="submit">{words}</button>
                </form>
            </details>
        }
    };
    view! {
        {form("reject", "Reject", "The supplier is told why and can replace it. Material stays without this certificate.", "button", true)}
        {form("accept", "Accept", "It counts for its lots from now on, differences included.", "button primary", false)}
    }
    .into_any()
}

/// Takes a certificate or turns it away.
#[server(input = PostUrl, prefix = "/do", endpoint = "decide-certificate")]
pub async fn decide_certificate(
    id: String,
    submission: Uuid,
    act: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let id = id_of(&id)?;
    let typed = Typed { act: act.clone(), reason: reason.clone() };
    let outcome = async {
        let mut tx = request::begin().await?;
        may(tx.actor(), Action::DecideCertificate)?;
        let accept = match act.as_str() {
            "accept" => true,
            "reject" => false,
            _ => return Err(AppError::Invalid { message: "Choose one of the buttons of the page.".to_owned() }),
        };
        certificates::decide(&mut tx, id, &Decide { accept, note: Some(reason), submission }).await?;
        tx.commit().await?;
        let said = if accept {
            "Accepted. The supplier is told."
        } else {
            "Rejected. The supplier is told why and can replace it."
        };
        Ok(Done::at(format!("/certificates/{id}")).saying(said))
    };
    let outcome = outcome.await;
    form_of(id).answer(&typed, outcome).await
}
