//! The supplier's answer: what binds by rule, what waits for the buyer, what cannot be sent and in which words.

use domain::access::{Actor, Role};
use domain::confirmation::{Answer, AnswerKind, Assessment, Channel, Field, LONGEST_NOTE, MOST_PARTS, Refusal};
use domain::event::Event;
use domain::id::{ConnectionId, ScheduleLineId};
use domain::negotiation::Negotiation;
use domain::order::{Reason, total};
use domain::quantity::Unit;
use domain::tolerance::{DeviationKind, Source};
use uuid::Uuid;

use crate::orders::*;

fn deviating(assessment: &Assessment) -> String {
    assessment.deviations.iter().map(|deviation| deviation.words()).collect::<Vec<_>>().join(", ")
}

/// Limits, answer to "100 on 12-10 at 10.00", how it deviates, whether it binds by rule.
const TOLERANCE: &[(&str, &str, &str, bool)] = &[
    ("", "yes", "", true),
    ("", "100 on 12-10", "", true),
    ("", "60 on 12-10 + 40 on 12-10", "", true),
    ("", "100 on 12-11", "1 d later", false),
    ("late 2", "100 on 12-12", "2 d later", true),
    ("late 2", "100 on 12-13", "3 d later", false),
    ("early 3", "100 on 12-07", "3 d earlier", true),
    ("early 3", "100 on 12-06", "4 d earlier", false),
    ("short 5", "95 on 12-10", "5 % short", true),
    ("short 5", "94 on 12-10", "6 % short", false),
    ("over 10", "110 on 12-10", "10 % over", true),
    ("over 10", "111 on 12-10", "11 % over", false),
    ("dearer 3", "100 on 12-10 at 10.30", "price +3 %", true),
    ("dearer 3", "100 on 12-10 at 10.31", "price +3.1 %", false),
    ("", "100 on 12-10 at 9.50", "", true),
    ("", "100 on 12-10 at 10.0", "", true),
    // A limit of one kind excuses no other kind.
    ("late 9", "95 on 12-12", "2 d later, 5 % short", false),
    ("late 9, short 5", "95 on 12-12", "2 d later, 5 % short", true),
    ("early 9", "100 on 12-11", "1 d later", false),
    ("short 9", "101 on 12-10", "1 % over", false),
    // Beyond a limit that refuses nothing is sent, up to it everything is as before.
    ("over 10 refuse", "110 on 12-10", "10 % over", true),
    // 60 + 40: the last part says how late the line is, the sum whether it is short or over.
    ("late 4", "60 on 12-10 + 40 on 12-14", "4 d later", true),
    ("late 3", "60 on 12-10 + 40 on 12-14", "4 d later", false),
    ("late 9, early 9", "60 on 12-08 + 40 on 12-14", "4 d later, 2 d earlier", true),
    ("late 9", "60 on 12-10 + 30 on 12-14", "4 d later, 10 % short", false),
    ("late 9", "60 on 12-10 + 60 on 12-14", "4 d later, 20 % over", false),
    ("dearer 3", "60 on 12-10 at 10.10 + 40 on 12-10 at 10.40", "price +4 %", false),
    // What has no date or no supply is the buyer's to see, whatever the limits are.
    ("short 100", "60 on 12-10 + 40 open", "40 % without a date", false),
    ("short 100", "100 open", "100 % without a date", false),
    ("short 100, late 100", "no", "rejected", false),
];

