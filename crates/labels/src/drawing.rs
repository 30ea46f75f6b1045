//! What a label looks like, as a list of marks with their places. From the top left corner, in micrometres.

use crate::Um;
use crate::type_face::Weight;

/// One label, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// Width of the paper.
    pub width: Um,
    /// Height of the paper.
    pub height: Um,
    /// What is on it.
    pub marks: Vec<Mark>,
}

/// Something black on white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A line of text.
    Text(Text),
    /// A barcode.
    Bars(Bars),
    /// A line between sections.
    Rule {
        /// Left end.
        x: Um,
        /// Upper edge.
        y: Um,
        /// Length.
        width: Um,
        /// Thickness.
        height: Um,
    },
}

/// A line of text on its baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Left end.
    pub x: Um,
    /// The line that letters stand on.
    pub baseline: Um,
    /// Height of the em square: what designers call the size of a font.
    pub size: Um,
    /// Width of the letters in percent of their natural width; less than 100 makes them narrower.
    pub width_percent: i32,
    /// How strong.
    pub weight: Weight,
    /// The words.
    pub text: String,
}

/// An upright barcode (picket fence).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// Where the first bar begins; the quiet zone is left of it.
    pub x: Um,
    /// Upper end of the bars.
    pub y: Um,
    /// Height of the bars.
    pub height: Um,
    /// Width of the narrowest bar.
    pub module: Um,
    /// Black or white, module by module.
    pub modules: Vec<bool>,
    /// The SSCC that they say, for printers that make bars themselves.
    pub sscc: String,
}

impl Bars {
    /// Width without quiet zones.
    pub fn width(&self) -> Um {
        self.module.saturating_mul(Um::try_from(self.modules.len()).unwrap_or(Um::MAX))
    }

    /// Each black bar as left end and width: neighbouring black modules are one bar.
    pub fn black(&self) -> Vec<(Um, Um)> {
        let mut bars: Vec<(Um, Um)> = Vec::new();
        let mut x = self.x;
        let mut before = false;
        for black in &self.modules {
            match bars.last_mut() {
                Some((_, width)) if *black && before => *width += self.module,
                _ if *black => bars.push((x, self.module)),
                _ => {}
            }
            before = *black;
            x += self.module;
        }
        bars
    }
}
