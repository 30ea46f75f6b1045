//! The demo: people, plants and agreements of the imagined maker of gearboxes *Norvik Antriebe*, a simulated ERP that issues the
//! orders, a simulated warehouse that receives in Lindau, and a simulated shop floor that works there. Orders come the ordinary way in (a connection of kind `rest`, arrivals, commands), and answers go the
//! ordinary way out.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use app::access::sign_in::DEMO_PASSWORD;
use connectors::registry;
use domain::access::Role;
use domain::command::{ItemSnapshot, PlantSnapshot, SupplierSnapshot};
use domain::exchange::Stage;
use domain::quantity::Unit;
use domain::tolerance::{Limit, Outside, Tolerances};
use serde_json::json;
use simulators::floor::Reporting;
use simulators::{RunningErp, Settings, SimulatedErp};
use store::connections::{self, Configured, Takes};
use store::passwords::Passwords;
use store::people::{self, NewPerson};
use store::{Store, Tx, Who, agreements, reference};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::demo_certificates;

/// A simulated system and its connection.
struct Peer {
    /// Name of the connection.
    name: &'static str,
    /// The file, below the directory of secrets, with its key.
    key_file: &'static str,
    /// The kind of connector.
    kind: &'static str,
    /// Its setting `system`, where it has one.
    system: Option<&'static str>,
    plant: Option<&'static str>,
    takes: Takes,
    feeds: &'static [&'static str],
}

const ERP: Peer = Peer {
    name: "Simulated ERP",
    key_file: "simulated-erp",
    kind: "rest",
    system: Some("erp"),
    plant: None,
    takes: Takes::Own,
    feeds: &["orders", "work_orders", "receipts", "milestones", "stock"],
};
const WAREHOUSE: Peer = Peer {
    name: "Simulated warehouse",
    key_file: "simulated-warehouse",
    kind: "rest",
    system: Some("wms"),
    plant: Some("DE10"),
    takes: Takes::All,
    feeds: &["receipts", "milestones"],
};

const FLOOR: Peer = Peer {
    name: "Simulated shop floor",
    key_file: "simulated-floor",
    kind: "mes_http",
    system: None,
    plant: Some("DE10"),
    takes: Takes::All,
    feeds: &[],
};

struct Person {
    email: &'static str,
    name: &'static str,
    role: Role,
    suppliers: &'static [&'static str],
    plants: &'static [&'static str],
}

const fn of_supplier(
    email: &'static str,
    name: &'static str,
    role: Role,
    suppliers: &'static [&'static str],
) -> Person {
    Person { email, name, role, suppliers, plants: &[] }
}

const fn of_house(email: &'static str, name: &'static str, role: Role, plants: &'static [&'static str]) -> Person {
    Person { email, name, role, suppliers: &[], plants }
}

const PLANTS: [(&str, &str); 2] = [("DE10", "Lindau"), ("CZ20", "Brno")];
const SUPPLIERS: [(&str, &str); 2] = [("100234", "Brennholt Präzision"), ("100251", "Wehrle Hydraulik")];

const PEOPLE: [Person; 11] = [
    of_supplier("ines@brennholt.example", "Ines Kolbe", Role::Supplier, &["100234"]),
    of_supplier("rosa@brennholt.example", "Rosa Brennholt", Role::SupplierAdmin, &["100234"]),
    of_supplier("paul@wehrle.example", "Paul Wehrle", Role::Supplier, &["100251"]),
    of_house("marta@norvik.example", "Marta Lindqvist", Role::Buyer, &["DE10", "CZ20"]),
    of_house("jan@norvik.example", "Jan Novák", Role::Buyer, &["CZ20"]),
    of_house("tomasz@norvik.example", "Tomasz Zieliński", Role::QualityEngineer, &["DE10", "CZ20"]),
    of_house("vera@norvik.example", "Vera Kučerová", Role::QualityEngineer, &["DE10", "CZ20"]),
    of_house("clara@norvik.example", "Clara Weiss", Role::ReceivingClerk, &["DE10"]),
    of_house("henrik@norvik.example", "Henrik Brandt", Role::PlantManager, &["DE10"]),
    of_house("priya@norvik.example", "Priya Raman", Role::IntegrationAdmin, &[]),
    of_house("jana@norvik.example", "Jana Nováková", Role::Administrator, &[]),
];

