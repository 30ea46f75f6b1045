//! The island of the answer form: says while somebody types what will happen when it is sent.
//!
//! It holds the order and calls the same reading and the same rules as the server ([`super::answer`]). Inputs stay the
//! browser's own; one listener on the form serves all of them, and a key stroke judges one line, so five hundred lines are
//! no slower than one. Keys: Enter goes to the same field of the next line, Ctrl+Enter answers a line as requested, Ctrl+D
//! takes the value from the line above, Alt+↓ adds a part.

use chrono::NaiveDate;
use domain::order::PurchaseOrder;
use leptos::prelude::*;

/// Wakes the form with the id `answer-form` and marks it with `data-hydrated`.
#[island]
pub fn AnswerHints(
    /// The order with the lines on the page.
    order: PurchaseOrder,
    /// The day in the plant's calendar.
    today: NaiveDate,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| awake::wake(order.clone(), today));
    #[cfg(not(feature = "hydrate"))]
    let _ = (order, today);
    view! { <span hidden data-island="answer-hints"></span> }
}

#[cfg(feature = "hydrate")]
mod awake {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use chrono::NaiveDate;
    use domain::confirmation::AnswerKind;
    use domain::id::ScheduleLineId;
    use domain::order::PurchaseOrder;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::prelude::Closure;
    use web_sys::{Element, Event, HtmlElement, HtmlInputElement, HtmlSelectElement, KeyboardEvent};

    use crate::orders::answer::{self, Fields, Outcome, Sum, TypedLine};
    use crate::ui::tag::{note_html, tag_html};
    use crate::ui::tone::Tone;

    struct Grid {
        form: Element,
        order: PurchaseOrder,
        today: NaiveDate,
        outcomes: RefCell<BTreeMap<ScheduleLineId, Outcome>>,
    }

    pub(super) fn wake(order: PurchaseOrder, today: NaiveDate) {
        let Some(form) = leptos::prelude::document().get_element_by_id("answer-form") else { return };
        if form.has_attribute("data-hydrated") {
            return;
        }
        let grid = Rc::new(Grid { form: form.clone(), order, today, outcomes: RefCell::default() });
        let lines: Vec<ScheduleLineId> =
            grid.order.schedule_lines().map(|(_, schedule)| schedule.schedule_line_id).collect();
        for line in lines {
            grid.judge(line);
        }
        grid.sum_up();

        let on = |name: &str, handler: Closure<dyn Fn(Event)>| {
            let _ = form.add_event_listener_with_callback(name, handler.as_ref().unchecked_ref());
            handler.forget(); // lives as long as the page
        };
        let typing = Rc::clone(&grid);
        on("input", Closure::new(move |event: Event| typing.typed(&event)));
        let keys = Rc::clone(&grid);
        on(
            "keydown",
            Closure::new(move |event: Event| {
                if let Some(event) = event.dyn_ref::<KeyboardEvent>() {
                    keys.pressed(event);
                }
            }),
        );
        let _ = form.set_attribute("data-hydrated", "");
    }

    /// An input's id, cut into line, part and field.
    fn address(element: &Element) -> Option<(ScheduleLineId, usize, String)> {
        let id = element.id();
        let mut words = id.rsplitn(3, '-');
        let (field, part, line) = (words.next()?, words.next()?, words.next()?);
        Some((line.parse().ok()?, part.parse().ok()?, field.to_owned()))
    }

