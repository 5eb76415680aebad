"""What the plugin may not do on the performance thread after init: take memory from the heap or give it back, take a
lock, wait, call the system. Looked at in two ways, each of which is shown to see what an opcode was made to do wrong.

`csound_watch.c`, loaded in front of everything, notes such calls at full speed, with clients on all kinds of variables
and the service thread kept from its core at any moment, so that a lock it shared would be met. callgrind then lists
every function that an opcode's perform functions run through, so that a lock which nobody else wants is seen as well.
memcheck looks at the whole life of the plugin.
"""

import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from csound_runs import count_up, packed, plugin
from peers import missing
from running import REPOSITORY, eventually

HERE = REPOSITORY / "tests" / "peers"
# Every kind in and out, strings that change in every cycle, counters, and a client of the own port.
EVERYTHING = f"""
websocketset $PORT, "control", 1
instr 1
{count_up()}karr[] init 8
karr[3] = kcount
aout = kcount
aarr[] init 2
iout = 3
Sout sprintfk "number %d", kcount
Slist[] init 2
Slist[0] strcpyk Sout
karrin[] init 8
aarrin[] init 2
Slistin[] init 2
kin, karrin, ain, aarrin, iin, Sin, Slistin websocket $PORT, kcount, karr, aout, aarr, iout, Sout, Slist
kclients, kdropped, klate websocketstatus $PORT
chnset kin, "in"
endin
instr 2
kin init 0
kcount websocketclient "ws://127.0.0.1:$PORT", kin
kin = kcount
endin
"""
NAMES = ["kcount", "aout", "Sout", "Slist", "karr", "iout", "kin", "ain", "Sin", "Slistin", "karrin"]
# Clients on all of it, which send and receive as fast as they may for a time.
TRAFFIC = """
import random, threading
over = threading.Event()

def reader(name):
    one = client(name)
    try:
        while not over.is_set():
            one.recv(timeout=1)
    except Exception:
        pass
    one.close()

def writer(name, message):
    one = client(name)
    try:
        while not over.is_set():
            one.send(message())
            time.sleep(0.0005)
    except Exception:
        pass
    one.close()

def traffic():
    numbers = lambda count: lambda: packed(*[random.random() for _ in range(count)])
    texts = lambda: "x" * random.choice([0, 1, 7, 8, 9, 100, 5000, 30000])
    lists = lambda: json.dumps([texts(), texts()])
    senders = {"kin": numbers(1), "karrin": numbers(8), "ain": numbers(64), "aarrin": numbers(128), "iin": numbers(1),
               "Sin": texts, "Slistin": lists, "kcount": numbers(1)}
    mine = [threading.Thread(target=reader, args=(name,)) for name in
            ("kcount", "kcount", "karr", "aout", "aarr", "iout", "Sout", "Slist")]
    mine += [threading.Thread(target=writer, args=pair) for pair in senders.items()]
    mine.append(threading.Thread(target=writer, args=("kin", lambda: b"wrong")))
    for one in mine:
        one.start()
    return mine
"""
WATCH = """
import ctypes
watch = ctypes.CDLL(None)
watch.watch_end.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

def report():
    text = ctypes.create_string_buffer(1 << 16)
    watch.watch_end(text, len(text))
    return text.value.decode("utf-8", "replace")
"""


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """The parts in C, as libraries."""
    compiler = shutil.which("cc")
    if compiler is None:
        missing("a C compiler", "install the package gcc")
    folder = tmp_path_factory.mktemp("compiled")
    for name in ("csound_watch", "csound_planted"):
        library = folder / f"lib{name}.so"
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / f"{name}.c", "-ldl", "-pthread"]
        subprocess.run(command, check=True, timeout=50)
    return folder


def kinds(report):
    """The functions that were noted, with how often."""
    lines = [line.split() for line in report.splitlines() if not line.startswith("\t")]
    return {name: int(count) for name, count in lines}


@pytest.mark.parametrize(
    "what, seen",
    [(0, set()), (1, {"malloc", "free"}), (2, {"pthread_mutex_lock"}), (3, {"futex"}), (4, {"write"})],
    ids=["nothing", "memory", "a lock", "a lock that is held", "a system call"],
)
def test_the_watch_sees_what_an_opcode_does_wrong(csound_in_host, compiled, tmp_path, what, seen):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "libcsound_planted.so").symlink_to(compiled / "libcsound_planted.so")
    [report] = csound_in_host(
        WATCH
        + """
host = Host(TEXT)
host.perform(10)
assert watch.watch_begin(b"csound_planted")
host.perform_for(0.2)
tell(report())
host.destroy()
""",
        f"instr 1\nkwhat = {what}\nkdone planted kwhat\nendin",
        settings={"LD_PRELOAD": str(compiled / "libcsound_watch.so")},
    )
    assert set(kinds(report)) == seen, report


