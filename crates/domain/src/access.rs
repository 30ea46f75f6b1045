//! Who is acting, what he may see and what he may do.
//!
//! [`Scope`] is the first wall between suppliers; row-level security in PostgreSQL is the second and takes its settings
//! from the same value.

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, ConnectionId, PersonId, PlantId, SupplierId};
use crate::text::text_enum;

text_enum! {
    /// What somebody is here for. A person may have several.
    pub enum Role {
        /// Confirms, ships, uploads certificates for the own supplier.
        Supplier = "supplier",
        /// As a supplier, and manages the own users and keys.
        SupplierAdmin = "supplier_admin",
        /// Reviews what deviates.
        Buyer = "buyer",
        /// Accepts certificates, places and releases holds.
        QualityEngineer = "quality_engineer",
        /// Receives goods at the dock.
        ReceivingClerk = "receiving_clerk",
        /// Watches the plant.
        PlantManager = "plant_manager",
        /// Repairs and replays messages.
        IntegrationAdmin = "integration_admin",
        /// Users, roles, policies, audit.
        Administrator = "administrator",
    }
}

impl Role {
    /// As people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Supplier => "Supplier",
            Self::SupplierAdmin => "Supplier administrator",
            Self::Buyer => "Buyer",
            Self::QualityEngineer => "Quality engineer",
            Self::ReceivingClerk => "Receiving clerk",
            Self::PlantManager => "Plant manager",
            Self::IntegrationAdmin => "Integration admin",
            Self::Administrator => "Administrator",
        }
    }

    /// Belongs to a supplier, not to the house.
    pub const fn is_supplier(self) -> bool {
        matches!(self, Self::Supplier | Self::SupplierAdmin)
    }
}

/// Which rows somebody may see at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every row: administrators, integration admins and the program's own loops.
    All,
    /// The rows of these plants.
    Plants(Vec<PlantId>),
    /// The rows of these suppliers, in every plant.
    Suppliers(Vec<SupplierId>),
}

impl Scope {
    /// No row at all; what an unset scope means.
    pub const fn nothing() -> Self {
        Self::Plants(Vec::new())
    }

    /// Looking from a supplier's side of the counter.
    pub const fn is_supplier(&self) -> bool {
        matches!(self, Self::Suppliers(_))
    }
}

/// Who did it: a person, or a system through its connection, or one of our own loops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody signed in.
    Person {
        /// Who.
        person_id: PersonId,
        /// Name at the time, for history that outlives the account.
        name: String,
        /// The roles held at the time.
        roles: Vec<Role>,
    },
    /// Another system through a connection.
    System {
        /// Which.
        connection_id: ConnectionId,
        /// Its name at the time.
        name: String,
    },
    /// A machine with a key of its own.
    Machine {
        /// Which, by its first key; stays when the key is changed.
        machine_id: ApiKeyId,
        /// Its name at the time.
        name: String,
        /// What its key allowed.
        rights: Vec<Right>,
    },
    /// One of our own loops or commands, by its verb.
    Loop {
        /// E.g. `deliver`, `demo`.
        name: String,
    },
}

impl Actor {
    /// The name to show.
    pub fn name(&self) -> &str {
        match self {
            Self::Person { name, .. }
            | Self::System { name, .. }
            | Self::Machine { name, .. }
            | Self::Loop { name } => name,
        }
    }

    /// The person, where it is one.
    pub const fn person(&self) -> Option<PersonId> {
        match self {
            Self::Person { person_id, .. } => Some(*person_id),
            _ => None,
        }
    }

    /// Whose sendings are told apart by their key: a person's from another's, a machine's from another's. One sender sees
    /// only what became of his own.
    pub const fn sender(&self) -> Option<uuid::Uuid> {
        match self {
            Self::Person { person_id, .. } => Some(person_id.0),
            Self::Machine { machine_id, .. } => Some(machine_id.0),
            Self::System { .. } | Self::Loop { .. } => None,
        }
    }

