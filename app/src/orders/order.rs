//! `/orders/:po`: one order with its lines, what the ERP made of the answers, its terms and its history.
//!
//! Which buttons stand here follows from role and state; a button that cannot be used says why. What is shown of later
//! stops of the lifecycle is only what is known: nothing is announced before a system has announced it.

use std::collections::HashMap;

use domain::Decimal;
use domain::access::Action;
use domain::id::ScheduleLineId;
use domain::negotiation::{Negotiation, Turn};
use domain::order::{OrderStatus, total};
use domain::quantity::Money;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use store::coverage::{self, LineCoverage, Lines};
use store::order_list::{self, InErp};
use store::orders::{self, OrderRecord};
use store::receipts::{self, ReceiptRow};
use store::ship_notices::{self, ShippedOf};
use store::timeline::{self, Entry};

use crate::error::AppError;
use crate::loaded;
use crate::page::{self, Around};
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader, disabled_button};
use crate::ui::lifecycle::Lifecycle;
use crate::ui::number::counted;
use crate::ui::tag::{id, tag};
use crate::ui::time::instant_with_zone;
use crate::ui::tone::Tone;

use super::history::{self, Shown};
use super::lines::{self, Part};
use super::list_query::encoded;
use super::opened::OpenedBeacon;
use super::stops;

/// An order as its page shows it.
pub(super) struct OrderView {
    /// The order.
    pub(super) record: OrderRecord,
    /// How far the ERP is with each schedule line's promise.
    pub(super) in_erp: HashMap<ScheduleLineId, InErp>,
    /// What happened, the newest first.
    pub(super) history: Vec<Entry>,
    /// What came of it, the newest first.
    pub(super) receipts: Vec<ReceiptRow>,
    /// What is in ship notices.
    pub(super) shipped: Vec<ShippedOf>,
    /// The certificates that its schedule lines need.
    pub(super) certificates: Vec<LineCoverage>,
}

struct Loaded {
    around: Around,
    order: OrderView,
    part: Part,
    shown: Shown,
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("po").unwrap_or_default();
    loaded(load(number, page::query()), show)
}

async fn load(number: String, query: Vec<(String, String)>) -> Result<Loaded, AppError> {
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let record = orders::get(&mut tx, &number).await?;
    let history = timeline::of_order(&mut tx, record.order.order_id).await?;
    let receipts = receipts::of_order(&mut tx, record.order.order_id.0).await?;
    let in_erp = order_list::in_erp(&mut tx, record.order.order_id).await?.into_iter().collect();
    let shipped = ship_notices::of_order(&mut tx, record.order.order_id).await?;
    let certificates = coverage::of_schedule_lines(&mut tx, Lines::OfOrder(record.order.order_id)).await?;
    let asked =
        |key: &str| query.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.as_str()).to_owned();
    let (part, shown) = (Part::parse(&asked("lines")), Shown::parse(&asked("events")));
    Ok(Loaded { around, order: OrderView { record, in_erp, history, receipts, shipped, certificates }, part, shown })
}

impl OrderView {
    /// How many lines are in each state.
    pub(super) fn count(&self, wanted: impl Fn(Negotiation) -> bool) -> usize {
        self.record.order.schedule_lines().filter(|(_, schedule)| wanted(schedule.state)).count()
    }

    /// Promised and in no ship notice yet, whether anything at all.
    fn has_to_ship(&self) -> bool {
        self.record.order.schedule_lines().any(|(_, schedule)| {
            let promised = schedule.promise.as_deref().map(total).unwrap_or_default();
            let gone: Decimal = self
                .shipped
                .iter()
                .filter(|one| one.schedule_line_id == schedule.schedule_line_id)
                .map(ShippedOf::counts)
                .sum();
            !matches!(schedule.state, Negotiation::Cancelled | Negotiation::Declined) && promised > gone
        })
    }

    fn waiting_for(&self, turn: Turn) -> usize {
        self.count(|state| state.turn() == turn)
    }
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, order, part, shown } = loaded;
    let (number, order_id) = (order.record.order.number.clone(), order.record.order.order_id);
    let insider = !around.viewer.is_supplier();
    let beacon = (!insider && order.record.opened_at.is_none())
        .then(|| view! { <OpenedBeacon order_id=order.record.order.order_id/> });
    let title = view! { "Order "{id(number.clone())} }.into_any();
    let beside = view! { {copy_button(number.clone(), "order number")}{status(&order, &around)} }.into_any();
    let actions = actions(&order, &around);
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Orders", "/orders"), Crumb::here(number.clone()).mono()]/>
        <PageHeader title=title beside=Some(beside) facts=facts(&order, &around)>{actions}</PageHeader>
        <div class="stack">
            <Lifecycle stops=stops::of(&order, &around.reading)/>
            {lines::sheet(&order, &around, part)}
            {crate::inbound::receive::came(&order.receipts, &around)}
            <div class="columns-8-4">
                {history::sheet(&order, &around, shown)}
                <div class="stack">{terms(&order, &around)}</div>
            </div>
        </div>
        {beacon}
    };
    around.watching(order_id).frame(format!("Order {number}"), page)
}

