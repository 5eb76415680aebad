"""MQTT connections of logic graphs, on a real broker: Debian's mosquitto, with its own clients as the other ends."""

import re
import socket
import threading

import pytest
from certificates import Authority, key_pem
from logic_graphs import event, init, listener, node, say, says, setter, text_of, variable
from mosquitto import Broker
from running import eventually, free_port

OPERATOR = '\n[op.logic1]\ntype = "logicCOMP"\nfile = "graph.logic.toml"\n'
PUBLISH = (
    event("publish", ("Topic", "String"), ("Message", "String"))
    + listener("publish", "send")
    + node("send", "MQTT Publish", configuration="show", wires={"topic": "publish.topic", "message": "publish.message"})
)
SWITCHES = (
    event("open")
    + listener("open", "begin")
    + event("close")
    + listener("close", "end")
    + node("end", "MQTT Stop", configuration="show")
)


def connection(port, more=""):
    return f"""
[connection.mqtt.show]
url = "127.0.0.1"
port = {port}
par.reconnectdelay = 0.2
par.reconnectjitter = 0
{more}
"""


def hears(*topics, subscribe=None):
    """A graph that starts, subscribes and says topic and message of what comes of these topics."""
    parts = [
        init("begin"),
        node("begin", "MQTT Start", configuration="show"),
        node("up", "On MQTT Start", configuration="show", next="started"),
        say("started", next="ask"),
        node("ask", "MQTT Subscribe", configuration="show", topics=list(subscribe or topics), next="asked"),
        say("asked"),
        node("down", "On MQTT Stop", configuration="show", next="stopped"),
        say("stopped"),
        node(
            "recv",
            "On MQTT Topic",
            configuration="show",
            topics=[{"topic_name": topic} for topic in topics],
            on={f"topic.{number}": f"text{number}" for number in range(1, len(topics) + 1)},
        ),
    ]
    for number in range(1, len(topics) + 1):
        parts.append(text_of(f"text{number}", "Any", f"recv.body_{number}", f"line{number}"))
        parts.append(
            node(
                f"line{number}",
                "Format",
                default_pattern=f"{number}: %s = %s",
                parameters=["String", "String"],
                wires={"parameter_1": "recv.topic_name", "parameter_2": f"text{number}.output"},
                next=f"say{number}",
            )
        )
        parts.append(say(f"say{number}", wires={"input": f"line{number}.formatted"}))
    return "".join(parts) + PUBLISH + SWITCHES


@pytest.fixture
def graph(patch):
    """Runs a patch with one graph."""

    def start(text, more="", **options):
        return patch(more=OPERATOR + more, files={"graph.logic.toml": text, **options.pop("files", {})}, **options)

    return start


@pytest.fixture
def broker(tmp_path):
    """Starts brokers, which end with the test."""
    started = []

    def start(**options):
        one = Broker(tmp_path / f"broker{len(started) + 1}", **options)
        started.append(one)
        return one

    yield start
    for one in started:
        one.stop()


def console(one):
    """Node and text of each line of the console so far."""
    lines = (re.match(r"^(?:.*?)\[Player\] \[[^]]*\] (?:(\w+): )?(.*)$", line) for line in list(one.lines))
    return [(found[1] or "", found[2]) for found in lines if found]


def said(one, text, count=1):
    """Waits for the `count`-th line of the console with exactly this text."""
    eventually(
        lambda: len([line for line in console(one) if line[1] == text]) >= count,
        what=f"{count} × {text!r} in the console",
    )


def subscribed(one, count, operator="mqtt_show"):
    """Waits until the broker has granted so many filters."""
    table = f"result = [[cell.val for cell in row] for row in op('/project1/connections/{operator}').rows()]"

    def granted():
        rows = one.do(table)
        return len([row for row in rows[1:] if row[2] == "granted"]) >= count

    eventually(granted, what=f"{count} subscriptions")


def trigger(one, *arguments):
    one.do(f"op('/project1/logic1').trigger({', '.join(map(repr, arguments))})\nresult = 1")


