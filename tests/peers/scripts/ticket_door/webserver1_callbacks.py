from typing import Any, Dict, Union
from urllib.parse import urlsplit, parse_qs
import json


def ticketOf(uri: str) -> str:
	return parse_qs(urlsplit(uri).query).get('ticket', [''])[0]


def seat(client: str):
	return op('tickets').findCell(client, cols=['client'])


def onHTTPRequest(dat: webserverDAT, request: Dict[str, Any], response: Dict[str, Any]) -> Dict[str, Any]:
	"""
	Callback for when an HTTP request is received.
	"""
	if request.get('uri', '/') == '/guests':
		t = op('tickets')
		guests = [t[r, 'name'].val for r in range(1, t.numRows) if t[r, 'client'].val]
		response['statusCode'] = 200
		response['statusReason'] = 'OK'
		response['data'] = json.dumps(guests)
	return response


def onWebSocketOpen(dat: webserverDAT, client: str, uri: str):
	path = urlsplit(uri).path
	ticket = ticketOf(uri)
	t = op('tickets')
	cell = t[ticket, 'client'] if ticket else None
	if path != '/door' or cell is None or ticket == 'ticket':
		dat.webSocketSendText(client, 'no entry')
		dat.webSocketClose(client)
		return
	if cell.val and cell.val in dat.webSocketConnections:
		# the older one goes
		old = cell.val
		dat.webSocketSendText(old, 'somebody else has your ticket')
		dat.webSocketClose(old)
	t[ticket, 'client'] = client
	dat.webSocketSendText(client, 'welcome ' + t[ticket, 'name'])


def onWebSocketClose(dat: webserverDAT, client: str):
	cell = seat(client)
	if cell:
		cell.val = ''


def onWebSocketReceiveText(dat: webserverDAT, client: str, data: str):
	if not seat(client):
		return
	name = seat(client).offset(0, -1)
	for other in [c.val for c in op('tickets').col('client')[1:] if c.val]:
		dat.webSocketSendText(other, name + ': ' + data)


def onWebSocketReceiveBinary(dat: webserverDAT, client: str, data: Union[bytes, bytearray]):
	dat.webSocketSendBinary(client, data)


def onServerStop(dat: webserverDAT):
	for client in dat.webSocketConnections:
		dat.webSocketClose(client)
