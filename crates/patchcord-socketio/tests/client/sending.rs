//! Acknowledgements, what is buffered, sent again, dropped, and restored.

use std::time::Duration;

use crate::scripted::{SECOND, Scripted, namespace};
use patchcord_socketio::engine::SendError;
use patchcord_socketio::{
    AckRequest, ClientSettings, Credentials, EmitError, EmitOptions, EncodeError, Namespace, OfflinePolicy, Outcome,
    Value,
};

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn answers_in_both_directions() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    peer.emit_with_ack("a", AckRequest::Wait).unwrap();
    peer.emit_with_ack("b", AckRequest::Wait).unwrap();
    peer.emit("c", vec![]).unwrap();
    assert_eq!(peer.sent(), ["420[\"a\"]", "421[\"b\"]", "42[\"c\"]"]);
    peer.server("431[\"second\",2]");
    peer.server("430[]");
    assert_eq!(peer.events(), ["/ answer 1 [\"second\",2]", "/ answer 0 []"]);
    // Twice, unknown, far out.
    for late in ["430[]", "437[]", "4318446744073709551615[]"] {
        peer.server(late);
        assert_eq!(peer.events(), ["/ ignored Acknowledgement"]);
    }
    peer.server("429007199254740993[\"question\"]");
    assert_eq!(peer.events(), ["/ question [] asks"]);
    let token = peer.tokens.pop().unwrap();
    peer.client.acknowledge(token, vec!["yes".into(), Value::Binary(vec![1].into())], peer.now).unwrap();
    let answer = "461-9007199254740993[\"yes\",{\"_placeholder\":true,\"num\":0}]";
    assert_eq!(peer.sent(), [answer, "bytes \\x01"]);
}

#[test]
fn an_answer_to_a_connection_that_is_gone() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    peer.server("421[\"question\"]");
    peer.server("422[\"question\"]");
    peer.events();
    peer.lose();
    let token = peer.tokens.pop().unwrap();
    assert_eq!(peer.client.acknowledge(token, vec![], peer.now), Err(EmitError::StaleAck));
    peer.open();
    peer.server("40{\"sid\":\"b\"}");
    peer.sent();
    let token = peer.tokens.pop().unwrap();
    assert_eq!(peer.client.acknowledge(token, vec![], peer.now), Err(EmitError::StaleAck));
    assert_eq!(peer.sent(), nothing());
}

#[test]
fn an_answer_that_does_not_come_in_time() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    peer.emit_with_ack("slow", AckRequest::WaitFor(3 * SECOND)).unwrap();
    peer.emit_with_ack("fast", AckRequest::WaitFor(SECOND)).unwrap();
    peer.pass(2 * SECOND);
    assert_eq!(peer.events(), ["/ no answer 1: the event was not acknowledged in time"]);
    peer.server("431[]");
    peer.server("430[]");
    assert_eq!(peer.events(), ["/ ignored Acknowledgement", "/ answer 0 []"]);
    peer.pass(5 * SECOND);
    assert_eq!(peer.events(), nothing());
}

#[test]
fn a_lost_connection_fails_what_was_sent_and_keeps_what_was_not() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    peer.emit_with_ack("sent", AckRequest::Wait).unwrap();
    peer.lose();
    assert_eq!(
        peer.events(),
        [
            "/ disconnected: transport error",
            "/ no answer 0: the namespace was disconnected",
            "closed: the connection failed: reset"
        ]
    );
    assert_eq!(peer.emit_with_ack("kept", AckRequest::Wait).unwrap().outcome, Outcome::Buffered);
    assert_eq!(peer.emit_with_ack("short", AckRequest::WaitFor(SECOND)).unwrap().outcome, Outcome::Buffered);
    peer.emit("plain", vec![]).unwrap();
    assert_eq!(peer.client.buffered(&Namespace::ROOT), 3);
    peer.pass(SECOND);
    assert_eq!(peer.events(), ["/ no answer 2: the event was not acknowledged in time"]);
    peer.open();
    assert_eq!(peer.sent(), ["40"]);
    peer.server("40{\"sid\":\"b\"}");
    assert_eq!(peer.sent(), ["421[\"kept\"]", "42[\"plain\"]"], "numbers go on, what was timed out is not sent");
    peer.server("431[]");
    assert_eq!(peer.events(), ["open", "/ connected b", "/ answer 1 []"]);
}