def channel(one, name):
    return one.do(
        "c = op('/project1').create(infoCHOP, 'look') if op('/project1/look') is None else op('/project1/look')\n"
        f"c.par.op = '/project1/connections/mqtt_show'\nresult = c[{name!r}].eval()"
    )


@pytest.mark.parametrize("version", ["v311", "v5"])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_graph_starts_subscribes_hears_and_publishes(graph, broker, version, level):
    server = broker()
    more = f'par.protocol = "{version}"\npar.qos = {level}\npar.subscribeqos = {level}'
    one = graph(hears("a/b", "Case"), connection(server.port, more))
    said(one, "started")
    said(one, "asked")
    subscribed(one, 2)
    with server.subscriber("#", qos=2) as other:
        server.publish("a/b", "hello", qos=level)
        said(one, "1: a/b = hello")
        server.publish("case", "another topic: case differs")
        server.publish("a", "not subscribed")
        server.publish("Case", "ünï", qos=level)
        said(one, "2: Case = ünï")
        trigger(one, "publish", "out/x", "from the graph")
        eventually(lambda: ("out/x", b"from the graph", level, False) in other.heard, what=f"{other.heard}")
    assert "differs" not in one.output and "not subscribed" not in one.output
    assert channel(one, "messages_in") == 2 and channel(one, "messages_out") == 1
    assert channel(one, "connected") == 1
    eventually(lambda: channel(one, "unconfirmed") == 0, what="the confirmation")


def test_many_messages_come_once_and_in_order_at_each_level(graph, broker):
    # More than the broker lets be under way at a time, which is 20: the others wait in the queue.
    server = broker(lines=["max_queued_messages 0"])
    loop = (
        event("many")
        + listener("many", "loop")
        + node("loop", "For Loop", first_index=0, last_index=500, step=1, next="number")
        + text_of("number", "Int", "loop.index", "one")
        + node("one", "MQTT Publish", configuration="show", set_topic="x", wires={"message": "number.output"}).replace(
            "set.set_topic", "set.topic"
        )
    )
    for version in ("v311", "v5"):
        more = f'par.protocol = "{version}"\npar.qos = 2'
        one = graph(hears("none") + loop, connection(server.port, more))
        subscribed(one, 1)
        with server.subscriber("x", qos=2) as other:
            trigger(one, "many")
            eventually(lambda other=other: len(other.heard) >= 500, timeout=20, what="500 messages")
            assert [int(message[1]) for message in other.heard][:500] == list(range(500))
        eventually(lambda one=one: channel(one, "queued") == 0 and channel(one, "unconfirmed") == 0, what="the end")
        assert channel(one, "dropped") == 0
        one.close()


def test_filters_of_a_subscription_and_of_an_event(graph, broker):
    server = broker()
    # The event's own list: exact names, and filters; the first that a topic belongs to counts.
    one = graph(hears("s/1/t", "s/+/t", "deep/#", subscribe=["s/+/t", "deep/#", "quiet/#"]), connection(server.port))
    subscribed(one, 3)
    server.publish("s/1/t", "exact")
    said(one, "1: s/1/t = exact")
    server.publish("s/2/t", "one level")
    said(one, "2: s/2/t = one level")
    server.publish("s/2/3/t", "two levels")
    server.publish("deep", "the level itself")
    said(one, "3: deep = the level itself")
    server.publish("deep/a/b/c", "all further")
    said(one, "3: deep/a/b/c = all further")
    server.publish("quiet/x", "subscribed and not listed")
    server.publish("s/9/t", "last")
    said(one, "2: s/9/t = last")
    assert "two levels" not in one.output and "not listed" not in one.output


def test_a_wrong_filter_and_a_wrong_topic_are_said_with_node_and_connection(graph, broker):
    server = broker()
    one = graph(hears("a", subscribe=["a", "b/#/c"]), connection(server.port))
    one.expect_line(
        r'ask: nothing was subscribed to on "show": "b/#/c": `#` stands for all further levels: '
        r"write it alone behind the last slash"
    )
    # The pulse goes on.
    said(one, "asked")
    trigger(one, "publish", "a/+", "x")
    one.expect_line(r'send: "a/\+" was not published on "show": the topic has a wildcard')
    trigger(one, "publish", "", "x")
    one.expect_line(r'send: "" was not published on "show": the topic is empty')


