//! How much of an item lies where, by lot: the answer to a question.
//!
//! Quantities are silently zero without the context `locations` (or `product`), so each call says of where and of what; and
//! they include what lies in locations below unless the call says that they do not, so that nothing is counted twice.

use chrono::{DateTime, NaiveDate, Utc};
use domain::command::{StockOfLot, StockSnapshot};
use domain::lot::StockStatus;
use domain::quantity::Unit;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::settings::Places;
use super::wire::{self, Query, Trouble, Wire, day};
use crate::outcome::{Fault, NotUnderstood, Outcome};
use crate::{Outgoing, Raw};

/// Places of one item that are looked into; the rest is told as a sum without lots.
const PLACES: usize = 50;
/// The channel of answers.
pub const CHANNEL: &str = "stock";

/// A warehouse with its zones.
#[derive(Debug, Clone, Deserialize)]
pub struct Warehouse {
    pub id: i64,
    #[serde(default)]
    pub code: Option<String>,
    pub input_location: i64,
    pub storage_location: i64,
}

/// A product by what a move needs of it.
pub struct Product {
    pub id: i64,
    pub unit: i64,
    pub symbol: String,
    lots: bool,
}

/// So much of a lot in one place.
#[derive(Debug, Deserialize)]
pub struct Found {
    #[serde(rename = "lot", deserialize_with = "lot_id")]
    pub lot: i64,
    #[serde(deserialize_with = "quantity")]
    pub quantity: Decimal,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    lot: Option<Lot>,
    #[serde(deserialize_with = "quantity")]
    quantity: Decimal,
    #[serde(deserialize_with = "quantity")]
    forecast_quantity: Decimal,
}

#[derive(Debug, Deserialize)]
struct Lot {
    id: i64,
    number: String,
}

/// A place where some of a product lies.
#[derive(Debug, Deserialize)]
pub struct Place {
    pub id: i64,
    pub code: Option<String>,
    pub name: String,
    #[serde(deserialize_with = "quantity")]
    pub quantity: Decimal,
    #[serde(deserialize_with = "quantity")]
    forecast_quantity: Decimal,
}

fn quantity<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    Ok(wire::float(deserializer)?.unwrap_or_default())
}

fn lot_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Id(i64),
        Record { id: i64 },
    }
    Ok(match Option::<Either>::deserialize(deserializer)? {
        Some(Either::Id(id) | Either::Record { id }) => id,
        None => 0,
    })
}

const WAREHOUSE: &[&str] = &["code", "input_location", "storage_location"];

