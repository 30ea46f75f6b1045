//! A simulated ERP that speaks the protocol of `docs/rest-protocol.md`; in another [`Role`], a simulated warehouse system:
//! the same program without orders, whose inbound deliveries are receiving tasks.
//!
//! Two faces on one address: the protocol below `/`, and `/_control`, where a test or a person issues orders, sets faults
//! and looks at what was accepted. Inside a test the same is at hand as methods of [`RunningErp`].

mod book;
mod control;
mod doors;
mod faults;
mod inbound;
mod life;
pub mod material;
pub mod production;
mod stock;
mod wire;
mod yard;

#[cfg(test)]
mod inbound_tests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Body;
use chrono::{DateTime, NaiveDate, Utc};
use domain::lot::StockStatus;
use domain::order::OrderStatus;
use domain::shipment::Milestone;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;
use tracing::{info, warn};

use book::Book;
pub use faults::{Door, Fault, Loss, Numbered, Rule};
use material::Seen;
pub use material::{Count, Expected, Figure, OwnReceipt, Taken};
pub use production::WorkOrder;
pub use wire::{Accepted, Change, Confirmation, ConfirmedLine, Item, Line, Order, Part, Plant, Schedule, Supplier};

use crate::Clock;

/// How many requests are remembered for looking at.
const REQUESTS: usize = 10_000;

/// What is simulated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// An ERP, with orders and the book of stock.
    #[default]
    Erp,
    /// A warehouse system, with receiving tasks.
    Wms,
    /// A shop-floor system, with work orders.
    Mes,
}

impl Role {
    /// What it calls itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Erp => "Simulated ERP",
            Self::Wms => "Simulated warehouse",
            Self::Mes => "Simulated shop floor",
        }
    }
}

/// Stock that is there at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningStock {
    /// Where.
    pub plant: String,
    /// What.
    pub item: String,
    /// Of the quantity.
    pub unit: String,
    /// Which lot.
    pub lot: Option<String>,
    /// In which status.
    pub status: StockStatus,
    /// Where it lies.
    pub location: Option<String>,
    /// How much.
    pub quantity: Decimal,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// How to start one.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is simulated.
    pub role: Role,
    /// Where to listen; loopback only. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// What callers must send as `Authorization: Bearer …`.
    pub api_key: String,
    /// Where to keep orders and accepted confirmations; none: in memory.
    pub state: Option<PathBuf>,
    /// Orders to begin with, where the state has none yet.
    pub orders: Vec<Order>,
    /// Work orders to begin with, where the state has none yet.
    pub work_orders: Vec<WorkOrder>,
    /// Stock to begin with, where the state has none yet.
    pub stock: Vec<OpeningStock>,
    /// It moves by itself: one step of one shipment in each of these times. None: only what a caller does.
    pub alive: Option<std::time::Duration>,
    /// Chooses who is struck by a fault with `percent`, and the new sequence of `reorder`.
    pub seed: u64,
    /// Its time.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            role: Role::Erp,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: "simulated-key".to_owned(),
            state: None,
            orders: Vec::new(),
            work_orders: Vec::new(),
            stock: Vec::new(),
            alive: None,
            seed: 1,
            clock: Clock::system(),
        }
    }
}

/// A request that came through one of the protocol's doors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// Which door.
    pub door: Door,
    /// Its key, where it had one.
    pub idempotency_key: Option<String>,
    /// The document it is about: the order of a confirmation, the ship notice of a delivery …
    pub order: Option<String>,
    /// What went wrong with it.
    pub faults: Vec<Fault>,
}

/// What the doors share.
#[derive(Debug, Clone)]
struct Erp {
    role: Role,
    api_key: Arc<str>,
    clock: Clock,
    book: Arc<Mutex<Book>>,
    faults: Arc<Mutex<faults::Faults>>,
    requests: Arc<Mutex<VecDeque<Request>>>,
    calmed: Arc<Notify>,
}

