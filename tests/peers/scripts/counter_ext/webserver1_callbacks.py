import json


def state():
	g = op.GAME
	return {
		'version': g.Version,
		'hits': g.Hits,
		'score': int(g.Score),
		'best': g.Best,
		'shown': op('game').par.Shown.eval(),
		'private': g.ext.GameExt.private,
		'path': op.GAME.path,
	}


def onHTTPRequest(webServerDAT, request, response):
	uri, pars = request['uri'], request['pars']
	result = None
	if uri == '/hit':
		op.GAME.Hit(pars['name'], times=int(pars.get('times', 1)))
	elif uri == '/step':
		op.GAME.par.Step = pars['by']
	elif uri == '/version':
		try:
			op('game').SetVersion(9)
			result = 'was set'
		except AttributeError as e:
			result = 'read only'
	elif uri == '/again':
		op.GAME.initializeExtensions()
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['data'] = json.dumps(state() if result is None else result)
	return response
