# The first thing that runs in the interpreter: checks that interpreter and module fit, then starts the module.
# It is read by whatever `python3` there is, so it keeps to what every version understands.
import sys

module_file, build, wanted, any_later, origin = sys.argv[1:6]
sys.argv = sys.argv[6:]


def refuse(reason, remedy):
    sys.stderr.write("patchcord: %s\n%s\n" % (reason, remedy))
    sys.exit(3)


found = "%d.%d" % sys.version_info[:2]
here = "%s (from %s)" % (sys.executable, origin)
another = "Name another interpreter with --python PATH"
if sys.version_info < (3, 10):
    refuse("%s is Python %s, but 3.10 or later is needed" % (here, found), another + ", or install a newer python3")
if sys.implementation.name != "cpython":
    refuse("%s is %s, but only CPython will do" % (here, sys.implementation.name), another)
if "t" in getattr(sys, "abiflags", ""):
    refuse("%s is a free-threaded build of Python, which is not supported" % here, another)
fits = tuple(map(int, wanted.split("."))) <= sys.version_info[:2] if any_later == "1" else wanted == found
if not fits:
    refuse(
        "%s is Python %s, but this program was built for %s" % (here, found, wanted),
        "%s, or build it for this one: PYO3_PYTHON=%s cargo build --release" % (another, sys.executable),
    )

# `-c` puts the current folder on the path, where the file of a callbacks DAT would hide the DAT.
if sys.path and sys.path[0] == "":
    del sys.path[0]

from importlib.machinery import ExtensionFileLoader, ModuleSpec

loader = ExtensionFileLoader("_patchcord", module_file)
try:
    module = loader.create_module(ModuleSpec("_patchcord", loader, origin=module_file))
    loader.exec_module(module)
except ImportError as error:
    refuse("its Python module does not load: %s" % error, "Build or install the program anew")
if getattr(module, "__build__", None) != build:
    refuse(
        "%s is of another build than the program beside it" % module_file,
        "Build both with `cargo build`, or install the program anew",
    )
sys.modules["_patchcord"] = module
sys.exit(module.main(sys.argv))
