//! `/api/openapi.json` and `/api/docs`: what the code says of itself. The page is ours and plain: no script and nothing from
//! another origin, so that it works below the strictest policy; whoever wants more reads the JSON with his own tool.

use std::fmt::Write;
use std::sync::Arc;

use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

/// What every call may be answered with besides what it says itself.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "Not understood: the query, a header or the body"),
    ("401", "No key, or one that does not work"),
    ("403", "The key has not the right"),
    ("404", "It does not exist, or is not for this key to see"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    ("422", "A rule says no; `findings` says which, where and how to mend it"),
    ("428", "If-Match is missing"),
    ("412", "Somebody was faster: read again"),
    ("429", "Too often: Retry-After says when to come back"),
    ("500", "Our own mistake; correlation_id names it to support"),
    ("503", "The database did not answer in time; try again with the same Idempotency-Key"),
];

/// The addresses of both.
pub fn router(openapi: OpenApi) -> Router {
    let document = Arc::new(completed(openapi));
    let page = Arc::new(page(&document));
    let json = move || {
        let document = Arc::clone(&document);
        async move { axum::Json((*document).clone()) }
    };
    let html = move || {
        let page = Arc::clone(&page);
        async move { shown(&page) }
    };
    Router::new().route("/api/openapi.json", get(json)).route("/api/docs", get(html))
}

fn shown(page: &str) -> Response {
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page.to_owned())).into_response()
}

/// The code's own words with what holds for all: name, address, key, refusals.
pub fn completed(openapi: OpenApi) -> Value {
    let mut document = serde_json::to_value(openapi).unwrap_or_default();
    document["info"] = json!({
        "title": "Interlock", "version": "1",
        "description": "The machine interface of the supplier portal. Keys are made on the page /keys. Numbers are texts, so that no decimal is lost; days are days of the plant's calendar.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["components"]["securitySchemes"] = json!({"key": {"type": "http", "scheme": "bearer"}});
    document["security"] = json!([{"key": []}]);
    let problem = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    let operations = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let operations = operations.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut());
    for operation in operations.filter(|operation| operation["responses"].is_object()) {
        for (status, words) in REFUSALS {
            operation["responses"][status] = json!({"description": words, "content": problem});
        }
    }
    document
}

fn page(document: &Value) -> String {
    let mut page = String::from(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Machine interface · Interlock</title></head><body><main><h1>Machine interface</h1>",
    );
    // Writing to a String cannot fail.
    let about = document["info"]["description"].as_str().unwrap_or_default();
    let _ = write!(
        page,
        "<p>{}</p><p>For tools: <a href=\"/api/openapi.json\">/api/openapi.json</a> (OpenAPI 3.1).</p>",
        escaped(about)
    );
    page.push_str("<p>Send the key as <code>Authorization: Bearer …</code>. What can be sent twice takes an <code>Idempotency-Key</code>, what changes a thing takes <code>If-Match</code> with the ETag that was read.</p>");
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten().filter(|(_, it)| it["responses"].is_object())
        {
            let summary = operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
            let _ = write!(
                page,
                "<section><h2><code>{} {}</code></h2><p>{}</p>",
                method.to_uppercase(),
                escaped(path),
                escaped(summary)
            );
            parameters(&mut page, &operation["parameters"]);
            if let Some(name) = reference(&operation["requestBody"]) {
                let _ = write!(page, "<p>Body: <a href=\"#{name}\">{name}</a></p>");
            }
            page.push_str("<ul>");
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                let words = escaped(response["description"].as_str().unwrap_or_default());
                let body =
                    reference(response).map(|name| format!(" <a href=\"#{name}\">{name}</a>")).unwrap_or_default();
                let _ = write!(page, "<li><code>{status}</code> {words}{body}</li>");
            }
            page.push_str("</ul></section>");
        }
    }
    page.push_str("<h2>Bodies</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let words = escaped(schema["description"].as_str().unwrap_or_default());
        let _ = write!(page, "<section id=\"{name}\"><h3>{name}</h3><p>{words}</p><dl>");
        let required = schema["required"].as_array();
        for (field, about) in schema["properties"].as_object().into_iter().flatten() {
            let needed = required.is_some_and(|all| all.iter().any(|one| one == field));
            let mark = if needed { " (needed)" } else { "" };
            let of = reference(about).map(|name| format!(" <a href=\"#{name}\">{name}</a>")).unwrap_or_default();
            let words = escaped(about["description"].as_str().unwrap_or_default());
            let _ = write!(page, "<dt><code>{}</code>{mark}{of}</dt><dd>{words}</dd>", escaped(field));
        }
        page.push_str("</dl></section>");
    }
    page.push_str("</main></body></html>");
    page
}

fn parameters(page: &mut String, parameters: &Value) {
    let Some(parameters) = parameters.as_array().filter(|all| !all.is_empty()) else { return };
    page.push_str("<dl>");
    for parameter in parameters {
        let said = |key: &str| escaped(parameter[key].as_str().unwrap_or_default());
        let needed = if parameter["required"] == true { ", needed" } else { "" };
        let _ = write!(
            page,
            "<dt><code>{}</code> ({}{needed})</dt><dd>{}</dd>",
            said("name"),
            said("in"),
            said("description")
        );
    }
    page.push_str("</dl>");
}

/// The first schema that something refers to, by its name.
fn reference(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => match fields.get("$ref").and_then(Value::as_str) {
            Some(name) => name.rsplit('/').next(),
            None => fields.values().find_map(reference),
        },
        Value::Array(all) => all.iter().find_map(reference),
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
