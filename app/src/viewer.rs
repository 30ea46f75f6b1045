//! Who is looking at the page.

use domain::access::{Action, Actor, Role, Scope, may};
use domain::id::PersonId;
use serde::{Deserialize, Serialize};

/// The person signed in, as read from the database with this request: roles and scope are never older than it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// Who.
    pub person_id: PersonId,
    /// E-mail address, the name to sign in with.
    pub email: String,
    /// Full name.
    pub name: String,
    /// What he is here for.
    pub roles: Vec<Role>,
    /// What he may see.
    pub scope: Scope,
    /// IANA time zone to show times in.
    pub zone: String,
    /// `light`, `dark`, or none to follow the device.
    pub theme: Option<String>,
    /// The suppliers he belongs to, by name; empty for people of the house.
    pub suppliers: Vec<String>,
}

impl Viewer {
    /// As the one who acts.
    pub fn actor(&self) -> Actor {
        Actor::Person { person_id: self.person_id, name: self.name.clone(), roles: self.roles.clone() }
    }

    /// Whether a button may be offered. The command asks again.
    pub fn may(&self, action: Action) -> bool {
        may(&self.actor(), action).is_ok()
    }

    /// Looking from a supplier's side of the counter.
    pub const fn is_supplier(&self) -> bool {
        self.scope.is_supplier()
    }

    /// Has this role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Up to two letters for the round sign beside the name.
    pub fn initials(&self) -> String {
        let words: Vec<&str> = self.name.split_whitespace().collect();
        let ends = [words.first(), words.last().filter(|_| words.len() > 1)];
        ends.into_iter().flatten().filter_map(|word| word.chars().next()).flat_map(char::to_uppercase).collect()
    }
}
