import json


def channels(name):
	return {c.name: round(c.eval(), 4) for c in op(name).chans()}


def onHTTPRequest(webServerDAT, request, response):
	uri, pars = request['uri'], request['pars']
	if uri == '/set':
		for name, value in pars.items():
			if op('values')[name, 1] is None:
				op('values').appendRow([name, value])
			else:
				op('values')[name, 1] = value
	if uri == '/table':
		data = sorted([c.val for c in row] for row in op('chopto1').rows())
	elif uri == '/average':
		chans = op('datto1').chans()
		data = round(sum(float(c) for c in chans) / len(chans), 4)
	else:
		data = {'datto1': channels('datto1'), 'null1': channels('null1'), 'numChans': op('select1').numChans,
			'fade': op('null1')['fade'] * 2, 'missing': op('null1')['speed'] is None}
	response['statusCode'] = 200
	response['data'] = json.dumps(data)
	return response
