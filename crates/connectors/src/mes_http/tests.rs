use serde_json::json;

use super::*;

struct Known;

impl Secrets for Known {
    fn read(&self, reference: &str) -> Result<String, SettingsProblem> {
        let name = reference.strip_prefix("env:").ok_or_else(|| SettingsProblem::new("secret", "names no variable"))?;
        Ok(format!("secret {name}"))
    }
}

fn connector(settings: Value) -> Result<Box<dyn Connector>, SettingsProblem> {
    build(&settings, &Known)
}

fn pushed(authorization: Option<&str>) -> Raw {
    let message = json!({"id": "m-1", "type": "consumption", "work_order": "1000123", "at": "2026-12-14T07:00:00Z",
                         "item": "0012-010", "quantity": "1", "unit": "PCE"});
    Raw {
        external_key: "call-1".to_owned(),
        subject: "call-1".to_owned(),
        channel: "push".to_owned(),
        content_type: "application/json".to_owned(),
        body: json!({ "messages": [message] }).to_string(),
        headers: authorization.map(|value| ("authorization".to_owned(), value.to_owned())).into_iter().collect(),
    }
}

#[test]
fn only_whoever_has_the_report_key_may_report() {
    let mes = connector(json!({"plant": "DE10", "report_key": "env:MES"})).expect("right settings");
    let messages = mes.verify(&pushed(Some("Bearer secret MES"))).expect("his own key");
    assert_eq!((messages[0].external_key.as_str(), messages[0].subject.as_str()), ("m-1", "1000123"));
    assert!(matches!(mes.interpret(&messages[0]).as_deref(), Ok([Command::Report(it)]) if it.plant == "DE10"));
    for wrong in [None, Some("Bearer secret"), Some("secret MES"), Some("Bearer secret MES "), Some("Bearer ")] {
        let fault = mes.verify(&pushed(wrong)).expect_err("not his key");
        assert!(matches!(fault, Fault::Credentials { .. }), "{wrong:?}: {fault:?}");
    }
}

#[test]
fn without_an_address_it_is_told_nothing_and_with_one_it_needs_a_key() {
    let quiet = connector(json!({"plant": "DE10", "report_key": "env:MES"})).expect("right settings");
    assert!(quiet.carries().is_empty());
    let address = json!({"plant": "DE10", "report_key": "env:MES", "base_url": "https://mes.example.com"});
    assert_eq!(connector(address.clone()).err().map(|problem| problem.key), Some("api_key".to_owned()));
    let mut complete = address;
    complete["api_key"] = json!("env:OUT");
    assert_eq!(connector(complete).expect("right settings").carries(), CARRIES);
}
