//! What a page costs: the real program, beside a bare axum handler that asks the database the same questions and writes a
//! plain table, in interleaved rounds on the same PostgreSQL.
//!
//! ```text
//! INTERLOCK_PROGRAMS=…/release INTERLOCK_SITE_ROOT=…/site pages          everything, as lines of JSON
//! ```
//! It starts the program with a private cluster of its own (every commit on disk) in a throw-away directory, fills it with
//! 300 and then 30,000 orders ([`data`]), and asks over few kept connections, so that it measures pages and not a queue.
//! What came of it is in `docs/benchmarks.md`.

#![expect(clippy::float_arithmetic, reason = "rates and times of a measurement")]

mod bare;
mod data;
mod load;
mod program;

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;

use load::{Round, Target, round};
use program::Program;

pub type Outcomes<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Interleaved rounds of each comparison.
const ROUNDS: usize = 5;
/// Requests of a round, over so many connections.
const REQUESTS: usize = 200;
const CONNECTIONS: usize = 4;
/// 1× and 100×.
const SIZES: [(&str, i64); 2] = [("1x", 300), ("100x", 30_000)];

fn main() -> Outcomes<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bare", url] => runtime.block_on(bare::serve(url)),
        [] => runtime.block_on(measure()),
        _ => Err("say nothing, or bare with the address of a database".into()),
    }
}

fn say(what: &str, value: Value) {
    println!("{}", json!({ "measured": what, "result": value }));
}

async fn measure() -> Outcomes<()> {
    let program = Program::start().await?;
    let owner = data::owner(&program.database).await?;
    let cookie = data::sign_in(&program).await?;
    say("first visit", load::first_visit(&program.address).await?);
    say("memory, nobody there, MB", json!(program.megabytes()?));
    let bare = program::Bare::start(&program.database).await?;
    let mut done = 0;
    for (name, orders) in SIZES {
        data::fill(&owner, done, orders).await?;
        done = orders;
        let list = "/orders".to_owned();
        let order = format!("/orders/{}", data::order_of_brennholt(&owner).await?);
        for (what, path) in [("list", &list), ("order", &order)] {
            let ours = Target::new(&program.address, path, Some(&cookie))?;
            let theirs = Target::new(&bare.address, path, Some(&cookie))?;
            let (ours, theirs) = interleaved(&ours, &theirs).await?;
            say(&format!("{what} page, {name}"), compared(&ours, &theirs, ("program", "bare handler")));
        }
        say(
            &format!("list page with and without row-level security, {name}"),
            security(&owner, &program, &cookie).await?,
        );
        say(&format!("memory after load, {name}, MB"), json!(program.megabytes()?));
    }
    bare.end()?;
    program.end()?;
    Ok(())
}

async fn interleaved(one: &Target, other: &Target) -> Outcomes<(Vec<Round>, Vec<Round>)> {
    // Plans are made, files are warm.
    round(one, CONNECTIONS, REQUESTS / 5).await?;
    round(other, CONNECTIONS, REQUESTS / 5).await?;
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        // Whoever is first in one round is second in the next.
        if number % 2 == 0 {
            ones.push(round(one, CONNECTIONS, REQUESTS).await?);
            others.push(round(other, CONNECTIONS, REQUESTS).await?);
        } else {
            others.push(round(other, CONNECTIONS, REQUESTS).await?);
            ones.push(round(one, CONNECTIONS, REQUESTS).await?);
        }
    }
    Ok((ones, others))
}

/// The same page with the policies in force and with all of them switched off.
async fn security(owner: &PgPool, program: &Program, cookie: &str) -> Outcomes<Value> {
    let target = Target::new(&program.address, "/orders", Some(cookie))?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS * 2 {
        let on = (number / 2) % 2 == number % 2;
        data::row_level_security(owner, on).await?;
        // New plans first.
        round(&target, CONNECTIONS, REQUESTS / 5).await?;
        let rounds = if on { &mut with } else { &mut without };
        rounds.push(round(&target, CONNECTIONS, REQUESTS).await?);
    }
    data::row_level_security(owner, true).await?;
    Ok(compared(&with, &without, ("on", "off")))
}

/// Requests per second of the first as a share of the second's, round by round.
fn compared(ones: &[Round], others: &[Round], names: (&str, &str)) -> Value {
    let mut ratios: Vec<f64> =
        ones.iter().zip(others).map(|(one, other)| one.per_second() / other.per_second()).collect();
    ratios.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (ratios.first(), ratios.last()) else { return Value::Null };
    json!({
        names.0: summary(ones),
        names.1: summary(others),
        "ratio": { "median": rounded(ratios[ratios.len() / 2]), "least": rounded(*least), "most": rounded(*most) },
    })
}

fn summary(rounds: &[Round]) -> Value {
    let mut times: Vec<Duration> = rounds.iter().flat_map(|round| round.times.iter().copied()).collect();
    times.sort();
    let at = |share: f64| {
        let index = ((times.len().saturating_sub(1)) as f64 * share) as usize;
        times.get(index).map(|time| rounded(time.as_secs_f64() * 1000.0))
    };
    let mut rates: Vec<f64> = rounds.iter().map(Round::per_second).collect();
    rates.sort_by(f64::total_cmp);
    json!({
        "p50_ms": at(0.5), "p99_ms": at(0.99), "per_second": rates.get(rates.len() / 2).map(|rate| rounded(*rate)),
        "bytes": rounds.first().map(|round| round.bytes),
    })
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
