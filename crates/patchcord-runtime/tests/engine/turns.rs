//! Work that is left over, jobs of other threads, panics.

use std::rc::Rc;
use std::time::Duration;

use patchcord_core::network::Network;
use patchcord_core::textport::LineKind;
use tokio::sync::Notify;

use super::types::said;
use super::{engine, run};

#[test]
fn what_is_deferred_outside_a_turn_gets_one_soon() {
    let mut engine = engine();
    let (network, done) = (engine.network().clone(), Rc::new(Notify::new()));
    let ring = done.clone();
    run(&mut engine, async move {
        network.defer(move |_| ring.notify_one());
        done.notified().await;
    });
    assert!(engine.network().is_settled());
}

#[test]
fn work_that_causes_itself_for_ever_does_not_stop_the_rest() {
    fn again(network: &Network) {
        network.defer(again);
    }
    let mut engine = engine();
    engine.turn(again);
    run(&mut engine, async { tokio::time::sleep(Duration::from_millis(20)).await });
    assert!(!engine.network().is_settled());
    engine.shut_down();
    assert!(said(engine.network()).iter().any(|text| text.contains("the rest waits for the next turn")));
}

#[test]
fn jobs_of_other_threads_run_on_the_patchs_thread_in_order() {
    let mut engine = engine();
    let (remote, here) = (engine.remote().clone(), std::thread::current().id());
    let thread = std::thread::spawn(move || {
        for number in 0..1000 {
            remote
                .submit(move |network| {
                    assert_eq!(std::thread::current().id(), here);
                    network.textport().say(LineKind::Print, "", number.to_string());
                })
                .unwrap();
        }
        remote.stop(7);
    });
    assert_eq!(engine.run(), 7);
    thread.join().unwrap();
    let expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(said(engine.network()), expected);
}

#[test]
fn a_panic_is_said_and_the_patch_goes_on() {
    let mut engine = engine();
    let (network, done) = (engine.network().clone(), Rc::new(Notify::new()));
    let ring = done.clone();
    engine.remote().submit(|_| panic!("first")).unwrap();
    run(&mut engine, async move {
        network.defer(|_| panic!("second"));
        network.defer(move |_| ring.notify_one());
        done.notified().await;
    });
    let said = said(engine.network());
    assert!(said.iter().any(|text| text.ends_with("a fault of this program: first")), "{said:?}");
    assert!(said.iter().any(|text| text.ends_with("a fault of this program: second")), "{said:?}");
}
