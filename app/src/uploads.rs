//! Forms that take files: what the door for files (`server`) must know of them. The door keeps the files and gives the form
//! back as a draft in which each is named; this table says whose draft it is and which page shows it.

use crate::certificates::fields;
use crate::form::FieldProblem;
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
    /// Takes over what a file says that is data.
    pub read_data: fn(fields: &mut Fields, file: &[u8]) -> Vec<FieldProblem>,
}

const KNOWN: &[Known] =
    &[Known { form: fields::FORM, page: |object, _| fields::page_of(object), read_data: fields::take_over }];

/// The form of this name.
pub fn known(form: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.form == form)
}
