# me - this DAT
# dat - the WebSocket DAT
import base64
import hashlib
import json
import uuid

HELLO, IDENTIFY, IDENTIFIED, EVENT, REQUEST, RESPONSE = 0, 1, 2, 5, 6, 7

pending = {}	# requestId -> (request, callback)


def setStatus(name, value):
	op('status')[name, 1] = value


def authentication(password, salt, challenge):
	secret = base64.b64encode(hashlib.sha256((password + salt).encode()).digest())
	return base64.b64encode(hashlib.sha256(secret + challenge.encode()).digest()).decode()


def send(dat, opcode, data):
	return dat.sendText(json.dumps({'op': opcode, 'd': data}))


def request(kind, data=None, then=None):
	"""asks for something; returns its identifier, None when nothing could be sent"""
	dat = op('websocket1')
	number = str(uuid.uuid4())
	pending[number] = (kind, then)
	sent = send(dat, REQUEST, {'requestType': kind, 'requestId': number, 'requestData': data or {}})
	if sent is not None and sent < 0:
		del pending[number]
		return None
	return number


def fillScenes(data):
	scenes = op('scenes')
	scenes.clear(keepFirstRow=True)
	for scene in data['scenes']:
		scenes.appendRow([scene['sceneName'], int(scene['sceneName'] == data['currentProgramSceneName'])])


def activate(name):
	scenes = op('scenes')
	for r in range(1, scenes.numRows):
		scenes[r, 'active'] = 1 if scenes[r, 0] == name else 0


def onConnect(dat):
	setStatus('error', '')
	return


def onDisconnect(dat):
	setStatus('identified', 0)
	pending.clear()
	return


def onReceiveText(dat, rowIndex, message):
	data = json.loads(message)
	code, d = data['op'], data['d']
	if code == HELLO:
		answer = {'rpcVersion': d['rpcVersion'], 'eventSubscriptions': int(op('settings')['subscriptions', 1])}
		if 'authentication' in d:
			a = d['authentication']
			answer['authentication'] = authentication(op('settings')['password', 1].val, a['salt'], a['challenge'])
		send(dat, IDENTIFY, answer)
	elif code == IDENTIFIED:
		setStatus('identified', 1)
		request('GetSceneList', then=fillScenes)
	elif code == EVENT:
		handler = globals().get('on' + d['eventType'])
		if handler:
			handler(d['eventData'])
		else:
			debug('no handler for', d['eventType'])
	elif code == RESPONSE:
		kind, then = pending.pop(d['requestId'], (None, None))
		if not d['requestStatus']['result']:
			setStatus('error', str(kind) + ': ' + d['requestStatus'].get('comment', ''))
		elif then:
			then(d.get('responseData', {}))
	return


def onCurrentProgramSceneChanged(data):
	activate(data['sceneName'])


def onRecordStateChanged(data):
	setStatus('recording', int(data['outputActive']))


def onReceiveBinary(dat, contents):
	return


def onReceivePing(dat, contents):
	dat.sendPong(contents) # send a reply with same message
	return


def onReceivePong(dat, contents):
	return


def onMonitorMessage(dat, message):
	if 'error' in message.lower() or 'fail' in message.lower():
		setStatus('error', message)
	return
