//! The Info DAT and the Info CHOP, looking at each other, at components and at operators with problems.

use std::rc::Rc;
use std::time::Duration;

use patchcord_core::declaration::{ContentKind, Family, OperatorType};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::Table;
use patchcord_core::tracking::Source;
use patchcord_core::value::OwnedValue;
use patchcord_operators::base_comp::BASE_COMP;
use patchcord_operators::info_chop::INFO_CHOP;
use patchcord_operators::info_dat::INFO_DAT;
use patchcord_operators::text_dat::TEXT_DAT;

use crate::stage::{Stage, on, str, with_event_loop};

/// An operator whose information is how often it was cooked.
static COUNTED: OperatorType = OperatorType {
    name: "countedDAT",
    label: "Counted DAT",
    family: Family::Dat,
    summary: "",
    content: ContentKind::None,
    editable: false,
    inputs: &[],
    pages: &[],
    info_channels: &[],
    callbacks: &[],
    start: Some(|_, op| Rc::new(Counted(op))),
};

struct Counted(OpId);

impl Worker for Counted {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        network.note_read(Source::Moment);
    }

    fn info_table(&self, network: &Network) -> Option<Table> {
        let cooks = network.patch().get(self.0)?.cook.total.to_string();
        Table::from_rows(&[["cooks".to_owned(), cooks]]).ok()
    }
}

fn stage() -> Stage {
    Stage::with_types(&[&BASE_COMP, &INFO_CHOP, &INFO_DAT, &TEXT_DAT, &COUNTED])
}

/// Names and values of a CHOP after a cook; every channel has one sample.
fn channels(stage: &Stage, chop: OpId) -> Vec<(String, f64)> {
    stage.network.turn(|network| network.cook(chop));
    let patch = stage.network.patch();
    let held = patch.get(chop).unwrap().content().as_channels().unwrap();
    let one = |samples: &[f64]| <[f64; 1]>::try_from(samples).unwrap()[0];
    held.channels.iter().map(|(name, samples)| (name.to_string(), one(samples))).collect()
}