#[test]
fn inside_the_limit_an_answer_binds_by_rule_and_outside_it_waits_for_the_buyer() {
    for (given, says, deviates, by_rule) in TOLERANCE {
        for level in [Source::Line, Source::Supplier, Source::Plant] {
            let (mut snapshot, mut resolved) = (snapshot(&["100 on 12-10"]), resolved());
            match level {
                Source::Line => snapshot.lines[0].tolerances = limits(given),
                Source::Supplier => resolved.supplier_tolerances = limits(given),
                _ => resolved.plant_tolerances = limits(given),
            }
            let mut order = publish(&snapshot, &resolved);
            let case = format!("{says} within “{given}” from {}", level.words());
            let answer = answer(&order, 0, says);
            let assessment = order.assess(&answer, today()).unwrap_or_else(|why| panic!("{case}: {why:?}"));
            assert_eq!((deviating(&assessment).as_str(), assessment.by_rule), (*deviates, *by_rule), "{case}");
            for deviation in assessment.deviations.iter().filter(|deviation| deviation.is_within()) {
                assert_eq!(deviation.source, level, "{case}");
            }

            let command = sent(&order, vec![answer]);
            order
                .confirm(&command, confirmation(1), &supplier(), now(), today())
                .expect("what can be assessed is taken");
            let line = nth(&order, 0);
            if *by_rule {
                assert_eq!(
                    (line.state, &line.promise),
                    (Negotiation::Accepted, &Some(assessment.commitments)),
                    "{case}"
                );
                assert_eq!(line.proposal, None, "{case}");
            } else {
                let proposal = line.proposal.as_ref().expect("a proposal in review");
                assert_eq!((line.state, &line.promise), (Negotiation::InReview, &None), "{case}");
                assert_eq!(
                    (&proposal.commitments, &proposal.deviations),
                    (&assessment.commitments, &assessment.deviations)
                );
            }
        }
    }
}

#[test]
fn the_order_line_overrules_the_supplier_and_the_supplier_the_plant_even_when_stricter() {
    let (mut snapshot, mut resolved) = (snapshot(&["100 on 12-10"]), resolved());
    snapshot.lines[0].tolerances = limits("late 1");
    resolved.supplier_tolerances = limits("late 5, over 0");
    resolved.plant_tolerances = limits("late 9, over 50, early 2");
    let order = publish(&snapshot, &resolved);
    for (says, by_rule, source) in [
        ("100 on 12-11", true, Source::Line),
        ("100 on 12-12", false, Source::Line),
        ("101 on 12-10", false, Source::Supplier),
        ("100 on 12-08", true, Source::Plant),
        ("99 on 12-10", false, Source::Default),
    ] {
        let assessment = order.assess(&answer(&order, 0, says), today()).expect("can be sent");
        assert_eq!((assessment.by_rule, assessment.deviations[0].source), (by_rule, source), "{says}");
    }
}

/// Limits, answer to "100 on 12-10 at 10.00" given on 1 December, field and words of the refusal.
const REFUSED: &[(&str, &str, Field, &str)] = &[
    ("", "100 on 11-30", Field::DeliverOn, "30 Nov 2026 is in the past. Today is 01 Dec 2026."),
    ("", "100 on 2035-12-10", Field::DeliverOn, "10 Dec 2035 is more than five years away. Check the year."),
    ("", "99.5 on 12-10", Field::Quantity, "PCE has at most 0 decimals; 99.5 has more."),
    ("", "0 on 12-10", Field::Quantity, "Enter a quantity above 0, or choose Reject if you cannot supply."),
    ("", "-1 on 12-10", Field::Quantity, "Enter a quantity above 0, or choose Reject if you cannot supply."),
    (
        "",
        "1000000000001 on 12-10",
        Field::Quantity,
        "1,000,000,000,001 is more than anybody orders; the most is 1,000,000,000,000. Check the number.",
    ),
    (
        "",
        "79228162514264337593543950335 on 12-10",
        Field::Quantity,
        "79,228,162,514,264,337,593,543,950,335 is more than anybody orders; the most is 1,000,000,000,000. Check the number.",
    ),
    (
        "",
        "100 on 12-10 at 79228162514264337593543950335",
        Field::Price,
        "79,228,162,514,264,337,593,543,950,335 is more than anybody orders; the most is 1,000,000,000,000. Check the number.",
    ),
    ("", "100 on 12-10 at 0", Field::Price, "Enter a price above 0."),
    (
        "",
        "100 on 12-10 shipped 12-11",
        Field::ShipOn,
        "The ship date 11 Dec 2026 is after the delivery date 10 Dec 2026.",
    ),
    (
        "over 10 refuse",
        "120 on 12-10",
        Field::Quantity,
        "Confirmed quantity 120 PCE is more than the open quantity 100 PCE allows (10 % over). Enter 110 or less, or ask the buyer for over-delivery.",
    ),
    (
        "over 2.5 refuse",
        "103 on 12-10",
        Field::Quantity,
        "Confirmed quantity 103 PCE is more than the open quantity 100 PCE allows (2.5 % over). Enter 102 or less, or ask the buyer for over-delivery.",
    ),
    (
        "short 5 refuse",
        "90 on 12-10",
        Field::Quantity,
        "10 % short of the quantity. The agreement allows no answer beyond 5 % from the order line; ask the buyer to change the order.",
    ),
    (
        "late 2 refuse",
        "100 on 12-13",
        Field::DeliverOn,
        "3 d later than requested. The agreement allows no answer beyond 2 d from the order line; ask the buyer to change the order.",
    ),
    (
        "early 1 refuse",
        "100 on 12-08",
        Field::DeliverOn,
        "2 d earlier than requested. The agreement allows no answer beyond 1 d from the order line; ask the buyer to change the order.",
    ),
    (
        "dearer 1 refuse",
        "100 on 12-10 at 11",
        Field::Price,
        "price +10 %. The agreement allows no answer beyond 1 % from the order line; ask the buyer to change the order.",
    ),
];

