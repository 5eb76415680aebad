//! The Csound CHOP as far as it needs no other end: signals without a connection, time slices on their way, frames.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::content::{Channels, Content};
use patchcord_core::patch::{OpId, Source};
use patchcord_core::value::OwnedValue;
use tokio::task::LocalSet;

use crate::stage::{Stage, off, on, str};

/// Runs a test in which connections get their turns.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

/// A free port of 127.0.0.1.
fn free_port() -> i64 {
    i64::from(std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port())
}

fn wire(stage: &Stage, target: OpId, source: OpId) {
    let source = Some(Source { op: source, output: 0 });
    stage.network.turn(|network| network.patch_mut().wire(target, 0, source)).unwrap();
}

fn channels(stage: &Stage, op: OpId) -> Channels {
    stage.network.turn(|network| network.read_content(op, |content| content.as_channels().cloned()).flatten()).unwrap()
}

fn info(stage: &Stage, op: OpId, name: &str) -> f64 {
    stage.network.info(op).iter().find(|(known, _)| *known == name).unwrap().1
}

/// Lets what was put off at the start happen.
fn settle(stage: &Stage) {
    (0..4).for_each(|_| stage.network.turn(|_| ()));
}

#[test]
fn what_comes_is_there_before_anybody_is_connected() {
    run(async {
        let stage = Stage::new();
        let table = stage.make("tableDAT", "signals");
        stage.set_table(table, &[&["kfreq", "k"], &["arr", "k[2]"], &["Sname", "S"], &["bad name", "k"]]);
        let chop = stage.make_with("csoundCHOP", "csound1", &[("signals", str("signals"))]);
        settle(&stage);
        let names =
            |stage: &Stage| channels(stage, chop).channels.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&stage), ["kfreq", "arr0", "arr1"]);
        assert!(stage.problems(chop)[0].1.starts_with("`bad name`"), "{:?}", stage.problems(chop));
        assert_eq!(channels(&stage, chop).slice, None);
        stage.set_table(table, &[&["kfreq", "k"], &["aleft", "a"]]);
        let shown = channels(&stage, chop);
        assert_eq!((names(&stage), stage.problems(chop)), (vec!["kfreq".to_owned(), "aleft".to_owned()], vec![]));
        assert_eq!((shown.rate, shown.slice.is_some(), shown.samples()), (48_000.0, true, 800));
    });
}

#[test]
fn time_slices_pass_through_other_operators() {
    let stage = Stage::new();
    let time = Rc::new(Cell::new(0));
    let clock = time.clone();
    stage.network.set_clock(Rc::new(move || Duration::from_millis(clock.get())));
    // An operator that computes nothing keeps what it is given.
    let source = stage.make("csoundCHOP", "source");
    stage.network.turn(|network| network.set_flag(source, patchcord_core::patch::flags::Flag::LOCK, true)).unwrap();
    let put = |slice: u64| {
        let channels = vec![("left".into(), vec![0.0; 4]), ("right".into(), vec![1.0; 4])];
        let content = Content::Channels(Channels { slice: Some(slice), ..Channels::new(48_000.0, channels) });
        stage.network.turn(|network| {
            let mut patch = network.patch_mut();
            patch.set_flag(source, patchcord_core::patch::flags::Flag::LOCK, false).unwrap();
            patch.put_content(source, content);
            patch.set_flag(source, patchcord_core::patch::flags::Flag::LOCK, true).unwrap();
        });
    };
    let null = stage.make("nullCHOP", "null1");
    let select = stage.make_with("selectCHOP", "select1", &[("channames", str("left"))]);
    wire(&stage, null, source);
    wire(&stage, select, null);
    for slice in [0, 4, 8] {
        put(slice);
        // The same samples again are another slice.
        let shown = channels(&stage, select);
        assert_eq!((shown.slice, shown.rate, shown.channels.len()), (Some(slice), 48_000.0, 1));
    }
}

#[test]
fn frames_are_wanted_only_while_somebody_would_get_something() {
    run(async {
        let stage = Stage::new();
        let port = free_port();
        let constant = stage.make("constantCHOP", "constant1");
        let parameters = [("active", on()), ("port", OwnedValue::Int(port)), ("type", str("k"))];
        let host = stage.make_with("csoundCHOP", "csound1", &parameters);
        wire(&stage, host, constant);
        settle(&stage);
        assert_eq!((info(&stage, host, "running"), stage.network.wants_frames()), (1.0, false));
        let table = stage.make("tableDAT", "signals");
        stage.set_table(table, &[&["chan1", "k"]]);
        let parameters = [
            ("active", on()),
            ("role", str("client")),
            ("port", OwnedValue::Int(port)),
            ("netaddress", str("127.0.0.1")),
            ("signals", str("signals")),
        ];
        let client = stage.make_with("csoundCHOP", "csound2", &parameters);
        settle(&stage);
        until(&stage, || info(&stage, host, "connections") == 1.0).await;
        assert!(stage.network.wants_frames());
        stage.set(constant, "const0value", OwnedValue::Float(0.5));
        stage.network.turn(|network| network.frame_start(network.frame()));
        stage.network.frame_end();
        until(&stage, || channels(&stage, client).channels[0].1 == [0.5]).await;
        stage.set(client, "active", off());
        until(&stage, || info(&stage, host, "connections") == 0.0).await;
        assert!(!stage.network.wants_frames());
        stage.network.turn(|network| network.patch_mut().destroy(host)).unwrap();
        settle(&stage);
        assert!(
            std::net::TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).is_ok(),
            "the port is free again"
        );
    });
}

async fn until(stage: &Stage, condition: impl Fn() -> bool) {
    for _ in 0..800 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        stage.network.turn(|_| ());
    }
    panic!("it did not come");
}
