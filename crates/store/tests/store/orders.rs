//! Answers and decisions: state, event, outcome and audit together, under second clicks, stale forms and races.

use domain::confirmation::{Channel, Refusal};
use domain::event::{Event, EventKind, Subject, SubjectKind};
use domain::negotiation::Negotiation;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::events::{self, About};
use store::order_list::{self, Bucket, Filter, Key, Page};
use store::{CommandError, orders, timeline};

use crate::scene::{Scene, accept_all, day, late, refusals, snapshot, take_all};

#[sqlx::test(migrations = "../../migrations")]
async fn an_answer_inside_tolerance_is_binding_and_everything_about_it_is_written(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let record = scene.order("4500001").await;

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let outcome = orders::confirm(&mut tx, "4500001", &accept_all(&record)).await.expect("taken");
    tx.commit().await.expect("a commit");
    assert_eq!((outcome.number, outcome.by_rule, outcome.in_review, outcome.already), (1, 2, 0, false));

    let after = scene.order("4500001").await;
    let (_, first) = after.order.schedule_lines().next().expect("a line");
    assert_eq!(first.state, Negotiation::Accepted);
    assert_eq!(first.promise, first.first_promise);
    assert_eq!(after.promise_events.len(), 2, "each line knows the event that told others");
    assert_eq!(scene.history(&after).await, ["order.published", "order.lines_confirmed", "order.promise_made"]);
    assert_eq!(scene.count("select count(*) from commitment where quantity = 100 and unit = 'PCE'").await, 2);
    assert_eq!(
        scene
            .count("select count(*) from audit_entry where action = 'order.confirm' and address = '203.0.113.7'")
            .await,
        1
    );

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let entries = timeline::of_subject(&mut tx, after.order.order_id.0).await.expect("a timeline");
    assert_eq!(entries.first().expect("an entry").event.kind(), EventKind::PromiseMade, "the newest first");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_second_click_gets_the_first_outcome_and_changes_nothing(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let command = late(&scene.order("4500001").await);
    let who = scene.supplier(scene.a);
    for already in [false, true] {
        let mut tx = scene.begin(who.clone()).await;
        let outcome = orders::confirm(&mut tx, "4500001", &command).await.expect("taken");
        tx.commit().await.expect("a commit");
        assert_eq!((outcome.number, outcome.in_review, outcome.already), (1, 1, already));
    }
    assert_eq!(scene.count("select count(*) from confirmation").await, 1);

    let decision = take_all(&scene.order("4500001").await);
    let buyer = scene.buyer();
    for already in [false, true] {
        let mut tx = scene.begin(buyer.clone()).await;
        let outcome = orders::decide(&mut tx, "4500001", &decision).await.expect("decided");
        tx.commit().await.expect("a commit");
        assert_eq!((outcome.lines, outcome.already), (1, already));
    }
    let record = scene.order("4500001").await;
    assert_eq!(
        scene.history(&record).await,
        ["order.published", "order.lines_confirmed", "order.deviation_accepted", "order.promise_made"]
    );
}

#[sqlx::test(migrations = "../../migrations")]
async fn two_clicks_at_the_same_moment_are_one_answer_and_one_decision(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let command = late(&scene.order("4500001").await);
    let who = scene.supplier(scene.a);
    let click = || async {
        let mut tx = scene.begin(who.clone()).await;
        let outcome = orders::confirm(&mut tx, "4500001", &command).await.expect("taken");
        tx.commit().await.expect("a commit");
        outcome.already
    };
    let (one, two, three) = tokio::join!(click(), click(), click());
    assert_eq!([one, two, three].iter().filter(|already| !**already).count(), 1);

    let decision = take_all(&scene.order("4500001").await);
    let buyer = scene.buyer();
    let click = || async {
        let mut tx = scene.begin(buyer.clone()).await;
        let outcome = orders::decide(&mut tx, "4500001", &decision).await.expect("decided");
        tx.commit().await.expect("a commit");
        outcome.already
    };
    let (one, two, three) = tokio::join!(click(), click(), click());
    assert_eq!([one, two, three].iter().filter(|already| !**already).count(), 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_key_that_was_used_for_another_order_or_by_somebody_else_is_refused(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    scene.mirror(&snapshot("4500002", "A")).await;
    scene.mirror(&snapshot("4500003", "B")).await;
    let first = accept_all(&scene.order("4500001").await);
    let who = scene.supplier(scene.a);
    let mut tx = scene.begin(who.clone()).await;
    orders::confirm(&mut tx, "4500001", &first).await.expect("taken");
    tx.commit().await.expect("a commit");

    for (number, who) in [("4500002", who), ("4500003", scene.supplier(scene.b))] {
        let mut again = accept_all(&scene.order(number).await);
        again.submission = first.submission;
        let mut tx = scene.begin(who).await;
        let error = orders::confirm(&mut tx, number, &again).await.expect_err("a foreign key");
        assert!(matches!(&error, CommandError::Invalid(words) if words.contains("sent before")), "{error:?}");
        drop(tx);
        assert_eq!(scene.history(&scene.order(number).await).await, ["order.published"]);
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn of_two_answers_at_once_one_is_taken_and_the_other_is_told_that_the_line_changed(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let record = scene.order("4500001").await;
    let answer = |command| {
        let who = scene.supplier(scene.a);
        let scene = &scene;
        async move {
            let mut tx = scene.begin(who).await;
            let outcome = orders::confirm(&mut tx, "4500001", &command).await?;
            tx.commit().await?;
            Ok::<_, CommandError>(outcome)
        }
    };
    let (one, two) = tokio::join!(answer(accept_all(&record)), answer(late(&record)));
    let (taken, refused): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), refused.len()), (1, 1));
    let why = refusals(refused.into_iter().next().expect("one").expect_err("refused"));
    assert!(matches!(why[0], Refusal::StaleLine { .. }), "{why:?}");
    assert_eq!(scene.count("select count(*) from confirmation").await, 1);
    scene.history(&scene.order("4500001").await).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_answer_to_an_old_revision_is_refused_and_leaves_no_trace(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let old = accept_all(&scene.order("4500001").await);
    let mut revised = snapshot("4500001", "A");
    revised.their_version = 2;
    revised.lines[0].schedule[0].quantity = 80.into();
    scene.mirror(&revised).await;

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let why = refusals(orders::confirm(&mut tx, "4500001", &old).await.expect_err("refused"));
    assert_eq!(why, [Refusal::OldRevision { read: 1, now: 2 }]);
    // Even if the page committed by mistake, there would be nothing to commit.
    tx.commit().await.expect("a commit");
    assert_eq!(scene.count("select count(*) from confirmation").await, 0);
    assert_eq!(scene.count("select count(*) from submission").await, 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_foreign_order_is_as_good_as_none(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let record = scene.order("4500001").await;
    let mut tx = scene.begin(scene.supplier(scene.b)).await;
    for error in [
        orders::get(&mut tx, "4500001").await.expect_err("foreign"),
        orders::get(&mut tx, "4599999").await.expect_err("unknown"),
        orders::load(&mut tx, record.order.order_id, true).await.expect_err("foreign"),
        orders::confirm(&mut tx, "4500001", &accept_all(&record)).await.expect_err("foreign"),
        orders::decide(&mut tx, "4500001", &take_all(&record)).await.expect_err("foreign"),
    ] {
        assert!(matches!(error, CommandError::NotFound { what: "order" }), "{error:?}");
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_a_supplier_may_not_do_is_refused_even_inside_the_scope(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let record = scene.order("4500001").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500001", &late(&record)).await.expect("taken");
    let answered = orders::get(&mut tx, "4500001").await.expect("it");
    let error = orders::decide(&mut tx, "4500001", &take_all(&answered)).await.expect_err("a supplier decides nothing");
    assert!(matches!(refusals(error)[0], Refusal::NotAllowed(_)));
    let mut behalf = accept_all(&record);
    behalf.channel = Channel::OnBehalf;
    let error = orders::confirm(&mut tx, "4500001", &behalf).await.expect_err("only a buyer answers for others");
    assert!(matches!(refusals(error)[0], Refusal::NotAllowed(_)));
}

#[sqlx::test(migrations = "../../migrations")]
async fn state_and_event_come_together_or_not_at_all(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let record = scene.order("4500001").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500001", &accept_all(&record)).await.expect("taken");
    drop(tx);
    let after = scene.order("4500001").await;
    assert_eq!(after.order, record.order);
    assert_eq!(scene.history(&after).await, ["order.published"]);

    // After each change that lasts, every line that is promised knows an event that is there.
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500001", &accept_all(&record)).await.expect("taken");
    tx.commit().await.expect("a commit");
    let orphans = "select count(*) from schedule_line s where promise is not null
                   and not exists (select from event e where e.event_id = s.promise_event_id)";
    assert_eq!(scene.count(orphans).await, 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn eight_writers_at_once_count_a_subject_without_gap_or_swap(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let subject = Subject { kind: SubjectKind::Order, id: scene.store.new_id() };
    let about = About { subject, plant_id: None, supplier_id: None, home: Some(scene.erp) };
    let writer = |number: usize| {
        let scene = &scene;
        async move {
            for round in 0..12 {
                let mut tx = scene.program().await;
                let event = || Event::OrderClosed { order: format!("{number}/{round}") };
                events::append(&mut tx, about, &[event(), event()], None).await.expect("appended");
                // Some give up, and their numbers are given to the next.
                if !(number + round).is_multiple_of(5) {
                    tx.commit().await.expect("a commit");
                }
            }
        }
    };
    tokio::join!(writer(0), writer(1), writer(2), writer(3), writer(4), writer(5), writer(6), writer(7));
    let rows: Vec<(i64,)> = sqlx::query_as("select subject_version from event where subject_id = $1 order by position")
        .bind(subject.id)
        .fetch_all(&scene.owner)
        .await
        .expect("the log");
    let versions: Vec<i64> = rows.into_iter().map(|(version,)| version).collect();
    assert!(versions.len() > 100);
    assert_eq!(versions, (1..).take(versions.len()).collect::<Vec<i64>>());
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_machine_answers_only_for_its_supplier_at_its_erp_and_says_how_it_came(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let record = scene.order("4500001").await;
    let mut tx = scene.program().await;
    let mut answer = accept_all(&record);
    let error =
        orders::confirm_for(&mut tx, scene.erp, "4500001", "A", &answer).await.expect_err("the portal is for people");
    assert!(matches!(refusals(error)[0], Refusal::NotAllowed(_)));
    answer.channel = Channel::Api;
    let error = orders::confirm_for(&mut tx, scene.erp, "4500001", "B", &answer).await.expect_err("not B's order");
    assert!(matches!(refusals(error)[0], Refusal::NotAllowed(_)));
    let other =
        store::connections::add(&mut tx, "rest", &crate::scene::configured("Other ERP"), &[]).await.expect("added");
    let error = orders::confirm_for(&mut tx, other, "4500001", "A", &answer).await.expect_err("not that ERP's order");
    assert!(matches!(error, CommandError::NotFound { .. }));
    orders::confirm_for(&mut tx, scene.erp, "4500001", "A", &answer).await.expect("taken");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_first_look_of_the_supplier_is_noted_once(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let id = scene.order("4500001").await.order.order_id;
    for who in [scene.buyer(), scene.supplier(scene.b), scene.supplier(scene.a), scene.supplier(scene.a)] {
        let mut tx = scene.begin(who).await;
        orders::mark_opened(&mut tx, id).await.expect("noted");
        tx.commit().await.expect("a commit");
    }
    let record = scene.order("4500001").await;
    assert!(record.opened_at.is_some());
    assert_eq!(scene.history(&record).await, ["order.published", "order.opened"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn lists_are_paged_by_key_in_both_directions_and_count_what_they_show(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    for number in 1..=4 {
        scene.mirror(&snapshot(&format!("450000{number}"), "A")).await;
    }
    scene.mirror(&snapshot("4600001", "B")).await;
    let record = scene.order("4500001").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500001", &late(&record)).await.expect("taken");
    tx.commit().await.expect("a commit");

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let filter = Filter::default();
    assert_eq!(order_list::count(&mut tx, &filter).await.expect("a count"), 8, "B's lines are not A's");
    let first = order_list::page(&mut tx, &filter, &Page { size: 3, ..Page::default() }).await.expect("a page");
    let key = |row: &order_list::LineRow| Key { day: row.requested_on, id: row.schedule_line_id.0 };
    let next = Page { after: first.last().map(key), size: 3, ..Page::default() };
    let second = order_list::page(&mut tx, &filter, &next).await.expect("a page");
    let back = Page { before: second.first().map(key), size: 3, ..Page::default() };
    assert_eq!(order_list::page(&mut tx, &filter, &back).await.expect("a page"), first);
    let days: Vec<_> = first.iter().chain(&second).map(|row| row.requested_on).collect();
    assert!(days.is_sorted() && days[0] == day("2026-12-10"), "{days:?}");

    let open = Filter { buckets: vec![Bucket::NeedsSupplier], ..Filter::default() };
    assert_eq!(order_list::count(&mut tx, &open).await.expect("a count"), 7);
    let text = Filter { text: Some("471".to_owned()), due_to: Some(day("2026-12-10")), ..Filter::default() };
    assert_eq!(order_list::count(&mut tx, &text).await.expect("a count"), 4);
    let text = Filter { text: Some("%".to_owned()), ..Filter::default() };
    assert_eq!(order_list::count(&mut tx, &text).await.expect("a count"), 0, "a percent sign is only a percent sign");

    let mut tx = scene.begin(scene.buyer()).await;
    let waiting = order_list::in_review(&mut tx, &Filter::default(), 50).await.expect("the worklist");
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].in_review_since, Some(scene.store.clock().now()));
    for bucket in Bucket::ALL {
        let filter = Filter { buckets: vec![bucket], plants: vec!["DE10".to_owned()], ..Filter::default() };
        let rows = order_list::page(&mut tx, &filter, &Page { size: 50, ..Page::default() }).await.expect("a page");
        let count = order_list::count(&mut tx, &filter).await.expect("a count");
        assert_eq!(i64::try_from(rows.len()).expect("few"), count, "{bucket:?}");
    }
}
