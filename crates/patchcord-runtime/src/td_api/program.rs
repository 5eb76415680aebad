//! The objects of the program: absTime, app, project, ui, and the time component.

use super::{Class, Member, NO_EDITOR, NO_GPU, NO_LICENCES, NO_TOX, NO_WINDOW, NOT_YET, raises, stand_in, works};

pub(super) static ABS_TIME: Class = Class::object(
    "absTime",
    "Time since the program started.",
    &[works("frame"), works("seconds"), works("step"), works("stepSeconds")],
);

pub(super) static TIME_COMP: Class = Class::new(
    "timeCOMP",
    "The timeline of an operator, as `me.time`.",
    &[
        works("frame"),
        works("seconds"),
        works("rate"),
        works("play"),
        works("timecode"),
        works("start"),
        works("end"),
        works("rangeStart"),
        works("rangeEnd"),
        works("loop"),
        works("independent"),
        works("tempo"),
        works("signature1"),
        works("signature2"),
        works("timecodeObj"),
    ],
)
.base("COMP")
.absent("there is no timeline yet; absTime has the frames and seconds since the start");

pub(super) static APP: Class = Class::object("app", "The program.", APP_MEMBERS);

const NO_INSTALLATION: &str = "Patchcord has no folders of an installation";

static APP_MEMBERS: &[Member] = &[
    stand_in("product", "`Patchcord`"),
    stand_in("version", "Patchcord's version"),
    stand_in("build", "Patchcord's version"),
    works("osName"),
    works("osVersion"),
    works("architecture"),
    works("launchTime"),
    works("power"),
    raises("desktopFolder", NOT_YET),
    raises("binFolder", NO_INSTALLATION).instead("sys.executable"),
    raises("installFolder", NO_INSTALLATION),
    raises("configFolder", NO_INSTALLATION).instead("project.folder"),
    raises("samplesFolder", NO_INSTALLATION),
    raises("paletteFolder", NO_INSTALLATION),
    raises("userPaletteFolder", NO_INSTALLATION).instead("project.folder"),
    raises("systemFolder", NO_INSTALLATION),
    raises("preferencesFolder", NO_INSTALLATION).instead("project.folder"),
    raises("recentFiles", "there is no list of recent patches"),
    raises("compileDate", NOT_YET),
    raises("experimental", NOT_YET),
    raises("buildOS", NOT_YET),
    raises("enableOptimizedExprs", "expressions are compiled by Python alone"),
    raises("logExtensionCompiles", "the textport says when an extension is made"),
    raises("windowColorBits", NO_WINDOW),
    raises("processId", NOT_YET).instead("os.getpid()"),
    raises("addNonCommercialLimit()", NO_LICENCES),
    raises("removeNonCommercialLimit()", NO_LICENCES),
    raises("addResolutionLimit()", NO_LICENCES),
    raises("removeResolutionLimit()", NO_LICENCES),
];

pub(super) static PROJECT: Class = Class::object("project", "The patch as a project.", PROJECT_MEMBERS);

static PROJECT_MEMBERS: &[Member] = &[
    works("name"),
    works("folder"),
    works("cookRate"),
    works("realTime"),
    stand_in("paths", "an empty dictionary"),
    stand_in("saveVersion", "Patchcord's version"),
    stand_in("saveBuild", "Patchcord's version"),
    raises("saveTime", NOT_YET),
    raises("saveOSName", NOT_YET).instead("app.osName"),
    raises("saveOSVersion", NOT_YET).instead("app.osVersion"),
    raises("saveOsName", NOT_YET).instead("app.osName"),
    raises("saveOsVersion", NOT_YET).instead("app.osVersion"),
    works("quit()"),
    raises("load()", NO_TOX).instead("another `patchcord run`"),
    raises("save()", NO_TOX).instead("patch.toml, which is the project"),
    raises("stack()", NOT_YET),
    raises("pythonStack()", NOT_YET).instead("traceback.format_stack()"),
    raises("addPrivacy()", "there are no private projects"),
    raises("removePrivacy()", "there are no private projects"),
    raises("accessPrivateContents()", "there are no private projects"),
    raises("applyWindowSettings()", NO_WINDOW),
    raises("isPrivate", "there are no private projects"),
    raises("isPrivateKey", "there are no private projects"),
    raises("cacheParameters", NOT_YET),
    raises("externalToxModifiedInProject", NO_TOX),
    raises("externalToxModifiedOnDisk", NO_TOX),
    raises("windowOnTop", NO_WINDOW),
    raises("windowStartMode", NO_WINDOW),
    raises("windowDraw", NO_WINDOW),
    raises("windowStartCustomWidth", NO_WINDOW),
    raises("windowStartCustomHeight", NO_WINDOW),
    raises("windowStartCustomX", NO_WINDOW),
    raises("windowStartCustomY", NO_WINDOW),
    raises("performOnStart", NO_WINDOW),
    raises("performWindowPath", NO_WINDOW),
    raises("resetAudioOnDeviceChange", "no sound is played"),
];

