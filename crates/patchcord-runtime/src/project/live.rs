//! The live patch: a patch file that is brought to life and kept in step with its file.
//!
//! [`LivePatch::open`] makes the operators of a file; [`LivePatch::update`] compares the next reading with the last one
//! and changes only what differs. Each is one turn of the network: all edits are in place before the first operator is
//! told, and operators are told in this order: what was removed, what is kept, what is new. So a server that gives a
//! port up has done so before another one takes it.
//!
//! Left to others: noticing that a file was saved, and printing the report of a file that is invalid and so never comes
//! here. `follow` keeps the files beside `patch.toml` in step.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Project};
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::custom::{CustomPage, GroupDefinition};
use patchcord_core::patch::{OpId, Patch, PatchError, Side, Source};
use patchcord_core::table::Table;
use patchcord_core::textport::LineKind;
use patchcord_core::value::OwnedValue;

use super::diff::{self, Difference, parents_first};
use super::file::{CustomEntry, Entry, FILE_NAME, ParEntry, PatchFile, Settings, Wire, join};
use super::keeps::{self, Keeps};
use super::load::Loaded;
use super::reason::Reason;
use super::report::{Report, count};

/// A patch file whose operators run in a network.
#[derive(Debug)]
pub struct LivePatch {
    pub(super) file: PatchFile,
}

impl LivePatch {
    /// Makes the operators of a file in a network, in one turn. The component that holds them is made when it is
    /// missing. The network's project gets the name and folder of the patch.
    ///
    /// # Errors
    /// A [`Report`] of what the network refused, such as a name that is taken. Then no operator of the file is there.
    pub fn open(network: &Network, file: PatchFile) -> Result<LivePatch, Report> {
        set_project(network, &file);
        let refused = network.turn(|network| {
            let mut patch = network.patch_mut();
            let mut edit = Edit {
                patch: &mut patch,
                file: &file,
                applied: Applied::default(),
                made: Vec::new(),
                storage: Vec::new(),
            };
            for entry in parents_first(&file) {
                match edit.find(&entry.path) {
                    Some(_) => edit.refuse(&entry.path, taken(entry, &file.settings)),
                    None => drop(edit.make(entry)),
                }
            }
            edit.connect(&HashSet::new(), None);
            if !edit.applied.refused.is_empty() {
                for id in std::mem::take(&mut edit.made) {
                    // It may be gone with the component that held it.
                    let _ = edit.patch.destroy(id);
                }
            }
            let (refused, storage) = (edit.applied.refused, edit.storage);
            drop(patch);
            // Before any script runs, which could ask for it.
            storage.into_iter().for_each(|op| network.tell_storage_file(op));
            refused
        });
        match refused.into_iter().next() {
            None => Ok(LivePatch { file }),
            Some((path, error)) => Err(Report::of(Reason::Patch { path: path.to_string(), error: error.to_string() })),
        }
    }

    /// Applies another reading of the file, in one turn, and says in the textport what changed.
    ///
    /// Operators of another type are made anew. What scripts changed at run time stays where the file did not change;
    /// an operator that a script destroyed stays away until its section changes.
    pub fn update(&mut self, network: &Network, file: PatchFile) -> Applied {
        let old = &self.file;
        // An operator may go, or keep its storage elsewhere from now on.
        network.save_storage();
        let is_other = old.settings.name != file.settings.name || old.settings.stand_ins != file.settings.stand_ins;
        if is_other || old.folder != file.folder {
            set_project(network, &file);
        }
        let mut applied = network.turn(|network| {
            let mut patch = network.patch_mut();
            let mut edit = Edit {
                patch: &mut patch,
                file: &file,
                applied: Applied::default(),
                made: Vec::new(),
                storage: Vec::new(),
            };
            edit.apply(old, &Difference::between(old, &file));
            let (applied, storage) = (edit.applied, edit.storage);
            drop(patch);
            storage.into_iter().for_each(|op| network.tell_storage_file(op));
            applied
        });
        applied.settings = old.settings != file.settings;
        self.file = file;
        for (path, error) in &applied.refused {
            network.textport().say(LineKind::Error, path.clone(), error.to_string());
        }
        if !applied.is_empty() {
            network.textport().say(LineKind::Status, "", applied.to_string());
        }
        applied
    }

    /// The file as it was last read.
    pub fn file(&self) -> &PatchFile {
        &self.file
    }
}

