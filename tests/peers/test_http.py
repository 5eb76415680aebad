"""HTTP: what a script is given, and what it may answer.

The request dictionary, the response dictionary and the rules between them are those of TouchDesigner's Web Server DAT
(TouchDesigner reference 3.3).
"""

import base64
import hashlib
import re

import httpx
import pytest

from raw import Raw, request
from running import ECHO, PRELUDE


def answering(body):
    """A callbacks text whose onHTTPRequest is `body`."""
    return (
        PRELUDE
        + "def onHTTPRequest(dat, request, response):\n"
        + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    )


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_every_method_reaches_the_callback(patch, method):
    server = patch()
    answer = server.http.request(method, server.url("/some/path"))
    assert (answer.status_code, answer.text) == (200, "/some/path")
    [[_, request]] = server.expect_records("onHTTPRequest")
    assert request["method"] == method


def test_requests_that_are_alike_have_dictionaries_of_their_own(patch):
    server = patch(
        answering(
            """
log("request", list(request.items()))
request.clear() if request["pars"] else request.update({"X-Own": "spoilt", "data": "spoilt", "more": 1})
request.setdefault("pars", {})["spoilt"] = "1"
return response
"""
        )
    )
    targets = ["/a", "/a?x=1", "/a", "/b", "/a"]
    with Raw(server.port) as client, Raw(server.port) as other:
        for target in targets:
            for raw in (client, other):
                raw.send(request(server.port, "GET", target, ["x-own: Value", "data: header"]))
                assert raw.answer().status == 404
        client.send(request(server.port, "POST", "/a", ["x-own: Value", "data: header"], b"body"))
        client.answer()
        client.send(request(server.port, "GET", "/a", ["x-own: Value", "method: header"]))
        client.answer()
        ids = [client.id, other.id]
    records = [record for [_, record] in server.records("request")]
    assert len(records) == 12

    def wanted(method, target, address, more, data=""):
        path, _, query = target.partition("?")
        fields = {
            "Host": f"127.0.0.1:{server.port}", **({"Content-Length": "4"} if data else {}), "X-Own": "Value", **more,
            "method": method, "uri": path, "pars": dict([query.split("=")]) if query else {},
            "clientAddress": address, "serverAddress": f"127.0.0.1:{server.port}", "data": data,
        }  # fmt: skip
        return sorted([name, value] for name, value in fields.items())

    expected = [wanted("GET", target, address, {"Data": "header"}) for target in targets for address in ids]
    assert [sorted(record) for record in records[:10]] == expected
    assert sorted(records[10]) == wanted("POST", "/a", ids[0], {"Data": "header"}, "body")
    assert sorted(records[11]) == wanted("GET", "/a", ids[0], {"Method": "header"})


def test_request_has_the_documented_keys_and_types(patch):
    server = patch(
        answering(
            """
log("types", {key: type(request[key]).__mro__[-2].__name__ for key in request}, isinstance(request, dict))
log("values", dict(request))
return response
"""
        )
    )
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/a/b?x=1", ["x-own: Value", "ACCEPT: */*", "sec-ch-ua-platform: L"]))
        assert client.answer().status == 404
        own_address = client.id
    [[_, types, is_dict]] = server.records("types")
    [[_, values]] = server.records("values")
    assert is_dict
    assert set(types.values()) == {"str", "dict"} and types["pars"] == "dict"
    assert values == {
        "method": "GET",
        "uri": "/a/b",
        "pars": {"x": "1"},
        "clientAddress": own_address,
        "serverAddress": f"127.0.0.1:{server.port}",
        "data": "",
        "Host": f"127.0.0.1:{server.port}",
        "X-Own": "Value",
        "Accept": "*/*",
        "Sec-Ch-Ua-Platform": "L",
    }


def test_headers_are_found_in_any_letter_case_and_listed_in_title_case(patch):
    server = patch(
        answering(
            """
log("found", request["content-type"], request["Content-Type"], request["CONTENT-TYPE"],
    request.get("cOnTeNt-TyPe"), "content-TYPE" in request, "x-absent" in request,
    request.get("x-absent"), request.get("x-absent", 7), "Content-Type" in list(request.keys()),
    "content-type" in list(request.keys()))
try:
    request["x-absent"]
except KeyError as error:
    log("absent", str(error))
return response
"""
        )
    )
    server.post("/", content=b"1", headers={"content-type": "text/x-own"})
    [[_, *found]] = server.expect_records("found")
    assert found == ["text/x-own"] * 4 + [True, False, None, 7, True, False]
    assert server.records("absent") == [["absent", "'x-absent'"]]


