//! May this lot be used? By table, every reason alone and all of them together; the plan of inspections, the split of a lot
//! and the end of a hold as things that must always or never be.

use domain::access::{Actor, Role};
use domain::certificate::CertificateKind;
use domain::hold::{
    Disposition, HoldReason, HoldState, Standing as HoldStanding, Step, check_placing, release, request_release,
};
use domain::id::{CertificateId, PersonId};
use domain::inspection::{Earlier, Next, Part, Plan, split};
use domain::lot::StockStatus;
use domain::lot::usability::{Facts, Needed, Reason, Standing, UnderHold, may_use};
use domain::quantity::Unit;
use domain::{Decimal, NaiveDate};
use proptest::prelude::*;
use uuid::Uuid;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn today() -> NaiveDate {
    day("2026-12-01")
}

fn certificate() -> CertificateId {
    CertificateId(Uuid::from_u128(7))
}

/// 100 pieces that may be used.
fn good() -> Facts {
    Facts {
        lot: "L-1".to_owned(),
        unit: Unit::new("PCE"),
        unrestricted: 100.into(),
        inspection: Decimal::ZERO,
        restricted: Decimal::ZERO,
        blocked: Decimal::ZERO,
        expires_on: Some(day("2027-01-31")),
        certificates: vec![Needed { kind: CertificateKind::En31, standing: Standing::Accepted }],
        holds: Vec::new(),
    }
}

