//! `/certificates/new`: what the certificate says, its files, and the comparison with the specification before it is sent.
//!
//! One form with several buttons. "Compare" and "Attach" keep everything as a draft on the server and show the page again with
//! what the check says, so it all works without JavaScript and nothing is typed twice. Sending with differences takes a tick.

use domain::access::{Action, Scope, may};
use domain::calendar::day;
use domain::certificate::check::Checked;
use domain::certificate::{CertificateKind, CertificatePer};
use domain::id::{CertificateId, SupplierId};
use domain::refusal::{Finding, Weight};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use serde::{Deserialize, Serialize};
use store::certificates::{self, HandIn};
use store::control_tower;
use store::specifications::{self, ItemName, SpecificationRow};
use store::{CommandError, Tx};
use uuid::Uuid;

use super::{fields, words};
use crate::address::Address;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::orders::answer::Fields;
use crate::page::Around;
use crate::request;
use crate::ui::field::{Field, field_note, options};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::tone::Tone;
use crate::uploads::DOCUMENT;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// Input name → text.
    pub fields: Fields,
}

struct Filled {
    around: Around,
    suppliers: Vec<(String, String)>,
    items: Vec<ItemName>,
    lots: Vec<String>,
    specification: Option<SpecificationRow>,
    fields: Fields,
    kept: Option<Kept<Typed>>,
    checked: Option<Checked>,
    replaces: Option<(CertificateId, String)>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

fn form_of(object: &str) -> Form {
    Form::new(fields::FORM, object, fields::page_of(object))
}

/// The suppliers that the person can hand in for.
async fn own_suppliers(tx: &mut Tx) -> Result<Vec<(String, String)>, AppError> {
    let Scope::Suppliers(own) = tx.scope().clone() else { return Ok(Vec::new()) };
    let all = control_tower::suppliers(tx).await?;
    Ok(all.into_iter().filter(|it| own.contains(&SupplierId(it.id))).map(|it| (it.id.to_string(), it.name)).collect())
}

async fn load(address: Address) -> Result<Filled, AppError> {
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::HandInCertificate)?;
    let replaces: Option<CertificateId> = address.read("replaces");
    let object = replaces.map(|id| id.to_string()).unwrap_or_default();
    let mut kept = form_of(&object).kept::<Typed>().await?;
    if let (Some(asked), Some(draft)) = (address.get("item"), &kept)
        && fields::text(&draft.typed.fields, "item") != asked
    {
        kept = None; // a draft about another item: whoever follows a link to this one begins anew
    }
    let replaced = match replaces {
        Some(id) => Some(certificates::get(&mut tx, id).await?),
        None => None,
    };
    let mut known = match (&kept, &replaced) {
        (Some(kept), _) => kept.typed.fields.clone(),
        (None, Some(old)) => {
            let files: Vec<_> = old.documents.iter().map(|file| (file.document_id, file.name.clone())).collect();
            fields::of(&old.certificate, old.supplier_id, &files)
        }
        (None, None) => asked(&address),
    };
    let suppliers = own_suppliers(&mut tx).await?;
    if let (true, [only]) = (fields::text(&known, "supplier").is_empty(), suppliers.as_slice()) {
        known.insert("supplier".to_owned(), only.0.clone());
    }
    let items = specifications::items(&mut tx, "", 500).await?;
    let item = items.iter().find(|item| item.number == fields::text(&known, "item")).cloned();
    let (mut lots, mut specification) = (Vec::new(), None);
    let today = tx.now().date_naive();
    if let Some(item) = &item {
        if let Ok(supplier) = fields::text(&known, "supplier").parse::<SupplierId>() {
            let announced = certificates::announced_lots(&mut tx, supplier, item.item_id).await?;
            lots = announced.into_iter().map(|(lot, _)| lot).take(12).collect();
        }
        specification = specifications::in_force(&mut tx, item.item_id, today).await?;
    }
    offer_rows(&mut known, specification.as_ref());
    let checked = match &kept {
        Some(_) if item.is_some() => {
            let read = fields::read(&known, today);
            match read.supplier_id {
                Some(supplier_id) => Some(
                    certificates::examine(&mut tx, &command(&read, supplier_id, replaces, true, Uuid::nil())).await?,
                ),
                None => None,
            }
        }
        _ => None,
    };
    let replaces = replaced.map(|old| (old.certificate.certificate_id, old.certificate.number));
    Ok(Filled {
        around: Around::load(&mut tx).await?,
        suppliers,
        items,
        lots,
        specification,
        fields: known,
        kept,
        checked,
        replaces,
    })
}

