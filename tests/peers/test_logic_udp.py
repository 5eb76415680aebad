"""UDP of logic graphs (reference §3.4) against sockets of Python and of Node."""

import socket
import threading
import time

import pytest

from running import eventually, free_port
from socket_graphs import ECHO, GRAPH, port_of


@pytest.fixture
def lamp():
    """A UDP socket of Python's on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", free_port()))
        sock.settimeout(8)
        yield sock


def test_udp_starts_sends_hears_and_stops(desk, lamp):
    port = free_port()
    one = desk("UDP", url="127.0.0.1", port=port_of(lamp), local_port=port)
    time.sleep(0.2)
    assert one.order("started", "error") == []
    one.trigger("start")
    one.said("started$")
    one.trigger("send", "grüße")
    data, sender = lamp.recvfrom(100)
    assert (data, sender) == ("grüße".encode(), ("127.0.0.1", port))
    lamp.sendto("zurück".encode(), sender)
    one.said("got zurück$")
    lamp.sendto(b"", sender)
    one.said("got $")
    one.trigger("stop")
    one.said("stopped$")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", port))
    one.trigger("start")
    one.trigger("stop")
    assert one.order("error") == []


def test_udp_send_opens_the_socket_and_the_message_goes_out(desk, lamp):
    one = desk("UDP", url="localhost", port=port_of(lamp))
    one.one.do("[op('/project1/logic1').trigger('send', text) for text in ('one', 'two')]\nresult = 1")
    assert lamp.recvfrom(100)[0] == b"one"
    assert lamp.recvfrom(100)[0] == b"two"
    one.said("started$")
    assert one.info("connected") == 1 and one.info("local_port") > 0 and one.info("packets_out") == 2


def test_udp_carries_bytes_as_they_are_up_to_the_largest_datagram(desk, lamp):
    port = free_port()
    one = desk(
        "UDP", echo=True, url="127.0.0.1", port=port_of(lamp), local_port=port, autostart=True,
    )
    one.said("started$")
    for size in (1, 1000, 65_507):
        data = bytes(number % 251 for number in range(size))
        lamp.sendto(data, ("127.0.0.1", port))
        assert lamp.recvfrom(70_000)[0] == data
    one.trigger("send", "x" * 65_508)
    one.said("error: .*65508 bytes were not sent: a datagram has room for 65507")
    one.trigger("send", "short")
    assert lamp.recvfrom(100)[0] == b"short"


def test_udp_answers_the_last_sender_where_that_is_asked_for(desk, lamp):
    port = free_port()
    one = desk("UDP", local_port=port, automatic_url_and_port=True, autostart=True)
    one.said("started$")
    one.trigger("send", "to nobody")
    one.said("error: .*nothing says where to")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.settimeout(8)
        for count, sender in enumerate((lamp, other, lamp), 1):
            sender.sendto(b"question", ("127.0.0.1", port))
            one.said("got question$", count)
            one.trigger("send", f"answer {count}")
            assert sender.recvfrom(100)[0] == f"answer {count}".encode()


def test_udp_port_in_use_is_an_error_and_is_bound_again(desk, lamp):
    port = port_of(lamp)
    one = desk("UDP", local_port=port, automatic_rebind=True, par__rebinddelay=0.2, autostart=True)
    one.said(f"error: port {port} is in use")
    lamp.close()
    one.said("started$")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"here", ("127.0.0.1", port))
    one.said("got here$")


def test_udp_without_rebind_waits_for_start(desk, lamp):
    port = port_of(lamp)
    one = desk("UDP", local_port=port)
    one.trigger("start")
    one.said(f"error: port {port} is in use")
    lamp.close()
    time.sleep(0.3)
    assert one.order("started") == []
    one.trigger("start")
    one.said("started$")


def test_udp_leaves_this_machine_and_goes_to_many_only_where_that_is_allowed(desk):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        everywhere.settimeout(8)
        port = port_of(everywhere)
        one = desk("UDP", url="192.0.2.77", port=port, autostart=True)
        one.said("started$")
        one.trigger("send", "x")
        one.said("error: .*192.0.2.77:.* is another machine, and .* reaches this one alone")
        path = "op('/project1/connections/udp_desk').par"
        one.one.do(f"{path}.netaddress = '127.255.255.255'\nresult = 1")
        one.trigger("send", "x")
        one.said("error: .*127.255.255.255:.* is a broadcast or multicast address")
        one.one.do(f"{path}.broadcast = True\nresult = 1")
        one.trigger("send", "to all")
        assert everywhere.recvfrom(100)[0] == b"to all"
        assert one.order("started", "stopped") == ["started"], "no edit has cost the socket"


def test_udp_over_ipv6(desk):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as lamp:
        lamp.bind(("::1", 0))
        lamp.settimeout(8)
        one = desk(
            "UDP", echo=True, url="::1", port=lamp.getsockname()[1], is_ipv6=True, is_local_ipv6=True, autostart=True,
        )
        one.said("started$")
        one.trigger("send", "six")
        data, sender = lamp.recvfrom(100)
        assert data == b"six"
        lamp.sendto(b"back", sender)
        assert lamp.recvfrom(100)[0] == b"back"


def test_a_name_that_is_none_is_an_error_and_blocks_nothing(desk):
    one = desk("UDP", url="nobody.invalid", port=9, autostart=True)
    one.said("started$")
    one.trigger("send", "x")
    one.said("error: what waited for it was not sent: the name nobody.invalid cannot be looked up")


@pytest.mark.alone
def test_a_flood_of_datagrams_does_not_starve_the_program(desk):
    port = free_port()
    one = desk("UDP", local_port=port, autostart=True)
    one.said("started$")
    one.one.do("op('/project1/logic1').par.active = False\nresult = 1")
    stop = threading.Event()

    def flood():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not stop.is_set():
                sender.sendto(bytes(16), ("127.0.0.1", port))

    thread = threading.Thread(target=flood)
    thread.start()
    eventually(lambda: one.info("packets_in") > 5000, what="the flood")
    slowest = one.slowest_answer()
    stop.set()
    thread.join()
    assert slowest < 4, f"a request beside the flood took {slowest:.2f} s"


def test_udp_that_is_started_and_stopped_for_ever_leaves_the_program_time(desk):
    desk("UDP", local_port=free_port()).starts_and_stops_for_ever("reopened")


def test_udp_that_answers_itself_for_ever_leaves_the_program_time(desk, lamp):
    port = free_port()
    one = desk("UDP", echo=True, url="127.0.0.1", port=port, local_port=port, autostart=True)
    one.said("started$")
    one.save((GRAPH + ECHO).format(family="UDP").replace('next = "show"', ""))
    lamp.sendto(b"loop", ("127.0.0.1", port))
    eventually(lambda: one.info("packets_in") > 1000, what="the loop")
    assert one.slowest_answer() < 4


def test_udp_with_node(desk, node_sockets):
    peer = node_sockets()
    peer.tell(command="bind", port=0)
    port = peer.expect("listening")[1]
    one = desk("UDP", url="127.0.0.1", port=port, autostart=True)
    one.said("started$")
    one.trigger("send", "to node")
    assert peer.expect("data")[1] == "to node"
    peer.tell(command="datagram", text="from node")
    one.said("got from node$")
