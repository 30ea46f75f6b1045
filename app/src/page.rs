//! What stands around the content of every page of somebody signed in: who looks, what waits, what was just done.
//!
//! A page loads in one read transaction: its own data and [`Around`]. Its view then hands its content to
//! [`Around::frame`]. Server only: nothing of a page reaches the browser but its HTML, and what an island is given.

use chrono::{DateTime, Utc};
use domain::event::SubjectKind;
use http::request::Parts;
use leptos::prelude::*;
use store::Tx;
use store::control_tower::{self, Waiting};

use crate::error::AppError;
use crate::request;
use crate::ui::frame::{Frame, Person};
use crate::ui::rail::{self, Counts};
use crate::ui::time::Reading;
use crate::viewer::Viewer;

/// What a page shows around its content, and what its words depend on.
#[derive(Debug, Clone)]
pub struct Around {
    /// Who looks.
    pub viewer: Viewer,
    /// What waits, in the scope of the one who looks.
    pub waiting: Waiting,
    /// Differences between announced and received that are open, in the scope of the one who looks.
    pub differences: i64,
    /// Zone and instant of the page.
    pub reading: Reading,
    /// What was just done, shown once.
    notice: Option<String>,
    /// Path and query of the page.
    here: String,
    /// What it listens to.
    watch: Option<String>,
    /// The house shows demo data.
    demo: bool,
}

impl Around {
    /// Everything around a page.
    pub async fn load(tx: &mut Tx) -> Result<Self, AppError> {
        let viewer = request::viewer().await?;
        let waiting = control_tower::waiting(tx).await?;
        let (differences, _) = store::differences::open_counts(tx).await?;
        let here = use_context::<Parts>().and_then(|parts| parts.uri.path_and_query().map(ToString::to_string));
        Ok(Self {
            reading: Reading::new(&viewer.zone, tx.now()),
            viewer,
            waiting,
            differences,
            notice: request::take_notice().await,
            here: here.unwrap_or_else(|| "/".to_owned()),
            watch: None,
            demo: request::house()?.doors.settings.demo,
        })
    }

    /// The instant of the page.
    pub const fn now(&self) -> DateTime<Utc> {
        self.reading.now
    }

    /// The page says when something new happened to this thing: an order, a shipment, …
    #[must_use]
    pub fn watching(self, subject: impl Into<uuid::Uuid>) -> Self {
        Self { watch: Some(format!("subject={}", subject.into())), ..self }
    }

    /// The page says when something new happened to any of these kinds of things within the scope of the one who looks.
    #[must_use]
    pub fn watching_all(self, kinds: &[SubjectKind]) -> Self {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        Self { watch: Some(format!("kinds={}", kinds.join(","))), ..self }
    }

    /// The page in its frame, under this title in the browser's tab.
    pub fn frame(self, title: impl Into<String>, content: impl IntoView + 'static) -> AnyView {
        let Self { viewer, waiting, differences, reading, notice, here, watch, demo } = self;
        let counts = Counts {
            needs_supplier: waiting.needs_supplier,
            with_buyer: waiting.with_buyer,
            not_in_erp: waiting.not_in_erp,
            changed: waiting.changed,
            overdue: waiting.overdue,
            differences,
            lines: waiting.lines,
        };
        let entries = rail::entries(&viewer.roles, &counts);
        let person = Person {
            company: (!viewer.suppliers.is_empty()).then(|| viewer.suppliers.join(", ")),
            zone: reading.abbreviation(reading.now),
            zone_name: reading.zone.name().to_owned(),
            name: viewer.name,
            email: viewer.email,
            theme: viewer.theme,
        };
        let title = format!("{} · Interlock", title.into());
        let content = content.into_any();
        view! {
            <leptos_meta::Title text=title/>
            <Frame person=person entries=entries here=here notice=notice watch=watch demo=demo>{content}</Frame>
        }
        .into_any()
    }
}

/// The pairs of the page's query string, decoded once; blanks may be written as `+`.
pub fn query() -> Vec<(String, String)> {
    use_context::<Parts>().and_then(|parts| parts.uri.query().map(pairs)).unwrap_or_default()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| leptos_router::location::Url::unescape(&text.replace('+', " "));
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_query_is_decoded_once() {
        let pairs = super::pairs("q=%C3%98+50%25&plant=&flag");
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("q", "Ø 50%"), ("plant", ""), ("flag", "")]);
    }
}
