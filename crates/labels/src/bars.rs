//! The barcode of a label: GS1-128, which is Code 128 that begins with FNC1.

use barcoders::sym::code128::Code128;
use domain::gs1;

use crate::LabelError;

/// What barcoders wants to hear for "begin in character set C" and for FNC1.
const SET_C: char = '\u{106}';
const FNC1: char = '\u{179}';

/// The modules of an SSCC from left to right, true for black, without quiet zones. Always 156: start, FNC1, ten pairs of
/// digits, check character and stop.
pub fn sscc(number: &str) -> Result<Vec<bool>, LabelError> {
    if !gs1::is_sscc(number) {
        return Err(LabelError::NotAnSscc(number.to_owned()));
    }
    let code = Code128::new(format!("{SET_C}{FNC1}00{number}")).map_err(|error| LabelError::Bars(error.to_string()))?;
    Ok(code.encode().into_iter().map(|module| module == 1).collect())
}
