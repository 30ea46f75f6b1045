//! `/deviations`: the worklist, the longest waiting first.
//!
//! What waits is read at once, up to a limit that no buyer reaches, so that tabs and rows come from the same reading.

use domain::access::{Action, may};
use domain::calendar::today;
use domain::confirmation::Verdict;
use domain::event::SubjectKind;
use domain::order::Commitment;
use domain::quantity::grouped;
use domain::tolerance::DeviationKind;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use store::exchange_list::Key;
use store::order_list::{self, Filter, LineRow};
use uuid::Uuid;

use super::decide::{RowOutcome, Wanted, decide};
use super::pick::Pick;
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::loaded;
use crate::orders::words;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{field_note, options};
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted, price, quantity};
use crate::ui::pager::{Pager, Position};
use crate::ui::sprite::symbol;
use crate::ui::tag::{plain_tag, tag};
use crate::ui::time::{date, duration};
use crate::ui::tone::Tone;

/// Read at once; more than that is said, and narrowed by plant or supplier.
pub(super) const MOST: i64 = 500;
const SIZE: usize = 50;
/// From so many days before the requested day on, a row has an edge.
const SOON_DAYS: i64 = 3;
/// Where the outcome of a batch waits for the next page.
const OUTCOMES: &str = "deviations.outcomes";

struct List {
    around: Around,
    address: Address,
    /// In the plant, supplier and words of the filter, whatever the kind.
    rows: Vec<LineRow>,
    total: i64,
    submission: Uuid,
    outcomes: Vec<RowOutcome>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<List, AppError> {
    let listed = |key| address.all(key).flat_map(|value| value.split(',')).map(|word| word.trim().to_owned()).collect();
    let filter = Filter {
        plants: listed("plant"),
        suppliers: listed("supplier"),
        text: address.get("q").map(str::to_owned),
        ..Filter::default()
    };
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::DecideDeviation)?;
    let rows = order_list::in_review(&mut tx, &filter, MOST).await?;
    let around = Around::load(&mut tx).await?;
    let outcomes = request::session()?.remove(OUTCOMES).await.map_err(request::session_failed)?.unwrap_or_default();
    Ok(List { total: around.waiting.with_buyer, submission: tx.new_id(), around, address, rows, outcomes })
}

/// The tabs: words, the value in the address, and the kinds of deviations behind it.
const VIEWS: [(&str, &str, &[DeviationKind]); 6] = [
    ("All", "", &[]),
    ("Later or earlier", "date", &[DeviationKind::Late, DeviationKind::Early]),
    ("Quantity", "quantity", &[DeviationKind::Short, DeviationKind::Over]),
    ("Price", "price", &[DeviationKind::Dearer]),
    ("Without a date", "backorder", &[DeviationKind::Backordered]),
    ("Rejected", "rejected", &[DeviationKind::Rejected, DeviationKind::Substitute]),
];

fn is_of(row: &LineRow, kinds: &[DeviationKind]) -> bool {
    kinds.is_empty()
        || row.proposal.as_ref().is_some_and(|proposal| {
            proposal.deviations.iter().any(|deviation| kinds.contains(&deviation.kind) && !deviation.is_within())
        })
}

fn show(list: List) -> AnyView {
    let List { around, address, rows, total, submission, outcomes } = list;
    let chosen =
        VIEWS.iter().find(|(_, value, _)| address.get("kind").unwrap_or_default() == *value).unwrap_or(&VIEWS[0]);
    let count =
        |kinds: &[DeviationKind]| i64::try_from(rows.iter().filter(|row| is_of(row, kinds)).count()).unwrap_or(MOST);
    let views = VIEWS
        .iter()
        .map(|(words, value, kinds)| SavedView {
            words: (*words).to_owned(),
            count: Some(at_most(count(kinds), MOST)),
            href: address.with("kind", value).href(),
            current: chosen.1 == *value,
        })
        .collect();
    let matching: Vec<&LineRow> = rows.iter().filter(|row| is_of(row, chosen.2)).collect();
    let oldest = matching.first().and_then(|row| row.in_review_since).map(|since| duration(around.now() - since));
    let mut facts = vec![format!("{} of {} match", matching.len(), at_most(total, order_list::COUNTED)).into_any()];
    facts.extend(oldest.map(|oldest| format!("the oldest waits {oldest}").into_any()));
    facts.push("the longest waiting first".into_any());
    if rows.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
        facts.push(format!("only the first {MOST} are read; narrow by plant or supplier").into_any());
    }
    let (shown, position) = cut(&matching, &address);
    let content =
        if shown.is_empty() { empty(&address, total) } else { table(&shown, position, &address, submission, &around) };
    let page = view! {
        <PageHeader title="Deviations".into_any() facts=facts/>
        {said(&outcomes)}
        <SavedViews views=views/>
        {filters(&address, &rows)}
        {content}
    };
    around.watching_all(&[SubjectKind::Order]).frame("Deviations", page)
}

