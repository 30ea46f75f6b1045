//! Quality certificates: handing in, the decision on them, and letting one go. Lists are in [`crate::certificate_list`], what
//! is missing in [`crate::coverage`], what items need in [`crate::specifications`].

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, Scope, may};
use domain::certificate::check::{Checked, Facts, check};
use domain::certificate::specification::Specification;
use domain::certificate::{Certificate, CertificateKind, CertificatePer, CertificateStatus, Measured};
use domain::event::{Event, Subject, SubjectKind};
use domain::id::{CertificateId, DocumentId, ItemId, PlantId, ScheduleLineId, SpecificationId, SupplierId};
use domain::refusal::{Finding, Weight};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::documents::{self, Document, actor_name};
use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::orders::{read_json, read_word};
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;
use crate::{audit, specifications};

/// The most files of one certificate.
pub const MOST_DOCUMENTS: usize = 20;

/// Hand in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandIn {
    /// Whose it is.
    pub supplier_id: SupplierId,
    /// What it says; its id is given by us.
    pub certificate: Certificate,
    /// The one whose place it takes.
    #[serde(default)]
    pub replaces: Option<CertificateId>,
    /// The person has seen the differences and says that the paper is like that.
    #[serde(default)]
    pub confirmed: bool,
    /// Sent twice, the first result counts.
    pub submission: Uuid,
}

/// What handing in came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedIn {
    /// The new certificate.
    pub certificate_id: CertificateId,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// A certificate with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRecord {
    /// What it says.
    pub certificate: Certificate,
    /// Which item.
    pub item_id: ItemId,
    /// What the item is called.
    pub description: String,
    /// Whose it is.
    pub supplier_id: SupplierId,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// Where it stands.
    pub status: CertificateStatus,
    /// What the check said when it was handed in.
    pub findings: Vec<Finding>,
    /// The version of the specification that it was checked against.
    pub specification: Option<(SpecificationId, Specification)>,
    /// The one whose place it took.
    pub replaces: Option<CertificateId>,
    /// The one that took its place.
    pub replaced_by: Option<CertificateId>,
    /// By whom it was handed in.
    pub submitted_by: String,
    /// When.
    pub submitted_at: DateTime<Utc>,
    /// Who decided, when, and what he said.
    pub decided: Option<(String, DateTime<Utc>, Option<String>)>,
    /// Its files.
    pub documents: Vec<Document>,
}

fn about(id: CertificateId, supplier_id: SupplierId) -> About {
    // No plant: a certificate counts wherever its lots go. No home: everybody who carries the kind is told.
    About {
        subject: Subject { kind: SubjectKind::Certificate, id: id.0 },
        plant_id: None,
        supplier_id: Some(supplier_id),
        home: None,
    }
}

/// What the check says, without handing anything in: for the page before sending, and for a dry run of the API.
pub async fn examine(tx: &mut Tx, command: &HandIn) -> Result<Checked, CommandError> {
    Ok(examined(tx, command).await?.checked)
}

struct Examined {
    checked: Checked,
    item_id: ItemId,
    specification_id: Option<SpecificationId>,
}

async fn examined(tx: &mut Tx, command: &HandIn) -> Result<Examined, CommandError> {
    let own = match tx.scope() {
        Scope::All => true,
        Scope::Plants(_) => false,
        Scope::Suppliers(suppliers) => suppliers.contains(&command.supplier_id),
    };
    if !own {
        return Err(CommandError::NotFound { what: "supplier" });
    }
    let certificate = &command.certificate;
    let item_id = sqlx::query_scalar!(
        "select item_id from order_line where item_number = $1 and supplier_id = $2 limit 1",
        certificate.item.trim(),
        command.supplier_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    let Some(item_id) = item_id.map(ItemId) else {
        let message = "Choose an item that you were ordered.";
        return Ok(Examined {
            checked: Checked { rows: Vec::new(), findings: vec![Finding::stops("item", "item_unknown", message)] },
            item_id: ItemId(Uuid::nil()),
            specification_id: None,
        });
    };
    let today = tx.now().date_naive();
    let facts = Facts { today, lots: announced_lots(tx, command.supplier_id, item_id).await? };
    let in_force = specifications::in_force(tx, item_id, today).await?;
    let mut checked = check(certificate, in_force.as_ref().map(|row| &row.specification), &facts);
    checked.findings.extend(around(tx, command, item_id).await?);
    Ok(Examined { checked, item_id, specification_id: in_force.map(|row| row.specification_id) })
}

/// Lots of an item that the supplier announced, with their day of production.
pub async fn announced_lots(
    tx: &mut Tx,
    supplier_id: SupplierId,
    item_id: ItemId,
) -> Result<Vec<(String, Option<NaiveDate>)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select t.lot, min(t.produced_on) as produced_on, max(n.announced_at) as latest
        from ship_notice_line l
        join ship_notice n using (ship_notice_id)
        join ship_notice_lot t using (ship_line_id)
        where l.supplier_id = $1 and l.item_id = $2 and l.is_live
        group by t.lot
        order by latest desc, t.lot
        limit 500
        "#,
        supplier_id.0,
        item_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(|row| (row.lot, row.produced_on)).collect())
}