    /// Whether one of the person's roles is among these; a machine has rights and no role; systems and loops act with the right of whoever configured them.
    pub fn is_any(&self, wanted: &[Role]) -> bool {
        match self {
            Self::Person { roles, .. } => roles.iter().any(|role| wanted.contains(role)),
            Self::Machine { .. } => false,
            Self::System { .. } | Self::Loop { .. } => true,
        }
    }
}

text_enum! {
    /// What the key of a machine allows, in the words of the API.
    pub enum Right {
        /// Read orders.
        ReadOrders = "orders:read",
        /// Answer orders as their supplier.
        AnswerOrders = "orders:answer",
        /// Read ship notices.
        ReadShipNotices = "ship-notices:read",
        /// Send, amend and withdraw ship notices as the supplier.
        SendShipNotices = "ship-notices:send",
        /// Tell what happens to shipments on their way.
        TellMilestones = "milestones:tell",
        /// Read certificates.
        ReadCertificates = "certificates:read",
        /// Hand in certificates as the supplier.
        HandInCertificates = "certificates:hand-in",
        /// Read receipts.
        ReadReceipts = "receipts:read",
        /// Tell what was received.
        PostReceipts = "receipts:post",
        /// Ask which lots may be used.
        CheckRelease = "release-checks:ask",
        /// Read how much there is.
        ReadStock = "stock:read",
    }
}

impl Right {
    /// Can be given to a machine of a supplier.
    pub const fn is_suppliers(self) -> bool {
        !matches!(self, Self::PostReceipts | Self::ReadReceipts | Self::CheckRelease | Self::ReadStock)
    }

    /// Can be given to a machine of the house: whoever promises and ships is the supplier's.
    pub const fn is_houses(self) -> bool {
        !matches!(self, Self::AnswerOrders | Self::SendShipNotices | Self::HandInCertificates)
    }

    /// Which actions it allows.
    pub const fn allows(self) -> &'static [Action] {
        match self {
            Self::AnswerOrders => &[Action::AnswerOrder],
            Self::SendShipNotices => &[Action::SendShipNotice],
            Self::TellMilestones => &[Action::TellMilestone],
            Self::HandInCertificates => &[Action::HandInCertificate],
            Self::PostReceipts => &[Action::PostReceipt, Action::SeeInbound],
            Self::ReadReceipts => &[Action::SeeInbound],
            Self::CheckRelease => &[Action::SeeQuality],
            Self::ReadStock => &[Action::SeeStock],
            Self::ReadOrders | Self::ReadShipNotices | Self::ReadCertificates => &[],
        }
    }
}

text_enum! {
    /// What one can ask to do.
    pub enum Action {
        /// Answer an order as its supplier.
        AnswerOrder = "answer_order",
        /// Answer on a supplier's behalf, marked as such.
        AnswerOnBehalf = "answer_on_behalf",
        /// Accept, counter or reject a deviation.
        DecideDeviation = "decide_deviation",
        /// Send, amend and withdraw ship notices as the supplier.
        SendShipNotice = "send_ship_notice",
        /// Tell what happens to a shipment on its way.
        TellMilestone = "tell_milestone",
        /// Hand in and replace certificates as the supplier.
        HandInCertificate = "hand_in_certificate",
        /// Take a certificate or turn it away.
        DecideCertificate = "decide_certificate",
        /// Let a shipment go without a required certificate.
        WaiveCertificate = "waive_certificate",
        /// Say which certificates and values an item needs.
        ManageSpecifications = "manage_specifications",
        /// See what is expected at the dock.
        SeeInbound = "see_inbound",
        /// Check in and receive.
        PostReceipt = "post_receipt",
        /// Settle what differs between announced and received.
        SettleDifference = "settle_difference",
        /// See lots, holds and where material came from and went.
        SeeQuality = "see_quality",
        /// Record measured values and decide on the usage of a lot.
        DecideLot = "decide_lot",
        /// Place a hold, ask for its release and release it.
        ManageHolds = "manage_holds",
        /// Say which lots are inspected and whether a hold takes two persons to end.
        ManageQualityRules = "manage_quality_rules",
        /// See how much there is.
        SeeStock = "see_stock",
        /// See work orders, what they lack and what was reported of them.
        SeeProduction = "see_production",
        /// Correct or cancel a report whose posting is blocked.
        ManagePostings = "manage_postings",
        /// Make, rotate and revoke keys for machines of the own supplier.
        ManageOwnKeys = "manage_own_keys",
        /// Make, rotate and revoke keys for machines of the house.
        ManageKeys = "manage_keys",
        /// See connections, deliveries and arrivals.
        SeeExchange = "see_exchange",
        /// See payloads, which may carry prices.
        SeePayload = "see_payload",
        /// Pause, resume, configure, retry, skip.
        ManageExchange = "manage_exchange",
        /// Invite, disable, give roles.
        ManagePeople = "manage_people",
        /// Read the audit log.
        SeeAudit = "see_audit",
    }
}

