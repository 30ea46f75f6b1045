//! Read models for the rail, the homes and the exchange pages. Queries only.

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, may};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::order_list::{self, Bucket};
use crate::tx::Tx;

/// What waits for whom, within the scope; the numbers beside the rail's entries. Each is the count of the list that it
/// links to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Lines that the supplier has to answer.
    pub needs_supplier: i64,
    /// Of these, requested for today or earlier.
    pub overdue: i64,
    /// Lines that the buyer changed.
    pub changed: i64,
    /// Lines that a buyer has to decide.
    pub with_buyer: i64,
    /// Promises that the ERP does not have yet.
    pub not_in_erp: i64,
    /// All lines.
    pub lines: i64,
    /// Since when the oldest deviation waits.
    pub oldest_review: Option<DateTime<Utc>>,
}

/// Counts what waits.
pub async fn waiting(tx: &mut Tx) -> Result<Waiting, StoreError> {
    let [needs_supplier, overdue, changed, with_buyer, not_in_erp, lines] = order_list::counts(
        tx,
        [
            Some(Bucket::NeedsSupplier),
            Some(Bucket::Overdue),
            Some(Bucket::Changed),
            Some(Bucket::WithBuyer),
            Some(Bucket::NotInErp),
            None,
        ],
    )
    .await?;
    let oldest_review = order_list::oldest_review(tx).await?;
    Ok(Waiting { needs_supplier, overdue, changed, with_buyer, not_in_erp, lines, oldest_review })
}

/// What waits with one supplier, for the page of somebody who watches a plant. Each number is the count of the order list
/// filtered by the supplier and the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithSupplier {
    /// Supplier number.
    pub number: String,
    /// Supplier name.
    pub name: String,
    /// Lines that the supplier has to answer.
    pub needs_supplier: i64,
    /// Of these, requested for today or earlier.
    pub overdue: i64,
    /// Lines that a buyer has to decide.
    pub with_buyer: i64,
    /// The earliest requested day that is not answered.
    pub next_due_on: Option<NaiveDate>,
}

/// Suppliers with something that waits, those with overdue lines first, at most `most`.
pub async fn by_supplier(tx: &mut Tx, most: i64) -> Result<Vec<WithSupplier>, StoreError> {
    let now = tx.now();
    Ok(sqlx::query_as!(
        WithSupplier,
        r#"
        select v.number, v.name,
               count(*) filter (where s.state in ('published', 'countered')) as "needs_supplier!",
               count(*) filter (where s.state in ('published', 'countered') and s.requested_on <= ($2::timestamptz at time zone p.zone)::date) as "overdue!",
               count(*) filter (where s.state = 'in_review') as "with_buyer!",
               min(s.requested_on) filter (where s.state in ('published', 'countered')) as next_due_on
        from schedule_line s
        join supplier v using (supplier_id)
        join plant p on p.plant_id = s.plant_id
        where s.state in ('published', 'countered', 'in_review')
        group by v.supplier_id, v.number, v.name
        order by 4 desc, 3 desc, v.name
        limit $1
        "#,
        most,
        now
    )
    .fetch_all(tx.sql())
    .await?)
}

/// What an administrator wants to know about the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// People who may sign in.
    pub people: i64,
    /// People who are disabled.
    pub disabled: i64,
    /// People who have not chosen a password yet.
    pub without_password: i64,
    /// Browsers signed in now.
    pub sessions: i64,
    /// Sign-ins that failed within the last 24 hours.
    pub failed_sign_ins: i64,
    /// The place of the newest event, which is about how many there were.
    pub events: i64,
    /// Size of the database in bytes.
    pub database_bytes: i64,
    /// The database's version.
    pub database: String,
}

/// Facts about the installation.
pub async fn facts(tx: &mut Tx) -> Result<Facts, CommandError> {
    may(tx.actor(), Action::ManagePeople)?;
    let now = tx.now();
    Ok(sqlx::query_as!(
        Facts,
        r#"
        select (select count(*) from person where disabled_at is null) as "people!",
               (select count(*) from person where disabled_at is not null) as "disabled!",
               (select count(*) from person where disabled_at is null and password_hash is null) as "without_password!",
               (select count(*) from session where person_id is not null and expires_at > $1) as "sessions!",
               (select count(*) from (
                   select 1 from audit_entry
                   where action = 'access.sign_in_failed' and at > $1::timestamptz - interval '24 hours'
                   limit 1000
               ) failed) as "failed_sign_ins!",
               (select coalesce(max(position), 0) from event) as "events!",
               pg_database_size(current_database()) as "database_bytes!",
               current_setting('server_version') as "database!"
        "#,
        now
    )
    .fetch_one(tx.sql())
    .await?)
}

/// A supplier or plant one can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its id.
    pub id: Uuid,
    /// Number or code.
    pub number: String,
    /// Name.
    pub name: String,
}

/// The plants within the scope, by code.
pub async fn plants(tx: &mut Tx) -> Result<Vec<Choice>, StoreError> {
    Ok(sqlx::query_as!(Choice, r#"select plant_id as id, code as number, name from plant order by code limit 1000"#)
        .fetch_all(tx.sql())
        .await?)
}

/// The suppliers within the scope, by name.
pub async fn suppliers(tx: &mut Tx) -> Result<Vec<Choice>, StoreError> {
    Ok(sqlx::query_as!(
        Choice,
        r#"select supplier_id as id, number, name from supplier order by name, number limit 5000"#
    )
    .fetch_all(tx.sql())
    .await?)
}
