use serde_json::json;

use super::*;

fn raw(body: &Value) -> Raw {
    Raw {
        external_key: "push-1".to_owned(),
        subject: "push-1".to_owned(),
        channel: "push".to_owned(),
        content_type: "application/json".to_owned(),
        body: body.to_string(),
        headers: Vec::new(),
    }
}

fn consumption(id: &str) -> Value {
    json!({"id": id, "type": "consumption", "work_order": "1000123", "at": "2026-12-14T08:00:00+01:00", "item": "0012-010",
           "lot": "H-4711", "quantity": "10.5", "unit": "pce", "station": "A-12", "something_newer": 1})
}

#[test]
fn a_batch_is_its_messages_each_under_its_own_id_and_work_order() {
    let other = json!({"id": "m-2", "type": "reversal", "work_order": "1000124", "at": "2026-12-14T07:00:00Z", "of": "m-0", "reason": "x"});
    let batch = raw(&json!({"messages": [consumption("m-1"), other, {"no": "id"}]}));
    let messages = split(&batch, "push-1").expect("a batch");
    let filed: Vec<(&str, &str)> = messages.iter().map(|it| (it.external_key.as_str(), it.subject.as_str())).collect();
    assert_eq!(filed, [("m-1", "1000123"), ("m-2", "1000124"), ("push-1#2", "push-1")]);
    assert!(matches!(command(&messages[1].body, "DE10"), Ok(Command::ReverseReport(it)) if it.of == "m-0"));
    assert!(command(&messages[2].body, "DE10").is_err(), "kept, and not understood");

    let single = split(&raw(&consumption("m-1")), "push-1").expect("a message");
    assert_eq!(single.len(), 1);
    let twice = split(&raw(&json!({"messages": [consumption("m-1"), consumption("m-1")]})), "push-1");
    assert!(twice.is_err_and(|problem| problem.at == "$.messages[1].id"));
}

#[test]
fn a_consumption_is_understood_with_its_own_time_and_unit() {
    let Ok(Command::Report(report)) = command(&consumption("m-1").to_string(), "DE10") else { panic!("a report") };
    assert_eq!(report.at, "2026-12-14T07:00:00Z".parse::<DateTime<Utc>>().expect("an instant"));
    let Reported::Consumed(it) = &report.what else { panic!("a consumption") };
    assert_eq!(
        (it.quantity.to_string(), it.unit.code(), it.lot.as_deref()),
        ("10.5".to_owned(), "PCE", Some("H-4711"))
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let with = |name: &str, value: Value| {
        let mut message = consumption("m-1");
        message[name] = value;
        message.to_string()
    };
    for (name, value, at) in [
        ("quantity", json!(10.5), "$.quantity"), // a float has lost digits already
        ("quantity", json!("-1"), "$.quantity"),
        ("quantity", Value::Null, "$.quantity"),
        ("unit", Value::Null, "$.unit"),
        ("plant", json!("FR20"), "$.plant"),
        ("at", json!("yesterday"), "$.at"),
        ("type", json!("explosion"), "$.type"),
        ("work_order", json!(" "), "$.work_order"),
        ("id", json!(""), "$.id"),
    ] {
        let problem = command(&with(name, value.clone()), "DE10").expect_err("wrong");
        assert_eq!(problem.at, at, "{name} = {value}: {problem}");
    }
    assert!(command(&with("plant", json!("de10")), "DE10").is_ok(), "its own plant may be named");
}
