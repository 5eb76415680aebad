"""Fixtures: patches that run, peers that must be there.

Run by `cargo xtask test`, in several processes, or by hand after `cargo xtask setup` and `cargo build`:
`target/peers/python/bin/python -m pytest tests/peers -q`, with `-n 3 --dist worksteal` in three. `PATCHCORD` names another program to test, `PATCHCORD_PYTHON`
the Python that it runs its scripts with, `PATCHCORD_PEERS` another folder of peers than target/peers, `PATCHCORD_CSOUND`
another plugin for Csound.
"""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from websockets.sync.server import serve

import csound_host
import csound_runs
import running
from csound_chops import Chop
from csound_runs import Csound, csd
from node_peer import NodeClient, NodePeer, NodeServer
from peers import missing
from running import ECHO, INFO_CHOP, REPOSITORY, Command, Running, free_port
from scenarios import Scenario
from scripted_server import ScriptedServer
from scripted_socketio import PollingServer, ScriptedSocketIo
from socket_graphs import Desk, toml
from socketio_dats import SocketIoDat, pool
from socketio_faults import FIGURES, FaultDat
from socketio_servers import SocketIoServer
from socketio_table import Outcomes
from turns import Turns
from websocket_dats import Dat, Program

# Names of operators are not used twice, so that what was printed about one is not taken for another's.
NUMBERS = itertools.count(1)
# Memory in KiB that a test may leave: what an allocator keeps after some megabytes of messages.
LEFT_BEHIND = 16 * 1024
# What works with which Socket.IO server.
OUTCOMES = Outcomes()


# Where several processes test: the folder that they share, of the process that leads them; what this one has of it.
SHARED, TURNS = [], []


