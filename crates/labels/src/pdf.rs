//! Labels as PDF, one page each, in their true size; fonts embedded, so that every reader and printer shows the same.

use krilla::Document;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};

use crate::drawing::{Drawing, Mark, Text};
use crate::label::Label;
use crate::layout::Layout;
use crate::paper::Paper;
use crate::type_face::{BOLD, Face, REGULAR, Weight};
use crate::{LabelError, Um};

/// The labels in one document. Pages are written as they come, so that memory grows with the finished PDF (about 2 KB a
/// label) and not with what it is made from.
pub fn pdf(title: &str, labels: impl IntoIterator<Item = Label>, paper: Paper) -> Result<Vec<u8>, LabelError> {
    let layout = Layout::new(paper)?;
    let fonts = Fonts { regular: font(REGULAR)?, bold: font(BOLD)? };
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(title.to_owned()).language("en".to_owned()));
    for label in labels {
        page(&mut document, &layout, &fonts, &layout.place(&label)?)?;
    }
    document.finish().map_err(|error| LabelError::Pdf(format!("{error:?}")))
}

struct Fonts {
    regular: Font,
    bold: Font,
}

fn font(bytes: &'static [u8]) -> Result<Font, LabelError> {
    Font::new(bytes.into(), 0).ok_or_else(|| LabelError::Font("not a font".to_owned()))
}

fn page(document: &mut Document, layout: &Layout, fonts: &Fonts, drawing: &Drawing) -> Result<(), LabelError> {
    let settings = PageSettings::from_wh(points(drawing.width), points(drawing.height))
        .ok_or_else(|| LabelError::Pdf("a page without size".to_owned()))?;
    let mut page = document.start_page_with(settings);
    let mut surface = page.surface();
    for mark in &drawing.marks {
        match mark {
            Mark::Text(text) => write(&mut surface, layout.face(text.weight), fonts, text),
            Mark::Bars(bars) => {
                fill(&mut surface, bars.black().into_iter().map(|(x, width)| (x, bars.y, width, bars.height)));
            }
            Mark::Rule { x, y, width, height } => fill(&mut surface, [(*x, *y, *width, *height)].into_iter()),
        }
    }
    surface.finish();
    page.finish();
    Ok(())
}

/// Black rectangles as one path: left, top, width, height.
fn fill(surface: &mut Surface<'_>, rectangles: impl Iterator<Item = (Um, Um, Um, Um)>) {
    let mut path = PathBuilder::new();
    for (x, y, width, height) in rectangles {
        if let Some(rectangle) = Rect::from_ltrb(points(x), points(y), points(x + width), points(y + height)) {
            path.push_rect(rectangle);
        }
    }
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}

fn write(surface: &mut Surface<'_>, face: &Face, fonts: &Fonts, text: &Text) {
    let font = match text.weight {
        Weight::Regular => &fonts.regular,
        Weight::Bold => &fonts.bold,
    };
    let glyphs: Vec<KrillaGlyph> = text
        .text
        .char_indices()
        .map(|(at, letter)| {
            let glyph = face.glyph(letter);
            let advance = part(face.advance(glyph), face.units_per_em());
            let range = at..at + letter.len_utf8();
            KrillaGlyph::new(GlyphId::new(glyph.to_u32()), advance, 0.0, 0.0, 0.0, range, None)
        })
        .collect();
    // Narrower letters are the same letters under a transformation; the origin is where the line begins.
    let narrow = part(text.width_percent, 100);
    surface.push_transform(&Transform::from_row(narrow, 0.0, 0.0, 1.0, points(text.x), points(text.baseline)));
    surface.draw_glyphs(Point::from_xy(0.0, 0.0), &glyphs, font.clone(), &text.text, points(text.size), false);
    surface.pop();
}

/// PDF measures in points, 72 to the inch.
#[expect(clippy::float_arithmetic, reason = "lengths on paper, not quantities; PDF speaks in fractions of points")]
fn points(length: Um) -> f32 {
    length as f32 * 72.0 / 25_400.0
}

#[expect(clippy::float_arithmetic, reason = "the shape of letters, not quantities")]
fn part(of: i32, whole: i32) -> f32 {
    of as f32 / whole.max(1) as f32
}
