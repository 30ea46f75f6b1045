//! The check of a ship notice by table, and random walks over sendings, amendments and withdrawals: nothing is shipped
//! twice, and the parts always add up to the whole.

use std::collections::{BTreeMap, BTreeSet};

use domain::Decimal;
use domain::certificate::requirement::{Coverage, Covered, Need};
use domain::certificate::{CertificateKind, CertificatePer};
use domain::event::Event;
use domain::gs1;
use domain::id::{ConnectionId, ItemId, OrderId, OrderLineId, PlantId, ScheduleLineId, ShipNoticeId, SupplierId};
use domain::item::ItemRules;
use domain::negotiation::Negotiation;
use domain::order::{Commitment, OrderStatus};
use domain::quantity::Unit;
use domain::refusal::{Finding, Weight};
use domain::shipment::check::check;
use domain::shipment::content::{
    LineContent, PackedContent, ShipContent, ShipFacts, Shippable, TakenSerial, UnitContent, propose, threatened,
};
use domain::shipment::packing::{PackAlike, pack_alike};
use domain::shipment::steps::{Given, cancel, changeable, ready, tell};
use domain::shipment::{Milestone, Moved, PackageKind, ShipNotice, ShipStatus, ShippedLot};
use domain::tolerance::{Agreed, Limit, Outside, Tolerances};
use proptest::prelude::*;
use uuid::Uuid;

use crate::orders::{date, ids, now, number, parts, today};

fn schedule(n: u128) -> ScheduleLineId {
    ScheduleLineId(Uuid::from_u128(0x500 + n))
}

/// Line `00n0` of one order: asked for and promised 100 pieces on 10 December.
fn shippable(n: u128) -> Shippable {
    Shippable {
        order_id: OrderId(Uuid::from_u128(9)),
        order: "4500001".to_owned(),
        order_status: OrderStatus::Open,
        connection_id: ConnectionId(Uuid::from_u128(1)),
        supplier_id: SupplierId(Uuid::from_u128(2)),
        plant_id: PlantId(Uuid::from_u128(3)),
        order_line_id: OrderLineId(Uuid::from_u128(0x400 + n)),
        line: format!("{:04}", n * 10),
        schedule_line_id: schedule(n),
        schedule: 1,
        item_id: ItemId(Uuid::from_u128(0x100 + n)),
        item: format!("0012-{n:03}"),
        description: "Bearing housing".to_owned(),
        supplier_item: None,
        unit: Unit::new("PCE"),
        rules: ItemRules::default(),
        agreed: Agreed::default(),
        state: Negotiation::Accepted,
        ordered: 100.into(),
        promise: Some(parts("100 on 12-10")),
        shipped: Decimal::ZERO,
    }
}

fn facts(lines: Vec<Shippable>) -> ShipFacts {
    ShipFacts {
        today: today(),
        lines,
        delivery_note_in: None,
        taken_serials: Vec::new(),
        certificates: Vec::new(),
        before: None,
    }
}

fn lot(name: &str, quantity: &str) -> ShippedLot {
    ShippedLot {
        lot: name.to_owned(),
        quantity: number(quantity),
        expires_on: None,
        produced_on: None,
        origin: None,
        serials: Vec::new(),
    }
}

fn line(n: u128, quantity: &str, lots: Vec<ShippedLot>) -> LineContent {
    LineContent { schedule_line_id: schedule(n), quantity: number(quantity), lots, serials: Vec::new() }
}

fn content(lines: Vec<LineContent>) -> ShipContent {
    ShipContent {
        delivery_note: "LS-1".to_owned(),
        ship_on: date("12-02"),
        arrive_on: date("12-04"),
        carrier: None,
        tracking: None,
        bill_of_lading: None,
        note: None,
        lines,
        units: Vec::new(),
    }
}

fn packed(n: u128, lot: Option<&str>, quantity: &str) -> PackedContent {
    PackedContent { schedule_line_id: schedule(n), lot: lot.map(str::to_owned), quantity: number(quantity) }
}

fn unit(number: i32, parent: Option<i32>, contents: Vec<PackedContent>) -> UnitContent {
    UnitContent { number, kind: PackageKind::Carton, parent, gross_kg: None, sscc: None, contents }
}