#[test]
fn whatever_waits_for_an_answer_fails_when_its_namespace_is_left() {
    let retried = EmitOptions { retries: Some(1), ..EmitOptions::default() };
    let emit = |peer: &mut Scripted| {
        peer.emit_with_ack("asks", AckRequest::Wait).unwrap();
        peer.emit("plain", vec![]).unwrap();
        for name in ["first", "second"] {
            peer.client.emit(&Namespace::ROOT, name, vec![], retried, peer.now).unwrap();
        }
    };
    let (dropped, disconnected) = ("the event was dropped before it was sent", "the namespace was disconnected");

    let mut idle = Scripted::new(ClientSettings::default(), &["/"]);
    emit(&mut idle);
    idle.client.leave(&Namespace::ROOT, idle.now);
    assert_eq!(idle.events(), [0, 1, 2].map(|request| format!("/ no answer {request}: {dropped}")));
    assert_eq!(idle.client.poll_timeout(), None);

    let mut connected = Scripted::connected(ClientSettings::default(), &["/", "/admin"]);
    emit(&mut connected);
    connected.client.leave(&Namespace::ROOT, connected.now);
    assert_eq!(
        connected.events(),
        [
            "/ disconnected: io client disconnect".to_owned(),
            format!("/ no answer 0: {disconnected}"),
            format!("/ no answer 1: {disconnected}"),
            format!("/ no answer 2: {dropped}"),
        ]
    );

    let mut closed = Scripted::new(ClientSettings::default(), &["/"]);
    emit(&mut closed);
    closed.client.close(closed.now);
    assert_eq!((closed.events(), closed.client.buffered(&Namespace::ROOT)), (nothing(), 4), "for the next session");
}

#[test]
fn policies_of_the_buffer() {
    let offline = |policy| {
        let settings = ClientSettings { offline: policy, max_buffered: 2, ..ClientSettings::default() };
        let mut peer = Scripted::new(settings, &["/"]);
        let outcomes: Vec<_> = (0..3)
            .map(|number| peer.emit_with_ack(&number.to_string(), AckRequest::Wait).map(|emitted| emitted.outcome))
            .collect();
        peer.open();
        peer.server("40{\"sid\":\"b\"}");
        let sent = peer.sent();
        let failed = peer.events().into_iter().filter(|event| event.contains("no answer")).count();
        (outcomes, sent, failed, peer.client.dropped(&Namespace::ROOT))
    };
    use Outcome::{Buffered, Dropped};
    let [zero, one, two] = ["420[\"0\"]", "421[\"1\"]", "422[\"2\"]"].map(str::to_owned);
    let connect = || "40".to_owned();
    let kept = vec![connect(), zero, one.clone()];
    let refused = Err(EmitError::BufferFull);
    assert_eq!(offline(OfflinePolicy::Keep), (vec![Ok(Buffered), Ok(Buffered), refused], kept.clone(), 0, 0));
    assert_eq!(offline(OfflinePolicy::DropNewest), (vec![Ok(Buffered), Ok(Buffered), Ok(Dropped)], kept, 0, 1));
    let newest = vec![connect(), one, two];
    assert_eq!(offline(OfflinePolicy::DropOldest), (vec![Ok(Buffered); 3], newest, 1, 1));
    let off = Err(EmitError::NotConnected(Namespace::ROOT));
    assert_eq!(offline(OfflinePolicy::Off), (vec![off; 3], vec![connect()], 0, 0));
}

#[test]
fn volatile_events_are_sent_at_once_or_never() {
    let mut peer = Scripted::new(ClientSettings::default(), &["/"]);
    assert_eq!(peer.emit_volatile("offline").outcome, Outcome::Dropped);
    peer.open();
    assert_eq!(peer.emit_volatile("connecting").outcome, Outcome::Dropped);
    peer.server("40{\"sid\":\"b\"}");
    peer.sent();
    assert_eq!(peer.emit_volatile("writable").outcome, Outcome::Sent);
    assert_eq!(peer.emit_volatile("behind another").outcome, Outcome::Dropped);
    assert_eq!(peer.sent(), ["42[\"writable\"]"]);
    assert_eq!(peer.client.dropped(&Namespace::ROOT), 3);
}

