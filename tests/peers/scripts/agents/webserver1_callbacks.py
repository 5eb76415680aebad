import json


def onHTTPRequest(webServerDAT, request, response):
	steps = op('agent_steps').module
	uri, pars = request['uri'], request['pars']
	if uri == '/start':
		r = steps.start(pars['name'], int(pars.get('every', 1)), int(pars.get('steps', 5)))
		result = {'active': r.active, 'frames': r.remainingFrames, 'group': r.group}
	elif uri == '/stop':
		result = steps.stop(pars['name']) if 'name' in pars else steps.stopAll()
	elif uri == '/agents':
		t = op('agents')
		result = {t[r, 0].val: [int(t[r, 1]), str(t[r, 'state'])] for r in range(1, t.numRows)}
	elif uri == '/runs':
		result = len([r for r in runs if r.group == steps.GROUP])
	else:
		return response
	response['statusCode'] = 200
	response['data'] = json.dumps(result)
	return response
