//! The gate: a shipment has arrived, or is being unloaded.

use domain::access::Action;
use domain::shipment::content::TellMilestone;
use domain::shipment::{Milestone, Moved, ShipStatus};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use store::ship_notices;
use uuid::Uuid;

use crate::address::encoded;
use crate::error::AppError;
use crate::form::{Done, Form};
use crate::page::Around;
use crate::request;

/// The button that comes next on the way from the gate to the shelf; none where nothing is to be told.
pub(super) fn button(number: &str, status: ShipStatus, unloading: bool, around: &Around, submission: Uuid) -> AnyView {
    if !around.viewer.may(Action::PostReceipt) {
        return ().into_any();
    }
    let (milestone, words) = match status {
        ShipStatus::Announced | ShipStatus::InTransit => (Milestone::ArrivedAtGate, "Check in at the gate"),
        ShipStatus::Arrived if !unloading => (Milestone::Receiving, "Begin unloading"),
        _ => return ().into_any(),
    };
    view! {
        <form method="post" action=CheckIn::url()>
            <input type="hidden" name="number" value=number.to_owned()/>
            <input type="hidden" name="milestone" value=milestone.as_str()/>
            <input type="hidden" name="submission" value=submission.to_string()/>
            <button class="button" type="submit">{words}</button>
        </form>
    }
    .into_any()
}

/// Tells that a shipment stands at the gate, or is being unloaded, now.
#[server(input = PostUrl, prefix = "/do", endpoint = "check-in")]
pub async fn check_in(number: String, milestone: String, submission: Uuid) -> Result<(), AppError> {
    let page = format!("/inbound/{}", encoded(&number));
    let outcome = async {
        let milestone = match milestone.parse() {
            Ok(milestone @ (Milestone::ArrivedAtGate | Milestone::Receiving)) => milestone,
            _ => return Err(AppError::Invalid { message: "Choose what happened.".to_owned() }),
        };
        let mut tx = request::begin().await?;
        let moved = Moved { milestone, happened_at: tx.now(), arrive_on: None, note: None };
        ship_notices::tell(&mut tx, &number, &TellMilestone { moved, submission }).await?;
        tx.commit().await?;
        let said = match milestone {
            Milestone::ArrivedAtGate => "is checked in. Supplier, buyer and ERP are told.",
            _ => "is being unloaded.",
        };
        Ok(Done::at(page.clone()).saying(format!("{number} {said}")))
    };
    Form::new("check-in", &number, page.clone()).answer(&milestone.clone(), outcome.await).await
}
