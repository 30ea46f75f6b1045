//! Labels are read again by somebody else: rxing reads the bars from a picture of the marks, and from the real PDF where
//! poppler's `pdftoppm` is at hand.

use std::process::Command;

use domain::gs1;
use domain::id::{HandlingUnitId, OrderLineId, ScheduleLineId, ShipLineId, ShipNoticeId};
use domain::quantity::Unit;
use domain::shipment::{HandlingUnit, PackageKind, Packed, ShipLine, ShipNotice, ShippedLot};
use domain::{Decimal, NaiveDate};
use labels::drawing::{Drawing, Mark, Text};
use labels::label::{self, Label, Party};
use labels::layout::{BARS_HEIGHT, DATA_HEIGHT, Layout, QUIET_MODULES};
use labels::paper::Paper;
use labels::type_face::{Face, Weight};
use labels::zpl::{Dots, zpl};
use labels::{Um, mm, pdf};
use proptest::prelude::*;
use rxing::common::HybridBinarizer;
use rxing::oned::MultiFormatOneDReader;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHintValue, DecodeHints, Luma8LuminanceSource, Reader};
use uuid::Uuid;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn party(name: &str) -> Party {
    Party { lines: vec![name.to_owned(), "Supplier 100234".to_owned(), "73430 Aalen".to_owned()] }
}

fn sscc(serial: u64) -> String {
    gs1::sscc("4012345", 3, serial).expect("it fits")
}

fn ship_line(number: i32, item: &str, lot: &str) -> ShipLine {
    ShipLine {
        ship_line_id: ShipLineId(Uuid::from_u128(7)),
        number,
        order: "4500017323".to_owned(),
        order_line_id: OrderLineId(Uuid::from_u128(8)),
        line: "0010".to_owned(),
        schedule_line_id: ScheduleLineId(Uuid::from_u128(9)),
        schedule: 1,
        item: item.to_owned(),
        description: "Flange DN80".to_owned(),
        unit: Unit::new("PCE"),
        quantity: Decimal::from(480),
        lots: vec![ShippedLot {
            lot: lot.to_owned(),
            quantity: Decimal::from(480),
            expires_on: Some(day("2027-02-28")),
            produced_on: None,
            origin: None,
            serials: Vec::new(),
        }],
        serials: Vec::new(),
    }
}

fn unit(at: u64, parent: Option<u64>, contents: &[(i32, &str, i64)]) -> HandlingUnit {
    let id = |at: u64| HandlingUnitId(Uuid::from_u128(1000 + u128::from(at)));
    let contents = contents.iter().map(|(line, lot, quantity)| Packed {
        line: *line,
        lot: Some((*lot).to_owned()),
        quantity: Decimal::from(*quantity),
    });
    HandlingUnit {
        handling_unit_id: id(at),
        sscc: sscc(at),
        kind: if parent.is_some() { PackageKind::Carton } else { PackageKind::Pallet },
        parent: parent.map(id),
        gross_kg: Some(Decimal::new(1_250, 1)),
        contents: contents.collect(),
    }
}

fn notice(units: Vec<HandlingUnit>) -> ShipNotice {
    ShipNotice {
        ship_notice_id: ShipNoticeId(Uuid::from_u128(1)),
        number: "SN-000017".to_owned(),
        version: 1,
        delivery_note: "LS-2026-118".to_owned(),
        ship_on: day("2026-11-23"),
        arrive_on: day("2026-11-25"),
        carrier: None,
        tracking: None,
        bill_of_lading: None,
        note: None,
        lines: vec![ship_line(1, "10-4711-80", "H-7731"), ship_line(2, "10-4711-99", "H-7732")],
        units,
    }
}

fn labels_of(notice: &ShipNotice) -> Vec<Label> {
    let (from, to) = (party("Präzisionsteile Weiß GmbH"), party("Plant 1000 Łódź"));
    label::of_notice(notice, &from, &to).collect()
}

fn one() -> Label {
    labels_of(&notice(vec![unit(1, None, &[(1, "H-7731", 480)])])).remove(0)
}

/// Reads a barcode from a grey picture.
fn decoded(picture: Vec<u8>, width: u32, height: u32) -> String {
    let source = Luma8LuminanceSource::new(picture, width, height).expect("the picture has that size");
    let code_128 = [BarcodeFormat::CODE_128].into_iter().collect();
    // The bars are the lowest on the label; without "harder" only the middle of the picture is looked at.
    let hints = DecodeHints::default()
        .with(DecodeHintValue::AssumeGs1(true))
        .with(DecodeHintValue::TryHarder(true))
        .with(DecodeHintValue::PossibleFormats(code_128));
    let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
    let found = MultiFormatOneDReader::new(&hints).decode_with_hints(&mut bitmap, &hints).expect("the bars are read");
    found.getText().to_owned()
}

