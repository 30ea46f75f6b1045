//! Whether a certificate is there is one rule: what a shipment is told of a lot and what the release check says of the same
//! lot once it is received never differ. By table, each case with an item, an order line and a lot of its own.

use chrono::NaiveDate;
use domain::certificate::requirement::{Coverage, Supplied};
use domain::certificate::{CertificateKind, CertificatePer, CertificateStatus};
use domain::id::{ItemId, ScheduleLineId};
use domain::lot::usability::Reason;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::coverage::{self, Shipping};
use store::release_check::{self, Asked};
use uuid::Uuid;

use crate::scene::{MORNING, Scene, day, snapshot, time};

use CertificateKind::{Coa, Coc, En22, En31, En32};
use CertificatePer::{Delivery, Lot, Standing};
use CertificateStatus::{Accepted, Rejected, Replaced, Submitted};

/// The lot and the delivery note of every case; the scene stands on the first of December.
const LOT: &str = "H-1a";
const NOTE: &str = "LS-1";

/// For whom a rule is.
#[derive(Clone, Copy)]
enum From {
    Any,
    A,
    B,
    /// From anybody, to this plant.
    Plant,
    /// From A to this plant.
    AndPlant,
}

/// What a certificate says it is for.
enum For {
    Lots(&'static [&'static str]),
    Note(&'static str),
    Until(Option<&'static str>),
}

/// What a waiver is for.
enum LetGo {
    /// The line, all lots or one.
    Line(Option<&'static str>),
    /// The line of another item, which travels on the same notice.
    OtherLine,
    /// No line: all of a notice.
    Notice,
}

struct Case {
    what: &'static str,
    rules: Vec<(CertificateKind, CertificatePer, From)>,
    certificates: Vec<(CertificateKind, CertificateStatus, For)>,
    waivers: Vec<(CertificateKind, LetGo)>,
    /// By kind; empty where nothing is needed.
    expected: Vec<Coverage>,
}

fn case(
    what: &'static str,
    rules: Vec<(CertificateKind, CertificatePer, From)>,
    certificates: Vec<(CertificateKind, CertificateStatus, For)>,
    expected: Vec<Coverage>,
) -> Case {
    Case { what, rules, certificates, waivers: Vec::new(), expected }
}

fn waived(what: &'static str, kind: CertificateKind, waiver: LetGo, expected: Coverage) -> Case {
    Case {
        what,
        rules: vec![(En31, Lot, From::Any)],
        certificates: Vec::new(),
        waivers: vec![(kind, waiver)],
        expected: vec![expected],
    }
}

fn cases() -> Vec<Case> {
    let own = || For::Lots(&[LOT]);
    let lot = |status| vec![(En31, status, own())];
    let rule = || vec![(En31, Lot, From::Any)];
    let standing = || vec![(Coc, Standing, From::Any)];
    let until = |day| vec![(Coc, Accepted, For::Until(Some(day)))];
    let delivery = || vec![(Coc, Delivery, From::Any)];
    vec![
        case("nothing is needed", vec![], vec![], vec![]),
        case("missing", rule(), vec![], vec![Coverage::Missing]),
        case("handed in", rule(), lot(Submitted), vec![Coverage::Submitted]),
        case("rejected", rule(), lot(Rejected), vec![Coverage::Rejected]),
        case("accepted", rule(), lot(Accepted), vec![Coverage::Accepted]),
        case("replaced", rule(), lot(Replaced), vec![Coverage::Missing]),
        case("typed otherwise", rule(), vec![(En31, Accepted, For::Lots(&[" h-1A "]))], vec![Coverage::Accepted]),
        case("of another lot", rule(), vec![(En31, Accepted, For::Lots(&["H-1", "H-1ab"]))], vec![Coverage::Missing]),
        case("stricter", rule(), vec![(En32, Accepted, own())], vec![Coverage::Accepted]),
        case("weaker", rule(), vec![(En22, Accepted, own())], vec![Coverage::Missing]),
        case("of another family", rule(), vec![(Coa, Accepted, own())], vec![Coverage::Missing]),
        case(
            "the better of two",
            rule(),
            vec![(En31, Rejected, own()), (En32, Accepted, own())],
            vec![Coverage::Accepted],
        ),
        case("per lot, and a standing one", rule(), vec![(En31, Accepted, For::Until(None))], vec![Coverage::Missing]),
        case("standing, to its last day", standing(), until("2026-12-01"), vec![Coverage::Accepted]),
        case("standing, a day late", standing(), until("2026-11-30"), vec![Coverage::Expired]),
        case("standing, without end", standing(), vec![(Coc, Accepted, For::Until(None))], vec![Coverage::Accepted]),
        case("standing, and one for the lot", standing(), vec![(Coc, Accepted, own())], vec![Coverage::Missing]),
        case("for the delivery", delivery(), vec![(Coc, Accepted, For::Note(" ls-1"))], vec![Coverage::Accepted]),
        case("for another delivery", delivery(), vec![(Coc, Accepted, For::Note("LS-2"))], vec![Coverage::Missing]),
        case(
            "for the delivery, and one for the lot",
            delivery(),
            vec![(Coc, Accepted, own())],
            vec![Coverage::Missing],
        ),
        case("a rule for B", vec![(En31, Lot, From::B)], vec![], vec![]),
        case(
            "a rule for A replaces the general one",
            vec![(Coc, Lot, From::Any), (Coc, Standing, From::A)],
            vec![(Coc, Accepted, For::Until(None))],
            vec![Coverage::Accepted],
        ),
        case(
            "a rule for the plant replaces the general one",
            vec![(Coc, Standing, From::Any), (Coc, Lot, From::Plant)],
            vec![(Coc, Accepted, For::Until(None))],
            vec![Coverage::Missing],
        ),
        case(
            "a rule for A and the plant replaces all",
            vec![(Coc, Lot, From::Plant), (Coc, Lot, From::A), (Coc, Standing, From::AndPlant), (Coc, Lot, From::Any)],
            vec![(Coc, Accepted, For::Until(None))],
            vec![Coverage::Accepted],
        ),
        case(
            "two kinds, each by itself",
            vec![(En31, Lot, From::Any), (Coc, Standing, From::Any)],
            lot(Accepted),
            vec![Coverage::Missing, Coverage::Accepted],
        ),
        waived("let go", En31, LetGo::Line(None), Coverage::Waived),
        waived("let go for the lot, typed otherwise", En31, LetGo::Line(Some("h-1A ")), Coverage::Waived),
        waived("let go for another lot", En31, LetGo::Line(Some("H-2")), Coverage::Missing),
        waived("another kind is let go", Coc, LetGo::Line(None), Coverage::Missing),
        waived("the other line of the notice is let go", En31, LetGo::OtherLine, Coverage::Missing),
        Case {
            certificates: lot(Rejected),
            ..waived("let go though rejected", En31, LetGo::Line(None), Coverage::Waived)
        },
        Case { certificates: lot(Accepted), ..waived("let go and there", En31, LetGo::Line(None), Coverage::Accepted) },
    ]
}

/// A case in the database.
struct Place {
    item: (String, ItemId),
    line: ScheduleLineId,
}

/// The house with an order of a line for each of so many cases, all on one ship notice of A that was received.
struct House {
    scene: Scene,
    places: Vec<Place>,
    notice: Uuid,
}

impl House {
    async fn new(pool: PgPoolOptions, options: PgConnectOptions, cases: usize) -> Self {
        let scene = Scene::new(pool, options).await;
        let mut order = snapshot("4500000001", "A");
        let line = order.lines.remove(0);
        order.lines = (1..=cases)
            .map(|number| {
                let mut line = line.clone();
                line.number = format!("{number:04}");
                line.their_ref = format!("ref-{number}");
                line.item.number = format!("C-{number:04}");
                line
            })
            .collect();
        scene.mirror(&order).await;
        let rows: Vec<(String, Uuid, Uuid)> = sqlx::query_as(
            "select l.item_number, l.item_id, s.schedule_line_id from order_line l join schedule_line s using (order_line_id) order by l.number",
        )
        .fetch_all(&scene.owner)
        .await
        .expect("the lines");
        let places = rows
            .into_iter()
            .map(|(number, item, line)| Place { item: (number, ItemId(item)), line: ScheduleLineId(line) })
            .collect();
        let house = Self { notice: Uuid::now_v7(), places, scene };
        house.receive().await;
        house
    }

    /// A ship notice with one lot of every line, received as announced.
    async fn receive(&self) {
        sqlx::query(
            "insert into ship_notice (ship_notice_id, number, connection_id, supplier_id, plant_id, version, status,
                                      delivery_note, ship_on, arrive_on, announced_at)
             values ($1, 'SN-1', $2, $3, $4, 1, 'received', $5, '2026-11-30', '2026-12-01', now())",
        )
        .bind(self.notice)
        .bind(self.scene.erp.0)
        .bind(self.scene.a.0)
        .bind(self.scene.plant.0)
        .bind(NOTE)
        .execute(&self.scene.owner)
        .await
        .expect("a notice");
        sqlx::query(
            "with l as (
               insert into ship_notice_line (ship_line_id, ship_notice_id, number, order_id, order_line_id, schedule_line_id,
                                             item_id, item_number, unit, quantity, supplier_id, plant_id)
               select gen_random_uuid(), $1, row_number() over (order by l.number), l.order_id, l.order_line_id, s.schedule_line_id,
                      l.item_id, l.item_number, 'PCE', 100, s.supplier_id, s.plant_id
               from order_line l join schedule_line s using (order_line_id) returning *),
             g as (
               insert into receipt (receipt_id, number, channel, ship_notice_id, delivery_note, supplier_id, plant_id,
                                    received_at, recorded_at, complete, actor)
               select gen_random_uuid(), 'GR-1', 'dock', ship_notice_id, delivery_note, supplier_id, plant_id, now(), now(), true, '{}'
               from ship_notice returning *),
             o as (
               insert into lot (lot_id, plant_id, item_id, item_number, number, supplier_id, supplier_lot, unit, created_at)
               select gen_random_uuid(), plant_id, item_id, item_number, 'OURS-' || number, supplier_id, $2, 'PCE', now()
               from l returning *),
             t as (
               insert into lot_stock (lot_id, status, quantity, plant_id, supplier_id)
               select lot_id, 'unrestricted', 100, plant_id, supplier_id from o)
             insert into receipt_line (receipt_line_id, receipt_id, number, ship_line_id, item_id, item_number, unit, lot_id,
                                       supplier_lot, accepted, counted, supplier_id, plant_id)
             select gen_random_uuid(), g.receipt_id, l.number, l.ship_line_id, l.item_id, l.item_number, 'PCE', o.lot_id,
                    $2, 100, true, l.supplier_id, l.plant_id
             from l join o using (item_id) cross join g",
        )
        .bind(self.notice)
        .bind(LOT)
        .execute(&self.scene.owner)
        .await
        .expect("lots");
    }

    async fn rule(&self, item: ItemId, kind: CertificateKind, per: CertificatePer, from: From) {
        let supplier = match from {
            From::A | From::AndPlant => Some(self.scene.a.0),
            From::B => Some(self.scene.b.0),
            From::Any | From::Plant => None,
        };
        let plant = matches!(from, From::Plant | From::AndPlant).then_some(self.scene.plant.0);
        sqlx::query(
            "insert into certificate_requirement (requirement_id, item_id, supplier_id, plant_id, kind, per, created_by, created_at)
             values (gen_random_uuid(), $1, $2, $3, $4, $5, '{}', now())",
        )
        .bind(item.0)
        .bind(supplier)
        .bind(plant)
        .bind(kind.as_str())
        .bind(per.as_str())
        .execute(&self.scene.owner)
        .await
        .expect("a rule");
    }

    async fn certificate(&self, item: ItemId, kind: CertificateKind, status: CertificateStatus, what: &For) {
        let (per, lots, note, until): (_, &[&str], _, Option<NaiveDate>) = match what {
            For::Lots(lots) => (Lot, lots, None, None),
            For::Note(note) => (Delivery, &[], Some(*note), None),
            For::Until(until) => (Standing, &[], None, until.map(day)),
        };
        sqlx::query(
            "with c as (
               insert into certificate (certificate_id, number, kind, per, status, supplier_id, item_id, item_number, delivery_note,
                                        issuer, issued_on, valid_until, submitted_by, submitted_at, decided_at, decision_note)
               select $1, $1::text, $2, $3, $4, $5, item_id, number, $7, 'Mill', '2026-11-01', $8, '{}', now(), now(), 'x'
               from item where item_id = $6 returning *)
             insert into certificate_lot (certificate_id, item_id, lot, supplier_id)
             select certificate_id, item_id, lot, supplier_id from c, unnest($9::text[]) as lot",
        )
        .bind(Uuid::now_v7())
        .bind(kind.as_str())
        .bind(per.as_str())
        .bind(status.as_str())
        .bind(self.scene.a.0)
        .bind(item.0)
        .bind(note)
        .bind(until)
        .bind(lots)
        .execute(&self.scene.owner)
        .await
        .expect("a certificate");
    }

    async fn waiver(&self, place: &Place, kind: CertificateKind, what: &LetGo) {
        let (line, lot) = match what {
            LetGo::Line(lot) => (Some(place.line), *lot),
            LetGo::OtherLine => (self.places.iter().map(|other| other.line).find(|line| *line != place.line), None),
            LetGo::Notice => (None, None),
        };
        sqlx::query(
            "insert into certificate_waiver (waiver_id, ship_notice_id, schedule_line_id, item_id, kind, lot, reason, waived_by,
                                             waived_at, supplier_id, plant_id)
             values (gen_random_uuid(), $1, $2, $3, $4, $5, 'x', '{}', now(), $6, $7)",
        )
        .bind(self.notice)
        .bind(line.map(|line| line.0))
        .bind(place.item.1.0)
        .bind(kind.as_str())
        .bind(lot)
        .bind(self.scene.a.0)
        .bind(self.scene.plant.0)
        .execute(&self.scene.owner)
        .await
        .expect("a waiver");
    }

    /// What the supplier is told when he ships this lot, to arrive today.
    async fn shipping(&self, place: &Place) -> Vec<(CertificateKind, Coverage)> {
        let supplied = Supplied {
            item_id: place.item.1,
            supplier_id: Some(self.scene.a),
            plant_id: self.scene.plant,
            lots: vec![LOT.to_owned()],
            delivery_note: Some(NOTE.to_owned()),
        };
        let mut tx = self.scene.begin(self.scene.supplier(self.scene.a)).await;
        let lines = [Shipping { schedule_line_id: place.line, supplied }];
        let covered = coverage::of_shipment(&mut tx, &lines, time(MORNING).date_naive()).await.expect("coverage");
        covered.into_iter().map(|one| (one.need.kind, one.coverage)).collect()
    }

    /// What the release check says of the lots of these items; `Waived` and `Accepted` are silent there.
    async fn release(&self, lots: Vec<(String, String)>) -> Vec<Vec<(CertificateKind, Coverage)>> {
        let asked = lots
            .into_iter()
            .map(|(item, lot)| Asked { plant: "DE10".to_owned(), item, lot, quantity: 1.into() })
            .collect();
        let mut tx = self.scene.program().await;
        let answer = release_check::check(&mut tx, asked).await.expect("an answer");
        answer.checks.iter().map(|check| check.verdict.reasons.iter().map(said).collect()).collect()
    }
}

