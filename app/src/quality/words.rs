//! Words and tags that the pages of quality share.

use domain::hold::{HoldScope, HoldState};
use domain::inspection::InspectionResult;
use domain::lot::StockStatus;
use domain::lot::usability::{Behind, Reason, Verdict};
use domain::quantity::Unit;
use domain::shipment::ShipStatus;
use leptos::prelude::*;
use store::holds::HoldRecord;
use store::lot_list::LotRecord;

use crate::address::encoded;
use crate::orders::inbound::stock_status;
use crate::ui::number::quantity;
use crate::ui::sprite::symbol;
use crate::ui::tag::{plain_tag, tag};
use crate::ui::tone::Tone;

/// The tone of a stock status.
pub const fn status_tone(status: StockStatus) -> Tone {
    match status {
        StockStatus::Inspection => Tone::Info,
        StockStatus::Unrestricted => Tone::Ok,
        StockStatus::Restricted => Tone::Warn,
        StockStatus::Blocked => Tone::Crit,
    }
}

/// A quantity with its status: `✓ released 120 PCE`.
pub fn status_part(status: StockStatus, value: domain::Decimal, unit: &Unit) -> AnyView {
    view! { <span class="nowrap">{plain_tag(status_tone(status), stock_status(status))}" "{quantity(value, unit)}</span> }
        .into_any()
}

/// All of a lot by status, one below the other; a word where nothing is left.
pub fn stock_parts(lot: &LotRecord) -> AnyView {
    if lot.stock.is_empty() {
        return view! { <span class="muted">"nothing left"</span> }.into_any();
    }
    let parts = lot.stock.iter().map(|(status, value)| status_part(*status, *value, &lot.unit)).collect_view();
    view! { <span class="parts-cell">{parts}</span> }.into_any()
}

/// Where a hold stands.
pub fn hold_tag(state: HoldState) -> AnyView {
    match state {
        HoldState::Active => tag(Tone::Hold, "on hold"),
        HoldState::ReleaseRequested => tag(Tone::Hold, "release asked for"),
        HoldState::Released => tag(Tone::Ok, "released"),
    }
}

/// What a hold covers, in words: `lot L-17`, `everything of Rhein Guss`, `all of plant DE10`.
pub fn covers(hold: &HoldRecord) -> String {
    let lot = || hold.lot.clone().unwrap_or_else(|| "a lot".to_owned());
    match &hold.scope {
        HoldScope::Lot { .. } => format!("lot {}", lot()),
        HoldScope::Serial { serial, .. } => format!("serial {serial} of lot {}", lot()),
        HoldScope::SupplierItem { .. } => {
            let name = hold.supplier.as_ref().map_or("one supplier", |(_, _, name)| name.as_str());
            format!("everything of {name}, in every plant")
        }
        HoldScope::PlantItem { .. } => {
            let code = hold.plant.as_ref().map_or("one plant", |(_, code)| code.as_str());
            format!("all of it in plant {code}")
        }
    }
}

/// What an inspection came to.
pub fn result_tag(result: Option<InspectionResult>) -> AnyView {
    match result {
        Some(InspectionResult::Passed) => tag(Tone::Ok, "passed"),
        Some(InspectionResult::Failed) => tag(Tone::Crit, "failed"),
        None => tag(Tone::Neutral, "let go by the plan"),
    }
}

/// Where a shipment is.
pub const fn ship_status(status: ShipStatus) -> &'static str {
    match status {
        ShipStatus::Announced => "announced",
        ShipStatus::InTransit => "on its way",
        ShipStatus::Arrived => "at the gate",
        ShipStatus::PartlyReceived => "partly received",
        ShipStatus::Received => "received",
        ShipStatus::Cancelled => "cancelled",
    }
}

/// The page of a lot.
pub fn lot_href(lot: domain::id::LotId) -> String {
    format!("/lots/{lot}")
}

/// The page of a hold.
pub fn hold_href(number: &str) -> String {
    format!("/holds/{}", encoded(number))
}

/// May it be used: yes, or every reason why not with a link to what is behind it.
pub fn verdict(verdict: &Verdict, asked: &str) -> AnyView {
    if verdict.usable {
        let words = format!("{asked} may be used.");
        return view! { <p class="verdict" data-tone="ok">{symbol(Tone::Ok.shape(), "shape")}<b>{words}</b></p> }
            .into_any();
    }
    let reasons = verdict
        .reasons
        .iter()
        .map(|reason| {
            let words = reason.words();
            let link = match reason.behind() {
                Behind::Lot => None,
                Behind::Hold(number) => Some((hold_href(number), "Open the hold")),
                Behind::Certificate(id) => Some((format!("/certificates/{id}"), "Open the certificate")),
            };
            let link = link.map(|(href, words)| view! { " "<a href=href>{words}</a> });
            view! { <li data-tone=reason_tone(reason).as_str()>{symbol(reason_tone(reason).shape(), "shape")}<span>{words}{link}</span></li> }
        })
        .collect_view();
    view! {
        <p class="verdict" data-tone="crit">{symbol(Tone::Crit.shape(), "shape")}<b>{format!("{asked} may not be used.")}</b></p>
        <ul class="reasons">{reasons}</ul>
    }
    .into_any()
}

const fn reason_tone(reason: &Reason) -> Tone {
    match reason {
        Reason::Held { .. } => Tone::Hold,
        Reason::InInspection { .. } | Reason::CertificateNotAccepted { .. } => Tone::Info,
        Reason::Restricted { .. } | Reason::NotEnough { .. } | Reason::QuantityNotPositive => Tone::Warn,
        _ => Tone::Crit,
    }
}
