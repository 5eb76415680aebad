//! Edits of custom parameters.

use std::rc::Rc;

use super::{
    Custom, CustomError, CustomPage, GroupDefinition, MAX_CUSTOM_PAGES, MAX_CUSTOM_PARAMETERS, PageId, ParAttributes,
    ParGroup, Style,
};
use crate::change::{Change, ParStateBefore};
use crate::declaration::{Family, Kind, ParIndex, Parameter};
use crate::parameter::{ParMode, ParState, ParValue, ParameterError, convert, default_value};
use crate::patch::{OpId, Operator, Patch, PatchError};
use crate::value::OwnedValue;

impl Patch {
    /// Adds a page of custom parameters, or finds the one that has the name.
    ///
    /// # Errors
    /// [`CustomError::NotAComponent`], [`CustomError::PageWithoutName`], [`CustomError::Full`].
    pub fn append_custom_page(&mut self, id: OpId, name: &str) -> Result<PageId, PatchError> {
        let op = self.operators.get_mut(id).ok_or(PatchError::Gone)?;
        if op.declaration.family != Family::Comp && !op.is_stand_in() {
            return Err(CustomError::NotAComponent { path: op.path.to_string() }.into());
        }
        if name.trim().is_empty() {
            return Err(CustomError::PageWithoutName.into());
        }
        let custom = op.custom.get_or_insert_default();
        if let Some(page) = custom.pages.iter().find(|page| &*page.name == name) {
            return Ok(page.id);
        }
        if custom.pages.len() >= MAX_CUSTOM_PAGES {
            return Err(CustomError::Full.into());
        }
        custom.made_pages += 1;
        let page = PageId(custom.made_pages);
        custom.pages.push(CustomPage { id: page, name: Rc::from(name), groups: Vec::new() });
        self.note_definitions(id);
        Ok(page)
    }

    /// Makes custom parameters at the end of a page. With `replace`, those of the same name are defined anew where they
    /// are: they keep their indices, and their values as far as these fit.
    ///
    /// # Errors
    /// [`CustomError`]; nothing has changed then.
    pub fn define_custom(
        &mut self,
        id: OpId,
        page: PageId,
        definition: GroupDefinition,
        replace: bool,
    ) -> Result<Vec<ParIndex>, PatchError> {
        let op = self.operators.get_mut(id).ok_or(PatchError::Gone)?;
        let declaration = op.declaration;
        let custom = op.custom.as_mut().ok_or(CustomError::PageGone)?;
        let at = custom.pages.iter().position(|it| it.id == page).ok_or(CustomError::PageGone)?;
        let known: Vec<_> = definition.parameters.iter().map(|parameter| custom.find(&parameter.name)).collect();
        for (parameter, known) in definition.parameters.iter().zip(&known) {
            if declaration.find_parameter(&parameter.name).is_some() || (known.is_some() && !replace) {
                return Err(CustomError::NameTaken { name: parameter.name.to_string() }.into());
            }
        }
        // A group is replaced as a whole, or not at all: `Pos1` of a group of three is not to be pulled out of it.
        let old = custom.group_place(&definition.name);
        if old.is_some() && !replace {
            return Err(CustomError::NameTaken { name: definition.name }.into());
        }
        let kept: Vec<ParIndex> = old.map_or_else(Vec::new, |(page, at)| custom.pages[page].groups[at].members.clone());
        if let Some(taken) = known.iter().flatten().find(|index| !kept.contains(index)) {
            let name = custom.parameter(*taken).map(|it| it.name.to_string()).unwrap_or_default();
            return Err(CustomError::NameTaken { name }.into());
        }
        if custom.by_index.len() - kept.len() + definition.parameters.len() > MAX_CUSTOM_PARAMETERS
            || custom.made > u32::MAX / 2
        {
            return Err(CustomError::Full.into());
        }
        let mut members = Vec::new();
        for (position, parameter) in definition.parameters.into_iter().enumerate() {
            let index = known[position].unwrap_or_else(|| {
                custom.made += 1;
                ParIndex(ParIndex::FIRST_CUSTOM.0 + custom.made - 1)
            });
            members.push((index, parameter));
        }
        let indices: Vec<ParIndex> = members.iter().map(|(index, _)| *index).collect();
        let order = definition.order.unwrap_or_else(|| match old {
            Some((page, group)) if page == at => custom.pages[page].groups[group].order,
            _ => custom.pages[at].groups.last().map_or(0.0, |last| last.order + 1.0),
        });
        let group =
            ParGroup { name: Rc::from(definition.name), style: definition.style, order, members: indices.clone() };
        match old {
            Some((page, place)) if page == at => custom.pages[page].groups[place] = group,
            Some((page, place)) => {
                custom.pages[page].groups.remove(place);
                custom.pages[at].groups.push(group);
            }
            None => custom.pages[at].groups.push(group),
        }
        sort_groups(&mut custom.pages[at]);
        for gone in kept.iter().filter(|index| !indices.contains(index)) {
            self.forget_custom(id, *gone);
        }
        for (index, parameter) in members {
            self.put_custom(id, index, parameter);
        }
        self.note_definitions(id);
        Ok(indices)
    }

