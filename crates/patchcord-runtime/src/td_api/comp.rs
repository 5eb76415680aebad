//! COMP and its virtual files.

use super::{Class, Member, NO_EDITOR, NO_LICENCES, NO_TOX, NOT_YET, raises, stand_in, works};

pub(super) static COMP: Class = Class::new("COMP", "A component: an operator that holds others.", MEMBERS).base("OP");

const NO_PRIVACY: &str = "there are no private components";

static MEMBERS: &[Member] = &[
    works("create()").gives("OP"),
    works("copy()").gives("OP"),
    works("copyOPs()").gives("[OP]"),
    works("findChildren()").gives("[OP]"),
    raises("collapseSelected()", NO_EDITOR),
    // ---- extensions ----
    works("extensions"),
    works("extensionsReady"),
    works("parentShortcut"),
    works("initializeExtensions()"),
    // ---- custom parameters ----
    works("appendCustomPage()").gives("Page"),
    works("destroyCustomPars()"),
    works("sortCustomPages()"),
    raises("internalOPs", NOT_YET),
    raises("internalPars", NOT_YET),
    // ---- files ----
    works("vfs").gives("VFS"),
    raises("loadTox()", NO_TOX).instead("an operator in patch.toml, or create()"),
    raises("loadByteArray()", NO_TOX),
    raises("save()", NO_TOX).instead("storage or files of your own"),
    raises("saveByteArray()", NO_TOX),
    raises("saveExternalTox()", NO_TOX),
    raises("reload()", NO_TOX),
    stand_in("dirty", "False"),
    stand_in("externalTimeStamp", "0"),
    // ---- clones, privacy ----
    stand_in("clones", "an empty list"),
    stand_in("componentCloneImmune", "a flag that is kept"),
    stand_in("isPrivate", "False"),
    stand_in("isPrivacyActive", "False"),
    stand_in("isPrivacyLicensed", "False"),
    raises("privacyFirmCode", NO_LICENCES),
    raises("privacyProductCode", NO_LICENCES),
    raises("privacyDeveloperName", NO_LICENCES),
    raises("privacyDeveloperEmail", NO_LICENCES),
    raises("addPrivacy()", NO_PRIVACY),
    raises("blockPrivacy()", NO_PRIVACY),
    raises("removePrivacy()", NO_PRIVACY),
    raises("accessPrivateContents()", NO_PRIVACY),
    // ---- variables ----
    works("vars()"),
    works("setVar()"),
    works("unsetVar()"),
    // ---- in the network editor ----
    works("currentChild"),
    works("selectedChildren"),
    stand_in("pickable", "a flag that is kept"),
    works("utility"),
    stand_in("resetNetworkView()", "nothing: there are no windows"),
    stand_in("inputCOMPs", "an empty list"),
    stand_in("inputCOMPConnectors", "an empty list"),
    stand_in("outputCOMPs", "an empty list"),
    stand_in("outputCOMPConnectors", "an empty list"),
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
);

pub(super) static VFS_FILE: Class = Class::new(
    "VFSFile",
    "A virtual file.",
    &[
        works("name"),
        works("size"),
        works("date"),
        works("valid").beyond(),
        works("virtualPath"),
        works("originalFilePath"),
        works("owner").gives("COMP"),
        works("byteArray"),
        works("destroy()"),
        works("export()"),
    ],
);