/// What the address asks for, as a form.
fn asked(address: &Address) -> Fields {
    let mut asked = Fields::new();
    for (key, field) in [("item", "item"), ("kind", "kind"), ("lot", "lots"), ("note", "delivery_note")] {
        if let Some(text) = address.get(key) {
            asked.insert(field.to_owned(), text.to_owned());
        }
    }
    if address.get("note").is_some() {
        asked.insert("per".to_owned(), CertificatePer::Delivery.as_str().to_owned());
    }
    asked
}

/// Offers a row for each characteristic that the specification asks for and that has none yet.
fn offer_rows(known: &mut Fields, specification: Option<&SpecificationRow>) {
    let Some(row) = specification else { return };
    let count = fields::rows(known);
    let there: Vec<usize> = (0..count)
        .filter_map(|row_at| row.specification.find(fields::text(known, &format!("v{row_at}-name"))))
        .collect();
    let mut free = 0;
    for (index, of) in row.specification.characteristics.iter().enumerate() {
        if there.contains(&index) {
            continue;
        }
        let is_free = |row: &usize| {
            ["name", "value"].iter().all(|field| fields::text(known, &format!("v{row}-{field}")).is_empty())
        };
        let Some(row) = (free..fields::MOST_ROWS).find(is_free) else { return };
        known.insert(format!("v{row}-name"), of.name.clone());
        known.insert(format!("v{row}-unit"), of.unit.clone().unwrap_or_default());
        free = row + 1;
    }
}

fn command(
    read: &fields::Read,
    supplier_id: SupplierId,
    replaces: Option<CertificateId>,
    confirmed: bool,
    submission: Uuid,
) -> HandIn {
    HandIn { supplier_id, certificate: read.certificate.clone(), replaces, confirmed, submission }
}

