//! Planted bugs: each is a mistake that somebody has made in a system like this. They sit in the simulated shell, tables
//! and receiver, never in the core; a test proves that the checker catches every one.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    #[default]
    None,
    /// The reader remembers the highest id and nothing else.
    IdCursor,
    /// The usual mend: only rows below the snapshot's xmin, still with an id cursor.
    XminCursor,
    /// A gap's horizon is the snapshot's xmax ("one past the highest completed id") instead of a fresh id.
    XmaxAsHorizon,
    /// A gap is given up when it is not found at the first look.
    ImpatientGap,
    /// The cursor is written when a page is read, before the outcomes are.
    AcknowledgeBeforeCommit,
    /// The receiver keeps no idempotency keys.
    NoInboxKey,
    /// Each try has a key of its own.
    KeyPerTry,
    /// The store writes whatever the fence number says.
    IgnoredFence,
    /// A batch is written row by row: a crash leaves half of it, with the cursor first.
    TornBatch,
    /// A parked row does not hold its lane.
    ParkedLetsPass,
    /// Nobody promotes the next held row after a skip or a success.
    NoPromotion,
    /// The reader wakes only when it is told, and looks at nothing by itself.
    NotifyOnly,
    /// A new owner forgets which subjects are in trouble.
    ForgottenTrouble,
    /// A new owner forgets the gaps.
    ForgottenGaps,
}

impl Flaw {
    pub const ALL: [Self; 14] = [
        Self::IdCursor,
        Self::XminCursor,
        Self::XmaxAsHorizon,
        Self::ImpatientGap,
        Self::AcknowledgeBeforeCommit,
        Self::NoInboxKey,
        Self::KeyPerTry,
        Self::IgnoredFence,
        Self::TornBatch,
        Self::ParkedLetsPass,
        Self::NoPromotion,
        Self::NotifyOnly,
        Self::ForgottenTrouble,
        Self::ForgottenGaps,
    ];
}