/// A lock whose holder panicked still guards whole values: each change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Erp {
    fn book(&self) -> MutexGuard<'_, Book> {
        locked(&self.book)
    }

    fn faults(&self) -> MutexGuard<'_, faults::Faults> {
        locked(&self.faults)
    }

    fn note(&self, request: Request) {
        let mut requests = locked(&self.requests);
        if requests.len() == REQUESTS {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    fn requests(&self) -> Vec<Request> {
        locked(&self.requests).iter().cloned().collect()
    }

    fn calm(&self) {
        self.faults().clear();
        self.calmed.notify_waiters();
    }
}

/// The simulated ERP, to be started.
#[derive(Debug)]
pub struct SimulatedErp;

impl SimulatedErp {
    /// Starts one; it runs until the result is dropped.
    pub async fn start(settings: Settings) -> anyhow::Result<RunningErp> {
        if !settings.listen.ip().is_loopback() {
            bail!("a simulator listens on this machine only, e.g. on 127.0.0.1:0, not on {}", settings.listen);
        }
        let mut book = match &settings.state {
            Some(path) => Book::open(path)?,
            None => Book::in_memory(),
        };
        if book.orders().next().is_none() {
            for order in settings.orders {
                book.put(order, settings.clock.now())?;
            }
        }
        if book.work_orders().is_empty() {
            for order in settings.work_orders {
                book.put_work_order(order, settings.clock.now())?;
            }
        }
        if book.material().figures().next().is_none() {
            for stock in settings.stock {
                book.open_stock(stock)?;
            }
        }
        let erp = Erp {
            role: settings.role,
            api_key: settings.api_key.into(),
            clock: settings.clock,
            book: Arc::new(Mutex::new(book)),
            faults: Arc::new(Mutex::new(faults::Faults::new(settings.seed))),
            requests: Arc::default(),
            calmed: Arc::default(),
        };
        let (address, listening) = listen(settings.listen, erp.clone()).await?;
        info!(address = %address, role = settings.role.name(), "Simulator: this is not a real system. It listens.");
        let living = settings.alive.map(|pace| tokio::spawn(life::live(erp.clone(), pace, settings.seed)));
        Ok(RunningErp { erp, address, listening: Some(listening), living })
    }
}

async fn listen(address: SocketAddr, erp: Erp) -> anyhow::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    let address = listener.local_addr().context("ask for the port")?;
    let router =
        Router::new().merge(doors::routes()).merge(yard::routes()).nest("/_control", control::routes()).with_state(erp);
    let listening = tokio::spawn(async move {
        // Dropped with this task, and with it every connection.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => { connections.spawn(converse(stream, router.clone())); }
                    Err(error) => {
                        warn!(%error, "Simulator: a connection could not be taken.");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    });
    Ok((address, listening))
}

/// Serves one connection. An answer marked with [`doors::HangUp`] becomes an error here, which is how a connection is broken
/// off without a word.
async fn converse(stream: TcpStream, router: Router) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response = match router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if response.extensions().get::<doors::HangUp>().is_some() {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted));
            }
            Ok(response)
        }
    });
    // An error here is either ours on purpose or a caller who went away.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// A simulated ERP that runs; ends when dropped.
#[derive(Debug)]
pub struct RunningErp {
    erp: Erp,
    address: SocketAddr,
    listening: Option<JoinHandle<()>>,
    living: Option<JoinHandle<()>>,
}

impl RunningErp {
    /// For the setting `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key that callers must send.
    pub fn api_key(&self) -> &str {
        &self.erp.api_key
    }

    /// From now on something goes wrong; gives the rule's number.
    pub fn fault(&self, rule: impl Into<Rule>) -> u64 {
        self.erp.faults().add(rule.into())
    }

    /// Takes one rule away.
    pub fn mend(&self, id: u64) -> bool {
        let mended = self.erp.faults().remove(id);
        self.erp.calmed.notify_waiters();
        mended
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        self.erp.calm();
    }

