//! What a shop floor tells as B2MML, the XML of ISA-95 (MESA International): `ProductionPerformance`, `OperationsPerformance`
//! and `WorkPerformance`, alone or in a `Process…` or `Sync…` document, of the three namespaces that are in the field: V0401,
//! V0600 and V7.
//!
//! A document is one message with several reports in it: what each segment consumed and produced, in document order. It takes
//! effect whole or not at all. Its identity is what its sender gave it: the `BODID`, else the performance's `ID`, else its
//! content; so two documents of one order need two of these. What stands in it and is no material (parameters, personnel
//! hours, nested assemblies) is left alone.
//!
//! Foreign senders leave out what the schemas want (`docs/shop-floor-protocol.md`); we are as strict as the reports need.

use chrono::{DateTime, Utc};
use domain::command::{Command, ReportSnapshot};
use domain::production::{Completion, Consumption, Reported};
use domain::quantity::Unit;
use roxmltree::{Document, Node, ParsingOptions};
use rust_decimal::Decimal;

use crate::{NotUnderstood, Raw};

/// The namespaces in the field, the newest last.
const NAMESPACES: &[&str] =
    &["http://www.wbf.org/xml/B2MML-V0401", "http://www.mesa.org/xml/B2MML-V0600", "http://www.mesa.org/xml/B2MML"];
/// The documents that are read, each with its responses and what in these names the work order.
const PERFORMANCES: &[(&str, &str, &str)] = &[
    ("ProductionPerformance", "ProductionResponse", "ProductionRequestID"),
    ("OperationsPerformance", "OperationsResponse", "OperationsRequestID"),
    ("WorkPerformance", "JobResponse", "JobOrderID"),
];
/// The verbs of documents that say what happened.
const VERBS: &[&str] = &["Process", "Sync"];
/// The most nodes of a document; one of 1 MiB has about half of it.
const MOST_NODES: u32 = 200_000;

/// Whether a content type is that of such a document.
pub fn is_xml(content_type: &str) -> bool {
    matches!(content_type, "application/xml" | "text/xml")
}

/// The one message that a document is, under its own name, filed under its work order where it has only one.
pub fn message(pushed: &Raw, fallback: &str) -> Result<Raw, NotUnderstood> {
    let document = parsed(&pushed.body)?;
    let found = Performance::find(&document)?;
    let own = found.bod.or_else(|| text(found.node, "ID")).unwrap_or(fallback).to_owned();
    let mut orders: Vec<&str> = found.responses().filter_map(|response| found.order(response)).collect();
    orders.dedup();
    let subject = match orders.as_slice() {
        [only] => (*only).to_owned(),
        _ => own.clone(),
    };
    Ok(Raw { external_key: own, subject, ..pushed.clone() })
}

/// The reports in a document. `key` names it, `plant` is the one that the connection speaks for.
pub fn commands(body: &str, key: &str, plant: &str) -> Result<Vec<Command>, NotUnderstood> {
    let document = parsed(body)?;
    let found = Performance::find(&document)?;
    let mut reports = Vec::new();
    for response in found.responses() {
        let Some(order) = found.order(response) else {
            return wrong(response, &format!("has no {} and no ID, so there is no work order", found.names_order));
        };
        let first = reports.len();
        let around = Around { at: found.time(response)?, station: None, operator: None };
        let mut reader = Reader { order, plant, key, reports: &mut reports };
        if found.responses_hold_material {
            reader.segment(response, &around)?;
        } else {
            for segment in children(response, "SegmentResponse") {
                reader.segment(segment, &around)?;
            }
        }
        let state = text(response, "ResponseState").or_else(|| text(response, "JobState"));
        if state.is_some_and(|state| matches!(state, "Completed" | "Closed")) {
            finished(reports.get_mut(first..).unwrap_or_default());
        }
    }
    if reports.is_empty() {
        return wrong(found.node, "says of no material what was consumed or produced");
    }
    Ok(reports.into_iter().map(Command::Report).collect())
}

/// The last completion of a finished response says that no more will come.
fn finished(reports: &mut [ReportSnapshot]) {
    let last = reports.iter_mut().rev().find_map(|report| match &mut report.what {
        Reported::Completed(it) => Some(it),
        _ => None,
    });
    if let Some(it) = last {
        it.last = true;
    }
}

fn parsed(body: &str) -> Result<Document<'_>, NotUnderstood> {
    let body = body.trim_start_matches('\u{feff}');
    // No document type: nothing is fetched and nothing expands.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(body, options).map_err(|error| NotUnderstood {
        at: "/".to_owned(),
        problem: format!("is not XML as it is read here: {error}"),
    })
}

