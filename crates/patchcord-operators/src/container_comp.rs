//! The Container COMP: in TouchDesigner a panel that holds other operators; here there are no panels, so it is a
//! component as the Base COMP is.

use patchcord_core::declaration::{ContentKind, Family, OperatorType};

use crate::component;

/// The Container COMP.
pub static CONTAINER_COMP: OperatorType = OperatorType {
    name: "containerCOMP",
    label: "Container COMP",
    family: Family::Comp,
    summary: "Holds other operators, as the Base COMP does. It shows nothing: there are no panels here.",
    content: ContentKind::None,
    editable: false,
    inputs: &[],
    pages: &component::COMPONENT_PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(component::start),
};
