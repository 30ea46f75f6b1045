//! The second step: pallets, cartons and what is in them. May be left empty; where anything is packed, everything is.

use domain::shipment::PackageKind;
use leptos::prelude::*;

use crate::ui::field::options;
use crate::ui::number::counted;

use super::draft::TypedUnit;
use super::steps::{StepView, bar, input, labelled};

pub(super) fn show(view: &StepView) -> AnyView {
    let units = &view.draft.units;
    let choices = view.draft.choices(|line| view.name(line));
    let only_shown = !view.draft.units_fit();
    let of = |kind: PackageKind| units.iter().filter(|unit| unit.kind == kind.as_str()).count();
    let count = |count: usize, one: &str, many: &str| counted(i64::try_from(count).unwrap_or(0), one, many);
    let words = match units.len() {
        0 => "Nothing is packed; that is allowed".to_owned(),
        all => format!(
            "{}: {}, {}",
            count(all, "package", "packages"),
            count(of(PackageKind::Pallet), "pallet", "pallets"),
            count(of(PackageKind::Carton), "carton", "cartons")
        ),
    };
    let rows = if only_shown {
        view! {
            <input type="hidden" name="f[units.kept]" value="1"/>
            <p class="pad">{format!("{words}. They stay as they are; so many are packed alike here, or through the API.")}</p>
        }
        .into_any()
    } else {
        units.iter().enumerate().map(|(k, unit)| unit_view(view, k, unit, &choices)).collect_view().into_any()
    };
    view! {
        <div class="stack">
            <section class="sheet" aria-labelledby="alike-title">
                <div class="section-head"><h2 id="alike-title">"Pack everything alike"</h2></div>
                <div class="pad"><div class="row-grid first">
                    {input(view, "per_carton", "In each carton", "of one line and lot, in its unit", view.draft.text("per_carton"), true)}
                    {input(view, "per_pallet", "Cartons on a pallet", "empty for cartons without pallets", view.draft.text("per_pallet"), true)}
                    <div class="end"><button class="button" type="submit" name="f[do]" value="pack">{if units.is_empty() { "Pack" } else { "Pack anew" }}</button></div>
                </div></div>
            </section>
            <section class="sheet" aria-labelledby="packages">
                <div class="section-head">
                    <h2 id="packages">"Packages "<span>{units.len()}</span></h2>
                    <div class="toolbar">
                        {(!only_shown).then(|| view! {
                            <button class="button low" type="submit" name="f[do]" value="add-unit:pallet">"Add pallet"</button>
                            <button class="button low" type="submit" name="f[do]" value="add-unit:carton">"Add carton"</button>
                            <button class="button low" type="submit" name="f[do]" value="add-unit:other">"Add other"</button>
                        })}
                        {(!units.is_empty()).then(|| view! { <button class="button low quiet" type="submit" name="f[do]" value="unpack">"Take all out"</button> })}
                    </div>
                </div>
                <div class="rows">{rows}</div>
                <p class="sheet-foot">"Each package gets its SSCC when the notice is sent; one that was sent before keeps it. If anything is packed, every quantity has to be in a package exactly once."</p>
            </section>
        </div>
        {bar(words, "Go on to transport", "next")}
    }
    .into_any()
}

fn unit_view(view: &StepView, k: usize, unit: &TypedUnit, choices: &[(String, String)]) -> AnyView {
    let at = |field: &str| format!("units.{k}.{field}");
    let kinds =
        [(PackageKind::Pallet, "Pallet"), (PackageKind::Carton, "Carton"), (PackageKind::Other, "Other package")]
            .map(|(kind, words)| (kind.to_string(), words.to_owned()));
    // What it stands on already stays a choice, whatever it is.
    let usual =
        |other: &TypedUnit| other.kind != "carton" || unit.kind == "carton" || other.number.to_string() == unit.parent;
    let parents = std::iter::once((String::new(), "nothing".to_owned())).chain(
        view.draft
            .units
            .iter()
            .filter(|other| other.number != unit.number && usual(other))
            .map(|other| (other.number.to_string(), format!("package {}", other.number))),
    );
    let contents = unit
        .contents
        .iter()
        .enumerate()
        .map(|(m, part)| {
            let at = |field: &str| format!("units.{k}.contents.{m}.{field}");
            let list = std::iter::once((String::new(), "–".to_owned())).chain(choices.iter().cloned());
            view! {
                <div class="row-grid inner">
                    {select(view, &at("what"), &format!("In package {}", unit.number), options(list, &part.what))}
                    {input(view, &at("quantity"), "Quantity", "", &part.quantity, true)}
                </div>
            }
        })
        .collect_view();
    let number = unit.number;
    let sscc = unit.sscc.clone().unwrap_or_default();
    view! {
        <fieldset class="pad package">
            <legend class="strong">{format!("Package {number}")}{(!sscc.is_empty()).then(|| view! { " "<span class="id muted">{sscc.clone()}</span> })}</legend>
            <input type="hidden" name=format!("f[units.{k}.number]") value=number.to_string()/>
            <input type="hidden" name=format!("f[units.{k}.sscc]") value=sscc.clone()/>
            <div class="row-grid first">
                {select(view, &at("kind"), "Kind", options(kinds, &unit.kind))}
                {select(view, &at("parent"), "Stands on", options(parents, &unit.parent))}
                {input(view, &at("gross_kg"), "Gross weight in kg", "", &unit.gross_kg, true)}
                <div class="end">
                    <button class="button low" type="submit" name="f[do]" value=format!("add-content:{k}") aria-label=format!("Put something into package {number}")>"Put something in"</button>
                    <button class="button low quiet" type="submit" name="f[do]" value=format!("remove-unit:{k}") aria-label=format!("Remove package {number}")>"Remove"</button>
                </div>
            </div>
            {contents}
        </fieldset>
    }
    .into_any()
}

fn select(view: &StepView, at: &str, label: &str, list: AnyView) -> AnyView {
    let id = at.to_owned();
    labelled(view, at, label, "", |wrong, described| {
        view! { <select class="input" id=id.clone() name=format!("f[{id}]") aria-invalid=wrong aria-describedby=described>{list}</select> }
            .into_any()
    })
}
