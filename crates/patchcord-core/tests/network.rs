//! The running patch where scripts pull the rug from under it: they destroy what is being started, change what is being
//! computed, cause one another without end, and start again what ends.

use std::any::Any;
use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use patchcord_core::callbacks::{Evaluator, ScriptError};
use patchcord_core::change::Change;
use patchcord_core::declaration::{ContentKind, Family, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::frame::Frame;
use patchcord_core::network::{LONGEST_TURN, Network, Worker};
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::OpId;
use patchcord_core::textport::LineKind;
use patchcord_core::value::OwnedValue;

const PAGES: &[Page] = &[Page { name: "Page", parameters: &[Parameter::int("level", "Level", 0, 0, 100)] }];
const LEVEL: ParIndex = ParIndex::of(PAGES, "level");

static PROBE: OperatorType = kind("probeDAT", |network, op| Rc::new(Probe { network: network.clone(), op }));

/// Its start destroys it, as a script that is loaded by the start can.
static FLEETING: OperatorType = kind("fleetingDAT", |network, op| {
    network.patch_mut().destroy(op).expect("it exists");
    Rc::new(Probe { network: network.clone(), op })
});

const fn kind(name: &'static str, start: fn(&Network, OpId) -> Rc<dyn Worker>) -> OperatorType {
    OperatorType {
        name,
        label: name,
        family: Family::Dat,
        summary: "",
        content: ContentKind::None,
        editable: true,
        inputs: &[],
        pages: PAGES,
        info_channels: &[],
        callbacks: &[],
        start: Some(start),
    }
}

/// Wants frames, says what it is told, and sets its parameter when it ends.
struct Probe {
    network: Network,
    op: OpId,
}

impl Probe {
    fn say(&self, text: &str) {
        self.network.textport().say(LineKind::Status, "", text);
    }
}

impl Worker for Probe {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn wants_frames(&self) -> bool {
        true
    }

    fn handle_change(&self, _: &Network, change: &Change) {
        if let Change::Parameter { value, .. } = change {
            self.say(&format!("value {}", value.to_text()));
        }
    }

    fn stop(&self, _: &Network) {
        self.say("stopped");
    }

    fn shut_down(&self, network: &Network) -> Option<std::pin::Pin<Box<dyn Future<Output = ()>>>> {
        self.say("shut down");
        network.set_par(self.op, LEVEL, &OwnedValue::Int(99)).expect("the value fits");
        None
    }
}

/// Sets the parameter that it computes.
struct Meddler;

impl Evaluator for Meddler {
    fn evaluate(&self, network: &Network, op: OpId, _: &str) -> Result<OwnedValue, String> {
        network.set_par(op, LEVEL, &OwnedValue::Int(7)).map_err(|error| error.to_string())?;
        Ok(OwnedValue::Int(8))
    }

    fn bind_master(&self, _: &Network, _: OpId, _: &str) -> Result<(OpId, ParIndex), String> {
        Err("there are no binds".to_owned())
    }

    fn check_script(&self, _: &str, _: &str) -> Result<(), ScriptError> {
        Ok(())
    }
}

fn network() -> Network {
    Network::new(&[&PROBE, &FLEETING])
}

fn create(network: &Network, kind: &'static OperatorType) -> OpId {
    network.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        patch.create(root, kind, None).expect("it can be made")
    })
}

fn said(network: &Network) -> Vec<String> {
    network.textport().lines().iter().map(|line| line.text.to_string()).collect()
}

#[test]
fn an_operator_that_is_destroyed_by_its_start_is_stopped_and_wants_no_frames() {
    let network = network();
    let op = create(&network, &FLEETING);
    assert!(network.patch().get(op).is_none());
    assert_eq!(said(&network), ["stopped"]);
    assert!(!network.wants_frames());
}

#[test]
fn a_parameter_that_is_set_while_it_is_computed_keeps_what_it_was_set_to() {
    let network = network();
    network.set_evaluator(Rc::new(Meddler));
    let op = create(&network, &PROBE);
    network.turn(|network| network.patch_mut().set_expression(op, LEVEL, "meddle()").expect("it exists"));
    assert_eq!(network.eval(op, LEVEL), ParValue::Int(7));
}

#[test]
fn work_that_takes_long_leaves_the_rest_to_the_next_turn() {
    fn again(network: &Network, done: Rc<Cell<u32>>) {
        done.set(done.get() + 1);
        network.defer(move |network| again(network, done));
    }
    let (network, done) = (network(), Rc::new(Cell::new(0)));
    let time = done.clone();
    // Each step takes a tenth of what a turn may take.
    network.set_clock(Rc::new(move || LONGEST_TURN / 10 * time.get()));
    network.turn(|network| again(network, done.clone()));
    assert!(!network.is_settled());
    assert_eq!(done.get(), 11);
    assert!(said(&network)[0].contains("the rest waits for the next turn"));
}

#[test]
fn nothing_begins_anew_at_the_end() {
    let network = network();
    let op = create(&network, &PROBE);
    assert!(network.shut_down().is_empty());
    create(&network, &PROBE);
    assert_eq!(said(&network), ["shut down"]);
    assert_eq!(network.patch().get(op).expect("it exists").par_value(LEVEL), ParValue::Int(99));
}

#[test]
fn a_patch_that_is_released_is_freed() {
    let network = network();
    let op = create(&network, &PROBE);
    let worker: Weak<dyn Worker> =
        Rc::downgrade(network.patch().get(op).expect("it exists").worker().expect("started"));
    network.defer(|_| ());
    network.release();
    assert!(worker.upgrade().is_none());
    assert!(network.is_settled());
    network.frame_start(Frame { seconds: Duration::ZERO.as_secs_f64(), ..Frame::default() });
    assert!(!network.wants_frames());
}
