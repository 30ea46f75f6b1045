//! `/holds/new`: what must not be used, and why. Comes filled from a lot or an inspection (`?lot=`, `?reason=`).

#![expect(clippy::too_many_arguments, reason = "the fields of the form, one each")]

use domain::access::{Action, may};
use domain::hold::{HoldReason, HoldScope, LONGEST_NOTE};
use domain::id::LotId;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use serde::{Deserialize, Serialize};
use store::control_tower::{self, Choice};
use store::holds::{self, Placing};
use store::lot_list::{self, LotRecord};
use store::trace;
use uuid::Uuid;

use super::fields::Input;
use super::words::{hold_href, lot_href, stock_parts};
use crate::address::Address;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    scope: String,
    /// The lot's id, where the form came from a lot's page.
    lot_id: String,
    /// The lot's number, where somebody typed it.
    lot: String,
    serial: String,
    item: String,
    supplier: String,
    plant: String,
    reason: String,
    note: String,
    owner: String,
}

struct View {
    around: Around,
    kept: Option<Kept<Typed>>,
    typed: Typed,
    lot: Option<LotRecord>,
    plants: Vec<Choice>,
    suppliers: Vec<Choice>,
    submission: Uuid,
}

fn form(lot_id: &str) -> Form {
    let page = if lot_id.is_empty() { "/holds/new".to_owned() } else { format!("/holds/new?lot={lot_id}") };
    Form::new("hold.new", lot_id, page)
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<View, AppError> {
    let lot_id = address.read::<LotId>("lot");
    let key = lot_id.map(|id| id.to_string()).unwrap_or_default();
    let kept = form(&key).kept::<Typed>().await?;
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::ManageHolds)?;
    let around = Around::load(&mut tx).await?;
    let lot = match lot_id {
        Some(lot_id) => Some(lot_list::get(&mut tx, lot_id).await?),
        None => None,
    };
    let from_address = Typed {
        scope: if lot.is_some() { "lot" } else { address.get("scope").unwrap_or("lot") }.to_owned(),
        lot_id: key,
        item: lot.as_ref().map_or_else(|| address.get("item").unwrap_or_default().to_owned(), |lot| lot.item.clone()),
        supplier: match lot.as_ref().and_then(|lot| lot.supplier.as_ref()) {
            Some((_, number, _)) => number.clone(),
            None => address.get("supplier").unwrap_or_default().to_owned(),
        },
        plant: lot.as_ref().map(|lot| lot.plant_id.to_string()).unwrap_or_default(),
        reason: address.get("reason").unwrap_or_default().to_owned(),
        owner: around.viewer.name.clone(),
        ..Typed::default()
    };
    let typed = kept.as_ref().map_or(from_address, |kept| kept.typed.clone());
    let plants = control_tower::plants(&mut tx).await?;
    let suppliers = control_tower::suppliers(&mut tx).await?;
    Ok(View { submission: tx.new_id(), around, kept, typed, lot, plants, suppliers })
}

fn show(view: View) -> AnyView {
    let View { around, kept, typed, lot, plants, suppliers, submission } = view;
    let kept = kept.as_ref();
    let any = || std::iter::once((String::new(), "choose …".to_owned()));
    let scopes = [
        ("lot", "One lot"),
        ("serial", "One serial of a lot"),
        ("supplier_item", "Everything of an item from one supplier, in every plant"),
        ("plant_item", "All of an item in one plant"),
    ]
    .map(|(word, words)| (word.to_owned(), words.to_owned()));
    let plants = plants.into_iter().map(|it| (it.id.to_string(), format!("{} {}", it.number, it.name)));
    let suppliers = suppliers.into_iter().map(|it| (it.number.clone(), format!("{} ({})", it.name, it.number)));
    let reasons = HoldReason::ALL.iter().map(|reason| (reason.as_str().to_owned(), reason.words().to_owned()));
    let input = |id: &str, label: &str, hint: &str, value: &str| {
        Input::new(id, label).hint(hint).value(value).refused(kept, id)
    };
    let which = match &lot {
        Some(lot) => {
            let stock = stock_parts(lot);
            view! {
                <p>"Lot "<a class="id" href=lot_href(lot.lot_id)>{lot.number.clone()}</a>" of item "<span class="id">{lot.item.clone()}</span>" in plant "{lot.plant.0.clone()}", "{stock}</p>
            }
            .into_any()
        }
        None => input("lot", "Lot", "The number on its label. For a lot or a serial.", &typed.lot).text("input mono"),
    };
    let scope = input("scope", "What is held", "", &typed.scope).select(scopes);
    let serial = input("serial", "Serial", "Only for one serial.", &typed.serial).text("input mono");
    let hint = "Its number. Helps to find a lot whose number several items have.";
    let item = input("item", "Item", hint, &typed.item).text("input mono");
    let supplier = input("supplier", "Supplier", "Only for everything from one supplier.", &typed.supplier);
    let supplier = supplier.select(any().chain(suppliers));
    let plant =
        input("plant", "Plant", "Only for all of an item in one plant.", &typed.plant).select(any().chain(plants));
    let reason = input("reason", "Reason", "", &typed.reason).select(any().chain(reasons));
    let hint = "Everybody who is told reads it, the supplier too.";
    let note = input("note", "What was found", hint, &typed.note).area(LONGEST_NOTE);
    let owner = input("owner", "Owner", "Who sees to it that the hold ends.", &typed.owner).text("input");
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Holds", "/holds"), Crumb::here("New")]/>
        <PageHeader title="Place a hold".into_any()/>
        {refused("No hold was placed", kept)}
        <form method="post" action=PlaceHold::url() novalidate class="stack">
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="lot_id" value=typed.lot_id.clone()/>
            <div class="sheet form-sheet fields pad">{scope}{which}{serial}{item}{supplier}{plant}</div>
            <div class="sheet form-sheet fields pad">{reason}{note}{owner}</div>
            <div class="submit-bar">
                <button class="button primary" type="submit">"Place the hold"</button>
                <a class="button" href="/holds">"Cancel"</a>
                <span class="muted">"From now on nothing under it may be used. ERP, MES and warehouse are told at once."</span>
            </div>
        </form>
    };
    around.frame("Place a hold", page)
}

