//! What happened. The only thing that crosses systems, and what every page's history is made of.
//!
//! Kinds and their JSON are promises: changes are additive, anything else is a new version. The snapshot tests in
//! `tests/events.rs` show what is about to be promised.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;
use crate::access::Actor;
use crate::certificate::{Certificate, CertificateKind};
use crate::confirmation::{AnswerKind, Channel};
use crate::hold::{Disposition, Hold};
use crate::id::{
    CertificateId, ConfirmationId, ConnectionId, CorrelationId, EventId, PlantId, ScheduleLineId, SupplierId,
};
use crate::lot::{LotRef, StatusMove};
use crate::order::{Change, Commitment, Reason};
use crate::production::Report;
use crate::quantity::Unit;
use crate::receipt::{Difference, Receipt, ReceiptChannel};
use crate::shipment::{Moved, ShipNotice};
use crate::text::text_enum;
use crate::tolerance::Deviation;
use crate::work_order::{WorkOrder, WorkOrderChange};

text_enum! {
    /// The kinds of events, each with a version of its data in [`EventKind::version`].
    pub enum EventKind {
        /// An order reached the supplier.
        OrderPublished = "order.published",
        /// The ERP changed what it asks for.
        OrderRevised = "order.revised",
        /// The ERP took the order back.
        OrderCancelled = "order.cancelled",
        /// The ERP closed the order.
        OrderClosed = "order.closed",
        /// Somebody of the supplier opened it for the first time.
        OrderOpened = "order.opened",
        /// The supplier answered.
        LinesConfirmed = "order.lines_confirmed",
        /// The buyer took a deviation.
        DeviationAccepted = "order.deviation_accepted",
        /// The buyer proposed something else.
        DeviationCountered = "order.deviation_countered",
        /// The buyer refused a deviation.
        DeviationRejected = "order.deviation_rejected",
        /// Promises became binding. What ERPs are told.
        PromiseMade = "order.promise_made",
        /// The ERP said that it read a confirmation.
        ConfirmationAcknowledged = "order.confirmation_acknowledged",
        /// A supplier announced what he ships.
        ShipmentAnnounced = "shipment.announced",
        /// He sent a newer version of it.
        ShipmentAmended = "shipment.amended",
        /// He withdrew it.
        ShipmentCancelled = "shipment.cancelled",
        /// Something happened on its way.
        ShipmentMoved = "shipment.moved",
        /// A required certificate was waived for a shipment.
        CertificateWaived = "shipment.certificate_waived",
        /// Goods were received.
        ReceiptPosted = "receipt.posted",
        /// A receipt was taken back.
        ReceiptReversed = "receipt.reversed",
        /// Announced and received differ, and somebody has to say why.
        DifferenceOpened = "receipt.difference_opened",
        /// A side said something about it.
        DifferenceAnswered = "receipt.difference_answered",
        /// It is settled.
        DifferenceClosed = "receipt.difference_closed",
        /// A supplier handed in a certificate.
        CertificateSubmitted = "certificate.submitted",
        /// A quality engineer took it.
        CertificateAccepted = "certificate.accepted",
        /// A quality engineer turned it away.
        CertificateRejected = "certificate.rejected",
        /// A usage decision moved quantities of a lot between stock statuses.
        LotDecided = "lot.decided",
        /// Material may not be used from now on.
        HoldPlaced = "hold.placed",
        /// One person wants to release a hold that takes two.
        HoldReleaseRequested = "hold.release_requested",
        /// A hold ended.
        HoldReleased = "hold.released",
        /// A work order may be worked on.
        WorkOrderReleased = "work_order.released",
        /// The ERP changed a work order that the shop floor knows.
        WorkOrderChanged = "work_order.changed",
        /// The ERP took a work order back.
        WorkOrderCancelled = "work_order.cancelled",
        /// The ERP takes no more postings for it.
        WorkOrderClosed = "work_order.closed",
        /// Material was taken for a work order.
        MaterialConsumed = "production.consumed",
        /// Something was made.
        OutputCompleted = "production.completed",
        /// An operation began or stopped.
        OperationMoved = "production.operation_moved",
        /// Something was measured between operations.
        InProcessInspected = "production.inspected",
        /// A report was taken back.
        ReportReversed = "production.reversed",
        /// Somebody wants to know how much there is now.
        StockRequested = "stock.requested",
        /// Somebody wants to know whether a connection works.
        ProbeRequested = "connection.probe_requested",
    }
}

