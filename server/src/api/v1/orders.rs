//! `/api/v1/orders`: what is ordered, and the supplier's answer to it.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use domain::access::Right;
use domain::confirmation::{Answer, AnswerKind, Channel, ConfirmLines};
use domain::event::Event;
use domain::id::ConfirmationId;
use domain::order::{Commitment, Reason};
use domain::{DateTime, Decimal, Utc};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use store::order_list::{self, Bucket, Filter, Key, LineRow, Page, Sort};
use store::orders::{self, OrderRecord};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::call::{Asked, Caller, Desk, Sent, read_version, still, tag};
use super::problem::{Problem, Refused};

/// Rows of a page at the most.
const MOST: i64 = 200;

/// Its addresses.
pub fn router() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(confirm))
}

/// Which schedule lines; the filters of the order list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrdersAsked {
    /// Any of these, with commas: open, review, confirmed, late, changed, overdue, not_in_erp, closed.
    status: Option<String>,
    /// Plant codes, with commas.
    plant: Option<String>,
    /// Supplier numbers, with commas.
    supplier: Option<String>,
    /// Requested from this day.
    due_from: Option<NaiveDate>,
    /// Requested up to this day.
    due_to: Option<NaiveDate>,
    /// Order number, item number or words of the description.
    q: Option<String>,
    /// `due` (default) or `-due`.
    sort: Option<String>,
    /// Rows: 1 to 200, 50 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    size: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A page of schedule lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderPage {
    /// The lines, by requested day.
    lines: Vec<ListedLine>,
    /// For `after`, where there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A schedule line in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedLine {
    /// The order's number.
    order: String,
    /// The order's revision.
    revision: i32,
    /// The line's number.
    line: String,
    /// The schedule line, to be named in an answer.
    schedule_line_id: Uuid,
    /// Its number within the line.
    schedule: i32,
    /// Its version, to be named in an answer.
    version: i64,
    /// The item's number.
    item: String,
    /// What it is called.
    description: String,
    /// How much is asked for.
    #[schema(value_type = String, example = "480")]
    quantity: Decimal,
    /// Unit of the quantities.
    unit: String,
    /// For which day.
    requested_on: NaiveDate,
    /// Last day of the promise in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_on: Option<NaiveDate>,
    /// published, in_review, accepted, countered, declined or cancelled.
    state: String,
    /// Supplier number.
    supplier: String,
    /// Plant code.
    plant: String,
}

impl From<LineRow> for ListedLine {
    fn from(row: LineRow) -> Self {
        Self {
            order: row.order,
            revision: row.revision,
            line: row.line,
            schedule_line_id: row.schedule_line_id.0,
            schedule: row.schedule,
            version: row.version,
            item: row.item,
            description: row.description,
            quantity: row.quantity,
            unit: row.unit.code().to_owned(),
            requested_on: row.requested_on,
            confirmed_on: row.last_confirmed_on,
            state: row.state.as_str().to_owned(),
            supplier: row.supplier.0,
            plant: row.plant,
        }
    }
}

/// Lists schedule lines, by requested day.
#[utoipa::path(get, path = "/orders", tag = "orders", params(OrdersAsked), responses((status = 200, body = OrderPage)))]
async fn list(caller: Caller, Asked(asked): Asked<OrdersAsked>) -> Result<Json<OrderPage>, Refused> {
    caller.needs(Right::ReadOrders)?;
    let size = asked.size.unwrap_or(50);
    if !(1..=MOST).contains(&size) {
        return Err(bad(format!("size is 1 to {MOST}.")));
    }
    let after = asked.after.as_deref().map(parse_key).transpose()?;
    let filter = filter(&asked)?;
    let mut tx = caller.read().await?;
    let mut rows = order_list::page(&mut tx, &filter, &Page { after, before: None, size: size + 1 }).await?;
    tx.commit().await?;
    let more = i64::try_from(rows.len()).is_ok_and(|found| found > size);
    rows.truncate(usize::try_from(size).unwrap_or_default());
    let next = rows.last().filter(|_| more).map(|row| format!("{}.{}", row.requested_on, row.schedule_line_id));
    Ok(Json(OrderPage { lines: rows.into_iter().map(ListedLine::from).collect(), next }))
}

fn bad(words: impl Into<String>) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, words)
}

