//! Operator types for these tests: a component, texts and tables with files, a server that records what it is told.

use std::cell::RefCell;
use std::rc::Rc;

use patchcord_core::callbacks::{Evaluator, ScriptError};
use patchcord_core::change::Change;
use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, Input, MenuEntry, OperatorType, Page, ParIndex, Parameter, Returns,
};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::value::OwnedValue;

/// All types.
pub static TYPES: &[&OperatorType] = &[&BASE, &TEXT, &TABLE, &SERVER, &CHANNELS, &IN, &OUT, &IN_CHANNELS];

const FILE_PARAMETERS: &[Parameter] = &[
    Parameter::file("file", "File"),
    Parameter::toggle("syncfile", "Sync to File", false),
    Parameter::toggle("loadonstart", "Load on Start", false),
    Parameter::pulse("write", "Write"),
    Parameter::menu(
        "defaultreadencoding",
        "Default Read Encoding",
        "utf8",
        &[MenuEntry::new("utf8", "UTF-8"), MenuEntry::new("cp1252", "CP1252")],
    ),
];

const fn kind(name: &'static str, label: &'static str, family: Family, content: ContentKind) -> OperatorType {
    OperatorType {
        name,
        label,
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

static BASE: OperatorType = OperatorType {
    pages: &[Page {
        name: "Extensions",
        parameters: &[
            Parameter::str("ext0object", "Object 1", ""),
            Parameter::str("ext0name", "Name 1", ""),
            Parameter::toggle("ext0promote", "Promote 1", false),
            Parameter::str("ext1object", "Object 2", ""),
            Parameter::str("ext1name", "Name 2", ""),
            Parameter::toggle("ext1promote", "Promote 2", false),
        ],
    }],
    start: Some(Recorder::start),
    ..kind("baseCOMP", "Base COMP", Family::Comp, ContentKind::None)
};

static TEXT: OperatorType = OperatorType {
    pages: &[Page { name: "Text", parameters: FILE_PARAMETERS }, COMMON_DAT_PAGE],
    ..kind("textDAT", "Text DAT", Family::Dat, ContentKind::Text)
};

static TABLE: OperatorType = OperatorType {
    pages: &[Page { name: "Table", parameters: FILE_PARAMETERS }, COMMON_DAT_PAGE],
    inputs: &[Input { label: "table", help: "A table." }],
    start: Some(Recorder::start),
    ..kind("tableDAT", "Table DAT", Family::Dat, ContentKind::Table)
};

const CONNECTOR: &[Page] =
    &[Page { name: "Connector", parameters: &[Parameter::int("connectorder", "Connect Order", 0, -10, 10)] }];

static IN: OperatorType = OperatorType { pages: CONNECTOR, ..kind("inDAT", "In DAT", Family::Dat, ContentKind::Table) };

static IN_CHANNELS: OperatorType =
    OperatorType { pages: CONNECTOR, ..kind("inCHOP", "In CHOP", Family::Chop, ContentKind::Channels) };

static OUT: OperatorType = OperatorType {
    pages: CONNECTOR,
    inputs: &[Input { label: "DAT", help: "What goes out." }],
    ..kind("outDAT", "Out DAT", Family::Dat, ContentKind::Table)
};

static SERVER: OperatorType = OperatorType {
    editable: false,
    pages: &[
        Page {
            name: "Server",
            parameters: &[
                Parameter::toggle("active", "Active", false),
                Parameter::pulse("restart", "Restart"),
                Parameter::int("port", "Port", 9980, 1, 65535).aliases(&["netport"]),
                Parameter::float("timeout", "Time-out", 10.0, 0.5, 60.0),
                Parameter::str("localaddress", "Local Address", "127.0.0.1"),
                Parameter::menu(
                    "minprotocol",
                    "Minimum Protocol",
                    "tlsv12",
                    &[MenuEntry::new("tlsv12", "TLS 1.2"), MenuEntry::new("tlsv13", "TLS 1.3")],
                ),
                Parameter::dat("callbacks", "Callbacks DAT"),
                Parameter::op("source", "Source"),
                Parameter::chop("levels", "Levels"),
                Parameter::str("password", "Password", "").secret(),
                Parameter::int("pin", "PIN", 0, 0, 9999).secret(),
            ],
        },
        COMMON_DAT_PAGE,
    ],
    inputs: &[Input { label: "sends", help: "Rows to send." }, Input { label: "more", help: "More rows." }],
    callbacks: &[
        Callback::new("onHTTPRequest", &["dat", "request", "response"], "A request came.")
            .returns(Returns::Argument(2)),
        Callback::new("onWebSocketRequest", &["dat", "client"], "May it? Return False to refuse.")
            .returns(Returns::Value)
            .beyond(),
        Callback::new("onWebSocketReceiveText", &["server", "who", "what"], "A text message came."),
        Callback::new("onServerStart", &["dat"], "The server listens."),
    ],
    start: Some(Recorder::start),
    ..kind("webserverDAT", "Web Server DAT", Family::Dat, ContentKind::Text)
};

static CHANNELS: OperatorType = OperatorType {
    inputs: &[Input { label: "channels", help: "Channels." }],
    ..kind("nullCHOP", "Null CHOP", Family::Chop, ContentKind::Channels)
};

thread_local! {
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What the recorders of this thread were told since this was last asked, such as `web port`.
pub fn heard() -> Vec<String> {
    HEARD.with(RefCell::take)
}

/// Worker that records what it is told.
struct Recorder(OpId);

impl Recorder {
    fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
        note(network, op, "starts");
        Rc::new(Recorder(op))
    }
}

impl Worker for Recorder {
    fn handle_change(&self, network: &Network, change: &Change) {
        let parameter = |index: ParIndex| {
            let patch = network.patch();
            patch.get(self.0).and_then(|op| op.parameter(index)).map_or_else(String::new, |it| it.name.to_string())
        };
        let what = match change {
            Change::Parameter { index, .. } => parameter(*index),
            Change::Content { .. } => "content".to_owned(),
            Change::Inputs { .. } => "inputs".to_owned(),
            _ => "something else".to_owned(),
        };
        note(network, self.0, &what);
    }

    fn stop(&self, _: &Network) {
        HEARD.with(|heard| heard.borrow_mut().push("something stops".to_owned()));
    }
}

fn note(network: &Network, op: OpId, what: &str) {
    let name = network.patch().get(op).map_or_else(|| "nobody".into(), |op| op.name().to_string());
    HEARD.with(|heard| heard.borrow_mut().push(format!("{name} {what}")));
}

/// An evaluator that finds `?` to be wrong wherever it stands, and computes nothing.
pub struct QuestionMarks;

impl Evaluator for QuestionMarks {
    fn evaluate(&self, _: &Network, _: OpId, _: &str) -> Result<OwnedValue, String> {
        Err("nothing is computed here".to_owned())
    }

    fn bind_master(&self, _: &Network, _: OpId, _: &str) -> Result<(OpId, ParIndex), String> {
        Err("nothing is bound here".to_owned())
    }

    fn check_script(&self, _: &str, text: &str) -> Result<(), ScriptError> {
        for (line, words) in (1..).zip(text.lines()) {
            if let Some(at) = words.chars().position(|character| character == '?') {
                return Err(ScriptError { line, column: at as u32 + 1, message: "invalid syntax".to_owned() });
            }
        }
        Ok(())
    }
}