fn wrong(field: &str, words: impl Into<String>) -> AppError {
    AppError::Fields { problems: vec![FieldProblem::new(field, words)] }
}

/// What was typed as a scope.
async fn scope(tx: &mut store::Tx, typed: &Typed) -> Result<HoldScope, AppError> {
    let item = typed.item.trim();
    match typed.scope.as_str() {
        "supplier_item" | "plant_item" => {
            if item.is_empty() {
                return Err(wrong("item", "Enter the item's number."));
            }
            let supplier = (typed.scope == "supplier_item").then_some(typed.supplier.as_str());
            if supplier.is_some_and(str::is_empty) {
                return Err(wrong("supplier", "Choose the supplier."));
            }
            let (found, from) = trace::item_and_supplier(tx, item, supplier).await?;
            let item_id =
                found.ok_or_else(|| wrong("item", format!("Item “{item}” is not known. Check the number.")))?;
            if typed.scope == "supplier_item" {
                let supplier_id = from.ok_or_else(|| wrong("supplier", "Choose the supplier from the list."))?;
                return Ok(HoldScope::SupplierItem { supplier_id, item_id });
            }
            let plant_id = typed.plant.parse().map_err(|_| wrong("plant", "Choose the plant."))?;
            Ok(HoldScope::PlantItem { plant_id, item_id })
        }
        "lot" | "serial" => {
            let lot_id = lot(tx, typed).await?;
            if typed.scope == "lot" {
                return Ok(HoldScope::Lot { lot_id });
            }
            let serial = typed.serial.trim();
            if serial.is_empty() {
                return Err(wrong("serial", "Enter the serial."));
            }
            Ok(HoldScope::Serial { lot_id, serial: serial.to_owned() })
        }
        _ => Err(wrong("scope", "Choose what is held.")),
    }
}

async fn lot(tx: &mut store::Tx, typed: &Typed) -> Result<LotId, AppError> {
    if let Ok(lot_id) = typed.lot_id.parse() {
        return Ok(lot_id);
    }
    let number = typed.lot.trim();
    if number.is_empty() {
        return Err(wrong("lot", "Enter the lot's number."));
    }
    let found = lot_list::named(tx, number).await?;
    let item = typed.item.trim();
    let mut fitting = found.iter().filter(|lot| item.is_empty() || lot.item == item);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only.lot_id),
        (Some(_), Some(_)) => Err(wrong(
            "lot",
            format!("Several lots are called {number}. Enter the item too, or open the lot and place the hold there."),
        )),
        (None, _) => Err(wrong("lot", format!("Lot “{number}” is not known in your plants. Check the number."))),
    }
}

/// Places a hold.
#[server(input = PostUrl, prefix = "/do", endpoint = "place-hold")]
pub async fn place_hold(
    submission: Uuid,
    #[server(default)] scope: String,
    #[server(default)] lot_id: String,
    #[server(default)] lot: String,
    #[server(default)] serial: String,
    #[server(default)] item: String,
    #[server(default)] supplier: String,
    #[server(default)] plant: String,
    #[server(default)] reason: String,
    #[server(default)] note: String,
    #[server(default)] owner: String,
) -> Result<(), AppError> {
    let typed = Typed { scope, lot_id, lot, serial, item, supplier, plant, reason, note, owner };
    let outcome = async {
        let mut tx = request::begin().await?;
        may(tx.actor(), Action::ManageHolds)?;
        let placing = Placing {
            scope: self::scope(&mut tx, &typed).await?,
            reason: typed.reason.parse().ok(),
            note: typed.note.clone(),
            owner: Some(typed.owner.clone()),
            connection_id: None,
            submission,
        };
        let placed = holds::place(&mut tx, &placing).await?;
        tx.commit().await?;
        let said =
            format!("Hold {} is in force. The strip below shows which systems have confirmed it.", placed.number);
        Ok(Done::at(hold_href(&placed.number)).saying(said))
    };
    let key = typed.lot_id.parse::<LotId>().map(|id| id.to_string()).unwrap_or_default();
    form(&key).answer(&typed, outcome.await).await
}
