import json
import time

VERSION = 'a'

# who is there, by client address. Filled again by every message, because an edit of this DAT empties it.
clients = {}
history = []
total = 0
started = time.time()


class Client:
	def __init__(self, address):
		self.address = address
		self.messages = 0


def known(client):
	"""the record of a client, made when it is needed"""
	if client not in clients:
		clients[client] = Client(client)
		print('registered', client)
	return clients[client]


def onWebSocketOpen(webServerDAT, client, uri):
	known(client)


def onWebSocketClose(webServerDAT, client):
	clients.pop(client, None)


def onWebSocketReceiveText(webServerDAT, client, data):
	global total
	who = known(client)
	who.messages += 1
	total = total + 1
	history.append(data)
	del history[:-3]
	answer = {'version': VERSION, 'mine': who.messages, 'total': total, 'history': history,
		'clients': len(clients), 'sockets': len(webServerDAT.webSocketConnections)}
	for c in webServerDAT.webSocketConnections:
		if c == client or c in clients:
			webServerDAT.webSocketSendText(c, json.dumps(answer))


def onHTTPRequest(webServerDAT, request, response):
	global total
	if request['uri'] == '/reset':
		total = 0
		history.clear()
	# .module is the same namespace
	same = me.module.total == total and op('webserver1_callbacks').module.clients is clients
	response['statusCode'] = 200
	response['data'] = json.dumps({'version': VERSION, 'total': total, 'same': same, 'up': time.time() - started < 60})
	return response
