//! Signing in, and what protects it: the hashing pool and the throttles, made once per process.

use chrono::TimeDelta;
use domain::id::CorrelationId;
use store::passwords::{Passwords, Verdict, judge};
use store::sessions::SignedIn;
use store::{Store, Who, people};

use super::throttle::Throttle;
use crate::error::AppError;
use crate::form::FieldProblem;

/// What the sign-in page says about the house.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// Offer the demo log-ins.
    pub demo: bool,
    /// The buyer's name, beside ours.
    pub organisation: String,
    /// Where suppliers ask for help, an e-mail address.
    pub help: Option<String>,
    /// The session cookie is for HTTPS only; other cookies follow.
    pub secure: bool,
}

/// Signing in, and what protects it.
#[derive(Debug)]
pub struct Doors {
    /// What the sign-in page says.
    pub settings: DoorSettings,
    passwords: Passwords,
    by_email: Throttle,
    by_address: Throttle,
}

/// The same for an unknown address, a wrong password, a disabled person and a password not chosen yet.
const WRONG: &str = "The e-mail address or the password is not right. Check both, or ask your buyer for a new link.";

impl Doors {
    /// Made once per process.
    pub fn new(settings: DoorSettings, passwords: Passwords) -> Self {
        Self {
            settings,
            passwords,
            // Ten wrong tries at once, then one every half minute: 2,900 a day against one account.
            by_email: Throttle::new(10, TimeDelta::seconds(30)),
            // An office behind one address mistypes more than one person does.
            by_address: Throttle::new(30, TimeDelta::seconds(5)),
        }
    }

    /// Who this is. Right tries cost nothing, wrong ones fill the throttles of address and account and are noted.
    pub async fn sign_in(
        &self,
        store: &Store,
        email: &str,
        password: &str,
        correlation: CorrelationId,
        address: Option<String>,
    ) -> Result<SignedIn, AppError> {
        let email = people::normal_email(email);
        let now = store.clock().now();
        let from = address.clone().unwrap_or_default();
        for (throttle, key) in [(&self.by_address, &from), (&self.by_email, &email)] {
            if let Err(seconds) = throttle.take(key, now) {
                tracing::warn!(correlation.id = %correlation, client.address = from, "A sign-in was throttled");
                return Err(AppError::TooMany { seconds });
            }
        }

        let who = Who { address, ..Who::program("sign-in", correlation) };
        let mut tx = store.read(who.clone()).await?;
        let known = people::credentials(&mut tx, &email).await?;
        tx.commit().await?;

        let person_id = known.as_ref().filter(|known| known.may_sign_in).map(|known| known.person_id);
        let on_record = known.filter(|known| known.may_sign_in).and_then(|known| known.password_hash);
        // Longer than any password can be: not hashed, but as slow as one that is.
        let typed = if password.len() > 4 * store::passwords::LONGEST { String::new() } else { password.to_owned() };
        let verdict =
            self.passwords.verify(typed, on_record).await.map_err(|_busy| AppError::TooMany { seconds: 2 })?;

        let mut tx = store.begin(who.clone()).await?;
        let person = match (verdict, person_id) {
            (Verdict::Right { renewed }, Some(person_id)) => {
                people::signed_in(&mut tx, person_id).await?.map(|person| (person, renewed))
            }
            _ => None,
        };
        let Some((person, renewed)) = person else {
            people::note_failure(&mut tx, &email, "wrong password or unknown address").await?;
            tx.commit().await?;
            tracing::warn!(correlation.id = %correlation, client.address = from, "A sign-in failed");
            return Err(AppError::Fields { problems: vec![FieldProblem::new("mail", WRONG)] });
        };
        drop(tx);
        let actor = crate::viewer::Viewer::from(person.clone()).actor();
        let mut tx = store.begin(Who { actor, ..who }).await?;
        people::note_sign_in(&mut tx, &person, renewed.as_deref()).await?;
        tx.commit().await?;
        self.by_address.give_back(&from);
        self.by_email.give_back(&email);
        tracing::info!(correlation.id = %correlation, person.id = %person.person_id, "Somebody signed in");
        Ok(person)
    }

    /// Whether this is the person's password, for changing it.
    pub async fn knows(
        &self,
        store: &Store,
        email: &str,
        password: &str,
        correlation: CorrelationId,
    ) -> Result<bool, AppError> {
        let email = people::normal_email(email);
        self.by_email.take(&email, store.clock().now()).map_err(|seconds| AppError::TooMany { seconds })?;
        let mut tx = store.read(Who::program("sign-in", correlation)).await?;
        let known = people::credentials(&mut tx, &email).await?;
        tx.commit().await?;
        let on_record = known.and_then(|known| known.password_hash);
        let verdict = self
            .passwords
            .verify(password.to_owned(), on_record)
            .await
            .map_err(|_busy| AppError::TooMany { seconds: 2 })?;
        let right = verdict != Verdict::Wrong;
        if right {
            self.by_email.give_back(&email);
        }
        Ok(right)
    }

    /// Hashes a new password, if it can be used.
    pub async fn hash_new(&self, password: &str, again: &str, email: &str, name: &str) -> Result<String, AppError> {
        let mut problems: Vec<FieldProblem> =
            judge(password, email, name).into_iter().map(|said| FieldProblem::new("pass", said)).collect();
        if problems.is_empty() && password != again {
            problems.push(FieldProblem::new("again", "The two passwords are not the same. Type the second one again."));
        }
        if !problems.is_empty() {
            return Err(AppError::Fields { problems });
        }
        self.passwords.hash(password.to_owned()).await.map_err(|_busy| AppError::TooMany { seconds: 2 })
    }
}
