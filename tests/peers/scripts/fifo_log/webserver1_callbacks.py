import json
import logger


def onHTTPRequest(webServerDAT, request, response):
	logger = mod('logger')
	if request['method'] == 'POST':
		for line in str(request['data']).splitlines():
			kind, text = line.split(' ', 1)
			logger.log(kind, text)
		result = op('log').numRows
	elif request['uri'] == '/tail':
		result = logger.tail(int(request['pars'].get('n', 10)))
	elif request['uri'] == '/clear':
		op('log').par.clear.pulse()
		result = len(logger.tail(99))
	elif request['uri'] == '/limit':
		op('log').par.maxlines = int(request['pars']['n'])
		result = op('log').par.maxlines.eval()
	else:
		return response
	response['statusCode'] = 200
	response['data'] = json.dumps(result)
	return response


def onWebSocketOpen(webServerDAT, client, uri):
	logger.log('info', 'open', uri)


def onWebSocketClose(webServerDAT, client):
	logger.log('info', 'close')
