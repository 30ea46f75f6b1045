//! The six tones. Only exceptions get a colour, and a shape and a word always stand beside it.

/// What a mark says about urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Confirmed, accepted, released: a check.
    Ok,
    /// Draft, not due, closed: a hollow circle.
    Neutral,
    /// In progress, waiting for another side: a half circle.
    Info,
    /// On hold for quality: bars; never to be mixed up with late.
    Hold,
    /// Deviates, due soon, retrying: a triangle.
    Warn,
    /// Late, refused, failed: a diamond.
    Crit,
}

impl Tone {
    /// The value of `data-tone`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Neutral => "neutral",
            Self::Info => "info",
            Self::Hold => "hold",
            Self::Warn => "warn",
            Self::Crit => "crit",
        }
    }

    /// Its shape in the sprite.
    pub const fn shape(self) -> &'static str {
        match self {
            Self::Ok => "s-ok",
            Self::Neutral => "s-neutral",
            Self::Info => "s-info",
            Self::Hold => "s-hold",
            Self::Warn => "s-warn",
            Self::Crit => "s-crit",
        }
    }
}