fn show(filled: Filled) -> AnyView {
    let Filled { around, suppliers, items, lots, specification, fields: typed, kept, checked, replaces } = filled;
    let about = |field: &str| -> Vec<String> {
        kept.as_ref().map(|kept| kept.about(field).map(str::to_owned).collect()).unwrap_or_default()
    };
    let title = replaces
        .as_ref()
        .map_or_else(|| "Hand in a certificate".to_owned(), |(_, number)| format!("Replace certificate {number}"));
    let text = |name: &str| fields::text(&typed, name).to_owned();
    let object = replaces.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default();
    let input = |name: &'static str, label: &'static str, hint: &'static str| {
        let (problems, value) = (about(name), text(name));
        let invalid = (!problems.is_empty()).then_some("true");
        view! {
            <Field id=name label=label hint=hint problems=problems>
                <input class="input" id=name name=format!("f[{name}]") value=value autocomplete="off" maxlength="2000" aria-invalid=invalid/>
            </Field>
        }
        .into_any()
    };
    let choose = |name: &'static str, label: &'static str, list: Vec<(String, String)>, chosen: &str| {
        let list = options(list, chosen);
        view! {
            <Field id=name label=label problems=about(name)>
                <select class="input" id=name name=format!("f[{name}]")>{list}</select>
            </Field>
        }
        .into_any()
    };
    let supplier = if suppliers.len() > 1 {
        choose("supplier", "Supplier", suppliers, &text("supplier"))
    } else {
        view! { <input type="hidden" name="f[supplier]" value=text("supplier")/> }.into_any()
    };
    let mut item_list: Vec<(String, String)> = vec![(String::new(), "choose".to_owned())];
    item_list
        .extend(items.into_iter().map(|item| (item.number.clone(), format!("{} {}", item.number, item.description))));
    let kind =
        Some(text("kind")).filter(|kind| !kind.is_empty()).unwrap_or_else(|| CertificateKind::En31.as_str().to_owned());
    let per =
        Some(text("per")).filter(|per| !per.is_empty()).unwrap_or_else(|| CertificatePer::Lot.as_str().to_owned());
    let lots_hint = if lots.is_empty() {
        "Separated by commas.".to_owned()
    } else {
        format!("Separated by commas. You announced {}.", lots.join(", "))
    };
    let (lots_problems, lots) = (about("lots"), text("lots"));
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Certificates", "/certificates"), Crumb::here(if replaces.is_some() { "Replace" } else { "Hand in" })]/>
        <PageHeader title=title.clone().into_any()/>
        {refused("Not sent yet", kept.as_ref())}
        <form method="post" action=HandInCertificate::url() novalidate>
            <input type="hidden" name="submission" value=Uuid::now_v7().to_string()/>
            <input type="hidden" name="replaces" value=object.clone()/>
            <input type="hidden" name="upload_form" value=fields::FORM/>
            <input type="hidden" name="upload_object" value=object/>
            <input type="hidden" name="f[rows]" value=fields::rows(&typed).to_string()/>
            // Enter in a field compares; it never sends.
            <button class="visually-hidden" type="submit" name="act" value="check" tabindex="-1" aria-hidden="true">"Compare"</button>
            {files(&typed, &about("files"))}
            <section class="sheet pad fields" aria-labelledby="paper-title">
                <h2 id="paper-title">"What it is"</h2>
                {supplier}
                <div class="field-grid">
                    {choose("item", "Item", item_list, &text("item"))}
                    {choose("kind", "Type", words::kinds(), &kind)}
                    {choose("per", "It covers", words::pers(), &per)}
                    {input("number", "Certificate number", "As printed on it.")}
                    {input("issuer", "Issued by", "E.g. the steel mill or laboratory.")}
                    {input("issued_on", "Date of issue", "E.g. 20 Nov 2026.")}
                    <Field id="lots" label="Lots or heats" hint=lots_hint problems=lots_problems>
                        <input class="input" id="lots" name="f[lots]" value=lots autocomplete="off"/>
                    </Field>
                    {input("delivery_note", "Delivery note", "Only for one per delivery.")}
                    {input("valid_until", "Valid until", "Only for a standing one.")}
                </div>
            </section>
            {values(&typed, specification.as_ref(), kept.as_ref())}
            {check(checked.as_ref(), specification.as_ref(), &about("confirmed"), fields::text(&typed, "confirmed") == "on")}
            <div class="action-bar">
                <button class="button" type="submit" name="act" value="check">"Compare"</button>
                <button class="button primary" type="submit" name="act" value="send">"Send"</button>
                <button class="button quiet" type="submit" name="act" value="discard">"Discard"</button>
            </div>
        </form>
    };
    around.frame(title, page)
}

fn files(typed: &Fields, problems: &[String]) -> AnyView {
    let attached = fields::documents(typed)
        .into_iter()
        .map(|(id, name)| {
            view! {
                <li>
                    <a href=format!("/documents/{id}")>{name.clone()}</a>
                    <input type="hidden" name=format!("f[{DOCUMENT}{id}]") value=name.clone()/>
                    " "<button class="button low quiet" type="submit" name="act" value=format!("drop-{id}") aria-label=format!("Remove {name}")>"Remove"</button>
                </li>
            }
        })
        .collect_view();
    let problems = problems.iter().map(|words| field_note(Tone::Crit, words.clone(), None)).collect_view();
    view! {
        <section class="sheet pad fields" aria-labelledby="files-title">
            <h2 id="files-title">"Files"</h2>
            <ul class="plain-list">{attached}</ul>
            <div class="field">
                <label for="files">"PDF, PNG or JPEG, or a certificate as JSON"</label>
                <span class="hint">"At most 25 MB each. A JSON certificate (EN 10168, certificate of analysis) fills the fields and values below."</span>
                <input class="input" type="file" id="files" name="files" multiple accept=".pdf,.png,.jpg,.jpeg,.json"/>
                {problems}
            </div>
            <button class="button" type="submit" formaction="/do/upload-files" formenctype="multipart/form-data">"Attach"</button>
        </section>
    }
    .into_any()
}

