"""HTTP on the port of the opcode: answers in words instead of silence, pages, origins, limits, interfaces, TLS."""

import ssl
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from certificates import Authority, key_pem
from csound_runs import close_code, count_up, first_numbers, listening, packed, watch
from raw import Raw, request, upgrade_headers
from running import eventually

COUNTER = f"instr 1\n{count_up()}kin websocket $PORT, kcount\n{watch('kin')}endin\n"
OTHER = f'instr 9\n{count_up("kgoes")}if kgoes == 100 then\nprintks "goes on\\n", 0\nendif\nendin\n'


def setting(name, value):
    """Code that sets something of the port."""
    value = value if isinstance(value, (int, float)) else f'"{value}"'
    return f'websocketset $PORT, "{name}", {value}\n'


def ask(one, data):
    """The answer to these bytes, and whether the server ends the connection or waits for more."""
    one.expect_listening()
    with Raw(one.port) as client:
        client.send(data)
        return client.answer()


def get(one, path="/", **options):
    one.expect_listening()
    return httpx.get(one.url("http", path=path), trust_env=False, timeout=8, **options)


# ---------------------------------------- answers


def test_a_plain_request_is_told_what_is_here(csound):
    one = csound(COUNTER)
    answer = get(one)
    assert answer.status_code == 426
    assert answer.headers["upgrade"].lower() == "websocket"
    assert "WebSocket" in answer.text and "kcount" in answer.text and "kin" in answer.text


def test_an_unknown_name_is_refused_with_the_names_there_are(csound):
    one = csound(COUNTER)
    for name in ("nothing", "KCOUNT", "kcoun", "kcount1", "in1"):
        with pytest.raises(InvalidStatus) as refused:
            one.connect(name)
        assert refused.value.response.status_code == 404
        body = refused.value.response.body.decode()
        assert "kcount" in body and "kin" in body


# What is no handshake, and the statuses that say so.
NO_HANDSHAKES = {
    "nonsense": (b"nonsense\r\n\r\n", {400}),
    "version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", {400, 505}),
    "no colon": (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", {400}),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
    "version 12": (request(1, headers=upgrade_headers(version="12")), {426, 400}),
    "short key": (request(1, headers=upgrade_headers(key="short")), {400}),
    "no key": (request(1, headers=["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]), {400}),
    "POST": (request(1, "POST", headers=upgrade_headers()), {400, 405}),
    "long header": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000, {400, 431}),
    "long line": (b"GET /" + b"a" * 200_000, {400, 414, 431}),
    "many lines": (b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(2000)) + b"\r\n", {400, 431}),
}


def test_what_is_no_handshake_is_answered_with_its_fault(csound, subtests):
    one = csound(COUNTER)
    for name, (data, statuses) in NO_HANDSHAKES.items():
        with subtests.test(name):
            try:
                answer = ask(one, data)
                assert answer.status in statuses
                assert answer.body or answer.status == 426
            except (ConnectionResetError, BrokenPipeError):
                assert len(data) > 100_000, "only what is far too long may be cut off"
            assert first_numbers(one.connect("kcount"), 3)


def test_requests_that_never_end_do_not_pile_up(csound):
    """A hundred connections that say half of a request, or nothing: others are served, and in the end they are gone."""
    one = csound(COUNTER)
    one.expect_listening()
    silent = [Raw(one.port, timeout=15) for _ in range(100)]
    for client in silent[:50]:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert first_numbers(one.connect("kcount"), 3)
    assert silent[0].is_ended(15), "a request has a time limit"
    for client in silent:
        client.socket.close()


def test_at_the_limit_of_clients_the_next_is_told(csound):
    one = csound(setting("clients", 3) + COUNTER)
    clients = [one.connect(name) for name in ("kcount", "kin", "kcount")]
    with pytest.raises(InvalidStatus) as refused:
        one.connect("kcount")
    assert refused.value.response.status_code == 503
    clients[0].close()
    eventually(lambda: connects(one), what="room for another")
    assert first_numbers(clients[2], 3)


def connects(one, **options):
    try:
        return one.connect("kcount", **options)
    except InvalidStatus:
        return None


def test_sixty_four_clients_are_the_default(csound):
    one = csound(COUNTER, ksmps=2400)
    one.expect_listening()
    for _ in range(64):
        one.raw("kin")
    with pytest.raises(InvalidStatus, match="503"):
        one.connect("kcount")


# ---------------------------------------- pages

FILES = {
    "index.html": b"<!DOCTYPE html><title>panel</title>",
    "script.js": b"export const one = 1;",
    "style.css": b"body {}",
    "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "data.json": b"{}",
    "sound.wav": bytes(range(256)) * 8000,
    "with space.txt": b"space",
    "sub/index.html": b"<p>sub</p>",
    "sub/deep/page.html": b"<p>deep</p>",
    "empty.txt": b"",
}


@pytest.fixture
def pages(tmp_path, csound):
    """A csound that serves a folder; beside the folder lies a secret."""
    folder = tmp_path / "pages"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "pages-too").mkdir()
    (tmp_path / "pages-too" / "secret.txt").write_text("secret")
    return csound(setting("folder", folder) + COUNTER)


