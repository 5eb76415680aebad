import json
import time

book = op('book')


def entries():
	return book.fetch('entries', [], storeDefault=True)


def onServerStart(webServerDAT):
	book.store('starts', book.fetch('starts', 0) + 1)
	# what belongs to one evening only
	me.store('tonight', 0)
	print('start number', book.fetch('starts'))


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri']
	if uri == '/sign':
		entry = {'name': request['pars']['name'], 'mood': float(request['pars'].get('mood', 0.5)), 'tags': ['guest', None, True]}
		# a new list, so that others notice
		book.store('entries', entries() + [entry])
		me.store('tonight', me.fetch('tonight') + 1)
	elif uri == '/strike':
		# changes the list itself
		entries().pop()
	elif uri == '/forget':
		book.unstore('entr*')
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['data'] = json.dumps({'entries': entries(), 'starts': book.fetch('starts'), 'tonight': me.fetch('tonight'),
		'keys': sorted(book.storage.keys())})
	return response
