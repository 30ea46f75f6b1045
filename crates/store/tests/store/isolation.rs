//! The second wall: row-level security, checked against the catalogue and by trying to get past it.

use domain::access::Scope;
use domain::id::SupplierId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};
use store::tx::APP_ROLE;
use store::{Clock, Store, orders, timeline};

use crate::scene::{MORNING, Scene, accept_all, late, program, snapshot};

/// Tables without a supplier or plant column that still hold what not everybody may see.
const SENSITIVE: &[&str] = &[
    "supplier",
    "plant",
    "item",
    "person",
    "person_role",
    "session",
    "access_token",
    "submission",
    "draft",
    "connection",
    "connection_reader",
    "feed",
    "link",
    "arrival",
    "event",
    "audit_entry",
    "subject",
];

/// Tables that the application may not touch at all, so that no policy is needed.
async fn tables_without_a_wall(owner: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select c.relname::text
         from pg_class c
         join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
         where c.relkind in ('r', 'p') and not c.relispartition
           and (c.relname = any ($1)
                or exists (select from pg_attribute a where a.attrelid = c.oid and not a.attisdropped
                           and a.attname in ('supplier_id', 'plant_id', 'person_id')))
           and not (c.relrowsecurity and c.relforcerowsecurity
                    and exists (select from pg_policy p where p.polrelid = c.oid))
         order by 1",
    )
    .bind(SENSITIVE.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    .fetch_all(owner)
    .await
    .expect("the catalogue")
}

#[sqlx::test(migrations = "../../migrations")]
async fn every_table_with_somebodys_data_has_a_forced_policy(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    assert_eq!(tables_without_a_wall(&scene.owner).await, Vec::<String>::new());
    let known: Vec<String> = sqlx::query_scalar("select relname::text from pg_class where relname = any ($1)")
        .bind(SENSITIVE.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        .fetch_all(&scene.owner)
        .await
        .expect("the catalogue");
    assert_eq!(known.len(), SENSITIVE.len(), "the list names tables that exist");

    // And the check itself notices a gap.
    sqlx::query("create table forgotten (supplier_id uuid)").execute(&scene.owner).await.expect("a table");
    sqlx::query("alter table delivery no force row level security").execute(&scene.owner).await.expect("a gap");
    assert_eq!(tables_without_a_wall(&scene.owner).await, ["delivery", "forgotten"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn every_table_the_application_can_reach_has_a_forced_policy(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let open: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
         where c.relkind in ('r', 'p', 'v', 'm', 'f')
           and has_table_privilege($1, c.oid, 'select, insert, update, delete, truncate, references, trigger')
           and not (c.relrowsecurity and c.relforcerowsecurity)",
    )
    .bind(APP_ROLE)
    .fetch_all(&scene.owner)
    .await
    .expect("the catalogue");
    assert_eq!(open, Vec::<String>::new());
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_application_owns_nothing_bypasses_nothing_and_reaches_no_partition(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let (superuser, bypass, create): (bool, bool, bool) =
        sqlx::query_as("select rolsuper, rolbypassrls, rolcreaterole or rolcreatedb from pg_roles where rolname = $1")
            .bind(APP_ROLE)
            .fetch_one(&scene.owner)
            .await
            .expect("the role");
    assert_eq!((superuser, bypass, create), (false, false, false));
    let owned = "select count(*) from pg_class where relowner = 'interlock_app'::regrole";
    assert_eq!(scene.count(owned).await, 0);
    let owned = "select count(*) from pg_proc where proowner = 'interlock_app'::regrole";
    assert_eq!(scene.count(owned).await, 0);
    let member = "select count(*) from pg_auth_members where member = 'interlock_app'::regrole";
    assert_eq!(scene.count(member).await, 0, "it is no member of a mightier role");
    let partitions = "select count(*) from pg_inherits where inhparent = 'event'::regclass";
    assert!(scene.count(partitions).await > 0);
    let granted = "select count(*) from pg_inherits
                   where inhparent = 'event'::regclass
                     and has_table_privilege('interlock_app', inhrelid, 'select, insert, update, delete, truncate')";
    assert_eq!(scene.count(granted).await, 0, "a partition has no policy of its own");
    let changes = "select count(*) from pg_class
                   where relname in ('event', 'audit_entry', 'confirmation', 'confirmation_answer', 'commitment', 'attempt')
                     and has_table_privilege('interlock_app', oid, 'update, delete, truncate')";
    assert_eq!(scene.count(changes).await, 0, "history is only ever added to");
    let definer = "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                   where n.nspname = 'public' and p.prosecdef and p.proname <> 'ensure_event_partitions'";
    assert_eq!(scene.count(definer).await, 0, "a function with its owner's rights is a door in the wall");
}

/// A connection of the application's role with a scope set as a transaction would set it, for the intruder's own SQL.
async fn rows(pool: &PgPool, settings: &str, sql: &str) -> Result<u64, sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(settings.to_owned())).execute(&mut *tx).await?;
    let affected = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await?.rows_affected();
    tx.rollback().await?;
    Ok(affected)
}

async fn reachable(owner: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
         where c.relkind in ('r', 'p') and has_table_privilege($1, c.oid, 'select') order by 1",
    )
    .bind(APP_ROLE)
    .fetch_all(owner)
    .await
    .expect("the catalogue")
}

async fn furnished(pool: PgPoolOptions, options: PgConnectOptions) -> (Scene, PgPool) {
    let app = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options.clone().options([("role", APP_ROLE)]))
        .await
        .expect("the application connects");
    let scene = Scene::new(pool, options).await;
    for (number, supplier) in [("4500001", "A"), ("4500002", "B")] {
        scene.mirror(&snapshot(number, supplier)).await;
        let id = if supplier == "A" { scene.a } else { scene.b };
        for command in [accept_all, late] {
            let record = scene.order(number).await;
            let mut tx = scene.begin(scene.supplier(id)).await;
            orders::confirm(&mut tx, number, &command(&record)).await.expect("taken");
            tx.commit().await.expect("a commit");
        }
        crate::ship_notices::ship_something(&scene, number, id).await;
        crate::quality::furnish(&scene, id).await;
        papers(&scene, id).await;
    }
    // An item that nobody ordered is the house's own business.
    sqlx::raw_sql("insert into item (item_id, number, description, base_unit, created_at) values (gen_random_uuid(), 'SECRET', 'x', 'PCE', now())")
        .execute(&scene.owner)
        .await
        .expect("an item");
    // A delivery with a failed try for each promise, as the worker would write them.
    sqlx::raw_sql(
        "insert into delivery (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version,
                               state, attempts, next_attempt_at, created_at, plant_id, supplier_id)
         select gen_random_uuid(), home_connection_id, position, event_id, subject_kind, subject_id, subject_version,
                'retrying', 1, at, at, plant_id, supplier_id
         from event where kind = 'order.promise_made';
         insert into attempt (delivery_id, number, at, duration_ms, fault_class, fault_message, plant_id, supplier_id)
         select delivery_id, 1, created_at, 5, 'temporary', 'locked', plant_id, supplier_id from delivery;",
    )
    .execute(&scene.owner)
    .await
    .expect("deliveries");
    (scene, app)
}