/// The tag beside the title: what the reader has to do, else how the order stands.
fn status(order: &OrderView, around: &Around) -> AnyView {
    let lines = order.count(|state| state != Negotiation::Cancelled);
    let of = |count: usize| if lines == 1 { "1 line".to_owned() } else { format!("{count} of {lines} lines") };
    match order.record.order.status {
        OrderStatus::Closed => return tag(Tone::Neutral, "closed in the ERP"),
        OrderStatus::Cancelled => return tag(Tone::Neutral, "cancelled in the ERP"),
        OrderStatus::Open => {}
    }
    let (supplier, buyer) = (order.waiting_for(Turn::Supplier), order.waiting_for(Turn::Buyer));
    let answers = around.viewer.may(Action::AnswerOrder);
    let decides = around.viewer.may(Action::DecideDeviation);
    match (supplier, buyer) {
        (waiting @ 1.., _) if answers => {
            tag(Tone::Warn, format!("{} {} you", of(waiting), if waiting == 1 { "needs" } else { "need" }))
        }
        (_, waiting @ 1..) if decides => {
            tag(Tone::Warn, format!("{} {} your decision", of(waiting), if waiting == 1 { "needs" } else { "need" }))
        }
        (waiting @ 1.., _) => tag(Tone::Info, format!("{} not answered", of(waiting))),
        (_, waiting @ 1..) => tag(Tone::Info, format!("{} with the buyer", of(waiting))),
        _ => tag(Tone::Ok, "all lines answered"),
    }
}

fn facts(order: &OrderView, around: &Around) -> Vec<AnyView> {
    let record = &order.record;
    let (code, place) = (record.plant.0.clone(), record.plant.1.clone());
    let mut facts = vec![view! { {id(code)}" "{place} }.into_any()];
    if !around.viewer.is_supplier() {
        facts.insert(0, view! { {record.supplier.1.clone()}" "{id(record.supplier.0.clone())} }.into_any());
    }
    facts.push(format!("revision {}", record.order.revision).into_any());
    facts.push(counted(i64::try_from(record.order.lines.len()).unwrap_or(i64::MAX), "line", "lines").into_any());
    if let Some(value) = value(record) {
        facts.push(value.to_string().into_any());
    }
    let active = record.order.schedule_lines().filter(|(_, schedule)| schedule.state != Negotiation::Cancelled);
    if let Some(first) = active.map(|(_, schedule)| schedule.requested_on).min() {
        facts.push(format!("first due {}", domain::calendar::day(first)).into_any());
    }
    if let Some(buyer) = &record.order.buyer {
        facts.push(format!("buyer {buyer}").into_any());
    }
    facts
}

/// What the lines that are not cancelled come to; none where a price is not shared.
pub(super) fn value(record: &OrderRecord) -> Option<Money> {
    let mut amount = domain::Decimal::ZERO;
    for (line, schedule) in record.order.schedule_lines() {
        if schedule.state != Negotiation::Cancelled {
            amount = amount.checked_add(line.price?.checked_mul(schedule.quantity)?)?;
        }
    }
    Some(Money { amount: amount.round_dp(2), currency: record.order.currency.clone() })
}

