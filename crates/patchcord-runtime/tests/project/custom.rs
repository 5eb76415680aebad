//! Custom parameters of a patch file: what a component gets, and what stays when their definitions change.

use std::path::Path;

use patchcord_core::declaration::ParRef;
use patchcord_core::network::Network;
use patchcord_core::parameter::ParMode;
use patchcord_core::patch::OpId;
use patchcord_core::patch::custom::Style;
use patchcord_core::value::OwnedValue;
use patchcord_runtime::project::{LivePatch, PatchFile};

use crate::types::TYPES;

fn file(text: &str) -> PatchFile {
    PatchFile::parse("patch.toml", text, Path::new("/nowhere"), TYPES).unwrap_or_else(|report| panic!("{report:?}"))
}

const AGENT: &str = r#"
[patch]
format = 1

[op.agent]
type = "baseCOMP"
custom.Seat = { page = "Agent", style = "Int", default = 1, min = 0, max = 8 }
custom.Pos = { page = "Agent", style = "XY", default = [1, 2] }
custom.Mode = { page = "Look", style = "Menu", menu = { fast = "Very Fast", slow = "Slow" }, label = "The Mode", help = "How fast." }
custom.Image = { style = "TOP" }
par.Seat = 3
par.Posy = { expr = "1" }
"#;

fn agent(network: &Network) -> OpId {
    let patch = network.patch();
    patch.find(patch.root(), "/project1/agent").expect("there is one")
}

/// Values of the custom parameters, as `name=value`.
fn values(network: &Network) -> String {
    let patch = network.patch();
    let agent = patch.get(patch.find(patch.root(), "/project1/agent").expect("there is one")).expect("it is there");
    let value = |(index, parameter): (_, ParRef)| format!("{}={}", parameter.name, agent.par_value(index).to_text());
    agent.custom_parameters().map(value).collect::<Vec<_>>().join(" ")
}

fn pages(network: &Network) -> Vec<String> {
    let patch = network.patch();
    let op = patch.get(patch.find(patch.root(), "/project1/agent").expect("there is one")).expect("it is there");
    op.custom_pages().iter().map(|page| page.name().to_owned()).collect()
}

fn set(network: &Network, name: &str, value: OwnedValue) {
    let id = agent(network);
    network.turn(|network| {
        let index = network.patch().get(id).unwrap().find_parameter(name).expect("there is one").0;
        network.set_par(id, index, &value).expect("it fits");
    });
}

#[test]
fn a_component_gets_the_custom_parameters_of_the_file() {
    let network = Network::new(TYPES);
    LivePatch::open(&network, file(AGENT)).unwrap();
    assert_eq!(values(&network), "Seat=3 Posx=1 Posy=2 Mode=fast Image=");
    assert_eq!(pages(&network), ["Agent", "Look", "Custom"]);
    let patch = network.patch();
    let op = patch.get(agent(&network)).unwrap();
    let (index, mode) = op.find_parameter("Mode").unwrap();
    assert_eq!((&*mode.label, &*mode.help, op.page_of(index)), ("The Mode", "How fast.", Some("Look")));
    let entries: Vec<_> = mode.kind.entries().iter().map(|entry| entry.label.to_owned()).collect();
    assert_eq!(entries, ["Very Fast", "Slow"]);
    let posy = op.find_parameter("Posy").unwrap().0;
    assert_eq!(op.par_state(posy).unwrap().mode, ParMode::Expression);
    assert_eq!(op.style_of(posy), Some("XY"));
}

#[test]
fn another_definition_keeps_values_that_fit() {
    let network = Network::new(TYPES);
    let mut live = LivePatch::open(&network, file(AGENT)).unwrap();
    set(&network, "Seat", OwnedValue::Int(7));
    set(&network, "Mode", OwnedValue::Str("slow".into()));
    let update = |live: &mut LivePatch, from: &str, to: &str| {
        assert!(AGENT.contains(from), "{from}");
        live.update(&network, file(&AGENT.replace(from, to)))
    };
    let applied = update(&mut live, "max = 8 }", "max = 9, label = \"Seat of the Agent\" }");
    assert_eq!((applied.definitions, applied.parameters), (1, 0));
    assert!(values(&network).starts_with("Seat=7 "), "a script's value stays: {}", values(&network));
    // The value of a script and the default of the file both change with what they do not fit any more.
    update(&mut live, "max = 8 }", "max = 5 }");
    assert!(values(&network).starts_with("Seat=5 "), "{}", values(&network));
    update(&mut live, "default = [1, 2]", "default = [4, 5]");
    assert!(values(&network).contains("Posx=4 "), "what nobody set follows the default: {}", values(&network));
    update(&mut live, "fast = \"Very Fast\", slow", "steady = \"Steady\", slow");
    assert!(values(&network).contains("Mode=slow"), "{}", values(&network));
    let applied = live.update(&network, file(&AGENT.replace("par.Seat = 3\n", "")));
    assert_eq!(applied.parameters, 1);
    assert!(values(&network).starts_with("Seat=1 "), "{}", values(&network));
}

#[test]
fn definitions_come_go_and_move() {
    let network = Network::new(TYPES);
    let mut live = LivePatch::open(&network, file(AGENT)).unwrap();
    let made_by_a_script = network.turn(|network| {
        let mut patch = network.patch_mut();
        let id = patch.find(patch.root(), "/project1/agent").expect("there is one");
        let page = patch.append_custom_page(id, "Scripts").unwrap();
        let style = Style::find("Str").unwrap();
        patch.define_custom(id, page, style.define("Mine", "Mine", 1).unwrap(), true).unwrap()
    });
    let without = |name: &str| {
        let keep =
            |line: &&str| !line.starts_with(&format!("custom.{name}")) && !line.starts_with(&format!("par.{name}"));
        AGENT.lines().filter(keep).collect::<Vec<_>>().join("\n")
    };
    let applied = live.update(&network, file(&without("Pos")));
    assert_eq!((applied.definitions, applied.refused.len()), (1, 0), "{applied}");
    assert_eq!(values(&network), "Seat=3 Mode=fast Image= Mine=");
    live.update(&network, file(&without("Image")));
    assert_eq!(values(&network), "Seat=3 Posx=1 Posy=2 Mode=fast Mine=");
    assert_eq!(pages(&network), ["Agent", "Look", "Scripts"], "an empty page of the file goes");
    live.update(&network, file(&AGENT.replace("page = \"Look\"", "page = \"Agent\"")));
    assert_eq!(pages(&network), ["Agent", "Custom", "Scripts"]);
    assert_eq!(values(&network), "Seat=3 Posx=1 Posy=2 Mode=fast Image= Mine=");
    let reordered =
        AGENT.replace("custom.Seat = { page = \"Agent\", style = \"Int\", default = 1, min = 0, max = 8 }\n", "");
    let reordered =
        format!("{reordered}custom.Seat = {{ page = \"Agent\", style = \"Int\", default = 1, min = 0, max = 8 }}\n");
    let applied = live.update(&network, file(&reordered));
    assert_eq!((applied.parameters, applied.refused.len()), (0, 0), "{applied}");
    assert_eq!(values(&network), "Posx=1 Posy=2 Seat=3 Mode=fast Image= Mine=");
    assert!(network.patch().get(agent(&network)).unwrap().parameter(made_by_a_script[0]).is_some());
}
