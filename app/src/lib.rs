//! What people see. Pages are rendered by the server and every action is a plain form, so that everything works before or
//! without WebAssembly; islands wake only where they make it better.
//!
//! One page is one file, in the folder that its address begins with: route parameters, view, forms, then its server
//! functions. A new page is one line in [`App`].
//!
//! A page loads with an async function and shows one of two faces, see [`loaded`].

pub mod access;
#[cfg(feature = "ssr")]
pub mod address;
pub mod admin;
pub mod certificates;
pub mod deviations;
pub mod differences;
pub mod error;
pub mod exchange;
pub mod form;
pub mod home;
pub mod inbound;
pub mod orders;
#[cfg(feature = "ssr")]
pub mod page;
pub mod production;
pub mod quality;
pub mod receipts;
#[cfg(feature = "ssr")]
pub mod request;
pub mod search;
pub mod shell;
pub mod shipments;
pub mod ui;
#[cfg(feature = "ssr")]
pub mod uploads;
pub mod viewer;

use std::future::Future;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::{ParamSegment, SsrMode, StaticSegment};

use crate::access::links::{PasswordPage, SetUpPage};
use crate::access::profile::ProfilePage;
use crate::access::sign_in::SignInPage;
use crate::admin::{AuditPage, EditPersonPage, InvitePage, KeysPage, PeoplePage, PersonPage};
use crate::certificates::{
    CertificatePage, CertificatesPage, NewCertificatePage, SpecificationPage, SpecificationsPage, WaiveCertificatePage,
};
use crate::deviations::{CounterPage, DeviationsPage, RejectPage};
use crate::differences::{DifferencePage, DifferencesPage};
use crate::error::{AppError, ErrorPage};
use crate::exchange::{
    ArrivalPage, ArrivalsPage, ConnectionPage, ConnectionsPage, DeliveriesPage, DeliveryPage, EditConnectionPage,
    NewConnectionPage,
};
use crate::home::HomePage;
use crate::inbound::{InboundPage, ReceiveOrderPage, ReceivePage};
use crate::orders::{ConfirmAllPage, ConfirmPage, OrderPage, OrdersPage, TimelinePage};
use crate::production::{PostingPage, PostingsPage, WorkOrderPage, WorkOrdersPage};
use crate::quality::{
    HoldPage, HoldPoliciesPage, HoldPolicyPage, HoldsPage, InspectionPage, InspectionPlanPage, InspectionPlansPage,
    InspectionsPage, LotPage, NewHoldPage, NewInspectionPlanPage, ReleaseHoldPage, StockPage, TracePage, TracesPage,
};
use crate::receipts::ReceiptPage;
use crate::search::SearchPage;
pub use crate::shell::shell;
use crate::shipments::{
    CancelShipmentPage, NewShipmentPage, PackingSlipPage, ShipOrderPage, ShipmentLinesPage, ShipmentPackingPage,
    ShipmentPage, ShipmentReviewPage, ShipmentTransportPage, ShipmentsPage, TellMilestonePage,
};

