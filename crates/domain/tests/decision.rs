//! The buyer's word: what becomes of a proposal, and that every row of the negotiation table is a real command.

use domain::access::Role;
use domain::confirmation::{Channel, Decision, LONGEST_NOTE, Refusal, Verdict};
use domain::event::Event;
use domain::id::ScheduleLineId;
use domain::negotiation::{Negotiation, Step, TABLE};
use domain::order::{OrderStatus, PurchaseOrder};
use uuid::Uuid;

use crate::orders::*;

fn counter(text: &str) -> Verdict {
    Verdict::Counter(parts(text))
}

#[test]
fn an_accepted_proposal_becomes_the_promise_and_others_are_told() {
    let mut order = order_within("");
    says(&mut order, 0, "60 on 12-10 + 40 on 12-14");
    let events = decides(&mut order, 0, Verdict::Accept);
    let line = nth(&order, 0);
    assert_eq!((line.state, &line.proposal), (Negotiation::Accepted, &None));
    assert_eq!(line.promise, Some(parts("60 on 12-10 + 40 on 12-14")));
    assert_eq!(line.first_promise, line.promise);
    assert!(matches!(&events[0], Event::DeviationAccepted { line, schedule: 1, .. } if line == "0010"));
    assert_eq!(promised(&events), [(line.schedule_line_id, parts("60 on 12-10 + 40 on 12-14"))]);
}

#[test]
fn after_a_refusal_the_old_values_return() {
    let mut fresh = order_within("");
    says(&mut fresh, 0, "100 on 12-20");
    let events = decides(&mut fresh, 0, Verdict::Reject);
    let line = nth(&fresh, 0);
    assert_eq!((line.state, &line.promise, &line.proposal), (Negotiation::Published, &None, &None));
    assert_eq!(promised(&events), []);

    let mut kept = order_within("");
    says(&mut kept, 0, "yes");
    says(&mut kept, 0, "100 on 12-20");
    let events = decides(&mut kept, 0, Verdict::Reject);
    let line = nth(&kept, 0);
    assert_eq!((line.state, line.promise.clone()), (Negotiation::Accepted, Some(parts("100 on 12-10"))));
    assert_eq!(promised(&events), [], "nothing new is binding");

    let mut declined = order_within("");
    says(&mut declined, 0, "no");
    decides(&mut declined, 0, Verdict::Accept);
    says(&mut declined, 0, "100 on 12-20");
    decides(&mut declined, 0, Verdict::Reject);
    assert_eq!(nth(&declined, 0).state, Negotiation::Declined, "no supply is not a confirmed line");
}

#[test]
fn after_a_refusal_a_revised_line_still_waits_for_an_answer_to_the_revision() {
    let mut snapshot = snapshot(&["100 on 12-10"]);
    let mut order = publish(&snapshot, &resolved());
    says(&mut order, 0, "yes");
    erp_says(&mut order, &mut snapshot, |order| order.lines[0].schedule[0].quantity = number("150"));
    says(&mut order, 0, "120 on 12-10");
    decides(&mut order, 0, Verdict::Reject);
    let line = nth(&order, 0);
    assert_eq!(line.state, Negotiation::Published, "100 were promised, 150 are asked for");
    assert_eq!(line.promise, Some(parts("100 on 12-10")));
    assert!(line.change.is_some());
}

#[test]
fn a_counter_taken_by_the_supplier_binds_without_a_second_look() {
    for given in ["", "late 2 refuse, over 5 refuse, short 0 refuse"] {
        let mut order = order_within(given);
        says(&mut order, 0, "no");
        decides(&mut order, 0, counter("70 on 12-12 + 50 on 12-20 at 10.80"));
        let line = nth(&order, 0);
        assert_eq!((line.state, &line.proposal, &line.promise), (Negotiation::Countered, &None, &None));
        assert_eq!(line.asked(), parts("70 on 12-12 + 50 on 12-20 at 10.80"));
        let events = says(&mut order, 0, "yes");
        let line = nth(&order, 0);
        assert_eq!((line.state, &line.counter), (Negotiation::Accepted, &None), "within “{given}”");
        assert_eq!(promised(&events), [(line.schedule_line_id, parts("70 on 12-12 + 50 on 12-20 at 10.80"))]);
    }
}

#[test]
fn another_answer_to_a_counter_goes_back_to_the_buyer_and_the_counter_is_gone() {
    let mut order = order_within("");
    says(&mut order, 0, "100 on 12-20");
    decides(&mut order, 0, counter("100 on 12-15"));
    says(&mut order, 0, "100 on 12-18");
    let line = nth(&order, 0);
    assert_eq!((line.state, &line.counter), (Negotiation::InReview, &None));
    assert_eq!(line.asked(), parts("100 on 12-10"), "only the request is left to ask for");
}

