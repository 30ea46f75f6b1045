//! Whether a database is fit to work with: version, migrations, roles. For the start and for the command `doctor`.
//!
//! Works on a connection of its own as the log-in role, because the application's role sees neither the list of
//! migrations nor needs to.

use sqlx::{Connection as _, PgConnection, Row as _};

use crate::error::StoreError;
use crate::tx::APP_ROLE;

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Fitness {
    /// PostgreSQL's version, e.g. `15.8`.
    pub version: String,
    /// As a number, e.g. 150008.
    pub version_number: i32,
    /// The role that logs in.
    pub login: String,
    /// The log-in may take the application's role.
    pub may_take_role: bool,
    /// The application's role is there.
    pub role_exists: bool,
    /// The application's role is bound by row-level security: no superuser, no BYPASSRLS, owns no table.
    pub role_is_bound: bool,
    /// Migrations that this program has and the database has not.
    pub missing: Vec<String>,
    /// Migrations that were applied by a newer program.
    pub unknown: usize,
    /// Migrations whose text is no longer what was applied.
    pub changed: Vec<String>,
}

/// The oldest PostgreSQL that the migrations are written for.
pub const OLDEST_VERSION: i32 = 150_000;

impl Fitness {
    /// What is wrong, with the remedy; empty when it can be worked with.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.version_number < OLDEST_VERSION {
            problems
                .push(format!("PostgreSQL {} is too old: 15 or newer is needed. Upgrade the server.", self.version));
        }
        if !self.missing.is_empty() {
            let list = self.missing.join(", ");
            problems
                .push(format!("{} migrations are not applied ({list}). Run `interlock migrate`.", self.missing.len()));
        }
        if !self.changed.is_empty() {
            let list = self.changed.join(", ");
            problems.push(format!("These migrations were applied with another text: {list}. Restore the program or the backup that belong together."));
        }
        if self.missing.is_empty() && !self.role_exists {
            problems.push(format!("The role {APP_ROLE} is missing, as after a restore without roles. As superuser: create role {APP_ROLE} nologin nobypassrls; then restore the grants."));
        }
        if self.role_exists && !self.role_is_bound {
            problems.push(format!("The role {APP_ROLE} is not bound by row-level security. As superuser: alter role {APP_ROLE} nosuperuser nobypassrls; and let it own no table."));
        }
        if self.role_exists && !self.may_take_role {
            problems.push(format!(
                "{} may not act as {APP_ROLE}. As superuser: grant {APP_ROLE} to {};",
                self.login, self.login
            ));
        }
        problems
    }
}

/// Examines the database at `url`.
pub async fn examine(url: &str) -> Result<Fitness, StoreError> {
    let mut connection = PgConnection::connect(url).await?;
    let row = sqlx::query(
        r#"
        select current_setting('server_version') as version,
            current_setting('server_version_num')::integer as number,
            current_user::text as login,
            exists (select from pg_roles where rolname = $1) as role_exists,
            coalesce((select not rolsuper and not rolbypassrls
                    and not exists (select from pg_tables where tableowner = $1) from pg_roles where rolname = $1), false) as bound,
            coalesce((select pg_has_role(current_user, oid, 'member') from pg_roles where rolname = $1), false) as member,
            to_regclass('_sqlx_migrations') is not null as migrated
        "#,
    )
    .bind(APP_ROLE)
    .fetch_one(&mut connection)
    .await?;
    let mut fitness = Fitness {
        version: row.try_get("version")?,
        version_number: row.try_get("number")?,
        login: row.try_get("login")?,
        may_take_role: row.try_get("member")?,
        role_exists: row.try_get("role_exists")?,
        role_is_bound: row.try_get("bound")?,
        ..Fitness::default()
    };
    let mut applied: Vec<(i64, Vec<u8>)> = Vec::new();
    if row.try_get("migrated")? {
        let rows = sqlx::query("select version, checksum from _sqlx_migrations where success")
            .fetch_all(&mut connection)
            .await?;
        applied = rows
            .iter()
            .map(|row| Ok((row.try_get("version")?, row.try_get("checksum")?)))
            .collect::<Result<_, sqlx::Error>>()?;
    }
    connection.close().await?;
    for migration in crate::MIGRATIONS.iter() {
        let name = format!("{}_{}", migration.version, migration.description.replace(' ', "_"));
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => fitness.missing.push(name),
            Some((_, checksum)) if checksum[..] != migration.checksum[..] => fitness.changed.push(name),
            Some(_) => {}
        }
    }
    fitness.unknown = applied.iter().filter(|(version, _)| !crate::MIGRATIONS.version_exists(*version)).count();
    Ok(fitness)
}