/// A certificate with its file, a waiver, a case, and the key of a machine.
async fn papers(scene: &Scene, supplier: SupplierId) {
    let sql = format!(
        "with i as (select item_id, number from item where number = '4711'),
         d as (insert into document (document_id, sha256, name, media_type, size, supplier_id, uploaded_by, uploaded_at)
             values (gen_random_uuid(), repeat('0', 64), 'a.pdf', 'application/pdf', 5, '{supplier}', '{{}}', now()) returning document_id),
         c as (insert into certificate (certificate_id, number, kind, per, status, supplier_id, item_id, item_number, issuer, issued_on,
                                        submitted_by, submitted_at)
             select gen_random_uuid(), 'Z', 'en_3_1', 'lot', 'submitted', '{supplier}', item_id, number, 'x', now(), '{{}}', now() from i
             returning *),
         l as (insert into certificate_lot (certificate_id, item_id, lot, supplier_id) select certificate_id, item_id, 'H', supplier_id from c),
         f as (insert into certificate_document (certificate_id, document_id, supplier_id)
             select certificate_id, document_id, supplier_id from c, d),
         w as (insert into certificate_waiver (waiver_id, item_id, kind, reason, waived_by, waived_at, supplier_id, plant_id)
             select gen_random_uuid(), item_id, 'coc', 'x', '{{}}', now(), supplier_id, '{plant}' from c),
         n as (insert into certificate_requirement (requirement_id, item_id, supplier_id, kind, per, created_by, created_at)
             select gen_random_uuid(), item_id, supplier_id, 'coc', 'delivery', '{{}}', now() from c),
         r as (select receipt_id from receipt where supplier_id = '{supplier}' limit 1),
         k as (insert into difference_case (case_id, number, receipt_id, state, lines, opened_at, supplier_id, plant_id)
             select gen_random_uuid(), gen_random_uuid()::text, receipt_id, 'open', '[]', now(), '{supplier}', '{plant}' from r returning *),
         e as (insert into difference_entry (case_id, number, at, actor, side, note, supplier_id, plant_id)
             select case_id, 1, now(), '{{}}', 'supplier', 'x', supplier_id, plant_id from k),
         s as (insert into specification (specification_id, item_id, version, valid_from, characteristics, created_by, created_at)
             select gen_random_uuid(), item_id, 1, now(), '[]', '{{}}', now() from i
             on conflict do nothing)
         insert into api_key (api_key_id, machine_id, prefix, key_hash, name, rights, supplier_id, created_at, created_by, expires_at)
         values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid()::text, 'x', 'x', '{{}}', '{supplier}', now(), 'x', now())",
        plant = scene.plant
    );
    sqlx::query(AssertSqlSafe(sql)).execute(&scene.owner).await.expect("papers");
}

