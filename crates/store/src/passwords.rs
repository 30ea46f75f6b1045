//! Passwords: hashed with argon2id in a small pool of their own, and judged before they are taken.
//!
//! A hash takes 30 to 100 ms of one core and 19 MiB on purpose. At most as many run at once as there are cores, a few more
//! wait, and everybody else is told to come back at once ([`Busy`]): a flood of sign-ins must not slow the portal down.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

/// OWASP's floor for argon2id: 19 MiB, two passes, one lane. Raise it, and hashes are renewed as people sign in.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How many may wait for each one that runs: about half a second of waiting.
const WAITING_PER_CORE: usize = 8;

/// Shorter ones are guessed.
pub const SHORTEST: usize = 12;
/// Longer ones are refused before they cost anything.
pub const LONGEST: usize = 256;

/// Too many are being checked. Come back in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked at the moment")]
pub struct Busy;

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password. `renewed` is its hash by today's parameters where the one on record is weaker.
    Right {
        /// To be saved in place of the old one.
        renewed: Option<String>,
    },
    /// It is not, or there is no such person.
    Wrong,
}

/// The pool. Clones share it.
#[derive(Clone)]
pub struct Passwords(Arc<Pool>);

struct Pool {
    /// One for each that runs or waits.
    places: Semaphore,
    /// One for each that runs.
    cores: Semaphore,
    hasher: Argon2<'static>,
    /// Verified in place of a hash where nobody is found, so that the answer takes as long.
    nobody: String,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("free", &self.0.cores.available_permits()).finish_non_exhaustive()
    }
}

impl Passwords {
    /// A pool that hashes on at most `cores` cores at once. Costs one hash.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new(cores: usize) -> Result<Self, argon2::password_hash::Error> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(argon2::password_hash::Error::from)?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hasher.hash_password(&rand::random::<[u8; 32]>())?.to_string();
        let cores = cores.max(1);
        Ok(Self(Arc::new(Pool {
            places: Semaphore::new(cores + cores * WAITING_PER_CORE),
            cores: Semaphore::new(cores),
            hasher,
            nobody,
        })))
    }

    /// Checks a password against the hash on record, or against nobody's: right or wrong, known or unknown, it takes the
    /// same time.
    pub async fn verify(&self, password: String, on_record: Option<String>) -> Result<Verdict, Busy> {
        self.run(move |pool| {
            let hash = on_record.as_deref().unwrap_or(&pool.nobody);
            let Ok(parsed) = PasswordHash::new(hash) else { return Verdict::Wrong };
            let right = pool.hasher.verify_password(password.as_bytes(), &parsed).is_ok();
            if !right || on_record.is_none() {
                return Verdict::Wrong;
            }
            let renewed = weaker_than_today(&parsed).then(|| pool.hasher.hash_password(password.as_bytes()).ok());
            Verdict::Right { renewed: renewed.flatten().map(|hash| hash.to_string()) }
        })
        .await
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: String) -> Result<String, Busy> {
        // Without randomness there is no hash; the caller cannot do better than come back.
        self.run(move |pool| pool.hasher.hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|_| Busy)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Pool) -> T + Send + 'static) -> Result<T, Busy> {
        let _place = self.0.places.try_acquire().map_err(|_| Busy)?;
        let _core = self.0.cores.acquire().await.map_err(|_| Busy)?;
        let pool = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&pool)).await.map_err(|_| Busy)
    }
}

fn weaker_than_today(hash: &PasswordHash) -> bool {
    let Ok(params) = Params::try_from(hash) else { return true };
    hash.algorithm.as_str() != "argon2id"
        || params.m_cost() < MEMORY_KIB
        || params.t_cost() < PASSES
        || params.p_cost() < LANES
}

