//! Tryton's REST protocol: its records as it spells them, and the five calls that we make.
//!
//! Values carry their class (`{"__class__": "date", …}`). Quantities are JSON floats and mean a decimal with the digits of
//! their unit; prices are decimals as text. A stored boolean comes as `true` from PostgreSQL and as `1` from SQLite.
//! Instants have no zone and are UTC, which the database session must be set to.
//!
//! Retry-class words, beyond what [`crate::http::Answer::check`] says for everybody: 400 is a refusal by a rule of Tryton or a
//! missing right, with its reason in the body; 403 on a write is a refusal whose reason Tryton loses; 500 with nothing but a
//! quoted name is a model or field that this Tryton does not have; 404 on a list is a database that is not there.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE as BASE64;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use reqwest::Method;
use rust_decimal::Decimal;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value, json};

use super::settings::TrytonSettings;
use crate::http::{Answer, Call, Http, Limits};
use crate::outcome::Fault;
use crate::settings::SettingsProblem;

/// An order with hundreds of lines is large.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// How much of a reason is kept; a domain error can bring 84 kB along.
const LONGEST_REASON: usize = 500;

/// What is read of a purchase.
pub const ORDER_FIELDS: &[&str] = &[
    "number",
    "state",
    "revision",
    "last_modified_at",
    "party.code",
    "party.name",
    "warehouse.code",
    "warehouse.name",
    "currency.code",
    "company",
    "confirmed_by.rec_name",
    "quoted_by.rec_name",
    "lines.type",
    "lines.last_modified_at",
    "lines.quantity",
    "lines.unit.symbol",
    "lines.unit.digits",
    "lines.unit_price",
    "lines.description",
    "lines.movable",
    "lines.product.code",
    "lines.product.name",
    "lines.product.default_uom.symbol",
    "lines.product_supplier.code",
    "lines.delivery_date",
    "lines.delivery_date_edit",
    "lines.delivery_date_store",
    "lines.from_location",
    "lines.to_location",
    "lines.moves_recreated",
    "lines.moves.last_modified_at",
    "lines.moves.quantity",
    "lines.moves.unit",
    "lines.moves.state",
    "lines.moves.shipment",
    "lines.moves.planned_date",
    "lines.moves.origin_planned_date",
];

/// A purchase.
#[derive(Debug, Clone, Deserialize)]
pub struct Order {
    pub id: i64,
    pub number: Option<String>,
    pub state: String,
    #[serde(default)]
    pub revision: i64,
    #[serde(deserialize_with = "moment")]
    pub last_modified_at: NaiveDateTime,
    pub party: Named,
    pub warehouse: Option<Named>,
    pub currency: Coded,
    pub company: i64,
    pub confirmed_by: Option<RecName>,
    pub quoted_by: Option<RecName>,
    #[serde(default)]
    pub lines: Vec<Line>,
}

/// A record with its code and name.
#[derive(Debug, Clone, Deserialize)]
pub struct Named {
    pub id: i64,
    pub code: Option<String>,
    pub name: String,
}

/// A record with its code.
#[derive(Debug, Clone, Deserialize)]
pub struct Coded {
    pub id: i64,
    pub code: Option<String>,
}

/// A record with the name that people see.
#[derive(Debug, Clone, Deserialize)]
pub struct RecName {
    pub rec_name: String,
}

/// A line of a purchase. Comments, titles and subtotals are lines too, of another `type`.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    pub id: i64,
    pub r#type: String,
    #[serde(deserialize_with = "moment")]
    pub last_modified_at: NaiveDateTime,
    #[serde(default, deserialize_with = "float")]
    pub quantity: Option<Decimal>,
    pub unit: Option<Unit>,
    #[serde(default, deserialize_with = "decimal")]
    pub unit_price: Option<Decimal>,
    pub description: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub movable: bool,
    pub product: Option<Product>,
    pub product_supplier: Option<Coded>,
    #[serde(default, deserialize_with = "date")]
    pub delivery_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "flag")]
    pub delivery_date_edit: bool,
    #[serde(default, deserialize_with = "date")]
    pub delivery_date_store: Option<NaiveDate>,
    pub from_location: Option<i64>,
    pub to_location: Option<i64>,
    #[serde(default)]
    pub moves_recreated: Vec<i64>,
    #[serde(default)]
    pub moves: Vec<Move>,
}

/// A unit of measure. `digits` is how many decimals its quantities have.
#[derive(Debug, Clone, Deserialize)]
pub struct Unit {
    pub id: i64,
    pub symbol: String,
    #[serde(default)]
    pub digits: u32,
}