fn key_of(row: &LineRow) -> Option<Key> {
    row.in_review_since.map(|at| Key { at, id: row.schedule_line_id.0 })
}

/// The rows of this page and its foot.
fn cut<'a>(rows: &[&'a LineRow], address: &Address) -> (Vec<&'a LineRow>, Position) {
    let beyond =
        |key: Key| rows.partition_point(|row| key_of(row).is_some_and(|it| (it.at, it.id) <= (key.at, key.id)));
    let start = match (address.read::<Key>("before"), address.read::<Key>("after")) {
        (Some(key), _) => beyond(key).saturating_sub(SIZE + 1),
        (None, Some(key)) => beyond(key),
        (None, None) => 0,
    };
    let end = rows.len().min(start + SIZE);
    let shown = rows.get(start..end).unwrap_or_default().to_vec();
    let link =
        |name: &str, row: Option<&&LineRow>| row.and_then(|row| key_of(row)).map(|key| address.with(name, key).href());
    let position = Position {
        words: if shown.is_empty() { "0".to_owned() } else { format!("{}–{} of {}", start + 1, end, rows.len()) },
        previous: if start > 0 { link("before", shown.first()) } else { None },
        next: if end < rows.len() { link("after", shown.last()) } else { None },
        sizes: Vec::new(),
    };
    (shown, position)
}

/// What became of the last batch, where not all of it was decided.
fn said(outcomes: &[RowOutcome]) -> AnyView {
    if outcomes.is_empty() {
        return ().into_any();
    }
    let done = outcomes.iter().filter(|outcome| outcome.is_done()).count();
    let rows = outcomes
        .iter()
        .map(|outcome| {
            let href = format!("/orders/{}", encoded(&outcome.pick.order));
            let words = if outcome.is_done() {
                tag(Tone::Ok, "accepted")
            } else {
                let why = outcome.problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>().join(" ");
                field_note(Tone::Crit, why, None)
            };
            view! { <li><a class="id" href=href>{outcome.pick.order.clone()}</a><span>{outcome.line.clone()}</span><span class="outcome">{words}</span></li> }
        })
        .collect_view();
    view! {
        <section class="sheet outcomes" role="status" aria-labelledby="outcome-title">
            <div class="section-head"><h2 id="outcome-title">{format!("{done} of {} accepted", outcomes.len())}<span>"the others are unchanged"</span></h2></div>
            <ul class="row-list">{rows}</ul>
        </section>
    }
    .into_any()
}