def test_a_folder_of_pages_is_served_on_the_same_port(pages):
    for name, content in FILES.items():
        answer = get(pages, f"/{name}")
        assert (answer.status_code, answer.content) == (200, content), name
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert get(pages, "/").content == FILES["index.html"]
    assert get(pages, "/index.html?query=1").content == FILES["index.html"]
    assert get(pages, "/with%20space.txt").content == b"space"
    types = {name: get(pages, f"/{name}").headers["content-type"].split(";")[0] for name in FILES}
    assert types["index.html"] == "text/html"
    assert types["script.js"] in ("text/javascript", "application/javascript")
    assert types["style.css"] == "text/css" and types["picture.png"] == "image/png"
    assert types["data.json"] == "application/json"
    assert first_numbers(pages.connect("kcount"), 3)


def test_subfolders_and_what_is_not_there(pages):
    assert get(pages, "/sub/", follow_redirects=True).content == FILES["sub/index.html"]
    assert get(pages, "/sub", follow_redirects=True).content == FILES["sub/index.html"]
    for path in ("/none", "/sub/none", "/sub/deep/", "/index.html/", "/index.html/x"):
        answer = get(pages, path, follow_redirects=True)
        assert answer.status_code == 404, path


def test_head_and_other_methods(pages):
    pages.expect_listening()
    with Raw(pages.port) as client:
        client.send(request(pages.port, "HEAD", "/sound.wav", headers=["Connection: close"]))
        answer = client.answer(head=True)
        assert (answer.status, answer.headers["content-length"]) == (200, str(256 * 8000))
        assert client.rest() == b""
    for method in ("POST", "PUT", "DELETE"):
        assert ask(pages, request(pages.port, method, "/index.html", body=b"x")).status == 405


OUTSIDE = [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e%2fsecret.txt",
    "/sub/../../secret.txt",
    "/sub/%2e%2e/%2e%2e/secret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "/%252e%252e/secret.txt",
    "/../pages-too/secret.txt",
    "//secret.txt",
    "{folder}/secret.txt",
    "/{folder}/secret.txt",
    "/index.html%00.txt",
    "/%",
    "/%zz",
    "/%c0%ae%c0%ae/secret.txt",
    "/" + "../" * 40 + "etc/passwd",
    "/.",
    "/sub/.",
    "/./",
    "/link.txt",
    "/linked/secret.txt",
    "/.hidden",
]


def test_nothing_outside_the_folder_is_served(pages, tmp_path, subtests):
    folder = tmp_path / "pages"
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path / "pages-too")
    (folder / ".hidden").write_text("secret")
    for target in OUTSIDE:
        with subtests.test(target):
            answer = ask(pages, request(pages.port, target=target.format(folder=tmp_path)))
            assert b"secret" not in answer.body and b"root:" not in answer.body
            assert answer.status in (200, 301, 302, 307, 308, 400, 403, 404)
            if answer.status == 200:
                assert answer.body in (FILES["index.html"], FILES["sub/index.html"])


def test_a_large_file_to_a_slow_reader_holds_up_nobody(pages, tmp_path):
    (tmp_path / "pages" / "large.bin").write_bytes(bytes(8_000_000))
    client = pages.connect("kcount")
    with Raw(pages.port, receive_buffer=8192) as slow:
        slow.send(request(pages.port, target="/large.bin"))
        time.sleep(0.2)
        numbers = first_numbers(client, 200)
        assert numbers == list(range(int(numbers[0]), int(numbers[0]) + 200))
        assert len(slow.answer().body) == 8_000_000


def test_a_folder_that_is_not_there_is_said(csound, tmp_path):
    one = csound(setting("folder", tmp_path / "none") + COUNTER, fails=True)
    one.expect_line(f"INIT ERROR.*folder.*{tmp_path}/none")
    one.end()


# ---------------------------------------- origins


def test_only_the_named_origins_are_let_in(csound):
    one = csound(setting("origins", "http://a.example https://b.example:8443") + COUNTER)
    for origin in ("http://a.example", "https://b.example:8443"):
        assert first_numbers(one.connect("kcount", origin=origin), 2)
    for origin in ("https://a.example", "http://a.example:81", "http://a.example.evil", "http://evil", "null",
                   "http://b.example:8443", "http://xa.example"):  # fmt: skip
        with pytest.raises(InvalidStatus) as refused:
            one.connect("kcount", origin=origin)
        assert refused.value.response.status_code == 403, origin


