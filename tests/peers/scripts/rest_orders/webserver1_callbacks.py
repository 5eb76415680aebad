# me - this DAT.
# webServerDAT - the connected Web Server DAT
# request - A dictionary of the request fields.
# response - A dictionary defining the response, to be filled in during the request method.

import json
import traceback

orders = op('orders')
settings = op('settings')
FIELDS = ('dish', 'seat', 'state')


def rowToDict(row):
	"""one order as a dictionary, keys are the header"""
	header = [c.val for c in orders.row(0)]
	return dict(zip(header, [c.val for c in orders.row(row)]))


def findRow(orderId):
	cell = orders.findCell(orderId, cols=['id'])
	if cell is None or cell.row == 0:
		return None
	return cell.row


def checkState(state):
	allowed = settings['states', 'value'].val.split()
	if state not in allowed:
		raise ValueError('state must be one of ' + settings['states', 'value'])
	return state


def newId():
	n = int(settings['next', 1])
	settings['next', 1] = n + 1
	return n


def reply(response, code, reason, data):
	response['statusCode'] = code
	response['statusReason'] = reason
	response['Content-Type'] = 'application/json'
	response['data'] = json.dumps(data)
	return response


def listOrders(request):
	wanted = request['pars'].get('state')
	rows = range(1, orders.numRows)
	found = [rowToDict(r) for r in rows if wanted is None or orders[r, 'state'] == wanted]
	if 'count' in request['pars']:
		return {'count': len(found)}
	return found


def create(request):
	body = json.loads(request['data'])
	orderId = newId()
	orders.appendRow([orderId, body['dish'], body.get('seat', 0), checkState(body.get('state', 'open'))])
	return rowToDict(orders.numRows - 1)


def change(row, request, partial):
	body = json.loads(request['data'])
	for field in FIELDS:
		if field in body:
			value = checkState(body[field]) if field == 'state' else body[field]
			orders[row, field] = value
		elif not partial:
			orders[row, field] = ''
	return rowToDict(row)


def onHTTPRequest(webServerDAT, request, response):
	uri = request['uri'].rstrip('/')
	method = request['method']
	try:
		if uri == '/orders':
			if method == 'GET':
				return reply(response, 200, 'OK', listOrders(request))
			if method == 'POST':
				return reply(response, 201, 'Created', create(request))
			return reply(response, 405, 'Method Not Allowed', {'error': method})

		if uri.startswith('/orders/'):
			orderId = uri.split('/')[2]
			row = findRow(orderId)
			if row is None:
				return reply(response, 404, 'Not Found', {'error': 'no order ' + orderId})
			if method == 'GET':
				return reply(response, 200, 'OK', rowToDict(row))
			if method in ('PUT', 'PATCH'):
				return reply(response, 200, 'OK', change(row, request, method == 'PATCH'))
			if method == 'DELETE':
				gone = rowToDict(row)
				orders.deleteRow(row)
				response['statusCode'] = 204
				response['statusReason'] = 'No Content'
				response['data'] = ''
				print('deleted', gone['id'], gone['dish'])
				return response
	except (KeyError, ValueError) as e:
		# json.JSONDecodeError is a ValueError too
		return reply(response, 400, 'Bad Request', {'error': str(e), 'kind': type(e).__name__})
	except Exception:
		debug(traceback.format_exc())
		return reply(response, 500, 'Internal Server Error', {'error': 'see textport'})

	return reply(response, 404, 'Not Found', {'error': 'unknown path', 'path': uri})


def onServerStart(webServerDAT):
	debug('orders at port', webServerDAT.par.port)
	return