@pytest.mark.alone
def test_no_memory_no_lock_and_no_system_call_on_the_performance_thread(csound_in_host, compiled):
    """Two seconds with 18 clients. The one thing that is allowed is to wake the service thread when it sleeps."""
    told = csound_in_host(
        WATCH
        + TRAFFIC
        + """
import os
before = {int(path.name) for path in Path("/proc/self/task").iterdir()}
host = Host(TEXT, keep_messages=False)
host.perform_until(lambda: listening(PORT))
[service] = {int(path.name) for path in Path("/proc/self/task").iterdir()} - before

def preempted():
    text = Path(f"/proc/self/task/{service}/status").read_text()
    return int(text.split("nonvoluntary_ctxt_switches:")[1])

mine = traffic()
host.perform_for(0.5)  # every client is there by then
# A program that wants all of its core shares it with the service thread, which has the least priority now and then.
core = max(os.sched_getaffinity(0))
hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
os.sched_setaffinity(hog.pid, {core})
os.sched_setaffinity(service, {core})
assert watch.watch_begin(b"patchcord_csound")
begin, pauses, number = time.monotonic(), preempted(), 0
while time.monotonic() - begin < 2.5:
    number += 1
    if number % 16 == 0:
        policy = os.SCHED_IDLE if number % 32 else os.SCHED_OTHER
        os.sched_setscheduler(service, policy, os.sched_param(0))
    host.perform()
    time.sleep(0.0007)
pauses = preempted() - pauses
hog.kill()
hog.wait()
os.sched_setscheduler(service, os.SCHED_OTHER, os.sched_param(0))
os.sched_setaffinity(service, os.sched_getaffinity(0))
tell(report())
tell([pauses, host.channel("in")])
over.set()
host.destroy()
for one in mine:
    one.join()
""",
        EVERYTHING,
        score="i 1 0 3600\ni 2 0.2 3600",
        settings={"LD_PRELOAD": str(compiled / "libcsound_watch.so")},
    )
    report, [pauses, value] = told
    assert pauses > 50, "the service thread was stopped many times"
    assert value != 0, "values came in"
    assert set(kinds(report)) <= {"write"}, report
    assert kinds(report).get("write", 0) < 4000


# ---------------------------------------- under valgrind


@pytest.fixture(scope="session")
def valgrind():
    program = shutil.which("valgrind")
    if program is None:
        missing("valgrind", "install the package valgrind")
    return program


FORBIDDEN = re.compile(
    r"malloc|calloc|realloc|memalign|^(_int_|cfree|free$)|__rust_(alloc|dealloc|realloc)|__rdl_|Mutex|RwLock|Condvar|OnceLock|sync4once"
    r"|parking_lot|pthread_(mutex|rwlock|cond|spin|once|create|join)|futex|sem_(wait|post)|nanosleep|epoll|sched_yield|LocalKey|__tls_get_addr.*dtor"
)


def perform_functions(csound_in_host):
    """Addresses in the library of the functions that csound calls in every cycle, from the plugin's own list."""
    [addresses] = csound_in_host(
        """
host = Host(TEXT)
host.perform(1)
lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if "patchcord_csound" in line]
path = lines[0].split(maxsplit=5)[5]
base = min(int(line.split("-")[0], 16) for line in lines)
plugin = ctypes.CDLL(path)
entries = ctypes.c_void_p()
plugin.csound_opcode_init.restype = ctypes.c_int64
plugin.csound_opcode_init.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
size = plugin.csound_opcode_init(host.csound, ctypes.byref(entries))
words = (ctypes.c_uint64 * (size // 8)).from_address(entries.value)
tell(sorted({word - base for start in range(0, size // 8, 8) for word in words[start + 5 : start + 7] if word}))
""",
        EVERYTHING,
    )
    return addresses


def under_callgrind(csound, valgrind, orchestra, functions, plugins="/nonexistent", **options):
    """A csound of which callgrind notes what runs inside these functions."""
    command = [valgrind, "--tool=callgrind", "--callgrind-out-file=out.txt", "--compress-strings=no", "--demangle=no"]
    command += [f"--toggle-collect={name}" for name in functions]
    return csound(orchestra, wrapper=command, settings={"OPCODE6DIR64": str(plugins)}, **options)


def functions_run(one):
    """Every function that callgrind noted; csound ends with that."""
    one.stop(30)
    return set(re.findall(r"^c?fn=(.*)$", one.file.with_name("out.txt").read_text(), re.MULTILINE))