def test_binary_bodies(graph, broker):
    server = broker()
    topics = [{"topic_name": "raw", "is_body_binary": True}, {"topic_name": "text"}]
    text = (
        init("begin")
        + node("begin", "MQTT Start", configuration="show")
        + node("up", "On MQTT Start", configuration="show", next="ask")
        + node("ask", "MQTT Subscribe", configuration="show", topics=["raw", "text"])
        + variable("body", "Binary")
        + node("recv", "On MQTT Topic", configuration="show", topics=topics, on={"topic.1": "as", "topic.2": "words_text"})
        + node("as", "Conversion", input_data_type="Any", output_data_type="Binary", wires={"input": "recv.body_1"}, next="keep")
        + setter("keep", "body", next="kept", wires={"value": "as.output"})
        + say("kept")
        + says("words", "recv.body_2", "Any")
    )
    one = graph(text, connection(server.port))
    subscribed(one, 2)
    every = bytes(range(256))
    server.publish("raw", every)
    said(one, "kept")
    assert one.do("result = list(op('/project1/logic1').variable('body'))") == list(every)
    server.publish("raw", b"")
    said(one, "kept", 2)
    assert one.do("result = list(op('/project1/logic1').variable('body'))") == []
    # Bytes that are no text, where text is expected, are shown with replacement characters.
    server.publish("text", b"a\xffb")
    said(one, "a\ufffdb")


def test_retained_messages(graph, broker):
    server = broker()
    server.publish("state/lamp", "on", retain=True)
    one = graph(hears("state/#"), connection(server.port, "par.retain = true"))
    said(one, "1: state/lamp = on")
    trigger(one, "publish", "state/door", "open")
    said(one, "1: state/door = open")
    with server.subscriber("state/#") as late:
        eventually(lambda: len(late.heard) == 2, what=f"two retained messages, heard {late.heard}")
        assert sorted(late.heard) == [("state/door", b"open", 0, True), ("state/lamp", b"on", 0, True)]
    # After a reconnect it is subscribed to again, once: each retained message comes once more.
    server.stop()
    said(one, "stopped")
    server.start()
    server.publish("state/lamp", "off", retain=True)
    said(one, "started", 2)
    said(one, "1: state/lamp = off")
    server.publish("state/lamp", "end")
    said(one, "1: state/lamp = end")
    assert len([line for line in console(one) if line[1] == "1: state/lamp = off"]) == 1


def test_two_graphs_share_one_connection(graph, broker):
    server = broker()
    server.publish("both", "kept", retain=True)
    second = hears("both").replace('set.value = "started"', 'set.value = "started too"')
    more = f'\n[op.logic2]\ntype = "logicCOMP"\nfile = "second.logic.toml"\n{connection(server.port)}'
    one = graph(hears("both"), more, files={"second.logic.toml": second})
    said(one, "started")
    said(one, "started too")
    said(one, "1: both = kept", 2)
    server.publish("both", "x")
    said(one, "1: both = x", 2)
    server.expect_line(r"New client connected .* as patchcord-")
    assert len([line for line in server.lines if "New client connected" in line and "patchcord-" in line]) == 1


def test_stop_and_start(graph, broker):
    server = broker()
    one = graph(hears("a"), connection(server.port))
    said(one, "started")
    trigger(one, "publish", "a", "first")
    said(one, "1: a = first")
    trigger(one, "close")
    said(one, "stopped")
    server.expect_line(r"Received DISCONNECT from patchcord-")
    trigger(one, "publish", "a", "into the void")
    one.expect_line(r'send: "a" was not published on "show": not connected')
    trigger(one, "open")
    said(one, "started", 2)
    subscribed(one, 1)
    server.publish("a", "again")
    said(one, "1: a = again")
    assert "the void" not in "".join(text for _, text in console(one) if text.startswith("1:"))


