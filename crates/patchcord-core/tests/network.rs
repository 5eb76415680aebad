//! The running patch where scripts pull the rug from under it: they destroy what is being started, change what is being
//! computed, cause one another without end, and start again what ends.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use patchcord_core::callbacks::{Evaluator, ScriptError};
use patchcord_core::change::Change;
use patchcord_core::declaration::{ContentKind, Family, Input, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::frame::Frame;
use patchcord_core::network::{LONGEST_TURN, MAX_CHANGES_PER_TURN, Network, Worker};
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::{OpId, Source};
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
fn however_much_a_turn_did_is_worked_off_at_its_end() {
    let (network, done) = (network(), Rc::new(Cell::new(0)));
    let count = 3 * MAX_CHANGES_PER_TURN;
    network.turn(|network| {
        for _ in 0..count {
            let done = done.clone();
            network.defer(move |_| done.set(done.get() + 1));
        }
    });
    assert!(network.is_settled() && said(&network).is_empty());
    assert_eq!(done.get(), count);
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

/// Says what it finds when it ends, and tries to edit.
struct Curious {
    network: Network,
    op: OpId,
}

static CURIOUS: OperatorType = kind("curiousDAT", |network, op| Rc::new(Curious { network: network.clone(), op }));

impl Worker for Curious {
    fn stop(&self, network: &Network) {
        let find = |name: &str| {
            let patch = network.patch();
            patch.find(patch.root(), name).map(|id| patch.path(id).to_string())
        };
        let read = network.patch().get(self.op).map(|op| op.path().to_string());
        let set = network.set_par(self.op, LEVEL, &OwnedValue::Int(1)).map_err(|error| error.to_string());
        let again = network.patch_mut().destroy(self.op).map_err(|error| error.to_string());
        let is_worker = self.network.with_worker(self.op, |_: &Curious| ()).is_some();
        let text = format!("{read:?} {:?} {set:?} {again:?} {is_worker}", find("curious1"));
        network.textport().say(LineKind::Status, "", text);
    }
}

#[test]
fn a_destroyed_operator_can_be_read_until_its_worker_has_stopped_and_no_longer() {
    let network = Network::new(&[&CURIOUS]);
    let op = create(&network, &CURIOUS);
    network.turn(|network| {
        network.patch_mut().destroy(op).expect("it exists");
        assert!(network.patch().get(op).is_none(), "for the script that destroyed it, it is gone");
        assert!(network.patch().is_ending(op));
    });
    let gone = "Err(\"the operator does not exist any more\")";
    assert_eq!(said(&network), [format!("Some(\"/curious1\") None {gone} {gone} true")]);
    assert!(network.patch().get(op).is_none());
    assert!(!network.patch().is_ending(op));
}

#[test]
fn thousands_of_siblings_come_and_go_and_leave_the_rest_as_it_was() {
    let network = network();
    let stays = create(&network, &PROBE);
    let ids: Vec<OpId> = (0..3000).map(|_| create(&network, &PROBE)).collect();
    assert_eq!(&**network.patch().get(ids[2999]).expect("it exists").name(), "probe3001");
    network.turn(|network| {
        // From both ends, so that no order of destruction is favoured.
        let (first, second) = ids.split_at(1500);
        for id in first.iter().chain(second.iter().rev()) {
            network.patch_mut().destroy(*id).expect("it exists");
        }
        let patch = network.patch();
        assert_eq!(patch.get(patch.root()).expect("it exists").children(), [stays]);
        assert_eq!(patch.free_name(patch.root(), "probe"), "probe2");
    });
    assert_eq!(network.patch().len(), 2);
}

/// Takes two inputs, and says when they change.
static MIXER: OperatorType = OperatorType {
    inputs: &[Input { label: "a", help: "" }, Input { label: "b", help: "" }],
    ..kind("mixerDAT", |_, op| Rc::new(Mixer(op)))
};

struct Mixer(OpId);

impl Worker for Mixer {
    fn handle_change(&self, network: &Network, change: &Change) {
        let text = match change {
            Change::Inputs { .. } => "inputs of",
            Change::Renamed { .. } => "renamed:",
            _ => return,
        };
        network.textport().say(LineKind::Status, "", format!("{text} {}", network.patch().path(self.0)));
    }
}

#[test]
fn both_ends_of_a_wire_know_of_it() {
    let network = Network::new(&[&PROBE, &MIXER]);
    let [from, other] = [create(&network, &PROBE), create(&network, &PROBE)];
    let [first, second] = [create(&network, &MIXER), create(&network, &MIXER)];
    let wire = |target, input, op: Option<OpId>| {
        let source = op.map(|op| Source { op, output: 0 });
        network.turn(|network| network.patch_mut().wire(target, input, source).expect("it can be wired"));
    };
    wire(second, 0, Some(from));
    wire(first, 0, Some(from));
    wire(first, 1, Some(from));
    assert_eq!(network.patch().fed_by(from), [first, second]);
    wire(first, 0, Some(other));
    assert_eq!((network.patch().fed_by(from), network.patch().fed_by(other)), (vec![first, second], vec![first]));
    wire(first, 1, None);
    assert_eq!(network.patch().fed_by(from), [second]);
    wire(first, 1, Some(from));

    let before = said(&network).len();
    network.turn(|network| network.patch_mut().destroy(from).expect("it exists"));
    assert_eq!(said(&network)[before..], ["stopped", "inputs of /mixer1", "inputs of /mixer2"]);
    assert_eq!(network.patch().get(first).expect("it exists").inputs(), [Some(Source { op: other, output: 0 }), None]);
    network.turn(|network| network.patch_mut().destroy(first).expect("it exists"));
    assert_eq!(network.patch().fed_by(other), []);
}

static COMPONENT: OperatorType = OperatorType { family: Family::Comp, start: None, ..kind("boxCOMP", |_, _| panic!()) };

fn create_in(network: &Network, parent: OpId, kind: &'static OperatorType) -> OpId {
    network.turn(|network| network.patch_mut().create(parent, kind, None).expect("it can be made"))
}

#[test]
fn only_siblings_are_docked_and_they_go_together() {
    let network = Network::new(&[&PROBE, &COMPONENT]);
    let component = create(&network, &COMPONENT);
    let inside = create_in(&network, component, &PROBE);
    let [host, first, second] = [0; 3].map(|_| create(&network, &PROBE));
    let dock = |id, host| network.turn(|network| network.patch_mut().dock(id, host));
    for (id, host) in [(inside, host), (host, inside), (inside, component), (host, host)] {
        let error = dock(id, Some(host)).expect_err("they are no siblings").to_string();
        assert!(error.contains("only operators of the same component"), "{error}");
    }
    let root = network.patch().root();
    assert!(dock(root, Some(host)).is_err());
    assert_eq!(
        (dock(second, Some(first)), dock(second, Some(host)), dock(first, Some(host))),
        (Ok(()), Ok(()), Ok(()))
    );
    assert_eq!((network.patch().docked(host), network.patch().docked(first)), (vec![first, second], vec![]));
    assert_eq!(dock(first, None), Ok(()));
    network.turn(|network| network.patch_mut().destroy(host).expect("it exists"));
    let is_there = |id| network.patch().get(id).is_some();
    assert_eq!([inside, host, first, second].map(is_there), [true, false, true, false]);
}

#[test]
fn all_that_is_inside_a_renamed_component_hears_of_its_new_path() {
    let network = Network::new(&[&MIXER, &COMPONENT]);
    let outer = create(&network, &COMPONENT);
    let inner = create_in(&network, outer, &COMPONENT);
    let beside = create(&network, &MIXER);
    create_in(&network, inner, &MIXER);
    create_in(&network, outer, &MIXER);
    network.turn(|network| network.patch_mut().rename(outer, "stage").expect("the name is free"));
    assert_eq!(said(&network), ["renamed: /stage/box1/mixer1", "renamed: /stage/mixer1"]);
    assert_eq!(&*network.patch().path(beside), "/mixer1");
}