fn filter(asked: &OrdersAsked) -> Result<Filter, Refused> {
    let words = |text: &Option<String>| -> Vec<String> {
        let words = text.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let buckets = words(&asked.status)
        .iter()
        .map(|word| Bucket::parse(word).ok_or_else(|| bad(format!("{word:?} is no status of the list."))))
        .collect::<Result<_, _>>()?;
    let sort = match asked.sort.as_deref() {
        None | Some("due") => Sort::DueFirst,
        Some("-due") => Sort::DueLast,
        Some(other) => return Err(bad(format!("{other:?} is no order; known are due and -due."))),
    };
    Ok(Filter {
        buckets,
        plants: words(&asked.plant),
        suppliers: words(&asked.supplier),
        due_from: asked.due_from,
        due_to: asked.due_to,
        text: asked.q.clone().filter(|text| !text.trim().is_empty()),
        sort,
    })
}

fn parse_key(text: &str) -> Result<Key, Refused> {
    let key = text.split_once('.').and_then(|(day, id)| Some(Key { day: day.parse().ok()?, id: id.parse().ok()? }));
    key.ok_or_else(|| bad("after is `next` of the page before."))
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderOut {
    /// Its number in its ERP.
    number: String,
    /// Its revision; also the ETag.
    revision: i32,
    /// open, closed or cancelled.
    status: String,
    /// Supplier number.
    supplier: String,
    /// Plant code.
    plant: String,
    /// ISO 4217.
    currency: String,
    /// Incoterm.
    #[serde(skip_serializing_if = "Option::is_none")]
    incoterm: Option<String>,
    /// The buyer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer: Option<String>,
    /// When it was published.
    published_at: DateTime<Utc>,
    /// Lines by number.
    lines: Vec<LineOut>,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineOut {
    /// As the ERP numbers it.
    number: String,
    /// The item's number.
    item: String,
    /// What it is called.
    description: String,
    /// The supplier's own number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier_item: Option<String>,
    /// Unit of the quantities.
    unit: String,
    /// For one unit.
    #[schema(value_type = Option<String>, example = "14.80")]
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Decimal>,
    /// When and how much.
    schedule: Vec<ScheduleOut>,
}

/// When and how much: what is answered to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleOut {
    /// To be named in an answer.
    schedule_line_id: Uuid,
    /// From 1 within the line.
    number: i32,
    /// To be named in an answer.
    version: i64,
    /// How much is asked for.
    #[schema(value_type = String, example = "480")]
    quantity: Decimal,
    /// For which day of the plant's calendar.
    requested_on: NaiveDate,
    /// published, in_review, accepted, countered, declined or cancelled.
    state: String,
    /// The promise in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    promise: Option<Vec<Part>>,
    /// What waits for the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<Vec<Part>>,
    /// What the buyer proposed instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<Vec<Part>>,
}

/// So much on that day.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How much, in the line's unit.
    #[schema(value_type = String, example = "240")]
    quantity: Decimal,
    /// Delivery day in the plant's calendar; none for what is backordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deliver_on: Option<NaiveDate>,
    /// Day it leaves the supplier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ship_on: Option<NaiveDate>,
    /// Another price than ordered, where that is allowed.
    #[schema(value_type = Option<String>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<Decimal>,
}

impl From<&Commitment> for Part {
    fn from(part: &Commitment) -> Self {
        Self { quantity: part.quantity, deliver_on: part.deliver_on, ship_on: part.ship_on, price: part.price }
    }
}

fn parts(commitments: &[Commitment]) -> Vec<Part> {
    commitments.iter().map(Part::from).collect()
}

impl From<OrderRecord> for OrderOut {
    fn from(record: OrderRecord) -> Self {
        let order = record.order;
        let lines = order.lines.into_iter().map(|line| LineOut {
            number: line.number,
            item: line.item_number,
            description: line.description,
            supplier_item: line.supplier_item,
            unit: line.unit.code().to_owned(),
            price: line.price,
            schedule: line
                .schedule
                .into_iter()
                .map(|schedule| ScheduleOut {
                    schedule_line_id: schedule.schedule_line_id.0,
                    number: schedule.number,
                    version: schedule.version,
                    quantity: schedule.quantity,
                    requested_on: schedule.requested_on,
                    state: schedule.state.as_str().to_owned(),
                    promise: schedule.promise.as_deref().map(parts),
                    proposal: schedule.proposal.as_ref().map(|proposal| parts(&proposal.commitments)),
                    counter: schedule.counter.as_ref().map(|counter| parts(&counter.commitments)),
                })
                .collect(),
        });
        Self {
            number: order.number,
            revision: order.revision,
            status: order.status.as_str().to_owned(),
            supplier: record.supplier.0,
            plant: record.plant.0,
            currency: order.currency,
            incoterm: order.incoterm,
            buyer: order.buyer,
            published_at: order.published_at,
            lines: lines.collect(),
        }
    }
}

/// Reads an order. The ETag is its revision.
#[utoipa::path(
    get, path = "/orders/{number}", tag = "orders", params(("number" = String, Path, description = "The order's number")),
    responses((status = 200, body = OrderOut, headers(("etag" = String, description = "The revision"))))
)]
async fn read(caller: Caller, Path(number): Path<String>) -> Result<Response, Refused> {
    caller.needs(Right::ReadOrders)?;
    let mut tx = caller.read().await?;
    let record = orders::get(&mut tx, &number).await?;
    tx.commit().await?;
    Ok((tag(record.order.revision), Json(OrderOut::from(record))).into_response())
}