fn who(store: &Store) -> Who {
    Who::program("demo", store.new_correlation())
}

/// Loads people, plants, suppliers and agreements. What is there already stays as it is; done twice it changes nothing.
pub async fn load(store: &Store, passwords: &Passwords) -> anyhow::Result<()> {
    let mut tx = store.begin(who(store)).await?;
    for (number, name) in SUPPLIERS {
        reference::mirror_supplier(&mut tx, &SupplierSnapshot { number: number.to_owned(), name: name.to_owned() })
            .await?;
    }
    for (code, name) in PLANTS {
        let plant =
            reference::mirror_plant(&mut tx, &PlantSnapshot { code: code.to_owned(), name: name.to_owned() }).await?;
        agreements::save_plant_tolerances(&mut tx, plant, &limits()).await?;
    }
    add_people(&mut tx, passwords).await?;
    demo_certificates::load(&mut tx, store.clock().now().date_naive()).await?;
    tx.commit().await?;
    Ok(())
}

/// A day late, three early, five percent short are accepted by rule; dearer goes to the buyer; much more cannot be sent.
fn limits() -> Tolerances {
    let limit = |up_to: i64, outside| Some(Limit { up_to: up_to.into(), outside });
    Tolerances {
        late: limit(1, Outside::Review),
        early: limit(3, Outside::Review),
        short: limit(5, Outside::Review),
        over: limit(5, Outside::Refuse),
        dearer: limit(0, Outside::Review),
    }
}

