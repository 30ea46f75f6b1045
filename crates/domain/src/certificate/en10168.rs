//! Steel certificates as data: the field numbers of EN 10168:2004 in JSON, as the material identity schemas write them
//! (A commercial, B product, C inspection, D other tests, Z validation).
//!
//! Two shapes are met: one inspection, or a list of them of which each names its sample in C00.

use serde_json::Value;

use super::Measured;
use super::reading::{Transcript, date, decimal, en10204, short, text};

/// Reads what stands below `Certificate`.
pub(super) fn read(certificate: &Value) -> Transcript {
    let mut transcript = Transcript::default();
    let null = Value::Null;
    let part = |name: &str| certificate.get(name).unwrap_or(&null);
    let (commercial, product, validation) =
        (part("CommercialTransaction"), part("ProductDescription"), part("Validation"));
    transcript.kind = text(commercial.get("A02")).and_then(|words| en10204(&words));
    transcript.number = text(commercial.get("A03"));
    transcript.issuer = text(commercial.pointer("/A01/Name")).or_else(|| text(commercial.pointer("/A01/CompanyName")));
    transcript.delivery_note = text(commercial.get("A98"));
    transcript.issued_on = date(validation.get("Z02"));
    // B07: identification of the product, usually the heat.
    match product.get("B07") {
        Some(Value::Array(heats)) => heats.iter().for_each(|heat| transcript.add_lot(text(Some(heat)))),
        heat => transcript.add_lot(text(heat)),
    }
    match certificate.get("Inspection") {
        Some(Value::Array(samples)) => samples.iter().for_each(|sample| inspection(&mut transcript, sample)),
        Some(sample) => inspection(&mut transcript, sample),
        None => {}
    }
    transcript
}

fn inspection(transcript: &mut Transcript, sample: &Value) {
    // A value is for one lot where the sample names one of the lots of the certificate; otherwise it is for all.
    let lot = text(sample.get("C00")).filter(|lot| transcript.lots.contains(lot));
    if let Some(composition) = sample.get("ChemicalComposition").and_then(Value::as_object) {
        for (field, element) in composition {
            let Some(symbol) = text(element.get("Symbol")).filter(|_| field.starts_with('C')) else { continue };
            let actual = element.get("Actual").or(Some(element));
            add(transcript, symbol, actual.and_then(|it| it.get("Value")), text(element.get("Unit")), &lot);
        }
    }
    let tables: [(&str, &[(&str, &str)]); 4] = [
        (
            "TensileTest",
            &[("C11", "Yield or proof strength"), ("C12", "Tensile strength"), ("C13", "Elongation after fracture")],
        ),
        ("HardnessTest", &[("C32", "Hardness")]),
        ("NotchedBarImpactTest", &[("C43", "Impact energy")]),
        ("OtherMechanicalTests", &[]),
    ];
    for (test, fields) in tables {
        let Some(results) = sample.get(test) else { continue };
        let method = text(results.get("C10"))
            .or_else(|| text(results.get("C30")))
            .or_else(|| text(results.get("C40")).filter(|it| it.contains("ISO") || it.contains("EN")));
        for (field, otherwise) in fields {
            // C43 is the mean of the single values in C42; the mean is what limits are for (EN ISO 148-1).
            let Some(result) = results.get(*field) else { continue };
            let name = text(result.get("Property")).unwrap_or_else(|| (*otherwise).to_owned());
            let before = transcript.values.len();
            add(transcript, name, result.get("Value"), text(result.get("Unit")), &lot);
            if let (Some(value), Some(method)) = (transcript.values.get_mut(before), &method) {
                value.method = Some(method.clone());
            }
        }
    }
}

fn add(transcript: &mut Transcript, name: String, value: Option<&Value>, unit: Option<String>, lot: &Option<String>) {
    let characteristic = short(&name, 120);
    match decimal(value) {
        Some(value) => transcript.add_value(Measured { characteristic, lot: lot.clone(), method: None, unit, value }),
        None => transcript.leave_out(&characteristic, &text(value).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::certificate::CertificateKind;

    #[test]
    fn a_steel_certificate_becomes_a_transcript() {
        let transcript = read(&json!({
            "CommercialTransaction": {
                "A01": { "Name": "Stahlwerk Nord" }, "A02": "Abnahmeprüfzeugnis EN 10204:2004 3.1", "A03": "Z-4711", "A98": "LS-9"
            },
            "ProductDescription": { "B07": ["H-1", "H-2", "H-1"] },
            "Inspection": [
                { "C00": "H-1", "ChemicalComposition": {
                    "C70": "Y",
                    "C71": { "Symbol": "C", "Actual": { "Value": "0.420" }, "Unit": "%" },
                    "C72": { "Symbol": "Si", "Actual": { "Value": "n.a." }, "Unit": "%" } },
                  "TensileTest": { "C10": "ISO 6892-1", "C12": { "Property": "Rm", "Value": 957.5, "Unit": "MPa" } } },
                { "C00": "elsewhere", "NotchedBarImpactTest": { "C42": [{ "Value": 71 }], "C43": { "Value": 80.3, "Unit": "J" } } },
            ],
            "Validation": { "Z02": "2026-11-20" },
            "Unknown": { "X": [1, 2, 3] },
        }));
        assert_eq!(transcript.kind, Some(CertificateKind::En31));
        assert_eq!(transcript.lots, ["H-1", "H-2"]);
        assert_eq!(transcript.issued_on.map(|on| on.to_string()).as_deref(), Some("2026-11-20"));
        let values: Vec<_> = transcript
            .values
            .iter()
            .map(|it| {
                (
                    it.characteristic.as_str(),
                    it.lot.as_deref(),
                    it.value.to_string(),
                    it.unit.as_deref(),
                    it.method.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            values,
            [
                ("C", Some("H-1"), "0.420".to_owned(), Some("%"), None),
                ("Rm", Some("H-1"), "957.5".to_owned(), Some("MPa"), Some("ISO 6892-1")),
                ("Impact energy", None, "80.3".to_owned(), Some("J"), None),
            ]
        );
        assert_eq!(transcript.left_out, ["Si: “n.a.” is not a number."]);
    }
}
