//! What the throw-away database holds: orders of 30 suppliers, three lines each, as months of work would have left them:
//! half promised and told to the ERP, a third open, some with the buyer, some declined.

use std::str::FromStr as _;

use domain::access::Role;
use domain::command::{PlantSnapshot, SupplierSnapshot};
use domain::exchange::Stage;
use reqwest::header::{CONTENT_TYPE, REFERER, SET_COOKIE};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections::{self, Configured, Takes};
use store::passwords::Passwords;
use store::people::{self, NewPerson};
use store::{Clock, Store, Who, reference};

use crate::Outcomes;
use crate::load::client;
use crate::program::Program;

const EMAIL: &str = "ines@brennholt.example";
const PASSWORD: &str = "plum anvil harbour sixteen";
const SUPPLIERS: i32 = 30;

/// Past all policies.
pub async fn owner(database: &str) -> Outcomes<PgPool> {
    Ok(PgPoolOptions::new().max_connections(2).connect_with(PgConnectOptions::from_str(database)?).await?)
}

/// Suppliers, a plant, an ERP, and Ines of the first supplier; gives her cookie.
pub async fn sign_in(program: &Program) -> Outcomes<String> {
    let store = Store::connect(&program.database, 2, Clock::system()).await?;
    let mut tx = store.begin(Who::program("bench", store.new_correlation())).await?;
    let mut suppliers = Vec::new();
    for number in 0..SUPPLIERS {
        let supplier = SupplierSnapshot { number: (100_234 + number).to_string(), name: format!("Supplier {number}") };
        suppliers.push(reference::mirror_supplier(&mut tx, &supplier).await?);
    }
    reference::mirror_plant(&mut tx, &PlantSnapshot { code: "DE10".to_owned(), name: "Lindau".to_owned() }).await?;
    let configured = Configured {
        name: "ERP".to_owned(),
        plant_id: None,
        takes: Takes::Own,
        stage: Stage::Test,
        settings: serde_json::json!({ "base_url": "http://127.0.0.1:9", "api_key": "env:INTERLOCK_SECRET_ERP" }),
        in_flight_limit: 8,
    };
    connections::add(&mut tx, "rest", &configured, &["orders"]).await?;
    let ines = NewPerson {
        email: EMAIL.to_owned(),
        name: "Ines Kolbe".to_owned(),
        roles: vec![Role::Supplier],
        suppliers: suppliers.into_iter().take(1).collect(),
        plants: Vec::new(),
    };
    let person = people::add(&mut tx, &ines).await?;
    let hash = Passwords::new(1)?.hash(PASSWORD.to_owned()).await?;
    people::save_password(&mut tx, person, &hash).await?;
    tx.commit().await?;
    store.close().await;

    let answer = client()?
        .post(format!("{}/do/sign-in", program.address))
        .header("sec-fetch-site", "same-origin")
        .header(REFERER, format!("{}/sign-in", program.address))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("email={}&password={}&next=/orders", EMAIL.replace('@', "%40"), PASSWORD.replace(' ', "+")))
        .send()
        .await?;
    let status = answer.status();
    answer
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned))
        .find(|cookie| cookie.starts_with("interlock="))
        .ok_or_else(|| format!("nobody was signed in: {status}").into())
}

/// Orders number `from` up to `to`, with their lines, events and deliveries.
pub async fn fill(owner: &PgPool, from: i64, to: i64) -> Outcomes<()> {
    for statement in [ITEM, ORDERS, LINES, SCHEDULES, SUBJECTS, PUBLISHED, PROMISED, TOLD] {
        sqlx::query(statement).bind(from).bind(to).execute(owner).await?;
    }
    sqlx::raw_sql("analyze").execute(owner).await?;
    sqlx::raw_sql("checkpoint").execute(owner).await?;
    Ok(())
}

/// The number of one of Ines' orders.
pub async fn order_of_brennholt(owner: &PgPool) -> Outcomes<String> {
    let number = sqlx::query_scalar(
        "select o.number from purchase_order o join supplier s using (supplier_id) where s.number = '100234' order by o.number limit 1",
    );
    Ok(number.fetch_one(owner).await?)
}

/// Switches every policy on or off; in this database only, and only here.
pub async fn row_level_security(owner: &PgPool, on: bool) -> Outcomes<()> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_policy p on p.polrelid = c.oid group by c.relname",
    )
    .fetch_all(owner)
    .await?;
    let how = if on { "enable" } else { "disable" };
    for table in tables {
        let change = format!("alter table \"{table}\" {how} row level security");
        sqlx::raw_sql(sqlx::AssertSqlSafe(change)).execute(owner).await?;
    }
    Ok(())
}

const ITEM: &str = "
    insert into item (item_id, number, description, base_unit, created_at)
    select md5('item')::uuid, '4711', 'Pressure plate', 'PCE', now() where $1 < $2
    on conflict do nothing";
const ORDERS: &str = "
    insert into purchase_order (order_id, connection_id, number, revision, their_version, supplier_id, plant_id, buyer, currency, status, published_at)
    select md5('order' || i)::uuid, c.connection_id, (4500000000 + i)::text, 1, 1, s.supplier_id, p.plant_id, 'Bea', 'EUR', 'open',
           now() - make_interval(mins => i::integer)
    from generate_series($1, $2 - 1) i
    join supplier s on s.number = (100234 + i % 30)::text
    cross join plant p
    cross join connection c";
