//! The top of a page: where it is (breadcrumb), what it is (title, tags, facts) and what one can do (actions).

use leptos::prelude::*;

/// A step of the breadcrumb: words, address where one can go there, and whether the words are an identifier.
#[derive(Debug, Clone)]
pub struct Crumb {
    words: String,
    href: Option<String>,
    mono: bool,
}

impl Crumb {
    /// A step one can go back to.
    pub fn link(words: impl Into<String>, href: impl Into<String>) -> Self {
        Self { words: words.into(), href: Some(href.into()), mono: false }
    }

    /// The page itself.
    pub fn here(words: impl Into<String>) -> Self {
        Self { words: words.into(), href: None, mono: false }
    }

    /// Set in the mono face.
    #[must_use]
    pub fn mono(mut self) -> Self {
        self.mono = true;
        self
    }
}

/// The way to an object page. Lists have none.
#[component]
pub fn Breadcrumb(
    /// From the list to the page.
    crumbs: Vec<Crumb>,
) -> impl IntoView {
    let steps = crumbs
        .into_iter()
        .enumerate()
        .map(|(index, Crumb { words, href, mono })| {
            let class = mono.then_some("id");
            let step = match href {
                Some(href) => view! { <a class=class href=href>{words}</a> }.into_any(),
                None => view! { <span class=class aria-current="page">{words}</span> }.into_any(),
            };
            view! { {(index > 0).then(|| view! { <span aria-hidden="true">"/"</span> })} {step} }
        })
        .collect_view();
    view! { <nav class="breadcrumb" aria-label="Breadcrumb">{steps}</nav> }
}

/// Title, what belongs beside it, facts below it; its children are the actions.
#[component]
pub fn PageHeader(
    /// The words of the `h1`; an identifier in it is a [`super::tag::id`].
    title: AnyView,
    /// Tags and copy buttons beside the title.
    #[prop(optional_no_strip)]
    beside: Option<AnyView>,
    /// One fact each; the stylesheet draws the rules between them.
    #[prop(optional)]
    facts: Vec<AnyView>,
    /// Buttons and links of the action bar.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let facts = (!facts.is_empty()).then(
        || view! { <ul class="facts">{facts.into_iter().map(|fact| view! { <li>{fact}</li> }).collect_view()}</ul> },
    );
    view! {
        <div class="page-header">
            <div>
                <div class="title-row"><h1>{title}</h1>{beside}</div>
                {facts}
            </div>
            {children.map(|children| view! { <div class="action-bar">{children()}</div> })}
        </div>
    }
}

/// A button that cannot be used now and says why; still reachable by keyboard so that the reason is read.
pub fn disabled_button(words: &'static str, why: impl Into<String>) -> AnyView {
    let why: String = why.into();
    view! {
        <span class="disabled-action">
            <a class="button" role="link" aria-disabled="true" title=why.clone()>{words}</a>
            <span class="why">{why}</span>
        </span>
    }
    .into_any()
}
