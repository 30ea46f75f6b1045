//! People who can sign in: their roles, what they belong to, their passwords and one-time links.
//!
//! Reading and changing people takes the scope of everything: it is done by the doors (signing in), by administrators, and
//! by the commands `user` and `demo`. Every change has its audit row here, beside the change.

use chrono::{DateTime, TimeDelta, Utc};
use domain::access::{Action, Role, may};
use domain::id::{PersonId, PlantId, SupplierId};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::error::{CommandError, StoreError};
use crate::sessions::{self, SignedIn, hex, read_roles, scope_of};
use crate::tx::Tx;

/// What signing in is decided by.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who it would be.
    pub person_id: PersonId,
    /// None until the invitation was taken.
    pub password_hash: Option<String>,
    /// Not disabled, and not only of suppliers that are.
    pub may_sign_in: bool,
}

/// Somebody to be added.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// The name to sign in with.
    pub email: String,
    /// Full name.
    pub name: String,
    /// What for; at least one.
    pub roles: Vec<Role>,
    /// Suppliers he belongs to; at least one where a role is a supplier's.
    pub suppliers: Vec<SupplierId>,
    /// Plants he works for.
    pub plants: Vec<PlantId>,
}

/// A person in a list.
#[derive(Debug, Clone)]
pub struct PersonView {
    /// Who.
    pub person_id: PersonId,
    /// E-mail address.
    pub email: String,
    /// Full name.
    pub name: String,
    /// What for.
    pub roles: Vec<Role>,
    /// Names of the suppliers.
    pub suppliers: Vec<String>,
    /// Codes of the plants.
    pub plants: Vec<String>,
    /// Since when he may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Last sign-in.
    pub last_signed_in_at: Option<DateTime<Utc>>,
    /// Whether a password was chosen.
    pub has_password: bool,
    /// Browsers signed in.
    pub sessions: i64,
}

/// What a one-time link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Makes the first administrator.
    SetUp,
    /// Lets a new person choose a password.
    Invitation,
    /// Lets a person choose another password.
    Password,
}

impl LinkPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::Invitation => "invitation",
            Self::Password => "password",
        }
    }
}

/// A one-time link that still works.
#[derive(Debug, Clone)]
pub struct OneTimeLink {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose password it sets; nobody's for the set-up.
    pub person: Option<(PersonId, String, String)>,
}

/// As it is kept and compared: trimmed and in small letters.
pub fn normal_email(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// What is known of an e-mail address, for signing in.
pub async fn credentials(tx: &mut Tx, email: &str) -> Result<Option<Credentials>, StoreError> {
    let row = sqlx::query!(
        r#"
        select p.person_id, p.password_hash,
            (p.disabled_at is null and (
                not exists (select from person_supplier l where l.person_id = p.person_id)
                or exists (select from person_supplier l join supplier s using (supplier_id)
                    where l.person_id = p.person_id and s.disabled_at is null)
            )) as "may_sign_in!"
        from person p
        where p.email = $1
        "#,
        normal_email(email),
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| Credentials {
        person_id: PersonId(row.person_id),
        password_hash: row.password_hash,
        may_sign_in: row.may_sign_in,
    }))
}

/// The person as the doors know him. None where he does not exist or is disabled.
pub async fn signed_in(tx: &mut Tx, person: PersonId) -> Result<Option<SignedIn>, StoreError> {
    let row = sqlx::query!(
        r#"
        select p.email, p.name, p.zone, p.theme,
            array(select r.role from person_role r where r.person_id = p.person_id order by r.role) as "roles!",
            array(select l.plant_id from person_plant l where l.person_id = p.person_id) as "plants!",
            array(select l.supplier_id from person_supplier l join supplier using (supplier_id)
                where l.person_id = p.person_id and supplier.disabled_at is null order by supplier.number) as "suppliers!",
            array(select supplier.name from person_supplier l join supplier using (supplier_id)
                where l.person_id = p.person_id and supplier.disabled_at is null order by supplier.number) as "supplier_names!"
        from person p
        where p.person_id = $1 and p.disabled_at is null
        "#,
        person.0,
    )
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let roles = read_roles(&row.roles)?;
    let scope = scope_of(&roles, &row.suppliers, &row.plants);
    Ok(Some(SignedIn {
        person_id: person,
        email: row.email,
        name: row.name,
        roles,
        scope,
        zone: row.zone,
        theme: row.theme,
        suppliers: row.supplier_names,
    }))
}