/// Whether only to try.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DryRun {
    /// Only say what would happen, by the same rules; changes nothing.
    #[serde(default)]
    #[param(required = false)]
    pub dry_run: bool,
}

/// An answer to lines of an order: all of it is taken, or nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswersIn {
    /// Line by line; lines that are left out are answered later.
    answers: Vec<AnswerIn>,
}

/// The answer to one schedule line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerIn {
    /// Which.
    schedule_line_id: Uuid,
    /// The version that was read.
    version: i64,
    /// accept, change, backorder or reject.
    #[schema(value_type = String, pattern = "^(accept|change|backorder|reject)$")]
    kind: AnswerKind,
    /// The parts, for change and backorder.
    #[serde(default)]
    parts: Vec<Part>,
    /// Why it differs, e.g. material_shortage, capacity, transport.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    reason: Option<Reason>,
    /// In own words.
    #[serde(default)]
    note: Option<String>,
}

/// What an answer came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfirmedOut {
    /// The answer's version, from 1 per order; none for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i32>,
    /// Lines that are binding by rule.
    by_rule: usize,
    /// Lines that wait for the buyer.
    in_review: usize,
    /// When it was taken; none for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
    /// It had been sent before; this is the first result.
    already: bool,
    /// Nothing was changed.
    dry_run: bool,
}

/// Answers an order, or tries an answer.
#[utoipa::path(
    post, path = "/orders/{number}/confirmations", tag = "orders", request_body = AnswersIn,
    params(
        ("number" = String, Path, description = "The order's number"), DryRun,
        ("If-Match" = String, Header, description = "The ETag of the order as it was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the call: sent again it has one effect and the first answer. Needed unless it is a dry run."),
    ),
    responses((status = 200, body = ConfirmedOut), (status = 412, body = Problem, content_type = "application/problem+json"))
)]
async fn confirm(
    caller: Caller,
    Path(number): Path<String>,
    Asked(DryRun { dry_run }): Asked<DryRun>,
    headers: HeaderMap,
    Sent(body): Sent<AnswersIn>,
) -> Result<Json<ConfirmedOut>, Refused> {
    caller.needs(Right::AnswerOrders)?;
    let revision = read_version(&headers)?;
    let submission = if dry_run { Uuid::nil() } else { caller.submission(&headers)? };
    let answers = body.answers.into_iter().map(|answer| Answer {
        schedule_line_id: answer.schedule_line_id.into(),
        version: answer.version,
        kind: answer.kind,
        commitments: answer
            .parts
            .into_iter()
            .map(|part| Commitment {
                quantity: part.quantity,
                deliver_on: part.deliver_on,
                ship_on: part.ship_on,
                price: part.price,
            })
            .collect(),
        reason: answer.reason,
        note: answer.note,
    });
    let command = ConfirmLines { revision, answers: answers.collect(), channel: Channel::Api, submission };
    if dry_run {
        return tried(&caller, &number, &command).await.map(Json);
    }
    let mut tx = caller.begin().await?;
    let taken = orders::confirm(&mut tx, &number, &command).await?;
    tx.commit().await?;
    Ok(Json(ConfirmedOut {
        number: Some(taken.number),
        by_rule: taken.by_rule,
        in_review: taken.in_review,
        at: Some(taken.at),
        already: taken.already,
        dry_run: false,
    }))
}

/// The same rule on a copy that nobody keeps.
async fn tried(caller: &Caller, number: &str, command: &ConfirmLines) -> Result<ConfirmedOut, Refused> {
    let mut tx = caller.read().await?;
    let mut record = orders::get(&mut tx, number).await?;
    still(command.revision, record.order.revision)?;
    let (actor, now) = (tx.actor().clone(), tx.now());
    let today = record.today(now);
    tx.commit().await?;
    let happened = record.order.confirm(command, ConfirmationId(Uuid::nil()), &actor, now, today);
    let happened = happened.map_err(store::CommandError::from)?;
    let lines = happened.iter().find_map(|event| match event {
        Event::LinesConfirmed { lines, .. } => {
            let by_rule = lines.iter().filter(|line| line.by_rule).count();
            Some((by_rule, lines.len() - by_rule))
        }
        _ => None,
    });
    let (by_rule, in_review) = lines.unwrap_or_default();
    Ok(ConfirmedOut { number: None, by_rule, in_review, at: None, already: false, dry_run: true })
}
