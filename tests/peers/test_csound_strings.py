"""Strings: text frames with UTF-8, when they change and to each client that comes; string arrays as JSON."""

import json


from csound_runs import expect_message, packed, silent
from raw import BINARY, TEXT

# Sends back what came in; counts and measures it.
ECHO = """
instr 1
Sback = "begin"
klength init 0
Sin websocket $PORT, Sback, klength
klength strlenk Sin
if klength > 0 then
Sback strcpyk Sin
else
Sback strcpyk "begin"
endif
endin
"""
LIST = """
instr 1
Sin[] init 3
Sback[] fillarray "a", "b", "c"
Sin websocket $PORT, Sback
knumber = 0
Sfirst strcpyk Sin[knumber]
klength strlenk Sfirst
if klength > 0 then
while knumber < 3 do
Sback[knumber] strcpyk Sin[knumber]
knumber += 1
od
endif
endin
"""

TEXTS = ["x", "größer 🎛 ende", 'quotes " \\ and %s %d %n', "two\nlines\ttab", "é" * 4000, "z" * 60_000]


def comes(client, text):
    """Waits for a text."""
    expect_message(client, text)


def comes_list(client, strings):
    """Waits for an array of strings, however its JSON is written."""
    while json.loads(client.recv(timeout=8)) != strings:
        pass


def test_a_string_goes_in_and_out(csound):
    one = csound(ECHO)
    back = one.connect("Sback")
    assert back.recv(timeout=8) == "begin"
    client = one.connect("Sin")
    for text in TEXTS:
        client.send(text)
        comes(back, text)


def test_a_string_may_come_as_binary_and_in_fragments(csound):
    one = csound(ECHO)
    back, client = one.connect("Sback"), one.raw("Sin")
    whole = "größer 🎛".encode()
    client.send_frame(BINARY, whole)
    comes(back, "größer 🎛")
    client.send_frame(TEXT, whole[:3], final=False)  # ends inside a character
    client.send_frame(0, whole[3:8], final=False)
    client.send_frame(0, whole[8:] + b"!")
    comes(back, "größer 🎛!")


def test_a_string_is_sent_when_it_changes_and_to_each_client_that_comes(csound):
    one = csound(ECHO)
    first = one.raw("Sback")
    assert first.frame() == (TEXT, b"begin", True)
    client = one.connect("Sin")
    client.send("one")
    assert first.frame() == (TEXT, b"one", True)
    second = one.connect("Sback")
    assert second.recv(timeout=8) == "one", "the string of now, not the first one"
    assert silent(second, 0.2)
    client.send("one")
    assert silent(second, 0.1), "the same again is no change"
    client.send("two")
    assert second.recv(timeout=8) == "two"
    assert first.frame() == (TEXT, b"two", True)


def test_an_empty_string_comes_in(csound):
    one = csound(ECHO)
    length, client = one.connect("klength"), one.connect("Sin")
    client.send("four")
    expect_message(length, packed(4))
    client.send("")
    expect_message(length, packed(0))


def test_strings_of_growing_and_shrinking_length(csound):
    one = csound(ECHO)
    back, client = one.connect("Sback"), one.connect("Sin")
    for length in (1, 100, 7, 8, 9, 5000, 2, 65_536, 3):
        client.send("y" * length)
        comes(back, "y" * length)


def test_a_burst_of_strings_ends_on_the_last(csound):
    one = csound(ECHO)
    back, client = one.connect("Sback"), one.connect("Sin")
    for number in range(2000):
        client.send(f"number {number}")
    comes(back, "number 1999")


def test_a_string_beyond_the_limit_is_closed_with_1009(csound):
    one = csound('websocketset $PORT, "text", 100\n' + ECHO)
    back, client = one.connect("Sback"), one.raw("Sin")
    client.send_frame(TEXT, b"y" * 100)
    comes(back, "y" * 100)
    client.send_frame(TEXT, b"y" * 101)
    assert client.close_code() == 1009
    default = csound(ECHO)
    client = default.raw("Sin")
    client.send_frame(TEXT, b"y" * 65_537)
    assert client.close_code() == 1009


def test_text_that_is_not_utf_8_is_closed_with_1007(csound):
    one = csound(ECHO)
    client = one.raw("Sin")
    client.send_frame(TEXT, b"gr\xfc\xdfe")
    assert client.close_code() == 1007
    client = one.raw("Sin")
    client.send_frame(TEXT, "🎛".encode()[:3])  # breaks off
    assert client.close_code() == 1007


def test_bytes_that_are_not_utf_8_leave_csound_as_valid_text(csound):
    """A string of Csound may hold any bytes; a text frame may not."""
    one = csound('instr 1\nSout sprintf "a%cb", 255\nkunused websocket $PORT, Sout\nendin')
    opcode, payload, final = one.raw("Sout").frame()
    assert (opcode, final) == (TEXT, True)
    text = payload.decode("utf-8")
    assert text[0] == "a" and text[-1] == "b" and "\ufffd" in text


def test_binary_that_is_not_utf_8_does_no_harm(csound):
    """It comes in or is dropped; what goes out again is valid, and the next string comes."""
    one = csound(ECHO)
    back, client = one.connect("Sback"), one.connect("Sin")
    client.send(b"gr\xfc\xdfe \x00 \x01")
    client.send("after")
    comes(back, "after")


def test_global_strings_and_literals_have_names(csound):
    orchestra = 'gStitle = "the title"\ninstr 1\nkunused websocket $PORT, gStitle, "literal ü", Slocal\nendin'
    one = csound(orchestra.replace("kunused", 'Slocal = "local"\nkunused'))
    assert one.connect("gStitle").recv(timeout=8) == "the title"
    assert one.connect("in2").recv(timeout=8) == "literal ü"
    assert one.connect("Slocal").recv(timeout=8) == "local"


# ---------------------------------------- string arrays


def test_a_string_array_is_a_json_array_both_ways(csound):
    one = csound(LIST)
    back, client = one.connect("Sback"), one.connect("Sin")
    first = back.recv(timeout=8)
    assert isinstance(first, str) and json.loads(first) == ["a", "b", "c"]
    strings = ['quote " and \\', "größer 🎛\n", "\u0001 ctrl"]
    client.send(json.dumps(strings))
    comes_list(back, strings)
    late = one.connect("Sback")
    assert json.loads(late.recv(timeout=8)) == strings
    assert silent(late, 0.1)


def test_json_that_is_no_such_array_is_dropped(csound, subtests):
    one = csound(LIST)
    back, client = one.connect("Sback"), one.connect("Sin")
    client.send('["x","y","z"]')
    comes_list(back, ["x", "y", "z"])
    for bad in ("", "[", '["a","b"]', '["a","b","c","d"]', '["a","b",3]', '{"a":1}', "[" * 5000):
        with subtests.test(bad[:20]):
            client.send(bad)
            assert silent(back, 0.05)
            client.send(json.dumps(["x", "after", bad]))
            comes_list(back, ["x", "after", bad])