/// Notes that somebody signed in; `renewed` replaces a hash of weaker times.
pub async fn note_sign_in(tx: &mut Tx, person: &SignedIn, renewed: Option<&str>) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        "update person set last_signed_in_at = $2, password_hash = coalesce($3, password_hash) where person_id = $1",
        person.person_id.0,
        now,
        renewed,
    )
    .execute(tx.sql())
    .await?;
    audit::append(tx, about(person.person_id, "access.signed_in")).await
}

/// Notes a sign-in that failed, with what was typed as address: repeated ones are an attack, and somebody will ask.
pub async fn note_failure(tx: &mut Tx, email: &str, why: &str) -> Result<(), StoreError> {
    let typed: String = normal_email(email).chars().take(254).collect();
    let entry = Entry {
        object_id: typed,
        reason: Some(why.to_owned()),
        ..about(PersonId(Uuid::nil()), "access.sign_in_failed")
    };
    audit::append(tx, entry).await
}

/// Notes that the person of this transaction signed out.
pub async fn note_sign_out(tx: &mut Tx) -> Result<(), StoreError> {
    let Some(person) = tx.actor().person() else { return Ok(()) };
    audit::append(tx, about(person, "access.signed_out")).await
}

/// Adds a person without a password; he chooses one through an invitation.
pub async fn add(tx: &mut Tx, new: &NewPerson) -> Result<PersonId, CommandError> {
    may(tx.actor(), Action::ManagePeople)?;
    let (email, name) = (normal_email(&new.email), new.name.trim().to_owned());
    check(&email, &name, new)?;
    let (id, now) = (tx.new_id(), tx.now());
    let added = sqlx::query!(
        "insert into person (person_id, email, name, created_at) values ($1, $2, $3, $4) on conflict (email) do nothing",
        id,
        email,
        name,
        now,
    )
    .execute(tx.sql())
    .await?;
    if added.rows_affected() == 0 {
        return Err(CommandError::Invalid(format!("{email} is the address of somebody who is here already.")));
    }
    let person = PersonId(id);
    save_rights(tx, person, new).await?;
    let after =
        json!({"email": email, "name": name, "roles": new.roles, "suppliers": new.suppliers, "plants": new.plants});
    audit::append(tx, Entry { after: Some(after), ..about(person, "person.add") }).await?;
    Ok(person)
}

/// Changes what a person is called, is here for and belongs to. It counts from the person's next request on. Nobody takes
/// away the own right to administer: somebody has to be left who can give it back.
pub async fn save(tx: &mut Tx, person: PersonId, new: &NewPerson) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManagePeople)?;
    let (email, name) = (normal_email(&new.email), new.name.trim().to_owned());
    check(&email, &name, new)?;
    if tx.actor().person() == Some(person) && !new.roles.contains(&Role::Administrator) {
        return Err(CommandError::Invalid(
            "Nobody gives up the own role of administrator. Ask another administrator.".to_owned(),
        ));
    }
    sqlx::query!("select person_id from person where person_id = $1 for update", person.0)
        .fetch_optional(tx.sql())
        .await?;
    let before = get(tx, person).await?.ok_or(CommandError::NotFound { what: "the person" })?;
    let taken = sqlx::query_scalar!(
        r#"select exists (select from person where email = $2 and person_id <> $1) as "taken!""#,
        person.0,
        email
    );
    if taken.fetch_one(tx.sql()).await? {
        return Err(CommandError::Invalid(format!("{email} is the address of somebody who is here already.")));
    }
    sqlx::query!("update person set email = $2, name = $3 where person_id = $1", person.0, email, name)
        .execute(tx.sql())
        .await?;
    sqlx::query!("delete from person_role where person_id = $1", person.0).execute(tx.sql()).await?;
    sqlx::query!("delete from person_supplier where person_id = $1", person.0).execute(tx.sql()).await?;
    sqlx::query!("delete from person_plant where person_id = $1", person.0).execute(tx.sql()).await?;
    save_rights(tx, person, new).await?;
    let was = json!({"email": before.email, "name": before.name, "roles": before.roles, "suppliers": before.suppliers,
        "plants": before.plants});
    let now = get(tx, person).await?.ok_or(CommandError::NotFound { what: "the person" })?;
    let is = json!({"email": now.email, "name": now.name, "roles": now.roles, "suppliers": now.suppliers, "plants": now.plants});
    audit::append(tx, Entry { before: Some(was), after: Some(is), ..about(person, "person.save") }).await?;
    Ok(())
}