/// A product, with what is its template's.
#[derive(Debug, Clone, Deserialize)]
pub struct Product {
    pub id: i64,
    pub code: Option<String>,
    pub name: String,
    pub default_uom: Symbol,
    /// Kinds of locations where its moves need a lot; only the feed of items asks.
    #[serde(default)]
    pub lot_required: Option<Vec<String>>,
    /// `none`, `optional` or `required`.
    #[serde(default)]
    pub shelf_life_state: Option<String>,
    #[serde(default, deserialize_with = "days")]
    pub shelf_life_time: Option<u32>,
}

/// A unit by its symbol.
#[derive(Debug, Clone, Deserialize)]
pub struct Symbol {
    pub symbol: String,
}

/// An incoming stock move of a line.
#[derive(Debug, Clone, Deserialize)]
pub struct Move {
    pub id: i64,
    #[serde(deserialize_with = "moment")]
    pub last_modified_at: NaiveDateTime,
    #[serde(default, deserialize_with = "float")]
    pub quantity: Option<Decimal>,
    pub unit: i64,
    pub state: String,
    /// `stock.shipment.in,4` once it is announced.
    pub shipment: Option<String>,
    #[serde(default, deserialize_with = "date")]
    pub planned_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "date")]
    pub origin_planned_date: Option<NaiveDate>,
}

/// A note on a record. Its message cannot be changed once it is written.
#[derive(Debug, Clone, Deserialize)]
pub struct Note {
    pub id: i64,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(deserialize_with = "moment")]
    pub create_date: NaiveDateTime,
}

/// An amendment that is not validated yet, with its lines.
#[derive(Debug, Clone, Deserialize)]
pub struct Amendment {
    pub id: i64,
    #[serde(default)]
    pub lines: Vec<AmendmentLine>,
}

/// What an amendment does to a line.
#[derive(Debug, Clone, Deserialize)]
pub struct AmendmentLine {
    pub line: Option<i64>,
    #[serde(default, deserialize_with = "float")]
    pub quantity: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    pub unit_price: Option<Decimal>,
}

/// A key for REST, of which a plain user sees only the own ones.
#[derive(Debug, Clone, Deserialize)]
pub struct Application {
    pub user: Groups,
}

/// Something with groups: a user is in them, a button may be pressed by them.
#[derive(Debug, Clone, Deserialize)]
pub struct Groups {
    pub id: i64,
    #[serde(default)]
    pub groups: Vec<i64>,
}

/// What a group may do with a model; without a group: what everybody may.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelAccess {
    pub group: Option<i64>,
    #[serde(default, deserialize_with = "flag")]
    pub perm_write: bool,
}

/// A record of which only the id matters.
#[derive(Debug, Clone, Deserialize)]
pub struct Id {
    pub id: i64,
}

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Tryton's rules say no, in words for a person.
    Refused(String),
    /// The call did not come to an answer.
    Fault(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The calls of one connection.
#[derive(Debug)]
pub struct Wire {
    http: Http,
    database: String,
    context: String,
    company: i64,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    pub model: &'a str,
    pub fields: &'a [&'a str],
    pub domain: Value,
    pub order: Value,
    pub limit: usize,
}

impl Wire {
    /// The calls of a connection of `kind`.
    pub fn new(kind: &'static str, settings: &TrytonSettings) -> Result<Self, SettingsProblem> {
        let limits = Limits { answer: LARGEST_ANSWER, ..Limits::with_total(Some(settings.timeout)) };
        let http = Http::new(kind, &settings.base_url, limits)?.bearer("rest_key", &settings.rest_key)?;
        // English, so that reasons read like the rest of our pages whatever language the user chose in Tryton.
        let context = json!({"company": settings.company, "language": "en"});
        Ok(Self { http, database: settings.database.clone(), context: encoded(&context), company: settings.company })
    }

    /// Lists records.
    pub async fn list<T: DeserializeOwned>(&self, query: &Query<'_>) -> Result<Vec<T>, Fault> {
        self.listed(query, self.context.clone()).await
    }

    /// Lists records in a context of their own, e.g. of which locations quantities are.
    pub async fn list_in<T: DeserializeOwned>(&self, query: &Query<'_>, more: &Value) -> Result<Vec<T>, Fault> {
        let mut context = json!({"company": self.company, "language": "en"});
        if let (Value::Object(context), Value::Object(more)) = (&mut context, more) {
            context.extend(more.clone());
        }
        self.listed(query, encoded(&context)).await
    }

