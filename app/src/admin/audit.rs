//! `/audit`: who changed what, when, from where, before and after, and why.

use domain::id::CorrelationId;
use leptos::prelude::*;
use serde_json::Value;
use store::audit_list::{self, AuditRow, Filter, Page};

use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::FilterBar;
use crate::ui::header::PageHeader;
use crate::ui::pager::{Pager, Position};
use crate::ui::time::{Reading, instant};

const SIZE: usize = 50;
/// A value longer than this is cut in the middle of the list; the row of the object has all of it.
const LONGEST_VALUE: usize = 400;

struct List {
    around: Around,
    address: Address,
    rows: Vec<AuditRow>,
    more: bool,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<List, AppError> {
    let word = |key: &str| address.get(key).map(str::to_owned);
    let filter = Filter {
        object_kind: word("object"),
        object: word("id"),
        actor: word("actor"),
        action: word("action"),
        correlation: address.read::<CorrelationId>("reference"),
    };
    let size = i64::try_from(SIZE + 1).unwrap_or(i64::MAX);
    let place = Page { after: address.read("after"), before: address.read("before"), size };
    let mut tx = request::reader().await?;
    let mut rows = audit_list::page(&mut tx, &filter, &place).await?;
    let more = rows.len() > SIZE;
    if more && place.before.is_some() {
        rows.remove(0);
    }
    rows.truncate(SIZE);
    Ok(List { around: Around::load(&mut tx).await?, address, rows, more })
}

fn show(list: List) -> AnyView {
    let List { around, address, rows, more } = list;
    let backwards = address.get("before").is_some();
    let (has_previous, has_next) = if backwards { (more, true) } else { (address.get("after").is_some(), more) };
    let position = Position {
        words: crate::ui::number::counted(i64::try_from(rows.len()).unwrap_or(i64::MAX), "entry", "entries"),
        previous: rows.first().filter(|_| has_previous).map(|row| address.with("before", row.position).href()),
        next: rows.last().filter(|_| has_next).map(|row| address.with("after", row.position).href()),
        sizes: Vec::new(),
    };
    let facts = vec![
        "newest first".into_any(),
        format!("times in {}", around.reading.abbreviation(around.now())).into_any(),
        "kept as it was written, never changed".into_any(),
    ];
    let content = if rows.is_empty() {
        let clear = Some(("Show all".to_owned(), "/audit".to_owned())).filter(|_| address.is_narrowed(&[]));
        view! { <EmptyState title="No entries" text="Nothing was changed that matches this." action=clear/> }.into_any()
    } else {
        let body = rows.iter().map(|entry| row(entry, &address, &around.reading)).collect_view();
        view! {
            <table class="data-table blocks audit" role="table">
                <caption class="visually-hidden">"Changes, newest first"</caption>
                <thead><tr><th scope="col">"When"</th><th scope="col">"Who"</th><th scope="col">"What"</th><th scope="col">"Object"</th><th scope="col">"Before and after"</th></tr></thead>
                <tbody>{body}</tbody>
            </table>
            <Pager position=position/>
        }
        .into_any()
    };
    let page = view! {
        <PageHeader title="Audit log".into_any() facts=facts/>
        {filters(&address)}
        <section class="sheet table-region" aria-label="Changes">{content}</section>
    };
    around.frame("Audit log", page)
}

fn filters(address: &Address) -> AnyView {
    let of = |key: &str| address.get(key).map(str::to_owned);
    let reference = address.read::<CorrelationId>("reference").map(|id| id.to_string());
    let tags = address.tags(
        &[
            ("object", "Object", of("object")),
            ("id", "Id", of("id")),
            ("actor", "Who", of("actor")),
            ("action", "What", of("action")),
            ("reference", "Reference", reference),
        ],
        &[],
    );
    let field = |id: &'static str, key: &'static str, label: &'static str, hint: &'static str| {
        let value = address.get(key).unwrap_or_default().to_owned();
        view! { <div class="field"><label for=id>{label}</label><input class="input" id=id name=key value=value placeholder=hint autocomplete="off"/></div> }
    };
    let fields = view! {
        {field("f-actor", "actor", "Who", "name")}
        {field("f-action", "action", "What", "order. or order.confirm")}
        {field("f-object", "object", "Kind of object", "order, person, connection …")}
        {field("f-id", "id", "Which", "order number or id")}
        {field("f-reference", "reference", "Reference", "correlation id")}
    };
    view! {
        <FilterBar tags=tags clear="/audit".to_owned()>
            <form method="get" action="/audit" class="menu fields">{fields}<button class="button primary" type="submit">"Apply"</button></form>
        </FilterBar>
    }
    .into_any()
}

fn row(entry: &AuditRow, address: &Address, reading: &Reading) -> AnyView {
    let href = match entry.object_kind.as_str() {
        "order" => Some(format!("/orders/{}", encoded(&entry.object))),
        "person" if entry.object.len() == 36 => Some(format!("/people/{}", entry.object)),
        "connection" => Some(format!("/connections/{}", entry.object)),
        "delivery" => Some(format!("/deliveries/{}", entry.object)),
        "arrival" => Some(format!("/arrivals/{}", entry.object)),
        _ => None,
    };
    let name = entry.name.clone().unwrap_or_else(|| entry.object.clone());
    let object = match href {
        Some(href) => view! { <a class="breaks" href=href>{name}</a> }.into_any(),
        None => view! { <span class="breaks">{name}</span> }.into_any(),
    };
    let all = address.with("reference", entry.correlation).href();
    view! {
        <tr>
            <td class="nowrap a-id">{instant(entry.at, reading)}<span class="sub"><a class="quiet-link" href=all>"same request"</a></span></td>
            <td class="a-item">{entry.actor.name().to_owned()}<span class="sub id">{entry.address.clone()}</span></td>
            <td class="a-status"><span class="id">{entry.action.clone()}</span></td>
            <td class="a-due">{object}<span class="sub">{entry.object_kind.clone()}</span></td>
            <td class="a-change">{entry.reason.clone().map(|why| view! { <p class="why" dir="auto">{format!("“{why}”")}</p> })}{change(entry)}</td>
        </tr>
    }
    .into_any()
}

/// The fields that differ, with both values; nested ones under their own names.
fn change(entry: &AuditRow) -> AnyView {
    let mut differences = Vec::new();
    compare("", entry.before.as_ref(), entry.after.as_ref(), &mut differences);
    if differences.is_empty() {
        return ().into_any();
    }
    let few = differences.len() <= 4;
    let count = differences.len();
    let rows = differences
        .into_iter()
        .map(|(field, before, after)| {
            let before = before.map(|it| view! { <del>{it}</del> });
            let after = after.map(|it| view! { <ins>{it}</ins> });
            view! { <dt>{field}</dt><dd>{before}{after}</dd> }
        })
        .collect_view();
    let list = view! { <dl class="changes">{rows}</dl> };
    if few {
        list.into_any()
    } else {
        view! { <details><summary>{format!("{count} fields")}</summary>{list}</details> }.into_any()
    }
}

fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<(String, Option<String>, Option<String>)>,
) {
    let below = |key: &str| {
        let key = key.replace('_', " ");
        if path.is_empty() { key } else { format!("{path} · {key}") }
    };
    let fields = |value: Option<&Value>| -> Option<Vec<String>> {
        match value {
            Some(Value::Object(fields)) => Some(fields.keys().cloned().collect()),
            Some(Value::Array(items)) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                Some((0..items.len()).map(|index| index.to_string()).collect())
            }
            _ => None,
        }
    };
    let get = |value: Option<&Value>, key: &str| -> Option<Value> {
        match value? {
            Value::Object(fields) => fields.get(key).cloned(),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?).cloned(),
            _ => None,
        }
    };
    let keys = match (fields(before), fields(after)) {
        (None, None) => None,
        (one, other) => {
            let mut keys = one.unwrap_or_default();
            keys.extend(other.unwrap_or_default());
            keys.sort();
            keys.dedup();
            Some(keys)
        }
    };
    if let Some(keys) = keys {
        for key in keys {
            let in_list = [before, after].into_iter().flatten().any(Value::is_array);
            let label = match (in_list, name_of(before, after, &key)) {
                (true, Some(line)) => line,
                (true, None) => format!("{path} {}", key.parse().unwrap_or(0_usize) + 1),
                (false, _) => below(&key),
            };
            compare(&label, get(before, &key).as_ref(), get(after, &key).as_ref(), found);
        }
        return;
    }
    let text = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(words);
    if text(before) != text(after) {
        found.push((path.to_owned(), text(before), text(after)));
    }
}

