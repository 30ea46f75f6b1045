//! `/api/v1/ship-notices`: announce, amend, withdraw, follow and read, by the same checks as the page.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use domain::access::Right;
use domain::shipment::content::{
    AmendShipNotice, CancelShipNotice, LineContent, PackedContent, SendShipNotice, ShipContent, TellMilestone,
    UnitContent,
};
use domain::shipment::{Milestone, Moved, PackageKind, ShippedLot};
use domain::{DateTime, Decimal, Utc};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use store::ship_notice_list::{self, Filter, Key, NoticeRow, Page, View};
use store::ship_notices::{self, ShipNoticeRecord, Taken};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::call::{Asked, Caller, Desk, Sent, read_version, tag};
use super::orders::DryRun;
use super::problem::{FindingOut, Problem, Refused};

/// Rows of a page at the most.
const MOST: i64 = 200;

/// Its addresses.
pub fn router() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(list, send))
        .routes(routes!(read, amend))
        .routes(routes!(cancel))
        .routes(routes!(tell))
}

/// What is in a ship notice, as its supplier writes it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeContent {
    /// The supplier's delivery note.
    delivery_note: String,
    /// Day it leaves the supplier.
    ship_on: NaiveDate,
    /// Day on which it is expected, in the plant's calendar.
    arrive_on: NaiveDate,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    /// The carrier's number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
    /// Bill of lading or waybill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bill_of_lading: Option<String>,
    /// In the supplier's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What is in it; a schedule line at most once.
    lines: Vec<NoticeLine>,
    /// How it is packed.
    #[serde(default)]
    units: Vec<Package>,
}

/// So much of one schedule line.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeLine {
    /// Which promise it fulfils.
    schedule_line_id: Uuid,
    /// How much, in the line's unit.
    #[schema(value_type = String, example = "480")]
    quantity: Decimal,
    /// By lot.
    #[serde(default)]
    lots: Vec<Lot>,
    /// Serials of an item that has serials but no lots.
    #[serde(default)]
    serials: Vec<String>,
}

/// So much of one of the supplier's lots.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lot {
    /// The supplier's lot or heat.
    lot: String,
    /// How much, in the line's unit.
    #[schema(value_type = String, example = "480")]
    quantity: Decimal,
    /// Last day on which it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_on: Option<NaiveDate>,
    /// Day of production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    produced_on: Option<NaiveDate>,
    /// Country of origin, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// One for each piece, where the item is serial-controlled.
    #[serde(default)]
    serials: Vec<String>,
}

/// A package, numbered within the notice.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// From 1, each number once.
    number: i32,
    /// pallet, carton or other.
    #[schema(value_type = String, pattern = "^(pallet|carton|other)$")]
    kind: PackageKind,
    /// The number of the one it stands in or on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<i32>,
    /// Gross weight in kilograms.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gross_kg: Option<Decimal>,
    /// Given by us with the first sending; named again in an amendment it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sscc: Option<String>,
    /// What lies directly in it.
    #[serde(default)]
    contents: Vec<PackedIn>,
}

/// So much of a line (and lot) in one package.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackedIn {
    /// The line of the notice.
    schedule_line_id: Uuid,
    /// Which lot of it, where it has lots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lot: Option<String>,
    /// How much, in the line's unit.
    #[schema(value_type = String, example = "12")]
    quantity: Decimal,
}

impl From<NoticeContent> for ShipContent {
    fn from(content: NoticeContent) -> Self {
        let lot = |lot: Lot| ShippedLot {
            lot: lot.lot,
            quantity: lot.quantity,
            expires_on: lot.expires_on,
            produced_on: lot.produced_on,
            origin: lot.origin,
            serials: lot.serials,
        };
        let packed = |packed: PackedIn| PackedContent {
            schedule_line_id: packed.schedule_line_id.into(),
            lot: packed.lot,
            quantity: packed.quantity,
        };
        let line = |line: NoticeLine| LineContent {
            schedule_line_id: line.schedule_line_id.into(),
            quantity: line.quantity,
            lots: line.lots.into_iter().map(lot).collect(),
            serials: line.serials,
        };
        let unit = |unit: Package| UnitContent {
            number: unit.number,
            kind: unit.kind,
            parent: unit.parent,
            gross_kg: unit.gross_kg,
            sscc: unit.sscc,
            contents: unit.contents.into_iter().map(packed).collect(),
        };
        Self {
            delivery_note: content.delivery_note,
            ship_on: content.ship_on,
            arrive_on: content.arrive_on,
            carrier: content.carrier,
            tracking: content.tracking,
            bill_of_lading: content.bill_of_lading,
            note: content.note,
            lines: content.lines.into_iter().map(line).collect(),
            units: content.units.into_iter().map(unit).collect(),
        }
    }
}