/// The routes. Every page waits for its data before the first byte, so that status and headers are true.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=|| view! { <main class="sign-in" id="main"><ErrorPage error=AppError::NotFound { what: "This page".to_owned() }/></main> }>
                <Route path=StaticSegment("") view=HomePage ssr=SsrMode::Async/>
                <Route path=StaticSegment("home") view=HomePage ssr=SsrMode::Async/>
                <Route path=StaticSegment("sign-in") view=SignInPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("password"), ParamSegment("token")) view=PasswordPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("set-up"), ParamSegment("token")) view=SetUpPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("profile") view=ProfilePage ssr=SsrMode::Async/>
                <Route path=StaticSegment("orders") view=OrdersPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("orders"), ParamSegment("po")) view=OrderPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("orders"), ParamSegment("po"), StaticSegment("confirm")) view=ConfirmPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("orders"), ParamSegment("po"), StaticSegment("confirm"), StaticSegment("all")) view=ConfirmAllPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("orders"), ParamSegment("po"), StaticSegment("ship")) view=ShipOrderPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("shipments") view=ShipmentsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), StaticSegment("new")) view=NewShipmentPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), StaticSegment("new"), ParamSegment("draft"), StaticSegment("lines")) view=ShipmentLinesPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), StaticSegment("new"), ParamSegment("draft"), StaticSegment("packing")) view=ShipmentPackingPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), StaticSegment("new"), ParamSegment("draft"), StaticSegment("transport")) view=ShipmentTransportPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), StaticSegment("new"), ParamSegment("draft"), StaticSegment("review")) view=ShipmentReviewPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), ParamSegment("number")) view=ShipmentPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), ParamSegment("number"), StaticSegment("cancel")) view=CancelShipmentPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), ParamSegment("number"), StaticSegment("tell")) view=TellMilestonePage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("timeline"), ParamSegment("correlation")) view=TimelinePage ssr=SsrMode::Async/>
                <Route path=StaticSegment("connections") view=ConnectionsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("connections"), StaticSegment("new")) view=NewConnectionPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("connections"), ParamSegment("id")) view=ConnectionPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("connections"), ParamSegment("id"), StaticSegment("edit")) view=EditConnectionPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("deliveries") view=DeliveriesPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("deliveries"), ParamSegment("id")) view=DeliveryPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("arrivals") view=ArrivalsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("arrivals"), ParamSegment("id")) view=ArrivalPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("deviations") view=DeviationsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("deviations"), StaticSegment("reject")) view=RejectPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("deviations"), StaticSegment("counter")) view=CounterPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("certificates") view=CertificatesPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("certificates"), StaticSegment("new")) view=NewCertificatePage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("certificates"), StaticSegment("waive")) view=WaiveCertificatePage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("certificates"), ParamSegment("id")) view=CertificatePage ssr=SsrMode::Async/>
                <Route path=StaticSegment("specifications") view=SpecificationsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("specifications"), ParamSegment("item")) view=SpecificationPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("inbound") view=InboundPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("inbound"), StaticSegment("orders"), ParamSegment("po")) view=ReceiveOrderPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("inbound"), ParamSegment("notice")) view=ReceivePage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("receipts"), ParamSegment("number")) view=ReceiptPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("differences") view=DifferencesPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("differences"), ParamSegment("number")) view=DifferencePage ssr=SsrMode::Async/>
                <Route path=StaticSegment("people") view=PeoplePage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("people"), StaticSegment("new")) view=InvitePage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("people"), ParamSegment("id")) view=PersonPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("people"), ParamSegment("id"), StaticSegment("edit")) view=EditPersonPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("shipments"), ParamSegment("number"), StaticSegment("print"), StaticSegment("slip")) view=PackingSlipPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("keys") view=KeysPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("audit") view=AuditPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("inspections") view=InspectionsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("inspections"), ParamSegment("id")) view=InspectionPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("lots"), ParamSegment("id")) view=LotPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("quality"), StaticSegment("plans")) view=InspectionPlansPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("quality"), StaticSegment("plans"), StaticSegment("new")) view=NewInspectionPlanPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("quality"), StaticSegment("plans"), ParamSegment("id")) view=InspectionPlanPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("quality"), StaticSegment("policies")) view=HoldPoliciesPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("quality"), StaticSegment("policies"), ParamSegment("plant"), ParamSegment("reason")) view=HoldPolicyPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("holds") view=HoldsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("holds"), StaticSegment("new")) view=NewHoldPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("holds"), ParamSegment("number")) view=HoldPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("holds"), ParamSegment("number"), StaticSegment("release")) view=ReleaseHoldPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("trace") view=TracesPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("trace"), ParamSegment("kind"), ParamSegment("id")) view=TracePage ssr=SsrMode::Async/>
                <Route path=StaticSegment("stock") view=StockPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("production") view=WorkOrdersPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("production"), ParamSegment("id")) view=WorkOrderPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("postings") view=PostingsPage ssr=SsrMode::Async/>
                <Route path=(StaticSegment("postings"), ParamSegment("id")) view=PostingPage ssr=SsrMode::Async/>
                <Route path=StaticSegment("search") view=SearchPage ssr=SsrMode::Async/>
            </Routes>
        </Router>
    }
}

/// A view that needs data: waits for it, then shows it, or the error page with its status.
pub fn loaded<T, V>(
    load: impl Future<Output = Result<T, AppError>> + Send + 'static,
    show: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    V: IntoView + 'static,
{
    // Without a Suspense around it the page itself waits, which is what `SsrMode::Async` is for.
    Suspend::new(async move {
        match load.await {
            Ok(data) => show(data).into_any(),
            Err(error) => instead(error).await,
        }
    })
}

/// The error page in place of a page: in its frame for somebody signed in, so that the way on is at hand; by itself for a
/// stranger, and where the frame cannot be loaded either.
async fn instead(error: AppError) -> AnyView {
    #[cfg(feature = "ssr")]
    if error != AppError::NotSignedIn
        && let Ok(mut tx) = request::reader().await
        && let Ok(around) = page::Around::load(&mut tx).await
    {
        return around.frame(error.title(), view! { <ErrorPage error=error/> });
    }
    view! { <main class="sign-in" id="main"><ErrorPage error=error/></main> }.into_any()
}
