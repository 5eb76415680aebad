"""What tdu has besides names, patterns and vectors: Timecode, FileInfo, ParMenu, TableMenu."""
import os

_FILE_TYPES = {
    "audio": "aif aiff flac m4a mp3 ogg wav",
    "channel": "bchan bclip chan clip csv",
    "component": "tox",
    "geometry": "abc bgeo bhclassic fbx geo obj ply stl usd usda usdc usdz",
    "image": "bmp dds dpx exr gif hdr jpeg jpg pic png svg tga tif tiff webp",
    "material": "mat mtl",
    "midi": "mid midi",
    "movie": "avi flv m2ts m4v mkv mov mp4 mpeg mpg mxf ts webm wmv",
    "project": "toe",
    "table": "csv dat tsv",
    "text": "css csv dat frag glsl html js json md py toml tsv txt vert xml yaml",
}
FILE_TYPES = {kind: endings.split() for kind, endings in _FILE_TYPES.items()}


class FileInfo(str):
    """A path that knows its parts. Relative paths count from the patch folder."""

    __slots__ = ()

    @property
    def path(self):
        return str(self)

    @property
    def absPath(self):
        import tdu

        return os.path.abspath(tdu.expandPath(self))

    @property
    def ext(self):
        """The ending with its dot; empty without one."""
        return os.path.splitext(self)[1]

    @property
    def baseName(self):
        """The name without its ending."""
        return os.path.splitext(os.path.basename(self))[0]

    @property
    def fileName(self):
        return os.path.basename(self)

    @property
    def dir(self):
        """The folder that it is in."""
        return FileInfo(os.path.dirname(self))

    @property
    def fileType(self):
        """The first kind of file that has such an ending, `dir` for a folder; empty for an unknown one."""
        if self._is_dir:
            return "dir"
        ending = self.ext[1:].lower()
        return next((kind for kind, endings in FILE_TYPES.items() if ending in endings), "")

    exists = property(lambda self: os.path.exists(self.absPath))
    _is_dir = property(lambda self: os.path.isdir(self.absPath))


class PathInfo(FileInfo):
    """As FileInfo."""


