//! What is true. The rules of orders, promises and exchange, with no I/O, no clock and no randomness, so that the same
//! rule runs in the browser while somebody types, on the server when he sends, and in a test.
//!
//! Map: reference data that the ERP owns ([`item`], [`supplier`], [`plant`]) · the order and its unit of promise, the
//! schedule line ([`order`]) · who may promise what and when ([`negotiation`], [`confirmation`], [`decision`], [`tolerance`], [`refusal`]) · what a
//! new revision from the ERP does to promises already made ([`revision`]) · what is shipped ([`shipment`]), proved
//! ([`certificate`]), labelled ([`gs1`]), received ([`receipt`]) and may be used ([`lot`], [`hold`]) · what is made of it
//! ([`work_order`], [`production`]) · what can be asked for ([`command`]) and what
//! happened ([`event`]) · the words of the exchange with other systems ([`exchange`]) · who is acting ([`access`]).
//!
//! Commands come in, events go out; there is no third vocabulary. Rules are plain functions that take the order, the
//! command and `now`, and give either events or a [`refusal::Refusal`] written for a person to read.

pub mod access;
pub mod calendar;
pub mod certificate;
pub mod command;
pub mod confirmation;
pub mod conversion;
pub mod decision;
pub mod document;
pub mod event;
pub mod exchange;
pub mod gs1;
pub mod hold;
pub mod id;
pub mod inspection;
pub mod item;
pub mod lot;
pub mod negotiation;
pub mod order;
pub mod plant;
pub mod production;
pub mod quantity;
pub mod receipt;
pub mod refusal;
pub mod revision;
pub mod shipment;
pub mod supplier;
pub mod text;
pub mod tolerance;
pub mod work_order;

pub use chrono::{DateTime, NaiveDate, Utc};
pub use rust_decimal::Decimal;

/// An instant, always UTC. Shown to people in a named zone, see [`calendar`].
pub type Timestamp = DateTime<Utc>;