#[test]
fn what_cannot_be_sent_says_why_beside_its_field_and_changes_nothing() {
    for (given, says, field, words) in REFUSED {
        let mut order = order_within(given);
        let before = order.clone();
        let answer = answer(&order, 0, says);
        let problems = order.assess(&answer, today()).expect_err(says);
        let found: Vec<_> = problems.iter().map(|problem| (problem.field, problem.refusal.to_string())).collect();
        assert_eq!(found, [(*field, (*words).to_owned())], "{says}");
        let command = sent(&order, vec![answer]);
        let refused = order.confirm(&command, confirmation(1), &supplier(), now(), today());
        assert_eq!(refused, Err(problems), "{says}");
        assert_eq!(order, before, "{says}");
    }
}

#[test]
fn today_itself_can_be_promised_and_shipped() {
    let order = order_within("early 30");
    let assessment = order.assess(&answer(&order, 0, "100 on 12-01 shipped 12-01"), today()).expect("can be sent");
    assert_eq!(deviating(&assessment), "9 d earlier");
}

#[test]
fn every_wrong_part_is_named_at_once_with_its_place() {
    let order = order_within("");
    let answer = answer(&order, 0, "60 on 12-10 + 0 on 12-11 + 40.5 on 11-01 at -1");
    let problems = order.assess(&answer, today()).expect_err("three mistakes in two parts and one more");
    let found: Vec<_> = problems.iter().map(|problem| (problem.part, problem.field)).collect();
    assert_eq!(found, [(1, Field::Quantity), (2, Field::Quantity), (2, Field::DeliverOn), (2, Field::Price)]);
}

#[test]
fn what_is_weighed_may_have_three_decimals_and_trailing_zeros_are_none() {
    for (unit, says, taken) in [
        ("KG", "99.125 on 12-10", true),
        ("KG", "99.1250 on 12-10", true),
        ("KG", "99.1255 on 12-10", false),
        ("PCE", "99.000 on 12-10", true),
        ("pce", "99.1 on 12-10", false),
    ] {
        let mut snapshot = snapshot(&["100 on 12-10"]);
        snapshot.lines[0].unit = Unit::new(unit);
        let order = publish(&snapshot, &resolved());
        assert_eq!(order.assess(&answer(&order, 0, says), today()).is_ok(), taken, "{says} {unit}");
    }
}