def pytest_configure(config):
    if worker := getattr(config, "workerinput", None):
        TURNS.append(Turns(worker["turns"]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """A process that tests is about to start."""
    if not SHARED:
        SHARED.append(tempfile.TemporaryDirectory(prefix="patchcord-peers-"))
    node.workerinput["turns"] = SHARED[0].name


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """A process that tested has ended."""
    OUTCOMES.add(getattr(node, "workeroutput", {}).get("outcomes"))


def pytest_collection_modifyitems(items):
    """The demo in the browser takes longest to come up, and what has to be alone waits for all others: they run last."""
    items.sort(key=lambda item: (item.get_closest_marker("alone") is not None, item.path.name == "test_demo.py"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    with contextlib.ExitStack() as stack:
        for turns in TURNS:
            stack.enter_context(turns.turn(alone=item.get_closest_marker("alone") is not None))
        return (yield)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the program printed."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        commands = [*getattr(item, "started_commands", []), *getattr(item, "shared_commands", [])]
        for number, command in enumerate(commands):
            report.sections.append((f"output of program {number + 1}", command.output))
    OUTCOMES.note(item, report)


@pytest.fixture(autouse=True)
def bound():
    """No test takes longer than two minutes, whatever it waits for: a minute of a machine that has little else to do."""

    def ring(*_):
        raise TimeoutError("the test took longer than 120 s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def command(request):
    """Runs the program with the given arguments; what still runs at the end of the test is killed."""
    started = request.node.started_commands = getattr(request.node, "started_commands", [])

    def start(*arguments, environment=None, folder=None):
        one = Command(arguments, environment, folder)
        started.append(one)
        return one

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def patch(request, tmp_path):
    """Writes a patch folder and runs it. It has to end with exit code 0 at SIGTERM when the test is over."""
    started = request.node.started_commands = getattr(request.node, "started_commands", [])
    mine = []

    def start(
        callbacks=ECHO, *, settings=None, more="", files=None, environment=None, wait=True, arguments=(), **parameters
    ):
        folder = tmp_path / f"patch{len(mine) + 1}"
        folder.mkdir()
        one = Running.__new__(Running)
        one.lines, one.process = [], None
        started.append(one)
        one.__init__(
            folder,
            parameters=parameters,
            callbacks=callbacks,
            settings=settings or {},
            more=INFO_CHOP + more,
            files=files or {},
            environment=environment,
            wait=wait,
            arguments=arguments,
        )
        mine.append(one)
        return one

    yield start
    try:
        for one in mine:
            one.close()
    finally:
        for one in started:
            if one.process is not None:
                one.kill()


@pytest.fixture
def scenario(request, tmp_path):
    """Runs a copy of a patch of `scripts/`: (name of the folder, ports={9981: …}). It has to end with exit code 0 at
    SIGTERM, and none of its scripts may have failed."""
    started = request.node.started_commands = getattr(request.node, "started_commands", [])
    mine = []

    def start(name, *, ports=None, environment=None, wait=True):
        one = Scenario(name, tmp_path / f"{name}{len(mine) + 1}", ports, environment, started)
        mine.append(one)
        return one.start() if wait else one

    yield start
    for one in mine:
        one.close()


@pytest.fixture(scope="session")
def node():
    """Node with its package `ws`: (program, folder of packages)."""
    peers = Path(os.environ.get("PATCHCORD_PEERS", REPOSITORY / "target" / "peers"))
    program = shutil.which("node")
    if program is None:
        missing("node", "install the package nodejs")
    packages = peers / "node" / "node_modules"
    if not (packages / "ws" / "package.json").exists():
        missing("the Node package ws", "run `cargo xtask setup`")
    return program, packages


@pytest.fixture
def desk(patch):
    """Runs a graph on one connection: (family, echo=…, fields of the connection) -> Desk."""
    return lambda family, echo=False, **fields: Desk(patch, family, toml(**fields), echo)


@pytest.fixture
def node_sockets(node):
    """Starts peers of plain sockets on Node, each in a process of its own."""
    with contextlib.ExitStack() as peers:

        def start():
            peer = NodePeer(node, "sockets_peer.mjs")
            peers.callback(peer.end)
            return peer

        yield start


@pytest.fixture
def node_client(node):
    """Starts clients on Node's `ws`, each in a process of its own."""
    clients = []

    def start(url, protocols=(), **options):
        clients.append(NodeClient(node, url, protocols, **options))
        return clients[-1]

    yield start
    for client in clients:
        client.end()


@pytest.fixture
def node_server(node):
    """Starts servers on Node's `ws`, each in a process of its own."""
    servers = []

    def start(**options):
        servers.append(NodeServer(node, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture
def python_server():
    """Starts servers on Python's `websockets`; `check_origin` lets in requests with the server's own origin alone."""
    servers = []

    def start(handler, *, check_origin=False, host="127.0.0.1", **options):
        port = free_port()
        listener = socket.create_server((host, port))
        scheme = "https" if "ssl" in options else "http"
        if check_origin:
            options["origins"] = [f"{scheme}://{host}:{port}"]
        server = serve(handler, sock=listener, **{"compression": None, "ping_interval": None, **options})
        server.port = port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def scripted():
    """Starts servers that do what scripts say; what a script raised fails the test."""
    servers = []

    def start(*scripts, **options):
        servers.append(ScriptedServer(*scripts, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def faulty():
    """Starts Socket.IO servers that do what scripts say, connection by connection, or with `polling` session by session."""
    servers = []

    def start(*scripts, polling=False, **options):
        servers.append((PollingServer if polling else ScriptedSocketIo)(*scripts, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def dat_program(tmp_path_factory):
    """The program that all WebSocket DATs of `dat` live in. It has to end with exit code 0 at SIGTERM."""
    program = Program(tmp_path_factory.mktemp("dats") / "patch")
    yield program
    program.close()


@pytest.fixture
def dat(request, dat_program):
    """Makes WebSocket DATs in a program that other tests use, too: (server or port, parameters…). None may leave much
    memory behind, whatever its server does."""
    request.node.shared_commands = [dat_program]
    before = dat_program.resident_kib()
    made = []

    def make(server=None, *, name=None, **parameters):
        name = name or f"ws{next(NUMBERS)}"
        if server is not None:
            parameters.setdefault("netaddress", "127.0.0.1")
            parameters.setdefault("port", getattr(server, "port", server))
            parameters.setdefault("active", True)
        made.append(Dat(dat_program, name, **parameters))
        return made[-1]

    yield make
    for one in made:
        if one.name == "wired":
            one.let_go()
        else:
            one.remove()
    grown = dat_program.resident_kib() - before
    assert grown < LEFT_BEHIND, f"{grown} KiB stay behind"


@pytest.fixture(scope="session")
def socketio_servers():
    """Socket.IO servers that tests share, each started when it is first asked for."""
    servers = {}

    def find(kind):
        if kind not in servers:
            servers[kind] = SocketIoServer(kind)
        servers[kind].mark()
        return servers[kind]

    yield find
    for server in servers.values():
        server.kill()


@pytest.fixture
def server(kind, socketio_servers):
    """The shared Socket.IO server of the kind that the test is about."""
    return socketio_servers(kind)


@pytest.fixture
def own_server():
    """Starts Socket.IO servers for one test, which may close or kill them: (kind, port, settings…)."""
    servers = []

    def start(kind, port=None, **settings):
        servers.append(SocketIoServer(kind, port, **settings))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="session")
def socketio_program(tmp_path_factory):
    """The program that all SocketIO DATs live in. It has to end with exit code 0 at SIGTERM."""
    program = Program(tmp_path_factory.mktemp("socketio") / "patch", more=pool())
    yield program
    program.close()


@pytest.fixture
def io(request, socketio_program):
    """Takes SocketIO DATs of a program that other tests use, too: (server or url, parameters…). None may leave much
    memory behind."""
    request.node.shared_commands = [socketio_program]
    before = socketio_program.resident_kib()
    made = []

    def take(server="", **parameters):
        made.append(SocketIoDat(socketio_program, url=getattr(server, "url", server), **parameters))
        return made[-1]

    yield take
    for one in made:
        one.remove()
    grown = socketio_program.resident_kib() - before
    assert grown < LEFT_BEHIND, f"{grown} KiB stay behind"


@pytest.fixture(scope="session")
def fault_program(tmp_path_factory):
    """The program whose SocketIO DATs meet faulty servers. It has to end with exit code 0 at SIGTERM."""
    program = Program(tmp_path_factory.mktemp("faults") / "patch", more=FIGURES)
    yield program
    program.close()


@pytest.fixture
def sio(request, fault_program):
    """Makes SocketIO DATs for faulty servers: (server or url, parameters…). None may leave much memory behind."""
    request.node.shared_commands = [fault_program]
    before = fault_program.resident_kib()
    made = []

    def make(server="", **parameters):
        made.append(FaultDat(fault_program, f"sio{next(NUMBERS)}", url=getattr(server, "url", server), **parameters))
        return made[-1]

    yield make
    for one in made:
        one.remove()
    grown = fault_program.resident_kib() - before
    assert grown < LEFT_BEHIND, f"{grown} KiB stay behind"


@pytest.fixture
def csound(request, tmp_path):
    """Runs csound with the plugin (`original=True`: with the original one) on instruments: see `Csound`. It has to end
    with exit code 0 when its score ends."""
    started = request.node.started_commands = getattr(request.node, "started_commands", [])
    mine = []

    def start(orchestra, **options):
        one = Csound(tmp_path / f"csound{len(mine) + 1}", orchestra, **options)
        started.append(one)
        mine.append(one)
        return one

    yield start
    try:
        for one in mine:
            one.close()
    finally:
        for one in mine:
            one.kill()


@pytest.fixture
def chops(patch):
    """Runs patches with a Csound CHOP `csound1`: see `Chop`."""
    made = []

    def start(**options):
        made.append(Chop(patch, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def csound_in_host(tmp_path):
    """Runs a script in a process that has Csound inside it, with `TEXT`, the csd of these instruments, and `PORT`; gives
    what the script told."""

    def start(script, orchestra, *, score="i 1 0 3600", settings=None, wrapper=(), **header):
        if csound_host.library() is None:
            missing("libcsound64", "install the package libcsound64-6.0")
        port = free_port()
        text = csd(csound_runs.header(PORT=port, **header) + orchestra, score)
        surroundings = {**csound_runs.environment(tmp_path), **(settings or {})}
        return csound_host.run(f"PORT = {port}\nTEXT = {text!r}\n{script}", surroundings, tmp_path, wrapper)

    return start


@pytest.fixture(scope="session")
def chromium():
    """Path of the system's Chromium."""
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists():
        missing("chromium", "install the package chromium")
    return path


def pytest_sessionstart(session):
    """Refuses to test a program that does not start, such as a launcher beside a module of another build."""
    if TURNS:
        return  # the process that leads this one has done so
    path = running.program()
    tried = subprocess.run(
        [path, "ops"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATCHCORD_PYTHON": running.PYTHON},
    )
    if tried.returncode != 0:
        pytest.exit(f"{path} does not start:\n{tried.stdout}{tried.stderr}", returncode=3)


def pytest_deselected(items):
    OUTCOMES.note_left_out(items)


def pytest_sessionfinish(session):
    if TURNS:
        session.config.workeroutput["outcomes"] = OUTCOMES.state()
    else:
        OUTCOMES.write()


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"program under test: {running.program()}")
