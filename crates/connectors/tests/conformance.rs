//! What every connector must be able to do (`docs/connectors.md`), asked of each kind in the registry against its peer.
//!
//! A new connector adds its line to the registry and its peer to `peers/`, and is asked everything from the first day. What
//! it cannot answer yet stands in [`WAIVED`] with a reason, and is meant to go.

mod peers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connectors::registry::{KINDS, Kind, kind};
use connectors::{Connector, Cursor, Fault, Feed, Outcome, Raw};
use domain::command::{Command, ReportSnapshot};
use domain::event::{Event, EventKind};
use domain::production::Reported;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use peers::material::WITH_QUANTITIES;
use peers::{KnownSecrets, LONG, Peer, SHORT, Trouble};

/// Kind, question, and why it is not asked. The question is the name of the test.
const WAIVED: &[(&str, &str, &str)] = &[];

/// A kind of connector with its peer.
struct Case {
    kind: &'static Kind,
    peer: Box<dyn Peer>,
}

impl Case {
    fn secrets(&self) -> KnownSecrets {
        KnownSecrets(self.peer.secrets().into_iter().collect())
    }

    fn build(&self, settings: &Value, secrets: &KnownSecrets) -> Box<dyn Connector> {
        (self.kind.build)(settings, secrets).expect("right settings build a connector")
    }

    fn connector(&self) -> Box<dyn Connector> {
        self.build(&self.peer.settings(LONG), &self.secrets())
    }

    /// The kinds of events that are carried and that the peer can play.
    fn played(&self) -> Vec<EventKind> {
        let carried = self.connector().carries();
        carried.iter().copied().filter(|kind| self.peer.plays(*kind)).collect()
    }

    /// What delivering each carried kind of event comes to while there is this trouble.
    async fn delivering_in(&self, trouble: Trouble) -> Vec<Result<Outcome, Fault>> {
        let connector = self.connector();
        self.peer.trouble(trouble).await;
        let mut results = Vec::new();
        for kind in &self.played() {
            results.push(connector.deliver(&self.peer.outgoing(*kind)).await);
        }
        self.peer.calm().await;
        results
    }
}

/// Asks a question of every kind that is not excused from it.
async fn each(question: &str, ask: impl AsyncFn(&Case)) {
    for kind in KINDS {
        if WAIVED.iter().any(|(waived, name, _)| *waived == kind.name && *name == question) {
            continue;
        }
        let peers = peers::start(kind.name).await;
        assert!(!peers.is_empty(), "the kind {} has no peer in tests/peers, so nothing proves what it does", kind.name);
        for peer in peers {
            eprintln!("asking {} as {}", kind.name, peer.settings(LONG));
            ask(&Case { kind, peer }).await;
        }
    }
}

#[test]
fn a_waiver_names_a_kind_a_question_and_a_reason() {
    let source = include_str!("conformance.rs");
    for (name, question, reason) in WAIVED {
        assert!(kind(name).is_some(), "{name} is not in the registry");
        assert!(source.contains(&format!("fn {question}()")), "{question} is not asked here");
        assert!(!reason.trim().is_empty(), "{name} is excused from {question} without a reason");
    }
}

/// A question has no effect at the other side; everything else has one.
const fn is_question(kind: EventKind) -> bool {
    matches!(kind, EventKind::StockRequested)
}

#[tokio::test]
async fn the_registry_lists_what_connectors_carry_and_poll_whatever_their_settings() {
    for kind in KINDS {
        let (mut carried, mut fed) = (BTreeSet::new(), BTreeSet::new());
        for peer in peers::start(kind.name).await {
            let connector = Case { kind, peer }.connector();
            carried.extend(connector.carries().iter().copied());
            fed.extend(connector.feeds().iter().map(|feed| feed.name));
        }
        assert_eq!(carried, kind.carries.iter().copied().collect(), "{}: all events, and no others", kind.name);
        assert_eq!(fed, kind.feeds.iter().map(|feed| feed.name).collect(), "{}: all feeds, and no others", kind.name);
    }
}

