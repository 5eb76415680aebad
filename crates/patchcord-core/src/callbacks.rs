//! The seams to whoever handles and computes: [`Callbacks`], [`CallbackSource`] and [`Evaluator`].
//!
//! An operator calls its handler through [`Callbacks`] and does not know whether Python or Rust answers. A parameter's
//! expression is computed by an [`Evaluator`]. Both are called with nothing borrowed, so that they may read and edit
//! the patch while they run.

use std::rc::Rc;

use crate::declaration::{Callback, OperatorType, ParIndex};
use crate::network::Network;
use crate::patch::OpId;
use crate::value::{OwnedValue, Value};

/// The handler of one operator. `callback` counts in the operator type's declaration.
pub trait Callbacks {
    /// Whether the handler has this callback now.
    fn defines(&self, network: &Network, callback: usize) -> bool;

    /// How many of its arguments the callback takes, for who would have to work to give them all.
    fn takes(&self, _network: &Network, _callback: usize) -> usize {
        usize::MAX
    }

    /// Calls it. A callback that the handler does not have gives [`OwnedValue::None`].
    ///
    /// # Errors
    /// [`CallbackError`]; the handler has already said what went wrong where a person sees it.
    fn call(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) -> Result<OwnedValue, CallbackError>;

    /// As [`Callbacks::call`] where nothing depends on the result, which costs a call for each message a tenth of its
    /// time.
    fn tell(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) {
        let _ = self.call(network, callback, arguments);
    }

    /// Does `work`, which makes several calls in a row: the place for what has to be done once for all of them.
    fn batch(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// Gives operators their handlers.
pub trait CallbackSource {
    /// The handler of an operator. It stays good when the operator's script or `callbacks` parameter changes.
    fn callbacks_for(&self, network: &Network, op: OpId) -> Rc<dyn Callbacks>;

    /// The text of an operator changed, and the turn in which it did has ended: the time to load scripts anew, so that
    /// what is wrong with one shows when it is saved and not when it is called.
    fn handle_text_change(&self, _network: &Network) {}

    /// An operator has another path.
    fn handle_rename(&self, _network: &Network, _op: OpId) {}

    /// Something happened that the extensions of a component have to do with.
    fn handle_extensions(&self, _network: &Network, _op: OpId, _news: ExtensionNews) {}

    /// An operator has other custom parameters.
    fn handle_definitions(&self, _network: &Network, _op: OpId) {}

    /// An operator keeps its storage in another file than before, or in none: `extras().storage_file` of it says which.
    fn handle_storage_file(&self, _network: &Network, _op: OpId) {}

    /// What is stored and not yet in its file is to be written.
    fn save_storage(&self, _network: &Network) {}

    /// What a destroyed operator held was dropped: the time to let go of what could not be while the patch was borrowed.
    fn handle_drop(&self, _network: &Network) {}
}

/// What the extensions of a component (objects of scripts that belong to it) have to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionNews {
    /// Its parameters name others than before; at the start, for the first time.
    Settings,
    /// All are to be made anew.
    Anew,
    /// The component was destroyed and can be read for the last time.
    Ended,
}

/// Computes expressions and checks scripts.
pub trait Evaluator {
    /// Computes a parameter's expression; `op` is `me`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the expression.
    fn evaluate(&self, network: &Network, op: OpId, expression: &str) -> Result<OwnedValue, String>;

    /// The parameter that a bind expression names.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    fn bind_master(&self, network: &Network, op: OpId, expression: &str) -> Result<(OpId, ParIndex), String>;

    /// Checks that a text compiles as a script; `name` stands for it in the message.
    ///
    /// # Errors
    /// What is wrong, with its line.
    fn check_script(&self, name: &str, text: &str) -> Result<(), ScriptError>;
}

/// Where and why a script does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Line, counted from 1.
    pub line: u32,
    /// Column, counted from 1; 0 when unknown.
    pub column: u32,
    /// The reason.
    pub message: String,
}

/// Why a callback gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// It raised.
    #[error("{0}")]
    Raised(String),
    /// It ran too long and was interrupted.
    #[error("it ran too long and was interrupted")]
    TimedOut,
    /// Its code panicked.
    #[error("it panicked: {0}")]
    Panicked(String),
}

/// A function that handles one callback.
type Handler = Box<dyn Fn(&Network, &[Value<'_>]) -> OwnedValue>;

/// Callbacks made of Rust closures.
///
/// ```
/// # use patchcord_core::callbacks::Closures;
/// # use patchcord_core::value::OwnedValue;
/// # use patchcord_core::declaration::{Callback, ContentKind, Family, OperatorType};
/// # static TYPE: OperatorType = OperatorType { name: "helloDAT", label: "", family: Family::Dat, summary: "",
/// #     content: ContentKind::None, editable: false, inputs: &[], pages: &[], info_channels: &[],
/// #     callbacks: &[Callback::new("onHello", &["dat"], "")], start: None };
/// let callbacks = Closures::new(&TYPE).on("onHello", |_network, _arguments| OwnedValue::Str("hello".into()));
/// ```
pub struct Closures {
    declaration: &'static OperatorType,
    handlers: Vec<Option<Handler>>,
}

impl Closures {
    /// No closures yet for an operator of this type.
    pub fn new(declaration: &'static OperatorType) -> Self {
        Closures { declaration, handlers: declaration.callbacks.iter().map(|_| None).collect() }
    }

    /// Handles one callback.
    ///
    /// # Panics
    /// When the type declares no callback of that name: a mistake in the calling program.
    pub fn on(mut self, name: &str, handler: impl Fn(&Network, &[Value<'_>]) -> OwnedValue + 'static) -> Self {
        let known = |callback: &Callback| callback.name;
        let Some(at) = self.declaration.find_callback(name) else {
            let names: Vec<_> = self.declaration.callbacks.iter().map(known).collect();
            panic!("{} has no callback {name}; it has {}", self.declaration.name, names.join(", "))
        };
        self.handlers[at] = Some(Box::new(handler));
        self
    }
}

impl Callbacks for Closures {
    fn defines(&self, _: &Network, callback: usize) -> bool {
        self.handlers.get(callback).is_some_and(Option::is_some)
    }

    fn call(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) -> Result<OwnedValue, CallbackError> {
        match self.handlers.get(callback) {
            Some(Some(handler)) => Ok(handler(network, arguments)),
            _ => Ok(OwnedValue::None),
        }
    }

    #[inline]
    fn tell(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) {
        if let Some(Some(handler)) = self.handlers.get(callback) {
            handler(network, arguments);
        }
    }
}

/// Handler of an operator that has none.
pub struct NoCallbacks;

impl Callbacks for NoCallbacks {
    fn defines(&self, _: &Network, _: usize) -> bool {
        false
    }

    fn call(&self, _: &Network, _: usize, _: &[Value<'_>]) -> Result<OwnedValue, CallbackError> {
        Ok(OwnedValue::None)
    }
}
