# A remote control of the network inside `work`. Each message: {"do": name, …}; each answer: {"ok": …} or {"error": …}
import json
import td
import traceback

work = op('work')


def describe(o):
	return {
		'name': o.name,
		'type': o.OPType,
		'family': o.family,
		'path': o.path,
		'inputs': [i.name for i in o.inputs],
		'outputs': [i.name for i in o.outputs],
		'tags': sorted(o.tags),
	}


def create(type, name=None, tags=(), **pars):
	# the class if there is one, else the name
	o = work.create(getattr(td, type, type), name)
	o.nodeX = 150 * work.numChildren
	o.nodeY = -100
	o.color = (0.2, 0.4, 0.6)
	o.tags = list(tags)
	for k, v in pars.items():
		p = getattr(o.par, k, None)
		if p is None:
			debug('no parameter', k, 'on', o)
			continue
		p.val = v
	return dict(describe(o), docked=[d.name for d in o.docked], x=o.nodeX)


def copy(source, name=None):
	made = work.copy(op(source) or work.op(source), name=name)
	if made.par['Label'] is not None:
		made.par.Label = 'copy of ' + source
	return describe(made)


def connect(a, b, index=0):
	work.op(a).outputConnectors[0].connect(work.op(b).inputConnectors[index])
	return describe(work.op(b))


def disconnect(name, index=0):
	work.op(name).inputConnectors[index].disconnect()
	return describe(work.op(name))


def wire(name, sources):
	work.op(name).setInputs([work.op(s) for s in sources])
	return describe(work.op(name))


def destroy(pattern):
	gone = work.ops(pattern)
	names = [o.name for o in gone]
	for o in gone:
		if o.valid:
			o.destroy()
	return names


def write(name, text=None, rows=None):
	o = work.op(name)
	if text is not None:
		o.text = text
	if rows is not None:
		o.clear()
		for row in rows:
			o.appendRow(row)
	return [o.numRows, o.numCols]


def read(name):
	o = work.op(name)
	return [[c.val for c in row] for row in o.rows()] if o.isTable else o.text


def pars(name, pattern='*'):
	return {p.name: str(p.eval()) for p in work.op(name).pars(pattern)}


def call(name, function):
	return getattr(work.op(name).module, function)()


def listing(type=None, depth=1, name=None, tags=None):
	wanted = dict(depth=depth)
	if type:
		wanted['type'] = getattr(td, type)
	if name:
		wanted['name'] = name
	if tags:
		wanted['tags'] = tags
	return [o.name for o in work.findChildren(**wanted)]


def rename(name, to):
	work.op(name).name = to
	return sorted(c.name for c in work.children)


def client(text):
	"""a WebSocket DAT that talks to this very server"""
	ws = work.create(websocketDAT, 'ws')
	callbacks = work.op(ws.par.callbacks.eval().name)
	callbacks.text = f'''
def onConnect(dat):
	dat.sendText({json.dumps(json.dumps({'do': 'note', 'text': text}))})
'''
	ws.par.netaddress = 'ws://127.0.0.1/' + text
	ws.par.port = op('webserver1').par.port
	ws.par.active = True
	return [ws.name, callbacks.name, callbacks.dock.name]


def note(text):
	me.store('noted', text)
	return None


def noted():
	return me.fetch('noted', None)


def onWebSocketReceiveText(webServerDAT, client, data):
	message = json.loads(data)
	name = message.pop('do')
	try:
		result = {'ok': globals()[name](**message)}
	except Exception as e:
		result = {'error': type(e).__name__, 'text': str(e)}
	webServerDAT.webSocketSendText(client, json.dumps(result))
