//! `/inspections/:id`: what was measured against what the item must show, and the usage decision that splits the lot.

use std::collections::BTreeMap;

use domain::Decimal;
use domain::access::{Action, may};
use domain::certificate::Measured;
use domain::certificate::check::{Row, Verdict};
use domain::certificate::specification::Characteristic;
use domain::id::InspectionId;
use domain::inspection::{InspectionState, Part};
use domain::lot::StockStatus;
use domain::quantity::parse_number;
use domain::refusal::Finding;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::inspections::{self, Compared, Deciding, InspectionRecord};
use uuid::Uuid;

use super::fields::Input;
use super::words::{lot_href, result_tag};
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::orders::inbound::stock_status;
use crate::page::Around;
use crate::request;
use crate::ui::field::field_note;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader, disabled_button};
use crate::ui::number::{quantity, quantity_text};
use crate::ui::tag::{id, plain_tag, tag};
use crate::ui::time::instant_with_zone;
use crate::ui::tone::Tone;

/// Rows for values that the specification does not ask for.
const SPARE: usize = 2;

/// Where inspected material can go.
const PARTS: [StockStatus; 3] = [StockStatus::Unrestricted, StockStatus::Restricted, StockStatus::Blocked];

/// The form as it was typed, by the ids of its inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    fields: BTreeMap<String, String>,
}

impl Typed {
    fn get(&self, id: &str) -> &str {
        self.fields.get(id).map_or("", |text| text.trim())
    }

    /// As the record stands, for a form that nobody has typed into.
    fn of(record: &InspectionRecord, compared: &Compared) -> Self {
        let mut fields = BTreeMap::new();
        let known = characteristics(compared);
        let mut spare = 0;
        for value in &record.measured {
            let at = known.iter().position(|one| one.name == value.characteristic);
            if let Some(at) = at {
                fields.insert(value_id(at), value.value.normalize().to_string());
            } else {
                fields.insert(spare_id(spare, "name"), value.characteristic.clone());
                fields.insert(spare_id(spare, "unit"), value.unit.clone().unwrap_or_default());
                fields.insert(spare_id(spare, "value"), value.value.normalize().to_string());
                spare += 1;
            }
        }
        let to = if Finding::any_stops(&compared.findings) { StockStatus::Blocked } else { StockStatus::Unrestricted };
        fields.insert(to.as_str().to_owned(), quantity_text(record.quantity, &record.unit));
        Self { fields }
    }

    /// The measured values; a row without a value was not measured.
    fn values(&self, specification: &[Characteristic]) -> Result<Vec<Measured>, Vec<FieldProblem>> {
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for (at, of) in specification.iter().enumerate() {
            let typed = self.get(&value_id(at));
            if typed.is_empty() {
                continue;
            }
            match parse_number(typed) {
                Ok(value) => values.push(Measured {
                    characteristic: of.name.clone(),
                    lot: None,
                    method: of.method.clone(),
                    unit: of.unit.clone(),
                    value,
                }),
                Err(problem) => problems.push(FieldProblem::new(value_id(at), format!("{}: {problem}", of.name))),
            }
        }
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        for at in 0..self.spares() {
            let (name, typed) = (self.get(&spare_id(at, "name")), self.get(&spare_id(at, "value")));
            match (name.is_empty(), typed.is_empty()) {
                (true, true) => {}
                (true, false) => {
                    problems.push(FieldProblem::new(spare_id(at, "name"), "Say what was measured."));
                }
                (false, true) => {
                    problems.push(FieldProblem::new(spare_id(at, "value"), format!("Enter the value of {name}.")));
                }
                (false, false) => match parse_number(typed) {
                    Ok(value) => values.push(Measured {
                        characteristic: name.to_owned(),
                        lot: None,
                        method: None,
                        unit: text(self.get(&spare_id(at, "unit"))),
                        value,
                    }),
                    Err(problem) => {
                        problems.push(FieldProblem::new(spare_id(at, "value"), format!("{name}: {problem}")));
                    }
                },
            }
        }
        if problems.is_empty() { Ok(values) } else { Err(problems) }
    }

