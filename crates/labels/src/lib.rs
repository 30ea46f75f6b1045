//! What is printed on packages: the GS1 logistics label of a handling unit, as PDF in millimetres and as ZPL for thermal
//! printers.
//!
//! Pure: a ship notice of the `domain` goes in, bytes come out. The way through the files: [`label`] says what stands on a
//! label, [`layout`] puts it in its place on the [`paper`] as a list of marks ([`drawing`]), and [`pdf`] and [`zpl`] draw that
//! one list, so that both show the same. [`bars`] is the barcode, [`type_face`] measures text.
//!
//! All lengths are whole micrometres ([`Um`]): a millimetre is 1000, and nothing is rounded before it is drawn. The rules are
//! those of the GS1 General Specifications for logistics labels: three sections, the SSCC lowest, its bars upright, at least
//! 32 mm high, with ten modules of quiet zone on both sides; data in characters at least 7 mm high under its title.

pub mod bars;
pub mod drawing;
pub mod label;
pub mod layout;
pub mod paper;
pub mod pdf;
pub mod type_face;
pub mod zpl;

/// Micrometres.
pub type Um = i32;

/// Millimetres in micrometres.
pub const fn mm(millimetres: i32) -> Um {
    millimetres * 1000
}

/// Why labels cannot be made. Each is a fault of ours or of the data at hand, none of the person who prints.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// What should be the number of a package is none.
    #[error("{0} is no SSCC; the package cannot be labelled")]
    NotAnSscc(String),
    /// The barcode library refused.
    #[error("the barcode cannot be encoded: {0}")]
    Bars(String),
    /// The embedded font cannot be read.
    #[error("the embedded font cannot be read: {0}")]
    Font(String),
    /// The PDF library refused.
    #[error("the PDF cannot be written: {0}")]
    Pdf(String),
}
