//! The classes of what Patchcord does not do: panels, objects in space, pictures, geometry and materials.

use super::{Class, NO_GPU, NO_WINDOW, works};

pub(super) static PANEL_COMP: Class = Class::new(
    "PanelCOMP",
    "A component that is a panel.",
    &[
        works("panel"),
        works("panelRoot"),
        works("panelChildren"),
        works("x"),
        works("y"),
        works("width"),
        works("height"),
        works("marginX"),
        works("marginY"),
        works("marginWidth"),
        works("marginHeight"),
        works("click()"),
        works("clickChild()"),
        works("interactMouse()"),
        works("interactTouch()"),
        works("interactClear()"),
        works("interactStatus()"),
        works("locateMouse()"),
        works("locateMouseUV()"),
        works("setFocus()"),
        works("addLayoutParameters()"),
    ],
)
.base("COMP")
.absent(NO_WINDOW);

pub(super) static OBJECT_COMP: Class = Class::new(
    "ObjectCOMP",
    "A component in space.",
    &[
        works("localTransform"),
        works("worldTransform"),
        works("transform()"),
        works("setTransform()"),
        works("preTransform()"),
        works("setPreTransform()"),
        works("relativeTransform()"),
        works("importABC()"),
        works("importFBX()"),
    ],
)
.base("COMP")
.absent("there is no space with objects in it");

pub(super) static TOP: Class = Class::new(
    "TOP",
    "A picture.",
    &[
        works("width"),
        works("height"),
        works("depth"),
        works("aspect"),
        works("aspectWidth"),
        works("aspectHeight"),
        works("pixelFormat"),
        works("isGPU"),
        works("curPass"),
        works("sample()"),
        works("numpyArray()"),
        works("saveByteArray()"),
        works("save()"),
        works("cudaMemory()"),
        works("cudaArray()"),
    ],
)
.base("OP")
.absent(NO_GPU);

pub(super) static SOP: Class = Class::new(
    "SOP",
    "A surface.",
    &[
        works("compare"),
        works("template"),
        works("points"),
        works("prims"),
        works("numPoints"),
        works("numPrims"),
        works("numVertices"),
        works("pointAttribs"),
        works("primAttribs"),
        works("vertexAttribs"),
        works("pointGroups"),
        works("primGroups"),
        works("center"),
        works("min"),
        works("max"),
        works("size"),
        works("save()"),
    ],
)
.base("OP")
.absent(NO_GPU);

pub(super) static MAT: Class = Class::new("MAT", "A material.", &[]).base("OP").absent(NO_GPU);

pub(super) static POP: Class = Class::new("POP", "Points.", &[]).base("OP").absent(NO_GPU);

pub(super) static PANEL_VALUE: Class = Class::new(
    "PanelValue",
    "A value of a panel, as the callbacks of a Panel Execute DAT are given it.",
    &[works("name"), works("owner").gives("OP"), works("val"), works("valid")],
)
.absent(NO_WINDOW);
