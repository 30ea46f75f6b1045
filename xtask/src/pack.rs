//! Bindings, hashed names and compressed copies: the files in `pkg/` and the `hash.txt` that names them.
//!
//! Files are never overwritten: a name stands for its content, and a file that exists is done. That makes a second
//! build quick, and lets a server that still runs the last build keep its own files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::build::OUTPUT_NAME;

/// How the files are made.
pub struct Pack<'a> {
    pub pkg: &'a Path,
    /// Smallest files, for a release; else the quick setting, which is what a rebuild should cost.
    pub thorough: bool,
}

/// The three files a page names, by extension.
pub struct Files {
    hashes: Vec<(&'static str, String)>,
    pkg: PathBuf,
}

impl Pack<'_> {
    /// Writes the module's files and the stylesheet, each with `.br` and `.gz` beside it.
    pub fn write(&self, module: &Path, css: &str) -> Result<Files> {
        fs::create_dir_all(self.pkg).with_context(|| format!("make {}", self.pkg.display()))?;
        let (js, wasm) = self.bindings(module)?;
        let css = self.file("css", css.as_bytes())?;
        Ok(Files { hashes: vec![("js", js), ("wasm", wasm), ("css", css)], pkg: self.pkg.to_owned() })
    }

    /// Runs wasm-bindgen, unless it has run on this very module: `.bindings` remembers what came of it.
    fn bindings(&self, module: &Path) -> Result<(String, String)> {
        let source = fs::read(module).with_context(|| format!("read {}", module.display()))?;
        let memo = self.pkg.join(format!(".bindings-{}", digest(&source)));
        if let Ok(known) = fs::read_to_string(&memo)
            && let Some((js, wasm)) = known.trim().split_once(' ')
            && [("js", js), ("wasm", wasm)].iter().all(|(kind, hash)| self.pkg.join(file_name(kind, hash)).exists())
        {
            return Ok((js.to_owned(), wasm.to_owned()));
        }
        let mut output = wasm_bindgen_cli_support::Bindgen::new()
            .input_bytes(OUTPUT_NAME, source)
            .web(true)?
            .omit_default_module_path(true)
            .typescript(false)
            .remove_name_section(self.thorough)
            .generate_output()
            .context("wasm-bindgen")?;
        let wasm = self.file("wasm", &output.wasm_mut().emit_wasm())?;
        let js = self.file("js", output.js().as_bytes())?;
        // What crates bring along as JavaScript is imported by the glue from here.
        for (identifier, parts) in output.snippets() {
            for (index, part) in parts.iter().enumerate() {
                self.snippet(&format!("{identifier}/inline{index}.js"), part)?;
            }
        }
        for (path, content) in output.local_modules() {
            self.snippet(path, content)?;
        }
        fs::write(&memo, format!("{js} {wasm}")).context("remember the bindings")?;
        Ok((js, wasm))
    }

    fn snippet(&self, path: &str, content: &str) -> Result<()> {
        let path = self.pkg.join("snippets").join(path);
        fs::create_dir_all(path.parent().context("a snippet has a directory")?)?;
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))
    }

    /// Writes one file under its hashed name, with its compressed copies; returns the hash.
    fn file(&self, kind: &'static str, content: &[u8]) -> Result<String> {
        let hash = digest(content);
        let path = self.pkg.join(file_name(kind, &hash));
        let sibling = |ending: &str| self.pkg.join(format!("{}.{ending}", file_name(kind, &hash)));
        if !(path.exists() && sibling("br").exists() && sibling("gz").exists()) {
            let mut brotli = brotli::CompressorWriter::new(Vec::new(), 1 << 16, if self.thorough { 11 } else { 5 }, 22);
            brotli.write_all(content)?;
            replace(&sibling("br"), &brotli.into_inner())?;
            let level = if self.thorough { flate2::Compression::best() } else { flate2::Compression::fast() };
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
            gzip.write_all(content)?;
            replace(&sibling("gz"), &gzip.finish()?)?;
            replace(&path, content)?;
        }
        Ok(hash)
    }
}

impl Files {
    /// The content of `hash.txt`: one `kind: hash` a line.
    pub fn hash_lines(&self) -> String {
        self.hashes.iter().map(|(kind, hash)| format!("{kind}: {hash}\n")).collect()
    }

    /// What a first visit costs, for the screen.
    pub fn sizes(&self) -> Result<Vec<String>> {
        let line = |(kind, hash): &(&'static str, String)| {
            let name = file_name(kind, hash);
            let kilobytes = |ending: &str| -> Result<u64> {
                Ok(fs::metadata(self.pkg.join(format!("{name}{ending}")))?.len().div_ceil(1000))
            };
            let (raw, gz, br) = (kilobytes("")?, kilobytes(".gz")?, kilobytes(".br")?);
            Ok(format!("{name:<34} {raw:>6} kB   gzip {gz:>5} kB   brotli {br:>5} kB"))
        };
        self.hashes.iter().map(line).collect()
    }
}

/// Removes the files of builds that no `hash.txt` names any more.
pub fn sweep(pkg: &Path, hash_files: &[PathBuf]) -> Result<()> {
    let lines: String = hash_files.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    let named = lines.lines().filter_map(|line| line.split_once(':'));
    let kept: BTreeSet<String> = named.map(|(kind, hash)| file_name(kind, hash.trim())).collect();
    for entry in fs::read_dir(pkg)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = name.trim_end_matches(".br").trim_end_matches(".gz");
        if name.starts_with(OUTPUT_NAME) && !kept.contains(plain) {
            fs::remove_file(entry.path()).with_context(|| format!("remove {name}"))?;
        } else if name.starts_with(".bindings-") {
            let wasm = fs::read_to_string(entry.path())?.split_once(' ').map(|(_, wasm)| file_name("wasm", wasm));
            if !wasm.is_some_and(|wasm| kept.contains(&wasm)) {
                fs::remove_file(entry.path()).with_context(|| format!("remove {name}"))?;
            }
        }
    }
    Ok(())
}

fn file_name(kind: &str, hash: &str) -> String {
    format!("{OUTPUT_NAME}.{hash}.{kind}")
}

/// Enough of SHA-256 to name one of a few files.
fn digest(content: &[u8]) -> String {
    Sha256::digest(content)[..10].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A reader sees the whole file or none.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let half = path.with_added_extension("new");
    fs::write(&half, content).with_context(|| format!("write {}", half.display()))?;
    fs::rename(&half, path).with_context(|| format!("move {} into place", half.display()))
}