impl From<ShipContent> for NoticeContent {
    fn from(content: ShipContent) -> Self {
        let lot = |lot: ShippedLot| Lot {
            lot: lot.lot,
            quantity: lot.quantity,
            expires_on: lot.expires_on,
            produced_on: lot.produced_on,
            origin: lot.origin,
            serials: lot.serials,
        };
        let packed = |packed: PackedContent| PackedIn {
            schedule_line_id: packed.schedule_line_id.0,
            lot: packed.lot,
            quantity: packed.quantity,
        };
        let line = |line: LineContent| NoticeLine {
            schedule_line_id: line.schedule_line_id.0,
            quantity: line.quantity,
            lots: line.lots.into_iter().map(lot).collect(),
            serials: line.serials,
        };
        let unit = |unit: UnitContent| Package {
            number: unit.number,
            kind: unit.kind,
            parent: unit.parent,
            gross_kg: unit.gross_kg,
            sscc: unit.sscc,
            contents: unit.contents.into_iter().map(packed).collect(),
        };
        Self {
            delivery_note: content.delivery_note,
            ship_on: content.ship_on,
            arrive_on: content.arrive_on,
            carrier: content.carrier,
            tracking: content.tracking,
            bill_of_lading: content.bill_of_lading,
            note: content.note,
            lines: content.lines.into_iter().map(line).collect(),
            units: content.units.into_iter().map(unit).collect(),
        }
    }
}

/// A ship notice as it is in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeOut {
    /// Our number.
    number: String,
    /// Counts its sendings; also the ETag.
    version: i32,
    /// announced, in_transit, arrived, partly_received, received or cancelled.
    status: String,
    /// Supplier number.
    supplier: String,
    /// Plant code.
    plant: String,
    /// When it was first sent.
    announced_at: DateTime<Utc>,
    /// Why it was withdrawn, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<String>,
    /// What is in it, in the form in which it is sent.
    content: NoticeContent,
}

impl From<ShipNoticeRecord> for NoticeOut {
    fn from(record: ShipNoticeRecord) -> Self {
        Self {
            number: record.notice.number.clone(),
            version: record.notice.version,
            status: record.status.as_str().to_owned(),
            supplier: record.supplier.0,
            plant: record.plant.0,
            announced_at: record.announced_at,
            cancel_reason: record.cancel_reason,
            content: record.notice.content().into(),
        }
    }
}

/// What a sending came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct TakenOut {
    /// Our number; none for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// The version in force; also the ETag. None for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    /// Where the goods are; none for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// What checks found. A dry run lists what would stop it as well.
    findings: Vec<FindingOut>,
    /// It had been sent before; this is the first result.
    already: bool,
    /// Nothing was changed.
    dry_run: bool,
}

fn taken(status: StatusCode, taken: Taken) -> Response {
    let out = TakenOut {
        number: Some(taken.number),
        version: Some(taken.version),
        status: Some(taken.status.as_str().to_owned()),
        findings: taken.warnings.into_iter().map(FindingOut::from).collect(),
        already: taken.already,
        dry_run: false,
    };
    let status = if taken.already { StatusCode::OK } else { status };
    (status, tag(taken.version), Json(out)).into_response()
}

fn tried(findings: Vec<domain::refusal::Finding>) -> Response {
    let findings = findings.into_iter().map(FindingOut::from).collect();
    Json(TakenOut { number: None, version: None, status: None, findings, already: false, dry_run: true })
        .into_response()
}

/// Which ship notices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NoticesAsked {
    /// expected, late, in_transit, at_plant, not_in_erp, received or cancelled.
    view: Option<String>,
    /// Plant codes, with commas.
    plant: Option<String>,
    /// Supplier numbers, with commas.
    supplier: Option<String>,
    /// Expected from this day.
    from: Option<NaiveDate>,
    /// Expected up to this day.
    to: Option<NaiveDate>,
    /// Number, delivery note, tracking, order, lot or SSCC.
    q: Option<String>,
    /// Rows: 1 to 200, 50 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    size: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of ship notices.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticePage {
    /// The newest first.
    notices: Vec<ListedNotice>,
    /// For `after`, where there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A ship notice in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedNotice {
    /// Our number.
    number: String,
    /// Version in force.
    version: i32,
    /// Where the goods are.
    status: String,
    /// The supplier's delivery note.
    delivery_note: String,
    /// Supplier number.
    supplier: String,
    /// Plant code.
    plant: String,
    /// Day it leaves the supplier.
    ship_on: NaiveDate,
    /// Day on which it is expected now.
    arrive_on: NaiveDate,
    /// That day has passed, and it is still to come.
    is_late: bool,
    /// Orders in it.
    orders: Vec<String>,
    /// When it was announced.
    announced_at: DateTime<Utc>,
}

