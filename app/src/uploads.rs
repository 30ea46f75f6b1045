//! Forms that take files: what the door for files (`server`) must know of them. The door keeps the files and gives the form
//! back as a draft in which each is named; this table says whose draft it is, which files it takes and which page shows it.

use domain::document::MediaType;
use domain::id::DocumentId;
use serde_json::{Value, json};

use crate::certificates::fields;
use crate::form::FieldProblem;
use crate::inbound::entry;
use crate::orders::answer::Fields;

/// A field of the form whose name begins like this names a document; the rest is its id, the text what it is called.
pub const DOCUMENT: &str = "doc-";

/// A form with files.
#[derive(Debug)]
pub struct Known {
    /// The name of its draft, see [`crate::form::Form`].
    pub form: &'static str,
    /// The page it stands on: from the object of the draft and the fields.
    pub page: fn(object: &str, fields: &Fields) -> String,
    /// The id of the input or button that is meant where no file was chosen.
    pub chooser: &'static str,
    /// Whether it takes content of this kind; else words for the person.
    pub takes: fn(MediaType) -> Result<(), &'static str>,
    /// Names a document in the fields. `input`: the id of the input that held the file; `name`: what the file is called.
    pub attach: fn(fields: &mut Fields, input: &str, id: DocumentId, name: String),
    /// Takes over what a file says that is data.
    pub read_data: fn(fields: &mut Fields, file: &[u8]) -> Vec<FieldProblem>,
    /// The draft: of the fields, and of the inputs that are none of them, by name.
    pub draft: fn(fields: Fields, others: &[(String, String)]) -> Value,
}

const KNOWN: &[Known] = &[
    Known {
        form: fields::FORM,
        page: |object, _| fields::page_of(object),
        chooser: "files",
        takes: |_| Ok(()),
        attach: |fields, _, id, name| drop(fields.insert(format!("{DOCUMENT}{id}"), name)),
        read_data: fields::take_over,
        draft: |fields, _| json!({ "fields": fields }),
    },
    Known {
        form: entry::FORM,
        page: |object, _| entry::page_of(object),
        chooser: "attach",
        takes: entry::takes,
        attach: entry::attach,
        read_data: |_, _| Vec::new(),
        draft: entry::draft,
    },
];

/// The form of this name.
pub fn known(form: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.form == form)
}
