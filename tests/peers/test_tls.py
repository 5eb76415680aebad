"""TLS: versions, keys of every form, client certificates, and mistakes that are told and can be mended.

Certificates are made by `cryptography`, clients use OpenSSL through Python's `ssl`.
"""

import ssl

import httpx
import pytest

from peers import peer_module
from raw import Raw
from running import eventually

certificates = peer_module("certificates")
Authority, key_pem, rsa_key = certificates.Authority, certificates.key_pem, certificates.rsa_key


@pytest.fixture(scope="module")
def authority():
    return Authority("Patch Test CA")


@pytest.fixture(scope="module")
def issued(authority):
    """The server's certificate and key: (certificate PEM, key)."""
    return authority.issue("server")


def trust(authority, **versions):
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    context.minimum_version = versions.get("minimum", ssl.TLSVersion.TLSv1_2)
    context.maximum_version = versions.get("maximum", ssl.TLSVersion.TLSv1_3)
    return context


def with_identity(context, folder, certificate, key):
    """Gives the context a client certificate."""
    (folder / "client.pem").write_bytes(certificate + key_pem(key))
    context.load_cert_chain(folder / "client.pem")
    return context


def secure_get(server, context, http2=False):
    with httpx.Client(verify=context, trust_env=False, http2=http2, timeout=8) as client:
        return client.get(server.url("/secure", "https"))


def tls_files(issued, **more):
    certificate, key = issued
    return {"server.crt": certificate, "server.key": key_pem(key), **more}


