//! Keys with which machines call us: made, shown once, changed without a gap, taken away.
//!
//! A key is `ilk_<prefix>_<secret>` with 256 bits of randomness, so that a plain SHA-256 of it can be kept: nobody can
//! guess it offline. It is found by its prefix and compared in constant time.

use chrono::{DateTime, TimeDelta, Utc};
use domain::access::{Action, Actor, Right, Scope, may};
use domain::id::{ApiKeyId, PlantId, SupplierId};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::error::{CommandError, StoreError};
use crate::orders::read_word;
use crate::sessions::hex;
use crate::tx::Tx;

/// What every key begins with, so that scanners of source code recognise a leaked one.
const BEGINS: &str = "ilk_";
/// The longest that a key lasts.
pub const LONGEST: TimeDelta = TimeDelta::days(731);
/// The longest that the old key is taken beside the new one.
pub const LONGEST_OVERLAP: TimeDelta = TimeDelta::days(90);
/// Its use is noted at most so often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Whose machine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A supplier's: reaches his rows.
    Supplier(SupplierId),
    /// A system of the house in one plant.
    Plant(PlantId),
    /// A system of the house: reaches all.
    House,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What the machine is called.
    pub name: String,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Whose it is.
    pub owner: Owner,
    /// For how long.
    pub lasts: TimeDelta,
}

/// A key as it is shown; never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Which.
    pub api_key_id: ApiKeyId,
    /// The machine, over all its keys.
    pub machine_id: ApiKeyId,
    /// Its visible beginning.
    pub prefix: String,
    /// What the machine is called.
    pub name: String,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Whose it is.
    pub owner: Owner,
    /// Whose, in words.
    pub belongs: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it stops working by itself.
    pub expires_at: DateTime<Utc>,
    /// Last use, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was taken away.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The key that follows it.
    pub rotated_to: Option<ApiKeyId>,
}

impl KeyView {
    /// Whether it opens a door now.
    pub fn works(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }

    /// The one who acts with it.
    pub fn actor(&self) -> Actor {
        Actor::Machine { machine_id: self.machine_id, name: self.name.clone(), rights: self.rights.clone() }
    }

    /// What it reaches.
    pub fn scope(&self) -> Scope {
        match self.owner {
            Owner::Supplier(supplier) => Scope::Suppliers(vec![supplier]),
            Owner::Plant(plant) => Scope::Plants(vec![plant]),
            Owner::House => Scope::All,
        }
    }
}

/// A key just made. The only moment at which it can be shown.
pub struct Made {
    /// The key.
    pub key: String,
    /// What is kept of it.
    pub api_key_id: ApiKeyId,
    /// Until when the key before it is taken, where there was one.
    pub old_until: Option<DateTime<Utc>>,
}

struct Row {
    api_key_id: Uuid,
    machine_id: Uuid,
    prefix: String,
    key_hash: String,
    name: String,
    rights: Vec<String>,
    supplier_id: Option<Uuid>,
    plant_id: Option<Uuid>,
    supplier_name: Option<String>,
    plant_code: Option<String>,
    created_at: DateTime<Utc>,
    created_by: String,
    expires_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    rotated_to: Option<Uuid>,
}

impl TryFrom<Row> for KeyView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let owner = match (row.supplier_id, row.plant_id) {
            (Some(supplier), _) => Owner::Supplier(supplier.into()),
            (None, Some(plant)) => Owner::Plant(plant.into()),
            (None, None) => Owner::House,
        };
        let plant = row.plant_code.map(|code| format!("plant {code}"));
        Ok(Self {
            api_key_id: row.api_key_id.into(),
            machine_id: row.machine_id.into(),
            prefix: row.prefix,
            name: row.name,
            rights: row.rights.iter().map(|word| read_word("right", word)).collect::<Result<_, _>>()?,
            owner,
            belongs: row.supplier_name.or(plant).unwrap_or_else(|| "the house".to_owned()),
            created_at: row.created_at,
            created_by: row.created_by,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
            rotated_to: row.rotated_to.map(ApiKeyId),
        })
    }
}

/// Who may do something with keys of this owner.
fn may_manage(tx: &Tx, owner: Owner) -> Result<(), CommandError> {
    let own = match owner {
        Owner::Supplier(supplier) => match tx.scope() {
            Scope::Suppliers(own) => own.contains(&supplier),
            _ => false,
        },
        _ => false,
    };
    may(tx.actor(), if own { Action::ManageOwnKeys } else { Action::ManageKeys })?;
    Ok(())
}