    /// Rows for other values: one more than are filled.
    fn spares(&self) -> usize {
        let used = (0..50).rev().find(|at| !self.get(&spare_id(*at, "name")).is_empty()).map_or(0, |at| at + 1);
        used.max(SPARE)
    }

    fn parts(&self) -> Result<Vec<Part>, Vec<FieldProblem>> {
        let (mut parts, mut problems) = (Vec::new(), Vec::new());
        for to in PARTS {
            let typed = self.get(to.as_str());
            if typed.is_empty() {
                continue;
            }
            match parse_number(typed) {
                Ok(quantity) => parts.push(Part { to, quantity }),
                Err(problem) => problems.push(FieldProblem::new(to.as_str(), problem.to_string())),
            }
        }
        if problems.is_empty() { Ok(parts) } else { Err(problems) }
    }
}

fn value_id(at: usize) -> String {
    format!("value-{at}")
}

fn spare_id(at: usize, field: &str) -> String {
    format!("other-{at}-{field}")
}

fn characteristics(compared: &Compared) -> &[Characteristic] {
    compared.specification.as_ref().map(|row| row.specification.characteristics.as_slice()).unwrap_or_default()
}

struct View {
    around: Around,
    record: InspectionRecord,
    compared: Compared,
    kept: Option<Kept<Typed>>,
    submission: Uuid,
}

pub(super) fn page() -> impl IntoView {
    let typed = use_params_map().get_untracked().get("id").unwrap_or_default();
    loaded(load(typed), show)
}

fn form(id: InspectionId) -> Form {
    Form::new("inspection", id, format!("/inspections/{id}"))
}

async fn load(typed: String) -> Result<View, AppError> {
    let id: InspectionId = typed.parse().map_err(|_| AppError::NotFound { what: "The inspection".to_owned() })?;
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let record = inspections::get(&mut tx, id).await?;
    let compared = inspections::compare(&mut tx, &record, &record.measured).await?;
    let kept = form(id).kept::<Typed>().await?;
    Ok(View { submission: tx.new_id(), around: Around::load(&mut tx).await?, record, compared, kept })
}

fn show(view: View) -> AnyView {
    let View { around, record, compared, kept, submission } = view;
    let due = record.state == InspectionState::Due;
    let state = if due { tag(Tone::Info, "due") } else { result_tag(record.result) };
    let lot_id = record.lot_id;
    let title = view! { "Inspection of lot "{id(record.lot.clone())} }.into_any();
    let mut facts = vec![
        view! { {id(record.item.clone())}" "<span dir="auto">{record.description.clone()}</span> }.into_any(),
        view! { {quantity(record.quantity, &record.unit)}" in inspection" }.into_any(),
        format!("plant {}", record.plant).into_any(),
    ];
    if let Some((_, _, name)) = &record.supplier {
        facts.push(name.clone().into_any());
    }
    let out = Finding::any_stops(&compared.findings);
    let hold = format!("/holds/new?lot={lot_id}{}", if out { "&reason=out_of_limits" } else { "" });
    let hold = if around.viewer.may(Action::ManageHolds) {
        view! { <a class="button" href=hold>"Place a hold …"</a> }.into_any()
    } else {
        ().into_any()
    };
    let may_decide = around.viewer.may(Action::DecideLot);
    let why = (due && !may_decide).then(|| disabled_button("Decide", "It takes the role Quality engineer."));
    let body = if due && may_decide {
        editable(&record, &compared, kept.as_ref(), submission)
    } else {
        decided(&record, &compared, &around)
    };
    let title_text = format!("Inspection of lot {}", record.lot);
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Inspections", "/inspections"), Crumb::here(record.lot.clone()).mono()]/>
        <PageHeader title=title beside=Some(state) facts=facts>
            <a class="button" href=lot_href(lot_id)>"Open the lot"</a>
            {hold}
            {why}
        </PageHeader>
        {refused("Not decided yet", kept.as_ref())}
        <div class="stack">{body}</div>
    };
    around.watching(lot_id).frame(title_text, page)
}

