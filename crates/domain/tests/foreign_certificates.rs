//! Certificates that nobody here wrote: every file of the foreign collection is read or refused with a reason.

use std::fs;
use std::path::{Path, PathBuf};

use domain::certificate::CertificateKind;
use domain::certificate::reading::{Transcript, read};

/// The collection beside the repository; not part of it, because not all of it may be passed on.
fn collection() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/millcert");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: the foreign certificates are not beside the repository (../shared/data/millcert)");
    None
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

fn transcript(folder: &Path, name: &str) -> Transcript {
    let file = fs::read(folder.join("test/fixtures").join(name)).expect("the fixture");
    read(&file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_foreign_file_is_read_or_refused_with_a_reason() {
    let Some(folder) = collection() else { return };
    let mut all = Vec::new();
    files(&folder, &mut all);
    let (mut taken, mut refused) = (0, 0);
    for path in all {
        let is_fixture =
            path.extension().is_some_and(|it| it == "json") && path.components().any(|it| it.as_os_str() == "fixtures");
        match read(&fs::read(&path).expect("readable")) {
            Ok(transcript) => {
                assert!(is_fixture, "{} is no certificate and was read as one", path.display());
                assert!(transcript.number.is_some(), "{}: no number", path.display());
                assert!(transcript.issuer.is_some(), "{}: no issuer", path.display());
                assert!(transcript.issued_on.is_some(), "{}: no date", path.display());
                taken += 1;
            }
            Err(error) => {
                assert!(!is_fixture, "{}: {error}", path.display());
                assert!(error.to_string().ends_with('.'), "{error}");
                refused += 1;
            }
        }
    }
    assert!(taken >= 30 && refused >= 5, "{taken} read, {refused} refused");
}

#[test]
fn a_foreign_steel_certificate_keeps_its_numbers() {
    let Some(folder) = collection() else { return };
    let steel = transcript(&folder, "EN10168/v0.5.0/valid_certificate_1.json");
    assert_eq!(steel.kind, Some(CertificateKind::En31));
    assert_eq!(steel.number.as_deref(), Some("1866645/001"));
    assert_eq!(steel.lots, ["7282841"]);
    assert_eq!(steel.issued_on.map(|on| on.to_string()).as_deref(), Some("2018-10-23"));
    let value = |name: &str| {
        steel
            .values
            .iter()
            .find(|it| it.characteristic == name)
            .map(|it| (it.value.to_string(), it.unit.clone().unwrap_or_default()))
    };
    assert_eq!(value("C"), Some(("150.5".to_owned(), "%".to_owned())));
    assert_eq!(value("Zugfestigkeit Rm"), Some(("456.18".to_owned(), "MPa".to_owned())));
    assert_eq!(value("Bruchdehnung A5/A80"), Some(("29.7".to_owned(), "%".to_owned())));
}

#[test]
fn a_foreign_certificate_without_inspection_has_no_values_and_its_kind() {
    let Some(folder) = collection() else { return };
    let report = transcript(&folder, "EN10168/v0.5.0/valid_certificate_5.json");
    assert_eq!((report.kind, report.values.len()), (Some(CertificateKind::En22), 0));
}

#[test]
fn a_foreign_certificate_of_analysis_keeps_methods_and_names_what_is_no_number() {
    let Some(folder) = collection() else { return };
    let analysis = transcript(&folder, "CoA/v1.1.0/valid_certificate_8.json");
    assert_eq!(
        (analysis.kind, analysis.lots.as_slice()),
        (Some(CertificateKind::En31), &["123456789 10".to_owned()][..])
    );
    let density = analysis.values.iter().find(|it| it.characteristic == "Density").expect("a density");
    assert_eq!((density.unit.as_deref(), density.method.as_deref()), (Some("g/cm³"), Some("DIN EN ISO 1183-1A")));
    assert!(analysis.left_out.iter().any(|words| words.starts_with("Type of failure")), "{:?}", analysis.left_out);
}

#[test]
fn a_foreign_metals_passport_gives_the_mean_of_its_specimens() {
    let Some(folder) = collection() else { return };
    let passport = transcript(&folder, "Metals/v0.1.1/valid_basic_certificate.json");
    assert_eq!(passport.lots, ["H-10987"]);
    let strength = passport.values.iter().find(|it| it.characteristic == "Rm").expect("a tensile strength");
    assert_eq!((strength.value.to_string().as_str(), strength.unit.as_deref()), ("510", Some("MPa")));
}
