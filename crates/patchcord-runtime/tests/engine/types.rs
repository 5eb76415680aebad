//! Operator types for these tests: a component, a text with a file, one that wants frames, one that ends slowly.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::change::Change;
use patchcord_core::declaration::{ContentKind, Family, MenuEntry, OperatorType, Page, Parameter};
use patchcord_core::frame::{Frame, FramePhase};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::textport::LineKind;

pub static TYPES: &[&OperatorType] = &[&BASE, &TEXT, &METRONOME, &ENDING, &STUCK];

const fn kind(name: &'static str, family: Family, content: ContentKind) -> OperatorType {
    OperatorType {
        name,
        label: name,
        family,
        summary: "",
        content,
        editable: true,
        inputs: &[],
        pages: &[],
        info_channels: &[],
        callbacks: &[],
        start: None,
    }
}

static BASE: OperatorType = kind("baseCOMP", Family::Comp, ContentKind::None);

static TEXT: OperatorType = OperatorType {
    pages: &[Page {
        name: "Text",
        parameters: &[
            Parameter::file("file", "File"),
            Parameter::toggle("syncfile", "Sync to File", false),
            Parameter::int("port", "Port", 1, 1, 65_535),
            Parameter::menu("language", "Language", "text", &[MenuEntry::new("text", "Text")]),
        ],
    }],
    start: Some(|_, _| Rc::new(Herald)),
    ..kind("textDAT", Family::Dat, ContentKind::Text)
};

/// A value of `port` with which the operator panics.
pub const FATAL_PORT: i64 = 666;

/// Says in the textport that its parameter or text changed.
struct Herald;

impl Worker for Herald {
    fn handle_change(&self, network: &Network, change: &Change) {
        match change {
            Change::Content { op } => {
                let text = network.patch().get(*op).and_then(|op| Some(op.content().as_text()?.as_str().to_owned()));
                network.say_status(*op, format!("text {}", text.unwrap_or_default().trim()));
            }
            Change::Parameter { value, .. } if value.as_i64() == FATAL_PORT => panic!("this port is fatal"),
            Change::Parameter { op, value, .. } => network.say_status(*op, format!("value {}", value.to_text())),
            _ => {}
        }
    }
}

/// Wants frames, and keeps those that it got.
pub static METRONOME: OperatorType = OperatorType {
    start: Some(|_, _| Rc::new(Metronome::default())),
    ..kind("metronomeCHOP", Family::Chop, ContentKind::None)
};

#[derive(Default)]
pub struct Metronome {
    pub frames: RefCell<Vec<(Frame, FramePhase)>>,
}

impl Worker for Metronome {
    fn wants_frames(&self) -> bool {
        true
    }

    fn handle_frame(&self, _: &Network, frame: Frame, phase: FramePhase) {
        self.frames.borrow_mut().push((frame, phase));
    }
}

/// Needs a moment for its end, and has a task that never ends by itself.
pub static ENDING: OperatorType =
    OperatorType { start: Some(Ending::start), ..kind("endingDAT", Family::Dat, ContentKind::None) };

struct Ending(OpId);

/// Says in the textport that it was dropped.
struct Farewell(Network, OpId);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.textport().say(LineKind::Status, "", format!("task of {} dropped", self.0.patch().path(self.1)));
    }
}

impl Ending {
    fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
        let farewell = Farewell(network.clone(), op);
        tokio::task::spawn_local(async move {
            let _farewell = farewell;
            std::future::pending::<()>().await;
        });
        Rc::new(Ending(op))
    }
}

impl Worker for Ending {
    fn shut_down(&self, network: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let (network, op) = (network.clone(), self.0);
        Some(Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            network.say_status(op, "ended in order");
        }))
    }
}

/// Never comes to its end.
pub static STUCK: OperatorType =
    OperatorType { start: Some(|_, _| Rc::new(Stuck)), ..kind("stuckDAT", Family::Dat, ContentKind::None) };

struct Stuck;

impl Worker for Stuck {
    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        Some(Box::pin(std::future::pending()))
    }
}

/// Texts of the textport so far.
pub fn said(network: &Network) -> Vec<String> {
    network.textport().lines().iter().map(|line| line.text.to_string()).collect()
}
