"""Names, ports and certificates that do not fit: what keeps a SocketIO DAT from the server at all, by each transport."""

import datetime
import ssl

import pytest

from peers import peer_module
from running import free_port
from scripted_server import silent
from scripted_socketio import event, healthy
from socketio_faults import expect_failed, expect_lost, expect_recovery, expect_works

certificates = peer_module("certificates")
Authority, key_pem = certificates.Authority, certificates.key_pem

# Faults of what lies under the transports show with both of them.
BY_EACH = pytest.mark.parametrize("transports", ["websocket", "polling"])


@pytest.fixture(scope="module")
def authority():
    return Authority("Patch Test CA")


@pytest.fixture
def context(authority, tmp_path):
    """TLS of a server with a certificate of the authority: (options of the certificate)."""

    def make(**options):
        certificate, key = authority.issue("server", **options)
        (tmp_path / "server.pem").write_bytes(certificate + key_pem(key))
        (tmp_path / "ca.pem").write_bytes(authority.pem)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(tmp_path / "server.pem")
        return made

    return make


# ---------------------------------------- certificates


@BY_EACH
def test_an_unknown_authority_is_named_and_trusted_once_it_is_in_cafile(sio, faulty, context, tmp_path, transports):
    one = sio(faulty(healthy, context=context(), polling=True), transports=transports)
    reason = "the server's certificate is not trusted: CN=Patch Test CA is no authority known here"
    expect_failed(one, reason, "set `cafile` to a PEM file with the authority")
    one.set(cafile=str(tmp_path / "ca.pem"))
    expect_recovery(one, 1)


@BY_EACH
def test_an_expired_certificate_is_named_with_its_date(sio, faulty, context, tmp_path, transports):
    server = faulty(healthy, context=context(age=10, days=3), polling=True)
    one = sio(server, transports=transports, cafile=str(tmp_path / "ca.pem"))
    expired = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=7, hours=1)
    expect_failed(one, f"the server's certificate expired on {expired:%Y-%m-%d}", "certificate renewed")
    one.set(verifycert=False, reconnect=True)
    one.expect_opened()
    assert one.ask("echo", "works") == "works"
    assert one.warnings() == f"the server's certificate is not verified (/project1/{one.name})"


@BY_EACH
def test_a_certificate_of_another_host_is_named(sio, faulty, context, tmp_path, transports):
    server = faulty(healthy, context=context(), polling=True)
    one = sio(server, transports=transports, cafile=str(tmp_path / "ca.pem"), servername="other.example")
    expect_failed(one, "certificate is (not )?for .*(other.example|127.0.0.1)", "`servername`")
    one.set(servername="localhost")
    expect_recovery(one, 1)


# ---------------------------------------- TLS and its absence


@BY_EACH
def test_tls_where_there_is_none(sio, faulty, transports):
    def answers_plainly(wire):
        wire.take(5)
        wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    url = faulty(answers_plainly).url.replace("http:", "https:")
    one = sio(url, transports=transports)
    expect_failed(one, "the server does not speak TLS", "begin `url` with ws://")


@BY_EACH
def test_no_tls_where_there_has_to_be_some(sio, faulty, context, transports):
    server = faulty(healthy, context=context())
    one = sio(server.url.replace("https:", "http:"), transports=transports)
    expect_failed(one, "does not speak HTTP|ended during|cannot be read", "wss://|correct (the )?port")


@BY_EACH
def test_tls_that_is_never_answered(sio, faulty, transports):
    url = faulty(silent).url.replace("http:", "https:")
    one = sio(url, transports=transports, timeout=200)
    expect_failed(one, "gave up agreeing on TLS with 127.0.0.1|did not open the session in time", "allow more")


def test_tls_that_is_cut_off_without_a_word(sio, faulty, context, tmp_path):
    def cut_off(wire):
        wire.open()
        wire.let_in()
        wire.say(event("before"))
        wire.expect(event("now"))
        wire.socket.unwrap = None  # no farewell of TLS
        wire.reset()

    server = faulty(cut_off, healthy, context=context())
    one = sio(server, cafile=str(tmp_path / "ca.pem"))
    one.expect_received(["before", None])
    one.emit("now")
    expect_lost(one, "transport error", "the other end reset it", "see that the server runs")
    expect_recovery(one)


# ---------------------------------------- names and ports


@BY_EACH
def test_a_name_that_nobody_has(sio, transports):
    one = sio("http://nobody.invalid:9", transports=transports, timeout=1500)
    expect_failed(one, "the name nobody.invalid cannot be looked up|gave up looking up nobody.invalid", "name")


@BY_EACH
def test_a_port_on_which_nobody_listens(sio, faulty, transports):
    port = free_port()
    one = sio(f"http://127.0.0.1:{port}", transports=transports)
    expect_failed(one, f"127.0.0.1:{port} refused the connection", "start the server, or correct the port")
    faulty(healthy, port=port, polling=True)
    expect_recovery(one, 1)


def test_a_url_that_cannot_be_read_waits_for_its_correction(sio, faulty):
    one = sio("gopher://nobody", reconnect=True)
    expect_failed(one, "gopher", "`url`|http://|ws://")
    assert one.records("onReconnectAttempt") == [], "what cannot go well is tried again"
    one.set(url=faulty(healthy).url)
    expect_works(one)