/// The warehouse with this code, which a plant of ours is.
pub async fn plant(wire: &Wire, code: &str) -> Result<Warehouse, Trouble> {
    let query = Query {
        model: "stock.location",
        fields: WAREHOUSE,
        domain: json!([["type", "=", "warehouse"], by_code(code)]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    let found = wire.list::<Warehouse>(&query).await?.pop();
    found.ok_or_else(|| Trouble::Refused(format!("There is no warehouse {code} in Tryton.")))
}

/// All warehouses, for what concerns every plant.
pub async fn plants(wire: &Wire) -> Result<Vec<Warehouse>, Fault> {
    let query = Query {
        model: "stock.location",
        fields: WAREHOUSE,
        domain: json!([["type", "=", "warehouse"]]),
        order: json!([["id", "ASC"]]),
        limit: 1_000,
    };
    wire.list(&query).await
}

impl Warehouse {
    /// Its code in our words: that of the plant.
    pub fn name(&self) -> String {
        let code = self.code.as_deref().map(str::trim).filter(|code| !code.is_empty());
        code.map_or_else(|| format!("#{}", self.id), str::to_owned)
    }
}

/// The storage location with this code in a warehouse.
pub async fn location(wire: &Wire, warehouse: &Warehouse, code: &str) -> Result<Option<i64>, Fault> {
    let query = Query {
        model: "stock.location",
        fields: &["id"],
        domain: json!([["code", "=", code], ["type", "=", "storage"], ["parent", "child_of", [warehouse.id]]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    Ok(wire.list::<wire::Id>(&query).await?.pop().map(|location| location.id))
}

/// The storage locations of a warehouse in which some of a product lies today, bins one by one.
pub async fn places(
    wire: &Wire,
    warehouse: &Warehouse,
    product: &Product,
    today: NaiveDate,
) -> Result<Vec<Place>, Fault> {
    let query = Query {
        model: "stock.location",
        fields: &["code", "name", "quantity", "forecast_quantity"],
        domain: json!([["type", "=", "storage"], ["parent", "child_of", [warehouse.id]]]),
        order: json!([["id", "ASC"]]),
        limit: 10_000,
    };
    let context = json!({"product": product.id, "stock_date_end": day(Some(today)), "with_childs": false});
    let mut places: Vec<Place> = wire.list_in(&query, &context).await?;
    places.retain(|place| !place.quantity.is_zero());
    Ok(places)
}

/// The product with this code.
pub async fn product(wire: &Wire, code: &str) -> Result<Option<Product>, Fault> {
    #[derive(Deserialize)]
    struct Record {
        id: i64,
        default_uom: UnitOf,
        #[serde(default)]
        lot_required: Option<Vec<String>>,
    }
    #[derive(Deserialize)]
    struct UnitOf {
        id: i64,
        symbol: String,
    }
    let query = Query {
        model: "product.product",
        fields: &["default_uom.symbol", "lot_required"],
        domain: json!([by_code(code)]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    Ok(wire.list::<Record>(&query).await?.pop().map(|record| Product {
        id: record.id,
        unit: record.default_uom.id,
        symbol: record.default_uom.symbol,
        lots: record.lot_required.is_some_and(|places| !places.is_empty()),
    }))
}

/// A record without a code is known by its id.
pub fn by_code(code: &str) -> serde_json::Value {
    match code.strip_prefix('#').and_then(|id| id.parse::<i64>().ok()) {
        Some(id) => json!(["id", "=", id]),
        None => json!(["code", "=", code]),
    }
}

/// The lots of a product in a location today, without what lies in locations below it.
pub async fn lots(wire: &Wire, product: i64, location: i64, today: NaiveDate) -> Result<Vec<Found>, Fault> {
    wire.list_in(&of_lots(&["lot", "quantity"], product), &here(location, today)).await
}

fn here(location: i64, today: NaiveDate) -> serde_json::Value {
    json!({"locations": [location], "stock_date_end": day(Some(today)), "with_childs": false})
}

fn of_lots<'a>(fields: &'a [&'a str], product: i64) -> Query<'a> {
    Query {
        model: "stock.lots_by_locations",
        fields,
        domain: json!([["quantity", "!=", 0], ["product", "=", product]]),
        order: json!([["id", "ASC"]]),
        limit: 1_000,
    }
}

/// What is told as a message: in our words, but in Tryton's numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    plant: String,
    item: String,
    unit: String,
    as_of: DateTime<Utc>,
    lots: Vec<ToldLot>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ToldLot {
    lot: Option<String>,
    location: String,
    /// It lies in the hold location, or in the one for blocked stock.
    held: bool,
    /// It lies in the location where stock waits for its inspection.
    #[serde(default)]
    in_inspection: bool,
    on_hand: Decimal,
    /// On hand less what is reserved, plus what is due today.
    forecast: Decimal,
}

/// Answers a question about stock.
pub async fn ask(
    wire: &Wire,
    special: &Places,
    delivery: &Outgoing,
    code: &str,
    item: &str,
) -> Result<Outcome, Trouble> {
    let warehouse = plant(wire, code).await?;
    let Some(product) = product(wire, item).await? else {
        return Err(Trouble::Refused(format!("There is no product {item} in Tryton.")));
    };
    let today = delivery.now.date_naive();
    let (hold, blocked, inspection) = (special.hold(code), special.blocked(code), special.inspection(code));
    let mut told = Vec::new();
    for place in &places(wire, &warehouse, &product, today).await? {
        let name = place.code.clone().unwrap_or_else(|| place.name.clone());
        let is = |code: Option<&str>| code.is_some() && place.code.as_deref() == code;
        let held = is(Some(hold.as_str())) || is(blocked.as_deref());
        let in_inspection = is(inspection.as_deref());
        let one =
            |lot, on_hand, forecast| ToldLot { lot, location: name.clone(), held, in_inspection, on_hand, forecast };
        if product.lots && told.len() < PLACES {
            let fields = ["lot.number", "quantity", "forecast_quantity"];
            let found: Vec<Numbered> = wire.list_in(&of_lots(&fields, product.id), &here(place.id, today)).await?;
            told.extend(
                found
                    .into_iter()
                    .filter_map(|found| {
                        Some((found.lot.filter(|lot| lot.id > 0)?, found.quantity, found.forecast_quantity))
                    })
                    .map(|(lot, on_hand, forecast)| one(Some(lot.number), on_hand, forecast)),
            );
        } else {
            told.push(one(None, place.quantity, place.forecast_quantity));
        }
    }
    let told = Told {
        plant: code.to_owned(),
        item: item.to_owned(),
        unit: Unit::new(&product.symbol).code().to_owned(),
        as_of: delivery.now,
        lots: told,
    };
    let body = serde_json::to_string(&told)
        .map_err(|error| Fault::Permanent { message: format!("The answer cannot be written down: {error}.") })?;
    let message = Raw {
        external_key: format!("stock {code} {item}@{}", super::translate::digest(&body)),
        subject: format!("stock {code} {item}"),
        channel: CHANNEL.to_owned(),
        content_type: "application/json".to_owned(),
        body,
        headers: Vec::new(),
    };
    Ok(Outcome::Accepted { their_ref: None, links: Vec::new(), already: false, told: vec![message] })
}

/// What an answer means.
pub fn snapshot(body: &str) -> Result<StockSnapshot, NotUnderstood> {
    let told: Told = super::translate::read(body)?;
    let lots = told.lots.into_iter().map(|lot| StockOfLot {
        lot: lot.lot,
        // Tryton has no status of a lot; only where it lies says something.
        status: match (lot.held, lot.in_inspection) {
            (true, _) => Some(StockStatus::Blocked),
            (_, true) => Some(StockStatus::Inspection),
            _ => None,
        },
        location: Some(lot.location),
        on_hand: lot.on_hand,
        reserved: (lot.on_hand - lot.forecast).max(Decimal::ZERO),
    });
    Ok(StockSnapshot {
        plant: told.plant,
        item: told.item,
        unit: Unit::new(&told.unit),
        as_of: told.as_of,
        lots: lots.collect(),
    })
}
