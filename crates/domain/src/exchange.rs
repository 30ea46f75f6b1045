//! The words of the exchange with other systems: states that stores, loops and pages share. See `docs/architecture.md`.

use crate::text::text_enum;

text_enum! {
    /// How far one event's trip to one connection is. Pending needs no row and so no word: the cursor has not passed it.
    pub enum DeliveryState {
        /// The other system has it.
        Delivered = "delivered",
        /// Failed for now; tried again at a set time.
        Retrying = "retrying",
        /// Needs a person: refused, or tries used up. The dead letter.
        Parked = "parked",
        /// Waits behind a retrying or parked one of the same subject.
        Held = "held",
        /// A person decided to leave it out, with a reason.
        Skipped = "skipped",
        /// A later one made it needless.
        Superseded = "superseded",
    }
}

impl DeliveryState {
    /// Nothing more will happen by itself or by a person.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Skipped | Self::Superseded)
    }
}

text_enum! {
    /// Why a try failed; decides what happens next.
    pub enum FaultClass {
        /// This document cannot be taken now (locked, too many calls): again later, counts as a try.
        Temporary = "temporary",
        /// The system cannot be reached or says that it is down: the circuit opens, no try is used up.
        Down = "down",
        /// Our log-in is not accepted: the circuit opens until somebody mends it.
        Credentials = "credentials",
        /// The other side does not speak what we expect: the circuit opens until somebody mends it.
        Contract = "contract",
        /// Never going to work: parked.
        Permanent = "permanent",
        /// Their business rule says no, in words for a person: parked.
        Refused = "refused",
        /// No answer that can be read as yes or no: asked again with the same key.
        Unknown = "unknown",
    }
}

text_enum! {
    /// What made a delivery.
    pub enum TriggeredBy {
        /// The event itself.
        Event = "event",
        /// A person, again.
        Resend = "resend",
        /// A person, to test the connection.
        Probe = "probe",
        /// Somebody wants fresh data.
        Query = "query",
    }
}

text_enum! {
    /// Whether we call a system at all.
    pub enum CircuitState {
        /// All is well.
        Closed = "closed",
        /// Not called until the time that stands beside it.
        Open = "open",
        /// One delivery is tried.
        HalfOpen = "half_open",
    }
}

text_enum! {
    /// How serious a connection is.
    pub enum Stage {
        /// Tried out.
        Test = "test",
        /// With a few.
        Pilot = "pilot",
        /// With everybody.
        Live = "live",
    }
}

text_enum! {
    /// What became of a message received.
    pub enum ArrivalState {
        /// Stored raw, not looked at yet.
        Received = "received",
        /// Understood and done.
        Applied = "applied",
        /// Understood, and a rule says no.
        Refused = "refused",
        /// Not understood; kept raw, to be applied again after a fix.
        NotUnderstood = "not_understood",
        /// Failed for a reason of ours; tried again.
        Retrying = "retrying",
    }
}
