//! The orderly end.

use std::time::Duration;

use patchcord_core::textport::LineKind;
use patchcord_runtime::engine::{Engine, EngineError, Options};
use patchcord_runtime::guard::{LOOK, Limits, REST, Reason};

use super::types::{ENDING, STUCK, TYPES, said};
use super::{PATIENCE, engine};

#[test]
fn every_worker_may_end_in_order_and_left_over_tasks_are_dropped() {
    let mut engine = engine();
    engine.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        patch.create(root, &ENDING, Some("a")).unwrap();
        patch.create(root, &ENDING, Some("b")).unwrap();
    });
    let remote = engine.remote().clone();
    let thread = std::thread::spawn(move || remote.stop(0));
    assert_eq!(engine.run(), 0);
    thread.join().unwrap();
    let mut said = said(engine.network());
    said.sort();
    assert_eq!(said, ["ended in order", "ended in order", "task of /a dropped", "task of /b dropped"]);
}

#[test]
fn who_does_not_end_is_cut_off_and_the_others_are_not() {
    let mut engine = engine();
    engine.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        patch.create(root, &STUCK, None).unwrap();
        patch.create(root, &ENDING, None).unwrap();
    });
    engine.shut_down_within(Duration::from_millis(300));
    let said = said(engine.network());
    assert_eq!(said[..2], ["ended in order", "1 operator is cut off: no orderly end within 300ms"]);
}

#[test]
fn lines_of_other_threads_that_came_before_the_end_are_kept() {
    let mut engine = engine();
    engine.remote().say(LineKind::Warning, "/a", "slow").unwrap();
    engine.remote().stop(3);
    assert_eq!(engine.run(), 3);
    assert_eq!(said(engine.network()), ["slow"]);
}

#[test]
fn what_the_guard_notices_reaches_the_textport() {
    let mut engine = engine();
    let guard = engine.guard().clone();
    guard.set_limits(Limits { warning: Some(Duration::from_millis(1)), limit: None });
    engine.turn(|network| {
        let _scope = guard.scope(guard.subject("/project1/web", "onHTTPRequest"));
        // Two looks of the guard's thread at least, the second of them a millisecond after the first.
        let until = network.now() + 20 * (LOOK + REST);
        while network.now() < until && engine.remote().waiting() == 0 {
            std::thread::yield_now();
        }
    });
    engine.remote().stop(0);
    engine.run();
    let lines = engine.network().textport().lines();
    let line = lines.first().expect("nothing was said");
    assert_eq!((line.kind, &*line.path), (LineKind::Warning, "/project1/web"));
    assert!(line.text.starts_with("onHTTPRequest has held the patch for "), "{}", line.text);
}

#[test]
fn a_signal_ends_in_order_while_idle_and_in_a_callback() {
    let catching = || Engine::new(TYPES, Options { terminal: None, catch_signals: true, ..Options::default() });
    let terminate = || {
        let id = std::process::id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    };
    let mut engine = catching().unwrap();
    assert!(matches!(catching(), Err(EngineError::Guard(_))), "one engine of a process has the signals");
    let thread = std::thread::spawn(terminate);
    assert_eq!(engine.run(), 0);
    thread.join().unwrap();
    drop(engine);

    // Dropped, it has given them back for the next one.
    let mut engine = catching().unwrap();
    let guard = engine.guard().clone();
    guard.set_limits(Limits { warning: None, limit: None });
    let (interrupt, interrupted) = std::sync::mpsc::channel();
    guard.set_interrupt(Box::new(move |token, reason| interrupt.send((token, reason)).unwrap()));
    let token = guard.enter(guard.subject("/project1/web", "onHTTPRequest"));
    terminate();
    assert_eq!(interrupted.recv_timeout(PATIENCE), Ok((token, Reason::CtrlC)));
    guard.leave(token);
    assert_eq!(engine.run(), 0);
    let text = "stopping; onHTTPRequest still runs and is interrupted, Ctrl-C again ends at once";
    assert_eq!(said(engine.network()), [text]);
}
