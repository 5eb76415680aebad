//! Extensions: objects of scripts that belong to a component.
//!
//! What a component's parameters ask for (an expression, a name, whether members are promoted) is made when the turn
//! that made the component ends, or when something asks for it before that. An extension is made anew when its
//! expression changes, when a script that the expression used has another text, or when it is asked for. Before that the
//! old object's `onDestroyTD` is called, after it the new object's `onInitTD`. An old object without `onDestroyTD` stays
//! in use when its successor fails, as the last good version of a script does.
//!
//! What raises is shown on the component and tried again when its script changes. An extension that is asked for while
//! it is being made, because two need each other, is an error that says so.

mod settings;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use patchcord_core::callbacks::ExtensionNews;
use patchcord_core::parameter::nearest_name;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::tracking::{Shared, Source};
use pyo3::exceptions::{PyAttributeError, PyNameError, PyRecursionError};
use pyo3::prelude::*;
use pyo3::types::{PyCode, PyCodeMethods, PyDict};
use slotmap::SecondaryMap;

use crate::errors;
use crate::glue::Glue;
use crate::host::{Failure, Host};
use crate::module::Used;
use crate::watchdog;
use settings::{Settings, SettingsReader};

/// The problem that a failing extension leaves on its component is filed under this, and its parameter.
const CAUSE: &str = "extension";

/// Promoted members that are looked up at most, one for another: far more than any patch needs, far less than the stack holds.
const MAX_LOOKUPS: usize = 100;

/// The extensions of all components.
#[derive(Default)]
pub struct Extensions {
    components: RefCell<SecondaryMap<OpId, Rc<Component>>>,
    /// Extensions of any component that are being made, one in another.
    making: Cell<usize>,
    /// Promoted members that are being looked up, one for another.
    lookups: Cell<usize>,
    /// Extensions that were made and not yet told that all are ready.
    fresh: RefCell<VecDeque<(OpId, Rc<Extension>)>>,
    settings: SettingsReader,
}

/// The extensions of one component.
struct Component {
    op: OpId,
    /// Counts the objects that it has had, for computations that have read one.
    objects: Shared,
    /// When its parameters and scripts were looked at last.
    epoch: Cell<Option<u64>>,
    extensions: RefCell<Rc<[Rc<Extension>]>>,
    /// Whether none is to be made.
    is_settled: Cell<bool>,
    /// Its extensions that are being made, one in another.
    making: Cell<usize>,
}

/// One extension.
struct Extension {
    settings: RefCell<Settings>,
    /// The object in use.
    object: RefCell<Option<Py<PyAny>>>,
    state: Cell<State>,
    /// Why it could not be made.
    failure: RefCell<Rc<str>>,
    /// Scripts that were used to make it, and their versions.
    scripts: RefCell<Used>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It is to be made, or made anew.
    Wanted,
    Making,
    Ready,
    Failed,
}

/// A lookup of promoted members, which is over when this goes.
struct Lookup<'e>(&'e Cell<usize>);

impl Drop for Lookup<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Extension {
    fn new(settings: Settings) -> Self {
        Extension {
            settings: RefCell::new(settings),
            object: RefCell::default(),
            state: Cell::new(State::Wanted),
            failure: RefCell::new(Rc::from("")),
            scripts: RefCell::default(),
        }
    }

    fn object<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.object.borrow().as_ref().map(|object| object.bind(py).clone())
    }

    /// The name under which scripts find it.
    fn name(&self, py: Python<'_>) -> String {
        let (given, expression) = {
            let settings = self.settings.borrow();
            (settings.name.clone(), settings.object.clone())
        };
        if !given.is_empty() {
            return given.to_string();
        }
        let class = self.object(py).and_then(|object| Some(object.get_type().name().ok()?.to_string()));
        // Before there is an object, the expression tells: `AgentExt.AgentExt(me)` makes an `AgentExt`.
        class.unwrap_or_else(|| {
            let called = expression.split_once('(').map_or(&*expression, |_| called_name(&expression));
            called.rsplit('.').next().unwrap_or_default().trim().to_owned()
        })
    }

    fn promotes(&self) -> bool {
        self.settings.borrow().promote
    }

    /// Whether the scripts that it was made with are others by now. `refresh` loads those with a new text.
    fn is_outdated(&self, host: &Host, py: Python<'_>) -> bool {
        let scripts = self.scripts.borrow().clone();
        if scripts.is_empty() {
            // It failed before it came to any script, such as for want of one.
            return self.state.get() == State::Failed;
        }
        scripts.iter().any(|(script, version)| script.version_now(host, py) != *version)
    }
}

