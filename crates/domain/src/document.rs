//! Files that people hand in: what they may be, told from their content and never from their name.
//!
//! Taken are PDF, PNG, JPEG, and certificates as JSON. A file must be the one thing and nothing else: what is an image and
//! at the same time an archive or a page (a polyglot) is refused, because some later reader may take it for the other.
//! Nothing is unpacked, run or drawn here.
//!
//! Own checks instead of a crate that knows signatures: the first bytes alone would let every polyglot through.

use serde::{Deserialize, Serialize};

use crate::certificate::reading;
use crate::text::text_enum;

/// The largest file, in bytes: 25 MB.
pub const LARGEST_FILE: usize = 25 * 1024 * 1024;
/// The longest name that is kept.
const LONGEST_NAME: usize = 120;

text_enum! {
    /// What a file is.
    pub enum MediaType {
        /// Portable Document Format.
        Pdf = "application/pdf",
        /// Portable Network Graphics.
        Png = "image/png",
        /// JPEG.
        Jpeg = "image/jpeg",
        /// A certificate as data.
        Json = "application/json",
    }
}

impl MediaType {
    /// What names of such files end in.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Json => "json",
        }
    }

    /// As people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Png => "PNG image",
            Self::Jpeg => "JPEG image",
            Self::Json => "JSON data",
        }
    }
}

/// Why a file is not taken, in words for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum NotTaken {
    /// No content.
    #[error("The file is empty.")]
    Empty,
    /// More than [`LARGEST_FILE`].
    #[error("The file is larger than 25 MB. Scan it with fewer dots per inch, or split it.")]
    TooLarge,
    /// Nothing that is taken.
    #[error("This is no PDF, PNG or JPEG file, whatever its name says. Save it as one of these and send it again.")]
    UnknownType,
    /// It begins right and ends early or wrong.
    #[error("This {0} file is damaged: {1}. Save it again and send it once more.")]
    Damaged(String, String),
    /// It is two things at once.
    #[error(
        "This {0} file carries something else behind or before its content ({1}). Print or export it anew and send that."
    )]
    TwoThings(String, String),
}

/// What this content is; refused where it is nothing that is taken, damaged, or more than one thing.
pub fn recognise(content: &[u8]) -> Result<MediaType, NotTaken> {
    if content.is_empty() {
        return Err(NotTaken::Empty);
    }
    if content.len() > LARGEST_FILE {
        return Err(NotTaken::TooLarge);
    }
    let media = if content.starts_with(b"%PDF-") {
        pdf(content)?;
        MediaType::Pdf
    } else if content.starts_with(b"\x89PNG\r\n\x1a\n") {
        png(content)?;
        MediaType::Png
    } else if content.starts_with(b"\xff\xd8\xff") {
        jpeg(content)?;
        MediaType::Jpeg
    } else if content.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') && reading::read(content).is_ok() {
        MediaType::Json
    } else if window(content, 1024).windows(5).any(|bytes| bytes == b"%PDF-") {
        // Readers take a header anywhere in the first kilobyte; whoever put something before it may mean that something.
        return Err(NotTaken::TwoThings("PDF".to_owned(), "its header is not at the beginning".to_owned()));
    } else {
        return Err(NotTaken::UnknownType);
    };
    if is_archive(content) {
        return Err(NotTaken::TwoThings(media.title().to_owned(), "an archive".to_owned()));
    }
    Ok(media)
}

fn window(content: &[u8], most: usize) -> &[u8] {
    content.get(..most).unwrap_or(content)
}

/// Whether unpackers would take it for a ZIP archive: its directory is found from the end, wherever the file begins.
fn is_archive(content: &[u8]) -> bool {
    const RECORD: usize = 22;
    let begin = content.len().saturating_sub(RECORD + usize::from(u16::MAX));
    let tail = &content[begin..];
    tail.windows(4).enumerate().any(|(at, bytes)| {
        let comment = tail.get(at + 20..at + 22).map(|it| usize::from(u16::from_le_bytes([it[0], it[1]])));
        bytes == b"PK\x05\x06" && comment.is_some_and(|comment| at + RECORD + comment == tail.len())
    })
}

fn pdf(content: &[u8]) -> Result<(), NotTaken> {
    let damaged = |why: &str| Err(NotTaken::Damaged("PDF".to_owned(), why.to_owned()));
    let two = |why: &str| Err(NotTaken::TwoThings("PDF".to_owned(), why.to_owned()));
    if !content
        .get(5..8)
        .is_some_and(|version| version[0].is_ascii_digit() && version[1] == b'.' && version[2].is_ascii_digit())
    {
        return damaged("it names no version");
    }
    let head = window(content, 1024).to_ascii_lowercase();
    let holds = |word: &[u8]| head.windows(word.len()).any(|bytes| bytes == word);
    if holds(b"<html") || holds(b"<script") || holds(b"<!doctype") || holds(b"<?php") {
        return two("a web page");
    }
    let tail = &content[content.len().saturating_sub(1024 + 64)..];
    let Some(end) = tail.windows(5).rposition(|bytes| bytes == b"%%EOF") else { return damaged("its end is missing") };
    let rest = &tail[end + 5..];
    if rest.iter().any(|byte| !byte.is_ascii_whitespace() && *byte != 0) {
        return two("something after its end");
    }
    Ok(())
}