fn values(typed: &Fields, specification: Option<&SpecificationRow>, kept: Option<&Kept<Typed>>) -> AnyView {
    let about = |field: &str| -> Vec<String> {
        kept.map(|kept| kept.about(field).map(str::to_owned).collect()).unwrap_or_default()
    };
    let rows = (0..fields::rows(typed))
        .map(|row| {
            let cell = |field: &'static str, label: &'static str, class: &'static str| {
                let name = format!("v{row}-{field}");
                let problems = about(&name);
                let invalid = (!problems.is_empty()).then_some("true");
                let notes = problems.into_iter().map(|words| field_note(Tone::Crit, words, None)).collect_view();
                let said = format!("{label}, row {}", row + 1);
                let value = fields::text(typed, &name).to_owned();
                view! { <input class=class id=name.clone() name=format!("f[{name}]") value=value aria-label=said aria-invalid=invalid autocomplete="off"/>{notes} }
            };
            view! {
                <tr>
                    <td class="a-id">{cell("name", "Characteristic", "input")}</td>
                    <td data-label="unit">{cell("unit", "Unit", "input")}</td>
                    <td class="a-qty" data-label="value">{cell("value", "Value", "input num")}</td>
                    <td data-label="lot">{cell("lot", "Lot", "input")}</td>
                    <td data-label="method">{cell("method", "Method", "input")}</td>
                </tr>
            }
        })
        .collect_view();
    let pasted = fields::text(typed, "pasted").to_owned();
    let pasted_problems = about("pasted");
    let from = specification.map(|row| format!("rows of specification version {}", row.specification.version));
    view! {
        <section class="sheet table-region" aria-labelledby="values-title" id="values">
            <div class="section-head"><h2 id="values-title">"Values "<span>{from}</span></h2></div>
            <table class="data-table blocks labelled value-rows" role="table">
                <caption class="visually-hidden">"Measured values"</caption>
                <thead><tr><th scope="col">"Characteristic"</th><th scope="col">"Unit"</th><th scope="col" class="num">"Value"</th><th scope="col">"Lot, where it differs"</th><th scope="col">"Method"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            <div class="pad fields">
                <button class="button low" type="submit" name="act" value="rows">"More rows"</button>
                <Field id="pasted" label="Or paste a table" hint="One value per line: characteristic; unit; value. Columns may be divided by tabs." problems=pasted_problems>
                    <textarea class="input" id="pasted" name="f[pasted]" rows="4">{pasted}</textarea>
                </Field>
                <button class="button low" type="submit" name="act" value="check">"Take over the table"</button>
            </div>
        </section>
    }
    .into_any()
}

