"""Edits of TCP and UDP connections that are open, for every parameter: which of them keep the socket.

Only what another socket is needed for ends one (design rule 8: a change restarts only what owns the resource).
"""

import socket

from running import eventually, free_port
from socket_graphs import accept, is_ended, port_of, receive

COMMON = {"language": "python", "extension": "custom", "customext": "py", "wordwrap": "on"}
# Parameter, and the value that it is given while the connection is open.
TCP = {
    "timeout": 1,
    "reconnect": True,
    "reconnectdelay": 0.5,
    "reconnectlongest": 1.0,
    "reconnectjitter": 0.0,
    "reconnectattempts": 1,
    "maxclients": 1,
    "maxqueue": 1024,
    "keepalive": 0,
    **COMMON,
}
CLIENT = {**TCP, "localaddress": "*"}
CLIENT_ENDS = {"active", "reset", "server", "netaddress", "port", "localipv6"}
SERVER = {**TCP, "netaddress": "elsewhere.example", "port": None, "localaddress": "127.0.0.2", "localipv6": True}
SERVER_ENDS = {"active", "reset", "server"}
UDP = {
    "netaddress": "nobody.invalid",
    "port": 9,
    "ipv6": True,
    "autoaddress": True,
    "rebind": True,
    "rebinddelay": 5.0,
    "broadcast": True,
    "interface": "127.0.0.1",
    "maxqueue": 1024,
    "timeout": 1,
    **COMMON,
}
UDP_ENDS = {"active", "reset", "localport", "localaddress", "localipv6", "groups"}
NOT_SETTINGS = {"pageindex", "edit"}


class Edits:
    """Edits the operator of a connection, and asks it."""

    def __init__(self, desk):
        self.desk = desk
        self.operator = f"op('/project1/connections/{desk.family}_desk')"

    def names(self):
        return set(self.desk.one.do(f"result = [par.name for par in {self.operator}.pars()]")) - NOT_SETTINGS

    def set(self, name, value):
        """Gives a parameter another value, and returns the one that it had."""
        before = self.desk.one.do(f"result = {self.operator}.par.{name}.eval()")
        assert before != value, f"{name}: the edit changes nothing"
        self.desk.one.do(f"{self.operator}.par.{name} = {value!r}\nresult = 1")
        return before

    def pulse(self, name):
        self.desk.one.do(f"{self.operator}.par.{name}.pulse()\nresult = 1")


def try_all(desk, edits, is_still):
    """Makes every edit and takes it back; the socket stays."""
    pars = Edits(desk)
    for name, value in edits.items():
        before = pars.set(name, free_port() if value is None else value)
        is_still(name)
        pars.set(name, before)
        is_still(name)


def test_the_tables_have_every_parameter(desk):
    port = free_port()
    tcp = Edits(desk("TCP", is_server=True, local_port=port)).names()
    assert tcp == set(CLIENT) | CLIENT_ENDS == set(SERVER) | SERVER_ENDS
    assert Edits(desk("UDP", local_port=port)).names() == set(UDP) | UDP_ENDS


def test_edits_of_a_client(desk):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(8)
        one = desk("TCP", url="127.0.0.1", port=port_of(listener), autostart=True)
        server = accept(listener)
        one.said("started$")

        def is_still(name):
            one.trigger("send", f"<{name}>")
            assert receive(server, len(name) + 2).decode() == f"<{name}>"

        try_all(one, CLIENT, is_still)
        Edits(one).pulse("reset")
        assert is_ended(server), "a reset is a new connection"
        accept(listener)


def test_edits_of_a_server_keep_its_clients(desk):
    port = free_port()
    one = desk("TCP", is_server=True, local_port=port, autostart=True)
    one.said("started$")
    with socket.create_connection(("127.0.0.1", port), 8) as client:
        client.settimeout(8)
        eventually(lambda: one.info("clients") == 1, what="a client")

        def is_still(name):
            one.trigger("send", f"<{name}>")
            assert receive(client, len(name) + 2).decode() == f"<{name}>"

        try_all(one, SERVER, is_still)
        assert one.info("connected") == 1 and one.order("error") == []
        # A place that cannot be had: it stays where it is, and says so.
        with socket.create_server(("127.0.0.1", 0)) as holder:
            Edits(one).set("port", port_of(holder))
            one.one.expect_line("still listening where it was")
            is_still("port")
            socket.create_connection(("127.0.0.1", port), 8).close()
        Edits(one).set("port", port)
        assert one.one.do("result = op('/project1/connections/tcp_desk').warnings()") == ""
        is_still("port")


def test_edits_of_a_udp_socket(desk):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lamp:
        lamp.bind(("127.0.0.1", 0))
        lamp.settimeout(8)
        one = desk("UDP", url="127.0.0.1", port=port_of(lamp), autostart=True)
        one.said("started$")
        port = one.info("local_port")
        count = 0

        def is_still(name):
            nonlocal count
            count += 1
            lamp.sendto(f"<{name} {count}>".encode(), ("127.0.0.1", int(port)))
            one.said(f"got <{name} {count}>$")

        try_all(one, UDP, is_still)
        one.trigger("send", "back at the first target")
        assert lamp.recvfrom(100)[0] == b"back at the first target"
        assert one.info("local_port") == port and one.order("started", "stopped") == ["started"]
        other = free_port()
        Edits(one).set("localport", other)
        one.said("started$", 2)
        port = other
        is_still("localport")
        assert one.order("started", "stopped") == ["started", "stopped", "started"]
