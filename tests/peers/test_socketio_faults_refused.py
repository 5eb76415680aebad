"""Namespaces that a scripted server refuses, forgets or closes at an unusual moment, and requests that cannot be made."""

from running import eventually
from scripted_socketio import event, healthy
from socketio_faults import expect_at_rest, expect_warning, expect_works


def never_answers_b(session):
    """Lets the client into `/` and says nothing about `/b`."""
    session.open()
    session.expect("40")
    session.say(session.connected())
    while (packet := session.hear()) is not None:
        if packet.startswith("42["):
            session.say(packet)


def test_a_header_that_cannot_be_sent_is_told_and_the_right_one_is_found_by_itself(io, faulty):
    server = faulty(healthy)
    one = io(server, headers=[["Author ization", "Bearer abc"]], allevents=True, delay=100)
    _, namespace, message, _ = one.expect_record("onConnectError")
    assert namespace == "" and "Author ization" in message
    expect_warning(one, "Author ization", "correct the input `headers`")
    one.expect_record("onReconnectAttempt", 2)
    one.fill("headers", [["X-Good", "yes"]])
    expect_works(one)
    assert server.wires[-1].headers["x-good"] == "yes"


def test_who_was_put_out_of_a_namespace_stays_out_when_the_connection_comes_back(sio, faulty):
    def kicks_and_leaves(session):
        session.open()
        session.expect("40")
        session.say(session.connected())
        session.expect("40/b,")
        session.say(session.connected("/b"), "41/b,", event("kicked"))
        session.expect('42["leave"]')

    server = faulty(kicks_and_leaves, healthy)
    one = sio(server, namespaces="/ /b", reconnect=True)
    assert one.expect_closed("/b") == (True, "io server disconnect")
    one.expect_received(["kicked", None])
    one.do("dat.emit('leave')")
    one.expect_opened(count=2)
    one.emit("echo", "back", namespace="/")
    assert one.expect_messages("echo", 1) == ["back"]
    assert one.facts()["namespace /b"].startswith("refused") and one.info()["connected"] == 1
    one.do("dat.par.reset.pulse()")
    one.expect_opened("/b", 2)


def test_a_server_that_does_not_answer_for_its_only_namespace_is_asked_again(sio, faulty):
    def never_answers(session):
        session.open()
        session.expect("40")
        session.rest()

    server = faulty(never_answers, healthy)
    one = sio(server, namespacetimeout=200, reconnect=True)
    assert one.expect_record("onConnectError")[1:] == ["/", "the server did not connect the namespace in time", None]
    one.expect_record("onReconnectAttempt", 1)
    expect_works(one)
    assert one.records("onClose") == []


def test_a_server_that_does_not_answer_for_one_of_two_is_asked_again_over_the_same_session(sio, faulty):
    server = faulty(never_answers_b)
    one = sio(server, namespaces="/ /b", namespacetimeout=200, reconnect=True)
    expect_works(one)
    assert one.expect_record("onConnectError")[1] == "/b"
    one.expect_record("onReconnectAttempt", 2)
    assert one.records("onClose") == [] and len(server.wires) == 1


def test_a_disconnect_in_the_place_of_an_answer_is_a_refusal(sio, faulty):
    def says_no(session):
        session.open()
        session.expect("40")
        session.say("41")
        session.rest()

    one = sio(faulty(says_no, healthy), reconnect=True)
    assert one.expect_record("onConnectError")[1] == "/"
    expect_warning(one, "refused /: ", "`reset`")
    expect_at_rest(one)
    assert one.records("onOpen", "onClose", "onReconnectAttempt") == []
    one.do("dat.par.reset.pulse()")
    expect_works(one)


def test_events_go_to_the_first_namespace_whatever_was_joined_first(sio, faulty):
    heard = []

    def session_of_both(session):
        session.open()
        session.expect("40")
        session.say(session.connected())
        session.expect("40/lights,")
        session.say(session.connected("/lights"))
        heard.append(session.hear())

    one = sio(faulty(session_of_both))
    one.expect_opened()
    one.set(namespaces="/lights /")
    one.expect_opened("/lights")
    one.do("dat.emit('on')")
    assert eventually(lambda: heard) == ['42/lights,["on"]']
    one.expect_info(events_out=1)


def test_what_waits_in_a_namespace_that_is_left_is_told_that_no_answer_comes(sio, faulty):
    one = sio(faulty(never_answers_b), namespaces="/ /b", offline="keep")
    expect_works(one)
    one.do("dat.emit('kept', ack=True, namespace='/b')")
    one.expect_info(acks_pending=1)
    one.set(namespaces="/")
    assert one.expect_record("onAckTimeout")[2:] == ["dropped", "kept", "/b"]
    one.expect_info(acks_pending=0)


def test_who_is_refused_can_be_sent_to_another_namespace(sio, faulty):
    def denies(session):
        session.open()
        session.expect("40/deny,")
        session.say('44/deny,{"message":"no"}')
        session.rest()

    one = sio(faulty(denies, healthy), namespaces="/deny", reconnect=True)
    assert one.expect_record("onConnectError")[1:3] == ["/deny", "no"]
    expect_at_rest(one)
    one.set(namespaces="/")
    expect_works(one)
