"""Keeps every browser window and the table `controls` in step.

Messages are JSON text, values go from 0 to 1:
  from a browser   {"set": {"speed": 0.5}}            move these controls
                   {"ping": 1234.5}                   comes back as it is: the round trip
  to a browser     {"you": id, "controls": [rows]}    first message: all there is
                   {"set": {"speed": 0.5}, "by": id}  someone moved these
                   {"clients": [rows]}                who is connected, how often each moved something
"""
import json
import time


def rows(table):
    return [[cell.val for cell in row] for row in op(table).rows()[1:]]


def broadcast(webServerDAT, **message):
    text = json.dumps(message)
    for client in webServerDAT.webSocketConnections:
        webServerDAT.webSocketSendText(client, text)


def move(webServerDAT, values, by):
    """Write what is valid into `controls`, then tell everyone, the sender too."""
    moved = {}
    for name, value, kind in rows('controls'):
        try:
            op('controls')[name, 'value'] = moved[name] = min(1.0, max(0.0, float(values[name])))
        except (KeyError, TypeError, ValueError, OverflowError):
            pass  # not in this message, or not a number
    broadcast(webServerDAT, set=moved, by=by)


def onWebSocketOpen(webServerDAT, client, uri):
    op('clients').appendRow([client, time.strftime('%H:%M:%S'), 0])
    webServerDAT.webSocketSendText(client, json.dumps({'you': client, 'controls': rows('controls')}))
    broadcast(webServerDAT, clients=rows('clients'))


def onWebSocketClose(webServerDAT, client):
    cell = op('clients')[client, 'client']
    if cell is not None:
        op('clients').deleteRow(cell.row)
    broadcast(webServerDAT, clients=rows('clients'))


def onWebSocketReceiveText(webServerDAT, client, data):
    try:
        message = dict(json.loads(data))
    except (TypeError, ValueError, RecursionError):
        return  # not a JSON object
    if 'ping' in message:
        webServerDAT.webSocketSendText(client, data)
    if isinstance(message.get('set'), dict):
        moves = op('clients')[client, 'moves']
        if moves is not None:
            moves.val = int(moves) + 1
        move(webServerDAT, message['set'], client)


def onHTTPRequest(webServerDAT, request, response):
    if request['uri'] == '/api/state':
        if request['method'] == 'POST':
            move(webServerDAT, request['pars'], 'http')
        response.update({'statusCode': 200, 'statusReason': 'OK', 'Content-Type': 'application/json'})
        response['data'] = json.dumps({name: float(value) for name, value, kind in rows('controls')})
    return response  # anything else stays 404
