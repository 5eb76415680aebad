import json

KEEP = 50
events = []		# (number, name, data)


def last():
	return events[-1][0] if events else 0


def publish(name, data):
	events.append((last() + 1, name, data))
	if len(events) > KEEP:
		events.pop(0)


def asStream(since):
	"""the form of server-sent events, all there is at once; the browser comes back after `retry`"""
	lines = ['retry: 50', '']
	for number, name, data in events:
		if number > since:
			lines += ['id: %d' % number, 'event: ' + name, 'data: ' + json.dumps(data), '']
	return '\n'.join(lines) + '\n'


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri']
	pars = request['pars']
	response['Cache-Control'] = 'no-store'

	if uri == '/events':
		since = int(request.get('Last-Event-ID', pars.get('since', 0)))
		response['statusCode'] = 200
		response['statusReason'] = 'OK'
		response['content-type'] = 'text/event-stream'
		response['data'] = asStream(since)
		return response

	if uri == '/poll':
		try:
			since = int(pars.get('since', '0'))
		except ValueError:
			response['statusCode'] = 400
			response['statusReason'] = 'Bad Request'
			return response
		fresh = [{'id': n, 'name': name, 'data': data} for n, name, data in events if n > since]
		response['statusCode'] = 200 if fresh else 204
		response['statusReason'] = 'OK' if fresh else 'No Content'
		response['content-type'] = 'application/json'
		response['data'] = json.dumps({'events': fresh, 'last': last()}) if fresh else ''
		return response

	if uri == '/say' and request['method'] == 'POST':
		publish('say', str(request['data']))
		response['statusCode'] = 200
		response['data'] = str(last())
	return response
