//! `/api/v1/certificates`: handing in what a certificate says, by the same check as the page, and reading it again.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use domain::access::Right;
use domain::certificate::{Certificate, CertificateKind, CertificatePer, Measured};
use domain::id::{CertificateId, DocumentId};
use domain::{DateTime, Decimal, Utc};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use store::certificates::{self, CertificateRecord, HandIn};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::call::{Asked, Caller, Desk, Sent};
use super::orders::DryRun;
use super::problem::{FindingOut, Refused};

/// Its addresses.
pub fn router() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(hand_in)).routes(routes!(read))
}

/// A certificate as its supplier writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateIn {
    /// Its number on the paper.
    number: String,
    /// coc, coa, en_2_1, en_2_2, en_3_1 or en_3_2.
    #[schema(value_type = String, pattern = "^(coc|coa|en_2_1|en_2_2|en_3_1|en_3_2)$")]
    kind: CertificateKind,
    /// lot, delivery or standing.
    #[schema(value_type = String, pattern = "^(lot|delivery|standing)$")]
    per: CertificatePer,
    /// The item's number.
    item: String,
    /// The supplier's lots or heats; empty for a standing one.
    #[serde(default)]
    lots: Vec<String>,
    /// The delivery note it belongs to, for one per delivery.
    #[serde(default)]
    delivery_note: Option<String>,
    /// Who issued it.
    issuer: String,
    /// When.
    issued_on: NaiveDate,
    /// Last day on which a standing one counts.
    #[serde(default)]
    valid_until: Option<NaiveDate>,
    /// Files that were uploaded on the page before.
    #[serde(default)]
    documents: Vec<Uuid>,
    /// What was measured.
    #[serde(default)]
    values: Vec<Value>,
    /// The certificate whose place it takes.
    #[serde(default)]
    replaces: Option<Uuid>,
    /// The paper really says so, although the check found differences.
    #[serde(default)]
    confirmed: bool,
}

/// One measured characteristic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// Its name, e.g. Tensile strength or C.
    characteristic: String,
    /// The lot or heat, where the certificate covers several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lot: Option<String>,
    /// How it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Unit as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// The value, exact.
    #[schema(value_type = String, example = "512.5")]
    value: Decimal,
}

/// What handing in came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandedInOut {
    /// The new certificate; none for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_id: Option<Uuid>,
    /// What the check found. A dry run lists what would stop it as well.
    findings: Vec<FindingOut>,
    /// It had been sent before; this is the first result.
    already: bool,
    /// Nothing was changed.
    dry_run: bool,
}

/// Hands in a certificate, or tries it.
#[utoipa::path(
    post, path = "/certificates", tag = "certificates", request_body = CertificateIn,
    params(DryRun, ("Idempotency-Key" = Option<String>, Header, description = "Names the call; needed unless it is a dry run.")),
    responses((status = 201, body = HandedInOut), (status = 200, body = HandedInOut, description = "A dry run, or sent before"))
)]
async fn hand_in(
    caller: Caller,
    Asked(DryRun { dry_run }): Asked<DryRun>,
    headers: HeaderMap,
    Sent(body): Sent<CertificateIn>,
) -> Result<Response, Refused> {
    caller.needs(Right::HandInCertificates)?;
    let supplier_id = caller.supplier()?;
    let submission = if dry_run { Uuid::nil() } else { caller.submission(&headers)? };
    let values = body.values.into_iter().map(|value| Measured {
        characteristic: value.characteristic,
        lot: value.lot,
        method: value.method,
        unit: value.unit,
        value: value.value,
    });
    let certificate = Certificate {
        certificate_id: CertificateId(Uuid::nil()),
        number: body.number,
        kind: body.kind,
        per: body.per,
        item: body.item,
        lots: body.lots,
        delivery_note: body.delivery_note,
        issuer: body.issuer,
        issued_on: body.issued_on,
        valid_until: body.valid_until,
        documents: body.documents.into_iter().map(DocumentId).collect(),
        values: values.collect(),
    };
    let replaces = body.replaces.map(CertificateId);
    let command = HandIn { supplier_id, certificate, replaces, confirmed: body.confirmed, submission };
    if dry_run {
        let mut tx = caller.read().await?;
        let checked = certificates::examine(&mut tx, &command).await?;
        tx.commit().await?;
        let findings = checked.findings.into_iter().map(FindingOut::from).collect();
        return Ok(Json(HandedInOut { certificate_id: None, findings, already: false, dry_run }).into_response());
    }
    let mut tx = caller.begin().await?;
    let taken = certificates::hand_in(&mut tx, &command).await?;
    tx.commit().await?;
    let status = if taken.already { StatusCode::OK } else { StatusCode::CREATED };
    let id = Some(taken.certificate_id.0);
    let out = HandedInOut { certificate_id: id, findings: Vec::new(), already: taken.already, dry_run };
    Ok((status, Json(out)).into_response())
}

/// A certificate as it was handed in, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateOut {
    /// Which.
    certificate_id: Uuid,
    /// Its number on the paper.
    number: String,
    /// Its type.
    kind: String,
    /// lot, delivery or standing.
    per: String,
    /// submitted, accepted, rejected or replaced.
    status: String,
    /// Supplier number.
    supplier: String,
    /// The item's number.
    item: String,
    /// The supplier's lots or heats.
    lots: Vec<String>,
    /// Who issued it.
    issuer: String,
    /// When.
    issued_on: NaiveDate,
    /// Last day on which a standing one counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<NaiveDate>,
    /// When it was handed in.
    submitted_at: DateTime<Utc>,
    /// What was said when it was decided on.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_note: Option<String>,
    /// The one that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<Uuid>,
    /// What the check found when it was handed in.
    findings: Vec<FindingOut>,
    /// What was measured.
    values: Vec<Value>,
}

impl From<CertificateRecord> for CertificateOut {
    fn from(record: CertificateRecord) -> Self {
        let certificate = record.certificate;
        let values = certificate.values.into_iter().map(|value| Value {
            characteristic: value.characteristic,
            lot: value.lot,
            method: value.method,
            unit: value.unit,
            value: value.value,
        });
        Self {
            certificate_id: certificate.certificate_id.0,
            number: certificate.number,
            kind: certificate.kind.as_str().to_owned(),
            per: certificate.per.as_str().to_owned(),
            status: record.status.as_str().to_owned(),
            supplier: record.supplier.0,
            item: certificate.item,
            lots: certificate.lots,
            issuer: certificate.issuer,
            issued_on: certificate.issued_on,
            valid_until: certificate.valid_until,
            submitted_at: record.submitted_at,
            decision_note: record.decided.and_then(|(_, _, note)| note),
            replaced_by: record.replaced_by.map(|id| id.0),
            findings: record.findings.into_iter().map(FindingOut::from).collect(),
            values: values.collect(),
        }
    }
}

/// Reads a certificate.
#[utoipa::path(
    get, path = "/certificates/{id}", tag = "certificates", params(("id" = Uuid, Path, description = "Which")),
    responses((status = 200, body = CertificateOut))
)]
async fn read(caller: Caller, Path(id): Path<String>) -> Result<Json<CertificateOut>, Refused> {
    caller.needs(Right::ReadCertificates)?;
    let id: CertificateId =
        id.parse().map_err(|_| Refused::new(StatusCode::BAD_REQUEST, "A certificate is named by its UUID."))?;
    let mut tx = caller.read().await?;
    let record = certificates::get(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(record.into()))
}
