import json
from collections import deque

# filled by the callbacks below, emptied by execute1
queue = deque(maxlen=100)
dropped = 0


def put(client, text):
	global dropped
	if len(queue) == queue.maxlen:
		dropped += 1
	queue.append((client, text))


def onHTTPRequest(webServerDAT, request, response):
	if request['uri'] == '/status':
		rows = op('done').rows()[1:]
		response['statusCode'] = 200
		response['statusReason'] = 'OK'
		response['data'] = json.dumps({
			'waiting': len(queue),
			'dropped': dropped,
			'frames': [int(r[1]) for r in rows],
			'jobs': [r[0].val for r in rows],
			'handled': op('execute1').fetch('handled', 0),
		})
	if request['uri'] == '/hold':
		op('execute1').par.framestart = 0
		response['statusCode'] = 200
	if request['uri'] == '/go':
		op('execute1').par.framestart = 1
		response['statusCode'] = 200
	return response


def onWebSocketReceiveText(webServerDAT, client, data):
	if data == 'clear':
		queue.clear()
	else:
		put(client, data)
