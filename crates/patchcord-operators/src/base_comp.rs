//! The Base COMP: a component that holds other operators and does nothing else.
//!
//! Paths, names and wires inside it are the patch's own business; its parameters are those of every component.

use patchcord_core::declaration::{ContentKind, Family, OperatorType};

use crate::component;

/// The Base COMP.
pub static BASE_COMP: OperatorType = OperatorType {
    name: "baseCOMP",
    label: "Base COMP",
    family: Family::Comp,
    summary: "Holds other operators, as a folder holds files. Names inside it are its own: `base1/table1`.",
    content: ContentKind::None,
    editable: false,
    inputs: &[],
    pages: &component::COMPONENT_PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(component::start),
};

#[cfg(test)]
mod tests {
    use patchcord_core::network::Network;
    use patchcord_core::patch::PatchError;

    use super::BASE_COMP;
    use crate::text_dat::TEXT_DAT;

    #[test]
    fn it_holds_operators_of_any_family_and_takes_them_along() {
        let network = Network::new(crate::types());
        let (base, text) = network.turn(|network| {
            let mut patch = network.patch_mut();
            let root = patch.root();
            let base = patch.create(root, &BASE_COMP, None).unwrap();
            let inner = patch.create(base, &BASE_COMP, Some("inner")).unwrap();
            (base, patch.create(inner, &TEXT_DAT, None).unwrap())
        });
        assert_eq!(&*network.patch().path(text), "/base1/inner/text1");
        network.turn(|network| network.patch_mut().rename(base, "stage")).unwrap();
        assert_eq!(&*network.patch().path(text), "/stage/inner/text1");
        network.turn(|network| network.patch_mut().destroy(base)).unwrap();
        assert!(network.patch().get(text).is_none() && network.patch().is_empty());
    }

    #[test]
    fn only_components_hold_operators() {
        let network = Network::new(crate::types());
        let root = network.patch().root();
        let text = network.turn(|network| network.patch_mut().create(root, &TEXT_DAT, None)).unwrap();
        let refused = network.turn(|network| network.patch_mut().create(text, &BASE_COMP, None));
        assert_eq!(refused, Err(PatchError::NotAComponent { path: "/text1".into() }));
    }
}
