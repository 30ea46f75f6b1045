//! The design system: pieces of pages in the "Waybill" look, rendered by the server, with no data access.
//!
//! It knows tones, tags, tables and fields, and nothing of orders. Small things are plain functions that return a view
//! ([`tag::tag`], [`time::instant`]); pieces with a body are components ([`frame::Frame`], [`header::PageHeader`]).
//! Markup and class names are those of `style/components.css`; states are `data-*` and `aria-*` attributes, and there is
//! no `style` attribute anywhere because the content security policy forbids it.
//!
//! Everything works without WebAssembly. The islands here reveal what would do nothing without it: the copy buttons
//! ([`copy::CopyIds`]) and the news that a page is no longer the latest ([`live::LivePill`]).

pub mod copy;
pub mod empty;
pub mod events;
pub mod field;
pub mod filter;
pub mod frame;
pub mod header;
pub mod lifecycle;
pub mod live;
pub mod number;
pub mod pager;
#[cfg(feature = "ssr")]
pub mod qr;
pub mod rail;
pub mod sprite;
pub mod table;
pub mod tag;
pub mod time;
pub mod tone;