def test_what_was_published_before_stop_arrives(graph, broker):
    server = broker()
    last_words = event("bye") + listener("bye", "last") + node(
        "last", "MQTT Publish", configuration="show", topic="bye", message="last words", next="end"
    )
    one = graph(hears("a") + last_words, connection(server.port, 'par.qos = 1'))
    subscribed(one, 1)
    with server.subscriber("bye", qos=1) as other:
        trigger(one, "bye")
        other.expect(("bye", b"last words"))
        said(one, "stopped")


@pytest.mark.parametrize("version", ["v311", "v5"])
def test_a_broker_that_stops_and_comes_back(graph, broker, version):
    server = broker()
    one = graph(hears("a", "b/#"), connection(server.port, f'par.protocol = "{version}"'))
    said(one, "started")
    subscribed(one, 2)
    server.stop()
    said(one, "stopped")
    one.expect_line(r'MQTT connection "show": (the connection was lost|the broker closed the connection)')
    # While it is away, attempts fail with words; no stop is told where nothing was open.
    one.expect_line(r'MQTT connection "show": connection failed: 127\.0\.0\.1:\d+ refused the connection; start the server')
    server.start()
    said(one, "started", 2)
    subscribed(one, 2)
    server.publish("b/c", "back")
    said(one, "2: b/c = back")
    assert len([line for line in console(one) if line[1] == "stopped"]) == 1
    assert channel(one, "reconnects") == 1


def test_without_reconnect_start_begins_again(graph, broker):
    server = broker()
    one = graph(hears("a"), connection(server.port, "automatic_reconnect = false"))
    said(one, "started")
    server.stop()
    said(one, "stopped")
    server.start()
    trigger(one, "open")
    said(one, "started", 2)


@pytest.mark.parametrize("version", ["v311", "v5"])
def test_a_wrong_password_is_said_and_a_corrected_one_connects(graph, broker, version):
    server = broker(users={"show": "right pass"})
    more = f'user = "show"\npassword = "wrong pass"\npar.protocol = "{version}"'
    one = graph(hears("a"), connection(server.port, more))
    refused = r"the broker refused the connection: (this client is not authorised to connect|user name or password are wrong)"
    one.expect_line(rf'MQTT connection "show": connection failed: {refused}; .*`username` and `password`')
    warnings = one.do("result = op('/project1/connections/mqtt_show').warnings()")
    assert re.search(refused, warnings), warnings
    assert "started" not in [text for _, text in console(one)]
    one.do("op('/project1/connections/mqtt_show').par.password = 'right pass'\nresult = 1")
    said(one, "started")
    assert one.do("result = op('/project1/connections/mqtt_show').warnings()") == ""
    # Neither password is anywhere in what was printed.
    assert "wrong pass" not in "\n".join(one.lines) and "right pass" not in "\n".join(one.lines)


def test_a_topic_that_the_broker_does_not_allow(graph, broker, tmp_path):
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite open/#\n")
    rules.chmod(0o600)
    server = broker(lines=[f"acl_file {rules}"])
    one = graph(hears("open/a", "secret/a"), connection(server.port, 'par.protocol = "v5"\npar.qos = 1'))
    said(one, "started")
    trigger(one, "publish", "secret/a", "x")
    one.expect_line(r'MQTT connection "show": the broker did not take a message: not authorized')
    trigger(one, "publish", "open/a", "y")
    said(one, "1: open/a = y")