/// What an update changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Paths of operators that were made.
    pub added: Vec<Rc<str>>,
    /// Paths of operators that were destroyed.
    pub removed: Vec<Rc<str>>,
    /// Paths of operators that were made anew, because their type changed.
    pub recreated: Vec<Rc<str>>,
    /// Parameters that were set or went back to their default, in operators that stayed.
    pub parameters: usize,
    /// Custom parameters that were defined, defined anew or destroyed, in operators that stayed.
    pub definitions: usize,
    /// Texts that were replaced, in operators that stayed.
    pub texts: usize,
    /// Tables that were replaced, in operators that stayed.
    pub tables: usize,
    /// Inputs that were wired otherwise, in operators that stayed.
    pub wires: usize,
    /// Comments, tags, docks and files kept besides that changed, in operators that stayed.
    pub remarks: usize,
    /// Whether the `[patch]` section changed.
    pub settings: bool,
    /// What the network refused: the operator's path, and why.
    pub refused: Vec<(Rc<str>, PatchError)>,
}

impl Applied {
    /// Whether nothing changed: the file differs in comments or order at most.
    pub fn is_empty(&self) -> bool {
        *self == Applied::default()
    }
}

impl fmt::Display for Applied {
    /// One line for people: `patch.toml: 2 parameters, 1 operator added`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let counted = [
            (self.parameters, "parameter"),
            (self.definitions, "definition"),
            (self.texts, "text"),
            (self.tables, "table"),
            (self.wires, "wire"),
            (self.remarks, "remark"),
        ];
        parts.extend(counted.iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(*number, what)));
        let operators = [(&self.added, "added"), (&self.removed, "removed"), (&self.recreated, "made anew")];
        let operators = operators.iter().filter(|(paths, _)| !paths.is_empty());
        parts.extend(operators.map(|(paths, how)| format!("{} {how}", count(paths.len(), "operator"))));
        if self.settings {
            parts.push("settings".into());
        }
        if !self.refused.is_empty() {
            parts.push(format!("{} refused", count(self.refused.len(), "edit")));
        }
        let parts = if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") };
        write!(f, "{FILE_NAME}: {parts}")
    }
}

/// The edits of one turn.
struct Edit<'a> {
    patch: &'a mut Patch,
    /// The file as it is to be.
    file: &'a PatchFile,
    applied: Applied,
    /// Operators that were made in this turn.
    made: Vec<OpId>,
    /// Operators with another storage file than before.
    storage: Vec<OpId>,
}

