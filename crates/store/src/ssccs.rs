//! Numbers for packages: each SSCC is given once, whoever ships at the same time.

use domain::gs1;
use domain::id::SupplierId;

use crate::error::CommandError;
use crate::tx::Tx;

/// The GS1 company prefix under which packages get their SSCC when their supplier has none of his own. It is the one that
/// GS1 uses in its own examples: an installation that ships for real gives each supplier his prefix (`supplier.gs1_prefix`).
pub const PORTAL_PREFIX: &str = "4012345";

/// SSCCs for so many packages of a supplier. The counter's row is locked until the end of the transaction and never goes
/// back once a number was given, so that none is given twice.
pub(crate) async fn allocate(tx: &mut Tx, supplier_id: SupplierId, count: usize) -> Result<Vec<String>, CommandError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let own = sqlx::query_scalar!("select gs1_prefix from supplier where supplier_id = $1", supplier_id.0)
        .fetch_optional(tx.sql())
        .await?
        .flatten();
    let prefix = own.unwrap_or_else(|| PORTAL_PREFIX.to_owned());
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let after = sqlx::query_scalar!(
        r#"
        insert into sscc_counter (prefix, next) values ($1, 1 + $2::bigint)
        on conflict (prefix) do update set next = sscc_counter.next + $2::bigint
        returning next
        "#,
        prefix,
        count
    )
    .fetch_one(tx.sql())
    .await?;
    (after - count..after).map(|serial| numbered(&prefix, serial)).collect()
}

/// The SSCC of one serial: when the references of a prefix are used up, the next extension digit opens as many again.
fn numbered(prefix: &str, serial: i64) -> Result<String, CommandError> {
    let used_up = || {
        CommandError::Invalid(format!(
            "The SSCCs under the GS1 prefix {prefix} are used up. Ask the operator of the portal for another prefix."
        ))
    };
    let serial = u64::try_from(serial).map_err(|_| used_up())?;
    let each = gs1::last_serial(prefix).ok_or_else(used_up)? + 1;
    let extension = u8::try_from(serial / each).ok().filter(|digit| *digit <= 9).ok_or_else(used_up)?;
    gs1::sscc(prefix, extension, serial % each).map_err(|error| CommandError::Invalid(error.to_string()))
}
