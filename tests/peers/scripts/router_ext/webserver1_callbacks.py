def onHTTPRequest(webServerDAT, request, response):
	return parent.WebServer.Route(request, response)


def onWebSocketReceiveText(webServerDAT, client, data):
	# several ways to the same extension
	same = [parent().Requests, parent().ext.Router.Requests, ext.Router.Requests, me.ext.Router.Requests,
		op('/project1/server').Requests, getattr(parent().ext, 'Router', None).Requests,
		parent.WebServer.ext.Router.Requests]
	webServerDAT.webSocketSendText(client, ' '.join(str(n) for n in same))


def onServerStart(webServerDAT):
	print('routes for', webServerDAT.parent().name, '=', parent().name)