    /// Changes the definition of a custom parameter; its value stays as far as it fits. A new name has to be free.
    ///
    /// # Errors
    /// [`CustomError`]; nothing has changed then.
    pub fn change_custom(
        &mut self,
        id: OpId,
        index: ParIndex,
        change: impl FnOnce(&mut Parameter),
    ) -> Result<(), PatchError> {
        let op = self.operators.get(id).ok_or(PatchError::Gone)?;
        let old = op.parameter(index).ok_or(CustomError::ParameterGone)?;
        if !index.is_custom() {
            return Err(CustomError::BuiltIn { name: old.name.to_string() }.into());
        }
        let mut parameter = (*old).clone();
        change(&mut parameter);
        if parameter == *old {
            return Ok(());
        }
        if op.find_parameter(&parameter.name).is_some_and(|(other, _)| other != index) {
            return Err(CustomError::NameTaken { name: parameter.name.into_owned() }.into());
        }
        self.put_custom(id, index, parameter);
        self.note_definitions(id);
        Ok(())
    }

    /// Gives the group of a custom parameter another name; the suffixes stay.
    ///
    /// # Errors
    /// [`CustomError`]; nothing has changed then.
    pub fn rename_custom(&mut self, id: OpId, index: ParIndex, name: &str) -> Result<(), PatchError> {
        let (op, page, at) = self.custom_place(id, index)?;
        let group = &op.custom_pages()[page].groups[at];
        let members = group.members.clone();
        let names = group.style.names(name, members.len())?;
        for new in &names {
            if op.find_parameter(new).is_some_and(|(other, _)| !members.contains(&other)) {
                return Err(CustomError::NameTaken { name: new.clone() }.into());
            }
        }
        let Some(Operator { custom: Some(custom), problems, .. }) = self.operators.get_mut(id) else { return Ok(()) };
        custom.pages[page].groups[at].name = Rc::from(name);
        let definitions: Vec<_> = members.iter().filter_map(|it| custom.parameter(*it).cloned()).collect();
        for old in &definitions {
            // Filed under a name that nothing has any more; it comes again under the new one.
            problems.clear("expression", &old.name);
        }
        custom.by_name.retain(|_, it| !members.contains(it));
        let renamed = members.clone();
        for ((index, name), old) in members.into_iter().zip(names).zip(definitions) {
            custom.by_name.insert(name.clone(), index);
            custom.by_index.insert(index, Rc::new(Parameter { name: name.into(), ..(*old).clone() }));
        }
        for index in renamed {
            if let Some(state) = self.operators.get_mut(id).and_then(|op| op.known_par_state_mut(index)) {
                state.forget_computed();
            }
        }
        self.note_definitions(id);
        Ok(())
    }