/// What the check says, and the tick that somebody has seen it.
fn check(
    checked: Option<&Checked>,
    specification: Option<&SpecificationRow>,
    problems: &[String],
    ticked: bool,
) -> AnyView {
    let Some(checked) = checked else {
        let words = "Press Compare to see how the values stand to the specification of the item before you send them.";
        return view! { <section class="sheet pad" aria-label="Comparison"><p class="muted">{words}</p></section> }
            .into_any();
    };
    let caption = specification.map_or_else(
        || "Values; the item has no specification".to_owned(),
        |row| format!("Values against specification version {}", row.specification.version),
    );
    let differences: Vec<&Finding> =
        checked.findings.iter().filter(|finding| finding.weight == Weight::Warns).collect();
    let stops = checked.findings.iter().filter(|finding| finding.weight == Weight::Stops);
    let list = stops
        .map(|finding| (Tone::Crit, finding))
        .chain(differences.iter().map(|finding| (Tone::Warn, *finding)))
        .map(|(tone, finding)| view! { <li>{field_note(tone, finding.message.clone(), None)}</li> })
        .collect_view();
    let count = i64::try_from(differences.len()).unwrap_or(i64::MAX);
    let problems = problems.iter().map(|words| field_note(Tone::Crit, words.clone(), None)).collect_view();
    let tick = (!differences.is_empty()).then(|| {
        view! {
            <div class="field"><label class="tick"><input type="checkbox" id="confirmed" name="f[confirmed]" value="on" checked=ticked/>"I have seen the differences; the certificate says so."</label>{problems}</div>
        }
    });
    let head = if checked.findings.is_empty() {
        "no differences".to_owned()
    } else {
        counted(count, "difference", "differences")
    };
    let table = (!checked.rows.is_empty()).then(|| words::comparison(checked, caption.clone()));
    view! {
        <section class="sheet table-region" aria-labelledby="check-title" id="check">
            <div class="section-head"><h2 id="check-title">"Comparison "<span>{format!("{caption}: {head}")}</span></h2></div>
            {table}
            <div class="pad fields"><ul class="plain-list">{list}</ul>{tick}</div>
        </section>
    }
    .into_any()
}

/// Compares, takes over a table, adds rows, removes a file, or sends.
#[server(input = PostUrl, prefix = "/do", endpoint = "hand-in-certificate")]
pub async fn hand_in_certificate(
    submission: Uuid,
    #[server(default)] replaces: String,
    #[server(default)] act: String,
    #[server(default)] f: Fields,
) -> Result<(), AppError> {
    let replaces: Option<CertificateId> = replaces.parse().ok();
    let object = replaces.map(|id| id.to_string()).unwrap_or_default();
    let form = form_of(&object);
    let mut typed = Typed { fields: f };
    if act == "discard" {
        form.forget().await?;
        request::see_other("/certificates");
        return Ok(());
    }
    let today = request::store()?.clock().now().date_naive();
    fields::fix_days(&mut typed.fields, today);
    let pasted = fields::take_pasted(&mut typed.fields);
    if let Some(id) = act.strip_prefix("drop-") {
        typed.fields.remove(&format!("{DOCUMENT}{id}"));
    }
    if act == "rows" {
        let more = (fields::rows(&typed.fields) + 8).min(fields::MOST_ROWS);
        typed.fields.insert("rows".to_owned(), more.to_string());
    }
    if act != "send" || !pasted.is_empty() {
        let mut problems = pasted;
        if act == "check" {
            problems.extend(fields::read(&typed.fields, today).problems);
        }
        form.keep(&typed, &problems).await?;
        request::see_other(&format!("{}#check", fields::page_of(&object)));
        return Ok(());
    }
    let outcome = async {
        let mut tx = request::begin().await?;
        let read = fields::read(&typed.fields, tx.now().date_naive());
        if !read.problems.is_empty() {
            return Err(AppError::Fields { problems: read.problems.clone() });
        }
        let supplier_id = read.supplier_id.ok_or_else(|| AppError::Fields {
            problems: vec![FieldProblem::new("supplier", "Choose the supplier that you hand it in for.")],
        })?;
        let confirmed = fields::text(&typed.fields, "confirmed") == "on";
        let sent = certificates::hand_in(&mut tx, &command(&read, supplier_id, replaces, confirmed, submission)).await;
        let handed_in = match sent {
            Ok(handed_in) => handed_in,
            Err(CommandError::Stopped { findings }) => {
                let stops = findings.into_iter().filter(|finding| finding.weight == Weight::Stops);
                let problems =
                    stops.map(|finding| FieldProblem::new(read.input(&finding.at), finding.message)).collect();
                return Err(AppError::Fields { problems });
            }
            Err(error) => return Err(error.into()),
        };
        tx.commit().await?;
        let said = format!(
            "Certificate {} of {} was sent. You are told here when it is checked.",
            read.certificate.number,
            day(read.certificate.issued_on)
        );
        Ok(Done::at(format!("/certificates/{}", handed_in.certificate_id)).saying(said))
    };
    let outcome = outcome.await;
    form.answer(&typed, outcome).await
}
