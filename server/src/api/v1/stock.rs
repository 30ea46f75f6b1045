//! `/api/v1/stock` and `/api/v1/quality/release-checks`: how much there is, and which lots may be used.

use axum::Json;
use domain::access::Right;
use domain::{DateTime, Decimal, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::availability::{self, Lying, StockFilter};
use store::release_check;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::call::{Asked, Caller, Desk, Sent};
use super::problem::Refused;

/// Rows of an answer at the most.
const MOST: i64 = 1_000;

/// Its addresses.
pub fn router() -> OpenApiRouter<Desk> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(check))
}

/// Which stock.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StockAsked {
    /// Item number, description or lot contains these words.
    q: Option<String>,
    /// In this plant, by code.
    plant: Option<String>,
    /// Exactly this item, by number.
    item: Option<String>,
}

/// What lies where, as other systems say.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockOut {
    /// By item, plant, system and lot; at most 1,000.
    stock: Vec<LyingOut>,
    /// There is more than is told here: ask for less at once.
    cut: bool,
}

/// What lies of one lot in one place, as one system says.
#[derive(Debug, Serialize, ToSchema)]
pub struct LyingOut {
    /// The system.
    connection_id: Uuid,
    /// Plant code.
    plant: String,
    /// The item's number.
    item: String,
    /// The lot's number; empty for an item without lots.
    lot: String,
    /// Where, in their words.
    location: String,
    /// inspection, unrestricted, restricted or blocked, where they say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// Unit of the quantities.
    unit: String,
    /// What lies there.
    #[schema(value_type = String, example = "480")]
    on_hand: Decimal,
    /// What of it is promised to somebody.
    #[schema(value_type = String, example = "0")]
    reserved: Decimal,
    /// The moment for which it is true there.
    as_of: DateTime<Utc>,
    /// When we learned it.
    learned_at: DateTime<Utc>,
}

impl From<Lying> for LyingOut {
    fn from(row: Lying) -> Self {
        Self {
            connection_id: row.connection_id.0,
            plant: row.plant,
            item: row.item,
            lot: row.lot,
            location: row.location,
            status: row.status.map(|status| status.as_str().to_owned()),
            unit: row.unit.code().to_owned(),
            on_hand: row.on_hand,
            reserved: row.reserved,
            as_of: row.as_of,
            learned_at: row.learned_at,
        }
    }
}

/// Lists what is available, with its age.
#[utoipa::path(get, path = "/stock", tag = "stock", params(StockAsked), responses((status = 200, body = StockOut)))]
async fn list(caller: Caller, Asked(asked): Asked<StockAsked>) -> Result<Json<StockOut>, Refused> {
    caller.needs(Right::ReadStock)?;
    let filter = StockFilter { text: asked.q, plant: asked.plant, item: asked.item };
    let mut tx = caller.read().await?;
    let mut rows = availability::list(&mut tx, &filter, MOST + 1).await?;
    tx.commit().await?;
    let most = usize::try_from(MOST).unwrap_or_default();
    let cut = rows.len() > most;
    rows.truncate(most);
    Ok(Json(StockOut { stock: rows.into_iter().map(LyingOut::from).collect(), cut }))
}

/// Which lots somebody wants to use.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChecksIn {
    /// Up to 1,000.
    #[schema(max_items = 1000)]
    checks: Vec<CheckIn>,
}

/// One question.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    /// Plant code.
    plant: String,
    /// The item's number.
    item: String,
    /// The lot's number in the plant.
    lot: String,
    /// How much is wanted, in the lot's unit.
    #[schema(value_type = String, example = "12")]
    quantity: Decimal,
}

/// All answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChecksOut {
    /// What is said is at least as fresh as this; none where a system has never spoken.
    as_of: Option<DateTime<Utc>>,
    /// When it was answered.
    answered_at: DateTime<Utc>,
    /// In the order of the questions.
    checks: Vec<CheckOut>,
}

/// One answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckOut {
    /// The question.
    asked: CheckIn,
    /// The lot, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    lot_id: Option<Uuid>,
    /// May it be used, and every reason why not: `usable`, and `reasons` with the word in `reason`.
    #[schema(value_type = Object)]
    verdict: serde_json::Value,
}

/// Asks whether lots may be used: one rule for the page, for shop-floor systems and for a dry run. Changes nothing.
#[utoipa::path(post, path = "/quality/release-checks", tag = "quality", request_body = ChecksIn, responses((status = 200, body = ChecksOut)))]
async fn check(caller: Caller, Sent(body): Sent<ChecksIn>) -> Result<Json<ChecksOut>, Refused> {
    caller.needs(Right::CheckRelease)?;
    let asked = body.checks.into_iter().map(|one| release_check::Asked {
        plant: one.plant,
        item: one.item,
        lot: one.lot,
        quantity: one.quantity,
    });
    let mut tx = caller.read().await?;
    let answer = release_check::check(&mut tx, asked.collect()).await?;
    tx.commit().await?;
    let unreadable = |_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "The answer cannot be written.");
    let checks = answer.checks.into_iter().map(|one| {
        Ok(CheckOut {
            asked: CheckIn {
                plant: one.asked.plant,
                item: one.asked.item,
                lot: one.asked.lot,
                quantity: one.asked.quantity,
            },
            lot_id: one.lot_id.map(|id| id.0),
            verdict: serde_json::to_value(&one.verdict).map_err(unreadable)?,
        })
    });
    let checks = checks.collect::<Result<_, Refused>>()?;
    Ok(Json(ChecksOut { as_of: answer.as_of, answered_at: answer.answered_at, checks }))
}