#[test]
fn a_declined_line_is_no_promise_and_may_still_become_one() {
    let mut order = order_within("");
    says(&mut order, 0, "no");
    let events = decides(&mut order, 0, Verdict::Accept);
    let line = nth(&order, 0);
    assert_eq!((line.state, &line.first_promise), (Negotiation::Declined, &None));
    assert_eq!(promised(&events), [(line.schedule_line_id, parts(""))], "others are told that nothing comes");
    says(&mut order, 0, "yes");
    let line = nth(&order, 0);
    assert_eq!((line.state, line.first_promise.clone()), (Negotiation::Accepted, Some(parts("100 on 12-10"))));
}

#[test]
fn nobody_decides_on_the_own_answer() {
    let mut order = order_within("");
    let mut command = sent(&order, vec![answer(&order, 0, "100 on 12-20")]);
    command.channel = Channel::OnBehalf;
    order.confirm(&command, confirmation(1), &buyer(), now(), today()).expect("taken on behalf");
    let before = order.clone();
    let decision = decision(&order, 0, Verdict::Accept);
    let own = order.decide(std::slice::from_ref(&decision), &buyer(), now(), today());
    assert_eq!(words(own), ["Nobody decides on the own answer. Ask another buyer."]);
    assert_eq!(order, before);
    order.decide(&[decision], &other_buyer(), now(), today()).expect("another buyer may");
    assert_eq!(nth(&order, 0).state, Negotiation::Accepted);
}

#[test]
fn only_buyers_decide() {
    for role in Role::ALL {
        let mut order = order_within("");
        says(&mut order, 0, "no");
        let decision = decision(&order, 0, Verdict::Accept);
        let decided = order.decide(&[decision], &somebody(*role), now(), today());
        assert_eq!(decided.is_ok(), *role == Role::Buyer, "{role}");
    }
}

#[test]
fn a_decision_that_does_not_fit_is_refused_in_words_and_changes_nothing() {
    let mut order = order(&["100 on 12-10", "50 on 12-11", "20 on 12-12"]);
    says(&mut order, 0, "100 on 12-20");
    says(&mut order, 1, "no");
    let before = order.clone();
    let first = |verdict| decision(&before, 0, verdict);
    let good = || decision(&before, 1, Verdict::Accept);
    let silent = |verdict| Decision { note: None, ..first(verdict) };
    let explain = "Say why in a few words: the supplier sees them.";
    for (decisions, expected) in [
        (vec![], vec!["Nothing was answered. Choose an answer for at least one line."]),
        (vec![good(), silent(Verdict::Reject)], vec![explain]),
        (vec![good(), silent(counter("100 on 12-15"))], vec![explain]),
        (vec![good(), Decision { note: Some("  ".to_owned()), ..first(Verdict::Reject) }], vec![explain]),
        (
            vec![good(), Decision { note: Some("é".repeat(LONGEST_NOTE + 1)), ..first(Verdict::Accept) }],
            vec!["The note has 2001 characters; the most is 2000."],
        ),
        (
            vec![good(), first(counter("99.5 on 11-10"))],
            vec!["PCE has at most 0 decimals; 99.5 has more.", "10 Nov 2026 is in the past. Today is 01 Dec 2026."],
        ),
        (vec![first(counter("100 open"))], vec!["Enter a delivery date, or choose Backorder if there is none yet."]),
        (vec![first(counter(""))], vec!["Enter a quantity and a date for at least one part."]),
        (
            vec![good(), Decision { version: 1, ..first(Verdict::Accept) }],
            vec![
                "This line changed while you were editing; it is now with the buyer. Your entry is kept. Look at what changed and send again.",
            ],
        ),
        (
            vec![good(), decision(&before, 2, Verdict::Accept)],
            vec!["This line is not answered; it cannot be accepted now."],
        ),
        (
            vec![Decision { schedule_line_id: ScheduleLineId(Uuid::from_u128(9)), ..good() }],
            vec!["This line does not belong to the order. Reload the page."],
        ),
        (
            vec![first(Verdict::Accept), first(Verdict::Reject)],
            vec!["The same line is answered twice. Keep one of the answers."],
        ),
    ] {
        assert_eq!(words(order.decide(&decisions, &buyer(), now(), today())), expected);
        assert_eq!(order, before);
    }
}

#[test]
fn accepting_needs_no_words() {
    let mut order = order_within("");
    says(&mut order, 0, "no");
    let silent = Decision { note: None, ..decision(&order, 0, Verdict::Accept) };
    order.decide(&[silent], &buyer(), now(), today()).expect("yes is enough");
}

