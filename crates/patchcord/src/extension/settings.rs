//! What the parameters of a component say about its extensions.

use std::cell::RefCell;
use std::rc::Rc;

use patchcord_core::declaration::{Family, OperatorType, ParIndex};
use patchcord_core::patch::OpId;

use crate::host::Host;

/// Parameters with the expressions of the extensions that a component has at most.
const OBJECTS: [&str; 4] = ["ext0object", "ext1object", "ext2object", "ext3object"];

/// What the parameters of one extension say.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// Script name of the parameter with the expression.
    pub parameter: &'static str,
    /// The expression.
    pub object: Rc<str>,
    /// The name; empty for that of the class.
    pub name: Rc<str>,
    /// Whether members are promoted.
    pub promote: bool,
}

/// Reads settings. It knows where the parameters are in each type.
#[derive(Default)]
pub struct SettingsReader {
    places: RefCell<Vec<Places>>,
}

/// The parameters of extensions in a type.
type Places = (&'static OperatorType, Rc<[Place]>);

/// The parameters of one extension.
#[derive(Clone, Copy)]
struct Place {
    object: ParIndex,
    name: ParIndex,
    promote: ParIndex,
    /// Script name of the first.
    parameter: &'static str,
}

impl SettingsReader {
    /// The extensions that a component asks for; none for any other operator.
    pub fn read(&self, host: &Host, op: OpId) -> Vec<Settings> {
        let set: Vec<Place> = {
            let patch = host.network.patch();
            let Some(operator) = patch.get(op).filter(|op| op.declaration().family == Family::Comp) else {
                return Vec::new();
            };
            let places = self.places_of(operator.declaration());
            places.iter().filter(|place| operator.par_state(place.object).is_some()).copied().collect()
        };
        let read = |place: Place| Settings {
            parameter: place.parameter,
            object: Rc::from(host.network.eval(op, place.object).to_text().trim()),
            name: Rc::from(host.network.eval(op, place.name).to_text().trim()),
            promote: host.network.eval(op, place.promote).is_on(),
        };
        host.network.untracked(|| set.into_iter().map(read).filter(|settings| !settings.object.is_empty()).collect())
    }

    fn places_of(&self, declaration: &'static OperatorType) -> Rc<[Place]> {
        let known = |(of, _): &&(&OperatorType, _)| std::ptr::eq(*of, declaration);
        if let Some((_, places)) = self.places.borrow().iter().find(known) {
            return places.clone();
        }
        let place = |number: usize| {
            let find = |part: &str| declaration.find_parameter(&format!("ext{number}{part}"));
            let parameter = OBJECTS[number];
            Some(Place { object: find("object")?.0, name: find("name")?.0, promote: find("promote")?.0, parameter })
        };
        let places: Rc<[Place]> = (0..OBJECTS.len()).filter_map(place).collect();
        self.places.borrow_mut().push((declaration, places.clone()));
        places
    }
}
