//! What the doors hold: made once at the start, shared by every request.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use app::access::throttle::Throttle;
use app::access::{DoorSettings, Doors};
use app::request::House;
use axum::extract::FromRef;
use chrono::TimeDelta;
use leptos::config::LeptosOptions;
use store::Store;
use store::passwords::Passwords;
use tokio_util::sync::CancellationToken;

use worker::systems::Systems;

use crate::config::Config;
use crate::intake::Intake;
use crate::live::Live;
use crate::loops;
use crate::scanner::Scanner;
use crate::storage;
use crate::uploads::Uploads;

/// Everything a request may need.
#[derive(Clone)]
pub struct State {
    /// For pages.
    pub house: House,
    /// Where leptos finds its files.
    pub leptos: LeptosOptions,
    /// What the doors themselves need.
    pub gate: Arc<Gate>,
    /// The connectors, for messages that are pushed to us.
    pub systems: Arc<Systems>,
    /// Where documents go.
    pub uploads: Uploads,
    /// Tells open pages what is new.
    pub live: Live,
}

/// Limits and trust.
#[derive(Debug)]
pub struct Gate {
    /// Browsers come over HTTPS.
    pub secure: bool,
    /// Scheme and host that browsers see, where it is configured.
    pub public_url: Option<String>,
    /// Whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Requests per address.
    pub per_address: Option<Throttle>,
}

impl State {
    /// From the configuration. `demo`: offer the demo log-ins. Starts the reader behind [`Live`], so it takes a runtime.
    ///
    /// # Errors
    /// If the system has no randomness to give, or documents cannot be kept where they should be.
    pub fn new(config: &Config, store: Store, demo: bool) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let passwords =
            Passwords::new(cores).map_err(|error| anyhow::anyhow!("passwords cannot be hashed: {error}"))?;
        let settings = DoorSettings {
            demo,
            organisation: config.organisation.clone(),
            help: config.help_email.clone(),
            secure: config.secure(),
        };
        let per_address = config.requests_per_second.map(|rate| {
            let rate = i32::try_from(rate).unwrap_or(i32::MAX);
            Throttle::new(rate.saturating_mul(4), TimeDelta::seconds(1) / rate)
        });
        let live = Live::start(store.clone(), CancellationToken::new());
        Ok(Self {
            house: House { store, doors: Arc::new(Doors::new(settings, passwords)) },
            leptos: leptos_options(&config.site_root),
            gate: Arc::new(Gate {
                secure: config.secure(),
                public_url: config.public_url.clone(),
                trusted_proxies: config.trusted_proxies.clone(),
                per_address,
            }),
            systems: Arc::new(Systems::new(Arc::new(loops::secrets(config)))),
            uploads: uploads(config)?,
            live,
        })
    }
}

/// The storage of documents, and what is asked of a file before it gets there.
fn uploads(config: &Config) -> anyhow::Result<Uploads> {
    let files = storage::open(config).context("documents cannot be kept")?;
    let temporary = config.data_dir.join("uploads");
    std::fs::create_dir_all(&temporary).with_context(|| format!("make {}", temporary.display()))?;
    let intake = Intake::new(files, config.virus_scanner.clone().map(Scanner), config.files_quota);
    Ok(Uploads::new(intake, temporary))
}

/// leptos reads the hashes of its files from `hash.txt` beside the program; a test binary has none and links plain names.
fn leptos_options(site_root: &Path) -> LeptosOptions {
    let program = std::env::current_exe().ok();
    let hashed = program.as_deref().and_then(Path::parent).is_some_and(|directory| directory.join("hash.txt").exists());
    LeptosOptions::builder()
        .output_name("interlock")
        .site_root(site_root.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .hash_files(hashed)
        .build()
}

impl FromRef<State> for LeptosOptions {
    fn from_ref(state: &State) -> Self {
        state.leptos.clone()
    }
}
