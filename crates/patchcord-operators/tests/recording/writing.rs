use std::path::Path;
use std::time::Duration;

use patchcord_operators::recording::format::{MAX_LINE_BYTES, NoRoom, read_entry, write_entry};
use patchcord_operators::recording::{
    Body, Content, DEFAULT_MAX_BYTES, Direction, Entry, Header, Reader, Recorder, RecordingError, Request, Response,
};
use proptest::prelude::*;

fn header() -> Header {
    Header::now("/project1/websocket1", "websocketDAT")
}

fn text(text: &str) -> Entry<'_> {
    Entry::new(Direction::In, Content::Text(text.into()))
}

fn contents(path: &Path) -> Vec<Content<'static>> {
    let mut reader = Reader::open(path).unwrap();
    let mut contents = Vec::new();
    while let Some(recorded) = reader.next_entry().unwrap() {
        contents.push(recorded.entry.content);
    }
    assert_eq!(reader.cut_off(), None);
    contents
}

#[test]
fn what_is_noted_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("show.jsonl");
    let header = header();
    let (recorder, _problems) = Recorder::start(&path, &header, DEFAULT_MAX_BYTES).unwrap();
    recorder.note_at(Duration::from_millis(5), Entry::new(Direction::Out, Content::open()));
    recorder.note_at(Duration::from_millis(7), text("hello").peer("a").event("b"));
    let summary = recorder.finish();
    assert_eq!((summary.messages, summary.lost, &summary.path), (2, 0, &path));
    assert_eq!(summary.bytes, std::fs::metadata(&path).unwrap().len());
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.header().operator, header.operator);
    let first = reader.next_entry().unwrap().unwrap();
    assert_eq!((first.at, first.line), (Duration::from_millis(5), 2));
    let second = reader.next_entry().unwrap().unwrap();
    assert_eq!((second.at, second.entry), (Duration::from_millis(7), text("hello").peer("a").event("b")));
}

#[test]
fn a_file_that_is_there_is_kept_and_only_the_owner_reads_the_new_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("show.take.jsonl");
    std::fs::write(&path, "mine").unwrap();
    let names: Vec<_> = (0..2)
        .map(|_| {
            let (recorder, _problems) = Recorder::start(&path, &header(), DEFAULT_MAX_BYTES).unwrap();
            recorder.finish().path
        })
        .collect();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(names, [folder.path().join("show.take-2.jsonl"), folder.path().join("show.take-3.jsonl")]);
    assert_eq!(std::fs::metadata(&names[0]).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = |path: &Path| Recorder::start(path, &header(), DEFAULT_MAX_BYTES).map(drop).unwrap_err();
    let error = start(&folder.path().join("missing/show.jsonl"));
    assert!(matches!(error, RecordingError::NoFolder { .. }), "{error}");
    let error = start(&folder.path().join(".."));
    assert!(matches!(error, RecordingError::NoName { .. }), "{error}");
    let error = start(&folder.path().join("x".repeat(300)));
    assert!(matches!(error, RecordingError::Unwritable { .. }), "{error}");
    assert!(error.is_end() && !error.remedy().is_empty());
}

#[test]
fn at_its_limit_it_stops_and_what_is_there_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("show.jsonl");
    let (recorder, mut problems) = Recorder::start(&path, &header(), 500).unwrap();
    for _ in 0..20 {
        recorder.note(text("0123456789"));
    }
    let summary = recorder.finish();
    assert!(summary.bytes <= 500, "{summary:?}");
    assert_eq!(summary.messages + summary.lost, 20);
    assert_eq!(contents(&path).len() as u64, summary.messages);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let problem = runtime.block_on(problems.next());
    assert_eq!(problem, Some(RecordingError::Full { path, limit: 500 }));
    assert_eq!(runtime.block_on(problems.next()), None);
}

#[test]
fn a_message_that_is_too_large_leaves_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("show.jsonl");
    let (recorder, mut problems) = Recorder::start(&path, &header(), DEFAULT_MAX_BYTES).unwrap();
    recorder.note(text("before"));
    recorder.note(text(&"x".repeat(MAX_LINE_BYTES)));
    recorder.note(text("behind"));
    assert_eq!(recorder.lost(), 1);
    let summary = recorder.finish();
    assert_eq!((summary.messages, summary.lost), (2, 1));
    assert_eq!(contents(&path), [Content::Text("before".into()), Content::Lost(1), Content::Text("behind".into())]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let problem = runtime.block_on(problems.next());
    assert!(matches!(problem, Some(RecordingError::TooLarge { .. })), "{problem:?}");
}

#[test]
fn a_line_for_which_there_is_no_room_leaves_nothing() {
    let mut out = b"line\n".to_vec();
    let entry = Entry::new(Direction::In, Content::Binary(vec![7; 1000].into()));
    for limit in 0..200 {
        assert_eq!(write_entry(&mut out, Duration::ZERO, &entry, 5 + limit), Err(NoRoom));
        assert_eq!(out, b"line\n");
    }
}

fn bodies() -> impl Strategy<Value = Body<'static>> {
    (prop::collection::vec(any::<u8>(), 0..40), 0..3_u64)
        .prop_map(|(bytes, more)| Body { size: bytes.len() as u64 + more, bytes: bytes.into() })
}

fn all_contents() -> impl Strategy<Value = Content<'static>> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let headers = || prop::collection::vec((".*", ".*"), 0..3);
    prop_oneof![
        (".*", ".*").prop_map(|(uri, sub)| Content::Open { uri: uri.into(), subprotocol: sub.into() }),
        ".*".prop_map(|reason| Content::Failed { reason: reason.into() }),
        (any::<Option<u16>>(), ".*").prop_map(|(code, reason)| Content::Close { code, reason: reason.into() }),
        "(?s).*".prop_map(|text| Content::Text(text.into())),
        bytes().prop_map(|bytes| Content::Binary(bytes.into())),
        bytes().prop_map(|bytes| Content::Ping(bytes.into())),
        bytes().prop_map(|bytes| Content::Pong(bytes.into())),
        (".*", ".*", ".*", headers(), bodies()).prop_map(|(method, uri, server, headers, body)| {
            Content::Request(Request { method: method.into(), uri: uri.into(), server: server.into(), headers, body })
        }),
        (any::<u16>(), headers(), bodies()).prop_map(|(status, headers, body)| Content::Response(Response {
            status,
            headers,
            body
        })),
        any::<u64>().prop_map(Content::Lost),
    ]
}

proptest! {
    #[test]
    fn every_entry_is_one_line_and_comes_back(
        content in all_contents(),
        is_in in any::<bool>(),
        peer in prop::option::of(".*"),
        event in prop::option::of(".*"),
        offset in prop::option::of(".*"),
        micros in 0..315_000_000_000_000_u64,
    ) {
        let has_direction = !matches!(content, Content::Lost(_) | Content::Failed { .. });
        let direction = if is_in || !has_direction { Direction::In } else { Direction::Out };
        let [peer, event, offset] = [peer, event, offset].map(|text| text.map(Into::into));
        let entry = Entry { direction, content, peer, event, offset };
        let mut line = Vec::new();
        write_entry(&mut line, Duration::from_micros(micros), &entry, usize::MAX).unwrap();
        prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        prop_assert_eq!(line.last(), Some(&b'\n'));
        let (at, read) = read_entry(&line).unwrap();
        prop_assert_eq!((at, read), (Duration::from_micros(micros), entry));
    }
}
