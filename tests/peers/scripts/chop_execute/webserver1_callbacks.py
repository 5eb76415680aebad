import json

c = op('constant1')


def send(**message):
	server = op('webserver1')
	for client in server.webSocketConnections:
		server.webSocketSendText(client, json.dumps(message))


def parOf(name):
	"""valueN of a channel; newer builds call it constNvalue"""
	for i in range(c.numChans):
		n = getattr(c.par, 'name%d' % i, None)
		if n is None:
			n = c.par['const%dname' % i]
		if n is not None and n == name:
			p = c.par['value%d' % i]
			return p if p is not None else c.par['const%dvalue' % i]


def onHTTPRequest(webServerDAT, request, response):
	response['statusCode'] = 200
	response['data'] = json.dumps({
		'channels': {chan.name: chan.eval() for chan in op('null1').chans()},
		'sum': op('null1')['red'] + op('null1')['go'],
		'half': round(float(op('constant1')['red']) / 2, 4),
		'first': c[0].name,
		'none': c['absent'] is None,
		'numbers': [c.numChans, c.numSamples],
	})
	return response


def onWebSocketReceiveText(webServerDAT, client, data):
	message = json.loads(data)
	if 'wiggle' in message:
		for v in message['wiggle']:
			op('constant1').par.value0 = v
	else:
		for name, value in message.items():
			parOf(name).val = value
