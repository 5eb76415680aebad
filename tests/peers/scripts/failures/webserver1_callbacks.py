import json
import sys
import traceback


def untouched(request, response):
	return response


def nothing(request, response):
	"""forgets to return"""
	response['statusCode'] = 202
	response['statusReason'] = 'Accepted'
	response['data'] = 'taken'


def raises(request, response):
	table = op('no_such_table')
	return table.numRows


def caught(request, response):
	try:
		1 / int(request['pars']['by'])
	except Exception as e:
		exc_type, exc_value, exc_tb = sys.exc_info()
		op('log').appendRow([request['uri'], exc_type.__name__])
		response['statusCode'] = 500
		response['statusReason'] = 'Internal Server Error'
		response['content-type'] = 'text/plain'
		response['data'] = ''.join(traceback.format_exception(exc_type, exc_value, exc_tb)).splitlines()[-1]
		return response
	response['statusCode'] = 200
	response['data'] = 'fine'
	return response


def both(request, response):
	response['statusCode'] = 200
	response['content-type'] = 'text/plain'
	response['Content-Type'] = 'text/csv'
	response['X-Count'] = 3
	response['X-Ratio'] = 0.5
	response['data'] = 'a,b'
	return response


def number(request, response):
	response['statusCode'] = 200
	response['data'] = 42
	return response


def raw(request, response):
	response['statusCode'] = 200
	response['content-type'] = 'application/octet-stream'
	response['data'] = bytearray(range(256))
	return response


def away(request, response):
	response['statusCode'] = 302
	response['statusReason'] = 'Found'
	response['Location'] = '/both'
	return response


def teapot(request, response):
	response['statusCode'] = 418
	response['statusReason'] = "I'm a teapot"
	return response


def echo(request, response):
	"""what came in, as a script sees it"""
	response['statusCode'] = 200
	seen = {k: v if isinstance(v, (str, dict)) else repr(v) for k, v in request.items()}
	seen['type'] = 'bytes' if isinstance(request['data'], bytes) else 'str'
	response['data'] = json.dumps(seen)
	return response


def log(request, response):
	rows = [[c.val for c in row] for row in op('log').rows()]
	response.update({'statusCode': 200, 'statusReason': 'OK', 'data': json.dumps(rows)})
	return response


def errors(request, response):
	response['statusCode'] = 200
	response['data'] = op('webserver1').errors() + op('webserver1_callbacks').errors()
	return response


def onHTTPRequest(webServerDAT, request, response):
	name = request['uri'].strip('/') or 'untouched'
	page = globals().get(name)
	if page is None:
		return response
	return page(request, response)
