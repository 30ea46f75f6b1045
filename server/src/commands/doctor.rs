//! `interlock doctor`: looks at everything a start needs and says what to do.

use std::process::ExitCode;
use std::time::Duration;

use super::{by_command, connect};
use crate::config::Config;
use crate::{loops, storage};

pub(super) async fn run(config: &Config, url: &str) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    let place = if config.database_url.is_some() { "as configured" } else { "private cluster" };
    report.fine(
        "configuration",
        format!(
            "understood; listens on {}, cookies {}",
            config.listen,
            if config.secure() { "for HTTPS only" } else { "without TLS" }
        ),
    );
    site(config, &mut report);
    documents(config, &mut report).await;
    database(config, url, place, &mut report).await;
    report.print();
    Ok(if report.wrong() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn site(config: &Config, report: &mut Report) {
    let pkg = config.site_root.join("pkg");
    match std::fs::read_dir(&pkg) {
        Ok(_) => report.fine("site", format!("{} is there", pkg.display())),
        Err(error) => report.wrong_because(
            "site",
            format!("{}: {error}", pkg.display()),
            "Build it with `cargo xtask build`, or name its directory in site_root.",
        ),
    }
}

/// Something small can be kept, read and removed where documents lie.
async fn documents(config: &Config, report: &mut Report) {
    let place = storage::place(config);
    let tried = match storage::open(config) {
        Ok(files) => files.try_out().await,
        Err(error) => Err(error),
    };
    match tried {
        Ok(()) => report.fine("documents", format!("can be kept, read and removed in {place}")),
        Err(error) => {
            let mut words = format!("{place}: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(deeper) = cause {
                let more = deeper.to_string();
                // Some causes repeat what lies below them.
                if !words.contains(&more) {
                    words = format!("{words}: {more}");
                }
                cause = deeper.source();
            }
            report.wrong_because("documents", words, error.remedy());
        }
    }
}

async fn database(config: &Config, url: &str, place: &str, report: &mut Report) {
    let examined = tokio::time::timeout(Duration::from_secs(10), store::fitness::examine(url)).await;
    let fitness = match examined {
        Ok(Ok(fitness)) => fitness,
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            return report.wrong_because(
                "database",
                format!("{place}: {error}{cause}"),
                "Check DATABASE_URL, that the server runs, and that the role may log in.",
            );
        }
        Err(_) => {
            return report.wrong_because(
                "database",
                format!("{place}: no answer in 10 s"),
                "Check DATABASE_URL and the network.",
            );
        }
    };
    report.fine("database", format!("{place}, PostgreSQL {}, as {}", fitness.version, fitness.login));
    let problems = fitness.problems();
    if problems.is_empty() {
        let newer =
            if fitness.unknown > 0 { format!(", and {} of a newer program", fitness.unknown) } else { String::new() };
        report.fine("migrations", format!("all applied{newer}"));
        report.fine("roles", "bound by row-level security".to_owned());
    }
    for problem in &problems {
        report.wrong_because("database", problem.clone(), "");
    }
    if problems.is_empty() {
        connections(config, url, report).await;
    }
}

/// Each connection's settings can be read, and its secrets are where it says.
async fn connections(config: &Config, url: &str, report: &mut Report) {
    let listed = async {
        let store = connect(config, url).await?;
        let mut tx = store.read(by_command(&store, "doctor")).await?;
        let list = store::connections::list(&mut tx).await?;
        tx.commit().await?;
        store.close().await;
        anyhow::Ok(list)
    };
    let list = match listed.await {
        Ok(list) => list,
        Err(error) => return report.wrong_because("connections", format!("{error:#}"), "See the log above."),
    };
    if list.is_empty() {
        report.fine("connections", "none yet".to_owned());
    }
    let secrets = loops::secrets(config);
    for connection in list {
        let what = format!("connection {}", connection.configured.name);
        let Some(kind) = connectors::registry::kind(&connection.kind) else {
            report.wrong_because(
                &what,
                format!("there is no connector `{}` in this program", connection.kind),
                "Use the program that made it, or remove it.",
            );
            continue;
        };
        match (kind.build)(&connection.configured.settings, &secrets) {
            Ok(_) => report.fine(&what, format!("settings of kind {} can be read", connection.kind)),
            Err(problem) => report.wrong_because(&what, problem.to_string(), "Correct it on the page Connections."),
        }
    }
}

/// What was looked at.
#[derive(Debug, Default)]
struct Report(Vec<(bool, String, String, String)>);

impl Report {
    fn fine(&mut self, what: &str, found: String) {
        self.0.push((true, what.to_owned(), found, String::new()));
    }

    fn wrong_because(&mut self, what: &str, found: String, remedy: &str) {
        self.0.push((false, what.to_owned(), found, remedy.to_owned()));
    }

    fn wrong(&self) -> usize {
        self.0.iter().filter(|(fine, ..)| !fine).count()
    }

    fn print(&self) {
        for (fine, what, found, remedy) in &self.0 {
            println!("{}  {what}: {found}", if *fine { "ok   " } else { "WRONG" });
            if !remedy.is_empty() {
                println!("       → {remedy}");
            }
        }
        match self.wrong() {
            0 => println!("\nEverything is as it should be."),
            wrong => println!("\n{wrong} to mend."),
        }
    }
}
