//! The demo's quality: which certificates its items need, and what they must show.
//!
//! Limits of the steel are those of EN ISO 683-2:2018 for 42CrMo4, quenched and tempered, with a diameter over 40 up to
//! 100 mm; the hardness of the shaft is of an imagined drawing.

use anyhow::Context as _;
use chrono::NaiveDate;
use domain::Decimal;
use domain::certificate::specification::Characteristic;
use domain::certificate::{CertificateKind, CertificatePer};
use domain::command::ItemSnapshot;
use domain::quantity::Unit;
use store::specifications::{self, NewRequirement, NewSpecification};
use store::{Tx, reference};

/// (item, description, unit) as the simulated ERP will tell them; needed before its first message.
const ITEMS: [(&str, &str, &str); 5] = [
    ("0415-90", "Round bar 42CrMo4+QT, Ø 50", "KG"),
    ("0415-65", "Round bar 42CrMo4+QT, Ø 36", "KG"),
    ("0107-45B", "Output shaft 45 mm, hardened", "PCE"),
    ("0034-11C", "Gear housing, upper half", "PCE"),
    ("2071-01", "Seal kit for cylinder 63/36", "SET"),
];

/// (item, certificate, one for what)
const REQUIRED: [(&str, CertificateKind, CertificatePer); 5] = [
    ("0415-90", CertificateKind::En31, CertificatePer::Lot),
    ("0415-65", CertificateKind::En31, CertificatePer::Lot),
    ("0107-45B", CertificateKind::En31, CertificatePer::Lot),
    ("0034-11C", CertificateKind::Coc, CertificatePer::Delivery),
    ("2071-01", CertificateKind::Coc, CertificatePer::Standing),
];

/// (name, also called, unit, lower, upper, method, must be shown)
type Line = (&'static str, &'static [&'static str], &'static str, &'static str, &'static str, &'static str, bool);

const CHEMISTRY: [Line; 7] = [
    ("C", &["Carbon"], "%", "0.38", "0.45", "", true),
    ("Si", &["Silicon"], "%", "0.10", "0.40", "", true),
    ("Mn", &["Manganese"], "%", "0.60", "0.90", "", true),
    ("P", &["Phosphorus"], "%", "", "0.025", "", true),
    ("S", &["Sulphur", "Sulfur"], "%", "", "0.035", "", true),
    ("Cr", &["Chromium"], "%", "0.90", "1.20", "", true),
    ("Mo", &["Molybdenum"], "%", "0.15", "0.30", "", true),
];

const STRENGTH: [Line; 4] = [
    ("Rm", &["Tensile strength", "Zugfestigkeit"], "MPa", "900", "1100", "ISO 6892-1", true),
    ("Rp0.2", &["Yield strength", "Proof strength", "Streckgrenze"], "MPa", "650", "", "ISO 6892-1", true),
    ("A", &["Elongation", "A5", "Bruchdehnung"], "%", "12", "", "ISO 6892-1", true),
    ("KV", &["KV2", "Impact energy", "Charpy impact energy"], "J", "35", "", "ISO 148-1", true),
];

const SHAFT: [Line; 1] = [("HRC", &["Hardness", "Surface hardness"], "HRC", "54", "60", "ISO 6508-1", true)];

/// Adds what is not there yet.
pub async fn load(tx: &mut Tx, from: NaiveDate) -> anyhow::Result<()> {
    let items: Vec<ItemSnapshot> = ITEMS
        .iter()
        .map(|(number, description, unit)| ItemSnapshot {
            number: (*number).to_owned(),
            description: (*description).to_owned(),
            unit: Unit::new(unit),
            revision: None,
            rules: None,
        })
        .collect();
    let mut missing = Vec::new();
    for item in &items {
        // What the ERP has told of an item stays.
        if specifications::item(tx, &item.number).await.is_err() {
            missing.push(item);
        }
    }
    reference::mirror_items(tx, &missing).await?;
    for (item, kind, per) in REQUIRED {
        let known = specifications::item(tx, item).await?;
        if specifications::requirements(tx, Some(known.item_id)).await?.is_empty() {
            let new = NewRequirement { item: item.to_owned(), supplier: None, plant: None, kind, per };
            specifications::add_requirement(tx, &new).await?;
        }
    }
    let steel: Vec<&Line> = CHEMISTRY.iter().chain(&STRENGTH).collect();
    let shaft: Vec<&Line> = CHEMISTRY.iter().chain(&SHAFT).collect();
    specify(tx, "0415-90", &steel, "EN ISO 683-2:2018, 42CrMo4+QT, over 40 up to 100 mm", from).await?;
    specify(tx, "0107-45B", &shaft, "EN ISO 683-2:2018, 42CrMo4; hardness as on the drawing", from).await?;
    Ok(())
}

async fn specify(tx: &mut Tx, item: &str, lines: &[&Line], note: &str, from: NaiveDate) -> anyhow::Result<()> {
    let known = specifications::item(tx, item).await?;
    if !specifications::versions(tx, known.item_id).await?.is_empty() {
        return Ok(());
    }
    let characteristics: Result<Vec<Characteristic>, _> = lines.iter().map(|line| characteristic(line)).collect();
    let new = NewSpecification {
        item: item.to_owned(),
        read: 0,
        valid_from: from,
        characteristics: characteristics.context("a limit of the demo is no number")?,
        note: Some(note.to_owned()),
        submission: uuid::Uuid::new_v4(),
    };
    specifications::save(tx, &new).await?;
    Ok(())
}

fn characteristic(line: &Line) -> anyhow::Result<Characteristic> {
    let (name, aliases, unit, lower, upper, method, required) = *line;
    let limit = |text: &str| -> anyhow::Result<Option<Decimal>> {
        Ok(if text.is_empty() { None } else { Some(text.parse()?) })
    };
    Ok(Characteristic {
        name: name.to_owned(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        method: (!method.is_empty()).then(|| method.to_owned()),
        unit: Some(unit.to_owned()),
        lower: limit(lower)?,
        upper: limit(upper)?,
        required,
    })
}
