import json


def show():
	return op('settings').jsonObject['show']


def summary():
	s = show()
	return {'title': s['title'], 'cues': [c['name'] for c in s['cues']], 'count': len(s['cues'])}


def addCue(data):
	settings = op('settings').jsonObject
	cue = json.loads(data)
	settings['show']['cues'].append({'name': cue['name'], 'level': cue.get('level', 1)})
	# readable, as a person would have written it
	op('settings').text = json.dumps(settings, indent=2, ensure_ascii=False)


def onHTTPRequest(webServerDAT, request, response):
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['content-type'] = 'application/json'
	if request['uri'] == '/filtered':
		response['data'] = op('json1').text
		return response
	if request['uri'] == '/cues' and request['method'] == 'POST':
		try:
			addCue(request['data'])
		except (ValueError, KeyError) as e:
			response['statusCode'] = 400
			response['statusReason'] = 'Bad Request'
			response['data'] = json.dumps({'error': str(e)})
			return response
	response['data'] = json.dumps(summary())
	return response