@pytest.mark.parametrize(
    "query, pars",
    [
        ("", {}),
        ("?", {}),
        ("?a=1&b=two%20words&c=a+b", {"a": "1", "b": "two words", "c": "a b"}),
        ("?flag", {"flag": ""}),
        ("?empty=", {"empty": ""}),
        ("?k=a=b&%C3%A9=%E2%82%AC", {"k": "a=b", "é": "€"}),
        ("?a=%zz", {"a": "%zz"}),
        ("?bad=%ff", {"bad": "\ufffd"}),
    ],
)
def test_pars_are_the_decoded_query(patch, query, pars):
    server = patch()
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/path" + query))
        client.answer()
    [[_, seen]] = server.expect_records("onHTTPRequest")
    assert (seen["uri"], seen["pars"]) == ("/path", pars)


def test_a_urlencoded_body_stays_in_data(patch):
    server = patch()
    server.post("/?q=1", data={"form": "value"})
    [[_, seen]] = server.expect_records("onHTTPRequest")
    assert seen["pars"] == {"q": "1"}
    assert seen["data"] == "form=value"


@pytest.mark.parametrize(
    "body, seen",
    [
        (b"", ["str", "", "", ""]),
        (b"hello", ["str", "hello", "hello", "hello"]),
        ("größer €".encode(), ["str", "größer €", "größer €", "größer €"]),
        (b'{"a": [1, 2]}', ["str", '{"a": [1, 2]}', '{"a": [1, 2]}', '{"a": [1, 2]}']),
        (b"\xff\x00\xfe", ["bytes", {"bytes": "ff00fe"}, {"bytes": "ff00fe"}, None]),
    ],
)
def test_data_is_text_that_can_be_decoded_or_bytes(patch, body, seen):
    server = patch(
        answering(
            """
data = request["data"]
kind = "str" if isinstance(data, str) else type(data).__name__
try:
    decoded = data.decode() if len(data) else data
except UnicodeDecodeError:
    decoded = None
log("data", kind, data, data[:], decoded)
return response
"""
        )
    )
    server.post("/", content=body)
    assert server.expect_records("data") == [["data", *seen]]


def test_json_bodies_load_as_they_come(patch):
    server = patch(answering("log('loaded', json.loads(request['data']))\nreturn response"))
    server.post("/", json={"deep": [1, {"x": None}]})
    assert server.expect_records("loaded") == [["loaded", {"deep": [1, {"x": None}]}]]


def test_response_starts_as_a_404(patch):
    server = patch(answering("log('given', response)\nreturn response"))
    answer = server.get()
    assert (answer.status_code, answer.reason_phrase, answer.content) == (404, "Not Found", b"")
    assert server.records("given") == [["given", {"statusCode": 404, "statusReason": "Not Found", "data": ""}]]


def test_status_and_reason_are_the_callbacks(patch):
    server = patch(
        answering("response['statusCode'] = 418\nresponse['statusReason'] = 'Short and stout'\nreturn response")
    )
    answer = server.get()
    assert (answer.status_code, answer.reason_phrase) == (418, "Short and stout")


@pytest.mark.parametrize(
    "expression, body, content_type",
    [
        ("'text é'", "text é".encode(), "text/html; charset=utf-8"),
        ("b'raw\\x00'", b"raw\x00", None),
        ("bytearray(b'array')", b"array", None),
        ("42", b"42", ...),
        ("2.5", b"2.5", ...),
        ("''", b"", None),
        ("b''", b"", None),
        ("['a', 1]", b"['a', 1]", ...),
    ],
)
def test_data_may_be_text_bytes_or_anything(patch, expression, body, content_type):
    server = patch(answering(f"response['statusCode'] = 200\nresponse['data'] = {expression}\nreturn response"))
    answer = server.get()
    assert answer.status_code == 200
    assert answer.content == body
    assert answer.headers["content-length"] == str(len(body))
    if body and content_type is not ...:  # nothing is said about other types
        assert answer.headers.get("content-type") == content_type


