"""Proxies of the WebSocket DAT: HTTP CONNECT and SOCKS 5, scripted; the server behind them is Python's `websockets`."""

import base64
import socket
import threading

import pytest

from scripted_server import http

# ---------------------------------------- scripts of proxies


def pump(wire, host, port):
    """Carries bytes between a client and the server at which it wants to be, until one of them ends."""

    def carry(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    with socket.create_connection((host, port)) as server:
        back = threading.Thread(target=carry, args=(server, wire.socket), daemon=True)
        back.start()
        server.sendall(wire.buffer)
        carry(wire.socket, server)
        back.join(10)


def http_proxy(authorization=None):
    """A script for a proxy that speaks HTTP CONNECT; names lead to 127.0.0.1."""

    def script(wire):
        wire.head()
        method, target, _ = wire.request.split(" ")
        assert method == "CONNECT" and wire.headers["host"] == target
        wire.target = target
        if authorization and wire.headers.get("proxy-authorization") != authorization:
            return wire.send(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
        wire.send(b"HTTP/1.1 200 Connected\r\nX-Proxy: test\r\n\r\n")
        pump(wire, "127.0.0.1", int(target.rsplit(":", 1)[1]))

    return script


def socks5_proxy(user=None, answer=0):
    """A script for a proxy that speaks SOCKS 5 (RFC 1928), with a password (RFC 1929) if there is a user."""

    def script(wire):
        version, count = wire.take(2)
        methods = wire.take(count)
        assert version == 5
        method = 2 if user else 0
        if method not in methods:
            return wire.send(b"\x05\xff")
        wire.send(bytes([5, method]))
        if user:
            assert wire.take(1) == b"\x01"
            given = [wire.take(wire.take(1)[0]) for _ in range(2)]
            wire.send(b"\x01" + (b"\x00" if given == list(user) else b"\x01"))
            if given != list(user):
                return
        version, command, _, kind = wire.take(4)
        assert (version, command) == (5, 1)
        host = {1: lambda: wire.take(4), 3: lambda: wire.take(wire.take(1)[0]), 4: lambda: wire.take(16)}[kind]()
        wire.target = (kind, host)
        port = int.from_bytes(wire.take(2), "big")
        wire.send(bytes([5, answer, 0, 1, 127, 0, 0, 1, 0, 0]))
        if answer == 0:
            pump(wire, "127.0.0.1", port)

    return script


# ---------------------------------------- tests

BASIC = "Basic " + base64.b64encode(b"me:p@ss").decode()


@pytest.mark.parametrize(
    "script, address, target",
    [
        (http_proxy(), "http://127.0.0.1:{}", "show.invalid:{}"),
        (http_proxy(), "127.0.0.1:{}", "show.invalid:{}"),
        (http_proxy(BASIC), "http://me:p%40ss@127.0.0.1:{}", "show.invalid:{}"),
        (socks5_proxy(), "socks5://127.0.0.1:{}", (3, b"show.invalid")),
        (socks5_proxy((b"me", b"p@ss")), "socks5://me:p%40ss@127.0.0.1:{}", (3, b"show.invalid")),
    ],
    ids=["http", "no scheme", "http with password", "socks", "socks with password"],
)
def test_it_goes_through_a_proxy_which_looks_the_name_up(dat, scripted, python_server, script, address, target):
    def echo(connection):
        for message in connection:
            connection.send(message)

    server, proxy = python_server(echo), scripted(script)
    one = dat(server, netaddress="show.invalid", proxy=address.format(proxy.port))
    one.expect_connected()
    one.do("dat.sendText('through')")
    one.expect_record("onReceiveText", 1, "through")
    wanted = target.format(server.port) if isinstance(target, str) else target
    assert [wire.target for wire in proxy.wires] == [wanted]
    one.expect_said("^waiting for the proxy to connect to show.invalid:")
    assert all("p@ss" not in line and "p%40ss" not in line for line in one.said())


@pytest.mark.parametrize(
    "script, address, reason",
    [
        (http_proxy(BASIC), "http://127.0.0.1:{}", "it wants a user and a password"),
        (http_proxy(BASIC), "http://me:wrong@127.0.0.1:{}", "it does not take this user and password"),
        (http("502 Bad Gateway"), "http://127.0.0.1:{}", "it answered 502 Bad Gateway"),
        (http("200 OK", "glued"), "http://127.0.0.1:{}", "it does not speak HTTP"),
        (lambda wire: wire.send(b"nonsense\r\n\r\n"), "http://127.0.0.1:{}", "it does not speak HTTP"),
        (lambda wire: wire.send(b"HTTP/1.1 400 No\r\n\r\n"), "socks5://127.0.0.1:{}", "it does not speak SOCKS5"),
        (socks5_proxy((b"a", b"b")), "socks5://127.0.0.1:{}", "it wants a user and a password"),
        (socks5_proxy((b"a", b"b")), "socks5://me:wrong@127.0.0.1:{}", "it does not take this user and password"),
        (socks5_proxy(answer=2), "socks5://127.0.0.1:{}", "its rules do not allow the connection .SOCKS code 2"),
        (socks5_proxy(answer=4), "socks5://127.0.0.1:{}", "the host cannot be reached .SOCKS code 4"),
        (socks5_proxy(answer=5), "socks5://127.0.0.1:{}", "the server refused the connection .SOCKS code 5"),
    ],
)
def test_a_proxy_that_does_not_connect_is_named_and_why(dat, scripted, script, address, reason):
    proxy = scripted(script)
    one = dat(9, netaddress="show.invalid", proxy=address.format(proxy.port))
    one.expect_disconnected()
    kind = address.split(":")[0]
    one.expect_warning(f"the proxy {kind}://127.0.0.1:{proxy.port} does not connect: {reason}")
    assert all("wrong" not in line for line in one.said()), "the password is shown"


@pytest.mark.parametrize(
    "proxy, reason",
    [("https://127.0.0.1:1", "`https://` is no kind of proxy"), ("two words", "is no address of a proxy")],
)
def test_what_is_no_proxy_is_told(dat, proxy, reason):
    one = dat(9, proxy=proxy)
    one.expect_disconnected()
    one.expect_warning(reason)


def test_a_proxy_that_is_down_or_silent_is_told_from_the_server(dat, scripted):
    server = scripted(lambda wire: wire.rest())
    port = server.port
    one = dat(9, netaddress="show.invalid", proxy=f"127.0.0.1:{port}", timeout=150)
    one.expect_disconnected()
    one.expect_warning("no connection within 0.15 s: gave up waiting for the proxy to connect to show.invalid:9")
    server.end_listening()
    one.do("dat.par.reset.pulse()")
    one.expect_disconnected(2)
    one.expect_warning(f"the proxy 127.0.0.1:{port} refused the connection")