    /// Gives the group of a custom parameter another style with as many values. What fits stays.
    ///
    /// # Errors
    /// [`CustomError`]; nothing has changed then.
    pub fn restyle_custom(&mut self, id: OpId, index: ParIndex, style: &'static Style) -> Result<(), PatchError> {
        let (op, page, at) = self.custom_place(id, index)?;
        let group = &op.custom_pages()[page].groups[at];
        let members = group.members.clone();
        let names = style.names(&group.name, members.len())?;
        for (index, name) in members.iter().zip(&names) {
            if op.find_parameter(name).is_some_and(|(other, _)| other != *index) {
                return Err(CustomError::NameTaken { name: name.clone() }.into());
            }
        }
        if let Some(custom) = self.operators.get_mut(id).and_then(|op| op.custom.as_mut()) {
            custom.pages[page].groups[at].style = style;
        }
        for (index, name) in members.into_iter().zip(names) {
            let Some(op) = self.operators.get_mut(id) else { break };
            let (Some(old), value) = (op.parameter(index), op.par_value(index)) else { continue };
            let mut parameter = Parameter { name: name.into(), kind: style.kind(), ..(*old).clone() };
            // A default that does not fit the new style is left behind.
            let _ = set_default(&mut parameter, &default_value(&old).to_owned_value());
            self.put_custom(id, index, parameter);
            let is_set = |state: &ParState| state.mode == ParMode::Constant;
            if self.operators.get(id).is_some_and(|op| op.par_state(index).is_some_and(is_set)) {
                // What does not fit is at the default by now.
                let _ = self.set_par(id, index, &value.to_owned_value());
            }
        }
        self.note_definitions(id);
        Ok(())
    }

    /// Moves the group of a custom parameter within its page.
    ///
    /// # Errors
    /// [`CustomError::ParameterGone`], [`CustomError::BuiltIn`].
    pub fn order_custom(&mut self, id: OpId, index: ParIndex, order: f64) -> Result<(), PatchError> {
        let (_, page, group) = self.custom_place(id, index)?;
        if let Some(custom) = self.operators.get_mut(id).and_then(|op| op.custom.as_mut()) {
            custom.pages[page].groups[group].order = order;
            sort_groups(&mut custom.pages[page]);
        }
        self.note_definitions(id);
        Ok(())
    }

    /// Puts the group of a custom parameter at the end of another page.
    ///
    /// # Errors
    /// [`CustomError::ParameterGone`], [`CustomError::BuiltIn`], [`CustomError::PageGone`].
    pub fn move_custom(&mut self, id: OpId, index: ParIndex, page: PageId) -> Result<(), PatchError> {
        let (op, from, at) = self.custom_place(id, index)?;
        let to = op.custom_pages().iter().position(|it| it.id == page).ok_or(CustomError::PageGone)?;
        if let Some(custom) = self.operators.get_mut(id).and_then(|op| op.custom.as_mut()).filter(|_| from != to) {
            let mut group = custom.pages[from].groups.remove(at);
            group.order = custom.pages[to].groups.last().map_or(0.0, |last| last.order + 1.0);
            custom.pages[to].groups.push(group);
        }
        self.note_definitions(id);
        Ok(())
    }

    fn custom_place(&self, id: OpId, index: ParIndex) -> Result<(&Operator, usize, usize), PatchError> {
        let op = self.operators.get(id).ok_or(PatchError::Gone)?;
        let parameter = op.parameter(index).ok_or(CustomError::ParameterGone)?;
        let place = op.custom.as_ref().and_then(|custom| custom.place_of(index));
        let (page, group) = place.ok_or_else(|| CustomError::BuiltIn { name: parameter.name.to_string() })?;
        Ok((op, page, group))
    }

    /// Destroys a custom parameter with all of its group.
    ///
    /// # Errors
    /// [`CustomError::ParameterGone`], [`CustomError::BuiltIn`].
    pub fn destroy_custom(&mut self, id: OpId, index: ParIndex) -> Result<(), PatchError> {
        let (_, page, group) = self.custom_place(id, index)?;
        if let Some(custom) = self.operators.get_mut(id).and_then(|op| op.custom.as_mut()) {
            let group = custom.pages[page].groups.remove(group);
            group.members.into_iter().for_each(|index| self.forget_custom(id, index));
        }
        self.note_definitions(id);
        Ok(())
    }

    /// Destroys a page with its parameters.
    ///
    /// # Errors
    /// [`CustomError::PageGone`].
    pub fn destroy_custom_page(&mut self, id: OpId, page: PageId) -> Result<(), PatchError> {
        let custom = self.operators.get_mut(id).ok_or(PatchError::Gone)?.custom.as_mut();
        let custom = custom.ok_or(CustomError::PageGone)?;
        let at = custom.pages.iter().position(|it| it.id == page).ok_or(CustomError::PageGone)?;
        let page = custom.pages.remove(at);
        page.members().for_each(|index| self.forget_custom(id, index));
        self.note_definitions(id);
        Ok(())
    }