/// What is wrong with a new password, in words for the person who chose it. Empty: it can be used.
pub fn judge(password: &str, email: &str, name: &str) -> Vec<String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return vec![format!(
            "The password has {length} characters. Use {SHORTEST} or more; a sentence of four or five words is good and easy to keep."
        )];
    }
    if length > LONGEST {
        return vec![format!("The password has {length} characters. Use {LONGEST} or fewer.")];
    }
    let own = own_words(email, name);
    let lower = password.to_lowercase();
    if let Some(word) =
        own.iter().find(|word| lower == **word || (word.chars().count() >= 4 && lower.contains(word.as_str())))
    {
        return vec![format!(
            "The password contains “{word}”, which others know about you. Choose one without your name or address."
        )];
    }
    let known: Vec<&str> = own.iter().map(String::as_str).chain(["interlock", "supplier", "portal"]).collect();
    // Its time grows faster than the length, and beyond 72 characters its answer does not change.
    let head: String = password.chars().take(72).collect();
    let strength = zxcvbn::zxcvbn(&head, &known);
    if strength.score() >= zxcvbn::Score::Three {
        return Vec::new();
    }
    let feedback = strength.feedback();
    let mut said: Vec<String> =
        feedback.and_then(|feedback| feedback.warning()).map(|warning| warning.to_string()).into_iter().collect();
    said.extend(feedback.into_iter().flat_map(|feedback| feedback.suggestions()).map(ToString::to_string));
    vec![format!("The password is too easy to guess. {} Four or five unrelated words are good.", said.join(" "))]
}

/// What everybody can know of a person: address, its parts, the parts of the name.
fn own_words(email: &str, name: &str) -> Vec<String> {
    let mut words = vec![email.to_lowercase(), name.to_lowercase()];
    words.extend(email.to_lowercase().split(['@', '.', '-', '_', '+']).map(str::to_owned));
    words.extend(name.to_lowercase().split_whitespace().map(str::to_owned));
    words.retain(|word| word.chars().count() >= 3);
    words
}

#[cfg(test)]
mod tests {
    use super::{Busy, Passwords, Verdict, judge};

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let passwords = Passwords::new(2).expect("randomness");
        let hash = passwords.hash("four unrelated words here".into()).await.expect("not busy");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let right = passwords.verify("four unrelated words here".into(), Some(hash.clone())).await;
        assert_eq!(right, Ok(Verdict::Right { renewed: None }));
        assert_eq!(passwords.verify("four unrelated words".into(), Some(hash)).await, Ok(Verdict::Wrong));
        assert_eq!(passwords.verify("anything".into(), None).await, Ok(Verdict::Wrong));
    }

    #[tokio::test]
    async fn a_hash_of_weaker_times_is_renewed_by_whoever_knows_the_password() {
        use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
        let weak =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8_192, 1, 1, None).expect("parameters"));
        let weak = weak.hash_password(b"an old password").expect("a hash").to_string();
        let passwords = Passwords::new(2).expect("randomness");
        let Ok(Verdict::Right { renewed: Some(renewed) }) =
            passwords.verify("an old password".into(), Some(weak)).await
        else {
            panic!("the old password is right and its hash is renewed");
        };
        assert_eq!(
            passwords.verify("an old password".into(), Some(renewed)).await,
            Ok(Verdict::Right { renewed: None })
        );
    }

    #[tokio::test]
    async fn a_flood_is_told_to_come_back_at_once() {
        let passwords = Passwords::new(1).expect("randomness");
        let tries: Vec<_> = (0..40).map(|_| passwords.verify("x".into(), None)).collect();
        let outcomes = futures::future::join_all(tries).await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(Busy)).count(), 40 - 9);
    }

    #[test]
    fn a_refused_password_is_told_why() {
        for (password, hint) in [
            ("short", "5 characters"),
            ("kolbe-and-the-sea-shore", "kolbe"),
            ("passwordpassword", "easy to guess"),
            ("aaaaaaaaaaaaaaaa", "easy to guess"),
        ] {
            let said = judge(password, "ines@brennholt.example", "Ines Kolbe").join(" ");
            assert!(said.contains(hint), "{password}: {said}");
        }
        assert_eq!(judge("plum anvil harbour sixteen", "ines@brennholt.example", "Ines Kolbe"), Vec::<String>::new());
    }
}