#[tokio::test]
async fn a_question_is_answered_with_messages_that_are_understood() {
    each("a_question_is_answered_with_messages_that_are_understood", async |case| {
        let connector = case.connector();
        for kind in case.played().iter().filter(|kind| is_question(**kind)) {
            let delivery = case.peer.outgoing(*kind);
            let outcome = connector.deliver(&delivery).await.expect("an answer");
            let Outcome::Accepted { told, .. } = &outcome else { panic!("{kind}: {outcome:?}") };
            assert!(!told.is_empty(), "{kind}: something is told");
            let Event::StockRequested { plant, item } = &delivery.envelope.event else { panic!("{kind}") };
            for raw in told {
                let commands = connector.interpret(raw).expect("understood");
                let [Command::MirrorStock(stock)] = commands.as_slice() else { panic!("{commands:?}") };
                assert_eq!((&stock.plant, &stock.item), (plant, item));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_probe_tells_a_wrong_secret_from_a_wrong_host() {
    each("a_probe_tells_a_wrong_secret_from_a_wrong_host", async |case| {
        let health = case.connector().probe().await.expect("all is well");
        assert!(!health.system.trim().is_empty(), "the system has a name");

        let wrong = KnownSecrets(case.secrets().0.into_keys().map(|key| (key, "wrong-secret".to_owned())).collect());
        let fault = case.build(&case.peer.settings(LONG), &wrong).probe().await.expect_err("the secret is wrong");
        assert!(matches!(fault, Fault::Credentials { .. }), "{fault:?}");

        let elsewhere = case.build(&case.peer.settings_of_a_wrong_host(), &case.secrets());
        let fault = elsewhere.probe().await.expect_err("nobody listens there");
        assert!(matches!(fault, Fault::Down { .. }), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn each_carried_event_is_accepted_once_however_often_it_is_sent() {
    each("each_carried_event_is_accepted_once_however_often_it_is_sent", async |case| {
        let connector = case.connector();
        for kind in &case.played() {
            let effect = usize::from(!is_question(*kind));
            let mut delivery = case.peer.outgoing(*kind);
            let before = case.peer.effects().await;
            let first = connector.deliver(&delivery).await.expect("an answer");
            let Outcome::Accepted { their_ref, .. } = &first else { panic!("{kind}: {first:?}") };
            assert_eq!(case.peer.effects().await, before + effect, "{kind}");

            delivery.attempt = 2;
            let second = connector.deliver(&delivery).await.expect("an answer");
            let Outcome::Accepted { their_ref: again, already, .. } = &second else { panic!("{kind}: {second:?}") };
            assert_eq!((again, *already), (their_ref, !is_question(*kind)), "{kind}");
            assert_eq!(case.peer.effects().await, before + effect, "{kind}: sent twice, one effect");
        }
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_no_success_and_the_resend_has_no_second_effect() {
    each("a_lost_answer_is_no_success_and_the_resend_has_no_second_effect", async |case| {
        let connector = case.connector();
        for kind in &case.played() {
            let mut delivery = case.peer.outgoing(*kind);
            let before = case.peer.effects().await;
            case.peer.trouble(Trouble::LostAnswer).await;
            let lost = connector.deliver(&delivery).await;
            case.peer.calm().await;
            assert!(
                matches!(lost, Err(Fault::Temporary { .. } | Fault::Down { .. }) | Ok(Outcome::Pending { .. })),
                "{kind}: {lost:?}"
            );
            delivery.attempt = 2;
            let resent = connector.deliver(&delivery).await;
            assert!(matches!(resent, Ok(Outcome::Accepted { .. })), "{kind}: {resent:?}");
            let effect = usize::from(!is_question(*kind));
            assert_eq!(case.peer.effects().await, before + effect, "{kind}: one effect");
        }
    })
    .await;
}

#[tokio::test]
async fn down_and_closed_are_down_and_the_wait_they_ask_for_is_kept() {
    each("down_and_closed_are_down_and_the_wait_they_ask_for_is_kept", async |case| {
        for result in case.delivering_in(Trouble::Down).await {
            assert!(matches!(result, Err(Fault::Down { .. })), "{result:?}");
        }
        let wait = Some(Duration::from_secs(30));
        for result in case.delivering_in(Trouble::Maintenance { seconds: 30 }).await {
            assert!(matches!(&result, Err(Fault::Down { after, .. }) if *after == wait), "{result:?}");
        }
        case.peer.trouble(Trouble::Maintenance { seconds: 30 }).await;
        let connector = case.connector();
        let fault = connector.probe().await.expect_err("closed");
        assert!(matches!(fault, Fault::Down { .. }), "{fault:?}");
        for feed in connector.feeds() {
            let fault = connector.poll(*feed, &Cursor::default()).await.expect_err("closed");
            assert!(matches!(&fault, Fault::Down { after, .. } if *after == wait), "{fault:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn too_many_calls_and_server_errors_are_temporary() {
    each("too_many_calls_and_server_errors_are_temporary", async |case| {
        let wait = Some(Duration::from_secs(7));
        for result in case.delivering_in(Trouble::RateLimited { seconds: 7 }).await {
            assert!(matches!(&result, Err(Fault::Temporary { after, .. }) if *after == wait), "{result:?}");
        }
        for result in case.delivering_in(Trouble::ServerError).await {
            assert!(matches!(result, Err(Fault::Temporary { .. })), "{result:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn silence_ends_by_the_time_out_and_is_temporary() {
    each("silence_ends_by_the_time_out_and_is_temporary", async |case| {
        let connector = case.build(&case.peer.settings(SHORT), &case.secrets());
        case.peer.trouble(Trouble::Slow).await;
        let fault = connector.probe().await.expect_err("too slow");
        assert!(matches!(fault, Fault::Temporary { .. }), "{fault:?}");
        for kind in &case.played() {
            let result = connector.deliver(&case.peer.outgoing(*kind)).await;
            assert!(matches!(result, Err(Fault::Temporary { .. })), "{kind}: {result:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_not_understood_is_not_sent_again() {
    each("a_message_that_is_not_understood_is_not_sent_again", async |case| {
        let before = case.peer.calls().await;
        for result in case.delivering_in(Trouble::BadRequest).await {
            assert!(matches!(result, Err(Fault::Permanent { .. }) | Ok(Outcome::Refused { .. })), "{result:?}");
        }
        let calls = case.peer.calls().await - before;
        assert_eq!(calls, case.played().len(), "one call for each, and no second try behind our back");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_carries_the_reason_of_the_other_side() {
    each("a_refusal_carries_the_reason_of_the_other_side", async |case| {
        let reason = "Period 11/2026 is closed for posting.";
        let before = case.peer.effects().await;
        for result in case.delivering_in(Trouble::Refuses { reason: reason.to_owned() }).await {
            assert!(
                matches!(&result, Ok(Outcome::Refused { reason: said, .. }) if said.contains(reason)),
                "{result:?}"
            );
        }
        assert_eq!(case.peer.effects().await, before);
    })
    .await;
}

#[tokio::test]
async fn an_error_inside_a_200_is_no_success() {
    each("an_error_inside_a_200_is_no_success", async |case| {
        for result in case.delivering_in(Trouble::ErrorInside200).await {
            assert!(!matches!(result, Ok(Outcome::Accepted { .. })), "{result:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_status_is_pending() {
    each("an_unknown_status_is_pending", async |case| {
        for result in case.delivering_in(Trouble::UnknownStatus).await {
            assert!(matches!(&result, Ok(Outcome::Pending { seen }) if !seen.is_empty()), "{result:?}");
        }
    })
    .await;
}

/// Reads a feed from `cursor` to its end.
async fn read_all(connector: &dyn Connector, feed: Feed, mut cursor: Cursor) -> (Vec<Raw>, Cursor) {
    let mut messages = Vec::new();
    for _ in 0..1_000 {
        let polled = connector.poll(feed, &cursor).await.expect("a poll");
        messages.extend(polled.messages);
        cursor = polled.cursor;
        if !polled.more {
            return (messages, cursor);
        }
    }
    panic!("the feed {} has no end", feed.name);
}

#[tokio::test]
async fn a_feed_finds_the_same_messages_under_the_same_keys_and_changes_under_new_ones() {
    each("a_feed_finds_the_same_messages_under_the_same_keys_and_changes_under_new_ones", async |case| {
        let connector = case.connector();
        for feed in connector.feeds() {
            let (messages, cursor) = read_all(&*connector, *feed, Cursor::default()).await;
            assert!(!messages.is_empty(), "{}", feed.name);
            let keys = |messages: &[Raw]| messages.iter().map(|raw| raw.external_key.clone()).collect::<BTreeSet<_>>();
            let (again, _) = read_all(&*connector, *feed, Cursor::default()).await;
            assert_eq!(keys(&messages), keys(&again), "{}: the same content, the same keys", feed.name);
            for raw in &messages {
                assert!(!raw.subject.is_empty() && raw.channel == feed.name, "{raw:?}");
                connector.interpret(raw).expect("what the peer says is understood");
            }

            // Stored between two polls as JSON.
            let text = serde_json::to_string(&cursor).expect("a cursor is JSON");
            let cursor: Cursor = serde_json::from_str(&text).expect("a cursor is JSON");
            case.peer.change().await;
            let (later, _) = read_all(&*connector, *feed, cursor).await;
            let new: BTreeSet<_> = keys(&later).difference(&keys(&messages)).cloned().collect();
            assert!(!new.is_empty(), "{}: the change is a new message", feed.name);
        }
    })
    .await;
}

#[tokio::test]
async fn a_push_without_proof_is_refused() {
    each("a_push_without_proof_is_refused", async |case| {
        let fault = case.connector().verify(&case.peer.message_with("1")).expect_err("nobody signed it");
        assert!(matches!(fault, Fault::Credentials { .. } | Fault::Contract { .. }), "{fault:?}");
    })
    .await;
}

#[tokio::test]
async fn decimals_survive_to_the_last_digit() {
    each("decimals_survive_to_the_last_digit", async |case| {
        let connector = case.connector();
        for text in case.peer.decimals() {
            let number = Decimal::from_str_exact(text).expect("a decimal");
            let commands = connector.interpret(&case.peer.message_with(text)).expect("understood");
            match commands.first() {
                Some(Command::MirrorOrder(order)) => {
                    assert_eq!(order.lines[0].schedule[0].quantity, number, "in");
                    assert_eq!(order.lines[0].price, Some(number), "in");
                }
                Some(Command::Report(ReportSnapshot { what: Reported::Consumed(it), .. })) => {
                    assert_eq!(it.quantity, number, "in");
                }
                other => panic!("{other:?}"),
            }
            for kind in case.played().iter().filter(|kind| WITH_QUANTITIES.contains(kind)) {
                let outcome = connector.deliver(&case.peer.outgoing_with(*kind, number)).await;
                assert!(matches!(outcome, Ok(Outcome::Accepted { .. })), "{outcome:?}");
                let received = case.peer.quantities(*kind).await;
                assert!(received.iter().all(|quantity| quantity.parse() == Ok(number)), "out: {text}: {received:?}");
                assert!(!received.is_empty(), "out: {text}");
            }
        }
    })
    .await;
}

/// The messages in a connector's folder: `fixtures/<channel>.<what it shows>.json`.
fn fixtures(kind: &Kind) -> BTreeMap<String, Raw> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(kind.name).join("fixtures");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a readable name").to_owned();
        let raw = Raw {
            external_key: name.clone(),
            subject: "fixture".to_owned(),
            channel: name.split('.').next().unwrap_or_default().to_owned(),
            content_type: "application/json".to_owned(),
            body: std::fs::read_to_string(&path).expect("a readable fixture"),
            headers: Vec::new(),
        };
        found.insert(name, raw);
    }
    found
}

#[tokio::test]
async fn each_fixture_is_understood_as_its_snapshot_says() {
    each("each_fixture_is_understood_as_its_snapshot_says", async |case| {
        let connector = case.connector();
        let fixtures = fixtures(case.kind);
        for feed in case.kind.feeds {
            assert!(fixtures.values().any(|raw| raw.channel == feed.name), "no fixture shows the feed {}", feed.name);
        }
        for (name, raw) in fixtures {
            let understood = match connector.interpret(&raw) {
                Ok(commands) => json!({"commands": commands}),
                Err(problem) => json!({"not_understood": {"at": problem.at, "problem": problem.problem}}),
            };
            insta::assert_json_snapshot!(format!("{}{}.{name}", case.kind.name, case.peer.variant()), understood);
        }
    })
    .await;
}

/// Puts something unheard of into each object.
fn with_unknown_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(with_unknown_fields);
            fields.insert("x_unheard_of".to_owned(), json!({"and": ["more", 1, null]}));
        }
        Value::Array(list) => list.iter_mut().for_each(with_unknown_fields),
        _ => {}
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    each("unknown_fields_are_ignored", async |case| {
        let connector = case.connector();
        for (name, raw) in fixtures(case.kind) {
            let (Ok(commands), Ok(mut body)) = (connector.interpret(&raw), serde_json::from_str(&raw.body)) else {
                continue;
            };
            with_unknown_fields(&mut body);
            let more = Raw { body: body.to_string(), ..raw };
            assert_eq!(connector.interpret(&more), Ok(commands), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn settings_refuse_what_they_do_not_know_and_say_which() {
    each("settings_refuse_what_they_do_not_know_and_say_which", async |case| {
        let good = case.peer.settings(LONG);
        let secrets = case.secrets();
        let problem = |settings: &Value| match (case.kind.build)(settings, &secrets) {
            Ok(_) => panic!("{settings} is wrong"),
            Err(problem) => problem,
        };

        let mut unknown = good.clone();
        unknown["colour"] = json!("red");
        assert_eq!(problem(&unknown).key, "colour");

        for setting in case.kind.settings {
            assert!(!setting.label.is_empty() && !setting.help.is_empty(), "{} is explained", setting.key);
            if setting.required {
                let mut missing = good.clone();
                missing.as_object_mut().expect("an object").remove(setting.key);
                assert_eq!(problem(&missing).key, setting.key);
            }
            if setting.secret {
                let mut typed = good.clone();
                typed[setting.key] = json!("a-secret-in-the-clear");
                let refused = problem(&typed);
                assert_eq!(refused.key, setting.key);
                assert!(!refused.to_string().contains("in-the-clear"), "{refused}");
                typed[setting.key] = json!("env:NOT_THERE");
                assert_eq!(problem(&typed).key, setting.key);
            }
        }
        for key in good.as_object().expect("an object").keys() {
            assert!(case.kind.settings.iter().any(|setting| setting.key == key), "{key} is in the list");
        }
    })
    .await;
}

/// Everything that is logged, at every level.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_seen_in_debug_errors_or_logs() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    each("no_secret_is_seen_in_debug_errors_or_logs", async |case| {
        let connector = case.connector();
        let mut said = format!("{connector:?}");
        let _ = write!(said, "{:?}", connector.probe().await);
        let _ = write!(said, "{:?}", connector.verify(&case.peer.message_with("1")));
        for trouble in [
            Trouble::Down,
            Trouble::BadRequest,
            Trouble::ServerError,
            Trouble::ErrorInside200,
            // Who repeats the key in the reason must not make us repeat it.
            Trouble::Refuses { reason: format!("No: {:?}", case.peer.secrets()) },
        ] {
            let _ = write!(said, "{:?}", case.delivering_in(trouble).await);
        }
        for kind in &case.played() {
            let _ = write!(said, "{:?}", connector.deliver(&case.peer.outgoing(*kind)).await);
        }
        for feed in connector.feeds() {
            let _ = write!(said, "{:?}", connector.poll(*feed, &Cursor::default()).await.map(|polled| polled.cursor));
        }
        // The simulator repeats its reason in its own log; ours is what counts.
        let logged = String::from_utf8(log.0.lock().expect("nobody panicked").clone()).expect("text");
        let ours: String = logged.lines().filter(|line| !line.contains("simulators")).collect();
        assert!(ours.contains("connection.kind=\"") && ours.contains(case.kind.name), "calls are logged");
        for (reference, secret) in case.peer.secrets() {
            assert!(!said.contains(&secret), "{reference} is seen in {said}");
            assert!(!ours.contains(&secret), "{reference} is seen in the log");
        }
    })
    .await;
}

/// The table of the documentation, from the registry.
fn documented() -> String {
    let mut text = String::new();
    for kind in KINDS {
        let words =
            |list: Vec<&str>| if list.is_empty() { "nothing".to_owned() } else { format!("`{}`", list.join("`, `")) };
        let _ = writeln!(text, "### `{}`: {}\n", kind.name, kind.title);
        let _ = writeln!(text, "- Delivers: {}", words(kind.carries.iter().map(|kind| kind.as_str()).collect()));
        let feeds = kind.feeds.iter().map(|feed| format!("`{}` (every {} s)", feed.name, feed.every_seconds));
        let feeds = feeds.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "- Polls: {}\n", if feeds.is_empty() { "nothing" } else { &feeds });
        let _ = writeln!(text, "| Setting | Label | Needed | What for |\n|---|---|---|---|");
        for setting in kind.settings {
            let needed = if setting.required { "yes" } else { "no" };
            let secret = if setting.secret { " (names a secret)" } else { "" };
            let _ = writeln!(text, "| `{}`{secret} | {} | {needed} | {} |", setting.key, setting.label, setting.help);
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_documentation_lists_each_kind_with_its_settings() {
    const BEGIN: &str = "<!-- generated from the registry: begin -->\n";
    const END: &str = "<!-- generated from the registry: end -->";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/connectors.md");
    let page = std::fs::read_to_string(&path).expect("docs/connectors.md");
    let (before, rest) = page.split_once(BEGIN).expect("where the generated part begins");
    let (_, after) = rest.split_once(END).expect("where the generated part ends");
    let wanted = format!("{before}{BEGIN}\n{}{END}{after}", documented());
    if page != wanted {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, wanted).expect("the page is written");
            return;
        }
        panic!(
            "docs/connectors.md is older than the registry; run this test with UPDATE_DOCS=1 and look at the change"
        );
    }
}
