//! What came: what may be entered, what differs, and that the same goods told by several systems are in stock once, in
//! whatever order they are told of.

use std::collections::BTreeMap;

use domain::id::{ConnectionId, ReceiptId, ReceiptLineId};
use domain::quantity::Unit;
use domain::receipt::difference::{Came, Delivery, DueLine, differences};
use domain::receipt::matching::{Told, ToldLine, count};
use domain::receipt::post::{Against, PostLine, PostReceipt, check, everything, post};
use domain::receipt::{Oddity, ReceiptChannel};
use domain::refusal::Weight;
use domain::shipment::{ShipStatus, ShippedLot};
use domain::{Decimal, NaiveDate, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

fn now() -> Timestamp {
    "2026-12-09T08:00:00Z".parse().expect("a time")
}

fn today() -> NaiveDate {
    "2026-12-09".parse().expect("a day")
}

fn ids() -> impl FnMut() -> Uuid {
    let mut last = 0;
    move || {
        last += 1;
        Uuid::from_u128(last)
    }
}

fn lot(lot: &str, quantity: i64) -> ShippedLot {
    let (expires_on, produced_on, origin) = (None, None, None);
    ShippedLot { lot: lot.to_owned(), quantity: quantity.into(), expires_on, produced_on, origin, serials: Vec::new() }
}

/// 100 pieces in two lots, and 50 pieces of an item without lots.
fn delivery() -> Delivery {
    let line = |number: i32, item: &str, quantity: i64, lots: Vec<ShippedLot>| DueLine {
        notice_line: Some(number),
        order: "4500001".to_owned(),
        line: format!("00{number}0"),
        item: item.to_owned(),
        description: format!("Part {item}"),
        unit: Unit::new("PCE"),
        has_lots: !lots.is_empty(),
        quantity: quantity.into(),
        lots,
    };
    Delivery {
        notice: Some(("SN-000001".to_owned(), 1)),
        status: Some(ShipStatus::Arrived),
        delivery_note: Some("LS-1".to_owned()),
        lines: vec![line(1, "4711", 100, vec![lot("H1", 60), lot("H2", 40)]), line(2, "4712", 50, Vec::new())],
        came: Vec::new(),
    }
}

fn command(complete: bool, lines: Vec<PostLine>) -> PostReceipt {
    PostReceipt {
        against: Against::Notice("SN-000001".to_owned()),
        version: Some(1),
        channel: ReceiptChannel::Dock,
        delivery_note: None,
        received_at: now(),
        complete,
        lines,
        submission: Uuid::nil(),
    }
}

fn came_of(line: i32, lot: Option<&str>, accepted: i64) -> PostLine {
    PostLine { notice_line: Some(line), lot: lot.map(str::to_owned), accepted: accepted.into(), ..PostLine::default() }
}

fn stopping(delivery: &Delivery, command: &PostReceipt) -> Vec<(String, String)> {
    check(delivery, command, now(), today())
        .into_iter()
        .filter(|finding| finding.weight == Weight::Stops)
        .map(|finding| (finding.at, finding.rule))
        .collect()
}

/// The delivery after a receipt, as the store hands it in the next time.
fn after(mut delivery: Delivery, command: &PostReceipt) -> Delivery {
    let posted = post(&delivery, command, &mut ids());
    delivery.came.extend(posted.into_iter().map(|one| Came {
        notice_line: one.line.notice_line,
        order_line: None,
        item: one.line.item,
        lot: one.line.supplier_lot,
        unit: one.line.unit,
        accepted: one.line.accepted,
        damaged: one.line.damaged,
    }));
    delivery
}

#[test]
fn received_in_full_is_everything_announced_and_differs_in_nothing() {
    let full = command(true, Vec::new());
    assert_eq!(stopping(&delivery(), &full), []);
    let lines = post(&delivery(), &full, &mut ids());
    let came: Vec<_> = lines.iter().map(|one| (one.line.supplier_lot.as_deref(), one.line.accepted)).collect();
    assert_eq!(came, [(Some("H1"), 60.into()), (Some("H2"), 40.into()), (None, 50.into())]);
    assert!(lines.iter().all(|one| one.line.oddities.is_empty()));
    let after = after(delivery(), &full);
    assert_eq!(differences(&after, true, &[]), []);
    assert_eq!(after.ship_status(false), Some(ShipStatus::Received));
    assert_eq!(everything(&after), []);
    assert_eq!(stopping(&after, &full)[0].1, "nothing_open");
}

#[test]
fn a_part_of_it_is_partly_received_and_short_only_when_nothing_more_is_expected() {
    let part = command(false, vec![came_of(1, Some("H1"), 48)]);
    let open = after(delivery(), &part);
    assert_eq!(open.ship_status(false), Some(ShipStatus::PartlyReceived));
    assert_eq!(differences(&open, false, &[]), []);

    let last = PostReceipt { complete: true, ..part };
    let lines = post(&delivery(), &last, &mut ids());
    let odd: Vec<_> = lines.iter().map(|one| (one.line.accepted, one.line.oddities.clone())).collect();
    let short = || vec![Oddity::Short];
    assert_eq!(odd, [(48.into(), short()), (0.into(), short()), (0.into(), short())], "each missing lot is named");
    let done = after(delivery(), &last);
    assert_eq!(done.ship_status(true), Some(ShipStatus::Received));
    let missing: Vec<_> =
        differences(&done, true, &[]).into_iter().map(|it| (it.lot, it.oddity, it.received)).collect();
    let expected = [(Some("H1".to_owned()), 48.into()), (Some("H2".to_owned()), 0.into()), (None, 0.into())];
    assert_eq!(missing, expected.map(|(lot, received): (_, Decimal)| (lot, Oddity::Short, received)));
}

#[test]
fn what_is_odd_about_a_line_is_said_and_becomes_a_difference() {
    let note = Some("seen on the pallet".to_owned());
    let lines = vec![
        came_of(1, Some("H1"), 65),
        came_of(1, Some("H9"), 5),
        PostLine { damaged: 2.into(), note: note.clone(), ..came_of(1, Some(" h2 "), 38) },
        PostLine { item: Some("9999".to_owned()), note, ..came_of(2, None, 7) },
    ];
    let odd = command(false, lines);
    assert_eq!(stopping(&delivery(), &odd), []);
    let warned: Vec<String> =
        check(&delivery(), &odd, now(), today()).into_iter().map(|finding| finding.rule).collect();
    assert_eq!(warned, ["unknown_lot", "over_announced"]);
    let posted = post(&delivery(), &odd, &mut ids());
    assert_eq!(posted[2].line.supplier_lot.as_deref(), Some("H2"), "as announced, whatever the typing");
    let all: Vec<_> = posted.into_iter().map(|one| one.line.oddities).collect();
    assert_eq!(all, [vec![Oddity::Over], vec![Oddity::UnknownLot], vec![Oddity::Damaged], vec![Oddity::WrongItem]]);
    let found: Vec<_> = differences(&after(delivery(), &odd), false, &[])
        .into_iter()
        .map(|it| (it.item, it.oddity, it.announced, it.received + it.damaged))
        .collect();
    let expected = [
        ("4711", Oddity::Over, 60, 65),
        ("4711", Oddity::Damaged, 40, 40),
        ("4711", Oddity::UnknownLot, 0, 5),
        ("9999", Oddity::WrongItem, 0, 7),
    ];
    assert_eq!(
        found,
        expected.map(|(item, oddity, announced, came)| (item.to_owned(), oddity, announced.into(), came.into()))
    );
}

#[test]
fn what_cannot_be_received_says_why_at_its_place() {
    let stops = |delivery: &Delivery, command: &PostReceipt| stopping(delivery, command);
    let one = |line: PostLine| command(false, vec![line]);
    let cases: Vec<(PostReceipt, &str, &str)> = vec![
        (one(came_of(9, None, 1)), "lines.0.accepted", "unknown_line"),
        (one(came_of(1, None, 1)), "lines.0.lot", "lot_missing"),
        (one(came_of(2, None, -1)), "lines.0.accepted", "quantity_negative"),
        (one(came_of(2, None, 0)), "", "nothing_received"),
        (
            one(PostLine { accepted: Decimal::new(15, 1), ..came_of(2, None, 0) }),
            "lines.0.accepted",
            "too_many_decimals",
        ),
        (one(PostLine { accepted: Decimal::MAX, ..came_of(2, None, 0) }), "lines.0.accepted", "quantity_too_large"),
        (one(PostLine { damaged: 1.into(), ..came_of(2, None, 1) }), "lines.0.note", "note_missing"),
        (one(PostLine { item: Some("9".to_owned()), ..came_of(2, None, 1) }), "lines.0.note", "note_missing"),
        (command(false, vec![came_of(2, None, 1), came_of(2, None, 2)]), "lines.1.lot", "lot_twice"),
        (PostReceipt { version: Some(0), ..one(came_of(2, None, 1)) }, "", "notice_amended"),
        (PostReceipt { channel: ReceiptChannel::Erp, ..one(came_of(2, None, 1)) }, "", "channel"),
        (
            PostReceipt { received_at: now() + chrono::TimeDelta::hours(1), ..one(came_of(2, None, 1)) },
            "received_at",
            "received_in_future",
        ),
    ];
    for (command, at, rule) in cases {
        assert_eq!(stops(&delivery(), &command), [(at.to_owned(), rule.to_owned())], "{command:?}");
    }
    for (status, rule) in [(ShipStatus::Cancelled, "notice_cancelled"), (ShipStatus::Received, "notice_received")] {
        let over = Delivery { status: Some(status), ..delivery() };
        assert_eq!(stops(&over, &one(came_of(2, None, 1)))[0].1, rule);
    }
}

fn told(channel: ReceiptChannel, source: u128, nth: u128, parts: &[(&str, i64, i64)]) -> Told {
    let line = |(index, (lot, accepted, damaged)): (usize, &(&str, i64, i64))| ToldLine {
        receipt_line_id: ReceiptLineId(Uuid::from_u128(nth * 100 + index as u128)),
        item: "4711".to_owned(),
        lot: Some((*lot).to_owned()),
        accepted: (*accepted).into(),
        damaged: (*damaged).into(),
        counted: false,
    };
    Told {
        receipt_id: ReceiptId(Uuid::from_u128(nth)),
        channel,
        source: (source > 0).then(|| ConnectionId(Uuid::from_u128(source))),
        received_at: now(),
        complete: true,
        lines: parts.iter().enumerate().map(line).collect(),
    }
}

fn counted(all: &[Told]) -> (Decimal, Decimal) {
    let counting = count(all);
    all.iter()
        .flat_map(|told| &told.lines)
        .filter(|line| counting.lines.contains(&line.receipt_line_id))
        .fold(Default::default(), |(accepted, damaged), line| (accepted + line.accepted, damaged + line.damaged))
}

#[test]
fn the_same_goods_told_by_dock_warehouse_and_erp_count_once() {
    use ReceiptChannel::{Api, Dock, Erp, Wms};
    /// In words, what is told, what counts undamaged and damaged, how many disagree.
    type Case = (&'static str, Vec<Told>, (i64, i64), usize);
    let cases: &[Case] = &[
        ("twice the same", vec![told(Dock, 0, 1, &[("H1", 60, 0)]), told(Erp, 1, 2, &[("h1 ", 60, 0)])], (60, 0), 0),
        (
            "three ways",
            vec![
                told(Erp, 1, 1, &[("H1", 60, 0)]),
                told(Wms, 2, 2, &[("H1", 60, 0)]),
                told(Dock, 0, 3, &[("H1", 60, 0)]),
            ],
            (60, 0),
            0,
        ),
        (
            "one receipt in another's two parts",
            vec![
                told(Dock, 0, 1, &[("H1", 60, 0)]),
                told(Erp, 1, 2, &[("H1", 20, 0)]),
                told(Erp, 1, 3, &[("H1", 40, 0)]),
            ],
            (60, 0),
            0,
        ),
        (
            "a system that knows no damage",
            vec![told(Dock, 0, 1, &[("H1", 58, 2)]), told(Erp, 1, 2, &[("H1", 60, 0)])],
            (58, 2),
            0,
        ),
        (
            "a system that leaves damage out",
            vec![told(Dock, 0, 1, &[("H1", 58, 2)]), told(Erp, 1, 2, &[("H1", 58, 0)])],
            (58, 2),
            0,
        ),
        ("another count", vec![told(Dock, 0, 1, &[("H1", 48, 0)]), told(Erp, 1, 2, &[("H1", 60, 0)])], (48, 0), 1),
        (
            "more that nobody entered here",
            vec![
                told(Dock, 0, 1, &[("H1", 30, 0)]),
                told(Erp, 1, 2, &[("H1", 30, 0)]),
                told(Erp, 1, 3, &[("H1", 25, 0)]),
            ],
            (55, 0),
            0,
        ),
        (
            "two entries of our own are two deliveries",
            vec![told(Dock, 0, 1, &[("H1", 30, 0)]), told(Api, 0, 2, &[("H1", 30, 0)])],
            (60, 0),
            0,
        ),
        ("other lots", vec![told(Dock, 0, 1, &[("H1", 30, 0)]), told(Erp, 1, 2, &[("H2", 30, 0)])], (60, 0), 0),
    ];
    for (name, all, (accepted, damaged), disagreements) in cases {
        assert_eq!(counted(all), ((*accepted).into(), (*damaged).into()), "{name}");
        let counting = count(all);
        assert_eq!(counting.disagreements.len(), *disagreements, "{name}");
        let mut turned = all.clone();
        turned.reverse();
        assert_eq!(count(&turned), counting, "{name}: the order in which we hear does not matter");
    }
    let all = [told(Dock, 0, 1, &[("H1", 60, 0)]), told(Erp, 1, 2, &[("H1", 60, 0)])];
    assert_eq!(count(&all).same_as[&all[1].receipt_id], all[0].receipt_id);
}

#[test]
fn among_tellings_that_say_the_same_the_one_that_counts_already_goes_on() {
    let mut erp = told(ReceiptChannel::Erp, 1, 1, &[("H1", 60, 0)]);
    erp.lines[0].counted = true;
    let dock = told(ReceiptChannel::Dock, 0, 2, &[("H1", 60, 0)]);
    let counting = count(&[dock.clone(), erp.clone()]);
    assert_eq!(counting.same_as[&dock.receipt_id], erp.receipt_id, "stock is not moved for nothing");
    let other = told(ReceiptChannel::Dock, 0, 3, &[("H1", 59, 1)]);
    let counting = count(&[other.clone(), erp.clone()]);
    assert_eq!(counting.same_as[&erp.receipt_id], other.receipt_id, "who stood before the goods knows better");
}

#[test]
fn less_from_a_system_that_has_not_finished_is_no_disagreement_yet() {
    let dock = told(ReceiptChannel::Dock, 0, 1, &[("H1", 60, 0)]);
    let mut erp = told(ReceiptChannel::Erp, 1, 2, &[("H1", 20, 0)]);
    erp.complete = false;
    assert_eq!(count(&[dock.clone(), erp.clone()]).disagreements, []);
    erp.complete = true;
    assert_eq!(count(&[dock, erp]).disagreements[0].told, Decimal::from(20));
}

/// Goods that really came: a lot, how much of it, and what each way made of them.
#[derive(Debug, Clone)]
struct Pallet {
    lot: usize,
    quantity: i64,
    /// Entered at the dock; taken back again.
    dock: (bool, bool),
    /// Told by the ERP, in so many documents; taken back again.
    erp: (u8, bool),
    wms: (u8, bool),
}

fn pallets() -> impl Strategy<Value = Vec<Pallet>> {
    let way = || (0..=2_u8, prop::bool::weighted(0.15));
    let pallet = (0..3_usize, 2..=6_i64, (any::<bool>(), prop::bool::weighted(0.15)), way(), way())
        .prop_map(|(lot, tens, dock, erp, wms)| Pallet { lot, quantity: tens * 10, dock, erp, wms });
    prop::collection::vec(pallet, 1..7)
}

/// What is told of the pallets, and not taken back; each thing may be told in any order and twice.
fn heard(pallets: &[Pallet]) -> Vec<Told> {
    const LOTS: [&str; 3] = ["H1", "H2", "H3"];
    let mut all = Vec::new();
    for pallet in pallets {
        let mut say = |channel, source, parts: i64| {
            for part in 0..parts {
                let quantity = pallet.quantity / parts + if part == 0 { pallet.quantity % parts } else { 0 };
                let nth = all.len() as u128 + 1;
                all.push(told(channel, source, nth, &[(LOTS[pallet.lot], quantity, 0)]));
            }
        };
        if pallet.dock == (true, false) {
            say(ReceiptChannel::Dock, 0, 1);
        }
        for (channel, source, (parts, taken_back)) in
            [(ReceiptChannel::Erp, 1, pallet.erp), (ReceiptChannel::Wms, 2, pallet.wms)]
        {
            if !taken_back {
                say(channel, source, i64::from(parts));
            }
        }
    }
    all
}

fn by_lot(all: &[Told]) -> BTreeMap<String, Decimal> {
    let counting = count(all);
    let mut sums = BTreeMap::new();
    for line in all.iter().flat_map(|told| &told.lines).filter(|line| counting.lines.contains(&line.receipt_line_id)) {
        *sums.entry(line.lot.clone().unwrap_or_default()).or_insert(Decimal::ZERO) += line.accepted;
    }
    sums
}

proptest! {
    #[test]
    fn whatever_is_told_in_whichever_order_no_more_counts_than_really_came(
        pallets in pallets(),
        shuffle in any::<u64>(),
        heard_first in 0..20_usize,
    ) {
        let all = heard(&pallets);
        let mut real: BTreeMap<String, Decimal> = BTreeMap::new();
        for pallet in &pallets {
            *real.entry(["H1", "H2", "H3"][pallet.lot].to_owned()).or_insert(Decimal::ZERO) += Decimal::from(pallet.quantity);
        }
        let counted = by_lot(&all);
        for (lot, quantity) in &counted {
            prop_assert!(quantity <= &real[lot], "lot {lot}: {quantity} of {}", real[lot]);
            prop_assert!(*quantity >= Decimal::ZERO);
        }
        // Heard in another order, and step by step, with what counted before going on to count: the same.
        let mut other = all.clone();
        let length = other.len().max(1);
        for index in 0..other.len() {
            other.swap(index, (index + shuffle as usize) % length);
        }
        prop_assert_eq!(&by_lot(&other), &counted);
        let mut so_far: Vec<Told> = other.iter().take(heard_first).cloned().collect();
        let first = count(&so_far);
        for line in so_far.iter_mut().flat_map(|told| &mut told.lines) {
            line.counted = first.lines.contains(&line.receipt_line_id);
        }
        so_far.extend(other.into_iter().skip(heard_first));
        prop_assert_eq!(&by_lot(&so_far), &counted);
        // What one way told alone is all there is when the others are silent.
        let dock: Vec<Told> = all.iter().filter(|told| told.channel == ReceiptChannel::Dock).cloned().collect();
        let sum: Decimal = by_lot(&dock).values().sum();
        let entered: i64 = pallets.iter().filter(|it| it.dock == (true, false)).map(|it| it.quantity).sum();
        prop_assert_eq!(sum, Decimal::from(entered), "the parts are the whole");
        // Nobody tells less than the dock.
        for (lot, quantity) in by_lot(&dock) {
            prop_assert!(counted[&lot] >= quantity);
        }
    }

    #[test]
    fn received_in_any_parts_the_whole_is_what_was_announced(parts in prop::collection::vec((0..3_usize, 1..=70_i64), 0..12)) {
        let mut delivery = delivery();
        for (place, quantity) in parts {
            let (line, lot) = [(1, Some("H1")), (1, Some("H2")), (2, None)][place];
            let command = command(false, vec![came_of(line, lot, quantity)]);
            if stopping(&delivery, &command).is_empty() {
                delivery = after(delivery, &command);
            }
        }
        let parts = delivery.parts();
        let announced: Decimal = parts.iter().map(|part| part.announced).sum();
        let came: Decimal = parts.iter().map(|part| part.accepted + part.damaged).sum();
        let (missing, over): (Decimal, Decimal) =
            parts.iter().fold(Default::default(), |(missing, over), part| (missing + part.missing(), over + part.over()));
        prop_assert_eq!(came + missing - over, announced);
        let last = command(true, Vec::new());
        if stopping(&delivery, &last).is_empty() {
            let done = after(delivery.clone(), &last);
            prop_assert!(done.parts().iter().all(|part| part.missing().is_zero()));
            prop_assert_eq!(done.ship_status(false), Some(ShipStatus::Received));
        }
    }
}
