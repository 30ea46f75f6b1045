//! `/api/v1/certificates`: handing in a certificate, what it says and its files, by the same checks as the page, and reading it
//! again. Files come in the body as base64 and go through the same [`crate::intake`] as those of the page: all of the call is
//! kept, or nothing.

use axum::Json;
use axum::extract::Path;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::NaiveDate;
use domain::access::Right;
use domain::certificate::{Certificate, CertificateKind, CertificatePer, Measured};
use domain::id::{CertificateId, DocumentId, SupplierId};
use domain::refusal::Finding;
use domain::{DateTime, Decimal, Utc};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use store::CommandError;
use store::certificates::{self, CertificateRecord, HandIn, MOST_DOCUMENTS};
use store::documents::Document;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::call::{Asked, Caller, Desk, LARGEST_WITH_FILES, Sent, in_turn};
use super::orders::DryRun;
use super::problem::{FindingOut, Refused};
use crate::intake::{Looked, Refusal};

/// Bodies here may hold files; they get the time that files take.
pub const PATH: &str = "/api/v1/certificates";

/// Its addresses.
pub fn router() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(hand_in)).route_layer(from_fn(in_turn)).routes(routes!(read))
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
    /// Its files: PDF, PNG, JPEG or JSON, told by their content; at most 20 of at most 25 MB each, and 36 MB of body.
    #[serde(default)]
    #[schema(max_items = 20)]
    files: Vec<FileIn>,
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

/// A file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileIn {
    /// What it is called.
    name: String,
    /// All of it, as base64 (RFC 4648, section 4) without line ends.
    #[schema(content_encoding = "base64")]
    content: String,
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

/// Hands in a certificate with its files, or tries it.
#[utoipa::path(
    post, path = "/certificates", tag = "certificates", request_body = CertificateIn,
    params(DryRun, ("Idempotency-Key" = Option<String>, Header, description = "Names the call; needed unless it is a dry run.")),
    responses((status = 201, body = HandedInOut), (status = 200, body = HandedInOut, description = "A dry run, or sent before"))
)]
async fn hand_in(
    caller: Caller,
    Asked(DryRun { dry_run }): Asked<DryRun>,
    headers: HeaderMap,
    Sent(body): Sent<CertificateIn, LARGEST_WITH_FILES>,
) -> Result<Response, Refused> {
    caller.needs(Right::HandInCertificates)?;
    let supplier_id = caller.supplier()?;
    let submission = if dry_run { Uuid::nil() } else { caller.submission(&headers)? };
    let (mut command, files) = understood(body, supplier_id, submission);
    let files = looked_at(&caller, files).await?;
    let mut tx = caller.begin().await?;
    for (at, (name, file)) in files.iter().enumerate() {
        let added = caller.intake().add(&mut tx, file, name, Some(supplier_id)).await;
        command.certificate.documents.push(added.map_err(|error| match error {
            CommandError::Invalid(words) => not_taken(at, "file_no_room", words),
            error => error.into(),
        })?);
    }
    if dry_run {
        let checked = certificates::examine(&mut tx, &command).await?;
        // With the rows of the files: nothing is changed, and no content was kept.
        tx.rollback().await?;
        let findings = checked.findings.into_iter().map(FindingOut::from).collect();
        return Ok(Json(HandedInOut { certificate_id: None, findings, already: false, dry_run }).into_response());
    }
    let taken = certificates::hand_in(&mut tx, &command).await?;
    for (_, file) in files {
        caller.intake().keep(file.content).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "A document could not be kept");
            later("The storage of documents does not answer. Nothing was changed. Try again with the same Idempotency-Key.")
        })?;
    }
    tx.commit().await?;
    let status = if taken.already { StatusCode::OK } else { StatusCode::CREATED };
    let id = Some(taken.certificate_id.0);
    let out = HandedInOut { certificate_id: id, findings: Vec::new(), already: taken.already, dry_run };
    Ok((status, Json(out)).into_response())
}

fn understood(body: CertificateIn, supplier_id: SupplierId, submission: Uuid) -> (HandIn, Vec<FileIn>) {
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
    (HandIn { supplier_id, certificate, replaces, confirmed: body.confirmed, submission }, body.files)
}

/// What the files are and that they may be kept, with their names.
async fn looked_at(caller: &Caller, files: Vec<FileIn>) -> Result<Vec<(String, Looked)>, Refused> {
    if files.len() > MOST_DOCUMENTS {
        let message = format!("Send at most {MOST_DOCUMENTS} files; this has {}.", files.len());
        return Err(CommandError::from(vec![Finding::stops("files", "too_many_files", message)]).into());
    }
    let mut looked = Vec::with_capacity(files.len());
    for (at, FileIn { name, content }) in files.into_iter().enumerate() {
        let content = BASE64_STANDARD
            .decode(content)
            .map_err(|error| not_taken(at, "file_not_base64", format!("The content is no base64: {error}.")))?;
        let file = caller.intake().look(move || Ok(content), |_| Ok(())).await.map_err(|refusal| match refusal {
            Refusal::File(words) => not_taken(at, "file_not_taken", words),
            Refusal::Later(words) => later(words),
            Refusal::Broken => later("The file could not be looked at. Try again with the same Idempotency-Key."),
        })?;
        looked.push((name, file));
    }
    Ok(looked)
}

fn not_taken(at: usize, rule: &str, words: String) -> Refused {
    CommandError::from(vec![Finding::stops(format!("files.{at}.content"), rule, words)]).into()
}

fn later(words: &str) -> Refused {
    Refused { retry_after: Some(60), ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, words) }
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
    /// Its files.
    documents: Vec<DocumentOut>,
}

/// A file of a certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentOut {
    /// Which.
    document_id: Uuid,
    /// What it is called.
    name: String,
    /// What it is, told by its content.
    media_type: String,
    /// In bytes.
    size: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    sha256: String,
}

impl From<Document> for DocumentOut {
    fn from(document: Document) -> Self {
        Self {
            document_id: document.document_id.0,
            name: document.name,
            media_type: document.media_type.as_str().to_owned(),
            size: document.size,
            sha256: document.sha256,
        }
    }
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
            documents: record.documents.into_iter().map(DocumentOut::from).collect(),
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