#[sqlx::test(migrations = "../../migrations")]
async fn without_a_scope_nothing_is_seen_or_written(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, app) = furnished(pool, options).await;
    let tables = reachable(&scene.owner).await;
    assert!(tables.len() > 20, "{tables:?}");
    let unset = "select 1";
    let empty = "set local interlock.scope = ''; set local interlock.suppliers = ''; set local interlock.plants = ''; set local interlock.person = ''";
    let nobody = "set local interlock.scope = 'suppliers'; set local interlock.suppliers = ''";
    for table in &tables {
        for settings in [unset, empty] {
            let seen = rows(&app, settings, &format!("select * from {table}")).await.expect("asked");
            assert_eq!(seen, 0, "{table} under {settings:?}");
        }
        let seen = rows(&app, nobody, &format!("select * from {table}")).await.expect("asked");
        assert!(seen == 0 || ["plant", "subject"].contains(&table.as_str()), "{table} for a supplier of nobody");
    }
    for sql in [
        "insert into supplier (supplier_id, number, name, created_at) values (gen_random_uuid(), 'X', 'X', now())",
        "insert into subject (subject_id, kind) values (gen_random_uuid(), 'order')",
        "insert into audit_entry (at, actor, action, object_kind, object_id, correlation_id)
         values (now(), '{}', 'x', 'x', 'x', gen_random_uuid())",
    ] {
        for settings in [unset, empty] {
            let error = rows(&app, settings, sql).await.expect_err("refused");
            assert!(error.to_string().contains("row-level security"), "{error}");
        }
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_supplier_sees_and_changes_the_own_rows_only_whatever_the_sql(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (scene, app) = furnished(pool, options).await;
    let as_a = format!("set local interlock.scope = 'suppliers'; set local interlock.suppliers = '{}'", scene.a);
    let with_supplier: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'supplier_id'
         where c.relkind in ('r', 'p') and not c.relispartition order by 1",
    )
    .fetch_all(&scene.owner)
    .await
    .expect("the catalogue");
    for table in &with_supplier {
        let foreign = format!("select * from {table} where supplier_id = '{}'", scene.b);
        assert_eq!(rows(&app, &as_a, &foreign).await.expect("asked"), 0, "{table}");
        // There was something to find: the test is not about empty tables.
        let there: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "select count(*) from {table} where supplier_id = '{}'",
            scene.b
        )))
        .fetch_one(&scene.owner)
        .await
        .expect("a count");
        assert!(there > 0 || table == "person_supplier", "{table} has no row of B");
    }
    // A supplier sees how the items are handled that he has orders for, and no others.
    let items = "select * from item i where not exists (select from order_line l where l.item_id = i.item_id)";
    assert_eq!(rows(&app, &as_a, items).await.expect("asked"), 0);
    assert!(rows(&app, &as_a, "select * from item").await.expect("asked") > 0);
    for table in ["arrival", "link", "connection", "connection_reader", "feed", "person", "session", "audit_entry"] {
        assert_eq!(rows(&app, &as_a, &format!("select * from {table}")).await.expect("asked"), 0, "{table}");
    }
    // Writes into B's rows find none; writes of rows for B are refused.
    for sql in [
        "update purchase_order set buyer = 'A was here'",
        "update schedule_line set quantity = 1",
        "update order_line set price = 1",
    ] {
        let all: u64 = rows(&app, &as_a, sql).await.expect("asked");
        let own = rows(&app, &as_a, &format!("{sql} where supplier_id = '{}'", scene.a)).await.expect("asked");
        assert_eq!(all, own, "{sql}");
        assert!(own > 0, "{sql}");
    }
    for sql in [
        format!("update purchase_order set supplier_id = '{}'", scene.b),
        format!("update schedule_line set supplier_id = '{}'", scene.b),
        format!(
            "insert into event (event_id, kind, version, subject_kind, subject_id, subject_version, supplier_id, correlation_id, actor, at, data)
             values (gen_random_uuid(), 'order.opened', 1, 'order', gen_random_uuid(), 1, '{}', gen_random_uuid(), '{{}}', now(), '{{}}')",
            scene.b
        ),
        "update supplier set may_change_price = true".to_owned(),
        "update plant set tolerances = '{}'".to_owned(),
        "update delivery set state = 'skipped', next_attempt_at = null, finished_at = now(), reason = 'x', decided_by = 'x'".to_owned(),
    ] {
        let error = rows(&app, &as_a, &sql).await.expect_err("refused");
        assert!(error.to_string().contains("row-level security"), "{sql}: {error}");
    }
    for sql in [
        "update event set data = '{}'",
        "delete from audit_entry",
        "truncate event",
        "set role postgres",
        "delete from purchase_order",
    ] {
        assert!(rows(&app, &as_a, sql).await.is_err(), "{sql}");
    }
    let partition: String = sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'event'::regclass limit 1",
    )
    .fetch_one(&scene.owner)
    .await
    .expect("a partition");
    let error = rows(&app, &as_a, &format!("select * from {partition}")).await.expect_err("refused");
    assert!(error.to_string().contains("permission denied"), "{error}");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_plant_sees_its_own_rows_and_no_raw_messages(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, app) = furnished(pool, options).await;
    let own = format!("set local interlock.scope = 'plants'; set local interlock.plants = '{}'", scene.plant);
    let foreign =
        format!("set local interlock.scope = 'plants'; set local interlock.plants = '{}'", scene.store.new_id());
    for table in ["purchase_order", "schedule_line", "event", "delivery", "attempt", "confirmation"] {
        assert!(rows(&app, &own, &format!("select * from {table}")).await.expect("asked") > 0, "{table}");
        assert_eq!(rows(&app, &foreign, &format!("select * from {table}")).await.expect("asked"), 0, "{table}");
    }
    for table in ["arrival", "link", "audit_entry", "session", "access_token"] {
        assert_eq!(rows(&app, &own, &format!("select * from {table}")).await.expect("asked"), 0, "{table}");
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_stores_own_functions_show_a_supplier_nothing_foreign(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, _app) = furnished(pool, options).await;
    let foreign = scene.order("4500002").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    assert!(orders::get(&mut tx, "4500002").await.is_err());
    assert!(timeline::of_subject(&mut tx, foreign.order.order_id.0).await.expect("asked").is_empty());
    let correlation: uuid::Uuid = sqlx::query_scalar("select correlation_id from event where supplier_id = $1 limit 1")
        .bind(scene.b.0)
        .fetch_one(&scene.owner)
        .await
        .expect("an event of B");
    assert!(timeline::of_correlation(&mut tx, correlation.into()).await.expect("asked").is_empty());
    let filter = store::order_list::Filter { suppliers: vec!["B".to_owned()], ..Default::default() };
    assert_eq!(store::order_list::count(&mut tx, &filter).await.expect("asked"), 0);
    let own = timeline::of_subject(&mut tx, scene.order("4500001").await.order.order_id.0).await.expect("asked");
    assert!(own.iter().any(|entry| !entry.deliveries.is_empty()), "the own trips are there");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_scope_ends_with_its_transaction_and_never_meets_the_next_user_of_the_connection(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options.clone()).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    // One connection only, so that everybody gets the same one.
    let one = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options.options([("role", APP_ROLE)]))
        .await
        .expect("the application connects");
    let store = Store::on(one.clone(), Clock::standing_at(MORNING.parse().expect("a time")));
    let seen = || async {
        sqlx::query_scalar::<_, i64>("select count(*) from purchase_order").fetch_one(&one).await.expect("a count")
    };
    let settings = || async {
        sqlx::query_scalar::<_, String>(
            "select concat_ws(',', nullif(current_setting('interlock.scope', true), ''), nullif(current_setting('interlock.suppliers', true), ''),
                                   nullif(current_setting('interlock.plants', true), ''), nullif(current_setting('interlock.person', true), ''))",
        )
        .fetch_one(&one)
        .await
        .expect("the settings")
    };
    for end in ["commit", "rollback", "error", "read"] {
        let mut tx = match end {
            "read" => store.read(program(&store)).await.expect("a transaction"),
            _ => store.begin(scene.supplier(scene.a)).await.expect("a transaction"),
        };
        assert_eq!(orders::get(&mut tx, "4500001").await.expect("it is there").order.lines.len(), 2);
        match end {
            "commit" => tx.commit().await.expect("a commit"),
            "error" => {
                // A statement that fails, as a broken query in production would.
                let broken = store::audit::Entry {
                    action: "x\0",
                    object_kind: "x",
                    object_id: String::new(),
                    before: None,
                    after: None,
                    reason: None,
                    plant_id: None,
                    supplier_id: None,
                };
                store::audit::append(&mut tx, broken).await.expect_err("a text that cannot be stored");
                drop(tx);
            }
            _ => drop(tx),
        }
        assert_eq!(settings().await, "", "after {end}");
        assert_eq!(seen().await, 0, "after {end}");
    }
    let nobody = store::Who { scope: Scope::nothing(), ..program(&store) };
    let mut tx = store.begin(nobody).await.expect("a transaction");
    assert!(orders::get(&mut tx, "4500001").await.is_err());
}
