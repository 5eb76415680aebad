import json


def onWebSocketReceiveText(webServerDAT, client, data):
	scores = op('scores')
	for step in json.loads(data):
		kind = step[0]
		if kind == 'set':
			scores[step[1], 'points'] = step[2]
		elif kind == 'add':
			scores.appendRow(step[1:])
		elif kind == 'remove':
			scores.deleteRow(step[1])
		elif kind == 'active':
			op('datexecute1').par.active = step[1]
		elif kind == 'watch':
			op('datexecute1').par.dat = step[1]
	return
