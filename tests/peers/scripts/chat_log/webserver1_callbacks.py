# The last lines are sent to who comes later.
import json
import re

log = op('log')
names = op('names')		# no header: client, name
LINES = 20


def say(server, who, text):
	line = who + ': ' + text
	log.text += line + '\n'
	lines = log.text.splitlines()
	if len(lines) > LINES:
		log.text = '\n'.join(lines[-LINES:]) + '\n'
	for c in server.webSocketConnections:
		server.webSocketSendText(c, line)


def onWebSocketOpen(webServerDAT, client):
	names.appendRow([client, 'guest' + str(names.numRows + 1)])
	webServerDAT.webSocketSendText(client, log.text)


def onWebSocketClose(webServerDAT, client):
	row = names.row(client)
	if row:
		print(row[1], 'has left', file=log)
		names.deleteRow(client)


def onWebSocketReceiveText(webServerDAT, client, data):
	name = names[client, 1]
	command = re.match(r'/(\w+)\s*(.*)', data)
	if not command:
		say(webServerDAT, name.val, data)
		return
	verb, rest = command.groups()
	if verb == 'name':
		taken = names.findCell(rest, cols=[1])
		if taken is not None:
			webServerDAT.webSocketSendText(client, '! ' + rest + ' is taken')
			return
		before = name.val
		name.val = rest
		say(webServerDAT, '*', before + ' is now ' + name)
	elif verb == 'who':
		everybody = sorted(c.val for c in names.col(1))
		webServerDAT.webSocketSendText(client, '* ' + ', '.join(everybody))
	elif verb == 'clear':
		log.clear()
		log.write('* cleared by ', name, '\n')
	elif verb == 'quit':
		webServerDAT.webSocketClose(client)
	else:
		webServerDAT.webSocketSendText(client, f'! no command {verb}')


def onHTTPRequest(webServerDAT, request, response):
	response['statusCode'] = 200
	response['content-type'] = 'text/plain; charset=utf-8'
	response['data'] = log.text if request['uri'] == '/log' else json.dumps(log.numRows)
	return response