/// Makes a key for a machine.
pub async fn make(tx: &mut Tx, new: &NewKey) -> Result<Made, CommandError> {
    may_manage(tx, new.owner)?;
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 80 {
        return Err(CommandError::Invalid("Give the machine a name of up to 80 characters.".to_owned()));
    }
    if new.rights.is_empty() {
        return Err(CommandError::Invalid("Choose at least one right: a key without any opens nothing.".to_owned()));
    }
    let suppliers = matches!(new.owner, Owner::Supplier(_));
    if let Some(wrong) =
        new.rights.iter().find(|right| if suppliers { !right.is_suppliers() } else { !right.is_houses() })
    {
        let side = if suppliers { "a supplier" } else { "the house" };
        return Err(CommandError::Invalid(format!("{wrong} cannot be given to a machine of {side}.")));
    }
    if new.lasts <= TimeDelta::zero() || new.lasts > LONGEST {
        return Err(CommandError::Invalid("A key lasts from one day up to two years.".to_owned()));
    }
    let id = ApiKeyId(tx.new_id());
    let (key, prefix) = random_key();
    insert(tx, id, id, &prefix, &key, NewKey { name: name.to_owned(), ..new.clone() }).await?;
    note(tx, "api_key.make", &prefix, name, new.owner, Some(json!({"rights": new.rights}))).await?;
    Ok(Made { key, api_key_id: id, old_until: None })
}

/// A new key for the same machine. The old one is taken for `overlap` longer, so that there is no gap in between.
pub async fn rotate(tx: &mut Tx, id: ApiKeyId, overlap: TimeDelta) -> Result<Made, CommandError> {
    let now = tx.now();
    let old = get(tx, id, true).await?;
    may_manage(tx, old.owner)?;
    if old.rotated_to.is_some() || !old.works(now) {
        return Err(CommandError::Invalid(format!("The key {} is not in use any more. Make a new one.", old.prefix)));
    }
    if overlap < TimeDelta::zero() || overlap > LONGEST_OVERLAP {
        return Err(CommandError::Invalid("The old key can be taken for up to 90 days longer.".to_owned()));
    }
    let new_id = ApiKeyId(tx.new_id());
    let (key, prefix) = random_key();
    let lasts = old.expires_at - old.created_at;
    let new = NewKey { name: old.name.clone(), rights: old.rights.clone(), owner: old.owner, lasts };
    insert(tx, new_id, old.machine_id, &prefix, &key, new).await?;
    let old_until = old.expires_at.min(now + overlap);
    sqlx::query!(
        "update api_key set rotated_to = $2, expires_at = $3 where api_key_id = $1",
        id.0,
        new_id.0,
        old_until
    )
    .execute(tx.sql())
    .await?;
    let after = json!({"new_prefix": prefix, "old_until": old_until});
    note(tx, "api_key.rotate", &old.prefix, &old.name, old.owner, Some(after)).await?;
    Ok(Made { key, api_key_id: new_id, old_until: Some(old_until) })
}

/// Takes a key away, from now on.
pub async fn revoke(tx: &mut Tx, id: ApiKeyId) -> Result<(), CommandError> {
    let now = tx.now();
    let key = get(tx, id, true).await?;
    may_manage(tx, key.owner)?;
    if key.revoked_at.is_some() {
        return Ok(());
    }
    sqlx::query!("update api_key set revoked_at = $2 where api_key_id = $1", id.0, now).execute(tx.sql()).await?;
    note(tx, "api_key.revoke", &key.prefix, &key.name, key.owner, None).await?;
    Ok(())
}

/// One key, within the scope; locked when it is about to be changed.
pub async fn get(tx: &mut Tx, id: ApiKeyId, for_update: bool) -> Result<KeyView, CommandError> {
    if for_update {
        sqlx::query!("select api_key_id from api_key where api_key_id = $1 for update", id.0)
            .fetch_optional(tx.sql())
            .await?;
    }
    let found = rows(tx, Some(id), None).await?.into_iter().next();
    let row = found.ok_or(CommandError::NotFound { what: "key" })?;
    Ok(row.try_into()?)
}

/// All keys within the scope, the newest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<KeyView>, CommandError> {
    if may(tx.actor(), Action::ManageKeys).is_err() {
        may(tx.actor(), Action::ManageOwnKeys)?;
    }
    Ok(rows(tx, None, None).await?.into_iter().map(KeyView::try_from).collect::<Result<_, _>>()?)
}

