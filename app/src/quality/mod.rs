//! `/inspections`, `/lots`, `/holds`, `/trace`, `/stock`, and `/quality` for the rules behind them: whether material may be used, and where it came from and went.
//!
//! Pages are made on the server only. Whether something may be used is asked of the one rule in the domain; no page decides.

#[cfg(feature = "ssr")]
mod fields;
#[cfg(feature = "ssr")]
mod hold;
#[cfg(feature = "ssr")]
pub mod hold_new;
#[cfg(feature = "ssr")]
pub mod hold_release;
#[cfg(feature = "ssr")]
mod holds;
#[cfg(feature = "ssr")]
pub mod inspection;
#[cfg(feature = "ssr")]
mod inspections;
#[cfg(feature = "ssr")]
pub mod lot;
#[cfg(feature = "ssr")]
mod place;
#[cfg(feature = "ssr")]
pub mod plan;
#[cfg(feature = "ssr")]
mod plans;
#[cfg(feature = "ssr")]
mod policies;
#[cfg(feature = "ssr")]
pub mod policy;
#[cfg(feature = "ssr")]
pub mod stock;
#[cfg(feature = "ssr")]
mod trace;
#[cfg(feature = "ssr")]
pub mod words;

use leptos::prelude::*;

/// `/inspections`
#[component]
pub fn InspectionsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        inspections::page()
    }
}

/// `/inspections/:id`
#[component]
pub fn InspectionPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        inspection::page()
    }
}

/// `/lots/:id`
#[component]
pub fn LotPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        lot::page()
    }
}

/// `/holds`
#[component]
pub fn HoldsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        holds::page()
    }
}

/// `/holds/new`
#[component]
pub fn NewHoldPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        hold_new::page()
    }
}

/// `/holds/:number`
#[component]
pub fn HoldPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        hold::page()
    }
}

/// `/holds/:number/release`
#[component]
pub fn ReleaseHoldPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        hold_release::page()
    }
}

/// `/trace`
#[component]
pub fn TracesPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        trace::find_page()
    }
}

/// `/trace/:kind/:id`
#[component]
pub fn TracePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        trace::page()
    }
}

/// `/stock`
#[component]
pub fn StockPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        stock::page()
    }
}

/// `/quality/plans`
#[component]
pub fn InspectionPlansPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        plans::page()
    }
}

/// `/quality/plans/new`
#[component]
pub fn NewInspectionPlanPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        plan::new_page()
    }
}

/// `/quality/plans/:id`
#[component]
pub fn InspectionPlanPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        plan::page()
    }
}

/// `/quality/policies`
#[component]
pub fn HoldPoliciesPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        policies::page()
    }
}

/// `/quality/policies/:plant/:reason`
#[component]
pub fn HoldPolicyPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        policy::page()
    }
}