fn check(email: &str, name: &str, new: &NewPerson) -> Result<(), CommandError> {
    let refuse = |message: &str| Err(CommandError::Invalid(message.to_owned()));
    let (local, host) = email.split_once('@').unwrap_or(("", ""));
    if local.is_empty()
        || host.is_empty()
        || email.len() > 254
        || email.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return refuse("The e-mail address is not complete. It looks like name@company.example.");
    }
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        return refuse("Give a name of 1 to 120 characters.");
    }
    if new.roles.is_empty() {
        return refuse("Give at least one role.");
    }
    let supplier = new.roles.iter().any(|role| role.is_supplier());
    if supplier && new.roles.iter().any(|role| !role.is_supplier()) {
        return refuse("A supplier's role and a role of the house exclude each other.");
    }
    if supplier == new.suppliers.is_empty() {
        return refuse("A supplier's role takes a supplier, and a role of the house takes none.");
    }
    Ok(())
}

async fn save_rights(tx: &mut Tx, person: PersonId, new: &NewPerson) -> Result<(), StoreError> {
    let roles: Vec<String> = new.roles.iter().map(|role| role.as_str().to_owned()).collect();
    let suppliers: Vec<Uuid> = new.suppliers.iter().map(|id| id.0).collect();
    let plants: Vec<Uuid> = new.plants.iter().map(|id| id.0).collect();
    sqlx::query!("insert into person_role (person_id, role) select $1, unnest($2::text[])", person.0, &roles)
        .execute(tx.sql())
        .await?;
    sqlx::query!(
        "insert into person_supplier (person_id, supplier_id) select $1, unnest($2::uuid[])",
        person.0,
        &suppliers
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!("insert into person_plant (person_id, plant_id) select $1, unnest($2::uuid[])", person.0, &plants)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Sets a password. Everybody who is signed in as this person is signed out.
pub async fn save_password(tx: &mut Tx, person: PersonId, hash: &str) -> Result<(), StoreError> {
    sqlx::query!("update person set password_hash = $2 where person_id = $1", person.0, hash).execute(tx.sql()).await?;
    let ended = sessions::end_all(tx, person).await?;
    audit::append(tx, Entry { after: Some(json!({"sessions_ended": ended})), ..about(person, "person.password") }).await
}

/// Keeps somebody out from now on: his sessions and links end with this transaction.
pub async fn disable(tx: &mut Tx, person: PersonId, reason: &str) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManagePeople)?;
    if tx.actor().person() == Some(person) {
        return Err(CommandError::Invalid("Nobody disables the own account. Ask another administrator.".to_owned()));
    }
    let now = tx.now();
    let done =
        sqlx::query!("update person set disabled_at = $2 where person_id = $1 and disabled_at is null", person.0, now)
            .execute(tx.sql())
            .await?;
    if done.rows_affected() == 0 {
        return Err(CommandError::NotFound { what: "an active person" });
    }
    let ended = sessions::end_all(tx, person).await?;
    sqlx::query!("delete from access_token where person_id = $1", person.0).execute(tx.sql()).await?;
    let after = json!({"disabled_at": now, "sessions_ended": ended});
    let entry = Entry { after: Some(after), reason: Some(reason.to_owned()), ..about(person, "person.disable") };
    Ok(audit::append(tx, entry).await?)
}

