//! The typeface of labels, embedded in the program: the portal's own, as TrueType, because a PDF takes no woff2. It measures
//! text, so that the layout knows what fits before anything is drawn.

use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, GlyphId, MetadataProvider};

use crate::{LabelError, Um};

/// Regular, for words.
pub const REGULAR: &[u8] = include_bytes!("../fonts/AtkinsonHyperlegibleNext-Regular.ttf");
/// Bold, for data.
pub const BOLD: &[u8] = include_bytes!("../fonts/AtkinsonHyperlegibleNext-Bold.ttf");

/// How strong letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For words.
    Regular,
    /// For data.
    Bold,
}

/// One weight of the typeface with its measures.
pub struct Face {
    letters: Charmap<'static>,
    widths: GlyphMetrics<'static>,
    units_per_em: i32,
    cap_height: i32,
    replacement: GlyphId,
}

impl Face {
    /// Reads the embedded font.
    pub fn new(weight: Weight) -> Result<Self, LabelError> {
        let bytes = match weight {
            Weight::Regular => REGULAR,
            Weight::Bold => BOLD,
        };
        let font = FontRef::new(bytes).map_err(|error| LabelError::Font(error.to_string()))?;
        let metrics = font.metrics(Size::unscaled(), LocationRef::default());
        let widths = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let letters = font.charmap();
        let replacement = letters.map('?').unwrap_or(GlyphId::NOTDEF);
        let units_per_em = i32::from(metrics.units_per_em);
        // Unscaled measures are whole numbers of font units.
        let cap_height = metrics.cap_height.map_or(units_per_em * 7 / 10, |height| height as i32);
        Ok(Self { letters, widths, units_per_em, cap_height, replacement })
    }

    /// The glyph of a letter; a question mark where the font has none, so that the reader sees that something is missing.
    pub fn glyph(&self, letter: char) -> GlyphId {
        self.letters.map(letter).unwrap_or(self.replacement)
    }

    /// How far the next letter stands behind this one, in font units.
    pub fn advance(&self, glyph: GlyphId) -> i32 {
        self.widths.advance_width(glyph).map_or(0, |width| width as i32)
    }

    /// Font units in one em.
    pub const fn units_per_em(&self) -> i32 {
        self.units_per_em
    }

    /// Natural width of a line at that size.
    pub fn width(&self, text: &str, size: Um) -> Um {
        let units: i64 = text.chars().map(|letter| i64::from(self.advance(self.glyph(letter)))).sum();
        Um::try_from(units * i64::from(size) / i64::from(self.units_per_em.max(1))).unwrap_or(Um::MAX)
    }

    /// The size at which capitals and digits are that high.
    pub fn size_for_capitals(&self, height: Um) -> Um {
        let size = i64::from(height) * i64::from(self.units_per_em) / i64::from(self.cap_height.max(1));
        Um::try_from(size + 1).unwrap_or(Um::MAX)
    }
}
