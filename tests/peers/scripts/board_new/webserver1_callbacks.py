import json

server = op('webserver1')


def send(message):
	for c in server.webSocketConnections:
		server.webSocketSendText(c, json.dumps(message))


def onWebSocketReceiveText(webServerDAT, client, data):
	# the text of a script that changes the table, as a textport would run it
	exec(data, {'scores': op('scores'), 'op': op})