SECURE = {"secure": True, "certificate": "server.crt", "privatekey": "server.key"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_https_and_wss_by_tls_1_2_and_1_3(patch, authority, issued, version):
    server = patch(files=tls_files(issued), **SECURE)
    context = trust(authority, minimum=version, maximum=version)
    answer = secure_get(server, context)
    assert (answer.status_code, answer.text) == (200, "/secure")
    client = server.connect("/room", "wss", ssl=context)
    assert client.socket.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    client.send("secret")
    assert client.recv(timeout=8) == "secret"
    client.send(b"x" * 200_000)
    assert client.recv(timeout=8) == b"x" * 200_000
    server.expect_line(rf"listening on https://127\.0\.0\.1:{server.port}/")


def test_http_2_is_agreed_on_by_alpn(patch, authority, issued):
    server = patch(files=tls_files(issued), **SECURE)
    assert secure_get(server, trust(authority), http2=True).http_version == "HTTP/2"
    assert secure_get(server, trust(authority)).http_version == "HTTP/1.1"


def test_plain_http_on_a_secure_port_is_refused_and_harms_nobody(patch, authority, issued):
    server = patch(files=tls_files(issued), **SECURE)
    with pytest.raises(httpx.HTTPError):
        server.get()
    assert secure_get(server, trust(authority)).status_code == 200


@pytest.mark.parametrize("minimum, welcome", [("tlsv10", True), ("tlsv11", True), ("tlsv12", True), ("tlsv13", False)])
def test_minprotocol_decides_about_tls_1_2(patch, authority, issued, minimum, welcome):
    server = patch(files=tls_files(issued), minprotocol=minimum, **SECURE)
    old = trust(authority, maximum=ssl.TLSVersion.TLSv1_2)
    if welcome:
        assert secure_get(server, old).status_code == 200
    else:
        with pytest.raises(httpx.HTTPError):
            secure_get(server, old)
    assert secure_get(server, trust(authority)).status_code == 200
    if minimum in ("tlsv10", "tlsv11"):
        assert "1.2" in server.do("result = server.warnings()")


def test_tls_1_1_is_never_spoken(patch, authority, issued):
    server = patch(files=tls_files(issued), minprotocol="tlsv10", **SECURE)
    context = trust(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.HTTPError):
        secure_get(server, context)


@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_keys_of_every_form_are_read(patch, authority, form, kind):
    certificate, key = authority.issue("server", key=rsa_key() if kind == "rsa" else None)
    server = patch(files={"server.crt": certificate, "server.key": key_pem(key, form)}, **SECURE)
    assert secure_get(server, trust(authority)).status_code == 200


def test_one_file_may_hold_key_and_certificate(patch, authority, issued):
    both = issued[0] + key_pem(issued[1])
    server = patch(files={"both.pem": both}, secure=True, certificate="both.pem", privatekey="both.pem")
    assert secure_get(server, trust(authority)).status_code == 200


# ---------------------------------------- client certificates


def test_a_client_certificate_is_asked_for_and_checked(patch, tmp_path, authority, issued):
    server = patch(files=tls_files(issued, **{"ca.crt": authority.pem}), verifyclient=True, clientca="ca.crt", **SECURE)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        right = with_identity(
            trust(authority, minimum=version, maximum=version), tmp_path, *authority.issue("client", client=True)
        )
        assert secure_get(server, right).status_code == 200
        with pytest.raises(httpx.HTTPError):
            secure_get(server, trust(authority, minimum=version, maximum=version))
        stranger = Authority("Another CA").issue("stranger", client=True)
        with pytest.raises(httpx.HTTPError):
            secure_get(server, with_identity(trust(authority, minimum=version, maximum=version), tmp_path, *stranger))
        old = authority.issue("old client", client=True, age=30, days=10)
        with pytest.raises(httpx.HTTPError):
            secure_get(server, with_identity(trust(authority, minimum=version, maximum=version), tmp_path, *old))
    assert len(server.records("onHTTPRequest")) == 2


def test_without_verifyclient_no_certificate_is_needed(patch, authority, issued):
    server = patch(files=tls_files(issued, **{"ca.crt": authority.pem}), clientca="ca.crt", **SECURE)
    assert secure_get(server, trust(authority)).status_code == 200


# ---------------------------------------- mistakes


def starts_after(server, authority, **mended):
    """The patch has gone on; mended and restarted, the server serves."""
    assert server.do("result = op('webserver1').name") == "webserver1"
    assert server.info("server_running") == 0
    assert server.info("errors") >= 1
    if mended:
        server.change(**mended)
    server.do("server.par.restart.pulse()")
    eventually(lambda: server.info("server_running") == 1, what="a running server")
    assert secure_get(server, trust(authority)).status_code == 200
    assert server.do("result = server.errors()") == ""


def test_an_encrypted_key_opens_with_its_password(patch, authority, issued):
    files = {"server.crt": issued[0], "server.key": key_pem(issued[1], password="open sesame")}
    server = patch(files=files, password="open sesame", **SECURE)
    assert secure_get(server, trust(authority)).status_code == 200
    assert "open sesame" not in server.output


@pytest.mark.parametrize("password", ["", "wrong"])
def test_an_encrypted_key_without_its_password_is_an_error_that_says_so(patch, authority, issued, password):
    files = {"server.crt": issued[0], "server.key": key_pem(issued[1], password="open sesame")}
    server = patch(files=files, wait=False, password=password, **SECURE)
    line = server.expect_line(r"(?i)password", 20)
    assert "/project1/webserver1" in line
    starts_after(server, authority, password="open sesame")
    assert "open sesame" not in server.output


def test_a_password_may_come_from_the_environment_and_is_never_shown(patch, authority, issued):
    files = {"server.crt": issued[0], "server.key": key_pem(issued[1], password="from outside")}
    server = patch(
        files=files, environment={"KEY_PASSWORD": "from outside"}, password={"env": "KEY_PASSWORD"}, **SECURE
    )
    assert secure_get(server, trust(authority)).status_code == 200
    assert "from outside" not in server.output


def test_a_key_of_another_certificate_is_an_error_that_says_so(patch, authority, issued):
    _, other = authority.issue("other")
    server = patch(files={"server.crt": issued[0], "server.key": key_pem(other)}, wait=False, **SECURE)
    line = server.expect_line(r"(?i)(match|belong)", 20)
    assert "/project1/webserver1" in line
    server.write("server.key", key_pem(issued[1]))
    starts_after(server, authority)


@pytest.mark.parametrize("absent, name", [("server.key", r"server\.key"), ("server.crt", r"server\.crt")])
def test_a_missing_file_is_named(patch, authority, issued, absent, name):
    files = tls_files(issued)
    content = files.pop(absent)
    server = patch(files=files, wait=False, **SECURE)
    line = server.expect_line(name, 20)
    assert "/project1/webserver1" in line
    server.write(absent, content)
    starts_after(server, authority)


@pytest.mark.parametrize("parameter", ["certificate", "privatekey"])
def test_a_parameter_that_was_not_filled_in_is_named(patch, authority, issued, parameter):
    server = patch(files=tls_files(issued), wait=False, **{**SECURE, parameter: ""})
    line = server.expect_line(r"(?i)certificate|private ?key", 20)
    assert "/project1/webserver1" in line
    starts_after(server, authority, **{parameter: SECURE[parameter]})


@pytest.mark.parametrize(
    "name, content",
    [
        ("server.crt", b"no certificate at all"),
        ("server.key", b"no key at all"),
        ("server.crt", b""),
        ("server.key", b"\x00\xff" * 50),
    ],
)
def test_a_file_that_holds_something_else_is_named(patch, authority, issued, name, content):
    good = tls_files(issued)
    server = patch(files={**good, name: content}, wait=False, **SECURE)
    line = server.expect_line(name.replace(".", r"\."), 20)
    assert "/project1/webserver1" in line
    server.write(name, good[name])
    starts_after(server, authority)


def test_verifyclient_without_a_ca_is_an_error_that_names_clientca(patch, authority, issued):
    server = patch(files=tls_files(issued), wait=False, verifyclient=True, **SECURE)
    server.expect_line(r"clientca", 20)
    starts_after(server, authority, verifyclient=False)


def test_an_expired_certificate_is_told_and_served_all_the_same(patch, authority):
    certificate, key = authority.issue("server", age=40, days=10)
    server = patch(files={"server.crt": certificate, "server.key": key_pem(key)}, **SECURE)
    server.expect_line(r"(?i)expired")
    assert "expired" in server.do("result = server.warnings()").lower()
    with pytest.raises(httpx.HTTPError):
        secure_get(server, trust(authority))
    blind = trust(authority)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    assert secure_get(server, blind).status_code == 200
    fresh, new_key = authority.issue("server")
    server.write("server.crt", fresh)
    server.write("server.key", key_pem(new_key))
    server.do("server.par.restart.pulse()")
    eventually(lambda: server.do("result = server.warnings()") == "")
    assert secure_get(server, trust(authority)).status_code == 200


def test_a_broken_handshake_takes_nobody_elses_connection(patch, authority, issued):
    server = patch(files=tls_files(issued), handshaketime=2, **SECURE)
    client = server.connect("/", "wss", ssl=trust(authority))
    with Raw(server.port) as silent, Raw(server.port) as rude:
        rude.send(b"\x16\x03\x01\x00\x05hello")
        assert silent.is_ended(8), "a handshake that never comes is dropped in time"
        assert rude.is_ended(8)
    client.send("still here")
    assert client.recv(timeout=8) == "still here"
