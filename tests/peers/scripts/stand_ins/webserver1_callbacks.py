import json


def reseed(_):
	op('noise1').par.seed += 1
	return op('noise1').par.seed.eval()


def colour(pars):
	n = op('noise1')
	n.par.colorr, n.par.colorg, n.par.colorb = (float(pars.get(k, 0)) for k in 'rgb')
	return [n.par.colorr.eval(), n.par.colorg.eval(), float(n.par.colorb)]


def fade(pars):
	op('level1').par.opacity = pars['to']
	op('constant1').par.value0 = float(pars['to'])
	return [float(op('level1').par.opacity), op('constant1')['fade'].eval(), op('constant1').par.value0.eval()]


def play(pars):
	movie = op('movie')
	movie.par.play = 0 if movie.par.play else 1
	if pars.get('file'):
		movie.par.file = pars['file']
		movie.par.reloadpulse.pulse()
	return [int(movie.par.play), str(movie.par.file)]


def press(_):
	op('button1').click()
	op('log').appendRow(['pressed'])
	return op('log').numRows


def kinds(_):
	o = op('noise1')
	return [o.OPType, o.type, o.family, o.isTOP, op('button1').isCOMP, op('level1').inputs[0].name, bool(o)]


def hidden(_):
	# asking for what nobody has set
	p = op('noise1').par
	period = getattr(p, 'period', None)
	return [not period, hasattr(p, 'seed'), op('nothing') is None]


def pixels(_):
	try:
		return len(op('noise1').saveByteArray('.jpg'))
	except Exception as e:
		return ['noise1' in str(e) or 'saveByteArray' in str(e)]


PAGES = {'/reseed': reseed, '/colour': colour, '/fade': fade, '/play': play, '/press': press, '/kinds': kinds,
	'/hidden': hidden, '/pixels': pixels}


def onHTTPRequest(webServerDAT, request, response):
	page = PAGES.get(request['uri'])
	if page:
		response['statusCode'] = 200
		response['statusReason'] = 'OK'
		response['data'] = json.dumps(page(request['pars']))
	return response