impl Edit<'_> {
    fn apply(&mut self, old: &PatchFile, difference: &Difference<'_>) {
        let mut gone = HashSet::new();
        for entry in &difference.removed {
            let path = Rc::from(old.absolute(&entry.path));
            if self.destroy(old, entry) {
                gone.insert(Rc::clone(&path));
            }
            self.applied.removed.push(path);
        }
        for entry in &difference.recreated {
            self.destroy(old, entry);
        }
        for (before, entry) in &difference.kept {
            self.change(before, entry);
        }
        for entry in &difference.added {
            match self.find(&entry.path) {
                // A script has made it already.
                Some(id) if self.is_of_type(id, entry) => {
                    self.fill(id, entry);
                    self.made.push(id);
                }
                Some(id) => {
                    let _ = self.patch.destroy(id);
                    self.make(entry);
                }
                None => drop(self.make(entry)),
            }
            self.applied.added.push(Rc::from(self.file.absolute(&entry.path)));
        }
        for entry in &difference.recreated {
            self.make(entry);
            self.applied.recreated.push(Rc::from(self.file.absolute(&entry.path)));
        }
        let anew: HashSet<&str> =
            difference.added.iter().chain(&difference.recreated).map(|entry| &*entry.path).collect();
        self.connect(&anew, Some(difference));
    }

    /// Paths of components whose inputs or outputs may be others: In and Out operators inside came, went or moved.
    fn reconnected<'d>(difference: &'d Difference<'_>) -> HashSet<&'d str> {
        let came_or_went = difference.added.iter().chain(&difference.recreated).chain(&difference.removed).copied();
        let moved = difference.kept.iter().filter(|(old, new)| !diff::parameters(old, new).is_empty());
        let entries = came_or_went.chain(moved.map(|(_, new)| *new));
        entries.filter(|entry| Side::of(entry.kind).is_some()).map(Entry::parent).collect()
    }

    /// Destroys an operator of the old file. What is docked to it and stays in the file is set free before.
    fn destroy(&mut self, old: &PatchFile, entry: &Entry) -> bool {
        let Some(id) = find(self.patch, &old.settings, &entry.path) else { return false };
        if !self.is_of_type(id, entry) && old.entry(&entry.path).is_none_or(|old| !self.is_of_type(id, old)) {
            // A script has put something else in its place.
            return false;
        }
        for docked in self.patch.docked(id) {
            let name = self.patch.get(docked).map(|op| op.name().clone());
            let stays = name.is_some_and(|name| self.file.entry(&join(entry.parent(), &name)).is_some());
            if stays {
                let _ = self.patch.dock(docked, None);
            }
        }
        self.patch.destroy(id).is_ok()
    }

    /// Makes an operator with all that the file says about it, except what names other operators.
    fn make(&mut self, entry: &Entry) -> Option<OpId> {
        let parent = match entry.parent() {
            "" => self.place()?,
            parent => match self.find(parent) {
                Some(parent) => parent,
                // A script has destroyed the component; the file brings it back with what is to be inside.
                None => {
                    let parent = self.file.entry(parent)?;
                    self.make(parent)?
                }
            },
        };
        match self.patch.create(parent, entry.kind, Some(entry.name())) {
            Ok(id) => {
                self.made.push(id);
                self.fill(id, entry);
                Some(id)
            }
            Err(error) => {
                self.refuse(&entry.path, error);
                None
            }
        }
    }

    /// The component that holds the operators of the file.
    fn place(&mut self) -> Option<OpId> {
        let mut at = self.patch.root();
        let place = self.file.settings.at.clone();
        for name in place.split('/').filter(|name| !name.is_empty()) {
            let child = self.patch.find(at, name);
            let made = match child {
                Some(child) => Ok(child),
                None => self.patch.find_type("baseCOMP").and_then(|kind| self.patch.create(at, kind, Some(name))),
            };
            match made {
                Ok(id) => at = id,
                Err(error) => {
                    self.applied.refused.push((place.clone(), error));
                    return None;
                }
            }
            if child.is_none() {
                self.made.push(at);
            }
        }
        Some(at)
    }

    fn fill(&mut self, id: OpId, entry: &Entry) {
        self.define(id, None, entry);
        for (index, given) in &entry.parameters {
            self.set(id, entry, *index, Some(given));
        }
        for (name, given) in &entry.asked {
            self.ask(id, entry, name, Some(given));
        }
        if let Some(loaded) = entry.content.loaded() {
            self.put(id, entry, loaded);
        }
        if let Some(op) = self.patch.get_mut(id) {
            op.tags.clone_from(&entry.tags);
            op.comment = entry.comment.clone();
        }
        if keeps::put(self.patch, id, &Keeps::default(), &entry.keeps) {
            self.storage.push(id);
        }
    }

    /// Makes the custom parameters of an entry that are not as before, and destroys those that the file has no more.
    /// Returns how many differ. What a script has made or changed stays.
    fn define(&mut self, id: OpId, before: Option<&Entry>, entry: &Entry) -> usize {
        let old = before.map(|before| before.custom.as_slice()).unwrap_or_default();
        if old == entry.custom {
            return 0;
        }
        let names = |custom: &[CustomEntry]| -> HashSet<String> {
            custom.iter().map(|custom| custom.definition.name.clone()).collect()
        };
        let gone: Vec<String> = names(old).difference(&names(&entry.custom)).cloned().collect();
        let mut changed = gone.len();
        for name in &gone {
            let group = self.patch.get(id).and_then(|op| op.find_group(name)?.members().first().copied());
            if let Some(Err(error)) = group.map(|index| self.patch.destroy_custom(id, index)) {
                self.refuse(&entry.path, error);
            }
        }
        for (number, custom) in entry.custom.iter().enumerate() {
            if old.iter().position(|old| old == custom) == Some(number) {
                continue;
            }
            changed += usize::from(!old.contains(custom));
            let definition = GroupDefinition { order: Some(number as f64), ..custom.definition.clone() };
            let page = self.patch.append_custom_page(id, &custom.page);
            if let Err(error) = page.and_then(|page| self.patch.define_custom(id, page, definition, true)) {
                self.refuse(&entry.path, error);
            }
        }
        let mut pages: Vec<String> = Vec::new();
        for custom in &entry.custom {
            if !pages.iter().any(|page| **page == *custom.page) {
                pages.push(custom.page.to_string());
            }
        }
        let is_left = |page: &CustomPage| page.groups().is_empty() && old.iter().any(|old| *old.page == *page.name());
        let left: Vec<_> = match self.patch.get(id) {
            Some(op) => op.custom_pages().iter().filter(|page| is_left(page)).map(CustomPage::id).collect(),
            None => Vec::new(),
        };
        let cleared = left.into_iter().try_for_each(|page| self.patch.destroy_custom_page(id, page));
        if let Err(error) = cleared.and_then(|()| self.patch.sort_custom_pages(id, &pages)) {
            self.refuse(&entry.path, error);
        }
        changed
    }

    /// Changes what differs in an operator that stays.
    fn change(&mut self, before: &Entry, entry: &Entry) {
        let parameters = diff::parameters(before, entry);
        let content = (before.content.loaded(), entry.content.loaded());
        let remarks = [
            before.tags != entry.tags,
            before.comment != entry.comment,
            before.dock != entry.dock,
            before.keeps != entry.keeps,
        ];
        let remarks = remarks.iter().filter(|differs| **differs).count();
        let wires = diff::wires(before, entry);
        let asked = diff::asked(before, entry);
        if parameters.is_empty()
            && asked.is_empty()
            && before.custom == entry.custom
            && content.0 == content.1
            && remarks == 0
            && wires == 0
        {
            return;
        }
        let Some(id) = self.find(&entry.path).filter(|&id| self.is_of_type(id, entry)) else {
            // A script has destroyed it; since its section changed, it comes back.
            self.make(entry);
            self.applied.added.push(Rc::from(self.file.absolute(&entry.path)));
            return;
        };
        if content.0 != content.1 {
            match content.1.or(content.0) {
                Some(Loaded::Text(_)) => self.applied.texts += 1,
                Some(Loaded::Table(_)) => self.applied.tables += 1,
                None => {}
            }
            // Content that the file says nothing more about goes back to what a new operator has.
            let empty = content.0.map(|old| match old {
                Loaded::Text(_) => Loaded::Text(Rc::from("")),
                Loaded::Table(_) => Loaded::Table(Table::new()),
            });
            if let Some(loaded) = content.1.or(empty.as_ref()) {
                self.put(id, entry, loaded);
            }
        }
        self.applied.definitions += self.define(id, Some(before), entry);
        for (index, given) in &parameters {
            self.set(id, entry, *index, *given);
        }
        for (name, given) in &asked {
            self.ask(id, entry, name, *given);
        }
        if let Some(op) = self.patch.get_mut(id) {
            if before.tags != entry.tags {
                op.tags.clone_from(&entry.tags);
            }
            if before.comment != entry.comment {
                op.comment = entry.comment.clone();
            }
            self.patch.note_tree_change();
        }
        if keeps::put(self.patch, id, &before.keeps, &entry.keeps) {
            self.storage.push(id);
        }
        self.applied.parameters += parameters.len() + asked.len();
        self.applied.remarks += remarks;
        self.applied.wires += wires;
    }

    /// Wires and docks what is new or made anew, what leads to such operators, and what says something else than
    /// before.
    fn connect(&mut self, anew: &HashSet<&str>, difference: Option<&Difference<'_>>) {
        let made: HashSet<OpId> = self.made.iter().copied().collect();
        let kept = difference.map(|difference| difference.kept.as_slice()).unwrap_or_default();
        let reconnected = difference.map(Self::reconnected).unwrap_or_default();
        let before: std::collections::HashMap<&str, &Entry> =
            kept.iter().map(|(old, new)| (&*new.path, *old)).collect();
        for entry in &self.file.entries {
            let Some(id) = self.find(&entry.path) else { continue };
            let old = before.get(&*entry.path).filter(|_| !made.contains(&id));
            let own = entry.kind.inputs.len().max(self.patch.connectors(id, Side::In).len());
            let all_anew = reconnected.contains(&*entry.path);
            let inputs = match all_anew {
                true => own,
                false => old.map_or(0, |old| old.inputs.len()).min(own),
            };
            for input in 0..entry.inputs.len().max(inputs) {
                let wire = entry.inputs.get(input).and_then(Option::as_ref);
                let was = old.map(|old| old.inputs.get(input).and_then(Option::as_ref));
                let is_other = |wire: &Wire| anew.contains(&*wire.source) || reconnected.contains(&*wire.source);
                if was == Some(wire) && !all_anew && !wire.is_some_and(is_other) {
                    continue;
                }
                let source = wire.and_then(|wire| Some(Source { op: self.find(&wire.source)?, output: wire.output }));
                if let Err(error) = self.patch.wire(id, input, source) {
                    self.refuse(&entry.path, error);
                }
            }
            let host = entry.dock.as_deref();
            if old.map(|old| old.dock.as_deref()) != Some(host) || host.is_some_and(|host| anew.contains(host)) {
                let host = host.and_then(|host| self.find(host));
                if let Err(error) = self.patch.dock(id, host) {
                    self.refuse(&entry.path, error);
                }
            }
        }
    }

    fn set(&mut self, id: OpId, entry: &Entry, index: ParIndex, given: Option<&ParEntry>) {
        // Without it there is nothing to set, which has been said where it was defined.
        let Some(index) = index_in(self.patch, id, index, &entry.parameter(index).name) else { return };
        if let Err(error) = set_parameter(self.patch, id, index, given) {
            self.refuse(&entry.path, error);
        }
    }

    /// Sets a parameter that a stand-in is asked for.
    fn ask(&mut self, id: OpId, entry: &Entry, name: &str, given: Option<&ParEntry>) {
        let value = match given {
            Some(ParEntry::Constant(value)) => Some(owned(value)),
            _ => None,
        };
        let index = self.patch.stand_in_par(id, name, value.as_ref());
        let set = index.and_then(|index| index.map_or(Ok(()), |index| set_parameter(self.patch, id, index, given)));
        if let Err(error) = set {
            self.refuse(&entry.path, error);
        }
    }

    fn put(&mut self, id: OpId, entry: &Entry, loaded: &Loaded) {
        if let Err(error) = put_content(self.patch, id, loaded) {
            self.refuse(&entry.path, error);
        }
    }

    fn find(&self, path: &str) -> Option<OpId> {
        find(self.patch, &self.file.settings, path)
    }

    fn is_of_type(&self, id: OpId, entry: &Entry) -> bool {
        self.patch.get(id).is_some_and(|op| std::ptr::eq(op.declaration(), entry.kind))
    }

    fn refuse(&mut self, path: &str, error: PatchError) {
        self.applied.refused.push((Rc::from(self.file.absolute(path)), error));
    }
}

