import json


def onServerStart(webServerDAT):
	op.LOG.Debug(me, 'server at', webServerDAT.par.port)


def missing():
	found = []
	for attempt in (lambda: op.Nowhere, lambda: parent.Nowhere, lambda: me.parent.Nowhere):
		try:
			attempt()
			found.append('none')
		except AttributeError:
			found.append('AttributeError')
		except Exception as e:
			found.append(type(e).__name__)
	return found


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri']
	if uri == '/where':
		data = {
			'show': parent.Show.path,
			'stage': parent.Stage.path,
			'stage of': webServerDAT.parent.Stage.path,
			'levels': [parent(n).name for n in (1, 2, 3)],
			'title': parent.Show.par.Title + ' for ' + str(parent.Stage.par.Seats.eval()),
			'sibling': parent.Stage.op('title').text,
			'logger': op.LOG.path,
			'missing': missing(),
			'has': [hasattr(op, 'LOG'), hasattr(op, 'Nowhere'), hasattr(parent, 'Show')],
			'short': op.LOG.par.opshortcut.eval(),
		}
	elif uri == '/log':
		op.LOG.Warn('desk', request['pars'].get('text', 'nothing'))
		data = op.LOG.Rows()
	elif uri == '/rename':
		# the shortcut goes with the component, not with its name
		op.LOG.name = 'journal'
		data = op.LOG.path
	elif uri == '/move':
		op.LOG.par.opshortcut = 'JOURNAL'
		data = [hasattr(op, 'LOG'), op.JOURNAL.name]
	else:
		return response
	response['statusCode'] = 200
	response['data'] = json.dumps(data)
	return response