def test_other_keys_become_headers_in_any_letter_case_and_the_last_wins(patch):
    server = patch(
        answering(
            """
response.update({"statusCode": 200, "data": "{}", "content-type": "text/plain", "X-Number": 7, "x-float": 1.5})
response["Content-Type"] = "application/json"
response["Access-Control-Allow-Origin"] = "*"
return response
"""
        )
    )
    with Raw(server.port) as client:
        client.send(request(server.port))
        answer = client.answer()
    assert [name.lower() for name in answer.names].count("content-type") == 1
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["x-number"], answer.headers["x-float"]) == ("7", "1.5")
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "key, value",
    [
        ("headers", "{'X-Injected': '1'}"),
        ("X-List", "['X-Injected']"),
        ("X-Split", "'a\\r\\nX-Injected: 1'"),
        ("X-Newline", "'a\\nX-Injected: 1'"),
        ("X-Nul", "'a\\x00b'"),
        ("X-Bad Name", "'X-Injected'"),
        ("X-Injected: 1\\r\\nX-Other", "'v'"),
        ("", "'X-Injected'"),
    ],
)
def test_junk_headers_are_left_out_with_a_warning(patch, key, value):
    server = patch(
        answering(
            f"response.update({{'statusCode': 200, 'data': 'fine', 'X-Good': 'yes'}})\n"
            f'response["{key}"] = {value}\nreturn response'
        )
    )
    with Raw(server.port) as client:
        client.send(request(server.port))
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"fine")
        assert answer.headers["x-good"] == "yes"
        assert (
            not {"x-injected", "x-other", "headers", "x-list", "x-split", "x-newline", "x-nul"} & answer.headers.keys()
        )
        client.send(request(server.port))
        assert client.answer().status == 200
    server.expect_line(r"(?i)header")


def test_headers_that_belong_to_the_connection_cannot_break_it(patch):
    """A callback that sets Content-Length or Transfer-Encoding by hand must not desynchronise the connection."""
    server = patch(
        answering(
            """
response.update({"statusCode": 200, "data": "four", "Content-Length": "40", "Transfer-Encoding": "chunked"})
return response
"""
        )
    )
    with Raw(server.port) as client:
        for _ in range(2):
            client.send(request(server.port))
            answer = client.answer()
            assert (answer.status, answer.body) == (200, b"four")
            assert answer.headers.get("content-length") == "4"
            assert "transfer-encoding" not in answer.headers


def test_returning_none_uses_the_dictionary_that_was_passed(patch):
    server = patch(answering("response['statusCode'] = 201\nresponse['data'] = 'kept'"))
    answer = server.get()
    assert (answer.status_code, answer.text) == (201, "kept")


def test_another_dictionary_may_be_returned(patch):
    server = patch(answering("return {'statusCode': 202, 'data': 'other', 'X-Own': '1'}"))
    answer = server.get()
    assert (answer.status_code, answer.text, answer.headers["x-own"]) == (202, "other", "1")


@pytest.mark.parametrize(("contents", "expected"), [("'text'", b"text"), ("b'\\x00\\xff'", b"\x00\xff")])
def test_contents_alone_are_answered_with_200(patch, contents, expected):
    # Beyond TouchDesigner: see the callback's help.
    server = patch(answering(f"return {contents}"))
    answer = server.get()
    assert (answer.status_code, answer.content) == (200, expected)


@pytest.mark.parametrize("junk", ["7", "[1]", "object()"])
def test_returning_something_else_is_an_error_that_is_shown(patch, junk):
    server = patch(answering(f"return {junk}"))
    answer = server.get()
    assert (answer.status_code, answer.content) == (500, b"")
    server.expect_line(r"onHTTPRequest.*(return|dict)|return.*onHTTPRequest")
    assert server.get().status_code == 500


@pytest.mark.parametrize("junk", ["'abc'", "None", "99", "1000", "-1", "101", "10**30"])
def test_an_impossible_status_code_is_an_error_that_is_shown(patch, junk):
    server = patch(answering(f"response['statusCode'] = {junk}\nreturn response"))
    assert server.get().status_code == 500
    server.expect_line(r"(?i)status ?code")
    assert server.get().status_code == 500


def test_a_reason_cannot_split_the_answer(patch):
    server = patch(
        answering("response.update({'statusCode': 200, 'statusReason': 'OK\\r\\nX-Injected: 1'})\nreturn response")
    )
    with Raw(server.port) as client:
        client.send(request(server.port))
        answer = client.answer()
    assert answer.status == 200
    assert "x-injected" not in answer.headers


