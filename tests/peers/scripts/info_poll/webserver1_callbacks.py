import json

chop = op('info1')


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri']
	if uri == '/info':
		data = {c.name: c.eval() for c in chop.chans()}
	elif uri == '/some':
		wanted = request['pars'].get('names', '*')
		data = {c.name: c[0] for c in chop.chans(wanted)}
	elif uri == '/table':
		info = op('info2')
		data = {'rows': info.numRows, 'head': [c.val for c in info.row(0)] if info.numRows else []}
	elif uri == '/history':
		data = [int(c) for c in op('history').col('connections')[1:]]
	elif uri == '/messages':
		data = [op('info3')['num_rows'].eval(), op('messages').numRows, op('info3')['num_cols'] == 1]
	elif uri == '/metrics':
		# for Prometheus
		lines = ['td_%s %g' % (c.name, c) for c in chop.chans('websocket_connections', 'server_running')]
		response['content-type'] = 'text/plain; version=0.0.4'
		response['statusCode'] = 200
		response['data'] = '\n'.join(sorted(lines)) + '\n'
		return response
	else:
		return response
	response['statusCode'] = 200
	response['data'] = json.dumps(data)
	return response


def onWebSocketReceiveText(webServerDAT, client, data):
	op('messages').appendRow([data])
	webServerDAT.webSocketSendText(client, str(int(op('info3')['num_rows'])))