fn names(stage: &Stage, chop: OpId) -> Vec<String> {
    channels(stage, chop).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn an_operators_own_table_is_shown_after_a_cook_or_as_it_is() {
    let stage = stage();
    stage.make("countedDAT", "counted");
    let info = stage.make_with("infoDAT", "info1", &[("op", str("counted"))]);
    assert_eq!((stage.text(info), stage.text(info)), ("cooks\t1\n".into(), "cooks\t2\n".into()));
    stage.set(info, "passive", on());
    assert_eq!((stage.text(info), stage.text(info)), ("cooks\t2\n".into(), "cooks\t2\n".into()));
    assert_eq!(stage.network.patch().get(info).unwrap().cook.total, 4);
}

#[test]
fn of_all_other_operators_the_problems_are_shown() {
    let stage = stage();
    let text = stage.make("textDAT", "text1");
    let info = stage.make_with("infoDAT", "info1", &[("op", OwnedValue::Op(text))]);
    assert_eq!(stage.text(info), "severity\tcause\tmessage\tremedy\n");
    let revision = stage.network.patch().table(info).unwrap().revision();
    stage.text(info);
    assert_eq!(stage.network.patch().table(info).unwrap().revision(), revision, "the same is no change");
    stage.network.report(text, Problem::error("file", "no file is named", "set `file`"));
    stage.network.report(text, Problem::warning("other", "odd", ""));
    let rows = "severity\tcause\tmessage\tremedy\nerror\tfile\tno file is named\tset `file`\nwarning\tother\todd\t\n";
    assert_eq!(stage.text(info), rows);
}

#[test]
fn a_name_without_an_operator_is_a_warning_until_there_is_one() {
    let stage = stage();
    let dat = stage.make_with("infoDAT", "info1", &[("op", str("late"))]);
    let chop = stage.make_with("infoCHOP", "info2", &[("op", str("late"))]);
    assert_eq!((stage.text(dat).as_str(), channels(&stage, chop)), ("", vec![]));
    for info in [dat, chop] {
        assert_eq!(stage.problems(info), [("reference", "there is no operator `late`".to_owned())]);
    }
    let late = stage.make("textDAT", "late");
    assert_eq!((stage.text(dat).lines().count(), channels(&stage, chop).len()), (1, 11));
    assert_eq!((stage.problems(dat), stage.problems(chop)), (vec![], vec![]));
    stage.network.turn(|network| network.patch_mut().destroy(late)).unwrap();
    stage.set(dat, "op", str(""));
    assert_eq!((stage.text(dat).as_str(), stage.problems(dat)), ("", vec![]), "no name is no problem");
}

#[test]
fn channels_are_the_own_ones_and_the_common_ones() {
    with_event_loop(own_and_common_channels);
}

fn own_and_common_channels() {
    let stage = Stage::new();
    stage.make("webserverDAT", "server");
    let chop = stage.make_with("infoCHOP", "info1", &[("op", str("server"))]);
    let all = names(&stage, chop);
    assert_eq!(all[..2], ["server_running", "websocket_connections"]);
    assert_eq!(all[all.len() - 2..], ["warnings", "errors"]);
    stage.set(chop, "iscope", str("cook_* ^cook_frame errors"));
    let cooks = ["cook_time", "cook_abs_frame", "cook_start_time", "cook_end_time", "errors"];
    assert_eq!(names(&stage, chop), cooks);
    stage.set(chop, "iscope", str(""));
    assert_eq!(names(&stage, chop), [""; 0]);
}

#[test]
fn values_choose_channels_by_a_range_given_in_any_order() {
    let stage = stage();
    let text = stage.make("textDAT", "text1");
    stage.set_text(text, "one\ntwo\nthree\n");
    let parameters = [("op", str("text1")), ("iscope", str("num_* errors"))];
    let chop = stage.make_with("infoCHOP", "info1", &parameters);
    let named = |name: &str, value: f64| (name.to_owned(), value);
    let all = [named("num_rows", 3.0), named("num_cols", 0.0), named("errors", 0.0)];
    assert_eq!(channels(&stage, chop), all);
    stage.set(chop, "range1", OwnedValue::Float(3.0));
    stage.set(chop, "range2", OwnedValue::Float(0.5));
    stage.set(chop, "values", str("inside"));
    assert_eq!(channels(&stage, chop), all[..1]);
    stage.set(chop, "values", str("outside"));
    assert_eq!(channels(&stage, chop), all[1..]);
}

#[test]
fn passive_leaves_the_operator_uncooked() {
    let stage = stage();
    stage.make("countedDAT", "counted");
    let parameters = [("op", str("counted")), ("iscope", str("total_cooks"))];
    let chop = stage.make_with("infoCHOP", "info1", &parameters);
    assert_eq!(channels(&stage, chop), [("total_cooks".to_owned(), 1.0)]);
    stage.set(chop, "passive", on());
    assert_eq!(channels(&stage, chop), [("total_cooks".to_owned(), 1.0)]);
}

#[test]
fn the_cook_time_of_children_counts_at_any_depth_and_for_components_only() {
    let stage = stage();
    let base = stage.make("baseCOMP", "base1");
    stage.network.turn(|network| {
        let mut patch = network.patch_mut();
        let inner = patch.create(base, &BASE_COMP, None).unwrap();
        let texts = [patch.create(base, &TEXT_DAT, None).unwrap(), patch.create(inner, &TEXT_DAT, None).unwrap()];
        for (text, time) in texts.into_iter().zip([0.25, 0.5]) {
            patch.get_mut(text).unwrap().cook.end = Duration::from_secs_f64(time / 1000.0);
        }
        patch.get_mut(base).unwrap().cook.end = Duration::from_millis(100);
    });
    let parameters = [("op", str("base1")), ("iscope", str("children_*")), ("childcooktime", on())];
    let chop = stage.make_with("infoCHOP", "info1", &parameters);
    assert_eq!(channels(&stage, chop), [("children_cpu_cook_time".to_owned(), 0.75)]);
    stage.set(chop, "op", str("base1/text1"));
    assert_eq!(channels(&stage, chop), []);
}

#[test]
fn two_that_look_at_each_other_or_at_themselves_come_to_an_end() {
    let stage = stage();
    let dat = stage.make_with("infoDAT", "dat", &[("op", str("chop"))]);
    let chop = stage.make_with("infoCHOP", "chop", &[("op", str("dat")), ("iscope", str("num_rows total_cooks"))]);
    assert_eq!(stage.text(dat), "severity\tcause\tmessage\tremedy\n");
    // The DAT is cooking while the CHOP cooks for it, so its one cook counts when it is done.
    assert_eq!(channels(&stage, chop), [("num_rows".to_owned(), 1.0), ("total_cooks".to_owned(), 2.0)]);
    stage.set(chop, "op", str("chop"));
    assert_eq!(names(&stage, chop), ["num_rows", "total_cooks"]);
}

#[test]
fn nothing_is_computed_until_somebody_reads() {
    let stage = stage();
    stage.make("countedDAT", "counted");
    let dat = stage.make_with("infoDAT", "info1", &[("op", str("counted"))]);
    let chop = stage.make_with("infoCHOP", "info2", &[("op", str("counted"))]);
    stage.network.frame_start(stage.network.frame());
    stage.network.frame_end();
    for info in [dat, chop] {
        assert_eq!(stage.network.patch().get(info).unwrap().cook.total, 0);
    }
    assert!(!stage.network.wants_frames());
}
