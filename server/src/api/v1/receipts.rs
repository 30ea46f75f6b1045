//! `/api/v1/receipts`: what really came, told by a warehouse or terminal of the house, by the rules of the dock's page.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use domain::access::Right;
use domain::receipt::ReceiptChannel;
use domain::receipt::post::{Against, PostLine, PostReceipt};
use domain::{DateTime, Decimal, Utc};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use store::receipts::{self, ReceiptRecord};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::call::{Asked, Caller, Desk, Sent};
use super::orders::DryRun;
use super::problem::{FindingOut, Refused};

/// Its addresses.
pub fn router() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(post)).routes(routes!(read))
}

/// What was received.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptIn {
    /// The ship notice that it is against, by our number.
    #[serde(default)]
    notice: Option<String>,
    /// The order that it is against, where nobody announced the goods.
    #[serde(default)]
    order: Option<String>,
    /// The version of the ship notice that was read.
    #[serde(default)]
    version: Option<i32>,
    /// The supplier's delivery note, for goods that nobody announced.
    #[serde(default)]
    delivery_note: Option<String>,
    /// When the goods were received.
    received_at: DateTime<Utc>,
    /// Nothing more is expected of the ship notice: what is missing is short.
    #[serde(default)]
    complete: bool,
    /// What came; empty to receive everything as announced.
    #[serde(default)]
    lines: Vec<ReceivedIn>,
}

/// What came of a line and lot.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceivedIn {
    /// The line of the ship notice.
    #[serde(default)]
    notice_line: Option<i32>,
    /// The order's line, where the receipt is against an order.
    #[serde(default)]
    line: Option<String>,
    /// The item that came, where it is not the one of the line.
    #[serde(default)]
    item: Option<String>,
    /// The supplier's lot, as the label says.
    #[serde(default)]
    lot: Option<String>,
    /// Last day on which it may be used; as announced where nothing is given.
    #[serde(default)]
    expires_on: Option<NaiveDate>,
    /// Came undamaged.
    #[schema(value_type = String, example = "480")]
    accepted: Decimal,
    /// Came damaged.
    #[schema(value_type = String, example = "0")]
    #[serde(default)]
    damaged: Decimal,
    /// In own words.
    #[serde(default)]
    note: Option<String>,
}

/// What a receipt came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct PostedOut {
    /// Our number; none for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// The case that was opened because announced and received differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    /// What checks found. A dry run lists what would stop it as well.
    findings: Vec<FindingOut>,
    /// It had been sent before; this is the first result.
    already: bool,
    /// Nothing was changed.
    dry_run: bool,
}

/// Tells what was received, or tries it.
#[utoipa::path(
    post, path = "/receipts", tag = "receipts", request_body = ReceiptIn,
    params(DryRun, ("Idempotency-Key" = Option<String>, Header, description = "Names the call; needed unless it is a dry run.")),
    responses((status = 201, body = PostedOut), (status = 200, body = PostedOut, description = "A dry run, or sent before"))
)]
async fn post(
    caller: Caller,
    Asked(DryRun { dry_run }): Asked<DryRun>,
    headers: HeaderMap,
    Sent(body): Sent<ReceiptIn>,
) -> Result<Response, Refused> {
    caller.needs(Right::PostReceipts)?;
    let against = match (body.notice, body.order) {
        (Some(notice), None) => Against::Notice(notice),
        (None, Some(order)) => Against::Order(order),
        _ => return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "Name either a ship notice or an order.")),
    };
    let submission = if dry_run { Uuid::nil() } else { caller.submission(&headers)? };
    let lines = body.lines.into_iter().map(|line| PostLine {
        notice_line: line.notice_line,
        line: line.line,
        item: line.item,
        lot: line.lot,
        expires_on: line.expires_on,
        accepted: line.accepted,
        damaged: line.damaged,
        note: line.note,
        document_id: None,
    });
    let command = PostReceipt {
        against,
        version: body.version,
        channel: ReceiptChannel::Api,
        delivery_note: body.delivery_note,
        received_at: body.received_at,
        complete: body.complete,
        lines: lines.collect(),
        submission,
    };
    if dry_run {
        let mut tx = caller.read().await?;
        let findings = receipts::dry_run(&mut tx, &command).await?;
        tx.commit().await?;
        let findings = findings.into_iter().map(FindingOut::from).collect();
        let out = PostedOut { number: None, case: None, findings, already: false, dry_run };
        return Ok(Json(out).into_response());
    }
    let mut tx = caller.begin().await?;
    let taken = receipts::post(&mut tx, &command).await?;
    tx.commit().await?;
    let status = if taken.already { StatusCode::OK } else { StatusCode::CREATED };
    let findings = taken.warnings.into_iter().map(FindingOut::from).collect();
    let out = PostedOut { number: Some(taken.number), case: taken.case, findings, already: taken.already, dry_run };
    Ok((status, Json(out)).into_response())
}