impl From<NoticeRow> for ListedNotice {
    fn from(row: NoticeRow) -> Self {
        Self {
            number: row.number,
            version: row.version,
            status: row.status.as_str().to_owned(),
            delivery_note: row.delivery_note,
            supplier: row.supplier.0,
            plant: row.plant,
            ship_on: row.ship_on,
            arrive_on: row.arrive_on,
            is_late: row.is_late,
            orders: row.orders,
            announced_at: row.announced_at,
        }
    }
}

fn bad(words: impl Into<String>) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, words)
}

/// Lists ship notices, the newest first.
#[utoipa::path(get, path = "/ship-notices", tag = "ship notices", params(NoticesAsked), responses((status = 200, body = NoticePage)))]
async fn list(caller: Caller, Asked(asked): Asked<NoticesAsked>) -> Result<Json<NoticePage>, Refused> {
    caller.needs(Right::ReadShipNotices)?;
    let size = asked.size.unwrap_or(50);
    if !(1..=MOST).contains(&size) {
        return Err(bad(format!("size is 1 to {MOST}.")));
    }
    let view = asked.view.as_deref().map(|word| View::parse(word).ok_or_else(|| bad(format!("{word:?} is no view."))));
    let after = asked.after.as_deref().map(|text| {
        let key = text.split_once('_').and_then(|(at, id)| Some(Key { at: at.parse().ok()?, id: id.parse().ok()? }));
        key.ok_or_else(|| bad("after is `next` of the page before."))
    });
    let words = |text: Option<String>| -> Vec<String> {
        text.iter()
            .flat_map(|text| text.split(','))
            .map(|word| word.trim().to_owned())
            .filter(|word| !word.is_empty())
            .collect()
    };
    let filter = Filter {
        view: view.transpose()?,
        plants: words(asked.plant),
        suppliers: words(asked.supplier),
        from: asked.from,
        to: asked.to,
        text: asked.q.filter(|text| !text.trim().is_empty()),
    };
    let page = Page { after: after.transpose()?, before: None, size: size + 1 };
    let mut tx = caller.read().await?;
    let mut rows = ship_notice_list::page(&mut tx, &filter, &page).await?;
    tx.commit().await?;
    let more = i64::try_from(rows.len()).is_ok_and(|found| found > size);
    rows.truncate(usize::try_from(size).unwrap_or_default());
    let key = rows.last().filter(|_| more).map(NoticeRow::key);
    // With a Z, so that it needs no escaping in an address.
    let next = key.map(|key| format!("{}_{}", key.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true), key.id));
    Ok(Json(NoticePage { notices: rows.into_iter().map(ListedNotice::from).collect(), next }))
}

/// Reads a ship notice. The ETag is its version.
#[utoipa::path(
    get, path = "/ship-notices/{number}", tag = "ship notices", params(("number" = String, Path, description = "Our number, e.g. SN-000017")),
    responses((status = 200, body = NoticeOut, headers(("etag" = String, description = "The version"))))
)]
async fn read(caller: Caller, Path(number): Path<String>) -> Result<Response, Refused> {
    caller.needs(Right::ReadShipNotices)?;
    let mut tx = caller.read().await?;
    let record = ship_notices::get(&mut tx, &number).await?;
    tx.commit().await?;
    Ok((tag(record.notice.version), Json(NoticeOut::from(record))).into_response())
}

/// Announces what is shipped, or tries it.
#[utoipa::path(
    post, path = "/ship-notices", tag = "ship notices", request_body = NoticeContent,
    params(DryRun, ("Idempotency-Key" = Option<String>, Header, description = "Names the call; needed unless it is a dry run.")),
    responses((status = 201, body = TakenOut), (status = 200, body = TakenOut, description = "A dry run, or sent before"))
)]
async fn send(
    caller: Caller,
    Asked(DryRun { dry_run }): Asked<DryRun>,
    headers: HeaderMap,
    Sent(body): Sent<NoticeContent>,
) -> Result<Response, Refused> {
    caller.needs(Right::SendShipNotices)?;
    let content = ShipContent::from(body);
    if dry_run {
        let mut tx = caller.read().await?;
        let findings = ship_notices::dry_run(&mut tx, &content).await?;
        tx.commit().await?;
        return Ok(tried(findings));
    }
    let submission = caller.submission(&headers)?;
    let mut tx = caller.begin().await?;
    let outcome = ship_notices::send(&mut tx, &SendShipNotice { content, submission }).await?;
    tx.commit().await?;
    Ok(taken(StatusCode::CREATED, outcome))
}