    async fn listed<T: DeserializeOwned>(&self, query: &Query<'_>, context: String) -> Result<Vec<T>, Fault> {
        let path = format!("{}/rest/model/{}", self.database, query.model);
        let mut call = Call::get(&path).header("x-tryton-context", context);
        for field in query.fields {
            call = call.query("f", field);
        }
        call = call.query("d", encoded(&query.domain)).query("o", encoded(&query.order)).query("s", query.limit);
        let answer = self.http.send(call).await?;
        match answer.status {
            400 | 403 => {
                let reason = reason(&answer);
                let message = format!("{} cannot be read: {reason}", query.model);
                // The other refusal to list: a record was deleted between Tryton's search and its read.
                Err(if reason.contains("don't exist") {
                    Fault::Temporary { message, after: None }
                } else {
                    Fault::Credentials { message }
                })
            }
            404 => Err(Fault::Contract {
                message: format!("{} Is there a database {:?} at this address?", answer.says(), self.database),
            }),
            _ => answered(answer)?.json(),
        }
    }

    /// Makes a record; returns its id.
    pub async fn create(&self, model: &str, values: Value) -> Result<i64, Trouble> {
        let path = format!("{}/rest/model/{model}", self.database);
        let answer = self.change(Call::post(&path).query("f", "id").json(values)).await?;
        Ok(answer.json::<Id>()?.id)
    }

    /// Changes fields of a record.
    pub async fn write(&self, model: &str, id: i64, values: Value) -> Result<(), Trouble> {
        let path = format!("{}/rest/model/{model}/{id}", self.database);
        self.change(Call::new(Method::PUT, &path).query("f", "id").json(values)).await.map(|_| ())
    }

    /// Deletes a record.
    pub async fn delete(&self, model: &str, id: i64) -> Result<(), Trouble> {
        let path = format!("{}/rest/model/{model}/{id}", self.database);
        self.change(Call::new(Method::DELETE, &path)).await.map(|_| ())
    }

    /// Presses a button of a record.
    pub async fn press(&self, model: &str, id: i64, button: &str) -> Result<(), Trouble> {
        let path = format!("{}/rest/model/{model}/{id}/{button}", self.database);
        self.change(Call::post(&path).query("f", "id").json(json!({}))).await.map(|_| ())
    }

    /// Presses a button as somebody who has read Tryton's warnings and goes on: where what it warns of has happened already.
    pub async fn press_past_warnings(&self, model: &str, id: i64, button: &str) -> Result<(), Trouble> {
        let path = format!("{}/rest/model/{model}/{id}/{button}", self.database);
        let context = json!({"company": self.company, "language": "en", "_skip_warnings": true});
        let call = Call::post(&path).query("f", "id").json(json!({}));
        self.changed(call, encoded(&context)).await.map(|_| ())
    }

    /// The server's version, which it tells to everybody, and its clock minus ours.
    pub async fn version(&self) -> Result<(String, Option<TimeDelta>), Fault> {
        #[derive(Deserialize)]
        struct Result_ {
            result: String,
        }
        let call = Call::post("/rpc/").json(json!({"id": 1, "method": "common.server.version", "params": []}));
        let answer = answered(self.http.send(call).await?)?;
        Ok((answer.json::<Result_>()?.result, answer.clock_skew()))
    }

    async fn change(&self, call: Call<'_>) -> Result<Answer, Trouble> {
        self.changed(call, self.context.clone()).await
    }

    async fn changed(&self, call: Call<'_>, context: String) -> Result<Answer, Trouble> {
        let answer = self.http.send(call.header("x-tryton-context", context)).await?;
        match answer.status {
            400 | 403 => Err(Trouble::Refused(reason(&answer))),
            // We have just read the record: somebody deleted it. The next try sees what is there then.
            404 => Err(Trouble::Fault(Fault::Temporary { message: answer.says(), after: None })),
            _ => Ok(answered(answer)?),
        }
    }
}

/// What is left when refusals are sorted out.
fn answered(answer: Answer) -> Result<Answer, Fault> {
    match answer.status {
        409 => Err(Fault::Temporary { message: answer.says(), after: answer.retry_after() }),
        422 => Err(Fault::Contract { message: answer.says() }),
        500 if let Some(name) = unknown_name(&answer.body) => {
            Err(Fault::Contract { message: format!("This Tryton has no {name:?}. Is a module missing?") })
        }
        _ => answer.check(),
    }
}