fn limits(of: (Option<Decimal>, Option<Decimal>), unit: Option<&str>) -> String {
    let number = |value: Decimal| value.normalize().to_string();
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    match of {
        (Some(lower), Some(upper)) => format!("{} to {}{unit}", number(lower), number(upper)),
        (Some(lower), None) => format!("at least {}{unit}", number(lower)),
        (None, Some(upper)) => format!("at most {}{unit}", number(upper)),
        (None, None) => format!("no limit{unit}"),
    }
}

fn verdict(row: Option<&Row>) -> AnyView {
    let Some(row) = row else { return ().into_any() };
    match row.verdict {
        Verdict::Within => plain_tag(Tone::Ok, "within limits"),
        Verdict::Below => tag(Tone::Crit, "below the limit"),
        Verdict::Above => tag(Tone::Crit, "above the limit"),
        Verdict::Missing => plain_tag(Tone::Neutral, "not measured"),
        Verdict::NotGiven => ().into_any(),
        Verdict::Unclear => tag(Tone::Warn, "cannot be compared"),
        Verdict::NotAsked => plain_tag(Tone::Neutral, "not asked for"),
    }
}

fn head() -> AnyView {
    view! {
        <thead><tr><th scope="col">"Characteristic"</th><th scope="col">"Limits"</th><th scope="col">"Measured"</th><th scope="col">"Verdict"</th></tr></thead>
    }
    .into_any()
}

fn values_title(compared: &Compared) -> AnyView {
    let of = match &compared.specification {
        Some(row) => format!("against specification version {}", row.specification.version),
        None => "this item has no specification: values are kept, not compared".to_owned(),
    };
    view! { <div class="section-head"><h2 id="values-title">"Measured values "<span>{of}</span></h2></div> }.into_any()
}

fn editable(record: &InspectionRecord, compared: &Compared, kept: Option<&Kept<Typed>>, submission: Uuid) -> AnyView {
    let typed = kept.map_or_else(|| Typed::of(record, compared), |kept| kept.typed.clone());
    let problems = |field: &str| -> Vec<String> {
        kept.map(|kept| kept.about(field).map(str::to_owned).collect()).unwrap_or_default()
    };
    let input = |field: String, label: String, class: &'static str| {
        let wrong = problems(&field);
        let invalid = (!wrong.is_empty()).then_some("true");
        let notes = wrong.into_iter().map(|words| field_note(Tone::Crit, words, None)).collect_view();
        view! {
            <input class=class id=field.clone() name=format!("f[{field}]") value=typed.get(&field).to_owned() aria-label=label aria-invalid=invalid autocomplete="off" inputmode=(class == "input num").then_some("decimal")/>
            {notes}
        }
        .into_any()
    };
    let rows = characteristics(compared)
        .iter()
        .enumerate()
        .map(|(at, of)| {
            let row = compared.rows.iter().find(|row| row.characteristic == of.name);
            let unit = of.unit.clone().unwrap_or_default();
            view! {
                <tr>
                    <td class="a-id"><span class="strong">{of.name.clone()}</span><span class="sub">{of.method.clone()}</span></td>
                    <td class="a-item">{limits((of.lower, of.upper), of.unit.as_deref())}</td>
                    <td class="a-due measured">{input(value_id(at), format!("{} in {unit}", of.name), "input num")}<span class="unit">{unit.clone()}</span></td>
                    <td class="a-status">{verdict(row)}</td>
                </tr>
            }
        })
        .collect_view();
    let others = (0..typed.spares())
        .map(|at| {
            let number = at + 1;
            view! {
                <tr>
                    <td class="a-id">{input(spare_id(at, "name"), format!("Other characteristic {number}"), "input")}</td>
                    <td class="a-item">{input(spare_id(at, "unit"), format!("Unit of other characteristic {number}"), "input")}</td>
                    <td class="a-due measured">{input(spare_id(at, "value"), format!("Value of other characteristic {number}"), "input num")}</td>
                    <td class="a-status"><span class="muted">{(at == 0).then_some("name, unit, value")}</span></td>
                </tr>
            }
        })
        .collect_view();
    let parts = PARTS
        .map(|to| {
            let hint = match to {
                StockStatus::Unrestricted => "may be used",
                StockStatus::Restricted => "only as the reason says",
                _ => "may not be used",
            };
            Input::new(to.as_str(), format!("{}, {}", part_words(to), record.unit))
                .named(format!("f[{}]", to.as_str()))
                .hint(hint)
                .value(typed.get(to.as_str()))
                .refused(kept, to.as_str())
                .text("input num")
        })
        .into_iter()
        .collect_view();
    let reason = Input::new("reason", "Reason")
        .named("f[reason]")
        .hint("Needed unless all of it may be used and every value is within its limits.")
        .value(typed.get("reason"))
        .refused(kept, "reason")
        .area(2000);
    let out: Vec<String> = compared
        .findings
        .iter()
        .filter(|finding| finding.weight == domain::refusal::Weight::Stops)
        .map(|finding| finding.message.clone())
        .collect();
    let out = (!out.is_empty()).then(|| field_note(Tone::Crit, out.join(" "), None));
    let whole = quantity_text(record.quantity, &record.unit);
    view! {
        <form method="post" action=DecideInspection::url() novalidate class="stack">
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="inspection" value=record.inspection_id.to_string()/>
            <section class="sheet table-region" aria-labelledby="values-title">
                {values_title(compared)}
                <table class="data-table blocks values-table" role="table">
                    <caption class="visually-hidden">"Measured values"</caption>
                    {head()}
                    <tbody>{rows}{others}</tbody>
                </table>
                <div class="sheet-foot"><span>{out}</span><button class="button" type="submit" formaction=RecordValues::url()>"Save values, decide later"</button></div>
            </section>
            <section class="sheet" aria-labelledby="decision-title">
                <div class="section-head"><h2 id="decision-title">"Decision "<span>{format!("the parts add up to {whole} {}", record.unit)}</span></h2></div>
                <div class="fields pad decision-parts">
                    {parts}
                    {reason}
                </div>
            </section>
            <div class="submit-bar">
                <button class="button primary" type="submit">"Decide on the lot"</button>
                <span class="muted">"Every connected system is told."</span>
            </div>
        </form>
    }
    .into_any()
}