# ---------------------------------------- interfaces

LOOPBACK, EVERY = "0100007F", {"00000000", "00000000000000000000000000000000"}


def test_only_this_machine_reaches_it_by_default(csound):
    one = csound(COUNTER)
    one.expect_listening()
    assert listening(one.port) == [LOOPBACK]
    with pytest.raises(OSError):
        one.connect("kcount", url=one.url(host="127.0.0.2"))


@pytest.mark.parametrize("way", ["opcode", "environment"])
def test_all_interfaces_when_asked_for(csound, way):
    if way == "opcode":
        one = csound(setting("interface", "*") + COUNTER)
    else:
        one = csound(COUNTER, settings={"PATCHCORD_CSOUND_INTERFACE": "*"})
    one.expect_listening()
    assert set(listening(one.port)) & EVERY
    assert first_numbers(one.connect("kcount", url=one.url(host="127.0.0.2")), 2)


def test_one_interface_by_its_address(csound):
    one = csound(setting("interface", "127.0.0.3") + COUNTER)
    one.expect_listening()
    assert listening(one.port) == ["0300007F"]
    assert first_numbers(one.connect("kcount", url=one.url(host="127.0.0.3")), 2)
    with pytest.raises(OSError):
        one.connect("kcount", url=one.url(host="127.0.0.1"))


# ---------------------------------------- settings


BAD_SETTINGS = [
    ('websocketset $PORT, "folders", "x"', "folder"),
    ('websocketset $PORT, "jiter", 20', "jitter"),
    ('websocketset $PORT, "interface", "not an address"', "interface"),
    ('websocketset $PORT, "clients", -1', "clients"),
    ('websocketset $PORT, "clients", "many"', "clients"),
    ('websocketset $PORT, "dry", "loop"', "dry"),
    ('websocketset $PORT, "jitter", log(-1)', "jitter"),
    ('websocketset $PORT, "control", 3', "control"),
    ('websocketset $PORT, "folder", 5', "folder"),
    ('websocketset 0, "clients", 3', "port"),
]


def test_a_bad_setting_fails_its_note_and_says_why(csound, subtests):
    notes = "".join(f"instr {number}\n{code}\nendin\n" for number, (code, _) in enumerate(BAD_SETTINGS, 20))
    one = csound(notes + COUNTER + OTHER, score="f 0 3600", fails=True)
    for number, (code, said) in enumerate(BAD_SETTINGS, 20):
        with subtests.test(code):
            start = len(one.lines)
            one.event(f"i {number} 0 1")
            one.expect_line(f"INIT ERROR.*{said}", start=start)
    one.event("i 1 0 -1")
    one.event("i 9 0 -1")
    one.expect_line("goes on")
    assert first_numbers(one.connect("kcount"), 2)


# ---------------------------------------- TLS


@pytest.fixture
def secure(tmp_path, csound):
    """A csound that speaks TLS, and what a client needs to trust it."""
    authority = Authority("csound test")
    certificate, key = authority.issue("127.0.0.1")
    (tmp_path / "certificate.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key_pem(key))
    settings = setting("certificate", tmp_path / "certificate.pem") + setting("key", tmp_path / "key.pem")
    one = csound(settings + COUNTER)
    one.trust = ssl.create_default_context(cadata=authority.pem.decode())
    return one


def test_tls(secure):
    client = secure.connect("kcount", url=secure.url("wss"), ssl=secure.trust)
    numbers = first_numbers(client, 300)
    assert numbers == list(range(int(numbers[0]), int(numbers[0]) + 300))
    speaker = secure.connect("kin", url=secure.url("wss"), ssl=secure.trust)
    speaker.send(packed(2.5))
    secure.expect_value("kin", 2.5)
    answer = httpx.get(secure.url("https"), verify=secure.trust, trust_env=False)
    assert answer.status_code == 426
    secure.stop()
    assert close_code(client) == 1001


def test_a_client_without_tls_does_not_hang_on_a_port_with_it(secure):
    secure.expect_listening()
    with Raw(secure.port) as client:
        client.send(request(secure.port, headers=upgrade_headers()))
        assert client.is_ended(8)
    with pytest.raises(ssl.SSLError):
        secure.connect("kcount", url=secure.url("wss"), ssl=ssl.create_default_context())


def test_a_certificate_that_cannot_be_used_fails_the_note(csound, tmp_path):
    (tmp_path / "bad.pem").write_text("no certificate")
    settings = setting("certificate", tmp_path / "bad.pem") + setting("key", tmp_path / "bad.pem")
    one = csound(settings + COUNTER + OTHER, score="i 1 0 3600\ni 9 0 3600", fails=True)
    one.expect_line("(?i)error.*(certificate|bad.pem)")
    one.expect_line("goes on")
    assert not listening(one.port), "never without TLS when TLS was asked for"
