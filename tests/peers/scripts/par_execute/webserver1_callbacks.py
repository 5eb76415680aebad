import json


def onWebSocketReceiveText(webServerDAT, client, data):
	show = op('show')
	for name, value in json.loads(data).items():
		if value == 'pulse':
			show.par[name].pulse()
		elif isinstance(value, dict):
			show.par[name].expr = value['expr']
		else:
			setattr(show.par, name, value)
