//! Frames run while they are wanted, and only then.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::frame::{Delay, FramePhase};
use tokio::sync::Notify;

use super::types::{METRONOME, Metronome};
use super::{engine, run};

#[test]
fn a_delayed_run_wakes_the_frames_and_lets_them_rest_again() {
    let mut engine = engine();
    let (done, at) = (Rc::new(Notify::new()), Rc::new(Cell::new(0)));
    // The frame is asked for from a task, as a callback does, while no frames run.
    let (network, ring, note) = (engine.network().clone(), done.clone(), at.clone());
    let asked = run(&mut engine, async move {
        tokio::time::sleep(Duration::from_millis(40)).await;
        let asked = network.frame().number;
        network.turn(|network| {
            network.schedule(Delay::Frames(3), move |network| {
                note.set(network.frame().number);
                ring.notify_one();
            });
        });
        asked
    });
    assert!(asked > 1, "the frame goes on although none is run");
    run(&mut engine, done.notified());
    assert!(at.get() >= asked + 3, "due three frames after {asked}, ran at {}", at.get());
    assert!(!engine.network().wants_frames());
}

#[test]
fn a_worker_gets_each_frame_at_its_start_and_end() {
    let mut engine = engine();
    engine.set_frame_rate(500.0);
    let op = engine.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        patch.create(root, &METRONOME, None).unwrap()
    });
    let network = engine.network().clone();
    let count = move || network.with_worker(op, |worker: &Metronome| worker.frames.borrow().len()).unwrap();
    run(&mut engine, async {
        while count() < 20 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let frames = engine.network().with_worker(op, |worker: &Metronome| worker.frames.borrow().clone()).unwrap();
    for pair in frames.chunks_exact(2) {
        assert_eq!((pair[0].1, pair[1].1), (FramePhase::Start, FramePhase::End));
        assert_eq!(pair[0].0, pair[1].0);
    }
    for pair in frames.chunks_exact(2).collect::<Vec<_>>().windows(2) {
        let (before, after) = (pair[0][0].0, pair[1][0].0);
        assert_eq!(after.number, before.number + u64::from(after.step));
        assert_eq!(after.dropped, before.dropped + u64::from(after.step) - 1);
        assert_eq!(after.rate, 500.0);
        assert!(after.seconds > before.seconds);
    }
}

#[test]
fn work_that_takes_too_long_skips_frames_and_counts_them() {
    let mut engine = engine();
    engine.set_frame_rate(1000.0);
    let (done, dropped) = (Rc::new(Notify::new()), Rc::new(Cell::new(0)));
    let (ring, note) = (done.clone(), dropped.clone());
    engine.turn(|network| {
        network.schedule(Delay::Frames(1), move |network| {
            // Holds the patch for many frames, as a slow script does.
            let until = network.now() + Duration::from_millis(20);
            while network.now() < until {
                std::hint::spin_loop();
            }
            network.schedule(Delay::Frames(1), move |network| {
                note.set(network.frame().dropped);
                ring.notify_one();
            });
        });
    });
    run(&mut engine, done.notified());
    assert!(dropped.get() >= 15, "{} dropped", dropped.get());
}