async fn add_people(tx: &mut Tx, passwords: &Passwords) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for person in &PEOPLE {
        if people::credentials(tx, person.email).await?.is_none() {
            missing.push(person);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    // One hash for all: they share the password, and hashing is slow on purpose.
    let hash = passwords.hash(DEMO_PASSWORD.to_owned()).await?;
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for person in missing {
        let (suppliers, plants) = people::find_memberships(tx, &owned(person.suppliers), &owned(person.plants)).await?;
        let new = NewPerson {
            email: person.email.to_owned(),
            name: person.name.to_owned(),
            roles: vec![person.role],
            suppliers,
            plants,
        };
        let id = people::add(tx, &new).await?;
        people::save_password(tx, id, &hash).await?;
    }
    Ok(())
}

/// The simulated systems; they stop when this is dropped.
#[derive(Debug)]
pub struct Simulated {
    /// Issues the orders and keeps the book of stock.
    pub erp: RunningErp,
    /// Receives in Lindau.
    pub warehouse: RunningErp,
    /// Carries out the work orders of Lindau.
    pub floor: RunningErp,
}

/// Starts the simulated ERP and the simulated warehouse of Lindau on free ports of this machine and points their connections
/// there. They keep what they know in the data directory, so that the next start goes on from here. `alive`: trucks leave and
/// arrive by themselves, and the warehouse receives what they bring.
pub async fn simulate(store: &Store, config: &Config, alive: bool) -> anyhow::Result<Simulated> {
    let now = store.clock().now();
    let pace = |seconds| alive.then(|| Duration::from_secs(seconds));
    let erp = Settings {
        api_key: key(config, ERP.key_file)?,
        state: Some(config.data_dir.join("simulated-erp.json")),
        orders: simulators::demo::orders(now.date_naive()),
        work_orders: simulators::demo::work_orders(now),
        stock: simulators::demo::stock(now),
        alive: pace(45),
        ..Settings::default()
    };
    let warehouse = Settings {
        role: simulators::Role::Wms,
        api_key: key(config, WAREHOUSE.key_file)?,
        state: Some(config.data_dir.join("simulated-warehouse.json")),
        alive: pace(60),
        ..Settings::default()
    };
    let floor = Settings {
        role: simulators::Role::Mes,
        api_key: key(config, FLOOR.key_file)?,
        state: Some(config.data_dir.join("simulated-floor.json")),
        ..Settings::default()
    };
    let erp = SimulatedErp::start(erp).await.context("the simulated ERP did not start")?;
    let warehouse = SimulatedErp::start(warehouse).await.context("the simulated warehouse did not start")?;
    let floor = SimulatedErp::start(floor).await.context("the simulated shop floor did not start")?;
    mirror_items(store, &erp).await.context("the items of the simulated ERP were not loaded")?;
    connect(store, &ERP, &erp).await.context("the connection to the simulated ERP was not saved")?;
    connect(store, &WAREHOUSE, &warehouse).await.context("the connection to the simulated warehouse was not saved")?;
    connect(store, &FLOOR, &floor).await.context("the connection to the simulated shop floor was not saved")?;
    Ok(Simulated { erp, warehouse, floor })
}

impl Simulated {
    /// Lets the shop floor work and report to the portal at this address. Ends when the task is aborted.
    pub fn work(self: &Arc<Self>, store: &Store, address: SocketAddr) -> JoinHandle<()> {
        let reporting = Reporting {
            url: format!("http://{address}/api/v1/arrivals/{}", FLOOR.name.replace(' ', "%20")),
            key: self.floor.api_key().to_owned(),
            pace: Duration::from_secs(30),
            seed: 7,
        };
        let (this, clock) = (Arc::clone(self), store.clock().clone());
        tokio::spawn(async move {
            let clock = simulators::Clock::new(move || clock.now());
            simulators::floor::work(&this.floor, &this.erp, reporting, clock).await;
        })
    }
}

/// The items that the ERP orders: its stock figures may arrive before the first order.
async fn mirror_items(store: &Store, erp: &RunningErp) -> anyhow::Result<()> {
    let orders = erp.orders();
    let items: Vec<ItemSnapshot> = orders
        .iter()
        .flat_map(|order| &order.lines)
        .map(|line| ItemSnapshot {
            number: line.item.number.clone(),
            description: line.item.description.clone(),
            unit: Unit::new(&line.unit),
            revision: line.item.revision.clone(),
            rules: line.item.rules.clone(),
        })
        .collect();
    let mut tx = store.begin(who(store)).await?;
    reference::mirror_items(&mut tx, &items.iter().collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(())
}

/// A system's key, made at the first start, in a file that its connection names.
fn key(config: &Config, file: &str) -> anyhow::Result<String> {
    let directory = config.secrets_dir();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .with_context(|| format!("make {}", directory.display()))?;
    let path = directory.join(file);
    if let Ok(key) = fs::read_to_string(&path) {
        return Ok(key);
    }
    let key = uuid::Uuid::new_v4().simple().to_string();
    let mut options = fs::OpenOptions::new();
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(key.as_bytes()));
    written.with_context(|| format!("write {}", path.display()))?;
    Ok(key)
}

async fn connect(store: &Store, peer: &Peer, running: &RunningErp) -> anyhow::Result<()> {
    let mut settings = json!({ "base_url": running.base_url(), "api_key": format!("file:{}", peer.key_file) });
    match peer.system {
        Some(system) => settings["system"] = json!(system),
        None => {
            // A shop floor is told and reports with one and the same key in the demo.
            settings["plant"] = json!(peer.plant);
            settings["report_key"] = json!(format!("file:{}", peer.key_file));
        }
    }
    let kind = registry::kind(peer.kind).with_context(|| format!("this program has no connector `{}`", peer.kind))?;
    let mut tx = store.begin(who(store)).await?;
    let known =
        connections::list(&mut tx).await?.into_iter().find(|connection| connection.configured.name == peer.name);
    match known {
        None => {
            let plant_id = match peer.plant {
                Some(code) => people::find_memberships(&mut tx, &[], &[code.to_owned()]).await?.1.first().copied(),
                None => None,
            };
            let configured = Configured {
                name: peer.name.to_owned(),
                plant_id,
                takes: peer.takes,
                stage: Stage::Test,
                settings,
                in_flight_limit: 8,
            };
            connections::add(&mut tx, kind.name, &configured, peer.feeds).await?;
        }
        Some(known) if known.configured.settings["base_url"] != settings["base_url"] => {
            let mut configured = known.configured.clone();
            configured.settings["base_url"] = settings["base_url"].clone();
            connections::save(&mut tx, known.connection_id, known.settings_version, &configured).await?;
        }
        Some(_) => {}
    }
    tx.commit().await?;
    Ok(())
}