const LINES: &str = "
    insert into order_line (order_line_id, order_id, number, item_id, item_number, description, unit, price, supplier_id, plant_id)
    select md5('line' || i || '/' || j)::uuid, o.order_id, lpad((j * 10)::text, 4, '0'), md5('item')::uuid, (4711 + (i * 3 + j) % 500)::text,
           'Pressure plate ' || (i * 3 + j) % 500, 'PCE', 12.5, o.supplier_id, o.plant_id
    from generate_series($1, $2 - 1) i
    cross join generate_series(1, 3) j
    join purchase_order o on o.order_id = md5('order' || i)::uuid";
const SCHEDULES: &str = "
    insert into schedule_line (schedule_line_id, order_line_id, order_id, number, quantity, requested_on, state, version, first_promise,
                               promise, proposal, first_confirmed_on, last_confirmed_on, promised, in_review_since, promise_event_id,
                               supplier_id, plant_id)
    select md5('schedule' || i || '/' || j)::uuid, l.order_line_id, l.order_id, 1, 100, n.day, n.state, 2, n.promise, n.promise, n.proposal,
           case when n.promise is not null then n.day end, case when n.promise is not null then n.day end,
           case when n.promise is not null then 100 end, case when n.proposal is not null then now() end,
           case when n.promise is not null then md5('promise' || i || '/' || j)::uuid end, l.supplier_id, l.plant_id
    from generate_series($1, $2 - 1) i
    cross join generate_series(1, 3) j
    join order_line l on l.order_line_id = md5('line' || i || '/' || j)::uuid
    cross join lateral (
      select current_date + (i % 180)::integer as day,
             case when (i + j) % 10 < 5 then 'accepted' when (i + j) % 10 < 8 then 'published' when (i + j) % 10 = 8 then 'in_review' else 'declined' end as state,
             case when (i + j) % 10 < 5 then jsonb_build_array(jsonb_build_object('quantity', '100', 'deliver_on', current_date + (i % 180)::integer)) end as promise,
             case when (i + j) % 10 = 8 then jsonb_build_object('confirmation_id', gen_random_uuid(), 'kind', 'change', 'commitments',
               jsonb_build_array(jsonb_build_object('quantity', '100', 'deliver_on', current_date + (i % 180 + 9)::integer)),
               'reason', 'capacity', 'note', null, 'deviations', '[]'::jsonb, 'by', null, 'at', now()) end as proposal
    ) n";
const SUBJECTS: &str = "
    insert into subject (subject_id, kind, version)
    select md5('order' || i)::uuid, 'order', 4 from generate_series($1, $2 - 1) i";
const PUBLISHED: &str = "
    insert into event (event_id, kind, version, subject_kind, subject_id, subject_version, plant_id, supplier_id, home_connection_id,
                       correlation_id, actor, at, data)
    select gen_random_uuid(), 'order.published', 1, 'order', o.order_id, 1, o.plant_id, o.supplier_id, o.connection_id, gen_random_uuid(),
           '{\"is\": \"loop\", \"name\": \"bench\"}', o.published_at,
           jsonb_build_object('kind', 'order.published', 'order', o.number, 'revision', 1, 'lines', 3)
    from generate_series($1, $2 - 1) i
    join purchase_order o on o.order_id = md5('order' || i)::uuid";
const PROMISED: &str = "
    insert into event (event_id, kind, version, subject_kind, subject_id, subject_version, plant_id, supplier_id, home_connection_id,
                       correlation_id, actor, at, data)
    select md5('promise' || i || '/' || j)::uuid, 'order.promise_made', 1, 'order', o.order_id, 1 + j, o.plant_id, o.supplier_id,
           o.connection_id, gen_random_uuid(), '{\"is\": \"loop\", \"name\": \"bench\"}', o.published_at,
           jsonb_build_object('kind', 'order.promise_made', 'order', o.number, 'revision', 1, 'lines',
             jsonb_build_array(jsonb_build_object('schedule_line_id', s.schedule_line_id, 'line', lpad((j * 10)::text, 4, '0'), 'schedule', 1,
               'item', '4711', 'unit', 'PCE', 'requested', '100', 'requested_on', s.requested_on, 'price', null, 'commitments', s.promise)))
    from generate_series($1, $2 - 1) i
    cross join generate_series(1, 3) j
    join purchase_order o on o.order_id = md5('order' || i)::uuid
    join schedule_line s on s.schedule_line_id = md5('schedule' || i || '/' || j)::uuid and s.promise is not null";
const TOLD: &str = "
    insert into delivery (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version, state, attempts,
                          their_ref, finished_at, duration_ms, created_at, plant_id, supplier_id)
    select gen_random_uuid(), e.home_connection_id, e.position, e.event_id, e.subject_kind, e.subject_id, e.subject_version, 'delivered', 1,
           (5000000 + e.position)::text, now(), 12, now(), e.plant_id, e.supplier_id
    from generate_series($1, $2 - 1) i
    cross join generate_series(1, 3) j
    join event e on e.event_id = md5('promise' || i || '/' || j)::uuid";
