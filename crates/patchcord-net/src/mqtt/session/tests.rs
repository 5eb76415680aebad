//! Sessions on virtual time, with a broker's bytes written out.

use proptest::prelude::*;

use super::*;

const ANSWER_TIME: Duration = Duration::from_secs(5);
const CONNACK_3: &[u8] = &[0x20, 2, 0, 0];
/// With a receive maximum of 2, a maximum packet size of 100, no retained messages and level 1 at most.
const CONNACK_5: &[u8] = &[0x20, 15, 0, 0, 12, 0x21, 0, 2, 0x27, 0, 0, 0, 100, 0x25, 0, 0x24, 1];

fn login(version: MqttVersion) -> Login {
    Login { version, client_id: "me".to_owned(), keep_alive: Duration::from_secs(60), ..Login::default() }
}

fn begun(version: MqttVersion, limits: Limits, now: Instant) -> Session {
    let mut session = Session::new(&login(version), limits, ANSWER_TIME, now).unwrap();
    written(&mut session, now);
    session
}

fn open(version: MqttVersion, limits: Limits, now: Instant) -> Session {
    let mut session = begun(version, limits, now);
    let mut connack = if version == MqttVersion::V5 { CONNACK_5 } else { CONNACK_3 };
    assert!(matches!(session.handle_bytes(&mut connack, now), Ok(Some(Step::Open(_)))));
    session
}

/// Everything that is to be written, which the socket takes at once.
fn written(session: &mut Session, now: Instant) -> Vec<u8> {
    let out = session.out().to_vec();
    session.handle_written(out.len(), now);
    out
}

/// What bytes say, in words, up to the error that ends it.
fn said(session: &mut Session, bytes: &[u8], now: Instant) -> Vec<String> {
    let mut input = bytes;
    let mut said = Vec::new();
    while !input.is_empty() {
        match session.handle_bytes(&mut input, now) {
            Ok(None) => {}
            Ok(Some(Step::Open(_))) => said.push("open".to_owned()),
            Ok(Some(Step::Message(message))) => {
                said.push(format!("{} {:?} {}", message.topic(), message.payload(), message.is_retained()));
            }
            Ok(Some(Step::Granted(filters))) => said.push(format!("{filters:?}")),
            Ok(Some(Step::Refused(reason))) => said.push(format!("refused {reason}")),
            Err(error) => {
                said.push(format!("error {error}"));
                return said;
            }
        }
    }
    said
}

