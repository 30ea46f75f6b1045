//! The rules of the domain, told by its public doors only: snapshots of the ERP, answers and decisions go in, events come
//! out. Tables where the rule is a table, random walks where it is "never" or "always".

mod confirmation;
mod decision;
mod events;
mod foreign_certificates;
mod gs1;
mod orders;
mod receipts;
mod revision;
mod shipments;
mod typed;
mod usability;
mod walk;
