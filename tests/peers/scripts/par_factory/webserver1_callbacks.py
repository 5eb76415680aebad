import json
import traceback

device = op('device')


def answer(response, data, code=200, reason='OK'):
	response['statusCode'] = code
	response['statusReason'] = reason
	response['content-type'] = 'application/json'
	response['data'] = json.dumps(data)
	return response


def onHTTPRequest(webServerDAT, request, response):
	parts = request['uri'].strip('/').split('/')
	method = request['method']
	pj = mod('par_json')
	try:
		if parts == ['pars']:
			if method == 'GET':
				return answer(response, [pj.parToDict(p) for p in device.customPars])
			if method == 'POST':
				made = []
				for d in json.loads(request['data']):
					made += pj.addPar(device, d)
				return answer(response, made, 201, 'Created')
			if method == 'DELETE':
				device.destroyCustomPars()
				return answer(response, len(device.customPars))
		elif parts[0] == 'pars':
			par = getattr(device.par, parts[1], None)
			if par is None:
				return answer(response, 'no parameter ' + parts[1], 404, 'Not Found')
			if method == 'PUT':
				par.val = json.loads(request['data'])
			elif method == 'DELETE':
				par.destroy()
				return answer(response, [p.name for p in device.customPars])
			return answer(response, pj.parToDict(par))
		elif parts == ['pages']:
			return answer(response, {page.name: [p.name for p in page.pars] for page in device.customPages})
		elif parts == ['groups']:
			return answer(response, {g.name: [str(p.eval()) if p.isOP else p.eval() for p in g] for g in device.customParGroups})
		elif parts == ['find']:
			return answer(response, [p.name for p in device.pars(request['pars']['pattern'])])
	except Exception as e:
		return answer(response, {'error': type(e).__name__, 'text': str(e)}, 400, 'Bad Request')
	return response
