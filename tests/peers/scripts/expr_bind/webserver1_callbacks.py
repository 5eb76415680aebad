import json

link = op('link')
ws = op('link/websocket1')


def describe(p):
	return {'value': p.eval(), 'mode': p.mode.name, 'expr': p.expr, 'bind': p.bindExpr}


def onHTTPRequest(webServerDAT, request, response):
	uri, pars = request['uri'], request['pars']
	result = None
	if uri == '/settings':
		for name, value in pars.items():
			op('settings')[name, 'value'] = value
	elif uri == '/link':
		for name, value in pars.items():
			link.par[name] = int(value) if value.isdigit() else value
	elif uri == '/client':
		# set on the client: goes back to the component
		ws.par.port = int(pars['port'])
		result = link.par.Wsport.eval()
	elif uri == '/rebind':
		ws.par.port.expr = "parent().par.Wsport + 1"
		result = [ws.par.port.eval() - link.par.Wsport, ws.par.port.mode == ParMode.EXPRESSION]
		ws.par.port.bindExpr = "parent().par.Wsport"
		result += [ws.par.port == link.par.Wsport, ws.par.port.bindMaster.name,
			[p.owner.name for p in link.par.Wsport.bindReferences]]
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	if result is None:
		result = {p.name: describe(p) for p in (ws.par.netaddress, ws.par.port, ws.par.active)}
	response['data'] = json.dumps(result)
	return response


def onWebSocketReceiveText(webServerDAT, client, data):
	webServerDAT.webSocketSendText(client, data + '@' + str(webServerDAT.par.port))
