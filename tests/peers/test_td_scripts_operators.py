"""Scripts around other operators in the manner of TouchDesigner's users: networks made by scripts, Execute DATs,
expressions, Info, channels, stand-ins."""


def test_info(scenario):
    info = scenario("info_poll")
    figures = info.json("/info")
    assert (figures["server_running"], figures["websocket_connections"]) == (1, 0)
    assert {"num_rows", "num_cols", "total_cooks", "cook_frame", "warnings", "errors"} <= set(figures)
    info.expect_json("/history", [0])
    clients = [info.connect() for _ in range(3)]
    info.expect_json("/some?names=websocket_connections", {"websocket_connections": 3})
    assert set(info.json("/some?names=num_*")) == {"num_rows", "num_cols"}
    assert info.get("/metrics").text == "td_server_running 1\ntd_websocket_connections 3\n"
    info.expect_json("/history", lambda rows: rows[-1] == 3)
    clients[0].send("hello")
    assert clients[0].text() == "2"
    clients[0].send("again")
    assert clients[0].text() == "3"
    assert info.json("/messages") == [3, 3, True]
    clients[1].close()
    info.expect_json("/history", lambda rows: rows[0] == 0 and rows[-2:] == [3, 2])
    assert info.json("/table")["rows"] >= 1