impl EventKind {
    /// The version of its data that this program writes.
    pub const fn version(self) -> i32 {
        1
    }
}

text_enum! {
    /// The kinds of things that events are about; with its id the ordering key.
    pub enum SubjectKind {
        /// A purchase order.
        Order = "order",
        /// A shipment: its ship notice, receipts and differences.
        Shipment = "shipment",
        /// A receipt that is against no ship notice.
        Receipt = "receipt",
        /// A certificate.
        Certificate = "certificate",
        /// A lot in a plant.
        Lot = "lot",
        /// A quality hold.
        Hold = "hold",
        /// A work order and everything reported of it.
        WorkOrder = "work_order",
        /// A connection (probes and queries).
        Connection = "connection",
    }
}

/// What an event is about. Events of one subject keep their order everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Which.
    pub id: Uuid,
}

/// The answer to one schedule line as it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Which.
    pub schedule_line_id: ScheduleLineId,
    /// Line number.
    pub line: String,
    /// Schedule number.
    pub schedule: i32,
    /// What kind of answer.
    pub kind: AnswerKind,
    /// The parts in full.
    pub commitments: Vec<Commitment>,
    /// Why it differs.
    pub reason: Option<Reason>,
    /// In own words.
    pub note: Option<String>,
    /// How it differs, with the rules used.
    pub deviations: Vec<Deviation>,
    /// Binding without a person.
    pub by_rule: bool,
}

/// A binding promise in full, self-contained for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// Which.
    pub schedule_line_id: ScheduleLineId,
    /// Line number.
    pub line: String,
    /// Schedule number.
    pub schedule: i32,
    /// Item number.
    pub item: String,
    /// Unit of the quantities.
    pub unit: Unit,
    /// What was asked for.
    pub requested: Decimal,
    /// For when.
    pub requested_on: chrono::NaiveDate,
    /// Ordered price.
    pub price: Option<Decimal>,
    /// What is promised; empty where there will be no supply.
    pub commitments: Vec<Commitment>,
}

