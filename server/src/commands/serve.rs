//! `interlock serve`: the portal, with the work that happens after commit unless told otherwise.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use app::access::sign_in::{DEMO_PASSWORD, DEMO_PEOPLE};
use store::Store;
use store::people::{self, LinkPurpose};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{LINK_LASTS, ServeArguments, by_command, connect, fit, migrate, passwords, stop_asked};
use crate::config::Config;
use crate::demo_life::Life;
use crate::live::Live;
use crate::router::router;
use crate::state::State;
use crate::{demo, loops};

/// What is under way gets this long once a stop was asked for.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn serve(arguments: &ServeArguments, config: &Config, url: &str) -> anyhow::Result<()> {
    if !arguments.no_migrate {
        migrate(url).await?;
    }
    fit(url).await?;
    let store = connect(config, url).await?;
    // Kept until the end: the simulated systems stop when they are dropped.
    let mut simulated = None;
    if arguments.demo {
        demo::load(&store, &passwords()?).await?;
        simulated = Some(Arc::new(demo::simulate(&store, config, arguments.alive).await?));
    }
    let state = State::new(config, store.clone(), arguments.demo)?;
    let serving = Serving::open(config, &state).await?;
    let loops = loops::start(&store, config, !arguments.no_work)?;
    let address = config.public_url.clone().unwrap_or_else(|| format!("http://{}", serving.address));
    if !arguments.demo {
        offer_set_up(&store, &address).await?;
    }
    let life = (arguments.demo && arguments.alive).then(|| Life::start(store.clone()));
    let floor = simulated.as_ref().filter(|_| arguments.alive).map(|demo| demo.work(&store, serving.address));
    announce(&address, arguments.demo);

    stop_asked().await;
    println!("Stopping …");
    if let Some(life) = life {
        life.stop().await;
    }
    if let Some(floor) = floor {
        floor.abort();
    }
    serving.close().await;
    loops.stop().await;
    drop(simulated);
    store.close().await;
    Ok(())
}

/// Doors that are open.
#[derive(Debug)]
pub struct Serving {
    /// Where they listen.
    pub address: SocketAddr,
    stop: CancellationToken,
    live: Live,
    doors: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Opens the doors.
    pub async fn open(config: &Config, state: &State) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!("cannot listen on {}: is another one running? Choose another port with --listen", config.listen)
        })?;
        let address = listener.local_addr().context("ask for the port")?;
        let stop = CancellationToken::new();
        let service = router(state, config.lifetimes).into_make_service_with_connect_info::<SocketAddr>();
        let doors = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
        Ok(Self { address, stop, live: state.live.clone(), doors: tokio::spawn(doors.into_future()) })
    }

    /// Closes them; what is under way is finished, if it is quick.
    pub async fn close(self) {
        self.stop.cancel();
        // Lines to open pages never end by themselves.
        self.live.stop();
        if tokio::time::timeout(PATIENCE, self.doors).await.is_err() {
            tracing::warn!("Some requests were still under way and were given up");
        }
    }
}

/// On the first start nobody could sign in: a link makes the first administrator.
async fn offer_set_up(store: &Store, address: &str) -> anyhow::Result<()> {
    let mut tx = store.begin(by_command(store, "set-up")).await?;
    if people::nobody_administers(&mut tx).await? {
        let token = people::issue_link(&mut tx, LinkPurpose::SetUp, None, LINK_LASTS).await?;
        tx.commit().await?;
        // The one secret that is logged on purpose: it works once, for a day, until there is an administrator.
        tracing::warn!(
            "Nobody can administer yet. Open this link to become the first administrator: {address}/set-up/{token}"
        );
    }
    Ok(())
}

fn announce(address: &str, demo: bool) {
    println!("\nInterlock {} is ready: {address}\n", env!("CARGO_PKG_VERSION"));
    if demo {
        println!("Demo log-ins, the password of all is {DEMO_PASSWORD}:");
        for person in DEMO_PEOPLE {
            println!("  {:<18} {:<26} {}", person.role, person.email, person.who);
        }
        println!();
    }
    println!("Ctrl-C stops it.");
}