def test_callgrind_finds_no_lock_and_no_memory_in_the_perform_functions(csound, csound_in_host, valgrind, compiled):
    """Every function that runs while one of ours performs, with clients on all kinds of variables. Beside it runs an
    opcode that does what it may not, in which it is found."""
    addresses = perform_functions(csound_in_host)
    symbols = {}
    for line in subprocess.run(["nm", plugin()], capture_output=True, text=True, check=True).stdout.splitlines():
        if len(parts := line.split()) == 3 and parts[1] in "tT":
            symbols[int(parts[0], 16)] = parts[2]
    assert any("Mutex" in name for name in symbols.values()), "locks of Rust, which others may take, have their name"
    performing = [symbols[address] for address in addresses]
    planted = f"instr 1\n{count_up()}kwhat = 1 + kcount % 2\nkdone planted kwhat\nendin"
    bad = under_callgrind(csound, valgrind, planted, ["perform"], compiled)
    one = under_callgrind(csound, valgrind, EVERYTHING, performing, score="i 1 0 3600\ni 2 0.2 3600")
    for each in (bad, one):
        eventually(lambda each=each: each.find_line("SECTION 1"), 40)
    clients = {name: one.connect(name) for name in NAMES}
    for number in range(20):
        clients["kin"].send(packed(number))
        clients["karrin"].send(packed(*range(8)))
        clients["ain"].send(packed(*range(64)))
        clients["Sin"].send("x" * number * 100)
        clients["kcount"].recv(timeout=20)
    ran = functions_run(one)
    assert set(performing) & ran
    found = {name for name in ran if FORBIDDEN.search(name)}
    assert not found, found
    seen = {name for name in functions_run(bad) if FORBIDDEN.search(name)}
    assert {"malloc", "free"} <= seen and any("mutex_lock" in name for name in seen), seen


class Finding:
    """An error or a leak that memcheck reported."""

    def __init__(self, element):
        self.kind = element.findtext("kind")
        self.frames = [(frame.findtext("obj") or "?", frame.findtext("fn") or "?") for frame in element.iter("frame")]
        self.is_leak = self.kind.startswith("Leak")

    @property
    def is_ours(self):
        return any("patchcord_csound" in library for library, _ in self.frames)

    def __repr__(self):
        return f"{self.kind}: " + " < ".join(f"{Path(library).name}:{name}" for library, name in self.frames[:14])


def memcheck(csound, valgrind, orchestra, **options):
    """A csound that runs under memcheck, with our plugin alone, since each costs a start some time."""
    check = ["--leak-check=full", "--show-leak-kinds=definite,indirect,possible", "--keep-debuginfo=yes"]
    check += ["--xml=yes", "--xml-file=findings.xml", "--num-callers=40", "--fair-sched=yes"]
    return csound(orchestra, wrapper=[valgrind, *check], settings={"OPCODE6DIR64": "/nonexistent"}, **options)


def findings(one):
    """What memcheck says about a csound, which ends with that."""
    eventually(lambda: one.find_line("SECTION 1"), 40)
    one.stop(30)
    tree = ElementTree.parse(one.file.with_name("findings.xml"))
    return [Finding(each) for each in tree.iter("error")]


def test_memcheck_is_clean(csound, valgrind):
    """The whole life: notes that come and go, all kinds both ways, clients that leave in order and not, refusals, a
    busy port, the end with clients. Errors are compared with csound's own; of leaks those with the plugin on their
    stack count."""
    bare = memcheck(csound, valgrind, f'instr 1\n{count_up()}Sout sprintfk "%d", kcount\nendin')
    refused = "instr 3\nkin websocket 0, 1\nendin\n"
    one = memcheck(csound, valgrind, EVERYTHING + refused, score="i 1 0 -1\ni 2 0.2 -1\nf 0 3600", fails=True)
    eventually(lambda: one.find_line("SECTION 1"), 40)
    clients = {name: one.connect(name) for name in NAMES}
    for number in range(10):
        clients["kin"].send(packed(number))
        clients["karrin"].send(packed(*range(8)))
        clients["ain"].send(packed(*range(64)))
        clients["Sin"].send("x" * number * 300)
        clients["Slistin"].send('["a","b"]')
        clients["kin"].send(b"bad")
        clients["kcount"].recv(timeout=20)
    for wrong in ("unknown", "KIN"):
        with pytest.raises(Exception, match="404"):
            one.connect(wrong)
    one.raw("aout").reset()
    one.event("i 1.5 0 0.1")
    one.event("i 3 0 1")  # no port
    one.event("i -2 0 0")
    control = one.connect("csound.v1")
    control.send('{"set":{"kin":5,"channel":3},"get":["kcount"]}')
    control.send('{"subscribe":["kcount"],"rate":100}')
    for _ in range(4):
        control.recv(timeout=20)
    one.event("i -1 0 0.2")
    time.sleep(0.5)

    found, own = findings(one), findings(bare)
    errors = {each.kind + str(each.frames[:3]) for each in own if not each.is_leak}
    ours = [each for each in found if not each.is_leak and each.kind + str(each.frames[:3]) not in errors]
    leaks = [each for each in found if each.is_leak and each.is_ours]
    assert not ours, ours
    assert not leaks, leaks
