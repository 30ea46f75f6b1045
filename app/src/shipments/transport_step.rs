//! The third step: delivery note, days, carrier.

use leptos::prelude::*;

use super::steps::{StepView, area, bar, example, input};

pub(super) fn show(view: &StepView) -> AnyView {
    view! { {fields(view)}{bar("Nothing is sent before the review".to_owned(), "Check and review", "next")} }.into_any()
}

/// The fields; also of the page that ships an order in one step.
pub(super) fn fields(view: &StepView) -> AnyView {
    let text = |key: &str| view.draft.text(key).to_owned();
    view! {
        <section class="sheet form-sheet" aria-labelledby="transport-title">
            <div class="section-head"><h2 id="transport-title">"Transport"</h2></div>
            <div class="fields pad">
                {input(view, "delivery_note", "Delivery note", "your number; the dock finds the goods by it", &text("delivery_note"), false)}
                {input(view, "ship_on", "Ship date", &format!("day it leaves you, {}", example(view.today)), &text("ship_on"), false)}
                {input(view, "arrive_on", "Arrival date", "day of the plant's calendar", &text("arrive_on"), false)}
                {input(view, "carrier", "Carrier", "may be empty", &text("carrier"), false)}
                {input(view, "tracking", "Tracking number", "may be empty", &text("tracking"), false)}
                {input(view, "bill_of_lading", "Bill of lading or waybill", "may be empty", &text("bill_of_lading"), false)}
                {area(view, "note", "Note to the plant", "may be empty", &text("note"), "2")}
            </div>
        </section>
    }
    .into_any()
}
