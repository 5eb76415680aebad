"""What stands between a SocketIO DAT and a real server: proxies, compression, TLS with certificates of both ends."""

import base64

import pytest

from peers import peer_module
from test_websocket_dat_proxy import http_proxy, socks5_proxy

certificates = peer_module("certificates")
Authority, key_pem = certificates.Authority, certificates.key_pem

BASIC = "Basic " + base64.b64encode(b"me:p@ss").decode()
BY_EACH = pytest.mark.parametrize("transports", ["websocket", "polling", "pollingwebsocket"])


def expect_all_ways(one):
    """Events, bytes and acknowledgements pass."""
    one.expect_opened()
    assert one.ask("echo", {"a": [1, b"\x00\xff", "ü" * 2000]}) == {"a": [1, {"bytes": "00ff"}, "ü" * 2000]}
    assert one.warnings() == "" == one.errors()


@BY_EACH
@pytest.mark.parametrize(
    "script, address",
    [
        (http_proxy(BASIC), "http://me:p%40ss@127.0.0.1:{}"),
        (socks5_proxy((b"me", b"p@ss")), "socks5://me:p%40ss@127.0.0.1:{}"),
    ],
    ids=["HTTP CONNECT", "SOCKS 5"],
)
def test_it_reaches_a_server_through_a_proxy(io, own_server, scripted, script, address, transports):
    server = own_server("node4")
    proxy = scripted(*[script] * 6)
    one = io(f"http://show.invalid:{server.port}", proxy=address.format(proxy.port), transports=transports)
    expect_all_ways(one)
    assert len(proxy.wires) > 0 and all("show.invalid" in str(wire.target) for wire in proxy.wires)
    assert "p@ss" not in str(one.said()) and "p%40ss" not in str(one.said())


@pytest.mark.parametrize("transports", ["websocket", "pollingwebsocket"])
def test_messages_are_compressed_where_both_ends_want_it(io, own_server, transports):
    server = own_server("node4", deflate=True)
    plain = io(server, transports=transports)
    expect_all_ways(plain)
    packed = io(server, transports=transports, compression=True, compressthreshold=0)
    expect_all_ways(packed)
    packed.expect_said("WebSocket")
    assert "permessage-deflate" not in plain.ask("extensions")
    assert "permessage-deflate" in packed.ask("extensions")


@BY_EACH
def test_a_server_that_wants_a_certificate_gets_the_clients(io, own_server, tmp_path, transports):
    authority = Authority("Patch Test CA")
    for name in ("server", "client"):
        certificate, key = authority.issue(name, client=name == "client")
        (tmp_path / f"{name}.crt").write_bytes(certificate)
        (tmp_path / f"{name}.key").write_bytes(key_pem(key))
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    file = lambda name: str(tmp_path / name)  # noqa: E731
    server = own_server("node4", tls={"key": file("server.key"), "cert": file("server.crt"), "ca": file("ca.pem")})
    url = f"https://127.0.0.1:{server.port}"
    one = io(url, transports=transports, cafile=file("ca.pem"), clientcert=file("client.crt"), clientkey=file("client.key"))
    expect_all_ways(one)
    without = io(url, transports=transports, cafile=file("ca.pem"), reconnect=False)
    assert "certificate" in without.expect_record("onConnectError")[2]
    without.expect_said("^warning: .*set `clientcert` and `clientkey`")
