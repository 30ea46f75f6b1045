//! `interlock user …`: people, from the command line of whoever runs the machine.

use anyhow::Context as _;
use domain::id::PersonId;
use store::Tx;
use store::people::{self, LinkPurpose, NewPerson};

use super::{LINK_LASTS, UserCommand, by_command, connect, fit};
use crate::config::Config;

pub(super) async fn run(command: UserCommand, config: &Config, url: &str) -> anyhow::Result<()> {
    fit(url).await?;
    let store = connect(config, url).await?;
    let mut tx = store.begin(by_command(&store, "user")).await?;
    let said = match command {
        UserCommand::Add(new) => {
            let (suppliers, plants) = people::find_memberships(&mut tx, &new.suppliers, &new.plants).await?;
            let new = NewPerson { email: new.email, name: new.name, roles: new.roles, suppliers, plants };
            let person = people::add(&mut tx, &new).await?;
            let token = people::issue_link(&mut tx, LinkPurpose::Invitation, Some(person), LINK_LASTS).await?;
            link(config, "was added", &new.email, &token)
        }
        UserCommand::Reset { email } => {
            let person = find(&mut tx, &email).await?;
            let token = people::issue_link(&mut tx, LinkPurpose::Password, Some(person), LINK_LASTS).await?;
            link(config, "may choose another password", &email, &token)
        }
        UserCommand::Disable { email, reason } => {
            let person = find(&mut tx, &email).await?;
            people::disable(&mut tx, person, &reason).await?;
            format!("{email} is kept out from now on.")
        }
        UserCommand::Enable { email } => {
            let person = find(&mut tx, &email).await?;
            people::enable(&mut tx, person).await?;
            format!("{email} may sign in again.")
        }
    };
    tx.commit().await?;
    println!("{said}");
    store.close().await;
    Ok(())
}

async fn find(tx: &mut Tx, email: &str) -> anyhow::Result<PersonId> {
    let found = people::credentials(tx, email).await?;
    found.map(|found| found.person_id).with_context(|| format!("there is nobody with the address {email}"))
}

fn link(config: &Config, what: &str, email: &str, token: &str) -> String {
    let address = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    format!(
        "{email} {what}. This link works once and for 24 hours; hand it over on a safe way:\n{address}/password/{token}"
    )
}
