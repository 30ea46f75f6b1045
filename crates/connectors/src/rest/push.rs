//! Whether a pushed message is from whom it says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::settings::RestSettings;
use crate::Raw;
use crate::outcome::Fault;

/// How old a pushed message may be (Standard Webhooks), so that nobody plays an old one again.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// The signature of a pushed message, as Standard Webhooks define it: HMAC-SHA256 over `id.timestamp.body`.
///
/// `x-received-at` (RFC 3339) is not the sender's: the server that took the message sets it from its clock and removes any
/// header of that name that came in.
pub fn verify(settings: &RestSettings, pushed: &Raw) -> Result<(), Fault> {
    let refused = |message: &str| Err(Fault::Credentials { message: message.to_owned() });
    let Some(secret) = &settings.push_secret else {
        return refused("Pushes are not set up: the connection has no push_secret.");
    };
    let header = |name: &str| pushed.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (Some(id), Some(sent), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return refused("The headers webhook-id, webhook-timestamp and webhook-signature must be there.");
    };
    let Some(received_at) = header("x-received-at").and_then(|text| text.parse::<DateTime<Utc>>().ok()) else {
        return refused("The time of receipt is not known.");
    };
    let Some(sent_at) = sent.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)) else {
        return refused("webhook-timestamp is not a number of seconds since 1970.");
    };
    if received_at.signed_duration_since(sent_at).abs() > FRESH {
        return refused("The message is older or newer than five minutes; check the clock of the sender.");
    }
    let text = secret.expose();
    let key = match text.strip_prefix("whsec_").map(|encoded| BASE64.decode(encoded)) {
        Some(Ok(key)) => key,
        Some(Err(_)) => return refused("The push_secret starts with whsec_ and does not go on in base64."),
        None => text.as_bytes().to_vec(),
    };
    let signed = format!("{id}.{sent}.{}", pushed.body);
    // Several signatures may be there while a secret is being changed. `verify_slice` takes the same time for each.
    let good = signatures.split_whitespace().filter_map(|one| one.strip_prefix("v1,")).any(|one| {
        let Ok(given) = BASE64.decode(one) else { return false };
        Hmac::<Sha256>::new_from_slice(&key)
            .is_ok_and(|mac| mac.chain_update(signed.as_bytes()).verify_slice(&given).is_ok())
    });
    if !good {
        return refused("The signature does not belong to this message and secret.");
    }
    if pushed.external_key != id {
        return refused("The message is filed under another key than its webhook-id.");
    }
    Ok(())
}