/// What a revision did to one schedule line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisedLine {
    /// Which.
    pub schedule_line_id: ScheduleLineId,
    /// Line number.
    pub line: String,
    /// Schedule number.
    pub schedule: i32,
    /// The values before; none where the line was taken back.
    pub change: Option<Change>,
    /// Quantity now.
    pub quantity: Decimal,
    /// Requested day now.
    pub requested_on: chrono::NaiveDate,
}

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Event {
    #[serde(rename = "order.published")]
    OrderPublished { order: String, revision: i32, lines: usize },
    #[serde(rename = "order.revised")]
    OrderRevised { order: String, revision: i32, lines: Vec<RevisedLine> },
    #[serde(rename = "order.cancelled")]
    OrderCancelled { order: String },
    #[serde(rename = "order.closed")]
    OrderClosed { order: String },
    #[serde(rename = "order.opened")]
    OrderOpened { order: String, revision: i32 },
    #[serde(rename = "order.lines_confirmed")]
    LinesConfirmed {
        order: String,
        revision: i32,
        confirmation_id: ConfirmationId,
        channel: Channel,
        lines: Vec<Answered>,
    },
    #[serde(rename = "order.deviation_accepted")]
    DeviationAccepted { order: String, line: String, schedule: i32, note: Option<String> },
    #[serde(rename = "order.deviation_countered")]
    DeviationCountered {
        order: String,
        line: String,
        schedule: i32,
        commitments: Vec<Commitment>,
        note: Option<String>,
    },
    #[serde(rename = "order.deviation_rejected")]
    DeviationRejected { order: String, line: String, schedule: i32, note: Option<String> },
    #[serde(rename = "order.promise_made")]
    PromiseMade { order: String, revision: i32, lines: Vec<Promised> },
    #[serde(rename = "order.confirmation_acknowledged")]
    ConfirmationAcknowledged { order: String, their_ref: String, their_time: Timestamp },
    #[serde(rename = "shipment.announced")]
    ShipmentAnnounced { notice: Box<ShipNotice> },
    #[serde(rename = "shipment.amended")]
    ShipmentAmended { notice: Box<ShipNotice>, reason: Option<String> },
    #[serde(rename = "shipment.cancelled")]
    ShipmentCancelled { notice: String, version: i32, delivery_note: String, reason: String },
    #[serde(rename = "shipment.moved")]
    ShipmentMoved { notice: String, moved: Moved },
    #[serde(rename = "shipment.certificate_waived")]
    CertificateWaived {
        notice: String,
        item: String,
        certificate: CertificateKind,
        lot: Option<String>,
        reason: String,
    },
    #[serde(rename = "receipt.posted")]
    ReceiptPosted { receipt: Box<Receipt> },
    #[serde(rename = "receipt.reversed")]
    ReceiptReversed { receipt: String, their_ref: Option<String>, reason: String },
    #[serde(rename = "receipt.difference_opened")]
    DifferenceOpened { case: String, notice: Option<String>, receipt: String, lines: Vec<Difference> },
    #[serde(rename = "receipt.difference_answered")]
    DifferenceAnswered { case: String, note: String },
    #[serde(rename = "receipt.difference_closed")]
    DifferenceClosed { case: String, outcome: String },
    #[serde(rename = "certificate.submitted")]
    CertificateSubmitted { certificate: Box<Certificate> },
    #[serde(rename = "certificate.accepted")]
    CertificateAccepted {
        certificate_id: CertificateId,
        number: String,
        item: String,
        lots: Vec<String>,
        note: Option<String>,
    },
    #[serde(rename = "certificate.rejected")]
    CertificateRejected {
        certificate_id: CertificateId,
        number: String,
        item: String,
        lots: Vec<String>,
        reason: String,
    },
    #[serde(rename = "lot.decided")]
    LotDecided { lot: LotRef, moves: Vec<StatusMove>, reason: Option<String> },
    #[serde(rename = "hold.placed")]
    HoldPlaced { hold: Box<Hold> },
    #[serde(rename = "hold.release_requested")]
    HoldReleaseRequested { hold: String, disposition: Disposition, reason: String },
    #[serde(rename = "hold.released")]
    HoldReleased { hold: Box<Hold>, disposition: Disposition, reason: String },
    #[serde(rename = "work_order.released")]
    WorkOrderReleased { work_order: Box<WorkOrder> },
    #[serde(rename = "work_order.changed")]
    WorkOrderChanged { work_order: Box<WorkOrder>, changes: Vec<WorkOrderChange> },
    #[serde(rename = "work_order.cancelled")]
    WorkOrderCancelled { work_order: String, plant: String, revision: i32 },
    #[serde(rename = "work_order.closed")]
    WorkOrderClosed { work_order: String, plant: String, revision: i32 },
    #[serde(rename = "production.consumed")]
    MaterialConsumed { report: Box<Report> },
    #[serde(rename = "production.completed")]
    OutputCompleted { report: Box<Report> },
    #[serde(rename = "production.operation_moved")]
    OperationMoved { report: Box<Report> },
    #[serde(rename = "production.inspected")]
    InProcessInspected { report: Box<Report> },
    #[serde(rename = "production.reversed")]
    ReportReversed { report: Box<Report>, their_ref: String, at: Timestamp, reason: String },
    #[serde(rename = "stock.requested")]
    StockRequested { plant: String, item: String },
    #[serde(rename = "connection.probe_requested")]
    ProbeRequested { connection: String },
}