fn filters(address: &Address, rows: &[LineRow]) -> AnyView {
    let mut plants: Vec<(String, String)> = rows.iter().map(|row| (row.plant.clone(), row.plant.clone())).collect();
    let mut suppliers: Vec<(String, String)> =
        rows.iter().map(|row| (row.supplier.0.clone(), format!("{} · {}", row.supplier.1, row.supplier.0))).collect();
    let of = |key: &str, list: &[(String, String)]| {
        address.get(key).map(|value| {
            list.iter().find(|(id, _)| id == value).map_or_else(|| value.to_owned(), |(_, words)| words.clone())
        })
    };
    let tags = address.tags(
        &[
            ("plant", "Plant", of("plant", &plants)),
            ("supplier", "Supplier", of("supplier", &suppliers)),
            ("q", "Contains", address.get("q").map(str::to_owned)),
        ],
        &["kind"],
    );
    for list in [&mut plants, &mut suppliers] {
        list.sort_by(|a, b| a.1.cmp(&b.1));
        list.dedup();
        list.insert(0, (String::new(), "any".to_owned()));
    }
    let words = address.get("q").unwrap_or_default().to_owned();
    let kind = address.get("kind").map(|kind| view! { <input type="hidden" name="kind" value=kind.to_owned()/> });
    let plants = options(plants, address.get("plant").unwrap_or_default());
    let suppliers = options(suppliers, address.get("supplier").unwrap_or_default());
    view! {
        <FilterBar tags=tags clear="/deviations".to_owned()>
            <form method="get" action="/deviations" class="menu fields">
                <div class="field"><label for="f-q">"Order, item or words"</label><input class="input" id="f-q" name="q" value=words/></div>
                <div class="field"><label for="f-plant">"Plant"</label><select class="input" id="f-plant" name="plant">{plants}</select></div>
                <div class="field"><label for="f-supplier">"Supplier"</label><select class="input" id="f-supplier" name="supplier">{suppliers}</select></div>
                {kind}
                <button class="button primary" type="submit">"Apply"</button>
            </form>
        </FilterBar>
    }
    .into_any()
}

fn empty(address: &Address, total: i64) -> AnyView {
    let content = if total == 0 {
        let all = Some(("Show all orders".to_owned(), "/orders".to_owned()));
        view! { <EmptyState title="No deviation waits for you" text="Every answer of a supplier is inside tolerance or decided." action=all/> }.into_any()
    } else if address.is_narrowed(&[]) {
        let clear = Some(("Clear filters".to_owned(), "/deviations".to_owned()));
        view! { <EmptyState title="No deviation matches" text="The filters above leave nothing over." action=clear/> }
            .into_any()
    } else {
        view! { <EmptyState title="Nothing here any more" text="What was here is decided." action=Some(("Show all".to_owned(), "/deviations".to_owned()))/> }.into_any()
    };
    view! { <section class="sheet" aria-label="Deviations">{content}</section> }.into_any()
}

fn table(rows: &[&LineRow], position: Position, address: &Address, submission: Uuid, around: &Around) -> AnyView {
    let body = rows.iter().map(|line| row(line, around)).collect_view();
    let back = address.href();
    view! {
        <form method="post" action=AcceptDeviations::url()>
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="back" value=back/>
            <section class="sheet table-region with-batch-bar" aria-label="Deviations">
                <div class="batch-bar" role="region" aria-label="Actions for the selected rows">
                    <span class="sum">"Selected rows:"</span>
                    <button class="button primary" type="submit">"Accept"</button>
                    <button class="button" type="submit" formmethod="get" formaction="/deviations/counter">"Counter …"</button>
                    <button class="button" type="submit" formmethod="get" formaction="/deviations/reject">"Reject …"</button>
                    <button class="button quiet push" type="reset">"Clear selection"</button>
                </div>
                <table class="data-table blocks worklist" role="table">
                    <caption class="visually-hidden">"Answers outside tolerance that wait for a buyer"</caption>
                    <thead>
                        <tr>
                            <th scope="col" class="pick"><span class="visually-hidden">"Select"</span></th>
                            <th scope="col">"Order / line"</th>
                            <th scope="col">"Item"</th>
                            <th scope="col">"Deviation"</th>
                            <th scope="col" class="opt-1">"Requested"</th>
                            <th scope="col">"Proposed"</th>
                            <th scope="col">"Waiting"</th>
                            <th scope="col" class="opt-2">"Owner"</th>
                        </tr>
                    </thead>
                    <tbody>{body}</tbody>
                </table>
                <Pager position=position/>
                <div class="sheet-foot"><span>"Dates in the calendar of the plant"</span><span>{format!("An edge: requested within {SOON_DAYS} days, or overdue")}</span></div>
            </section>
        </form>
    }
    .into_any()
}

