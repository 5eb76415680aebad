//! Custom parameters: what an edit keeps, what it lets go of, and who is told.

use std::cell::RefCell;
use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::declaration::{ContentKind, Entries, Family, Kind, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::parameter::{ParMode, ParValue};
use patchcord_core::patch::custom::{CustomError, GroupDefinition, MAX_CUSTOM_PARAMETERS, PageId, Style, set_default};
use patchcord_core::patch::{OpId, PatchError};
use patchcord_core::value::OwnedValue;

thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

static COMP: OperatorType = OperatorType {
    name: "boxCOMP",
    label: "Box COMP",
    family: Family::Comp,
    summary: "",
    content: ContentKind::None,
    editable: false,
    inputs: &[],
    pages: &[Page { name: "Box", parameters: &[Parameter::int("level", "Level", 0, 0, 100)] }],
    info_channels: &[],
    callbacks: &[],
    start: Some(|_, op| Rc::new(Listener(op))),
};

static DAT: OperatorType = OperatorType { name: "plainDAT", family: Family::Dat, start: None, ..COMP };

/// Notes what it is told.
struct Listener(OpId);

impl Worker for Listener {
    fn handle_change(&self, network: &Network, change: &Change) {
        let told = match change {
            Change::Definitions { .. } => "definitions".to_owned(),
            Change::Parameter { index, value, .. } => {
                let parameter = network.patch().get(self.0).and_then(|op| op.parameter(*index));
                let name = parameter.map_or_else(|| "nothing".to_owned(), |parameter| parameter.name.to_string());
                format!("{name} = {}", value.to_text())
            }
            _ => return,
        };
        TOLD.with_borrow_mut(|all| all.push(told));
    }
}

fn told() -> Vec<String> {
    TOLD.with_borrow_mut(std::mem::take)
}

fn box_with_page() -> (Network, OpId, PageId) {
    let network = Network::new(&[&COMP, &DAT]);
    let (op, page) = network.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        let op = patch.create(root, &COMP, None).expect("there is room");
        let page = patch.append_custom_page(op, "Page").expect("it is a component");
        (op, page)
    });
    told();
    (network, op, page)
}

fn group(style: &str, name: &str) -> GroupDefinition {
    let style = Style::find(style).expect("a style");
    style.define(name, name, style.size()).expect("a right name")
}

fn define(network: &Network, op: OpId, page: PageId, style: &str, name: &str) -> Vec<ParIndex> {
    let made = network.turn(|network| network.patch_mut().define_custom(op, page, group(style, name), true));
    made.expect("it can be defined")
}

fn names(network: &Network, op: OpId) -> Vec<String> {
    network.patch().get(op).unwrap().custom_parameters().map(|(_, parameter)| parameter.name.to_string()).collect()
}

#[test]
fn values_outlive_a_definition_that_they_fit() {
    let (network, op, page) = box_with_page();
    let seat = define(&network, op, page, "Int", "Seat")[0];
    assert!(seat.is_custom());
    network.turn(|network| network.set_par(op, seat, &OwnedValue::Int(7))).unwrap();
    let change = |change: fn(&mut Parameter)| network.turn(|it| it.patch_mut().change_custom(op, seat, change));
    told();
    change(|it| it.label = "A Seat".into()).unwrap();
    assert_eq!((network.eval(op, seat), told()), (ParValue::Int(7), vec!["definitions".to_owned()]));
    change(|it| {
        if let Kind::Int { range, .. } = &mut it.kind {
            (range.max, range.clamp_max) = (5, true);
        }
    })
    .unwrap();
    assert_eq!((network.eval(op, seat), told()), (ParValue::Int(5), vec!["Seat = 5".to_owned(), "definitions".into()]));
    // Another style in its place begins anew, under the same index.
    assert_eq!(define(&network, op, page, "Str", "Seat"), [seat]);
    assert_eq!(network.eval(op, seat), ParValue::Str("".into()));
}

#[test]
fn what_was_never_set_follows_the_default() {
    let (network, op, page) = box_with_page();
    let seat = define(&network, op, page, "Float", "Seat")[0];
    told();
    let change = |it: &mut Parameter| set_default(it, &OwnedValue::Float(0.5)).unwrap();
    network.turn(|network| network.patch_mut().change_custom(op, seat, change)).unwrap();
    assert_eq!(
        (network.eval(op, seat), told()),
        (ParValue::Float(0.5), vec!["Seat = 0.5".into(), "definitions".into()])
    );
}

#[test]
fn a_menu_keeps_an_entry_that_is_still_there() {
    let (network, op, page) = box_with_page();
    let mode = define(&network, op, page, "Menu", "Mode")[0];
    let entries = |names: &'static [&'static str]| {
        let change = |it: &mut Parameter| {
            let entries = Entries::Own(names.iter().map(|name| (name.to_string(), name.to_string())).collect());
            it.kind = Kind::Menu { default: "b".into(), entries };
        };
        network.turn(|network| network.patch_mut().change_custom(op, mode, change)).unwrap();
    };
    entries(&["a", "b"]);
    assert_eq!(network.eval(op, mode), ParValue::Str("b".into()));
    network.set_par(op, mode, &OwnedValue::Str("a".into())).unwrap();
    entries(&["b", "a", "c"]);
    assert_eq!(network.eval(op, mode), ParValue::Str("a".into()));
    entries(&["c", "d"]);
    assert_eq!(network.eval(op, mode), ParValue::Str("c".into()), "without its default the first entry is the default");
}