    /// Destroys all custom parameters and their pages.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn destroy_all_custom(&mut self, id: OpId) -> Result<(), PatchError> {
        let custom = self.operators.get_mut(id).ok_or(PatchError::Gone)?.custom.as_mut();
        let Some(custom) = custom.filter(|custom| !custom.pages.is_empty()) else { return Ok(()) };
        let pages = std::mem::take(&mut custom.pages);
        pages.iter().flat_map(CustomPage::members).for_each(|index| self.forget_custom(id, index));
        self.note_definitions(id);
        Ok(())
    }

    /// Gives a page another name.
    ///
    /// # Errors
    /// [`CustomError::PageGone`], [`CustomError::PageWithoutName`], [`CustomError::PageNameTaken`].
    pub fn rename_custom_page(&mut self, id: OpId, page: PageId, name: &str) -> Result<(), PatchError> {
        let custom = self.operators.get_mut(id).ok_or(PatchError::Gone)?.custom.as_mut();
        let custom = custom.ok_or(CustomError::PageGone)?;
        if name.trim().is_empty() {
            return Err(CustomError::PageWithoutName.into());
        }
        if custom.pages.iter().any(|it| it.id != page && &*it.name == name) {
            return Err(CustomError::PageNameTaken { name: name.to_owned() }.into());
        }
        let page = custom.pages.iter_mut().find(|it| it.id == page).ok_or(CustomError::PageGone)?;
        page.name = Rc::from(name);
        self.note_definitions(id);
        Ok(())
    }

    /// Puts the named pages first, in this order. Unknown names are passed over.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn sort_custom_pages(&mut self, id: OpId, names: &[String]) -> Result<(), PatchError> {
        let op = self.operators.get_mut(id).ok_or(PatchError::Gone)?;
        if let Some(custom) = &mut op.custom {
            let rank = |page: &CustomPage| names.iter().position(|name| **name == *page.name).unwrap_or(usize::MAX);
            custom.pages.sort_by_key(rank);
        }
        self.note_definitions(id);
        Ok(())
    }

    /// Puts the named parameters (or groups) of a page first, in this order. Unknown names are passed over.
    ///
    /// # Errors
    /// [`CustomError::PageGone`].
    pub fn sort_custom_page(&mut self, id: OpId, page: PageId, names: &[String]) -> Result<(), PatchError> {
        let custom = self.operators.get_mut(id).ok_or(PatchError::Gone)?.custom.as_deref_mut();
        let Custom { pages, by_index, .. } = custom.ok_or(CustomError::PageGone)?;
        let page = pages.iter_mut().find(|it| it.id == page).ok_or(CustomError::PageGone)?;
        let is_named = |group: &ParGroup, name: &str| {
            *group.name == *name || group.members.iter().any(|it| by_index.get(it).is_some_and(|it| it.name == name))
        };
        page.groups.sort_by_key(|group| names.iter().position(|name| is_named(group, name)).unwrap_or(usize::MAX));
        for (number, group) in page.groups.iter_mut().enumerate() {
            group.order = number as f64;
        }
        self.note_definitions(id);
        Ok(())
    }

    /// Gives an operator without custom parameters those of another one, under the same indices. Values are not copied.
    ///
    /// # Errors
    /// [`PatchError::Gone`], [`CustomError::NotAComponent`].
    pub fn copy_custom(&mut self, from: OpId, to: OpId) -> Result<(), PatchError> {
        let source = self.get(from).ok_or(PatchError::Gone)?;
        let Some(custom) = source.custom.clone() else { return Ok(()) };
        let attributes: Vec<_> = source.attributes.iter().filter(|(index, _)| index.is_custom()).cloned().collect();
        let op = self.operators.get_mut(to).ok_or(PatchError::Gone)?;
        if op.declaration.family != Family::Comp && !op.is_stand_in() {
            return Err(CustomError::NotAComponent { path: op.path.to_string() }.into());
        }
        if op.custom_pages().is_empty() {
            op.custom = Some(custom);
            op.attributes.extend(attributes);
            self.note_definitions(to);
        }
        Ok(())
    }

    /// Gives an operator the custom parameters of another one, beside those that it has; one of the same name is defined
    /// anew. Values are not copied.
    ///
    /// # Errors
    /// As [`Patch::define_custom`]; what came before the error stays.
    pub fn add_custom(&mut self, from: OpId, to: OpId) -> Result<(), PatchError> {
        let source = self.get(from).ok_or(PatchError::Gone)?;
        let attributes: Vec<_> = source.attributes.clone();
        let definition = |group: &ParGroup| GroupDefinition {
            name: group.name.to_string(),
            style: group.style,
            order: None,
            parameters: group.members.iter().filter_map(|it| Some((*source.parameter(*it)?).clone())).collect(),
        };
        let of_page = |page: &CustomPage| {
            let name = page.name.clone();
            let groups = page.groups.iter();
            groups.map(move |group| (name.clone(), definition(group), group.members.clone())).collect::<Vec<_>>()
        };
        let groups: Vec<_> = source.custom_pages().iter().flat_map(of_page).collect();
        for (page, definition, sources) in groups {
            let page = self.append_custom_page(to, &page)?;
            let made = self.define_custom(to, page, definition, true)?;
            for (index, source) in made.into_iter().zip(sources) {
                if let Ok(at) = attributes.binary_search_by_key(&source, |(at, _)| *at) {
                    self.change_attributes(to, index, |it| *it = attributes[at].1.clone())?;
                }
            }
        }
        Ok(())
    }

    /// Sets what a parameter has beside its value.
    ///
    /// # Errors
    /// [`PatchError::Gone`], [`CustomError::ParameterGone`].
    pub fn change_attributes(
        &mut self,
        id: OpId,
        index: ParIndex,
        change: impl FnOnce(&mut ParAttributes),
    ) -> Result<(), PatchError> {
        let op = self.operators.get_mut(id).ok_or(PatchError::Gone)?;
        op.parameter(index).ok_or(CustomError::ParameterGone)?;
        let mut attributes = op.par_attributes(index);
        change(&mut attributes);
        let enable = attributes.enable;
        let before = match op.attributes.binary_search_by_key(&index, |(at, _)| *at) {
            Ok(at) => std::mem::replace(&mut op.attributes[at].1, attributes),
            Err(at) => {
                op.attributes.insert(at, (index, attributes));
                ParAttributes::default()
            }
        };
        self.queue.tracker.note_tree_change();
        self.note_par_state(id, index, (before.enable != enable).then_some(ParStateBefore::Enable(before.enable)));
        Ok(())
    }

    /// Keeps a definition under its index and name. The value stays when it fits, else it goes; an operator that was at
    /// the default follows the new one.
    fn put_custom(&mut self, id: OpId, index: ParIndex, parameter: Parameter) {
        let parameter = settled(parameter);
        let Some(op) = self.operators.get_mut(id) else { return };
        let is_known = op.parameter(index).is_some();
        let before = op.par_value(index);
        let Some(custom) = &mut op.custom else { return };
        let old = custom.by_index.insert(index, Rc::new(parameter.clone()));
        if let Some(old) = old.as_ref().filter(|old| custom.find(&old.name) == Some(index)) {
            custom.by_name.remove(&*old.name);
            op.problems.clear("expression", &old.name);
        }
        custom.by_name.insert(parameter.name.to_string(), index);
        if let Ok(at) = op.parameters.binary_search_by_key(&index, |(at, _)| *at) {
            let state = &mut op.parameters[at].1;
            let same_style = old.is_some_and(|old| old.kind.style() == parameter.kind.style());
            let value = fitted(&parameter, &state.value).filter(|_| same_style);
            state.value = value.unwrap_or_else(|| default_value(&parameter));
            state.forget_computed();
        }
        let value = op.par_value(index);
        if is_known && value != before {
            self.queue.push(Change::Parameter { op: id, index, value, before });
        }
    }

    /// Lets go of what is kept about a custom parameter that has left its page.
    fn forget_custom(&mut self, id: OpId, index: ParIndex) {
        let Some(op) = self.operators.get_mut(id) else { return };
        let Some(custom) = &mut op.custom else { return };
        if let Some(parameter) = custom.by_index.remove(&index) {
            custom.by_name.remove(&*parameter.name);
            op.problems.clear("expression", &parameter.name);
        }
        if let Ok(at) = op.parameters.binary_search_by_key(&index, |(at, _)| *at) {
            op.parameters.remove(at);
        }
        if let Ok(at) = op.attributes.binary_search_by_key(&index, |(at, _)| *at) {
            op.attributes.remove(at);
        }
    }

    /// Leaves a change that says that definitions are others. One waits at a time.
    fn note_definitions(&mut self, id: OpId) {
        self.queue.note_script_change();
        // Whoever found an operator may have found another set of parameters.
        self.queue.tracker.note_tree_change();
        let version = self.queue.tracker.note_change();
        let Some(op) = self.operators.get_mut(id) else { return };
        if let Some(custom) = &mut op.custom {
            custom.version = version;
        }
        if !std::mem::replace(&mut op.definitions_change_queued, true) {
            self.queue.push(Change::Definitions { op: id });
        }
    }
}