/// Paints bars and rules at eight dots per millimetre; letters are left to the test of the PDF.
fn painted(drawing: &Drawing) -> (Vec<u8>, u32, u32) {
    let dots = |length: Um| usize::try_from(length / 125).expect("on the paper");
    let (width, height) = (dots(drawing.width), dots(drawing.height));
    let mut picture = vec![255_u8; width * height];
    let mut black = |x: Um, y: Um, wide: Um, high: Um| {
        for row in dots(y)..dots(y + high) {
            picture[row * width + dots(x)..row * width + dots(x + wide)].fill(0);
        }
    };
    for mark in &drawing.marks {
        match mark {
            Mark::Bars(bars) => bars.black().into_iter().for_each(|(x, wide)| black(x, bars.y, wide, bars.height)),
            Mark::Rule { x, y, width, height } => black(*x, *y, *width, *height),
            Mark::Text(_) => {}
        }
    }
    (picture, u32::try_from(width).expect("small"), u32::try_from(height).expect("small"))
}

fn texts(drawing: &Drawing) -> Vec<&Text> {
    drawing.marks.iter().filter_map(|mark| if let Mark::Text(text) = mark { Some(text) } else { None }).collect()
}

#[test]
fn the_bars_of_every_paper_are_read_as_the_sscc_that_they_say() {
    for paper in Paper::ALL {
        let drawing = Layout::new(*paper).and_then(|layout| layout.place(&one())).expect("it is laid out");
        let (picture, width, height) = painted(&drawing);
        assert_eq!(decoded(picture, width, height), format!("]C100{}", sscc(1)), "{paper:?}");
    }
}

#[test]
fn the_rules_of_gs1_hold_on_every_paper() {
    for paper in Paper::ALL {
        let drawing = Layout::new(*paper).and_then(|layout| layout.place(&one())).expect("it is laid out");
        let bars = drawing.marks.iter().find_map(|mark| if let Mark::Bars(bars) = mark { Some(bars) } else { None });
        let bars = bars.expect("a label has bars");
        assert!(bars.height >= BARS_HEIGHT && bars.height >= mm(32));
        assert!((495..=1_016).contains(&bars.module));
        let quiet = QUIET_MODULES * bars.module;
        assert!(bars.x >= quiet && bars.x + bars.width() + quiet <= drawing.width, "{paper:?} has its quiet zones");
        let lowest = texts(&drawing).into_iter().filter(|text| text.baseline > bars.y + bars.height);
        assert_eq!(lowest.map(|text| text.text.as_str()).collect::<Vec<_>>(), [format!("(00) {}", sscc(1))]);
        let face = Face::new(Weight::Bold).expect("the font is embedded");
        for datum in one().data {
            let shown = texts(&drawing).into_iter().find(|text| text.text == datum.value).expect("it stands in clear");
            assert!(shown.size >= face.size_for_capitals(DATA_HEIGHT), "{} is large enough", datum.title);
        }
    }
}

#[test]
fn a_label_says_what_lies_in_a_package_at_any_depth() {
    let units = vec![
        unit(1, None, &[]),
        unit(2, Some(1), &[(1, "H-7731", 240)]),
        unit(3, Some(1), &[(1, "H-7731", 240)]),
        unit(4, Some(1), &[(2, "H-7732", 12)]),
    ];
    let labels = labels_of(&notice(units));
    let said = |at: usize| {
        let data = labels[at].data.iter().map(|datum| format!("{} {}", datum.title, datum.value));
        data.collect::<Vec<_>>().join(" · ")
    };
    assert_eq!(
        said(1),
        "ORDER NUMBER 4500017323 · CONTENT 10-4711-80 · COUNT 240 PCE · BATCH/LOT H-7731 · EXPIRY 28 Feb 2027 · GROSS WEIGHT (kg) 125"
    );
    assert_eq!(
        said(0),
        "ORDER NUMBER 4500017323 · CONTENT MIXED · COUNT MIXED · BATCH/LOT MIXED · EXPIRY 28 Feb 2027 · GROSS WEIGHT (kg) 125"
    );
    assert_eq!(labels[3].remark, "Delivery note LS-2026-118 · package 4 of 4");
}

