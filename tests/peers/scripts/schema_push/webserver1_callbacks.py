# Sends all custom parameters of `motion` to each page that opens, and sets what pages send back.
import json
import traceback

target = op('motion')


def describe(p):
	d = {
		'name': p.name,
		'label': p.label,
		'style': p.style,
		'value': p.eval(),
	}
	if p.isNumber:
		d['default'] = p.default
		d['min'] = p.min
		d['max'] = p.max
	if p.isMenu:
		d['menuNames'] = p.menuNames
		d['menuLabels'] = p.menuLabels
	return d


def schema():
	pages = []
	for page in target.customPages:
		pages.append({'name': page.name, 'pars': [describe(p) for p in page.pars]})
	return {'type': 'schema', 'comp': target.name, 'pages': pages}


def values():
	return {p.name: p.eval() for p in target.customPars if not p.isPulse}


def setValue(name, value):
	p = target.par[name]
	if p is None or not p.isCustom:
		raise KeyError(name)
	if p.isToggle:
		p.val = bool(value)
	elif p.isInt:
		p.val = int(tdu.clamp(value, p.min, p.max))
	elif p.isNumber:
		p.val = tdu.clamp(float(value), p.min, p.max)
	else:
		setattr(target.par, name, value)
	return p.eval()


def broadcast(server, message):
	for c in server.webSocketConnections:
		server.webSocketSendText(c, json.dumps(message))


def onHTTPRequest(webServerDAT, request, response):
	if request['uri'] == '/schema':
		response['statusCode'] = 200
		response['statusReason'] = 'OK'
		response['content-type'] = 'application/json'
		response['data'] = json.dumps(schema())
	elif request['uri'] == '/text':
		# parameters used without eval
		response['statusCode'] = 200
		text = target.par.Title + ' x' + str(target.par.Count)
		if target.par.Enable:
			text += ' at %.1f' % target.par.Speed
		if target.par.Speed * 2 > 10 and hasattr(target.par, 'Speed') and not hasattr(target.par, 'Spead'):
			text += ' fast'
		response['data'] = text
	return response


def onWebSocketOpen(webServerDAT, client, uri):
	webServerDAT.webSocketSendText(client, json.dumps(schema()))
	return


def onWebSocketReceiveText(webServerDAT, client, data):
	message = json.loads(data)
	try:
		if 'set' in message:
			changed = {name: setValue(name, value) for name, value in message['set'].items()}
			broadcast(webServerDAT, {'type': 'values', 'values': changed})
		elif 'pulse' in message:
			getattr(target.par, message['pulse']).pulse()
			op('resets').appendRow([client])
			for p in target.customPars:
				if p.isNumber:
					p.val = p.default
			broadcast(webServerDAT, {'type': 'values', 'values': values()})
	except Exception as e:
		debug(traceback.format_exc().splitlines()[-1])
		webServerDAT.webSocketSendText(client, json.dumps({'type': 'error', 'error': repr(e)}))
	return
