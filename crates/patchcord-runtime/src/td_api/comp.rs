//! COMP and its virtual files.

use super::{Class, Member, NO_EDITOR, NO_LICENCES, NO_TOX, NOT_YET, raises, works};

pub(super) static COMP: Class = Class::new("COMP", "A component: an operator that holds others.", MEMBERS).base("OP");

const NO_PRIVACY: &str = "there are no private components";

static MEMBERS: &[Member] = &[
    works("create()").gives("OP"),
    works("copy()").gives("OP"),
    raises("copyOPs()", NOT_YET).gives("[OP]"),
    works("findChildren()").gives("[OP]"),
    raises("collapseSelected()", NO_EDITOR),
    // ---- extensions ----
    works("extensions"),
    works("extensionsReady"),
    works("parentShortcut"),
    works("initializeExtensions()"),
    // ---- custom parameters ----
    raises("appendCustomPage()", NOT_YET).gives("Page"),
    raises("destroyCustomPars()", NOT_YET),
    raises("sortCustomPages()", NOT_YET),
    raises("internalOPs", NOT_YET),
    raises("internalPars", NOT_YET),
    // ---- files ----
    raises("vfs", NOT_YET).gives("VFS"),
    raises("loadTox()", NO_TOX).instead("an operator in patch.toml, or create()"),
    raises("loadByteArray()", NO_TOX),
    raises("save()", NO_TOX).instead("storage or files of your own"),
    raises("saveByteArray()", NO_TOX),
    raises("saveExternalTox()", NO_TOX),
    raises("reload()", NO_TOX),
    raises("dirty", NO_TOX),
    raises("externalTimeStamp", NO_TOX),
    // ---- clones, privacy ----
    raises("clones", "there are no clones").instead("copy()"),
    raises("componentCloneImmune", "there are no clones"),
    raises("isPrivate", NO_PRIVACY),
    raises("isPrivacyActive", NO_PRIVACY),
    raises("isPrivacyLicensed", NO_LICENCES),
    raises("privacyFirmCode", NO_LICENCES),
    raises("privacyProductCode", NO_LICENCES),
    raises("privacyDeveloperName", NO_LICENCES),
    raises("privacyDeveloperEmail", NO_LICENCES),
    raises("addPrivacy()", NO_PRIVACY),
    raises("blockPrivacy()", NO_PRIVACY),
    raises("removePrivacy()", NO_PRIVACY),
    raises("accessPrivateContents()", NO_PRIVACY),
    // ---- variables ----
    raises("vars()", "there are no variables of components").instead("storage"),
    raises("setVar()", "there are no variables of components").instead("store()"),
    raises("unsetVar()", "there are no variables of components").instead("unstore()"),
    // ---- in the network editor ----
    raises("currentChild", NO_EDITOR),
    raises("selectedChildren", NO_EDITOR),
    raises("pickable", NO_EDITOR),
    raises("utility", NO_EDITOR),
    raises("resetNetworkView()", NO_EDITOR),
    raises("inputCOMPs", "components have no wires of hierarchy"),
    raises("inputCOMPConnectors", "components have no wires of hierarchy"),
    raises("outputCOMPs", "components have no wires of hierarchy"),
    raises("outputCOMPConnectors", "components have no wires of hierarchy"),
];

pub(super) static VFS: Class = Class::new(
    "VFS",
    "The virtual files of a component.",
    &[
        works("owner").gives("COMP"),
        works("addByteArray()").gives("VFSFile"),
        works("addFile()").gives("VFSFile"),
        works("export()"),
        works("find()").gives("[VFSFile]"),
    ],
)
.absent(NOT_YET);

pub(super) static VFS_FILE: Class = Class::new(
    "VFSFile",
    "A virtual file.",
    &[
        works("name"),
        works("size"),
        works("date"),
        works("virtualPath"),
        works("originalFilePath"),
        works("owner").gives("COMP"),
        works("byteArray"),
        works("destroy()"),
        works("export()"),
    ],
)
.absent(NOT_YET);
