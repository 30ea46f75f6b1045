//! One binary, roles as commands.

mod doctor;
mod serve;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand};
use domain::access::Role;
use store::passwords::Passwords;
use store::{Clock, Store, Who};

use crate::config::Config;
use crate::{demo, loops};

pub use serve::Serving;

/// Interlock: supplier portal with control tower.
///
/// Without DATABASE_URL it makes and keeps a private PostgreSQL cluster in its data directory. Every setting can stand in
/// the file (`interlock.toml` or --config), in the environment (INTERLOCK_…) or, where there is one, in a flag; the later
/// wins. `.env.example` lists them all.
#[derive(Debug, Parser)]
#[command(name = "interlock", version, propagate_version = true)]
pub struct Cli {
    /// The configuration file, in TOML.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the private cluster and the demo's files live.
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<String>,
    /// What is logged, e.g. info,store=debug.
    #[arg(long, global = true, value_name = "DIRECTIVES")]
    log_filter: Option<String>,
    /// How log lines look: human or json.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the portal, and do the work that happens after commit.
    Serve(ServeArguments),
    /// Do the work that happens after commit, without the portal; any number of these share it.
    Work,
    /// Apply the migrations that are missing, and stop.
    Migrate,
    /// Load the people, plants and agreements of the demo, and stop.
    Demo,
    /// Add, reset, disable or enable people.
    #[command(subcommand)]
    User(UserCommand),
    /// Check configuration, storage of documents, database, migrations, roles and connections, and say what to do.
    Doctor,
}

/// How to open the portal.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArguments {
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// How browsers reach the portal, e.g. https://portal.company.example.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Open the portal only; `interlock work` runs elsewhere.
    #[arg(long)]
    no_work: bool,
    /// Load the demo's data, start the simulated ERP and warehouse, and offer the demo log-ins. Never for a real installation.
    #[arg(long)]
    demo: bool,
    /// With --demo: the simulated systems move by themselves. Trucks leave and arrive, some late, and the simulated warehouse
    /// receives what they bring.
    #[arg(long, requires = "demo")]
    alive: bool,
    /// Do not apply migrations; refuse to start when one is missing.
    #[arg(long)]
    no_migrate: bool,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a person and print a one-time link to choose a password (valid for 24 hours).
    Add(AddArguments),
    /// Print a one-time link to choose another password; the old one works until then.
    Reset {
        /// Whose.
        email: String,
    },
    /// Keep a person out: sessions and links end at once.
    Disable {
        /// Whom.
        email: String,
        /// Why, for the audit log.
        #[arg(long, default_value = "by command")]
        reason: String,
    },
    /// Let a disabled person in again.
    Enable {
        /// Whom.
        email: String,
    },
}

#[derive(Debug, Args)]
struct AddArguments {
    /// The name to sign in with.
    email: String,
    /// Full name.
    #[arg(long)]
    name: String,
    /// What for; may be given several times: supplier, supplier_admin, buyer, quality_engineer, receiving_clerk,
    /// plant_manager, integration_admin, administrator.
    #[arg(long = "role", required = true, value_name = "ROLE", value_parser = role)]
    roles: Vec<Role>,
    /// Number of a supplier the person belongs to; may be given several times.
    #[arg(long = "supplier", value_name = "NUMBER")]
    suppliers: Vec<String>,
    /// Code of a plant the person works for; may be given several times.
    #[arg(long = "plant", value_name = "CODE")]
    plants: Vec<String>,
}

fn role(word: &str) -> Result<Role, String> {
    word.parse().map_err(|_| {
        let known = Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
        format!("there is no such role. Choose from: {known}")
    })
}

impl Cli {
    /// The settings that were given as flags.
    pub fn flags(&self) -> Vec<(&'static str, String)> {
        let serve = match &self.command {
            Command::Serve(arguments) => arguments.clone(),
            _ => ServeArguments::default(),
        };
        [
            ("data_dir", &self.data_dir),
            ("log_filter", &self.log_filter),
            ("log_format", &self.log_format),
            ("listen", &serve.listen),
            ("public_url", &serve.public_url),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.clone()?)))
        .collect()
    }
}

/// Does what was asked for, with the database at `url`.
pub async fn run(cli: Cli, config: &Config, url: &str) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(arguments) => serve::serve(&arguments, config, url).await?,
        Command::Work => work(config, url).await?,
        Command::Migrate => migrate(url).await?,
        Command::Demo => {
            migrate(url).await?;
            let store = connect(config, url).await?;
            demo::load(&store, &passwords()?).await?;
            println!(
                "The demo's people, plants and agreements are loaded. Its orders come from the simulated ERP: interlock serve --demo"
            );
        }
        Command::User(command) => user::run(command, config, url).await?,
        Command::Doctor => return doctor::run(config, url).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(url: &str) -> anyhow::Result<()> {
    Store::migrate(url).await.context("the migrations were not applied")?;
    tracing::info!("The migrations are applied");
    Ok(())
}

async fn work(config: &Config, url: &str) -> anyhow::Result<()> {
    fit(url).await?;
    let store = connect(config, url).await?;
    let loops = loops::start(&store, config, true)?;
    tracing::info!("Working; Ctrl-C stops");
    stop_asked().await;
    loops.stop().await;
    store.close().await;
    Ok(())
}

/// Refuses a database that cannot be worked with, with all reasons and remedies.
async fn fit(url: &str) -> anyhow::Result<()> {
    let fitness = store::fitness::examine(url).await.context("the database cannot be reached; check DATABASE_URL")?;
    let problems = fitness.problems();
    if problems.is_empty() {
        return Ok(());
    }
    anyhow::bail!("the database cannot be worked with:\n  - {}", problems.join("\n  - "))
}

async fn connect(config: &Config, url: &str) -> anyhow::Result<Store> {
    Store::connect(url, config.database_connections, Clock::system()).await.context("the database cannot be reached")
}

fn passwords() -> anyhow::Result<Passwords> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Passwords::new(cores).map_err(|error| anyhow::anyhow!("passwords cannot be hashed: {error}"))
}

fn by_command(store: &Store, name: &str) -> Who {
    Who::program(name, store.new_correlation())
}

/// How long one-time links work.
const LINK_LASTS: TimeDelta = TimeDelta::hours(24);

/// Ctrl-C or a polite kill.
async fn stop_asked() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}