impl Operator {
    /// The page that holds a custom parameter.
    pub fn custom_page_of(&self, index: ParIndex) -> Option<&CustomPage> {
        let custom = self.custom.as_ref()?;
        custom.place_of(index).map(|(page, _)| &custom.pages[page])
    }

    /// The page of custom parameters that an id names.
    pub fn custom_page(&self, page: PageId) -> Option<&CustomPage> {
        self.custom_pages().iter().find(|it| it.id == page)
    }

    /// The group that holds a custom parameter.
    pub fn group_of(&self, index: ParIndex) -> Option<&ParGroup> {
        let custom = self.custom.as_ref()?;
        custom.place_of(index).map(|(page, group)| &custom.pages[page].groups[group])
    }

    /// The group of custom parameters of this name.
    pub fn find_group(&self, name: &str) -> Option<&ParGroup> {
        let custom = self.custom.as_ref()?;
        custom.group_place(name).map(|(page, group)| &custom.pages[page].groups[group])
    }

    /// The style that a parameter was made with; `None` when it is gone.
    pub fn style_of(&self, index: ParIndex) -> Option<&'static str> {
        match self.group_of(index) {
            Some(ParGroup { style: Style { name, .. }, .. }) => Some(name),
            None => self.parameter(index).map(|parameter| parameter.kind.style()),
        }
    }
}

