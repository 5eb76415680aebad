"""What scripts reach of the program itself: app, project, ui, sysinfo, licenses, monitors.

Where TouchDesigner has a window, a licence or a sound card, there is a neutral value here, or an error that says so.
"""
import os
import sys
import time

import _patchcord_native as native

# What `app.version` and `app.build` say: those of the TouchDesigner whose Python API this follows. Scripts compare them as
# texts or numbers (`app.build >= "2022"`, `float(app.build)`) to know what there is; with the program's own version all would
# take it for a very old TouchDesigner. The program's own is `app.patchcordVersion`.
API_VERSION, API_BUILD = "099", "2025.32460"


def _data_folder(variable, otherwise):
    return os.path.join(os.environ.get(variable) or os.path.expanduser(otherwise), "patchcord")


class App:
    """The program."""

    product = "Patchcord"
    version, build = API_VERSION, API_BUILD
    patchcordVersion = native.version
    power = True
    experimental = False
    recentFiles = property(lambda self: [])
    enableOptimizedExprs = False
    windowColorBits = 8

    osName = buildOS = property(lambda self: os.uname().sysname)
    osVersion = property(lambda self: os.uname().release)
    architecture = property(lambda self: os.uname().machine)
    launchTime = property(lambda self: native.seconds(), doc="Seconds since the program started.")
    processId = property(lambda self: os.getpid())
    binFolder = installFolder = systemFolder = property(lambda self: os.path.dirname(sys.executable))
    samplesFolder = property(lambda self: "", doc="There are no samples; empty.")
    configFolder = property(lambda self: _data_folder("XDG_CONFIG_HOME", "~/.config"))
    preferencesFolder = property(lambda self: _data_folder("XDG_CONFIG_HOME", "~/.config"))
    userPaletteFolder = paletteFolder = property(lambda self: os.path.join(_data_folder("XDG_DATA_HOME", "~/.local/share"), "palette"))
    logExtensionCompiles = False

    @property
    def desktopFolder(self):
        """The folder Desktop in the home folder; the home folder where there is none."""
        desktop = os.path.expanduser("~/Desktop")
        return desktop if os.path.isdir(desktop) else os.path.expanduser("~")

    def __repr__(self):
        return f"type:App product:{self.product} version:{self.version}"


class Paths(dict):
    """Short names of folders, for `project.paths`: `{'assets': '/srv/assets'}`."""


class Project:
    """The patch as a whole."""

    __slots__ = ("_paths", "cacheParameters", "windowOnTop", "windowDraw", "windowStartMode", "windowStartCustomWidth",
                 "windowStartCustomHeight", "windowStartCustomX", "windowStartCustomY", "performOnStart", "performWindowPath",
                 "resetAudioOnDeviceChange")

    def __init__(self):
        self._paths = Paths()
        self.cacheParameters = False
        self.windowOnTop = self.windowDraw = self.performOnStart = False
        self.windowStartMode, self.performWindowPath = "", None
        self.windowStartCustomWidth = self.windowStartCustomHeight = self.windowStartCustomX = self.windowStartCustomY = 0
        self.resetAudioOnDeviceChange = False

    name = property(lambda self: native.project()[0], doc="Name of the patch.")
    folder = property(lambda self: native.project()[1], doc="The patch folder; file names count from it.")
    paths = property(lambda self: self._paths, doc="Short names of folders, kept while the program runs.")
    saveVersion = property(lambda self: API_VERSION)
    saveBuild = property(lambda self: API_BUILD)
    saveOsName = saveOSName = property(lambda self: os.uname().sysname)
    saveOsVersion = saveOSVersion = property(lambda self: os.uname().release)

    @property
    def saveTime(self):
        """When patch.toml was last written, as Python's `ctime` says it; empty without a file."""
        try:
            return time.ctime(os.path.getmtime(os.path.join(self.folder, "patch.toml")))
        except OSError:
            return ""

    @property
    def cookRate(self):
        """Frames per second; it can be set, until the patch file says otherwise."""
        return native.frame()[1]

    @cookRate.setter
    def cookRate(self, rate):
        native.set_rate(float(rate))

    @property
    def realTime(self):
        """Whether late frames are skipped, which they always are."""
        return True

    @realTime.setter
    def realTime(self, on):
        if not on:
            raise native.Error("project.realTime cannot be off: frames that come too late are skipped")

    def quit(self, force=False, crash=False):
        """Ends the program in order. There is nothing to be saved, so `force` makes no difference."""
        native.quit()

    def stack(self):
        """Where scripts stand now, as text: one line for each call, the outermost first."""
        return self.pythonStack()

    def pythonStack(self):
        """As stack."""
        import traceback

        frames = [frame for frame in traceback.extract_stack() if frame.filename != "<patchcord>"]
        return "\n".join(f"{frame.filename} fn:{frame.name} line:{frame.lineno}" for frame in frames)

    isPrivate = isPrivateKey = property(lambda self: False)
    externalToxModifiedInProject = externalToxModifiedOnDisk = property(lambda self: False)

    def applyWindowSettings(self):
        """There is no window, so nothing happens."""

    def __repr__(self):
        return f"type:Project name:{self.name} folder:{self.folder}"


