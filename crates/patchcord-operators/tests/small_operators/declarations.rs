//! Facts that hold for the declaration of every operator type.

use std::collections::HashSet;

use patchcord_core::declaration::{COMMON_DAT_PAGE, COMMON_INFO, ContentKind, Family, Kind, OperatorType};
use patchcord_core::network::Network;
use patchcord_core::parameter::{ParValue, convert, default_value};
use patchcord_core::value::OwnedValue;
use patchcord_operators::types;

use crate::stage::with_event_loop;

fn owned(value: &ParValue) -> OwnedValue {
    match value {
        ParValue::Bool(on) => OwnedValue::Bool(*on),
        ParValue::Int(number) => OwnedValue::Int(*number),
        ParValue::Float(number) => OwnedValue::Float(*number),
        ParValue::Str(text) => OwnedValue::Str(text.to_string()),
    }
}

fn is_script_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(letters)
}

fn is_sentence(text: &str) -> bool {
    text.ends_with('.') && text.starts_with(|c: char| !c.is_lowercase()) && !text.contains("  ")
}

/// Asserts that no name comes twice.
fn assert_unique<'a>(what: &str, kind: &OperatorType, names: impl Iterator<Item = &'a str>) {
    let mut seen = HashSet::new();
    for name in names {
        assert!(seen.insert(name), "{}: {what} `{name}` comes twice", kind.name);
    }
}

#[test]
fn types_have_names_labels_and_a_summary() {
    let mut names = HashSet::new();
    for kind in types() {
        assert!(names.insert(kind.name) && names.insert(kind.label), "{}", kind.name);
        assert!(kind.name.ends_with(kind.family.suffix()) && is_script_name(kind.short_name()), "{}", kind.name);
        assert!(kind.label.ends_with(kind.family.suffix()), "{}", kind.name);
        assert!(is_sentence(kind.summary), "{}: {}", kind.name, kind.summary);
        assert!(!kind.editable || matches!(kind.content, ContentKind::Text | ContentKind::Table), "{}", kind.name);
        assert_eq!(kind.content == ContentKind::Channels, kind.family == Family::Chop, "{}", kind.name);
        for input in kind.inputs {
            assert!(!input.label.is_empty() && is_sentence(input.help), "{}", kind.name);
        }
    }
}

#[test]
fn every_type_can_be_made() {
    with_event_loop(make_one_of_each);
}

fn make_one_of_each() {
    let network = Network::new(types());
    network.turn(|network| {
        let mut patch = network.patch_mut();
        let root = patch.root();
        for kind in types() {
            let op = patch.create(root, kind, None).unwrap();
            assert!(patch.get(op).unwrap().name().starts_with(kind.short_name()), "{}", kind.name);
        }
    });
    let patch = network.patch();
    let made = patch.iter().filter(|(id, _)| *id != patch.root());
    for (_, op) in made {
        assert!(op.problems.is_empty(), "{} is made without a problem", op.path());
        assert_eq!(op.worker().is_some(), op.declaration().start.is_some(), "{}", op.path());
    }
    drop(patch);
    assert!(!network.wants_frames(), "what is at its defaults costs nothing");
    assert!(network.textport().lines().is_empty());
}

#[test]
fn parameters_have_legal_names_a_label_and_help() {
    for kind in types() {
        for (index, parameter) in kind.parameters() {
            let place = format!("{}.{}", kind.name, parameter.name);
            assert!(is_script_name(&parameter.name), "{place}");
            assert!(parameter.aliases.iter().all(|alias| is_script_name(alias)), "{place}");
            assert!(!parameter.label.is_empty() && is_sentence(&parameter.help), "{place}: {}", parameter.help);
            assert_eq!(kind.find_parameter(&parameter.name).map(|(found, _)| found), Some(index), "{place}");
        }
        let names =
            kind.parameters().flat_map(|(_, parameter)| parameter.aliases.iter().copied().chain([&*parameter.name]));
        assert_unique("parameter", kind, names);
        assert_unique("page", kind, kind.pages.iter().map(|page| page.name));
        assert!(kind.pages.iter().all(|page| !page.parameters.is_empty()), "{}", kind.name);
    }
}