def test_tls(graph, broker, tmp_path):
    authority = Authority("tests")
    certificate, key = authority.issue("broker")
    for name, content in {"ca.pem": authority.pem, "broker.pem": certificate, "key.pem": key_pem(key)}.items():
        (tmp_path / name).write_bytes(content)
    server = broker(lines=[f"certfile {tmp_path / 'broker.pem'}", f"keyfile {tmp_path / 'key.pem'}"])
    trusting = f'tls = true\npar.cafile = "{tmp_path / "ca.pem"}"'
    one = graph(hears("a"), connection(server.port, trusting))
    said(one, "started")
    trigger(one, "publish", "a", "over TLS" + "!" * 100_000)
    said(one, "1: a = over TLS" + "!" * 100_000)
    trigger(one, "close")
    said(one, "stopped")
    # A broker whose authority nobody knows is not trusted.
    stranger = graph(hears("a"), connection(server.port, "tls = true"))
    stranger.expect_line(r'MQTT connection "show": connection failed: .*certificate')
    # Without TLS the broker ends the connection or says nothing that is MQTT.
    plain = graph(hears("a"), connection(server.port))
    plain.expect_line(r'MQTT connection "show": connection failed: .*TLS')


def test_big_messages(graph, broker):
    server = broker()
    one = graph(hears("big"), connection(server.port, "par.maxmessage = 3000000"))
    subscribed(one, 1)
    server.publish("big", b"x" * 2_900_000)
    said(one, "1: big = " + "x" * 2_900_000)
    with server.subscriber("out") as other:
        trigger(one, "publish", "out", "y" * 2_000_000)
        other.expect(("out", b"y" * 2_000_000))
    server.publish("big", b"z" * 3_100_000)
    one.expect_line(
        r'MQTT connection "show": a message of the broker is larger than the limit of 3000000 bytes; raise `maxmessage`'
    )
    said(one, "stopped")
    said(one, "started", 2)


def test_a_broker_of_5_is_told_of_the_limit(graph, broker):
    server = broker()
    one = graph(hears("big"), connection(server.port, 'par.maxmessage = 3000\npar.protocol = "v5"'))
    subscribed(one, 1)
    server.publish("big", b"z" * 3_100)
    server.publish("big", "small")
    said(one, "1: big = small")
    assert len([line for line in console(one) if line[1] == "started"]) == 1


def test_a_broker_that_stops_answering_is_given_up(graph, broker):
    server = broker()
    one = graph(hears("a"), connection(server.port, "par.keepalive = 1\npar.timeout = 1000"))
    said(one, "started")
    # Pings keep it open.
    server.expect_line(r"Received PINGREQ from patchcord-", 2)
    assert "stopped" not in [text for _, text in console(one)]
    server.process.send_signal(19)
    try:
        one.expect_line(r'MQTT connection "show": the broker does not answer any more')
        said(one, "stopped")
    finally:
        server.process.send_signal(18)
    said(one, "started", 2)


class Rubbish:
    """A server that answers whatever comes with the same bytes, and counts connections."""

    def __init__(self, answer, close):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.count = self.socket.getsockname()[1], 0
        self.answer, self.close, self.open = answer, close, []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                one, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            try:
                one.recv(4096)
                one.sendall(self.answer)
            except OSError:
                pass
            if self.close:
                one.close()
            else:
                self.open.append(one)

    def stop(self):
        self.socket.close()
        for one in self.open:
            one.close()


CONNACK = bytes.fromhex("20020000")