def test_an_exception_is_a_500_with_the_traceback_in_the_textport_only(patch):
    server = patch(answering("secret_name = 1\nraise ValueError('boom 42')"))
    answer = server.get()
    assert (answer.status_code, answer.content) == (500, b"")
    server.expect_line(r"ValueError: boom 42")
    server.expect_line(r"webserver1_callbacks.*line 8")
    server.expect_line(r"/project1/webserver1")


def test_a_missing_callback_is_a_404_and_no_error(patch):
    server = patch("state = {}\n")
    answer = server.get()
    assert (answer.status_code, answer.reason_phrase, answer.content) == (404, "Not Found", b"")
    assert "Traceback" not in server.output
    assert server.do("result = [server.errors(), server.warnings()]") == ["", ""]


def test_no_callbacks_dat_is_a_404(patch):
    server = patch()
    server.change(callbacks="")
    assert server.get().status_code == 404


def test_head_is_answered_by_the_same_callback_without_the_body(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(request(server.port, "HEAD", "/twelve-bytes"))
        answer = client.answer(head=True)
        assert (answer.status, answer.headers["content-length"]) == (200, "13")
        client.send(request(server.port, "GET", "/next"))
        assert client.answer().body == b"/next"
    assert [record[1]["method"] for record in server.records("onHTTPRequest")] == ["HEAD", "GET"]


@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body_get_none(patch, status):
    server = patch(answering(f"response['statusCode'] = {status}\nresponse['data'] = 'lost'\nreturn response"))
    with Raw(server.port) as client:
        for _ in range(2):
            client.send(request(server.port))
            answer = client.answer(head=True)
            assert answer.status == status
            assert "transfer-encoding" not in answer.headers
            assert status != 204 or "content-length" not in answer.headers
            assert client.buffer == b""


def test_answers_carry_a_date(patch):
    answer = patch().get()
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["date"])


def test_a_connection_is_kept_for_further_requests(patch):
    server = patch()
    with Raw(server.port) as client:
        for number in range(5):
            client.send(request(server.port, "POST", "/", body=f"body {number}".encode()))
            assert client.answer().body == f"body {number}".encode()
    addresses = {record[1]["clientAddress"] for record in server.records("onHTTPRequest")}
    assert addresses == {client.id}


