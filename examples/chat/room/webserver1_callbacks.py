"""What one guest says, all hear.

A guest connects to /?name=Ada. From then on every message, either way, is one line of text:
  Ada is here        she came
  Ada: Hello!        she said so; she herself sent only "Hello!"
  Ada has left       she went, however she did
"""
from urllib.parse import parse_qs


def one_line(text):
    return ' '.join(text.split())


def tell(dat, line):
    """Says a line to everyone, the one whose line it is too, so that all have the same in the same order."""
    print(line)
    for client in dat.webSocketConnections:
        dat.webSocketSendText(client, line)


def name_of(client):
    cell = op('guests')[client, 'name']
    return 'somebody' if cell is None else cell.val


def onWebSocketOpen(dat, client, uri):
    wanted = parse_qs(uri.partition('?')[2]).get('name', [''])[0]
    # A colon ends a name in a line, so names have none.
    op('guests').appendRow([client, one_line(wanted.replace(':', ' '))[:20] or 'somebody'])
    tell(dat, f'{name_of(client)} is here')


def onWebSocketReceiveText(dat, client, data):
    if line := one_line(data):
        tell(dat, f'{name_of(client)}: {line}')


def onWebSocketClose(dat, client):
    name = name_of(client)
    if op('guests')[client, 0] is not None:
        op('guests').deleteRow(client)
    tell(dat, f'{name} has left')