/// A `KeyError` page: its text is the name that was not found, in quotes, and nothing else.
fn unknown_name(body: &str) -> Option<&str> {
    let text = body.split_once("<p>")?.1.split_once("</p>")?.0.trim();
    let name = text.strip_prefix("&#39;")?.strip_suffix("&#39;")?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).then_some(name)
}

/// Tryton's own words for a refusal.
fn reason(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
        #[serde(default)]
        description: Option<String>,
    }
    let words = serde_json::from_str::<Refusal>(&answer.body).ok().map(|refusal| {
        let description = refusal.description.unwrap_or_default();
        format!("{} {description}", refusal.message.trim()).split_whitespace().collect::<Vec<_>>().join(" ")
    });
    match words.filter(|words| !words.is_empty()) {
        Some(words) => answer.redact(&words).chars().take(LONGEST_REASON).collect(),
        None => format!(
            "Tryton gave no reason ({}). Usually a right is missing, or the record's state does not allow it.",
            answer.says().trim_end_matches('.')
        ),
    }
}

fn encoded(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

/// A day as Tryton writes it.
pub fn day(date: Option<NaiveDate>) -> Value {
    use chrono::Datelike;
    date.map_or(
        Value::Null,
        |date| json!({"__class__": "date", "year": date.year(), "month": date.month(), "day": date.day()}),
    )
}

/// An instant as Tryton writes it.
pub fn instant(at: NaiveDateTime) -> Value {
    use chrono::{Datelike, Timelike};
    json!({
        "__class__": "datetime", "year": at.year(), "month": at.month(), "day": at.day(), "hour": at.hour(),
        "minute": at.minute(), "second": at.second(), "microsecond": at.nanosecond() / 1_000,
    })
}

/// A price as Tryton writes it.
pub fn price(price: Decimal) -> Value {
    json!({"__class__": "Decimal", "decimal": price.to_string()})
}

/// A quantity as Tryton writes it: the float whose shortest text is the decimal.
pub fn quantity(quantity: Decimal) -> Value {
    let float = quantity.normalize().to_string().parse().ok().and_then(Number::from_f64);
    float.map_or(Value::Null, Value::Number)
}

#[derive(Deserialize)]
#[serde(tag = "__class__")]
enum Classed {
    #[serde(rename = "date")]
    Date {
        year: i32,
        month: u32,
        day: u32,
    },
    #[serde(rename = "datetime")]
    Datetime {
        year: i32,
        month: u32,
        day: u32,
        #[serde(default)]
        hour: u32,
        #[serde(default)]
        minute: u32,
        #[serde(default)]
        second: u32,
        #[serde(default)]
        microsecond: u32,
    },
    Decimal {
        decimal: String,
    },
}

pub(super) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    match Option::<Classed>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Classed::Date { year, month, day }) => {
            NaiveDate::from_ymd_opt(year, month, day).map(Some).ok_or_else(|| D::Error::custom("there is no such day"))
        }
        Some(_) => Err(D::Error::custom("expected a date")),
    }
}

pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDateTime, D::Error> {
    match Classed::deserialize(deserializer)? {
        Classed::Datetime { year, month, day, hour, minute, second, microsecond } => {
            NaiveDate::from_ymd_opt(year, month, day)
                .and_then(|date| date.and_hms_micro_opt(hour, minute, second, microsecond))
                .ok_or_else(|| D::Error::custom("there is no such instant"))
        }
        _ => Err(D::Error::custom("expected a datetime")),
    }
}

fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    match Option::<Classed>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Classed::Decimal { decimal }) => read_decimal(&decimal)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("{decimal:?} is not a decimal number"))),
        Some(_) => Err(D::Error::custom("expected a decimal")),
    }
}

/// The decimal whose shortest float this is. Rounded to the unit's digits by who knows the unit.
pub(super) fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let text = number.to_string();
    read_decimal(&text).map(Some).ok_or_else(|| D::Error::custom(format!("{text} is not a quantity")))
}

fn read_decimal(text: &str) -> Option<Decimal> {
    text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
}

/// Days, as a number or as a duration.
fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let days = match Option::<Value>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Value::Object(duration)) => duration
            .get("seconds")
            .and_then(|seconds| read_decimal(&seconds.to_string()))
            .map(|seconds| (seconds / Decimal::from(86_400)).trunc().to_string()),
        Some(plain) => Some(plain.to_string()),
    };
    days.and_then(|days| days.parse().ok()).map(Some).ok_or_else(|| D::Error::custom("expected a number of days"))
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(Value::Number(number)) => Ok(number.as_i64() != Some(0)),
        Some(other) => Err(D::Error::custom(format!("{other} is neither true nor false"))),
    }
}