fn said(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|it| format!("{}{} {}", if it.weight == Weight::Warns { "? " } else { "" }, it.at, it.rule))
        .collect()
}

fn serials(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("S{n:03}")).collect()
}

/// One change to a notice that is in order otherwise, and what the check says of it.
type Case = (&'static str, fn(&mut ShipContent, &mut ShipFacts), &'static [&'static str]);

#[test]
fn each_rule_speaks_at_its_place_and_alone() {
    let cases: &[Case] = &[
        ("in order", |_, _| {}, &[]),
        ("no lines", |c, _| c.lines.clear(), &["lines no_lines"]),
        ("no delivery note", |c, _| c.delivery_note = "  ".to_owned(), &["delivery_note delivery_note_missing"]),
        (
            "used delivery note",
            |_, f| f.delivery_note_in = Some("SN-000001".to_owned()),
            &["delivery_note delivery_note_used"],
        ),
        ("leaves after arrival", |c, _| c.ship_on = date("12-05"), &["ship_on ships_after_arrival"]),
        (
            "arrival in the past",
            |c, _| (c.ship_on, c.arrive_on) = (date("11-20"), date("11-21")),
            &["? arrive_on arrival_in_past"],
        ),
        ("wrong year", |c, _| c.arrive_on = date("2036-12-04"), &["arrive_on date_too_far"]),
        ("nothing of it", |c, _| c.lines[1].quantity = Decimal::ZERO, &["lines.1.quantity quantity_not_positive"]),
        ("half a piece", |c, _| c.lines[1].quantity = number("0.5"), &["lines.1.quantity too_many_decimals"]),
        ("too much", |c, _| c.lines[1].quantity = number("101"), &["lines.1.quantity quantity_above_open"]),
        (
            "too much with what others hold",
            |_, f| f.lines[1].shipped = number("60"),
            &["lines.1.quantity quantity_above_open"],
        ),
        (
            "over-delivery inside the limit",
            |c, f| {
                c.lines[1].quantity = number("105");
                let limit = Limit { up_to: 5.into(), outside: Outside::Refuse };
                f.lines[1].agreed.plant = Tolerances { over: Some(limit), ..Tolerances::default() };
            },
            &["? lines.1.quantity quantity_above_confirmed"],
        ),
        (
            "more than confirmed, no more than ordered",
            |c, f| {
                c.lines[1].quantity = number("80");
                f.lines[1].promise = Some(parts("60 on 12-10"));
            },
            &["? lines.1.quantity quantity_above_confirmed"],
        ),
        ("unknown line", |_, f| drop(f.lines.remove(1)), &["lines.1 line_unknown"]),
        (
            "the same line twice",
            |c, _| {
                c.lines[1].quantity = number("40");
                c.lines.push(line(2, "40", Vec::new()));
            },
            &["lines.2 line_twice"],
        ),
        ("another plant", |_, f| f.lines[1].plant_id = PlantId(Uuid::from_u128(99)), &["lines.1 other_plant"]),
        ("closed order", |_, f| f.lines[1].order_status = OrderStatus::Closed, &["lines.1 order_not_open"]),
        ("cancelled line", |_, f| f.lines[1].state = Negotiation::Cancelled, &["lines.1 line_not_open"]),
        (
            "not answered",
            |_, f| (f.lines[1].state, f.lines[1].promise) = (Negotiation::Published, None),
            &["lines.1 not_confirmed"],
        ),
        ("revised since", |_, f| f.lines[1].state = Negotiation::Published, &["? lines.1 promise_in_question"]),
        ("lot needed", |_, f| f.lines[1].rules.lots = true, &["lines.1.lots lot_missing"]),
        ("lots short", |c, _| c.lines[0].lots[0].quantity = number("30"), &["lines.0.quantity lots_do_not_add_up"]),
        ("lot twice", |c, _| c.lines[0].lots[1].lot = "H-1".to_owned(), &["lines.0.lots.1.lot lot_twice"]),
        ("lot without a name", |c, _| c.lines[0].lots[1].lot = " ".to_owned(), &["lines.0.lots.1.lot lot_unnamed"]),
        (
            "unknown country",
            |c, _| c.lines[0].lots[0].origin = Some("UK".to_owned()),
            &["lines.0.lots.0.origin origin_unknown"],
        ),
        (
            "produced after shipping",
            |c, _| c.lines[0].lots[0].produced_on = Some(date("12-03")),
            &["lines.0.lots.0.produced_on produced_after_shipping"],
        ),
        (
            "expires before production",
            |c, _| {
                c.lines[0].lots[0].produced_on = Some(date("12-02"));
                c.lines[0].lots[0].expires_on = Some(date("12-01"));
            },
            &["lines.0.lots.0.expires_on expires_before_production", "lines.0.lots.0.expires_on shelf_life_too_short"],
        ),
        (
            "no expiry where there is a shelf life",
            |c, f| {
                f.lines[0].rules.shelf_life_days = Some(365);
                c.lines[0].lots[0].expires_on = Some(date("2027-12-01"));
            },
            &["lines.0.lots.1.expires_on expiry_missing"],
        ),
        (
            "too old on arrival",
            |c, f| {
                f.lines[0].rules.days_left_on_arrival = Some(180);
                c.lines[0].lots[0].expires_on = Some(date("2027-06-01")); // 179 days after 4 December
                c.lines[0].lots[1].expires_on = Some(date("2027-06-02"));
            },
            &["lines.0.lots.0.expires_on shelf_life_too_short"],
        ),
        (
            "serials needed",
            |c, f| {
                f.lines[0].rules.serials = true;
                c.lines[0].lots[0].serials = serials(60);
            },
            &["lines.0.lots.1.serials serials_do_not_match"],
        ),
        (
            "serial twice",
            |c, _| {
                c.lines[0].lots[0].serials = serials(2);
                c.lines[0].lots[1].serials = serials(1);
            },
            &["lines.0.lots.1.serials serial_twice"],
        ),
        (
            "serial used",
            |c, f| {
                c.lines[0].lots[0].serials = serials(1);
                f.taken_serials.push(TakenSerial {
                    item_id: f.lines[0].item_id,
                    serial: "S001".to_owned(),
                    notice: "SN-000001".to_owned(),
                });
            },
            &["lines.0.lots.0.serials serial_used"],
        ),
        (
            "certificate missing",
            |_, f| f.certificates.push(covered(f.lines[0].item_id, Some("H-2"), Coverage::Missing)),
            &["lines.0.lots.1.lot certificate_missing"],
        ),
        (
            "certificate handed in, waived or accepted",
            |_, f| {
                for coverage in [Coverage::Submitted, Coverage::Waived, Coverage::Accepted] {
                    f.certificates.push(covered(f.lines[0].item_id, Some("H-1"), coverage));
                }
            },
            &[],
        ),
        (
            "packed whole, carton before its pallet",
            |c, _| {
                c.units = vec![
                    unit(1, Some(9), vec![packed(1, Some("H-1"), "60"), packed(2, None, "20")]),
                    unit(2, None, vec![packed(1, Some("H-2"), "40"), packed(2, None, "30")]),
                    unit(9, None, Vec::new()),
                ];
            },
            &[],
        ),
        (
            "packed in part",
            |c, _| c.units = vec![unit(1, None, vec![packed(1, Some("H-1"), "60"), packed(2, None, "51")])],
            &["lines.0.lots.1.quantity packing_does_not_add_up", "lines.1.quantity packing_does_not_add_up"],
        ),
        (
            "packed without its lot",
            |c, _| {
                c.units = vec![unit(1, None, vec![packed(1, None, "100"), packed(2, None, "50")])];
                c.lines[0].lots.truncate(1);
                c.lines[0].lots[0].quantity = number("100");
            },
            &["units.0.contents.0 packed_unknown", "lines.0.lots.0.quantity packing_does_not_add_up"],
        ),
        (
            "a circle, an orphan and an empty package",
            |c, _| {
                c.units = vec![
                    unit(1, Some(2), vec![packed(1, Some("H-1"), "60"), packed(1, Some("H-2"), "40")]),
                    unit(2, Some(1), Vec::new()),
                    unit(3, Some(7), vec![packed(2, None, "50")]),
                    unit(4, None, Vec::new()),
                ];
            },
            &[
                "units.0.parent packages_in_a_circle",
                "units.1.parent packages_in_a_circle",
                "units.2.parent parent_unknown",
                "units.3 package_empty",
            ],
        ),
    ];
    for (what, change, expected) in cases {
        let mut content =
            content(vec![line(1, "100", vec![lot("H-1", "60"), lot("H-2", "40")]), line(2, "50", Vec::new())]);
        let mut facts = facts(vec![shippable(1), shippable(2)]);
        change(&mut content, &mut facts);
        let findings = check(&content, &facts);
        assert_eq!(said(&findings), *expected, "{what}");
        for finding in findings {
            assert!(finding.message.ends_with('.') && finding.message.len() > 30, "{what}: {}", finding.message);
        }
    }
}

fn covered(item_id: ItemId, lot: Option<&str>, coverage: Coverage) -> Covered {
    let need = Need {
        item_id,
        kind: CertificateKind::En31,
        per: CertificatePer::Lot,
        lot: lot.map(str::to_owned),
        delivery_note: None,
    };
    Covered { need, coverage, certificate: None, valid_until: None }
}

#[test]
fn what_is_promised_first_is_proposed_first_and_what_is_shipped_not_again() {
    let mut two = shippable(2);
    two.promise = Some(parts("60 on 12-05 + 40 on 12-20"));
    let mut three = shippable(3);
    three.shipped = 100.into();
    let mut four = shippable(4);
    four.promise = None;
    let proposed = |lines: &[Shippable]| -> Vec<(ScheduleLineId, Decimal, Option<domain::NaiveDate>)> {
        propose(lines).into_iter().map(|one| (one.schedule_line_id, one.quantity, one.due_on)).collect()
    };
    let lines = [shippable(1), two.clone(), three, four];
    assert_eq!(
        proposed(&lines),
        [(schedule(2), 100.into(), Some(date("12-05"))), (schedule(1), 100.into(), Some(date("12-10")))]
    );
    two.shipped = 60.into();
    assert_eq!(proposed(&[two]), [(schedule(2), 40.into(), Some(date("12-20")))]);
}

#[test]
fn an_arrival_after_the_promised_day_threatens_it() {
    let lines = [("a".to_owned(), Some(date("12-04"))), ("b".to_owned(), Some(date("12-01"))), ("c".to_owned(), None)];
    let late: Vec<_> = threatened(lines, date("12-04")).into_iter().map(|one| (one.name, one.days)).collect();
    assert_eq!(late, [("b".to_owned(), 3)]);
}

fn moved(milestone: Milestone) -> Moved {
    Moved { milestone, happened_at: now(), arrive_on: None, note: None }
}

#[test]
fn steps_that_are_not_possible_name_the_state() {
    let facts = facts(vec![shippable(1)]);
    let content = content(vec![line(1, "100", Vec::new())]);
    let ready = ready(&content, &facts).expect("in order");
    let given = Given { new_id: &mut ids(0), ssccs: Vec::new() };
    let (notice, _) = ready.announce(ShipNoticeId(Uuid::from_u128(1)), "SN-000001".to_owned(), given).expect("sent");
    for status in ShipStatus::ALL.iter().copied() {
        let amends = changeable(&notice, status, 1, "amended");
        let cancels = cancel(&notice, status, 1, "Truck broke down");
        assert_eq!(amends.is_ok(), status.is_open(), "{status}");
        assert_eq!(cancels.is_ok(), status.is_open(), "{status}");
        if let Err(findings) = amends {
            assert!(findings[0].message.contains(status.words()), "{}", findings[0].message);
        }
        let told = tell(&notice.number, status, &moved(Milestone::Departed), now());
        assert_eq!(told.is_ok(), status.is_expected(), "{status}");
        if let Ok(after) = told {
            assert!(after >= status, "{status} does not go back");
        }
    }
    assert_eq!(said(&changeable(&notice, ShipStatus::Announced, 0, "amended").expect_err("old")), [" old_version"]);
    assert_eq!(said(&cancel(&notice, ShipStatus::Announced, 1, " ").expect_err("why")), ["reason reason_missing"]);
    let delayed = tell(&notice.number, ShipStatus::Announced, &moved(Milestone::Delayed), now());
    assert_eq!(said(&delayed.expect_err("until when")), ["arrive_on arrival_missing"]);
}

/// What a supplier does.
#[derive(Debug, Clone)]
enum Deed {
    Send(Vec<(u128, i64)>, Option<i64>),
    Amend(usize, Vec<(u128, i64)>, Option<i64>),
    Cancel(usize),
}

fn contents() -> impl Strategy<Value = (Vec<(u128, i64)>, Option<i64>)> {
    (prop::collection::vec((1..=3_u128, -5..=120_i64), 1..4), prop::option::of(1..=50_i64))
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => contents().prop_map(|(lines, pack)| Deed::Send(lines, pack)),
        3 => (0..8_usize, contents()).prop_map(|(which, (lines, pack))| Deed::Amend(which, lines, pack)),
        2 => (0..8_usize).prop_map(Deed::Cancel),
    ];
    prop::collection::vec(deed, 1..25)
}

/// The notices as the store would keep them.
#[derive(Default)]
struct Book {
    notices: Vec<(ShipNotice, ShipStatus)>,
    serial: u64,
    next_id: u128,
}

impl Book {
    fn shipped(&self, id: ScheduleLineId, except: Option<ShipNoticeId>) -> Decimal {
        self.notices
            .iter()
            .filter(|(notice, status)| *status != ShipStatus::Cancelled && Some(notice.ship_notice_id) != except)
            .flat_map(|(notice, _)| &notice.lines)
            .filter(|line| line.schedule_line_id == id)
            .map(|line| line.quantity)
            .sum()
    }

    fn facts(&self, before: Option<&ShipNotice>) -> ShipFacts {
        let except = before.map(|notice| notice.ship_notice_id);
        let lines = (1..=3).map(|n| Shippable { shipped: self.shipped(schedule(n), except), ..shippable(n) }).collect();
        ShipFacts { before: before.cloned(), ..facts(lines) }
    }

    fn write(&mut self, lines: &[(u128, i64)], pack: Option<i64>, replaces: Option<usize>) {
        let lines = lines.iter().map(|(n, quantity)| line(*n, &quantity.to_string(), Vec::new())).collect();
        let mut content = content(lines);
        if let Some(each) = pack {
            let how = PackAlike { per_carton: each.into(), cartons_per_pallet: Some(3) };
            content.units = pack_alike(&content.lines, how).unwrap_or_default();
        }
        let before = replaces.map(|at| self.notices[at].clone());
        if let Some((notice, status)) = &before
            && changeable(notice, *status, notice.version, "amended").is_err()
        {
            return;
        }
        let before = before.map(|(notice, _)| notice);
        let facts = self.facts(before.as_ref());
        let Ok(ready) = ready(&content, &facts) else { return };
        let ssccs = (0..ready.new_packages())
            .map(|_| {
                self.serial += 1;
                gs1::sscc("4012345", 0, self.serial).expect("an SSCC")
            })
            .collect();
        self.next_id += 1_000_000;
        let given = Given { new_id: &mut ids(self.next_id), ssccs };
        let (notice, event) = match &before {
            None => {
                let id = ShipNoticeId(Uuid::from_u128(self.next_id));
                ready.announce(id, format!("SN-{}", self.next_id), given).expect("numbers enough")
            }
            Some(before) => ready.amend(before, None, given).expect("numbers enough"),
        };
        match event {
            Event::ShipmentAnnounced { notice: told } => assert_eq!((*told, notice.version), (notice.clone(), 1)),
            Event::ShipmentAmended { notice: told, .. } => assert_eq!(*told, notice),
            other => panic!("{other:?}"),
        }
        match replaces {
            None => self.notices.push((notice, ShipStatus::Announced)),
            Some(at) => self.notices[at].0 = notice,
        }
    }

    fn act(&mut self, deed: &Deed) {
        let count = self.notices.len();
        match deed {
            Deed::Send(lines, pack) => self.write(lines, *pack, None),
            Deed::Amend(which, lines, pack) if count > 0 => self.write(lines, *pack, Some(which % count)),
            Deed::Cancel(which) if count > 0 => {
                let (notice, status) = &mut self.notices[which % count];
                if cancel(notice, *status, notice.version, "no").is_ok() {
                    *status = ShipStatus::Cancelled;
                }
            }
            Deed::Amend(..) | Deed::Cancel(_) => {}
        }
    }

    fn holds(&self) {
        let mut ssccs = BTreeSet::new();
        for n in 1..=3 {
            let (shipped, line) = (self.shipped(schedule(n), None), &self.facts(None).lines[(n - 1) as usize]);
            assert!(shipped <= line.ordered, "line {n}: {shipped} of {}", line.ordered);
            assert_eq!(shipped + line.open(), line.promised(), "the parts are the whole");
        }
        for (notice, _) in &self.notices {
            let mut numbers: Vec<i32> = notice.lines.iter().map(|line| line.number).collect();
            numbers.dedup();
            assert_eq!(numbers.len(), notice.lines.len(), "a line's number is its own");
            for unit in &notice.units {
                assert!(gs1::is_sscc(&unit.sscc));
                assert!(ssccs.insert(unit.sscc.clone()), "an SSCC is given once");
            }
            if !notice.units.is_empty() {
                let mut packed: BTreeMap<i32, Decimal> = BTreeMap::new();
                for part in notice.units.iter().flat_map(|unit| &unit.contents) {
                    *packed.entry(part.line).or_default() += part.quantity;
                }
                let shipped: BTreeMap<i32, Decimal> =
                    notice.lines.iter().map(|line| (line.number, line.quantity)).collect();
                assert_eq!(packed, shipped, "everything is packed, once");
            }
            let mut seen = BTreeSet::new();
            for unit in &notice.units {
                assert!(unit.parent.is_none_or(|parent| seen.contains(&parent)), "a parent stands before its children");
                seen.insert(unit.handling_unit_id);
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_shipped_twice_in_whatever_order_it_is_sent_amended_and_withdrawn(deeds in deeds()) {
        let mut book = Book::default();
        for deed in &deeds {
            book.act(deed);
            book.holds();
        }
    }

    #[test]
    fn a_notice_written_back_as_content_is_the_same_notice(quantity in 1..=100_i64, each in 1..=40_i64) {
        let mut book = Book::default();
        book.write(&[(1, quantity), (2, 1)], Some(each), None);
        let (notice, _) = book.notices[0].clone();
        let facts = book.facts(Some(&notice));
        let content = notice.content();
        let ready = ready(&content, &facts).expect("in order");
        prop_assert_eq!(ready.new_packages(), 0);
        let (again, _) = ready.amend(&notice, None, Given { new_id: &mut ids(7), ssccs: Vec::new() }).expect("sent");
        prop_assert_eq!(ShipNotice { version: 1, ..again }, notice);
    }

    #[test]
    fn packing_alike_packs_everything_once(
        quantities in prop::collection::vec(1..=5_000_i64, 1..4),
        each in 1..=200_i64,
        pallet in prop::option::of(1..=60_usize),
    ) {
        let lines: Vec<LineContent> =
            quantities.iter().zip(1..).map(|(quantity, n)| line(n, &quantity.to_string(), vec![lot("H", &quantity.to_string())])).collect();
        let how = PackAlike { per_carton: each.into(), cartons_per_pallet: pallet };
        match pack_alike(&lines, how) {
            None => prop_assert!(quantities.iter().sum::<i64>() / each > 4_000, "only too many packages are not packed"),
            Some(units) => {
                let facts = facts((1..=lines.len() as u128).map(|n| Shippable { ordered: 5_000.into(), promise: Some(vec![Commitment { quantity: 5_000.into(), deliver_on: None, ship_on: None, price: None }]), ..shippable(n) }).collect());
                let content = ShipContent { units, ..content(lines) };
                prop_assert_eq!(said(&check(&content, &facts)), Vec::<String>::new());
            }
        }
    }
}
