//! `/certificates/waive`: lets a required certificate go for the shipments of one schedule line, with a reason.

use domain::access::{Action, may};
use domain::certificate::CertificateKind;
use domain::id::ScheduleLineId;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use serde::{Deserialize, Serialize};
use store::certificates::{self, Waive};
use store::coverage::{self, LineCoverage, Lines};
use uuid::Uuid;

use super::words;
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, Form, Kept};
use crate::loaded;
use crate::orders::inbound::certificate_words;
use crate::page::Around;
use crate::request;
use crate::ui::field::Field;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::tag::id;
use crate::ui::time::date;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    reason: String,
}

struct One {
    around: Around,
    line: LineCoverage,
    kind: CertificateKind,
    lot: Option<String>,
    kept: Option<Kept<Typed>>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

fn form_of(line: ScheduleLineId, kind: CertificateKind, lot: Option<&str>) -> Form {
    let lot_part = lot.map(|lot| format!("&lot={}", encoded(lot))).unwrap_or_default();
    let page = format!("/certificates/waive?line={line}&kind={kind}{lot_part}");
    Form::new("certificate.waive", format!("{line}/{kind}/{}", lot.unwrap_or_default()), page)
}

fn not_found() -> AppError {
    AppError::NotFound { what: "The order line".to_owned() }
}

async fn load(address: Address) -> Result<One, AppError> {
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::WaiveCertificate)?;
    let line: ScheduleLineId = address.read("line").ok_or_else(not_found)?;
    let kind: CertificateKind = address.read("kind").ok_or_else(not_found)?;
    let lot = address.get("lot").map(str::to_owned);
    let found = coverage::of_schedule_lines(&mut tx, Lines::These(&[line])).await?.pop().ok_or_else(not_found)?;
    let kept = form_of(line, kind, lot.as_deref()).kept().await?;
    Ok(One { around: Around::load(&mut tx).await?, line: found, kind, lot, kept })
}

fn show(one: One) -> AnyView {
    let One { around, line, kind, lot, kept } = one;
    let title = format!("Waive {}", certificate_words(kind));
    let reason = kept.as_ref().map(|kept| kept.typed.reason.clone()).unwrap_or_default();
    let problems: Vec<String> =
        kept.as_ref().map(|kept| kept.about("reason").map(str::to_owned).collect()).unwrap_or_default();
    let of = lot.as_ref().map_or_else(|| "all lots of this line".to_owned(), |lot| format!("lot {lot} only"));
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Certificates", "/certificates?view=missing"), Crumb::here("Waive")]/>
        <PageHeader title=title.clone().into_any()/>
        {refused("Nothing was waived", kept.as_ref())}
        <section class="sheet" aria-label="What it is for">
            <dl class="fact-list">
                <dt>"Order line"</dt><dd><a href=format!("/orders/{}", encoded(&line.order))>{id(format!("{} / {}", line.order, line.line))}</a></dd>
                <dt>"Item"</dt><dd>{id(line.item.clone())}<span class="sub">{line.description.clone()}</span></dd>
                <dt>"Supplier"</dt><dd>{line.supplier.1.clone()}</dd>
                <dt>"Due"</dt><dd>{date(line.due)}</dd>
                <dt>"Certificates"</dt><dd>{words::needs(&line.covered)}</dd>
            </dl>
        </section>
        <form class="sheet form-sheet fields pad" method="post" action=WaiveCertificate::url() novalidate>
            <input type="hidden" name="submission" value=Uuid::now_v7().to_string()/>
            <input type="hidden" name="line" value=line.schedule_line_id.to_string()/>
            <input type="hidden" name="kind" value=kind.as_str()/>
            <input type="hidden" name="lot" value=lot.unwrap_or_default()/>
            <p>{format!("It may then be shipped and used without this certificate: {of}. The supplier, the order and the audit log name you and the reason.")}</p>
            <Field id="reason" label="Why" problems=problems>
                <textarea class="input" id="reason" name="reason" rows="3" required maxlength="2000">{reason}</textarea>
            </Field>
            <div class="action-bar"><button class="button primary" type="submit">"Waive"</button><a class="button" href="/certificates?view=missing">"Cancel"</a></div>
        </form>
    };
    around.frame(title, page)
}

/// Lets a required certificate go.
#[server(input = PostUrl, prefix = "/do", endpoint = "waive-certificate")]
pub async fn waive_certificate(
    submission: Uuid,
    line: ScheduleLineId,
    kind: String,
    #[server(default)] lot: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let kind: CertificateKind = kind.parse().map_err(|_| not_found())?;
    let lot = Some(lot.trim().to_owned()).filter(|lot| !lot.is_empty());
    let form = form_of(line, kind, lot.as_deref());
    let outcome = async {
        let mut tx = request::begin().await?;
        let command = Waive { schedule_line_id: line, kind, lot: lot.clone(), reason: reason.clone(), submission };
        certificates::waive(&mut tx, &command).await?;
        tx.commit().await?;
        Ok(Done::at("/certificates?view=missing").saying("Waived. The supplier may ship without it."))
    };
    let outcome = outcome.await;
    form.answer(&Typed { reason: reason.clone() }, outcome).await
}
