use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use patchcord_operators::recording::format::{MAX_LINE_BYTES, read_entry};
use patchcord_operators::recording::{
    Body, Content, Direction, Entry, Reader, Recorded, ReplayError, Request, Response,
};

use crate::corpus;

fn error_of(name: &str) -> ReplayError {
    Reader::open(&corpus(name)).expect_err(name)
}

/// What can be read of a recording: the entries and what is wrong with the lines between them.
fn read(name: &str) -> (Vec<Recorded>, Vec<String>) {
    let mut reader = Reader::open(&corpus(name)).unwrap();
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    loop {
        match reader.next_entry() {
            Ok(Some(recorded)) => entries.push(recorded),
            Ok(None) => return (entries, errors),
            Err(error) => errors.push(error.to_string()),
        }
    }
}

fn texts(entries: &[Recorded]) -> Vec<&str> {
    entries
        .iter()
        .filter_map(|recorded| match &recorded.entry.content {
            Content::Text(text) => Some(&**text),
            _ => None,
        })
        .collect()
}

#[test]
fn every_kind_is_read_as_the_table_of_the_format_says() {
    let mut reader = Reader::open(&corpus("conversation.jsonl")).unwrap();
    let header = reader.header();
    assert_eq!((&*header.operator, &*header.operator_type), ("/project1/webserver1", "webserverDAT"));
    assert_eq!(header.start, UNIX_EPOCH + Duration::from_micros(1_760_000_000_250_000));
    let client = "192.0.2.7:50123";
    let from_client = |content| Entry::new(Direction::In, content).peer(client);
    let to_client = |content| Entry::new(Direction::Out, content).peer(client);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [
        (100, from_client(Content::Open { uri: "/live?room=1".into(), subprotocol: "chat".into() })),
        (250_000, from_client(Content::Text("größer 🎛 \"quoted\"\nsecond line".into()))),
        (250_200, to_client(Content::Text("got it".into()))),
        (500_000, from_client(Content::Binary(b"\x00\xff\x10\x80".into()))),
        (600_000, from_client(Content::Ping(b"hi".into()))),
        (600_010, to_client(Content::Pong(b"hi".into()))),
        (700_000, Entry::new(Direction::In, Content::Lost(3))),
        (
            800_000,
            Entry::new(
                Direction::In,
                Content::Request(Request {
                    method: "POST".into(),
                    uri: "/cue?name=fade%20out".into(),
                    server: "192.0.2.1:9980".into(),
                    headers: vec![
                        header("content-type", "application/json"),
                        header("authorization", "(not recorded)"),
                    ],
                    body: Body::new(br#"{"go":true}"#, 100),
                }),
            )
            .peer("192.0.2.7:50124"),
        ),
        (
            801_000,
            Entry::new(
                Direction::Out,
                Content::Response(Response {
                    status: 200,
                    headers: vec![header("content-type", "image/png")],
                    body: Body { bytes: b"\x89PNG\r\n\x1a\n".into(), size: 70_000 },
                }),
            )
            .peer("192.0.2.7:50124"),
        ),
        (900_000, from_client(Content::Text("".into())).event("chat")),
        (1_000_000, from_client(Content::Close { code: Some(4001), reason: "bye".into() })),
        (2_000_000, Entry::new(Direction::In, Content::Failed { reason: "192.0.2.1:9980 refuses connections".into() })),
    ];
    for (at, entry) in expected {
        let recorded = reader.next_entry().unwrap().unwrap();
        assert_eq!((recorded.at, recorded.entry), (Duration::from_micros(at), entry), "line {}", recorded.line);
    }
    assert_eq!(reader.next_entry().unwrap(), None);
    assert_eq!(reader.cut_off(), None);
}

#[test]
fn one_that_was_cut_off_is_good_up_to_the_cut() {
    let mut reader = Reader::open(&corpus("cut_off.jsonl")).unwrap();
    reader.next_entry().unwrap().unwrap();
    let last = reader.next_entry().unwrap().unwrap();
    assert_eq!((last.line, last.entry.content), (3, Content::Text("whole".into())));
    assert_eq!(reader.cut_off(), None);
    assert_eq!(reader.next_entry().unwrap(), None);
    assert_eq!(reader.cut_off(), Some(4));
}

#[test]
fn a_wrong_line_is_named_and_those_around_it_are_good() {
    let (entries, errors) = read("wrong_json.jsonl");
    assert_eq!(texts(&entries), ["before", "behind"]);
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert!(error.contains("wrong_json.jsonl:3: broken: expected `,` or `}` at column 36"), "{error}");
}

#[test]
fn every_slip_in_an_entry_is_said_in_words() {
    let (entries, errors) = read("wrong_entries.jsonl");
    assert_eq!(texts(&entries), ["good"]);
    let said: Vec<_> = errors.iter().map(|error| error.split_once(".jsonl:").unwrap().1).collect();
    let expected = [
        "2: unknown kind `telepathy`; there are open,",
        "3: unknown direction `up`; there are in, out",
        "4: a text entry needs `dir`",
        "5: a text entry needs `text`",
        "6: `data` is not base64: Invalid ",
        "7: a binary entry needs `data`",
        "8: `at` is -1, which is no time",
        "9: `at` is 1000000",
        "10: invalid type: string \"soon\", expected f64 at column",
        "11: invalid value: integer `70000`, expected u16 at column",
        "12: a request entry needs `method`",
        "13: a response entry needs `status`",
        "14: a lost entry needs `count`",
        "15: ",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said:?} does not begin with {expected:?}");
    }
}

#[test]
fn what_is_no_recording_is_refused_with_a_remedy() {
    for (name, message) in [
        ("later_version.jsonl", "the format is version 2, and this program reads up to 1"),
        ("other_json.jsonl", "so this is no recording"),
        ("a_table.csv", "so this is no recording"),
        ("empty.jsonl", "is empty"),
        ("missing.jsonl", "there is no file"),
        ("a_table.csv/x", "there is no file"),
        ("", "is no file"),
    ] {
        let error = error_of(name);
        assert!(error.to_string().contains(message), "{name}: {error}");
        assert!(!error.remedy().is_empty());
    }
    assert!(error_of("later_version.jsonl").remedy().contains("newer"));
}

#[test]
fn a_line_that_never_ends_takes_no_more_memory_than_the_longest_that_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.jsonl");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"{\"patchcord_recording\":1}\n").unwrap();
    file.set_len(10 * MAX_LINE_BYTES as u64).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let error = reader.next_entry().unwrap_err();
    assert!(matches!(error, ReplayError::LongLine { line: 2, .. }), "{error}");
}

#[test]
fn whatever_a_line_holds_reading_it_does_not_panic() {
    let line = std::fs::read(corpus("conversation.jsonl")).unwrap();
    for line in line.split(|byte| *byte == b'\n') {
        for at in 0..line.len() {
            let _ = read_entry(&line[..at]);
            let mut changed = line.to_vec();
            for byte in [b'"', b'0', b'\\', 0xff] {
                changed[at] = byte;
                let _ = read_entry(&changed);
            }
        }
    }
}
