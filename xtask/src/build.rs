//! `cargo xtask build`: from sources to a directory of programs and a site root beside it.
//!
//! ```text
//! <target>/<debug|release>/interlock    the server      hash.txt   which files of the site belong to it
//! <target>/site/                        site root: what is in public/
//! <target>/site/pkg/                    interlock.<hash>.{js,wasm,css}, each also as .br and .gz
//! ```
//!
//! The names carry a hash of the content, so the server may let browsers keep them for ever. leptos reads
//! `hash.txt` beside the executable (`LeptosOptions::hash_files`). A debug and a release build share the site root.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{environment, pack, stylesheet};

/// The name that the module's files begin with: leptos' `output_name`.
pub const OUTPUT_NAME: &str = "interlock";

#[derive(Default)]
pub struct Options {
    pub release: bool,
    /// The site root; `None`: `site` in the target directory.
    pub site: Option<PathBuf>,
}

pub fn build(options: &Options) -> Result<()> {
    let begun = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    };
    let site = options.site.clone().unwrap_or_else(|| target.join("site"));
    let (wasm_profile, programs) =
        if options.release { ("wasm-release", target.join("release")) } else { ("wasm-dev", target.join("debug")) };

    step("WebAssembly module", || {
        let wasm = ["build", "--package", "frontend", "--lib", "--target", "wasm32-unknown-unknown", "--profile"];
        cargo(root, &[&wasm[..], &[wasm_profile]].concat())
    })?;
    step("server and simulators", || {
        // The default members as a whole, so that features are those of plain `cargo check` and `nextest`.
        cargo(root, if options.release { &["build", "--bins", "--release"] } else { &["build", "--bins"] })
    })?;
    let files = step("site: bindings, stylesheet, hashes, compression", || {
        let module = target.join("wasm32-unknown-unknown").join(wasm_profile).join("frontend.wasm");
        let css = stylesheet::bundle(&root.join("style/main.css"))?;
        let files = pack::Pack { pkg: &site.join("pkg"), thorough: options.release }.write(&module, &css)?;
        fs::write(programs.join("hash.txt"), files.hash_lines()).context("write hash.txt")?;
        pack::sweep(&site.join("pkg"), &[target.join("debug/hash.txt"), target.join("release/hash.txt")])?;
        copy_tree(&root.join("public"), &site)?;
        Ok(files)
    })?;
    for line in files.sizes()? {
        println!("    {line}");
    }
    println!("==> built in {:.1} s: {}", begun.elapsed().as_secs_f64(), programs.join("interlock").display());
    Ok(())
}

/// Says what is done before, and how long it took after: cargo's own progress stands in between.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let begun = Instant::now();
    let outcome = work().with_context(|| format!("{name} failed"))?;
    println!("    {:.1} s", begun.elapsed().as_secs_f64());
    Ok(outcome)
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = environment::command(program).args(arguments).current_dir(root).status().context("start cargo")?;
    if arguments.contains(&"wasm32-unknown-unknown") && !status.success() {
        bail!("cargo {}: {status} (is the target there? `rustup target add wasm32-unknown-unknown`)", arguments[0]);
    }
    ensure!(status.success(), "cargo {}: {status}", arguments[0]);
    Ok(())
}

/// Copies what is new or changed; dot files stay behind.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_tree(&source, &copy)?;
        } else if fs::read(&copy).ok() != Some(fs::read(&source)?) {
            fs::copy(&source, &copy).with_context(|| format!("copy {}", source.display()))?;
        }
    }
    Ok(())
}