#[test]
fn defaults_are_values_of_their_parameters() {
    for kind in types() {
        for (_, parameter) in kind.parameters() {
            let default = default_value(parameter);
            let place = format!("{}.{}", kind.name, parameter.name);
            assert_eq!(convert(parameter, &owned(&default)), Ok(default), "{place}");
            match &parameter.kind {
                Kind::Int { default, range } => {
                    assert!(range.min < range.max && range.clamp(*default) == *default, "{place}");
                }
                Kind::Float { default, range } => {
                    assert!(range.min < range.max && range.clamp(*default) == *default, "{place}");
                    assert!(range.min.is_finite() && range.max.is_finite(), "{place}");
                }
                Kind::Menu { default, entries } => {
                    assert!(entries.iter().any(|entry| entry.name == default), "{place}");
                    assert!(entries.len() > 1 && entries.iter().all(|entry| is_script_name(entry.name)), "{place}");
                    assert!(entries.iter().all(|entry| !entry.label.is_empty()), "{place}");
                    assert_unique("entry", kind, entries.iter().map(|entry| entry.name));
                }
                _ => {}
            }
            assert!(!parameter.secret || matches!(parameter.kind, Kind::Str { .. }), "{place}");
        }
    }
}

#[test]
fn callbacks_and_info_channels_are_named_once_and_explained() {
    for kind in types() {
        assert_unique("callback", kind, kind.callbacks.iter().map(|callback| callback.name));
        for callback in kind.callbacks {
            let place = format!("{}.{}", kind.name, callback.name);
            assert!(
                (callback.name.starts_with("on") || callback.name.starts_with("while")) && is_sentence(callback.help),
                "{place}: {}",
                callback.help
            );
            assert_unique("argument", kind, callback.arguments.iter().copied());
            assert!(callback.arguments.iter().all(|argument| !argument.is_empty()), "{place}");
        }
        let channels = kind.info_channels.iter().chain(COMMON_INFO);
        assert_unique("info channel", kind, channels.clone().map(|channel| channel.name));
        assert!(channels.clone().all(|channel| !channel.help.is_empty()), "{}", kind.name);
    }
}

#[test]
fn dats_have_the_common_page_last_and_scripts_come_from_one_place() {
    for kind in types() {
        let last = kind.pages.last().map(|page| page.name);
        let has_common = matches!(kind.family, Family::Dat | Family::Comp);
        assert_eq!(last == Some(COMMON_DAT_PAGE.name), has_common, "{}", kind.name);
        let callbacks = kind.find_parameter("callbacks").map(|(_, parameter)| &parameter.kind);
        if kind.callbacks.is_empty() {
            assert!(!kind.is_own_script() && callbacks.is_none(), "{}", kind.name);
        } else {
            let is_reference = matches!(callbacks, Some(Kind::Op { family: Some(Family::Dat), .. }));
            assert!(kind.is_own_script() != is_reference, "{}", kind.name);
        }
    }
    let own: Vec<_> = types().iter().filter(|kind| kind.is_own_script()).map(|kind| kind.name).collect();
    assert_eq!(own, ["chopexecuteDAT", "datexecuteDAT", "executeDAT", "parameterexecuteDAT"]);
}

#[test]
fn touchdesigners_own_parameters_are_there_under_their_names() {
    let file = "edit file syncfile loadonstart loadonstartpulse write writepulse";
    let table = "defaultreadencoding removeblank fill rows cols cellexpr includenames fills fills0expr";
    let execute = "active start create exit framestart frameend playstatechange devicechange projectpresave \
                   projectpostsave startpulse playstatepulse devicechangepulse projectpostsavepulse";
    let common = "language extension customext wordwrap";
    for (name, parameters) in [
        ("textDAT", [file, " ", common].concat()),
        ("tableDAT", [file, " ", table, " ", common].concat()),
        ("executeDAT", [file, " ", execute, " ", common].concat()),
        ("infoDAT", ["op passive ", common].concat()),
        ("infoCHOP", "op iscope values range1 range2 passive childcooktime".to_owned()),
    ] {
        let kind = types().iter().find(|kind| kind.name == name).unwrap();
        for parameter in parameters.split_whitespace() {
            let found = kind.find_parameter(parameter).map(|(_, found)| (&*found.name, found.beyond));
            assert_eq!(found, Some((parameter, false)), "{name}");
        }
    }
}
