# Runs in TouchDesigner 099 and later.

import json
import sys

try:
	from TDStoreTools import StorageManager
except ImportError:
	StorageManager = None

try:
	import TDFunctions as TDF
except ImportError:
	TDF = op.TDModules.mod.TDFunctions

try:
	import numpy
except ImportError:
	numpy = None

TDJ = op.TDModules.mod.TDJSON if hasattr(op.TDModules.mod, 'TDJSON') else None
YEAR = int(app.build.split('.')[0]) if app.build.split('.')[0].isdigit() else 0


def setChannel(chop, index, value):
	for name in ('value%d' % index, 'const%dvalue' % index):
		if hasattr(chop.par, name):
			setattr(chop.par, name, value)
			return name
	raise AttributeError('no value parameter')


def probe(webServerDAT):
	p = op('comp').par
	return {
		'version': isinstance(app.version, str) and isinstance(app.build, str),
		'python': sys.version_info >= (3, 7),
		'product': bool(app.product) and bool(app.osName),
		'ping': hasattr(webServerDAT, 'webSocketSendPing'),
		'send': hasattr(webServerDAT, 'send') or hasattr(webServerDAT, 'broadcast'),
		'connections': callable(getattr(webServerDAT, 'webSocketConnections', None)) is False,
		'localaddress': getattr(webServerDAT.par, 'localaddress', None) is not None,
		'shortcut': TDF.getShortcutPath(op('comp'), op('constant1')),
		'functions': [callable(getattr(TDF, n, None)) for n in ('createProperty', 'makeDeepDependable')],
		'storage': StorageManager is not None,
		'json': TDJ is not None and json.loads(TDJ.jsonToText({'a': 1})) == {'a': 1},
		'same': op.TDModules.mod.TDFunctions.createProperty is not None,
		'par': [getattr(p, n, None) is not None for n in ('Value', 'value', 'Valeu')],
		'evalled': float(p.Value) == p.Value.eval() == p['Value'].val,
		'td': [hasattr(td, n) for n in ('webserverDAT', 'baseCOMP', 'op', 'run', 'nonsenseDAT')],
		'ui': hasattr(ui, 'status'),
		'project': [hasattr(project, n) for n in ('name', 'folder', 'cookRate')],
		'time': absTime.frame >= 0 and me.time.rate == project.cookRate,
		'year': YEAR >= 0,
	}


def onHTTPRequest(dat, request, response):
	# newer builds call it dat
	ui.status = 'asked for ' + request['uri']
	if request['uri'] == '/channel':
		name = setChannel(op('constant1'), 0, float(request['pars']['v']))
		data = [name, op('constant1')['a'].eval(), ui.status]
	else:
		data = probe(dat)
	response['statusCode'] = 200
	response['statusReason'] = 'OK'
	response['data'] = json.dumps(data)
	return response