/// What a document tells.
struct Performance<'a> {
    node: Node<'a, 'a>,
    bod: Option<&'a str>,
    created: Option<Node<'a, 'a>>,
    response: &'static str,
    names_order: &'static str,
    /// A job's response is its own segment.
    responses_hold_material: bool,
}

impl<'a> Performance<'a> {
    fn find(document: &'a Document<'a>) -> Result<Self, NotUnderstood> {
        let root = document.root_element();
        let namespace = root.tag_name().namespace().unwrap_or_default();
        if !NAMESPACES.contains(&namespace) {
            return wrong(root, &format!("is of the namespace “{namespace}”; known are {}", NAMESPACES.join(", ")));
        }
        let name = root.tag_name().name();
        let kind = |name: &str| PERFORMANCES.iter().find(|(performance, ..)| *performance == name);
        let verb = VERBS.iter().find_map(|verb| name.strip_prefix(verb)).and_then(kind);
        let Some((performance, response, names_order)) = kind(name).or(verb) else {
            let known = PERFORMANCES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
            return wrong(
                root,
                &format!("is not read here; say what happened in {known}, alone or after Process or Sync"),
            );
        };
        let area = child(root, "ApplicationArea");
        let node = if name == *performance {
            root
        } else {
            let mut all = children(root, "DataArea").flat_map(|data| children(data, performance));
            let Some(first) = all.next() else { return wrong(root, &format!("holds no {performance}")) };
            if all.next().is_some() {
                return wrong(root, &format!("holds several {performance}; send each as a document of its own"));
            }
            first
        };
        Ok(Self {
            node,
            bod: area.and_then(|area| text(area, "BODID")),
            created: area.and_then(|area| child(area, "CreationDateTime")),
            response,
            names_order,
            responses_hold_material: *response == "JobResponse",
        })
    }

    /// In document order; those of a work performance lie in its work responses.
    fn responses(&self) -> impl Iterator<Item = Node<'a, 'a>> + use<'a> {
        let response = self.response;
        self.node.descendants().filter(move |node| node.is_element() && node.tag_name().name() == response)
    }

    fn order(&self, response: Node<'a, 'a>) -> Option<&'a str> {
        text(response, self.names_order).or_else(|| text(response, "ID"))
    }

    /// When it happened, for segments that do not say: of the response, of the performance, of the document.
    fn time(&self, response: Node<'a, 'a>) -> Result<Option<DateTime<Utc>>, NotUnderstood> {
        let given =
            [(response, "EndTime"), (response, "StartTime"), (self.node, "EndTime"), (self.node, "PublishedDate")];
        let node = given.into_iter().find_map(|(node, name)| child(node, name)).or(self.created);
        node.map(instant).transpose()
    }
}

/// What a segment takes from the one around it.
#[derive(Clone, Copy)]
struct Around<'a> {
    at: Option<DateTime<Utc>>,
    station: Option<&'a str>,
    operator: Option<&'a str>,
}

/// Reads the segments of one response.
struct Reader<'r> {
    order: &'r str,
    plant: &'r str,
    key: &'r str,
    reports: &'r mut Vec<ReportSnapshot>,
}

