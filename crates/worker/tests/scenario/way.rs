//! Orders on their way through the house, when nobody is ill.

use domain::event::{Event, Subject, SubjectKind};
use domain::lot::StockStatus;
use simulators::rest::{Change, Door, Fault, OpeningStock, Part, Rule};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::events::About;

use super::house::{Scenario, about, day};

fn parts(parts: &[Part]) -> Vec<(String, Option<String>)> {
    parts.iter().map(|part| (part.quantity.to_string(), part.deliver_on.map(|day| day.to_string()))).collect()
}

fn part(quantity: &str, on: &str) -> (String, Option<String>) {
    (quantity.to_owned(), Some(on.to_owned()))
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_order_goes_from_the_erp_to_the_suppliers_answer_and_back_and_the_erp_has_exactly_the_promise(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = Scenario::start(pool, options).await;
    let published = scenario.order("4500001").await;
    assert_eq!((published.order.revision, published.supplier.0.as_str()), (1, "100234"));

    // One line as requested, one in two parts that the buyer has to take.
    scenario.accept("4500001", &["0010"]).await;
    scenario.until_accepted("4500001", 1).await;
    scenario.split("4500001", "0020", &[(60, "2026-12-20"), (40, "2026-12-28")]).await;
    scenario.meanwhile("4500001").await;
    assert_eq!(scenario.accepted("4500001"), 4, "what the buyer has not taken is no promise");
    scenario.take_deviations("4500001").await;
    scenario.until_accepted("4500001", 5).await;

    let accepted = scenario.erp.accepted();
    let (first, last) = (&accepted[0].confirmation, &accepted[4].confirmation);
    assert_eq!((first.lines.len(), first.lines[0].line.as_str(), first.revision), (1, "0010", 1));
    assert_eq!(parts(&first.lines[0].commitments), [part("100", "2026-12-10")]);
    assert_eq!((last.lines.len(), last.lines[0].line.as_str()), (1, "0020"));
    assert_eq!(parts(&last.lines[0].commitments), [part("60", "2026-12-20"), part("40", "2026-12-28")]);
    assert_eq!((last.plant.as_deref(), last.supplier.as_deref()), (Some("DE10"), Some("100234")));

    let rows = scenario.rows("4500001").await;
    assert!(rows.iter().all(|row| row.attempts == 1), "each at the first try: {rows:?}");
    assert_eq!(rows[0].their_ref.as_deref(), Some(accepted[0].document.as_str()));
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_order_changed_after_the_answer_needs_a_new_answer_only_where_it_changed(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = Scenario::start(pool, options).await;
    scenario.order("4500001").await;
    scenario.accept("4500001", &[]).await;
    scenario.until_accepted("4500001", 1).await;

    let later = Change {
        line: "0020".to_owned(),
        schedule: Some(1),
        requested_on: Some(day("2026-12-22")),
        ..Change::default()
    };
    scenario.erp.change("4500001", &[later]).expect("the ERP changes it");
    scenario.next_poll().await;
    let revised = scenario.record("4500001").await;
    let waiting: Vec<(&str, bool)> = revised
        .order
        .schedule_lines()
        .map(|(line, schedule)| (line.number.as_str(), schedule.needs_supplier()))
        .collect();
    assert_eq!((revised.order.revision, waiting), (2, vec![("0010", false), ("0020", true)]));

    scenario.accept("4500001", &[]).await;
    scenario.until_accepted("4500001", 2).await;
    let accepted = scenario.erp.accepted();
    let second = &accepted[1].confirmation;
    assert_eq!((second.revision, second.lines.len()), (2, 1), "the other line keeps its promise untold");
    assert_eq!(parts(&second.lines[0].commitments), [part("100", "2026-12-22")]);
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn duplicates_and_reordered_polls_change_nothing(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    for number in ["4500001", "4500002", "4500003"] {
        scenario.order(number).await;
        scenario.accept(number, &[]).await;
        scenario.until_accepted(number, 1).await;
    }
    let events = scenario.number("select count(*) from event").await;
    scenario.erp.fault(Rule::from(Fault::Duplicate).at(Door::Orders));
    scenario.erp.fault(Rule::from(Fault::Reorder).at(Door::Orders));
    for _ in 0..3 {
        scenario.next_poll().await;
    }
    assert!(scenario.number("select sum(repeats)::bigint from arrival").await > 0, "they did come again");
    assert_eq!(scenario.number("select count(*) from arrival").await, 3);
    assert_eq!(scenario.number("select count(*) from event").await, events);
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_order_that_the_erp_cancels_is_cancelled_here_and_its_promises_stay_told(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = Scenario::start(pool, options).await;
    scenario.order("4500001").await;
    scenario.accept("4500001", &["0010"]).await;
    scenario.until_accepted("4500001", 1).await;
    scenario.erp.set_status("4500001", domain::order::OrderStatus::Cancelled).expect("the ERP cancels it");
    scenario.next_poll().await;
    let record = scenario.record("4500001").await;
    assert_eq!(record.order.status, domain::order::OrderStatus::Cancelled);
    assert!(record.order.schedule_lines().all(|(_, schedule)| !schedule.needs_supplier()));
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_question_about_stock_brings_a_fresh_figure_of_the_same_correlation(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = Scenario::start(pool, options).await;
    let record = scenario.order("4500001").await;
    scenario
        .erp
        .open_stock(OpeningStock {
            plant: "DE10".to_owned(),
            item: "0012-00A".to_owned(),
            unit: "PCE".to_owned(),
            lot: Some("L-7".to_owned()),
            status: StockStatus::Unrestricted,
            location: Some("A-01".to_owned()),
            quantity: "310.5".parse().expect("a decimal"),
            since: scenario.clock.now(),
        })
        .expect("it lies there");
    let mut tx = scenario.program().await;
    let question = Event::StockRequested { plant: "DE10".to_owned(), item: "0012-00A".to_owned() };
    let subject = Subject { kind: SubjectKind::Connection, id: tx.new_id() };
    let about = About { subject, supplier_id: None, home: None, ..about(&record) };
    store::events::append(&mut tx, about, &[question], None).await.expect("asked");
    tx.commit().await.expect("a commit");

    scenario
        .until("the answer is an arrival that was applied", || async {
            scenario
                .number(
                    "select count(*) from arrival a join event e on e.correlation_id = a.correlation_id
                     where e.kind = 'stock.requested' and a.channel = 'stock' and a.state = 'applied'",
                )
                .await
                == 1
        })
        .await;
    let told = scenario
        .number("select count(*) from delivery d join event e using (event_id) where e.kind = 'stock.requested' and d.state = 'delivered'")
        .await;
    assert_eq!(told, 1, "the question is answered");
    scenario.finish().await;
}