class Undo:
    """Takes what scripts say about undoing, and keeps nothing: there is nobody who would undo."""

    globalState = False
    state = False
    undoStack = property(lambda self: [])
    redoStack = property(lambda self: [])

    def _nothing(self, *args, **options):
        """Nothing happens."""

    startBlock = endBlock = addCallback = clear = undo = redo = _nothing


class Colors:
    """Colours of the user interface, by name: kept as they are set, grey before."""

    def __init__(self):
        self._set = {}

    def __getitem__(self, name):
        return self._set.get(name, (0.5, 0.5, 0.5))

    def __setitem__(self, name, color):
        red, green, blue = (float(part) for part in color)
        self._set[name] = (red, green, blue)

    def resetToDefaults(self):
        self._set.clear()


class Options:
    """Settings of the user interface, by name: kept as they are set, None before."""

    def __init__(self):
        self._set = {}

    def __getitem__(self, name):
        return self._set.get(name)

    def __setitem__(self, name, value):
        self._set[name] = value

    def resetToDefaults(self):
        self._set.clear()


class Panes(list):
    """The panes of the user interface: none."""

    current = None

    def __getitem__(self, which):
        if isinstance(which, str):
            return None
        return super().__getitem__(which)


class UI:
    """What there is of a user interface: a status line, a clipboard and settings, kept while the program runs."""

    def __init__(self):
        self.status = ""
        self.clipboard = ""
        self.undo = Undo()
        self.colors = Colors()
        self.options = Options()
        self.panes = Panes()
        self.performMode = True
        self.masterVolume = 1.0
        self.showPaletteBrowser = False
        self.lastChopChannelSelected = None
        self.rolloverOp = self.rolloverPar = self.rolloverPanel = None
        self.windowX = self.windowY = self.windowWidth = self.windowHeight = 0
        self.preferences = Options()
        self.redrawMainWindow = self.dpiBiCubicFilter = False

    def _nothing(self, *args, **options):
        """Windows are opened and closed by this. There are none, so nothing happens."""

    refresh = openBeat = openBookmarks = openCOMPEditor = openConsole = openDialogHelp = openErrors = openExplorer = _nothing
    openExportMovie = openHelp = openImportFile = openKeyManager = openMIDIDeviceMapper = openNewProject = _nothing
    openOperatorSnippets = openPaletteBrowser = openPerformanceMonitor = openPreferences = openSearch = openTextport = _nothing
    openVersion = openWindowPlacement = openAbletonControl = findEditDAT = _nothing

    def __repr__(self):
        return "type:UI (there is no window)"


class SysInfo:
    """Facts about the machine."""

    numCPUs = property(lambda self: os.cpu_count() or 1)
    numMonitors = property(lambda self: 0)
    xres = yres = property(lambda self: 0)
    MIDIInputs = MIDIOutputs = property(lambda self: [])
    tfs = property(lambda self: 0)

    @property
    def ram(self):
        """Main memory in MiB."""
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20


class _Nobody:
    """As a list without entries."""

    def __len__(self):
        return 0

    def __iter__(self):
        return iter(())

    def __getitem__(self, at):
        raise IndexError("there are none")


class Licenses(_Nobody):
    """Licences: Patchcord needs none."""

    type = "Free"
    isPro = isNonCommercial = False
    disablePro = False
    machine = systemCode = ""

    dongles = property(lambda self: [])


class Monitors(_Nobody):
    """Monitors: none."""

    primary = None
    width = height = left = right = top = bottom = 0

    def locate(self, *args):
        return None

    def refresh(self):
        """There are none, so nothing happens."""


def install(td):
    td.app, td.project, td.ui = App(), Project(), UI()
    td.sysinfo, td.licenses, td.monitors = SysInfo(), Licenses(), Monitors()
    td.debug = Debug(td.debug)


class Debug:
    """`debug(…)` prints its arguments and where it was called; `debug.setStyle` decides what is said besides."""

    def __init__(self, plain):
        self._plain = plain
        self._style = {"showArgs": False, "showFunctionName": True, "showLineNumber": True, "showScriptName": True}

    def __call__(self, *args):
        frame = sys._getframe(1)
        code, style = frame.f_code, self._style
        where = []
        if style["showScriptName"]:
            where.append(code.co_filename)
        if style["showFunctionName"]:
            where.append(f"fn:{code.co_name}")
        if style["showLineNumber"]:
            where.append(f"line:{frame.f_lineno}")
        if style["showArgs"]:
            names = code.co_varnames[: code.co_argcount]
            where.append("args:" + ", ".join(f"{name}={frame.f_locals.get(name)!r}" for name in names))
        print(*args, *([f"  (Debug - {' '.join(where)})"] if where else []))

    def setStyle(self, **style):
        """Which of showArgs, showFunctionName, showLineNumber and showScriptName are on."""
        for name, on in style.items():
            if name not in self._style:
                raise TypeError(f"debug.setStyle knows {', '.join(self._style)}; there is no `{name}`")
            self._style[name] = bool(on)

    style = property(lambda self: dict(self._style))
