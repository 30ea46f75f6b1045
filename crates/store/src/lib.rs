//! What is remembered. The only room that names sqlx.
//!
//! Everything happens inside a [`Tx`]: a transaction that carries who acts, what he may see and one `now`. A command
//! function is four steps and reads like it: load for update, decide (in `domain`), save, append; it takes `&mut Tx` and
//! never begins or commits. Row-level security repeats the scope below every query, see `migrations/`.

pub mod agreements;
pub mod api_keys;
pub mod arrivals;
pub mod audit;
pub mod audit_list;
pub mod availability;
pub mod certificate_list;
pub mod certificates;
pub mod clock;
pub mod connections;
pub mod control_tower;
pub mod coverage;
pub mod deliveries;
pub mod differences;
pub mod documents;
pub mod drafts;
pub mod error;
pub mod events;
pub mod exchange_list;
pub mod feeds;
pub mod files;
pub mod fitness;
pub mod holds;
pub mod inbound;
pub mod inspection_plans;
pub mod inspections;
pub mod lot_facts;
pub mod lot_list;
mod lot_receiving;
pub mod lots;
pub mod news;
pub mod order_list;
mod order_rows;
pub mod orders;
pub mod paging;
pub mod passwords;
pub mod people;
pub mod perform;
pub mod posting_list;
pub mod postings;
pub mod production;
mod receipt_counting;
mod receipt_mirror;
pub mod receipt_photos;
mod receipt_place;
mod receipt_rows;
pub mod receipts;
pub mod reference;
pub mod release_check;
pub mod retention;
pub mod search;
pub mod sessions;
pub mod ship_notice_facts;
pub mod ship_notice_list;
mod ship_notice_reads;
mod ship_notice_rows;
pub mod ship_notices;
pub mod signal;
pub mod specifications;
mod ssccs;
pub mod stray_documents;
mod submissions;
pub mod timeline;
pub mod trace;
pub mod tx;
pub mod work_order_list;
pub mod work_orders;

pub use clock::Clock;
pub use error::{CommandError, StoreError};
pub use tx::{Request, Store, Tx, Who};

/// The migrations, for the command `migrate` and for tests.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");