/// What the last call of an expression calls: `op('./a').module.A` of `op('./a').module.A(me)`.
fn called_name(expression: &str) -> &str {
    let text = expression.trim_end().strip_suffix(')').unwrap_or(expression);
    let mut depth = 0;
    for (at, letter) in text.char_indices().rev() {
        match letter {
            ')' => depth += 1,
            '(' if depth == 0 => return &text[..at],
            '(' => depth -= 1,
            _ => {}
        }
    }
    text
}

impl Extensions {
    /// Handles what happened to a component.
    pub fn handle_news(&self, host: &Host, py: Python<'_>, op: OpId, news: ExtensionNews) {
        match news {
            ExtensionNews::Settings => {
                if let Some(component) = self.component(host, py, op) {
                    component.make_all(host, py);
                }
            }
            ExtensionNews::Anew => self.make_anew(host, py, op, None),
            ExtensionNews::Ended => self.end(host, py, op),
        }
    }

    /// Makes the extensions of a component anew, or one of them.
    pub fn make_anew(&self, host: &Host, py: Python<'_>, op: OpId, index: Option<usize>) {
        let Some(component) = self.component(host, py, op) else { return };
        for (at, extension) in component.extensions().iter().enumerate() {
            if extension.state.get() != State::Making && index.is_none_or(|index| index == at) {
                extension.state.set(State::Wanted);
            }
        }
        component.is_settled.set(false);
        component.make_all(host, py);
    }

    /// Makes those anew whose scripts have another text.
    pub fn refresh_all(&self, host: &Host, py: Python<'_>) {
        self.forget_gone(host, py);
        let known: Vec<OpId> = self.components.borrow().keys().collect();
        for op in known {
            if let Some(component) = self.component(host, py, op) {
                component.make_all(host, py);
            }
        }
    }

    /// Ends all extensions, as the program ends.
    pub fn end_all(&self, host: &Host, py: Python<'_>) {
        let known: Vec<OpId> = self.components.borrow().keys().collect();
        for op in known.into_iter().rev() {
            self.end(host, py, op);
        }
    }

    fn end(&self, host: &Host, py: Python<'_>, op: OpId) {
        let component = self.components.borrow_mut().remove(op);
        for extension in component.map(|component| component.extensions()).iter().flat_map(|all| all.iter()) {
            extension.end(host, py, op);
        }
    }

    fn forget_gone(&self, host: &Host, py: Python<'_>) {
        let gone: Vec<OpId> = {
            let patch = host.network.patch();
            let is_gone = |op: &OpId| patch.get(*op).is_none() && !patch.is_ending(*op);
            self.components.borrow().keys().filter(is_gone).collect()
        };
        for op in gone {
            self.end(host, py, op);
        }
    }

