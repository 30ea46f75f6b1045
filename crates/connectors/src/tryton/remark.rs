//! Notes on Tryton's records: words for people, then one line for us. Tryton lets nobody change the text of a note, which makes
//! it a record of what we did where Tryton has no field for it. (What promises leave on purchases is in [`super::note`].)

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::wire::{Query, Trouble, Wire};
use crate::outcome::Fault;

/// Records that are asked for in one call: they stand in its address, which has a longest.
const BATCH: usize = 100;

#[derive(Debug, Deserialize)]
struct Note {
    resource: String,
    #[serde(default)]
    message: Option<String>,
}

/// What we left behind `mark` on records like `stock.lot,4`, oldest first.
pub async fn read<T: DeserializeOwned>(
    wire: &Wire,
    resources: &[String],
    mark: &str,
) -> Result<Vec<(String, T)>, Fault> {
    let mut found = Vec::new();
    for some in resources.chunks(BATCH) {
        let query = Query {
            model: "ir.note",
            fields: &["resource", "message"],
            domain: json!([["resource", "in", some]]),
            order: json!([["id", "ASC"]]),
            limit: 10_000,
        };
        for note in wire.list::<Note>(&query).await? {
            if let Some(record) = note.message.as_deref().and_then(|message| record(message, mark)) {
                found.push((note.resource, record));
            }
        }
    }
    Ok(found)
}

/// Our line in a note; none in a note of somebody else.
pub fn record<T: DeserializeOwned>(message: &str, mark: &str) -> Option<T> {
    let line = message.lines().rev().find_map(|line| line.trim().strip_prefix(mark))?;
    serde_json::from_str(line).ok()
}

/// Leaves a note on a record.
pub async fn write<T: Serialize>(
    wire: &Wire,
    resource: &str,
    words: &str,
    mark: &str,
    record: &T,
) -> Result<(), Trouble> {
    let record = serde_json::to_string(record)
        .map_err(|error| Fault::Permanent { message: format!("A note cannot be written down: {error}.") })?;
    let message = format!("{}\n\n{mark}{record}", words.trim());
    wire.create("ir.note", json!({"resource": resource, "message": message})).await.map(|_| ())
}