/// A receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptOut {
    /// Our number.
    number: String,
    /// dock, api, erp or wms.
    channel: String,
    /// The ship notice it is against.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// The supplier's delivery note.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_note: Option<String>,
    /// Supplier number.
    supplier: String,
    /// Plant code.
    plant: String,
    /// When the goods were received.
    received_at: DateTime<Utc>,
    /// When we learned of it.
    recorded_at: DateTime<Utc>,
    /// The receipt of another way that tells of the same goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<String>,
    /// When it was taken back, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed_at: Option<DateTime<Utc>>,
    /// Cases that were opened over it.
    cases: Vec<String>,
    /// What came.
    lines: Vec<ReceivedOut>,
}

/// What came of one line and lot.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceivedOut {
    /// The line of the ship notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_line: Option<i32>,
    /// The order's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    /// Its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
    /// The item's number.
    item: String,
    /// The supplier's lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier_lot: Option<String>,
    /// Unit of the quantities.
    unit: String,
    /// Taken into stock.
    #[schema(value_type = String)]
    accepted: Decimal,
    /// Came damaged.
    #[schema(value_type = String)]
    damaged: Decimal,
    /// short, over, damaged, wrong_item or unknown_lot.
    oddities: Vec<String>,
}

impl From<ReceiptRecord> for ReceiptOut {
    fn from(record: ReceiptRecord) -> Self {
        let receipt = record.receipt;
        let lines = receipt.lines.into_iter().map(|line| ReceivedOut {
            notice_line: line.notice_line,
            order: line.order,
            line: line.line,
            item: line.item,
            supplier_lot: line.supplier_lot,
            unit: line.unit.code().to_owned(),
            accepted: line.accepted,
            damaged: line.damaged,
            oddities: line.oddities.iter().map(|oddity| oddity.as_str().to_owned()).collect(),
        });
        Self {
            number: receipt.number,
            channel: receipt.channel.as_str().to_owned(),
            notice: receipt.notice,
            delivery_note: receipt.delivery_note,
            supplier: record.supplier.0,
            plant: record.plant.0,
            received_at: receipt.received_at,
            recorded_at: record.recorded_at,
            same_as: receipt.same_as,
            reversed_at: record.reversed.map(|(at, _)| at),
            cases: record.cases,
            lines: lines.collect(),
        }
    }
}

/// Reads a receipt.
#[utoipa::path(
    get, path = "/receipts/{number}", tag = "receipts", params(("number" = String, Path, description = "Our number, e.g. GR-000042")),
    responses((status = 200, body = ReceiptOut))
)]
async fn read(caller: Caller, Path(number): Path<String>) -> Result<Json<ReceiptOut>, Refused> {
    caller.needs(Right::ReadReceipts)?;
    let mut tx = caller.read().await?;
    let record = receipts::get(&mut tx, &number).await?;
    tx.commit().await?;
    Ok(Json(record.into()))
}
