//! The sizes that labels come in.

use std::str::FromStr;

use crate::{Um, mm};

/// A size of label, upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paper {
    /// 105 × 148 mm, the usual size of a logistics label.
    #[default]
    A6,
    /// 148 × 210 mm.
    A5,
    /// 4 × 6 inches.
    FourBySix,
}

impl Paper {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::A6, Self::A5, Self::FourBySix];

    /// The word in an address, `?size=a6`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A6 => "a6",
            Self::A5 => "a5",
            Self::FourBySix => "4x6",
        }
    }

    /// Width and height.
    pub const fn size(self) -> (Um, Um) {
        match self {
            Self::A6 => (mm(105), mm(148)),
            Self::A5 => (mm(148), mm(210)),
            Self::FourBySix => (101_600, 152_400),
        }
    }

    /// The width of the narrowest bar of the SSCC (X-dimension). GS1 allows 0.495 to 1.016 mm on a logistics label; half a
    /// millimetre is a whole number of dots on printers of 8 and of 12 dots per millimetre.
    pub const fn module(self) -> Um {
        match self {
            Self::A6 | Self::FourBySix => 500,
            Self::A5 => 750,
        }
    }
}

impl FromStr for Paper {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|paper| paper.as_str() == word);
        known.ok_or_else(|| format!("{word:?} is no size of label; known are a6, a5 and 4x6."))
    }
}