impl Reader<'_> {
    fn segment<'a>(&mut self, segment: Node<'a, 'a>, around: &Around<'a>) -> Result<(), NotUnderstood> {
        let own = child(segment, "ActualEndTime").or_else(|| child(segment, "ActualStartTime"));
        let named = |actual: &'static str, id: &'static str| children(segment, actual).find_map(|one| text(one, id));
        let here = Around {
            at: own.map(instant).transpose()?.or(around.at),
            station: named("EquipmentActual", "EquipmentID").or(around.station),
            operator: named("PersonnelActual", "PersonID").or(around.operator),
        };
        for node in segment.children().filter(Node::is_element) {
            match node.tag_name().name() {
                "MaterialActual" => match text(node, "MaterialUse") {
                    Some("Consumed" | "Material Consumed" | "Consumable") => self.consumed(node, &here)?,
                    Some("Produced" | "Material Produced") => self.produced(node, &here)?,
                    Some(other) => {
                        return wrong(
                            node,
                            &format!("has the MaterialUse “{other}”; Consumed and Produced are booked"),
                        );
                    }
                    None => return wrong(node, "has no MaterialUse: Consumed or Produced"),
                },
                "MaterialConsumedActual" | "ConsumableActual" => self.consumed(node, &here)?,
                "MaterialProducedActual" => self.produced(node, &here)?,
                "SegmentResponse" => self.segment(node, &here)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn consumed<'a>(&mut self, node: Node<'a, 'a>, around: &Around<'a>) -> Result<(), NotUnderstood> {
        let Some(item) = text(node, "MaterialDefinitionID") else {
            return wrong(node, "has no MaterialDefinitionID, so there is no item");
        };
        let (quantity, unit) = quantity(node)?;
        let what = Reported::Consumed(Consumption {
            item: item.to_owned(),
            component: None,
            lot: text(node, "MaterialLotID").map(str::to_owned),
            serials: Vec::new(),
            backflush: false,
            quantity,
            unit,
        });
        self.report(node, around, what)
    }

    fn produced<'a>(&mut self, node: Node<'a, 'a>, around: &Around<'a>) -> Result<(), NotUnderstood> {
        let (quantity, unit) = quantity(node)?;
        let what = Reported::Completed(Completion {
            quantity,
            unit,
            scrap: Decimal::ZERO,
            scrap_reason: None,
            lot: text(node, "MaterialLotID").map(str::to_owned),
            serials: Vec::new(),
            last: false,
        });
        self.report(node, around, what)
    }

    fn report<'a>(&mut self, node: Node<'a, 'a>, around: &Around<'a>, what: Reported) -> Result<(), NotUnderstood> {
        let Some(at) = around.at else {
            return wrong(
                node,
                "says nowhere when it happened: ActualEndTime, EndTime, PublishedDate or CreationDateTime",
            );
        };
        self.reports.push(ReportSnapshot {
            their_ref: format!("{}#{}", self.key, self.reports.len() + 1),
            plant: self.plant.to_owned(),
            work_order: self.order.to_owned(),
            at,
            station: around.station.map(str::to_owned),
            operator: around.operator.map(str::to_owned),
            corrects: None,
            what,
        });
        Ok(())
    }
}

/// How much, and of which unit.
fn quantity(node: Node<'_, '_>) -> Result<(Decimal, Unit), NotUnderstood> {
    let mut all = children(node, "Quantity");
    let Some(given) = all.next() else { return wrong(node, "has no Quantity") };
    if all.next().is_some() {
        return wrong(node, "has several quantities; say one, in the unit that is booked");
    }
    let Some(string) = text(given, "QuantityString") else { return wrong(given, "has no QuantityString") };
    let Ok(value) = Decimal::from_str_exact(string.trim_start_matches('+')) else {
        return wrong(given, &format!("“{string}” is not a decimal of at most 28 digits, e.g. 1250.5"));
    };
    if value.is_sign_negative() && !value.is_zero() {
        return wrong(given, &format!("{value} is below zero; what is taken back is told as JSON, type reversal"));
    }
    let Some(unit) = text(given, "UnitOfMeasure") else { return wrong(given, "has no UnitOfMeasure") };
    Ok((value, Unit::new(unit)))
}

fn instant(node: Node<'_, '_>) -> Result<DateTime<Utc>, NotUnderstood> {
    let given = node.text().map(str::trim).unwrap_or_default();
    match DateTime::parse_from_rfc3339(given) {
        Ok(at) => Ok(at.to_utc()),
        Err(_) => wrong(node, &format!("“{given}” is not a time with its zone, e.g. 2026-12-14T08:59:58+01:00")),
    }
}

fn children<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn child<'a>(node: Node<'a, 'a>, name: &'static str) -> Option<Node<'a, 'a>> {
    children(node, name).next()
}

/// What stands in a child; nothing where it is empty.
fn text<'a>(node: Node<'a, 'a>, name: &'static str) -> Option<&'a str> {
    child(node, name)?.text().map(str::trim).filter(|text| !text.is_empty())
}

fn wrong<T>(node: Node<'_, '_>, problem: &str) -> Result<T, NotUnderstood> {
    Err(NotUnderstood { at: place(node), problem: problem.to_owned() })
}

/// Where a node stands, e.g. `/ProductionPerformance/ProductionResponse[1]`.
fn place(node: Node<'_, '_>) -> String {
    let mut steps: Vec<String> = node
        .ancestors()
        .filter(Node::is_element)
        .map(|each| {
            let name = each.tag_name().name();
            let alike = |other: &Node<'_, '_>| other.is_element() && other.tag_name().name() == name;
            let before = each.prev_siblings().skip(1).filter(alike).count();
            let is_one_of_many = before > 0 || each.next_siblings().skip(1).any(|other| alike(&other));
            if is_one_of_many { format!("/{name}[{}]", before + 1) } else { format!("/{name}") }
        })
        .collect();
    steps.reverse();
    steps.concat()
}

#[cfg(test)]
mod tests;