#[test]
fn a_log_in_is_written_as_the_standard_has_it() {
    let now = Instant::now();
    let mut login = login(MqttVersion::V3_1_1);
    let session = Session::new(&login, Limits::default(), ANSWER_TIME, now).unwrap();
    assert_eq!(session.out(), b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02me");
    (login.user, login.password) = (Some("u".to_owned()), Some("p".to_owned()));
    let session = Session::new(&login, Limits::default(), ANSWER_TIME, now).unwrap();
    assert_eq!(session.out(), b"\x10\x14\x00\x04MQTT\x04\xc2\x00\x3c\x00\x02me\x00\x01u\x00\x01p");
    for (user, password) in [("x".repeat(70_000), ""), ("a\0".to_owned(), ""), ("u".to_owned(), "y")] {
        let password = password.repeat(70_000);
        (login.user, login.password) = (Some(user), Some(password));
        let error = Session::new(&login, Limits::default(), ANSWER_TIME, now).err().unwrap();
        assert!(matches!(error, MqttError::Login { .. }) && error.is_of_settings(), "{error}");
    }
    assert!(!format!("{login:?}").contains("yyy"), "a password is not shown");
}

#[test]
fn refusals_have_words_of_their_own_in_both_versions() {
    let now = Instant::now();
    for (version, answer, expected) in [
        (MqttVersion::V3_1_1, &[0x20, 2, 0, 1][..], Refusal::Version),
        (MqttVersion::V3_1_1, &[0x20, 2, 0, 2], Refusal::ClientId),
        (MqttVersion::V3_1_1, &[0x20, 2, 0, 3], Refusal::Unavailable),
        (MqttVersion::V3_1_1, &[0x20, 2, 0, 4], Refusal::Credentials),
        (MqttVersion::V3_1_1, &[0x20, 2, 0, 5], Refusal::NotAuthorised),
        (MqttVersion::V5, &[0x20, 2, 0, 1], Refusal::Version),
        (MqttVersion::V5, &[0x20, 3, 0, 0x84, 0], Refusal::Version),
        (MqttVersion::V5, &[0x20, 3, 0, 0x86, 0], Refusal::Credentials),
        (MqttVersion::V5, &[0x20, 3, 0, 0x8a, 0], Refusal::NotAuthorised),
        (MqttVersion::V5, &[0x20, 3, 0, 0x9d, 0], Refusal::Elsewhere),
        (MqttVersion::V5, b"\x20\x08\x00\x97\x05\x1f\x00\x02no", Refusal::Other("quota exceeded (no)".to_owned())),
    ] {
        let mut session = begun(version, Limits::default(), now);
        let mut answer = answer;
        match session.handle_bytes(&mut answer, now) {
            Err(error @ MqttError::Refused(_)) => {
                assert!(!error.remedy().is_empty());
                assert!(error.to_string().ends_with(&expected.to_string()), "{error}");
            }
            other => panic!("{expected:?}: {}", other.err().map_or("no error".to_owned(), |error| error.to_string())),
        }
    }
}

#[test]
fn what_a_broker_of_5_does_not_take_is_not_sent() {
    let now = Instant::now();
    let mut session = open(MqttVersion::V5, Limits::default(), now);
    assert_eq!(session.publish("a", b"x", Qos::AtMostOnce, true, now), Err(PublishError::Retain));
    let too_large = session.publish("a", &[0; 100], Qos::AtMostOnce, false, now);
    assert_eq!(too_large, Err(PublishError::TooLarge { limit: 83 }));
    // Level 2 becomes the 1 that the broker takes; two may be unconfirmed, and the third waits for a confirmation.
    for _ in 0..3 {
        session.publish("a", b"x", Qos::ExactlyOnce, false, now).unwrap();
    }
    assert_eq!(written(&mut session, now), b"\x32\x07\x00\x01a\x00\x01\x00x\x32\x07\x00\x01a\x00\x02\x00x");
    assert_eq!(session.unconfirmed(), 2);
    assert!(session.queued() > 0);
    assert_eq!(said(&mut session, &[0x40, 2, 0, 1], now), [""; 0]);
    assert_eq!(written(&mut session, now), b"\x32\x07\x00\x01a\x00\x01\x00x");
    // Not taken: id 2, for want of rights.
    assert_eq!(said(&mut session, &[0x40, 3, 0, 2, 0x87], now), ["refused not authorized"]);
    assert_eq!((session.unconfirmed(), session.queued()), (1, 0));
}

#[test]
fn with_3_so_many_are_unconfirmed_at_a_time() {
    let now = Instant::now();
    let mut session = open(MqttVersion::V3_1_1, Limits::default(), now);
    for _ in 0..30 {
        session.publish("a", b"x", Qos::ExactlyOnce, false, now).unwrap();
    }
    assert_eq!(session.unconfirmed(), MAX_UNCONFIRMED);
    written(&mut session, now);
    // PUBREC is answered with PUBREL, and with PUBCOMP it is confirmed.
    assert_eq!(said(&mut session, &[0x50, 2, 0, 1], now), [""; 0]);
    assert_eq!(written(&mut session, now), [0x62, 2, 0, 1]);
    assert_eq!(session.unconfirmed(), MAX_UNCONFIRMED);
    said(&mut session, &[0x70, 2, 0, 1], now);
    assert_eq!(session.unconfirmed(), MAX_UNCONFIRMED, "the next has followed");
    assert_eq!(session.stats().messages_out, 21);
}

#[test]
fn the_queue_keeps_its_bound_by_its_policy() {
    let now = Instant::now();
    let payload = [7; 1000];
    let filled = |full| {
        let mut session = open(MqttVersion::V3_1_1, Limits { queue: 100_000, full, ..Limits::default() }, now);
        let results: Vec<_> =
            (0..200).map(|_| session.publish("a", &payload, Qos::AtMostOnce, false, now).is_ok()).collect();
        assert!(session.queued() <= 100_000);
        (session, results)
    };
    let (session, results) = filled(FullQueue::DropNewest);
    let taken = results.iter().filter(|taken| **taken).count();
    assert!(results[..taken].iter().all(|taken| *taken), "the first are kept");
    assert_eq!(session.stats().dropped, (200 - taken) as u64);
    let (mut session, results) = filled(FullQueue::DropOldest);
    assert!(results.iter().all(|taken| *taken));
    let dropped = session.stats().dropped;
    while !session.out().is_empty() {
        written(&mut session, now);
    }
    assert_eq!(session.stats().messages_out, 200 - dropped);
    // One message for which nothing has to wait may be larger.
    session.publish("a", &[0; 300_000], Qos::AtMostOnce, false, now).unwrap();
    assert_eq!(session.publish("a", b"", Qos::AtMostOnce, false, now), Ok(()));
}

#[test]
fn filters_are_asked_for_once_while_the_answer_is_awaited() {
    let now = Instant::now();
    let mut session = open(MqttVersion::V3_1_1, Limits::default(), now);
    session.subscribe(["a", "b/#"], Qos::AtLeastOnce, now).unwrap();
    assert_eq!(written(&mut session, now), b"\x82\x0c\x00\x01\x00\x01a\x01\x00\x03b/#\x01");
    session.subscribe(["b/#", "c"], Qos::AtLeastOnce, now).unwrap();
    assert_eq!(written(&mut session, now), b"\x82\x06\x00\x02\x00\x01c\x01");
    let granted = said(&mut session, &[0x90, 4, 0, 1, 1, 0x80], now);
    assert_eq!(granted, [r#"[("a", Ok(AtLeastOnce)), ("b/#", Err("the broker does not allow it"))]"#]);
    session.subscribe(["a"], Qos::AtMostOnce, now).unwrap();
    assert_eq!(
        written(&mut session, now),
        b"\x82\x06\x00\x01\x00\x01a\x00",
        "asked again, so retained messages come again"
    );
    assert!(session.subscribe(["x", "y+"], Qos::AtMostOnce, now).is_err());
    assert!(session.out().is_empty(), "all of them or none");
    // Many go in several packets.
    let many: Vec<String> = (0..20).map(|number| format!("many/{number}")).collect();
    session.subscribe(many.iter().map(String::as_str), Qos::AtMostOnce, now).unwrap();
    assert_eq!(session.asked.len(), 5);
    // An answer with another number of results than there were filters.
    assert_eq!(
        said(&mut session, &[0x90, 4, 0, 2, 0, 0], now),
        ["error the broker broke the protocol: protocol error"]
    );
}

#[test]
fn messages_are_confirmed_and_come_once() {
    let now = Instant::now();
    let mut session = open(MqttVersion::V3_1_1, Limits::default(), now);
    assert_eq!(said(&mut session, b"\x31\x05\x00\x01axy", now), ["a [120, 121] true"]);
    assert_eq!(said(&mut session, b"\x32\x06\x00\x01a\x00\x09x", now), ["a [120] false"]);
    assert_eq!(written(&mut session, now), [0x40, 2, 0, 9]);
    assert_eq!(said(&mut session, b"\x34\x06\x00\x01a\x00\x0ax", now), ["a [120] false"]);
    assert_eq!(said(&mut session, b"\x3c\x06\x00\x01a\x00\x0ax", now), [""; 0], "the same again");
    assert_eq!(written(&mut session, now), [0x50, 2, 0, 10, 0x50, 2, 0, 10]);
    assert_eq!(said(&mut session, &[0x62, 2, 0, 10], now), [""; 0]);
    assert_eq!(written(&mut session, now), [0x70, 2, 0, 10]);
    let stats = session.stats();
    assert_eq!((stats.messages_in, stats.bytes_in), (3, 4));
}

#[test]
fn the_broker_is_pinged_and_given_up() {
    let start = Instant::now();
    let after = |seconds| start + Duration::from_secs(seconds);
    let mut session = open(MqttVersion::V3_1_1, Limits::default(), start);
    assert_eq!(session.deadline(), Some(after(60)));
    session.publish("a", b"", Qos::AtMostOnce, false, after(10)).unwrap();
    written(&mut session, after(10));
    assert_eq!(session.deadline(), Some(after(70)), "what is sent shows that this end lives");
    session.handle_time(after(70)).unwrap();
    assert_eq!(written(&mut session, after(70)), [0xc0, 0]);
    assert_eq!(session.deadline(), Some(after(75)));
    said(&mut session, &[0xd0, 0], after(71));
    assert_eq!(session.deadline(), Some(after(130)));
    session.handle_time(after(130)).unwrap();
    // Part of a long message comes in the place of the answer: whoever sends lives.
    said(&mut session, &[0x30, 100, 0, 1], after(134));
    session.handle_time(after(135)).unwrap();
    assert_eq!(session.deadline(), Some(after(139)));
    assert!(matches!(session.handle_time(after(139)), Err(MqttError::Silent)));
    let mut silent = begun(MqttVersion::V3_1_1, Limits::default(), start);
    assert_eq!(silent.deadline(), Some(after(5)));
    assert!(matches!(silent.handle_time(after(5)), Err(MqttError::NoAnswer { .. })));
}

#[test]
fn the_farewell_stands_behind_what_waits() {
    let now = Instant::now();
    let mut session = open(MqttVersion::V3_1_1, Limits::default(), now);
    session.publish("a", b"x", Qos::AtMostOnce, false, now).unwrap();
    session.close(now);
    assert!(!session.is_done());
    assert_eq!(session.publish("a", b"y", Qos::AtMostOnce, false, now), Err(PublishError::NotConnected));
    assert_eq!(written(&mut session, now), b"\x30\x04\x00\x01ax\xe0\x00");
    assert!(session.is_done());
    // One that takes nothing does not hold it up for ever.
    let mut session = open(MqttVersion::V3_1_1, Limits::default(), now);
    for _ in 0..30 {
        session.publish("a", b"x", Qos::AtLeastOnce, false, now).unwrap();
    }
    session.close(now);
    written(&mut session, now);
    assert!(!session.is_done());
    assert!(session.handle_time(now + CLOSE_TIME).is_err());
    let mut early = begun(MqttVersion::V3_1_1, Limits::default(), now);
    early.close(now);
    assert!(early.is_done());
}

/// Packets of a broker, right and wrong ones.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let packet = prop_oneof![
        Just(vec![0xd0, 0]),
        Just(b"\x30\x04\x00\x01ax".to_vec()),
        Just(b"\x32\x06\x00\x01a\x00\x09x".to_vec()),
        Just(b"\x34\x06\x00\x01a\x00\x0ax".to_vec()),
        Just(vec![0x62, 2, 0, 10]),
        Just(vec![0x90, 3, 0, 1, 0]),
        Just(vec![0x40, 2, 0, 2]),
        Just(vec![0x50, 2, 0, 3]),
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(first, rest)| {
            let mut packet = vec![first, rest.len() as u8];
            packet.extend(rest);
            packet
        }),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(packet, 0..12).prop_map(|packets| packets.concat())
}

proptest! {
    #[test]
    fn whatever_a_broker_sends_it_ends_in_words(
        is_5: bool,
        logs_in: bool,
        bytes in packets(),
        cuts in prop::collection::vec(1usize..30, 0..20),
    ) {
        let now = Instant::now();
        let version = if is_5 { MqttVersion::V5 } else { MqttVersion::V3_1_1 };
        let limits = Limits { message: 4096, ..Limits::default() };
        let mut all: Vec<u8> = if !logs_in { Vec::new() } else if is_5 { CONNACK_5.to_vec() } else { CONNACK_3.to_vec() };
        all.extend(bytes);
        let run = |cuts: &[usize]| {
            let mut session = begun(version, limits, now);
            let mut heard = Vec::new();
            let mut rest = &all[..];
            let mut cuts = cuts.iter();
            let mut has_asked = false;
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(cuts.next().copied().unwrap_or(rest.len()).min(rest.len()));
                rest = behind;
                heard.extend(said(&mut session, piece, now));
                if session.is_open() && !has_asked {
                    has_asked = true;
                    session.subscribe(["a"], Qos::AtMostOnce, now).unwrap();
                    for level in [Qos::AtLeastOnce, Qos::ExactlyOnce] {
                        session.publish("a", b"x", level, false, now).unwrap();
                    }
                }
                if heard.last().is_some_and(|last| last.starts_with("error")) {
                    break;
                }
            }
            heard
        };
        // What was asked for decides what the broker may answer, so it is asked for in the same place: behind the log-in.
        let log_in = if !logs_in { 0 } else if is_5 { CONNACK_5.len() } else { CONNACK_3.len() };
        let whole: Vec<usize> = [log_in, usize::MAX].into_iter().filter(|length| *length > 0).collect();
        let pieces: Vec<usize> = [log_in].into_iter().filter(|length| *length > 0).chain(cuts).collect();
        let is_not_mqtt = |heard: &Vec<String>| heard.last().is_some_and(|last| last.contains("does not speak"));
        let (whole, pieces) = (run(&whole), run(&pieces));
        // The first bytes that are shown are as many as came together.
        if is_not_mqtt(&whole) {
            prop_assert!(is_not_mqtt(&pieces));
        } else {
            prop_assert_eq!(whole, pieces);
        }
    }
}

#[test]
fn a_broker_that_does_not_read_cannot_have_confirmations_pile_up() {
    let now = Instant::now();
    let mut session = open(MqttVersion::V3_1_1, Limits::default(), now);
    // Level 1, topic "a": one message after the other that is to be confirmed, and nothing is written.
    for number in 0..1_000_000_u32 {
        let [.., high, low] = (1 + number % 60_000).to_be_bytes();
        let packet = [0x32, 5, 0, 1, b'a', high, low];
        match session.handle_bytes(&mut &packet[..], now) {
            Ok(_) => assert!(session.out().len() <= 2 * MAX_CONFIRMATIONS),
            Err(error) => return assert!(matches!(error, MqttError::Unread), "{error}"),
        }
    }
    panic!("{} bytes wait", session.out().len());
}