def test_requests_that_come_together_are_answered_in_order(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(b"".join(request(server.port, "GET", f"/{number}") for number in range(50)))
        assert [client.answer().body for _ in range(50)] == [f"/{number}".encode() for number in range(50)]


def test_connection_close_and_http_1_0_end_the_connection(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(request(server.port, headers=["Connection: close"]))
        assert client.answer().status == 200
        assert client.rest() == b""
    with Raw(server.port) as client:
        client.send(b"GET /old HTTP/1.0\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"/old")
        assert client.rest() == b""


def test_a_chunked_request_is_given_whole(patch):
    server = patch()
    answer = server.post("/", content=iter([b"one ", b"two ", b"three"]))
    assert answer.text == "one two three"


def test_an_upload_within_the_limit_arrives_unchanged(patch):
    server = patch(
        answering(
            """
import hashlib
data = request["data"]
response["statusCode"] = 200
response["data"] = f"{len(data)} {hashlib.sha256(data).hexdigest()}"
return response
"""
        ),
        maxbody=12_000_000,
    )
    body = bytes(range(256)) * 40_000
    assert server.post("/", content=body).text == f"{len(body)} {hashlib.sha256(body).hexdigest()}"
    assert server.post("/", content=iter([body[:5_000_000], body[5_000_000:]])).text.startswith(f"{len(body)} ")


def test_an_announced_upload_over_the_limit_is_refused_before_it_is_read(patch):
    server = patch(maxbody=1000)
    with Raw(server.port) as client:
        client.send(request(server.port, "POST", "/", ["Content-Length: 1001", "Expect: 100-continue"]))
        assert client.answer().status == 413
    assert server.post("/", content=b"x" * 1000).status_code == 200
    assert len(server.records("onHTTPRequest")) == 1


def test_a_chunked_upload_over_the_limit_is_refused(patch):
    server = patch(maxbody=1000)
    with Raw(server.port) as client:
        client.send(request(server.port, "POST", "/", ["Transfer-Encoding: chunked"]))
        client.send(b"1f4\r\n" + b"x" * 500 + b"\r\n")
        client.send(b"1f5\r\n" + b"x" * 501 + b"\r\n0\r\n\r\n")
        assert client.answer().status == 413
    assert server.records("onHTTPRequest") == []


def test_expect_continue_is_answered_when_the_upload_is_welcome(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(request(server.port, "POST", "/", ["Content-Length: 5", "Expect: 100-continue"]))
        assert client.answer().status == 100
        client.send(b"hello")
        assert client.answer().body == b"hello"


def test_a_large_answer_arrives_whole(patch):
    server = patch(
        answering("response['statusCode'] = 200\nresponse['data'] = b'0123456789' * 3_000_000\nreturn response")
    )
    assert hashlib.sha256(server.get().content).digest() == hashlib.sha256(b"0123456789" * 3_000_000).digest()


def test_http_2_with_prior_knowledge(patch):
    server = patch()
    with httpx.Client(http1=False, http2=True, trust_env=False) as client:
        answers = [
            client.post(server.url(f"/h2?n={n}"), content=b"x" * 100_000, headers={"X-Own": "1"}) for n in range(3)
        ]
    assert [(answer.status_code, answer.http_version, len(answer.text)) for answer in answers] == [
        (200, "HTTP/2", 100_000)
    ] * 3
    seen = [record[1] for record in server.expect_records("onHTTPRequest", count=3)]
    assert [each["pars"]["n"] for each in seen] == ["0", "1", "2"]
    assert {(each["method"], each["uri"], each["X-Own"], each["Host"]) for each in seen} == {
        ("POST", "/h2", "1", f"127.0.0.1:{server.port}")
    }
    assert not [key for key in seen[0] if key.startswith(":")]


AUTHENTICATING = """
token = request.get('Authorization', '')
if dat.authenticateBasic(token%s, {'ann': 'secret:with:colons', 'bé': 'pässword'}):
    response['statusCode'] = 200
else:
    response['statusCode'] = 401
    response['WWW-Authenticate'] = 'Basic realm="patch"'
return response
"""


@pytest.mark.parametrize("form", ["", ".replace('Basic ', '')"])
def test_basic_authentication(patch, form):
    server = patch(answering(AUTHENTICATING % form))

    def status(user, password):
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        return server.get(headers={"Authorization": f"Basic {token}"}).status_code

    assert status("ann", "secret:with:colons") == 200
    assert status("bé", "pässword") == 200
    assert status("ann", "wrong") == 401
    assert status("ann", "") == 401
    assert status("nobody", "secret:with:colons") == 401
    assert server.get().status_code == 401
    for junk in ["Basic", "Basic !!!", "Basic YQ==", "Bearer YW5uOnNlY3JldA==", "Basic /w=="]:
        assert server.get(headers={"Authorization": junk}).status_code == 401
    assert "Traceback" not in server.output


def test_several_clients_are_answered_side_by_side(patch):
    server = patch()
    clients = [Raw(server.port) for _ in range(40)]
    for number, client in enumerate(clients):
        client.send(request(server.port, "GET", f"/{number}"))
    assert [client.answer().body for client in clients] == [f"/{number}".encode() for number in range(40)]
    for client in clients:
        client.socket.close()


def test_annotated_callbacks_of_newer_templates_run(patch):
    server = patch(
        PRELUDE
        + """
from typing import Dict, Any

def onHTTPRequest(dat: webserverDAT, request: Dict[str, Any], response: Dict[str, Any]) -> Dict[str, Any]:
    log("dat", isinstance(dat, webserverDAT), isinstance(dat, DAT), str(dat), dat.name, dat.type, dat.family)
    response['statusCode'] = 200
    return response
"""
    )
    assert server.get().status_code == 200
    assert server.records("dat") == [["dat", True, True, "/project1/webserver1", "webserver1", "webserver", "DAT"]]


def test_undocumented_request_keys_do_not_exist(patch):
    server = patch(
        answering(
            """
log("keys", [key for key in ("headers", "body", "query", "args", "path", "json") if key in request],
    request.get("headers", {}))
return response
"""
        )
    )
    server.get("/?query=1")
    assert server.expect_records("keys") == [["keys", [], {}]]


def test_the_echo_script_is_what_the_other_tests_think(patch):
    """Notes are complete: nothing of a request is lost between the callback and the test."""
    server = patch(ECHO)
    text = 'line\nbreak "quoted" \\ é \u2028 end'
    server.post("/", content=text.encode())
    [[_, seen]] = server.expect_records("onHTTPRequest")
    assert seen["data"] == text