/// What the paper alone cannot say: files, doubles, what it replaces.
async fn around(tx: &mut Tx, command: &HandIn, item_id: ItemId) -> Result<Vec<Finding>, CommandError> {
    let certificate = &command.certificate;
    let mut findings = Vec::new();
    let too_long = [
        ("number", certificate.number.as_str(), 80),
        ("issuer", certificate.issuer.as_str(), 120),
        ("delivery_note", certificate.delivery_note.as_deref().unwrap_or_default(), 80),
    ];
    for (at, text, most) in too_long {
        if text.chars().count() > most {
            findings.push(Finding::stops(at, "text_too_long", format!("Enter at most {most} characters.")));
        }
    }
    if certificate.lots.len() > 500 || certificate.lots.iter().any(|lot| lot.chars().count() > 80) {
        findings.push(Finding::stops("lots", "lots_too_many", "Enter at most 500 lots of at most 80 characters each."));
    }
    if certificate.values.len() > domain::certificate::reading::MOST_VALUES {
        findings.push(Finding::stops("values", "values_too_many", "Enter at most 2,000 values."));
    }
    if certificate.documents.is_empty() && certificate.values.is_empty() {
        let message = "Attach the certificate as a file, or enter its values.";
        findings.push(Finding::stops("files", "nothing_attached", message));
    }
    if certificate.documents.len() > MOST_DOCUMENTS {
        let message = format!("Attach at most {MOST_DOCUMENTS} files; this has {}.", certificate.documents.len());
        findings.push(Finding::stops("files", "too_many_files", message));
    }
    let ids: Vec<Uuid> = certificate.documents.iter().map(|id| id.0).collect();
    let own = sqlx::query_scalar!(
        r#"select count(*) as "own!" from document where document_id = any($1) and supplier_id = $2"#,
        &ids,
        command.supplier_id.0
    )
    .fetch_one(tx.sql())
    .await?;
    if usize::try_from(own) != Ok(ids.len()) {
        findings.push(Finding::stops("files", "file_unknown", "A file was not found. Attach it again."));
    }
    let replaced = command.replaces.map_or(Uuid::nil(), |id| id.0);
    let double = sqlx::query_scalar!(
        r#"
        select number from certificate
        where supplier_id = $1 and item_id = $2 and kind = $3 and lower(number) = lower($4)
          and status in ('submitted', 'accepted') and certificate_id <> $5
        limit 1
        "#,
        command.supplier_id.0,
        item_id.0,
        certificate.kind.as_str(),
        certificate.number.trim(),
        replaced
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(number) = double {
        let message =
            format!("Certificate {number} of this item was handed in already. To change it, open it and replace it.");
        findings.push(Finding::stops("number", "number_taken", message));
    }
    Ok(findings)
}

/// Hands in a certificate. Differences do not stop it once they are confirmed; what cannot be true does.
pub async fn hand_in(tx: &mut Tx, command: &HandIn) -> Result<HandedIn, CommandError> {
    may(tx.actor(), Action::HandInCertificate)?;
    wait_for_own(tx, command.submission).await?;
    let sent = Sent { submission: command.submission, action: "certificate.hand_in", object: command.supplier_id.0 };
    if let Some(first) = first_outcome::<HandedIn>(tx, &sent).await? {
        return Ok(HandedIn { already: true, ..first });
    }
    let Examined { checked, item_id, specification_id } = examined(tx, command).await?;
    let mut findings = checked.findings;
    if Finding::any_stops(&findings) {
        return Err(findings.into());
    }
    if !findings.is_empty() && !command.confirmed {
        let message = "Look at the differences below. If the certificate really says so, tick that you have seen them and send again.";
        findings.insert(0, Finding::stops("confirmed", "not_confirmed", message));
        return Err(findings.into());
    }
    if let Some(replaced) = command.replaces {
        replace(tx, replaced, command.supplier_id, item_id).await?;
    }
    let id = CertificateId(tx.new_id());
    let certificate = tidy(&command.certificate, id);
    insert(tx, &certificate, command, item_id, specification_id, &findings).await?;
    let event = Event::CertificateSubmitted { certificate: Box::new(certificate.clone()) };
    events::append(tx, about(id, command.supplier_id), &[event], None).await?;
    let after = json!({
        "number": certificate.number, "kind": certificate.kind, "item": certificate.item, "lots": certificate.lots,
        "documents": certificate.documents, "values": certificate.values.len(), "replaces": command.replaces,
        "differences": findings.iter().map(|finding| &finding.rule).collect::<Vec<_>>(),
    });
    note(tx, "certificate.hand_in", &certificate.number, command.supplier_id, Some(after), None).await?;
    let outcome = HandedIn { certificate_id: id, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// A second click waits here for the first: there is no row yet that it could wait for.
async fn wait_for_own(tx: &mut Tx, submission: Uuid) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('submission/' || $1, 0))", submission.to_string())
        .fetch_one(tx.sql())
        .await?;
    Ok(())
}

/// Without blanks around, lots once each.
fn tidy(certificate: &Certificate, id: CertificateId) -> Certificate {
    let text = |text: &str| text.trim().to_owned();
    let mut lots: Vec<String> = Vec::new();
    for lot in certificate.lots.iter().map(|lot| text(lot)).filter(|lot| !lot.is_empty()) {
        if !lots.contains(&lot) {
            lots.push(lot);
        }
    }
    Certificate {
        certificate_id: id,
        number: text(&certificate.number),
        item: text(&certificate.item),
        issuer: text(&certificate.issuer),
        delivery_note: certificate.delivery_note.as_deref().map(text).filter(|note| !note.is_empty()),
        valid_until: certificate.valid_until.filter(|_| certificate.per == CertificatePer::Standing),
        lots,
        ..certificate.clone()
    }
}

async fn replace(
    tx: &mut Tx,
    replaced: CertificateId,
    supplier_id: SupplierId,
    item_id: ItemId,
) -> Result<(), CommandError> {
    let old = sqlx::query!(
        "select status, supplier_id, item_id from certificate where certificate_id = $1 for update",
        replaced.0
    )
    .fetch_optional(tx.sql())
    .await?
    .filter(|old| old.supplier_id == supplier_id.0)
    .ok_or(CommandError::NotFound { what: "certificate" })?;
    if old.item_id != item_id.0 {
        let message = "The certificate that this one replaces is of another item. Choose that item.";
        return Err(vec![Finding::stops("item", "other_item", message)].into());
    }
    match read_word("certificate status", &old.status)? {
        CertificateStatus::Submitted | CertificateStatus::Rejected => {}
        CertificateStatus::Accepted => {
            let message = "The certificate was accepted meanwhile and need not be replaced.";
            return Err(CommandError::Invalid(message.to_owned()));
        }
        CertificateStatus::Replaced => {
            return Err(CommandError::Invalid("The certificate was replaced already. Open the newer one.".to_owned()));
        }
    }
    sqlx::query!("update certificate set status = 'replaced' where certificate_id = $1", replaced.0)
        .execute(tx.sql())
        .await?;
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    certificate: &Certificate,
    command: &HandIn,
    item_id: ItemId,
    specification_id: Option<SpecificationId>,
    findings: &[Finding],
) -> Result<(), CommandError> {
    let unreadable = |error| StoreError::unreadable("certificate", error);
    let now = tx.now();
    let (values, findings, by) = (
        serde_json::to_value(&certificate.values).map_err(unreadable)?,
        serde_json::to_value(findings).map_err(unreadable)?,
        serde_json::to_value(tx.actor()).map_err(unreadable)?,
    );
    sqlx::query!(
        r#"
        insert into certificate
            (certificate_id, number, kind, per, status, supplier_id, item_id, item_number, delivery_note, issuer, issued_on,
             valid_until, measured, findings, specification_id, replaces_id, submitted_by, submitted_at)
        values ($1, $2, $3, $4, 'submitted', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        "#,
        certificate.certificate_id.0,
        certificate.number,
        certificate.kind.as_str(),
        certificate.per.as_str(),
        command.supplier_id.0,
        item_id.0,
        certificate.item,
        certificate.delivery_note,
        certificate.issuer,
        certificate.issued_on,
        certificate.valid_until,
        values,
        findings,
        specification_id.map(|id| id.0),
        command.replaces.map(|id| id.0),
        by,
        now,
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        "insert into certificate_lot (certificate_id, item_id, lot, supplier_id) select $1, $2, lot, $4 from unnest($3::text[]) as lot",
        certificate.certificate_id.0,
        item_id.0,
        &certificate.lots,
        command.supplier_id.0,
    )
    .execute(tx.sql())
    .await?;
    let mut documents: Vec<Uuid> = certificate.documents.iter().map(|id| id.0).collect();
    documents.sort_unstable();
    documents.dedup();
    sqlx::query!(
        "insert into certificate_document (certificate_id, document_id, supplier_id) select $1, document, $3 from unnest($2::uuid[]) as document",
        certificate.certificate_id.0,
        &documents,
        command.supplier_id.0,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A certificate, within the scope.
pub async fn get(tx: &mut Tx, id: CertificateId) -> Result<CertificateRecord, CommandError> {
    let row = sqlx::query!(
        r#"
        select c.number, c.kind, c.per, c.status, c.supplier_id, c.item_id, c.item_number, c.delivery_note, c.issuer,
               c.issued_on, c.valid_until, c.measured, c.findings, c.specification_id, c.replaces_id, c.submitted_by,
               c.submitted_at, c.decided_by, c.decided_at, c.decision_note, i.description,
               s.number as supplier_number, s.name as supplier_name,
               (select n.certificate_id from certificate n where n.replaces_id = c.certificate_id order by n.submitted_at desc limit 1) as replaced_by,
               coalesce((select array_agg(l.lot order by l.lot) from certificate_lot l where l.certificate_id = c.certificate_id), '{}') as "lots!: Vec<String>",
               coalesce((select array_agg(d.document_id) from certificate_document d where d.certificate_id = c.certificate_id), '{}') as "documents!: Vec<Uuid>"
        from certificate c
        join item i using (item_id)
        join supplier s using (supplier_id)
        where c.certificate_id = $1
        "#,
        id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "certificate" })?;
    let ids: Vec<DocumentId> = row.documents.into_iter().map(DocumentId).collect();
    let documents = documents::some(tx, &ids).await?;
    let specification = match row.specification_id {
        Some(id) => specifications::version(tx, SpecificationId(id)).await?,
        None => None,
    };
    let values: Vec<Measured> = read_json("measured values", row.measured)?;
    Ok(CertificateRecord {
        certificate: Certificate {
            certificate_id: id,
            number: row.number,
            kind: read_word("certificate kind", &row.kind)?,
            per: read_word("certificate scope", &row.per)?,
            item: row.item_number,
            lots: row.lots,
            delivery_note: row.delivery_note,
            issuer: row.issuer,
            issued_on: row.issued_on,
            valid_until: row.valid_until,
            documents: ids,
            values,
        },
        item_id: ItemId(row.item_id),
        description: row.description,
        supplier_id: SupplierId(row.supplier_id),
        supplier: (row.supplier_number, row.supplier_name),
        status: read_word("certificate status", &row.status)?,
        findings: read_json("findings", row.findings)?,
        specification: specification.map(|row| (row.specification_id, row.specification)),
        replaces: row.replaces_id.map(CertificateId),
        replaced_by: row.replaced_by.map(CertificateId),
        submitted_by: actor_name(&row.submitted_by),
        submitted_at: row.submitted_at,
        decided: row
            .decided_at
            .map(|at| (row.decided_by.as_ref().map(actor_name).unwrap_or_default(), at, row.decision_note)),
        documents,
    })
}

/// A decision on a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decide {
    /// Taken, or turned away.
    pub accept: bool,
    /// Why; must be there to turn it away.
    pub note: Option<String>,
    /// Sent twice, the first result counts.
    pub submission: Uuid,
}

/// Takes a certificate or turns it away. Only one that was handed in and not decided.
pub async fn decide(tx: &mut Tx, id: CertificateId, command: &Decide) -> Result<(), CommandError> {
    may(tx.actor(), Action::DecideCertificate)?;
    sqlx::query!("select certificate_id from certificate where certificate_id = $1 for update", id.0)
        .fetch_optional(tx.sql())
        .await?;
    let record = get(tx, id).await?;
    let sent = Sent { submission: command.submission, action: "certificate.decide", object: id.0 };
    if first_outcome::<bool>(tx, &sent).await?.is_some() {
        return Ok(());
    }
    let note_text = command.note.as_deref().map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
    if !command.accept && note_text.is_none() {
        let message = "Say why in a few words: the supplier sees them.";
        return Err(vec![Finding::stops("reason", "reason_missing", message)].into());
    }
    if note_text.as_ref().is_some_and(|note| note.chars().count() > 2_000) {
        return Err(vec![Finding::stops("reason", "reason_too_long", "Enter at most 2,000 characters.")].into());
    }
    match record.status {
        CertificateStatus::Submitted => {}
        CertificateStatus::Replaced => {
            return Err(CommandError::Invalid(
                "The supplier replaced it meanwhile. Decide on the newer one.".to_owned(),
            ));
        }
        CertificateStatus::Accepted | CertificateStatus::Rejected => {
            let by = record.decided.as_ref().map_or("somebody", |(by, _, _)| by.as_str());
            return Err(CommandError::Invalid(format!("{by} decided on it meanwhile: it is {} now.", record.status)));
        }
    }
    let status = if command.accept { CertificateStatus::Accepted } else { CertificateStatus::Rejected };
    let by = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    sqlx::query!(
        "update certificate set status = $2, decided_by = $3, decided_at = $4, decision_note = $5 where certificate_id = $1",
        id.0,
        status.as_str(),
        by,
        now,
        note_text,
    )
    .execute(tx.sql())
    .await?;
    let Certificate { number, item, lots, .. } = record.certificate;
    let event = match (&note_text, command.accept) {
        (Some(reason), false) => Event::CertificateRejected {
            certificate_id: id,
            number: number.clone(),
            item,
            lots,
            reason: reason.clone(),
        },
        _ => Event::CertificateAccepted {
            certificate_id: id,
            number: number.clone(),
            item,
            lots,
            note: note_text.clone(),
        },
    };
    events::append(tx, about(id, record.supplier_id), &[event], None).await?;
    let after = json!({ "status": status, "differences": record.findings.len() });
    note(tx, "certificate.decide", &number, record.supplier_id, Some(after), note_text).await?;
    keep_outcome(tx, &sent, &command.accept).await
}

/// Let a required certificate go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waive {
    /// For the shipments of this schedule line.
    pub schedule_line_id: ScheduleLineId,
    /// Which certificate.
    pub kind: CertificateKind,
    /// For one lot only.
    #[serde(default)]
    pub lot: Option<String>,
    /// Why.
    pub reason: String,
    /// Sent twice, the first result counts.
    pub submission: Uuid,
}

/// Lets a required certificate go for the shipments of one schedule line, with a reason. Done twice it changes nothing.
pub async fn waive(tx: &mut Tx, command: &Waive) -> Result<(), CommandError> {
    may(tx.actor(), Action::WaiveCertificate)?;
    let line = sqlx::query!(
        r#"
        select s.supplier_id, s.plant_id, s.order_id, o.number as order_number, o.connection_id, l.number as line_number,
               l.item_id, l.item_number,
               exists (select from certificate_requirement r
                       where r.item_id = l.item_id and r.kind = $2 and r.ended_at is null
                         and (r.supplier_id is null or r.supplier_id = s.supplier_id)
                         and (r.plant_id is null or r.plant_id = s.plant_id)) as "is_required!"
        from schedule_line s
        join order_line l using (order_line_id)
        join purchase_order o on o.order_id = s.order_id
        where s.schedule_line_id = $1
        for update of s
        "#,
        command.schedule_line_id.0,
        command.kind.as_str()
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "schedule line" })?;
    let sent = Sent { submission: command.submission, action: "certificate.waive", object: command.schedule_line_id.0 };
    if first_outcome::<bool>(tx, &sent).await?.is_some() {
        return Ok(());
    }
    let reason = command.reason.trim();
    let mut findings = Vec::new();
    if reason.is_empty() {
        findings.push(Finding::stops("reason", "reason_missing", "Say why this certificate is not needed here."));
    }
    if reason.chars().count() > 2_000 {
        findings.push(Finding::stops("reason", "reason_too_long", "Enter at most 2,000 characters."));
    }
    if !line.is_required {
        let message = format!("No {} is required for item {} here.", command.kind.short(), line.item_number);
        findings.push(Finding::stops("kind", "not_required", message));
    }
    if Finding::any_stops(&findings) {
        return Err(findings.into());
    }
    let lot = command.lot.as_deref().map(str::trim).filter(|lot| !lot.is_empty()).map(str::to_owned);
    let notice = sqlx::query!(
        r#"
        select n.ship_notice_id, n.number from ship_notice n join ship_notice_line l using (ship_notice_id)
        where l.schedule_line_id = $1 and l.is_live order by n.announced_at desc limit 1
        "#,
        command.schedule_line_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    let (id, now) = (tx.new_id(), tx.now());
    let by = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    sqlx::query!(
        r#"
        insert into certificate_waiver
            (waiver_id, ship_notice_id, schedule_line_id, item_id, kind, lot, reason, waived_by, waived_at, supplier_id, plant_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        "#,
        id,
        notice.as_ref().map(|notice| notice.ship_notice_id),
        command.schedule_line_id.0,
        line.item_id,
        command.kind.as_str(),
        lot,
        reason,
        by,
        now,
        line.supplier_id,
        line.plant_id,
    )
    .execute(tx.sql())
    .await?;
    // Before anything is shipped there is no shipment to tell it of; then it belongs to the story of the order.
    let (subject, name) = match notice {
        Some(notice) => (Subject { kind: SubjectKind::Shipment, id: notice.ship_notice_id }, notice.number),
        None => (
            Subject { kind: SubjectKind::Order, id: line.order_id },
            format!("{} / {}", line.order_number, line.line_number),
        ),
    };
    let event = Event::CertificateWaived {
        notice: name,
        item: line.item_number.clone(),
        certificate: command.kind,
        lot: lot.clone(),
        reason: reason.to_owned(),
    };
    let about = About {
        subject,
        plant_id: Some(PlantId(line.plant_id)),
        supplier_id: Some(SupplierId(line.supplier_id)),
        home: None,
    };
    events::append(tx, about, &[event], None).await?;
    let after = json!({ "kind": command.kind, "item": line.item_number, "lot": lot, "line": line.line_number });
    let entry = audit::Entry {
        action: "certificate.waive",
        object_kind: "order",
        object_id: line.order_number,
        before: None,
        after: Some(after),
        reason: Some(reason.to_owned()),
        plant_id: Some(PlantId(line.plant_id)),
        supplier_id: Some(SupplierId(line.supplier_id)),
    };
    audit::append(tx, entry).await?;
    keep_outcome(tx, &sent, &true).await
}

/// How many of its findings a person has to look at.
pub fn differences(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.weight == Weight::Warns).count()
}

async fn note(
    tx: &mut Tx,
    action: &str,
    number: &str,
    supplier_id: SupplierId,
    after: Option<serde_json::Value>,
    reason: Option<String>,
) -> Result<(), StoreError> {
    let entry = audit::Entry {
        action,
        object_kind: "certificate",
        object_id: number.to_owned(),
        before: None,
        after,
        reason,
        plant_id: None,
        supplier_id: Some(supplier_id),
    };
    audit::append(tx, entry).await
}
