//! Reasons: everything that can be wrong with a patch file, one variant each.
//!
//! A reason is worded once, here; where it stands in which file is said by [`Finding`](super::report::Finding), and how
//! it is drawn by [`Report`](super::report::Report). [`Reason::help`] says what a person can do about it, with the
//! nearest right name where there is one.
//!
//! Promised: no reason holds the value of a secret, of an environment variable or of a file.

use patchcord_core::declaration::Text;
use patchcord_core::parameter::{ParameterError, nearest_name};
use patchcord_core::patch::custom::CustomError;

/// What is wrong. The message names no operator: the report shows the place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The folder holds no `patch.toml`.
    #[error("there is no patch.toml in {folder}")]
    NoPatchFile {
        /// The folder as it was given.
        folder: String,
    },
    /// A file could not be read.
    #[error("{file} cannot be read: {error}")]
    Unreadable {
        /// The file as it was written.
        file: String,
        /// What the system says.
        error: String,
    },
    /// A file that is named does not exist.
    #[error("there is no file {file}")]
    NoFile {
        /// The file as it was written.
        file: String,
        /// The most similar name in the same folder.
        nearest: Option<String>,
    },
    /// A file is larger than a patch may load.
    #[error("{file} is larger than {} MiB", limit >> 20)]
    TooLarge {
        /// The file as it was written.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The contents of a file are not the text or table that they should be.
    #[error("{file} cannot be loaded: {error}")]
    Contents {
        /// The file as it was written.
        file: String,
        /// What is the matter with it.
        error: String,
    },
    /// It is no TOML.
    #[error("{message}")]
    Syntax {
        /// What the TOML reader says.
        message: String,
    },
    /// A section or key stands twice.
    #[error("`{key}` is there already")]
    Duplicate {
        /// The second one.
        key: String,
    },
    /// There is no `[patch]` section with a format, so the file is probably not complete.
    #[error("there is no [patch] section with a format")]
    NoFormat,
    /// The format is one that this version does not know.
    #[error("format {found} is not known here")]
    UnknownFormat {
        /// What is written.
        found: i64,
    },
    /// A key that means nothing where it stands.
    #[error("{place} has no key `{key}`")]
    UnknownKey {
        /// Where it stands: `[patch]`, `an operator` …
        place: &'static str,
        /// The key.
        key: String,
        /// The most similar key there is.
        nearest: Option<&'static str>,
    },
    /// An operator is written as a table inside another one.
    #[error("`{key}` looks like an operator inside another one")]
    NestedTable {
        /// The key.
        key: String,
        /// The name that the section should have.
        name: String,
    },
    /// Connections of a family that is switched off.
    #[error("there are no connections of \"{family}\": the plugin is off")]
    PluginOff {
        /// The family, which is the plugin's name.
        family: &'static str,
    },
    /// Something is wrong with a logic graph, or likely so.
    #[error("{message}")]
    Graph {
        /// What it is, with the node.
        message: String,
        /// What to do.
        help: Option<String>,
        /// Whether the graph runs all the same.
        is_warning: bool,
    },
    /// A connection has no URL.
    #[error("the connection \"{name}\" has to have a `url`")]
    NoAddress {
        /// Its name.
        name: String,
    },
    /// A connection's URL is none.
    #[error("\"{address}\" is no URL: {error}")]
    BadAddress {
        /// What was given.
        address: String,
        /// Why not.
        error: String,
    },
    /// The address of a connection without a protocol over it is none.
    #[error("\"{address}\" is no address: {error}")]
    BadHost {
        /// What was given.
        address: String,
        /// Why not.
        error: String,
    },
    /// The address of an MQTT connection is none.
    #[error("\"{address}\" is no address of a broker: {error}")]
    BadBroker {
        /// What was given.
        address: String,
        /// Why not.
        error: String,
        /// What can be done about it.
        remedy: &'static str,
    },
    /// A connection has one port, and two fields that differ.
    #[error("`local_port` says {local}, and `port` says {port}: that of `port` counts")]
    PortTwice {
        /// That of `port`.
        port: u16,
        /// That of `local_port`.
        local: u16,
    },
    /// A connection's URL and its field name two ports.
    #[error("the URL says port {url}, and `port` says {field}: that of the URL counts")]
    TwoPorts {
        /// That of the URL.
        url: u16,
        /// That of the field.
        field: u16,
    },
    /// A key has a value of the wrong type.
    #[error("`{key}` takes {expected}, not {found}")]
    WrongType {
        /// The key.
        key: String,
        /// What it takes.
        expected: &'static str,
        /// What TOML calls the value that is written.
        found: &'static str,
    },
    /// A number is outside its range.
    #[error("`{key}` is a number from {min} to {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// A word that is not among those that the key takes.
    #[error("`{key}` has no choice `{found}`; it takes {}", choices.join(", "))]
    UnknownChoice {
        /// The key.
        key: &'static str,
        /// What is written.
        found: String,
        /// What it takes.
        choices: &'static [&'static str],
    },
    /// The place of the patch is no absolute path of legal names.
    #[error("`{found}` is no absolute path of an operator")]
    BadPlace {
        /// What is written.
        found: String,
    },
    /// An operator's name is illegal.
    #[error("`{name}` is no operator name")]
    BadName {
        /// What is written.
        name: String,
        /// The same with legal characters.
        legal: String,
    },
    /// An operator stands inside one that the file does not have.
    #[error("there is no component `{parent}` in this file")]
    NoParent {
        /// The missing component.
        parent: String,
        /// The most similar component.
        nearest: Option<String>,
    },
    /// An operator stands inside one that holds none.
    #[error("`{parent}` is a {label} and cannot hold operators")]
    ParentIsNoComponent {
        /// The would-be parent.
        parent: String,
        /// The label of its type.
        label: &'static str,
    },
    /// An operator has no type.
    #[error("the operator has no type")]
    NoType,
    /// No such operator type.
    #[error("there is no operator type `{name}`")]
    UnknownType {
        /// What is written.
        name: String,
        /// The most similar type.
        nearest: Option<&'static str>,
    },
    /// The operator type has no such parameter.
    #[error("a {label} has no parameter `{name}`")]
    UnknownParameter {
        /// The label of the type.
        label: &'static str,
        /// What is written.
        name: String,
        /// The most similar parameter.
        nearest: Option<String>,
    },
    /// A parameter does not take the value.
    #[error(transparent)]
    Parameter(ParameterError),
    /// A parameter does not take a value that must not be shown.
    #[error("{from} does not fit `{parameter}`, a parameter of style {style}")]
    HiddenValue {
        /// Where the value comes from.
        from: String,
        /// The parameter.
        parameter: Text,
        /// TouchDesigner's name of its style.
        style: &'static str,
    },
    /// A number was outside the parameter's range and is taken as the nearest one inside.
    #[error("{found} is outside the range of `{parameter}`; {used} is used")]
    Clamped {
        /// The parameter.
        parameter: Text,
        /// What is written.
        found: String,
        /// What is used.
        used: String,
    },
    /// A pulse stands in the file.
    #[error("`{parameter}` is a pulse: it is pressed and holds no value")]
    Pulse {
        /// The parameter.
        parameter: Text,
    },
    /// An extension without what makes it.
    #[error("the extension has no `object`")]
    NoExtensionObject,
    /// A component has too many extensions.
    #[error("a component has at most {most} extensions")]
    TooManyExtensions {
        /// How many it can have.
        most: usize,
    },
    /// The name of an extension can be no attribute.
    #[error("`{name}` is no name for an extension")]
    BadExtensionName {
        /// What is written.
        name: String,
        /// The same with legal characters.
        legal: String,
    },
    /// The same thing is given in two ways.
    #[error("`{key}` and `{other}` say the same thing")]
    GivenTwice {
        /// The later key.
        key: String,
        /// The earlier key.
        other: String,
    },
    /// The inline table of a parameter names no source or several.
    #[error("`{key}` needs exactly one of env, file, expr and bind")]
    OneSource {
        /// The parameter's key.
        key: String,
    },
    /// The environment variable is not set.
    #[error("the environment variable {name} is not set")]
    NoVariable {
        /// Its name.
        name: String,
    },
    /// The environment variable is no Unicode text.
    #[error("the environment variable {name} holds no Unicode text")]
    VariableNotText {
        /// Its name.
        name: String,
    },
    /// An operator of this type does not hold what is given.
    #[error("a {label} takes no `{key}`")]
    NoSuchContent {
        /// The label of its type.
        label: &'static str,
        /// The key: `text`, `rows` or `file`.
        key: &'static str,
    },
    /// A custom parameter cannot be so.
    #[error(transparent)]
    Custom(#[from] CustomError),
    /// A custom parameter has no style.
    #[error("`{name}` has no style")]
    NoStyle {
        /// Its name.
        name: String,
    },
    /// There is no such style.
    #[error("there is no style `{name}`")]
    UnknownStyle {
        /// What is written.
        name: String,
        /// The most similar one.
        nearest: Option<&'static str>,
    },
    /// A key that the style has nothing to do with.
    #[error("a parameter of style {style} has no `{key}`")]
    NotOfStyle {
        /// The key.
        key: &'static str,
        /// The style.
        style: &'static str,
    },
    /// Another number of values than the parameter has.
    #[error("`{key}` has {found} values, but the parameter has {size}")]
    ValueCount {
        /// The key.
        key: &'static str,
        /// Values that are written.
        found: usize,
        /// Values that it has.
        size: usize,
    },
    /// A range whose ends are the wrong way round.
    #[error("`min` is larger than `max`")]
    RangeReversed,
    /// A menu without entries.
    #[error("a menu needs entries: menu = [\"first\", \"second\"]")]
    NoEntries,
    /// The table has too many cells.
    #[error("{error}")]
    Table {
        /// What the table says.
        error: String,
    },
    /// A type of TouchDesigner's that is not here.
    #[error("the type `{name}` is not here")]
    NotHere {
        /// What is written.
        name: String,
    },
    /// A wire to an input that the type does not have.
    #[error("{} {label} has {}", article(label), inputs(*count))]
    NoSuchInput {
        /// The label of the type.
        label: &'static str,
        /// How many it has.
        count: usize,
    },
    /// A wire from an operator that does not exist.
    #[error("there is no operator `{name}` to wire from")]
    WireFromNothing {
        /// What is written.
        name: String,
        /// The most similar sibling.
        nearest: Option<String>,
    },
    /// A wire from another component.
    #[error("wires stay within one component")]
    WireAcross,
    /// A wire from an output that the operator does not have.
    #[error("`{output}` is no output of `{name}`")]
    NoSuchOutput {
        /// The source.
        name: String,
        /// What is written behind the colon.
        output: String,
    },
    /// A wire to an input of a component that has no In operator for it.
    #[error("`{name}` has {}", inputs(*count))]
    NoComponentInput {
        /// The component.
        name: String,
        /// How many it has.
        count: usize,
    },
    /// A wire from a component without outputs.
    #[error("`{name}` has no outputs")]
    NoComponentOutput {
        /// The component.
        name: String,
    },
    /// A wire between families.
    #[error("a {from} cannot be wired to a {to}")]
    FamilyMismatch {
        /// Family of the source.
        from: &'static str,
        /// Family of the target.
        to: &'static str,
    },
    /// Docked to an operator that does not exist beside it.
    #[error("there is no operator `{name}` to dock to")]
    DockToNothing {
        /// What is written.
        name: String,
        /// The most similar sibling.
        nearest: Option<String>,
    },
    /// A parameter refers to an operator that the file does not have.
    #[error("`{parameter}` names `{name}`, which is not in this file")]
    ReferenceToNothing {
        /// The parameter.
        parameter: Text,
        /// What is written.
        name: String,
        /// The most similar operator.
        nearest: Option<String>,
    },
    /// A parameter refers to an operator of the wrong family.
    #[error("`{parameter}` takes a {wanted}, but `{name}` is a {found}")]
    ReferenceFamily {
        /// The parameter.
        parameter: Text,
        /// What is written.
        name: String,
        /// The family that is wanted.
        wanted: &'static str,
        /// The family that is there.
        found: &'static str,
    },
    /// A script does not compile.
    #[error("{message}")]
    Script {
        /// What the compiler says.
        message: String,
    },
    /// An expression does not compile.
    #[error("the expression of `{parameter}` does not compile: {message}")]
    Expression {
        /// The parameter.
        parameter: Text,
        /// What the compiler says.
        message: String,
    },
    /// A script uses what is not there.
    #[error("{message}")]
    ScriptUse {
        /// What it uses, and why that is not there.
        message: String,
        /// What helps; empty when nothing is known.
        help: String,
    },
    /// The running patch refuses an edit.
    #[error("{path}: {error}")]
    Patch {
        /// The operator.
        path: String,
        /// Why.
        error: String,
    },
}

