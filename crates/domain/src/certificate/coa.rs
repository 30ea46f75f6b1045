//! Certificates of analysis as data, as the CoA schemas write them (chemicals, plastics).

use serde_json::Value;

use super::reading::{Transcript, date, decimal, en10204, short, text};
use super::{CertificateKind, Measured};

/// Reads what stands below `Certificate`.
pub(super) fn read(certificate: &Value) -> Transcript {
    let mut transcript = Transcript {
        number: text(certificate.get("Id")),
        issued_on: date(certificate.get("Date")),
        issuer: text(certificate.pointer("/Parties/Manufacturer/Name")),
        delivery_note: text(certificate.pointer("/BusinessTransaction/Delivery/Id")),
        // It is a certificate of analysis unless it says which of EN 10204 it is.
        kind: text(certificate.pointer("/Standard/Type"))
            .and_then(|words| en10204(&words))
            .or(Some(CertificateKind::Coa)),
        ..Transcript::default()
    };
    let analysis = certificate.get("Analysis");
    let lot = text(analysis.and_then(|it| it.get("LotId")));
    if lot.is_some() {
        transcript.add_lot(lot);
    } else {
        let product = certificate.get("Product");
        let batch = |name: &str| text(product.and_then(|it| it.get(name)));
        transcript.add_lot(batch("ProductionBatchId").or_else(|| batch("FillingBatchId")));
    }
    let inspections = analysis.and_then(|it| it.get("Inspections")).and_then(Value::as_array);
    for inspection in inspections.into_iter().flatten() {
        let Some(name) = text(inspection.get("Property")).or_else(|| text(inspection.get("PropertyId"))) else {
            continue;
        };
        let characteristic = short(&name, 120);
        match decimal(inspection.get("Value")) {
            Some(value) => transcript.add_value(Measured {
                characteristic,
                lot: None,
                method: text(inspection.get("Method")),
                unit: text(inspection.get("Unit")),
                value,
            }),
            None => transcript.leave_out(&characteristic, &text(inspection.get("Value")).unwrap_or_default()),
        }
    }
    transcript
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_certificate_of_analysis_becomes_a_transcript() {
        let transcript = read(&json!({
            "Id": "43", "Date": "2026-11-12", "Standard": { "Norm": "EN 10204:2004" },
            "Parties": { "Manufacturer": { "Name": "Grüne Kunststoffe" } },
            "BusinessTransaction": { "Delivery": { "Id": "3000/20" } },
            "Product": { "ProductionBatchId": "100001" },
            "Analysis": { "Inspections": [
                { "Property": "MFR", "Method": "ISO 1133", "Unit": "g/10min", "Value": "31,5", "ValueType": "number" },
                { "Property": "Colour", "Value": "black" },
            ] },
        }));
        assert_eq!(transcript.kind, Some(CertificateKind::Coa));
        assert_eq!(
            (transcript.lots.as_slice(), transcript.delivery_note.as_deref()),
            (&["100001".to_owned()][..], Some("3000/20"))
        );
        assert_eq!(transcript.values.len(), 1);
        assert_eq!(transcript.values[0].value.to_string(), "31.5");
        assert_eq!(transcript.left_out, ["Colour: “black” is not a number."]);
    }
}
