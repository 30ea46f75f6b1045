//! The one-way doors between the rooms, as `docs/architecture.md` draws them: who may use whom, read from Cargo itself.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The rooms, and the rooms that each may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("connectors", &["domain"]),
    ("labels", &["domain"]),
    ("store", &["domain"]),
    ("simulators", &["domain"]),
    ("worker", &["domain", "store", "connectors"]),
    ("app", &["domain", "store"]),
    ("frontend", &["app", "domain"]),
    ("server", &["domain", "store", "connectors", "labels", "worker", "app", "simulators"]),
    ("xtask", &[]),
];

/// Libraries that only these rooms name, in what they ship; tests may look behind the curtain.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store", "server"]),
    // The store calls nobody: it says which TLS its library for documents calls with.
    ("reqwest", &["connectors", "server", "simulators", "store"]),
    ("leptos", &["app", "frontend", "server"]),
    ("axum", &["app", "server", "simulators"]),
];

/// Libraries that a room must do without, so that it stays what it is.
const NEVER: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "sqlx", "leptos", "reqwest", "rand", "tracing"]),
    ("labels", &["tokio", "sqlx", "leptos", "reqwest", "rand", "tracing"]),
];

fn workspace() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata answers")
}

fn shipped(package: &Package) -> BTreeSet<&str> {
    let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    shipped.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn a_room_uses_only_the_rooms_that_it_may() {
    let workspace = workspace();
    let rooms: BTreeSet<&str> = MAY_USE.iter().map(|(room, _)| *room).collect();
    for package in &workspace.packages {
        let (_, may_use) = MAY_USE
            .iter()
            .find(|(room, _)| *room == package.name.as_str())
            .unwrap_or_else(|| panic!("the room {} is new: say in this test what it may use", package.name));
        for used in shipped(package).intersection(&rooms) {
            assert!(may_use.contains(used), "{} uses {used}, and that door does not exist", package.name);
        }
    }
}

#[test]
fn a_library_is_named_only_where_it_belongs() {
    let workspace = workspace();
    for (library, rooms) in ONLY_IN {
        for package in &workspace.packages {
            let named = shipped(package).contains(library);
            assert!(
                !named || rooms.contains(&package.name.as_str()),
                "{} names {library}, which belongs into {rooms:?}",
                package.name
            );
        }
    }
    for (room, libraries) in NEVER {
        let package =
            workspace.packages.iter().find(|package| package.name.as_str() == *room).expect("the room is there");
        for library in *libraries {
            assert!(!shipped(package).contains(library), "{room} must do without {library}");
        }
    }
}

#[test]
fn pages_see_the_store_on_the_server_only() {
    let workspace = workspace();
    let app = workspace.packages.iter().find(|package| package.name.as_str() == "app").expect("the room is there");
    for name in ["store", "axum", "tower-sessions", "leptos_axum"] {
        let dependency = app.dependencies.iter().find(|dependency| dependency.name == name).expect("it is used");
        assert!(dependency.optional, "{name} would be compiled for browsers");
    }
    let ssr = &app.features["ssr"];
    assert!(ssr.iter().any(|feature| feature == "dep:store"));
    assert!(!app.features["hydrate"].iter().any(|feature| feature.contains("store")));
}