#[test]
fn a_number_that_is_no_sscc_is_never_printed() {
    let wrong = Label { sscc: "340123450000000001".to_owned(), ..one() };
    assert!(pdf::pdf("Labels", [wrong], Paper::A6).is_err());
}

#[test]
fn nothing_typed_becomes_a_command_of_the_printer() {
    let layout = Layout::new(Paper::A6).expect("the font is embedded");
    let from = Party { lines: vec!["Evil ^XZ^XA ~JR _5E \u{1b} Łódź".to_owned()] };
    let printed = zpl(&layout, &Label { from, ..one() }, Dots::Eight).expect("it is drawn");
    assert_eq!(printed.matches("^XA").count(), 1);
    assert_eq!(printed.matches("^XZ").count(), 1);
    assert!(!printed.contains('~') && printed.is_ascii());
    assert!(printed.contains("Evil _5EXZ_5EXA _7EJR _5F5E   _C5_81_C3_B3d_C5_BA"), "{printed}");
    assert!(printed.contains(&format!("^FD>;>800{}^FS", sscc(1))));
    assert!(printed.contains("^PW840\n^LL1184\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn whatever_people_write_stays_on_the_paper_and_inside_its_field(
        name in ".{0,60}", remark in "[ -~]{0,120}", lot in "[A-Z0-9-]{1,40}", paper in prop::sample::select(Paper::ALL)
    ) {
        let mut label = Label { from: Party { lines: vec![name] }, remark, ..one() };
        label.data[3].value = lot.clone();
        let layout = Layout::new(paper).expect("the font is embedded");
        let drawing = layout.place(&label).expect("it is laid out");
        for text in texts(&drawing) {
            let wide = layout.face(text.weight).width(&text.text, text.size) * text.width_percent / 100;
            prop_assert!(text.x >= 0 && text.x + wide <= drawing.width, "{:?} is {} wide", text.text, wide);
            prop_assert!((0..=drawing.height).contains(&text.baseline));
        }
        prop_assert!(texts(&drawing).iter().any(|text| text.text == lot), "data is never cut");
        let drawn = zpl(&layout, &label, Dots::Twelve).expect("it is drawn");
        prop_assert!(drawn.starts_with("^XA\n") && drawn.ends_with("^XZ\n"));
    }
}

#[test]
fn two_thousand_labels_are_one_pdf_of_bounded_size() {
    let units = (1..=2_000).map(|at| unit(at, None, &[(1, "H-7731", 12)])).collect();
    let notice = notice(units);
    let (from, to) = (party("Weiß"), party("Plant 1000"));
    let document = pdf::pdf("Labels", label::of_notice(&notice, &from, &to), Paper::A6).expect("it is written");
    assert!(document.len() < 8 * 1024 * 1024, "{} bytes", document.len());
}

#[test]
fn the_pdf_has_its_true_size_and_its_bars_are_read_from_the_printed_page() {
    let document = pdf::pdf("Labels of SN-000017", [one()], Paper::A6).expect("it is written");
    assert!(document.starts_with(b"%PDF-"));
    if Command::new("pdftoppm").arg("-v").output().is_err() {
        eprintln!("Skipped: pdftoppm is not installed (Debian's poppler-utils), so the page is not rendered.");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("labels.pdf");
    std::fs::write(&file, document).expect("it is written");
    let mut render = Command::new("pdftoppm");
    let rendered =
        render.args(["-gray", "-r", "300", "-singlefile"]).arg(&file).arg(directory.path().join("page")).status();
    assert!(rendered.expect("pdftoppm runs").success());
    let picture = std::fs::read(directory.path().join("page.pgm")).expect("a picture");
    let (pixels, width, height) = grey_map(&picture);
    // 105 × 148 mm at 300 dots per inch.
    assert!((1239..=1242).contains(&width) && (1747..=1750).contains(&height), "{width} × {height}");
    assert_eq!(decoded(pixels, width, height), format!("]C100{}", sscc(1)));
}

/// Reads a PGM: `P5`, width, height, 255, then a byte for each pixel.
fn grey_map(picture: &[u8]) -> (Vec<u8>, u32, u32) {
    let mut rest = picture;
    let mut words = Vec::new();
    while words.len() < 4 {
        let end = rest.iter().position(u8::is_ascii_whitespace).expect("a header");
        words.push(std::str::from_utf8(&rest[..end]).expect("text").to_owned());
        rest = &rest[end + 1..];
    }
    assert_eq!((words[0].as_str(), words[3].as_str()), ("P5", "255"));
    (rest.to_vec(), words[1].parse().expect("a width"), words[2].parse().expect("a height"))
}