fn actions(order: &OrderView, around: &Around) -> AnyView {
    let base = format!("/orders/{}", encoded(&order.record.order.number));
    let (supplier, buyer) = (order.waiting_for(Turn::Supplier), order.waiting_for(Turn::Buyer));
    let changeable = order.count(|state| state != Negotiation::Cancelled);
    let open = order.record.order.status == OrderStatus::Open;
    let closed = format!("This order is {} in the ERP.", order.record.order.status);
    if around.viewer.may(Action::AnswerOrder) && around.viewer.is_supplier() {
        let first = match supplier {
            _ if !open => disabled_button("Confirm as requested", closed.clone()),
            0 => disabled_button("Confirm as requested", "Every line is answered."),
            1 => view! { <a class="button primary" href=format!("{base}/confirm/all")>"Confirm 1 line as requested"</a> }.into_any(),
            lines => view! { <a class="button primary" href=format!("{base}/confirm/all")>{format!("Confirm {lines} lines as requested")}</a> }.into_any(),
        };
        let answer = (open && supplier > 0)
            .then(|| view! { <a class="button" href=format!("{base}/confirm")>"Answer line by line"</a> });
        let delay = (open && changeable > supplier)
            .then(|| view! { <a class="button" href=format!("{base}/confirm?all=1")>{if supplier > 0 { "All lines" } else { "Report a change" }}</a> });
        // One thing is the next to do: to answer what waits, else to ship what is promised.
        let ship = (open && order.has_to_ship() && around.viewer.may(Action::SendShipNotice)).then(|| {
            let class = if supplier == 0 { "button primary" } else { "button" };
            view! { <a class=class href=format!("{base}/ship")>"Ship as confirmed"</a> }
        });
        let first = if supplier == 0 && ship.is_some() { ().into_any() } else { first };
        return view! { {first}{ship}{answer}{delay} }.into_any();
    }
    let decide = match buyer {
        0 => None,
        _ if !around.viewer.may(Action::DecideDeviation) => None,
        1 => Some("Decide 1 deviation".to_owned()),
        lines => Some(format!("Decide {lines} deviations")),
    };
    let decide = decide.map(|words| view! { <a class="button primary" href=format!("/deviations?q={}", encoded(&order.record.order.number))>{words}</a> });
    let behalf = around.viewer.may(Action::AnswerOnBehalf).then(|| match supplier {
        _ if !open => disabled_button("Answer for the supplier", closed.clone()),
        0 => view! { <a class="button" href=format!("{base}/confirm?all=1")>"Answer for the supplier"</a> }.into_any(),
        _ => view! { <a class="button" href=format!("{base}/confirm")>"Answer for the supplier"</a> }.into_any(),
    });
    view! { {decide}{behalf} }.into_any()
}

fn terms(order: &OrderView, around: &Around) -> AnyView {
    let record = &order.record;
    let mut facts: Vec<(&str, AnyView)> =
        vec![("Deliver to", view! { {id(record.plant.0.clone())}{format!(" {}", record.plant.1)} }.into_any())];
    if let Some(incoterm) = &record.order.incoterm {
        facts.push(("Incoterm", incoterm.clone().into_any()));
    }
    facts.push((
        "Prices",
        format!(
            "in {}, {}",
            record.order.currency,
            if record.order.may_change_price { "another price may be proposed" } else { "fixed in an answer" }
        )
        .into_any(),
    ));
    facts.push(("Published", instant_with_zone(record.order.published_at, &around.reading)));
    if let Some(at) = record.revised_at {
        facts.push((
            "Changed",
            view! { {instant_with_zone(at, &around.reading)}{format!(", revision {}", record.order.revision)} }
                .into_any(),
        ));
    }
    facts.push((
        "Opened",
        record
            .opened_at
            .map_or_else(|| "not yet by the supplier".into_any(), |at| instant_with_zone(at, &around.reading)),
    ));
    facts.push(("Calendar", format!("days of plant {} ({})", record.plant.0, record.zone).into_any()));
    let facts = facts.into_iter().map(|(term, fact)| view! { <dt>{term}</dt><dd>{fact}</dd> }).collect_view();
    view! {
        <section class="sheet" aria-labelledby="terms-title">
            <div class="section-head"><h2 id="terms-title">"Terms"</h2></div>
            <dl class="fact-list">{facts}</dl>
        </section>
    }
    .into_any()
}

/// The tolerance that applies, in a sentence; where it differs, each with its lines.
pub(super) fn tolerance(record: &OrderRecord) -> String {
    const THEN: &str = "Inside it an answer is accepted by rule; outside it the buyer decides.";
    const SHOWN: usize = 3;
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for line in &record.order.lines {
        let sentence = line.agreed.sentence();
        match groups.iter_mut().find(|(known, _)| *known == sentence) {
            Some((_, lines)) => lines.push(&line.number),
            None => groups.push((sentence, vec![&line.number])),
        }
    }
    match groups.as_slice() {
        [] => String::new(),
        [(only, _)] => format!("Tolerance for this order: {only}. {THEN}"),
        several if several.len() <= SHOWN && record.order.lines.len() <= 20 => {
            let each = |(sentence, lines): &(String, Vec<&str>)| {
                format!("{} {}: {sentence}", if lines.len() == 1 { "line" } else { "lines" }, lines.join(", "))
            };
            format!("Tolerance for {}. {THEN}", several.iter().map(each).collect::<Vec<_>>().join("; for "))
        }
        _ => format!(
            "The tolerance differs from line to line; the one that was used is named beside each answer. {THEN}"
        ),
    }
}