    /// The objects of a component's extensions.
    pub fn objects<'py>(&self, host: &Host, py: Python<'py>, op: OpId) -> Vec<Bound<'py, PyAny>> {
        let Some(component) = self.ready(host, py, op) else { return Vec::new() };
        component.extensions().iter().filter_map(|extension| extension.object(py)).collect()
    }

    /// Whether no extension of a component is being made.
    pub fn are_ready(&self, op: OpId) -> bool {
        self.components.borrow().get(op).is_none_or(|component| component.making.get() == 0)
    }

    /// The extension of a name that an operator sees: its own, as a component, or that of the nearest one around it.
    ///
    /// # Errors
    /// `AttributeError` when there is none, or when it could not be made.
    pub fn find<'py>(&self, host: &Host, py: Python<'py>, from: OpId, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let around: Vec<OpId> = host.network.patch().around(from).collect();
        let mut names = Vec::new();
        for op in around {
            let Some(component) = self.ready(host, py, op) else { continue };
            for extension in component.extensions().iter() {
                let own = extension.name(py);
                if own == name {
                    return component.object_of(host, py, extension);
                }
                names.push(own);
            }
        }
        let path = host.network.patch().path(from);
        let nearest = nearest_name(name, names.iter().map(String::as_str));
        let hint = nearest.map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or_default();
        Err(PyAttributeError::new_err(format!("ext.{name}: neither {path} nor a component around it has it{hint}")))
    }

    /// A member that an extension of a component promotes.
    ///
    /// # Errors
    /// What the member's own code raises; `AttributeError` when an extension that may have it could not be made.
    pub fn promoted<'py>(
        &self,
        host: &Host,
        py: Python<'py>,
        op: OpId,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(component) = self.ready(host, py, op) else { return Ok(None) };
        let _lookup = self.look_up(op, host)?;
        let mut missing = None;
        for extension in component.extensions().iter().filter(|extension| extension.promotes()) {
            let object = match component.object_of(host, py, extension) {
                Ok(object) => object,
                Err(error) => {
                    missing = missing.or(Some(error));
                    continue;
                }
            };
            if let Some(found) = object.getattr_opt(name)? {
                return Ok(Some(found));
            }
            if object.get_type().getattr_opt(name)?.is_some() {
                // A property that raises AttributeError itself.
                return object.getattr(name).map(Some);
            }
        }
        missing.map_or(Ok(None), Err)
    }

    /// Sets a member that an extension of a component promotes. Returns whether there is one.
    ///
    /// # Errors
    /// What setting it raises.
    pub fn set_promoted(
        &self,
        host: &Host,
        py: Python<'_>,
        op: OpId,
        name: &str,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let Some(component) = self.ready(host, py, op) else { return Ok(false) };
        let _lookup = self.look_up(op, host)?;
        for extension in component.extensions().iter().filter(|extension| extension.promotes()) {
            let Ok(object) = component.object_of(host, py, extension) else { continue };
            if object.get_type().hasattr(name)? || object.hasattr(name)? {
                object.setattr(name, value)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Names of the members that the extensions of a component promote.
    ///
    /// # Errors
    /// What the objects' own code raises.
    pub fn promoted_names(&self, host: &Host, py: Python<'_>, op: OpId) -> PyResult<Vec<String>> {
        let Some(component) = self.ready(host, py, op) else { return Ok(Vec::new()) };
        let _lookup = self.look_up(op, host)?;
        let mut names = Vec::new();
        for extension in component.extensions().iter().filter(|extension| extension.promotes()) {
            if let Some(object) = extension.object(py) {
                let all = object.dir()?.iter().map(|name| name.extract::<String>()).collect::<PyResult<Vec<_>>>()?;
                names.extend(all.into_iter().filter(|name| is_promoted_name(name)));
            }
        }
        Ok(names)
    }

    /// Counts a lookup of promoted members as long as what it gives lives. An extension that is its component, or two that
    /// ask one another, would never come to an end, and not by way of a script, whose depth the interpreter watches.
    fn look_up(&self, op: OpId, host: &Host) -> PyResult<Lookup<'_>> {
        if self.lookups.get() >= MAX_LOOKUPS {
            let path = host.network.patch().path(op);
            return Err(PyRecursionError::new_err(format!("what the extensions of {path} promote leads back to them")));
        }
        self.lookups.set(self.lookups.get() + 1);
        Ok(Lookup(&self.lookups))
    }

    /// The extensions of a component, made.
    fn ready(&self, host: &Host, py: Python<'_>, op: OpId) -> Option<Rc<Component>> {
        let component = self.component(host, py, op)?;
        if !component.is_settled.get() && component.making.get() == 0 {
            component.make_all(host, py);
        }
        host.network.note_read(Source::Shared(component.objects.clone()));
        Some(component)
    }

    /// What is known of a component, as its parameters and scripts are now; `None` when it has no extensions.
    fn component(&self, host: &Host, py: Python<'_>, op: OpId) -> Option<Rc<Component>> {
        let epoch = host.network.script_epoch();
        let known = self.components.borrow().get(op).cloned();
        if let Some(component) = known.as_ref().filter(|component| component.epoch.get() == Some(epoch)) {
            return Some(component.clone());
        }
        if host.network.patch().is_ending(op) {
            return known;
        }
        let settings = self.settings.read(host, op);
        let component = match known {
            Some(known) => known,
            None if settings.is_empty() => return None,
            None => {
                self.forget_gone(host, py);
                let component = Rc::new(Component::new(op));
                self.components.borrow_mut().insert(op, component.clone());
                component
            }
        };
        component.update(host, py, settings);
        component.epoch.set(Some(epoch));
        Some(component)
    }
}

/// Whether a member of this name is promoted.
pub fn is_promoted_name(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

impl Component {
    fn new(op: OpId) -> Self {
        Component {
            op,
            objects: Shared::default(),
            epoch: Cell::new(None),
            extensions: RefCell::new(Rc::from([])),
            is_settled: Cell::new(false),
            making: Cell::new(0),
        }
    }

    fn extensions(&self) -> Rc<[Rc<Extension>]> {
        self.extensions.borrow().clone()
    }

    /// Takes over what the parameters say, and notes what is to be made anew.
    fn update(&self, host: &Host, py: Python<'_>, settings: Vec<Settings>) {
        let old = self.extensions();
        let mut new = Vec::new();
        for settings in settings {
            let same = |known: &&Rc<Extension>| {
                let known = known.settings.borrow();
                (known.parameter, &known.object) == (settings.parameter, &settings.object)
            };
            match old.iter().find(same) {
                Some(known) => {
                    *known.settings.borrow_mut() = settings;
                    new.push(known.clone());
                }
                None => new.push(Rc::new(Extension::new(settings))),
            }
        }
        if new.len() != old.len() {
            self.objects.note_change();
        }
        let ended = old.iter().filter(|old| !new.iter().any(|new| Rc::ptr_eq(old, new)));
        for extension in ended {
            clear(host, self.op, extension.settings.borrow().parameter);
            extension.end(host, py, self.op);
        }
        let before = self.extensions.replace(Rc::from(&*new));
        drop(before);
        self.is_settled.set(false);
        for extension in new {
            if matches!(extension.state.get(), State::Ready | State::Failed) && extension.is_outdated(host, py) {
                extension.state.set(State::Wanted);
            }
        }
    }

    /// Makes what is to be made, and tells the new objects that all are ready.
    fn make_all(&self, host: &Host, py: Python<'_>) {
        for extension in self.extensions().iter() {
            self.make(host, py, extension);
        }
        let is_made = |extension: &Rc<Extension>| matches!(extension.state.get(), State::Ready | State::Failed);
        self.is_settled.set(self.extensions.borrow().iter().all(is_made));
        let extensions = &host.extensions;
        while extensions.making.get() == 0 {
            let next = extensions.fresh.borrow_mut().pop_front();
            let Some((op, extension)) = next else { break };
            if let Some(object) = extension.object(py) {
                call(host, py, op, &object, "onInitTD");
            }
        }
    }

    /// The object of an extension, which is made if it has to be.
    fn object_of<'py>(&self, host: &Host, py: Python<'py>, extension: &Rc<Extension>) -> PyResult<Bound<'py, PyAny>> {
        self.make(host, py, extension);
        if let Some(object) = extension.object(py) {
            return Ok(object);
        }
        let (name, path) = (extension.name(py), host.network.patch().path(self.op));
        let reason = match extension.state.get() {
            State::Making => format!(
                "the extension {name} of {path} is asked for while it is being made; look for it later, in onInitTD or \
                 when it is needed"
            ),
            _ => format!("the extension {name} of {path} could not be made: {}", extension.failure.borrow()),
        };
        Err(PyAttributeError::new_err(reason))
    }

    fn make(&self, host: &Host, py: Python<'_>, extension: &Rc<Extension>) {
        if extension.state.get() != State::Wanted {
            return;
        }
        extension.state.set(State::Making);
        let making = [&self.making, &host.extensions.making];
        making.iter().for_each(|making| making.set(making.get() + 1));
        self.objects.note_change();
        let old = extension.object(py);
        if let Some(old) = old.filter(|old| old.hasattr("onDestroyTD").unwrap_or(false)) {
            extension.end(host, py, self.op);
            drop(old);
        }
        let settings = extension.settings.borrow().clone();
        let (made, scripts) = host.scripts.recorded(|| host.network.untracked(|| self.evaluate(host, py, &settings)));
        let before = extension.scripts.replace(scripts);
        let failure = match made {
            Ok(object) => {
                let old = extension.object.borrow_mut().replace(object.unbind());
                drop(old);
                host.extensions.fresh.borrow_mut().push_back((self.op, extension.clone()));
                clear(host, self.op, settings.parameter);
                None
            }
            Err(failure) => Some(failure),
        };
        extension.state.set(if failure.is_none() { State::Ready } else { State::Failed });
        making.iter().for_each(|making| making.set(making.get() - 1));
        drop(before);
        if let Some(failure) = failure {
            self.report(host, py, extension, failure);
        }
    }

    fn evaluate<'py>(&self, host: &Host, py: Python<'py>, settings: &Settings) -> Result<Bound<'py, PyAny>, Failure> {
        let path = host.network.patch().path(self.op);
        let subject = host.guard.subject(&path, "an extension");
        host.script(self.op, subject, || {
            let glue = Glue::of(py)?;
            let compile = glue.get(py, "compile_extension")?;
            let (code, names): (Bound<'py, PyCode>, Vec<String>) =
                compile.call1((&*settings.object, settings.parameter))?.extract()?;
            let globals = host.scripts.namespace(host, py, self.op)?.copy()?;
            for name in names {
                self.bind_script(host, py, &globals, &name)?;
            }
            code.run(Some(&globals), None)
        })
    }

    /// Lets a name of the expression mean the script of that name inside the component, unless it means something to
    /// every script.
    fn bind_script(&self, host: &Host, py: Python<'_>, globals: &Bound<'_, PyDict>, name: &str) -> PyResult<()> {
        if globals.contains(name)? || host.builtins.bind(py).contains(name)? {
            return Ok(());
        }
        let inside = {
            let patch = host.network.patch();
            let holds_text = |op: &OpId| patch.get(*op).is_some_and(|op| op.content().as_text().is_some());
            patch.find(self.op, name).filter(holds_text)
        };
        match inside {
            Some(dat) => globals.set_item(name, host.scripts.of(host, py, dat)?.require(host, py)?),
            None => Ok(()),
        }
    }

    fn report(&self, host: &Host, py: Python<'_>, extension: &Extension, failure: Failure) {
        let remedy = match &failure {
            Failure::Raised(error)
                if error.is_instance_of::<PyNameError>(py) && extension.scripts.borrow().is_empty() =>
            {
                "an extension's script is a Text DAT inside the component, named as in the expression"
            }
            _ => "it is tried again when its script changes; the traceback is in the textport",
        };
        let interrupted = failure.is_interrupt(py);
        let what = format!("the extension {}", extension.name(py));
        let error = errors::report(host, py, self.op, &what, failure).to_string();
        // It is filed beside those of other extensions instead.
        host.network.clear_problem(self.op, errors::CAUSE);
        *extension.failure.borrow_mut() = Rc::from(&*error);
        let parameter = extension.settings.borrow().parameter;
        if let Some(op) = host.network.patch_mut().get_mut(self.op) {
            op.problems.file(Problem::error(CAUSE, format!("{what}: {error}"), remedy).about(parameter));
        }
        if interrupted {
            watchdog::pass_on(&host.guard);
        }
    }
}

impl Extension {
    /// Lets go of the object.
    fn end(&self, host: &Host, py: Python<'_>, op: OpId) {
        let object = self.object.borrow_mut().take();
        if let Some(object) = object {
            call(host, py, op, object.bind(py), "onDestroyTD");
        }
    }
}

fn clear(host: &Host, op: OpId, parameter: &str) {
    if let Some(op) = host.network.patch_mut().get_mut(op) {
        op.problems.clear(CAUSE, parameter);
    }
}

/// Calls a function that an extension may have.
fn call(host: &Host, py: Python<'_>, op: OpId, object: &Bound<'_, PyAny>, name: &'static str) {
    let subject = host.guard.subject(&host.network.patch().path(op), name);
    let result = host.script(op, subject, || match object.getattr_opt(name)? {
        Some(function) => host.network.untracked(|| function.call0()).map(drop),
        None => Ok(()),
    });
    if let Err(failure) = result {
        let interrupted = failure.is_interrupt(py);
        errors::report(host, py, op, name, failure);
        if interrupted {
            watchdog::pass_on(&host.guard);
        }
    }
}