fn row(line: &LineRow, around: &Around) -> AnyView {
    let days = (line.requested_on - today(around.now(), around.reading.zone)).num_days();
    let edge = if days <= 0 { Some("crit") } else { (days <= SOON_DAYS).then_some("warn") };
    let number = if line.schedule > 1 {
        format!("{} / {}.{}", line.order, line.line, line.schedule)
    } else {
        format!("{} / {}", line.order, line.line)
    };
    let href = format!("/orders/{}#line-{}", encoded(&line.order), line.line);
    let own = line.proposal.as_ref().is_some_and(|proposal| proposal.by == Some(around.viewer.person_id));
    let label = format!("Select {number}");
    let pick = if own {
        view! { <input type="checkbox" disabled aria-label=format!("{number} cannot be selected: it is your own answer")/> }.into_any()
    } else {
        view! { <input type="checkbox" name="picks[]" value=Pick::of(line).to_string() aria-label=label/> }.into_any()
    };
    let waits = line.in_review_since.map_or_else(|| "–".to_owned(), |since| duration(around.now() - since));
    let due = match days {
        ..0 => Some(field_note(Tone::Crit, format!("due {} ago", counted(-days, "day", "days")), None)),
        0 => Some(field_note(Tone::Crit, "due today", None)),
        1..=SOON_DAYS => Some(field_note(Tone::Warn, format!("due in {}", counted(days, "day", "days")), None)),
        _ => None,
    };
    view! {
        <tr data-edge=edge class="explained">
            <td class="pick">{pick}</td>
            <td class="a-id"><a class="id nowrap" href=href>{number}</a><span class="sub">{line.supplier.1.clone()}</span></td>
            <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
            <td class="a-status">{deviation(line)}</td>
            <td class="nowrap opt-1">{requested(line)}</td>
            <td class="a-due" data-label="proposed">{proposed(line)}</td>
            <td class="nowrap a-num">{waits}{due}</td>
            <td class="opt-2 nowrap">{line.buyer.clone().unwrap_or_else(|| "–".to_owned())}</td>
        </tr>
        <tr class="explains" data-edge=edge><td></td><td colspan="7">{explain(line, own)}</td></tr>
    }
    .into_any()
}

/// How it differs, for a tag.
pub fn deviation(line: &LineRow) -> AnyView {
    let Some(proposal) = &line.proposal else { return ().into_any() };
    let rejected = proposal.deviations.iter().any(|deviation| deviation.kind == DeviationKind::Rejected);
    let mut said = words::outside(&proposal.deviations);
    if proposal.commitments.len() > 1 {
        said.push(format!("in {} parts", proposal.commitments.len()));
    }
    if rejected { tag(Tone::Crit, said.join(", ")) } else { plain_tag(Tone::Warn, said.join(", ")) }
}

fn has(line: &LineRow, kinds: &[DeviationKind]) -> bool {
    line.proposal.as_ref().is_some_and(|proposal| proposal.deviations.iter().any(|it| kinds.contains(&it.kind)))
}

fn requested(line: &LineRow) -> AnyView {
    let dearer = line.price.filter(|_| has(line, &[DeviationKind::Dearer]));
    let dearer = dearer.map(|it| view! { <span class="sub">{format!("{} {}", line.currency, price(it))}</span> });
    view! { {date(line.requested_on)}<span class="sub">{quantity(line.quantity, &line.unit)}</span>{dearer} }.into_any()
}

/// What is proposed; what differs is set off.
pub fn proposed(line: &LineRow) -> AnyView {
    let Some(proposal) = &line.proposal else { return ().into_any() };
    let one = |part: &Commitment| {
        let later = part.deliver_on != Some(line.requested_on);
        let amount = part.quantity != line.quantity;
        let when = part.deliver_on.map_or_else(|| "no date yet".into_any(), date);
        let other = part.price.filter(|price| Some(*price) != line.price);
        let other =
            other.map(|it| view! { <span class="sub changed">{format!("{} {}", line.currency, price(it))}</span> });
        view! {
            <span class=if later { "changed nowrap" } else { "nowrap" }>{when}</span>
            <span class=if amount { "sub changed nowrap" } else { "sub nowrap" }>{quantity(part.quantity, &line.unit)}</span>
            {other}
        }
        .into_any()
    };
    match proposal.commitments.as_slice() {
        [] => view! { <span class="changed">"no supply"</span> }.into_any(),
        parts => view! { <span class="parts-cell">{parts.iter().map(|part| view! { <span>{one(part)}</span> }).collect_view()}</span> }.into_any(),
    }
}

