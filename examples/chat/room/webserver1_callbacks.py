"""Passes on what each guest says, with the name before it.

A guest connects to /?name=Ada. From then on every message, either way, is one line of text.
"""
from urllib.parse import parse_qs


def tell(dat, line):
    """Say a line to everyone, the one whose line it is too, so that all have the same ones in the same order."""
    print(line)
    for client in dat.webSocketConnections:
        dat.webSocketSendText(client, line)


def name(client):
    return op('guests')[client, 'name'] or 'somebody'


def onWebSocketOpen(dat, client, uri):
    given = parse_qs(uri.partition('?')[2]).get('name')
    # A table and no variable of this module: it outlives an edit of this file.
    op('guests').appendRow([client, given[0] if given else 'somebody'])
    tell(dat, f'{name(client)} is here')


def onWebSocketClose(dat, client):
    left = name(client)
    if op('guests')[client, 0] is not None:
        op('guests').deleteRow(client)
    tell(dat, f'{left} has left')


def onWebSocketReceiveText(dat, client, data):
    tell(dat, f'{name(client)}: {data}')
