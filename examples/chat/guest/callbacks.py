"""Says in the room what is posted here, and shows what is said there."""


def onConnect(dat):
    print(f"in the room; to say something: curl -d 'Hello' http://127.0.0.1:{op('webserver1').par.port}/")


def onReceiveText(dat, rowIndex, message):
    print(message)


def onHTTPRequest(dat, request, response):
    """POST says the body, GET gives the newest lines: the table of the WebSocket DAT without its heading."""
    room = op('websocket1')
    if request['method'] == 'POST':
        # The number of bytes, or negative: there is no connection.
        if room.sendText(request['data']) < 0:
            response.update(statusCode=503, statusReason='Service Unavailable', data='not in the room\n')
            return response
        lines = []
    else:
        lines = [row[0].val for row in room.rows()[1:]]
    response.update(statusCode=200, statusReason='OK', data=''.join(f'{line}\n' for line in lines))
    return response
