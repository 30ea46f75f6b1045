//! Labels as ZPL II, the language of thermal printers: the same marks in the same places, drawn with the printer's own
//! letters and bars.
//!
//! What people typed cannot become a command: of everything but letters, digits and blanks the bytes are written in
//! hexadecimal (`^FH`), as UTF-8 (`^CI28`).

use std::fmt::Write;

use crate::drawing::{Drawing, Mark};
use crate::label::Label;
use crate::layout::Layout;
use crate::{LabelError, Um};

/// How fine the printer prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dots {
    /// 8 dots per millimetre, called 203 dpi.
    #[default]
    Eight,
    /// 12 dots per millimetre, called 300 dpi.
    Twelve,
}

impl Dots {
    const fn of(self, length: Um) -> i32 {
        let per_millimetre = match self {
            Self::Eight => 8,
            Self::Twelve => 12,
        };
        (length * per_millimetre + 500) / 1000
    }
}

/// One label, ready for the printer.
pub fn zpl(layout: &Layout, label: &Label, dots: Dots) -> Result<String, LabelError> {
    Ok(drawn(&layout.place(label)?, dots))
}

fn drawn(drawing: &Drawing, dots: Dots) -> String {
    let mut zpl = format!("^XA\n^CI28\n^PW{}\n^LL{}\n^LH0,0\n", dots.of(drawing.width), dots.of(drawing.height));
    for mark in &drawing.marks {
        // Writing to a String cannot fail.
        let _written = match mark {
            Mark::Text(text) => {
                let height = dots.of(text.size);
                let width = height * text.width_percent / 100;
                let (x, y) = (dots.of(text.x), dots.of(text.baseline));
                writeln!(zpl, "^FT{x},{y}^A0N,{height},{width}^FH_^FD{}^FS", escaped(&text.text))
            }
            // In the data, `>;` begins in character set C and `>8` is FNC1.
            Mark::Bars(bars) => writeln!(
                zpl,
                "^FO{},{}^BY{}^BCN,{},N,N,N,N^FD>;>800{}^FS",
                dots.of(bars.x),
                dots.of(bars.y),
                dots.of(bars.module),
                dots.of(bars.height),
                bars.sscc
            ),
            Mark::Rule { x, y, width, height } => {
                let thick = dots.of(*height).max(1);
                writeln!(zpl, "^FO{},{}^GB{},{thick},{thick}^FS", dots.of(*x), dots.of(*y), dots.of(*width))
            }
        };
    }
    zpl.push_str("^XZ\n");
    zpl
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut buffer = [0; 4];
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || letter == ' ' {
            escaped.push(letter);
        } else {
            for byte in letter.encode_utf8(&mut buffer).bytes() {
                let _written = write!(escaped, "_{byte:02X}");
            }
        }
    }
    escaped
}
