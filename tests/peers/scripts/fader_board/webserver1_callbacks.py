# me - this DAT.
# webServerDAT - the connected Web Server DAT
import json

controls = op('controls')
clients = op('clients')
server = op('webserver1')


def broadcast(message, but=None):
	text = json.dumps(message)
	for client in server.webSocketConnections:
		if client != but:
			server.webSocketSendText(client, text)


def state():
	return {controls[r, 'name'].val: float(controls[r, 'value']) for r in range(1, controls.numRows)}


def nameOf(client):
	return str(clients[client, 'name'] or client)


def setControl(name, value, client):
	cell = controls.findCell(name, cols=[0])
	if cell is None:
		return False
	value = tdu.clamp(float(value), 0, 1)
	controls.replaceRow(cell.row, [name, value, nameOf(client)], entireRow=False)
	row = clients[client, 0].row
	clients[row, 2] = int(clients[row, 2]) + 1
	return True


def onHTTPRequest(webServerDAT, request, response):
	if request['uri'] == '/state':
		response['statusCode'] = 200
		response['statusReason'] = 'OK'
		response['content-type'] = 'application/json'
		table = [[c.val for c in row] for row in clients.rows()]
		for row in table[1:]:
			row[0] = row[0] in server.webSocketConnections
		response['data'] = json.dumps({'controls': state(), 'clients': table,
			'by': {r[0].val: r[2].val for r in controls.rows()[1:]}})
	return response


# this build has no uri yet
def onWebSocketOpen(webServerDAT, client):
	clients.appendRow([client, '', 0])
	webServerDAT.webSocketSendText(client, json.dumps({'type': 'state', 'values': state()}))
	broadcast({'type': 'count', 'clients': clients.numRows - 1})
	return


def onWebSocketClose(webServerDAT, client):
	if clients[client, 0] is not None:
		clients.deleteRow(client)
	broadcast({'type': 'count', 'clients': clients.numRows - 1}, but=client)
	return


def onWebSocketReceiveText(webServerDAT, client, data):
	try:
		message = json.loads(data)
	except ValueError:
		webServerDAT.webSocketSendText(client, '{"type": "error", "text": "no JSON: ' + data[:20] + '"}')
		return
	kind = message.get('type')
	if kind == 'hello':
		clients[client, 'name'] = message['name']
	elif kind == 'set':
		if setControl(message['name'], message['value'], client):
			broadcast({'type': 'set', 'name': message['name'], 'value': state()[message['name']]}, but=client)
		else:
			webServerDAT.webSocketSendText(client, json.dumps({'type': 'error', 'text': 'no control ' + message['name']}))
	elif kind == 'reset':
		for row in op('defaults').rows():
			controls[row[0], 'value'] = row[1]
			controls[row[0].val, 'by'] = ''
		broadcast({'type': 'state', 'values': state()})
	return