/// How an amendment is sent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AmendAsked {
    /// Only say what would happen.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
    /// Why it is amended.
    reason: Option<String>,
}

/// Replaces what is in a ship notice, until it is received.
#[utoipa::path(
    put, path = "/ship-notices/{number}", tag = "ship notices", request_body = NoticeContent,
    params(
        ("number" = String, Path, description = "Our number"), AmendAsked,
        ("If-Match" = String, Header, description = "The ETag as it was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the call; needed unless it is a dry run."),
    ),
    responses((status = 200, body = TakenOut), (status = 412, body = Problem, content_type = "application/problem+json"))
)]
async fn amend(
    caller: Caller,
    Path(number): Path<String>,
    Asked(AmendAsked { dry_run, reason }): Asked<AmendAsked>,
    headers: HeaderMap,
    Sent(body): Sent<NoticeContent>,
) -> Result<Response, Refused> {
    caller.needs(Right::SendShipNotices)?;
    let version = read_version(&headers)?;
    let content = ShipContent::from(body);
    if dry_run {
        let mut tx = caller.read().await?;
        let findings = ship_notices::dry_run_amend(&mut tx, &number, version, &content).await?;
        tx.commit().await?;
        return Ok(tried(findings));
    }
    let submission = caller.submission(&headers)?;
    let mut tx = caller.begin().await?;
    let command = AmendShipNotice { version, content, reason, submission };
    let outcome = ship_notices::amend(&mut tx, &number, &command).await?;
    tx.commit().await?;
    Ok(taken(StatusCode::OK, outcome))
}

/// Why a ship notice is withdrawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelIn {
    /// In the supplier's words.
    reason: String,
}

/// Withdraws a ship notice, before anything of it is received.
#[utoipa::path(
    post, path = "/ship-notices/{number}/cancellation", tag = "ship notices", request_body = CancelIn,
    params(
        ("number" = String, Path, description = "Our number"),
        ("If-Match" = String, Header, description = "The ETag as it was read"),
        ("Idempotency-Key" = String, Header, description = "Names the call."),
    ),
    responses((status = 200, body = TakenOut), (status = 412, body = Problem, content_type = "application/problem+json"))
)]
async fn cancel(
    caller: Caller,
    Path(number): Path<String>,
    headers: HeaderMap,
    Sent(CancelIn { reason }): Sent<CancelIn>,
) -> Result<Response, Refused> {
    caller.needs(Right::SendShipNotices)?;
    let (submission, version) = (caller.submission(&headers)?, read_version(&headers)?);
    let mut tx = caller.begin().await?;
    let outcome = ship_notices::cancel(&mut tx, &number, &CancelShipNotice { version, reason, submission }).await?;
    tx.commit().await?;
    Ok(taken(StatusCode::OK, outcome))
}

/// What happened to goods on their way.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneIn {
    /// picked_up, departed, delayed, arrived_at_gate or receiving.
    #[schema(value_type = String, pattern = "^(picked_up|departed|delayed|arrived_at_gate|receiving)$")]
    milestone: Milestone,
    /// When, at its place.
    happened_at: DateTime<Utc>,
    /// The day now expected, where it changed.
    #[serde(default)]
    arrive_on: Option<NaiveDate>,
    /// In the teller's words.
    #[serde(default)]
    note: Option<String>,
}

/// Tells what happened to goods on their way.
#[utoipa::path(
    post, path = "/ship-notices/{number}/milestones", tag = "ship notices", request_body = MilestoneIn,
    params(
        ("number" = String, Path, description = "Our number"),
        ("Idempotency-Key" = String, Header, description = "Names the call."),
    ),
    responses((status = 200, body = TakenOut))
)]
async fn tell(
    caller: Caller,
    Path(number): Path<String>,
    headers: HeaderMap,
    Sent(body): Sent<MilestoneIn>,
) -> Result<Response, Refused> {
    caller.needs(Right::TellMilestones)?;
    let submission = caller.submission(&headers)?;
    let moved =
        Moved { milestone: body.milestone, happened_at: body.happened_at, arrive_on: body.arrive_on, note: body.note };
    let mut tx = caller.begin().await?;
    let outcome = ship_notices::tell(&mut tx, &number, &TellMilestone { moved, submission }).await?;
    tx.commit().await?;
    Ok(taken(StatusCode::OK, outcome))
}