/// Gives the definition of a parameter another default. A menu that has no entries yet takes any.
///
/// # Errors
/// When the value does not fit.
pub fn set_default(parameter: &mut Parameter, given: &OwnedValue) -> Result<(), ParameterError> {
    let value = match (&parameter.kind, given) {
        (Kind::Menu { entries, .. }, OwnedValue::Str(name)) if entries.is_empty() => ParValue::Str(Rc::from(&**name)),
        _ => convert(parameter, given)?,
    };
    match (&mut parameter.kind, value) {
        (Kind::Toggle { default } | Kind::Momentary { default }, ParValue::Bool(on)) => *default = on,
        (Kind::Int { default, .. }, ParValue::Int(number)) => *default = number,
        (Kind::Float { default, .. }, ParValue::Float(number)) => *default = number,
        (
            Kind::Str { default }
            | Kind::StrMenu { default, .. }
            | Kind::Menu { default, .. }
            | Kind::File { default }
            | Kind::FileSave { default }
            | Kind::Folder { default }
            | Kind::Op { default, .. }
            | Kind::Kept { default, .. },
            ParValue::Str(text),
        ) => *default = text.to_string().into(),
        _ => {}
    }
    Ok(())
}

fn sort_groups(page: &mut CustomPage) {
    page.groups.sort_by(|a, b| a.order.total_cmp(&b.order));
}

/// The definition with a default that its range or menu allows.
fn settled(mut parameter: Parameter) -> Parameter {
    match &mut parameter.kind {
        Kind::Int { default, range } => *default = range.clamp(*default),
        Kind::Float { default, range } => *default = range.clamp(*default),
        Kind::Menu { default, entries }
            if !entries.is_empty() && !entries.iter().any(|entry| entry.name == *default) =>
        {
            *default = entries.get(0).map(|first| first.name.to_owned()).unwrap_or_default().into();
        }
        _ => {}
    }
    parameter
}

fn fitted(parameter: &Parameter, value: &ParValue) -> Option<ParValue> {
    if let (Kind::Menu { entries, .. }, ParValue::Str(name)) = (&parameter.kind, value) {
        return entries.iter().any(|entry| entry.name == &**name).then(|| value.clone());
    }
    convert(parameter, &value.to_owned_value()).ok()
}