impl Event {
    /// The number of the order it is about, where it is about one.
    pub fn order(&self) -> Option<&str> {
        match self {
            Self::OrderPublished { order, .. }
            | Self::OrderRevised { order, .. }
            | Self::OrderCancelled { order }
            | Self::OrderClosed { order }
            | Self::OrderOpened { order, .. }
            | Self::LinesConfirmed { order, .. }
            | Self::DeviationAccepted { order, .. }
            | Self::DeviationCountered { order, .. }
            | Self::DeviationRejected { order, .. }
            | Self::PromiseMade { order, .. }
            | Self::ConfirmationAcknowledged { order, .. } => Some(order),
            _ => None,
        }
    }

    /// The numbers of all orders it is about, each once, in the order in which it names them.
    pub fn orders(&self) -> Vec<&str> {
        let mut orders: Vec<&str> = match self {
            Self::ShipmentAnnounced { notice } | Self::ShipmentAmended { notice, .. } => {
                notice.lines.iter().map(|line| line.order.as_str()).collect()
            }
            Self::ReceiptPosted { receipt } => receipt.lines.iter().filter_map(|line| line.order.as_deref()).collect(),
            _ => self.order().into_iter().collect(),
        };
        let mut seen = std::collections::BTreeSet::new();
        orders.retain(|order| seen.insert(*order));
        orders
    }

    /// The numbers, ours or the ERP's, of the documents it is about: its orders, its ship notice, its receipt, its hold. What
    /// a system calls the things of one document is handed to it with every event that names the document.
    pub fn documents(&self) -> Vec<&str> {
        let mut documents = self.orders();
        match self {
            Self::ShipmentAnnounced { notice } | Self::ShipmentAmended { notice, .. } => documents.push(&notice.number),
            Self::ShipmentCancelled { notice, .. } | Self::ShipmentMoved { notice, .. } => documents.push(notice),
            Self::ReceiptPosted { receipt } => {
                documents.extend(receipt.notice.as_deref());
                documents.push(&receipt.number);
            }
            Self::ReceiptReversed { receipt, .. } => documents.push(receipt),
            Self::HoldPlaced { hold } | Self::HoldReleased { hold, .. } => documents.push(&hold.number),
            Self::WorkOrderReleased { work_order } | Self::WorkOrderChanged { work_order, .. } => {
                documents.push(&work_order.number);
            }
            Self::WorkOrderCancelled { work_order, .. } | Self::WorkOrderClosed { work_order, .. } => {
                documents.push(work_order);
            }
            Self::MaterialConsumed { report }
            | Self::OutputCompleted { report }
            | Self::OperationMoved { report }
            | Self::InProcessInspected { report }
            | Self::ReportReversed { report, .. } => documents.push(&report.work_order),
            _ => {}
        }
        documents
    }

