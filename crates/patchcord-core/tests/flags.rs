//! Flags that mean something without an editor: lock, bypass, allowCooking.

use std::rc::Rc;

use patchcord_core::content::Content;
use patchcord_core::declaration::{ContentKind, Family, Input, OperatorType};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::flags::Flag;
use patchcord_core::patch::{OpId, PatchError, Source};
use patchcord_core::table::Table;

static TABLE: OperatorType = OperatorType {
    name: "tableDAT",
    label: "Table",
    family: Family::Dat,
    summary: "",
    content: ContentKind::Table,
    editable: true,
    inputs: &[Input { label: "in", help: "" }],
    pages: &[],
    info_channels: &[],
    callbacks: &[],
    start: None,
};

/// Shows its input with a row more.
static MORE: OperatorType = OperatorType { name: "moreDAT", start: Some(|_, op| Rc::new(More(op))), ..TABLE };

static BASE: OperatorType =
    OperatorType { name: "baseCOMP", family: Family::Comp, content: ContentKind::None, inputs: &[], ..TABLE };

struct More(OpId);

impl Worker for More {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let source = network.patch().get(self.0).and_then(|op| op.inputs().first().copied().flatten());
        let table = source.and_then(|source| network.read_content(source.op, |content| content.as_table().cloned()));
        let mut table = table.flatten().unwrap_or_default();
        table.append_row(&["more"], None).unwrap();
        network.patch_mut().put_content(self.0, Content::Table(table));
    }
}

fn rows(network: &Network, op: OpId) -> usize {
    network.read_content(op, |content| content.as_table().map_or(0, Table::num_rows)).unwrap()
}

fn grow(network: &Network, op: OpId) {
    network.turn(|network| network.patch_mut().table_mut(op).unwrap().append_row(&["x"], None).unwrap());
}

/// A table in a component, what shows it with a row more, and the component.
fn stage() -> (Network, OpId, OpId, OpId) {
    let network = Network::new(&[&TABLE, &MORE, &BASE]);
    let (table, more, base) = network.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        let base = patch.create(root, &BASE, Some("base")).unwrap();
        let table = patch.create(base, &TABLE, Some("table")).unwrap();
        let more = patch.create(base, &MORE, Some("more")).unwrap();
        patch.wire(more, 0, Some(Source { op: table, output: 0 })).unwrap();
        (table, more, base)
    });
    grow(&network, table);
    assert_eq!(rows(&network, more), 2);
    (network, table, more, base)
}

#[test]
fn a_bypassed_operator_hands_its_input_through() {
    let (network, table, more, _) = stage();
    network.set_flag(more, Flag::BYPASS, true).unwrap();
    assert_eq!(rows(&network, more), 1);
    grow(&network, table);
    assert_eq!(rows(&network, more), 2);
    network.turn(|network| network.patch_mut().wire(more, 0, None).unwrap());
    assert_eq!(rows(&network, more), 1, "without an input it works as usual");
    network.turn(|network| network.patch_mut().wire(more, 0, Some(Source { op: table, output: 0 })).unwrap());
    network.set_flag(more, Flag::BYPASS, false).unwrap();
    assert_eq!(rows(&network, more), 3);
}

#[test]
fn a_locked_operator_keeps_what_it_has() {
    let (network, table, more, _) = stage();
    network.set_flag(more, Flag::LOCK, true).unwrap();
    grow(&network, table);
    assert_eq!(rows(&network, more), 2);
    network.force_cook(more);
    network.patch_mut().put_content(more, Content::Table(Table::new()));
    assert_eq!(rows(&network, more), 2);
    assert!(network.patch_mut().own_table_mut(more).is_none());
    network.set_flag(more, Flag::LOCK, false).unwrap();
    assert_eq!(rows(&network, more), 3);
}

#[test]
fn cooking_is_allowed_by_the_operator_and_the_components_around_it() {
    let (network, table, more, base) = stage();
    for holder in [more, base] {
        let before = rows(&network, more);
        network.set_flag(holder, Flag::ALLOW_COOKING, false).unwrap();
        grow(&network, table);
        assert_eq!(rows(&network, more), before);
        network.set_flag(holder, Flag::ALLOW_COOKING, true).unwrap();
        assert_eq!(rows(&network, more), before + 1);
    }
}

#[test]
fn one_operator_of_a_component_is_the_current_one() {
    let (network, table, more, base) = stage();
    let current = |op| network.patch().get(op).unwrap().flags.has(Flag::CURRENT);
    for op in [base, table, more] {
        network.set_flag(op, Flag::CURRENT, true).unwrap();
    }
    assert!(current(base) && current(more) && !current(table));
    network.turn(|network| network.patch_mut().destroy(more).unwrap());
    assert_eq!(network.set_flag(more, Flag::CURRENT, true), Err(PatchError::Gone));
}