#[test]
fn an_order_that_does_not_run_takes_neither_answers_nor_decisions() {
    for (status, expected) in [
        (OrderStatus::Closed, "This order is closed in the ERP and takes no more answers."),
        (OrderStatus::Cancelled, "This order is cancelled in the ERP and takes no more answers."),
    ] {
        let mut snapshot = snapshot(&["100 on 12-10", "50 on 12-11"]);
        let mut order = publish(&snapshot, &resolved());
        says(&mut order, 0, "100 on 12-20");
        erp_says(&mut order, &mut snapshot, |order| order.status = status);
        let before = order.clone();
        let command = sent(&order, vec![answer(&order, 1, "yes")]);
        assert_eq!(words(order.confirm(&command, confirmation(2), &supplier(), now(), today())), [expected]);
        let decision = decision(&order, 0, Verdict::Accept);
        assert_eq!(words(order.decide(&[decision], &buyer(), now(), today())), [expected]);
        assert_eq!(order, before);
    }
}

#[test]
fn several_decisions_are_told_one_by_one_and_their_promises_together() {
    let mut order = order(&["100 on 12-10", "50 on 12-11", "20 on 12-12"]);
    for index in 0..3 {
        says(&mut order, index, "10 on 12-20");
    }
    let decisions = [
        decision(&order, 2, Verdict::Accept),
        decision(&order, 1, counter("40 on 12-15")),
        decision(&order, 0, Verdict::Accept),
    ];
    let events = order.decide(&decisions, &buyer(), now(), today()).expect("taken");
    let kinds: Vec<_> = events.iter().map(|event| event.kind().as_str()).collect();
    assert_eq!(
        kinds,
        ["order.deviation_accepted", "order.deviation_countered", "order.deviation_accepted", "order.promise_made"]
    );
    let told: Vec<_> = promised(&events).into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, [nth(&order, 0).schedule_line_id, nth(&order, 2).schedule_line_id]);
}

#[test]
fn whoever_may_answer_with_a_deviation_may_answer_without_one() {
    // `assess` asks the table once, before it knows which of the two it will be.
    for state in Negotiation::ALL {
        assert_eq!(state.step(Step::AnswerOutside).is_ok(), state.step(Step::AnswerInside).is_ok(), "{state}");
    }
}

/// One line, 100 on 12-10, brought to `state` by commands alone; `promised` before that where the state leaves it open.
fn brought_to(state: Negotiation, before: Step) -> PurchaseOrder {
    let mut order = order_within("");
    match before {
        Step::RejectToPromise => drop(says(&mut order, 0, "yes")),
        Step::RejectToDeclined => {
            says(&mut order, 0, "no");
            decides(&mut order, 0, Verdict::Accept);
        }
        _ => {}
    }
    match state {
        Negotiation::Published => {}
        Negotiation::InReview if before == Step::AcceptRejection => drop(says(&mut order, 0, "no")),
        Negotiation::InReview => drop(says(&mut order, 0, "100 on 12-20")),
        Negotiation::Accepted => drop(says(&mut order, 0, "yes")),
        Negotiation::Countered => {
            says(&mut order, 0, "100 on 12-20");
            decides(&mut order, 0, counter("100 on 12-15"));
        }
        Negotiation::Declined => {
            says(&mut order, 0, "no");
            decides(&mut order, 0, Verdict::Accept);
        }
        Negotiation::Cancelled => {
            let mut gone = snapshot(&["100 on 12-10"]);
            erp_says(&mut order, &mut gone, |order| order.lines.clear());
        }
    }
    order
}

#[test]
fn every_row_of_the_table_is_walked_by_a_real_command() {
    for (from, step, to) in TABLE {
        let mut order = brought_to(*from, *step);
        assert_eq!(nth(&order, 0).state, *from, "on the way to {step}");
        let mut erp = snapshot(&["100 on 12-10"]);
        erp.their_version = order.their_version;
        match step {
            Step::AnswerInside => drop(says(&mut order, 0, "yes")),
            Step::AnswerOutside => drop(says(&mut order, 0, "100 on 12-21")),
            Step::Accept | Step::AcceptRejection => drop(decides(&mut order, 0, Verdict::Accept)),
            Step::Counter => drop(decides(&mut order, 0, counter("100 on 12-15"))),
            Step::Reject | Step::RejectToPromise | Step::RejectToDeclined => {
                drop(decides(&mut order, 0, Verdict::Reject));
            }
            Step::Revise => {
                erp_says(&mut order, &mut erp, |order| order.lines[0].schedule[0].quantity = number("120"));
            }
            Step::Cancel => {
                erp_says(&mut order, &mut erp, |order| order.lines.clear());
            }
        }
        assert_eq!(nth(&order, 0).state, *to, "{from} {step}");
    }
}

#[test]
fn a_cancelled_line_takes_no_answer_and_says_so() {
    let mut order = brought_to(Negotiation::Cancelled, Step::Cancel);
    let command = sent(&order, vec![answer(&order, 0, "yes")]);
    let refused = order.confirm(&command, confirmation(1), &supplier(), now(), today()).expect_err("cancelled");
    assert!(matches!(refused[0].refusal, Refusal::Step(step) if step.state == Negotiation::Cancelled));
}