/// Lets somebody in again, with the password he had.
pub async fn enable(tx: &mut Tx, person: PersonId) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManagePeople)?;
    let done =
        sqlx::query!("update person set disabled_at = null where person_id = $1 and disabled_at is not null", person.0)
            .execute(tx.sql())
            .await?;
    if done.rows_affected() == 0 {
        return Err(CommandError::NotFound { what: "a disabled person" });
    }
    Ok(audit::append(tx, about(person, "person.enable")).await?)
}

/// Ends all sessions of a person, the own ones included.
pub async fn end_sessions(tx: &mut Tx, person: PersonId) -> Result<u64, CommandError> {
    if tx.actor().person() != Some(person) {
        may(tx.actor(), Action::ManagePeople)?;
    }
    let ended = sessions::end_all(tx, person).await?;
    audit::append(tx, Entry { after: Some(json!({"sessions_ended": ended})), ..about(person, "person.end_sessions") })
        .await?;
    Ok(ended)
}

/// Keeps the people of a supplier out, or lets them in again.
pub async fn save_supplier_access(tx: &mut Tx, supplier: SupplierId, allowed: bool) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManagePeople)?;
    let disabled_at = (!allowed).then(|| tx.now());
    let done = sqlx::query!("update supplier set disabled_at = $2 where supplier_id = $1", supplier.0, disabled_at)
        .execute(tx.sql())
        .await?;
    if done.rows_affected() == 0 {
        return Err(CommandError::NotFound { what: "the supplier" });
    }
    let entry = Entry {
        action: if allowed { "supplier.enable" } else { "supplier.disable" },
        object_kind: "supplier",
        object_id: supplier.to_string(),
        supplier_id: Some(supplier),
        ..about(PersonId(Uuid::nil()), "")
    };
    Ok(audit::append(tx, entry).await?)
}

/// Saves the look that the person of this transaction chose.
pub async fn save_theme(tx: &mut Tx, theme: Option<&str>) -> Result<(), StoreError> {
    let Some(person) = tx.actor().person() else { return Ok(()) };
    sqlx::query!("update person set theme = $2 where person_id = $1", person.0, theme).execute(tx.sql()).await?;
    Ok(())
}

/// One person.
pub async fn get(tx: &mut Tx, person: PersonId) -> Result<Option<PersonView>, StoreError> {
    Ok(select(tx, Some(person), None, 1).await?.pop())
}

/// People by e-mail address, those behind `after`, at most `limit`.
pub async fn page(tx: &mut Tx, after: Option<&str>, limit: i64) -> Result<Vec<PersonView>, StoreError> {
    select(tx, None, after, limit.clamp(1, 200)).await
}

async fn select(
    tx: &mut Tx,
    only: Option<PersonId>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<PersonView>, StoreError> {
    let now = tx.now();
    let rows = sqlx::query!(
        r#"
        select p.person_id, p.email, p.name, p.disabled_at, p.last_signed_in_at, p.password_hash is not null as "has_password!",
            array(select r.role from person_role r where r.person_id = p.person_id order by r.role) as "roles!",
            array(select s.name from person_supplier l join supplier s using (supplier_id)
                where l.person_id = p.person_id order by s.name) as "suppliers!",
            array(select s.code from person_plant l join plant s using (plant_id)
                where l.person_id = p.person_id order by s.code) as "plants!",
            (select count(*) from session s where s.person_id = p.person_id and s.expires_at > $4) as "sessions!"
        from person p
        where ($1::uuid is null or p.person_id = $1) and ($2::text is null or p.email > $2)
        order by p.email
        limit $3
        "#,
        only.map(|id| id.0),
        after,
        limit,
        now,
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(PersonView {
                person_id: PersonId(row.person_id),
                email: row.email,
                name: row.name,
                roles: read_roles(&row.roles)?,
                suppliers: row.suppliers,
                plants: row.plants,
                disabled_at: row.disabled_at,
                last_signed_in_at: row.last_signed_in_at,
                has_password: row.has_password,
                sessions: row.sessions,
            })
        })
        .collect()
}

