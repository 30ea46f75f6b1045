//! The program `interlock`: reads what it was asked for, starts the private database where none is given, and hands over to
//! the command.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use server::cluster::{Cluster, ClusterSettings};
use server::commands::{self, Cli};
use server::{config, telemetry};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match config::read(cli.config.clone(), environment(), cli.flags()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("interlock: {error}");
            return ExitCode::from(2);
        }
    };
    telemetry::start(&config.log_filter, config.log_format);
    match run(cli, &config) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("interlock: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, config: &config::Config) -> anyhow::Result<ExitCode> {
    // Once per process, before the first TLS connection; another call would only find this one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    // Before the runtime: PostgreSQL ends with the thread that started it, and this one lives longest.
    let (cluster, url) = match &config.database_url {
        Some(url) => (None, url.clone()),
        None => {
            tracing::info!(data.dir = %config.data_dir.display(), "Starting the private PostgreSQL cluster");
            let settings = ClusterSettings { data_dir: config.data_dir.join("postgres"), durable: true };
            let cluster = Cluster::start(settings).context("the private PostgreSQL cluster did not start")?;
            let url = cluster.url("interlock");
            (Some(cluster), url)
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Pages can wait for each other where fewer threads render them (leptos #4647).
        .worker_threads(cores.max(4))
        .enable_all()
        .build()
        .context("start the runtime")?;
    let outcome = runtime.block_on(commands::run(cli, config, &url));
    // What still runs is given up; everything that counts is in the database.
    runtime.shutdown_timeout(Duration::from_secs(2));
    drop(cluster);
    outcome
}

/// Variables whose names and values are text; others cannot be ours.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
