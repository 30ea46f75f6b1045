//! `interlock-simulator`: the simulated ERP, or warehouse system, as a program.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use simulators::{Clock, Role, Settings, SimulatedErp, demo};
use tracing_subscriber::EnvFilter;

/// A simulated ERP or warehouse system for demos and tests. Not a real one: it says so in every answer.
#[derive(Debug, Parser)]
#[command(name = "interlock-simulator", version)]
struct Arguments {
    /// Where to listen, on this machine only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What is simulated: an ERP with orders and stock, a warehouse system with receiving tasks, or a shop-floor system.
    #[arg(long, value_enum, default_value = "erp")]
    role: Which,
    /// It moves by itself, one step of one shipment in so many seconds: trucks leave and arrive, some late, and a warehouse
    /// receives what they bring, sometimes counting wrong.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "20")]
    alive: Option<u64>,
    /// Begin with the demo orders and stock, where the state has none yet.
    #[arg(long)]
    demo: bool,
    /// A file that keeps orders and accepted confirmations over a restart.
    #[arg(long)]
    state: Option<PathBuf>,
    /// The key that callers must send as `Authorization: Bearer …`.
    #[arg(long, env = "INTERLOCK_SIMULATOR_KEY", default_value = "simulated-key", hide_env_values = true)]
    api_key: String,
    /// Repeats the same choices of faults that strike some requests only.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Erp,
    Wms,
    Mes,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let clock = Clock::system();
    let now = clock.now();
    let (role, orders, stock) = match (arguments.role, arguments.demo) {
        (Which::Erp, true) => (Role::Erp, demo::orders(now.date_naive()), demo::stock(now)),
        (Which::Erp, false) => (Role::Erp, Vec::new(), Vec::new()),
        (Which::Mes, _) => (Role::Mes, Vec::new(), Vec::new()),
        (Which::Wms, _) => (Role::Wms, Vec::new(), Vec::new()),
    };
    let running = SimulatedErp::start(Settings {
        listen: arguments.listen,
        api_key: arguments.api_key,
        state: arguments.state,
        orders,
        work_orders: if arguments.demo && role == Role::Erp { demo::work_orders(now) } else { Vec::new() },
        role,
        stock,
        alive: arguments.alive.map(|seconds| Duration::from_secs(seconds.max(1))),
        seed: arguments.seed,
        clock,
    })
    .await
    .context("start the simulated system")?;
    // One line for whoever started it, to read the address from.
    let mut out = std::io::stdout();
    writeln!(out, "{}", running.base_url()).and_then(|()| out.flush()).context("print the address")?;
    tokio::signal::ctrl_c().await.context("wait for Ctrl-C")?;
    tracing::info!("Simulator: ends.");
    Ok(())
}