class Timecode:
    """A time as hours, minutes, seconds and frames, made of a number of frames or a text `hh:mm:ss:ff`. With `dropFrame` the
    numbers 0 and 1 (at 60 frames per second 0 to 3) are left out at each minute but every tenth, as for NTSC."""

    countdown = False

    def __init__(self, source=0, fps=60.0, dropFrame=False, smpte=False):
        self.setFPS(fps)
        self.dropFrame, self.smpte = bool(dropFrame), bool(smpte)
        if isinstance(source, Timecode):
            self.totalFrames = source.totalFrames
        elif isinstance(source, str):
            self.setText(source)
        else:
            self.setTotalFrames(source)

    def setText(self, text):
        """Sets it from `hh:mm:ss:ff`."""
        self.totalFrames = self._read(text)

    def setHMSF(self, hour, minute, second, frame):
        """Sets it from its four numbers."""
        self.setText(f"{int(hour)}:{int(minute)}:{int(second)}:{int(frame)}")

    def setTotalFrames(self, frames):
        self.totalFrames = int(frames)

    def setTotalSeconds(self, seconds):
        self.totalFrames = round(float(seconds) * self.fps)

    def setFPS(self, fps):
        if not float(fps) > 0:
            raise ValueError("frames per second are more than 0")
        self.fps = float(fps)

    def setDropFrame(self, on):
        self.dropFrame = bool(on)

    def setSMPTE(self, on):
        """With SMPTE a time is less than a day: the hour after 23 is 0."""
        self.smpte = bool(on)

    @property
    def _base(self):
        return max(round(self.fps), 1)

    @property
    def _dropped(self):
        """Numbers that are left out at a minute."""
        return 2 * max(self._base // 30, 1) if self.dropFrame else 0

    def _read(self, text):
        negative = text.strip().startswith("-")
        parts = [int(part) for part in text.strip().lstrip("-").replace(";", ":").replace(".", ":").split(":")]
        if len(parts) != 4:
            raise ValueError(f"{text!r} is no timecode: hours, minutes, seconds and frames are needed")
        hours, minutes, seconds, frames = parts
        minutes += hours * 60
        total = (minutes * 60 + seconds) * self._base + frames - self._dropped * (minutes - minutes // 10)
        return -total if negative else total

    def _numbers(self):
        number = abs(self.totalFrames)
        if self._dropped:
            in_ten = self._base * 600 - self._dropped * 9
            in_one = self._base * 60 - self._dropped
            tens, rest = divmod(number, in_ten)
            number += self._dropped * 9 * tens
            if rest >= self._dropped:
                number += self._dropped * ((rest - self._dropped) // in_one)
        seconds, frame = divmod(number, self._base)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        if self.smpte:
            hour %= 24
        return hour, minute, second, frame

    hour = property(lambda self: self._numbers()[0])
    minute = property(lambda self: self._numbers()[1])
    second = property(lambda self: self._numbers()[2])
    frame = property(lambda self: self._numbers()[3])
    negative = property(lambda self: self.totalFrames < 0)
    totalSeconds = property(lambda self: self.totalFrames / self.fps)

    @property
    def text(self):
        return str(self)

    def _of(self, other):
        return other.totalFrames if isinstance(other, Timecode) else Timecode(other, self.fps, self.dropFrame).totalFrames

    def __add__(self, other):
        return Timecode(self.totalFrames + self._of(other), self.fps, self.dropFrame)

    def __sub__(self, other):
        return Timecode(self.totalFrames - self._of(other), self.fps, self.dropFrame)

    def __eq__(self, other):
        return isinstance(other, Timecode) and (self.totalSeconds == other.totalSeconds)

    def __lt__(self, other):
        return self.totalSeconds < other.totalSeconds

    def __le__(self, other):
        return self.totalSeconds <= other.totalSeconds

    def __hash__(self):
        return hash(self.totalSeconds)

    def __str__(self):
        hour, minute, second, frame = self._numbers()
        sign, colon = "-" if self.negative else "", ";" if self.dropFrame else ":"
        return f"{sign}{hour:02}:{minute:02}:{second:02}{colon}{frame:02}"

    def __repr__(self):
        return f"tdu.Timecode({str(self)!r}, fps={self.fps:g}, dropFrame={self.dropFrame})"


class ParMenu:
    """Names and labels of a menu, for `menuSource`."""

    def __init__(self, menuNames, menuLabels=None):
        self.menuNames = [str(name) for name in menuNames]
        self.menuLabels = [str(label) for label in (self.menuNames if menuLabels is None else menuLabels)]
        if len(self.menuNames) != len(self.menuLabels):
            raise ValueError("a menu has as many labels as names")


class TableMenu(ParMenu):
    """A menu of the rows of a table: a column of names and one of labels, by position or heading."""

    def __init__(self, table, nameCol=None, labelCol=None, includeFirstRow=False):
        names = 0 if nameCol is None else nameCol
        labels = names if labelCol is None else labelCol
        columns = [[cell.val for cell in table.col(column) or []] for column in (names, labels)]
        first = 0 if includeFirstRow else 1
        super().__init__(columns[0][first:], columns[1][first:])


def path_to_url(path):
    """The `file:` address of a path, which may count from the patch folder."""
    import pathlib

    return pathlib.Path(FileInfo(path).absPath).as_uri()


def url_to_path(url):
    """The path of a `file:` address."""
    import urllib.parse
    import urllib.request

    return urllib.request.url2pathname(urllib.parse.urlsplit(str(url)).path)


def expand_path_pattern(pattern):
    """Paths of the files that a pattern such as `assets/*.png` matches, sorted."""
    import glob

    return sorted(glob.glob(FileInfo(pattern).absPath, recursive=True))


def num_bytes(text):
    """The number of bytes that a text such as `1.5 MB` means; kB, MB, GB and TB count in 1024."""
    import re

    match = re.fullmatch(r"\s*([0-9.]+)\s*([kmgt]?)i?b?\s*", str(text).lower())
    if match is None:
        raise ValueError(f"{text!r} is no number of bytes")
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2] or " "))


def install(td):
    for kind in (FileInfo, PathInfo, Timecode, ParMenu, TableMenu):
        kind.__module__ = "tdu"
        setattr(td.tdu, kind.__name__, kind)
    td.tdu.fileTypes = FILE_TYPES
    td.tdu.pathToURL, td.tdu.urlToPath = path_to_url, url_to_path
    td.tdu.expandPathPattern, td.tdu.calcNumBytes = expand_path_pattern, num_bytes