    /// Why a system need not be told of this; none where it must be. Nobody is told what he told us, and a receipt that came
    /// from an ERP or a warehouse system (or is the same as one that did), or the reversal of such a one, is told to none of
    /// them. `actor`: who did it. `receiver`: who would be told.
    pub fn echo(&self, actor: &Actor, receiver: ConnectionId) -> Option<Echo> {
        let by_a_system = match self {
            // What the ERP's own news make binding is a promise all the same.
            Self::PromiseMade { .. } => return None,
            Self::ReceiptPosted { receipt } => {
                matches!(receipt.channel, ReceiptChannel::Erp | ReceiptChannel::Wms) || receipt.same_as.is_some()
            }
            Self::ReceiptReversed { their_ref, .. } => their_ref.is_some(),
            _ => false,
        };
        match actor {
            Actor::System { connection_id, .. } if *connection_id == receiver => Some(Echo::OwnNews),
            _ if by_a_system => Some(Echo::ToldBySystem),
            _ => None,
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::OrderPublished { .. } => EventKind::OrderPublished,
            Self::OrderRevised { .. } => EventKind::OrderRevised,
            Self::OrderCancelled { .. } => EventKind::OrderCancelled,
            Self::OrderClosed { .. } => EventKind::OrderClosed,
            Self::OrderOpened { .. } => EventKind::OrderOpened,
            Self::LinesConfirmed { .. } => EventKind::LinesConfirmed,
            Self::DeviationAccepted { .. } => EventKind::DeviationAccepted,
            Self::DeviationCountered { .. } => EventKind::DeviationCountered,
            Self::DeviationRejected { .. } => EventKind::DeviationRejected,
            Self::PromiseMade { .. } => EventKind::PromiseMade,
            Self::ConfirmationAcknowledged { .. } => EventKind::ConfirmationAcknowledged,
            Self::ShipmentAnnounced { .. } => EventKind::ShipmentAnnounced,
            Self::ShipmentAmended { .. } => EventKind::ShipmentAmended,
            Self::ShipmentCancelled { .. } => EventKind::ShipmentCancelled,
            Self::ShipmentMoved { .. } => EventKind::ShipmentMoved,
            Self::CertificateWaived { .. } => EventKind::CertificateWaived,
            Self::ReceiptPosted { .. } => EventKind::ReceiptPosted,
            Self::ReceiptReversed { .. } => EventKind::ReceiptReversed,
            Self::DifferenceOpened { .. } => EventKind::DifferenceOpened,
            Self::DifferenceAnswered { .. } => EventKind::DifferenceAnswered,
            Self::DifferenceClosed { .. } => EventKind::DifferenceClosed,
            Self::CertificateSubmitted { .. } => EventKind::CertificateSubmitted,
            Self::CertificateAccepted { .. } => EventKind::CertificateAccepted,
            Self::CertificateRejected { .. } => EventKind::CertificateRejected,
            Self::LotDecided { .. } => EventKind::LotDecided,
            Self::HoldPlaced { .. } => EventKind::HoldPlaced,
            Self::HoldReleaseRequested { .. } => EventKind::HoldReleaseRequested,
            Self::HoldReleased { .. } => EventKind::HoldReleased,
            Self::WorkOrderReleased { .. } => EventKind::WorkOrderReleased,
            Self::WorkOrderChanged { .. } => EventKind::WorkOrderChanged,
            Self::WorkOrderCancelled { .. } => EventKind::WorkOrderCancelled,
            Self::WorkOrderClosed { .. } => EventKind::WorkOrderClosed,
            Self::MaterialConsumed { .. } => EventKind::MaterialConsumed,
            Self::OutputCompleted { .. } => EventKind::OutputCompleted,
            Self::OperationMoved { .. } => EventKind::OperationMoved,
            Self::InProcessInspected { .. } => EventKind::InProcessInspected,
            Self::ReportReversed { .. } => EventKind::ReportReversed,
            Self::StockRequested { .. } => EventKind::StockRequested,
            Self::ProbeRequested { .. } => EventKind::ProbeRequested,
        }
    }
}

/// Why a system need not be told of an event, see [`Event::echo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// It told us so itself.
    OwnNews,
    /// It is about goods that another system told us of; the systems of the house have that among themselves.
    ToldBySystem,
}

/// An event with where it stands: CloudEvents 1.0 attributes plus the ones that keep order and isolation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Unique for ever; with the connection the idempotency key of a delivery.
    pub event_id: EventId,
    /// What it is about.
    pub subject: Subject,
    /// 1, 2, 3 … per subject, without gaps.
    pub subject_version: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The plant it concerns.
    pub plant_id: Option<PlantId>,
    /// The supplier it concerns.
    pub supplier_id: Option<SupplierId>,
    /// Who did it.
    pub actor: Actor,
    /// From the form to the ERP's document.
    pub correlation_id: CorrelationId,
    /// The event that led to it.
    pub causation_id: Option<EventId>,
    /// What happened.
    pub event: Event,
}