/// A row of a list by the line it is about, where it says so.
fn name_of(before: Option<&Value>, after: Option<&Value>, key: &str) -> Option<String> {
    let index: usize = key.parse().ok()?;
    let item = [after, before].into_iter().flatten().find_map(|list| list.get(index))?;
    let line = item.get("line")?.as_str()?;
    Some(format!("line {line}"))
}

fn words(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    if text.chars().count() > LONGEST_VALUE { text.chars().take(LONGEST_VALUE).chain(['…']).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_shown_with_both_values_by_line() {
        let before = json!({"revision": 1, "lines": [{"line": "0010", "state": "published", "quantity": "5", "promise": null,
            "proposal": [{"quantity": "4"}]}]});
        let after = json!({"revision": 1, "lines": [{"line": "0010", "state": "accepted", "quantity": "5",
            "promise": [{"quantity": "5", "deliver_on": "2026-12-04"}], "proposal": null}]});
        let mut found = Vec::new();
        compare("", Some(&before), Some(&after), &mut found);
        let text = |it: Option<String>| it.unwrap_or_else(|| "–".to_owned());
        let lines: Vec<String> =
            found.into_iter().map(|(field, was, is)| format!("{field}: {} → {}", text(was), text(is))).collect();
        assert_eq!(
            lines,
            [
                "line 0010 · promise 1 · deliver on: – → 2026-12-04",
                "line 0010 · promise 1 · quantity: – → 5",
                "line 0010 · proposal 1 · quantity: 4 → –",
                "line 0010 · state: published → accepted",
            ]
        );
    }
}
