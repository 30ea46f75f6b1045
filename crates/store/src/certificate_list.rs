//! Lists of certificates, within the scope, cut by key.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::certificate::{CertificateKind, CertificatePer, CertificateStatus};
use domain::id::CertificateId;
use uuid::Uuid;

use crate::error::StoreError;
use crate::orders::read_word;
use crate::tx::Tx;

/// Standing certificates are watched for so many days before they end.
pub const EXPIRY_WATCH_DAYS: i64 = 60;

/// Which certificates, in the words of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// Handed in, not decided.
    Submitted,
    /// Turned away and not replaced.
    Rejected,
    /// Taken.
    Accepted,
    /// Standing ones that end soon or have ended, and none that lasts longer is there.
    Expiring,
    /// All.
    All,
}

impl View {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 5] = [Self::Submitted, Self::Rejected, Self::Expiring, Self::Accepted, Self::All];

    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Rejected => "rejected",
            Self::Accepted => "accepted",
            Self::Expiring => "expiring",
            Self::All => "all",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == word)
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The view; none for all.
    pub view: Option<View>,
    /// One item, by number.
    pub item: Option<String>,
    /// One supplier, by number.
    pub supplier: Option<String>,
    /// Number of the certificate or a lot, from its beginning.
    pub text: Option<String>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub certificate_id: CertificateId,
    /// Its number.
    pub number: String,
    /// Its type.
    pub kind: CertificateKind,
    /// What it covers.
    pub per: CertificatePer,
    /// Where it stands.
    pub status: CertificateStatus,
    /// The item's number.
    pub item: String,
    /// What the item is called.
    pub description: String,
    /// The supplier's name.
    pub supplier: String,
    /// Its lots, at most twenty.
    pub lots: Vec<String>,
    /// Its delivery.
    pub delivery_note: Option<String>,
    /// When it was issued.
    pub issued_on: NaiveDate,
    /// Last day on which it counts.
    pub valid_until: Option<NaiveDate>,
    /// How many differences the check found.
    pub differences: usize,
    /// How many files.
    pub documents: i64,
    /// When it was handed in.
    pub submitted_at: DateTime<Utc>,
}

/// The place behind a row.
pub type Place = (DateTime<Utc>, Uuid);

/// Certificates, the newest first; the expiring ones too, because few are expected.
pub async fn page(tx: &mut Tx, filter: &Filter, after: Option<Place>, most: i64) -> Result<Vec<Row>, StoreError> {
    let (text, watch) = (pattern(filter), watched_until(tx));
    let view = filter.view.unwrap_or(View::All).as_str();
    let rows = sqlx::query!(
        r#"
        select c.certificate_id, c.number, c.kind, c.per, c.status, c.item_number, i.description, s.name as supplier_name,
               c.delivery_note, c.issued_on, c.valid_until, jsonb_array_length(c.findings) as "differences!", c.submitted_at,
               coalesce((select array_agg(l.lot) from (select lot from certificate_lot where certificate_id = c.certificate_id order by lot limit 20) as l), '{}') as "lots!: Vec<String>",
               (select count(*) from certificate_document d where d.certificate_id = c.certificate_id) as "documents!"
        from certificate c
        join item i using (item_id)
        join supplier s using (supplier_id)
        where case $1
                when 'all' then true
                when 'expiring' then c.per = 'standing' and c.status = 'accepted' and c.valid_until <= $2
                     and not exists (select from certificate n where n.supplier_id = c.supplier_id and n.item_id = c.item_id
                                     and n.kind = c.kind and n.per = 'standing' and n.status = 'accepted' and n.valid_until > $2)
                else c.status = $1 end
          and ($3::text is null or c.item_number = $3)
          and ($4::text is null or s.number = $4)
          and ($5::text is null or c.number ilike $5
               or exists (select from certificate_lot l where l.certificate_id = c.certificate_id and l.lot ilike $5))
          and ($6::timestamptz is null or (c.submitted_at, c.certificate_id) < ($6, $7))
        order by c.submitted_at desc, c.certificate_id desc
        limit $8
        "#,
        view,
        watch,
        filter.item,
        filter.supplier,
        text,
        after.map(|place| place.0),
        after.map_or(Uuid::nil(), |place| place.1),
        most
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Row {
                certificate_id: CertificateId(row.certificate_id),
                number: row.number,
                kind: read_word("certificate kind", &row.kind)?,
                per: read_word("certificate scope", &row.per)?,
                status: read_word("certificate status", &row.status)?,
                item: row.item_number,
                description: row.description,
                supplier: row.supplier_name,
                lots: row.lots,
                delivery_note: row.delivery_note,
                issued_on: row.issued_on,
                valid_until: row.valid_until,
                differences: usize::try_from(row.differences).unwrap_or_default(),
                documents: row.documents,
                submitted_at: row.submitted_at,
            })
        })
        .collect()
}

fn watched_until(tx: &Tx) -> NaiveDate {
    (tx.now() + TimeDelta::days(EXPIRY_WATCH_DAYS)).date_naive()
}

fn pattern(filter: &Filter) -> Option<String> {
    let text = filter.text.as_deref()?;
    Some(format!("{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")))
}

/// How many stand in each view, for the tabs; each at most ten thousand and one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed in, not decided.
    pub submitted: i64,
    /// Turned away and not replaced.
    pub rejected: i64,
    /// End soon or have ended.
    pub expiring: i64,
    /// Taken.
    pub accepted: i64,
}

impl Counts {
    /// Of one view; none where nobody counts.
    pub const fn of(&self, view: View) -> Option<i64> {
        match view {
            View::Submitted => Some(self.submitted),
            View::Rejected => Some(self.rejected),
            View::Expiring => Some(self.expiring),
            View::Accepted => Some(self.accepted),
            View::All => None,
        }
    }
}

/// Counts the views.
pub async fn counts(tx: &mut Tx) -> Result<Counts, StoreError> {
    let watch = watched_until(tx);
    let row = sqlx::query!(
        r#"
        select
          (select count(*) from (select from certificate where status = 'submitted' limit 10001) as one) as "submitted!",
          (select count(*) from (select from certificate where status = 'rejected' limit 10001) as two) as "rejected!",
          (select count(*) from (select from certificate where status = 'accepted' limit 10001) as three) as "accepted!",
          (select count(*) from (
             select from certificate c
             where c.per = 'standing' and c.status = 'accepted' and c.valid_until <= $1
               and not exists (select from certificate n where n.supplier_id = c.supplier_id and n.item_id = c.item_id
                               and n.kind = c.kind and n.per = 'standing' and n.status = 'accepted' and n.valid_until > $1)
             limit 10001) as four) as "expiring!"
        "#,
        watch
    )
    .fetch_one(tx.sql())
    .await?;
    Ok(Counts { submitted: row.submitted, rejected: row.rejected, expiring: row.expiring, accepted: row.accepted })
}
