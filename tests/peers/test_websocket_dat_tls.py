"""TLS of the WebSocket DAT: whom it trusts, whom it is, and what it says about certificates that do not fit.

Servers are Python's `websockets` on OpenSSL, with certificates of the test's own; the system trusts none of them.
"""

import datetime
import ssl
import warnings

import pytest

from peers import peer_module
from scripted_server import hold

certificates = peer_module("certificates")
Authority, key_pem = certificates.Authority, certificates.key_pem
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def authority():
    return Authority("Patch Test CA")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, authority):
    """A folder of PEM files: the authority's, and a client's certificate and key in several forms."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "ca.pem").write_bytes(authority.pem)
    certificate, key = authority.issue("client", client=True)
    (folder / "client.crt").write_bytes(certificate)
    (folder / "client.key").write_bytes(key_pem(key))
    (folder / "locked.key").write_bytes(key_pem(key, password="pässword"))
    (folder / "both.pem").write_bytes(key_pem(key) + certificate)
    stranger, key = Authority("Another CA").issue("stranger", client=True)
    (folder / "stranger.pem").write_bytes(stranger + key_pem(key))
    return folder


@pytest.fixture
def secure_context(authority, tmp_path):
    """A context for a server: (authority that issues, options of the certificate)."""

    def make(issuer=authority, client_authority=None, minimum=TLS_1_2, maximum=TLS_1_3, **options):
        certificate, key = issuer.issue("server", **options)
        (tmp_path / "server.pem").write_bytes(certificate + key_pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = minimum, maximum
        context.load_cert_chain(tmp_path / "server.pem")
        if client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=client_authority.pem.decode())
        return context

    return make


def echo(connection):
    for message in connection:
        connection.send(message)


@pytest.fixture
def secure_server(python_server, secure_context):
    """Starts servers that echo over TLS, with a check of Origin."""
    return lambda *arguments, host="127.0.0.1", **options: python_server(
        echo, host=host, ssl=secure_context(*arguments, **options), check_origin=True, open_timeout=2
    )


def expect_echo(one, connections=1):
    one.expect_connected(connections)
    one.do("dat.sendText('in secret')")
    one.expect_record("onReceiveText", connections, "in secret")


def expect_fault(one, reason, remedy, count=1):
    one.expect_disconnected(count)
    one.expect_warning(reason)
    one.expect_said(rf"^warning: .*{reason}.*{remedy}")
    assert one.info()["connected"] == 0


# ---------------------------------------- trust


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=["1.2", "1.3"])
def test_a_server_of_an_authority_in_cafile_is_trusted(dat, folder, secure_server, version):
    server = secure_server(minimum=version, maximum=version)
    one = dat(server, netaddress="wss://127.0.0.1", cafile=str(folder / "ca.pem"))
    expect_echo(one)
    one.expect_said("^agreeing on TLS with 127.0.0.1$")
    assert one.warnings() == ""


def test_an_unknown_authority_is_named_and_trusted_once_it_is_in_cafile(dat, folder, secure_server):
    server = secure_server()
    one = dat(server, netaddress="wss://127.0.0.1")
    reason = "the server's certificate is not trusted: CN=Patch Test CA is no authority known here"
    expect_fault(one, reason, "set `cafile` to a PEM file with the authority")
    one.set(cafile=str(folder / "ca.pem"))
    one.do("dat.par.reset.pulse()")
    expect_echo(one)
    assert one.warnings() == ""


@pytest.mark.parametrize(
    "age, days, reason, remedy",
    [
        (10, 3, "the server's certificate expired on {:%Y-%m-%d}", "have the server's certificate renewed"),
        (-10, 3, "the server's certificate is not valid before {:%Y-%m-%d}", "set the clock of this machine"),
    ],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_out_of_its_time_is_told_with_the_date(dat, folder, secure_server, age, days, reason, remedy):
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    edge = now - datetime.timedelta(days=age - days if age > 0 else age)
    one = dat(secure_server(age=age, days=days), netaddress="wss://127.0.0.1", cafile=str(folder / "ca.pem"))
    expect_fault(one, reason.format(edge), remedy)


def test_a_certificate_for_other_names_is_told_with_them_and_servername_mends_it(dat, folder, secure_server):
    server = secure_server(host="127.0.0.2")
    one = dat(server, netaddress="wss://127.0.0.2", cafile=str(folder / "ca.pem"))
    reason = "the server's certificate is not for 127.0.0.2, but for 127.0.0.1, localhost"
    expect_fault(one, reason, "set `servername` to it if you trust the server")
    one.set(servername="localhost")
    one.do("dat.par.reset.pulse()")
    expect_echo(one)


def test_verifying_can_be_switched_off_and_that_stands_as_a_warning(dat, secure_server):
    one = dat(secure_server(Authority("Nobody"), age=10, days=3), netaddress="wss://127.0.0.1", verifycert=False)
    expect_echo(one)
    assert "the server's certificate is not verified" in one.warnings()
    one.set(verifycert=True)
    one.do("dat.par.reset.pulse()")
    one.expect_warning("is not trusted|expired")
    assert "is not verified" not in one.warnings()


def test_versions_of_tls_that_are_not_safe_are_refused(dat, folder, scripted, secure_context):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = secure_context(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    one = dat(scripted(hold, context=context), netaddress="wss://127.0.0.1", cafile=str(folder / "ca.pem"))
    expect_fault(one, "no version of TLS that is safe", "let the server speak TLS 1.2 or 1.3")


# ---------------------------------------- files


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("missing.pem", None, "missing.pem"),
        ("empty.pem", b"", "empty.pem"),
        ("text.pem", b"not a certificate", "text.pem"),
    ],
)
def test_a_cafile_that_cannot_be_used_is_told_and_nothing_is_dialled(dat, scripted, tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    server = scripted(hold)
    one = dat(server, netaddress="wss://127.0.0.1", cafile=str(tmp_path / name))
    one.expect_disconnected()
    one.expect_warning(reason)
    assert one.monitored()[-1].startswith("connection failed: ")
    assert server.wires == []


# ---------------------------------------- client certificates


@pytest.mark.parametrize(
    "files, password",
    [
        ({"clientcert": "client.crt", "clientkey": "client.key"}, ""),
        ({"clientcert": "both.pem"}, ""),
        ({"clientcert": "client.crt", "clientkey": "locked.key"}, "pässword"),
    ],
    ids=["two files", "one file", "encrypted key"],
)
def test_a_client_certificate_is_shown_to_a_server_that_asks(dat, folder, authority, secure_server, files, password):
    server = secure_server(client_authority=authority)
    paths = {name: str(folder / file) for name, file in files.items()}
    one = dat(server, netaddress="wss://127.0.0.1", cafile=str(folder / "ca.pem"), clientkeypassword=password, **paths)
    expect_echo(one)


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=["1.2", "1.3"])
def test_a_server_that_wants_a_client_certificate_is_told_from_one_that_refuses_it(
    dat, folder, authority, secure_server, version
):
    server = secure_server(client_authority=authority, minimum=version, maximum=version)
    one = dat(server, netaddress="wss://127.0.0.1", cafile=str(folder / "ca.pem"))
    one.expect_disconnected()
    if version == TLS_1_3:  # 1.2 has no alert of its own for a certificate that is missing
        one.expect_warning("the server wants a client certificate")
        one.expect_said("^warning: .*set `clientcert` and `clientkey`")
    one.set(clientcert=str(folder / "stranger.pem"))
    one.do("dat.par.reset.pulse()")
    one.expect_disconnected(2)
    one.expect_warning("the server refused the client certificate: ")
    one.set(clientcert=str(folder / "both.pem"))
    one.do("dat.par.reset.pulse()")
    expect_echo(one)


@pytest.mark.parametrize("password, reason", [("", "password"), ("wrong", "password")])
def test_an_encrypted_key_without_its_password_is_told(dat, folder, scripted, password, reason):
    files = {"clientcert": str(folder / "client.crt"), "clientkey": str(folder / "locked.key")}
    server = scripted(hold)
    one = dat(server, netaddress="wss://127.0.0.1", clientkeypassword=password, **files)
    one.expect_disconnected()
    one.expect_warning(reason)
    assert server.wires == []


# ---------------------------------------- the end of a session


def test_a_reset_within_tls_is_a_lost_connection(dat, folder, scripted, secure_context):
    def script(wire):
        wire.accept()
        wire.frame()
        wire.reset()

    server = scripted(script, hold, context=secure_context())
    one = dat(server, netaddress="wss://127.0.0.1", cafile=str(folder / "ca.pem"))
    one.expect_connected()
    one.do("dat.sendText('x')")
    one.expect_disconnected()
    one.expect_warning("the connection was lost: ")
    one.set(reconnectdelay=0, reconnect=True)
    one.expect_connected(2)


def test_an_end_within_the_tls_handshake_names_the_step(dat, scripted):
    one = dat(scripted(lambda wire: wire.take(5)), netaddress="wss://127.0.0.1", verifycert=False)
    one.expect_disconnected()
    one.expect_warning("the connection ended during the TLS handshake: the other end (closed|reset) it")
