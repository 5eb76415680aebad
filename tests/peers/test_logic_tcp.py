"""TCP of logic graphs (reference §3.4) against sockets of Python and of Node."""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

from running import eventually, free_port
from socket_graphs import GRAPH, accept, is_ended, port_of, receive, toml


@pytest.fixture
def listener():
    """A listening socket of Python's on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", free_port())) as server:
        server.settimeout(8)
        yield server


# --- TCP, the graph is the client


def test_a_tcp_client_starts_sends_hears_and_stops(desk, listener):
    one = desk("TCP", url="127.0.0.1", port=port_of(listener))
    time.sleep(0.2)
    assert one.order("started", "error") == [], "nothing is opened by itself"
    one.trigger("start")
    server = accept(listener)
    one.said("started$")
    one.trigger("start")
    one.one.expect_line('the connection "desk" is started already')
    one.trigger("send", "grüße")
    assert receive(server, 7) == "grüße".encode()
    server.sendall("zurück".encode())
    one.said("got zurück$")
    one.trigger("stop")
    assert is_ended(server)
    one.said("stopped$")
    assert one.order("started", "stopped", "error") == ["started", "stopped"]
    assert one.order("asked to start") == ["asked to start"] * 2


def test_what_was_sent_before_a_stop_arrives(desk, listener):
    one = desk("TCP", url="localhost", port=port_of(listener), autostart=True)
    server = accept(listener)
    one.said("started$")
    sent = "x" * 1_000_000
    one.one.do(
        f"op('/project1/logic1').trigger('send', 'x' * {len(sent)})\nop('/project1/logic1').trigger('stop')\nresult = 1"
    )
    assert len(receive(server, len(sent))) == len(sent)
    assert is_ended(server)


def test_bytes_go_through_as_they_are(desk, listener):
    one = desk("TCP", echo=True, url="127.0.0.1", local_port=port_of(listener), autostart=True)
    server = accept(listener)
    one.said("started$")
    data = bytes(range(256)) * 4000
    reader = threading.Thread(target=lambda: server.sendall(data))
    reader.start()
    assert receive(server, len(data)) == data
    reader.join()
    assert one.info("bytes_in") == one.info("bytes_out") == len(data)


def test_a_lost_server_is_an_error_and_a_stop_and_starts_again_when_it_is_back(desk, listener):
    port = port_of(listener)
    one = desk(
        "TCP", url="127.0.0.1", port=port, automatic_reconnect=True, autostart=True, par__reconnectdelay=0.2,
    )
    server = accept(listener)
    one.said("started$")
    listener.close()
    server.close()
    one.said("stopped$")
    lost = r"error: the connection to 127\.0\.0\.1:\d+ was lost: the other end closed it"
    assert [line.split(":")[0] for line in one.order("started", lost, "stopped")] == ["started", "error", "stopped"]
    one.said(r"error: 127\.0\.0\.1:\d+ refused the connection")
    with socket.create_server(("127.0.0.1", port)) as back:
        back.settimeout(8)
        server = accept(back)
        one.said("started$", 2)
        one.trigger("send", "again")
        assert receive(server, 5) == b"again"
        assert one.info("reconnects") == 1
        # Reset, and not closed: `SO_LINGER` of no time.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        server.close()
        one.said(r"error: the connection to .* was lost: the other end reset it")
        one.said("started$", 3)


def test_without_reconnect_it_stays_closed_until_start(desk, listener):
    one = desk("TCP", url="127.0.0.1", port=port_of(listener), autostart=True)
    accept(listener).close()
    one.said("stopped$")
    time.sleep(0.3)
    assert one.order("started") == ["started"] and one.info("connected") == 0
    one.trigger("start")
    accept(listener)
    one.said("started$", 2)


def test_send_without_a_connection_opens_one_and_this_message_is_lost(desk, listener):
    one = desk("TCP", url="127.0.0.1", port=port_of(listener))
    one.trigger("send", "lost")
    server = accept(listener)
    one.one.expect_line(r'"desk": not connected; the message is lost')
    one.said("started$")
    one.trigger("send", "kept")
    assert receive(server, 4) == b"kept"


def test_nobody_there_is_an_error_in_words(desk):
    port = free_port()
    one = desk("TCP", url="127.0.0.1", port=port, autostart=True)
    one.said(rf"error: 127\.0\.0\.1:{port} refused the connection")
    time.sleep(0.2)
    assert one.order("stopped", "started") == []
    warnings = one.one.do("result = op('/project1/connections/tcp_desk').warnings()")
    assert f"127.0.0.1:{port} refused the connection" in warnings
    one.one.expect_line(r"warning: 127\.0\.0\.1:\d+ refused the connection; start the server, or correct the port")


def test_a_server_that_does_not_read_is_closed_with_words(desk, listener):
    one = desk(
        "TCP", url="127.0.0.1", port=port_of(listener), autostart=True, par__maxqueue=100_000,
    )
    server = accept(listener)
    one.said("started$")
    for _ in range(40):
        one.one.do("for _ in range(10): op('/project1/logic1').trigger('send', 'y' * 65536)\nresult = 1")
        # What is sent after that begins another connection.
        if one.info("slow"):
            break
    one.said(r"error: the connection to .* was lost: the other end reads too slowly: \d+ bytes wait")
    one.said("stopped$")
    assert one.info("slow") == 1 and one.info("queued") == 0
    server.close()


def test_edits_keep_the_connection_but_another_address(desk, listener):
    fields = {"url": "127.0.0.1", "port": port_of(listener), "autostart": True}
    one = desk("TCP", **fields)
    server = accept(listener)
    one.said("started$")
    one.change(toml(**fields, automatic_reconnect=True, par__maxqueue=5000, par__keepalive=0, par__timeout=100))
    eventually(
        lambda: one.one.do("result = op('/project1/connections/tcp_desk').par.maxqueue.eval()") == 5000,
        what="the edit",
    )
    one.save(GRAPH.format(family="TCP").replace('"got "', '"heard "'))
    server.sendall(b"still here")
    one.said("heard still here$")
    with socket.create_server(("127.0.0.1", free_port())) as other:
        other.settimeout(8)
        one.change(toml(**{**fields, "port": port_of(other)}, automatic_reconnect=True))
        accept(other)
        assert is_ended(server)
        one.said("started$", 2)
    assert one.order("started", "stopped")[:3] == ["started", "stopped", "started"]


def test_a_name_without_address_is_an_error(desk):
    one = desk("TCP", url="nobody.invalid", port=9, autostart=True)
    one.said(r"error: the name nobody\.invalid cannot be looked up")


def test_many_small_messages_arrive_in_order(desk, listener):
    one = desk("TCP", url="127.0.0.1", port=port_of(listener), autostart=True)
    server = accept(listener)
    one.said("started$")
    one.one.do("for number in range(20_000): op('/project1/logic1').trigger('send', f'{number:05}')\nresult = 1")
    assert receive(server, 100_000).decode() == "".join(f"{number:05}" for number in range(20_000))
    assert one.info("packets_out") == 20_000


# --- TCP, the graph is the server


def connect(port):
    client = socket.create_connection(("127.0.0.1", port), 8)
    client.settimeout(8)
    return client


def test_a_tcp_server_sends_to_all_its_clients(desk):
    port = free_port()
    one = desk("TCP", is_server=True, local_port=port)
    one.trigger("start")
    one.said("started$")
    with connect(port) as first, connect(port) as second:
        eventually(lambda: one.info("clients") == 2, what="two clients")
        first.sendall(b"from one")
        one.said("got from one$")
        one.trigger("send", "to all")
        assert receive(first, 6) == receive(second, 6) == b"to all"
        second.close()
        eventually(lambda: one.info("clients") == 1, what="one client")
        one.trigger("send", "!")
        assert receive(first, 1) == b"!"
        one.trigger("stop")
        assert is_ended(first)
        one.said("stopped$")
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    one.trigger("start")
    one.said("started$", 2)
    connect(port).close()
    assert one.order("started", "stopped", "error") == ["started", "stopped", "started"]


def test_a_server_lets_so_many_in_and_no_more(desk):
    port = free_port()
    one = desk("TCP", is_server=True, local_port=port, autostart=True, par__maxclients=2)
    one.said("started$")
    with connect(port) as first, connect(port) as second:
        eventually(lambda: one.info("clients") == 2, what="two clients")
        for _ in range(5):
            with connect(port) as third:
                assert is_ended(third)
        one.said(r"error: 127\.0\.0\.1:\d+ was not let in: 2 clients are connected")
        eventually(lambda: one.info("refused") == 5, what="five refusals")
        assert len(one.order("error")) == 1, "whoever knocks again and again is told of once"
        one.trigger("send", "both")
        assert receive(first, 4) == receive(second, 4) == b"both"


def test_a_client_that_does_not_read_is_closed_and_others_are_not(desk):
    port = free_port()
    one = desk("TCP", is_server=True, local_port=port, autostart=True, par__maxqueue=500_000)
    one.said("started$")
    with connect(port) as slow, connect(port) as good:
        eventually(lambda: one.info("clients") == 2, what="two clients")
        got = []

        def read():
            with contextlib.suppress(OSError):
                while more := good.recv(1 << 20):
                    got.append(len(more))

        reader = threading.Thread(target=read)
        reader.start()
        sent = 0
        for _ in range(300):
            one.one.do("op('/project1/logic1').trigger('send', 'z' * 65536)\nresult = 1")
            sent += 65536
            # Good is who has read what there is; one that the machine holds up is slow, too.
            eventually(lambda: sum(got) > sent - 250_000, what="nearly everything at the good one")  # noqa: B023
            if one.info("slow"):
                break
        one.said(r"error: client 127\.0\.0\.1:\d+ has left: the other end reads too slowly")
        eventually(lambda: sum(got) == sent, what="everything at the good one")
        assert one.info("clients") == 1 and one.order("stopped") == []
        good.shutdown(socket.SHUT_RDWR)
        reader.join(5)
        slow.close()


def test_who_ends_its_half_gets_the_answer(desk):
    port = free_port()
    one = desk("TCP", echo=True, is_server=True, local_port=port, autostart=True)
    one.said("started$")
    with connect(port) as client:
        data = b"question" * 100_000
        sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        sender.start()
        assert receive(client, len(data)) == data
        assert is_ended(client)
        sender.join()
    eventually(lambda: one.info("clients") == 0, what="nobody")


def test_a_port_in_use_is_an_error_and_is_tried_again(desk):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        one = desk(
            "TCP", is_server=True, local_port=port, automatic_reconnect=True, autostart=True, par__reconnectdelay=0.2,
        )
        one.said(f"error: port {port} is in use")
    one.said("started$")
    connect(port).close()


def test_a_server_moves_and_its_clients_stay(desk):
    before, after = free_port(), free_port()
    fields = {"is_server": True, "autostart": True}
    one = desk("TCP", echo=True, local_port=before, **fields)
    one.said("started$")
    with connect(before) as client:
        eventually(lambda: one.info("clients") == 1, what="a client")
        one.change(toml(local_port=after, **fields))
        one.said("started$", 2)
        client.sendall(b"still here")
        assert receive(client, 10) == b"still here"
        connect(after).close()
        with pytest.raises(ConnectionRefusedError):
            connect(before)


def test_a_server_is_of_this_machine_alone_and_of_ipv6_where_that_is_asked_for(desk):
    port = free_port()
    one = desk("TCP", is_server=True, local_port=port, is_local_ipv6=True, autostart=True)
    one.one.expect_line(rf"listening on \[::1\]:{port}")
    with socket.create_connection(("::1", port), 8) as client:
        client.sendall(b"six")
        one.said("got six$")
    with pytest.raises(ConnectionRefusedError):
        connect(port)


def test_a_client_becomes_a_server_and_is_switched_off_in_the_file(desk, listener):
    port = free_port()
    one = desk("TCP", url="127.0.0.1", port=port_of(listener), autostart=True)
    server = accept(listener)
    one.said("started$")
    one.change(toml(is_server=True, port=port, autostart=True))
    assert is_ended(server)
    one.said("started$", 2)
    with connect(port) as client:
        eventually(lambda: one.info("clients") == 1, what="a client")
        one.change(toml(is_server=True, port=port, autostart=False))
        assert is_ended(client)
    one.said("stopped$", 2)
    assert one.order("started", "stopped", "error") == ["started", "stopped"] * 2


def test_two_graphs_on_one_server_hear_the_same_and_one_that_comes_later_hears_that_it_listens(desk):
    port = free_port()
    fields = {"is_server": True, "local_port": port, "autostart": True}
    one = desk("TCP", **fields)
    one.said("started$")
    later = '\n[op.logic2]\ntype = "logicCOMP"\nfile = "later.logic.toml"\n'
    one.one.write("later.logic.toml", GRAPH.format(family="TCP").replace('"started"', '"later started"'))
    one.change(toml(**fields) + later)
    one.said("later started$")
    with connect(port) as client:
        client.sendall(b"both")
        one.said("got both$", 2)
    assert one.order("started", "later started") == ["started", "later started"]


def test_an_info_dat_shows_who_is_connected(desk):
    port = free_port()
    one = desk("TCP", is_server=True, local_port=port, autostart=True)
    one.said("started$")
    with connect(port) as client:
        client.sendall(b"12345")
        eventually(lambda: one.info("bytes_in") == 5, what="five bytes")
        rows = one.one.do(
            "info = op('/project1').create(infoDAT, 'who')\ninfo.par.op = op('/project1/connections/tcp_desk')\n"
            "result = [[cell.val for cell in row] for row in info.rows()]"
        )
        assert rows[0] == ["address", "seconds", "bytes_in", "bytes_out", "queued"]
        assert (rows[1][0], *rows[1][2:]) == (f"127.0.0.1:{port_of(client)}", "5", "0", "0")


def test_many_clients_of_asyncio_at_once(desk):
    port = free_port()
    one = desk("TCP", echo=True, is_server=True, local_port=port, autostart=True)
    one.said("started$")

    async def talk():
        peers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        while one.info("clients") < 20:
            await asyncio.sleep(0.02)
        for number, (_, writer) in enumerate(peers):
            writer.write(f"<{number:02}>".encode())
        # Each gets what all have sent, in whichever order.
        heard = [await asyncio.wait_for(reader.readexactly(80), 10) for reader, _ in peers]
        for _, writer in peers:
            writer.close()
        return heard

    everything = sorted(f"<{number:02}>" for number in range(20))
    for heard in asyncio.run(talk()):
        text = heard.decode()
        assert sorted(text[at : at + 4] for at in range(0, 80, 4)) == everything
    eventually(lambda: one.info("clients") == 0, what="nobody")


@pytest.mark.alone
def test_a_flood_does_not_starve_the_program(desk):
    port = free_port()
    one = desk("TCP", is_server=True, local_port=port, autostart=True)
    one.said("started$")
    one.one.do("op('/project1/logic1').par.active = False\nresult = 1")
    stop = threading.Event()
    with connect(port) as client:

        def flood():
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    client.sendall(bytes(1 << 20))

        thread = threading.Thread(target=flood)
        thread.start()
        eventually(lambda: one.info("bytes_in") > 10 << 20, what="the flood")
        slowest = one.slowest_answer()
        stop.set()
        thread.join()
    assert slowest < 4, f"a request beside the flood took {slowest:.2f} s"


def test_a_server_that_is_started_and_stopped_for_ever_leaves_the_program_time(desk):
    desk("TCP", is_server=True, local_port=free_port()).starts_and_stops_for_ever("reconnects")


def test_a_client_that_is_started_and_stopped_for_ever_leaves_the_program_time(desk, listener):
    desk("TCP", url="127.0.0.1", port=port_of(listener)).starts_and_stops_for_ever("reconnects")


# --- TCP with Node


def test_tcp_with_node_in_both_roles(desk, node_sockets):
    server = node_sockets()
    server.tell(command="listen", port=0)
    port = server.expect("listening")[1]
    one = desk("TCP", url="127.0.0.1", port=port, autostart=True)
    server.expect("open")
    one.said("started$")
    server.tell(command="send", text="from node")
    one.said("got from node$")
    one.trigger("send", "to node")
    assert server.expect("data")[1] == "to node"
    server.tell(command="end")
    one.said("stopped$")
    port = free_port()
    other = desk("TCP", is_server=True, local_port=port, autostart=True)
    other.said("started$")
    client = node_sockets()
    client.tell(command="connect", port=port)
    client.expect("open")
    client.tell(command="send", text="hello")
    other.said("got hello$")
    other.trigger("send", "to all")
    assert client.expect("data")[1] == "to all"
    other.trigger("stop")
    client.expect("end")
    client.expect("close")