/// From chunk to chunk up to the end, and not a byte more (PNG specification, 3rd edition, 5.3).
fn png(content: &[u8]) -> Result<(), NotTaken> {
    let damaged = |why: &str| NotTaken::Damaged("PNG".to_owned(), why.to_owned());
    let mut rest = &content[8..];
    let mut first = true;
    loop {
        let (Some(length), Some(kind)) = (rest.get(..4), rest.get(4..8)) else {
            return Err(damaged("it ends too early"));
        };
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        let end = usize::try_from(length).ok().and_then(|length| length.checked_add(12));
        let next = end.and_then(|end| rest.get(end..)).ok_or_else(|| damaged("it ends too early"))?;
        if first && kind != b"IHDR" {
            return Err(damaged("its header is missing"));
        }
        first = false;
        rest = next;
        if kind == b"IEND" {
            break;
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(NotTaken::TwoThings("PNG".to_owned(), "something after its end".to_owned()))
    }
}

/// From marker to marker up to the end (ITU-T T.81, annex B). Behind it only another picture may stand, as cameras write it
/// (CIPA DC-007), or zeros.
fn jpeg(content: &[u8]) -> Result<(), NotTaken> {
    let damaged = |why: &str| NotTaken::Damaged("JPEG".to_owned(), why.to_owned());
    let early = || damaged("it ends too early");
    let mut rest = content;
    loop {
        let mut at = 2;
        loop {
            while rest.get(at) == Some(&0xff) && rest.get(at + 1) == Some(&0xff) {
                at += 1; // fill bytes
            }
            let (Some(0xff), Some(marker)) = (rest.get(at), rest.get(at + 1)) else {
                return Err(if at + 1 >= rest.len() { early() } else { damaged("a marker is missing") });
            };
            match marker {
                0xd9 => break,
                0x01 | 0xd0..=0xd7 => {
                    at += 2;
                    continue;
                }
                _ => {}
            }
            let (Some(high), Some(low)) = (rest.get(at + 2), rest.get(at + 3)) else { return Err(early()) };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length < 2 {
                return Err(damaged("a part has no length"));
            }
            let is_scan = *marker == 0xda;
            at += 2 + length;
            if is_scan {
                at = scanned(rest, at).ok_or_else(early)?;
            }
        }
        rest = &rest[at + 2..];
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if !rest.starts_with(b"\xff\xd8\xff") {
            return Err(NotTaken::TwoThings("JPEG".to_owned(), "something after its end".to_owned()));
        }
    }
}

/// Where the next marker behind the compressed data of a scan is.
fn scanned(content: &[u8], from: usize) -> Option<usize> {
    let data = content.get(from..)?;
    let found = data.windows(2).position(|two| two[0] == 0xff && !matches!(two[1], 0x00 | 0xd0..=0xd7 | 0xff))?;
    Some(from + found)
}

/// The name to show for a file: what stands behind the last slash, without controls and marks that turn the direction of
/// writing, and not endless. It is only ever text: nothing is stored or looked up under it.
pub fn shown_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last
        .chars()
        .filter(|letter| {
            !letter.is_control()
                && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}')
        })
        .take(LONGEST_NAME)
        .collect();
    let clean = clean.trim().trim_start_matches('.').trim();
    if clean.is_empty() { "file".to_owned() } else { clean.to_owned() }
}