pub(super) static UI: Class = Class::object("ui", "The user interface, of which there is none.", UI_MEMBERS);

const CONSOLE: &str = "print(), which goes to the textport";

static UI_MEMBERS: &[Member] = &[
    stand_in("status", "a text that is kept; no window shows it"),
    raises("messageBox()", NO_WINDOW).instead(CONSOLE),
    raises("chooseFile()", NO_WINDOW).instead("a path in a parameter"),
    raises("chooseFolder()", NO_WINDOW).instead("a path in a parameter"),
    raises("viewFile()", NO_WINDOW).instead("webbrowser.open()"),
    raises("clipboard", NO_WINDOW),
    raises("colors", NO_WINDOW),
    raises("undo", "nothing can be undone, because there is no editor"),
    raises("panes", NO_EDITOR),
    raises("options", NO_WINDOW),
    raises("preferences", NO_WINDOW),
    raises("performMode", NO_WINDOW),
    raises("masterVolume", "no sound is played"),
    raises("dpiBiCubicFilter", NO_GPU),
    raises("redrawMainWindow", NO_WINDOW),
    raises("rolloverOp", NO_EDITOR),
    raises("rolloverPar", NO_EDITOR),
    raises("rolloverPanel", NO_WINDOW),
    raises("lastChopChannelSelected", NO_EDITOR),
    raises("showPaletteBrowser", NO_WINDOW),
    raises("windowWidth", NO_WINDOW),
    raises("windowHeight", NO_WINDOW),
    raises("windowX", NO_WINDOW),
    raises("windowY", NO_WINDOW),
    raises("copyOPs()", NO_EDITOR).instead("copy() of a component"),
    raises("pasteOPs()", NO_EDITOR).instead("copy() of a component"),
    raises("refresh()", NO_WINDOW),
    raises("findEditDAT()", NO_EDITOR),
    raises("openAbletonControl()", NO_WINDOW),
    raises("openBeat()", NO_WINDOW),
    raises("openBookmarks()", NO_WINDOW),
    raises("openCOMPEditor()", NO_WINDOW),
    raises("openConsole()", NO_WINDOW).instead(CONSOLE),
    raises("openDialogHelp()", NO_WINDOW),
    raises("openErrors()", NO_WINDOW).instead("errors(recurse=True) of a component"),
    raises("openExplorer()", NO_WINDOW),
    raises("openExportMovie()", NO_WINDOW),
    raises("openHelp()", NO_WINDOW),
    raises("openImportFile()", NO_WINDOW),
    raises("openKeyManager()", NO_LICENCES),
    raises("openMIDIDeviceMapper()", NO_WINDOW),
    raises("openNewProject()", NO_WINDOW),
    raises("openOperatorSnippets()", NO_WINDOW),
    raises("openPaletteBrowser()", NO_WINDOW),
    raises("openPerformanceMonitor()", NO_WINDOW),
    raises("openPreferences()", NO_WINDOW),
    raises("openSearch()", NO_WINDOW),
    raises("openTextport()", NO_WINDOW).instead(CONSOLE),
    raises("openVersion()", NO_WINDOW).instead("app.version"),
    raises("openWindowPlacement()", NO_WINDOW),
];

pub(super) static SYS_INFO: Class = Class::object(
    "sysinfo",
    "The machine.",
    &[
        works("numCPUs"),
        works("ram"),
        works("numMonitors"),
        works("xres"),
        works("yres"),
        works("tfs"),
        works("MIDIInputs"),
        works("MIDIOutputs"),
    ],
)
.absent("there is no object for the machine; os.cpu_count() and the module platform know it");

pub(super) static MONITORS: Class = Class::object(
    "monitors",
    "The screens.",
    &[
        works("primary"),
        works("width"),
        works("height"),
        works("left"),
        works("right"),
        works("top"),
        works("bottom"),
        works("locate()"),
        works("refresh()"),
    ],
)
.absent(NO_WINDOW);

pub(super) static LICENSES: Class = Class::object(
    "licenses",
    "Licences of TouchDesigner.",
    &[
        works("disablePro"),
        works("dongles"),
        works("machine"),
        works("systemCode"),
        works("isPro"),
        works("isNonCommercial"),
        works("type"),
        works("install()"),
    ],
)
.absent(NO_LICENCES);