/// Why an action is not allowed, in words for the page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} may not do this. It takes {}.", .who, .needs)]
pub struct Denied {
    /// Who tried.
    pub who: String,
    /// What would be needed.
    pub needs: String,
}

/// Whether `actor` may do `action`. The table of roles and rights, in one place.
pub fn may(actor: &Actor, action: Action) -> Result<(), Denied> {
    let wanted: &[Role] = match action {
        Action::AnswerOrder => &[Role::Supplier, Role::SupplierAdmin],
        Action::AnswerOnBehalf | Action::DecideDeviation => &[Role::Buyer],
        Action::SendShipNotice | Action::HandInCertificate => &[Role::Supplier, Role::SupplierAdmin],
        Action::TellMilestone => &[Role::Supplier, Role::SupplierAdmin, Role::ReceivingClerk],
        Action::DecideCertificate
        | Action::ManageSpecifications
        | Action::DecideLot
        | Action::ManageHolds
        | Action::ManageQualityRules => &[Role::QualityEngineer],
        Action::WaiveCertificate => &[Role::QualityEngineer, Role::Buyer],
        Action::SeeInbound => &[Role::ReceivingClerk, Role::Buyer, Role::QualityEngineer, Role::PlantManager],
        Action::PostReceipt => &[Role::ReceivingClerk],
        Action::SettleDifference => &[Role::Buyer],
        Action::SeeQuality => &[Role::QualityEngineer, Role::PlantManager, Role::Buyer, Role::ReceivingClerk],
        Action::SeeStock => &[Role::Buyer, Role::QualityEngineer, Role::PlantManager, Role::ReceivingClerk],
        Action::SeeProduction => &[Role::PlantManager, Role::QualityEngineer, Role::Buyer, Role::IntegrationAdmin],
        Action::ManagePostings => &[Role::PlantManager, Role::IntegrationAdmin],
        Action::ManageOwnKeys => &[Role::SupplierAdmin],
        Action::ManageKeys => &[Role::IntegrationAdmin],
        Action::SeeExchange => &[Role::IntegrationAdmin, Role::Administrator, Role::PlantManager],
        Action::SeePayload | Action::ManageExchange => &[Role::IntegrationAdmin],
        Action::ManagePeople | Action::SeeAudit => &[Role::Administrator],
    };
    let needs = match actor {
        Actor::Machine { rights, .. } => {
            if rights.iter().any(|right| right.allows().contains(&action)) {
                return Ok(());
            }
            let enough = Right::ALL.iter().filter(|right| right.allows().contains(&action)).map(|right| right.as_str());
            match enough.collect::<Vec<_>>().join(" or ") {
                none if none.is_empty() => "a person".to_owned(),
                rights => format!("a key with the right {rights}"),
            }
        }
        _ if actor.is_any(wanted) => return Ok(()),
        _ => format!("the role {}", wanted.iter().map(|role| role.title()).collect::<Vec<_>>().join(" or ")),
    };
    Err(Denied { who: actor.name().to_owned(), needs })
}