#[test]
fn a_price_can_be_changed_only_where_prices_are_shared_and_the_agreement_lets_one() {
    for (ordered, may_change_price, says, taken) in [
        (Some("10"), true, "100 on 12-10 at 10.50", true),
        (Some("10"), false, "100 on 12-10 at 10.50", false),
        (Some("10"), false, "100 on 12-10 at 9.50", false),
        (Some("10"), false, "100 on 12-10 at 10.00", true),
        (Some("10"), false, "100 on 12-10", true),
        (None, true, "100 on 12-10 at 10.50", false),
        (None, true, "100 on 12-10", true),
    ] {
        let mut snapshot = snapshot(&["100 on 12-10"]);
        snapshot.lines[0].price = ordered.map(number);
        let resolved = domain::revision::Resolved { may_change_price, ..resolved() };
        let order = publish(&snapshot, &resolved);
        let assessed = order.assess(&answer(&order, 0, says), today());
        assert_eq!(assessed.is_ok(), taken, "{says}, ordered at {ordered:?}, may change: {may_change_price}");
        if !taken {
            assert_eq!(
                words(assessed),
                [
                    "Prices cannot be changed in an answer to this order. Leave the price as it is and write to the buyer."
                ]
            );
        }
    }
}

#[test]
fn what_was_ordered_free_of_charge_is_not_dearer_by_rule() {
    let mut snapshot = snapshot(&["100 on 12-10"]);
    snapshot.lines[0].price = Some(number("0"));
    snapshot.lines[0].tolerances = limits("dearer 5");
    let order = publish(&snapshot, &resolved());
    let assessment = order.assess(&answer(&order, 0, "100 on 12-10 at 4"), today()).expect("can be sent");
    assert_eq!((assessment.by_rule, assessment.deviations[0].kind), (false, DeviationKind::Dearer));
}

#[test]
fn twenty_parts_are_the_most() {
    let order = order_within("");
    let split = |count: usize| vec!["5 on 12-10"; count].join(" + ");
    assert!(order.assess(&answer(&order, 0, &split(MOST_PARTS)), today()).is_ok());
    let refused = order.assess(&answer(&order, 0, &split(MOST_PARTS + 1)), today());
    assert_eq!(words(refused), ["A line can be split into at most 20 parts; this has 21."]);
    let refused = order.assess(&answer(&order, 0, ""), today());
    assert_eq!(words(refused), ["Enter a quantity and a date for at least one part."]);
}

#[test]
fn a_part_without_a_date_is_a_backorder_and_must_be_called_one() {
    let order = order_within("");
    let backorder = answer(&order, 0, "60 on 12-10 + 40 open");
    assert!(order.assess(&backorder, today()).is_ok());
    let refused = order.assess(&Answer { kind: AnswerKind::Change, ..backorder }, today());
    assert_eq!(words(refused), ["Enter a delivery date, or choose Backorder if there is none yet."]);
}

#[test]
fn whoever_deviates_says_why_and_whoever_says_other_says_what() {
    let order = order_within("late 2");
    let missing = "Choose a reason: the buyer sees why before deciding.";
    let other = "Say in the note what “Other” means.";
    for (says, reason, note, refused) in [
        ("100 on 12-12", None, None, None),
        ("100 on 12-13", None, None, Some(missing)),
        ("no", None, None, Some(missing)),
        ("60 on 12-10 + 40 open", None, Some("soon"), Some(missing)),
        ("no", Some(Reason::Discontinued), None, None),
        ("no", Some(Reason::Other), None, Some(other)),
        ("no", Some(Reason::Other), Some(" \n"), Some(other)),
        ("yes", Some(Reason::Other), None, Some(other)),
        ("no", Some(Reason::Other), Some("The mould broke."), None),
    ] {
        let answer = Answer { reason, note: note.map(str::to_owned), ..answer(&order, 0, says) };
        let result = order.assess(&answer, today());
        match refused {
            Some(refused) => assert_eq!(words(result), [refused], "{says} {reason:?} {note:?}"),
            None => assert!(result.is_ok(), "{says} {reason:?} {note:?}: {result:?}"),
        }
    }
}