/// Why, in the supplier's words, and which rules were used.
fn explain(line: &LineRow, own: bool) -> AnyView {
    let Some(proposal) = &line.proposal else { return ().into_any() };
    let why = match (proposal.reason, &proposal.note) {
        (Some(reason), Some(note)) => {
            view! { <span><b>{reason.words()}": "</b><span dir="auto">{format!("“{note}”")}</span></span> }.into_any()
        }
        (Some(reason), None) => view! { <span><b>{reason.words()}</b></span> }.into_any(),
        (None, Some(note)) => view! { <span dir="auto">{format!("“{note}”")}</span> }.into_any(),
        (None, None) => view! { <span class="muted">"No reason given"</span> }.into_any(),
    };
    let rules: Vec<String> = proposal
        .deviations
        .iter()
        .filter(|deviation| deviation.kind.has_limit() && !deviation.is_within())
        .map(|deviation| {
            format!(
                "{} {} {}, from {}",
                grouped(deviation.limit.up_to, 0),
                deviation.kind.unit(),
                deviation.kind,
                deviation.source.words()
            )
        })
        .collect();
    let rules = (!rules.is_empty()).then(|| view! { <span>"Tolerance used: "<b>{rules.join("; ")}</b></span> });
    let before = line
        .promise
        .as_deref()
        .map(|parts| view! { <span>{format!("Promised before: {}", words::parts(parts, Some(&line.unit)))}</span> });
    let no_supply = has(line, &[DeviationKind::Rejected])
        .then(|| view! { <span>"Accepting it takes note that there will be no supply."</span> });
    let own = own.then(|| view! { <span class="own">{symbol("s-warn", "shape")}"You gave this answer yourself; another buyer has to decide."</span> });
    view! { <div class="explain">{why}{rules}{before}{no_supply}{own}</div> }.into_any()
}

/// Where to go back to: the list as it was filtered.
pub(super) fn back_to(back: &str) -> String {
    let ours = back == "/deviations" || back.starts_with("/deviations?");
    if ours && request::own_path(back) { back.to_owned() } else { "/deviations".to_owned() }
}

/// Accepts the selected rows.
#[server(input = PostUrl, prefix = "/do", endpoint = "accept-deviations")]
pub async fn accept_deviations(
    submission: Uuid,
    #[server(default)] picks: Vec<String>,
    #[server(default)] back: String,
) -> Result<(), AppError> {
    let to = back_to(&back);
    let outcome = async {
        let picks = Pick::read(picks.iter().map(String::as_str));
        if picks.is_empty() {
            return Ok("Nothing was selected, so nothing was accepted. Tick the rows first.".to_owned());
        }
        let wanted = picks.into_iter().map(|pick| Wanted { pick, verdict: Verdict::Accept, note: None }).collect();
        let outcomes = decide(wanted, submission).await?;
        if outcomes.iter().all(RowOutcome::is_done) {
            return Ok(accepted(&outcomes));
        }
        request::session()?.insert(OUTCOMES, outcomes).await.map_err(request::session_failed)?;
        Ok(String::new())
    };
    match outcome.await {
        Ok(said) if said.is_empty() => request::see_other(&to),
        Ok(said) => {
            request::keep_notice(&said).await?;
            request::see_other(&to);
        }
        Err(AppError::NotSignedIn) => request::see_other(&request::sign_in_path(&to)),
        Err(error) => {
            request::answer_with(&error);
            return Err(error);
        }
    }
    Ok(())
}

fn accepted(outcomes: &[RowOutcome]) -> String {
    let mut orders: Vec<&str> = outcomes.iter().map(|outcome| outcome.pick.order.as_str()).collect();
    orders.sort_unstable();
    orders.dedup();
    let lines = counted(i64::try_from(outcomes.len()).unwrap_or(i64::MAX), "line", "lines");
    match orders.as_slice() {
        [only] => format!("Accepted {lines} of order {only}. What became binding is on its way to the ERP."),
        many => format!("Accepted {lines} of {} orders. What became binding is on its way to the ERP.", many.len()),
    }
}
