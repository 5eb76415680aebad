import json
import uuid

sessions = set()


def header(request, name, default=None):
	for k, v in request.items():
		if k.lower() == name:
			return v
	return default


def onHTTPRequest(webServerDAT, request, response):
	if request['uri'] != '/mcp':
		return response
	if request['method'] == 'DELETE':
		sessions.discard(header(request, 'mcp-session-id'))
		response['statusCode'], response['statusReason'] = 200, 'OK'
		return response
	if request['method'] != 'POST':
		response['statusCode'], response['statusReason'] = 405, 'Method Not Allowed'
		return response

	message = json.loads(request['data'])
	if message.get('method') == 'initialize':
		session = uuid.uuid4().hex
		sessions.add(session)
		response['Mcp-Session-Id'] = session
	elif header(request, 'mcp-session-id') not in sessions:
		response['statusCode'], response['statusReason'] = 404, 'Session Not Found'
		return response

	answer = op('mcp').module.handle(message)
	if answer is None:
		response['statusCode'], response['statusReason'] = 202, 'Accepted'
		return response
	response['statusCode'], response['statusReason'] = 200, 'OK'
	response['content-type'] = 'application/json'
	response['data'] = json.dumps(answer)
	return response
