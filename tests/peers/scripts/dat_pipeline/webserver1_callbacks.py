import json


def rows(name):
	o = op(name)
	return [[c.val for c in row] for row in o.rows()]


def onHTTPRequest(webServerDAT, request, response):
	uri, pars = request['uri'], request['pars']
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	if uri == '/add':
		op('guests').appendRow([pars['name'], pars['role'], pars['seat']])
		data = op('null1').numRows
	elif uri == '/rename':
		op('people')[pars['old'], 0] = pars['new']
		data = rows('seats')
	elif uri == '/edit':
		try:
			op('null1')[0, 0] = 'x'
			data = 'edited'
		except Exception as e:
			data = [type(e).__name__, op('null1').isEditable, op('people').isEditable]
	elif uri == '/inputs':
		data = [[o.name for o in op(n).inputs] for n in ('merge1', 'null1', 'upper', 'seats')]
	else:
		data = rows(uri.strip('/'))
	response['data'] = json.dumps(data)
	return response
