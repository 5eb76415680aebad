import json

device = op('device')


def health():
	return {
		'ok': not device.scriptErrors() and not device.errors(recurse=True),
		'script': device.scriptErrors(),
		'errors': device.errors(),
		'below': root.errors(recurse=True).count('sensor'),
		'warnings': device.warnings(),
	}


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri']
	pars = request['pars']
	response['content-type'] = 'application/json'
	if uri == '/read':
		ok = device.op('driver').module.read(pars['sensor'], pars['value'])
		response['statusCode'] = 200 if ok else 422
		response['statusReason'] = 'OK' if ok else 'Unprocessable'
		response['data'] = json.dumps(health())
	elif uri == '/health':
		state = health()
		response['statusCode'] = 200 if state['ok'] else 503
		response['statusReason'] = 'OK' if state['ok'] else 'Service Unavailable'
		response['data'] = json.dumps(state)
	elif uri == '/clear':
		op('/project1').clearScriptErrors(recurse=True)
		response['statusCode'] = 200
		response['data'] = json.dumps(health())
	elif uri == '/fail':
		# a mistake of the script: its traceback is an error, too
		return {}[pars.get('key', 'none')]
	elif uri == '/mine':
		response['statusCode'] = 200
		response['data'] = json.dumps([webServerDAT.errors(), me.errors(), webServerDAT.scriptErrors() + me.scriptErrors()])
	return response
