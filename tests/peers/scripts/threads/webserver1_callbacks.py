import hashlib
import json
import queue
import threading
import time

work = queue.Queue()
worker = None


def busy():
	"""the thread: no operator may be touched here"""
	while True:
		job = work.get()
		if job is None:
			return
		name, rounds = job
		digest = name.encode()
		for _ in range(rounds):
			digest = hashlib.sha256(digest).digest()
			time.sleep(0)
		# back to the main thread
		if rounds % 2:
			run(done, name, digest.hex(), delayFrames=1)
		else:
			run("op('webserver1_callbacks').module.done(*args)", name, digest.hex(), delayFrames=1)


def touch(result):
	"""what happens when a thread does it nevertheless"""
	try:
		result.append(op('jobs').numRows)
	except Exception as e:
		result.append(type(e).__name__)


def start(name, rounds):
	global worker
	if worker is None or not worker.is_alive():
		worker = threading.Thread(target=busy, name='worker', daemon=True)
		worker.start()
	op('jobs').appendRow([name, 'waiting', ''])
	work.put((name, rounds))


def end():
	global worker
	work.put(None)
	worker.join(2)
	worker = None


def done(name, result):
	jobs = op('jobs')
	jobs[name, 'state'] = 'done'
	jobs[name, 'result'] = result[:8]
	for client in op('webserver1').webSocketConnections:
		op('webserver1').webSocketSendText(client, json.dumps({'job': name, 'result': result, 'main': isMainThread()}))
	if work.empty() and name == 'last':
		end()


def onWebSocketReceiveText(webServerDAT, client, data):
	name, _, rounds = data.partition(' ')
	start(name, int(rounds or 1))


def onHTTPRequest(webServerDAT, request, response):
	response['statusCode'] = 200
	if request['uri'] == '/touch':
		result = []
		t = threading.Thread(target=touch, args=(result,))
		t.start()
		t.join(2)
		response['data'] = json.dumps(result)
	else:
		response['data'] = json.dumps({r[0].val: [r[1].val, r[2].val] for r in op('jobs').rows()[1:]})
	return response


def onServerStop(webServerDAT):
	if worker:
		end()
	print('worker was told')