/// Suppliers and plants by their numbers and codes, for the commands `user add` and `demo`. The first that is not known is
/// the error.
pub async fn find_memberships(
    tx: &mut Tx,
    suppliers: &[String],
    plants: &[String],
) -> Result<(Vec<SupplierId>, Vec<PlantId>), CommandError> {
    let known = sqlx::query!("select number, supplier_id from supplier where number = any($1)", suppliers)
        .fetch_all(tx.sql())
        .await?;
    let supplier_ids = suppliers
        .iter()
        .map(|number| {
            known.iter().find(|row| row.number == *number).map(|row| SupplierId(row.supplier_id)).ok_or(number)
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|number| CommandError::Invalid(format!("There is no supplier with the number {number}.")))?;
    let known =
        sqlx::query!("select code, plant_id from plant where code = any($1)", plants).fetch_all(tx.sql()).await?;
    let plant_ids = plants
        .iter()
        .map(|code| known.iter().find(|row| row.code == *code).map(|row| PlantId(row.plant_id)).ok_or(code))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|code| CommandError::Invalid(format!("There is no plant with the code {code}.")))?;
    Ok((supplier_ids, plant_ids))
}

/// Whether nobody can administer: the first start, which offers the set-up.
pub async fn nobody_administers(tx: &mut Tx) -> Result<bool, StoreError> {
    let some = sqlx::query_scalar!(
        r#"
        select exists (
            select from person join person_role using (person_id)
            where role = 'administrator' and disabled_at is null and password_hash is not null
        ) as "some!"
        "#
    )
    .fetch_one(tx.sql())
    .await?;
    Ok(!some)
}

/// Makes a one-time link and gives its token, which is shown once and kept as a hash. Older links of the same purpose and
/// person stop working.
pub async fn issue_link(
    tx: &mut Tx,
    purpose: LinkPurpose,
    person: Option<PersonId>,
    lasts: TimeDelta,
) -> Result<String, StoreError> {
    let token = hex(&rand::random::<[u8; 32]>());
    let (now, person_id) = (tx.now(), person.map(|id| id.0));
    sqlx::query!(
        "delete from access_token where (purpose = $1 and person_id is not distinct from $2) or expires_at < $3",
        purpose.as_str(),
        person_id,
        now,
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        "insert into access_token (token_hash, purpose, person_id, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        kept(&token),
        purpose.as_str(),
        person_id,
        now,
        now + lasts,
    )
    .execute(tx.sql())
    .await?;
    if let Some(person) = person {
        audit::append(tx, Entry { after: Some(json!({"purpose": purpose.as_str()})), ..about(person, "person.link") })
            .await?;
    }
    Ok(token)
}

/// What a token opens, without using it: mail scanners open links.
pub async fn look_at_link(tx: &mut Tx, token: &str) -> Result<Option<OneTimeLink>, StoreError> {
    let now = tx.now();
    let row = sqlx::query!(
        r#"
        select t.purpose, t.person_id, p.email as "email?", p.name as "name?"
        from access_token t
        left join person p using (person_id)
        where t.token_hash = $1 and t.used_at is null and t.expires_at > $2 and p.disabled_at is null
        "#,
        kept(token),
        now,
    )
    .fetch_optional(tx.sql())
    .await?;
    row.map(|row| {
        let purpose = match row.purpose.as_str() {
            "set_up" => LinkPurpose::SetUp,
            "invitation" => LinkPurpose::Invitation,
            "password" => LinkPurpose::Password,
            other => return Err(StoreError::unreadable("link", other)),
        };
        let person = row.person_id.zip(row.email).zip(row.name).map(|((id, email), name)| (PersonId(id), email, name));
        Ok(OneTimeLink { purpose, person })
    })
    .transpose()
}

/// Uses a token up. False where it does not work (any more), so that of two that come at once only one does.
pub async fn use_link(tx: &mut Tx, token: &str) -> Result<bool, StoreError> {
    let now = tx.now();
    let used = sqlx::query!(
        "update access_token set used_at = $2 where token_hash = $1 and used_at is null and expires_at > $2",
        kept(token),
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(used.rows_affected() == 1)
}

fn kept(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn about(person: PersonId, action: &str) -> Entry<'_> {
    Entry {
        action,
        object_kind: "person",
        object_id: person.to_string(),
        before: None,
        after: None,
        reason: None,
        plant_id: None,
        supplier_id: None,
    }
}