#[test]
fn a_note_is_counted_in_characters_not_bytes() {
    let order = order_within("");
    for (length, taken) in [(LONGEST_NOTE, true), (LONGEST_NOTE + 1, false)] {
        let answer = Answer { note: Some("ü".repeat(length)), ..answer(&order, 0, "yes") };
        assert_eq!(order.assess(&answer, today()).is_ok(), taken, "{length}");
    }
}

#[test]
fn all_lines_are_answered_or_none() {
    let mut order = order(&["100 on 12-10", "50 on 12-11", "20 on 12-12"]);
    let before = order.clone();
    let command =
        sent(&order, vec![answer(&order, 0, "yes"), answer(&order, 1, "50 on 11-11"), answer(&order, 2, "yes")]);
    let refused = order.confirm(&command, confirmation(1), &supplier(), now(), today()).expect_err("one is wrong");
    assert_eq!(
        refused.iter().map(|problem| problem.schedule_line_id).collect::<Vec<_>>(),
        [Some(nth(&order, 1).schedule_line_id)]
    );
    assert_eq!(order, before);
}

#[test]
fn an_answer_that_does_not_fit_the_order_as_it_is_now_is_refused_in_words_and_changes_nothing() {
    let mut order = order(&["100 on 12-10", "50 on 12-11"]);
    says(&mut order, 1, "50 on 12-15");
    let before = order.clone();
    let yes = || answer(&before, 0, "yes");
    let command = |answers| sent(&before, answers);
    let old = domain::confirmation::ConfirmLines { revision: 0, ..command(vec![yes()]) };
    for (command, expected) in [
        (command(Vec::new()), "Nothing was answered. Choose an answer for at least one line."),
        (
            old,
            "The order changed while you were editing: it is now revision 1, you answered revision 0. Your entries are kept. Look at what changed and send again.",
        ),
        (
            command(vec![yes(), Answer { version: 1, ..answer(&before, 1, "yes") }]),
            "This line changed while you were editing; it is now with the buyer. Your entry is kept. Look at what changed and send again.",
        ),
        (
            command(vec![yes(), Answer { schedule_line_id: ScheduleLineId(Uuid::from_u128(9)), ..yes() }]),
            "This line does not belong to the order. Reload the page.",
        ),
        (command(vec![yes(), answer(&before, 0, "no")]), "The same line is answered twice. Keep one of the answers."),
    ] {
        assert_eq!(words(order.confirm(&command, confirmation(2), &supplier(), now(), today())), [expected]);
        assert_eq!(order, before);
    }
}

#[test]
fn only_the_supplier_answers_and_only_a_buyer_answers_on_his_behalf() {
    let system = Actor::System { connection_id: ConnectionId(Uuid::from_u128(1)), name: "EDI".to_owned() };
    let mut people: Vec<(Actor, bool, bool)> =
        Role::ALL.iter().map(|role| (somebody(*role), role.is_supplier(), *role == Role::Buyer)).collect();
    people.push((system, true, true));
    for (who, answers, on_behalf) in people {
        for (channel, allowed) in [
            (Channel::Portal, answers),
            (Channel::Api, answers),
            (Channel::Edi, answers),
            (Channel::Email, answers),
            (Channel::OnBehalf, on_behalf),
        ] {
            let mut order = order_within("");
            let before = order.clone();
            let mut command = sent(&order, vec![answer(&order, 0, "yes")]);
            command.channel = channel;
            let result = order.confirm(&command, confirmation(1), &who, now(), today());
            assert_eq!(result.is_ok(), allowed, "{who:?} by {channel}");
            if !allowed {
                assert!(matches!(result.expect_err("refused")[0].refusal, Refusal::NotAllowed(_)), "{who:?}");
                assert_eq!(order, before);
            }
        }
    }
}