#[test]
fn a_full_queue_says_so_and_a_long_buffer_goes_out_as_there_is_room() {
    let mut settings = ClientSettings::default();
    settings.engine.max_queue = 300;
    let mut peer = Scripted::connected(settings.clone(), &["/"]);
    let full = loop {
        if let Err(error) = peer.emit("x", vec!["y".repeat(60).into()]) {
            break error;
        }
    };
    assert_eq!(full, EmitError::Send(SendError::QueueFull { limit: 300 }));
    let mut peer = Scripted::new(settings, &["/"]);
    for number in 0..20 {
        peer.emit(&number.to_string(), vec!["y".repeat(60).into()]).unwrap();
    }
    peer.open();
    peer.server("40{\"sid\":\"b\"}");
    assert!(peer.client.buffered(&Namespace::ROOT) > 10);
    assert_eq!(peer.emit("last", vec![]).unwrap().outcome, Outcome::Buffered, "order is kept");
    let sent = peer.sent();
    assert_eq!((sent.len(), sent[1].starts_with("42[\"0\""), sent[21].as_str()), (22, true, "42[\"last\"]"));
    assert_eq!(peer.client.buffered(&Namespace::ROOT), 0);
}

#[test]
fn a_full_queue_keeps_nobody_from_joining_and_leaving() {
    let mut settings = ClientSettings::default();
    settings.engine.max_queue = 300;
    let mut peer = Scripted::connected(settings, &["/", "/admin"]);
    while peer.emit("x", vec![]).is_ok() {}
    peer.client.join(&namespace("/late"), Credentials::default(), peer.now).unwrap();
    peer.client.leave(&namespace("/admin"), peer.now);
    assert_eq!(peer.events(), ["/admin disconnected: io client disconnect"]);
    assert_eq!(peer.sent().split_off(7), ["40/late,", "41/admin,"]);
    // Not even that is without end.
    while peer.emit("x", vec![]).is_ok() {}
    for _ in 0..100 {
        peer.client.join(&namespace("/often"), Credentials::default(), peer.now).unwrap();
        peer.client.leave(&namespace("/often"), peer.now);
    }
    assert!(peer.client.engine().unwrap().queued() <= 600);
}

#[test]
fn what_the_server_would_hang_up_on_is_not_sent() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    let limit = SendError::TooBigForServer { size: 1008, limit: 1000 };
    assert_eq!(peer.emit("big", vec!["y".repeat(996).into()]), Err(EmitError::Send(limit)));
    let error = EncodeError::TooManyAttachments { found: 11, limit: 10 };
    let bytes = vec![Value::Binary(vec![].into()); 11];
    assert_eq!(peer.emit("many", bytes), Err(EmitError::Encode(error)));
    assert_eq!(peer.sent(), nothing());
    peer.lose();
    peer.events();
    peer.emit("big", vec!["y".repeat(996).into()]).unwrap();
    peer.emit("small", vec![]).unwrap();
    peer.open();
    peer.server("40{\"sid\":\"b\"}");
    assert_eq!(peer.sent(), ["40", "42[\"small\"]"]);
    assert_eq!(peer.client.dropped(&Namespace::ROOT), 1);
}

#[test]
fn pending_answers_are_bounded() {
    let settings = ClientSettings { max_pending_acks: 2, ..ClientSettings::default() };
    let mut peer = Scripted::connected(settings, &["/"]);
    peer.emit_with_ack("a", AckRequest::Wait).unwrap();
    peer.emit_with_ack("b", AckRequest::Wait).unwrap();
    let error = EmitError::TooManyPendingAcks { limit: 2 };
    assert_eq!(peer.emit_with_ack("c", AckRequest::Wait), Err(error));
    assert_eq!(peer.emit("c", vec![]).unwrap().outcome, Outcome::Sent);
}

fn retrying() -> ClientSettings {
    ClientSettings { retries: 2, ack_timeout: SECOND, ..ClientSettings::default() }
}

#[test]
fn with_retries_one_event_at_a_time_is_sent_until_it_is_acknowledged() {
    let mut peer = Scripted::connected(retrying(), &["/"]);
    assert_eq!(peer.emit_with_ack("a", AckRequest::None).unwrap().outcome, Outcome::Sent);
    assert_eq!(peer.emit("b", vec![1.into()]).unwrap().outcome, Outcome::Buffered);
    assert_eq!(peer.sent(), ["420[\"a\"]"]);
    peer.pass(SECOND);
    assert_eq!(peer.sent(), ["421[\"a\"]"]);
    peer.server("430[]");
    assert_eq!(peer.events(), ["/ ignored Acknowledgement"], "the answer to the first attempt is late");
    peer.server("431[\"ok\"]");
    assert_eq!(peer.events(), ["/ answer 0 [\"ok\"]"]);
    assert_eq!(peer.sent(), ["422[\"b\",1]"]);
    peer.pass(Duration::from_millis(2999));
    assert_eq!(peer.sent(), ["423[\"b\",1]", "424[\"b\",1]"]);
    assert_eq!(peer.events(), nothing());
    peer.pass(Duration::from_millis(1));
    assert_eq!(peer.events(), ["/ no answer 1: the event was not acknowledged in time"]);
    assert_eq!(peer.client.buffered(&Namespace::ROOT), 0);
}