const fn part_words(to: StockStatus) -> &'static str {
    match to {
        StockStatus::Unrestricted => "Released",
        StockStatus::Restricted => "Restricted",
        StockStatus::Blocked => "Blocked",
        StockStatus::Inspection => "In inspection",
    }
}

fn decided(record: &InspectionRecord, compared: &Compared, around: &Around) -> AnyView {
    let rows = compared
        .rows
        .iter()
        .map(|row| {
            let shown = row.value.map(|value| value.normalize().to_string()).or_else(|| row.written.clone());
            let unit = row.unit.clone();
            view! {
                <tr>
                    <td class="a-id"><span class="strong">{row.characteristic.clone()}</span><span class="sub">{row.method.clone()}</span></td>
                    <td class="a-item">{limits((row.lower, row.upper), row.unit.as_deref())}</td>
                    <td class="a-due">{shown.unwrap_or_else(|| "–".to_owned())}" "<span class="unit">{unit}</span></td>
                    <td class="a-status">{verdict(Some(row))}</td>
                </tr>
            }
        })
        .collect_view();
    let bare = compared
        .rows
        .is_empty()
        .then(|| {
            record
                .measured
                .iter()
                .map(|value| {
                    let unit = value.unit.clone();
                    view! { <tr><td class="a-id">{value.characteristic.clone()}</td><td class="a-item">"no limit"</td><td class="a-due">{value.value.normalize().to_string()}" "<span class="unit">{unit}</span></td><td class="a-status"></td></tr> }
                })
                .collect_view()
        });
    let who = record.decided.as_ref().map(|(actor, at)| {
        let name = actor.as_ref().map_or("the inspection plan", |actor| actor.name()).to_owned();
        view! { <p>{format!("Decided by {name}, ")}{instant_with_zone(*at, &around.reading)}</p> }
    });
    let note = record.note.clone().map(|note| view! { <p dir="auto" class="quote">{format!("“{note}”")}</p> });
    view! {
        <section class="sheet table-region" aria-labelledby="values-title">
            {values_title(compared)}
            <table class="data-table blocks" role="table"><caption class="visually-hidden">"Measured values"</caption>{head()}<tbody>{rows}{bare}</tbody></table>
        </section>
        {who.is_some().then(|| view! { <section class="sheet pad" aria-label="Decision">{who}{note}</section> })}
    }
    .into_any()
}