/// One thing that can be wrong with a lot, and the word for it.
type Flaw = (&'static str, fn(&mut Facts));

/// Everything that stops all of a lot, each by itself.
const FLAWS: &[Flaw] = &[
    ("expired", |facts| facts.expires_on = Some(day("2026-11-30"))),
    ("certificate_missing", |facts| add(facts, CertificateKind::Coc, Standing::Missing)),
    ("certificate_not_accepted", |facts| {
        add(facts, CertificateKind::Coa, Standing::Submitted { certificate_id: certificate() });
    }),
    ("certificate_rejected", |facts| {
        add(facts, CertificateKind::En22, Standing::Rejected { certificate_id: certificate() });
    }),
    ("certificate_expired", |facts| {
        add(facts, CertificateKind::En21, Standing::Expired { certificate_id: certificate(), on: day("2026-11-30") });
    }),
    ("held", |facts| {
        facts.holds.push(UnderHold { number: "QH-000001".to_owned(), reason: HoldReason::OutOfLimits, serial: None });
    }),
    ("not_enough", |facts| facts.unrestricted = 49.into()),
];

fn add(facts: &mut Facts, kind: CertificateKind, standing: Standing) {
    facts.certificates.push(Needed { kind, standing });
}

fn word(reason: &Reason) -> String {
    let json = serde_json::to_value(reason).expect("a reason can be written");
    json["reason"].as_str().expect("a word").to_owned()
}

fn words(facts: &Facts, quantity: i64) -> Vec<String> {
    let verdict = may_use(facts, quantity.into(), today());
    assert_eq!(verdict.usable, verdict.reasons.is_empty(), "usable exactly where there is no reason");
    let mut words: Vec<String> = verdict.reasons.iter().map(word).collect();
    words.sort();
    words
}

#[test]
fn every_combination_of_flaws_gives_exactly_its_reasons() {
    for picked in 0_u32..1 << FLAWS.len() {
        let mut facts = good();
        let mut expected = Vec::new();
        for (at, (word, spoil)) in FLAWS.iter().enumerate() {
            if picked & (1 << at) != 0 {
                spoil(&mut facts);
                expected.push((*word).to_owned());
            }
        }
        expected.sort();
        assert_eq!(words(&facts, 50), expected, "combination {picked:b}");
    }
}

#[test]
fn what_is_not_free_is_a_reason_only_where_the_quantity_does_not_fit_without_it() {
    for (free, inspection, restricted, blocked, wanted, expected) in [
        (100, 0, 0, 0, 100, vec![]),
        (90, 10, 0, 0, 90, vec![]),
        (90, 0, 5, 5, 50, vec![]),
        (90, 10, 0, 0, 100, vec!["in_inspection", "not_enough"]),
        (0, 100, 0, 0, 1, vec!["in_inspection", "not_enough"]),
        (0, 0, 100, 0, 1, vec!["not_enough", "restricted"]),
        (0, 0, 0, 100, 1, vec!["blocked", "not_enough"]),
        (10, 20, 30, 40, 100, vec!["blocked", "in_inspection", "not_enough", "restricted"]),
        (0, 0, 0, 0, 1, vec!["not_enough"]),
        (100, 0, 0, 0, 0, vec!["quantity_not_positive"]),
        (100, 0, 0, 0, -1, vec!["quantity_not_positive"]),
    ] {
        let facts = Facts {
            unrestricted: free.into(),
            inspection: inspection.into(),
            restricted: restricted.into(),
            blocked: blocked.into(),
            ..good()
        };
        assert_eq!(words(&facts, wanted), expected, "{free} {inspection} {restricted} {blocked}, {wanted} wanted");
    }
}

#[test]
fn a_lot_may_be_used_on_its_last_day_and_not_on_the_next() {
    for (last, expected) in [("2026-12-01", vec![]), ("2026-11-30", vec!["expired"])] {
        assert_eq!(words(&Facts { expires_on: Some(day(last)), ..good() }, 1), expected);
    }
    assert!(words(&Facts { expires_on: None, ..good() }, 1).is_empty(), "one that never expires");
}

#[test]
fn a_held_serial_takes_one_piece_off_what_is_free_and_stops_nothing_else() {
    let serial = |serial: &str| UnderHold {
        number: "QH-000002".to_owned(),
        reason: HoldReason::Damage,
        serial: Some(serial.to_owned()),
    };
    let facts = Facts { holds: vec![serial("S1"), serial("S2"), serial("S2")], ..good() };
    assert!(words(&facts, 98).is_empty(), "two of a hundred pieces are held");
    assert_eq!(words(&facts, 99), ["held", "held", "held", "not_enough"]);
}

#[test]
fn a_waived_certificate_counts_as_there() {
    let mut facts = good();
    add(&mut facts, CertificateKind::Coc, Standing::Waived);
    assert!(words(&facts, 1).is_empty());
}

#[test]
fn every_reason_has_words_that_end_like_a_sentence() {
    let mut facts = Facts { inspection: 1.into(), restricted: 1.into(), blocked: 1.into(), ..good() };
    for (_, spoil) in FLAWS {
        spoil(&mut facts);
    }
    let verdict = may_use(&facts, 1000.into(), today());
    assert_eq!(verdict.reasons.len(), FLAWS.len() + 3);
    for reason in &verdict.reasons {
        let words = reason.words();
        assert!(words.ends_with('.') && words.chars().next().is_some_and(|first| !first.is_lowercase()), "{words}");
    }
}

#[test]
fn the_plan_skips_after_enough_good_ones_and_begins_anew_after_a_bad_one() {
    use Earlier::{Due, Failed, Passed, Skipped};
    let plan = Plan::SkipLot { good_before_skip: 3, skip: 2 };
    for (earlier, expected) in [
        (vec![], Next::Inspect),
        (vec![Passed, Passed], Next::Inspect),
        (vec![Passed, Passed, Passed], Next::Skip),
        (vec![Skipped, Passed, Passed, Passed], Next::Skip),
        (vec![Skipped, Skipped, Passed, Passed, Passed], Next::Inspect),
        (vec![Passed, Skipped, Skipped, Passed, Passed, Passed], Next::Skip),
        (vec![Failed, Skipped, Skipped, Passed, Passed, Passed], Next::Inspect),
        (vec![Passed, Passed, Failed, Passed, Passed, Passed], Next::Inspect),
        (vec![Due, Passed, Passed, Passed], Next::Skip),
        (vec![Due, Due, Due], Next::Inspect),
    ] {
        assert_eq!(plan.next(&earlier), expected, "{earlier:?}");
    }
    assert_eq!(Plan::Every.next(&[Passed; 50]), Next::Inspect);
    assert_eq!(Plan::None.next(&[Failed; 50]), Next::Nothing);
}

fn person(number: u128, role: Role) -> Actor {
    Actor::Person { person_id: PersonId(Uuid::from_u128(number)), name: format!("Person {number}"), roles: vec![role] }
}

fn quality(number: u128) -> Actor {
    person(number, Role::QualityEngineer)
}

fn standing(state: HoldState, two_persons: bool, requested_by: Option<Actor>) -> HoldStanding {
    HoldStanding { state, two_persons, requested_by }
}

#[test]
fn a_hold_is_placed_with_a_reason_and_a_note() {
    assert_eq!(check_placing(Some(HoldReason::Damage), "dented"), Ok(HoldReason::Damage));
    for (reason, note, at) in [
        (None, "dented", "reason"),
        (Some(HoldReason::Damage), "  ", "note"),
        (Some(HoldReason::Other), &"x".repeat(2001), "note"),
    ] {
        let findings = check_placing(reason, note).expect_err("refused");
        assert!(findings.iter().any(|finding| finding.at == at), "{findings:?}");
    }
}

#[test]
fn one_person_never_releases_a_hold_that_takes_two() {
    let asked = standing(HoldState::ReleaseRequested, true, Some(quality(1)));
    let findings = release(&asked, &quality(1)).expect_err("the same person");
    assert_eq!(findings[0].rule, "second_person_needed");
    assert_eq!(release(&asked, &quality(2)), Ok(Step::Released));
    let machine = Actor::Loop { name: "test".to_owned() };
    assert_eq!(release(&asked, &machine).expect_err("a machine is no person")[0].rule, "second_person_needed");
    let asked_by_machine = standing(HoldState::ReleaseRequested, true, Some(machine));
    assert!(release(&asked_by_machine, &quality(2)).is_err(), "nor is one that asked");
    assert_eq!(release(&asked, &person(3, Role::Buyer)).expect_err("a buyer")[0].rule, "not_allowed");
}

#[test]
fn where_one_person_is_enough_asking_releases() {
    let active = standing(HoldState::Active, false, None);
    assert_eq!(request_release(&active, &quality(1), Some(Disposition::UseAsIs), "measured again"), Ok(Step::Released));
    let ended = standing(HoldState::Released, false, None);
    let findings = request_release(&ended, &quality(1), Some(Disposition::UseAsIs), "again").expect_err("ended");
    assert_eq!(findings[0].rule, "already_released");
}

/// One thing somebody does to a hold.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Ask(u128),
    Confirm(u128),
}