fn said(reason: &Reason) -> (CertificateKind, Coverage) {
    match reason {
        Reason::CertificateMissing { kind } => (*kind, Coverage::Missing),
        Reason::CertificateNotAccepted { kind, .. } => (*kind, Coverage::Submitted),
        Reason::CertificateRejected { kind, .. } => (*kind, Coverage::Rejected),
        Reason::CertificateExpired { kind, .. } => (*kind, Coverage::Expired),
        other => panic!("not about a certificate: {other:?}"),
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn shipping_and_release_agree_on_every_certificate(pool: PgPoolOptions, options: PgConnectOptions) {
    let cases = cases();
    let house = House::new(pool, options, cases.len()).await;
    for (case, place) in cases.iter().zip(&house.places) {
        for (kind, per, from) in &case.rules {
            house.rule(place.item.1, *kind, *per, *from).await;
        }
        for (kind, status, what) in &case.certificates {
            house.certificate(place.item.1, *kind, *status, what).await;
        }
        for (kind, what) in &case.waivers {
            house.waiver(place, *kind, what).await;
        }
    }
    let lots = house.places.iter().zip(1..).map(|(place, number)| (place.item.0.clone(), format!("OURS-{number}")));
    let released = house.release(lots.collect()).await;
    for ((case, place), released) in cases.iter().zip(&house.places).zip(released) {
        let shipped = house.shipping(place).await;
        let coverages: Vec<Coverage> = shipped.iter().map(|(_, coverage)| *coverage).collect();
        assert_eq!(coverages, case.expected, "shipping: {}", case.what);
        let stops: Vec<_> = shipped.into_iter().filter(|(_, coverage)| !coverage.lets_use()).collect();
        assert_eq!(released, stops, "release: {}", case.what);
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_let_go_for_a_whole_notice_is_let_go_for_what_came_with_it(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let house = House::new(pool, options, 1).await;
    let place = &house.places[0];
    house.rule(place.item.1, En31, Lot, From::Any).await;
    let ask = || house.release(vec![(place.item.0.clone(), "OURS-1".to_owned())]);
    assert_eq!(ask().await, [[(En31, Coverage::Missing)]]);
    house.waiver(place, En31, &LetGo::Notice).await;
    assert!(ask().await[0].is_empty());
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_lot_that_came_with_two_deliveries_needs_the_certificates_of_both(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let house = House::new(pool, options, 1).await;
    let place = &house.places[0];
    house.rule(place.item.1, Coc, Delivery, From::Any).await;
    house.certificate(place.item.1, Coc, Accepted, &For::Note(NOTE)).await;
    let ask = || house.release(vec![(place.item.0.clone(), "OURS-1".to_owned())]);
    assert!(ask().await[0].is_empty());
    sqlx::raw_sql(
        "with g as (
           insert into receipt (receipt_id, number, channel, delivery_note, supplier_id, plant_id, received_at, recorded_at, complete, actor)
           select gen_random_uuid(), 'GR-2', 'dock', 'LS-2', supplier_id, plant_id, now(), now(), true, '{}' from receipt returning *)
         insert into receipt_line (receipt_line_id, receipt_id, number, item_id, item_number, unit, lot_id, accepted, supplier_id, plant_id)
         select gen_random_uuid(), g.receipt_id, 1, l.item_id, l.item_number, 'PCE', l.lot_id, 50, l.supplier_id, l.plant_id
         from lot l cross join g",
    )
    .execute(&house.scene.owner)
    .await
    .expect("a second receipt");
    assert_eq!(ask().await, [[(Coc, Coverage::Missing)]]);
    sqlx::raw_sql("update receipt set reversed_at = now(), reverse_reason = 'counted wrong' where number = 'GR-2'")
        .execute(&house.scene.owner)
        .await
        .expect("taken back");
    assert!(ask().await[0].is_empty(), "what was taken back did not come");
}

#[sqlx::test(migrations = "../../migrations")]
async fn material_of_an_unknown_supplier_has_no_certificate(pool: PgPoolOptions, options: PgConnectOptions) {
    let house = House::new(pool, options, 1).await;
    let place = &house.places[0];
    house.rule(place.item.1, En31, Lot, From::Any).await;
    house.rule(place.item.1, Coc, Standing, From::A).await;
    house.certificate(place.item.1, En31, Accepted, &For::Lots(&[LOT])).await;
    sqlx::raw_sql("update lot set supplier_id = null").execute(&house.scene.owner).await.expect("unknown");
    let said = house.release(vec![(place.item.0.clone(), "OURS-1".to_owned())]).await;
    assert_eq!(said, [[(En31, Coverage::Missing)]], "the rule for A is not for it");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_thousand_lots_are_answered_in_one_call(pool: PgPoolOptions, options: PgConnectOptions) {
    let house = House::new(pool, options, 1).await;
    let place = &house.places[0];
    house.rule(place.item.1, En31, Lot, From::Any).await;
    let many = [
        "insert into lot (lot_id, plant_id, item_id, item_number, number, supplier_id, unit, created_at)
         select gen_random_uuid(), l.plant_id, l.item_id, l.item_number, 'L-' || n, l.supplier_id, 'PCE', now()
         from lot l, generate_series(1, 1000) n",
        "insert into lot_stock (lot_id, status, quantity, plant_id, supplier_id)
         select lot_id, 'unrestricted', 10, plant_id, supplier_id from lot where number like 'L-%'",
        "insert into certificate (certificate_id, number, kind, per, status, supplier_id, item_id, item_number, issuer, issued_on,
                                  submitted_by, submitted_at, decided_at)
         select lot_id, number, 'en_3_1', 'lot', 'accepted', supplier_id, item_id, item_number, 'Mill', '2026-11-01', '{}', now(), now()
         from lot where number like 'L-%' and substr(number, 3)::int % 2 = 0",
        "insert into certificate_lot (certificate_id, item_id, lot, supplier_id)
         select certificate_id, item_id, lower(number), supplier_id from certificate",
    ];
    for sql in many {
        sqlx::raw_sql(sql).execute(&house.scene.owner).await.expect("many");
    }
    let lots = (1..=release_check::MOST).map(|number| (place.item.0.clone(), format!("L-{number}"))).collect();
    let answers = house.release(lots).await;
    assert_eq!(answers.len(), release_check::MOST);
    for (number, said) in (1..).zip(answers) {
        let expected = if number % 2 == 0 { vec![] } else { vec![(En31, Coverage::Missing)] };
        assert_eq!(said, expected, "L-{number}");
    }
}