@pytest.mark.parametrize(
    ("answer", "close", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, r"does not speak MQTT: its answer begins with \"HTTP/1.1 400"),
        (b"SSH-2.0-x\r\n", False, r"does not speak MQTT: its answer begins with \"SSH-2.0-x"),
        (b"\x15\x03\x01\x00\x02\x02\x46", True, r"does not speak MQTT.*TLS is wanted"),
        (b"", True, r"the broker closed the connection without an answer; .*`tls`"),
        (b"", False, r"the broker did not answer within 0.5 s"),
        (b"\x20\xff\xff\xff\x7f", False, r"larger than the limit"),
        (b"\x20\xff\xff\xff\xff\xff", False, r"the broker broke the protocol: malformed packet"),
        (b"\x20\x02\x00\x01", True, r"it does not speak this version of MQTT; choose the other `protocol`"),
        (b"\x20\x02\x00\x02", True, r"it does not allow this client id; set another `clientid`"),
        (b"\x20\x02\x00\x03", True, r"it is not available just now"),
        (b"\x20\x02\x00\x63", True, r"the broker broke the protocol"),
        (CONNACK + CONNACK, False, r"the broker broke the protocol"),
        (CONNACK + b"\x30\x05\x00\x09abc", False, r"the broker broke the protocol: malformed packet"),
        (CONNACK + b"\x30\x06\x00\x02\xff\xfexx", False, r"the broker broke the protocol"),
        (CONNACK + b"\x40\x02\x00\x05", False, r"the broker broke the protocol"),
        (CONNACK + b"\x90\x03\x00\x77\x00", False, r"the broker broke the protocol"),
        (CONNACK + b"\x90\x01\x00", False, r"the broker broke the protocol"),
        (CONNACK + b"\xe0\x00", False, r"the broker broke the protocol"),
        (CONNACK + b"\x10\x00", False, r"the broker broke the protocol"),
        (CONNACK + b"\x00\x00", False, r"the broker broke the protocol"),
        (CONNACK, True, r"the connection was lost: the broker (closed|reset) it"),
    ],
)
def test_a_server_that_sends_rubbish(graph, answer, close, words):
    server = Rubbish(answer, close)
    try:
        one = graph(hears("a"), connection(server.port, "par.timeout = 500"))
        one.expect_line(rf'MQTT connection "show": .*{words}')
        # It is tried again, and the patch goes on.
        eventually(lambda: server.count >= 2, what="another attempt")
        assert "panic" not in one.output
    finally:
        server.stop()


def test_5_to_a_broker_that_speaks_3_alone(graph):
    server = Rubbish(b"\x20\x02\x00\x01", True)
    try:
        one = graph(hears("a"), connection(server.port, 'par.protocol = "v5"'))
        one.expect_line(r"it does not speak this version of MQTT; choose the other `protocol`")
    finally:
        server.stop()


def test_a_broker_that_takes_nothing_fills_the_queue_and_the_graph_is_told(graph):
    server = Rubbish(CONNACK, False)
    try:
        more = "par.maxqueue = 200000\npar.keepalive = 0"
        one = graph(hears("a"), connection(server.port, more))
        said(one, "started")
        for _ in range(40):
            trigger(one, "publish", "x", "y" * 400_000)
        one.expect_line(
            r'send: "x" was not published on "show": the broker takes messages too slowly, and the queue is full'
        )
        assert channel(one, "dropped") >= 1
        assert channel(one, "queued") <= 200_000 + 2 * 400_100
        one.do("op('/project1/connections/mqtt_show').par.slowreader = 'close'\nresult = 1")
        trigger(one, "publish", "x", "y" * 400_000)
        said(one, "stopped")
        one.expect_line(r'MQTT connection "show": the broker takes messages too slowly')
    finally:
        server.stop()


def test_nobody_is_there(graph):
    one = graph(hears("a"), connection(free_port()))
    one.expect_line(r'MQTT connection "show": connection failed: .* refused the connection; start the server')
    assert "stopped" not in [text for _, text in console(one)]


def test_the_patch_file_says_what_is_wrong_with_a_connection(command, tmp_path):
    (tmp_path / "patch.toml").write_text(
        """[patch]
format = 1
[connection.mqtt.one]
url = "wss://broker.example/mqtt"
[connection.mqtt.two]
port = 1883
[connection.mqtt.three]
url = "h:1884"
port = 1885
passwort = "hunter2"
""",
        "utf-8",
    )
    run = command("check", tmp_path)
    assert run.end() != 0
    assert "`wss://` is not a scheme of MQTT" in run.output
    assert "passwort" in run.output and "password" in run.output
    assert "hunter2" not in run.output


def test_every_field_of_the_patch_file(graph, broker):
    server = broker(users={"me": "secret"})
    more = f"""
[connection.mqtt.all]
url = "mqtt://localhost:{server.port}"
is_ipv6 = false
user = "me"
password = "secret"
client_id = "my name"
tls = false
automatic_reconnect = false
autostart = true
"""
    graph(init("x") + say("x"), more)
    server.expect_line(r"New client connected .* as my name .*u'me'")
