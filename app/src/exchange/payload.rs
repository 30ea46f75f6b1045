//! What is sent and received, for people who may see it; for the others the shape without the prices.

use domain::access::Action;
use leptos::prelude::*;
use serde_json::Value;

use crate::viewer::Viewer;

/// What stands in place of a number that the reader may not see.
const HIDDEN: &str = "not shown";

/// JSON, indented; prices only for who may see payloads.
pub fn json(value: &Value, viewer: &Viewer) -> AnyView {
    let see = viewer.may(Action::SeePayload);
    let shown = if see { value.clone() } else { without_prices(value) };
    let text = serde_json::to_string_pretty(&shown).unwrap_or_else(|_| shown.to_string());
    let note = (!see).then(|| view! { <p class="small muted payload-note">"Prices are hidden. Seeing them takes the role Integration admin."</p> });
    view! { {note}{block(text)} }.into_any()
}

/// Text as it came, indented where it is JSON.
pub fn raw(body: &str) -> AnyView {
    let pretty = serde_json::from_str::<Value>(body).ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    block(pretty.unwrap_or_else(|| body.to_owned()))
}

fn block(text: String) -> AnyView {
    view! { <pre class="payload" tabindex="0" role="region" aria-label="Content"><code>{text}</code></pre> }.into_any()
}

fn without_prices(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(without_prices).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let hidden = key.contains("price") && !value.is_null();
                (key.clone(), if hidden { Value::from(HIDDEN) } else { without_prices(value) })
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn prices_are_hidden_at_every_depth_and_nothing_else() {
        let data = json!({"order": "1", "lines": [{"price": "14.80", "item": "A", "commitments": [{"quantity": "3", "price": null}]}]});
        let shown = without_prices(&data);
        assert_eq!(
            shown,
            json!({"order": "1", "lines": [{"price": HIDDEN, "item": "A", "commitments": [{"quantity": "3", "price": null}]}]})
        );
    }
}