#[test]
fn with_retries_a_lost_connection_loses_nothing() {
    let mut peer = Scripted::connected(retrying(), &["/"]);
    peer.emit_with_ack("a", AckRequest::None).unwrap();
    peer.emit("b", vec![]).unwrap();
    peer.sent();
    peer.lose();
    assert_eq!(peer.events(), ["/ disconnected: transport error", "closed: the connection failed: reset"]);
    peer.pass(100 * SECOND);
    assert_eq!(peer.events(), nothing());
    peer.open();
    peer.server("40{\"sid\":\"b\"}");
    assert_eq!(peer.sent(), ["40", "421[\"a\"]"]);
    peer.server("431[]");
    peer.server("432[]");
    assert_eq!(peer.events(), ["open", "/ connected b", "/ answer 0 []", "/ answer 1 []"]);
    assert_eq!(peer.emit_volatile("v").outcome, Outcome::Dropped, "behind b");
    peer.sent();
    assert_eq!(peer.emit_volatile("v").outcome, Outcome::Sent);
}

#[test]
fn what_is_given_up_after_all_attempts_is_counted_unless_it_asked_for_an_answer() {
    for (ack, dropped) in [(AckRequest::None, 1), (AckRequest::Wait, 0), (AckRequest::WaitFor(SECOND), 0)] {
        let mut peer = Scripted::connected(retrying(), &["/"]);
        peer.emit_with_ack("a", ack).unwrap();
        peer.pass(3 * SECOND);
        assert_eq!(peer.events(), ["/ no answer 0: the event was not acknowledged in time"]);
        assert_eq!(peer.client.dropped(&Namespace::ROOT), dropped, "{ack:?}");
    }
}

#[test]
fn where_nothing_is_kept_nothing_waits_to_be_sent_again() {
    let off = |retries| ClientSettings { offline: OfflinePolicy::Off, retries, ..ClientSettings::default() };
    for (settings, retries) in [(off(2), None), (off(0), Some(2))] {
        let options = EmitOptions { retries, ..EmitOptions::default() };
        let emit = |peer: &mut Scripted| {
            let now = peer.now;
            peer.client.emit(&Namespace::ROOT, "a", vec![], options, now).map(|emitted| emitted.outcome)
        };
        let refused = Err(EmitError::NotConnected(Namespace::ROOT));
        let mut peer = Scripted::new(settings, &["/"]);
        assert_eq!(emit(&mut peer), refused);
        peer.open();
        assert_eq!(emit(&mut peer), refused, "it is being connected");
        peer.server("40{\"sid\":\"a\"}");
        assert_eq!([emit(&mut peer), emit(&mut peer)], [Ok(Outcome::Sent), Ok(Outcome::Buffered)]);
        assert_eq!(peer.sent(), ["40", "420[\"a\"]"]);
    }
}

#[test]
fn an_event_can_say_for_itself_how_often_it_is_sent_again() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    let ack = AckRequest::WaitFor(2 * SECOND);
    let options = EmitOptions { retries: Some(1), ack, ..EmitOptions::default() };
    let emit = |peer: &mut Scripted, name: &str, options| {
        let now = peer.now;
        peer.client.emit(&Namespace::ROOT, name, vec![], options, now).unwrap().outcome
    };
    assert_eq!(emit(&mut peer, "a", options), Outcome::Sent);
    assert_eq!(emit(&mut peer, "b", options), Outcome::Buffered);
    assert_eq!(emit(&mut peer, "plain", EmitOptions::default()), Outcome::Sent, "it stands in no queue");
    assert_eq!(peer.sent(), ["420[\"a\"]", "42[\"plain\"]"]);
    peer.pass(Duration::from_millis(1999));
    assert_eq!(peer.sent(), nothing(), "an attempt has its own time");
    peer.pass(Duration::from_millis(1));
    assert_eq!(peer.sent(), ["421[\"a\"]"]);
    peer.pass(2 * SECOND);
    assert_eq!(peer.events(), ["/ no answer 0: the event was not acknowledged in time"]);
    assert_eq!(peer.sent(), ["422[\"b\"]"]);
    // Where all events are sent again, one can do without.
    let mut peer = Scripted::connected(retrying(), &["/"]);
    assert_eq!(emit(&mut peer, "a", EmitOptions::default()), Outcome::Sent);
    assert_eq!(emit(&mut peer, "b", EmitOptions { retries: Some(0), ..EmitOptions::default() }), Outcome::Sent);
    assert_eq!(peer.sent(), ["420[\"a\"]", "42[\"b\"]"]);
}

