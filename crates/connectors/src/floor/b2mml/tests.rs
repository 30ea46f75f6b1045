use std::path::{Path, PathBuf};
use std::process::Command as Program;

use super::*;

const V0401: &str = include_str!("v0401.xml");
const V0600: &str = include_str!("v0600.xml");
const V7: &str = include_str!("v7.xml");

fn raw(body: &str) -> Raw {
    Raw {
        external_key: "hash".to_owned(),
        subject: "hash".to_owned(),
        channel: "push".to_owned(),
        content_type: "application/xml".to_owned(),
        body: body.to_owned(),
        headers: Vec::new(),
    }
}

/// Each report as `key work order at station: what`.
fn told(body: &str) -> Vec<String> {
    let message = message(&raw(body), "hash").expect("a document");
    let all = commands(&message.body, &message.external_key, "DE10").expect("reports");
    let told = all.into_iter().map(|command| {
        let Command::Report(it) = command else { panic!("a report") };
        let what = match &it.what {
            Reported::Consumed(c) => {
                format!("consumed {} {} of {} {}", c.quantity, c.unit.code(), c.item, c.lot.as_deref().unwrap_or("-"))
            }
            Reported::Completed(c) => {
                let last = if c.last { ", the last" } else { "" };
                format!("made {} {} {}{last}", c.quantity, c.unit.code(), c.lot.as_deref().unwrap_or("-"))
            }
            other => panic!("{other:?}"),
        };
        let at = it.at.format("%H:%M:%S");
        format!("{} {} {at} {}: {what}", it.their_ref, it.work_order, it.station.as_deref().unwrap_or("-"))
    });
    told.collect()
}

/// The folder of schemas that nobody here wrote; none where it is not beside the repository.
fn foreign() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/b2mml");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: the schemas are not beside the repository (../shared/data/b2mml)");
    None
}

#[test]
fn the_three_namespaces_of_the_field_say_the_same_in_their_own_ways() {
    assert_eq!(
        told(V0401),
        [
            "PP-2026-0077#1 1000123 07:59:58 A-12: made 9 PCE G-26-0412, the last",
            "PP-2026-0077#2 1000123 07:59:58 A-12: consumed 9.50 PCE of 0107-45B SH-26-0871",
        ]
    );
    assert_eq!(
        told(V0600),
        [
            "OP-2026-0078#1 1000123 08:00:00 A-12: consumed 9.5 PCE of 0107-45B SH-26-0871",
            "OP-2026-0078#2 1000123 07:45:00 A-12: consumed 18 PCE of 0603-02A -",
        ]
    );
    assert_eq!(told(V7), ["WP-2026-0079#1 1000123 08:00:00 -: made 9 PCE G-26-0412, the last"]);
    assert_eq!(message(&raw(V7), "hash").expect("a document").subject, "1000123");
}

#[test]
fn our_samples_are_valid_by_the_schemas_of_others() {
    let Some(folder) = foreign() else { return };
    if Program::new("xmllint").arg("--version").output().is_err() {
        eprintln!("skipped: there is no xmllint here (Debian package libxml2-utils)");
        return;
    }
    for (name, schema) in [
        ("v0401.xml", "Schema_V0401/B2MML-V0401-ProductionPerformance.xsd"),
        ("v0600.xml", "Schema_V0600/B2MML-V0600-OperationsPerformance.xsd"),
        ("v7.xml", "Schema/AllSchemas.xsd"),
    ] {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/floor/b2mml").join(name);
        let judged = Program::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(folder.join(schema))
            .arg(sample)
            .output()
            .expect("xmllint runs");
        assert!(judged.status.success(), "{name}: {}", String::from_utf8_lossy(&judged.stderr));
    }
}

#[test]
fn a_report_of_the_field_is_read_and_every_other_document_is_refused_with_its_place() {
    let Some(folder) = foreign() else { return };
    let samples = folder.join("Examples/x_Courbon_B2MML_v0401_Example_XML_Files");
    let mut read = Vec::new();
    let mut refused = Vec::new();
    for entry in std::fs::read_dir(samples).expect("the samples") {
        let path = entry.expect("a file").path();
        let name = path.file_name().map(|name| name.to_string_lossy()[..3].to_owned()).unwrap_or_default();
        let body = std::fs::read_to_string(&path).expect("text");
        match message(&raw(&body), "hash").and_then(|it| commands(&it.body, &it.external_key, "DE10")) {
            Ok(_) => read.extend(told(&body)),
            Err(problem) => refused.push(format!("{name} {}", problem.at)),
        }
    }
    refused.sort();
    // Not valid by its schema, and clear all the same: the order's number is the response's, the time the document's.
    assert_eq!(read, ["hash#1 53107 10:58:25 -: consumed 0.41 KG of CRBN0001 CRBN0001_LOT01"]);
    assert_eq!(
        refused,
        [
            "INV /SyncMaterialInformation",
            "LOT /SyncMaterialInformation",
            "MAT /SyncMaterialDefinition",
            "PRO /SyncProductionSchedule"
        ]
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let with = |from: &str, to: &str| {
        assert!(V0600.contains(from), "{from}");
        V0600.replacen(from, to, 1)
    };
    for (body, at) in [
        (with("http://www.mesa.org/xml/B2MML-V0600", "urn:else"), "/OperationsPerformance"),
        (
            with("<QuantityString>9.5<", "<QuantityString>9,5<"),
            "/OperationsPerformance/OperationsResponse/SegmentResponse/MaterialActual/Quantity",
        ),
        (
            with("<QuantityString>9.5<", "<QuantityString>-1<"),
            "/OperationsPerformance/OperationsResponse/SegmentResponse/MaterialActual/Quantity",
        ),
        (
            with("<UnitOfMeasure>PCE<", "<UnitOfMeasure><"),
            "/OperationsPerformance/OperationsResponse/SegmentResponse/MaterialActual/Quantity",
        ),
        (
            with("<MaterialUse>Consumed<", "<MaterialUse>Inventoried<"),
            "/OperationsPerformance/OperationsResponse/SegmentResponse/MaterialActual",
        ),
        (with("08:00:00Z<", "08:00:00<"), "/OperationsPerformance/OperationsResponse/EndTime"),
        (
            with("<MaterialDefinitionID>0107-45B</MaterialDefinitionID>", ""),
            "/OperationsPerformance/OperationsResponse/SegmentResponse/MaterialActual",
        ),
        (with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<!DOCTYPE a [<!ENTITY b \"c\">]>"), "/"),
        ("<a>".repeat(100), "/"),
        (String::new(), "/"),
    ] {
        let problem = commands(&body, "key", "DE10").expect_err("wrong");
        assert_eq!(problem.at, at, "{problem}");
    }
    let twice = V0600.replacen("</OperationsResponse>", "</OperationsResponse><OperationsResponse><ID>R-2</ID><SegmentResponse><MaterialActual/></SegmentResponse></OperationsResponse>", 1);
    let problem = commands(&twice, "key", "DE10").expect_err("wrong");
    assert!(problem.at.starts_with("/OperationsPerformance/OperationsResponse[2]/"), "{problem}");
}