impl Reason {
    /// Whether the patch can run all the same.
    pub fn is_warning(&self) -> bool {
        self.is_remark()
            || matches!(self, Reason::Clamped { .. } | Reason::ReferenceToNothing { .. })
            || matches!(self, Reason::TwoPorts { .. } | Reason::PortTwice { .. })
            || matches!(self, Reason::Graph { is_warning: true, .. })
    }

    /// Whether it is a remark on a script, which only `check` shows.
    pub fn is_remark(&self) -> bool {
        matches!(self, Reason::ScriptUse { .. })
    }

    /// What a person can do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Reason::NoPatchFile { .. } => Some("`patchcord new DIR` makes a folder with a small patch".into()),
            Reason::Duplicate { .. } => Some("keep one of the two, or give one another name".into()),
            Reason::Graph { help, .. } => help.clone(),
            Reason::NoAddress { .. } => Some("url = \"127.0.0.1\"".into()),
            Reason::BadHost { .. } => Some("an address is such as 127.0.0.1, localhost or [::1]".into()),
            Reason::BadBroker { remedy, .. } => Some((*remedy).into()),
            Reason::BadAddress { .. } => Some("a URL is such as http://127.0.0.1 or https://example.org".into()),
            Reason::PluginOff { family } => {
                Some(format!("take \"{family} = false\" out of `plugins` of [patch], or this section"))
            }
            Reason::TwoPorts { .. } | Reason::PortTwice { .. } => Some("write the port in one place".into()),
            Reason::NoFormat => Some("begin the file with `[patch]` and `format = 1`".into()),
            Reason::UnknownFormat { .. } => Some("this version reads format 1".into()),
            Reason::UnknownKey { nearest, .. }
            | Reason::UnknownType { nearest, .. }
            | Reason::UnknownStyle { nearest, .. } => nearest.map(did_you_mean),
            Reason::UnknownParameter { nearest, .. } => nearest.as_deref().map(did_you_mean),
            Reason::NoStyle { .. } => Some("give it one, such as `style = \"Float\"`".into()),
            Reason::NoParent { nearest, .. } => Some(nearest.as_deref().map_or_else(
                || "components are operators too: give it a section with a type such as baseCOMP".into(),
                did_you_mean,
            )),
            Reason::WireFromNothing { nearest, .. }
            | Reason::DockToNothing { nearest, .. }
            | Reason::NoFile { nearest, .. } => nearest.as_deref().map(did_you_mean),
            Reason::ReferenceToNothing { nearest, .. } => Some(nearest.as_deref().map_or_else(
                || "this is fine when a script makes it later".into(),
                |name| format!("did you mean `{name}`? This is fine when a script makes it later"),
            )),
            Reason::Parameter(ParameterError::UnknownEntry { entry, choices, .. }) => {
                nearest_name(entry, choices.iter().map(String::as_str)).map(did_you_mean)
            }
            Reason::UnknownChoice { found, choices, .. } => {
                nearest_name(found, choices.iter().copied()).map(did_you_mean)
            }
            Reason::BadName { legal, .. } => {
                Some(format!("names have letters, digits and underscores: `{legal}` would do"))
            }
            Reason::NoExtensionObject => Some(
                "it is an expression such as object = \"AgentExt.AgentExt(me)\", with a text `AgentExt` inside".into(),
            ),
            Reason::BadExtensionName { legal, .. } => {
                Some(format!("scripts write it behind `ext.`: it begins with a letter, such as `{legal}`"))
            }
            Reason::BadPlace { .. } => Some("such as \"/project1\"".into()),
            Reason::NestedTable { name, .. } => Some(format!("its section is [op.\"{name}\"]")),
            Reason::NoType => Some("such as type = \"textDAT\"; `patchcord ops` lists them".into()),
            Reason::Pulse { .. } => Some("remove the line; a script presses it with par.NAME.pulse()".into()),
            Reason::GivenTwice { .. } => Some("keep one of them".into()),
            Reason::NoVariable { name } => Some(format!("start the program with {name} set, or write the value here")),
            Reason::ScriptUse { help, .. } => Some(help.clone()).filter(|help| !help.is_empty()),
            Reason::WireAcross => Some("wire from an operator that stands in the same component".into()),
            Reason::NotHere { .. } => Some(
                "with `stand_ins = true` in [patch] a stand-in takes its place: it accepts everything and shows what was \
                 asked of it"
                    .into(),
            ),
            Reason::NoComponentInput { .. } => {
                Some("each In DAT or In CHOP inside a component makes an input, in the order of their names".into())
            }
            Reason::NoComponentOutput { .. } => {
                Some("each Out DAT or Out CHOP inside a component makes an output, in the order of their names".into())
            }
            Reason::NoSuchOutput { .. } => {
                Some("outputs count from 0, as in \"base1:1\"; only components have more than one".into())
            }
            _ => None,
        }
    }
}

fn did_you_mean(name: impl AsRef<str>) -> String {
    format!("did you mean `{}`?", name.as_ref())
}

fn inputs(count: usize) -> String {
    match count {
        0 => "no inputs".into(),
        1 => "one input".into(),
        count => format!("{count} inputs"),
    }
}

fn article(label: &str) -> &'static str {
    if label.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" }
}