#[test]
fn the_first_promise_is_kept_for_ever_and_the_last_one_follows() {
    let mut order = order_within("late 5");
    says(&mut order, 0, "yes");
    says(&mut order, 0, "100 on 12-12");
    says(&mut order, 0, "100 on 12-14");
    let line = nth(&order, 0);
    assert_eq!(line.first_promise, Some(parts("100 on 12-10")));
    assert_eq!(line.promise, Some(parts("100 on 12-14")));
    assert_eq!(line.version, 4);
}

#[test]
fn a_better_answer_replaces_what_waits_for_the_buyer() {
    let mut order = order_within("late 2");
    says(&mut order, 0, "100 on 12-20");
    says(&mut order, 0, "100 on 12-16");
    assert_eq!(
        nth(&order, 0).proposal.as_ref().map(|proposal| proposal.commitments.clone()),
        Some(parts("100 on 12-16"))
    );
    says(&mut order, 0, "100 on 12-12");
    let line = nth(&order, 0);
    assert_eq!((line.state, &line.proposal), (Negotiation::Accepted, &None));
    assert_eq!(line.promise, Some(parts("100 on 12-12")));
}

#[test]
fn a_delay_notice_waits_for_the_buyer_while_the_old_promise_stays_in_force() {
    let mut order = order_within("");
    says(&mut order, 0, "yes");
    let events = says(&mut order, 0, "100 on 12-15");
    let line = nth(&order, 0);
    assert_eq!((line.state, line.promise.clone()), (Negotiation::InReview, Some(parts("100 on 12-10"))));
    assert_eq!(promised(&events), []);
}

#[test]
fn others_are_told_exactly_the_lines_that_became_binding() {
    let mut order = order(&["100 on 12-10", "50 on 12-11 + 30 on 12-18", "20 on 12-12"]);
    let command = sent(
        &order,
        vec![
            answer(&order, 3, "yes"),
            answer(&order, 1, "50 on 12-20"),
            answer(&order, 0, "60 on 12-10 + 40 on 12-10"),
        ],
    );
    let events = order.confirm(&command, confirmation(1), &supplier(), now(), today()).expect("taken");
    let id = |index| nth(&order, index).schedule_line_id;
    assert_eq!(promised(&events), [(id(0), parts("60 on 12-10 + 40 on 12-10")), (id(3), parts("20 on 12-12"))]);
    let Event::LinesConfirmed { lines, channel, revision, .. } = &events[0] else { panic!("first, what was answered") };
    assert_eq!((*channel, *revision), (Channel::Portal, 1));
    let told: Vec<_> = lines.iter().map(|line| (line.line.as_str(), line.schedule, line.by_rule)).collect();
    assert_eq!(told, [("0030", 1, true), ("0020", 1, false), ("0010", 1, true)]);
    assert_eq!(lines.iter().map(|line| total(&line.commitments)).sum::<domain::Decimal>(), number("170"));
}

#[test]
fn confirm_as_requested_answers_what_waits_for_the_supplier_and_nothing_else() {
    let mut order = order(&["100 on 12-10", "50 on 12-11", "20 on 12-12"]);
    says(&mut order, 0, "yes");
    says(&mut order, 1, "no");
    let command = sent(&order, order.as_requested(today()));
    assert_eq!(command.answers.len(), 1);
    order.confirm(&command, confirmation(2), &supplier(), now(), today()).expect("taken");
    assert_eq!(order.as_requested(today()), []);
    assert_eq!(nth(&order, 1).state, Negotiation::InReview);
}

#[test]
fn nobody_can_promise_the_past_not_even_as_requested() {
    let mut order = order(&["100 on 11-28", "50 on 12-11"]);
    let late = answer(&order, 0, "yes");
    let problems = order
        .confirm(&sent(&order, vec![late]), confirmation(1), &supplier(), now(), today())
        .expect_err("in the past");
    assert_eq!(
        problems[0].refusal.to_string(),
        "It is asked for 28 Nov 2026, which is in the past (today is 01 Dec 2026). Choose Change and enter the day on which you can deliver."
    );
    assert_eq!(order.as_requested(today()).len(), 1, "confirm all leaves the overdue line out");
}
