//! A QR code, drawn on the server as one path: it takes no script, no other file and no style attribute, and paper gets it
//! sharp. Black on white in every theme, because readers of codes expect that.

use leptos::prelude::*;
use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around the code; the standard wants four.
const QUIET: usize = 4;

/// The code of a text, named for those who cannot see it. None where the text is too long for one.
pub fn qr_code(text: &str, name: impl Into<String>) -> Option<AnyView> {
    let (side, path) = drawing(text)?;
    let inner = format!(r##"<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path fill="#000" d="{path}"/>"##);
    let view = view! {
        <svg class="qr" role="img" aria-label=name.into() viewBox=format!("0 0 {side} {side}") shape-rendering="crispEdges" inner_html=inner></svg>
    };
    Some(view.into_any())
}

/// Modules on each side, quiet zone included, and the dark ones as runs from left to right. A quarter of a code may be
/// soiled by what lies on a pallet and it is still read.
fn drawing(text: &str) -> Option<(usize, String)> {
    let code = QrCode::with_error_correction_level(text, EcLevel::Q).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|left, right| left == right) {
            if run.first() == Some(&Color::Dark) {
                path.push_str(&format!("M{} {}h{}v1h-{}z", x + QUIET, y + QUIET, run.len(), run.len()));
            }
            x += run.len();
        }
    }
    Some((width + 2 * QUIET, path))
}

#[cfg(test)]
mod tests {
    use rxing::common::HybridBinarizer;
    use rxing::qrcode::QRCodeReader;
    use rxing::{BinaryBitmap, Luma8LuminanceSource, Reader};

    use super::*;

    /// Dots per module.
    const DOTS: usize = 6;

    /// The path as a printer would lay it down.
    fn painted(side: usize, path: &str) -> Vec<u8> {
        let wide = side * DOTS;
        let mut picture = vec![255_u8; wide * wide];
        for run in path.split('M').skip(1) {
            let numbers: Vec<usize> =
                run.split([' ', 'h', 'v']).take(3).map(|number| number.parse().expect("a number of modules")).collect();
            let [x, y, length] = numbers[..] else { panic!("{run} is no run of modules") };
            for line in y * DOTS..(y + 1) * DOTS {
                picture[line * wide + x * DOTS..line * wide + (x + length) * DOTS].fill(0);
            }
        }
        picture
    }

    fn decoded(picture: Vec<u8>, side: usize) -> Option<String> {
        let wide = u32::try_from(side * DOTS).expect("a small picture");
        let source = Luma8LuminanceSource::new(picture, wide, wide).expect("the picture has that size");
        let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
        Some(QRCodeReader::new().decode(&mut bitmap).ok()?.getText().to_owned())
    }

    #[test]
    fn somebody_elses_reader_reads_the_code() {
        for text in [
            "https://portal.norvik.example/shipments/SN-000123",
            "http://127.0.0.1:3000/shipments/SN-000001",
            "SN-000001",
            "Größe 10 × 4",
        ] {
            let (side, path) = drawing(text).expect("the text fits");
            assert_eq!(decoded(painted(side, &path), side).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_code_with_a_stain_is_read() {
        let text = "https://portal.norvik.example/shipments/SN-000123";
        let (side, path) = drawing(text).expect("the text fits");
        let mut picture = painted(side, &path);
        let wide = side * DOTS;
        // In the middle, where no finder or alignment pattern is.
        for line in (side / 2 - 3) * DOTS..(side / 2 + 3) * DOTS {
            picture[line * wide + (side / 2 - 3) * DOTS..line * wide + (side / 2 + 3) * DOTS].fill(0);
        }
        assert_eq!(decoded(picture, side).as_deref(), Some(text));
    }

    #[test]
    fn what_is_too_long_for_a_code_has_none() {
        assert!(drawing(&"x".repeat(4_000)).is_none());
    }
}