proptest! {
    #[test]
    fn whatever_people_do_a_hold_for_two_ends_only_by_two(deeds in prop::collection::vec((0..2_u8, 0..3_u128), 0..20)) {
        let mut hold = standing(HoldState::Active, true, None);
        for (what, who) in deeds {
            let deed = if what == 0 { Deed::Ask(who) } else { Deed::Confirm(who) };
            match deed {
                Deed::Ask(who) => {
                    if request_release(&hold, &quality(who), Some(Disposition::Sort), "sorted").is_ok() {
                        prop_assert_ne!(hold.state, HoldState::Released);
                        hold = standing(HoldState::ReleaseRequested, true, Some(quality(who)));
                    }
                }
                Deed::Confirm(who) => {
                    let asked_by = hold.requested_by.as_ref().and_then(Actor::person);
                    if release(&hold, &quality(who)).is_ok() {
                        prop_assert_eq!(hold.state, HoldState::ReleaseRequested);
                        prop_assert_ne!(asked_by, quality(who).person());
                        hold.state = HoldState::Released;
                    }
                }
            }
        }
    }

    #[test]
    fn the_parts_of_a_decision_are_always_the_whole(whole in 1_i64..1000, parts in prop::collection::vec((0..4_usize, -5_i64..1000), 0..5)) {
        let parts: Vec<Part> = parts
            .into_iter()
            .map(|(to, quantity)| Part { to: StockStatus::ALL[to], quantity: quantity.into() })
            .collect();
        match split(StockStatus::Inspection, whole.into(), &Unit::new("PCE"), &parts, "because") {
            Ok(moves) => {
                let sum: Decimal = moves.iter().map(|part| part.quantity).sum();
                prop_assert_eq!(sum, Decimal::from(whole));
                prop_assert!(moves.iter().all(|part| part.quantity > Decimal::ZERO && part.to != StockStatus::Inspection));
            }
            Err(findings) => {
                let sum: Decimal = parts.iter().map(|part| part.quantity).sum();
                let flawed = parts.iter().any(|part| part.to == StockStatus::Inspection || part.quantity < Decimal::ZERO);
                prop_assert!(flawed || sum != Decimal::from(whole), "{:?}", findings);
            }
        }
    }

    #[test]
    fn a_plan_never_lets_more_go_in_a_row_than_it_says(good in 1_u32..4, skip in 1_u32..4, bad in prop::collection::vec(any::<bool>(), 1..60)) {
        let plan = Plan::SkipLot { good_before_skip: good, skip };
        let mut earlier: Vec<Earlier> = Vec::new();
        let mut in_a_row = 0;
        for is_bad in bad {
            let seen = &earlier[..earlier.len().min(plan.looks_back() as usize)];
            prop_assert_eq!(plan.next(seen), plan.next(&earlier), "looking back further changes nothing");
            if plan.next(seen) == Next::Skip {
                in_a_row += 1;
                prop_assert!(in_a_row <= skip);
                earlier.insert(0, Earlier::Skipped);
            } else {
                in_a_row = 0;
                earlier.insert(0, if is_bad { Earlier::Failed } else { Earlier::Passed });
            }
        }
    }
}

#[test]
fn less_than_all_of_it_may_be_used_takes_a_reason() {
    let parts = [
        Part { to: StockStatus::Unrestricted, quantity: 60.into() },
        Part { to: StockStatus::Blocked, quantity: 40.into() },
    ];
    let findings = split(StockStatus::Inspection, 100.into(), &Unit::new("PCE"), &parts, " ").expect_err("no reason");
    assert_eq!(findings[0].at, "reason");
    let half = [Part { to: StockStatus::Unrestricted, quantity: "0.5".parse().expect("a half") }];
    let findings = split(StockStatus::Inspection, "0.5".parse().expect("a half"), &Unit::new("PCE"), &half, "")
        .expect_err("half a piece");
    assert_eq!(findings[0].rule, "too_many_decimals");
}
