//! The sweep against a list that answers as Tryton does: more changes at once than a page holds, and late ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{RawQuery, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

use super::*;
use crate::settings::{Secrets, SettingsProblem};
use crate::tryton::settings::TrytonSettings;

/// Locations by id, each with its stamp in microseconds.
type Locations = Arc<Mutex<BTreeMap<i64, i64>>>;

/// 2026-11-23 06:00.
const MORNING: i64 = 1_795_413_600_000_000;
const SECOND: i64 = 1_000_000;

struct NoSecrets;

impl Secrets for NoSecrets {
    fn read(&self, _: &str) -> Result<String, SettingsProblem> {
        Ok("key".to_owned())
    }
}

async fn served(locations: &Locations) -> Wire {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let app = Router::new().fallback(list).with_state(locations.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.expect("serving") });
    let given = json!({"base_url": url, "database": "erp", "rest_key": "env:KEY"});
    Wire::new("tryton", &TrytonSettings::read(&given, &NoSecrets).expect("settings")).expect("a wire")
}

async fn list(State(locations): State<Locations>, RawQuery(query): RawQuery) -> String {
    let url = url::Url::parse(&format!("http://erp/?{}", query.unwrap_or_default())).expect("a query");
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let decoded = |name: &str| -> Value {
        serde_json::from_slice(&URL_SAFE.decode(&query[name]).expect("base64")).expect("JSON")
    };
    let stamp = |value: &Value| micros(wire::moment(value).expect("an instant"));
    let (domain, order) = (decoded("d"), decoded("o"));
    let wanted = |id: i64, at: i64| match domain.get(0) {
        None => true,
        Some(clause) => match (clause[0].as_str(), clause[1].as_str()) {
            (Some("id"), Some(">")) => id > clause[2].as_i64().expect("an id"),
            (Some("id"), Some("in")) => clause[2].as_array().expect("ids").contains(&json!(id)),
            (Some("last_modified_at"), Some(">=")) => at >= stamp(&clause[2]),
            (Some("OR"), _) => {
                let (after, last) = (stamp(&clause[1][0][2]), clause[2][1][2].as_i64().expect("an id"));
                at > after || (at == after && id > last)
            }
            other => panic!("not asked for by a feed: {other:?}"),
        },
    };
    let mut found: Vec<(i64, i64)> =
        locations.lock().expect("nobody panicked").iter().map(|(id, at)| (*id, *at)).collect();
    found.retain(|(id, at)| wanted(*id, *at));
    if order[0][0] == "last_modified_at" {
        found.sort_by_key(|(id, at)| (*at, *id));
    }
    if order[0][1] == "DESC" {
        found.reverse();
    }
    found.truncate(query["s"].parse().expect("a number"));
    let record = |(id, at): &(i64, i64)| json!({"id": id, "code": format!("P{id}"), "name": "Plant", "last_modified_at": instant(super::at(*at))});
    Value::Array(found.iter().map(record).collect()).to_string()
}

/// Polls to the end; how often each subject came.
async fn read_all(wire: &Wire, cursor: &mut Cursor) -> BTreeMap<String, usize> {
    let mut came = BTreeMap::new();
    for _ in 0..1_000 {
        let polled = poll(wire, PLANTS, cursor, 1, &json!([])).await.expect("a poll");
        for raw in polled.messages {
            *came.entry(raw.subject).or_default() += 1;
        }
        *cursor = polled.cursor;
        if !polled.more {
            return came;
        }
    }
    panic!("the feed has no end");
}

#[tokio::test]
async fn a_mass_change_at_one_instant_is_read_whole_and_once() {
    let all: BTreeMap<i64, i64> = (1..=2_345).map(|id| (id, MORNING)).collect();
    let locations = Arc::new(Mutex::new(all));
    let wire = served(&locations).await;
    let mut cursor = Cursor::default();
    assert_eq!(read_all(&wire, &mut cursor).await.len(), 2_345, "the first reading goes by id");
    // What changed while it ran may come once more; from then on it is quiet.
    read_all(&wire, &mut cursor).await;
    assert_eq!(read_all(&wire, &mut cursor).await, BTreeMap::new());

    for at in locations.lock().expect("nobody panicked").values_mut() {
        *at = MORNING + 600 * SECOND;
    }
    let came = read_all(&wire, &mut cursor).await;
    assert_eq!((came.len(), came.values().max()), (2_345, Some(&1)));
    assert_eq!(read_all(&wire, &mut cursor).await, BTreeMap::new());
}

#[tokio::test]
async fn a_change_that_becomes_visible_after_a_newer_one_is_found_within_the_overlap() {
    let locations = Arc::new(Mutex::new((1..=3).map(|id| (id, MORNING)).collect::<BTreeMap<_, _>>()));
    let wire = served(&locations).await;
    let mut cursor = Cursor::default();
    read_all(&wire, &mut cursor).await;
    let change = |id: i64, at: i64| locations.lock().expect("nobody panicked").insert(id, at);
    change(1, MORNING + 300 * SECOND);
    assert!(read_all(&wire, &mut cursor).await.contains_key("P1"));

    change(2, MORNING + 300 * SECOND - 110 * SECOND);
    assert_eq!(read_all(&wire, &mut cursor).await, BTreeMap::from([("P2".to_owned(), 1)]), "only what is new");
    change(3, MORNING + 300 * SECOND);
    assert_eq!(read_all(&wire, &mut cursor).await, BTreeMap::from([("P3".to_owned(), 1)]), "at the very same instant");
}

#[tokio::test]
async fn a_position_of_somebody_else_is_told() {
    let wire = served(&Locations::default()).await;
    let fault = poll(&wire, PLANTS, &Cursor(json!({"since": "noon"})), 1, &json!([])).await.expect_err("not ours");
    assert!(matches!(&fault, Fault::Permanent { message } if message.contains("not ours")), "{fault}");
}
