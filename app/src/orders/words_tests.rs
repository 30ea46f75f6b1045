//! The words that people read about an answer.

use domain::order::Reason;
use domain::tolerance::{DeviationKind, Limit, Outside, Source};

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn part(quantity: i64, on: Option<&str>) -> Commitment {
    Commitment { quantity: quantity.into(), deliver_on: on.map(date), ship_on: None, price: None }
}

fn words(state: Negotiation, promise: &[Commitment], change: Option<&Change>) -> String {
    let unit = Unit::new("PCE");
    let asked = Asked {
        state,
        quantity: 1250.into(),
        unit: &unit,
        requested_on: date("2026-12-04"),
        promise: Some(promise),
        proposal: None,
        counter: None,
        change,
    };
    answer(&asked, date("2026-12-01")).1
}

#[test]
fn a_confirmed_line_says_how_it_differs_from_the_request() {
    for (promise, said) in [
        (vec![part(1250, Some("2026-12-04"))], "confirmed"),
        (vec![part(1250, Some("2026-12-05"))], "confirmed, +1 d"),
        (vec![part(1250, Some("2026-12-01"))], "confirmed, −3 d"),
        (vec![part(1000, Some("2026-12-04"))], "confirmed, 250 PCE short"),
        (vec![part(1000, Some("2026-12-04")), part(250, None)], "confirmed, 250 PCE without a date"),
    ] {
        assert_eq!(words(Negotiation::Accepted, &promise, None), said);
    }
}

#[test]
fn a_line_changed_by_the_buyer_says_so_until_it_is_answered() {
    let changed = Change {
        revision: 2,
        quantity: Some(1000.into()),
        requested_on: Some(date("2026-11-27")),
        price: None,
        item_number: None,
        added: false,
    };
    assert_eq!(words(Negotiation::Published, &[], Some(&changed)), "changed by the buyer");
    assert_eq!(change(&changed, &Unit::new("PCE")), "was 1,000 PCE, was 27 Nov 2026");
    assert_eq!(change(&Change { added: true, ..changed }, &Unit::new("PCE")), "new line");
}

#[test]
fn the_badge_says_what_the_erp_did_and_keeps_its_own_words_for_insiders() {
    let at = |text: &str| Some(text.parse().expect("an instant"));
    let reading = Reading::new("Europe/Berlin", "2026-12-03T15:00:00Z".parse().expect("an instant"));
    let erp = |state| InErp {
        state,
        their_ref: Some("5000123".to_owned()),
        finished_at: at("2026-12-03T13:02:00Z"),
        attempts: 3,
        next_attempt_at: at("2026-12-03T13:26:00Z"),
        fault: Some("locked by HBRANDT".to_owned()),
    };
    for (state, erp, insider, said) in [
        (Negotiation::InReview, None, false, Some("stored, sent once decided")),
        (Negotiation::Accepted, None, false, Some("stored, on its way to the ERP")),
        (Negotiation::Accepted, Some(erp(DeliveryState::Delivered)), false, Some("in ERP as 5000123 since 14:02")),
        (Negotiation::Accepted, Some(erp(DeliveryState::Retrying)), false, Some("retrying, 3 tries, next 14:26")),
        (Negotiation::Accepted, Some(erp(DeliveryState::Parked)), true, Some("parked: locked by HBRANDT")),
        (
            Negotiation::Accepted,
            Some(erp(DeliveryState::Parked)),
            false,
            Some("not taken by the ERP, the buyer's team looks at it"),
        ),
    ] {
        let badge = sync(state, true, erp.as_ref(), &reading, insider);
        assert_eq!(badge.map(|(_, words)| words).as_deref(), said);
    }
    assert_eq!(sync(Negotiation::Published, false, None, &reading, true), None);
}

fn answered_line(line: &str, kind: AnswerKind, by_rule: bool, late: Option<i64>) -> Answered {
    let limit = Limit { up_to: Decimal::ONE, outside: Outside::Review };
    Answered {
        schedule_line_id: domain::id::ScheduleLineId(uuid::Uuid::nil()),
        line: line.to_owned(),
        schedule: 1,
        kind,
        commitments: vec![part(1250, Some("2026-12-07"))],
        reason: Some(Reason::MachineBreakdown),
        note: None,
        deviations: late
            .map(|by| Deviation { kind: DeviationKind::Late, by: by.into(), limit, source: Source::Line })
            .into_iter()
            .collect(),
        by_rule,
    }
}

#[test]
fn an_answer_is_told_in_a_sentence() {
    let event = Event::LinesConfirmed {
        order: "4500001".to_owned(),
        revision: 1,
        confirmation_id: domain::id::ConfirmationId(uuid::Uuid::nil()),
        channel: Channel::OnBehalf,
        lines: vec![
            answered_line("0010", AnswerKind::Change, false, Some(3)),
            answered_line("0020", AnswerKind::Accept, true, None),
        ],
    };
    let (tone, said) = super::event(&event);
    assert_eq!(
        (tone, said.as_str()),
        (
            Tone::Warn,
            "Line 0020 confirmed as requested. Line 0010 answered with 1,250 on 07 Dec 2026 (3 d later): the buyer decides, \
             entered by the buyer on the supplier's behalf"
        )
    );
    assert_eq!(reasons(&event).as_deref(), Some("reason: machine breakdown"));
}
