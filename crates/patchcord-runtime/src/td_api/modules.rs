//! The modules of TouchDesigner's own Python files: TDFunctions, TDStoreTools, TDJSON.

use super::{Class, NO_EDITOR, NO_WINDOW, raises, works};

pub(super) static TD_FUNCTIONS: Class = Class::module(
    "TDFunctions",
    "Helpers of components.",
    &[
        works("createProperty()"),
        works("makeDeepDependable()"),
        works("checkDeepDependable()"),
        works("getShortcutPath()"),
        works("parMenu()"),
        works("getMenu()"),
        works("bestOpName()"),
        works("forceCookNonDatCOMP()"),
        works("findNetworkEdges()"),
        raises("tScript()", "its commands are not understood here; Python says the same"),
        works("parStringToIntList()"),
        works("incrementStringDigits()"),
        works("getParInfo()"),
        works("applyParInfo()"),
        works("replaceOp()"),
        works("copyOPs()"),
        raises("arrangeNode()", NO_EDITOR),
        raises("panelParentShortcut()", NO_WINDOW),
        raises("showInPane()", NO_EDITOR),
    ],
);

pub(super) static TD_STORE_TOOLS: Class = Class::module(
    "TDStoreTools",
    "Storage of extensions, and containers whose changes are noticed.",
    &[
        works("StorageManager").gives("TDStoreTools.StorageManager"),
        works("DependDict"),
        works("DependList"),
        works("DependSet"),
    ],
);

pub(super) static STORAGE_MANAGER: Class = Class::new(
    "TDStoreTools.StorageManager",
    "Keeps attributes of an extension in its component's storage.",
    &[
        works("restoreDefault()"),
        works("restoreDefaults()"),
        works("restoreAllDefaults()"),
        works("getDependency()"),
        works("set()"),
        works("sync()"),
        works("items()"),
        works("keys()"),
        works("values()"),
    ],
);

pub(super) static TD_JSON: Class = Class::module(
    "TDJSON",
    "Parameters and operators as JSON.",
    &[
        works("jsonToText()"),
        works("jsonToDat()"),
        works("textToJSON()"),
        works("datToJSON()"),
        works("serializeTDData()"),
        works("deserializeTDData()"),
        works("opToJSONOp()"),
        works("pageToJSONPage()"),
        works("parameterToJSONPar()"),
        works("addParameterFromJSONDict()"),
        works("addParametersFromJSONList()"),
        works("addParametersFromJSONDict()"),
        works("addParametersFromJSONOp()"),
        works("destroyOtherPagesAndParameters()"),
    ],
);