async fn rows(tx: &mut Tx, id: Option<ApiKeyId>, prefix: Option<&str>) -> Result<Vec<Row>, StoreError> {
    let id = id.map(|id| id.0);
    Ok(sqlx::query_as!(
        Row,
        r#"
        select k.api_key_id, k.machine_id, k.prefix, k.key_hash, k.name, k.rights, k.supplier_id, k.plant_id,
               s.name as "supplier_name?", p.code as "plant_code?", k.created_at, k.created_by, k.expires_at,
               k.last_used_at, k.revoked_at, k.rotated_to
        from api_key k
        left join supplier s using (supplier_id)
        left join plant p using (plant_id)
        where ($1::uuid is null or k.api_key_id = $1) and ($2::text is null or k.prefix = $2)
        order by k.created_at desc, k.api_key_id desc
        limit 500
        "#,
        id,
        prefix,
    )
    .fetch_all(tx.sql())
    .await?)
}

/// The machine behind a key, where it works now. Asked as the program, before any scope is known. Whatever is wrong with
/// it looks the same from outside; the log says more.
pub async fn authenticate(tx: &mut Tx, key: &str) -> Result<Option<KeyView>, StoreError> {
    let Some(prefix) = prefix_of(key) else { return Ok(None) };
    let Some(row) = rows(tx, None, Some(prefix)).await?.into_iter().next() else { return Ok(None) };
    let right = same(&row.key_hash, &hash(key));
    let disabled = match row.supplier_id {
        None => false,
        Some(supplier) => {
            sqlx::query_scalar!(
                r#"select disabled_at is not null as "it!" from supplier where supplier_id = $1"#,
                supplier
            )
            .fetch_one(tx.sql())
            .await?
        }
    };
    let (view, now) = (KeyView::try_from(row)?, tx.now());
    if right && view.works(now) && !disabled {
        return Ok(Some(view));
    }
    tracing::warn!(
        api_key.prefix = view.prefix,
        api_key.right = right,
        api_key.revoked = view.revoked_at.is_some(),
        api_key.expired = view.expires_at <= now,
        supplier.disabled = disabled,
        "A key was turned away"
    );
    Ok(None)
}

/// Whether its use should be noted again.
pub fn is_to_be_noted(key: &KeyView, now: DateTime<Utc>) -> bool {
    key.last_used_at.is_none_or(|at| at + NOTED_EVERY <= now)
}

/// Notes that a key was used.
pub async fn note_use(tx: &mut Tx, id: ApiKeyId) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!("update api_key set last_used_at = $2 where api_key_id = $1", id.0, now).execute(tx.sql()).await?;
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    id: ApiKeyId,
    machine: ApiKeyId,
    prefix: &str,
    key: &str,
    new: NewKey,
) -> Result<(), CommandError> {
    let (now, by) = (tx.now(), tx.actor().name().to_owned());
    let (supplier, plant) = match new.owner {
        Owner::Supplier(supplier) => (Some(supplier.0), None),
        Owner::Plant(plant) => (None, Some(plant.0)),
        Owner::House => (None, None),
    };
    let rights: Vec<String> = new.rights.iter().map(|right| right.as_str().to_owned()).collect();
    sqlx::query!(
        r#"
        insert into api_key (api_key_id, machine_id, prefix, key_hash, name, rights, supplier_id, plant_id, created_at,
                             created_by, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        "#,
        id.0,
        machine.0,
        prefix,
        hash(key),
        new.name,
        &rights,
        supplier,
        plant,
        now,
        by,
        now + new.lasts,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn note(
    tx: &mut Tx,
    action: &str,
    prefix: &str,
    name: &str,
    owner: Owner,
    after: Option<serde_json::Value>,
) -> Result<(), StoreError> {
    let (supplier_id, plant_id) = match owner {
        Owner::Supplier(supplier) => (Some(supplier), None),
        Owner::Plant(plant) => (None, Some(plant)),
        Owner::House => (None, None),
    };
    audit::append(
        tx,
        Entry {
            action,
            object_kind: "api_key",
            object_id: format!("{prefix} ({name})"),
            before: None,
            after,
            reason: None,
            plant_id,
            supplier_id,
        },
    )
    .await
}

/// The key and its visible beginning.
fn random_key() -> (String, String) {
    let prefix = format!("{BEGINS}{}", hex(&rand::random::<[u8; 5]>()));
    (format!("{prefix}_{}", hex(&rand::random::<[u8; 32]>())), prefix)
}

fn prefix_of(key: &str) -> Option<&str> {
    let (prefix, secret) = key.rsplit_once('_')?;
    (prefix.starts_with(BEGINS) && secret.len() == 64 && key.len() < 100).then_some(prefix)
}

fn hash(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// In the same time wherever they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