/// Keeps what was measured so far.
#[server(input = PostUrl, prefix = "/do", endpoint = "record-values")]
pub async fn record_values(
    inspection: InspectionId,
    #[server(default)] f: BTreeMap<String, String>,
) -> Result<(), AppError> {
    let typed = Typed { fields: f };
    let outcome = async {
        let mut tx = request::begin().await?;
        let record = inspections::get(&mut tx, inspection).await?;
        let compared = inspections::compare(&mut tx, &record, &[]).await?;
        let values = typed.values(characteristics(&compared)).map_err(|problems| AppError::Fields { problems })?;
        inspections::record(&mut tx, inspection, &values).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/inspections/{inspection}"))
            .saying("The values are kept. The lot still waits for a decision."))
    };
    form(inspection).answer(&typed, outcome.await).await
}

/// Decides on what lies in inspection.
#[server(input = PostUrl, prefix = "/do", endpoint = "decide-inspection")]
pub async fn decide_inspection(
    submission: Uuid,
    inspection: InspectionId,
    #[server(default)] f: BTreeMap<String, String>,
) -> Result<(), AppError> {
    let typed = Typed { fields: f };
    let outcome = async {
        let mut tx = request::begin().await?;
        let record = inspections::get(&mut tx, inspection).await?;
        let compared = inspections::compare(&mut tx, &record, &[]).await?;
        let values = typed.values(characteristics(&compared));
        let parts = typed.parts();
        let (measured, parts) = match (values, parts) {
            (Ok(measured), Ok(parts)) => (measured, parts),
            (values, parts) => {
                let problems = values.err().into_iter().chain(parts.err()).flatten().collect();
                return Err(AppError::Fields { problems });
            }
        };
        let reason = typed.get("reason").to_owned();
        let deciding = Deciding { measured, parts: parts.clone(), reason, submission };
        let decided = inspections::decide(&mut tx, inspection, &deciding).await?;
        tx.commit().await?;
        let what: Vec<String> = parts
            .iter()
            .filter(|part| !part.quantity.is_zero())
            .map(|part| {
                format!("{} {} {}", quantity_text(part.quantity, &record.unit), record.unit, stock_status(part.to))
            })
            .collect();
        let said = format!("Lot {} decided: {}. Every connected system is told.", decided.lot, what.join(", "));
        Ok(Done::at(lot_href(decided.lot_id)).saying(said))
    };
    form(inspection).answer(&typed, outcome.await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_becomes_values_in_the_unit_of_the_specification() {
        let of = Characteristic { name: "Rm".to_owned(), unit: Some("MPa".to_owned()), ..Characteristic::default() };
        let fields =
            [("value-0", "512,5"), ("other-0-name", "Hardness"), ("other-0-unit", "HB"), ("other-0-value", "180")];
        let typed = Typed { fields: fields.map(|(id, text)| (id.to_owned(), text.to_owned())).into() };
        let values = typed.values(std::slice::from_ref(&of)).expect("all of it can be read");
        let read: Vec<(&str, Option<&str>, String)> = values
            .iter()
            .map(|value| (value.characteristic.as_str(), value.unit.as_deref(), value.value.to_string()))
            .collect();
        assert_eq!(read, [("Rm", Some("MPa"), "512.5".to_owned()), ("Hardness", Some("HB"), "180".to_owned())]);
    }

    #[test]
    fn a_value_that_is_no_number_is_named_with_its_characteristic() {
        let of = Characteristic { name: "Rm".to_owned(), ..Characteristic::default() };
        let typed = Typed { fields: BTreeMap::from([("value-0".to_owned(), "hard".to_owned())]) };
        let problems = typed.values(&[of]).expect_err("not a number");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.starts_with("Rm: "), "{problems:?}");
        assert_eq!(problems[0].field, "value-0");
    }
}