    /// Everything that took effect, in order.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.erp.book().accepted().to_vec()
    }

    /// The requests that came through the protocol's doors, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.erp.requests()
    }

    /// Issues an order, or replaces the one with its number; gives it as it was kept.
    pub fn publish(&self, order: Order) -> anyhow::Result<Order> {
        self.erp.book().put(order, self.erp.clock.now())
    }

    /// Changes lines of an order.
    pub fn change(&self, number: &str, changes: &[Change]) -> anyhow::Result<Order> {
        self.erp.book().change(number, changes, self.erp.clock.now())
    }

    /// Cancels, closes or opens an order again.
    pub fn set_status(&self, number: &str, status: OrderStatus) -> anyhow::Result<Order> {
        self.erp.book().set_status(number, status, self.erp.clock.now())
    }

    /// One order.
    pub fn order(&self, number: &str) -> Option<Order> {
        self.erp.book().order(number).cloned()
    }

    /// All orders by number.
    pub fn orders(&self) -> Vec<Order> {
        self.erp.book().orders().cloned().collect()
    }

    /// Issues a work order, or replaces the one with its number; gives it as it was kept.
    pub fn plan(&self, order: WorkOrder) -> anyhow::Result<WorkOrder> {
        self.erp.book().put_work_order(order, self.erp.clock.now())
    }

    /// The work orders that it was told of as a shop floor, as they were told, by number.
    pub fn told_work_orders(&self) -> std::collections::BTreeMap<String, serde_json::Value> {
        self.erp.book().material().work_orders().clone()
    }

    /// All work orders by number.
    pub fn work_orders(&self) -> Vec<WorkOrder> {
        self.erp.book().work_orders().values().cloned().collect()
    }

    /// Every message about material that took effect, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.erp.book().material().taken().to_vec()
    }

    /// Ship notices with what became of them; in a warehouse system its receiving tasks.
    pub fn expected(&self) -> Vec<Expected> {
        self.erp.book().material().expected().cloned().collect()
    }

    /// Own receipts, oldest first.
    pub fn receipts(&self) -> Vec<OwnReceipt> {
        self.erp.book().material().receipts().to_vec()
    }

    /// How much there is of an item.
    pub fn stock(&self, plant: &str, item: &str) -> Option<Figure> {
        self.erp.book().material().figure(plant, item, self.erp.clock.now())
    }

    /// Puts something into the stock, as if it had always been there.
    pub fn open_stock(&self, opening: OpeningStock) -> anyhow::Result<()> {
        self.erp.book().open_stock(opening)
    }

    /// Receives a ship notice here, as announced but for what is counted otherwise.
    pub fn receive(&self, notice: &str, counts: &[Count], complete: bool) -> anyhow::Result<OwnReceipt> {
        self.erp.book().receive(self.erp.role, notice, counts, complete, self.erp.clock.now())
    }

    /// Takes an own receipt back.
    pub fn reverse(&self, receipt: &str) -> anyhow::Result<OwnReceipt> {
        self.erp.book().reverse(self.erp.role, receipt, self.erp.clock.now())
    }

    /// Sees a milestone of a ship notice, at the gate or from the carrier.
    pub fn see(&self, notice: &str, milestone: Milestone, arrive_on: Option<NaiveDate>) -> anyhow::Result<()> {
        let now = self.erp.clock.now();
        self.erp.book().see(Seen::now(notice, milestone, arrive_on, now), now)
    }

    /// Pulls the plug: connections break off and new ones are refused. What it knows stays.
    pub async fn unplug(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            // Its port is free only once the task has ended; that it was cancelled is no news.
            let _ = listening.await;
        }
    }

    /// Back on the same address.
    pub async fn plug_in(&mut self) -> anyhow::Result<()> {
        if self.listening.is_none() {
            let (_, listening) = listen(self.address, self.erp.clone()).await?;
            self.listening = Some(listening);
        }
        Ok(())
    }
}

impl Drop for RunningErp {
    fn drop(&mut self) {
        for task in self.listening.iter().chain(&self.living) {
            task.abort();
        }
    }
}
