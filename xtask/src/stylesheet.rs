//! One stylesheet out of several: puts every `@import "file.css";` of our own in the place where it stands.
//!
//! Plain CSS is kept as it is. An import of an address is refused: no page asks another origin for anything.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// The text of a stylesheet with its imports, each file once.
pub fn bundle(main: &Path) -> Result<String> {
    let mut text = String::new();
    append(main, &mut text, &mut Vec::new())?;
    Ok(text)
}

fn append(file: &Path, text: &mut String, seen: &mut Vec<PathBuf>) -> Result<()> {
    let source = fs::read_to_string(file).with_context(|| format!("read the stylesheet {}", file.display()))?;
    ensure!(!seen.contains(&file.to_owned()), "{} is imported twice", file.display());
    seen.push(file.to_owned());
    for (number, line) in source.lines().enumerate() {
        match line.trim_start().strip_prefix("@import") {
            Some(rest) => {
                let name = rest.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix("\";"));
                match name {
                    Some(name) if !name.contains(':') && !name.starts_with('/') => {
                        append(&file.with_file_name(name), text, seen)?;
                    }
                    _ => bail!("{}:{}: write @import \"file.css\"; on a line", file.display(), number + 1),
                }
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(files: &[(&str, &str)]) -> Result<String> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for (name, content) in files {
            fs::write(directory.path().join(name), content).expect("a stylesheet");
        }
        bundle(&directory.path().join("main.css"))
    }

    #[test]
    fn imports_stand_where_they_were_written() {
        let files =
            [("main.css", "@import \"a.css\";\nc {}\n"), ("a.css", "@import \"b.css\";\na {}\n"), ("b.css", "b {}\n")];
        assert_eq!(style(&files).expect("a bundle"), "b {}\na {}\nc {}\n");
    }

    #[test]
    fn an_import_from_another_origin_is_refused_with_its_line() {
        let error =
            style(&[("main.css", "a {}\n@import url(\"https://fonts.example/x.css\");\n")]).expect_err("refused");
        assert!(error.to_string().contains("main.css:2"), "{error}");
    }

    #[test]
    fn a_file_imported_twice_or_missing_is_refused_by_name() {
        let twice = [("main.css", "@import \"a.css\";\n@import \"a.css\";\n"), ("a.css", "a {}\n")];
        assert!(style(&twice).expect_err("refused").to_string().contains("a.css is imported twice"));
        assert!(format!("{:#}", style(&[("main.css", "@import \"a.css\";")]).expect_err("refused")).contains("a.css"));
    }
}
