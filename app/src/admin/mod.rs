//! `/people`, `/keys` and `/audit`: who may come in, what for, with which keys machines call, and who changed what. Pages are made on the
//! server only.

#[cfg(feature = "ssr")]
mod audit;
#[cfg(feature = "ssr")]
mod keys;
#[cfg(feature = "ssr")]
mod people;
#[cfg(feature = "ssr")]
mod person;
#[cfg(feature = "ssr")]
mod person_form;

use leptos::prelude::*;

/// `/people`
#[component]
pub fn PeoplePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        people::page()
    }
}

/// `/people/new`
#[component]
pub fn InvitePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        person_form::invite_page()
    }
}

/// `/people/:id`
#[component]
pub fn PersonPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        person::page()
    }
}

/// `/people/:id/edit`
#[component]
pub fn EditPersonPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        person_form::edit_page()
    }
}

/// `/audit`
#[component]
pub fn AuditPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        audit::page()
    }
}

/// `/keys`
#[component]
pub fn KeysPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        keys::page()
    }
}