/// The operator that stands at a path of the file now.
pub(super) fn find(patch: &Patch, settings: &Settings, path: &str) -> Option<OpId> {
    patch.find(patch.root(), &join(&settings.at, path))
}

/// The index that a parameter of the file has in the operator: a custom one is found by its name.
pub(super) fn index_in(patch: &Patch, id: OpId, index: ParIndex, name: &str) -> Option<ParIndex> {
    if index.is_custom() { patch.get(id)?.find_parameter(name).map(|(index, _)| index) } else { Some(index) }
}

/// Sets a parameter as the file says; without a word of it, back to the default.
pub(super) fn set_parameter(
    patch: &mut Patch,
    id: OpId,
    index: ParIndex,
    given: Option<&ParEntry>,
) -> Result<(), PatchError> {
    match given {
        None => patch.reset_par(id, index),
        Some(ParEntry::Constant(value) | ParEntry::Hidden { value, .. }) => patch.set_par(id, index, &owned(value)),
        Some(ParEntry::Expression(text)) => patch.set_expression(id, index, text),
        Some(ParEntry::Bind(text)) => patch.set_bind(id, index, text),
    }
}

/// Puts text or table in place; what is the same already is no change.
pub(super) fn put_content(patch: &mut Patch, id: OpId, loaded: &Loaded) -> Result<(), PatchError> {
    match loaded {
        Loaded::Text(text) => patch.set_text(id, text),
        Loaded::Table(table) => {
            if patch.table(id)? != table {
                patch.table_mut(id)?.copy_from(table);
            }
            Ok(())
        }
    }
}

fn owned(value: &ParValue) -> OwnedValue {
    match value {
        ParValue::Bool(on) => OwnedValue::Bool(*on),
        ParValue::Int(number) => OwnedValue::Int(*number),
        ParValue::Float(number) => OwnedValue::Float(*number),
        ParValue::Str(text) => OwnedValue::Str(text.to_string()),
    }
}

fn set_project(network: &Network, file: &PatchFile) {
    network.patch_mut().allow_stand_ins(file.settings.stand_ins);
    network.set_project(Project {
        name: file.settings.name.clone(),
        folder: file.folder.clone(),
        plugins_off: file.settings.plugins_off(),
        // What the program was started with.
        ..network.project()
    });
}

fn taken(entry: &Entry, settings: &Settings) -> PatchError {
    PatchError::NameTaken { name: entry.name().to_owned(), parent: Rc::from(join(&settings.at, entry.parent())) }
}
