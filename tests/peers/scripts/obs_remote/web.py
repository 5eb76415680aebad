import json

obs = op('obs')


def table(name):
	return [[c.val for c in r] for r in obs.op(name).rows()]


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri']
	remote = obs.op('websocket1_callbacks').module
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['content-type'] = 'application/json'
	if uri == '/connect':
		op('/project1/obs/websocket1').par.active = 1
		answer = True
	elif uri == '/disconnect':
		op('obs/websocket1').par.active = False
		answer = True
	elif uri == '/switch':
		answer = remote.request('SetCurrentProgramScene', {'sceneName': request['pars']['scene']}) is not None
	else:
		answer = {'scenes': table('scenes')[1:], 'status': dict(table('status')), 'pending': len(remote.pending)}
	response['data'] = json.dumps(answer)
	return response
