//! The peer: an axum handler that asks the database what the page asks, in the same transactions, and writes the answer
//! down as a plain table. No frame, no layers, no session that could be written.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Html;
use axum::routing::get;
use domain::access::Actor;
use store::order_list::{Filter, LineRow, Page};
use store::sessions::{self, SignedIn};
use store::{Clock, CommandError, Store, Tx, Who, control_tower, order_list, orders, timeline};

use crate::Outcomes;

/// As many as the program has by default.
const POOL: u32 = 16;
/// Lines on the page, and one more to know whether there are more.
const SIZE: i64 = 51;

pub async fn serve(url: &str) -> Outcomes<()> {
    let store = Store::connect(url, POOL, Clock::system()).await?;
    let router = Router::new().route("/orders", get(list)).route("/orders/{number}", get(order)).with_state(store);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("bare: http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

type Answer = Result<Html<String>, (StatusCode, String)>;

fn failed(error: impl std::error::Error) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

/// The session by its cookie, then a transaction within the person's scope.
async fn begin(store: &Store, headers: &HeaderMap) -> Result<Tx, (StatusCode, String)> {
    let cookies = headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    let cookie = cookies.split_once("interlock=").map_or("", |(_, value)| value);
    let mut tx = store.read(Who::program("sessions", store.new_correlation())).await.map_err(failed)?;
    let session = sessions::get(&mut tx, cookie).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let person = session.and_then(|session| session.person).ok_or((StatusCode::UNAUTHORIZED, String::new()))?;
    store.read(who(store, person)).await.map_err(failed)
}

fn who(store: &Store, person: SignedIn) -> Who {
    let actor = Actor::Person { person_id: person.person_id, name: person.name, roles: person.roles };
    Who { actor, scope: person.scope, correlation: store.new_correlation(), address: None }
}

async fn list(State(store): State<Store>, headers: HeaderMap) -> Answer {
    let mut tx = begin(&store, &headers).await?;
    let waiting = control_tower::waiting(&mut tx).await.map_err(failed)?;
    let page = Page { size: SIZE, ..Page::default() };
    let rows = order_list::page(&mut tx, &Filter::default(), &page).await.map_err(failed)?;
    Ok(Html(format!("<h1>{} lines</h1><table>{}</table>", waiting.lines, table(&rows))))
}

async fn order(State(store): State<Store>, headers: HeaderMap, Path(number): Path<String>) -> Answer {
    let mut tx = begin(&store, &headers).await?;
    control_tower::waiting(&mut tx).await.map_err(failed)?;
    let record = orders::get(&mut tx, &number).await.map_err(|error: CommandError| failed(error))?;
    let history = timeline::of_subject(&mut tx, record.order.order_id.0).await.map_err(failed)?;
    let filter = Filter { text: Some(number.clone()), ..Filter::default() };
    let rows = order_list::page(&mut tx, &filter, &Page { size: 500, ..Page::default() }).await.map_err(failed)?;
    let mut text = format!("<h1>{number}</h1><table>{}</table><ul>", table(&rows));
    for entry in &history {
        let _ = write!(text, "<li>{entry:?}</li>");
    }
    text.push_str("</ul>");
    Ok(Html(text))
}

fn table(rows: &[LineRow]) -> String {
    let mut text = String::with_capacity(rows.len() * 300);
    for row in rows {
        let _ = write!(
            text,
            "<tr><td>{} / {}</td><td>{}</td><td>{} {}</td><td>{} {}</td><td>{}</td><td>{:?}</td><td>{:?}</td><td>{}</td></tr>",
            row.order,
            row.line,
            row.supplier.1,
            row.item,
            row.description,
            row.quantity,
            row.unit.code(),
            row.requested_on,
            row.first_confirmed_on,
            row.last_confirmed_on,
            row.state,
        );
    }
    text
}
