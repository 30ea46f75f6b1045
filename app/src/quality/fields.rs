//! Labelled inputs of the forms about quality: label, hint, input and what is wrong with it, from plain values.

use leptos::prelude::*;

use crate::form::Kept;
use crate::ui::field::{Field, options};

/// What an input is called and what is known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    id: String,
    name: String,
    label: String,
    hint: String,
    value: String,
    problems: Vec<String>,
}

impl Input {
    /// An input whose id and name are the same.
    pub(super) fn new(id: impl Into<String>, label: impl Into<String>) -> Self {
        let id: String = id.into();
        Self { name: id.clone(), id, label: label.into(), ..Self::default() }
    }

    /// Named otherwise in the form.
    pub(super) fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How to fill it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// What stands in it.
    pub(super) fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// What was wrong with it when it was sent, under the name of the problem.
    pub(super) fn refused<T>(mut self, kept: Option<&Kept<T>>, about: &str) -> Self {
        self.problems = kept.map(|kept| kept.about(about).map(str::to_owned).collect()).unwrap_or_default();
        self
    }

    fn invalid(&self) -> Option<&'static str> {
        (!self.problems.is_empty()).then_some("true")
    }

    /// A line of text.
    pub(super) fn text(self, class: &'static str) -> AnyView {
        let numeric = class.ends_with("num").then_some("decimal");
        let invalid = self.invalid();
        let Self { id, name, label, hint, value, problems } = self;
        view! {
            <Field id=id.clone() label=label hint=hint problems=problems>
                <input class=class id=id name=name value=value inputmode=numeric maxlength="500" autocomplete="off" aria-invalid=invalid/>
            </Field>
        }
        .into_any()
    }

    /// Several lines of text.
    pub(super) fn area(self, longest: usize) -> AnyView {
        let invalid = self.invalid();
        let Self { id, name, label, hint, value, problems } = self;
        view! {
            <Field id=id.clone() label=label hint=hint problems=problems>
                <textarea class="input text" id=id name=name rows="3" maxlength=longest.to_string() aria-invalid=invalid>{value}</textarea>
            </Field>
        }
        .into_any()
    }

    /// One of a list: value, words.
    pub(super) fn select(self, list: impl IntoIterator<Item = (String, String)>) -> AnyView {
        let invalid = self.invalid();
        let Self { id, name, label, hint, value, problems } = self;
        let list = options(list, &value);
        view! {
            <Field id=id.clone() label=label hint=hint problems=problems>
                <select class="input" id=id name=name aria-invalid=invalid>{list}</select>
            </Field>
        }
        .into_any()
    }
}