#[test]
fn what_is_destroyed_is_gone_and_its_index_is_not_used_again() {
    let (network, op, page) = box_with_page();
    let pos = define(&network, op, page, "XYZ", "Pos");
    network.set_par(op, pos[1], &OwnedValue::Float(2.0)).unwrap();
    network.turn(|network| network.patch_mut().destroy_custom(op, pos[1])).unwrap();
    assert_eq!(names(&network, op), [""; 0]);
    let gone = Err(PatchError::Custom(CustomError::ParameterGone));
    assert_eq!(network.set_par(op, pos[1], &OwnedValue::Float(1.0)), gone);
    assert_eq!(network.eval(op, pos[1]), ParValue::Str("".into()));
    let again = define(&network, op, page, "XYZ", "Pos");
    assert!(again.iter().all(|index| !pos.contains(index)));
    assert_eq!(network.eval(op, again[1]), ParValue::Float(0.0));
    let mut patch = network.patch_mut();
    let level = patch.find_par(op, "level").unwrap();
    assert!(matches!(patch.destroy_custom(op, level), Err(PatchError::Custom(CustomError::BuiltIn { .. }))));
    patch.destroy_all_custom(op).unwrap();
    let define = patch.define_custom(op, page, group("Int", "A"), true);
    assert_eq!(define, Err(CustomError::PageGone.into()));
}

#[test]
fn an_expression_ends_with_its_parameter() {
    let (network, op, page) = box_with_page();
    let seat = define(&network, op, page, "Int", "Seat")[0];
    network.turn(|network| network.patch_mut().set_expression(op, seat, "1")).unwrap();
    // Nobody computes expressions here, so it fails.
    network.eval(op, seat);
    let parts = || {
        let patch = network.patch();
        let problems = patch.get(op).unwrap().problems.iter();
        problems.map(|problem| problem.part.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(parts(), ["Seat"]);
    network.turn(|network| network.patch_mut().rename_custom(op, seat, "Chair")).unwrap();
    network.eval(op, seat);
    assert_eq!(parts(), ["Chair"]);
    network.turn(|network| network.patch_mut().destroy_custom(op, seat)).unwrap();
    assert!(network.patch().get(op).unwrap().problems.is_empty());
    network.frame_start(network.frame());
    assert!(!network.wants_frames());
}

#[test]
fn names_are_taken_once() {
    let (network, op, page) = box_with_page();
    define(&network, op, page, "XY", "Pos");
    let mut patch = network.patch_mut();
    let mut taken = |style: &str, name: &str, replace| {
        let result = patch.define_custom(op, page, group(style, name), replace);
        matches!(result, Err(PatchError::Custom(CustomError::NameTaken { .. })))
    };
    assert!(taken("XY", "Pos", false) && taken("Int", "Pos", false));
    assert!(taken("Float", "Posx", true), "a value of a group is not torn out of it");
    assert!(!taken("XYZ", "Pos", true) && !taken("Float", "Posa", true));
    drop(patch);
    assert_eq!(names(&network, op), ["Posx", "Posy", "Posz", "Posa"]);
}

#[test]
fn a_copy_has_the_same_indices_and_goes_its_own_way() {
    let (network, op, page) = box_with_page();
    let seat = define(&network, op, page, "Int", "Seat")[0];
    let copy = network.turn(|network| {
        let mut patch = network.patch_mut();
        patch.change_attributes(op, seat, |it| (it.read_only, it.default_mode) = (true, ParMode::Constant)).unwrap();
        let root = patch.root();
        let copy = patch.create(root, &COMP, None).unwrap();
        patch.copy_custom(op, copy).unwrap();
        patch.destroy_custom(op, seat).unwrap();
        copy
    });
    assert_eq!((names(&network, op), names(&network, copy)), (vec![], vec!["Seat".to_owned()]));
    assert!(network.patch().get(copy).unwrap().par_attributes(seat).read_only);
    let mut patch = network.patch_mut();
    let root = patch.root();
    let dat = patch.create(root, &DAT, None).unwrap();
    assert!(matches!(patch.append_custom_page(dat, "A"), Err(PatchError::Custom(CustomError::NotAComponent { .. }))));
}

#[test]
fn an_operator_holds_a_bounded_number() {
    let (network, op, page) = box_with_page();
    network.turn(|network| {
        let mut patch = network.patch_mut();
        for number in 0..MAX_CUSTOM_PARAMETERS {
            patch.define_custom(op, page, group("Toggle", &format!("P{number}")), true).unwrap();
        }
        let full = patch.define_custom(op, page, group("Toggle", "More"), true);
        assert_eq!(full, Err(CustomError::Full.into()));
        patch.define_custom(op, page, group("Str", "P7"), true).expect("what is replaced makes room");
    });
    assert_eq!(told(), ["definitions", "P7 = "], "however many there are, one change waits");
}
