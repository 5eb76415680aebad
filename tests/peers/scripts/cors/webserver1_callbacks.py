# webServerDAT - the connected Web Server DAT
import json

ALLOW_METHODS = 'GET, PUT, OPTIONS'


def allowed(origin):
	if not origin:
		return None
	patterns = [c.val for c in op('origins').col(0)]
	for pattern in patterns:
		if tdu.match(pattern, [origin]):
			return origin
	return None


def cors(request, response):
	origin = allowed(request.get('Origin', ''))
	if origin is None:
		return False
	response['Access-Control-Allow-Origin'] = origin
	response['Vary'] = 'Origin'
	return True


def onHTTPRequest(webServerDAT, request, response):
	welcome = cors(request, response)
	method = request['method']

	if method == 'OPTIONS':
		# preflight
		if not welcome:
			response['statusCode'] = 403
			response['statusReason'] = 'Forbidden'
			return response
		response['Access-Control-Allow-Methods'] = ALLOW_METHODS
		response['Access-Control-Allow-Headers'] = request.get('Access-Control-Request-Headers', 'Content-Type')
		response['Access-Control-Max-Age'] = 600
		response['statusCode'] = 204
		response['statusReason'] = 'No Content'
		response['data'] = ''
		return response

	if request['uri'] != '/cue':
		return response		# 404 is the default

	if method == 'PUT':
		if not welcome and 'Origin' in request:
			response['statusCode'] = 403
			response['statusReason'] = 'Forbidden'
			return response
		op('cue').text = json.loads(request['data'])['cue']
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['content-type'] = 'application/json'
	response['data'] = json.dumps({'cue': int(op('cue').text)})
	return response
