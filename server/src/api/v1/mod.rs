//! The first version. Machines with keys come in through [`call::admit`]; pushed messages prove themselves by their
//! connector, see [`arrivals`].

pub mod arrivals;
pub mod call;
pub mod certificates;
pub mod orders;
pub mod problem;
pub mod receipts;
pub mod ship_notices;
pub mod stock;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use store::Store;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use self::call::Desk;
use super::Entry;
use crate::intake::Intake;

/// Pushed messages.
pub fn pushed() -> Router<Entry> {
    Router::new().route("/arrivals/{connection}", post(arrivals::take))
}

/// For machines with keys, with what the code says of itself.
pub fn keyed(store: Store, intake: Intake) -> (Router, OpenApi) {
    let desk = Desk::new(store, intake);
    let (router, openapi) = described().split_for_parts();
    // On each route and not on what is not found: an address that does not exist asks nobody for a key.
    (router.route_layer(from_fn_with_state(desk.clone(), call::admit)).with_state(desk), openapi)
}

fn described() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .merge(orders::router())
        .merge(ship_notices::router())
        .merge(certificates::router())
        .merge(receipts::router())
        .merge(stock::router())
}