#[test]
fn a_session_is_restored() {
    let mut peer = Scripted::new(ClientSettings::default(), &["/"]);
    let token = Credentials { auth: vec![("token".to_owned(), "x".into())], ..Credentials::default() };
    peer.client.join(&Namespace::ROOT, token, peer.now).unwrap();
    peer.open();
    peer.server("40{\"sid\":\"a\",\"pid\":\"p\"}");
    peer.server("42[\"echo\",\"hi\",\"Q7xgyj3\"]");
    peer.server("451-[\"img\",{\"_placeholder\":true,\"num\":0},\"Q7xgyj4\"]");
    peer.client.handle_binary(b"x", peer.now);
    peer.server("421[\"asks\",\"not-an-offset\"]");
    peer.server("42[\"said\",\"two words\"]");
    peer.server("42[\"bare\"]");
    assert_eq!(
        peer.events(),
        [
            "open",
            "/ connected a",
            "/ echo [\"hi\"] offset Q7xgyj3",
            "/ img [{\"_placeholder\":true}] offset Q7xgyj4",
            "/ asks [\"not-an-offset\"] asks",
            "/ said [\"two words\"]",
            "/ bare []"
        ]
    );
    peer.sent();
    peer.lose();
    peer.events();
    peer.open();
    assert_eq!(peer.sent(), ["40{\"token\":\"x\",\"pid\":\"p\",\"offset\":\"Q7xgyj4\"}"]);
    // What was missed comes before the answer.
    peer.server("42[\"missed\",1,\"Q7xgyj5\"]");
    peer.server("40{\"sid\":\"a\",\"pid\":\"p\"}");
    assert_eq!(peer.events(), ["open", "/ missed [1] offset Q7xgyj5", "/ connected a recovered"]);
    peer.lose();
    peer.open();
    assert_eq!(peer.sent(), ["40{\"token\":\"x\",\"pid\":\"p\",\"offset\":\"Q7xgyj5\"}"]);
    peer.server("40{\"sid\":\"c\",\"pid\":\"q\"}");
    assert_eq!(peer.events().last().map(String::as_str), Some("/ connected c"), "another session");
    peer.lose();
    peer.open();
    assert_eq!(peer.sent(), ["40{\"token\":\"x\"}"], "without an offset there is nothing to restore");
}

#[test]
fn a_session_that_one_end_has_ended_is_not_restored() {
    let end: [fn(&mut Scripted); 2] = [|peer| peer.server("41"), |peer| peer.client.close(peer.now)];
    for end in end {
        let mut peer = Scripted::new(ClientSettings::default(), &["/"]);
        peer.open();
        peer.server("40{\"sid\":\"a\",\"pid\":\"p\"}");
        peer.server("42[\"a\",\"offset\"]");
        end(&mut peer);
        peer.sent();
        peer.client.join(&Namespace::ROOT, Credentials::default(), peer.now).unwrap();
        peer.open();
        assert_eq!(peer.sent(), ["40"]);
    }
}

#[test]
fn offsets_can_be_left_on() {
    let settings = ClientSettings { strip_offset: false, ..ClientSettings::default() };
    let mut peer = Scripted::new(settings, &["/"]);
    peer.open();
    peer.server("40{\"sid\":\"a\",\"pid\":\"p\"}");
    peer.server("42[\"a\",\"offset\"]");
    assert_eq!(peer.events().last().map(String::as_str), Some("/ a [\"offset\"] offset offset"));
    // Without recovery the last argument is an argument.
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    peer.server("42[\"a\",\"offset\"]");
    assert_eq!(peer.events(), ["/ a [\"offset\"]"]);
}
