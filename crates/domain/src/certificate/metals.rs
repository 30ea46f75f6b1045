//! Metals passports as data: the successor of the EN 10168 schemas, with named parts instead of field numbers.

use serde_json::Value;

use super::Measured;
use super::reading::{Transcript, date, decimal, en10204, short, text};

/// Reads what stands below `DigitalMaterialPassport`.
pub(super) fn read(passport: &Value) -> Transcript {
    let mut transcript = Transcript {
        number: text(passport.get("Id")),
        issued_on: date(passport.get("IssueDate")).or_else(|| date(passport.pointer("/Validation/ValidationDate"))),
        issuer: text(passport.pointer("/TransactionData/Parties/Manufacturer/Name")),
        delivery_note: text(passport.pointer("/TransactionData/BusinessTransaction/Delivery/Id")),
        kind: text(passport.pointer("/Validation/CertificateType/Type")).and_then(|words| en10204(&words)),
        ..Transcript::default()
    };
    for at in ["/Product/HeatNumber", "/ChemicalAnalysis/HeatNumber", "/Product/BatchId"] {
        // The heat is what material is traced by; the batch only where no heat is named.
        if at != "/Product/BatchId" || transcript.lots.is_empty() {
            transcript.add_lot(text(passport.pointer(at)));
        }
    }
    let elements = passport.pointer("/ChemicalAnalysis/Elements");
    for list in [elements, passport.get("MechanicalProperties"), passport.get("PhysicalProperties")] {
        list.and_then(Value::as_array).into_iter().flatten().for_each(|property| add(&mut transcript, property));
    }
    transcript
}

fn add(transcript: &mut Transcript, property: &Value) {
    let name = text(property.get("PropertySymbol")).or_else(|| text(property.get("PropertyName")));
    let Some(name) = name.map(|name| short(&name, 120)) else { return };
    let actual = property.get("Actual");
    let single = actual.and_then(|it| it.get("Value"));
    // Several specimens: the mean, where it is given; limits are for it.
    let mean = actual.and_then(|it| it.pointer("/Statistics/Average/Value"));
    let values: Vec<Option<&Value>> =
        match (mean.or(single), actual.and_then(|it| it.get("Values")).and_then(Value::as_array)) {
            (Some(value), _) => vec![Some(value)],
            (None, Some(specimens)) => specimens.iter().map(|specimen| specimen.get("Value")).collect(),
            (None, None) => vec![None],
        };
    for value in values {
        match decimal(value) {
            Some(value) => transcript.add_value(Measured {
                characteristic: name.clone(),
                lot: None,
                method: text(property.get("Method")),
                unit: text(property.get("Unit")),
                value,
            }),
            None => {
                let written =
                    value.map(ToString::to_string).or_else(|| text(actual.and_then(|it| it.get("ResultType"))));
                transcript.leave_out(&name, &written.unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_passport_becomes_a_transcript() {
        let transcript = read(&json!({
            "Id": "DMP-1", "IssueDate": "2026-11-18",
            "Product": { "BatchId": "B-1" },
            "ChemicalAnalysis": { "HeatNumber": "H-1", "Elements": [
                { "PropertySymbol": "C", "Unit": "%", "Actual": { "ResultType": "numeric", "Value": 0.42 } } ] },
            "MechanicalProperties": [
                { "PropertySymbol": "Rm", "Unit": "MPa", "Actual": { "ResultType": "multiValue",
                    "Values": [{ "Value": 508 }, { "Value": 512 }], "Statistics": { "Average": { "Value": 510 } } } },
                { "PropertyName": "Jominy", "Actual": { "ResultType": "array", "Data": [] } } ],
            "Validation": { "CertificateType": { "Standard": "EN 10204", "Type": "3.1" } },
        }));
        assert_eq!(transcript.lots, ["H-1"]);
        let values: Vec<_> =
            transcript.values.iter().map(|it| (it.characteristic.as_str(), it.value.to_string())).collect();
        assert_eq!(values, [("C", "0.42".to_owned()), ("Rm", "510".to_owned())]);
        assert_eq!(transcript.left_out, ["Jominy: “array” is not a number."]);
    }
}
