//! Whole stories, from the ERP through the portal and back: real PostgreSQL, the simulated ERP, the real loops, and a clock
//! that stands until a test moves it.
//!
//! ```text
//!   simulated ERP ──poll──► collect ─► apply ─► orders ──answer──► event log ─► deliver ──POST──► simulated ERP
//!        ▲ faults, its book                                                                           │
//!        └──────────────────────────── finish(): both sides agree, nothing is left over ──────────────┘
//! ```
//!
//! A [`scenario::house::Scenario`] must be finished: its end compares what the portal promised with what the ERP accepted,
//! and fails for every event, delivery or message that is left over and was not named as expected. Dropping one unfinished
//! is a failure too, so that no test passes by forgetting to look.
//!
//! `races` asks the store alone: two transactions at a time, in the sequences that matter.

mod scenario {
    pub mod house;
    pub mod owners;
    pub mod production;
    pub mod races;
    pub mod trouble;
    pub mod way;
}