    fn value(element: &Element) -> String {
        if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
            return input.value();
        }
        if let Some(select) = element.dyn_ref::<HtmlSelectElement>() {
            return select.value();
        }
        element.dyn_ref::<web_sys::HtmlTextAreaElement>().map(web_sys::HtmlTextAreaElement::value).unwrap_or_default()
    }

    fn set_value(element: &Element, value: &str) {
        if let Some(input) = element.dyn_ref::<HtmlInputElement>() {
            input.set_value(value);
        } else if let Some(select) = element.dyn_ref::<HtmlSelectElement>() {
            select.set_value(value);
        }
    }

    fn mark(element: &Element, class: &str, on: bool) {
        let list = element.class_list();
        let _ = if on { list.add_1(class) } else { list.remove_1(class) };
    }

    impl Grid {
        fn find(&self, selector: &str) -> Option<Element> {
            self.form.query_selector(selector).ok().flatten()
        }

        fn all(&self, selector: &str) -> Vec<Element> {
            let Ok(list) = self.form.query_selector_all(selector) else { return Vec::new() };
            (0..list.length()).filter_map(|index| list.item(index)?.dyn_into::<Element>().ok()).collect()
        }

        fn inputs(&self, line: ScheduleLineId) -> Vec<Element> {
            self.all(&format!("tr[data-line=\"{line}\"] :is(input, select, textarea)[name]"))
        }

        fn fields(&self, line: ScheduleLineId) -> Fields {
            self.inputs(line)
                .iter()
                .filter_map(|input| {
                    let name = input.get_attribute("name")?;
                    let name = name.strip_prefix("f[line-")?.strip_suffix(']')?.to_owned();
                    Some((name, value(input)))
                })
                .collect()
        }

        fn typed(&self, event: &Event) {
            let Some(element) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
            let Some((line, _, field)) = address(&element) else { return };
            self.changed(line, &field, &element);
        }

        fn changed(&self, line: ScheduleLineId, field: &str, element: &Element) {
            let select = self.find(&format!("[id=\"{}\"]", answer::key(line, 0, "answer")));
            if let Some(asked) = element.get_attribute("data-asked") {
                mark(element, "changed", value(element) != asked);
                let answer = select.as_ref().map(value).unwrap_or_default();
                if let Some(select) = &select
                    && matches!(answer.as_str(), "" | "accept")
                    && value(element) != asked
                {
                    set_value(select, AnswerKind::Change.as_str());
                }
            } else if field == "answer" && matches!(value(element).as_str(), "" | "accept") {
                // Whoever takes back his change wants the values back too.
                self.as_asked(line);
            }
            if let Some(select) = &select {
                mark(select, "changed", !matches!(value(select).as_str(), "" | "accept"));
            }
            if field == "reason"
                && value(element) == "other"
                && let Some(note) =
                    element.parent_element().and_then(|cell| cell.query_selector("details").ok().flatten())
            {
                let _ = note.set_attribute("open", "");
            }
            self.judge(line);
            self.sum_up();
        }

        fn as_asked(&self, line: ScheduleLineId) {
            for input in self.inputs(line) {
                if let Some(asked) = input.get_attribute("data-asked").filter(|asked| !asked.is_empty()) {
                    set_value(&input, &asked);
                    mark(&input, "changed", false);
                }
            }
        }

        fn judge(&self, id: ScheduleLineId) {
            let Some((line, schedule)) = self.order.find(id) else { return };
            let Some(typed) = TypedLine::read(&self.fields(id), id) else { return };
            let hint = answer::hint(&self.order, line, schedule, &typed, self.today);
            if let Some(slot) = self.find(&format!("[data-then=\"{id}\"]")) {
                slot.set_inner_html(&tag_html(hint.tone, &hint.words));
            }
            if let Some(slot) = self.find(&format!("[data-left=\"{id}\"]")) {
                slot.set_inner_html(
                    &hint.left.as_ref().map(|(tone, words)| note_html(*tone, words)).unwrap_or_default(),
                );
            }
            for slot in self.all(&format!("tr[data-line=\"{id}\"] [data-note]")) {
                let field = slot.get_attribute("data-note").unwrap_or_default();
                let notes = hint.notes.iter().filter(|(at, ..)| *at == field);
                let html: String = notes.clone().map(|(_, tone, words)| note_html(*tone, words)).collect();
                if slot.inner_html() != html {
                    slot.set_inner_html(&html);
                }
                if let Some(input) = self.find(&format!("[id=\"{field}\"]")) {
                    let _ = match notes.clone().any(|(_, tone, _)| *tone == Tone::Crit) {
                        true => input.set_attribute("aria-invalid", "true"),
                        false => input.remove_attribute("aria-invalid"),
                    };
                }
            }
            if let Some(row) = self.find(&format!("tr[data-line=\"{id}\"]")) {
                let edge = match (hint.outcome, &hint.left) {
                    (Outcome::Faulty, _) => Some("crit"),
                    (_, Some((Tone::Warn, _))) => Some("warn"),
                    _ if hint.notes.iter().any(|(field, ..)| field.ends_with("-reason")) => Some("warn"),
                    _ => None,
                };
                let _ = match edge {
                    Some(edge) => row.set_attribute("data-edge", edge),
                    None => row.remove_attribute("data-edge"),
                };
            }
            self.outcomes.borrow_mut().insert(id, hint.outcome);
        }

        fn sum_up(&self) {
            let mut sum = Sum::default();
            let mut to_buyer = Vec::new();
            for (line, outcome) in self.outcomes.borrow().iter() {
                sum.add(*outcome);
                if *outcome == Outcome::ToBuyer {
                    to_buyer.push(line.to_string());
                }
            }
            for (slot, words) in
                [("answered", sum.answered_words()), ("outcome", sum.outcome_words()), ("button", sum.button_words())]
            {
                if let Some(slot) = self.find(&format!("[data-sum={slot}]")) {
                    slot.set_text_content(Some(&words));
                }
            }
            if let Some(slot) = self.find("[data-sum=faulty]") {
                let html = if sum.faulty > 0 {
                    tag_html(Tone::Crit, &answer::count_errors(sum.faulty))
                } else {
                    String::new()
                };
                slot.set_inner_html(&html);
            }
            if let Some(checked) = self.find("input[name=\"f[checked]\"]") {
                set_value(&checked, &to_buyer.join(","));
            }
        }

        fn pressed(&self, event: &KeyboardEvent) {
            let Some(element) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
            let Some((line, part, field)) = address(&element) else { return };
            let control = event.ctrl_key() || event.meta_key();
            match event.key().as_str() {
                "Enter" if control => {
                    event.prevent_default();
                    self.as_asked(line);
                    let select = self.find(&format!("[id=\"{}\"]", answer::key(line, 0, "answer")));
                    if let Some(select) = select {
                        set_value(&select, AnswerKind::Accept.as_str());
                        mark(&select, "changed", false);
                    }
                    self.judge(line);
                    self.sum_up();
                    self.go(&element, &field, 1);
                }
                "Enter" if !element.is_instance_of::<web_sys::HtmlTextAreaElement>() => {
                    event.prevent_default();
                    self.go(&element, &field, if event.shift_key() { -1 } else { 1 });
                }
                "d" if control => {
                    event.prevent_default();
                    let above = self.neighbour(&element, &field, -1);
                    if let Some(above) = above {
                        set_value(&element, &value(&above));
                        self.changed(line, &field, &element);
                    }
                }
                "ArrowDown" if event.alt_key() && part < domain::confirmation::MOST_PARTS => {
                    event.prevent_default();
                    let add = self.find(&format!("tr[data-line=\"{line}\"] [data-add]"));
                    if let Some(add) = add.and_then(|add| add.dyn_into::<HtmlElement>().ok()) {
                        add.click();
                    }
                }
                _ => {}
            }
        }

        /// The same field in the row before or after.
        fn neighbour(&self, element: &Element, field: &str, step: i32) -> Option<Element> {
            let column = self.all(&format!("[id$=\"-{field}\"][name]"));
            let here = column.iter().position(|other| other.id() == element.id())?;
            let there = i32::try_from(here).ok()?.checked_add(step)?;
            column.get(usize::try_from(there).ok()?).cloned()
        }

        fn go(&self, element: &Element, field: &str, step: i32) {
            let next = self.neighbour(element, field, step).and_then(|next| next.dyn_into::<HtmlElement>().ok());
            if let Some(next) = next {
                let _ = next.focus();
                if let Some(input) = next.dyn_ref::<HtmlInputElement>() {
                    input.select();
                }
            }
        }
    }
}