/// The name a download is offered under: it ends in what the content is.
pub fn download_name(name: &str, media: MediaType) -> String {
    let lower = name.to_lowercase();
    let fits =
        lower.ends_with(&format!(".{}", media.extension())) || (media == MediaType::Jpeg && lower.ends_with(".jpeg"));
    if fits { name.to_owned() } else { format!("{name}.{}", media.extension()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_pdf() -> Vec<u8> {
        b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n".to_vec()
    }

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).expect("short").to_be_bytes();
        [&length[..], kind, data, &[0; 4]].concat()
    }

    fn a_png() -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", b"x"), chunk(b"IEND", b"")].concat()
    }

    fn a_jpeg() -> Vec<u8> {
        b"\xff\xd8\xff\xe0\x00\x04JF\xff\xda\x00\x03\x01data\xff\x00more\xff\xd0again\xff\xd9".to_vec()
    }

    fn a_zip() -> Vec<u8> {
        [&b"PK\x03\x04payload"[..], b"PK\x05\x06", &[0; 18]].concat()
    }

    #[test]
    fn files_are_what_their_content_says() {
        assert_eq!(recognise(&a_pdf()), Ok(MediaType::Pdf));
        assert_eq!(recognise(&a_png()), Ok(MediaType::Png));
        assert_eq!(recognise(&a_jpeg()), Ok(MediaType::Jpeg));
        assert_eq!(
            recognise(&[a_jpeg(), a_jpeg(), vec![0; 9]].concat()),
            Ok(MediaType::Jpeg),
            "a camera's preview behind it"
        );
        let data = br#"{"Certificate":{"Standard":{"Type":"3.1"},"Id":"1"}}"#;
        assert_eq!(recognise(data), Ok(MediaType::Json));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for content in [
            &b"MZ\x90\x00"[..],
            b"<html><script>alert(1)</script></html>",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            b"#!/bin/sh\nrm -rf /\n",
            b"GIF89a",
            br#"{"any":"json"}"#,
            &a_zip(),
        ] {
            assert_eq!(recognise(content), Err(NotTaken::UnknownType));
        }
        assert_eq!(recognise(b""), Err(NotTaken::Empty));
        assert_eq!(recognise(&vec![0; LARGEST_FILE + 1]), Err(NotTaken::TooLarge));
    }

    #[test]
    fn a_file_that_is_two_things_is_refused() {
        let two = |content: Vec<u8>| matches!(recognise(&content), Err(NotTaken::TwoThings(..)));
        assert!(two([b"<script>alert(1)</script>".to_vec(), a_pdf()].concat()), "a page before a PDF");
        assert!(two([a_pdf(), a_zip()].concat()), "an archive behind a PDF");
        assert!(two([a_png(), a_zip()].concat()), "an archive behind an image");
        assert!(two([a_png(), b"<html>".to_vec()].concat()), "a page behind an image");
        assert!(two([a_jpeg(), b"<?php system($_GET['x']); ?>".to_vec()].concat()), "a program behind an image");
        assert!(two([a_jpeg(), a_zip()].concat()), "an archive behind an image");
        assert!(two(b"%PDF-1.4\n<html><script>alert(1)</script></html>\n%%EOF".to_vec()), "a page in a PDF's head");
        // An archive whose last record reaches over the PDF's own end: its comment holds the end.
        let hidden = [&b"%PDF-1.7\n"[..], b"PK\x05\x06", &[0; 16], &[6, 0], b"\n%%EOF"].concat();
        assert!(two(hidden), "an archive around a PDF's end");
    }

    #[test]
    fn what_ends_early_is_damaged() {
        for whole in [a_pdf(), a_png(), a_jpeg()] {
            let half = &whole[..whole.len() / 2];
            assert!(matches!(recognise(half), Err(NotTaken::Damaged(..))), "{half:?}");
        }
    }

    #[test]
    fn a_zip_bomb_called_pdf_is_no_pdf_and_nothing_is_unpacked() {
        let bomb = [vec![0x78, 0x9c], vec![0; 1024]].concat();
        assert_eq!(recognise(&bomb), Err(NotTaken::UnknownType));
        // Inside a PDF the same stream stays what it is: bytes that nobody inflates.
        let inside = [&b"%PDF-1.7\nstream\n"[..], &bomb, b"\nendstream\n%%EOF\n"].concat();
        assert_eq!(recognise(&inside), Ok(MediaType::Pdf));
    }

    #[test]
    fn names_are_text_and_lead_nowhere() {
        for (given, shown) in [
            ("zeugnis.pdf", "zeugnis.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("/", "file"),
            ("....", "file"),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("line\r\nbreak.pdf", "linebreak.pdf"),
            ("  Prüfzeugnis 3.1.pdf ", "Prüfzeugnis 3.1.pdf"),
        ] {
            assert_eq!(shown_name(given), shown, "{given:?}");
        }
        assert_eq!(shown_name(&"x".repeat(500)).len(), LONGEST_NAME);
        assert_eq!(download_name("photo.jpeg", MediaType::Jpeg), "photo.jpeg");
        assert_eq!(download_name("run.exe", MediaType::Pdf), "run.exe.pdf");
    }

    proptest! {
        #[test]
        fn nothing_panics_on_any_bytes(head in 0..4_usize, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let head: &[u8] = [&b"%PDF-1."[..], b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"{"][head];
            let _outcome = recognise(&[head, &body].concat());
        }

        #[test]
        fn a_shown_name_has_no_way_in_it(given in "\\PC{0,40}") {
            let shown = shown_name(&given);
            prop_assert!(!shown.contains(['/', '\\', '\0', '\n']) && shown != ".." && !shown.is_empty());
        }
    }
}
