//! The store against a real PostgreSQL: one database per test, made from the migrations. One binary, so that it links once.

mod api_keys;
mod arrivals;
mod certificates;
mod connections;
mod dockyard;
mod exchange_list;
mod isolation;
mod one_rule;
mod orders;
mod people;
mod production;
mod quality;
mod receipt_photos;
mod receipts;
mod retention;
mod revisions;
mod scene;
mod search;
mod serials_at_once;
mod ship_notices;
mod stray_documents;
mod timeline;
