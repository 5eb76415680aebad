//! The module tdu and its classes.

use super::{Class, NO_WINDOW, NOT_YET, raises, works};

pub(super) static TDU: Class = Class::module(
    "tdu",
    "Helpers for names, patterns, numbers and values.",
    &[
        works("Dependency").gives("tdu.Dependency"),
        works("base()"),
        works("digits()"),
        works("validName()"),
        works("validPath()"),
        works("match()"),
        works("expand()"),
        works("split()"),
        works("clamp()"),
        works("remap()"),
        works("rand()"),
        works("tryExcept()"),
        works("expandPath()"),
        works("collapsePath()"),
        works("calcNumBytes()"),
        works("expandPathPattern()"),
        raises("forceCrash()", "a crash is never wanted").instead("os.abort()"),
        works("fileTypes"),
        raises("debug", "the textport shows what there is to see").instead("debug()"),
        works("Color()"),
        works("FileInfo()"),
        works("Timecode()"),
        works("ParMenu()"),
        works("TableMenu()"),
        works("PathInfo()"),
        works("Position()"),
        works("Vector()"),
        works("Quaternion()"),
        works("Matrix()"),
        raises("Camera()", "nothing is drawn here"),
        raises("ArcBall()", NO_WINDOW),
        works("pathToURL()"),
        works("urlToPath()"),
        raises("getCacheID()", "nothing is drawn here"),
    ],
);

pub(super) static DEPENDENCY: Class = Class::new(
    "tdu.Dependency",
    "A value that tells who uses it when it changes.",
    &[
        works("val"),
        works("peekVal"),
        works("callbacks"),
        works("ops").gives("[OP]"),
        raises("listAttributes", NOT_YET),
        works("setVal()"),
        works("modified()"),
    ],
);

pub(super) static FILE_INFO: Class = Class::new(
    "tdu.FileInfo",
    "A path of a file, with its parts; a str.",
    &[
        works("path"),
        works("ext"),
        works("baseName"),
        works("fileName"),
        works("dir"),
        works("absPath"),
        works("exists"),
        works("fileType"),
    ],
);

pub(super) static TIMECODE: Class = Class::new(
    "tdu.Timecode",
    "A time in hours, minutes, seconds and frames.",
    &[
        works("text"),
        works("hour"),
        works("minute"),
        works("second"),
        works("frame"),
        works("fps"),
        works("dropFrame"),
        works("negative"),
        works("countdown"),
        works("smpte"),
        works("totalFrames"),
        works("totalSeconds"),
        works("setText()"),
        works("setHMSF()"),
        works("setFPS()"),
        works("setDropFrame()"),
        works("setSMPTE()"),
        works("setTotalFrames()"),
        works("setTotalSeconds()"),
    ],
);

pub(super) static MENU: Class = Class::new(
    "tdu.ParMenu",
    "Entries of a menu, for `menuSource`; TableMenu makes one from a table.",
    &[works("menuNames"), works("menuLabels")],
);

pub(super) static POSITION: Class = Class::new(
    "tdu.Position",
    "A point in space.",
    &[works("x"), works("y"), works("z"), works("copy()"), works("scale()"), works("translate()")],
);

pub(super) static VECTOR: Class = Class::new(
    "tdu.Vector",
    "A direction in space.",
    &[
        works("x"),
        works("y"),
        works("z"),
        works("angle()"),
        works("copy()"),
        works("cross()"),
        works("distance()"),
        works("dot()"),
        works("length()"),
        works("lengthSquared()"),
        works("lerp()"),
        works("normalize()"),
        works("project()"),
        works("reflect()"),
        works("scale()"),
        works("slerp()"),
    ],
);

pub(super) static QUATERNION: Class = Class::new(
    "tdu.Quaternion",
    "A rotation.",
    &[
        works("x"),
        works("y"),
        works("z"),
        works("w"),
        works("axis()"),
        works("angle()").beyond(),
        works("copy()"),
        works("createMatrix()"),
        works("cross()"),
        works("dot()"),
        works("eulerAngles()"),
        works("fromEuler()"),
        works("exp()"),
        works("inverse()"),
        works("length()"),
        works("lerp()"),
        works("log()"),
        works("rotate()"),
        works("slerp()"),
    ],
);

pub(super) static MATRIX: Class = Class::new(
    "tdu.Matrix",
    "A matrix of four by four.",
    &[
        works("vals"),
        works("rows"),
        works("cols"),
        works("copy()"),
        works("decompose()"),
        works("determinant()"),
        works("fillTable()"),
        works("getRotateVector()"),
        works("identity()"),
        works("inverse()"),
        works("invert()"),
        works("lookat()"),
        works("mapOver()"),
        works("numpyArray()"),
        works("projectionFovX()"),
        works("projectionFovY()"),
        works("rotate()"),
        works("rotateOnAxis()"),
        works("rotateToVector()"),
        works("scale()"),
        works("translate()"),
        works("transpose()"),
    ],
);

pub(super) static COLOR: Class = Class::new(
    "tdu.Color",
    "A colour.",
    &[works("r"), works("g"), works("b"), works("a"), works("copy()"), works("vals")],
);
